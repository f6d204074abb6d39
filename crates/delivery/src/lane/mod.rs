//! A lane: one device's open commands, and the turn that decides about all of them at once.
//!
//! A turn takes what has happened since the last one in a fixed order (R1.2): (a) what links reported; (b) deadlines that have
//! passed, the earliest first; (c) requests in order of arrival; (d) sends. What it returns is to be committed as a whole
//! before anything of it is answered or sent.

mod decided;
mod inbox;
mod links;
mod requests;
mod sends;
mod work;

pub use decided::{Change, Downlink, Granted, Refusal, Reply, Turn, Unmatched};
pub use inbox::{Arrival, Input, Submission};

use crate::command::Command;
use crate::ids::{CommandId, DeviceId, SessionId};
use crate::mids::{Mid, MidSequence};
use crate::rules::Rules;
use crate::time::Moment;
use alloc::vec::Vec;
use work::Work;

/// One device's open commands and what is known of its link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// The device.
    pub device: DeviceId,
    /// How many turns of this lane were committed.
    pub revision: u64,
    /// When the device was registered.
    pub registered: Moment,
    /// When the device was last heard.
    pub contact: Option<Moment>,
    /// The contact as it was last written.
    pub contact_kept: Option<Moment>,
    /// Whether the device was deleted; nothing is accepted any more.
    pub deleted: bool,
    /// The device's mids.
    pub mids: MidSequence,
    /// Whether the device can be reached. Not kept: after a start every device is away.
    pub link: Link,
    /// Commands that have not ended, oldest first.
    pub open: Vec<Command>,
}

/// Whether a device can be reached now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// It cannot.
    Away,
    /// It can, over this session.
    Reachable {
        /// The session.
        session: SessionId,
        /// Whether the link acknowledges what it delivers (R6.3: not with a QoS 0 subscription).
        confirms: bool,
    },
}

impl Lane {
    /// The lane of a device that was registered at `registered` and has had no command.
    pub fn new(device: DeviceId, registered: Moment) -> Self {
        Self {
            device,
            revision: 0,
            registered,
            contact: None,
            contact_kept: None,
            deleted: false,
            mids: MidSequence::new(device),
            link: Link::Away,
            open: Vec::new(),
        }
    }

    /// Takes a mid for a command that is about to be submitted.
    ///
    /// `None` if every mid is in use, which the cap on open commands excludes while it is below 65,000.
    pub fn take_mid(&mut self) -> Option<Mid> {
        let open = &self.open;
        self.mids.take(|mid| open.iter().any(|c| c.mid == mid))
    }

    /// The open command with this id.
    pub fn find(&self, id: CommandId) -> Option<&Command> {
        self.place(id).and_then(|at| self.open.get(at))
    }

    /// When this lane needs a turn if nothing happens before.
    pub fn wake_at(&self, rules: &Rules) -> Option<Moment> {
        let reachable = self.is_reachable();
        let lapse = self
            .open
            .iter()
            .filter_map(|c| c.lapse(reachable, rules))
            .min();
        let due = if reachable {
            self.open.iter().filter_map(Command::due).min()
        } else {
            None
        };
        [lapse, due].into_iter().flatten().min()
    }

    /// Whether the device can be reached now.
    pub const fn is_reachable(&self) -> bool {
        matches!(self.link, Link::Reachable { .. })
    }

    /// Notes that the owner of an open command has been told its history up to this many entries (R2.2); never fewer than before.
    ///
    /// It needs no turn: the next change of the command carries it.
    pub fn told(&mut self, id: CommandId, up_to: u32) {
        if let Some(command) = self.place(id).and_then(|at| self.open.get_mut(at)) {
            command.told = command.told.max(up_to);
        }
    }

    fn place(&self, id: CommandId) -> Option<usize> {
        self.open.binary_search_by_key(&id, |c| c.id).ok()
    }
}

/// Decides everything that follows from `inbox` for `lane` at `now`. Pure; see the module's text for the order.
///
/// Among the inbox, what links reported keeps its order, and so do the requests.
pub fn turn(lane: Lane, inbox: Vec<Input>, rules: &Rules, now: Moment) -> Turn {
    let mut work = Work::new(lane, rules, now);
    let mut requests = Vec::new();
    for input in inbox {
        if let Some(request) = work.hear(input) {
            requests.push(request);
        }
    }
    work.lapse();
    for request in requests {
        work.request(request);
    }
    work.send();
    work.finish()
}
