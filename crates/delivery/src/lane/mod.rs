//! A lane: one device's open commands, and the turn that decides about all of them at once.
//!
//! A turn takes what has happened since the last one in a fixed order (R1.2): (a) what links reported; (b) deadlines that have
//! passed, the earliest first; (c) requests in order of arrival; (d) sends. What it returns is to be committed as a whole
//! before anything of it is answered or sent.

mod links;
mod requests;
mod sends;

use crate::command::{Answer, Command, Kind};
use crate::history::Who;
use crate::ids::{AppKey, CommandId, DeviceId, SessionId, Ticket};
use crate::mids::{Mid, MidSequence};
use crate::rules::Rules;
use crate::time::Moment;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

/// How old the kept moment of the last contact may become before a turn writes it again.
const CONTACT_KEPT_EVERY: Duration = Duration::from_mins(1);

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
    /// What a former turn returned as [`Unmatched`], with the ended command that it belongs to (R1.8, R6.7).
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

/// A command that is to be accepted. Its mid was taken with [`Lane::take_mid`], and it was encoded with it (R1.14).
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

/// A turn in the making.
struct Work<'a> {
    lane: Lane,
    rules: &'a Rules,
    now: Moment,
    keep_lane: bool,
    /// The commands that changed; unsorted, each once.
    touched: Vec<Touched>,
    /// Commands that ended in this turn and left the lane, and ended ones that something late arrived for.
    ended: Vec<Command>,
    downlinks: Vec<Downlink>,
    replies: Vec<(Ticket, Result<Outcome, Refusal>)>,
    unmatched: Vec<Unmatched>,
    close: Option<SessionId>,
}

/// A command that this turn changed, as far as it is not to be seen in the command itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Touched {
    id: CommandId,
    entries_before: usize,
    born: bool,
}

/// A granted request whose reply shows what stands at the end of the turn.
enum Outcome {
    Accepted(CommandId),
    Done(Granted),
}

impl<'a> Work<'a> {
    fn new(lane: Lane, rules: &'a Rules, now: Moment) -> Self {
        Self {
            lane,
            rules,
            now,
            keep_lane: false,
            touched: Vec::new(),
            ended: Vec::new(),
            downlinks: Vec::new(),
            replies: Vec::new(),
            unmatched: Vec::new(),
            close: None,
        }
    }

    /// Marks the command at `at` as changed by this turn, before it changes.
    fn touch(&mut self, at: usize) -> &mut Command {
        let command = &mut self.lane.open[at];
        if !self.touched.iter().any(|t| t.id == command.id) {
            self.touched.push(Touched {
                id: command.id,
                entries_before: command.history.len(),
                born: false,
            });
        }
        command
    }

    /// Step (b): deadlines that have passed, the earliest first.
    fn lapse(&mut self) {
        loop {
            let reachable = self.lane.is_reachable();
            let lapses = self.lane.open.iter().enumerate();
            let first = lapses
                .filter_map(|(at, c)| c.lapse(reachable, self.rules).map(|when| (when, at)))
                .min();
            let Some((when, at)) = first else { return };
            if when > self.now {
                return;
            }
            let (rules, now) = (self.rules, self.now);
            self.touch(at).lapsed(reachable, rules, now);
            self.sweep(at);
        }
    }

    /// Takes the command at `at` out of the lane if it has ended, and remembers its mid if an answer may still come.
    fn sweep(&mut self, at: usize) {
        if !self.lane.open[at].has_ended() {
            return;
        }
        let command = self.lane.open.remove(at);
        if command.was_sent() && command.answer.is_none() {
            self.lane.mids.ended_unanswered(command.mid);
            self.keep_lane = true;
        }
        self.ended.push(command);
    }

    fn finish(mut self) -> Turn {
        // The mid of a command that was accepted was taken before the turn: its sequence is to survive with it (R6.7).
        self.keep_lane |= self.touched.iter().any(|t| t.born);
        let stale = match (self.lane.contact, self.lane.contact_kept) {
            (Some(contact), Some(kept)) => contact.since(kept) >= CONTACT_KEPT_EVERY,
            (contact, _) => contact.is_some(),
        };
        self.keep_lane |= stale;
        if self.keep_lane {
            self.lane.contact_kept = self.lane.contact;
        }
        let changes = self.changes();
        let replies = self.replies(&changes);
        let wake_at = self.lane.wake_at(self.rules);
        let revision = self.lane.revision;
        let mut turn = Turn {
            lane: self.lane,
            revision,
            keep_lane: self.keep_lane,
            changes,
            downlinks: self.downlinks,
            replies,
            unmatched: self.unmatched,
            close: self.close,
            wake_at,
        };
        if turn.is_durable() {
            turn.lane.revision += 1;
        }
        turn
    }

    fn changes(&mut self) -> Vec<Change> {
        self.touched.sort_unstable();
        let touched = core::mem::take(&mut self.touched);
        let mut ended = core::mem::take(&mut self.ended);
        let mut changes = Vec::with_capacity(touched.len());
        for Touched {
            id,
            entries_before,
            born,
        } in touched
        {
            let open = self.lane.find(id).cloned();
            let gone = || {
                ended
                    .iter()
                    .position(|c| c.id == id)
                    .map(|at| ended.swap_remove(at))
            };
            if let Some(command) = open.or_else(gone) {
                let wake_at = command.lapse(false, self.rules);
                changes.push(Change {
                    command,
                    born,
                    entries_before,
                    wake_at,
                });
            }
        }
        changes
    }

    fn replies(&mut self, changes: &[Change]) -> Vec<Reply> {
        let replies = core::mem::take(&mut self.replies).into_iter();
        let lane = &self.lane;
        let now_is = |id: CommandId| {
            let change = changes
                .binary_search_by_key(&id, |c| c.command.id)
                .ok()
                .and_then(|at| changes.get(at));
            let command = change.map(|c| &c.command).or_else(|| lane.find(id));
            Granted::Accepted(Box::new(
                command
                    .expect("what was accepted has changed, or is open")
                    .clone(),
            ))
        };
        let outcome = |outcome: Result<Outcome, Refusal>| {
            outcome.map(|granted| match granted {
                Outcome::Accepted(id) => now_is(id),
                Outcome::Done(granted) => granted,
            })
        };
        replies
            .map(|(ticket, result)| Reply {
                ticket,
                outcome: outcome(result),
            })
            .collect()
    }
}
