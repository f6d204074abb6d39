//! The queue in front of the writer: bounded, emptied by the group.

use super::copy::{CopyError, Order};
use crate::contract::{Done, Failed, Unit};
use delivery::Moment;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

/// Units that wait at the most. Beyond that a caller waits too.
const UNITS_MAX: usize = 65_536;

/// Units of one group at the most, a larger batch apart: it is never torn.
pub(super) const GROUP_UNITS_MAX: usize = 4_096;

/// What one call of `commit` gave.
pub(super) struct Batch {
    pub(super) units: Vec<Unit>,
    pub(super) now: Moment,
    pub(super) done: Done,
}

/// What the writer is to do next.
pub(super) enum Next {
    /// Write these together.
    Group(Vec<Batch>),
    /// Make a copy.
    Order(Order),
    /// Nothing came for a while.
    Idle,
    /// Nothing will come any more.
    Closed,
}

#[derive(Default)]
struct Waiting {
    batches: VecDeque<Batch>,
    units: usize,
    state: State,
    writer: Option<ThreadId>,
    /// A copy that is wanted.
    order: Option<Order>,
    /// Whether a copy is wanted or being made.
    copying: bool,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// What waits is still written; nothing new is taken.
    Closed,
    /// Nothing is written any more.
    Stopped,
}

/// The queue.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    emptied: Condvar,
}

impl Queue {
    /// Puts a batch at the end; tells it at once if the store has stopped. Waits while the queue is full, unless the writer
    /// itself calls.
    pub(super) fn put(&self, batch: Batch) {
        let mut waiting = self.hold();
        while waiting.state == State::Open
            && waiting.units >= UNITS_MAX
            && waiting.writer != Some(thread::current().id())
        {
            waiting = self
                .emptied
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if waiting.state != State::Open {
            drop(waiting);
            (batch.done)(Err(Failed::Stopped));
            return;
        }
        waiting.units += batch.units.len().max(1);
        waiting.batches.push_back(batch);
        drop(waiting);
        self.filled.notify_one();
    }

    /// Asks for a copy; only one is made at a time.
    pub(super) fn order(&self, order: Order) -> Result<(), CopyError> {
        let mut waiting = self.hold();
        if waiting.state != State::Open {
            return Err(CopyError::Stopped);
        }
        if std::mem::replace(&mut waiting.copying, true) {
            return Err(CopyError::Busy);
        }
        waiting.order = Some(order);
        drop(waiting);
        self.filled.notify_one();
        Ok(())
    }

    /// The copy is made, or will not be.
    pub(super) fn copied(&self) {
        self.hold().copying = false;
    }

    /// Everything that waits, up to the bound of a group. Waits up to `patience` for it; `None` = for as long as it takes.
    pub(super) fn next(&self, patience: Option<Duration>) -> Next {
        let mut waiting = self.hold();
        waiting.writer.get_or_insert_with(|| thread::current().id());
        loop {
            if waiting.state == State::Stopped {
                return Next::Closed;
            }
            if let Some(order) = waiting.order.take() {
                return Next::Order(order);
            }
            if !waiting.batches.is_empty() {
                let group = waiting.group();
                drop(waiting);
                self.emptied.notify_all();
                return Next::Group(group);
            }
            if waiting.state == State::Closed {
                return Next::Closed;
            }
            match patience {
                None => {
                    waiting = self
                        .filled
                        .wait(waiting)
                        .unwrap_or_else(PoisonError::into_inner);
                }
                Some(patience) => {
                    let woken = self.filled.wait_timeout(waiting, patience);
                    let (held, timeout) = woken.unwrap_or_else(PoisonError::into_inner);
                    waiting = held;
                    if timeout.timed_out()
                        && waiting.batches.is_empty()
                        && waiting.state == State::Open
                    {
                        return Next::Idle;
                    }
                }
            }
        }
    }

    /// Takes nothing new; the writer empties the queue and ends.
    pub(super) fn close(&self) {
        let mut waiting = self.hold();
        if waiting.state == State::Open {
            waiting.state = State::Closed;
            waiting.order = None;
        }
        drop(waiting);
        self.filled.notify_all();
        self.emptied.notify_all();
    }

    /// Takes nothing new and writes nothing more; whatever waits is told so.
    pub(super) fn stop(&self) {
        let mut waiting = self.hold();
        waiting.state = State::Stopped;
        waiting.order = None;
        waiting.units = 0;
        let batches = std::mem::take(&mut waiting.batches);
        drop(waiting);
        self.filled.notify_all();
        self.emptied.notify_all();
        for batch in batches {
            (batch.done)(Err(Failed::Stopped));
        }
    }

    /// Whether the store has stopped.
    pub(super) fn has_stopped(&self) -> bool {
        self.hold().state == State::Stopped
    }

    /// Units that wait.
    pub(super) fn units(&self) -> usize {
        self.hold().units
    }

    fn hold(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn group(&mut self) -> Vec<Batch> {
        let mut group = Vec::new();
        let mut units = 0;
        while let Some(batch) = self.batches.front() {
            let weight = batch.units.len().max(1);
            if !group.is_empty() && units + weight > GROUP_UNITS_MAX {
                break;
            }
            units += weight;
            group.extend(self.batches.pop_front());
        }
        self.units = self.units.saturating_sub(units);
        group
    }
}
