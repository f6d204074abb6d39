//! Device groups: made, changed, filled and deleted. Changes are made one after the other, each durable before it shows.
//!
//! A grant may be limited to groups, so who leaves a group may leave a grantee's reach. As with grants that end, memory comes
//! first: the table of grants is changed and the store is given the change while nobody decides, so that the store has every
//! decision that rested on the membership before it has its end. Who joins is covered once that is durable. What is pending
//! beyond a grant then is called back by [`Endings`](super::Endings) (R1.11).

use super::Registry;
use super::grants::{Deed, Table};
use crate::dispatch::KeepError;
use crate::limits::GROUP_DEVICES_PER_COMMIT;
use crate::random;
use delivery::{AppKey, DeviceId};
use std::collections::BTreeSet;
use store::{Conflict, DeviceGroup, Failed, GroupFilter, GroupId, Store, Write};

/// How many groups there may be, and how large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupBounds {
    /// Groups of one application.
    pub per_application_max: u64,
    /// Devices of one group.
    pub devices_max: u64,
}

impl Default for GroupBounds {
    fn default() -> Self {
        Self {
            per_application_max: 1_000,
            devices_max: 1_000_000,
        }
    }
}

/// What a new group is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGroup {
    /// Its name, unique within its application.
    pub name: String,
    /// What is said of it.
    pub description: Option<String>,
    /// How many devices it may have; `None` = as many as the platform allows.
    pub devices_max: Option<u32>,
    /// The `appId` of who creates it.
    pub creator: String,
}

/// What of a group is to be changed; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupChange {
    /// Its name.
    pub name: Option<String>,
    /// What is said of it.
    pub description: Option<Option<String>>,
    /// How many devices it may have.
    pub devices_max: Option<Option<u32>>,
}

/// Why a group was not changed; it is as it was.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GroupError {
    /// Another group of the application has the name (100602).
    #[error("another group of the application has this name")]
    NameTaken,
    /// The application has as many groups as it may (100607).
    #[error("the application has as many groups as it may")]
    TooManyGroups,
    /// A new group would have more devices than it may (100609).
    #[error("the group would have more devices than it may")]
    TooManyDevices,
    /// A group would have more devices than it may (100601).
    #[error("the group would have more devices than it may")]
    Full,
    /// The application has no such group (100603).
    #[error("the application has no such group")]
    Missing,
    /// The application has no such device (100418).
    #[error("the application has no device {0}")]
    DeviceMissing(DeviceId),
    /// It could not be kept, or is not allowed.
    #[error(transparent)]
    Keep(KeepError),
    /// What is kept cannot be read.
    #[error(transparent)]
    Read(#[from] Failed),
}

impl Registry {
    /// Makes a group of the deed's owner, with these devices of the owner's. Gives it, and how many devices it has.
    ///
    /// # Errors
    /// [`GroupError`], but for `Full` and `Missing`.
    pub async fn create_group(
        &self,
        deed: Deed,
        new: NewGroup,
        devices: Vec<DeviceId>,
    ) -> Result<(DeviceGroup, u64), GroupError> {
        let _one = self.changing.lock().await;
        let devices = self.owned(deed.owner, devices).await?;
        let count = len(&devices);
        if count > self.room(new.devices_max) {
            return Err(GroupError::TooManyDevices);
        }
        let filter = GroupFilter {
            app: deed.owner,
            name: None,
            skip: 0,
            take: 1,
        };
        let groups = self.ask(move |store| store.groups(&filter)).await?;
        if groups.total >= self.group_bounds.per_application_max {
            return Err(GroupError::TooManyGroups);
        }
        let now = self.dispatch.parts().clock.now();
        let fresh = u128::from(now.as_millis()) << 64 | u128::from(random::number());
        // Of two in one millisecond the later one has the higher id: lists are in their order.
        let beyond = groups
            .items
            .first()
            .map_or(0, |(newest, _)| newest.id.0 + 1);
        let group = DeviceGroup {
            id: GroupId(fresh.max(beyond)),
            app: deed.owner,
            name: new.name,
            description: new.description,
            devices_max: new.devices_max,
            creator: new.creator,
            created: now,
        };
        let writes = vec![
            Write::Group(group.clone()),
            Write::GroupDevices {
                group: group.id,
                add: devices,
                remove: Vec::new(),
            },
        ];
        self.dispatch.keep_if_allowed(deed, writes).await?;
        Ok((group, count))
    }

