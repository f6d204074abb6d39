//! Whether there is room on the disk for anything new (R2.5).

use crate::clock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use store::Store;

/// Milliseconds for which an answer of the store counts.
const CHECK_EVERY_MS: u64 = 1_000;

/// Asks the store at most once a second.
pub(super) struct Space {
    bytes_min: u64,
    /// When the store is to be asked again, in milliseconds of the machine's time.
    ask_at: AtomicU64,
    short: AtomicBool,
}

impl Space {
    pub(super) fn new(bytes_min: u64) -> Self {
        Self {
            bytes_min,
            ask_at: AtomicU64::new(0),
            short: AtomicBool::new(false),
        }
    }

    /// Whether less than the minimum is free.
    pub(super) fn is_short(&self, store: &dyn Store) -> bool {
        let now = clock::passed_ms();
        let due = self.ask_at.load(Ordering::Relaxed);
        let next = now + CHECK_EVERY_MS;
        let mine = now >= due
            && self
                .ask_at
                .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if mine {
            match store.free_bytes() {
                Ok(free) => self.note(free.is_some_and(|free| free < self.bytes_min)),
                Err(error) => tracing::warn!(%error, "the free space cannot be read"),
            }
        }
        self.short.load(Ordering::Relaxed)
    }

    fn note(&self, short: bool) {
        if self.short.swap(short, Ordering::Relaxed) != short {
            if short {
                tracing::error!(
                    bytes_min = self.bytes_min,
                    "the disk is nearly full: commands and registrations are refused"
                );
            } else {
                tracing::info!("there is room on the disk again");
            }
        }
    }
}
