//! The stage: platform, application and device, and what has been told of every command.

use super::burst::Burst;
use super::ear::{Ear, Subject};
use super::teller::{Change, Shown, Teller};
use anyhow::{Context, Result, anyhow};
use sdk::Client;
use serde_json::Value;
use server::admin::client::Method;
use server::admin::wire::{
    ApplicationView, ClockMove, ClockView, CommandPage, CommandView, DeviceView, EntryView,
    HistoryView, NewApplication,
};
use sim::behaviour::Behaviour;
use sim::credentials::Credentials;
use sim::device::{Device, Received};
use sim::rig::{Ground, Server};
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::time::Duration;

/// How long anything may take that happens by itself.
pub(super) const WITHIN: Duration = Duration::from_secs(10);
/// How often it is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// The most commands that one list of the operator's door shows.
const LIST_MAX: usize = 1000;
const SEED: u64 = 1;
const NAMES: &str = "/downlink/v1";

/// Something was not as told.
#[derive(Debug)]
pub(super) struct Mismatch {
    pub(super) what: String,
    pub(super) expected: String,
    pub(super) seen: String,
}

impl Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: expected {}, seen {}",
            self.what, self.expected, self.seen
        )
    }
}

impl std::error::Error for Mismatch {}

/// Everything the story plays with.
pub(super) struct Stage {
    pub(super) teller: Teller,
    ground: Ground,
    /// `None` while it is down.
    server: Option<Server>,
    account: Option<(String, String)>,
    device: Option<Actor>,
    ear: Option<Ear>,
    /// Callbacks that were told.
    callbacks: usize,
    /// Every command, in the order in which it was first seen, with what was told of it.
    commands: BTreeMap<String, Told>,
    pub(super) burst: Option<Burst>,
    steps: usize,
}

/// The device.
pub(super) struct Actor {
    pub(super) id: String,
    pub(super) device: Device,
}

#[derive(Default)]
struct Told {
    label: String,
    /// Whether its changes are told to its `callbackUrl`, as those of a direct call are not.
    called_back: bool,
    statuses: Vec<String>,
}

impl Stage {
    /// Starts the platform.
    pub(super) async fn open(ground: Ground, teller: Teller) -> Result<Self> {
        let server = ground.start().await?;
        Ok(Self {
            teller,
            ground,
            server: Some(server),
            account: None,
            device: None,
            ear: None,
            callbacks: 0,
            commands: BTreeMap::new(),
            burst: None,
            steps: 0,
        })
    }

    /// Tells a step that was as told, and every change since the last one.
    pub(super) async fn step(&mut self, who: &str, what: impl AsRef<str>) -> Result<()> {
        let clock: ClockView = self.read("/clock").await?;
        self.steps += 1;
        self.teller
            .step(self.steps, who, what.as_ref(), &clock.now)?;
        self.tell_changes().await?;
        self.tell_callbacks().await
    }

    /// Callbacks so far.
    pub(super) fn callbacks(&self) -> usize {
        self.callbacks
    }

    /// Steps so far.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    /// How many commands have which status, as told.
    pub(super) fn statuses(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for status in self
            .commands
            .values()
            .filter_map(|told| told.statuses.last())
        {
            *counts.entry(status.clone()).or_default() += 1;
        }
        counts
    }

    /// The platform.
    pub(super) fn server(&self) -> Result<&Server> {
        self.server
            .as_ref()
            .ok_or_else(|| anyhow!("the platform is down"))
    }

    /// Adds the end of the platform to an error, if that is its cause.
    pub(super) fn explain(&mut self, error: anyhow::Error) -> anyhow::Error {
        match self.server.as_mut().map(Server::must_run) {
            Some(Err(ended)) => error.context(ended),
            Some(Ok(())) | None => error,
        }
    }

    /// Where devices connect.
    pub(super) fn mqtt(&self) -> Result<SocketAddr> {
        self.server()?
            .ports
            .mqtt
            .context("the platform has no plain MQTT port")
    }

    /// SIGKILL, and the end of the process.
    pub(super) fn kill(&mut self) -> Result<()> {
        let server = self.server.take().context("the platform is down already")?;
        Ok(server.kill()?)
    }

    /// Another process on the same data.
    pub(super) async fn restart(&mut self) -> Result<()> {
        self.server = Some(self.ground.start().await?);
        Ok(())
    }

    /// An application, made by the operator.
    pub(super) async fn new_application(&mut self, name: &str) -> Result<String> {
        let asked = NewApplication {
            name: Some(name.to_owned()),
            // Time stands still here, and with it the minute in which only 100 calls are allowed (R3.5).
            throttled: Some(false),
            ..NewApplication::default()
        };
        let path = format!("{NAMES}/applications");
        let made: ApplicationView = self
            .server()?
            .admin
            .send(Method::POST, &path, &asked)
            .await?;
        let secret = made.secret.context("a new application shows its secret")?;
        self.account = Some((made.app_id.clone(), secret));
        Ok(made.app_id)
    }

