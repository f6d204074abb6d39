//! The one place that asks the machine for randomness.

use std::cell::RefCell;

/// Bytes that are asked for at once: one call serves many ids.
const POOL_BYTES: usize = 4_096;

struct Pool {
    bytes: [u8; POOL_BYTES],
    used: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; POOL_BYTES], used: POOL_BYTES }) };
}

/// Random bytes that cannot be guessed.
///
/// # Panics
/// If the machine has no source of randomness; nothing can be kept secret then.
pub fn bytes<const N: usize>() -> [u8; N] {
    const { assert!(N <= POOL_BYTES) }
    POOL.with_borrow_mut(|pool| {
        if pool.used + N > POOL_BYTES {
            fill(&mut pool.bytes);
            pool.used = 0;
        }
        let taken = &mut pool.bytes[pool.used..pool.used + N];
        let mut out = [0; N];
        out.copy_from_slice(taken);
        taken.fill(0);
        pool.used += N;
        out
    })
}

/// A random number of 64 bits.
pub fn number() -> u64 {
    u64::from_le_bytes(bytes())
}

/// `N` random bytes as lower-case hex digits.
pub fn hex<const N: usize>() -> String {
    to_hex(&bytes::<N>())
}

/// Bytes as lower-case hex digits.
pub fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes every write");
            text
        })
}

#[expect(clippy::disallowed_methods, reason = "this is the place")]
fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the machine has a source of randomness");
}
