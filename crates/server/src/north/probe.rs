//! How long a request lies in the kernel before anybody looks at it.
//!
//! Where more comes than the processors can do, requests queue before the platform has seen them: among the connections that are
//! ready to be read, in the order in which they became so. A byte that the platform sends itself queues behind them, and what it
//! waited is what a request waits.

use crate::clock;
use std::io;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often a byte is sent, at the most; never before the last one arrived.
const SENT_EVERY: Duration = Duration::from_millis(10);

/// A byte on its way, from time to time.
pub(super) struct Probe {
    near: UnixStream,
    far: UnixStream,
    sent_us: Option<u64>,
    turns: Interval,
}

/// What became of the probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probed {
    /// A byte left, at this moment by [`clock::passed_us`].
    Left(u64),
    /// It arrived, after so many microseconds.
    Waited(u64),
}

impl Probe {
    /// Makes the connection. To be called within the runtime that serves the requests.
    ///
    /// # Errors
    /// The machine gives no connection.
    pub(super) fn new() -> io::Result<Self> {
        let (near, far) = UnixStream::pair()?;
        let mut turns = interval(SENT_EVERY);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            near,
            far,
            sent_us: None,
            turns,
        })
    }

    /// Whether a byte is on its way.
    pub(super) fn is_under_way(&self) -> bool {
        self.sent_us.is_some()
    }

    /// What happens next. May be dropped at any moment: the byte stays on its way.
    pub(super) async fn next(&mut self) -> Probed {
        loop {
            let Some(sent_us) = self.sent_us else {
                self.turns.tick().await;
                // A connection that is empty takes a byte.
                if self.near.try_write(&[0]).is_ok() {
                    let now_us = clock::passed_us();
                    self.sent_us = Some(now_us);
                    return Probed::Left(now_us);
                }
                continue;
            };
            let is_ready = self.far.readable().await.is_ok();
            if is_ready && self.far.try_read(&mut [0]).is_ok() {
                self.sent_us = None;
                // Only a connection that was seen empty waits for the kernel's word: else the next byte would be read at once.
                self.far.try_read(&mut [0]).ok();
                return Probed::Waited(clock::passed_us().saturating_sub(sent_us));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::ready;

    #[tokio::test]
    async fn a_byte_waits_as_long_as_the_runtime_is_kept_from_reading() {
        let mut probe = Probe::new().unwrap();
        for _ in 0..2 {
            assert!(!probe.is_under_way());
            let Probed::Left(left_us) = probe.next().await else {
                panic!("it leaves before it arrives")
            };
            assert!(probe.is_under_way());
            // Nobody has asked the kernel since: the byte lies there, and is not seen.
            tokio::select! {
                biased;
                probed = probe.next() => panic!("{probed:?}"),
                () = ready(()) => {}
            }
            while clock::passed_us() - left_us < 30_000 {
                std::hint::spin_loop();
            }
            let Probed::Waited(waited_us) = probe.next().await else {
                panic!("it arrives before the next leaves")
            };
            assert!(waited_us >= 30_000);
        }
    }
}
