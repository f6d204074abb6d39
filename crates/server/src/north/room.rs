//! How many devices the platform may have (100412, 100441), and which products there are (600002, 100022).

use super::North;
use super::error::Error;
use crate::info::{self, Info};
use crate::registry::Model;
use api::Code;
use api::devices::ModifyDeviceRequest;
use std::sync::Arc;
use store::Device;
use tokio::sync::MutexGuard;

/// Room for one more device. While it is held nobody else takes any.
pub(super) type Room<'a> = Option<MutexGuard<'a, ()>>;

impl North {
    /// Room for a new device, or, where there is a `former` record of it, for what it becomes. Where nothing is limited nobody waits.
    pub(super) async fn room_for(
        &self,
        device: &Device,
        former: Option<&Device>,
    ) -> Result<Room<'_>, Error> {
        let settings = &self.settings;
        let counts_all = settings.devices_max != 0 && former.is_none();
        let becomes_nonsecure = !device.secure && former.is_none_or(|former| former.secure);
        let counts_nonsecure = settings.nonsecure_devices_max != 0 && becomes_nonsecure;
        if !counts_all && !counts_nonsecure {
            return Ok(None);
        }
        let alone = self.registering.lock().await;
        let counts = self.registry.ask(|store| store.device_counts()).await?;
        if counts_all && counts.registered >= settings.devices_max {
            return Err(Error::code(Code::DeviceLimit));
        }
        if counts_nonsecure && counts.nonsecure >= settings.nonsecure_devices_max {
            return Err(Error::code(Code::NonSecureDeviceLimit));
        }
        Ok(Some(alone))
    }

    /// Completes what a registration tells by the product model that its `productId` names, if it names one.
    ///
    /// # Errors
    /// 600002 if there is no such model.
    pub(super) fn complete(&self, info: &mut Info) -> Result<(), Error> {
        if let Some(product_id) = info.product_id() {
            let model = self.product(product_id, Code::ProductUnknown)?;
            info.complete(&model.profile);
        }
        Ok(())
    }

    /// Completes a change of a device in the same way.
    ///
    /// # Errors
    /// 100022 if there is no such model: the operation's table has no code for that alone.
    pub(super) fn complete_change(&self, request: &mut ModifyDeviceRequest) -> Result<(), Error> {
        if let Some(product_id) = &request.product_id {
            let model = self.product(product_id, Code::InvalidInput)?;
            info::complete_change(request, &model.profile);
        }
        Ok(())
    }

    fn product(&self, product_id: &str, unknown: Code) -> Result<Arc<Model>, Error> {
        let model = self.registry.model_by_product(product_id);
        model.ok_or_else(|| {
            Error::detailed(
                unknown,
                "`productId` names no profile; a profile's is its deviceType, manufacturerId and model, joined by `_`",
            )
        })
    }
}
