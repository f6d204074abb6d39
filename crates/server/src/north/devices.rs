//! Change, deletion and query of one device (contract §3.5, §3.6, §4.1).

use super::answer::Answer;
use super::error::Error;
use super::registration::key_bytes;
use super::{Call, North, wire};
use crate::info::Info;
use api::devices::{
    DeleteDeviceQuery, DeviceAnswer, DeviceQuery, DeviceService, ModifyDeviceRequest, NodeType,
    ServiceInfo,
};
use api::paths;
use delivery::DeviceId;
use std::sync::Arc;
use store::{Application, Device, Report};

/// `modifyDeviceInfo`: what the request leaves out stays as it is, but for what a `productId` stands for.
pub(super) async fn modify(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let id = device_id(call)?;
    let mut request = ModifyDeviceRequest::from_json(&call.body)?;
    let scope = north.scope_of(call, caller, id).await?;
    let device = north.device(id, &scope).await?;
    north.complete_change(&mut request)?;
    let mut becomes = Info::read(&device)?;
    becomes.change(request.clone());
    let secure = becomes.is_secure();
    let next = Device {
        secure,
        ..Device::clone(&device)
    };
    let _room = north.room_for(&next, Some(&device)).await?;
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

/// `deleteDirectDevice`: its open commands are decided in the same turn (R1.11). Devices behind it go first, unless `cascade` is
/// false; then they stay as they are (R8.2), as do those that the caller has no right to.
pub(super) async fn delete(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let id = device_id(call)?;
    let DeleteDeviceQuery { app_id: _, cascade } = DeleteDeviceQuery::read(&call.query)?;
    let scope = north.scope_of(call, caller, id).await?;
    let device = north.device(id, &scope).await?;
    if cascade && device.gateway.is_none() {
        let covered = |child: DeviceId| scope.covers(child);
        north
            .registry
            .delete_children(&device, scope.who(), covered, call.now)
            .await?;
    }
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
    let device_id = device.id;
    let reports = north
        .registry
        .ask(move |store| store.reports(device_id))
        .await?;
    let names_creation = paths::names_creation_time(call.head.uri.path());
    Ok(Answer::of(&shown(
        north,
        &device,
        reports,
        (query.select_imsi, names_creation),
    )?))
}

/// A device as answers show it, with its last reports; on wish with its IMSI, and with its registration under the name of 2017.
pub(super) fn shown(
    north: &North,
    device: &Device,
    reports: Vec<Report>,
    (with_imsi, names_creation): (bool, bool),
) -> Result<DeviceAnswer, Error> {
    let info = Info::read(device)?;
    let services: Result<Vec<_>, Error> = reports
        .into_iter()
        .map(|report| service(north, device, report))
        .collect();
    let mut services = services?;
    show_muted(&info, &mut services);
    let node_type = match device.gateway {
        Some(_) => NodeType::Endpoint,
        None => NodeType::Gateway,
    };
    let registered = wire::timestamp(device.registered);
    Ok(DeviceAnswer {
        gateway_id: device.gateway.unwrap_or(device.id).to_string(),
        device_id: device.id.to_string(),
        node_type,
        create_time: Some(registered),
        creation_time: names_creation.then_some(registered),
        last_modified_time: Some(wire::timestamp(device.modified)),
        device_info: info.shown(device, north.hub().is_online(device.id), with_imsi),
        services,
    })
}

/// Adds which commands are muted; a service that has reported nothing is shown for them alone.
fn show_muted(info: &Info, services: &mut Vec<DeviceService>) {
    for (service_id, commands) in info.muted() {
        let mute_cmds = commands.iter().cloned().collect();
        let service_info = Some(ServiceInfo { mute_cmds });
        match services
            .iter_mut()
            .find(|service| service.service_id == *service_id)
        {
            Some(service) => service.service_info = service_info,
            None => services.push(DeviceService {
                service_id: service_id.clone(),
                service_type: None,
                data: None,
                event_time: None,
                service_info,
            }),
        }
    }
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
