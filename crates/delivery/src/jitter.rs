//! Jitter that a replay reproduces: a hash of the command's id and the attempt, not a random number (R1.5).

use crate::ids::CommandId;
use crate::rules::Window;
use core::time::Duration;

/// A span within `window`, the same for the same command and attempt.
pub fn within(window: Window, id: CommandId, attempt: u8) -> Duration {
    let low = window.min.as_millis();
    let room = window.max.as_millis().saturating_sub(low);
    let hash = u128::from(mix(id.seq
        ^ id.tag.rotate_left(17)
        ^ (u64::from(attempt) << 56)));
    let ms = low + hash % (room + 1);
    Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX))
}

/// A finaliser with full avalanche: every bit of the input reaches every bit of the output.
pub(crate) const fn mix(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
