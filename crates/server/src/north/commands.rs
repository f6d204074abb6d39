//! Commands: creation, list, cancellation (contract §5.2 to §5.4).

use super::answer::Answer;
use super::check::{Asked, not_muted};
use super::error::Error;
use super::gate::Scope;
use super::picked::picked;
use super::repeat::{self, Repeatable};
use super::{Call, North, callback_url, wire};
use crate::body::Body;
use crate::dispatch::Ask;
use api::commands::{
    CancelCommandRequest, CommandAnswer, CommandsAnswer, CommandsQuery,
    EXPIRE_TIME_DEFAULT_SECONDS, MAX_RETRANSMIT_DEFAULT, Pagination, PostCommandRequest,
};
use api::{Code, paths};
use delivery::{Command, CommandId, Kind, Who};
use std::sync::Arc;
use std::time::Duration;
use store::{Application, CommandFilter, Device, Failed, Page, Store};

/// `postDeviceCommand`.
pub(super) async fn create(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let request = PostCommandRequest::from_json(&call.body)?;
    Ok(Answer::of(&submit(north, call, caller, request).await?))
}

/// Has the command created, and shows it.
pub(super) async fn submit(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
    request: PostCommandRequest,
) -> Result<CommandAnswer, Error> {
    let key = repeat::key(call)?;
    callback_url::check(
        request.callback_url.as_deref(),
        "callbackUrl",
        &north.settings,
    )?;
    let scope = north.scope_of(call, caller, &request.device_id).await?;
    let owner = &scope.owner;
    let repeatable = key.map(|key| Repeatable::new(&key, call, &scope, &request));
    if let Some(repeatable) = &repeatable
        && let Some(command) = north.kept(repeatable, owner).await?
    {
        return repeated(repeatable, &command, owner);
    }
    let device = north.device(&request.device_id, &scope).await?;
    north.session_fault()?;
    north.callback_fault(request.callback_url.as_ref())?;
    let ask = ask(north, &device, &request, repeatable.as_ref())?;
    let ask = Ask {
        who: scope.who(),
        ..ask
    };
    let accepted = north.dispatch.submit(device.id, ask).await?;
    if let (true, Some(repeatable)) = (accepted.repeated, &repeatable) {
        return repeated(repeatable, &accepted.command, owner);
    }
    let PostCommandRequest {
        command,
        callback_url,
        ..
    } = request;
    Ok(wire::accepted(
        &accepted.command,
        command,
        callback_url,
        &owner.app_id,
    ))
}

/// What the dispatcher is asked for, if the command fits its device.
pub(super) fn ask(
    north: &North,
    device: &Device,
    request: &PostCommandRequest,
    repeatable: Option<&Repeatable>,
) -> Result<Ask, Error> {
    let wanted = &request.command;
    let asked = Asked {
        service_id: &wanted.service_id,
        method: &wanted.method,
        paras: &wanted.paras,
    };
    let checked = north
        .check(device, asked)
        .map_err(super::check::Misfit::queued)?;
    not_muted(device, &wanted.service_id, &wanted.method)?;
    let (paras, paras_asked) = checked.paras(&wanted.paras);
    let body = Body {
        service_id: wanted.service_id.clone(),
        method: wanted.method.clone(),
        paras,
        paras_asked,
        callback_url: request.callback_url.clone(),
        model_version: checked.model_version,
        fingerprint: repeatable.map(|repeatable| repeatable.fingerprint.clone()),
        direct: None,
    };
    let kind = match request.expire_time.unwrap_or(EXPIRE_TIME_DEFAULT_SECONDS) {
        0 => Kind::Immediate,
        seconds => Kind::Queued {
            expire_after: Duration::from_secs(u64::from(seconds)),
        },
    };
    Ok(Ask {
        app: device.app,
        who: Who::Application(device.app),
        kind,
        retransmit_max: request.max_retransmit.unwrap_or(MAX_RETRANSMIT_DEFAULT),
        answer_expected: checked.answer_expected,
        callback: request.callback_url.is_some(),
        key: repeatable.map(|repeatable| repeatable.key.clone()),
        body: body.write(),
        follow: None,
    })
}

