//! Mids: the numbers by which a device's answers are matched to commands (R6.7).

use crate::ids::DeviceId;
use crate::jitter::mix;
use alloc::collections::VecDeque;
use core::fmt;
use core::num::NonZeroU16;

/// How many mids of commands that ended unanswered are kept from being used again.
pub const UNANSWERED_MIDS_MAX: usize = 256;

/// There are 65535 mids, 1 to 65535.
const MIDS: u64 = 65_535;

/// The wire id of a command on its device's link: 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mid(NonZeroU16);

impl Mid {
    /// The mid `number`; `None` for 0.
    pub const fn new(number: u16) -> Option<Self> {
        match NonZeroU16::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number on the wire.
    pub const fn number(self) -> u16 {
        self.0.get()
    }
}

impl fmt::Display for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A device's durable sequence of mids, with those that an answer may still come for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MidSequence {
    /// How far the sequence has come; kept with the device.
    pub next: u64,
    /// Mids of the last commands that ended unanswered, oldest first; at most [`UNANSWERED_MIDS_MAX`].
    pub unanswered: VecDeque<Mid>,
}

impl MidSequence {
    /// The sequence of a new device: it starts at a hash of the device's id.
    pub fn new(device: DeviceId) -> Self {
        let whole = device.as_u128();
        let folded = whole ^ (whole >> 64);
        let seed = u64::try_from(folded & u128::from(u64::MAX)).unwrap_or_default();
        Self {
            next: mix(seed) % MIDS,
            unanswered: VecDeque::new(),
        }
    }

    /// Takes the next mid for which `open` does not hold and which no late answer is expected for.
    ///
    /// `None` only if every mid is in use, which the caps on open commands exclude.
    pub(crate) fn take(&mut self, open: impl Fn(Mid) -> bool) -> Option<Mid> {
        for _ in 0..MIDS {
            let number = self.next % MIDS + 1;
            self.next = self.next.wrapping_add(1);
            let mid = u16::try_from(number).ok().and_then(Mid::new)?;
            if !open(mid) && !self.unanswered.contains(&mid) {
                return Some(mid);
            }
        }
        None
    }

    /// Remembers that the command with this mid ended without an answer.
    pub(crate) fn ended_unanswered(&mut self, mid: Mid) {
        if self.unanswered.len() >= UNANSWERED_MIDS_MAX {
            self.unanswered.pop_front();
        }
        self.unanswered.push_back(mid);
    }

    /// Frees a mid whose answer came late after all; says whether it was kept.
    pub(crate) fn answered_late(&mut self, mid: Mid) -> bool {
        let before = self.unanswered.len();
        self.unanswered.retain(|kept| *kept != mid);
        self.unanswered.len() != before
    }
}
