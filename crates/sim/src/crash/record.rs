//! What applications and devices saw in a round, as they saw it. The checks compare it with what is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// The mark by which a command is known on both sides: its parameter `token`.
pub type Token = u64;

/// The notes of a round, taken by many tasks.
#[derive(Debug, Default)]
pub struct Record {
    notes: Mutex<Notes>,
}

/// What was noted. Moments are microseconds of one clock.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// Commands that applications asked for.
    pub asks: BTreeMap<Token, Ask>,
    /// Cancellations that were granted: the command.
    pub cancelled: Vec<String>,
    /// Cancel tasks that were created: the commands that they named.
    pub tasks: Vec<Vec<String>>,
    /// Statuses that were read.
    pub seen: Vec<Seen>,
    /// Commands that reached devices, in order.
    pub received: Vec<Received>,
    /// Commands that devices acknowledged, or were about to.
    pub acknowledged: BTreeSet<Token>,
    /// Answers that devices gave, or were about to.
    pub answers: BTreeMap<Token, Answered>,
    /// Reports, by device.
    pub reports: BTreeMap<usize, Reports>,
    /// What should never happen, in words.
    pub odd: Vec<String>,
}

/// A command that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The device, by its number.
    pub device: usize,
    /// What kind of command.
    pub kind: Kind,
    /// What is to be found: the `command` member of the request.
    pub command: Value,
    /// `maxRetransmit`, if it was said.
    pub retransmit_max: Option<u8>,
    /// Its idempotency key.
    pub key: Option<String>,
    /// When it left for the first time.
    pub asked_at: u64,
    /// Answers that said yes: more than one where the key was used again.
    pub granted: Vec<Grant>,
    /// The error code of an answer that said no.
    pub refused: Option<String>,
}

/// The kinds of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// With an `expireTime` in seconds, not 0.
    Queued(u32),
    /// `expireTime` 0.
    Immediate,
    /// `invokeDeviceService`.
    Direct,
}

/// An answer that said yes.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// When it came.
    pub at: u64,
    /// Its body.
    pub body: Value,
}

/// A status that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The command.
    pub command_id: String,
    /// The status.
    pub status: String,
    /// When the reading began.
    pub asked_at: u64,
    /// When the answer came.
    pub at: u64,
}

/// A command that reached a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The device, by its number.
    pub device: usize,
    /// The command.
    pub token: Token,
    /// When.
    pub at: u64,
}

/// A device's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Its error code.
    pub errcode: i64,
    /// Whether the platform acknowledged it, which is its word that it is kept.
    pub confirmed: bool,
}

/// A device's reports: each says how many there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reports {
    /// How many were sent.
    pub sent: u64,
    /// The last one that the platform acknowledged.
    pub confirmed: u64,
}

impl Record {
    /// The notes, to be added to.
    pub fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the notes on a command that was asked for.
    pub fn ask(&self, token: Token, change: impl FnOnce(&mut Ask)) {
        if let Some(ask) = self.notes().asks.get_mut(&token) {
            change(ask);
        }
    }

    /// Notes what should never happen.
    pub fn odd(&self, what: impl Into<String>) {
        self.notes().odd.push(what.into());
    }
}
