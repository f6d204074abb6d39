//! The one place of the simulation that asks how much time has passed: for latencies, late answers and keep-alive.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

static START: OnceLock<Instant> = OnceLock::new();

/// Time since the process first asked.
#[expect(
    clippy::disallowed_methods,
    reason = "the simulation stands outside the server and measures it; nothing here decides what is kept"
)]
pub fn passed() -> Duration {
    let now = Instant::now();
    now.saturating_duration_since(*START.get_or_init(|| now))
}

/// Milliseconds since the process first asked.
pub fn passed_ms() -> u64 {
    u64::try_from(passed().as_millis()).unwrap_or(u64::MAX)
}

/// Microseconds since the process first asked.
pub fn passed_us() -> u64 {
    u64::try_from(passed().as_micros()).unwrap_or(u64::MAX)
}
