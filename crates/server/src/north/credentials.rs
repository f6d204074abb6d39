//! New credentials for a device that is offline: a verification code, or, in secret mode, a secret (contract §3.3, §16.8).
//!
//! The device keeps its id and its commands, and has to bind again: it counts as not activated until its next contact, and is
//! deleted if that does not come within the time that the request sets.

use super::answer::Answer;
use super::error::Error;
use super::registration::{SECRET_BYTES, VERIFY_CODE_BYTES, bind_by, verify_digest};
use super::{Call, North, devices};
use crate::random;
use crate::registry::Rebind;
use api::Secret;
use api::credentials::{
    RefreshKeyAnswer, RefreshKeyRequest, RefreshSecretAnswer, RefreshSecretRequest,
};
use std::sync::Arc;
use store::{Application, Device};

/// `refreshDeviceKey`: a new verification code, and a new mark if the request has one. Key and secret stay as they are.
pub(super) async fn refresh_key(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let id = devices::device_id(call)?;
    let request = RefreshKeyRequest::from_json(&call.body)?;
    let scope = north.scope_of(call, caller, id).await?;
    let device = north.device(id, &scope).await?;
    // A registration that had lapsed and held the new mark makes way for it.
    if let Some(node_id) = &request.node_id {
        north.registry.device_by_node(node_id).await?;
    }
    let timeout = request
        .timeout
        .unwrap_or_else(|| north.settings.bind_within_s());
    let verify_code = request
        .verify_code
        .unwrap_or_else(|| Secret::new(random::hex::<VERIFY_CODE_BYTES>()));
    let (digest, node_id) = (verify_digest(&verify_code), request.node_id);
    let bind_by = bind_by(timeout, call.now);
    let change = move |device: &mut Device| {
        device.verify_code = Some(digest);
        device.node_id = node_id.unwrap_or_else(|| std::mem::take(&mut device.node_id));
        device.bind_by = bind_by;
    };
    let deed = scope.deed(call.operation, Some(device.id));
    let rebound = north.registry.rebind(deed, device.id, change, call.now);
    rebound.await?;
    Ok(Answer::of(&RefreshKeyAnswer {
        verify_code,
        timeout,
    }))
}

/// `refreshDeviceKey` v2.0.0: a new secret; the old one lets nobody in any more.
pub(super) async fn refresh_secret(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let id = devices::device_id(call)?;
    let request = RefreshSecretRequest::from_json(&call.body)?;
    let scope = north.scope_of(call, caller, id).await?;
    let device = north.device(id, &scope).await?;
    let timeout = request.timeout.unwrap_or(0);
    let secret = request
        .secret
        .unwrap_or_else(|| Secret::new(random::hex::<SECRET_BYTES>()));
    let sealed = north.vault.seal(secret.expose().as_bytes());
    let bind_by = bind_by(timeout, call.now);
    let change = move |device: &mut Device| {
        device.secret = Some(sealed);
        device.bind_by = bind_by;
    };
    let deed = scope.deed(call.operation, Some(device.id));
    let rebound = north.registry.rebind(deed, device.id, change, call.now);
    rebound.await?;
    Ok(Answer::of(&RefreshSecretAnswer { secret, timeout }))
}

impl From<Rebind> for Error {
    fn from(why: Rebind) -> Self {
        match why {
            Rebind::Missing => Self::DeviceMissing,
            Rebind::Online => Self::code(api::Code::DeviceOnline),
            Rebind::NotActivated => Self::code(api::Code::DeviceInactive),
            Rebind::NotKept(error) => error.into(),
        }
    }
}
