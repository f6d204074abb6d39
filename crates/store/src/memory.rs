//! The store in memory: a double for tests and for the simulator. It keeps nothing over the end of the process.

use crate::check::{self, Kept};
use crate::contract::{Done, Failed, LaneRow, LaneWrite, Store, Unit, Write};
use crate::count::{Counts, place_of};
use crate::limits::{COUNTED_TOTAL_MAX, PAGE_ITEMS_MAX, SKIP_MAX};
use crate::records::{
    Application, CancelTask, CancelTaskFilter, CommandFilter, Device, Marks, Page, ProductModel,
    Report, Tally, TaskId, Token,
};
use delivery::{
    AppKey, Cause, Change, Command, CommandId, DeviceId, Kind, Lane, Link, Mid, MidSequence, Moment,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Everything in maps behind one lock. A commit is applied at once, on the caller's thread, which also calls `done`.
#[derive(Debug, Default)]
pub struct Memory {
    kept: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    stopped: bool,
    fail_next: bool,
    last_moment: Moment,
    command_seq: u64,
    counts: Counts,
    /// Accepted commands that lists show, by application.
    listed: HashMap<AppKey, u64>,
    commands: BTreeMap<u64, Command>,
    by_device: BTreeMap<u64, BTreeSet<(Moment, u64)>>,
    /// Open commands with their device and the moment of their alarm.
    open: BTreeMap<u64, (u64, Option<Moment>)>,
    open_by_device: BTreeMap<u64, BTreeSet<u64>>,
    keys: HashMap<(AppKey, String), u64>,
    lanes: BTreeMap<u64, LaneKept>,
    applications: BTreeMap<AppKey, Application>,
    tokens: BTreeMap<[u8; 32], Token>,
    devices: BTreeMap<u64, Device>,
    nodes: HashMap<String, u64>,
    models: BTreeMap<u64, ProductModel>,
    reports: BTreeMap<(u64, String), Report>,
    tasks: BTreeMap<TaskId, CancelTask>,
    settings: BTreeMap<String, Vec<u8>>,
}

#[derive(Debug, Default)]
struct LaneKept {
    revision: u64,
    row: Option<LaneRow>,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the next commit fail, as a disk would; the store has stopped from then on (R2.5, R9.2).
    pub fn fail_next_commit(&self) {
        self.tables().fail_next = true;
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    fn commit(&self, units: Vec<Unit>, now: Moment, done: Done) {
        let outcome = self.tables().commit(units, now);
        done(outcome);
    }

    fn marks(&self) -> Result<Marks, Failed> {
        let tables = self.tables();
        Ok(Marks {
            command_seq: tables.command_seq,
            device_seq: tables
                .devices
                .keys()
                .next_back()
                .copied()
                .unwrap_or_default(),
            app_key: tables
                .applications
                .keys()
                .next_back()
                .map(|key| key.0)
                .unwrap_or_default(),
            model_version: tables
                .models
                .keys()
                .next_back()
                .copied()
                .unwrap_or_default(),
            last_moment: tables.last_moment,
        })
    }

    fn tally(&self) -> Result<Tally, Failed> {
        Ok(self.tables().counts.tally())
    }

    fn lane(&self, device_seq: u64) -> Result<Option<Lane>, Failed> {
        Ok(self.tables().lane(device_seq))
    }

    fn alarms(&self, after: u64, limit: usize) -> Result<Vec<(u64, u64, Moment)>, Failed> {
        let tables = self.tables();
        let beyond = tables.open.range(after.saturating_add(1)..);
        Ok(beyond
            .filter_map(|(seq, (device, wake))| wake.map(|at| (*seq, *device, at)))
            .take(limit)
            .collect())
    }

    fn command(&self, id: CommandId) -> Result<Option<Command>, Failed> {
        Ok(self
            .tables()
            .commands
            .get(&id.seq)
            .filter(|c| c.id == id)
            .cloned())
    }

    fn command_by_key(
        &self,
        app: AppKey,
        key: &str,
        since: Moment,
    ) -> Result<Option<Command>, Failed> {
        let tables = self.tables();
        let holder = tables
            .keys
            .get(&(app, key.to_owned()))
            .and_then(|seq| tables.commands.get(seq));
        Ok(holder.filter(|c| c.created >= since).cloned())
    }

    fn ended_by_mid(
        &self,
        device: DeviceId,
        mid: Mid,
        last: usize,
    ) -> Result<Option<Command>, Failed> {
        let tables = self.tables();
        let fits = |c: &&Command| {
            c.mid == mid && c.has_ended() && c.history.iter().any(|e| e.cause == Cause::Attempt)
        };
        Ok(tables.of_device(device).take(last).find(fits).cloned())
    }

    fn commands(&self, filter: &CommandFilter) -> Result<Page<Command>, Failed> {
        Ok(self.tables().page(filter))
    }

    fn latest_commands(
        &self,
        device: Option<DeviceId>,
        limit: usize,
    ) -> Result<Vec<Command>, Failed> {
        let tables = self.tables();
        let limit = limit.min(PAGE_ITEMS_MAX);
        Ok(match device {
            Some(device) => tables.of_device(device).take(limit).cloned().collect(),
            None => tables
                .commands
                .values()
                .rev()
                .take(limit)
                .cloned()
                .collect(),
        })
    }

    fn cancel_task(&self, id: TaskId) -> Result<Option<CancelTask>, Failed> {
        Ok(self.tables().tasks.get(&id).cloned())
    }

    fn cancel_tasks(&self, filter: &CancelTaskFilter) -> Result<Page<CancelTask>, Failed> {
        let tables = self.tables();
        let mut found: Vec<&CancelTask> = tables
            .tasks
            .values()
            .filter(|task| shows_task(filter, task))
            .collect();
        found.sort_by_key(|task| std::cmp::Reverse((task.created, task.id)));
        Ok(page_of(&found, filter.skip, filter.take))
    }

    fn applications(&self) -> Result<Vec<Application>, Failed> {
        Ok(self.tables().applications.values().cloned().collect())
    }

    fn tokens(&self, now: Moment) -> Result<Vec<Token>, Failed> {
        Ok(self
            .tables()
            .tokens
            .values()
            .filter(|token| token.valid_until >= now)
            .cloned()
            .collect())
    }

    fn device(&self, id: DeviceId) -> Result<Option<Device>, Failed> {
        Ok(self
            .tables()
            .devices
            .get(&id.seq())
            .filter(|device| device.id == id)
            .cloned())
    }

    fn device_by_node(&self, node_id: &str) -> Result<Option<Device>, Failed> {
        let tables = self.tables();
        Ok(tables
            .nodes
            .get(node_id)
            .and_then(|seq| tables.devices.get(seq))
            .cloned())
    }

    fn product_models(&self) -> Result<Vec<ProductModel>, Failed> {
        Ok(self
            .tables()
            .models
            .values()
            .filter(|model| model.replaced.is_none())
            .cloned()
            .collect())
    }

    fn product_model(&self, version: u64) -> Result<Option<ProductModel>, Failed> {
        Ok(self.tables().models.get(&version).cloned())
    }

    fn reports(&self, device: DeviceId) -> Result<Vec<Report>, Failed> {
        let tables = self.tables();
        let of_device = tables
            .reports
            .range((device.seq(), String::new())..)
            .take_while(|((seq, _), _)| *seq == device.seq());
        Ok(of_device
            .map(|(_, report)| report)
            .filter(|report| report.device == device)
            .cloned()
            .collect())
    }

    fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, Failed> {
        Ok(self.tables().settings.get(name).cloned())
    }

    fn free_bytes(&self) -> Result<Option<u64>, Failed> {
        Ok(None)
    }
}

impl Tables {
    fn commit(
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

    fn write(&mut self, write: Write, now: Moment) {
        match write {
            Write::Application(app) => {
                self.applications.insert(app.key, app);
            }
            Write::Token(token) => {
                self.tokens.retain(|_, kept| kept.valid_until >= now);
                self.tokens.insert(token.digest, token);
            }
            Write::ForgetTokens { app, keep } => {
                self.tokens
                    .retain(|digest, token| token.app != app || keep.contains(digest));
            }
            Write::Device(device) => self.write_device(device),
            Write::Presence {
                device,
                presence,
                activated,
            } => {
                if let Some(kept) = self
                    .devices
                    .get_mut(&device.seq())
                    .filter(|kept| kept.id == device)
                {
                    kept.presence = presence;
                    kept.activated = kept.activated.or(activated);
                }
            }
            Write::ProductModel(model) => {
                self.models.insert(model.version, model);
            }
            Write::Report(report) => {
                self.reports
                    .insert((report.device.seq(), report.service_id.clone()), report);
            }
            Write::CancelTask(task) => {
                self.tasks.insert(task.id, task);
            }
            Write::Setting { name, value } => {
                self.settings.insert(name, value);
            }
            Write::Told { command, up_to } => {
                if let Some(kept) = self
                    .commands
                    .get_mut(&command.seq)
                    .filter(|c| c.id == command)
                {
                    kept.told = kept.told.max(up_to);
                }
            }
        }
    }

    fn write_device(&mut self, device: Device) {
        let seq = device.id.seq();
        if let Some(before) = self.devices.get(&seq)
            && self.nodes.get(&before.node_id) == Some(&seq)
        {
            self.nodes.remove(&before.node_id);
        }
        if device.deleted.is_none() {
            self.nodes.insert(device.node_id.clone(), seq);
        }
        self.devices.insert(seq, device);
    }

    fn lane(&self, device_seq: u64) -> Option<Lane> {
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

    /// A device's commands, newest first.
    fn of_device(&self, device: DeviceId) -> impl Iterator<Item = &Command> {
        let seqs = self
            .by_device
            .get(&device.seq())
            .into_iter()
            .flatten()
            .rev();
        seqs.filter_map(|(_, seq)| self.commands.get(seq))
            .filter(move |c| c.device == device)
    }

    fn page(&self, filter: &CommandFilter) -> Page<Command> {
        let mut found: Vec<&Command> = match filter.device {
            Some(device) => self
                .of_device(device)
                .filter(|c| shows(filter, c))
                .collect(),
            None => self
                .commands
                .values()
                .filter(|c| shows(filter, c))
                .collect(),
        };
        found.sort_by_key(|c| std::cmp::Reverse((c.created, c.id.seq)));
        let mut page = page_of(&found, filter.skip, filter.take);
        if filter.device.is_none() && filter.from.is_none() && filter.to.is_none() {
            page.total = self.listed.get(&filter.app).copied().unwrap_or_default();
        }
        page
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
}

/// Whether lists show this command: direct calls never appear there (R1.1).
fn is_listed(command: &Command) -> bool {
    !matches!(command.kind, Kind::Direct { .. })
}

fn shows(filter: &CommandFilter, command: &Command) -> bool {
    is_listed(command)
        && command.app == filter.app
        && filter.from.is_none_or(|from| command.created >= from)
        && filter.to.is_none_or(|to| command.created <= to)
}

fn shows_task(filter: &CancelTaskFilter, task: &CancelTask) -> bool {
    task.app == filter.app
        && filter.task.is_none_or(|id| task.id == id)
        && filter.device.is_none_or(|device| task.device == device)
        && filter
            .succeeded
            .is_none_or(|succeeded| succeeded != task.commands.is_empty())
        && filter.from.is_none_or(|from| task.created >= from)
        && filter.to.is_none_or(|to| task.created <= to)
}

fn page_of<T: Clone>(found: &[&T], skip: u64, take: usize) -> Page<T> {
    let total = u64::try_from(found.len())
        .unwrap_or(u64::MAX)
        .min(COUNTED_TOTAL_MAX);
    let skip = if skip > SKIP_MAX {
        found.len()
    } else {
        usize::try_from(skip).unwrap_or(usize::MAX)
    };
    let items = found
        .iter()
        .skip(skip)
        .take(take.min(PAGE_ITEMS_MAX))
        .map(|item| (*item).clone())
        .collect();
    Page { total, items }
}
