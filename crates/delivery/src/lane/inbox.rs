//! What goes into a turn.

use crate::command::{Answer, Command, Kind};
use crate::history::Who;
use crate::ids::{AppKey, CommandId, SessionId, Ticket};
use crate::mids::Mid;
use alloc::boxed::Box;
use alloc::sync::Arc;

/// Something that happened to a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A session of the device can take commands.
    Reachable {
        /// The session.
        session: SessionId,
        /// Whether it acknowledges what it delivers.
        confirms: bool,
    },
    /// A session of the device can take no more commands. That of an older session than the present one is ignored (R6.5).
    Unreachable {
        /// The session.
        session: SessionId,
    },
    /// The device acknowledged an attempt of a command; any attempt counts, over any session.
    Acked {
        /// The command.
        command: CommandId,
    },
    /// The device answered.
    Answered {
        /// The mid in the answer.
        mid: Mid,
        /// The answer.
        answer: Answer,
    },
    /// The link's word that no byte of a command's last attempt was handed over; the session takes no more commands.
    /// It is given at most once for a downlink.
    Lost {
        /// The command.
        command: CommandId,
        /// Which attempt (`issued` after its commit).
        attempt: u8,
        /// The session it was meant for.
        session: SessionId,
    },
    /// The device was heard otherwise: it connected, or reported.
    Heard,
    /// What a former turn returned as [`Unmatched`](crate::Unmatched), with the ended command that it belongs to (R1.8, R6.7).
    Late {
        /// The ended command, as it is kept at the moment of this turn.
        command: Box<Command>,
        /// What arrived.
        arrival: Arrival,
    },
    /// A command is submitted.
    Submit(Ticket, Box<Submission>),
    /// One command is to be cancelled.
    Cancel {
        /// Who waits for the reply.
        ticket: Ticket,
        /// The command.
        command: CommandId,
        /// Who asks.
        who: Who,
    },
    /// Every queued command is to be cancelled (a cancel task).
    CancelAll {
        /// Who waits for the reply.
        ticket: Ticket,
        /// Who asks.
        who: Who,
    },
    /// An application's right to command this device ends.
    Revoke {
        /// Who waits for the reply.
        ticket: Ticket,
        /// The application whose queued commands are cancelled.
        app: AppKey,
        /// Who revokes.
        who: Who,
    },
    /// The device is deleted.
    Delete {
        /// Who waits for the reply.
        ticket: Ticket,
        /// Who deletes.
        who: Who,
    },
}

/// What can arrive for a command that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// An acknowledgement.
    Ack,
    /// An answer. Of one that comes late, the first is kept with the command if it had none.
    Answer(Answer),
}

/// A command that is to be accepted. Its mid was taken with [`Lane::take_mid`](crate::Lane::take_mid), and it was encoded with it (R1.14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The id it will have.
    pub id: CommandId,
    /// The device's application.
    pub app: AppKey,
    /// Who submits it.
    pub who: Who,
    /// How it is to be delivered.
    pub kind: Kind,
    /// Its id on the link.
    pub mid: Mid,
    /// Whether it could be encoded for the device.
    pub encodable: bool,
    /// How often an attempt is repeated at the most, 0 to 3; more count as 3.
    pub retransmit_max: u8,
    /// Whether the device is expected to answer.
    pub answer_expected: bool,
    /// Whether somebody is to be told of its changes.
    pub callback: bool,
    /// The caller's idempotency key.
    pub key: Option<Arc<str>>,
    /// What was asked; opaque.
    pub body: Arc<[u8]>,
}
