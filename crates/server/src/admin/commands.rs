//! Commands, as the operator sees them.

use super::explain::{self, Surroundings};
use super::problem::Checked;
use super::wire::{
    CommandPage, CommandView, EntryView, Explanation, HistoryView, ToldView, kind_name, status_name,
};
use super::{Admin, Problem, devices};
use crate::body::Body;
use crate::dispatch::Refused;
use api::commands::{CommandStatus, PostCommandRequest};
use api::{Code, Operation, Timestamp};
use axum::Json;
use axum::extract::{Path, Query, State};
use delivery::{AppKey, Command, CommandId, DeviceId, Entry, IdError, Moment, Refusal, Who};
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::sync::Arc;
use store::{Failed, PAGE_ITEMS_MAX, Store};

const LIMIT_DEFAULT: usize = 50;

/// Commands that one list looks at: where a filter shows little, the answer says from where to go on.
const LOOKED_AT_MAX: usize = 20_000;

/// Which commands a list shows.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Which {
    /// Of a device, by id, a deleted one too, or by node id.
    device_id: Option<String>,
    app_id: Option<String>,
    status: Option<CommandStatus>,
    #[serde(default)]
    open: bool,
    since: Option<String>,
    within_ms: Option<u64>,
    before: Option<String>,
    limit: Option<usize>,
}

/// What a list is searched for.
struct Search {
    device: Option<DeviceId>,
    app: Option<AppKey>,
    status: Option<CommandStatus>,
    open: bool,
    since: Moment,
    before: Option<CommandId>,
    limit: usize,
}

pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    Checked(Query(which)): Checked<Query<Which>>,
) -> Result<Json<CommandPage>, Problem> {
    let search = search(&admin, which).await?;
    let ask = move |store: &dyn Store| search.run(store);
    let (found, next) = admin.registry.ask(ask).await?;
    let commands: Result<_, _> = found.iter().map(|command| view(&admin, command)).collect();
    Ok(Json(CommandPage {
        commands: commands?,
        next: next.map(|id| id.to_string()),
    }))
}

async fn search(admin: &Admin, which: Which) -> Result<Search, Problem> {
    let invalid = |text: &str| Problem::Invalid(text.to_owned());
    let device = match &which.device_id {
        None => None,
        Some(id) => match id.parse::<DeviceId>() {
            Ok(id) => Some(id),
            Err(_) => Some(devices::find(admin, id).await?.id),
        },
    };
    let before = which.before.map(|id| id.parse()).transpose();
    let before = before.map_err(|_: IdError| invalid("before is not the id of a command"))?;
    let app = which.app_id.map(|id| devices::application(admin, &id));
    let limit = which.limit.unwrap_or(LIMIT_DEFAULT);
    if limit == 0 || limit > PAGE_ITEMS_MAX {
        return Err(Problem::Invalid(format!(
            "limit must be between 1 and {PAGE_ITEMS_MAX}"
        )));
    }
    let now = admin.dispatch.parts().clock.now();
    let since = match (which.within_ms, which.since) {
        (Some(_), Some(_)) => return Err(invalid("give either since or withinMs")),
        (None, None) => Moment::default(),
        (Some(ms), None) => Moment::from_millis(now.as_millis().saturating_sub(ms)),
        (None, Some(text)) => {
            let parsed = Timestamp::parse(&text);
            let parsed =
                parsed.ok_or_else(|| invalid("since is no moment such as 20151212T121212Z"))?;
            Moment::from_millis(parsed.unix_millis_u64())
        }
    };
    Ok(Search {
        device,
        app: app.transpose()?.map(|app| app.key),
        status: which.status,
        open: which.open,
        since,
        before,
        limit,
    })
}

