//! The rules of the queue, and what it counts.

use crate::callback::letter::Wording;
use delivery::{CommandId, Window};
use std::time::Duration;

/// The rules of the queue; the defaults are the rulings' figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// What is told, and in which words.
    pub wording: Wording,
    /// How long after its entry a callback is given up (R5.2).
    pub give_up_after: Duration,
    /// The wait after a first failure; it doubles with every further one, and up to half of it is added.
    pub retry_first: Duration,
    /// The longest such wait, before that half is added.
    pub retry_max: Duration,
    /// Failures in a row after which an endpoint is down (R5.3).
    pub failures_max: u32,
    /// The span between two probes of an endpoint that is down.
    pub probe_after: Duration,
    /// Callbacks under way to one endpoint at the same time.
    pub slots_max: u32,
    /// Callbacks under way at the same time beyond one per endpoint.
    pub extra_max: u32,
    /// Commands of one application whose callbacks wait.
    pub waiting_max: usize,
    /// Endpoints of one application that callbacks wait for.
    pub endpoints_max: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            wording: Wording::default(),
            give_up_after: Duration::from_hours(24),
            retry_first: Duration::from_secs(5),
            retry_max: Duration::from_hours(1),
            failures_max: 10,
            probe_after: Duration::from_mins(3),
            slots_max: 16,
            extra_max: 512,
            waiting_max: 100_000,
            endpoints_max: 256,
        }
    }
}

/// What was counted since the start of the process: callbacks, not commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Taken on: by a change, at the start, by a replay.
    pub owed: u64,
    /// Answered with 2xx.
    pub told: u64,
    /// Given up, or refused by a bound.
    pub dead: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Not yet told, nor dead.
    pub waiting: u64,
}

impl Counts {
    pub(super) fn take_on(&mut self, lines: usize, dead: bool) {
        let lines = u64::try_from(lines).unwrap_or_default();
        self.owed += lines;
        let place = if dead {
            &mut self.dead
        } else {
            &mut self.waiting
        };
        *place += lines;
    }
}

/// How long a command waits after this many failures of one line: doubling, and up to half as long again, so that what failed together
/// does not come back together. The same command and attempt give the same span (R5.2).
pub(super) fn backoff(rules: &Rules, id: CommandId, attempts: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(attempts.saturating_sub(1));
    let min = rules
        .retry_first
        .saturating_mul(doubled)
        .min(rules.retry_max);
    let window = Window {
        min,
        max: min + min / 2,
    };
    let attempt = u8::try_from(attempts).unwrap_or(u8::MAX);
    delivery::jitter(window, id, attempt)
}
