//! Alarms: when which lane needs a turn though nothing happens to it. One wheel per shard; lanes need not be in memory.

use delivery::Moment;
use std::collections::{BTreeSet, HashMap};

/// The alarms of a shard's lanes, at most one each.
#[derive(Default)]
pub(super) struct Alarms {
    by_time: BTreeSet<(Moment, u64)>,
    by_lane: HashMap<u64, Moment>,
}

impl Alarms {
    /// Sets a lane's alarm, or takes it away.
    pub(super) fn set(&mut self, lane: u64, at: Option<Moment>) {
        let old = match at {
            Some(at) => self.by_lane.insert(lane, at),
            None => self.by_lane.remove(&lane),
        };
        if old == at {
            return;
        }
        if let Some(old) = old {
            self.by_time.remove(&(old, lane));
        }
        if let Some(at) = at {
            self.by_time.insert((at, lane));
        }
    }

    /// Sets a lane's alarm unless it has an earlier one. One that turns out too early does no harm.
    pub(super) fn no_later(&mut self, lane: u64, at: Moment) {
        if self.by_lane.get(&lane).is_none_or(|set| *set > at) {
            self.set(lane, Some(at));
        }
    }

    /// The earliest alarm.
    pub(super) fn first(&self) -> Option<Moment> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes one lane whose alarm is `now` or earlier.
    pub(super) fn take_due(&mut self, now: Moment) -> Option<u64> {
        let (at, lane) = *self.by_time.first()?;
        if at > now {
            return None;
        }
        self.set(lane, None);
        Some(lane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_has_one_alarm_and_the_earliest_rings_first() {
        let at = Moment::from_millis;
        let mut alarms = Alarms::default();
        alarms.set(1, Some(at(10)));
        alarms.set(2, Some(at(5)));
        alarms.set(1, Some(at(3)));
        alarms.no_later(2, at(7));
        assert_eq!(alarms.first(), Some(at(3)));
        assert_eq!(alarms.take_due(at(4)), Some(1));
        assert_eq!(alarms.take_due(at(4)), None);
        alarms.no_later(2, at(2));
        assert_eq!(alarms.take_due(at(4)), Some(2));
        alarms.set(3, Some(at(9)));
        alarms.set(3, None);
        assert_eq!(alarms.first(), None);
    }
}
