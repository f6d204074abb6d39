//! Grants: given, listed and revoked by the operator (R1.11).

use super::applications::found;
use super::problem::Checked;
use super::wire::{GrantView, GrantedGroup, NewGrant, RevokedView};
use super::{Admin, Problem};
use crate::limits::{GRANT_DEVICES_MAX, GRANT_GROUPS_MAX};
use crate::registry::{Endings, GrantError, granted_name};
use crate::task::to_the_end;
use crate::timed::Timed;
use api::{Operation, Timestamp};
use axum::Json;
use axum::extract::{Path, Query, State};
use delivery::{AppKey, DeviceId, Moment};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use store::{Application, Grant, GroupId};

/// How long the operator waits for what is pending to be called back; it goes on afterwards.
const CALLED_BACK_WITHIN: Duration = Duration::from_secs(10);

/// Whose grants are listed: those that an application gave or was given.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Listed {
    app_id: Option<String>,
}

pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    Checked(Query(asked)): Checked<Query<Listed>>,
) -> Result<Json<Vec<GrantView>>, Problem> {
    let app = asked.app_id.map(|id| found(&admin, &id)).transpose()?;
    let mut all = admin.registry.grants().all();
    if let Some(app) = app {
        all.retain(|grant| grant.owner == app.key || grant.grantee == app.key);
    }
    let named = names(&admin, &all).await?;
    let now = admin.dispatch.parts().clock.now();
    let views = all.iter().map(|grant| view(&admin, grant, &named, now));
    Ok(Json(views.collect()))
}

/// Gives a grant, or replaces the one that the pair has; what it no longer covers is cancelled.
pub(super) async fn grant(
    State(admin): State<Arc<Admin>>,
    Path((owner, grantee)): Path<(String, String)>,
    Checked(Json(asked)): Checked<Json<NewGrant>>,
) -> Result<Json<GrantView>, Problem> {
    let (owner, grantee) = (found(&admin, &owner)?, found(&admin, &grantee)?);
    if owner.key == grantee.key {
        return Err(Problem::Invalid(
            "an application needs no grant for its own devices".to_owned(),
        ));
    }
    let now = admin.dispatch.parts().clock.now();
    let until = until(&asked, now)?;
    let operations = operations(&asked.operations)?;
    let devices = devices(&admin, &owner, &asked.devices).await?;
    let groups = groups(&admin, &owner, &asked.groups).await?;
    let grant = Grant {
        owner: owner.key,
        grantee: grantee.key,
        created: now,
        until,
        devices,
        groups,
        operations,
        revoked: None,
    };
    let (registry, given) = (admin.registry.clone(), grant.clone());
    let work = async move { registry.grant(given).await };
    to_the_end(work).await.map_err(Problem::Store)??;
    tracing::info!(
        owner = owner.app_id,
        grantee = grantee.app_id,
        devices = grant.devices.len(),
        groups = grant.groups.len(),
        operations = grant.operations.len(),
        until = grant.until.map(Moment::as_millis),
        "a grant was given"
    );
    let named = names(&admin, std::slice::from_ref(&grant)).await?;
    Ok(Json(view(&admin, &grant, &named, now)))
}

/// Ends a grant. From the answer on it allows nothing, and mostly what was pending is cancelled by then.
pub(super) async fn revoke(
    State(admin): State<Arc<Admin>>,
    Path((owner, grantee)): Path<(String, String)>,
) -> Result<Json<RevokedView>, Problem> {
    let (owner, grantee) = (found(&admin, &owner)?, found(&admin, &grantee)?);
    let now = admin.dispatch.parts().clock.now();
    let (registry, pair) = (admin.registry.clone(), (owner.key, grantee.key));
    let work = async move { registry.revoke(pair.0, pair.1, now).await };
    if !to_the_end(work).await.map_err(Problem::Store)?? {
        return Err(Problem::NotFound(format!(
            "grant of {} to {}",
            owner.app_id, grantee.app_id
        )));
    }
    tracing::info!(
        owner = owner.app_id,
        grantee = grantee.app_id,
        "a grant was revoked"
    );
    let endings = Endings::new(admin.registry.clone());
    // What is left when this gives up waiting goes on in the task that drives the ends.
    tokio::time::timeout(CALLED_BACK_WITHIN, endings.settle())
        .await
        .ok();
    let all = admin.registry.grants().all();
    Ok(Json(RevokedView {
        finished: !all
            .iter()
            .any(|grant| (grant.owner, grant.grantee) == (owner.key, grantee.key)),
        owner: owner.app_id.clone(),
        grantee: grantee.app_id.clone(),
    }))
}

