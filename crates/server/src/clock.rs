//! The one place that asks the machine what time it is (R1.16).
//!
//! The real clock is the wall clock at the start plus time that has passed since, suspension included, so it never jumps;
//! later steps of the wall clock are slewed in, at most one part in two hundred. The test clock (R9.1) stands still until it
//! is moved.

use delivery::Moment;
use rustix::time::{ClockId, clock_gettime};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// The wall clock's deviation is taken in at most at this fraction of the time that passes.
const SLEW_DIVISOR: u64 = 200;

/// The clock of one server. Cheap to clone; all clones are the same clock.
#[derive(Clone)]
pub struct Clock {
    source: Arc<Source>,
}

enum Source {
    Real(Mutex<Slewed>),
    Test {
        now: AtomicU64,
        moved: watch::Sender<u64>,
    },
}

/// What the real clock remembers of its last reading, in milliseconds.
struct Slewed {
    now: u64,
    read_at: u64,
}

/// A start would set the platform's time back (R1.16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the machine's clock is {behind_s} s behind the last moment in the store; set it right, or start with --clock-behind=continue"
)]
pub struct Behind {
    /// By how many seconds.
    pub behind_s: u64,
}

/// A start that is further behind the store than this is refused unless the operator insists.
const BEHIND_MAX_MS: u64 = 60_000;

impl Clock {
    /// The machine's clock, going on from `last`, the store's last moment, if the wall clock is behind it.
    ///
    /// # Errors
    /// [`Behind`] if it is behind by more than 60 s and `continue_behind` is not set.
    pub fn real(last: Moment, continue_behind: bool) -> Result<Self, Behind> {
        let (wall, last) = (wall_ms(), last.as_millis());
        let behind = last.saturating_sub(wall);
        if behind > BEHIND_MAX_MS && !continue_behind {
            return Err(Behind {
                behind_s: behind / 1_000,
            });
        }
        let slewed = Slewed {
            now: wall.max(last),
            read_at: passed_ms(),
        };
        Ok(Self {
            source: Arc::new(Source::Real(Mutex::new(slewed))),
        })
    }

    /// A clock that stands at the store's last moment, or at the wall clock's if the store is new, until it is moved.
    pub fn test(last: Moment) -> Self {
        let now = if last.as_millis() == 0 {
            wall_ms()
        } else {
            last.as_millis()
        };
        Self {
            source: Arc::new(Source::Test {
                now: AtomicU64::new(now),
                moved: watch::Sender::new(now),
            }),
        }
    }

    /// Now. Never earlier than any answer before.
    pub fn now(&self) -> Moment {
        match &*self.source {
            Source::Real(slewed) => {
                let mut slewed = slewed.lock().unwrap_or_else(PoisonError::into_inner);
                slewed.read(passed_ms(), wall_ms());
                Moment::from_millis(slewed.now)
            }
            Source::Test { now, .. } => Moment::from_millis(now.load(Ordering::SeqCst)),
        }
    }

    /// Whether this is the test clock.
    pub fn is_test(&self) -> bool {
        matches!(*self.source, Source::Test { .. })
    }

    /// Moves the test clock to `to` and wakes who waits for it; does nothing to a real clock, nor backwards.
    pub fn move_to(&self, to: Moment) {
        if let Source::Test { now, moved } = &*self.source {
            let to = to.as_millis();
            if now.fetch_max(to, Ordering::SeqCst) < to {
                moved.send_replace(to);
            }
        }
    }

    /// Returns once it is `until` or later.
    pub async fn reaches(&self, until: Moment) {
        match &*self.source {
            Source::Real(_) => loop {
                let wait = until.since(self.now());
                if wait.is_zero() {
                    return;
                }
                tokio::time::sleep(wait.min(Duration::from_hours(1))).await;
            },
            Source::Test { moved, .. } => {
                let mut moved = moved.subscribe();
                let there = moved.wait_for(|now| *now >= until.as_millis()).await;
                there.map(drop).expect("the clock holds the sender");
            }
        }
    }
}

impl Slewed {
    /// Takes in that `passed` ms have passed since the machine started, and that the wall shows `wall` ms.
    fn read(&mut self, passed: u64, wall: u64) {
        let step = passed.saturating_sub(self.read_at);
        self.read_at = self.read_at.max(passed);
        let there = self.now + step;
        let slew_max = step / SLEW_DIVISOR;
        self.now = if wall >= there {
            there + (wall - there).min(slew_max)
        } else {
            (there - (there - wall).min(slew_max)).max(self.now)
        };
    }
}

/// The moment `span` from now on tokio's clock, for timers that stay real under a test clock (R9.1).
#[expect(
    clippy::disallowed_methods,
    reason = "this is the place; tokio's timers are set by its own clock"
)]
pub fn tokio_instant_in(span: Duration) -> tokio::time::Instant {
    tokio::time::Instant::now() + span
}

/// Milliseconds that have passed since the machine started, suspension included.
pub fn passed_ms() -> u64 {
    millis(clock_gettime(ClockId::Boottime))
}

/// Microseconds that have passed since the machine started; for measurements.
pub fn passed_us() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    let (s, ns) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    s.unwrap_or_default() * 1_000_000 + ns.unwrap_or_default() / 1_000
}

/// What the machine's wall clock shows, for those who check certificates; everything else goes by [`Clock`].
pub fn wall() -> Moment {
    Moment::from_millis(wall_ms())
}

fn wall_ms() -> u64 {
    millis(clock_gettime(ClockId::Realtime))
}

fn millis(time: rustix::time::Timespec) -> u64 {
    let (s, ns) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    s.unwrap_or_default() * 1_000 + ns.unwrap_or_default() / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_the_wall_clock_is_slewed_in() {
        let mut clock = Slewed {
            now: 1_000_000,
            read_at: 0,
        };
        clock.read(10_000, 1_010_000 + 3_600_000);
        assert_eq!(clock.now, 1_010_050);
        clock.read(20_000, 1_000_000);
        assert_eq!(clock.now, 1_020_000);
        clock.read(20_000, 0);
        assert_eq!(clock.now, 1_020_000);
    }

    #[test]
    fn a_start_far_behind_the_store_is_refused() {
        let ahead = Moment::from_millis(wall_ms() + 3_600_000);
        assert!(Clock::real(ahead, false).is_err());
        let clock = Clock::real(ahead, true).expect("the operator insists");
        assert!(clock.now() >= ahead);
        let a_little = Moment::from_millis(wall_ms() + 30_000);
        assert!(
            Clock::real(a_little, false)
                .expect("a little is made up for")
                .now()
                >= a_little
        );
    }

    #[tokio::test]
    async fn the_test_clock_moves_only_when_told() {
        let clock = Clock::test(Moment::from_millis(5));
        assert_eq!(clock.now(), Moment::from_millis(5));
        let waiting = clock.clone();
        let waits = async move { waiting.reaches(Moment::from_millis(10)).await };
        let moves = async { clock.move_to(Moment::from_millis(10)) };
        tokio::join!(waits, moves);
        clock.move_to(Moment::from_millis(7));
        assert_eq!(clock.now(), Moment::from_millis(10));
    }
}
