//! The one place of the client that asks what time it is: when its token nears its end, and whether a callback is old.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment of the machine's monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(Instant);

impl Moment {
    /// Now.
    #[expect(
        clippy::disallowed_methods,
        reason = "a client lives on its user's machine and time; nothing that is kept depends on it"
    )]
    pub(crate) fn now() -> Self {
        Self(Instant::now())
    }

    /// So much later; `self` where the clock cannot say it.
    pub(crate) fn plus(self, time: Duration) -> Self {
        Self(self.0.checked_add(time).unwrap_or(self.0))
    }
}

/// Seconds since 1970, by the machine's wall clock; 0 on a machine that believes in an earlier year.
#[expect(
    clippy::disallowed_methods,
    reason = "a receiver judges a callback's age by its own machine's time"
)]
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
