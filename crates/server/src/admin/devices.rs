//! Devices, as the operator sees and changes them: by id, or by node id.

use super::problem::Checked;
use super::wire::{
    DeviceLine, DeviceMade, DevicePage, DeviceView, GroupOfDevice, MuteOrder, MuteView, NewDevice,
};
use super::{Admin, Problem};
use crate::info::Info;
use crate::registry::NotMuted;
use api::Operation;
use api::registration::{NewDeviceInfo, RegisterWithSecretRequest};
use axum::Json;
use axum::extract::{Path, Query, State};
use delivery::{DeviceId, Moment, State as Stands, Who};
use http::StatusCode;
use serde::Deserialize;
use std::sync::Arc;
use store::{Application, Device, DeviceFilter, PAGE_ITEMS_MAX};

const LIMIT_DEFAULT: usize = 50;
/// The longest name of a service or a command that a product model can have.
const NAME_CHARS_MAX: usize = 128;

/// Which devices a list shows.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Which {
    app_id: Option<String>,
    gateway: Option<String>,
    online: Option<bool>,
    limit: Option<usize>,
    skip: Option<u64>,
}

/// Devices that are not deleted: application after application, in each the newest registration first.
pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    Checked(Query(which)): Checked<Query<Which>>,
) -> Result<Json<DevicePage>, Problem> {
    let limit = which.limit.unwrap_or(LIMIT_DEFAULT);
    if limit == 0 || limit > PAGE_ITEMS_MAX {
        return Err(Problem::Invalid(format!(
            "limit must be between 1 and {PAGE_ITEMS_MAX}"
        )));
    }
    let gateway = match &which.gateway {
        Some(id) => Some(find(&admin, id).await?.id),
        None => None,
    };
    let apps = match &which.app_id {
        Some(app_id) => vec![application(&admin, app_id)?],
        None => admin.registry.applications(),
    };
    let mut page = DevicePage::default();
    let mut skip = which.skip.unwrap_or(0);
    for app in apps {
        let filter = DeviceFilter {
            app: app.key,
            gateway,
            online: which.online,
            from: None,
            to: None,
            ascending: false,
            skip,
            take: limit - page.devices.len(),
        };
        let read = admin
            .registry
            .ask(move |store| store.devices(&filter, None));
        let found = read.await?;
        page.total += found.total;
        skip = skip.saturating_sub(found.total);
        let lines = found.items.iter().map(|device| line(&admin, &app, device));
        page.devices.extend(lines);
    }
    Ok(Json(page))
}

/// Registers a device as `regDirectDevice` v2.0.0 does, or a child of a gateway.
pub(super) async fn register(
    State(admin): State<Arc<Admin>>,
    Checked(Json(asked)): Checked<Json<NewDevice>>,
) -> Result<(StatusCode, Json<DeviceMade>), Problem> {
    let gateway = match &asked.gateway {
        Some(id) => Some(find(&admin, id).await?),
        None => None,
    };
    let owner = owner(&admin, asked.app_id.as_deref(), gateway.as_deref())?;
    if gateway.is_some() && asked.secret.is_some() {
        return Err(Problem::Invalid(
            "a child has no secret: it speaks through its gateway".into(),
        ));
    }
    if let Some(gateway) = gateway.as_ref().filter(|gateway| gateway.gateway.is_some()) {
        return Err(Problem::Invalid(format!(
            "device {} is a child itself: a gateway is a device of its own",
            gateway.id
        )));
    }
    let request = request(&asked);
    let body = serde_json::to_vec(&request).expect("strings are JSON");
    let operation = Operation::RegDirectDeviceWithSecret;
    let request = RegisterWithSecretRequest::from_json(&body)
        .map_err(|invalid| admin.north.misshapen(operation, invalid))?;
    let gateway = gateway.map(|gateway| gateway.id);
    let made = admin
        .north
        .register_as_operator(&owner, request, gateway)
        .await?;
    tracing::info!(device = %made.device.id, app_id = owner.app_id, "the operator registered a device");
    let view = DeviceMade {
        device_id: made.device.id.to_string(),
        node_id: made.device.node_id.clone(),
        app_id: owner.app_id.clone(),
        gateway_id: gateway.map(|id| id.to_string()),
        secret: made.secret.map(|secret| secret.expose().to_owned()),
    };
    Ok((StatusCode::CREATED, Json(view)))
}

pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
) -> Result<Json<DeviceView>, Problem> {
    let missing = || missing(&id);
    let device = match id.parse::<DeviceId>() {
        // A deleted one is still shown.
        Ok(id) => {
            let found = admin.registry.ask(move |store| store.device(id)).await?;
            found.map(Arc::new).ok_or_else(missing)?
        }
        Err(_) => find(&admin, &id).await?,
    };
    let muted_commands = Info::read(&device)?.muted().clone();
    let lane = admin.dispatch.look(device.id).await?;
    let id = device.id;
    let in_groups = admin
        .registry
        .ask(move |store| store.groups_of(id, PAGE_ITEMS_MAX));
    let in_groups = in_groups.await?.into_iter().map(|group| GroupOfDevice {
        group_id: group.id.to_string(),
        name: group.name,
    });
    let hub = &admin.dispatch.parts().hub;
    let open = lane.as_ref().map_or(&[][..], |lane| &lane.open);
    Ok(Json(DeviceView {
        device_id: device.id.to_string(),
        node_id: device.node_id.clone(),
        app_id: admin
            .registry
            .application_by_key(device.app)
            .map(|app| app.app_id.clone()),
        gateway_id: device.gateway.map(|id| id.to_string()),
        registered: device.registered.into(),
        activated: device.activated.map(Into::into),
        bind_by: device.bind_by.map(Into::into),
        deleted: device.deleted.map(Into::into),
        online: hub.is_online(device.id),
        reachable: hub.is_reachable(device.id),
        last_contact: lane.as_ref().and_then(|lane| lane.contact).map(Into::into),
        model: device.model.clone(),
        profile_version: admin.registry.model_of(&device).map(|model| model.version),
        groups: in_groups.collect(),
        muted_commands,
        open_commands: open.len(),
        pending_commands: open
            .iter()
            .filter(|command| command.state == Stands::Queued)
            .count(),
    }))
}

