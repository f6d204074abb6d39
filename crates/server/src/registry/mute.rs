//! Muted commands: what the operator has forbidden to be sent to a device (100432, contract §4.1).

use super::Registry;
use crate::dispatch::KeepError;
use crate::info::Info;
use crate::limits::MUTED_PER_DEVICE_MAX;
use delivery::{DeviceId, Moment};
use store::{Device, Failed};

/// Why a command was not muted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotMuted {
    /// There is no such device.
    #[error("no such device")]
    Missing,
    /// The device has as many muted commands as it may.
    #[error("at most {MUTED_PER_DEVICE_MAX} commands of a device can be muted")]
    TooMany,
    /// It was not kept.
    #[error(transparent)]
    NotKept(#[from] KeepError),
}

impl From<Failed> for NotMuted {
    fn from(failed: Failed) -> Self {
        Self::NotKept(failed.into())
    }
}

impl Registry {
    /// Mutes or unmutes a command of a service of a device; whether that changed anything. Commands that were accepted before go
    /// on: a muted one is refused when it is asked for.
    ///
    /// Service and command need not be known: a product model may come later.
    pub async fn mute_command(
        &self,
        device: DeviceId,
        (service_id, command): (&str, &str),
        muted: bool,
        now: Moment,
    ) -> Result<bool, NotMuted> {
        let known = self.device(device).await?.ok_or(NotMuted::Missing)?;
        let mut info = Info::read(&known)?;
        if info.is_muted(service_id, command) == muted {
            return Ok(false);
        }
        if muted && info.muted_count() >= MUTED_PER_DEVICE_MAX {
            return Err(NotMuted::TooMany);
        }
        info.mute(service_id, command, muted);
        let (service_id, command) = (service_id.to_owned(), command.to_owned());
        let change = move |device: &mut Device| {
            // It was read a moment ago; a change in between has written it in the same way.
            let mut info = Info::read(device).unwrap_or(info);
            info.mute(&service_id, &command, muted);
            device.info = info.write();
            device.modified = now;
        };
        let changed = self.change_device(device, change).await?;
        changed.map(|_| true).ok_or(NotMuted::Missing)
    }
}
