//! Groups of devices, as the operator sees and changes them: by id, or by `APPID/NAME`. The contract's checks apply.

use super::problem::Checked;
use super::wire::{
    DeviceGroupChange, DeviceGroupPage, DeviceGroupShown, DeviceGroupView, GroupDevices,
    GroupMember, NewDeviceGroup,
};
use super::{Admin, Problem, devices};
use crate::registry::{Deed, GroupChange, GroupError, NewGroup};
use crate::task::to_the_end;
use api::Operation;
use api::groups::{CreateGroupRequest, GroupDevicesRequest, ModifyGroupRequest};
use api::limits::GROUP_DEVICES;
use axum::Json;
use axum::extract::{Path, Query, State};
use delivery::{AppKey, DeviceId};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use store::{Application, DeviceGroup, GroupFilter, GroupId, PAGE_ITEMS_MAX};

const LIMIT_DEFAULT: usize = 50;

/// Which groups a list shows.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Which {
    app_id: Option<String>,
    name: Option<String>,
    limit: Option<usize>,
    skip: Option<u64>,
}

/// Which devices of a group are shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    limit: Option<usize>,
    skip: Option<u64>,
}

/// Application after application, in each the newest group first.
pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    Checked(Query(which)): Checked<Query<Which>>,
) -> Result<Json<DeviceGroupPage>, Problem> {
    let limit = limit(which.limit)?;
    let apps = match &which.app_id {
        Some(app_id) => vec![devices::application(&admin, app_id)?],
        None => admin.registry.applications(),
    };
    let mut page = DeviceGroupPage::default();
    let mut skip = which.skip.unwrap_or(0);
    for app in apps {
        let filter = GroupFilter {
            app: app.key,
            name: which.name.clone(),
            skip,
            take: limit - page.groups.len(),
        };
        let found = admin.registry.ask(move |store| store.groups(&filter));
        let found = found.await?;
        page.total += found.total;
        skip = skip.saturating_sub(found.total);
        let views = found
            .items
            .iter()
            .map(|(group, count)| view(&app.app_id, group, *count));
        page.groups.extend(views);
    }
    Ok(Json(page))
}

/// Creates a group as `createDeviceGroup` does.
pub(super) async fn create(
    State(admin): State<Arc<Admin>>,
    Checked(Json(asked)): Checked<Json<NewDeviceGroup>>,
) -> Result<(StatusCode, Json<DeviceGroupView>), Problem> {
    let owner = owner(&admin, asked.app_id.as_deref())?;
    let operation = Operation::CreateDeviceGroup;
    let devices = members(&admin, owner.key, &asked.devices).await?;
    let mut body = json!({
        "name": asked.name,
        "maxDevNum": asked.devices_max.unwrap_or(0),
        "deviceIds": ids(&devices),
    });
    if let Some(description) = &asked.description {
        body["description"] = description.as_str().into();
    }
    let request = CreateGroupRequest::from_json(&bytes(&body))
        .map_err(|invalid| admin.north.misshapen(operation, invalid))?;
    admin.north.room_as_operator(operation)?;
    let new = NewGroup {
        name: request.name,
        description: request.description,
        devices_max: request.devices_max,
        creator: owner.app_id.clone(),
    };
    let (registry, deed) = (
        admin.registry.clone(),
        Deed::own(owner.key, operation, None),
    );
    let work = async move { registry.create_group(deed, new, devices).await };
    let (group, count) = carried_out(&admin, operation, work).await?;
    tracing::info!(group = %group.id, app_id = owner.app_id, devices = count, "the operator created a group");
    Ok((
        StatusCode::CREATED,
        Json(view(&owner.app_id, &group, count)),
    ))
}

