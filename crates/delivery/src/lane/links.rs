//! Step (a) of a turn: what links reported.

use super::work::{LAPSES_MAX, Touched, Work};
use super::{Arrival, Input, Link, Unmatched};
use crate::command::{Answer, Command, Ending, Kind, State};
use crate::history::{Cause, Who};
use crate::ids::{CommandId, SessionId};
use crate::mids::Mid;
use alloc::boxed::Box;

impl Work<'_> {
    /// Takes what a link reported; gives a request back for step (c).
    pub(super) fn hear(&mut self, input: Input) -> Option<Input> {
        match input {
            Input::Reachable { session, confirms } => self.reachable(session, confirms),
            Input::Unreachable { session } => self.unreachable(session),
            Input::Acked { command } => self.acked(command),
            Input::Answered { mid, answer } => self.answered(mid, answer),
            Input::Lost {
                command,
                attempt,
                session,
            } => self.lost(command, attempt, session),
            Input::Heard => self.heard(),
            Input::Late { command, arrival } => self.late(command, arrival),
            request @ (Input::Submit(..)
            | Input::Cancel { .. }
            | Input::CancelAll { .. }
            | Input::Revoke { .. }
            | Input::Delete { .. }) => return Some(request),
        }
        None
    }

    fn heard(&mut self) {
        self.lane.contact = Some(self.now);
    }

    fn reachable(&mut self, session: SessionId, confirms: bool) {
        self.heard();
        if self.lane.deleted {
            self.close = Some(session);
            return;
        }
        let newer = match self.lane.link {
            Link::Reachable {
                session: present, ..
            } => session >= present,
            Link::Away => true,
        };
        if newer {
            self.skip_missed();
            self.lane.link = Link::Reachable { session, confirms };
        }
    }

    /// Attempts that came due while the device was away and are not to be kept for this window (R1.5). Most were skipped in
    /// time; after a start of the platform the device may be the first to be heard.
    fn skip_missed(&mut self) {
        if self.lane.is_reachable() {
            return;
        }
        let (rules, now) = (self.rules, self.now);
        for at in 0..self.lane.open.len() {
            for _ in 0..LAPSES_MAX {
                if self.lane.open[at].has_missed(rules, now) {
                    self.touch(at).lapsed(false, rules, now);
                }
            }
        }
    }

    fn unreachable(&mut self, session: SessionId) {
        if matches!(self.lane.link, Link::Reachable { session: present, .. } if present == session)
        {
            self.lane.link = Link::Away;
        }
    }

    fn acked(&mut self, id: CommandId) {
        self.heard();
        let place = self.lane.place(id);
        match place.map(|at| (at, self.lane.open[at].state)) {
            Some((at, State::Sent(_))) if self.lane.open[at].may_have_left() => {
                let (rules, now) = (self.rules, self.now);
                self.touch(at).deliver(Cause::Acked, rules, now);
            }
            // A second acknowledgement says nothing new.
            Some((_, State::Delivered { .. })) => {}
            // Nothing of it left, or it is over.
            Some((_, State::Queued | State::Sent(_) | State::Ended(_))) | None => {
                self.unmatched.push(Unmatched::Ack(id));
            }
        }
    }

    fn answered(&mut self, mid: Mid, answer: Answer) {
        self.heard();
        let waits = |c: &Command| c.mid == mid && c.may_have_left() && !c.has_ended();
        let Some(at) = self.lane.open.iter().position(waits) else {
            self.unmatched.push(Unmatched::Answer(mid, answer));
            return;
        };
        let (rules, now) = (self.rules, self.now);
        let command = self.touch(at);
        if matches!(command.state, State::Sent(_)) {
            command.deliver(Cause::AnswerImplies, rules, now);
        }
        command.conclude(answer, now);
        self.sweep(at);
    }

    fn lost(&mut self, id: CommandId, attempt: u8, session: SessionId) {
        self.unreachable(session);
        let Some(at) = self.lane.place(id) else {
            return;
        };
        let State::Sent(sent) = self.lane.open[at].state else {
            return;
        };
        if self.lane.open[at].issued != attempt || !self.lane.open[at].may_have_left() {
            return;
        }
        let (rules, now) = (self.rules, self.now);
        let command = self.touch(at);
        command.lose(sent, rules, now);
        if matches!(command.kind, Kind::Direct { .. }) {
            command.end(Ending::Failed, Cause::LinkRefused, Who::Platform, now);
        }
        self.sweep(at);
    }

    fn late(&mut self, command: Box<Command>, arrival: Arrival) {
        let mut command = *command;
        // What is open is not late, and of what was never sent nothing can be true.
        if !command.has_ended() || !command.was_sent() || self.lane.place(command.id).is_some() {
            return;
        }
        // Two late arrivals in one inbox: the second finds the command as the first left it.
        if let Some(at) = self.ended.iter().position(|c| c.id == command.id) {
            command = self.ended.swap_remove(at);
        } else {
            let (id, entries_before) = (command.id, command.history.len());
            self.touched.push(Touched {
                id,
                entries_before,
                born: false,
            });
        }
        match arrival {
            Arrival::Ack => command.note_late(Cause::LateAck, self.now),
            Arrival::Answer(answer) => {
                self.keep_lane |= self.lane.mids.answered_late(command.mid);
                command.note_late(Cause::LateAnswer, self.now);
                command.answer.get_or_insert(answer);
            }
        }
        self.ended.push(command);
    }
}
