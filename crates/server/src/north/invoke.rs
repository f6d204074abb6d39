//! Direct calls: `invokeDeviceService`, sendCommand on the wire (contract §5.7, R4).

use super::answer::Answer;
use super::check::{Asked, Checked, Misfit, not_muted};
use super::error::Error;
use super::load::Place;
use super::repeat::{self, Repeatable};
use super::{Call, North, callback_url, wire};
use crate::body::{Body, Direct};
use crate::dispatch::{Ask, Refused};
use crate::random;
use api::invoke::{InvokeAnswer, InvokeRequest, InvokeStatus, Mode, ToType};
use api::{Code, paths};
use delivery::{Command, Kind, Refusal, Status};
use std::sync::Arc;
use std::time::Duration;
use store::{Application, Device};
use tokio::sync::mpsc;

/// Methods that handle sub-devices and are in no product model (R4.5).
const RESERVED: [&str; 2] = ["DISCOVERY", "REMOVE"];

/// `invokeDeviceService`.
pub(super) async fn invoke(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let [device_id, service_id] = call.variables.as_slice() else {
        return Err(Error::DeviceMissing);
    };
    paths::check_id("deviceId", device_id)?;
    paths::check_id("serviceId", service_id)?;
    let request = InvokeRequest::from_json(&call.body)?;
    let key = repeat::key(call)?;
    let callback_url = request.header.callback_url.as_ref();
    callback_url::check(
        callback_url.map(String::as_str),
        "header.callbackURL",
        &north.settings,
    )?;
    let scope = north.scope_of(call, caller, device_id).await?;
    let repeatable = key.map(|key| Repeatable::new(&key, call, &scope, &request));
    if let Some(repeatable) = &repeatable
        && let Some(command) = north.kept(repeatable, &scope.owner).await?
    {
        return repeated(north, repeatable, &command);
    }
    let device = north.device(device_id, &scope).await?;
    north.session_fault()?;
    if !north.hub().is_reachable(device.id) {
        return Err(offline(north, &device));
    }
    north.callback_fault(callback_url)?;
    let checked = check(north, &device, service_id, &request)?;
    not_muted(&device, service_id, &request.header.method)?;
    let request_id = request.header.request_id.clone();
    let request_id = request_id.unwrap_or_else(random::hex::<16>);
    let body = body(
        &request,
        service_id,
        (&request_id, &checked),
        repeatable.as_ref(),
    );
    let ask = Ask {
        app: device.app,
        who: scope.who(),
        kind: Kind::Direct {
            confirm: is_cloud(&request) || request.header.mode == Mode::Ack,
        },
        retransmit_max: 0,
        answer_expected: checked.answer_expected,
        callback: callback_url.is_some(),
        key: repeatable.as_ref().map(|repeatable| repeatable.key.clone()),
        body: body.write(),
        follow: None,
    };
    submit(
        north,
        (&device, ask),
        (request_id, is_cloud(&request).then_some(&call.place)),
        repeatable.as_ref(),
    )
    .await
}

/// Submits the call and answers when it is handed over, or when its outcome is known (R4.2).
async fn submit(
    north: &North,
    (device, ask): (&Device, Ask),
    (request_id, cloud): (String, Option<&Place>),
    repeatable: Option<&Repeatable>,
) -> Result<Answer, Error> {
    let (follow, changes) = mpsc::unbounded_channel();
    let ask = Ask {
        follow: cloud.map(|_| follow),
        ..ask
    };
    let accepted = north.dispatch.submit(device.id, ask).await;
    let accepted = accepted.map_err(|why| refused(north, device, why))?;
    if let (true, Some(repeatable)) = (accepted.repeated, repeatable) {
        return repeated(north, repeatable, &accepted.command);
    }
    if accepted.command.status() == Status::Failed {
        return Err(Error::detailed(
            Code::InternalFault,
            "the call cannot be written for the device; no byte of it left",
        ));
    }
    let status = if let Some(place) = cloud {
        place.rest();
        outcome(changes, &accepted.command, north.settings.cloud_wait).await
    } else {
        InvokeStatus::Sent
    };
    Ok(answer(north, cloud.is_none().then_some(request_id), status))
}

fn is_cloud(request: &InvokeRequest) -> bool {
    request.header.to_type == Some(ToType::Cloud)
}

