//! Crash rounds: the real server under load, killed at random moments, and its history checked afterwards.
//!
//! ```text
//!   storm   applications ask, ask again, cancel and read; devices sleep, wake, lose and answer; SIGKILL, start, SIGKILL, start
//!   calm    nobody asks; every device is well; until every command has ended
//!   end     SIGKILL or SIGTERM once more, a last start, and everything is read and checked
//! ```
//!
//! A seed repeats a round's decisions: when it kills, who asks what, how devices behave. It does not repeat real time: which
//! instruction a kill hits, and in which order the machine runs what runs at once, is the machine's.

mod application;
mod checks;
mod device;
mod kept;
mod plan;
mod record;
mod round;
mod world;

use std::io::{self, Write};
use std::path::PathBuf;

use crate::random::Random;
use plan::Plan;
use round::Report;

/// What is to be played.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many rounds.
    pub rounds: u64,
    /// The seed of the first one; each further round has the next number. Drawn if absent.
    pub seed: Option<u64>,
    /// The program whose `serve` is killed.
    pub program: PathBuf,
}

/// Seeds that are drawn stay below this, so that they are easily typed.
const DRAWN_SEEDS: u64 = 1_000_000_000;

/// Plays rounds and tells of each in a line; the last line is `N passed, M failed`. Returns whether all of them passed.
///
/// Dropped on the way, it ends and removes everything that it started.
///
/// # Errors
/// What it tells cannot be written.
pub async fn run(options: Options, out: &mut impl Write) -> io::Result<bool> {
    let first = options
        .seed
        .unwrap_or_else(|| Random::new(server::random::number()).below(DRAWN_SEEDS));
    let (mut passed, mut failed) = (0_u64, 0_u64);
    for number in 0..options.rounds {
        let seed = first.wrapping_add(number);
        let played = round::play(&options.program, Plan::of(seed)).await;
        let well = match &played {
            Ok(report) => {
                tell(out, number + 1, report)?;
                report.broken.is_empty()
            }
            Err(error) => {
                writeln!(out, "round {}  seed {seed}  FAILED: {error}", number + 1)?;
                false
            }
        };
        if well {
            passed += 1;
        } else {
            failed += 1;
            writeln!(out, "  once more: downlink crash --rounds 1 --seed {seed}")?;
        }
        out.flush()?;
    }
    writeln!(out, "{passed} passed, {failed} failed")?;
    out.flush()?;
    Ok(failed == 0)
}

/// A line for the round; further ones for what it broke.
fn tell(out: &mut impl Write, number: u64, report: &Report) -> io::Result<()> {
    let Report {
        plan,
        took,
        accepted,
        ended,
        statuses,
        received,
        broken,
        kept,
    } = report;
    let statuses: Vec<String> = statuses
        .iter()
        .map(|(status, count)| format!("{status} {count}"))
        .collect();
    let verdict = if broken.is_empty() { "ok" } else { "FAILED" };
    writeln!(
        out,
        "round {number}  seed {}  kills {}  accepted {accepted}  ended {ended} ({})  received {received}  {:.1} s  {verdict}",
        plan.seed,
        plan.kills.len() + 1,
        statuses.join(", "),
        took.as_secs_f64(),
    )?;
    for broken in broken {
        writeln!(out, "  BROKEN {}: {}", broken.promise, broken.how)?;
        let Some(id) = &broken.command_id else {
            continue;
        };
        writeln!(out, "    command {id}")?;
        for entry in kept
            .commands
            .get(id)
            .into_iter()
            .flat_map(|command| &command.history)
        {
            let late = if entry.late { " (late)" } else { "" };
            writeln!(
                out,
                "    {}  {}  {}  attempt {}  by {}{late}",
                entry.at.ms, entry.status, entry.cause, entry.attempt, entry.who
            )?;
        }
    }
    Ok(())
}
