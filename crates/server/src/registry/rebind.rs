//! New credentials for a device: what was proved with the old ones counts no more.

use super::{Deed, Registry};
use crate::dispatch::KeepError;
use crate::south::CloseReason;
use delivery::{DeviceId, Moment};
use store::{Device, Failed};

/// Why a device did not get new credentials; it is as it was.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Rebind {
    /// There is no such device.
    #[error("no such device")]
    Missing,
    /// It is connected (100611).
    #[error("the device is online")]
    Online,
    /// It has not connected since its registration or since its last new credentials (100610).
    #[error("the device is not active")]
    NotActivated,
    /// They were not kept.
    #[error(transparent)]
    NotKept(#[from] KeepError),
}

impl From<Failed> for Rebind {
    fn from(failed: Failed) -> Self {
        Self::NotKept(failed.into())
    }
}

impl Registry {
    /// Changes the credentials of a device that is offline and has connected before; it counts as not activated until it binds
    /// again (contract §3.3).
    ///
    /// A session that was let in with the old credentials meanwhile is closed, or never begins: see [`Registry::stands`].
    pub async fn rebind(
        &self,
        deed: Deed,
        id: DeviceId,
        change: impl FnOnce(&mut Device),
        now: Moment,
    ) -> Result<(), Rebind> {
        let one = self.devices.changing(id).await;
        let found = self.ask(move |store| store.device(id)).await?;
        let mut device = found
            .filter(|device| device.deleted.is_none())
            .ok_or(Rebind::Missing)?;
        let hub = &self.dispatch.parts().hub;
        if hub.is_online(id) {
            return Err(Rebind::Online);
        }
        if device.activated.take().is_none() {
            return Err(Rebind::NotActivated);
        }
        change(&mut device);
        device.modified = now;
        self.keep_device(deed, device).await?;
        drop(one);
        hub.close_device(id, CloseReason::CredentialsChanged);
        Ok(())
    }

    /// Whether what a session was let in by is still so, now that the hub knows the session.
    pub async fn stands(&self, admitted: &Device) -> bool {
        let now = self.device(admitted.id).await;
        now.is_ok_and(|now| {
            now.is_some_and(|now| now.secret == admitted.secret && now.node_id == admitted.node_id)
        })
    }
}
