//! Callbacks, as the operator sees them: what was given up, which endpoints are down, and the replay (R5).

use super::problem::Checked;
use super::wire::{DeadCallbackView, EndpointView, LastFailure, ReplayOrder, ReplayView};
use super::{Admin, Problem};
use crate::callback::Which;
use axum::Json;
use axum::extract::{Query, State};
use delivery::{AppKey, CommandId};
use serde::Deserialize;
use std::sync::Arc;
use store::{DeadCallback, PAGE_ITEMS_MAX};

const LIMIT_DEFAULT: usize = 50;

/// Which dead callbacks a list shows.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WhichDead {
    app_id: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn dead(
    State(admin): State<Arc<Admin>>,
    Checked(Query(which)): Checked<Query<WhichDead>>,
) -> Result<Json<Vec<DeadCallbackView>>, Problem> {
    let app = which
        .app_id
        .map(|id| application(&admin, &id))
        .transpose()?;
    let after = which.after.map(|id| command(&id)).transpose()?;
    let limit = which.limit.unwrap_or(LIMIT_DEFAULT);
    if limit == 0 || limit > PAGE_ITEMS_MAX {
        return Err(Problem::Invalid(format!(
            "limit must be between 1 and {PAGE_ITEMS_MAX}"
        )));
    }
    let found = admin
        .registry
        .ask(move |store| store.dead_callbacks(app, after, limit))
        .await?;
    Ok(Json(
        found.into_iter().map(|row| view(&admin, row)).collect(),
    ))
}

pub(super) async fn endpoints(State(admin): State<Arc<Admin>>) -> Json<Vec<EndpointView>> {
    let endpoints = admin.callbacks.outbox().endpoints().into_iter();
    let view = |endpoint: crate::callback::EndpointState| EndpointView {
        endpoint: endpoint.name,
        state: if endpoint.down.is_some() {
            "down"
        } else {
            "up"
        }
        .to_owned(),
        waiting: endpoint.waiting,
        under_way: endpoint.under_way,
        failures: endpoint.failures,
        down_since: endpoint.down.map(|(since, _)| since.into()),
        next_probe: endpoint.down.map(|(_, probe_at)| probe_at.into()),
        last_failure: endpoint.last_failure.map(|(at, reason)| LastFailure {
            at: at.into(),
            reason,
        }),
    };
    Json(endpoints.map(view).collect())
}

pub(super) async fn replay(
    State(admin): State<Arc<Admin>>,
    Checked(Json(order)): Checked<Json<ReplayOrder>>,
) -> Result<Json<ReplayView>, Problem> {
    let which = match order {
        ReplayOrder {
            command_id: Some(id),
            app_id: None,
            endpoint: None,
            all: false,
        } => Which::Command(command(&id)?),
        ReplayOrder {
            command_id: None,
            app_id: Some(id),
            endpoint: None,
            all: false,
        } => Which::Application(application(&admin, &id)?),
        ReplayOrder {
            command_id: None,
            app_id: None,
            endpoint: Some(endpoint),
            all: false,
        } => Which::Endpoint(endpoint),
        ReplayOrder {
            command_id: None,
            app_id: None,
            endpoint: None,
            all: true,
        } => Which::All,
        ReplayOrder { .. } => {
            return Err(Problem::Invalid(
                "one of commandId, appId, endpoint and all says what is told again".into(),
            ));
        }
    };
    if let Which::Command(id) = which
        && admin
            .registry
            .ask(move |store| store.dead_callback(id))
            .await?
            .is_none()
    {
        return Err(Problem::NotFound(format!("dead callback of command {id}")));
    }
    let replayed = admin.callbacks.replay(which).await?;
    Ok(Json(ReplayView {
        begun: replayed.begun,
        no_room: replayed.no_room,
    }))
}

fn application(admin: &Admin, app_id: &str) -> Result<AppKey, Problem> {
    let app = admin.registry.application(app_id);
    app.map(|app| app.key)
        .ok_or_else(|| Problem::NotFound(format!("application {app_id}")))
}

fn command(id: &str) -> Result<CommandId, Problem> {
    id.parse()
        .map_err(|_| Problem::Invalid(format!("{id} is not the id of a command")))
}

fn view(admin: &Admin, row: DeadCallback) -> DeadCallbackView {
    DeadCallbackView {
        command_id: row.command.to_string(),
        app_id: admin
            .registry
            .application_by_key(row.app)
            .map(|app| app.app_id.clone()),
        from: row.from,
        endpoint: row.endpoint,
        since: row.since.into(),
        attempts: row.attempts,
        reason: row.reason,
        replaying: row.replaying,
    }
}
