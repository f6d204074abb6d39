//! The sender: takes what is due from the outbox, posts it, and has kept what was told.

use super::Failure;
use super::client::{Client, Post};
use super::connect::Connector;
use super::outbox::{Busy, Outbox};
use super::queue::Job;
use super::resolve::Resolve;
use super::trust::Trust;
use crate::clock::{self, Clock, passed_us};
use crate::dispatch::{Dispatch, Told};
use crate::registry::Registry;
use crate::secrets::Vault;
use crate::shutdown::{Phase, Shutdown};
use crate::timed::{Settling, Timed};
use api::webhook::{self, WebhookSecret};
use delivery::{CommandId, Moment};
use metrics::{counter, histogram};
use std::sync::Arc;
use std::time::Duration;
use store::{Application, Failed};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// What was told is on disk within this time (R2.2), in real time.
const KEPT_WITHIN: Duration = Duration::from_secs(1);
/// How long what is under way may take when the platform stops.
const STOP_WITHIN: Duration = Duration::from_secs(2);
/// Commands that are read at once at the start, or for a replay.
pub(super) const READ_AT_ONCE: usize = 500;

/// Settings of the sender; the rest is in [`Rules`](super::Rules).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long an answer may take (R5.1), in real time.
    pub answer_within: Duration,
    /// Whether private addresses are called (R3.8).
    pub private_allowed: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            answer_within: Duration::from_secs(15),
            private_allowed: false,
        }
    }
}

/// What the sender works with.
pub struct Parts {
    /// Where the lanes' shards leave what they owe.
    pub outbox: Arc<Outbox>,
    /// Where what was told is kept, and the lanes that are to know it.
    pub dispatch: Dispatch,
    /// Applications and product models.
    pub registry: Arc<Registry>,
    /// Opens the applications' secrets.
    pub vault: Arc<Vault>,
    /// Looks names up.
    pub resolver: Arc<dyn Resolve>,
    /// Settings.
    pub settings: Settings,
}

/// The sender. It acts by the clock, and is driven by its own task: [`Callbacks::run`].
pub struct Callbacks {
    pub(super) outbox: Arc<Outbox>,
    pub(super) dispatch: Dispatch,
    pub(super) registry: Arc<Registry>,
    vault: Arc<Vault>,
    client: Client,
    /// Somebody waits for what was told to be kept.
    hurry: Notify,
    /// Its deadlines are its own task's affair.
    poked: Notify,
    /// Replays are made one after the other.
    pub(super) replaying: tokio::sync::Mutex<()>,
}