/// A group, with its devices.
pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    Path(which): Path<String>,
    Checked(Query(part)): Checked<Query<Part>>,
) -> Result<Json<DeviceGroupShown>, Problem> {
    let (take, skip) = (limit(part.limit)?, part.skip.unwrap_or(0));
    let (app, group, count) = find(&admin, &which).await?;
    let id = group.id;
    let read = admin.registry.ask(move |store| {
        let page = store.group_page(id, skip, take)?;
        page.items.iter().map(|id| store.device(*id)).collect()
    });
    let found: Vec<_> = read.await?;
    let hub = &admin.dispatch.parts().hub;
    let members = found.into_iter().flatten().map(|device| GroupMember {
        device_id: device.id.to_string(),
        node_id: device.node_id,
        online: hub.is_online(device.id),
    });
    Ok(Json(DeviceGroupShown {
        members: members.collect(),
        group: view(&app.app_id, &group, count),
    }))
}

/// Changes a group as `modifyDeviceGroup` does.
pub(super) async fn change(
    State(admin): State<Arc<Admin>>,
    Path(which): Path<String>,
    Checked(Json(asked)): Checked<Json<DeviceGroupChange>>,
) -> Result<Json<DeviceGroupView>, Problem> {
    let (app, group, _) = find(&admin, &which).await?;
    let operation = Operation::ModifyDeviceGroup;
    let mut body = json!({});
    for (name, value) in [
        ("name", asked.name.map(Value::from)),
        ("description", asked.description.map(Value::from)),
        ("maxDevNum", asked.devices_max.map(Value::from)),
    ] {
        if let Some(value) = value {
            body[name] = value;
        }
    }
    let request = ModifyGroupRequest::from_json(&bytes(&body))
        .map_err(|invalid| admin.north.misshapen(operation, invalid))?;
    let change = GroupChange {
        devices_max: request.bound(),
        name: request.name,
        description: request.description.map(Some),
    };
    let (registry, deed) = (admin.registry.clone(), Deed::own(app.key, operation, None));
    let work = async move { registry.change_group(deed, group.id, change).await };
    let (group, count) = carried_out(&admin, operation, work).await?;
    tracing::info!(group = %group.id, "the operator changed a group");
    Ok(Json(view(&app.app_id, &group, count)))
}

/// Deletes a group; its devices stay.
pub(super) async fn delete(
    State(admin): State<Arc<Admin>>,
    Path(which): Path<String>,
) -> Result<StatusCode, Problem> {
    let (app, group, _) = find(&admin, &which).await?;
    let operation = Operation::DeleteDeviceGroup;
    let (registry, deed) = (admin.registry.clone(), Deed::own(app.key, operation, None));
    let work = async move { registry.delete_group(deed, group.id).await };
    carried_out(&admin, operation, work).await?;
    tracing::info!(group = %group.id, "the operator deleted a group");
    Ok(StatusCode::NO_CONTENT)
}

/// Puts devices into a group; those that are in it already stay.
pub(super) async fn add(
    State(admin): State<Arc<Admin>>,
    Path(which): Path<String>,
    Checked(Json(asked)): Checked<Json<GroupDevices>>,
) -> Result<Json<DeviceGroupView>, Problem> {
    move_devices(&admin, &which, asked, Operation::AddDevicesToGroup).await
}

/// Takes devices out of a group; those that are not in it are passed over.
pub(super) async fn remove(
    State(admin): State<Arc<Admin>>,
    Path(which): Path<String>,
    Checked(Json(asked)): Checked<Json<GroupDevices>>,
) -> Result<Json<DeviceGroupView>, Problem> {
    move_devices(&admin, &which, asked, Operation::DeleteDevicesFromGroup).await
}

