//! What the writer has done so far, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of the group sizes that are counted apart, in units; what is larger falls into one more class.
pub const GROUP_CLASSES: [u64; 9] = [1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000];

/// What a store has written since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SqliteStats {
    /// Units that were applied.
    pub units: u64,
    /// Units that were refused with a conflict.
    pub conflicts: u64,
    /// Rows inserted, changed or deleted.
    pub rows: u64,
    /// Groups that were committed.
    pub commits: u64,
    /// Syncs of the disk: one for each commit, and those of the checkpoints.
    pub fsyncs: u64,
    /// Checkpoints: log moved to the database file.
    pub checkpoints: u64,
    /// Bytes of the write-ahead log, frame headers included.
    pub log_bytes: u64,
    /// Units that wait for the writer now.
    pub queued_units: u64,
    /// Groups by their number of units: the first class whose bound in [`GROUP_CLASSES`] is not exceeded, else the last.
    pub groups: [u64; 10],
}

/// The counters behind [`SqliteStats`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) units: AtomicU64,
    pub(super) conflicts: AtomicU64,
    pub(super) rows: AtomicU64,
    pub(super) commits: AtomicU64,
    pub(super) fsyncs: AtomicU64,
    pub(super) checkpoints: AtomicU64,
    pub(super) log_bytes: AtomicU64,
    groups: [AtomicU64; 10],
}

impl Counters {
    /// Counts a group of this many units.
    pub(super) fn group(&self, units: usize) {
        let units = u64::try_from(units).unwrap_or(u64::MAX);
        let class = GROUP_CLASSES
            .iter()
            .position(|bound| units <= *bound)
            .unwrap_or(GROUP_CLASSES.len());
        add(&self.groups[class], 1);
    }

    /// The counters as they are now.
    pub(super) fn read(&self, queued_units: usize) -> SqliteStats {
        let now = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SqliteStats {
            units: now(&self.units),
            conflicts: now(&self.conflicts),
            rows: now(&self.rows),
            commits: now(&self.commits),
            fsyncs: now(&self.fsyncs),
            checkpoints: now(&self.checkpoints),
            log_bytes: now(&self.log_bytes),
            queued_units: u64::try_from(queued_units).unwrap_or(u64::MAX),
            groups: std::array::from_fn(|class| now(&self.groups[class])),
        }
    }
}

/// Adds to a counter.
pub(super) fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}
