//! Commands, as the operator sees them.

use super::explain::{self, Surroundings};
use super::problem::Checked;
use super::wire::{CommandView, EntryView, Explanation, HistoryView, kind_name, status_name};
use super::{Admin, Problem};
use crate::body::Body;
use axum::Json;
use axum::extract::{Path, Query, State};
use delivery::{Command, CommandId, DeviceId, Entry, Who};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use store::PAGE_ITEMS_MAX;

const LIMIT_DEFAULT: usize = 50;

/// Which commands a list shows.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Which {
    device_id: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    Checked(Query(which)): Checked<Query<Which>>,
) -> Result<Json<Vec<CommandView>>, Problem> {
    let device = which
        .device_id
        .map(|text| text.parse::<DeviceId>())
        .transpose();
    let device =
        device.map_err(|_| Problem::Invalid("deviceId is not the id of a device".into()))?;
    let limit = which.limit.unwrap_or(LIMIT_DEFAULT);
    if limit == 0 || limit > PAGE_ITEMS_MAX {
        return Err(Problem::Invalid(format!(
            "limit must be between 1 and {PAGE_ITEMS_MAX}"
        )));
    }
    let found = admin
        .registry
        .ask(move |store| store.latest_commands(device, limit))
        .await?;
    found
        .iter()
        .map(|command| view(&admin, command))
        .collect::<Result<_, _>>()
        .map(Json)
}

pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
) -> Result<Json<CommandView>, Problem> {
    let command = find(&admin, &id).await?;
    view(&admin, &command).map(Json)
}

pub(super) async fn history(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
) -> Result<Json<HistoryView>, Problem> {
    let command = find(&admin, &id).await?;
    let history = command
        .history
        .iter()
        .map(|entry| entry_view(&admin, entry))
        .collect();
    Ok(Json(HistoryView {
        command_id: command.id.to_string(),
        history,
    }))
}

pub(super) async fn explain(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
) -> Result<Json<Explanation>, Problem> {
    let command = find(&admin, &id).await?;
    let parts = admin.dispatch.parts();
    let lane = admin.dispatch.look(command.device).await?;
    let surroundings = Surroundings {
        lane: lane.as_ref(),
        online: parts.hub.is_online(command.device),
        rules: &parts.rules,
        now: parts.clock.now(),
    };
    // The lane is a little younger than the command that was read.
    let present = lane
        .as_ref()
        .and_then(|lane| lane.find(command.id))
        .unwrap_or(&command);
    let who = |who| who_name(&admin, who);
    Ok(Json(Explanation {
        command_id: present.id.to_string(),
        status: status_name(present.status()).to_owned(),
        explanation: explain::explain(present, &surroundings, who),
    }))
}

async fn find(admin: &Admin, id: &str) -> Result<Command, Problem> {
    let missing = || Problem::NotFound(format!("command {id}"));
    let command_id: CommandId = id.parse().map_err(|_| missing())?;
    admin
        .registry
        .ask(move |store| store.command(command_id))
        .await?
        .ok_or_else(missing)
}

fn view(admin: &Admin, command: &Command) -> Result<CommandView, Problem> {
    let broken = |error: serde_json::Error| {
        Problem::Store(format!("command {} does not decode: {error}", command.id))
    };
    let body = Body::read(&command.body).map_err(broken)?;
    let detail = command
        .answer
        .as_ref()
        .and_then(|answer| answer.detail.as_deref());
    let answer: Option<Box<RawValue>> = detail
        .map(serde_json::from_slice)
        .transpose()
        .map_err(broken)?;
    Ok(CommandView {
        command_id: command.id.to_string(),
        device_id: command.device.to_string(),
        app_id: admin
            .registry
            .application_by_key(command.app)
            .map(|app| app.app_id.clone()),
        kind: kind_name(command.kind).to_owned(),
        service_id: body.service_id,
        method: body.method,
        paras: body.paras,
        status: status_name(command.status()).to_owned(),
        is_final: command.has_ended(),
        created: command.created.into(),
        expires: command.time_up().map(Into::into),
        issued_times: command.issued,
        retransmit_max: command.retransmit_max,
        mid: command.mid.number(),
        answer,
        lost: command.lost,
        late: command.late,
    })
}

fn entry_view(admin: &Admin, entry: &Entry) -> EntryView {
    EntryView {
        status: status_name(entry.status).to_owned(),
        at: entry.at.into(),
        cause: entry.cause.name().to_owned(),
        attempt: entry.attempt,
        who: who_name(admin, entry.who),
        late: entry.cause.is_late(),
    }
}

fn who_name(admin: &Admin, who: Who) -> String {
    match who {
        Who::Platform => "platform".into(),
        Who::Device => "device".into(),
        Who::Operator => "operator".into(),
        Who::Application(key) => match admin.registry.application_by_key(key) {
            Some(app) => format!("application {}", app.app_id),
            None => "application".into(),
        },
    }
}
