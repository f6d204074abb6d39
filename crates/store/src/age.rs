//! How old a command is: what retention goes by (R2.8).

use crate::records::Stretch;
use delivery::{Cause, Entry, Moment, State};

/// When a command in this state with this history ended: the last entry that is not late. `None` while it is open.
pub(crate) fn ended_at(state: State, history: &[Entry]) -> Option<Moment> {
    let on_time = |entry: &&Entry| !matches!(entry.cause, Cause::LateAck | Cause::LateAnswer);
    match state {
        State::Ended(_) => history.iter().rfind(on_time).map(|entry| entry.at),
        State::Queued | State::Sent(_) | State::Delivered { .. } => None,
    }
}

impl<T: Copy> Stretch<T> {
    /// Nothing was looked at yet.
    pub(crate) const fn new() -> Self {
        Self {
            old: Vec::new(),
            next: None,
            oldest_kept: None,
        }
    }

    /// Takes note that something stays whose age counts from `at`.
    pub(crate) fn stays(&mut self, at: Moment) {
        self.oldest_kept = Some(self.oldest_kept.map_or(at, |oldest| oldest.min(at)));
    }

    /// Takes in one that was looked at: its age counts from `since`, if from anything yet, and only a `free` one may go.
    pub(crate) fn look(&mut self, item: T, since: Option<Moment>, free: bool, before: Moment) {
        match since {
            Some(at) if free && at < before => self.old.push(item),
            Some(at) => self.stays(at),
            None => {}
        }
    }
}
