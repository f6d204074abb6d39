//! A command and its states.

use crate::history::{Cause, Entry, LATE_ENTRIES_MAX, LOST_ENTRIES_MAX, Who};
use crate::ids::{AppKey, CommandId, DeviceId};
use crate::jitter::within;
use crate::mids::Mid;
use crate::rules::{Retransmit, Rules};
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

    /// Appends an entry that says where it stands now.
    pub(crate) fn note(&mut self, cause: Cause, who: Who, now: Moment) {
        let entry = Entry {
            status: self.status(),
            at: now,
            cause,
            attempt: self.issued,
            who,
        };
        self.history.push(entry);
    }

    /// Ends it.
    pub(crate) fn end(&mut self, ending: Ending, cause: Cause, who: Who, now: Moment) {
        self.state = State::Ended(ending);
        self.note(cause, who, now);
    }

    /// Enters `Delivered`, from where a result or the settling follows.
    pub(crate) fn deliver(&mut self, cause: Cause, rules: &Rules, now: Moment) {
        let wait = if self.answer_expected {
            rules.result_within
        } else {
            rules.settle_after
        };
        self.state = State::Delivered {
            settle_at: now + wait,
        };
        self.note(cause, Who::Device, now);
    }

    /// Takes the device's answer as its end.
    pub(crate) fn conclude(&mut self, answer: Answer, now: Moment) {
        let (ending, cause) = match (answer.verdict, answer.off_profile) {
            (Verdict::Success, false) => (Ending::Succeeded, Cause::Answered),
            (Verdict::Success, true) => (Ending::Succeeded, Cause::AnsweredOffProfile),
            (Verdict::Failure, false) => (Ending::Failed, Cause::Answered),
            (Verdict::Failure, true) => (Ending::Failed, Cause::AnsweredOffProfile),
            (Verdict::Undecodable, _) => (Ending::Failed, Cause::Undecodable),
        };
        self.answer = Some(answer);
        self.end(ending, cause, Who::Device, now);
    }

    /// Commits one attempt at `now`; `confirms` says whether the link can acknowledge it. Returns the place of its entry in the
    /// history: once the bound on lost attempts is reached, that of the lost one which it makes up for.
    pub(crate) fn attempt(&mut self, confirms: bool, rules: &Rules, now: Moment) -> usize {
        let slot = match self.state {
            State::Sent(sent) => sent.slot.saturating_add(1),
            State::Queued | State::Delivered { .. } | State::Ended(_) => 1,
        };
        let next = if confirms {
            self.after(slot, now, rules)
        } else {
            self.timeout_after(slot, now, rules)
        };
        self.issued = self.issued.saturating_add(1);
        self.state = State::Sent(Sent {
            slot,
            last: now,
            next,
        });
        let again = |e: &Entry| e.cause == Cause::Attempt && e.attempt == self.issued;
        if self.history.last().is_some_and(again) {
            self.history.pop();
        }
        self.note(Cause::Attempt, Who::Platform, now);
        self.history.len() - 1
    }

    /// Lets the slot that was due at `due` pass unused.
    pub(crate) fn skip(&mut self, slot: u8, due: Moment, rules: &Rules, now: Moment) {
        let slot = slot.saturating_add(1);
        self.state = State::Sent(Sent {
            slot,
            last: due,
            next: self.after(slot, due, rules),
        });
        self.note(Cause::Skipped, Who::Platform, now);
    }

    /// Takes back the last attempt: no byte of it was handed over (R1.5).
    pub(crate) fn lose(&mut self, sent: Sent, rules: &Rules, now: Moment) {
        self.issued = self.issued.saturating_sub(1);
        if !self.skips(rules) {
            let slot = sent.slot.saturating_sub(1);
            self.state = State::Sent(Sent {
                slot,
                last: sent.last,
                next: Next::Attempt(now),
            });
        }
        self.lost = self.lost.saturating_add(1);
        if self.lost <= LOST_ENTRIES_MAX {
            self.note(Cause::Lost, Who::Device, now);
        }
    }

    /// Keeps a late arrival in the history, up to the bound, and counts it (R1.8).
    pub(crate) fn note_late(&mut self, cause: Cause, now: Moment) {
        let kept = self.history.iter().filter(|e| e.cause.is_late()).count();
        if kept < LATE_ENTRIES_MAX {
            self.note(cause, Who::Device, now);
        }
        self.late = self.late.saturating_add(1);
    }

    /// The moment at which something is to be decided about it apart from sending; `reachable` says whether its device is.
    pub(crate) fn lapse(&self, reachable: bool, rules: &Rules) -> Option<Moment> {
        match self.state {
            State::Queued => self.time_up(),
            State::Sent(Sent {
                next: Next::Timeout(at),
                ..
            }) => Some(at.max(rules.started + rules.start_grace)),
            State::Sent(Sent {
                next: Next::Attempt(due),
                ..
            }) => {
                if self.skips(rules) && !reachable {
                    Some(due)
                } else {
                    self.send_until(rules)
                }
            }
            State::Delivered { settle_at } => Some(settle_at),
            State::Ended(_) => None,
        }
    }

    /// Decides what lapsed; to be called when [`lapse`](Self::lapse) has passed.
    pub(crate) fn lapsed(&mut self, reachable: bool, rules: &Rules, now: Moment) {
        match self.state {
            State::Queued => self.end(Ending::Expired, Cause::TooOld, Who::Platform, now),
            State::Sent(Sent {
                next: Next::Timeout(_),
                ..
            }) => {
                self.end(Ending::TimedOut, Cause::NoAck, Who::Platform, now);
            }
            State::Sent(Sent {
                slot,
                last,
                next: Next::Attempt(due),
            }) => {
                if self.skips(rules) && !reachable {
                    self.skip(slot, due, rules, now);
                } else {
                    let next = self.timeout_after(slot, last, rules);
                    self.state = State::Sent(Sent { slot, last, next });
                }
            }
            State::Delivered { .. } => {
                let cause = if self.answer_expected {
                    Cause::NoResult
                } else {
                    Cause::NoResultExpected
                };
                self.end(Ending::Settled, cause, Who::Platform, now);
            }
            State::Ended(_) => {}
        }
    }

    /// The attempt that is due at `now`, if one is.
    pub(crate) fn is_due(&self, now: Moment) -> bool {
        matches!(self.state, State::Sent(Sent { next: Next::Attempt(due), .. }) if due <= now)
    }

    /// When an attempt is due.
    pub(crate) const fn due(&self) -> Option<Moment> {
        match self.state {
            State::Sent(Sent {
                next: Next::Attempt(due),
                ..
            }) => Some(due),
            State::Queued | State::Sent(_) | State::Delivered { .. } | State::Ended(_) => None,
        }
    }

    /// The moment from which on no attempt leaves any more (R1.5); a direct call has but one, which leaves at its birth.
    fn send_until(&self, rules: &Rules) -> Option<Moment> {
        match self.kind {
            Kind::Queued { .. } => self.time_up(),
            Kind::Immediate => Some(self.created + rules.immediate_life_max),
            Kind::Direct { .. } => None,
        }
    }

    /// Whether an attempt of it came due before `now` that is not to be kept for a later window.
    pub(crate) fn has_missed(&self, rules: &Rules, now: Moment) -> bool {
        self.skips(rules) && self.due().is_some_and(|due| due < now)
    }

    /// Whether a byte of it may have left the platform.
    pub(crate) const fn may_have_left(&self) -> bool {
        self.issued > 0
    }

    /// Whether an attempt that is due while the device is away is skipped rather than kept (R1.5).
    pub(crate) const fn skips(&self, rules: &Rules) -> bool {
        match (self.kind, rules.retransmit) {
            (Kind::Queued { .. }, Retransmit::Patient) => false,
            (Kind::Queued { .. }, Retransmit::Strict)
            | (Kind::Immediate | Kind::Direct { .. }, _) => true,
        }
    }

    /// What follows the slot with this number (1 for the first), which was at `at`.
    fn after(&self, slot: u8, at: Moment, rules: &Rules) -> Next {
        let slots = match self.kind {
            Kind::Direct { .. } => 1,
            Kind::Queued { .. } | Kind::Immediate => self.retransmit_max.saturating_add(1),
        };
        let window = rules.resend_after.get(usize::from(slot).saturating_sub(1));
        match window {
            Some(window) if slot < slots => {
                let due = at + within(*window, self.id, slot);
                if self.send_until(rules).is_some_and(|end| due >= end) {
                    self.timeout_after(slot, at, rules)
                } else {
                    Next::Attempt(due)
                }
            }
            Some(_) | None => self.timeout_after(slot, at, rules),
        }
    }

    fn timeout_after(&self, slot: u8, at: Moment, rules: &Rules) -> Next {
        let end = at + within(rules.timeout_after, self.id, slot);
        match self.kind {
            Kind::Immediate => Next::Timeout(end.min(self.created + rules.immediate_life_max)),
            Kind::Queued { .. } | Kind::Direct { .. } => Next::Timeout(end),
        }
    }
}
