//! Groups of devices (contract §10): what lists and grants name instead of many devices.
//!
//! A group is its application's. Whoever a grant limits to groups reads those and no others, and changes none: a device that he
//! could add to his group would be one that he reaches.

use super::answer::Answer;
use super::error::Error;
use super::gate::{Scope, not_covered};
use super::{Call, North};
use crate::registry::{GroupChange, GroupError, NewGroup};
use api::groups::{
    CreateGroupRequest, GroupAnswer, GroupDevicesAnswer, GroupDevicesRequest, GroupMembersAnswer,
    GroupMembersQuery, GroupsAnswer, GroupsQuery, ModifyGroupRequest,
};
use api::limits::GROUPS_PAGE;
use api::query::Page as Wanted;
use api::{Code, paths};
use delivery::DeviceId;
use std::collections::BTreeSet;
use std::sync::Arc;
use store::{Application, DeviceGroup, Failed, GroupFilter, GroupId, Page, Store};

/// `createDeviceGroup`, with the devices that it has from the start.
pub(super) async fn create(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let request = CreateGroupRequest::from_json(&call.body)?;
    let named = match request.app_id {
        Some(app_id) => Some(app_id),
        None => call.query.access_app_id()?,
    };
    let scope = may_change(north.scope_named(call, caller, named)?)?;
    north.row_fault()?;
    let devices = devices(&request.device_ids)?;
    let new = NewGroup {
        name: request.name,
        description: request.description,
        devices_max: request.devices_max,
        creator: caller.app_id.clone(),
    };
    let deed = scope.deed(call.operation, None);
    let (group, count) = north.registry.create_group(deed, new, devices).await?;
    Ok(Answer::of(&shown(&group, count, &scope, false)))
}

/// `modifyDeviceGroup`: what the request leaves out stays as it is.
pub(super) async fn modify(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let id = group_id(call)?;
    let request = ModifyGroupRequest::from_json(&call.body)?;
    let scope = may_change(scope_of(north, call, caller, id).await?)?;
    let (group, _) = found(north, &scope, id).await?;
    let change = GroupChange {
        devices_max: request.bound(),
        name: request.name,
        description: request.description.map(Some),
    };
    let deed = scope.deed(call.operation, None);
    let (group, count) = north.registry.change_group(deed, group.id, change).await?;
    Ok(Answer::of(&shown(&group, count, &scope, false)))
}

/// `deleteDeviceGroup`: its devices stay.
pub(super) async fn delete(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let id = group_id(call)?;
    let scope = may_change(scope_of(north, call, caller, id).await?)?;
    let (group, _) = found(north, &scope, id).await?;
    let deed = scope.deed(call.operation, None);
    north.registry.delete_group(deed, group.id).await?;
    Ok(Answer::Nothing)
}

/// `querySingleDeviceGroup`.
pub(super) async fn show(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let id = group_id(call)?;
    let scope = scope_of(north, call, caller, id).await?;
    let (group, count) = found(north, &scope, id).await?;
    Ok(Answer::of(&shown(&group, count, &scope, true)))
}

/// `queryDeviceGroups`: the newest first.
pub(super) async fn list(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let query = GroupsQuery::read(&call.query)?;
    let scope = north.scope_named(call, caller, query.app_id)?;
    north.row_fault()?;
    let page = page(query.page);
    let filter = GroupFilter {
        app: scope.owner.key,
        name: query.name,
        skip: page.offset(),
        take: items(page),
    };
    let limit = scope.groups();
    let read = move |store: &dyn Store| match limit {
        Some(granted) => among(store, &filter, &granted),
        None => store.groups(&filter),
    };
    let listed = north.registry.ask(read).await?;
    let groups = listed.items.iter();
    Ok(Answer::of(&GroupsAnswer {
        total_count: listed.total,
        page_no: page.number.into(),
        page_size: page.size.into(),
        list: groups
            .map(|(group, count)| shown(group, *count, &scope, true))
            .collect(),
    }))
}

/// `queryDeviceGroupMembers`: in the order of registration.
pub(super) async fn members(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let query = GroupMembersQuery::read(&call.query)?;
    let scope = scope_of(north, call, caller, &query.dev_group_id).await?;
    let (group, _) = found(north, &scope, &query.dev_group_id).await?;
    let page = page(query.page);
    let (id, skip, take) = (group.id, page.offset(), items(page));
    let read = move |store: &dyn Store| store.group_page(id, skip, take);
    let members = north.registry.ask(read).await?;
    Ok(Answer::of(&GroupMembersAnswer {
        total_count: members.total,
        page_no: page.number.into(),
        page_size: page.size.into(),
        device_ids: members.items.iter().map(ToString::to_string).collect(),
    }))
}

/// `addDevicesToGroup`: a device that is in it already stays.
pub(super) async fn add_devices(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let request = GroupDevicesRequest::from_json(&call.body)?;
    let scope = may_change(scope_of(north, call, caller, &request.dev_group_id).await?)?;
    let (group, _) = found(north, &scope, &request.dev_group_id).await?;
    let devices = devices(&request.device_ids)?;
    let deed = scope.deed(call.operation, None);
    north
        .registry
        .add_to_group(deed, group.id, devices.clone())
        .await?;
    Ok(Answer::of(&GroupDevicesAnswer {
        dev_group_id: group.id.to_string(),
        device_ids: devices.iter().map(ToString::to_string).collect(),
    }))
}

