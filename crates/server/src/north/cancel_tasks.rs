//! Cancel tasks: every PENDING command of a device at once (contract §5.5, §5.6, R1.10).

use super::answer::Answer;
use super::error::Error;
use super::gate::Scope;
use super::picked::picked;
use super::{Call, North, wire};
use crate::random;
use api::cancel_tasks::{
    CancelTaskAnswer, CancelTaskRequest, CancelTaskStatus, CancelTasksAnswer, CancelTasksQuery,
};
use api::commands::Pagination;
use delivery::Command;
use std::sync::Arc;
use store::{Application, CancelTask, CancelTaskFilter, Failed, Page, Store, TaskId};

/// `createDeviceCmdCancelTask`: the 201 says RUNNING and shows the commands as they were.
pub(super) async fn create(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let request = CancelTaskRequest::from_json(&call.body)?;
    let (task, before, scope) = carry_out(north, call, caller, &request.device_id).await?;
    let owner = &scope.owner;
    Ok(Answer::of(&shown(
        &task,
        &before,
        CancelTaskStatus::Running,
        owner,
    )?))
}

/// Cancels what is pending, in one turn: the task, the commands as they were, and whose they are.
pub(super) async fn carry_out(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
    device_id: &str,
) -> Result<(CancelTask, Vec<Command>, Scope), Error> {
    let scope = north.scope_of(call, caller, device_id).await?;
    let device = north.device(device_id, &scope).await?;
    let id = TaskId(u128::from(call.now.as_millis()) << 64 | u128::from(random::number()));
    let (task, before) = north
        .dispatch
        .cancel_all(device.id, (id, scope.owner.key), scope.who())
        .await?;
    Ok((task, before, scope))
}

/// `queryDeviceCmdCancelTask`: the newest first, with their commands as they are now.
pub(super) async fn list(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let query = CancelTasksQuery::read(&call.query)?;
    let scope = match &query.device_id {
        Some(id) => north.scope_of(call, caller, id).await?,
        None => north.scope(call, caller)?,
    };
    let owner = scope.owner.clone();
    let devices = north
        .devices_shown(query.device_id.as_deref(), &scope)
        .await?;
    north.row_fault()?;
    let nothing = || {
        Answer::of(&CancelTasksAnswer {
            pagination: Pagination::of(query.page, 0),
            data: Vec::new(),
        })
    };
    // A task is carried out within its creation: nothing is ever found waiting, running or done in part.
    let succeeded = match query.status {
        None => None,
        Some(CancelTaskStatus::Success) => Some(true),
        Some(CancelTaskStatus::Failed) => Some(false),
        Some(
            CancelTaskStatus::Waiting | CancelTaskStatus::Running | CancelTaskStatus::PartSuccess,
        ) => return Ok(nothing()),
    };
    let task = match query.task_id.as_deref().map(str::parse::<TaskId>) {
        None => None,
        Some(Ok(id)) => Some(id),
        Some(Err(_)) => return Ok(nothing()),
    };
    let filter = CancelTaskFilter {
        app: owner.key,
        task,
        devices,
        succeeded,
        from: query.created.start.map(wire::from),
        to: query.created.end.map(wire::to),
        skip: query.page.offset(),
        take: usize::try_from(query.page.size).unwrap_or(usize::MAX),
    };
    let page = north
        .registry
        .ask(move |store| read(store, &filter, &scope))
        .await?;
    let shown = |(task, commands): &(CancelTask, Vec<Command>)| {
        let status = if task.commands.is_empty() {
            CancelTaskStatus::Failed
        } else {
            CancelTaskStatus::Success
        };
        shown(task, commands, status, &owner)
    };
    let data: Result<Vec<_>, Error> = page.items.iter().map(shown).collect();
    Ok(Answer::of(&CancelTasksAnswer {
        pagination: Pagination::of(query.page, page.total),
        data: data?,
    }))
}

/// Tasks that are within a scope, with those of their commands that are still kept.
fn read(
    store: &dyn Store,
    filter: &CancelTaskFilter,
    scope: &Scope,
) -> Result<Page<(CancelTask, Vec<Command>)>, Failed> {
    let Page { total, items } = if filter.devices.is_some() || !scope.is_limited() {
        store.cancel_tasks(filter)?
    } else {
        let part = |skip, take| {
            store.cancel_tasks(&CancelTaskFilter {
                skip,
                take,
                ..filter.clone()
            })
        };
        let page = (filter.skip, filter.take);
        picked(part, |task: &CancelTask| scope.covers(task.device), page)?
    };
    let with_commands = |task: CancelTask| {
        let commands = commands(store, &task);
        commands.map(|commands| (task, commands))
    };
    let items: Result<Vec<_>, Failed> = items.into_iter().map(with_commands).collect();
    Ok(Page {
        total,
        items: items?,
    })
}

/// Those of a task's commands that are still kept, as they are now.
pub(super) fn commands(store: &dyn Store, task: &CancelTask) -> Result<Vec<Command>, Failed> {
    let ids = task.commands.iter();
    ids.filter_map(|id| store.command(*id).transpose())
        .collect()
}

fn shown(
    task: &CancelTask,
    commands: &[Command],
    status: CancelTaskStatus,
    owner: &Application,
) -> Result<CancelTaskAnswer, Error> {
    let shown: Result<Vec<_>, Error> = commands
        .iter()
        .map(|command| wire::shown(command, &owner.app_id))
        .collect();
    Ok(CancelTaskAnswer {
        task_id: task.id.to_string(),
        app_id: owner.app_id.clone(),
        device_id: task.device.to_string(),
        status,
        total_count: u32::try_from(task.commands.len()).unwrap_or(u32::MAX),
        device_commands: shown?,
    })
}
