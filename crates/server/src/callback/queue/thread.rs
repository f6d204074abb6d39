//! One command that has something to tell.

use crate::callback::letter::{Letter, Line, Wording};
use delivery::{Command, CommandId, DeviceId, Moment};
use std::collections::VecDeque;
use std::sync::Arc;
use store::{DeadCallback, Write};

/// The told mark of a command whose callbacks were given up.
pub(in crate::callback) const GIVEN_UP: u32 = u32::MAX;

/// One command that has something to tell.
pub(super) struct Thread {
    pub(super) letter: Arc<Letter>,
    /// What is still to be told, in order.
    pub(super) lines: VecDeque<Line>,
    /// Entries of the history that were looked at.
    pub(super) seen: u32,
    pub(super) ended: bool,
    pub(super) phase: Phase,
    /// Attempts at the first line.
    pub(super) attempts: u32,
    /// It is not given up before this moment, whatever its entries say.
    pub(super) not_before: Moment,
    /// The row of a replay.
    pub(super) replay: Option<DeadCallback>,
    /// The endpoint it uses, once it had something to tell.
    pub(super) endpoint: Option<u32>,
    /// Whether it counts against its application's bound.
    pub(super) counted: bool,
    /// Marks that were taken and are not kept yet.
    pub(super) keeping: u32,
}

/// How far a thread is with its first line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    /// There is none, or it has not been looked at.
    Quiet,
    /// It waits for its time, or for a slot.
    Waiting {
        due: Moment,
        ticket: u64,
        dies_at: Moment,
    },
    /// It is being told.
    UnderWay { dies_at: Moment },
    /// Given up, with everything after it.
    Dead(Box<DeadCallback>),
}

/// What is to be written about a thread, and what follows from that.
#[derive(Debug)]
pub(in crate::callback) struct Keeping {
    pub(in crate::callback) command: CommandId,
    pub(in crate::callback) device: DeviceId,
    pub(in crate::callback) writes: Vec<Write>,
    /// What the lane is to know before the thread is forgotten; `None` if it need not.
    pub(in crate::callback) lane: Option<u32>,
}

impl Thread {
    /// A thread for `command` that tells entries from `from` on; with them, its lines are still to be counted and to wait.
    pub(super) fn new(
        command: &Command,
        from: u32,
        replay: Option<DeadCallback>,
        (wording, not_before): (Wording, Moment),
    ) -> Self {
        let letter = Letter::of(command);
        let first = usize::try_from(from).unwrap_or(usize::MAX);
        let lines = lines(&letter, command, first, wording);
        let mut thread = Self {
            letter: Arc::new(letter),
            lines: lines.into(),
            seen: 0,
            ended: false,
            phase: Phase::Quiet,
            attempts: 0,
            not_before,
            replay,
            endpoint: None,
            counted: false,
            keeping: 0,
        };
        thread.note(command);
        thread
    }

    /// Takes in how far the command's history goes.
    pub(super) fn note(&mut self, command: &Command) {
        let entries = u32::try_from(command.history.len()).unwrap_or(u32::MAX);
        self.seen = self.seen.max(entries);
        self.ended |= command.has_ended();
    }

    /// Whether it was given up.
    pub(super) const fn is_dead(&self) -> bool {
        matches!(self.phase, Phase::Dead(_))
    }

    /// Whether nothing more comes of it: it may be forgotten once this is kept.
    pub(super) fn is_over(&self) -> bool {
        let is_open_replay = self.replay.is_some() && !self.ended && !self.is_dead();
        self.lines.is_empty()
            && matches!(self.phase, Phase::Quiet | Phase::Dead(_))
            && !is_open_replay
    }

    /// What is to be written about it now.
    pub(super) fn keep(&mut self) -> Keeping {
        let command = self.letter.id;
        let up_to = self.lines.front().map_or(self.seen, |line| line.place);
        let told = |up_to| Write::Told { command, up_to };
        let lane = |up_to| (self.is_over() && !self.ended).then_some(up_to);
        let (writes, lane) = match (&self.phase, &self.replay) {
            (Phase::Dead(row), _) => {
                let row = Write::DeadCallback(DeadCallback::clone(row));
                (vec![row, told(GIVEN_UP)], lane(GIVEN_UP))
            }
            (_, None) => (vec![told(up_to)], lane(up_to)),
            (_, Some(_)) if self.is_over() => (vec![Write::ForgetDeadCallback(command)], None),
            (_, Some(row)) => {
                let row = DeadCallback {
                    from: up_to,
                    ..row.clone()
                };
                (vec![Write::DeadCallback(row)], None)
            }
        };
        self.keeping += 1;
        Keeping {
            command,
            device: self.letter.device,
            writes,
            lane,
        }
    }
}

/// The lines that a command's history has from `first` on.
pub(super) fn lines(
    letter: &Letter,
    command: &Command,
    first: usize,
    wording: Wording,
) -> Vec<Line> {
    let pairs = command.history.windows(2).enumerate();
    let changed = pairs.filter_map(|(before, pair)| match pair {
        [old, new] if old.status != new.status && before + 1 >= first => Some((before + 1, new)),
        _ => None,
    });
    changed
        .filter_map(|entry| letter.line(command, entry, wording))
        .collect()
}
