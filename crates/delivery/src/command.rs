//! A command and its states.

mod schedule;
mod steps;

use crate::history::{Cause, Entry};
use crate::ids::{AppKey, CommandId, DeviceId};
use crate::mids::Mid;
use crate::time::Moment;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

/// A command: what was asked, where it stands, and how it came there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Its id.
    pub id: CommandId,
    /// The device it is for.
    pub device: DeviceId,
    /// The device's application (R1.13); the creator stands in the first entry of the history.
    pub app: AppKey,
    /// How it is to be delivered.
    pub kind: Kind,
    /// Its id on the link.
    pub mid: Mid,
    /// When it was accepted.
    pub created: Moment,
    /// How often an attempt is repeated at the most, 0 to 3.
    pub retransmit_max: u8,
    /// Whether the device is expected to answer beyond the acknowledgement (R1.7).
    pub answer_expected: bool,
    /// Whether somebody is to be told of its changes.
    pub callback: bool,
    /// The caller's idempotency key (R1.15).
    pub key: Option<Arc<str>>,
    /// What was asked, in the server's own writing; opaque here and never changed.
    pub body: Arc<[u8]>,
    /// Where it stands.
    pub state: State,
    /// Attempts committed and not given back (`issuedTimes`).
    pub issued: u8,
    /// How it came there, oldest first; never empty.
    pub history: Vec<Entry>,
    /// The device's answer, if one counted.
    pub answer: Option<Answer>,
    /// How many entries of the history its owner has been told (R2.2).
    pub told: u32,
    /// Attempts that the link lost.
    pub lost: u32,
    /// Late arrivals, those beyond the kept ones included (R1.8).
    pub late: u32,
}

/// How a command is to be delivered (R1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Kept until the device can be reached, one after the other, for `expire_after` from its creation.
    Queued {
        /// How long it may wait; more than zero.
        expire_after: Duration,
    },
    /// Sent at once and repeated if need be, never kept for a later window.
    Immediate,
    /// A direct call: one attempt, never repeated.
    Direct {
        /// Whether the transport is to confirm it (R4.4).
        confirm: bool,
    },
}

/// Where a command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Kept; nothing has left the platform.
    Queued,
    /// The decision to send was committed: it may have left the platform (R1.3).
    Sent(Sent),
    /// The device acknowledged it.
    Delivered {
        /// When it is settled if no result has come.
        settle_at: Moment,
    },
    /// It is over; nothing changes its status any more.
    Ended(Ending),
}

/// What a command that was sent is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Slots of the schedule that have passed, those that were skipped included.
    pub slot: u8,
    /// When the last of them was.
    pub last: Moment,
    /// What comes next if no acknowledgement does.
    pub next: Next,
}

/// The next deadline of a command that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// An attempt is due then.
    Attempt(Moment),
    /// No attempt is left: it times out then.
    Timeout(Moment),
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// Delivered, and no result came: it stays delivered.
    Settled,
    /// The device answered that it did it.
    Succeeded,
    /// The device answered that it did not, or it could not be sent at all.
    Failed,
    /// Called back before anything left: the device never saw it.
    Cancelled,
    /// Too old before anything left: the device never saw it.
    Expired,
    /// Sent and never acknowledged: nobody can know.
    TimedOut,
}

/// The names of the states, without what each of them knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Kept; nothing has left.
    Queued,
    /// It may have left.
    Sent,
    /// The device acknowledged it.
    Delivered,
    /// Done.
    Succeeded,
    /// Not done.
    Failed,
    /// Called back unseen.
    Cancelled,
    /// Too old, unseen.
    Expired,
    /// Nobody can know.
    TimedOut,
}

/// What a device answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether it did what was asked.
    pub verdict: Verdict,
    /// The answer's body in the server's own writing; opaque here.
    pub detail: Option<Arc<[u8]>>,
    /// Whether the body is not what the device's profile says.
    pub off_profile: bool,
}

/// The judgement in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// errcode 0.
    Success,
    /// Any other errcode.
    Failure,
    /// It cannot be decoded; counts as a failure (R1.7).
    Undecodable,
}

impl Command {
    /// The name of its state.
    pub const fn status(&self) -> Status {
        match self.state {
            State::Queued => Status::Queued,
            State::Sent(_) => Status::Sent,
            State::Delivered { .. } | State::Ended(Ending::Settled) => Status::Delivered,
            State::Ended(Ending::Succeeded) => Status::Succeeded,
            State::Ended(Ending::Failed) => Status::Failed,
            State::Ended(Ending::Cancelled) => Status::Cancelled,
            State::Ended(Ending::Expired) => Status::Expired,
            State::Ended(Ending::TimedOut) => Status::TimedOut,
        }
    }

    /// Whether an attempt of it was ever committed: whether the device can have anything to say of it.
    pub fn was_sent(&self) -> bool {
        self.history.iter().any(|e| e.cause == Cause::Attempt)
    }

    /// Whether nothing changes its status any more.
    pub const fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended(_))
    }

    /// When a queued command that was not sent expires, and after which no attempt of it leaves; `None` for the other kinds.
    pub fn time_up(&self) -> Option<Moment> {
        match self.kind {
            Kind::Queued { expire_after } => Some(self.created + expire_after),
            Kind::Immediate | Kind::Direct { .. } => None,
        }
    }

    /// When the status became `status` for the first time. Late entries repeat one that was there before.
    pub fn first(&self, status: Status) -> Option<Moment> {
        self.history
            .iter()
            .find(|e| e.status == status)
            .map(|e| e.at)
    }

    /// What its owner has still to be told: entries with their places in the history, oldest first (R2.2, R5.1).
    ///
    /// Every change of status after the first entry is owed; attempts that repeat one, late and settling entries are not.
    /// Whether a cancellation is told is the teller's choice.
    pub fn owed(&self) -> impl Iterator<Item = (usize, &Entry)> {
        let told = if self.callback {
            usize::try_from(self.told).unwrap_or(usize::MAX)
        } else {
            usize::MAX
        };
        let pairs = self.history.windows(2).enumerate();
        pairs.filter_map(move |(before, pair)| match pair {
            [old, new] if old.status != new.status && before + 1 >= told => Some((before + 1, new)),
            _ => None,
        })
    }

    /// Whether it is over and everybody who is to be told has been.
    pub fn is_closed(&self) -> bool {
        self.has_ended() && self.owed().next().is_none()
    }
}
