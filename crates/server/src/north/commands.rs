//! Commands: creation, list, cancellation (contract §5.2 to §5.4).

use super::answer::Answer;
use super::check::Asked;
use super::error::Error;
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
use store::{Application, CommandFilter, Device};

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
    let owner = &scope.owner;
    let device = match &query.device_id {
        Some(id) => Some(north.device_of_old(id, &scope).await?),
        None => None,
    };
    north.row_fault()?;
    let filter = CommandFilter {
        app: owner.key,
        device,
        from: query.created.start.map(wire::from),
        to: query.created.end.map(wire::to),
        skip: query.page.offset(),
        take: usize::try_from(query.page.size).unwrap_or(usize::MAX),
    };
    let page = north
        .registry
        .ask(move |store| store.commands(&filter))
        .await?;
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
