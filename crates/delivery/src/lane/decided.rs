//! What comes out of a turn.

use super::Lane;
use crate::command::{Answer, Command};
use crate::ids::{CommandId, SessionId, Ticket};
use crate::mids::Mid;
use crate::time::Moment;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Everything that one turn decided. It is committed as a whole, then acted upon; or it never was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The lane as it stands afterwards.
    pub lane: Lane,
    /// The revision that was decided upon; `lane.revision` is one higher if there is anything to write.
    pub revision: u64,
    /// Whether the lane's own record (mids, contact, deletion) is to be written.
    pub keep_lane: bool,
    /// The commands that changed, each once, as they stand afterwards; oldest first.
    pub changes: Vec<Change>,
    /// What is to be handed to links, in this order, after the commit.
    pub downlinks: Vec<Downlink>,
    /// The replies to requests, in order of arrival.
    pub replies: Vec<Reply>,
    /// What arrived and matches no open command.
    pub unmatched: Vec<Unmatched>,
    /// The session that is to be closed: its device was deleted.
    pub close: Option<SessionId>,
    /// When the lane needs its next turn if nothing happens before.
    pub wake_at: Option<Moment>,
}

/// A command that a turn changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The command as it stands afterwards.
    pub command: Command,
    /// Whether this turn accepted it.
    pub born: bool,
    /// How many entries of its history stand as they stood before; those from here on are new or rewritten.
    pub entries_before: usize,
    /// When it needs a turn if its device stays away: what a start of the platform goes by. `None` once it has ended.
    pub wake_at: Option<Moment>,
}

/// One attempt that is to be handed to a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downlink {
    /// The session it is for.
    pub session: SessionId,
    /// The command.
    pub command: CommandId,
    /// Its id on the link.
    pub mid: Mid,
    /// Which attempt: 1 for the first.
    pub attempt: u8,
    /// Whether the transport is to confirm it.
    pub confirm: bool,
    /// What was asked; opaque.
    pub body: Arc<[u8]>,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Who waits for it.
    pub ticket: Ticket,
    /// What became of the request.
    pub outcome: Result<Granted, Refusal>,
}

/// A request that was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// The command was accepted and stands so at the end of the turn.
    Accepted(Box<Command>),
    /// The command was cancelled.
    Cancelled(Box<Command>),
    /// A cancel task cancelled these, shown as they were before (R1.10).
    CancelledAll(Vec<Command>),
    /// A grant was revoked, and as many commands were cancelled.
    Revoked(usize),
    /// The device is deleted.
    Deleted,
}

/// Why a request was refused; it changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The device was deleted (100418).
    DeviceDeleted,
    /// A direct call needs a device that can be reached (100428).
    Offline,
    /// The device has been silent for too long (100612).
    Zombie,
    /// The device has as many queued commands as it may (100223).
    PendingMax,
    /// The device has as many open commands as it may (100223; a direct call: 100501).
    OpenMax,
    /// Only a queued command can be cancelled (100435).
    NotPending,
}

/// What arrived and belongs to no open command; the command is to be sought among those that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmatched {
    /// An acknowledgement.
    Ack(CommandId),
    /// An answer.
    Answer(Mid, Answer),
}

impl Change {
    /// Whether the command ended in this turn: it counts as final from now on.
    pub fn ended(&self) -> bool {
        let new = self
            .command
            .history
            .get(self.entries_before..)
            .unwrap_or_default();
        self.command.has_ended() && new.iter().any(|e| !e.cause.is_late())
    }
}

impl Turn {
    /// Whether anything of it has to be written before it may be acted upon.
    pub fn is_durable(&self) -> bool {
        self.keep_lane || !self.changes.is_empty()
    }
}
