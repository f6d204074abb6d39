//! Luck from a seed: the same seed gives the same world, on every machine and in every version.
//!
//! SplitMix64 spreads the seed, xoshiro256++ draws (Blackman and Vigna, 2019). Not for secrets.

/// A source of numbers that depends on its seed alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// The source of `seed`.
    pub fn new(seed: u64) -> Self {
        let mut spread = seed;
        Self {
            state: [(); 4].map(|()| split_mix(&mut spread)),
        }
    }

    /// The source of the `index`th part of a world: independent of the other parts, and of how many there are.
    pub fn part(seed: u64, index: u64) -> Self {
        let mut spread = seed;
        let mixed = split_mix(&mut spread) ^ index.wrapping_mul(0xD1B5_4A32_D192_ED03);
        Self::new(mixed)
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let drawn = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        drawn
    }

    /// A number from 0 to `end`, `end` not included; 0 if `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        let wide = u128::from(self.any()) * u128::from(end);
        u64::try_from(wide >> 64).expect("the upper half of 128 bits has 64")
    }

    /// A number of the range, both ends included; the first end if they are in the wrong order.
    pub fn between(&mut self, first: u64, last: u64) -> u64 {
        first.saturating_add(self.below(last.saturating_sub(first).saturating_add(1)))
    }

    /// True in so many of 1000 cases.
    pub fn per_mille(&mut self, share: u16) -> bool {
        self.below(1000) < u64::from(share)
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_is_spread_as_published() {
        let mut state = 0;
        assert_eq!(
            [(); 3].map(|()| split_mix(&mut state)),
            [
                0xE220_A839_7B1D_CDAF,
                0x6E78_9E6A_A1B9_65F4,
                0x06C4_5D18_8009_454F
            ]
        );
    }

    #[test]
    fn the_numbers_are_those_of_the_published_generator() {
        let mut random = Random {
            state: [1, 2, 3, 4],
        };
        assert_eq!(
            [(); 4].map(|()| random.any()),
            [
                41_943_041,
                58_720_359,
                3_588_806_011_781_223,
                3_591_011_842_654_386
            ]
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_another_seed_others() {
        let draw = |mut random: Random| [(); 8].map(|()| random.any());
        assert_eq!(draw(Random::new(7)), draw(Random::new(7)));
        assert_ne!(draw(Random::new(7)), draw(Random::new(8)));
        assert_ne!(draw(Random::part(7, 0)), draw(Random::part(7, 1)));
    }

    #[test]
    fn ranges_hold_and_reach_both_ends() {
        let mut random = Random::new(1);
        let drawn: Vec<u64> = (0..1000).map(|_| random.between(3, 5)).collect();
        assert!(drawn.iter().all(|n| (3..=5).contains(n)));
        assert!([3, 4, 5].iter().all(|n| drawn.contains(n)));
        assert_eq!(random.below(0), 0);
        assert_eq!(random.between(9, 2), 9);
        assert_eq!(random.between(u64::MAX, u64::MAX), u64::MAX);
    }

    #[test]
    fn shares_are_kept_roughly_and_their_ends_exactly() {
        let mut random = Random::new(2);
        let mut count = |share| (0..10_000).filter(|_| random.per_mille(share)).count();
        assert_eq!(count(0), 0);
        assert_eq!(count(1000), 10_000);
        assert!((2_300..2_700).contains(&count(250)));
    }
}