    /// Changes a group of the deed's owner. Gives it, and how many devices it has.
    ///
    /// # Errors
    /// [`GroupError::Missing`], [`NameTaken`](GroupError::NameTaken), [`Full`](GroupError::Full) if it has more devices than
    /// it is to have; or it cannot be read or kept.
    pub async fn change_group(
        &self,
        deed: Deed,
        id: GroupId,
        change: GroupChange,
    ) -> Result<(DeviceGroup, u64), GroupError> {
        let _one = self.changing.lock().await;
        let (mut group, count) = self.group_of(deed.owner, id).await?;
        let GroupChange {
            name,
            description,
            devices_max,
        } = change;
        group.name = name.unwrap_or(group.name);
        group.description = description.unwrap_or(group.description);
        if let Some(max) = devices_max {
            if max.is_some_and(|max| u64::from(max) < count) {
                return Err(GroupError::Full);
            }
            group.devices_max = max;
        }
        let writes = vec![Write::Group(group.clone())];
        self.dispatch.keep_if_allowed(deed, writes).await?;
        Ok((group, count))
    }

    /// Deletes a group of the deed's owner; its devices stay. A grant that names it reaches nothing through it any more.
    ///
    /// A large group is emptied in parts first, for nobody else's commit is to wait for a million rows. If the platform stops in
    /// between, the group is still there with what is left of it, as nobody was told that it is gone.
    ///
    /// # Errors
    /// [`GroupError::Missing`], or it cannot be read or kept.
    pub async fn delete_group(&self, deed: Deed, id: GroupId) -> Result<(), GroupError> {
        let _one = self.changing.lock().await;
        self.group_of(deed.owner, id).await?;
        loop {
            let read =
                move |store: &dyn Store| store.group_devices(id, 0, GROUP_DEVICES_PER_COMMIT);
            let part = self.ask(read).await?;
            if part.len() < GROUP_DEVICES_PER_COMMIT {
                break;
            }
            let emptied = Write::GroupDevices {
                group: id,
                add: Vec::new(),
                remove: part,
            };
            self.keep_leaving(deed, emptied, |table| table.leave(id, None))
                .await?;
        }
        let gone = Write::ForgetGroup(id);
        self.keep_leaving(deed, gone, |table| table.leave(id, None))
            .await
    }

    /// Puts devices of the owner's into a group of the deed's owner; those that are in it already stay.
    ///
    /// # Errors
    /// [`GroupError::Missing`], [`DeviceMissing`](GroupError::DeviceMissing), [`Full`](GroupError::Full); or it cannot be read
    /// or kept.
    pub async fn add_to_group(
        &self,
        deed: Deed,
        id: GroupId,
        devices: Vec<DeviceId>,
    ) -> Result<(), GroupError> {
        let _one = self.changing.lock().await;
        let (group, count) = self.group_of(deed.owner, id).await?;
        let devices = self.owned(deed.owner, devices).await?;
        let asked = devices.clone();
        let inside = self
            .ask(move |store| store.group_members(id, &asked))
            .await?;
        let inside: BTreeSet<DeviceId> = inside.into_iter().collect();
        let joining: Vec<DeviceId> = devices
            .into_iter()
            .filter(|id| !inside.contains(id))
            .collect();
        if count + len(&joining) > self.room(group.devices_max) {
            return Err(GroupError::Full);
        }
        let writes = vec![Write::GroupDevices {
            group: id,
            add: joining.clone(),
            remove: Vec::new(),
        }];
        self.dispatch.keep_if_allowed(deed, writes).await?;
        self.grants().table().join(id, &joining);
        Ok(())
    }