impl Search {
    /// What was found, and from where the list goes on if there may be more.
    fn run(&self, store: &dyn Store) -> Result<(Vec<Command>, Option<CommandId>), Failed> {
        let (mut found, mut before, mut looked_at) = (Vec::new(), self.before, 0);
        // One more than is shown tells whether there are more.
        let shows_all = self.app.is_none() && self.status.is_none() && !self.open;
        let take = if shows_all {
            PAGE_ITEMS_MAX.min(self.limit + 1)
        } else {
            PAGE_ITEMS_MAX
        };
        while looked_at < LOOKED_AT_MAX {
            let stretch = store.latest_commands(self.device, before, take)?;
            let is_last = stretch.len() < take;
            looked_at += stretch.len();
            for command in stretch {
                // Commands are accepted in the order of their ids.
                if command.created < self.since {
                    return Ok((found, None));
                }
                before = Some(command.id);
                if self.wants(&command) {
                    if found.len() == self.limit {
                        let last: Option<&Command> = found.last();
                        let next = last.map(|command| command.id);
                        return Ok((found, next));
                    }
                    found.push(command);
                }
            }
            if is_last {
                return Ok((found, None));
            }
        }
        Ok((found, before))
    }

    fn wants(&self, command: &Command) -> bool {
        let status = || crate::north::wire::status(command.status());
        self.app.is_none_or(|app| command.app == app)
            && self.status.is_none_or(|wanted| status() == wanted)
            && !(self.open && command.has_ended())
    }
}

/// Submits a command as the operator. The body is that of `postDeviceCommand` (contract §5.2) without `deviceId`, which the path
/// names.
pub(super) async fn send(
    State(admin): State<Arc<Admin>>,
    Path(device): Path<String>,
    Checked(Json(mut body)): Checked<Json<Map<String, Value>>>,
) -> Result<(StatusCode, Json<CommandView>), Problem> {
    let device = devices::find(&admin, &device).await?;
    body.insert("deviceId".into(), device.id.to_string().into());
    let body = serde_json::to_vec(&body).expect("JSON is JSON");
    let north = &admin.north;
    let request = PostCommandRequest::from_json(&body);
    let request =
        request.map_err(|invalid| north.misshapen(Operation::PostDeviceCommand, invalid))?;
    let command = north.submit_as_operator(&device, &request).await?;
    tracing::info!(command = %command.id, device = %device.id, "the operator sent a command");
    Ok((StatusCode::CREATED, Json(view(&admin, &command)?)))
}

/// Cancels a command that is still PENDING, as the operator (R1.10).
pub(super) async fn cancel(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
) -> Result<Json<CommandView>, Problem> {
    let command = find(&admin, &id).await?;
    let who = Who::Operator;
    let cancelled = admin.dispatch.cancel(command.device, command.id, who).await;
    match cancelled {
        Ok(cancelled) => view(&admin, &cancelled).map(Json),
        Err(Refused::Heart(Refusal::NotPending)) => {
            let now = find(&admin, &id).await?;
            Err(Problem::Contract {
                code: Code::CommandNotCancellable,
                message: format!(
                    "the command is {}: only one that is PENDING can be cancelled",
                    status_name(now.status())
                ),
            })
        }
        Err(refused) => Err(refused.into()),
    }
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
        callbacks: told(&admin, &command).await?,
    }))
}

/// What the callback address of a command was told. Of one whose callbacks were given up, the row that says so knows.
async fn told(admin: &Admin, command: &Command) -> Result<Option<ToldView>, Problem> {
    if !command.callback {
        return Ok(None);
    }
    let (id, entries) = (command.id, command.history.len());
    let dead = admin
        .registry
        .ask(move |store| store.dead_callback(id))
        .await?;
    let count = |of: usize| u32::try_from(of).unwrap_or(u32::MAX);
    Ok(Some(match dead {
        Some(dead) => ToldView {
            up_to: dead.from,
            owed: 0,
            given_up: Some(dead.reason),
        },
        None => ToldView {
            up_to: command.told.min(count(entries)),
            owed: count(command.owed().count()),
            given_up: None,
        },
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
