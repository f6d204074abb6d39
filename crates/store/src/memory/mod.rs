//! The store in memory: a double for tests and for the simulator. It keeps nothing over the end of the process.

mod groups;
mod lists;
mod tables;
mod writes;

use crate::contract::{Done, Failed, Store, Unit};
use crate::limits::PAGE_ITEMS_MAX;
use crate::records::{
    Application, CancelTask, CancelTaskFilter, CommandFilter, DeadCallback, Device, DeviceCounts,
    DeviceFilter, DeviceGroup, Grant, GroupFilter, GroupId, Marks, Page, ProductModel, Report,
    Stretch, Tally, TaskId, Token,
};
use delivery::{AppKey, Cause, Command, CommandId, DeviceId, Lane, Mid, Moment};
use lists::{page_of, shows_task};
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tables::Tables;

/// Everything in maps behind one lock. A commit is applied at once, on the caller's thread, which also calls `done`.
#[derive(Debug, Default)]
pub struct Memory {
    kept: Mutex<Tables>,
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
            device_seq: tables.device_seq,
            app_key: tables.app_key,
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
        before: Option<CommandId>,
        limit: usize,
    ) -> Result<Vec<Command>, Failed> {
        let tables = self.tables();
        let limit = limit.min(PAGE_ITEMS_MAX);
        let end = before.map_or(u64::MAX, |before| before.seq);
        let is_older = |command: &&Command| command.id.seq < end;
        Ok(match device {
            Some(device) => tables
                .of_device(device)
                .filter(is_older)
                .take(limit)
                .cloned()
                .collect(),
            None => tables
                .commands
                .values()
                .rev()
                .filter(is_older)
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

    fn owed(&self, after: u64, limit: usize) -> Result<Vec<Command>, Failed> {
        let tables = self.tables();
        let beyond = tables.commands.range(after.saturating_add(1)..);
        let owing = beyond.map(|(_, c)| c).filter(|c| c.owed().next().is_some());
        Ok(owing.take(limit).cloned().collect())
    }

    fn dead_callbacks(
        &self,
        app: Option<AppKey>,
        after: Option<CommandId>,
        limit: usize,
    ) -> Result<Vec<DeadCallback>, Failed> {
        let tables = self.tables();
        let from = after.map_or(0, |id| id.seq.saturating_add(1));
        let beyond = tables.dead.range(from..).map(|(_, dead)| dead);
        let theirs = beyond.filter(|dead| app.is_none_or(|app| dead.app == app));
        Ok(theirs.take(limit).cloned().collect())
    }

    fn dead_callback(&self, command: CommandId) -> Result<Option<DeadCallback>, Failed> {
        let tables = self.tables();
        let kept = tables.dead.get(&command.seq);
        Ok(kept.filter(|dead| dead.command == command).cloned())
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

    fn grants(&self) -> Result<Vec<Grant>, Failed> {
        Ok(self.tables().grants.values().cloned().collect())
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

    fn devices(
        &self,
        filter: &DeviceFilter,
        wanted: Option<&dyn Fn(&Device) -> bool>,
    ) -> Result<Page<Device>, Failed> {
        Ok(self.tables().devices(filter, wanted))
    }

    fn device_counts(&self) -> Result<DeviceCounts, Failed> {
        let tables = self.tables();
        let mut counts = DeviceCounts::default();
        for device in tables.devices.values().filter(|d| d.deleted.is_none()) {
            counts.registered += 1;
            counts.nonsecure += u64::from(!device.secure);
        }
        Ok(counts)
    }

    fn open_devices(&self, app: AppKey, after: u64, limit: usize) -> Result<Vec<DeviceId>, Failed> {
        let tables = self.tables();
        let beyond = tables.open_by_device.range(after.saturating_add(1)..);
        let busy = beyond.filter(|(_, open)| !open.is_empty());
        let theirs = busy
            .filter_map(|(seq, _)| tables.devices.get(seq))
            .filter(|device| device.app == app && device.deleted.is_none());
        Ok(theirs.map(|device| device.id).take(limit).collect())
    }

    fn bindings(&self, after: u64, limit: usize) -> Result<Vec<(DeviceId, Moment)>, Failed> {
        let tables = self.tables();
        let beyond = tables.devices.range(after.saturating_add(1)..);
        let unbound = beyond
            .map(|(_, device)| device)
            .filter(|device| device.deleted.is_none() && device.activated.is_none());
        let due = unbound.filter_map(|device| device.bind_by.map(|by| (device.id, by)));
        Ok(due.take(limit).collect())
    }

    fn group(&self, id: GroupId) -> Result<Option<(DeviceGroup, u64)>, Failed> {
        Ok(self.tables().group(id))
    }

    fn groups(&self, filter: &GroupFilter) -> Result<Page<(DeviceGroup, u64)>, Failed> {
        Ok(self.tables().groups(filter))
    }

    fn group_page(&self, id: GroupId, skip: u64, take: usize) -> Result<Page<DeviceId>, Failed> {
        Ok(self.tables().group_page(id, skip, take))
    }

    fn group_devices(
        &self,
        id: GroupId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeviceId>, Failed> {
        let tables = self.tables();
        let devices = tables.devices_of(id);
        Ok(devices
            .filter(|device| device.seq() > after)
            .take(limit)
            .collect())
    }

    fn group_members(&self, id: GroupId, of: &[DeviceId]) -> Result<Vec<DeviceId>, Failed> {
        let tables = self.tables();
        let devices: HashSet<DeviceId> = tables.devices_of(id).collect();
        let within = of.iter().filter(|device| devices.contains(device));
        Ok(within.copied().collect())
    }

    fn groups_of(&self, device: DeviceId, limit: usize) -> Result<Vec<DeviceGroup>, Failed> {
        Ok(self.tables().groups_of(device, limit))
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

    fn old_commands(
        &self,
        before: Moment,
        after: Option<CommandId>,
        limit: usize,
    ) -> Result<Stretch<CommandId>, Failed> {
        Ok(self.tables().old_commands(before, after, limit))
    }

    fn old_devices(
        &self,
        before: Moment,
        after: Option<DeviceId>,
        limit: usize,
    ) -> Result<Stretch<DeviceId>, Failed> {
        Ok(self.tables().old_devices(before, after, limit))
    }

    fn old_cancel_tasks(
        &self,
        before: Moment,
        after: Option<TaskId>,
        limit: usize,
    ) -> Result<Stretch<TaskId>, Failed> {
        Ok(self.tables().old_cancel_tasks(before, after, limit))
    }

    fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, Failed> {
        Ok(self.tables().settings.get(name).cloned())
    }

    fn free_bytes(&self) -> Result<Option<u64>, Failed> {
        Ok(None)
    }
}
