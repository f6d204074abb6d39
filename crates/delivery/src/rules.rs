//! The numbers of the rulings, each a named setting.

use crate::time::Moment;
use core::time::Duration;

/// The bounds within which a span is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The shortest span.
    pub min: Duration,
    /// The longest span; not shorter than `min`.
    pub max: Duration,
}

impl Window {
    /// From `min` to `max` seconds.
    pub const fn seconds(min: u64, max: u64) -> Self {
        Self {
            min: Duration::from_secs(min),
            max: Duration::from_secs(max),
        }
    }
}

/// What becomes of a queued command's attempt that is due while the device cannot be reached (R1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retransmit {
    /// It waits for the device's next window and leaves at once then.
    Patient,
    /// It is skipped; the command times out when the schedule has run out, asleep or not.
    Strict,
}

/// What a turn needs to know beside the lane, the inbox and the moment. [`Rules::default`] holds the rulings' figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// When this run of the platform started: no silence is counted against a device before `start_grace` has passed (R1.5).
    pub started: Moment,
    /// How long after a start no TIMEOUT is decided.
    pub start_grace: Duration,
    /// The wait after the first, second and third attempt.
    pub resend_after: [Window; 3],
    /// The wait after the last attempt.
    pub timeout_after: Window,
    /// The longest life of an immediate command that is not acknowledged.
    pub immediate_life_max: Duration,
    /// What becomes of an attempt that is due while the device is away.
    pub retransmit: Retransmit,
    /// How long a result is awaited after the delivery (R1.7).
    pub result_within: Duration,
    /// How long a delivered command stays open where no result is expected (R1.7).
    pub settle_after: Duration,
    /// PENDING commands per device; 0 = no cap (R1.12).
    pub pending_max: usize,
    /// Open commands per device; 0 = no cap (R1.12).
    pub open_max: usize,
    /// Silence after which queued commands are refused; zero = never (R1.12).
    pub zombie_after: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            started: Moment::from_millis(0),
            start_grace: Duration::from_mins(2),
            resend_after: [
                Window::seconds(10, 15),
                Window::seconds(20, 30),
                Window::seconds(40, 60),
            ],
            timeout_after: Window::seconds(80, 120),
            immediate_life_max: Duration::from_secs(200),
            retransmit: Retransmit::Patient,
            result_within: Duration::from_hours(48),
            settle_after: Duration::from_mins(1),
            pending_max: 20,
            open_max: 1000,
            zombie_after: Duration::from_hours(7 * 24),
        }
    }
}
