//! Registration, in both modes, and the query of a device's activation (contract §3.1, §3.2, §3.4).

use super::answer::Answer;
use super::error::Error;
use super::gate::{Scope, not_covered};
use super::{Call, North};
use crate::dispatch::KeepError;
use crate::info::Info;
use crate::random;
use crate::registry::Deed;
use api::registration::{
    DeviceStatusAnswer, RegisterAnswer, RegisterRequest, RegisterWithSecretAnswer,
    RegisterWithSecretRequest,
};
use api::{Code, Secret, paths};
use delivery::Moment;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use store::{Application, Conflict, Device, Presence};

/// Bytes of a key that the platform makes: 32 hex digits.
const PSK_BYTES: usize = 16;
/// Bytes of a secret that the platform makes: 20 hex digits.
pub(super) const SECRET_BYTES: usize = 10;
/// Bytes of a verification code that the platform makes: 20 hex digits.
pub(super) const VERIFY_CODE_BYTES: usize = 10;

/// `regDirectDevice`: with a verification code, and a time by which the device must have connected.
pub(super) async fn register(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let request = RegisterRequest::from_json(&call.body)?;
    let scope = new_device_scope(north, call, caller)?;
    let timeout_s = request
        .timeout
        .unwrap_or_else(|| north.settings.bind_within_s());
    let mut info = Info::of_registration(&request);
    north.complete(&mut info)?;
    let psk = request
        .psk
        .unwrap_or_else(|| Secret::new(random::hex::<PSK_BYTES>()));
    let verify_code = request
        .verify_code
        .unwrap_or_else(|| Secret::new(random::hex::<VERIFY_CODE_BYTES>()));
    let device = Device {
        bind_by: bind_by(timeout_s, call.now),
        psk: Some(north.vault.seal(&key_bytes(&psk))),
        verify_code: Some(verify_digest(&verify_code)),
        ..fresh(north, &scope.owner, (request.node_id, &info), call.now)
    };
    let device = add(north, scope.deed(call.operation, None), device).await?;
    Ok(Answer::of(&RegisterAnswer {
        device_id: device.id.to_string(),
        verify_code,
        timeout: timeout_s,
        psk,
    }))
}

/// `regDirectDevice` v2.0.0: with a secret, which MQTT needs, and without a time limit.
///
/// In the old mode (`mqttConnect` false) the answer has a verification code as well; fetching a secret with it is not offered,
/// so the secret stands in the answer in either mode.
pub(super) async fn register_with_secret(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let request = RegisterWithSecretRequest::from_json(&call.body)?;
    let scope = new_device_scope(north, call, caller)?;
    let mut info = Info::of_secret_mode(&request);
    north.complete(&mut info)?;
    let secret = request
        .secret
        .unwrap_or_else(|| Secret::new(random::hex::<SECRET_BYTES>()));
    let psk = Secret::new(random::hex::<PSK_BYTES>());
    let verify_code = (request.mqtt_connect == Some(false))
        .then(|| Secret::new(random::hex::<VERIFY_CODE_BYTES>()));
    let device = Device {
        secret: Some(north.vault.seal(secret.expose().as_bytes())),
        psk: Some(north.vault.seal(&key_bytes(&psk))),
        verify_code: verify_code.as_ref().map(verify_digest),
        ..fresh(north, &scope.owner, (request.node_id, &info), call.now)
    };
    let device = add(north, scope.deed(call.operation, None), device).await?;
    let (device_id, secret, psk) = (device.id.to_string(), Some(secret), Some(psk));
    Ok(Answer::of(&RegisterWithSecretAnswer {
        device_id,
        secret,
        psk,
        verify_code,
    }))
}

/// Keeps a new device, if there is room for it.
///
/// # Errors
/// A node id that is taken is 100426; but if a device of the same application has it, and has connected, 100416.
pub(super) async fn add(north: &North, deed: Deed, device: Device) -> Result<Arc<Device>, Error> {
    let _room = north.room_for(&device, None).await?;
    let node_id = device.node_id.clone();
    let error = match north.registry.add_device_for(deed, device).await {
        Ok(device) => return Ok(device),
        Err(error) => error,
    };
    if let KeepError::Conflict(Conflict::NodeIdTaken) = error
        && let Some(other) = north.registry.device_by_node(&node_id).await?
        && other.app == deed.owner
        && other.activated.is_some()
    {
        return Err(Error::code(Code::AlreadyBound));
    }
    Err(error.into())
}

/// `queryDeviceStatus`: false until the first contact, true ever after.
pub(super) async fn status(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let [id] = call.variables.as_slice() else {
        return Err(Error::DeviceMissing);
    };
    paths::check_id("deviceId", id)?;
    let scope = north.scope_of(call, caller, id).await?;
    let device = north.device(id, &scope).await?;
    let name = Info::read(&device)?.name;
    let activated = device.activated.is_some();
    Ok(Answer::of(&DeviceStatusAnswer {
        device_id: device.id.to_string(),
        activated,
        name,
    }))
}

/// Whose a new device will be. A right to some devices does not cover one that is not there yet.
fn new_device_scope(north: &North, call: &Call, caller: &Arc<Application>) -> Result<Scope, Error> {
    let scope = north.scope(call, caller)?;
    if scope.covers_new() {
        Ok(scope)
    } else {
        Err(not_covered())
    }
}

/// The key that hex digits stand for (R3.9); their number is even and they were checked.
pub(super) fn key_bytes(hex: &Secret) -> Vec<u8> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
            .unwrap_or(0)
    };
    hex.expose()
        .as_bytes()
        .chunks_exact(2)
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

/// When a device must have bound that has `timeout_s` seconds for it; 0 = never.
pub(super) fn bind_by(timeout_s: u32, now: Moment) -> Option<Moment> {
    (timeout_s != 0).then(|| now + Duration::from_secs(u64::from(timeout_s)))
}

/// Verification codes are the same in upper and lower case.
pub(super) fn verify_digest(code: &Secret) -> [u8; 32] {
    Sha256::digest(code.expose().to_lowercase().as_bytes()).into()
}

pub(super) fn fresh(
    north: &North,
    owner: &Application,
    (node_id, info): (String, &Info),
    now: Moment,
) -> Device {
    Device {
        id: north.registry.new_device_id(),
        app: owner.key,
        gateway: None,
        node_id,
        registered: now,
        modified: now,
        activated: None,
        bind_by: None,
        deleted: None,
        secret: None,
        psk: None,
        verify_code: None,
        secure: info.is_secure(),
        model: info.model_key(),
        info: info.write(),
        presence: Presence::default(),
    }
}
