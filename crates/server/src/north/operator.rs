//! What the operator does by the same checks as an application: the bodies are the contract's, who acts is the operator.

use super::error::Error;
use super::gate::creates;
use super::registration::{self, SECRET_BYTES, fresh};
use super::{North, callback_url, commands};
use crate::clock;
use crate::dispatch::Ask;
use crate::info::Info;
use crate::random;
use crate::registry::{Deed, GroupError};
use api::commands::PostCommandRequest;
use api::registration::RegisterWithSecretRequest;
use api::{Code, Invalid, Operation, Secret};
use delivery::{Command, DeviceId, Who};
use std::sync::Arc;
use store::{Application, Device};

/// Why the operator's request was refused: as an application's would have been, or because something failed inside.
#[derive(Debug)]
pub(crate) enum Turned {
    /// With this code of the contract, and what is wrong in words.
    Away { code: Code, message: String },
    /// Something failed; the log knows more.
    Failed(String),
}

/// A device that the operator registered.
pub(crate) struct Registered {
    /// Its record.
    pub(crate) device: Arc<Device>,
    /// The secret that MQTT needs; shown once. A child has none: it speaks through its gateway.
    pub(crate) secret: Option<Secret>,
}

impl North {
    /// Submits a command for a device as the operator: the checks of `postDeviceCommand` from the shape on (R3.1).
    pub(crate) async fn submit_as_operator(
        &self,
        device: &Device,
        request: &PostCommandRequest,
    ) -> Result<Command, Turned> {
        let submitted = async {
            self.has_room()?;
            let url = request.callback_url.as_deref();
            callback_url::check(url, "callbackUrl", &self.settings)?;
            let ask = commands::ask(self, device, request, None)?;
            let ask = Ask {
                who: Who::Operator,
                ..ask
            };
            Ok(self.dispatch.submit(device.id, ask).await?.command)
        };
        let outcome: Result<Command, Error> = submitted.await;
        outcome.map_err(|error| error.turned(Operation::PostDeviceCommand, &self.settings))
    }

    /// Registers a device of `owner` as `regDirectDevice` v2.0.0 does, or a child of `gateway`.
    pub(crate) async fn register_as_operator(
        &self,
        owner: &Application,
        request: RegisterWithSecretRequest,
        gateway: Option<DeviceId>,
    ) -> Result<Registered, Turned> {
        let registered = async {
            self.has_room()?;
            let mut info = Info::of_secret_mode(&request);
            self.complete(&mut info)?;
            let secret = gateway.is_none().then(|| {
                request
                    .secret
                    .unwrap_or_else(|| Secret::new(random::hex::<SECRET_BYTES>()))
            });
            let sealed = secret
                .as_ref()
                .map(|secret| self.vault.seal(secret.expose().as_bytes()));
            let device = Device {
                gateway,
                secret: sealed,
                ..fresh(self, owner, (request.node_id, &info), self.clock().now())
            };
            let deed = Deed::own(device.app, Operation::RegDirectDeviceWithSecret, None);
            let device = registration::add(self, deed, device).await?;
            Ok(Registered { device, secret })
        };
        let outcome: Result<Registered, Error> = registered.await;
        outcome.map_err(|error| error.turned(Operation::RegDirectDeviceWithSecret, &self.settings))
    }

    /// Whether there is room for something new of the operator's.
    pub(crate) fn room_as_operator(&self, operation: Operation) -> Result<(), Turned> {
        let room = if creates(operation) {
            self.has_room()
        } else {
            Ok(())
        };
        room.map_err(|error| error.turned(operation, &self.settings))
    }

    /// A change of a group that was not made.
    pub(crate) fn group_refused(&self, operation: Operation, error: GroupError) -> Turned {
        Error::from(error).turned(operation, &self.settings)
    }

    /// A body that is not of the contract's shape.
    pub(crate) fn misshapen(&self, operation: Operation, invalid: Invalid) -> Turned {
        Error::from(invalid).turned(operation, &self.settings)
    }

    fn has_room(&self) -> Result<(), Error> {
        let ask = || self.dispatch.parts().store.free_bytes();
        if self.space.is_short(ask, clock::passed_ms()) {
            Err(Error::Overload("the platform is short of disk space"))
        } else {
            Ok(())
        }
    }
}
