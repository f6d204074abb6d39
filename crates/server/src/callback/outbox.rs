//! The outbox: the queue behind a lock, where the lanes' shards put what they owe and the sender takes it.

use super::endpoint::Turned;
use super::letter::{Letter, Wording};
use super::queue::{Counts, Job, Keeping, Queue, Rules};
use delivery::{Change, Command, CommandId, Moment};
use metrics::{Counter, counter};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::DeadCallback;
use tokio::sync::{Notify, watch};

/// What is owed and not yet kept as told. One per server; it is bounded per application ([`Rules`]).
pub struct Outbox {
    queue: Mutex<Queue>,
    wording: Wording,
    /// Something may be due.
    pub(super) stirred: Notify,
    /// Something is to be kept.
    pub(super) unkept: Notify,
    changes: watch::Sender<u64>,
    counters: Counters,
}

struct Counters {
    owed: Counter,
    told: Counter,
    dead: Counter,
}

/// An endpoint, as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointState {
    /// `scheme://host:port`.
    pub name: String,
    /// Commands whose callbacks wait for it.
    pub waiting: usize,
    /// Callbacks under way to it.
    pub under_way: u32,
    /// Failures since its last success.
    pub failures: u32,
    /// Since when it counts as down, and when it is probed next.
    pub down: Option<(Moment, Moment)>,
    /// When it failed last, and why.
    pub last_failure: Option<(Moment, String)>,
}

impl Outbox {
    /// An empty one.
    pub fn new(rules: Rules) -> Self {
        Self {
            wording: rules.wording,
            queue: Mutex::new(Queue::new(rules)),
            stirred: Notify::new(),
            unkept: Notify::new(),
            changes: watch::Sender::new(0),
            counters: Counters {
                owed: counter!("downlink_callbacks_owed_total"),
                told: counter!("downlink_callbacks_told_total"),
                dead: counter!("downlink_callbacks_dead_total"),
            },
        }
    }

    /// Takes on what a change owes. It has been committed.
    pub fn offer(&self, change: &Change, now: Moment) {
        let Change {
            command,
            entries_before,
            ..
        } = change;
        if !command.callback {
            return;
        }
        let fresh = command.history.iter().skip((*entries_before).max(1));
        let before = command
            .history
            .iter()
            .skip(entries_before.saturating_sub(1));
        let is_news = fresh.zip(before).any(|(new, old)| new.status != old.status);
        if is_news || change.ended() {
            self.changing(|queue| queue.offer(command, *entries_before, now));
        }
    }

    /// The lane of a command knows what was told.
    pub fn caught_up(&self, command: CommandId) {
        self.changing(|queue| queue.kept(command));
    }

    /// Totals since the start of the process.
    pub fn counts(&self) -> Counts {
        self.queue().counts()
    }

    /// Whether what was owed before the start is still being read.
    pub fn is_loading(&self) -> bool {
        self.queue().is_loading()
    }

    /// Every endpoint that something waits for, or lately did; by name.
    pub fn endpoints(&self) -> Vec<EndpointState> {
        let mut endpoints: Vec<EndpointState> = self
            .queue()
            .endpoints()
            .map(|endpoint| EndpointState {
                name: endpoint.name.to_string(),
                waiting: endpoint.waiting(),
                under_way: endpoint.under_way,
                failures: endpoint.failures,
                down: endpoint.down.map(|down| (down.since, down.probe_at)),
                last_failure: endpoint.last_failure.clone(),
            })
            .collect();
        endpoints.sort_by(|one, other| one.name.cmp(&other.name));
        endpoints
    }

    /// What is told, and in which words.
    pub(super) const fn wording(&self) -> Wording {
        self.wording
    }

    /// Takes on a command that was owed something when the platform started.
    pub(super) fn load(&self, command: &Command, now: Moment) {
        self.changing(|queue| queue.offer(command, 0, now));
    }

    /// Everything that was owed at the start is here.
    pub(super) fn loaded(&self) {
        self.changing(Queue::loaded);
    }

    /// Takes on a command whose callbacks were given up and are to be told after all.
    pub(super) fn replay(&self, command: &Command, row: DeadCallback, now: Moment) {
        self.changing(|queue| queue.replay(command, row, now));
    }

    /// Whether there is room for a command's callbacks.
    pub(super) fn has_room(&self, command: &Command) -> bool {
        self.queue().has_room(Letter::of(command).app)
    }

    /// Takes what is to be sent now; with it, the moment of what comes next.
    pub(super) fn take_due(&self, now: Moment) -> (Vec<Job>, Option<Moment>) {
        let mut queue = self.queue();
        let before = queue.counts();
        let jobs = queue.take_due(now);
        let next = queue.next();
        self.publish(&mut queue, before);
        (jobs, next)
    }

    /// Takes in what became of a callback.
    pub(super) fn done(&self, command: CommandId, outcome: Result<Duration, String>, now: Moment) {
        self.changing(|queue| queue.done(command, outcome, now));
    }

    /// Takes everything that is to be kept.
    pub(super) fn take_unkept(&self) -> Vec<Keeping> {
        self.queue().take_unkept()
    }

    /// The next moment at which something is due, once nothing is at `now`, nothing is under way, and everything is kept.
    pub(super) fn rest(&self, now: Moment) -> Result<Option<Moment>, Busy> {
        let queue = self.queue();
        let next = queue.next();
        if queue.is_quiet() && next.is_none_or(|next| next > now) {
            Ok(next)
        } else {
            Err(Busy)
        }
    }

    /// Tells of changes as they happen.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn changing(&self, change: impl FnOnce(&mut Queue)) {
        let mut queue = self.queue();
        let before = queue.counts();
        change(&mut queue);
        self.publish(&mut queue, before);
        self.stirred.notify_one();
    }

    /// Counts and logs what a change brought, and wakes who waits for it.
    fn publish(&self, queue: &mut Queue, before: Counts) {
        let after = queue.counts();
        self.counters.owed.increment(after.owed - before.owed);
        self.counters.told.increment(after.told - before.told);
        self.counters.dead.increment(after.dead - before.dead);
        for (name, turned) in queue.take_turned() {
            match turned {
                Turned::Down(why) => {
                    tracing::warn!(endpoint = %name, why, "a callback endpoint is down");
                }
                Turned::Up(after) => {
                    tracing::info!(endpoint = %name, after_s = after.as_secs(), "a callback endpoint answers again");
                }
            }
        }
        if queue.has_unkept() {
            self.unkept.notify_one();
        }
        self.changes
            .send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something is due or under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Busy;
