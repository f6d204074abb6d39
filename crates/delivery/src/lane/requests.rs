//! Step (c) of a turn: submissions and cancellations, in order of arrival.

use super::work::{Outcome, Touched, Work};
use super::{Granted, Input, Lane, Link, Refusal, Submission};
use crate::command::{Command, Ending, Kind, Next, Sent, State};
use crate::history::{Cause, Who};
use crate::ids::{AppKey, CommandId};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// The most repetitions that a submission may ask for (contract §5.2).
const RETRANSMIT_MAX: u8 = 3;

impl Work<'_> {
    pub(super) fn request(&mut self, input: Input) {
        let (ticket, outcome) = match input {
            Input::Submit(ticket, submission) => {
                (ticket, self.submit(*submission).map(Outcome::Accepted))
            }
            Input::Cancel {
                ticket,
                command,
                who,
            } => (ticket, self.cancel(command, who).map(Outcome::Done)),
            Input::CancelAll { ticket, who } => (ticket, Ok(Outcome::Done(self.cancel_all(who)))),
            Input::Revoke { ticket, app, who } => {
                (ticket, Ok(Outcome::Done(self.revoke(app, who))))
            }
            Input::Delete { ticket, who } => (ticket, self.delete(who).map(Outcome::Done)),
            Input::Reachable { .. }
            | Input::Unreachable { .. }
            | Input::Acked { .. }
            | Input::Answered { .. }
            | Input::Lost { .. }
            | Input::Heard
            | Input::Late { .. } => return,
        };
        self.replies.push((ticket, outcome));
    }

    fn submit(&mut self, mut asked: Submission) -> Result<CommandId, Refusal> {
        let id = asked.id;
        if self.lane.find(id).is_some() || self.touched.iter().any(|t| t.id == id) {
            // The same submission once more: it stands as it is, and nothing leaves again.
            return Ok(id);
        }
        if matches!(asked.kind, Kind::Queued { expire_after } if expire_after.as_millis() == 0) {
            asked.kind = Kind::Immediate;
        }
        self.admit(&asked)?;
        let (who, encodable) = (asked.who, asked.encodable);
        let mut command = self.born(asked);
        match (encodable, command.kind) {
            (true, _) => command.note(Cause::Accepted, who, self.now),
            (false, Kind::Queued { .. }) => {
                command.note(Cause::Accepted, who, self.now);
                command.end(Ending::Failed, Cause::NotEncodable, Who::Platform, self.now);
            }
            // It was never sent, so its first entry cannot say so; the creator stands in it all the same (R1.13).
            (false, Kind::Immediate | Kind::Direct { .. }) => {
                command.end(Ending::Failed, Cause::NotEncodable, who, self.now);
            }
        }
        let at = self
            .lane
            .open
            .binary_search_by_key(&id, |c| c.id)
            .unwrap_or_else(|at| at);
        self.lane.open.insert(at, command);
        self.touched.push(Touched {
            id,
            entries_before: 0,
            born: true,
        });
        self.sweep(at);
        Ok(id)
    }

    /// The checks that only the lane can make, in the order of R3.1.
    fn admit(&mut self, asked: &Submission) -> Result<(), Refusal> {
        let rules = self.rules;
        if self.lane.deleted {
            return Err(Refusal::DeviceDeleted);
        }
        match asked.kind {
            Kind::Direct { .. } if !self.lane.is_reachable() => return Err(Refusal::Offline),
            Kind::Queued { .. } => {
                let heard = self
                    .lane
                    .contact
                    .unwrap_or_default()
                    .max(self.lane.registered);
                if !rules.zombie_after.is_zero() && self.now.since(heard) >= rules.zombie_after {
                    return Err(Refusal::Zombie);
                }
                if rules.pending_max != 0 && pending(&self.lane).count() >= rules.pending_max {
                    return Err(Refusal::PendingMax);
                }
            }
            Kind::Direct { .. } | Kind::Immediate => {}
        }
        let is_full = rules.open_max != 0 && self.lane.open.len() >= rules.open_max;
        // What cannot be encoded is never open: it takes nobody's place.
        if is_full && asked.encodable {
            self.make_room()?;
        }
        Ok(())
    }

    /// Settles the oldest delivered command to make room for a new one (R1.12).
    fn make_room(&mut self) -> Result<(), Refusal> {
        let delivered = |c: &Command| matches!(c.state, State::Delivered { .. });
        let at = self
            .lane
            .open
            .iter()
            .position(delivered)
            .ok_or(Refusal::OpenMax)?;
        let now = self.now;
        self.touch(at)
            .end(Ending::Settled, Cause::Displaced, Who::Platform, now);
        self.sweep(at);
        Ok(())
    }

    fn born(&self, asked: Submission) -> Command {
        let state = match asked.kind {
            Kind::Queued { .. } => State::Queued,
            Kind::Immediate | Kind::Direct { .. } => State::Sent(Sent {
                slot: 0,
                last: self.now,
                next: Next::Attempt(self.now),
            }),
        };
        Command {
            id: asked.id,
            device: self.lane.device,
            app: asked.app,
            kind: asked.kind,
            mid: asked.mid,
            created: self.now,
            retransmit_max: asked.retransmit_max.min(RETRANSMIT_MAX),
            answer_expected: asked.answer_expected,
            callback: asked.callback,
            key: asked.key,
            body: asked.body,
            state,
            issued: 0,
            history: Vec::new(),
            answer: None,
            told: 1,
            lost: 0,
            late: 0,
        }
    }

    fn cancel(&mut self, id: CommandId, who: Who) -> Result<Granted, Refusal> {
        let at = self.lane.place(id).ok_or(Refusal::NotPending)?;
        if self.lane.open[at].state != State::Queued {
            return Err(Refusal::NotPending);
        }
        let now = self.now;
        let command = self.touch(at);
        command.end(Ending::Cancelled, Cause::CancelRequested, who, now);
        let shown = Box::new(command.clone());
        self.sweep(at);
        Ok(Granted::Cancelled(shown))
    }

    fn cancel_all(&mut self, who: Who) -> Granted {
        let before: Vec<Command> = pending(&self.lane).cloned().collect();
        self.call_back(&before, Cause::CancelTask, who);
        Granted::CancelledAll(before)
    }

    fn revoke(&mut self, app: AppKey, who: Who) -> Granted {
        let theirs = |c: &&Command| {
            c.history
                .first()
                .is_some_and(|e| e.who == Who::Application(app))
        };
        let before: Vec<Command> = pending(&self.lane).filter(theirs).cloned().collect();
        self.call_back(&before, Cause::GrantRevoked, who);
        Granted::Revoked(before.len())
    }

    /// Cancels these queued commands.
    fn call_back(&mut self, queued: &[Command], cause: Cause, who: Who) {
        for command in queued {
            if let Some(at) = self.lane.place(command.id) {
                let now = self.now;
                self.touch(at).end(Ending::Cancelled, cause, who, now);
                self.sweep(at);
            }
        }
    }

    fn delete(&mut self, who: Who) -> Result<Granted, Refusal> {
        if self.lane.deleted {
            return Err(Refusal::DeviceDeleted);
        }
        let now = self.now;
        while let Some(last) = self.lane.open.len().checked_sub(1) {
            let command = self.touch(last);
            let ending = match command.state {
                State::Queued => Ending::Cancelled,
                State::Sent(_) => Ending::TimedOut,
                State::Delivered { .. } => Ending::Settled,
                State::Ended(ending) => ending,
            };
            command.end(ending, Cause::DeviceDeleted, who, now);
            self.sweep(last);
        }
        if let Link::Reachable { session, .. } = self.lane.link {
            self.close = Some(session);
            self.lane.link = Link::Away;
        }
        self.lane.deleted = true;
        self.keep_lane = true;
        Ok(Granted::Deleted)
    }
}

/// The commands that wait, oldest first.
fn pending(lane: &Lane) -> impl Iterator<Item = &Command> {
    lane.open.iter().filter(|c| c.state == State::Queued)
}
