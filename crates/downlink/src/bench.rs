//! `downlink bench`: measures the real server. The work is done in `sim`.

use crate::show::Show;
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use sim::bench::{Options, Part, run};
use std::io::stdout;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

/// Starts `downlink serve` on a folder of a real disk, puts load on it from this process, and prints each measure beside its
/// goal. Only a release build's figures mean something: `make bench`. With --json it prints an object a line.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downlink bench
  downlink bench --only latency --quick --json")]
pub(crate) struct Bench {
    /// Measure less, and shorter: for a first look, not for a note.
    #[arg(long)]
    quick: bool,
    /// Measure this part only.
    #[arg(long, value_name = "PART")]
    only: Option<Which>,
    /// A folder on the disk that is to be measured; what is made in it is removed.
    #[arg(long, value_name = "FOLDER", default_value = "target")]
    folder: PathBuf,
}

/// The parts that can be measured alone.
#[derive(Clone, Copy, ValueEnum)]
enum Which {
    /// Start-up time and memory of an empty store.
    Start,
    /// Full lives and what each costs.
    Lives,
    /// Latencies at 300 commands a second.
    Latency,
    /// Latencies of those who are served while three times as much comes as can be.
    Overload,
    /// Full lives over TLS, and what a connection costs.
    Tls,
    /// Memory of idle devices.
    Idle,
    /// Full lives with callbacks, and callbacks beside endpoints that are dead and slow.
    Callbacks,
    /// Start-up and full lives on a store full of open commands.
    Full,
}

impl Bench {
    /// Measures.
    pub(crate) fn run(&self, show: Show) -> Result<()> {
        let program = std::env::current_exe().context("the program does not know its own file")?;
        let options = Options {
            json: show.json,
            quick: self.quick,
            only: self.only.map(Which::part),
            folder: self.folder.clone(),
            program,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut terminate = signal(SignalKind::terminate())?;
            let mut out = stdout().lock();
            // Whoever is dropped ends its server and removes its folder.
            tokio::select! {
                measured = run(options, &mut out) => Ok(measured?),
                _ = interrupt.recv() => bail!("interrupted"),
                _ = terminate.recv() => bail!("terminated"),
            }
        })
    }
}

impl Which {
    const fn part(self) -> Part {
        match self {
            Self::Start => Part::Start,
            Self::Lives => Part::Lives,
            Self::Latency => Part::Latency,
            Self::Overload => Part::Overload,
            Self::Tls => Part::Tls,
            Self::Idle => Part::Idle,
            Self::Callbacks => Part::Callbacks,
            Self::Full => Part::Full,
        }
    }
}
