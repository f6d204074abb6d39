//! The disk's own fsync: small appends, each made durable before the next, and nothing else.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use crate::clock::passed_us;
use crate::load::Histogram;

const BLOCK: [u8; 512] = [0x5a; 512];
const FILE: &str = "fsync.bin";

/// What the disk does by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Disk {
    /// Syncs per second.
    pub(crate) rate: f64,
    /// The median, in milliseconds.
    pub(crate) p50_ms: f64,
    /// The 99th percentile, in milliseconds.
    pub(crate) p99_ms: f64,
}

impl Disk {
    /// Appends 512 bytes and calls fdatasync, for so long, in a file in `folder` that is removed then.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn measure(folder: &Path, time: Duration) -> io::Result<Self> {
        let path = folder.join(FILE);
        let mut file = File::options().create(true).append(true).open(&path)?;
        let mut times = Histogram::default();
        let begun = passed_us();
        let until = begun + u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let mut last = begun;
        while last < until {
            file.write_all(&BLOCK)?;
            file.sync_data()?;
            let now = passed_us();
            times.record_us(now - last);
            last = now;
        }
        std::fs::remove_file(path)?;
        let seconds = Duration::from_micros(last - begun).as_secs_f64();
        Ok(Self {
            rate: float(times.count()) / seconds.max(f64::EPSILON),
            p50_ms: ms(times.per_mille(500)),
            p99_ms: ms(times.per_mille(990)),
        })
    }

    /// Halfway between two measurements.
    pub(crate) fn between(self, other: Self) -> Self {
        let middle = |one: f64, two: f64| f64::midpoint(one, two);
        Self {
            rate: middle(self.rate, other.rate),
            p50_ms: middle(self.p50_ms, other.p50_ms),
            p99_ms: middle(self.p99_ms, other.p99_ms),
        }
    }
}

/// Milliseconds.
pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// A count as a number to calculate with; exact up to 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a measurement are far below 2^53"
)]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_is_measured_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::measure(folder.path(), Duration::from_millis(5)).unwrap();
        assert!(disk.rate > 0.0 && disk.p50_ms > 0.0 && disk.p99_ms >= disk.p50_ms);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(Disk::measure(Path::new("/nowhere"), Duration::ZERO).is_err());
    }

    #[test]
    fn halfway_is_halfway() {
        let one = Disk {
            rate: 1.0,
            p50_ms: 2.0,
            p99_ms: 4.0,
        };
        let two = Disk {
            rate: 3.0,
            p50_ms: 4.0,
            p99_ms: 8.0,
        };
        assert_eq!(
            one.between(two),
            Disk {
                rate: 2.0,
                p50_ms: 3.0,
                p99_ms: 6.0
            }
        );
    }
}