/// The first success status with the command as it is now; nothing leaves again (R1.15).
fn repeated(
    repeatable: &Repeatable,
    command: &Command,
    owner: &Application,
) -> Result<CommandAnswer, Error> {
    let body = repeatable.same(command)?;
    wire::from_body(command, body, &owner.app_id)
}

/// `queryDeviceCommand`: the newest first.
pub(super) async fn list(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let query = CommandsQuery::read(&call.query)?;
    Ok(Answer::of(&read(north, call, caller, query).await?))
}

/// The commands that a query asks for.
pub(super) async fn read(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
    query: CommandsQuery,
) -> Result<CommandsAnswer, Error> {
    let scope = match &query.device_id {
        Some(id) => north.scope_of(call, caller, id).await?,
        None => north.scope(call, caller)?,
    };
    let owner = scope.owner.clone();
    let devices = north
        .devices_shown(query.device_id.as_deref(), &scope)
        .await?;
    north.row_fault()?;
    let filter = CommandFilter {
        app: owner.key,
        devices,
        from: query.created.start.map(wire::from),
        to: query.created.end.map(wire::to),
        skip: query.page.offset(),
        take: usize::try_from(query.page.size).unwrap_or(usize::MAX),
    };
    let read = move |store: &dyn Store| visible(store, &filter, &scope);
    let page = north.registry.ask(read).await?;
    let data: Result<Vec<_>, Error> = page
        .items
        .iter()
        .map(|command| wire::shown(command, &owner.app_id))
        .collect();
    let answer = CommandsAnswer {
        pagination: Pagination::of(query.page, page.total),
        data: data?,
    };
    north.callback_fault(
        answer
            .data
            .iter()
            .find_map(|command| command.callback_url.as_ref()),
    )?;
    Ok(answer)
}

/// Of what a filter shows, the commands that are within a scope: with a right that does not cover the list, those that the
/// caller created (R1.13).
fn visible(
    store: &dyn Store,
    filter: &CommandFilter,
    scope: &Scope,
) -> Result<Page<Command>, Failed> {
    let creator = scope.sees_created_only();
    if creator.is_none() && (filter.devices.is_some() || !scope.is_limited()) {
        return store.commands(filter);
    }
    let page = (filter.skip, filter.take);
    let part = |skip, take| {
        store.commands(&CommandFilter {
            skip,
            take,
            ..filter.clone()
        })
    };
    let is_its = |command: &Command| {
        let created_by = command.history.first().map(|entry| entry.who);
        creator.is_none_or(|creator| created_by == Some(creator)) && scope.covers(command.device)
    };
    picked(part, is_its, page)
}

/// `updateDeviceCommand`: cancels a command that is still PENDING. It needs no device, and cancels though the disk is full.
pub(super) async fn cancel(
    north: &North,
    call: &Call,
    caller: &Arc<Application>,
) -> Result<Answer, Error> {
    let [id] = call.variables.as_slice() else {
        return Err(Error::code(Code::CommandUnknown));
    };
    paths::check_id("deviceCommandId", id)?;
    let CancelCommandRequest = CancelCommandRequest::from_json(&call.body)?;
    let scope = north.scope(call, caller)?;
    let id: Option<CommandId> = id.parse().ok();
    north.row_fault()?;
    let found = match id {
        Some(id) => north.registry.ask(move |store| store.command(id)).await?,
        None => None,
    };
    let (scope, command) = north.command_within(call, scope, found)?;
    let (id, app_id) = (command.id, &scope.owner.app_id);
    let kept = wire::shown(&command, app_id)?;
    north.callback_fault(kept.callback_url.as_ref())?;
    if command.has_ended() {
        return Err(Error::code(Code::CommandNotCancellable));
    }
    north.session_fault()?;
    let cancelled = north
        .dispatch
        .cancel(command.device, id, scope.who())
        .await?;
    Ok(Answer::of(&wire::shown(&cancelled, app_id)?))
}