async fn move_devices(
    admin: &Admin,
    which: &str,
    asked: GroupDevices,
    operation: Operation,
) -> Result<Json<DeviceGroupView>, Problem> {
    let (app, group, _) = find(admin, which).await?;
    let id = group.id;
    let devices = members(admin, app.key, &asked.devices).await?;
    let body = json!({"devGroupId": id.to_string(), "deviceIds": ids(&devices)});
    GroupDevicesRequest::from_json(&bytes(&body))
        .map_err(|invalid| admin.north.misshapen(operation, invalid))?;
    admin.north.room_as_operator(operation)?;
    let (registry, deed) = (admin.registry.clone(), Deed::own(app.key, operation, None));
    let work = async move {
        if operation == Operation::AddDevicesToGroup {
            registry.add_to_group(deed, id, devices).await
        } else {
            registry.remove_from_group(deed, id, devices).await
        }
    };
    carried_out(admin, operation, work).await?;
    tracing::info!(group = %id, operation = operation.name(), "the operator changed the devices of a group");
    let (app, group, count) = find(admin, which).await?;
    Ok(Json(view(&app.app_id, &group, count)))
}

/// A group by its id, or by `APPID/NAME`; whose it is, and how many devices it has.
pub(super) async fn find(
    admin: &Admin,
    which: &str,
) -> Result<(Arc<Application>, DeviceGroup, u64), Problem> {
    let missing = || Problem::NotFound(format!("group {which}"));
    let found = match (which.parse::<GroupId>(), which.rsplit_once('/')) {
        (Ok(id), _) => admin.registry.ask(move |store| store.group(id)).await?,
        (Err(_), Some((app_id, name))) => {
            let app = devices::application(admin, app_id)?;
            admin.registry.group_named(app.key, name).await?
        }
        (Err(_), None) => None,
    };
    let (group, count) = found.ok_or_else(missing)?;
    let app = admin.registry.application_by_key(group.app);
    Ok((app.ok_or_else(missing)?, group, count))
}

/// Whose a new group is: the application that was named, or the only one there is.
fn owner(admin: &Admin, app_id: Option<&str>) -> Result<Arc<Application>, Problem> {
    if let Some(app_id) = app_id {
        return devices::application(admin, app_id);
    }
    match admin.registry.applications().as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Problem::Invalid(
            "there is no application yet, and every group belongs to one".into(),
        )),
        _ => Err(Problem::Invalid(
            "there are several applications: name the one that the group belongs to (appId)".into(),
        )),
    }
}

/// Devices of an application, by `deviceId` or `nodeId`.
async fn members(admin: &Admin, app: AppKey, asked: &[String]) -> Result<Vec<DeviceId>, Problem> {
    let most = *GROUP_DEVICES.end();
    if asked.len() > most {
        return Err(Problem::Invalid(format!(
            "devices must be at most {most} at once"
        )));
    }
    let mut members = Vec::with_capacity(asked.len());
    for text in asked {
        let device = devices::find(admin, text).await?;
        if device.app != app {
            return Err(Problem::Invalid(format!(
                "device {text} belongs to another application than the group"
            )));
        }
        members.push(device.id);
    }
    Ok(members)
}

/// Carries a change through though the operator leaves.
async fn carried_out<T: Send + 'static>(
    admin: &Admin,
    operation: Operation,
    work: impl Future<Output = Result<T, GroupError>> + Send + 'static,
) -> Result<T, Problem> {
    let outcome = to_the_end(work).await.map_err(Problem::Store)?;
    outcome.map_err(|error| admin.north.group_refused(operation, error).into())
}

fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    let limit = asked.unwrap_or(LIMIT_DEFAULT);
    if limit == 0 || limit > PAGE_ITEMS_MAX {
        return Err(Problem::Invalid(format!(
            "limit must be between 1 and {PAGE_ITEMS_MAX}"
        )));
    }
    Ok(limit)
}

fn ids(devices: &[DeviceId]) -> Vec<String> {
    devices.iter().map(ToString::to_string).collect()
}

fn bytes(body: &Value) -> Vec<u8> {
    serde_json::to_vec(body).expect("JSON is JSON")
}

fn view(app_id: &str, group: &DeviceGroup, count: u64) -> DeviceGroupView {
    DeviceGroupView {
        group_id: group.id.to_string(),
        name: group.name.clone(),
        app_id: app_id.to_owned(),
        description: group.description.clone(),
        devices: count,
        devices_max: group.devices_max,
        creator: group.creator.clone(),
        created: group.created.into(),
    }
}
