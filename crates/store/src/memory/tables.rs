//! The maps, and how units change them.

use super::lists::is_listed;
use crate::check::{self, Kept};
use crate::contract::{Failed, LaneRow, LaneWrite, Unit};
use crate::count::{Counts, place_of};
use crate::records::{
    Application, CancelTask, DeadCallback, Device, DeviceGroup, Grant, GroupId, ProductModel,
    Report, TaskId, Token,
};
use delivery::{AppKey, Change, Command, Lane, Link, MidSequence, Moment};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;

/// Everything that is kept.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) stopped: bool,
    pub(super) fail_next: bool,
    pub(super) last_moment: Moment,
    pub(super) command_seq: u64,
    pub(super) device_seq: u64,
    pub(super) app_key: u64,
    pub(super) counts: Counts,
    /// Accepted commands that lists show, by application.
    pub(super) listed: HashMap<AppKey, u64>,
    pub(super) commands: BTreeMap<u64, Command>,
    pub(super) by_device: BTreeMap<u64, BTreeSet<(Moment, u64)>>,
    /// Open commands with their device and the moment of their alarm.
    pub(super) open: BTreeMap<u64, (u64, Option<Moment>)>,
    pub(super) open_by_device: BTreeMap<u64, BTreeSet<u64>>,
    pub(super) keys: HashMap<(AppKey, String), u64>,
    pub(super) lanes: BTreeMap<u64, LaneKept>,
    pub(super) applications: BTreeMap<AppKey, Application>,
    pub(super) tokens: BTreeMap<[u8; 32], Token>,
    pub(super) devices: BTreeMap<u64, Device>,
    pub(super) nodes: HashMap<String, u64>,
    pub(super) models: BTreeMap<u64, ProductModel>,
    pub(super) reports: BTreeMap<(u64, String), Report>,
    pub(super) grants: BTreeMap<(AppKey, AppKey), Grant>,
    /// Device groups with the sequence numbers of their devices.
    pub(super) groups: BTreeMap<GroupId, (DeviceGroup, BTreeSet<u64>)>,
    pub(super) dead: BTreeMap<u64, DeadCallback>,
    pub(super) tasks: BTreeMap<TaskId, CancelTask>,
    pub(super) settings: BTreeMap<String, Vec<u8>>,
}

#[derive(Debug, Default)]
pub(super) struct LaneKept {
    pub(super) revision: u64,
    pub(super) row: Option<LaneRow>,
}

impl Tables {
    pub(super) fn commit(
        &mut self,
        units: Vec<Unit>,
        now: Moment,
    ) -> Result<Vec<Result<(), crate::Conflict>>, Failed> {
        if self.stopped {
            return Err(Failed::Stopped);
        }
        if std::mem::take(&mut self.fail_next) {
            self.stopped = true;
            return Err(Failed::Write("a fault was asked for".to_owned()));
        }
        self.last_moment = self.last_moment.max(now);
        Ok(units
            .into_iter()
            .map(|unit| self.apply(unit, now))
            .collect())
    }

    fn apply(&mut self, unit: Unit, now: Moment) -> Result<(), crate::Conflict> {
        let found = check::conflict(&unit, self).unwrap_or_else(|never| match never {});
        if let Some(conflict) = found {
            return Err(conflict);
        }
        if let Some(turn) = unit.turn {
            self.turn(turn);
        }
        for write in unit.writes {
            self.write(write, now);
        }
        Ok(())
    }

    fn turn(&mut self, turn: LaneWrite) {
        let lane = self.lanes.entry(turn.device.seq()).or_default();
        lane.revision = turn.revision.saturating_add(1);
        if turn.lane.is_some() {
            lane.row = turn.lane;
        }
        for change in turn.changes.iter() {
            self.change(change.clone());
        }
    }

    fn change(&mut self, change: Change) {
        let Change {
            mut command,
            born,
            wake_at,
            ..
        } = change;
        let (seq, device) = (command.id.seq, command.device.seq());
        let before = self.commands.get(&seq);
        if before.is_none() && !born {
            // It was old, and forgotten since the turn was decided (R2.8).
            return;
        }
        if let Some(before) = before {
            command.told = command.told.max(before.told);
            // A key that another command took in the meantime stays released.
            command.key.clone_from(&before.key);
        }
        self.counts.moved(before.map(place_of), place_of(&command));
        if born {
            self.born(&command);
        }
        let of_device = self.open_by_device.entry(device).or_default();
        if command.has_ended() {
            self.open.remove(&seq);
            of_device.remove(&seq);
        } else {
            self.open.insert(seq, (device, wake_at));
            of_device.insert(seq);
        }
        self.commands.insert(seq, command);
    }

    fn born(&mut self, command: &Command) {
        let (seq, device) = (command.id.seq, command.device.seq());
        self.command_seq = self.command_seq.max(seq);
        self.by_device
            .entry(device)
            .or_default()
            .insert((command.created, seq));
        if is_listed(command) {
            *self.listed.entry(command.app).or_default() += 1;
        }
        if let Some(key) = &command.key {
            let former = self.keys.insert((command.app, key.to_string()), seq);
            if let Some(former) = former.and_then(|seq| self.commands.get_mut(&seq)) {
                former.key = None;
            }
        }
    }

    pub(super) fn lane(&self, device_seq: u64) -> Option<Lane> {
        let device = self.devices.get(&device_seq)?;
        let kept = self.lanes.get(&device_seq);
        let row = kept.and_then(|lane| lane.row.clone());
        let contact = row.as_ref().and_then(|row| row.contact);
        let open = self.open_by_device.get(&device_seq);
        Some(Lane {
            device: device.id,
            revision: kept.map(|lane| lane.revision).unwrap_or_default(),
            registered: device.registered,
            contact,
            contact_kept: contact,
            deleted: device.deleted.is_some() || row.as_ref().is_some_and(|row| row.deleted),
            mids: row.map_or_else(|| MidSequence::new(device.id), |row| row.mids),
            link: Link::Away,
            open: open
                .into_iter()
                .flatten()
                .filter_map(|seq| self.commands.get(seq))
                .cloned()
                .collect(),
        })
    }
}

impl Kept for Tables {
    type Error = Infallible;

    fn revision(&mut self, device_seq: u64) -> Result<Option<u64>, Infallible> {
        let known = self.devices.contains_key(&device_seq);
        Ok(known.then(|| {
            self.lanes
                .get(&device_seq)
                .map(|lane| lane.revision)
                .unwrap_or_default()
        }))
    }

    fn key_taken_at(&mut self, app: AppKey, key: &str) -> Result<Option<Moment>, Infallible> {
        let holder = self.keys.get(&(app, key.to_owned()));
        Ok(holder
            .and_then(|seq| self.commands.get(seq))
            .map(|c| c.created))
    }

    fn node_holder(&mut self, node_id: &str) -> Result<Option<u64>, Infallible> {
        Ok(self.nodes.get(node_id).copied())
    }

    fn app_holder(&mut self, app_id: &str) -> Result<Option<AppKey>, Infallible> {
        Ok(self
            .applications
            .values()
            .find(|app| app.app_id == app_id)
            .map(|app| app.key))
    }

    fn group_holder(&mut self, app: AppKey, name: &str) -> Result<Option<GroupId>, Infallible> {
        let has_it = |group: &&DeviceGroup| group.app == app && group.name == name;
        let mut groups = self.groups.values().map(|(group, _)| group);
        Ok(groups.find(has_it).map(|group| group.id))
    }
}
