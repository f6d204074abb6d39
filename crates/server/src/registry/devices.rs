//! Devices: found by id or node id, changed one change at a time.

use super::{Deed, Registry};
use crate::dispatch::{KeepError, Refused};
use crate::limits::{CHILDREN_PER_READ, DEVICES_CACHED_MAX};
use crate::random;
use api::Operation;
use delivery::{DeviceId, Moment, Who};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{Conflict, Device, DeviceFilter, Failed, Presence, Write};

/// Changes of devices that fall into the same part wait for each other.
const PARTS: usize = 64;

/// Records of devices in memory. What is evicted is read again.
pub(super) struct DeviceCache {
    parts: [Mutex<HashMap<DeviceId, Arc<Device>>>; PARTS],
    changing: [tokio::sync::Mutex<()>; PARTS],
}

impl Default for DeviceCache {
    fn default() -> Self {
        Self {
            parts: std::array::from_fn(|_| Mutex::default()),
            changing: std::array::from_fn(|_| tokio::sync::Mutex::default()),
        }
    }
}

impl DeviceCache {
    fn part(&self, id: DeviceId) -> MutexGuard<'_, HashMap<DeviceId, Arc<Device>>> {
        self.parts[place(id)]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Excludes other changes of the device.
    pub(super) async fn changing(&self, id: DeviceId) -> tokio::sync::MutexGuard<'_, ()> {
        self.changing[place(id)].lock().await
    }

    fn put(&self, device: Arc<Device>) {
        let mut part = self.part(device.id);
        if part.len() >= DEVICES_CACHED_MAX / PARTS && !part.contains_key(&device.id) {
            part.clear();
        }
        part.insert(device.id, device);
    }
}

impl Registry {
    /// The device with this id, unless it was deleted, or did not connect by the time that its registration set: such a one is
    /// deleted on the way (R7.6), if [`Lapses`](super::Lapses) has not come to it yet.
    pub async fn device(&self, id: DeviceId) -> Result<Option<Arc<Device>>, Failed> {
        let Some(device) = self.record(id).await? else {
            return Ok(None);
        };
        let parts = self.dispatch.parts();
        let now = parts.clock.now();
        let lapsed = device.activated.is_none() && device.bind_by.is_some_and(|by| by <= now);
        if !lapsed || parts.hub.is_online(id) {
            return Ok(Some(device));
        }
        match self.delete_device(id, Who::Platform, now).await {
            Ok(_) => {
                tracing::info!(device = %id, "a registration has lapsed: the device did not connect in time");
            }
            Err(Refused::Store(failed)) => return Err(failed),
            // It is tried again soon: its time stays noted.
            Err(error) => {
                tracing::warn!(device = %id, %error, "a lapsed registration cannot be deleted now");
                self.bindings.again(id, now);
            }
        }
        Ok(None)
    }

    /// The record of a device that is not deleted.
    async fn record(&self, id: DeviceId) -> Result<Option<Arc<Device>>, Failed> {
        let cached = self.devices.part(id).get(&id).cloned();
        if let Some(device) = cached {
            return Ok(Some(device).filter(|d| d.deleted.is_none()));
        }
        // The read and the caching exclude changes, so an old record cannot overwrite a new one.
        let _one = self.devices.changing(id).await;
        let found = self.ask(move |store| store.device(id)).await?.map(Arc::new);
        if let Some(device) = &found {
            self.devices.put(device.clone());
        }
        Ok(found.filter(|d| d.deleted.is_none()))
    }

    /// The device with this node id that is not deleted.
    pub async fn device_by_node(&self, node_id: &str) -> Result<Option<Arc<Device>>, Failed> {
        let node_id = node_id.to_owned();
        let found = self
            .ask(move |store| store.device_by_node(&node_id))
            .await?;
        match found {
            Some(device) => self.device(device.id).await,
            None => Ok(None),
        }
    }

    /// An id for a new device.
    pub fn new_device_id(&self) -> DeviceId {
        let seq = self.device_seq.fetch_add(1, Ordering::Relaxed) + 1;
        DeviceId::new(seq, u128::from_le_bytes(random::bytes()))
    }

    /// Keeps a new device, on the operator's word.
    ///
    /// # Errors
    /// [`Conflict::NodeIdTaken`] if another device has its node id.
    pub async fn add_device(&self, device: Device) -> Result<Arc<Device>, KeepError> {
        let deed = Deed::own(device.app, Operation::RegDirectDevice, None);
        self.add_device_for(deed, device).await
    }

    /// Keeps a new device, if the deed is allowed.
    ///
    /// # Errors
    /// [`Conflict::NodeIdTaken`] if another device has its node id; [`KeepError::NotAuthorised`].
    pub async fn add_device_for(
        &self,
        deed: Deed,
        device: Device,
    ) -> Result<Arc<Device>, KeepError> {
        match self.keep_device(deed, device.clone()).await {
            Err(KeepError::Conflict(Conflict::NodeIdTaken))
                if self.device_by_node(&device.node_id).await?.is_none() =>
            {
                // A registration that had lapsed held the node id; it is deleted now.
                self.keep_device(deed, device).await
            }
            kept => kept,
        }
    }

