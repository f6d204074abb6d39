//! What a unit writes beside its turn.

use super::lists::is_listed;
use super::tables::Tables;
use crate::contract::Write;
use crate::records::{Device, Presence};
use delivery::{AppKey, Command, CommandId, DeviceId, Moment};

impl Tables {
    pub(super) fn write(&mut self, write: Write, now: Moment) {
        match write {
            Write::Application(app) => {
                self.app_key = self.app_key.max(app.key.0);
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
            } => self.presence(device, presence, activated),
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
            Write::Told { command, up_to } => self.tell(command, up_to),
            Write::Grant(grant) => {
                self.grants.insert((grant.owner, grant.grantee), grant);
            }
            Write::ForgetGrant { owner, grantee } => {
                self.grants.remove(&(owner, grantee));
            }
            Write::Group(group) => self.write_group(group),
            Write::GroupDevices { group, add, remove } => self.group_devices(group, &add, &remove),
            Write::ForgetGroup(id) => {
                self.groups.remove(&id);
            }
            Write::ForgetApplication(app) => self.forget_application(app),
            Write::DeadCallback(dead) => {
                self.dead.insert(dead.command.seq, dead);
            }
            Write::ForgetDeadCallback(id) => {
                if self.dead.get(&id.seq).is_some_and(|d| d.command == id) {
                    self.dead.remove(&id.seq);
                }
            }
            Write::ForgetCommands(ids) => ids.into_iter().for_each(|id| self.forget_command(id)),
            Write::ForgetDevices(ids) => ids.into_iter().for_each(|id| self.forget_device(id)),
            Write::ForgetCancelTasks(ids) => {
                for id in ids {
                    self.tasks.remove(&id);
                }
            }
        }
    }

    fn tell(&mut self, id: CommandId, up_to: u32) {
        if let Some(kept) = self.commands.get_mut(&id.seq).filter(|c| c.id == id) {
            kept.told = kept.told.max(up_to);
        }
    }

    fn presence(&mut self, id: DeviceId, presence: Presence, activated: Option<Moment>) {
        if let Some(kept) = self.devices.get_mut(&id.seq()).filter(|kept| kept.id == id) {
            kept.presence = presence;
            kept.activated = kept.activated.or(activated);
        }
    }

    fn forget_application(&mut self, app: AppKey) {
        self.applications.remove(&app);
        self.tokens.retain(|_, token| token.app != app);
        self.grants
            .retain(|(owner, grantee), _| *owner != app && *grantee != app);
        self.groups.retain(|_, (group, _)| group.app != app);
    }

    fn forget_command(&mut self, id: CommandId) {
        let seq = id.seq;
        let replaying = self.dead.get(&seq).is_some_and(|dead| dead.replaying);
        let gone = |c: &&Command| c.id == id && c.is_closed() && !replaying;
        let Some(command) = self.commands.get(&seq).filter(gone).cloned() else {
            return;
        };
        self.commands.remove(&seq);
        self.dead.remove(&seq);
        if let Some(line) = self.by_device.get_mut(&command.device.seq()) {
            line.remove(&(command.created, seq));
        }
        if is_listed(&command)
            && let Some(listed) = self.listed.get_mut(&command.app)
        {
            *listed = listed.saturating_sub(1);
        }
        if let Some(key) = &command.key {
            let key = (command.app, key.to_string());
            if self.keys.get(&key) == Some(&seq) {
                self.keys.remove(&key);
            }
        }
    }

    fn forget_device(&mut self, id: DeviceId) {
        let seq = id.seq();
        let deleted = |device: &Device| device.id == id && device.deleted.is_some();
        let has_commands = self
            .by_device
            .get(&seq)
            .is_some_and(|line| !line.is_empty());
        if has_commands || !self.devices.get(&seq).is_some_and(deleted) {
            return;
        }
        self.devices.remove(&seq);
        self.lanes.remove(&seq);
        self.by_device.remove(&seq);
        self.open_by_device.remove(&seq);
        self.reports.retain(|(device, _), _| *device != seq);
    }

    fn write_device(&mut self, device: Device) {
        let seq = device.id.seq();
        self.device_seq = self.device_seq.max(seq);
        if let Some(before) = self.devices.get(&seq)
            && self.nodes.get(&before.node_id) == Some(&seq)
        {
            self.nodes.remove(&before.node_id);
        }
        if device.deleted.is_none() {
            self.nodes.insert(device.node_id.clone(), seq);
        }
        for (group, devices) in self.groups.values_mut() {
            if device.deleted.is_some() || device.app != group.app {
                devices.remove(&seq);
            }
        }
        self.devices.insert(seq, device);
    }
}