    /// Takes devices out of a group of the deed's owner. What is not in it is passed over.
    ///
    /// # Errors
    /// [`GroupError::Missing`], or it cannot be read or kept.
    pub async fn remove_from_group(
        &self,
        deed: Deed,
        id: GroupId,
        devices: Vec<DeviceId>,
    ) -> Result<(), GroupError> {
        let _one = self.changing.lock().await;
        self.group_of(deed.owner, id).await?;
        let gone = Write::GroupDevices {
            group: id,
            add: Vec::new(),
            remove: devices.clone(),
        };
        self.keep_leaving(deed, gone, |table| table.leave(id, Some(&devices)))
            .await
    }

    /// A group of an application, by its id or its name, and how many devices it has.
    ///
    /// # Errors
    /// What is kept cannot be read.
    pub async fn find_group(
        &self,
        app: AppKey,
        text: &str,
    ) -> Result<Option<(DeviceGroup, u64)>, Failed> {
        if let Ok(id) = text.parse::<GroupId>() {
            let found = self.ask(move |store| store.group(id)).await?;
            if let Some(group) = found.filter(|(group, _)| group.app == app) {
                return Ok(Some(group));
            }
        }
        self.group_named(app, text).await
    }

    /// The group of an application that has this name, and how many devices it has.
    ///
    /// # Errors
    /// What is kept cannot be read.
    pub async fn group_named(
        &self,
        app: AppKey,
        name: &str,
    ) -> Result<Option<(DeviceGroup, u64)>, Failed> {
        let filter = GroupFilter {
            app,
            name: Some(name.to_owned()),
            skip: 0,
            take: 1,
        };
        let page = self.ask(move |store| store.groups(&filter)).await?;
        Ok(page.items.into_iter().next())
    }

    /// Keeps what makes devices leave a group, if the deed is allowed: in memory they have left before the store is told.
    async fn keep_leaving(
        &self,
        deed: Deed,
        write: Write,
        leave: impl FnOnce(&mut Table) -> Vec<Write>,
    ) -> Result<(), GroupError> {
        let parts = self.dispatch.parts();
        let keeping = {
            let mut table = self.grants().table();
            if !table.allows(&deed, parts.clock.now()) {
                return Err(KeepError::NotAuthorised.into());
            }
            let mut writes = leave(&mut table);
            writes.push(write);
            self.dispatch.begin_to_keep(writes)
        };
        keeping.await?;
        self.grants().poked.notify_one();
        Ok(())
    }

    /// A group of an application, and how many devices it has.
    async fn group_of(&self, app: AppKey, id: GroupId) -> Result<(DeviceGroup, u64), GroupError> {
        let found = self.ask(move |store| store.group(id)).await?;
        found
            .filter(|(group, _)| group.app == app)
            .ok_or(GroupError::Missing)
    }

    /// Devices, each once, if all of them are the application's.
    async fn owned(
        &self,
        app: AppKey,
        devices: Vec<DeviceId>,
    ) -> Result<Vec<DeviceId>, GroupError> {
        let once: BTreeSet<DeviceId> = devices.into_iter().collect();
        let asked = once.clone();
        let foreign = self.ask(move |store| {
            for id in asked {
                let device = store.device(id)?;
                if device.is_none_or(|device| device.app != app || device.deleted.is_some()) {
                    return Ok(Some(id));
                }
            }
            Ok(None)
        });
        match foreign.await? {
            Some(id) => Err(GroupError::DeviceMissing(id)),
            None => Ok(once.into_iter().collect()),
        }
    }

    /// How many devices a group may have.
    fn room(&self, own: Option<u32>) -> u64 {
        let platforms = self.group_bounds.devices_max;
        own.map_or(platforms, |own| platforms.min(own.into()))
    }
}

impl From<KeepError> for GroupError {
    fn from(error: KeepError) -> Self {
        match error {
            KeepError::Conflict(Conflict::GroupNameTaken) => Self::NameTaken,
            other => Self::Keep(other),
        }
    }
}

fn len(devices: &[DeviceId]) -> u64 {
    u64::try_from(devices.len()).unwrap_or(u64::MAX)
}