    /// Gives the application a secret for its callbacks, and has it listen for them.
    pub(super) async fn listen(&mut self) -> Result<String> {
        let (app_id, _) = self
            .account
            .as_ref()
            .context("there is no application yet")?;
        let path = format!("{NAMES}/applications/{app_id}/webhook-secret");
        let made = self.server()?.admin.call(Method::POST, &path, "").await?;
        let made: ApplicationView = serde_json::from_slice(&made)?;
        let secret = made.webhook_secret;
        let ear = Ear::open(&secret.context("a new webhook secret is shown")?).await?;
        let url = ear.url();
        self.ear = Some(ear);
        Ok(url)
    }

    /// The application's ear.
    pub(super) fn ear(&self) -> Result<&Ear> {
        self.ear
            .as_ref()
            .context("the application does not listen yet")
    }

    /// A client of the application, for the platform as it runs now.
    pub(super) fn client(&self) -> Result<Client> {
        let (app_id, secret) = self
            .account
            .as_ref()
            .context("there is no application yet")?;
        Ok(Client::builder(self.server()?.ports.north_url(), app_id, secret).build()?)
    }

    /// Puts the device on the stage, asleep.
    pub(super) fn enter(&mut self, credentials: Credentials) {
        let id = credentials.id.clone();
        let device = Device::new(credentials, Behaviour::water_meter(), SEED);
        self.device = Some(Actor { id, device });
    }

    /// The device.
    pub(super) fn actor(&self) -> Result<&Actor> {
        self.device.as_ref().context("there is no device yet")
    }

    /// The device, to sleep or to wake.
    pub(super) fn actor_mut(&mut self) -> Result<&mut Actor> {
        self.device.as_mut().context("there is no device yet")
    }

    /// What the device saw since its `from`th command.
    pub(super) fn received(&self, from: usize) -> Result<Vec<Received>> {
        Ok(self.actor()?.device.received().split_off(from))
    }

    /// Wakes the device, and waits until the platform knows.
    pub(super) async fn wake(&mut self) -> Result<()> {
        let address = self.mqtt()?;
        self.actor_mut()?
            .device
            .wake(address)
            .await
            .context("the meter cannot wake")?;
        self.await_reachable(true).await
    }

    /// Puts the device to sleep, and waits until the platform knows.
    pub(super) async fn sleep(&mut self) -> Result<()> {
        self.actor_mut()?.device.sleep().await;
        self.await_reachable(false).await
    }

    /// Waits until the device has seen so many commands.
    pub(super) async fn await_arrivals(&self, count: usize) -> Result<()> {
        let device = &self.actor()?.device;
        let enough = device.until(|core| core.received().len() >= count);
        let arrived = tokio::time::timeout(WITHIN, enough).await.is_ok();
        let seen = device.received().len();
        expect(
            "commands that reached the meter",
            count,
            if arrived { count } else { seen },
        )
    }