    /// Keeps a device's record, new or changed. Whoever changes one excludes other changes meanwhile.
    pub(super) async fn keep_device(
        &self,
        deed: Deed,
        device: Device,
    ) -> Result<Arc<Device>, KeepError> {
        self.dispatch
            .keep_if_allowed(deed, vec![Write::Device(device.clone())])
            .await?;
        self.bindings.note(&device);
        let device = Arc::new(device);
        self.devices.put(device.clone());
        Ok(device)
    }

    /// Changes a device's record, on the operator's or the platform's word; `None` if there is no such device. Changes of one
    /// device exclude each other.
    ///
    /// # Errors
    /// [`KeepError`]; the record is as it was.
    pub async fn change_device(
        &self,
        id: DeviceId,
        change: impl FnOnce(&mut Device),
    ) -> Result<Option<Arc<Device>>, KeepError> {
        let Some(device) = self.device(id).await? else {
            return Ok(None);
        };
        let deed = Deed::own(device.app, Operation::ModifyDeviceInfo, Some(id));
        self.change_device_for(deed, change).await
    }

    /// As [`change_device`](Self::change_device), if the deed is allowed. It names the device.
    ///
    /// # Errors
    /// [`KeepError`]; the record is as it was.
    pub async fn change_device_for(
        &self,
        deed: Deed,
        change: impl FnOnce(&mut Device),
    ) -> Result<Option<Arc<Device>>, KeepError> {
        let Some(id) = deed.device else {
            return Ok(None);
        };
        let Some(_) = self.device(id).await? else {
            return Ok(None);
        };
        let _one = self.devices.changing(id).await;
        let Some(mut device) = self.ask(move |store| store.device(id)).await? else {
            return Ok(None);
        };
        if device.deleted.is_some() {
            return Ok(None);
        }
        change(&mut device);
        self.keep_device(deed, device).await.map(Some)
    }

    /// Notes whether a device is online now, as the hub sees it: two changes in a row end with the truth.
    pub async fn note_presence(&self, id: DeviceId, now: Moment) -> Result<(), KeepError> {
        let Some(known) = self.device(id).await? else {
            return Ok(());
        };
        let _one = self.devices.changing(id).await;
        // New credentials may have come between the look and the exclusion.
        let cached = self.devices.part(id).get(&id).cloned();
        let known = cached.unwrap_or(known);
        let online = self.dispatch.parts().hub.is_online(id);
        let presence = Presence {
            online,
            since: Some(now),
        };
        let activated = (online && known.activated.is_none()).then_some(now);
        self.dispatch
            .keep(vec![Write::Presence {
                device: id,
                presence,
                activated,
            }])
            .await?;
        let mut part = self.devices.part(id);
        if let Some(device) = part.get_mut(&id) {
            let device = Arc::make_mut(device);
            device.presence = presence;
            device.activated = device.activated.or(activated);
        }
        Ok(())
    }

    /// Deletes a device; false if there is no such device. Its open commands are decided in the same commit (R1.11).
    pub async fn delete_device(
        &self,
        id: DeviceId,
        who: Who,
        now: Moment,
    ) -> Result<bool, Refused> {
        let _one = self.devices.changing(id).await;
        let found = self
            .ask(move |store| store.device(id))
            .await
            .map_err(Refused::Store)?;
        let Some(mut device) = found.filter(|d| d.deleted.is_none()) else {
            return Ok(false);
        };
        device.deleted = Some(now);
        device.modified = now;
        self.dispatch.delete(device.clone(), who).await?;
        self.devices.put(Arc::new(device));
        if self.grants().hold().has_groups() {
            self.grants().table().forget_device(id);
        }
        Ok(true)
    }

    /// Deletes the children of a gateway that are `covered`, each in a turn of its own; the others stay as they are.
    ///
    /// # Errors
    /// Some may be deleted already; what is left is found when it is tried again.
    pub async fn delete_children(
        &self,
        gateway: &Device,
        who: Who,
        covered: impl Fn(DeviceId) -> bool,
        now: Moment,
    ) -> Result<(), Refused> {
        let mut filter = DeviceFilter {
            app: gateway.app,
            gateway: Some(gateway.id),
            online: None,
            from: None,
            to: None,
            ascending: true,
            skip: 0,
            take: CHILDREN_PER_READ,
        };
        loop {
            let these = filter.clone();
            let page = self.ask(move |store| store.devices(&these, None)).await;
            let page = page.map_err(Refused::Store)?;
            for child in &page.items {
                if covered(child.id) {
                    self.delete_device(child.id, who, now).await?;
                } else {
                    filter.skip += 1;
                }
            }
            if page.items.len() < CHILDREN_PER_READ {
                return Ok(());
            }
        }
    }
}

fn place(id: DeviceId) -> usize {
    usize::try_from(id.seq() % PARTS as u64).expect("below the number of parts")
}
