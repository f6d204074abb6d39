//! Fixed windows (R3.5): how often something may happen within a span, counted from its first time.

use delivery::Moment;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Windows that are kept; beyond that the ended ones are forgotten, and at last all of them.
const WINDOWS_MAX: usize = 65_536;

/// One window per key.
pub(super) struct Windows<K> {
    times_max: u32,
    span: Duration,
    open: Mutex<HashMap<K, Window>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    ends: Moment,
    times: u32,
}

impl<K: Hash + Eq> Windows<K> {
    /// Windows of `span` in which something may happen `times_max` times; 0 = any number.
    pub(super) fn new(times_max: u32, span: Duration) -> Self {
        Self {
            times_max,
            span,
            open: Mutex::default(),
        }
    }

    /// Counts one time, unless the window is full: then says in how many seconds the next one opens, at least 1.
    pub(super) fn take(&self, key: K, now: Moment) -> Result<(), u64> {
        if self.times_max == 0 {
            return Ok(());
        }
        let mut open = self.lock();
        self.is_free(&open, &key, now)?;
        self.count_in(&mut open, key, now);
        Ok(())
    }

    /// Whether the window has room; if not, in how many seconds the next one opens, at least 1.
    pub(super) fn check(&self, key: &K, now: Moment) -> Result<(), u64> {
        if self.times_max == 0 {
            Ok(())
        } else {
            self.is_free(&self.lock(), key, now)
        }
    }

    /// Counts one time, room or not.
    pub(super) fn count(&self, key: K, now: Moment) {
        if self.times_max != 0 {
            self.count_in(&mut self.lock(), key, now);
        }
    }

    fn is_free(&self, open: &HashMap<K, Window>, key: &K, now: Moment) -> Result<(), u64> {
        match open.get(key) {
            Some(window) if now < window.ends && window.times >= self.times_max => Err(window
                .ends
                .since(now)
                .as_millis()
                .div_ceil(1_000)
                .try_into()
                .unwrap_or(u64::MAX)),
            Some(_) | None => Ok(()),
        }
    }

    fn count_in(&self, open: &mut HashMap<K, Window>, key: K, now: Moment) {
        if open.len() >= WINDOWS_MAX && !open.contains_key(&key) {
            open.retain(|_, window| now < window.ends);
            if open.len() >= WINDOWS_MAX {
                open.clear();
            }
        }
        let fresh = Window {
            ends: now + self.span,
            times: 0,
        };
        let window = open.entry(key).or_insert(fresh);
        if now >= window.ends {
            *window = fresh;
        }
        window.times = window.times.saturating_add(1);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Window>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of an address that one party commands: all of IPv4, the upper half of IPv6.
pub(super) fn party(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::from_millis(ms)
    }

    #[test]
    fn r3_5_a_window_is_opened_by_its_first_call_and_fixed() {
        let windows = Windows::new(2, Duration::from_mins(1));
        assert_eq!(windows.take("a", at(1_000)), Ok(()));
        assert_eq!(windows.take("a", at(60_000)), Ok(()));
        assert_eq!(windows.take("a", at(60_001)), Err(1));
        assert_eq!(windows.take("a", at(31_000)), Err(30));
        assert_eq!(windows.take("b", at(60_001)), Ok(()));
        assert_eq!(windows.take("a", at(60_999)), Err(1));
        assert_eq!(windows.take("a", at(61_000)), Ok(()));
        assert_eq!(windows.take("a", at(120_999)), Ok(()));
        assert_eq!(windows.take("a", at(120_999)), Err(1));
    }

    #[test]
    fn no_limit_counts_nothing() {
        let windows = Windows::new(0, Duration::from_mins(1));
        for _ in 0..1_000 {
            assert_eq!(windows.take(1, at(0)), Ok(()));
        }
        assert!(windows.lock().is_empty());
    }

    #[test]
    fn the_number_of_windows_is_bounded() {
        let windows = Windows::new(1, Duration::from_secs(1));
        for key in 0..WINDOWS_MAX {
            windows.count(key, at(if key == 0 { 2_000 } else { 0 }));
        }
        windows.count(WINDOWS_MAX, at(1_500));
        assert_eq!(windows.lock().len(), 2);
        assert_eq!(windows.check(&0, at(1_500)), Err(2));
    }

    #[test]
    fn an_address_stands_for_its_party() {
        let party = |text: &str| party(text.parse().expect("an address")).to_string();
        assert_eq!(party("192.0.2.7"), "192.0.2.7");
        assert_eq!(party("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(party("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }
}
