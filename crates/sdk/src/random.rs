//! The one place of the client that asks the machine for randomness: keys under which creates may be repeated, and the jitter of waits.

use std::fmt::Write as _;
use std::time::Duration;

use api::headers::IdempotencyKey;
use rustls::crypto::ring::default_provider;

/// A key that no other request has: 128 random bits.
///
/// # Panics
/// If the machine has no source of randomness; TLS would not work there either.
pub(crate) fn key() -> IdempotencyKey {
    let mut text = String::with_capacity(32);
    for byte in bytes::<16>() {
        write!(text, "{byte:02x}").expect("a string takes every write");
    }
    IdempotencyKey::parse(text.as_bytes()).expect("hex digits are visible ASCII")
}

/// Between the half and the whole of `wait`, so that clients that were refused together do not come back together.
pub(crate) fn jittered(wait: Duration) -> Duration {
    let part = u32::from(u16::from_le_bytes(bytes())) + 1;
    wait / 2 + (wait / 2 / 65_536) * part
}

fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let random = default_provider().secure_random;
    random
        .fill(&mut bytes)
        .expect("the machine has a source of randomness");
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_differ_and_are_keys() {
        let keys: HashSet<IdempotencyKey> = (0..1000).map(|_| key()).collect();
        assert_eq!(keys.len(), 1000);
        assert!(keys.iter().all(|key| key.as_str().len() == 32));
    }

    #[test]
    fn a_wait_is_half_of_itself_to_all_of_it() {
        let wait = Duration::from_secs(4);
        let waits: HashSet<Duration> = (0..1000).map(|_| jittered(wait)).collect();
        assert!(waits.iter().all(|it| (wait / 2..=wait).contains(it)));
        assert!(waits.len() > 500, "{}", waits.len());
    }
}
