//! What the writer knows of lanes without looking: their revisions and which of their commands are open.
//!
//! A turn must not cost a rewriting of its lane's row (R2.1), so the row may lag behind. What holds:
//!
//! - A lane that was written since the start stands here with its present revision, unless it was put out; it is put out only
//!   in the commit that writes its row anew. So *the revision of a lane is the one here, or else the one in its row.*
//! - After a restart the row's revision counts again. It may be lower than the last one before; but whoever decided upon that
//!   one is gone with the process, which owned the lane (R2.3).
//! - A row's list of open commands names every open one, for each birth rewrites it. It may name some that have ended since:
//!   those have no row in `open`, or one that says so.
//! - A reader asks for the revision *before* it takes its snapshot. So what it reads is as new as its revision or newer, and a
//!   turn that is decided upon an older revision is refused.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How much is known at the most, in words of eight bytes: 12 MB, or about 60,000 busy lanes.
pub(super) const WORDS_MAX: usize = 1_500_000;

/// What a lane takes beside its lists.
const LANE_WORDS: usize = 14;

/// From this length on, a list that was read from a row is compared with the open commands before it is written again.
pub(super) const UNSURE_MAX: usize = 16;

/// What is known of one lane.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// The revision after the last commit.
    committed: u64,
    /// The revision within the group that is being written.
    pub(super) revision: u64,
    /// Open commands, oldest first.
    pub(super) open: Vec<u64>,
    /// The youngest block of the device's line, packed.
    pub(super) line: Vec<u8>,
    /// Whether `open` may name commands that have ended.
    pub(super) unsure: bool,
    /// Whether the row in the database says less than is known here.
    pub(super) ahead: bool,
    /// Whether the group that is being written has changed it.
    touched: bool,
}

impl Known {
    /// How much memory it takes, in words of eight bytes.
    fn words(&self) -> usize {
        LANE_WORDS + self.open.len() + self.line.len() / 8
    }
}

/// The lanes that the writer knows. Readers look at committed revisions only.
#[derive(Debug)]
pub(super) struct Lanes {
    known: Mutex<Table>,
}

/// The table of lanes while it is held.
#[derive(Debug, Default)]
pub(super) struct Table {
    lanes: HashMap<u64, Known>,
    /// Lanes in the order in which they became known.
    order: VecDeque<u64>,
    words: usize,
    words_max: usize,
    touched: Vec<u64>,
}

impl Lanes {
    /// Knows nothing yet, and never more than this many words.
    pub(super) fn new(words_max: usize) -> Self {
        Self {
            known: Mutex::new(Table {
                words_max,
                ..Table::default()
            }),
        }
    }

    /// The revision of a lane as committed; `None` if its row tells.
    pub(super) fn committed(&self, device_seq: u64) -> Option<u64> {
        self.hold()
            .lanes
            .get(&device_seq)
            .map(|lane| lane.committed)
    }

    /// Holds the table; readers wait, so it is held for a unit at the most.
    pub(super) fn hold(&self) -> MutexGuard<'_, Table> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// What is known of a lane.
    pub(super) fn find(&self, device_seq: u64) -> Option<&Known> {
        self.lanes.get(&device_seq)
    }

    /// Takes in what a row says of a lane.
    pub(super) fn learn(&mut self, device_seq: u64, revision: u64, open: Vec<u64>, line: Vec<u8>) {
        let known = Known {
            committed: revision,
            revision,
            unsure: !open.is_empty(),
            open,
            line,
            ahead: false,
            touched: false,
        };
        self.words += known.words();
        self.lanes.insert(device_seq, known);
        self.order.push_back(device_seq);
    }

    /// Changes what is known of a lane, in the name of the group that is being written.
    pub(super) fn change<R>(
        &mut self,
        device_seq: u64,
        change: impl FnOnce(&mut Known) -> R,
    ) -> Option<R> {
        let lane = self.lanes.get_mut(&device_seq)?;
        let before = lane.words();
        if !lane.touched {
            lane.touched = true;
            self.touched.push(device_seq);
        }
        let result = change(lane);
        self.words = (self.words + lane.words()).saturating_sub(before);
        Some(result)
    }

    /// Lanes that have to go to keep the bound, the longest known first; none that the present group has touched.
    pub(super) fn too_many(&mut self) -> Vec<u64> {
        let mut out = Vec::new();
        let mut words = self.words;
        for _ in 0..self.order.len() {
            if words <= self.words_max {
                break;
            }
            let Some(seq) = self.order.pop_front() else {
                break;
            };
            match self.lanes.get(&seq) {
                Some(lane) if !lane.touched => {
                    words = words.saturating_sub(lane.words());
                    out.push(seq);
                }
                Some(_) => self.order.push_back(seq),
                None => {}
            }
        }
        out
    }

    /// The group is on disk: its revisions are committed, and the lanes in `gone` are forgotten.
    pub(super) fn committed(&mut self, gone: &[u64]) {
        for seq in std::mem::take(&mut self.touched) {
            if let Some(lane) = self.lanes.get_mut(&seq) {
                lane.touched = false;
                lane.committed = lane.revision;
            }
        }
        for seq in gone {
            if let Some(lane) = self.lanes.remove(seq) {
                self.words = self.words.saturating_sub(lane.words());
            }
        }
    }
}