/// `deleteDevicesFromGroup`: those that are not in it are passed over. The answer has no body (R3.11).
pub(super) async fn remove_devices(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let request = GroupDevicesRequest::from_json(&call.body)?;
    let scope = may_change(scope_of(north, call, caller, &request.dev_group_id).await?)?;
    let (group, _) = found(north, &scope, &request.dev_group_id).await?;
    let asked = request.device_ids.iter();
    let devices = asked.filter_map(|id| id.parse().ok()).collect();
    let deed = scope.deed(call.operation, None);
    north
        .registry
        .remove_from_group(deed, group.id, devices)
        .await?;
    Ok(Answer::Empty)
}

/// The scope of a call that names a group. Without an application's id it is about the group's application if that one has
/// granted the caller the group: a client family drops the id from its addresses (§15.34).
async fn scope_of(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
    group: &str,
) -> Result<Scope, Error> {
    let named = call.query.access_app_id()?;
    let is_named = named.is_some();
    let scope = north.scope_named(call, caller, named)?;
    if is_named || !north.registry.grants().is_grantee(caller.key) {
        return Ok(scope);
    }
    let Ok(id) = group.parse::<GroupId>() else {
        return Ok(scope);
    };
    let found = north.registry.ask(move |store| store.group(id)).await?;
    let Some((group, _)) = found.filter(|(group, _)| group.app != caller.key) else {
        return Ok(scope);
    };
    let grants = north.registry.grants();
    let granted = grants.granted(group.app, caller.key, call.now);
    match (granted, north.registry.application_by_key(group.app)) {
        (Some(granted), Some(owner)) if granted.covers_group(id) => {
            north.scope_under(call, caller, owner)
        }
        (Some(_) | None, _) => Ok(scope),
    }
}

/// The scope, if groups may be changed within it: not where a grant is limited.
fn may_change(scope: Scope) -> Result<Scope, Error> {
    if scope.is_limited() {
        Err(not_covered())
    } else {
        Ok(scope)
    }
}

/// The group with this id and how many devices it has, if it is within the scope. One that is not is, for the caller, like one
/// that does not exist.
async fn found(north: &North, scope: &Scope, id: &str) -> Result<(DeviceGroup, u64), Error> {
    let missing = || Error::code(Code::GroupUnknown);
    let id: GroupId = id.parse().map_err(|_| missing())?;
    north.row_fault()?;
    let found = north.registry.ask(move |store| store.group(id)).await?;
    found
        .filter(|(group, _)| group.app == scope.owner.key && scope.covers_group(group.id))
        .ok_or_else(missing)
}

/// The devices that a request names, each once, in its order.
fn devices(asked: &[String]) -> Result<Vec<DeviceId>, Error> {
    let mut seen = BTreeSet::new();
    let mut devices = Vec::with_capacity(asked.len());
    for text in asked {
        let id: DeviceId = text.parse().map_err(|_| no_device(text))?;
        if seen.insert(id) {
            devices.push(id);
        }
    }
    Ok(devices)
}

/// A page of the groups that a grant names: they are read one by one, for there are few of them.
fn among(
    store: &dyn Store,
    filter: &GroupFilter,
    granted: &BTreeSet<GroupId>,
) -> Result<Page<(DeviceGroup, u64)>, Failed> {
    let wanted = |group: &DeviceGroup| {
        group.app == filter.app && filter.name.as_ref().is_none_or(|name| *name == group.name)
    };
    let mut all = Vec::new();
    // The ids rise with time.
    for id in granted.iter().rev() {
        all.extend(store.group(*id)?.filter(|(group, _)| wanted(group)));
    }
    let skip = usize::try_from(filter.skip).unwrap_or(usize::MAX);
    Ok(Page {
        total: u64::try_from(all.len()).unwrap_or(u64::MAX),
        items: all.into_iter().skip(skip).take(filter.take).collect(),
    })
}

/// The page that is asked for; without pages everything is shown at once, up to the largest page (§15.27).
fn page(asked: Option<Wanted>) -> Wanted {
    asked.unwrap_or(Wanted {
        number: 0,
        size: *GROUPS_PAGE.end(),
    })
}

fn items(page: Wanted) -> usize {
    usize::try_from(page.size).unwrap_or(usize::MAX)
}

fn shown(group: &DeviceGroup, count: u64, scope: &Scope, with_creator: bool) -> GroupAnswer {
    GroupAnswer {
        name: group.name.clone(),
        description: group.description.clone(),
        id: group.id.to_string(),
        app_id: scope.owner.app_id.clone(),
        devices_max: group.devices_max.unwrap_or(0),
        devices: count,
        creator: with_creator.then(|| group.creator.clone()),
    }
}

/// The path variable of a group.
fn group_id(call: &Call) -> Result<&str, Error> {
    let [id] = call.variables.as_slice() else {
        return Err(Error::code(Code::GroupUnknown));
    };
    paths::check_id("devGroupId", id)?;
    Ok(id)
}

fn no_device(id: &str) -> Error {
    Error::detailed(
        Code::DeviceDataUnknown,
        format!("`deviceIds`: there is no device {id}"),
    )
}

impl From<GroupError> for Error {
    fn from(error: GroupError) -> Self {
        match error {
            GroupError::NameTaken => Self::code(Code::GroupNameTaken),
            GroupError::TooManyGroups => Self::code(Code::GroupLimit),
            GroupError::TooManyDevices => Self::code(Code::TooManyDevices),
            GroupError::Full => Self::code(Code::GroupFull),
            GroupError::Missing => Self::code(Code::GroupUnknown),
            GroupError::DeviceMissing(id) => no_device(&id.to_string()),
            GroupError::Keep(error) => error.into(),
            GroupError::Read(failed) => failed.into(),
        }
    }
}
