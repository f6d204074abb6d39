//! Retention: what ended long ago is forgotten, in small commits that hold up nobody (R2.8).
//!
//! A run looks for what is old in bounded reads and forgets it a handful at a time: commands first, then the devices that have
//! none left, then cancel tasks. After each commit it pauses at least as long as the commit took, so that it takes no more than
//! half of the writer's time, however much there is to forget. What is open, still owed or being told again stays.

use crate::clock::{Clock, passed_us};
use crate::dispatch::{Dispatch, KeepError};
use crate::limits::{FORGETTING_EVERY_S, FORGETTING_PAUSE_MS_MIN, FORGOTTEN_PER_COMMIT};
use crate::registry::Registry;
use crate::shutdown::Phase;
use crate::timed::{Settling, Timed};
use delivery::Moment;
use metrics::counter;
use std::sync::Arc;
use std::time::Duration;
use store::{Failed, Store, Stretch, Write};
use tokio::sync::{Mutex, Notify};

/// Runs of one platform are made at least so far apart, unless the test clock is moved.
const EVERY: Duration = Duration::from_secs(FORGETTING_EVERY_S);
const PAUSE_MIN: Duration = Duration::from_millis(FORGETTING_PAUSE_MS_MIN);

/// Forgets what is old.
pub struct Retention {
    registry: Arc<Registry>,
    dispatch: Dispatch,
    /// How long after its end something is kept; `None` = for good.
    age: Option<Duration>,
    /// From when on something may be old.
    due: Mutex<Moment>,
    poked: Notify,
}

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error(transparent)]
    Read(#[from] Failed),
    #[error(transparent)]
    Write(#[from] KeepError),
    #[error("the platform stops")]
    Draining,
}

/// What a run has done.
#[derive(Debug, Default)]
struct Done {
    commands: usize,
    devices: usize,
    cancel_tasks: usize,
    /// The earliest moment from which the age of anything counts that stays.
    oldest: Option<Moment>,
}

impl Retention {
    /// Forgets what ended more than `days` days ago; 0 = nothing.
    pub fn new(registry: Arc<Registry>, dispatch: Dispatch, days: u32) -> Self {
        let age = Duration::from_secs(u64::from(days) * 86_400);
        Self {
            registry,
            dispatch,
            age: (days > 0).then_some(age),
            due: Mutex::new(Moment::default()),
            poked: Notify::new(),
        }
    }

    fn clock(&self) -> &Clock {
        &self.dispatch.parts().clock
    }

    async fn forget(&self) -> Option<Moment> {
        let age = self.age?;
        let mut due = self.due.lock().await;
        let now = self.clock().now();
        if *due <= now {
            *due = self.run(now, age).await;
        }
        // Under load something becomes old at every moment; it is worth a run only now and then.
        Some((*due).max(now + EVERY))
    }

    /// Forgets what is old now; from when on something may be old next.
    async fn run(&self, now: Moment, age: Duration) -> Moment {
        let before = Moment::from_millis(now.as_millis().saturating_sub(millis(age)));
        let begun = passed_us();
        let mut done = Done::default();
        let ended = self.sweep(before, &mut done).await;
        let took_ms = passed_us().saturating_sub(begun) / 1_000;
        counter!("downlink_retention_runs_total").increment(1);
        let Done {
            commands,
            devices,
            cancel_tasks,
            oldest,
        } = done;
        if commands + devices + cancel_tasks > 0 {
            let days = age.as_secs() / 86_400;
            tracing::info!(
                commands,
                devices,
                cancel_tasks,
                days,
                took_ms,
                "what was old was forgotten"
            );
        } else {
            tracing::debug!(took_ms, "nothing was old");
        }
        match ended {
            // What is not kept yet ends later than now. What ended at a moment is old when more than the age has passed.
            Ok(()) => oldest.map_or(now, |at| at.min(now)) + age + Duration::from_millis(1),
            Err(Stop::Draining) => now + EVERY,
            Err(error @ (Stop::Read(_) | Stop::Write(_))) => {
                tracing::error!(%error, "what is old cannot be forgotten now; it is tried again in an hour");
                now + EVERY
            }
        }
    }

    async fn sweep(&self, before: Moment, done: &mut Done) -> Result<(), Stop> {
        let commands = self.stretch_by_stretch(
            move |store, after| store.old_commands(before, after, FORGOTTEN_PER_COMMIT),
            Write::ForgetCommands,
            "command",
        );
        done.take(commands.await, |done| &mut done.commands)?;
        let devices = self.stretch_by_stretch(
            move |store, after| store.old_devices(before, after, FORGOTTEN_PER_COMMIT),
            Write::ForgetDevices,
            "device",
        );
        done.take(devices.await, |done| &mut done.devices)?;
        let tasks = self.stretch_by_stretch(
            move |store, after| store.old_cancel_tasks(before, after, FORGOTTEN_PER_COMMIT),
            Write::ForgetCancelTasks,
            "cancel_task",
        );
        done.take(tasks.await, |done| &mut done.cancel_tasks)
    }

    /// Forgets everything of one kind that a search finds: how much, the earliest moment of what stays, and why it ended early.
    async fn stretch_by_stretch<T: Copy + Send + 'static>(
        &self,
        search: impl Fn(&dyn Store, Option<T>) -> Result<Stretch<T>, Failed> + Clone + Send + 'static,
        write: fn(Vec<T>) -> Write,
        kind: &'static str,
    ) -> (usize, Option<Moment>, Result<(), Stop>) {
        let (mut forgotten, mut oldest, mut after) = (0, None, None);
        loop {
            let search = search.clone();
            let found = self.registry.ask(move |store| search(store, after)).await;
            let stretch = match found {
                Ok(stretch) => stretch,
                Err(failed) => return (forgotten, oldest, Err(failed.into())),
            };
            oldest = [oldest, stretch.oldest_kept].into_iter().flatten().min();
            let count = stretch.old.len();
            if count > 0 {
                if let Err(stop) = self.commit(write(stretch.old)).await {
                    return (forgotten, oldest, Err(stop));
                }
                forgotten += count;
                counter!("downlink_retention_forgotten_total", "kind" => kind)
                    .increment(u64::try_from(count).unwrap_or_default());
            }
            let Some(next) = stretch.next else {
                return (forgotten, oldest, Ok(()));
            };
            after = Some(next);
        }
    }

    /// Commits one handful, and lets others have the writer for as long.
    async fn commit(&self, write: Write) -> Result<(), Stop> {
        let shutdown = &self.dispatch.parts().shutdown;
        if shutdown.phase() != Phase::Running {
            return Err(Stop::Draining);
        }
        let begun = passed_us();
        self.dispatch.keep(vec![write]).await?;
        if self.clock().is_test() {
            return Ok(());
        }
        let took = Duration::from_micros(passed_us().saturating_sub(begun));
        tokio::select! {
            () = tokio::time::sleep(took.max(PAUSE_MIN)) => Ok(()),
            _ = shutdown.begun() => Err(Stop::Draining),
        }
    }
}

impl Timed for Retention {
    fn name(&self) -> &'static str {
        "retention"
    }

    fn settle(&self) -> Settling<'_> {
        Box::pin(self.forget())
    }

    fn poked(&self) -> &Notify {
        &self.poked
    }
}

impl Done {
    /// Takes in what was done of one kind.
    fn take(
        &mut self,
        (forgotten, oldest, ended): (usize, Option<Moment>, Result<(), Stop>),
        count: fn(&mut Self) -> &mut usize,
    ) -> Result<(), Stop> {
        *count(self) += forgotten;
        self.oldest = [self.oldest, oldest].into_iter().flatten().min();
        ended
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
