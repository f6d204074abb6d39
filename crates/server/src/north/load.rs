//! How much is under way (R3.1, check 1): what goes beyond is refused at once with 100501, before anything is accepted.
//!
//! Whatever is taken on waits its turn, so the bound is the latency: what is under way, divided by what the machine does in a
//! second. A short queue keeps the latency of those who are served while others are turned away. How short it must be depends
//! on machine and disk, so it is found out: while every create of a tenth of a second took longer than it should, fewer are
//! taken on; else more again, up to the bound. The fastest one decides: a single stall of the disk changes nothing, a queue
//! that stands does. Requests also queue before they are seen, where the processors have too much to do. A [probe](super::probe)
//! tells how long, and what is taken on follows it at once: refusing costs little, so with less taken on the queue goes away.
//! While there are more connections than requests are taken on, a short queue that stands is enough; with fewer it is no surplus.
//!
//! Requests that take something new on have places of their own, beside those of all others: a flood of commands keeps nobody
//! from reading, cancelling or logging in, and a flood of reads keeps no command out. A direct call that waits for its device is
//! no work and gives its place back. Bodies share a bound of bytes, counted as they arrive: a head that announces much and a
//! client that sends slowly hold nothing.

use super::error::Error;
use super::gate;
use crate::clock;
use api::Operation;
use metrics::{Counter, counter};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The log tells at most so often that requests are refused, in milliseconds.
const TOLD_EVERY_MS: u64 = 1_000;
/// How long creates are watched before their number is changed, in microseconds.
const WATCHED_US: u64 = 100_000;
/// So many creates are taken on however long they take: fewer would leave disk and processors idle in turn.
const CREATES_MIN: usize = 8;
/// So many more creates are taken on with each probe that did not wait.
const CREATES_MORE: usize = 4;
/// A queue stands that so many probes in a row have met: 30 ms at the least.
const PROBES_IN_A_ROW: u32 = 3;
/// So small a part of what a create may take is a queue, if it stands.
const STANDING_PART: u64 = 8;
const BUSY: &str = "too many requests are under way";
const FULL: &str = "too many bytes of requests are in memory";

/// What kind of work a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It takes something new on: a command, a call, a device.
    Create,
    /// It reads, changes, cancels or logs in.
    Other,
}

/// What is under way in one platform.
pub(super) struct Load {
    creates: Bound,
    others: Bound,
    body_bytes: Bound,
    pace: Pace,
    tell_at: AtomicU64,
}

struct Bound {
    max: AtomicUsize,
    taken: AtomicUsize,
    refused: Counter,
}

/// How many creates are taken on at the same time: as many as are served in time.
struct Pace {
    /// What a create may take; 0 = any time.
    target_us: u64,
    most: usize,
    /// How many creates the last probes let be under way.
    seen_in_time: AtomicUsize,
    /// When the one that is under way left; 0 = none is.
    probed_us: AtomicU64,
    /// The last probes, while there may be more requests than are taken on.
    probes: Mutex<Probes>,
    watched: Mutex<Watched>,
}

/// Some probes in a row.
#[derive(Default)]
struct Probes {
    count: u32,
    /// What the quickest of them waited.
    least_us: Option<u64>,
}

/// The creates of a span.
struct Watched {
    until_us: u64,
    fastest_us: u64,
}

/// A request's place among those that are worked on, and its share of the bytes. Dropped, both are free again.
pub(super) struct Place {
    load: Arc<Load>,
    kind: Kind,
    held: AtomicBool,
    since_us: u64,
    /// Given back with the place.
    _body: Share,
}

/// Bytes of a body in memory.
pub(super) struct Share {
    load: Arc<Load>,
    bytes: usize,
}

impl Kind {
    /// The kind of an operation's requests.
    pub(super) const fn of(operation: Operation) -> Self {
        if gate::creates(operation) {
            Self::Create
        } else {
            Self::Other
        }
    }
}

