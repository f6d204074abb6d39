//! `downlink crash`: kills the real server under load and checks its history. The work is done in `sim`.

use crate::show::Show;
use anyhow::{Context, Result, bail};
use clap::Args;
use sim::crash::{Options, run};
use std::io::stdout;
use tokio::signal::unix::{SignalKind, signal};

/// Each round starts `downlink serve` in a folder of its own, with short waits, puts load on it, kills it with SIGKILL at
/// random moments, starts it again, lets every command come to its end, and checks what was promised.
///
/// A seed repeats a round's decisions: when it kills, who asks what, how devices behave. It does not repeat real time: which
/// instruction a kill hits, and in which order the machine runs what runs at once, differs from run to run. With --json each
/// round is an object a line.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downlink crash --rounds 10
  downlink crash --rounds 1 --seed 7")]
pub(crate) struct Crash {
    /// How many rounds.
    #[arg(long, default_value_t = 100, value_name = "N")]
    rounds: u64,
    /// The seed of the first round; each further round takes the next number [default: a random one].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

impl Crash {
    /// Plays the rounds.
    pub(crate) fn run(&self, show: Show) -> Result<()> {
        let program = std::env::current_exe().context("the program does not know its own file")?;
        let options = Options {
            rounds: self.rounds,
            seed: self.seed,
            program,
            json: show.json,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut terminate = signal(SignalKind::terminate())?;
            let mut out = stdout().lock();
            // Whoever is dropped ends its server and removes its folder.
            let passed = tokio::select! {
                passed = run(options, &mut out) => passed?,
                _ = interrupt.recv() => bail!("interrupted"),
                _ = terminate.recv() => bail!("terminated"),
            };
            if !passed {
                bail!("not every round passed");
            }
            Ok(())
        })
    }
}
