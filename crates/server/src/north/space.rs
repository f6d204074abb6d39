//! Whether there is room on the disk for anything new (R2.5).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use store::Failed;

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

    /// Whether less than the minimum is free. `ask` asks the store, `now_ms` is the machine's time.
    pub(super) fn is_short(
        &self,
        ask: impl FnOnce() -> Result<Option<u64>, Failed>,
        now_ms: u64,
    ) -> bool {
        let due = self.ask_at.load(Ordering::Relaxed);
        let claim = |due, next| {
            let order = Ordering::Relaxed;
            self.ask_at.compare_exchange(due, next, order, order)
        };
        if now_ms >= due && claim(due, now_ms + CHECK_EVERY_MS).is_ok() {
            match ask() {
                Ok(free) => self.note(free.is_some_and(|free| free < self.bytes_min)),
                Err(error) => tracing::warn!(%error, "the free space cannot be read"),
            }
        }
        self.short.load(Ordering::Relaxed)
    }

    fn note(&self, short: bool) {
        if self.short.swap(short, Ordering::Relaxed) == short {
            return;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r2_5_the_store_is_asked_once_a_second_and_its_last_word_counts() {
        let space = Space::new(64);
        let unasked = || panic!("it was asked within a second");
        assert!(!space.is_short(|| Ok(Some(64)), 5_000));
        assert!(!space.is_short(unasked, 5_999));
        assert!(space.is_short(|| Ok(Some(63)), 6_000));
        assert!(space.is_short(unasked, 6_999));
        assert!(space.is_short(|| Err(Failed::Read("gone".into())), 7_000));
        assert!(!space.is_short(|| Ok(None), 8_000));
    }
}