/// When a grant is to end.
fn until(asked: &NewGrant, now: Moment) -> Result<Option<Moment>, Problem> {
    let until = match (&asked.until, asked.for_seconds) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(Problem::Invalid(
                "until and forSeconds exclude each other".to_owned(),
            ));
        }
        (None, Some(seconds)) => now + Duration::from_secs(seconds),
        (Some(text), None) => {
            let parsed = Timestamp::parse(text);
            let at = parsed.ok_or_else(|| {
                Problem::Invalid("until must be a time in UTC like 20261231T235959Z".to_owned())
            })?;
            Moment::from_millis(at.unix_millis_u64())
        }
    };
    if until <= now {
        return Err(Problem::Invalid(
            "the grant would have ended already".to_owned(),
        ));
    }
    Ok(Some(until))
}

/// Names of operations that a grant can be about, each once.
fn operations(asked: &[String]) -> Result<Vec<String>, Problem> {
    let known: BTreeSet<&str> = grantable().collect();
    for name in asked {
        if !known.contains(name.as_str()) {
            let known: Vec<&str> = known.into_iter().collect();
            return Err(Problem::Invalid(format!(
                "`{name}` is no operation that can be granted; these can: {}",
                known.join(", ")
            )));
        }
    }
    let once: BTreeSet<&String> = asked.iter().collect();
    Ok(once.into_iter().cloned().collect())
}

/// The names of operations that are about an application's resources.
fn grantable() -> impl Iterator<Item = &'static str> {
    let all = Operation::ALL.iter().copied();
    all.filter(|operation| operation.needs_token())
        .map(granted_name)
}

/// Devices of the owner's, each once.
async fn devices(
    admin: &Admin,
    owner: &Application,
    asked: &[String],
) -> Result<Vec<DeviceId>, Problem> {
    if asked.len() > GRANT_DEVICES_MAX {
        return Err(Problem::Invalid(format!(
            "a grant can be limited to at most {GRANT_DEVICES_MAX} devices"
        )));
    }
    let mut once = BTreeSet::new();
    for text in asked {
        let device = match text.parse::<DeviceId>() {
            Ok(id) => admin.registry.device(id).await?,
            Err(_) => admin.registry.device_by_node(text).await?,
        };
        let its = device.filter(|device| device.app == owner.key);
        let its = its.ok_or_else(|| {
            Problem::Invalid(format!("application {} has no device {text}", owner.app_id))
        })?;
        once.insert(its.id);
    }
    Ok(once.into_iter().collect())
}

/// Groups of the owner's, each once.
async fn groups(
    admin: &Admin,
    owner: &Application,
    asked: &[String],
) -> Result<Vec<GroupId>, Problem> {
    if asked.len() > GRANT_GROUPS_MAX {
        return Err(Problem::Invalid(format!(
            "a grant can be limited to at most {GRANT_GROUPS_MAX} groups"
        )));
    }
    let mut once = BTreeSet::new();
    for text in asked {
        let group = admin.registry.find_group(owner.key, text).await?;
        let (group, _) = group.ok_or_else(|| {
            Problem::Invalid(format!(
                "application {} has no device group {text}",
                owner.app_id
            ))
        })?;
        once.insert(group.id);
    }
    Ok(once.into_iter().collect())
}

/// The names of the groups that grants are limited to, but for those that were deleted.
async fn names(admin: &Admin, grants: &[Grant]) -> Result<BTreeMap<GroupId, String>, Problem> {
    let groups: BTreeSet<GroupId> = grants
        .iter()
        .flat_map(|grant| &grant.groups)
        .copied()
        .collect();
    let read = admin.registry.ask(move |store| {
        let mut named = BTreeMap::new();
        for id in groups {
            named.extend(store.group(id)?.map(|(group, _)| (id, group.name)));
        }
        Ok(named)
    });
    Ok(read.await?)
}

fn view(admin: &Admin, grant: &Grant, named: &BTreeMap<GroupId, String>, now: Moment) -> GrantView {
    let name = |key: AppKey| {
        let app = admin.registry.application_by_key(key);
        app.map_or_else(|| key.0.to_string(), |app| app.app_id.clone())
    };
    let group = |id: &GroupId| GrantedGroup {
        group_id: id.to_string(),
        name: named.get(id).cloned(),
    };
    let is_over = grant.revoked.is_some() || grant.until.is_some_and(|until| until <= now);
    GrantView {
        owner: name(grant.owner),
        grantee: name(grant.grantee),
        state: if is_over { "ending" } else { "active" }.to_owned(),
        granted: grant.created.into(),
        until: grant.until.map(Into::into),
        devices: grant.devices.iter().map(ToString::to_string).collect(),
        groups: grant.groups.iter().map(group).collect(),
        operations: grant.operations.clone(),
    }
}

impl From<GrantError> for Problem {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::StillEnding | GrantError::Closed => {
                Self::Conflict(format!("{error}; try again"))
            }
            GrantError::Keep(error) => error.into(),
            GrantError::Read(failed) => failed.into(),
        }
    }
}