impl Load {
    /// So many requests of each kind at the same time, fewer creates where they take longer than `create_us`, and so many bytes
    /// of their bodies.
    pub(super) fn new(requests_max: usize, create_us: u64, body_bytes_max: usize) -> Self {
        let bound = |max: usize, kind: &'static str| Bound {
            max: AtomicUsize::new(max.max(1)),
            taken: AtomicUsize::new(0),
            refused: counter!("downlink_http_overload_total", "kind" => kind),
        };
        Self {
            creates: bound(requests_max, "create"),
            others: bound(requests_max, "other"),
            body_bytes: bound(body_bytes_max, "body"),
            pace: Pace {
                target_us: create_us,
                most: requests_max.max(1),
                seen_in_time: AtomicUsize::new(requests_max.max(1)),
                probed_us: AtomicU64::new(0),
                probes: Mutex::default(),
                watched: Mutex::new(Watched::from(0)),
            },
            tell_at: AtomicU64::new(0),
        }
    }

    /// Refuses while there is no place, so that no body is read for nothing.
    pub(super) fn check(&self, kind: Kind) -> Result<(), Error> {
        let (bound, max) = (self.of(kind), self.may(kind));
        if bound.taken.load(Ordering::Relaxed) < max {
            return Ok(());
        }
        Err(self.refuse(bound, max, BUSY))
    }

    /// Takes a place for a request whose body has arrived.
    pub(super) fn enter(self: &Arc<Self>, kind: Kind, body: Share) -> Result<Place, Error> {
        let (bound, max) = (self.of(kind), self.may(kind));
        if !bound.take(1, max) {
            return Err(self.refuse(bound, max, BUSY));
        }
        Ok(Place {
            load: self.clone(),
            kind,
            held: AtomicBool::new(true),
            since_us: clock::passed_us(),
            _body: body,
        })
    }

    /// The share of a body of which nothing has arrived.
    pub(super) fn share(self: &Arc<Self>) -> Share {
        Share {
            load: self.clone(),
            bytes: 0,
        }
    }

    /// Takes in that a probe left, by [`clock::passed_us`].
    pub(super) fn probe_left(&self, at_us: u64) {
        self.pace.probed_us.store(at_us, Ordering::Relaxed);
    }

    /// Takes in that the probe arrived: so long a request waits just now until it is seen, in microseconds. From so many
    /// connections may come one request each.
    pub(super) fn probe_waited(&self, waited_us: u64, connections: usize) {
        let all_are_taken_on = connections <= self.pace.most + self.others.max();
        self.pace.note_probe(waited_us, !all_are_taken_on);
    }

    /// How many requests of a kind may be under way just now.
    fn may(&self, kind: Kind) -> usize {
        match kind {
            Kind::Create => self.pace.bounded(self.creates.max(), clock::passed_us()),
            Kind::Other => self.others.max(),
        }
    }

    fn of(&self, kind: Kind) -> &Bound {
        match kind {
            Kind::Create => &self.creates,
            Kind::Other => &self.others,
        }
    }

    fn refuse(&self, bound: &Bound, max: usize, why: &'static str) -> Error {
        bound.refused.increment(1);
        let (now, order) = (clock::passed_ms(), Ordering::Relaxed);
        let due = self.tell_at.load(order);
        let next = now + TOLD_EVERY_MS;
        if now >= due
            && self
                .tell_at
                .compare_exchange(due, next, order, order)
                .is_ok()
        {
            tracing::warn!(
                why,
                max,
                "requests are refused: more come than can be served"
            );
        }
        Error::Overload(why)
    }
}

impl Bound {
    fn max(&self) -> usize {
        self.max.load(Ordering::Relaxed)
    }

    fn take(&self, count: usize, max: usize) -> bool {
        let fits = |taken: usize| taken.checked_add(count).filter(|sum| *sum <= max);
        self.taken
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, fits)
            .is_ok()
    }

    fn give(&self, count: usize) {
        self.taken.fetch_sub(count, Ordering::AcqRel);
    }
}

impl Watched {
    /// Nothing was seen yet.
    fn from(now_us: u64) -> Self {
        Self {
            until_us: now_us + WATCHED_US,
            fastest_us: u64::MAX,
        }
    }
}

impl Pace {
    /// Takes in how long a probe waited: fewer creates while it is much, some more while it is little. Few more at a time, because
    /// what is taken on now is what the next probe waits for.
    ///
    /// `many` connections may send more requests than are taken on. With no more than those a queue is bounded by itself, and may be
    /// its clients' way to work: they wait for nothing but each other. With `many`, a queue that stands is a surplus, however
    /// short it is: every one of some probes in a row has met it, where a burst is over for one of them.
    fn note_probe(&self, waited_us: u64, many: bool) {
        let may = self.seen_in_time.load(Ordering::Relaxed);
        let stands = many.then(|| self.stands(waited_us)).flatten();
        let may = match stands {
            _ if waited_us > self.target_us => self.fewer(may, waited_us),
            Some(true) => (may - may.div_ceil(4)).max(1),
            Some(false) => may + CREATES_MORE,
            None if !many && waited_us <= self.target_us / 2 => may + CREATES_MORE,
            None => may,
        };
        self.seen_in_time
            .store(may.min(self.most), Ordering::Relaxed);
        self.probed_us.store(0, Ordering::Relaxed);
    }

