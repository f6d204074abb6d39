//! Latencies, counted in buckets that are 0.8 % wide.

use std::time::Duration;

/// Buckets between a power of two and the next, as a power of two.
const FINE_BITS: u32 = 7;
const FINE: u64 = 1 << FINE_BITS;
/// Microseconds up to 2^36, 19 hours, are told apart.
const POWERS: u64 = 36;

/// A histogram of times in microseconds.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    count: u64,
    sum_us: u64,
    max_us: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        let buckets = (POWERS - u64::from(FINE_BITS) + 1) * FINE;
        Self {
            counts: vec![0; usize::try_from(buckets).expect("a few thousand buckets")],
            count: 0,
            sum_us: 0,
            max_us: 0,
        }
    }
}

impl Histogram {
    /// Counts a time.
    pub fn record_us(&mut self, us: u64) {
        let last = self.counts.len() - 1;
        let bucket = usize::try_from(bucket(us)).map_or(last, |bucket| bucket.min(last));
        self.counts[bucket] += 1;
        self.count += 1;
        self.sum_us = self.sum_us.saturating_add(us);
        self.max_us = self.max_us.max(us);
    }

    /// Takes in what another one has counted.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.count += other.count;
        self.sum_us = self.sum_us.saturating_add(other.sum_us);
        self.max_us = self.max_us.max(other.max_us);
    }

    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; zero if there are none.
    pub fn mean(&self) -> Duration {
        Duration::from_micros(self.sum_us.checked_div(self.count).unwrap_or(0))
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.max_us)
    }

    /// The time that so many thousandths do not exceed: 500 is the median, 990 the 99th percentile. Never below the true value, and
    /// at most 0.8 % above it; zero if there are none.
    pub fn per_mille(&self, share: u64) -> Duration {
        let wanted = (self.count * share.min(1000)).div_ceil(1000).max(1);
        let mut seen = 0;
        for (bucket, count) in (0..).zip(&self.counts) {
            seen += count;
            if seen >= wanted {
                return Duration::from_micros(last_of(bucket).min(self.max_us));
            }
        }
        self.max()
    }
}

/// Below 2 · [`FINE`] each microsecond has its bucket; above, each power of two has [`FINE`].
fn bucket(us: u64) -> u64 {
    let power = u64::from(us.max(1).ilog2());
    let shift = power.saturating_sub(u64::from(FINE_BITS));
    shift * FINE + (us >> shift)
}

/// The longest time of a bucket.
fn last_of(bucket: u64) -> u64 {
    let shift = (bucket / FINE).saturating_sub(1);
    let fine = bucket - shift * FINE;
    ((fine + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_falls_into_a_bucket_that_ends_at_most_a_hundredth_later() {
        let times = (0..100_000).chain((17..36).flat_map(|power| {
            let start = 1_u64 << power;
            [start - 1, start, start + start / 3]
        }));
        let mut before = 0;
        for us in times {
            let bucket = bucket(us);
            assert!(bucket >= before || us < 1 << 17, "{us}");
            before = bucket;
            let last = last_of(bucket);
            assert!((us..=us + us / 128).contains(&last), "{us} → {last}");
        }
    }

    #[test]
    fn percentiles_are_those_of_the_times() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.per_mille(500), Duration::ZERO);
        for us in 1..=200 {
            histogram.record_us(us);
        }
        let us = |share| histogram.per_mille(share).as_micros();
        assert_eq!(
            [us(0), us(5), us(500), us(990), us(1000)],
            [1, 1, 100, 198, 200]
        );
        assert_eq!(histogram.mean(), Duration::from_micros(100));
        histogram.record_us(u64::MAX);
        assert_eq!(
            histogram.per_mille(1000),
            Duration::from_micros(last_of(3839))
        );
    }

    #[test]
    fn merging_is_counting_together() {
        let (mut a, mut b) = (Histogram::default(), Histogram::default());
        a.record_us(10);
        b.record_us(1000);
        a.merge(&b);
        assert_eq!((a.count(), a.max()), (2, Duration::from_millis(1)));
        assert_eq!(a.per_mille(500), Duration::from_micros(10));
    }
}
