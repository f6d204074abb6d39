//! What a round will do, drawn from its seed.

use std::time::Duration;

use mqtt::{Qos, Version};

use crate::credentials::IdKind;
use crate::random::Random;

/// Applications of a round.
pub(crate) const APPLICATIONS: u64 = 4;
/// Devices of a round.
const DEVICES: u64 = 7;

/// A request, or what a device says, is committed and acted upon within some such time, in microseconds.
const PASSED_US: u64 = 1_200;

/// Of a thousand rounds, so many make backups, and so many go on a day later.
const BACKS_UP: u16 = 300;
const AGES: u16 = 200;
/// A backup of a round's database takes some such time, in milliseconds.
const BEFORE_A_KILL_MS: u64 = 120;
/// The commands of a storm are forgotten within some such time, in milliseconds.
const FORGETS_MS: u64 = 25;

/// The decisions of a round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Its seed.
    pub(crate) seed: u64,
    /// When the server is killed.
    pub(crate) kills: Vec<Kill>,
    /// How long the load goes on after the last one.
    pub(crate) after: Duration,
    /// How the server ends before everything is read.
    pub(crate) end: End,
    /// The devices.
    pub(crate) devices: Vec<DevicePlan>,
    /// How long before each kill a backup is begun; empty if none is made.
    pub(crate) backups: Vec<Duration>,
    /// What happens a day later, if anything does.
    pub(crate) ageing: Option<Ageing>,
}

/// A day after the first storm all that ended in it is forgotten, by servers that are killed meanwhile; then a second one follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ageing {
    /// How long after it began to write a server is killed that starts to forget.
    pub(crate) cuts: Vec<Duration>,
    /// When the server is killed.
    pub(crate) kills: Vec<Kill>,
    /// How long the load goes on after the last one.
    pub(crate) after: Duration,
}

/// When a server is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kill {
    /// It has run for so long.
    pub(crate) after: Duration,
    /// Then this is waited for.
    pub(crate) at: Moment,
}

/// What a kill waits for. A commit takes a fraction of a millisecond: a kill that waits for nothing seldom meets one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Nothing.
    Any,
    /// So many microseconds have passed since an application asked for something.
    Asked(u64),
    /// So many microseconds have passed since a device acknowledged, answered or reported.
    Said(u64),
}

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// SIGKILL.
    Kill,
    /// SIGTERM: it drains.
    Stop,
}

/// What one device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DevicePlan {
    /// The MQTT that it speaks.
    pub(crate) version: Version,
    /// How surely it wants its commands.
    pub(crate) qos: Qos,
    /// Under which id it comes.
    pub(crate) id: IdKind,
    /// Whether it sleeps until the calm.
    pub(crate) sleeps: bool,
}

impl Plan {
    /// The plan of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let mut random = Random::part(seed, 0);
        let kills: Vec<Kill> = (0..random.between(1, 3))
            .map(|_| Kill::drawn(&mut random))
            .collect();
        let after = millis(&mut random, 100, 600);
        let end = if random.per_mille(500) {
            End::Kill
        } else {
            End::Stop
        };
        let devices = (0..DEVICES)
            .map(|number| DevicePlan::drawn(number, &mut random))
            .collect();
        let mut random = Random::part(seed, 1);
        let backups = if random.per_mille(BACKS_UP) {
            let each = kills.iter();
            each.map(|_| millis(&mut random, 0, BEFORE_A_KILL_MS))
                .collect()
        } else {
            Vec::new()
        };
        let ageing = random.per_mille(AGES).then(|| Ageing::drawn(&mut random));
        Self {
            seed,
            kills,
            after,
            end,
            devices,
            backups,
            ageing,
        }
    }

    /// How often the server is ended.
    pub(crate) fn kills_in_all(&self) -> usize {
        let ageing = self.ageing.as_ref();
        // A day passes between two servers, too.
        let later = ageing.map_or(0, |ageing| 1 + ageing.cuts.len() + ageing.kills.len());
        self.kills.len() + later + 1
    }

    /// The luck of one of its applications.
    pub(crate) fn application(&self, number: u64) -> Random {
        Random::part(self.seed, 1_000 + number)
    }

    /// The luck of the receiver of callbacks.
    pub(crate) fn receiver(&self) -> Random {
        Random::part(self.seed, 3_000)
    }

    /// The luck of one of its devices.
    pub(crate) fn device(&self, number: u64) -> Random {
        Random::part(self.seed, 2_000 + number)
    }
}

impl Kill {
    fn drawn(random: &mut Random) -> Self {
        let after = millis(random, 80, 900);
        let passed = random.below(PASSED_US);
        let at = match random.below(5) {
            0 => Moment::Any,
            1 | 2 => Moment::Asked(passed),
            _ => Moment::Said(passed),
        };
        Self { after, at }
    }
}

impl Ageing {
    fn drawn(random: &mut Random) -> Self {
        let cuts = (0..random.between(1, 3))
            .map(|_| millis(random, 0, FORGETS_MS))
            .collect();
        let kills = vec![Kill {
            after: millis(random, 50, 300),
            at: Moment::Any,
        }];
        let after = millis(random, 50, 200);
        Self { cuts, kills, after }
    }
}

impl DevicePlan {
    fn drawn(number: u64, random: &mut Random) -> Self {
        let version = if random.per_mille(400) {
            Version::V5
        } else {
            Version::V311
        };
        let qos = if random.per_mille(150) {
            Qos::AtMostOnce
        } else {
            Qos::AtLeastOnce
        };
        let id = if random.per_mille(500) {
            IdKind::DeviceId
        } else {
            IdKind::NodeId
        };
        // One in two rounds has a device that sleeps through the storm: what expires and what is cancelled is found there.
        let sleeps = number == 0 && random.per_mille(500);
        Self {
            version,
            qos,
            id,
            sleeps,
        }
    }
}

fn millis(random: &mut Random, from: u64, to: u64) -> Duration {
    Duration::from_millis(random.between(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_plan_and_another_seed_has_another() {
        assert_eq!(Plan::of(7), Plan::of(7));
        assert_ne!(Plan::of(7), Plan::of(8));
        assert_ne!(Plan::of(7).application(0), Plan::of(7).application(1));
    }

    #[test]
    fn every_kind_of_round_is_drawn() {
        let plans: Vec<Plan> = (0..100).map(Plan::of).collect();
        for kills in 1..=3 {
            assert!(plans.iter().any(|plan| plan.kills.len() == kills));
        }
        assert!(
            plans.iter().any(|plan| plan.end == End::Kill)
                && plans.iter().any(|plan| plan.end == End::Stop)
        );
        let kills = || plans.iter().flat_map(|plan| &plan.kills);
        assert!(kills().any(|kill| kill.at == Moment::Any));
        assert!(kills().any(|kill| matches!(kill.at, Moment::Asked(_))));
        assert!(kills().any(|kill| matches!(kill.at, Moment::Said(_))));
        let devices = || plans.iter().flat_map(|plan| &plan.devices);
        assert!(devices().any(|device| device.qos == Qos::AtMostOnce));
        assert!(devices().any(|device| device.sleeps));
        let shares = [
            plans.iter().filter(|plan| plan.ageing.is_some()).count(),
            plans.iter().filter(|plan| !plan.backups.is_empty()).count(),
        ];
        assert!(
            shares.iter().all(|share| (10..50).contains(share)),
            "{shares:?}"
        );
    }
}
