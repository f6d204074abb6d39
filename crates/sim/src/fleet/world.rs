//! What a seed decides: each device's habits and sleep, and what the application wants.

use std::time::Duration;

use crate::behaviour::Behaviour;
use crate::random::Random;

/// Seconds that a command waits: not at all, a little, a day.
const EXPIRE_TIMES_S: [u32; 3] = [0, 20, 86_400];

/// A fleet before it lives.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// One for each device.
    pub plans: Vec<Plan>,
}

/// A device's habits.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// How it takes commands.
    pub behaviour: Behaviour,
    /// Its luck.
    pub seed: u64,
    /// Milliseconds it sleeps: the shortest and the longest.
    pub asleep_ms: (u64, u64),
    /// Milliseconds it is awake: the shortest and the longest.
    pub awake_ms: (u64, u64),
    /// In how many of 1000 times it reports when it wakes.
    pub reports: u16,
    /// In how many of 1000 times it goes without a word.
    pub loses_its_network: u16,
}

/// What the application does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intent {
    /// To which device.
    pub device: u64,
    /// The parameter.
    pub value: u64,
    /// How long it may wait.
    pub expire_time_s: u32,
    /// It thinks better of it at once.
    pub cancels: bool,
}

impl World {
    /// The world of a seed. A device's plan does not depend on how many there are.
    pub fn new(seed: u64, devices: u64) -> Self {
        let plan = |index| {
            let mut random = Random::part(seed, index);
            Plan {
                behaviour: Behaviour::drawn(&mut random),
                seed: random.any(),
                asleep_ms: (200, random.between(500, 5_000)),
                awake_ms: (200, random.between(500, 3_000)),
                reports: 300,
                loses_its_network: 200,
            }
        };
        Self {
            plans: (0..devices).map(plan).collect(),
        }
    }
}

impl Plan {
    pub(super) fn asleep(&self, random: &mut Random) -> Duration {
        Duration::from_millis(random.between(self.asleep_ms.0, self.asleep_ms.1))
    }

    pub(super) fn awake(&self, random: &mut Random) -> Duration {
        Duration::from_millis(random.between(self.awake_ms.0, self.awake_ms.1))
    }

    pub(super) fn reports(&self, random: &mut Random) -> bool {
        random.per_mille(self.reports)
    }

    pub(super) fn loses_its_network(&self, random: &mut Random) -> bool {
        random.per_mille(self.loses_its_network)
    }
}

impl Intent {
    /// The next one.
    pub fn drawn(random: &mut Random, devices: u64) -> Self {
        let expire = usize::try_from(random.below(3)).expect("below 3");
        Self {
            device: random.below(devices),
            value: random.between(1, 24),
            expire_time_s: EXPIRE_TIMES_S[expire],
            cancels: random.per_mille(100),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_world_however_large() {
        let small = World::new(3, 5);
        assert_eq!(small.plans[..], World::new(3, 50).plans[..5]);
        assert_ne!(small, World::new(4, 5));
        let intents = |seed| {
            let mut random = Random::new(seed);
            (0..50)
                .map(|_| Intent::drawn(&mut random, 5))
                .collect::<Vec<_>>()
        };
        assert_eq!(intents(1), intents(1));
        assert!(intents(1).iter().all(|intent| intent.device < 5));
    }
}