/// How a device is deleted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct How {
    #[serde(default)]
    cascade: bool,
}

/// Deletes a device: its open commands are decided in the same turn (R1.11). Children of a gateway stay as they are (R8.2) unless
/// they are to go with it.
pub(super) async fn delete(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    Checked(Query(how)): Checked<Query<How>>,
) -> Result<StatusCode, Problem> {
    let device = find(&admin, &id).await?;
    let now = now(&admin);
    if how.cascade {
        let all = |_| true;
        admin
            .registry
            .delete_children(&device, Who::Operator, all, now)
            .await?;
    }
    let deleted = admin
        .registry
        .delete_device(device.id, Who::Operator, now)
        .await?;
    if !deleted {
        return Err(missing(&id));
    }
    tracing::info!(device = %device.id, "the operator deleted a device");
    Ok(StatusCode::NO_CONTENT)
}

/// Mutes a command of a device, or unmutes it: a muted one is refused with 100432 when it is asked for. Commands that were accepted
/// before go on.
pub(super) async fn mute(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
    Checked(Json(order)): Checked<Json<MuteOrder>>,
) -> Result<Json<MuteView>, Problem> {
    let MuteOrder {
        service_id,
        method,
        muted,
    } = order;
    for (name, text) in [("serviceId", &service_id), ("method", &method)] {
        if text.is_empty() || text.chars().count() > NAME_CHARS_MAX {
            return Err(Problem::Invalid(format!(
                "{name} must have 1 to {NAME_CHARS_MAX} characters"
            )));
        }
    }
    let device = find(&admin, &id).await?;
    let what = (service_id.as_str(), method.as_str());
    let muting = admin
        .registry
        .mute_command(device.id, what, muted, now(&admin));
    let changed = muting.await.map_err(|error| match error {
        NotMuted::Missing => missing(&id),
        NotMuted::TooMany => Problem::Conflict(error.to_string()),
        NotMuted::NotKept(error) => error.into(),
    })?;
    tracing::info!(device = %device.id, service_id, method, muted, "the operator muted or unmuted a command");
    Ok(Json(MuteView {
        device_id: device.id.to_string(),
        service_id,
        method,
        muted,
        changed,
    }))
}

/// A device that is not deleted, by id or node id.
pub(super) async fn find(admin: &Admin, id: &str) -> Result<Arc<Device>, Problem> {
    let found = match id.parse::<DeviceId>() {
        Ok(id) => admin.registry.device(id).await?,
        Err(_) => admin.registry.device_by_node(id).await?,
    };
    found.ok_or_else(|| missing(id))
}

/// An application by its `appId`.
pub(super) fn application(admin: &Admin, app_id: &str) -> Result<Arc<Application>, Problem> {
    let found = admin.registry.application(app_id);
    found.ok_or_else(|| Problem::NotFound(format!("application {app_id}")))
}

/// Whose a new device is: that of its gateway, the one that was named, or the only one there is.
fn owner(
    admin: &Admin,
    app_id: Option<&str>,
    gateway: Option<&Device>,
) -> Result<Arc<Application>, Problem> {
    let named = app_id.map(|id| application(admin, id)).transpose()?;
    if let Some(gateway) = gateway {
        let owner = admin.registry.application_by_key(gateway.app);
        let owner = owner.ok_or_else(|| Problem::Store("a device's application is gone".into()))?;
        return match named {
            Some(named) if named.key != owner.key => Err(Problem::Invalid(format!(
                "the gateway belongs to application {}, and a child to that of its gateway",
                owner.app_id
            ))),
            Some(_) | None => Ok(owner),
        };
    }
    if let Some(named) = named {
        return Ok(named);
    }
    match admin.registry.applications().as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Problem::Invalid(
            "there is no application yet, and every device belongs to one".into(),
        )),
        _ => Err(Problem::Invalid(
            "there are several applications: name the one that the device belongs to (appId)"
                .into(),
        )),
    }
}

fn request(asked: &NewDevice) -> RegisterWithSecretRequest {
    RegisterWithSecretRequest {
        node_id: asked.node_id.clone(),
        device_info: NewDeviceInfo {
            manufacturer_id: asked.manufacturer_id.clone(),
            manufacturer_name: asked.manufacturer_name.clone(),
            model: asked.model.clone(),
            device_type: asked.device_type.clone(),
            protocol_type: asked.protocol_type.clone(),
            name: asked.name.clone(),
            ..NewDeviceInfo::default()
        },
        mqtt_connect: Some(true),
        secret: asked.secret.clone().map(api::Secret::new),
        ..RegisterWithSecretRequest::default()
    }
}

fn line(admin: &Admin, app: &Application, device: &Device) -> DeviceLine {
    DeviceLine {
        device_id: device.id.to_string(),
        node_id: device.node_id.clone(),
        app_id: app.app_id.clone(),
        gateway_id: device.gateway.map(|id| id.to_string()),
        model: device.model.clone(),
        registered: device.registered.into(),
        activated: device.activated.map(Into::into),
        online: admin.dispatch.parts().hub.is_online(device.id),
    }
}

fn missing(id: &str) -> Problem {
    Problem::NotFound(format!("device {id}"))
}

fn now(admin: &Admin) -> Moment {
    admin.dispatch.parts().clock.now()
}
