//! The moments of a command: its attempts, and the deadlines at which something is decided about it (R1.5 to R1.7).

use super::{Command, Ending, Kind, Next, Sent, State};
use crate::history::{Cause, Who};
use crate::jitter::within;
use crate::rules::{Retransmit, Rules};
use crate::time::Moment;

impl Command {
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
    pub(super) fn after(&self, slot: u8, at: Moment, rules: &Rules) -> Next {
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

    pub(super) fn timeout_after(&self, slot: u8, at: Moment, rules: &Rules) -> Next {
        let end = at + within(rules.timeout_after, self.id, slot);
        match self.kind {
            Kind::Immediate => Next::Timeout(end.min(self.created + rules.immediate_life_max)),
            Kind::Queued { .. } | Kind::Direct { .. } => Next::Timeout(end),
        }
    }
}
