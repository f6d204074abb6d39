//! Lists and searches.

use super::tables::Tables;
use crate::age::ended_at;
use crate::limits::{
    COUNTED_TOTAL_MAX, DEVICES_SCANNED_MAX, OLD_SCANNED_MAX, PAGE_ITEMS_MAX, SKIP_MAX,
};
use crate::records::{
    CancelTask, CancelTaskFilter, CommandFilter, Device, DeviceFilter, Page, Stretch, TaskId,
};
use delivery::{Command, CommandId, DeviceId, Kind, Moment};
use std::collections::BTreeSet;
use std::ops::Bound;

impl Tables {
    /// A device's commands, newest first.
    pub(super) fn of_device(&self, device: DeviceId) -> impl Iterator<Item = &Command> {
        let seqs = self
            .by_device
            .get(&device.seq())
            .into_iter()
            .flatten()
            .rev();
        seqs.filter_map(|(_, seq)| self.commands.get(seq))
            .filter(move |c| c.device == device)
    }

    pub(super) fn page(&self, filter: &CommandFilter) -> Page<Command> {
        let mut found: Vec<&Command> = match &filter.devices {
            Some(devices) => devices
                .iter()
                .flat_map(|device| self.of_device(*device))
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
        if filter.devices.is_none() && filter.from.is_none() && filter.to.is_none() {
            page.total = self.listed.get(&filter.app).copied().unwrap_or_default();
        }
        page
    }

    pub(super) fn devices(
        &self,
        filter: &DeviceFilter,
        wanted: Option<&dyn Fn(&Device) -> bool>,
    ) -> Page<Device> {
        let fits = |device: &&Device| {
            device.deleted.is_none()
                && device.app == filter.app
                && filter.gateway.is_none_or(|id| device.gateway == Some(id))
                && filter.from.is_none_or(|from| device.registered >= from)
                && filter.to.is_none_or(|to| device.registered <= to)
        };
        let mut found: Vec<&Device> = self.devices.values().filter(fits).collect();
        found.sort_by_key(|device| (device.registered, device.id.seq()));
        if !filter.ascending {
            found.reverse();
        }
        if wanted.is_some() || filter.online.is_some() {
            found.truncate(DEVICES_SCANNED_MAX);
        }
        found.retain(|device| {
            filter.online.is_none_or(|on| device.presence.online == on)
                && wanted.is_none_or(|wanted| wanted(device))
        });
        page_of(&found, filter.skip, filter.take)
    }

    pub(super) fn old_commands(
        &self,
        before: Moment,
        after: Option<CommandId>,
        limit: usize,
    ) -> Stretch<CommandId> {
        let mut stretch = Stretch::new();
        let from = after.map_or(0, |id| id.seq.saturating_add(1));
        for (n, command) in self.commands.range(from..).map(|(_, c)| c).enumerate() {
            if command.created >= before {
                stretch.stays(command.created);
                return stretch;
            }
            let replaying = self.dead.get(&command.id.seq).is_some_and(|d| d.replaying);
            let (end, free) = (
                ended_at(command.state, &command.history),
                command.is_closed() && !replaying,
            );
            stretch.look(command.id, end, free, before);
            if n + 1 >= OLD_SCANNED_MAX || stretch.old.len() >= limit {
                stretch.next = Some(command.id);
                return stretch;
            }
        }
        stretch
    }

    pub(super) fn old_devices(
        &self,
        before: Moment,
        after: Option<DeviceId>,
        limit: usize,
    ) -> Stretch<DeviceId> {
        let mut stretch = Stretch::new();
        let from = after.map_or(0, |id| id.seq().saturating_add(1));
        let deleted = self.devices.range(from..).map(|(_, device)| device);
        let deleted = deleted.filter(|device| device.deleted.is_some());
        for (n, device) in deleted.enumerate() {
            let line = self.by_device.get(&device.id.seq());
            let free = line.is_none_or(BTreeSet::is_empty);
            stretch.look(device.id, device.deleted, free, before);
            if n + 1 >= OLD_SCANNED_MAX || stretch.old.len() >= limit {
                stretch.next = Some(device.id);
                return stretch;
            }
        }
        stretch
    }

    pub(super) fn old_cancel_tasks(
        &self,
        before: Moment,
        after: Option<TaskId>,
        limit: usize,
    ) -> Stretch<TaskId> {
        let mut stretch = Stretch::new();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        for task in self.tasks.range((from, Bound::Unbounded)).map(|(_, t)| t) {
            if task.created >= before {
                stretch.stays(task.created);
                return stretch;
            }
            stretch.old.push(task.id);
            if stretch.old.len() >= limit {
                stretch.next = Some(task.id);
                return stretch;
            }
        }
        stretch
    }
}

/// Whether lists show this command: direct calls never appear there (R1.1).
pub(super) fn is_listed(command: &Command) -> bool {
    !matches!(command.kind, Kind::Direct { .. })
}

fn shows(filter: &CommandFilter, command: &Command) -> bool {
    is_listed(command)
        && command.app == filter.app
        && filter.from.is_none_or(|from| command.created >= from)
        && filter.to.is_none_or(|to| command.created <= to)
}

/// Whether a device is among those that a filter names; one that names none means all.
fn among(devices: Option<&[DeviceId]>, device: DeviceId) -> bool {
    devices.is_none_or(|devices| devices.contains(&device))
}

pub(super) fn shows_task(filter: &CancelTaskFilter, task: &CancelTask) -> bool {
    task.app == filter.app
        && filter.task.is_none_or(|id| task.id == id)
        && among(filter.devices.as_deref(), task.device)
        && filter
            .succeeded
            .is_none_or(|succeeded| succeeded != task.commands.is_empty())
        && filter.from.is_none_or(|from| task.created >= from)
        && filter.to.is_none_or(|to| task.created <= to)
}

pub(super) fn page_of<T: Clone>(found: &[&T], skip: u64, take: usize) -> Page<T> {
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
