//! What the modelled platform has on disk. A commit is held against what stood there before.

use crate::promises;
use delivery::{
    Cause, Change, Command, CommandId, DeviceId, Lane, Link, Mid, MidSequence, Moment, Status, Turn,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many of a device's commands an answer without an open command is sought among (R6.7).
const SOUGHT_MAX: usize = 1000;

/// A lane's own record.
struct Row {
    device: DeviceId,
    registered: Moment,
    revision: u64,
    mids: MidSequence,
    contact: Option<Moment>,
    deleted: bool,
}

/// Everything that survives a crash.
pub(crate) struct Disk {
    rows: Vec<Row>,
    /// Every command that was accepted.
    pub(crate) commands: BTreeMap<CommandId, Command>,
    /// When the open ones need a turn if their device stays away.
    alarms: BTreeMap<CommandId, Moment>,
    /// Which command was accepted under which idempotency key.
    pub(crate) keys: BTreeMap<Arc<str>, CommandId>,
    accepted: usize,
    ended: usize,
    /// The last moment of a commit.
    last: Moment,
}

impl Disk {
    /// Devices without commands.
    pub(crate) fn new(devices: &[DeviceId], registered: Moment) -> Self {
        let row = |device: &DeviceId| Row {
            device: *device,
            registered,
            revision: 0,
            mids: MidSequence::new(*device),
            contact: None,
            deleted: false,
        };
        Self {
            rows: devices.iter().map(row).collect(),
            commands: BTreeMap::new(),
            alarms: BTreeMap::new(),
            keys: BTreeMap::new(),
            accepted: 0,
            ended: 0,
            last: registered,
        }
    }

    /// The lane of a device as a start of the platform finds it.
    pub(crate) fn lane(&self, device: usize) -> Lane {
        let row = &self.rows[device];
        let theirs = |c: &&Command| c.device == row.device && !c.has_ended();
        Lane {
            device: row.device,
            revision: row.revision,
            registered: row.registered,
            contact: row.contact,
            contact_kept: row.contact,
            deleted: row.deleted,
            mids: row.mids.clone(),
            link: Link::Away,
            open: self.commands.values().filter(theirs).cloned().collect(),
        }
    }

    /// Whether the device was deleted.
    pub(crate) fn is_deleted(&self, device: usize) -> bool {
        self.rows[device].deleted
    }

    /// When the device's lane needs a turn after a start.
    pub(crate) fn alarm(&self, device: usize) -> Option<Moment> {
        let id = self.rows[device].device;
        let theirs = |c: &CommandId| self.commands.get(c).is_some_and(|c| c.device == id);
        self.alarms
            .iter()
            .filter(|(c, _)| theirs(c))
            .map(|(_, at)| *at)
            .min()
    }

    /// The commands that have not ended.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Command> {
        self.commands.values().filter(|c| !c.has_ended())
    }

    /// The ended command with this id.
    pub(crate) fn ended(&self, id: CommandId) -> Option<&Command> {
        self.commands.get(&id).filter(|c| c.has_ended())
    }

    /// The youngest command of the device that ended, was sent and carried this mid, among its last ones.
    pub(crate) fn ended_by_mid(&self, device: DeviceId, mid: Mid) -> Option<&Command> {
        let sent = |c: &&Command| c.history.iter().any(|e| e.cause == Cause::Attempt);
        let theirs = self.commands.values().rev().filter(|c| c.device == device);
        theirs
            .take(SOUGHT_MAX)
            .filter(|c| c.has_ended())
            .filter(sent)
            .find(|c| c.mid == mid)
    }

    /// The highest sequence number of a command.
    pub(crate) fn seq(&self) -> u64 {
        self.commands.keys().next_back().map_or(0, |id| id.seq)
    }

    /// Writes a turn as a whole.
    pub(crate) fn apply(&mut self, device: usize, turn: &Turn, now: Moment) {
        assert!(self.last <= now);
        self.last = now;
        let row = &mut self.rows[device];
        assert_eq!(
            row.revision, turn.revision,
            "no turn is lost or decided twice"
        );
        row.revision = turn.lane.revision;
        if turn.keep_lane {
            row.mids = turn.lane.mids.clone();
            row.contact = turn.lane.contact;
            assert!(!row.deleted || turn.lane.deleted, "a deletion stands");
            row.deleted = turn.lane.deleted;
        }
        for change in &turn.changes {
            self.change(change, now);
        }
        let open = self.open().count();
        assert_eq!(self.accepted, self.ended + open, "accepted = final + open");
    }

    fn change(&mut self, change: &Change, now: Moment) {
        let new = &change.command;
        promises::history_is_sound(new, now);
        let old = self.commands.get(&new.id);
        assert_eq!(old.is_none(), change.born, "born once: {new:?}");
        if let Some(old) = old {
            succeeds(old, change);
        }
        if let Some(key) = new.key.as_ref().filter(|_| change.born) {
            assert!(
                self.keys.insert(key.clone(), new.id).is_none(),
                "a key was accepted twice"
            );
        }
        self.accepted += usize::from(change.born);
        self.ended += usize::from(change.ended());
        match change.wake_at {
            Some(at) => self.alarms.insert(new.id, at),
            None => self.alarms.remove(&new.id),
        };
        answer_is_its_own(new);
        let told = old.map_or(0, |c| c.told).max(new.told);
        self.commands.insert(
            new.id,
            Command {
                told,
                ..new.clone()
            },
        );
    }

    /// Notes that the owner has been told so far.
    pub(crate) fn told(&mut self, id: CommandId, up_to: u32) {
        if let Some(command) = self.commands.get_mut(&id) {
            command.told = command.told.max(up_to);
        }
    }

    /// The ids of the commands of a device that are as told.
    pub(crate) fn ids(&self, wanted: impl Fn(&Command) -> bool) -> BTreeSet<CommandId> {
        self.commands
            .values()
            .filter(|c| wanted(c))
            .map(|c| c.id)
            .collect()
    }
}

/// A command never goes back, and what has ended never changes its status.
fn succeeds(old: &Command, change: &Change) {
    let new = &change.command;
    let kept = change.entries_before;
    assert!(kept + 1 >= old.history.len() && new.history.len() >= old.history.len());
    assert_eq!(old.history[..kept], new.history[..kept], "history stands");
    assert_eq!(
        (old.id, old.mid, old.created, &old.body),
        (new.id, new.mid, new.created, &new.body)
    );
    assert!(new.late >= old.late && new.lost >= old.lost);
    let back = new.status() == Status::Queued && old.status() != Status::Queued;
    assert!(!back, "never back to PENDING (R1.3)");
    if old.has_ended() {
        assert_eq!(old.state, new.state, "the end is the end (R1.8)");
        assert!(!change.ended(), "ended once");
        assert!(new.late > old.late, "only what is late changes it");
        assert!(
            old.answer.is_none() || old.answer == new.answer,
            "the first answer is kept"
        );
    }
}

/// An answer that names the command it answers is never given to another one (R6.7).
fn answer_is_its_own(command: &Command) {
    let detail = command.answer.as_ref().and_then(|a| a.detail.as_deref());
    if let Some(named) = detail.and_then(|d| core::str::from_utf8(d).ok()) {
        assert_eq!(
            named,
            command.id.to_string(),
            "an answer was taken for another command's"
        );
    }
}
