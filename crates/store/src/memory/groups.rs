//! Device groups.

use super::lists::page_of;
use super::tables::Tables;
use crate::records::{DeviceGroup, GroupFilter, GroupId, Page};
use delivery::DeviceId;
use std::collections::BTreeSet;

impl Tables {
    pub(super) fn write_group(&mut self, group: DeviceGroup) {
        match self.groups.get_mut(&group.id) {
            Some((kept, _)) if kept.app == group.app => *kept = group,
            Some(_) => {}
            None => {
                self.groups.insert(group.id, (group, BTreeSet::new()));
            }
        }
    }

    pub(super) fn group_devices(&mut self, id: GroupId, add: &[DeviceId], remove: &[DeviceId]) {
        let Some((group, devices)) = self.groups.get_mut(&id) else {
            return;
        };
        for id in add {
            let kept = self.devices.get(&id.seq());
            let fits = kept.is_some_and(|device| {
                device.id == *id && device.deleted.is_none() && device.app == group.app
            });
            if fits {
                devices.insert(id.seq());
            }
        }
        for id in remove {
            if self.devices.get(&id.seq()).is_some_and(|d| d.id == *id) {
                devices.remove(&id.seq());
            }
        }
    }

    pub(super) fn group(&self, id: GroupId) -> Option<(DeviceGroup, u64)> {
        self.groups.get(&id).map(counted)
    }

    pub(super) fn groups(&self, filter: &GroupFilter) -> Page<(DeviceGroup, u64)> {
        let fits = |group: &DeviceGroup| {
            group.app == filter.app && filter.name.as_ref().is_none_or(|name| group.name == *name)
        };
        let all = self.groups.values().rev();
        let found: Vec<(DeviceGroup, u64)> =
            all.filter(|(group, _)| fits(group)).map(counted).collect();
        page_of(&found.iter().collect::<Vec<_>>(), filter.skip, filter.take)
    }

    pub(super) fn group_page(&self, id: GroupId, skip: u64, take: usize) -> Page<DeviceId> {
        let devices: Vec<DeviceId> = self.devices_of(id).collect();
        page_of(&devices.iter().collect::<Vec<_>>(), skip, take)
    }

    pub(super) fn groups_of(&self, device: DeviceId, limit: usize) -> Vec<DeviceGroup> {
        let kept = self.devices.get(&device.seq()).map(|kept| kept.id);
        let has = |devices: &BTreeSet<u64>| kept == Some(device) && devices.contains(&device.seq());
        let all = self.groups.values().rev();
        let its = all.filter(|(_, devices)| has(devices)).take(limit);
        its.map(|(group, _)| group.clone()).collect()
    }

    /// The devices of a group, by sequence number.
    pub(super) fn devices_of(&self, id: GroupId) -> impl Iterator<Item = DeviceId> {
        let group = self.groups.get(&id).into_iter();
        group
            .flat_map(|(_, devices)| devices)
            .filter_map(|seq| self.devices.get(seq))
            .map(|device| device.id)
    }
}

fn counted((group, devices): &(DeviceGroup, BTreeSet<u64>)) -> (DeviceGroup, u64) {
    (
        group.clone(),
        u64::try_from(devices.len()).unwrap_or(u64::MAX),
    )
}
