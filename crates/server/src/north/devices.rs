//! Change, deletion and query of one device (contract §3.5, §3.6, §4.1).

use super::answer::Answer;
use super::error::Error;
use super::info::Info;
use super::registration::key_bytes;
use super::{Call, North, wire};
use api::devices::{
    DeleteDeviceQuery, DeviceAnswer, DeviceQuery, DeviceService, ModifyDeviceRequest, NodeType,
};
use api::paths;
use std::sync::Arc;
use store::{Application, Device, Report};

/// `modifyDeviceInfo`: what the request leaves out stays as it is.
pub(super) async fn modify(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let id = device_id(call)?;
    let request = ModifyDeviceRequest::from_json(&call.body)?;
    let scope = north.scope_of(call, caller, id).await?;
    let device = north.device(id, &scope).await?;
    Info::read(&device)?;
    let psk = request
        .psk
        .as_ref()
        .map(|psk| north.vault.seal(&key_bytes(psk)));
    let now = call.now;
    let change = move |device: &mut Device| {
        // It was read a moment ago; a change in between has written it in the same way.
        let mut info = Info::read(device).unwrap_or_default();
        info.change(request);
        device.secure = info.is_secure();
        device.model = info.model_key();
        device.info = info.write();
        device.psk = psk.or(device.psk.take());
        device.modified = now;
    };
    north
        .registry
        .change_device_for(scope.deed(call.operation, Some(device.id)), change)
        .await?
        .ok_or(Error::DeviceMissing)?;
    Ok(Answer::Nothing)
}

/// `deleteDirectDevice`: its open commands are decided in the same turn (R1.11).
pub(super) async fn delete(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let id = device_id(call)?;
    // `cascade` concerns devices behind a gateway; this platform has none yet, so both values mean the same.
    let DeleteDeviceQuery {
        app_id: _,
        cascade: _,
    } = DeleteDeviceQuery::read(&call.query)?;
    let scope = north.scope_of(call, caller, id).await?;
    let device = north.device(id, &scope).await?;
    if north
        .registry
        .delete_device(device.id, scope.who(), call.now)
        .await?
    {
        Ok(Answer::Nothing)
    } else {
        Err(Error::DeviceMissing)
    }
}

/// `querySingleDeviceInfo`, with what the device reported last of each service.
pub(super) async fn show(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let id = device_id(call)?;
    let query = DeviceQuery::read(&call.query)?;
    let scope = north.scope_of(call, caller, id).await?;
    let device = north.device(id, &scope).await?;
    let info = Info::read(&device)?;
    let device_id = device.id;
    let reports = north
        .registry
        .ask(move |store| store.reports(device_id))
        .await?;
    let services: Result<Vec<_>, Error> = reports
        .into_iter()
        .map(|report| service(north, &device, report))
        .collect();
    let id = device.id.to_string();
    Ok(Answer::of(&DeviceAnswer {
        gateway_id: id.clone(),
        device_id: id,
        node_type: NodeType::Gateway,
        create_time: Some(wire::timestamp(device.registered)),
        creation_time: paths::names_creation_time(call.head.uri.path())
            .then(|| wire::timestamp(device.registered)),
        last_modified_time: Some(wire::timestamp(device.modified)),
        device_info: info.shown(&device, north.hub().is_online(device.id), query.select_imsi),
        services: services?,
    }))
}

fn service(north: &North, device: &Device, report: Report) -> Result<DeviceService, Error> {
    let model = north.registry.model_of(device);
    let described = model
        .as_ref()
        .and_then(|model| model.profile.service(&report.service_id));
    let data = serde_json::from_slice(&report.properties);
    let data =
        data.map_err(|error| Error::Row(format!("a report of device {}: {error}", device.id)))?;
    Ok(DeviceService {
        service_type: described.map(|service| service.service_type().to_owned()),
        service_id: report.service_id,
        data: Some(data),
        event_time: Some(wire::timestamp(report.event_time.unwrap_or(report.at))),
        service_info: None,
    })
}

/// The path variable of a device.
pub(super) fn device_id(call: &Call) -> Result<&str, Error> {
    let [id] = call.variables.as_slice() else {
        return Err(Error::DeviceMissing);
    };
    paths::check_id("deviceId", id)?;
    Ok(id)
}