    /// Whether a queue stands, however short; `None` until enough probes have been seen.
    fn stands(&self, waited_us: u64) -> Option<bool> {
        let mut probes = self.probes.lock().unwrap_or_else(PoisonError::into_inner);
        probes.count += 1;
        probes.least_us = Some(
            probes
                .least_us
                .map_or(waited_us, |least| least.min(waited_us)),
        );
        if probes.count < PROBES_IN_A_ROW {
            return None;
        }
        let least_us = std::mem::take(&mut *probes).least_us?;
        Some(least_us > self.target_us / STANDING_PART)
    }

    /// How many creates may be under way, of so many, for one probe has waited so long: half of them, and of these a half for each
    /// time that it waited as long again.
    fn fewer(&self, may: usize, waited_us: u64) -> usize {
        let times = waited_us.checked_div(self.target_us).unwrap_or_default();
        let times = u32::try_from(times).unwrap_or(u32::MAX).max(1);
        may.checked_shr(times).unwrap_or_default().max(1)
    }

    /// How many creates may be under way, of so many: what the last probes let, and fewer while the one that is under way waits for
    /// long.
    fn bounded(&self, may: usize, now_us: u64) -> usize {
        if self.target_us == 0 {
            return may;
        }
        let in_time = self.seen_in_time.load(Ordering::Relaxed);
        may.min(match self.probed_us.load(Ordering::Relaxed) {
            0 => in_time,
            left_us => match now_us.saturating_sub(left_us) {
                waited_us if waited_us > self.target_us => self.fewer(in_time, waited_us),
                _ => in_time,
            },
        })
    }

    /// Takes in that a create was served in `took_us`; where a span ends with it, says how many may be under way from now on.
    fn note(&self, took_us: u64, may: usize, now_us: u64) -> Option<usize> {
        if self.target_us == 0 {
            return None;
        }
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.fastest_us = watched.fastest_us.min(took_us);
        if now_us < watched.until_us {
            return None;
        }
        let seen = std::mem::replace(&mut *watched, Watched::from(now_us));
        let is_slow = seen.fastest_us > self.target_us;
        Some(if is_slow {
            (may - may / 8).max(CREATES_MIN.min(self.most))
        } else {
            (may + may / 16 + 1).min(self.most)
        })
    }
}

impl Place {
    /// Says that the request was served, which tells how many more may come.
    pub(super) fn served(&self) {
        if self.kind == Kind::Create && self.held.load(Ordering::Acquire) {
            let (creates, now) = (&self.load.creates, clock::passed_us());
            let took = now.saturating_sub(self.since_us);
            if let Some(max) = self.load.pace.note(took, creates.max(), now) {
                creates.max.store(max, Ordering::Relaxed);
            }
        }
    }