impl Callbacks {
    /// A sender; nothing is sent before it runs.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            outbox,
            dispatch,
            registry,
            vault,
            resolver,
            settings,
        } = parts;
        let connector = Connector {
            resolver,
            trust: Trust::default(),
            private_allowed: settings.private_allowed,
        };
        Self {
            outbox,
            dispatch,
            registry,
            vault,
            client: Client::new(connector, settings.answer_within),
            hurry: Notify::new(),
            poked: Notify::new(),
            replaying: tokio::sync::Mutex::default(),
        }
    }

    /// The outbox.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Sends until the platform stops; then what was told is kept. Returns the name under which it is missed.
    pub async fn run(self: Arc<Self>) -> &'static str {
        let mut under_way = JoinSet::new();
        let load = async {
            if let Err(error) = self.load().await {
                tracing::error!(%error, "what is owed cannot be read");
                self.shutdown().fail(&error.to_string());
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            phase = self.shutdown().begun() => tracing::debug!(?phase, "callbacks stop"),
            () = self.send(&mut under_way) => {}
            () = self.keep_told() => {}
            () = load => {}
        }
        let rest = async {
            while let Some(done) = under_way.join_next().await {
                self.take_in(done);
            }
        };
        // What is cut off here may have arrived; it is told once more after the next start, under the same id.
        tokio::time::timeout(STOP_WITHIN, rest).await.ok();
        under_way.shutdown().await;
        if !matches!(self.shutdown().phase(), Phase::Failed(_)) {
            self.keep().await;
        }
        self.name()
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.dispatch.parts().clock
    }

    fn shutdown(&self) -> &Shutdown {
        &self.dispatch.parts().shutdown
    }

    async fn send(self: &Arc<Self>, under_way: &mut JoinSet<Outcome>) {
        loop {
            let (jobs, next) = self.outbox.take_due(self.clock().now());
            for job in jobs {
                under_way.spawn(self.clone().tell(job));
            }
            let due = async {
                match next {
                    Some(at) => self.clock().reaches(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(done) = under_way.join_next() => {
                    self.take_in(done);
                    while let Some(done) = under_way.try_join_next() {
                        self.take_in(done);
                    }
                }
                () = self.outbox.stirred.notified() => {}
                () = due => {}
            }
        }
    }

    fn take_in(&self, done: Result<Outcome, tokio::task::JoinError>) {
        match done {
            Ok((command, outcome)) => self.outbox.done(command, outcome, self.clock().now()),
            // A task that panics takes the platform with it: its command would wait for ever.
            Err(error) if error.is_panic() => self.shutdown().fail("a callback's task panicked"),
            Err(_) => {}
        }
    }

    /// Sends one callback.
    async fn tell(self: Arc<Self>, job: Job) -> Outcome {
        let command = job.letter.id;
        let began = passed_us();
        let told = self.attempt(&job).await;
        let took = Duration::from_micros(passed_us().saturating_sub(began));
        let outcome = match told {
            Ok(()) => {
                histogram!("downlink_callbacks_seconds").record(took.as_secs_f64());
                Ok(took)
            }
            Err(failure) => {
                let cause = failure.cause();
                counter!("downlink_callbacks_failed_total", "cause" => cause).increment(1);
                tracing::debug!(%command, place = job.line.place, %failure, "a callback failed");
                Err(failure.to_string())
            }
        };
        (command, outcome)
    }

    async fn attempt(&self, job: &Job) -> Result<(), Failure> {
        let Job { letter, line } = job;
        let Ok(target) = &letter.target else {
            unreachable!("a command whose address cannot be read never waits")
        };
        let app = self.registry.application_by_key(letter.app);
        let app = app.ok_or(Failure::ApplicationGone)?;
        let model = match letter.model_needed(line) {
            Some(version) => self.registry.model_version(version).await.ok().flatten(),
            None => None,
        };
        let body = letter.body(line, model.as_deref(), self.outbox.wording().codes);
        let headers = self.signature(&app, &letter.message_id(line.place), &body)?;
        let post = Post {
            target: target.clone(),
            ca: app.callback_ca.clone().filter(|_| target.is_secure()),
            body: body.into(),
            headers,
        };
        self.client.post(&post).await
    }

    /// The headers of a signed callback, if the application has a secret (R5.4). The receiver checks the time by its own clock, so it is
    /// the machine's.
    fn signature(
        &self,
        app: &Application,
        id: &str,
        body: &[u8],
    ) -> Result<Vec<(&'static str, String)>, Failure> {
        let Some(sealed) = &app.webhook_secret else {
            return Ok(Vec::new());
        };
        let secret = self.vault.unseal(sealed).map_err(|_| Failure::Secret)?;
        let secret = std::str::from_utf8(&secret).map_err(|_| Failure::Secret)?;
        let secret: WebhookSecret = secret.parse().map_err(|_| Failure::Secret)?;
        let at = clock::wall().as_millis() / 1_000;
        Ok(vec![
            (webhook::ID, id.to_owned()),
            (webhook::TIMESTAMP, at.to_string()),
            (webhook::SIGNATURE, secret.sign(id, at, body)),
        ])
    }

    /// Has kept what was told, gathered for a while: no callback has an fsync of its own (R2.2).
    async fn keep_told(&self) {
        loop {
            self.outbox.unkept.notified().await;
            tokio::time::timeout(KEPT_WITHIN, self.hurry.notified())
                .await
                .ok();
            self.client.sweep();
            self.keep().await;
        }
    }

    /// Has kept everything that is to be kept, and tells the lanes that have to know.
    async fn keep(&self) {
        let mut keepings = self.outbox.take_unkept();
        if keepings.is_empty() {
            return;
        }
        let writes = keepings.iter_mut();
        let writes = writes.flat_map(|keeping| std::mem::take(&mut keeping.writes));
        if let Err(error) = self.dispatch.keep(writes.collect()).await {
            // The platform ends; what was told is told once more after the next start.
            tracing::error!(%error, "what was told cannot be kept");
            return;
        }
        let mut told = Vec::new();
        for keeping in keepings {
            match keeping.lane {
                None => self.outbox.caught_up(keeping.command),
                Some(up_to) => told.push(Told {
                    device: keeping.device,
                    command: keeping.command,
                    up_to,
                }),
            }
        }
        self.dispatch.told(told).await;
    }

    /// Takes on everything that was owed at the start, and replays that were under way. Changes are taken on meanwhile.
    async fn load(&self) -> Result<(), Failed> {
        let mut after = 0;
        loop {
            let read = move |store: &dyn store::Store| store.owed(after, READ_AT_ONCE);
            let owed = self.registry.ask(read).await?;
            let Some(last) = owed.last() else { break };
            after = last.id.seq;
            let now = self.clock().now();
            for command in &owed {
                self.outbox.load(command, now);
            }
        }
        self.load_replays().await?;
        self.outbox.loaded();
        Ok(())
    }
}

/// A command, and what became of its callback: how long the answer took, or why it failed.
type Outcome = (CommandId, Result<Duration, String>);

impl Timed for Callbacks {
    fn name(&self) -> &'static str {
        "callbacks"
    }

    /// Everything that is due now has been tried, and what was told is kept. Only where time stands still is there such a moment: on a
    /// real clock it returns at once, because its own task acts, and nobody shall hurry what it gathers (R2.2).
    fn settle(&self) -> Settling<'_> {
        Box::pin(async move {
            if !self.clock().is_test() {
                return None;
            }
            let mut changes = self.outbox.watch();
            let settled = async {
                loop {
                    changes.borrow_and_update();
                    match self.outbox.rest(self.clock().now()) {
                        Ok(next) => return next,
                        Err(Busy) => self.hurry.notify_one(),
                    }
                    if changes.changed().await.is_err() {
                        return None;
                    }
                }
            };
            tokio::select! {
                next = settled => next,
                _ = self.shutdown().begun() => None::<Moment>,
            }
        })
    }

    fn poked(&self) -> &Notify {
        &self.poked
    }
}
