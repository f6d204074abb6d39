//! `downlink demo`: a server, a device and an application on this machine, and the whole story of a command, checked at every step.
//!
//! Each step is verified twice: by what the platform says, and by the device's own record. The platform is the real server in a process
//! of its own, on free ports of loopback, with its data in a temporary folder; server and folder are gone afterwards, whatever happens.

mod act;
mod burst;
mod ear;
mod stage;
mod story;
mod teller;

use crate::show::Show;
use anyhow::{Context, Result, bail};
use clap::Args;
use sim::rig::Ground;
use stage::{Mismatch, Stage};
use std::future::Future;
use std::time::Duration;
use teller::{Ending, Teller};
use tokio::signal::unix::{SignalKind, signal};

/// How long the server may take to start: a machine that compiles beside it is slow.
const START_WITHIN: Duration = Duration::from_secs(10);

/// Shows the whole story in one process tree.
///
/// With --json it prints an object a line: `status` for every change of every command, `step`, and at the end `summary`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downlink demo
  downlink demo --json | jq 'select(.event == \"status\")'")]
pub(crate) struct Demo;

impl Demo {
    /// Runs the demo. Fails unless every step was as told.
    pub(crate) fn run(show: Show) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(until_told(Self::play(show)))
    }

    async fn play(show: Show) -> Result<()> {
        let began = sim::passed();
        let folder = tempfile::Builder::new()
            .prefix("downlink-demo-")
            .tempdir()
            .context("there is no room for temporary files")?;
        let mut config = server::config::Config::local(folder.path());
        config.clock.test = true;
        let program = std::env::current_exe().context("the program does not know itself")?;
        let ground = Ground::new(program, &config, START_WITHIN)?;
        let teller = Teller::new(show.json);
        teller.title()?;
        let mut stage = Stage::open(ground, teller).await?;
        let played = story::play(&mut stage)
            .await
            .map_err(|error| stage.explain(error));
        let ending = Ending {
            mismatch: played
                .as_ref()
                .err()
                .and_then(|error| error.downcast_ref::<Mismatch>()),
            error: played.as_ref().err(),
            steps: stage.steps(),
            callbacks: stage.callbacks(),
            statuses: stage.statuses(),
            burst: stage.burst.clone(),
            took: sim::passed().saturating_sub(began),
        };
        stage.teller.end(&ending)?;
        drop(stage);
        // The server's end has been waited for: nobody writes there any more.
        folder
            .close()
            .context("the temporary files cannot be removed")?;
        played
    }
}

/// Stops when asked to, by dropping what runs.
async fn until_told(play: impl Future<Output = Result<()>>) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        played = play => played,
        _ = terminate.recv() => bail!("the demo was told to stop"),
        _ = interrupt.recv() => bail!("the demo was told to stop"),
    }
}
