//! The command API of 2017 (contract §5.8): the same commands in another shape.

use super::answer::Answer;
use super::error::Error;
use super::{Call, North, cancel_tasks, commands, devices, wire};
use api::commands::{CommandsQuery, PostCommandRequest};
use api::old_commands::{OldCancelRequest, OldCommandAnswer, OldCommandsAnswer, OldCommandsQuery};
use api::query::TimeRange;
use std::sync::Arc;
use store::Application;

/// `POST …/devices/{deviceId}/commands`.
pub(super) async fn create(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let device_id = devices::device_id(call)?;
    let request = PostCommandRequest::from_old_json(&call.body, device_id)?;
    let created = commands::submit(north, call, caller, request).await?;
    Ok(Answer::of(&OldCommandAnswer::from(created)))
}

/// `GET …/queryCmd`: the newest first.
pub(super) async fn list(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let OldCommandsQuery {
        device_id,
        page,
        app_id,
    } = OldCommandsQuery::read(&call.query)?;
    let query = CommandsQuery {
        page,
        device_id,
        created: TimeRange::default(),
        app_id,
    };
    let found = commands::read(north, call, caller, query).await?;
    Ok(Answer::of(&OldCommandsAnswer {
        total_count: found.pagination.total_size,
        list: found.data.into_iter().map(Into::into).collect(),
    }))
}

/// `POST …/cancelCmd`: every pending command of the device, as it is afterwards. It is kept as a cancel task like any other.
pub(super) async fn cancel(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let OldCancelRequest { device_id } = OldCancelRequest::from_json(&call.body)?;
    let (task, _, scope) = cancel_tasks::carry_out(north, call, caller, &device_id).await?;
    let cancelled = north
        .registry
        .ask(move |store| cancel_tasks::commands(store, &task))
        .await?;
    let list: Result<Vec<OldCommandAnswer>, Error> = cancelled
        .iter()
        .map(|command| wire::shown(command, &scope.owner.app_id).map(Into::into))
        .collect();
    let list = list?;
    Ok(Answer::of(&OldCommandsAnswer {
        total_count: u64::try_from(list.len()).unwrap_or(u64::MAX),
        list,
    }))
}
