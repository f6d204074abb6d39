//! A turn in the making, and step (b) of it: deadlines.

use super::{Change, Downlink, Granted, Lane, Refusal, Reply, Turn, Unmatched};
use crate::command::Command;
use crate::ids::{CommandId, SessionId, Ticket};
use crate::rules::Rules;
use crate::time::Moment;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

/// How old the kept moment of the last contact may become before a turn writes it again.
const CONTACT_KEPT_EVERY: Duration = Duration::from_mins(1);

/// How often one command can lapse in one turn: its slots, then the end. A turn ends whatever its lane holds.
pub(super) const LAPSES_MAX: usize = 8;

/// A turn in the making.
pub(super) struct Work<'a> {
    pub(super) lane: Lane,
    pub(super) rules: &'a Rules,
    pub(super) now: Moment,
    pub(super) keep_lane: bool,
    /// The commands that changed; unsorted, each once.
    pub(super) touched: Vec<Touched>,
    /// Commands that ended in this turn and left the lane, and ended ones that something late arrived for.
    pub(super) ended: Vec<Command>,
    pub(super) downlinks: Vec<Downlink>,
    pub(super) replies: Vec<(Ticket, Result<Outcome, Refusal>)>,
    pub(super) unmatched: Vec<Unmatched>,
    pub(super) close: Option<SessionId>,
}

/// A command that this turn changed, as far as it is not to be seen in the command itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Touched {
    pub(super) id: CommandId,
    pub(super) entries_before: usize,
    pub(super) born: bool,
}

/// A granted request whose reply shows what stands at the end of the turn.
pub(super) enum Outcome {
    Accepted(CommandId),
    Done(Granted),
}

impl<'a> Work<'a> {
    pub(super) fn new(lane: Lane, rules: &'a Rules, now: Moment) -> Self {
        Self {
            lane,
            rules,
            now,
            keep_lane: false,
            touched: Vec::new(),
            ended: Vec::new(),
            downlinks: Vec::new(),
            replies: Vec::new(),
            unmatched: Vec::new(),
            close: None,
        }
    }

    /// Marks the command at `at` as changed by this turn, before it changes.
    pub(super) fn touch(&mut self, at: usize) -> &mut Command {
        let command = &mut self.lane.open[at];
        if !self.touched.iter().any(|t| t.id == command.id) {
            self.touched.push(Touched {
                id: command.id,
                entries_before: command.history.len(),
                born: false,
            });
        }
        command
    }

    /// Step (b): deadlines that have passed, the earliest first.
    pub(super) fn lapse(&mut self) {
        let reachable = self.lane.is_reachable();
        for _ in 0..self.lane.open.len() * LAPSES_MAX {
            let lapses = self.lane.open.iter().enumerate();
            let first = lapses
                .filter_map(|(at, c)| c.lapse(reachable, self.rules).map(|when| (when, at)))
                .min();
            let Some((when, at)) = first else { return };
            if when > self.now {
                return;
            }
            let (rules, now) = (self.rules, self.now);
            self.touch(at).lapsed(reachable, rules, now);
            self.sweep(at);
        }
    }

    /// Takes the command at `at` out of the lane if it has ended, and remembers its mid if an answer may still come.
    pub(super) fn sweep(&mut self, at: usize) {
        if !self.lane.open[at].has_ended() {
            return;
        }
        let command = self.lane.open.remove(at);
        if command.was_sent() && command.answer.is_none() {
            self.lane.mids.ended_unanswered(command.mid);
            self.keep_lane = true;
        }
        self.ended.push(command);
    }

    pub(super) fn finish(mut self) -> Turn {
        // The mid of a command that was accepted was taken before the turn: its sequence is to survive with it (R6.7).
        self.keep_lane |= self.touched.iter().any(|t| t.born);
        let stale = match (self.lane.contact, self.lane.contact_kept) {
            (Some(contact), Some(kept)) => contact.since(kept) >= CONTACT_KEPT_EVERY,
            (contact, _) => contact.is_some(),
        };
        self.keep_lane |= stale;
        if self.keep_lane {
            self.lane.contact_kept = self.lane.contact;
        }
        let changes = self.changes();
        let replies = self.replies(&changes);
        let wake_at = self.lane.wake_at(self.rules);
        let revision = self.lane.revision;
        let mut turn = Turn {
            lane: self.lane,
            revision,
            keep_lane: self.keep_lane,
            changes,
            downlinks: self.downlinks,
            replies,
            unmatched: self.unmatched,
            close: self.close,
            wake_at,
        };
        if turn.is_durable() {
            turn.lane.revision += 1;
        }
        turn
    }

    fn changes(&mut self) -> Vec<Change> {
        self.touched.sort_unstable();
        let touched = core::mem::take(&mut self.touched);
        let mut ended = core::mem::take(&mut self.ended);
        let mut changes = Vec::with_capacity(touched.len());
        for Touched {
            id,
            entries_before,
            born,
        } in touched
        {
            let open = self.lane.find(id).cloned();
            let gone = || {
                ended
                    .iter()
                    .position(|c| c.id == id)
                    .map(|at| ended.swap_remove(at))
            };
            if let Some(command) = open.or_else(gone) {
                let wake_at = command.lapse(false, self.rules);
                changes.push(Change {
                    command,
                    born,
                    entries_before,
                    wake_at,
                });
            }
        }
        changes
    }

    fn replies(&mut self, changes: &[Change]) -> Vec<Reply> {
        let replies = core::mem::take(&mut self.replies).into_iter();
        let lane = &self.lane;
        let now_is = |id: CommandId| {
            let change = changes
                .binary_search_by_key(&id, |c| c.command.id)
                .ok()
                .and_then(|at| changes.get(at));
            let command = change.map(|c| &c.command).or_else(|| lane.find(id));
            Granted::Accepted(Box::new(
                command
                    .expect("what was accepted has changed, or is open")
                    .clone(),
            ))
        };
        let outcome = |outcome: Result<Outcome, Refusal>| {
            outcome.map(|granted| match granted {
                Outcome::Accepted(id) => now_is(id),
                Outcome::Done(granted) => granted,
            })
        };
        replies
            .map(|(ticket, result)| Reply {
                ticket,
                outcome: outcome(result),
            })
            .collect()
    }
}
