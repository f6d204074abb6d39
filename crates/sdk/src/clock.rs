//! The one place of the client that asks what time it is: only to know when its token nears its end.

use std::time::{Duration, Instant};

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