    /// Waits until a command has a status.
    pub(super) async fn await_status(&self, command_id: &str, status: &str) -> Result<()> {
        let mut seen = String::new();
        for _ in 0..WITHIN.as_millis() / LOOK_EVERY.as_millis() {
            seen = self.path_of(command_id).await?;
            if seen.ends_with(status) {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        expect(
            &format!("the command's status within {} s", WITHIN.as_secs()),
            status,
            seen,
        )
    }

    /// All statuses of a command, with arrows.
    pub(super) async fn path_of(&self, command_id: &str) -> Result<String> {
        Ok(arrows(&changes(&self.history(command_id).await?)))
    }

    /// A command's history as it is kept.
    pub(super) async fn history(&self, command_id: &str) -> Result<Vec<EntryView>> {
        let view: HistoryView = self
            .read(&format!("/commands/{command_id}/history"))
            .await?;
        Ok(view.history)
    }

    /// Every command of the device, the oldest first.
    pub(super) async fn listed(&self) -> Result<Vec<CommandView>> {
        let Some(actor) = &self.device else {
            return Ok(Vec::new());
        };
        let path = format!("/commands?deviceId={}&limit={LIST_MAX}", actor.id);
        let mut listed = self.read::<CommandPage>(&path).await?.commands;
        listed.sort_by(|a, b| a.command_id.cmp(&b.command_id));
        Ok(listed)
    }

    /// What the operator's door says at a path.
    pub(super) async fn read<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T> {
        Ok(self.server()?.admin.read(&format!("{NAMES}{path}")).await?)
    }

    /// Lets time pass on the platform.
    pub(super) async fn pass(&self, time: Duration) -> Result<()> {
        let asked = ClockMove {
            advance_ms: Some(u64::try_from(time.as_millis())?),
            to: None,
        };
        let path = format!("{NAMES}/clock");
        let _: ClockView = self
            .server()?
            .admin
            .send(Method::POST, &path, &asked)
            .await?;
        Ok(())
    }

    /// Tells every change that has not been told yet, of every command there is, from the histories: none can be missed.
    pub(super) async fn tell_changes(&mut self) -> Result<()> {
        let (mut fresh, mut shown) = (Vec::new(), Vec::new());
        for command in self.listed().await? {
            let entries = changes(&self.history(&command.command_id).await?);
            let told = self.commands.entry(command.command_id.clone()).or_default();
            if told.statuses.len() == entries.len() {
                continue;
            }
            told.label = label(&command);
            told.called_back = command.kind != "direct";
            for entry in &entries[told.statuses.len()..] {
                told.statuses.push(entry.status.clone());
                fresh.push(Change {
                    command_id: command.command_id.clone(),
                    status: entry.status.clone(),
                    at: entry.at.clone(),
                });
            }
            shown.push(Shown {
                label: told.label.clone(),
                path: told.statuses.join(" → "),
            });
        }
        fresh.sort_by_key(|change| change.at.ms);
        self.teller.changes(&fresh, &shown)
    }

    /// Waits until the application was called back for every change that was told, each in its order, and tells what it heard.
    async fn tell_callbacks(&mut self) -> Result<()> {
        let Some(ear) = &self.ear else {
            return Ok(());
        };
        for (id, told) in self.commands.iter().filter(|(_, told)| told.called_back) {
            // The first status stood in the answer to the request, and so did a cancellation (R5.1).
            let changes = told.statuses.iter().skip(1);
            let owed: Vec<&String> = changes.filter(|status| *status != "CANCELED").collect();
            let heard = ear.of(&Subject::Command(id.clone()), owed.len()).await;
            let what = format!("callbacks of {} ({id})", told.label);
            // One that is not told here yet may have come already.
            let heard = &heard[..heard.len().min(owed.len())];
            expect(&what, format!("{owed:?}"), format!("{heard:?}"))?;
        }
        let fresh = ear.since(self.callbacks);
        self.callbacks += fresh.len();
        self.teller.callbacks(&fresh)
    }

    async fn await_reachable(&self, reachable: bool) -> Result<()> {
        let path = format!("/devices/{}", self.actor()?.id);
        for _ in 0..WITHIN.as_millis() / LOOK_EVERY.as_millis() {
            let view: DeviceView = self.read(&path).await?;
            if view.reachable == reachable && view.online == reachable {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let what = format!(
            "whether the platform reaches the meter, within {} s",
            WITHIN.as_secs()
        );
        expect(&what, reachable, !reachable)
    }
}

/// Fails unless two things are the same.
pub(super) fn expect(what: &str, expected: impl Display, seen: impl Display) -> Result<()> {
    let (expected, seen) = (expected.to_string(), seen.to_string());
    if expected == seen {
        return Ok(());
    }
    let what = what.to_owned();
    Err(Mismatch {
        what,
        expected,
        seen,
    }
    .into())
}

/// The entries that change the status; repeats of an attempt and what came too late do not.
fn changes(history: &[EntryView]) -> Vec<EntryView> {
    let mut changes: Vec<EntryView> = Vec::new();
    for entry in history.iter().filter(|entry| !entry.late) {
        if changes
            .last()
            .is_none_or(|last| last.status != entry.status)
        {
            changes.push(entry.clone());
        }
    }
    changes
}

fn arrows(changes: &[EntryView]) -> String {
    let statuses: Vec<&str> = changes.iter().map(|entry| entry.status.as_str()).collect();
    statuses.join(" → ")
}

/// A command in a few words.
fn label(command: &CommandView) -> String {
    let paras: BTreeMap<String, Value> =
        serde_json::from_str(command.paras.get()).unwrap_or_default();
    let paras: Vec<String> = paras
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!("{} {}", command.method, paras.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use server::admin::wire::MomentView;

    fn entry(status: &str, late: bool) -> EntryView {
        EntryView {
            status: status.to_owned(),
            at: MomentView {
                ms: 0,
                utc: "19700101T000000Z".to_owned(),
            },
            cause: String::new(),
            attempt: 0,
            who: "platform".to_owned(),
            late,
        }
    }

    #[test]
    fn repeats_and_late_entries_are_no_changes() {
        let history =
            ["PENDING", "SENT", "SENT", "DELIVERED", "FAILED", "FAILED"].map(|s| entry(s, false));
        let mut history = history.to_vec();
        history.push(entry("SUCCESSFUL", true));
        assert_eq!(
            arrows(&changes(&history)),
            "PENDING → SENT → DELIVERED → FAILED"
        );
    }

    #[test]
    fn a_mismatch_says_what_was_expected_and_what_was_seen() {
        assert!(expect("the count", 1, "1").is_ok());
        let error = expect("the count", 1, 2).unwrap_err();
        assert!(error.downcast_ref::<Mismatch>().is_some());
        assert_eq!(error.to_string(), "the count: expected 1, seen 2");
    }
}