/// Checks 11 and 12; what is addressed to neither of the two is no service of ours (R4.6).
fn check(
    north: &North,
    device: &Device,
    service_id: &str,
    request: &InvokeRequest,
) -> Result<Checked, Error> {
    if let Some(ToType::Other(_)) = request.header.to_type {
        return Err(Error::detailed(
            Code::CalledServiceUnknown,
            "`header.toType` must be CLOUD or GATEWAY",
        ));
    }
    let method = request.header.method.as_str();
    if RESERVED.contains(&method) {
        return Ok(Checked::UNCHECKED);
    }
    north
        .check(
            device,
            Asked {
                service_id,
                method,
                paras: &request.body,
            },
        )
        .map_err(Misfit::direct)
}

fn body(
    request: &InvokeRequest,
    service_id: &str,
    (request_id, checked): (&str, &Checked),
    repeatable: Option<&Repeatable>,
) -> Body {
    let header = &request.header;
    let (paras, paras_asked) = checked.paras(&request.body);
    Body {
        service_id: service_id.to_owned(),
        method: header.method.clone(),
        paras,
        paras_asked,
        callback_url: header.callback_url.clone(),
        model_version: checked.model_version,
        fingerprint: repeatable.map(|repeatable| repeatable.fingerprint.clone()),
        direct: Some(Direct {
            request_id: request_id.to_owned(),
            ack: header.mode == Mode::Ack,
            cloud: is_cloud(request),
            from: header.from.clone(),
            to: header.to.clone(),
        }),
    }
}

/// Waits until the device has acknowledged the call, the call is over, or the time is up (R4.2).
async fn outcome(
    mut changes: mpsc::UnboundedReceiver<Command>,
    accepted: &Command,
    wait: Duration,
) -> InvokeStatus {
    if let Some(status) = decided(accepted) {
        return status;
    }
    let reached = async {
        while let Some(command) = changes.recv().await {
            if let Some(status) = decided(&command) {
                return status;
            }
        }
        InvokeStatus::Failed
    };
    tokio::time::timeout(wait, reached)
        .await
        .unwrap_or(InvokeStatus::Failed)
}

/// What became of a call, once that is certain.
fn decided(command: &Command) -> Option<InvokeStatus> {
    if command.first(Status::Delivered).is_some() {
        return Some(InvokeStatus::Delivered);
    }
    command.has_ended().then_some(InvokeStatus::Failed)
}

/// The same call once more: it is told as it is now, and nothing leaves again (R1.15).
fn repeated(north: &North, repeatable: &Repeatable, command: &Command) -> Result<Answer, Error> {
    let body = repeatable.same(command)?;
    let direct = body
        .direct
        .ok_or_else(|| Error::Row(format!("command {} is no direct call", command.id)))?;
    let now = decided(command)
        .filter(|_| direct.cloud)
        .unwrap_or(InvokeStatus::Sent);
    Ok(answer(
        north,
        (!direct.cloud).then_some(direct.request_id),
        now,
    ))
}

fn answer(north: &North, request_id: Option<String>, status: InvokeStatus) -> Answer {
    Answer::of(&InvokeAnswer {
        request_id,
        status,
        timestamp: wire::timestamp(north.clock().now()),
    })
}

fn refused(north: &North, device: &Device, why: Refused) -> Error {
    match why {
        Refused::Heart(Refusal::Offline) => offline(north, device),
        Refused::Heart(Refusal::OpenMax) => {
            Error::Overload("the device has too many open commands")
        }
        other => other.into(),
    }
}

/// 100428, and 100450 for a device whose gateway is down (R4.6). A device that is connected and takes no commands is offline for a
/// call, which `detail` says (R6.5).
fn offline(north: &North, device: &Device) -> Error {
    let online = |id| north.hub().is_online(id);
    match device.gateway {
        _ if online(device.id) => Error::detailed(
            Code::DeviceOffline,
            "the device is connected but not subscribed to its command topic",
        ),
        Some(gateway) if online(gateway) => Error::detailed(
            Code::DeviceOffline,
            "its gateway is connected, but the device is not reachable through it",
        ),
        Some(_) => Error::code(Code::GatewayOffline),
        None => Error::code(Code::DeviceOffline),
    }
}
