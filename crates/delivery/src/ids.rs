//! Typed ids. Those that reach the outside carry a sequence number, by which they are found, and a random tag, by which they
//! cannot be guessed.

use core::fmt;
use core::str::FromStr;

/// A text that is not an id of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdError;

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a well-formed id")
    }
}

impl core::error::Error for IdError {}

/// The id of a command: 32 lower-case hex digits outside (contract §5.1), a sequence number and a random tag inside (R2.1).
///
/// Sequence numbers rise in order of acceptance over the whole platform, so ids sort by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId {
    /// Rises in order of acceptance; the key under which the command is stored.
    pub seq: u64,
    /// Random, so that an id cannot be guessed from its neighbour.
    pub tag: u64,
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.seq, self.tag)
    }
}

impl FromStr for CommandId {
    type Err = IdError;

    /// Reads the 32 hex digits; upper case is accepted.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let whole = hex_u128(text, 32)?;
        let (seq, tag) = halves(whole);
        Ok(Self { seq, tag })
    }
}

/// The id of a device: a UUID outside (contract §3.1), 48 bits of sequence number and 74 random bits inside.
///
/// The bits of version and variant say 8 (RFC 9562: a layout of one's own).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(u128);

impl DeviceId {
    const SEQ_BITS: u32 = 48;
    /// Every bit but those of the sequence, the version and the variant.
    const RANDOM_MASK: u128 = 0x0000_0000_0000_0fff_3fff_ffff_ffff_ffff;
    const VERSION_AND_VARIANT: u128 = 0x0000_0000_0000_8000_8000_0000_0000_0000;

    /// Makes the id of the device with sequence number `seq` (below 2^48); of `random`, 74 bits are used.
    pub const fn new(seq: u64, random: u128) -> Self {
        let head = (seq as u128 & ((1 << Self::SEQ_BITS) - 1)) << (128 - Self::SEQ_BITS);
        Self(head | Self::VERSION_AND_VARIANT | (random & Self::RANDOM_MASK))
    }

    /// The id as a number, as it is stored.
    pub const fn as_u128(self) -> u128 {
        self.0
    }

    /// The id that [`as_u128`](Self::as_u128) gave.
    pub const fn from_u128(whole: u128) -> Self {
        Self(whole)
    }

    /// The sequence number: the key under which the device is stored.
    pub const fn seq(self) -> u64 {
        halves(self.0).0 >> (64 - Self::SEQ_BITS)
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let v = self.0;
        let part = |shift: u32, bits: u32| (v >> shift) & ((1 << bits) - 1);
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            part(96, 32),
            part(80, 16),
            part(64, 16),
            part(48, 16),
            part(0, 48)
        )
    }
}

impl FromStr for DeviceId {
    type Err = IdError;

    /// Reads a UUID with its dashes; upper case is accepted.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let bytes = text.as_bytes();
        if bytes.len() != 36 {
            return Err(IdError);
        }
        let mut digits = [0u8; 32];
        let mut used = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            match (at, byte) {
                (8 | 13 | 18 | 23, b'-') => {}
                (8 | 13 | 18 | 23, _) => return Err(IdError),
                _ => {
                    digits[used] = byte;
                    used += 1;
                }
            }
        }
        let text = core::str::from_utf8(&digits).map_err(|_| IdError)?;
        hex_u128(text, 32).map(Self)
    }
}

/// The key of an application within one platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppKey(pub u64);

/// The number of a link's session. It rises with every session and is not kept over a restart (R6.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// The number under which a request waits for its [`Reply`](crate::Reply); unique while the process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

fn hex_u128(text: &str, digits: usize) -> Result<u128, IdError> {
    if text.len() != digits || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(IdError);
    }
    u128::from_str_radix(text, 16).map_err(|_| IdError)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "each half of 128 bits is 64 bits"
)]
const fn halves(whole: u128) -> (u64, u64) {
    ((whole >> 64) as u64, whole as u64)
}
