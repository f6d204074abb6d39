//! Crash rounds: the real server under load, killed at random moments, and its history checked afterwards.
//!
//! ```text
//!   storm   applications ask, ask again, cancel and read; devices sleep, wake, lose and answer; SIGKILL, start, SIGKILL, start
//!   calm    nobody asks; every device is well; until every command has ended
//!   a day later, in some rounds: all of that is old, SIGKILL while it is forgotten; then a second storm and a second calm
//!   end     SIGKILL or SIGTERM once more, a last start, and everything is read and checked
//! ```
//!
//! In some rounds a backup is begun shortly before each kill; the last one that became whole is restored and compared.
//!
//! A seed repeats a round's decisions: when it kills, who asks what, how devices behave. It does not repeat real time: which
//! instruction a kill hits, and in which order the machine runs what runs at once, is the machine's.

mod application;
mod checks;
mod device;
mod kept;
mod plan;
mod receiver;
mod record;
mod round;
mod world;

use std::io::{self, Write};
use std::path::PathBuf;

use crate::random::Random;
use plan::Plan;
use round::{Report, RoundError};
use serde_json::{Value, json};

/// What is to be played.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many rounds.
    pub rounds: u64,
    /// The seed of the first one; each further round has the next number. Drawn if absent.
    pub seed: Option<u64>,
    /// The program whose `serve` is killed.
    pub program: PathBuf,
    /// Tell in objects, one a line, instead of sentences.
    pub json: bool,
}

/// Seeds that are drawn stay below this, so that they are easily typed.
const DRAWN_SEEDS: u64 = 1_000_000_000;

/// Plays rounds and tells of each in a line; the last line is `N passed, M failed`, or the object `summary`. Returns whether all of them passed.
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
        if played.as_ref().is_ok_and(|report| report.broken.is_empty()) {
            passed += 1;
        } else {
            failed += 1;
        }
        if options.json {
            writeln!(out, "{}", as_json(number + 1, seed, &played))?;
        } else {
            in_words(out, number + 1, seed, &played)?;
        }
        out.flush()?;
    }
    if options.json {
        let end = json!({ "event": "summary", "passed": passed, "failed": failed });
        writeln!(out, "{end}")?;
    } else {
        writeln!(out, "{passed} passed, {failed} failed")?;
    }
    out.flush()?;
    Ok(failed == 0)
}

/// A round as an object.
fn as_json(number: u64, seed: u64, played: &Result<Report, RoundError>) -> Value {
    let head = json!({ "event": "round", "n": number, "seed": seed });
    let rest = match played {
        Err(error) => json!({ "ok": false, "error": error.to_string() }),
        Ok(report) => {
            let broken = report.broken.iter().map(|broken| {
                json!({ "promise": broken.promise, "how": broken.how, "commandId": broken.command_id })
            });
            json!({
                "ok": report.broken.is_empty(),
                "kills": report.plan.kills_in_all(),
                "accepted": report.accepted,
                "ended": report.ended,
                "statuses": report.statuses,
                "received": report.received,
                "forgotten": report.forgotten,
                "backups": { "begun": report.backups.0, "whole": report.backups.1 },
                "seconds": report.took.as_secs_f64(),
                "broken": broken.collect::<Vec<_>>(),
            })
        }
    };
    let (Value::Object(mut all), Value::Object(rest)) = (head, rest) else {
        unreachable!("both are objects");
    };
    all.extend(rest);
    Value::Object(all)
}

/// A round in words, with the way to play it once more if it did not pass.
fn in_words(
    out: &mut impl Write,
    number: u64,
    seed: u64,
    played: &Result<Report, RoundError>,
) -> io::Result<()> {
    match played {
        Ok(report) => {
            tell(out, number, report)?;
            if report.broken.is_empty() {
                return Ok(());
            }
        }
        Err(error) => writeln!(out, "round {number}  seed {seed}  FAILED: {error}")?,
    }
    writeln!(out, "  once more: downlink crash --rounds 1 --seed {seed}")
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
        told,
        forgotten,
        backups,
        broken,
        kept,
    } = report;
    let statuses: Vec<String> = statuses
        .iter()
        .map(|(status, count)| format!("{status} {count}"))
        .collect();
    let mut seldom = Vec::new();
    if let (begun @ 1.., whole) = backups {
        seldom.push(format!("  backups {whole} of {begun}"));
    }
    if plan.ageing.is_some() {
        seldom.push(format!("  forgotten {forgotten}"));
    }
    let verdict = if broken.is_empty() { "ok" } else { "FAILED" };
    writeln!(
        out,
        "round {number}  seed {}  kills {}  accepted {accepted}  ended {ended} ({})  received {received}  told {told}{}  {:.1} s  {verdict}",
        plan.seed,
        plan.kills_in_all(),
        statuses.join(", "),
        seldom.concat(),
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
