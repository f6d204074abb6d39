//! The bounds of a store.

use std::time::Duration;

/// How long an idempotency key stays taken, counted from the creation of the command that took it (R1.15).
pub(crate) const KEY_TAKEN_FOR: Duration = Duration::from_hours(24);

/// The deepest place at which a page may begin; a list that is asked to pass over more shows nothing (R2.6).
pub const SKIP_MAX: u64 = 100_000;

/// The most items on one page.
pub const PAGE_ITEMS_MAX: usize = 1_000;

/// The highest total that is counted row by row: of lists that are filtered by time or by device (R2.6).
pub const COUNTED_TOTAL_MAX: u64 = 1_000_000;

/// The most devices that a list looks at which is filtered by more than an index tells (R2.6).
pub const DEVICES_SCANNED_MAX: usize = 100_000;

/// The most rows that one search for old ones looks at; its snapshot is short, so the log can be begun anew (R2.8).
pub(crate) const OLD_SCANNED_MAX: usize = 2_000;

/// The most devices that one read of those with open commands looks at, before the next snapshot.
pub(crate) const LANES_SCANNED_MAX: usize = 2_000;

/// Pages that are copied between two groups while a copy is made: 400 KB, or about half a millisecond.
pub(crate) const COPY_PAGES_PER_STEP: i32 = 100;

/// Free bytes that a copy must leave where it is written.
pub(crate) const COPY_FREE_BYTES_MIN: u64 = 64 << 20;
