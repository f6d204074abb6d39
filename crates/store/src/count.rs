//! The tally while it is kept: plain counters, one step for each command that moves.

use crate::records::Tally;
use delivery::{Cause, Change, Command, Ending, LOST_ENTRIES_MAX, State, Status};

/// Where a command counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is open, with this status: queued, sent or delivered.
    Open(Status),
    /// It has ended, and shows this status.
    Ended(Status),
}

/// Open commands are counted by these.
pub(crate) const OPEN: [Status; 3] = [Status::Queued, Status::Sent, Status::Delivered];

/// Ended commands are counted by these; settled ones stand under delivered.
pub(crate) const ENDED: [Status; 6] = [
    Status::Delivered,
    Status::Succeeded,
    Status::Failed,
    Status::Cancelled,
    Status::Expired,
    Status::TimedOut,
];

/// The counters behind a [`Tally`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) accepted: u64,
    pub(crate) open: [u64; 3],
    pub(crate) ended: [u64; 6],
}

impl Counts {
    /// A command moved from `from` (`None`: it was accepted just now) to `to`.
    pub(crate) fn moved(&mut self, from: Option<Place>, to: Place) {
        match from {
            None => self.accepted = self.accepted.saturating_add(1),
            Some(place) => {
                let slot = self.slot(place);
                *slot = slot.saturating_sub(1);
            }
        }
        let slot = self.slot(to);
        *slot = slot.saturating_add(1);
    }

    /// The counters as they are shown.
    pub(crate) fn tally(&self) -> Tally {
        Tally {
            accepted: self.accepted,
            open: OPEN.into_iter().zip(self.open).collect(),
            ended: ENDED.into_iter().zip(self.ended).collect(),
        }
    }

    fn slot(&mut self, place: Place) -> &mut u64 {
        match place {
            Place::Open(status) => match status {
                Status::Queued => &mut self.open[0],
                Status::Sent => &mut self.open[1],
                Status::Delivered
                | Status::Succeeded
                | Status::Failed
                | Status::Cancelled
                | Status::Expired
                | Status::TimedOut => &mut self.open[2],
            },
            Place::Ended(status) => match status {
                Status::Queued | Status::Sent | Status::Delivered => &mut self.ended[0],
                Status::Succeeded => &mut self.ended[1],
                Status::Failed => &mut self.ended[2],
                Status::Cancelled => &mut self.ended[3],
                Status::Expired => &mut self.ended[4],
                Status::TimedOut => &mut self.ended[5],
            },
        }
    }
}

/// Where this command counts as it stands.
pub(crate) const fn place_of(command: &Command) -> Place {
    match command.state {
        State::Queued => Place::Open(Status::Queued),
        State::Sent(_) => Place::Open(Status::Sent),
        State::Delivered { .. } => Place::Open(Status::Delivered),
        State::Ended(Ending::Settled) => Place::Ended(Status::Delivered),
        State::Ended(
            Ending::Succeeded
            | Ending::Failed
            | Ending::Cancelled
            | Ending::Expired
            | Ending::TimedOut,
        ) => Place::Ended(command.status()),
    }
}

/// Where a command that is not new counted before the change, as its history tells; it spares the store a read.
///
/// `None` if the history cannot tell, because a lost attempt beyond the kept ones was taken out of it again.
pub(crate) fn place_before(change: &Change) -> Option<Place> {
    let command = &change.command;
    if command.lost > LOST_ENTRIES_MAX {
        return None;
    }
    let before = command.history.get(..change.entries_before)?;
    let status = before.last()?.status;
    let settled = |cause| {
        matches!(
            cause,
            Cause::NoResult | Cause::NoResultExpected | Cause::Displaced | Cause::DeviceDeleted
        )
    };
    Some(match status {
        Status::Delivered
            if before
                .iter()
                .any(|e| e.status == Status::Delivered && settled(e.cause)) =>
        {
            Place::Ended(status)
        }
        Status::Queued | Status::Sent | Status::Delivered => Place::Open(status),
        Status::Succeeded
        | Status::Failed
        | Status::Cancelled
        | Status::Expired
        | Status::TimedOut => Place::Ended(status),
    })
}
