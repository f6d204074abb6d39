//! A burst of commands, and `kill -9` in its middle: what was accepted is kept, and the device gets the rest in order.

use super::act::{self, SET_PERIOD};
use super::stage::{Stage, expect};
use anyhow::{Context, Result, bail};
use api::headers::IdempotencyKey;
use sdk::{Client, Error};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::Notify;

/// Commands of the burst: each has its number as parameter, so that the device's record can be read.
const COMMANDS: u64 = 20;
/// Of these so many are sent while the meter sleeps.
const ASLEEP: u64 = 6;
/// The platform is killed once so many are accepted.
const KILLED_AFTER: usize = 12;
const TWO_DAYS_S: u32 = 172_800;
/// How much time passes at once until all commands have ended; the next attempt of one whose fate is open is due 10-15 s later (R1.5).
const STEP: Duration = Duration::from_secs(5);
const STEPS_MAX: u32 = 60;
const PLATFORM: &str = "platform";
const APPLICATION: &str = "application";
const DEVICE: &str = "meter";

/// What the kill left.
#[derive(Clone, Debug)]
pub(super) struct Burst {
    /// Commands that were accepted before the kill.
    pub(super) before_kill: usize,
    /// Those of them that were found afterwards.
    pub(super) found: usize,
}

/// The application's side of the burst.
struct Poster {
    client: Client,
    device_id: String,
    callback_url: String,
    /// Ids of what was accepted, in order.
    accepted: Vec<String>,
}

/// Plays the act.
pub(super) async fn play(stage: &mut Stage) -> Result<()> {
    let from = stage.received(0)?.len();
    let mut poster = Poster {
        client: stage.client()?,
        device_id: stage.actor()?.id.clone(),
        callback_url: stage.ear()?.url(),
        accepted: Vec::new(),
    };
    for number in 1..=ASLEEP {
        poster.post(number).await?;
    }
    stage
        .step(
            APPLICATION,
            format!("begins a burst of {COMMANDS} commands; the meter sleeps"),
        )
        .await?;
    stage.wake().await?;
    let doubtful = kill_in_the_middle(stage, &mut poster).await?;
    let before_kill = poster.accepted.len();
    stage.actor_mut()?.device.cut().await;
    stage.restart().await?;
    let found = found(stage, &poster.accepted).await?;
    stage.burst = Some(Burst { before_kill, found });
    expect(
        "accepted commands that the new process knows",
        before_kill,
        found,
    )?;
    let server = stage.server()?;
    let what = format!(
        "was killed (kill -9) after {before_kill} of them and runs again as process {} since {} ms: \
         all {found} are there, and it calls back what was owed",
        server.pid(),
        server.start_took.as_millis()
    );
    stage.step(PLATFORM, what).await?;
    poster.client = stage.client()?;
    poster.post(doubtful).await?;
    once(stage, doubtful).await?;
    stage
        .step(
            APPLICATION,
            "repeats the command whose answer the kill swallowed, under its key: it exists once",
        )
        .await?;
    stage.wake().await?;
    for number in doubtful + 1..=COMMANDS {
        poster.post(number).await?;
    }
    settle(stage).await?;
    check(stage, &poster, from).await?;
    stage
        .step(DEVICE, "reconnects and gets the rest, in order")
        .await?;
    stage.sleep().await
}

impl Poster {
    /// Sends a command of the burst. Under its key it may be sent again (R1.15).
    async fn post(&mut self, number: u64) -> Result<(), Error> {
        let url = self.callback_url.clone();
        let request = act::command(&self.device_id, SET_PERIOD, number, TWO_DAYS_S, url);
        let key =
            IdempotencyKey::parse(format!("burst-{number}").as_bytes()).expect("visible ASCII");
        let command = self.client.post_device_command(&request).key(key).await?;
        self.accepted.push(command.command_id);
        Ok(())
    }
}

/// The application goes on sending while the platform is killed. Returns the number of the command that got no answer.
async fn kill_in_the_middle(stage: &mut Stage, poster: &mut Poster) -> Result<u64> {
    let enough = Notify::new();
    let sending = async {
        for number in ASLEEP + 1..=COMMANDS {
            if poster.accepted.len() == KILLED_AFTER {
                enough.notify_one();
            }
            match poster.post(number).await {
                Ok(()) => {}
                Err(Error::Transport { .. }) => return Ok(number),
                Err(error) => return Err(error),
            }
        }
        // All were accepted before the kill came about; the platform goes down with nothing in doubt.
        Ok(COMMANDS)
    };
    let killing = async {
        enough.notified().await;
        stage.kill()
    };
    let (sent, killed) = tokio::join!(sending, killing);
    killed?;
    Ok(sent?)
}

/// How many of these commands the platform knows, each with a history that begins where it should.
async fn found(stage: &Stage, accepted: &[String]) -> Result<usize> {
    let listed: BTreeSet<String> = stage
        .listed()
        .await?
        .into_iter()
        .map(|command| command.command_id)
        .collect();
    let mut found = 0;
    for id in accepted.iter().filter(|id| listed.contains(*id)) {
        let path = stage.path_of(id).await?;
        if !path.starts_with("PENDING") {
            bail!("the history of {id} begins with {path}");
        }
        found += 1;
    }
    Ok(found)
}

/// A command of the burst exists exactly once.
async fn once(stage: &Stage, number: u64) -> Result<()> {
    let wanted = format!("{{\"value\":{number}}}");
    let listed = stage.listed().await?;
    let burst = listed.iter().rev().take(usize::try_from(COMMANDS)?);
    let count = burst
        .filter(|command| command.paras.get() == wanted)
        .count();
    expect("commands with the repeated one's key", 1, count)
}

/// Lets time pass until every command has ended.
async fn settle(stage: &Stage) -> Result<()> {
    for _ in 0..STEPS_MAX {
        // What needs no time happens in less.
        tokio::time::sleep(Duration::from_millis(50)).await;
        if stage.listed().await?.iter().all(|command| command.is_final) {
            return Ok(());
        }
        stage.pass(STEP).await?;
    }
    let open = stage
        .listed()
        .await?
        .iter()
        .filter(|command| !command.is_final)
        .count();
    expect("commands that are open five minutes later", 0, open)
}

/// Every command was carried out, and the device saw them in the order in which they were accepted.
async fn check(stage: &Stage, poster: &Poster, from: usize) -> Result<()> {
    for id in &poster.accepted {
        expect(
            "the life of a command of the burst",
            super::story::WHOLE_LIFE,
            stage.path_of(id).await?,
        )?;
    }
    let mut seen: Vec<u64> = Vec::new();
    for command in stage.received(from)? {
        let number = act::value(&command);
        // One that was on its way when the platform was killed may come twice: it was SENT, and nobody could know.
        if !seen.contains(&number) {
            seen.push(number);
        }
    }
    let list = |numbers: &[u64]| format!("{numbers:?}");
    let all: Vec<u64> = (1..=COMMANDS).collect();
    expect(
        "the commands of the burst, in the order in which the meter saw them",
        list(&all),
        list(&seen),
    )?;
    let ids: BTreeSet<&String> = poster.accepted.iter().collect();
    let count = usize::try_from(COMMANDS).context("the burst is small")?;
    expect("different commands of the burst", count, ids.len())
}
