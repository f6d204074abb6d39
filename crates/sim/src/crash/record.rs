//! What applications and devices saw in a round, as they saw it. The checks compare it with what is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// The mark by which a command is known on both sides: its parameter `token`.
pub(crate) type Token = u64;

/// The notes of a round, taken by many tasks.
#[derive(Debug, Default)]
pub(crate) struct Record {
    notes: Mutex<Notes>,
}

/// What was noted. Moments are microseconds of one clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    /// Commands that applications asked for.
    pub(crate) asks: BTreeMap<Token, Ask>,
    /// Cancellations that were granted: the command.
    pub(crate) cancelled: Vec<String>,
    /// Cancel tasks that were created: the commands that they named.
    pub(crate) tasks: Vec<Vec<String>>,
    /// Statuses that were read.
    pub(crate) seen: Vec<Seen>,
    /// Commands that reached devices, in order.
    pub(crate) received: Vec<Received>,
    /// Commands that devices acknowledged, or were about to.
    pub(crate) acknowledged: BTreeSet<Token>,
    /// Answers that devices gave, or were about to.
    pub(crate) answers: BTreeMap<Token, Answered>,
    /// Reports, by device and service.
    pub(crate) reports: BTreeMap<(usize, String), Reports>,
    /// Callbacks that were taken, in order.
    pub(crate) told: Vec<Told>,
    /// What should never happen, in words.
    pub(crate) odd: Vec<String>,
}

/// A command that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ask {
    /// The device, by its number.
    pub(crate) device: usize,
    /// What kind of command.
    pub(crate) kind: Kind,
    /// What is to be found: the `command` member of the request.
    pub(crate) command: Value,
    /// `maxRetransmit`, if it was said.
    pub(crate) retransmit_max: Option<u8>,
    /// Its idempotency key.
    pub(crate) key: Option<String>,
    /// What is to be told of it.
    pub(crate) told: Asked,
    /// When it left for the first time.
    pub(crate) asked_at: u64,
    /// Answers that said yes: more than one where the key was used again.
    pub(crate) granted: Vec<Grant>,
    /// The error code of an answer that said no.
    pub(crate) refused: Option<String>,
}

/// The kinds of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// With an `expireTime` in seconds, not 0.
    Queued(u32),
    /// `expireTime` 0.
    Immediate,
    /// `invokeDeviceService`.
    Direct,
}

/// What an application wants to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Nothing.
    Nothing,
    /// Every status of a queued or immediate command.
    Statuses,
    /// The outcome of a direct call.
    Outcome {
        /// Its acknowledgement too.
        ack: bool,
    },
}

/// A callback that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// What it is about.
    pub(crate) about: About,
    /// `resultCode`, or the `notifyType`.
    pub(crate) says: String,
}

/// What a callback is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// A command, by its id.
    Command(String),
    /// A direct call, by the caller's request id.
    Request(String),
}

/// An answer that said yes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Grant {
    /// When it came.
    pub(crate) at: u64,
    /// Its body.
    pub(crate) body: Value,
}

/// A status that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The command.
    pub(crate) command_id: String,
    /// The status.
    pub(crate) status: String,
    /// When the reading began.
    pub(crate) asked_at: u64,
    /// When the answer came.
    pub(crate) at: u64,
}

/// A command that reached a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    /// The device, by its number.
    pub(crate) device: usize,
    /// The command.
    pub(crate) token: Token,
    /// When.
    pub(crate) at: u64,
}

/// A device's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    /// Its error code.
    pub(crate) errcode: i64,
    /// Whether the platform acknowledged it, which is its word that it is kept.
    pub(crate) confirmed: bool,
}

/// A device's reports of one service. Reports are numbered, and each says its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reports {
    /// The last one that was sent.
    pub(crate) sent: u64,
    /// The last one that the platform acknowledged.
    pub(crate) confirmed: u64,
}

impl Record {
    /// The notes, to be added to.
    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the notes on a command that was asked for.
    pub(crate) fn ask(&self, token: Token, change: impl FnOnce(&mut Ask)) {
        if let Some(ask) = self.notes().asks.get_mut(&token) {
            change(ask);
        }
    }

    /// Notes what should never happen.
    pub(crate) fn odd(&self, what: impl Into<String>) {
        self.notes().odd.push(what.into());
    }
}
