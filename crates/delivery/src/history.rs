//! History: every change of a command, with its moment, its cause, the attempt and who brought it about.

use crate::command::Status;
use crate::ids::AppKey;
use crate::time::Moment;

/// How many late arrivals a command's history keeps; further ones are counted (R1.8).
pub const LATE_ENTRIES_MAX: usize = 8;

/// How many lost attempts a command's history keeps, with the attempts that were lost; further ones are counted.
pub const LOST_ENTRIES_MAX: u32 = 8;

/// One line of a command's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The status from this moment on; for a late entry, the status that stays.
    pub status: Status,
    /// When it was decided.
    pub at: Moment,
    /// Why.
    pub cause: Cause,
    /// How many attempts were committed by then.
    pub attempt: u8,
    /// Who brought it about.
    pub who: Who,
}

/// Who brought a change about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// The platform itself: a deadline, a turn's own decision.
    Platform,
    /// The device, or its link.
    Device,
    /// An application: the creator or the one that cancels.
    Application(AppKey),
    /// The operator, over the admin listener.
    Operator,
}

/// Why a command changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// A submission was accepted.
    Accepted,
    /// An attempt was committed: its frame may leave from now on.
    Attempt,
    /// An immediate command's attempt was due while the device could not be reached.
    Skipped,
    /// The link's word that no byte of the attempt was handed over; the attempt is given back.
    Lost,
    /// The device acknowledged an attempt.
    Acked,
    /// An answer came before the acknowledgement and implies it.
    AnswerImplies,
    /// The device answered.
    Answered,
    /// The device answered, and the answer is not what its profile says.
    AnsweredOffProfile,
    /// The device answered with something that cannot be decoded.
    Undecodable,
    /// The command could not be encoded for the device; no byte left.
    NotEncodable,
    /// The link refused a direct call's frame; no byte left.
    LinkRefused,
    /// No acknowledgement came, and no attempt is left.
    NoAck,
    /// The expiry time passed before anything was sent.
    TooOld,
    /// The application asked for it.
    CancelRequested,
    /// A cancel task of the device.
    CancelTask,
    /// The device was deleted.
    DeviceDeleted,
    /// The creator's grant was revoked.
    GrantRevoked,
    /// A result was expected and none came in time.
    NoResult,
    /// No result was expected and none came.
    NoResultExpected,
    /// Settled early to make room for a new command.
    Displaced,
    /// An acknowledgement arrived after the end. Changes no status.
    LateAck,
    /// An answer arrived after the end. Changes no status.
    LateAnswer,
}

impl Cause {
    /// Every cause, in the order of their codes.
    pub const ALL: [Self; 22] = [
        Self::Accepted,
        Self::Attempt,
        Self::Skipped,
        Self::Lost,
        Self::Acked,
        Self::AnswerImplies,
        Self::Answered,
        Self::AnsweredOffProfile,
        Self::Undecodable,
        Self::NotEncodable,
        Self::LinkRefused,
        Self::NoAck,
        Self::TooOld,
        Self::CancelRequested,
        Self::CancelTask,
        Self::DeviceDeleted,
        Self::GrantRevoked,
        Self::NoResult,
        Self::NoResultExpected,
        Self::Displaced,
        Self::LateAck,
        Self::LateAnswer,
    ];

    /// Whether this cause marks what arrived after the end (R1.8).
    pub const fn is_late(self) -> bool {
        matches!(self, Self::LateAck | Self::LateAnswer)
    }

    /// The cause's name as it stands in histories, lower-case with underscores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Attempt => "attempt",
            Self::Skipped => "skipped_unreachable",
            Self::Lost => "lost",
            Self::Acked => "acknowledged",
            Self::AnswerImplies => "answer_implies_delivery",
            Self::Answered => "answered",
            Self::AnsweredOffProfile => "answered_off_profile",
            Self::Undecodable => "answer_undecodable",
            Self::NotEncodable => "not_encodable",
            Self::LinkRefused => "link_refused",
            Self::NoAck => "no_acknowledgement",
            Self::TooOld => "expired",
            Self::CancelRequested => "cancel_requested",
            Self::CancelTask => "cancel_task",
            Self::DeviceDeleted => "device_deleted",
            Self::GrantRevoked => "grant_revoked",
            Self::NoResult => "no_result",
            Self::NoResultExpected => "no_result_expected",
            Self::Displaced => "displaced",
            Self::LateAck => "late_acknowledgement",
            Self::LateAnswer => "late_answer",
        }
    }
}
