//! One endpoint, `scheme://host:port`: whether it is up, how much may be under way to it, and what waits for it. Pure.
//!
//! ```text
//!            ten failures in a row
//!      up ─────────────────────────► down ──┐ a probe every three minutes:
//!       ◄──────────────────────────────┘ ◄──┘ the callback that has waited longest
//!               any success
//! ```
//!
//! An endpoint has one slot of its own, always. It earns further ones, up to a bound, with answers that come quickly, and falls back to
//! one with a failure, or by half with a slow answer: so what is slow or dead holds one slot, and what is quick gets many.

use delivery::{CommandId, Moment};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// An answer that takes longer than this earns no further slot.
const QUICK: Duration = Duration::from_secs(2);
/// Failures in a row are counted up to this many.
const FAILURES_COUNTED_MAX: u32 = 1_000_000;

/// When an endpoint counts as down, and what may be under way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Failures in a row after which it is down (R5.3).
    pub(super) failures_max: u32,
    /// The span between two probes.
    pub(super) probe_after: Duration,
    /// Callbacks under way to it at the same time.
    pub(super) slots_max: u32,
}

/// An endpoint that somebody wants to call.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) name: Arc<str>,
    /// Commands that wait for a slot or for their time, the earliest first.
    waiting: BTreeMap<(Moment, u64), CommandId>,
    /// Of those that wait for their time, how many need not any more: the endpoint came back.
    rush: usize,
    pub(super) under_way: u32,
    slots: u32,
    /// Failures since the last success.
    pub(super) failures: u32,
    /// Since when it is down, and when it is probed next.
    pub(super) down: Option<Down>,
    /// When it failed last, and why.
    pub(super) last_failure: Option<(Moment, String)>,
    /// Commands that have anything to do with it: it is forgotten with the last one.
    pub(super) users: usize,
    /// Whether it waits for a slot that all share.
    pub(super) starved: bool,
}

/// An endpoint that is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Down {
    pub(super) since: Moment,
    pub(super) probe_at: Moment,
}

/// What a change of an endpoint is worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turned {
    /// It counts as down from now on, for this last reason.
    Down(String),
    /// It answers again, after this time.
    Up(Duration),
}

