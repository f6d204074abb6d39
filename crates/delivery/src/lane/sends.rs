//! Step (d) of a turn: sends.

use super::work::Work;
use super::{Downlink, Link};
use crate::command::{Command, Kind, State};

impl Work<'_> {
    /// Commits every attempt that may leave now: those that are due, then the head of the queue if the line is free (R1.4).
    pub(super) fn send(&mut self) {
        let Link::Reachable { .. } = self.lane.link else {
            self.skip_born();
            return;
        };
        for at in 0..self.lane.open.len() {
            if self.lane.open[at].is_due(self.now) {
                self.attempt(at);
            }
        }
        let queued = |c: &Command| matches!(c.kind, Kind::Queued { .. });
        let busy = self
            .lane
            .open
            .iter()
            .any(|c| queued(c) && matches!(c.state, State::Sent(_)));
        if busy {
            return;
        }
        let waiting = self
            .lane
            .open
            .iter()
            .enumerate()
            .filter(|(_, c)| c.state == State::Queued);
        if let Some((head, _)) = waiting.min_by_key(|(_, c)| (c.created, c.id)) {
            self.attempt(head);
        }
    }

    /// An immediate command that was accepted while the device is away uses up its first slot at once.
    fn skip_born(&mut self) {
        for at in 0..self.lane.open.len() {
            let command = &self.lane.open[at];
            if let (true, State::Sent(sent)) = (
                command.skips(self.rules) && command.is_due(self.now),
                command.state,
            ) {
                let (rules, now) = (self.rules, self.now);
                self.touch(at).skip(sent.slot, now, rules, now);
            }
        }
    }

    fn attempt(&mut self, at: usize) {
        let Link::Reachable { session, confirms } = self.lane.link else {
            return;
        };
        let (rules, now) = (self.rules, self.now);
        let command = self.touch(at);
        let confirm = match command.kind {
            Kind::Direct { confirm } => confirm && confirms,
            Kind::Queued { .. } | Kind::Immediate => confirms,
        };
        let entry = command.attempt(confirm, rules, now);
        let downlink = Downlink {
            session,
            command: command.id,
            mid: command.mid,
            attempt: command.issued,
            confirm,
            body: command.body.clone(),
        };
        let id = command.id;
        self.downlinks.push(downlink);
        // The entry may be an older one, written anew.
        for touched in self.touched.iter_mut().filter(|t| t.id == id) {
            touched.entries_before = touched.entries_before.min(entry);
        }
    }
}
