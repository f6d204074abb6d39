//! The steps of a command from state to state, each with its entry in the history.

use super::{Answer, Command, Ending, Next, Sent, State, Verdict};
use crate::history::{Cause, Entry, LATE_ENTRIES_MAX, LOST_ENTRIES_MAX, Who};
use crate::rules::Rules;
use crate::time::Moment;

impl Command {
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
}