    /// Gives the place back, because from here on the request only waits.
    pub(super) fn rest(&self) {
        if self.held.swap(false, Ordering::AcqRel) {
            self.load.of(self.kind).give(1);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.rest();
    }
}

impl Share {
    /// Counts bytes that have arrived.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), Error> {
        let bound = &self.load.body_bytes;
        if !bound.take(bytes, bound.max()) {
            return Err(self.load.refuse(bound, bound.max(), FULL));
        }
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.load.body_bytes.give(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(load: &Arc<Load>, kind: Kind) -> Result<Place, Error> {
        load.enter(kind, load.share())
    }

    #[test]
    fn each_kind_has_places_of_its_own_and_they_come_back() {
        let load = Arc::new(Load::new(2, 0, 10));
        let first = enter(&load, Kind::Create).expect("a place");
        let second = enter(&load, Kind::Create).expect("a place");
        assert!(load.check(Kind::Create).is_err() && enter(&load, Kind::Create).is_err());
        let other = enter(&load, Kind::Other).expect("a place of its own kind");
        drop(first);
        load.check(Kind::Create).expect("one came back");
        second.rest();
        second.rest();
        drop(second);
        let all = [(); 2].map(|()| enter(&load, Kind::Create).expect("both came back, once each"));
        assert!(enter(&load, Kind::Create).is_err());
        drop((all, other));
        assert_eq!(load.creates.taken.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn fewer_creates_are_taken_on_while_all_of_them_are_slow() {
        let load = Load::new(256, 50_000, 10);
        let (pace, mut may, mut now) = (&load.pace, 256, 1);
        let mut span = |may: usize, took: &[u64]| {
            let (last, rest) = took.split_last().expect("some");
            for took in rest {
                assert_eq!(pace.note(*took, may, now), None, "a span has not passed");
            }
            now += WATCHED_US;
            pace.note(*last, may, now).expect("a span has passed")
        };
        span(may, &[1]);
        assert_eq!(
            span(may, &[90_000, 50_000, 700_000]),
            256,
            "one was in time"
        );
        assert_eq!(span(may, &[90_000, 50_001, 700_000]), 224, "none was");
        for _ in 0..100 {
            may = span(may, &[60_000]);
        }
        assert_eq!(may, CREATES_MIN);
        assert_eq!(span(may, &[50_000]), 9);
        for _ in 0..100 {
            may = span(may, &[1_000]);
        }
        assert_eq!(may, 256);
        let few = Load::new(2, 1, 10);
        let now = clock::passed_us();
        assert_eq!(few.pace.note(9, 2, now), Some(2), "the bound is the bound");
    }

    #[test]
    fn fewer_creates_are_taken_on_at_once_while_requests_wait_to_be_seen() {
        let load = Load::new(128, 20_000, 10);
        let may = |now_us: u64| load.pace.bounded(128, now_us);
        assert_eq!(may(9_000_000), 128, "nothing is known");
        load.probe_left(9_000_000);
        assert_eq!(may(9_020_000), 128, "it may still be quick");
        assert_eq!(may(9_020_001), 64);
        assert_eq!(may(9_039_999), 64);
        assert_eq!(may(9_060_000), 16, "half for each time");
        assert_eq!(may(99_000_000), 1, "there is always one");
        load.probe_waited(20_001, 0);
        assert_eq!(
            may(99_000_000),
            64,
            "what is known is that the last one was slow"
        );
        load.probe_left(99_000_000);
        assert_eq!(may(99_001_000), 64);
        load.probe_waited(20_000, 0);
        assert_eq!(may(99_001_000), 64, "it was neither");
        load.probe_waited(10_000, 0);
        assert_eq!(may(99_001_000), 68);
        assert_eq!(
            load.pace.bounded(3, 99_001_000),
            3,
            "the bound is the bound"
        );
        for _ in 0..100 {
            load.probe_waited(1, 0);
        }
        assert_eq!(may(99_001_000), 128);
        for _ in 0..100 {
            load.probe_waited(u64::MAX, 0);
        }
        assert_eq!(may(99_001_000), 1, "there is always one");
        let any_time = Load::new(128, 0, 10);
        any_time.probe_waited(u64::MAX, 0);
        assert_eq!(any_time.pace.bounded(128, 1), 128);
    }

    #[test]
    fn a_short_queue_that_stands_is_a_surplus_where_more_may_come_than_is_taken_on() {
        let load = Load::new(128, 20_000, 10);
        let (all, more) = (256, 257);
        let may = || load.pace.bounded(128, 1);
        let probes = |waited_us: [u64; 3], connections: usize| {
            for waited_us in waited_us {
                load.probe_waited(waited_us, connections);
            }
            may()
        };
        for _ in 0..9 {
            assert_eq!(probes([9_000; 3], all), 128, "who waits for the others");
        }
        assert_eq!(probes([2_501; 3], more), 96);
        assert_eq!(probes([19_000, 2_500, 19_000], more), 100, "bursts");
        for _ in 0..99 {
            probes([2_501; 3], more);
        }
        assert_eq!(may(), 1, "there is always one");
        assert_eq!(probes([0; 3], more), 5);
        assert_eq!(
            probes([20_001, 0, 0], more),
            6,
            "half at once, then four more"
        );
    }

    #[test]
    fn bytes_are_shared_by_all_bodies() {
        let load = Arc::new(Load::new(2, 0, 10));
        let (mut one, mut two) = (load.share(), load.share());
        one.grow(6).expect("room");
        two.grow(4).expect("room");
        assert!(two.grow(1).is_err());
        drop(one);
        two.grow(6).expect("room again");
        let place = load.enter(Kind::Create, two).expect("a place");
        assert!(load.share().grow(1).is_err(), "a request holds its body");
        place.rest();
        drop(place);
        load.share().grow(10).expect("all of it");
    }
}