impl Endpoint {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            waiting: BTreeMap::new(),
            rush: 0,
            under_way: 0,
            slots: 1,
            failures: 0,
            down: None,
            last_failure: None,
            users: 0,
            starved: false,
        }
    }

    /// How many commands wait for it.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Lets a command wait until `due`. Of those with the same moment, the lower ticket goes first.
    pub(super) fn wait(&mut self, due: Moment, ticket: u64, command: CommandId) {
        self.waiting.insert((due, ticket), command);
    }

    /// Takes a command that waits away.
    pub(super) fn leave(&mut self, due: Moment, ticket: u64) {
        self.waiting.remove(&(due, ticket));
    }

    /// When it can be called next, if that is a matter of time: `None` while nothing waits, or while no slot is free.
    pub(super) fn next(&self) -> Option<Moment> {
        let ((due, _), _) = self.waiting.first_key_value()?;
        match self.down {
            Some(down) => (self.under_way == 0).then_some(down.probe_at),
            None if self.under_way >= self.slots => None,
            None if self.rush > 0 => Some(Moment::default()),
            None => Some(*due),
        }
    }

    /// Whether the next call would need more than the slot that is its own.
    pub(super) fn needs_extra(&self) -> bool {
        self.under_way > 0
    }

    /// Takes the command that is called next, if one may be called at `now`.
    pub(super) fn take(&mut self, now: Moment) -> Option<CommandId> {
        if self.next()? > now {
            return None;
        }
        let ((due, _), command) = self.waiting.pop_first()?;
        if due > now && self.down.is_none() {
            self.rush = self.rush.saturating_sub(1);
        }
        self.rush = self.rush.min(self.waiting.len());
        self.under_way += 1;
        Some(command)
    }

    /// A call was answered with 2xx after `took`.
    pub(super) fn succeeded(
        &mut self,
        took: Duration,
        bounds: Bounds,
        now: Moment,
    ) -> Option<Turned> {
        self.under_way -= 1;
        self.failures = 0;
        self.slots = if took <= QUICK {
            (self.slots + 1).min(bounds.slots_max)
        } else {
            (self.slots / 2).max(1)
        };
        let down = self.down.take()?;
        let later = self.waiting.range((now, u64::MAX)..);
        self.rush = later.count();
        Some(Turned::Up(now.since(down.since)))
    }

    /// A call failed.
    pub(super) fn failed(&mut self, why: String, bounds: Bounds, now: Moment) -> Option<Turned> {
        self.under_way -= 1;
        self.failures = (self.failures + 1).min(FAILURES_COUNTED_MAX);
        self.slots = 1;
        self.last_failure = Some((now, why.clone()));
        let probe_at = now + bounds.probe_after;
        match &mut self.down {
            Some(down) => {
                down.probe_at = probe_at;
                None
            }
            None if self.failures >= bounds.failures_max => {
                self.down = Some(Down {
                    since: now,
                    probe_at,
                });
                self.rush = 0;
                Some(Turned::Down(why))
            }
            None => None,
        }
    }

    /// Has an endpoint that is down probed at once.
    pub(super) fn probe_now(&mut self, now: Moment) {
        if let Some(down) = &mut self.down {
            down.probe_at = down.probe_at.min(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        failures_max: 10,
        probe_after: Duration::from_mins(3),
        slots_max: 4,
    };

    fn at(ms: u64) -> Moment {
        Moment::from_millis(ms)
    }

    fn id(seq: u64) -> CommandId {
        CommandId { seq, tag: 0 }
    }

    fn endpoint(waiting: u64) -> Endpoint {
        let mut endpoint = Endpoint::new("http://h:1".into());
        for seq in 0..waiting {
            endpoint.wait(at(0), seq, id(seq));
        }
        endpoint
    }

    #[test]
    fn slots_are_earned_with_quick_answers_and_lost_with_slow_ones_and_failures() {
        let mut endpoint = endpoint(100);
        let fill = |endpoint: &mut Endpoint| {
            while endpoint.take(at(0)).is_some() {}
            endpoint.under_way
        };
        assert_eq!(fill(&mut endpoint), 1);
        for expected in [2, 3, 4, 4] {
            endpoint.succeeded(Duration::from_millis(5), BOUNDS, at(0));
            assert_eq!(fill(&mut endpoint), expected);
        }
        endpoint.succeeded(Duration::from_secs(14), BOUNDS, at(0));
        assert_eq!(fill(&mut endpoint), 3, "nothing new until two are left");
        endpoint.succeeded(Duration::from_secs(14), BOUNDS, at(0));
        endpoint.succeeded(Duration::from_secs(14), BOUNDS, at(0));
        assert_eq!(fill(&mut endpoint), 1);
        endpoint.succeeded(Duration::ZERO, BOUNDS, at(0));
        assert_eq!(fill(&mut endpoint), 2);
        endpoint.failed("x".into(), BOUNDS, at(0));
        endpoint.succeeded(Duration::from_secs(14), BOUNDS, at(0));
        assert_eq!(fill(&mut endpoint), 1);
    }

    #[test]
    fn r5_3_ten_failures_in_a_row_bring_it_down_and_one_success_brings_all_back() {
        let mut endpoint = endpoint(20);
        for failure in 1..=10 {
            let command = endpoint.take(at(0)).expect("it is up");
            let turned = endpoint.failed("refused".into(), BOUNDS, at(0));
            assert_eq!(
                turned,
                (failure == 10).then(|| Turned::Down("refused".into()))
            );
            endpoint.wait(at(5_000), 100 + failure, command);
        }
        let probe = 180_000;
        assert_eq!(endpoint.next(), Some(at(probe)));
        assert_eq!(endpoint.take(at(probe - 1)), None);
        let probed = endpoint.take(at(probe)).expect("one probe");
        assert_eq!(probed, id(10));
        assert_eq!(endpoint.take(at(probe)), None, "one at a time");
        assert_eq!(endpoint.failed("refused".into(), BOUNDS, at(probe)), None);
        endpoint.wait(at(probe + 5_000), 200, probed);
        assert_eq!(endpoint.next(), Some(at(2 * probe)));
        let other = endpoint.take(at(2 * probe)).expect("another probe");
        assert_eq!(other, id(11), "one that always fails blocks nobody");
        let turned = endpoint.succeeded(Duration::ZERO, BOUNDS, at(2 * probe));
        assert_eq!(turned, Some(Turned::Up(Duration::from_millis(2 * probe))));
        let mut back = Vec::new();
        while let Some(command) = endpoint.take(at(2 * probe)) {
            back.push(command);
            endpoint.succeeded(Duration::ZERO, BOUNDS, at(2 * probe));
        }
        assert_eq!(back.len(), 19, "all of them, due or not");
        assert_eq!(endpoint.next(), None);
    }

    #[test]
    fn a_success_between_failures_starts_the_count_anew() {
        let mut endpoint = endpoint(100);
        for round in 0..30 {
            endpoint.take(at(0)).expect("it is up");
            if round % 10 == 9 {
                endpoint.succeeded(Duration::from_secs(3), BOUNDS, at(0));
            } else {
                assert_eq!(endpoint.failed("x".into(), BOUNDS, at(0)), None);
            }
        }
        assert!(endpoint.down.is_none());
    }
}
