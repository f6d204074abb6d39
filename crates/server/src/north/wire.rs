//! The domain's words and the contract's: the one place where they meet.

use super::error::Error;
use crate::body::Body;
use api::Timestamp;
use api::commands::{Command as Wanted, CommandAnswer, CommandResult, CommandStatus};
use delivery::{Answer, Cause, Command, Kind, Moment, Status};
use serde_json::value::RawValue;

/// The contract's name of a status (§6.1).
pub(crate) const fn status(status: Status) -> CommandStatus {
    match status {
        Status::Queued => CommandStatus::Pending,
        Status::Sent => CommandStatus::Sent,
        Status::Delivered => CommandStatus::Delivered,
        Status::Succeeded => CommandStatus::Successful,
        Status::Failed => CommandStatus::Failed,
        Status::Cancelled => CommandStatus::Canceled,
        Status::Expired => CommandStatus::Expired,
        Status::TimedOut => CommandStatus::Timeout,
    }
}

/// A moment in the contract's form: whole seconds, rounded down.
pub(super) fn timestamp(at: Moment) -> Timestamp {
    Timestamp::from_unix_millis_u64(at.as_millis())
}

/// The first moment of a time range's start.
pub(super) fn from(start: Timestamp) -> Moment {
    Moment::from_millis(start.unix_millis_u64())
}

/// The last moment of a time range's end: answers show whole seconds, so all of that second is meant.
pub(super) fn to(end: Timestamp) -> Moment {
    Moment::from_millis(end.unix_millis_u64() + 999)
}

/// A command that was accepted just now: `issuedTimes` is 0 (R1.9, contract §5.1).
pub(super) fn accepted(
    command: &Command,
    asked: Wanted,
    callback_url: Option<String>,
    app_id: &str,
) -> CommandAnswer {
    CommandAnswer {
        issued_times: 0,
        ..object(command, asked, callback_url, app_id)
    }
}

/// A command as it is kept, with the paras as they were asked for.
///
/// # Errors
/// Its body does not decode.
pub(super) fn shown(command: &Command, app_id: &str) -> Result<CommandAnswer, Error> {
    let body = Body::read(&command.body).map_err(|error| row(command, &error))?;
    from_body(command, body, app_id)
}

/// As [`shown`], for a body that was read already.
pub(super) fn from_body(
    command: &Command,
    body: Body,
    app_id: &str,
) -> Result<CommandAnswer, Error> {
    let paras: &RawValue = body.paras_asked.as_ref().unwrap_or(&body.paras);
    let paras = serde_json::from_str(paras.get()).map_err(|error| row(command, &error))?;
    let asked = Wanted {
        service_id: body.service_id,
        method: body.method,
        paras,
    };
    Ok(object(command, asked, body.callback_url, app_id))
}

fn object(
    command: &Command,
    asked: Wanted,
    callback_url: Option<String>,
    app_id: &str,
) -> CommandAnswer {
    let shown_status = status(command.status());
    let first = |status| command.first(status).map(timestamp);
    CommandAnswer {
        command_id: command.id.to_string(),
        app_id: app_id.to_owned(),
        device_id: command.device.to_string(),
        command: asked,
        callback_url,
        expire_time: expire_time_s(command.kind),
        status: shown_status,
        result: result(command, shown_status),
        creation_time: timestamp(command.created),
        execute_time: executed(command).map(timestamp),
        platform_issued_time: first(Status::Sent),
        delivered_time: first(Status::Delivered),
        issued_times: u32::from(command.issued),
        max_retransmit: command.retransmit_max,
    }
}

fn expire_time_s(kind: Kind) -> u32 {
    match kind {
        Kind::Queued { expire_after } => u32::try_from(expire_after.as_secs()).unwrap_or(u32::MAX),
        Kind::Immediate | Kind::Direct { .. } => 0,
    }
}

/// From DELIVERED on (R1.7); what never reached the device has none.
fn result(command: &Command, shown: CommandStatus) -> Option<CommandResult> {
    match shown {
        CommandStatus::Delivered | CommandStatus::Successful | CommandStatus::Failed => {
            Some(CommandResult {
                result_code: shown,
                result_detail: command.answer.as_ref().and_then(detail),
            })
        }
        CommandStatus::Pending
        | CommandStatus::Sent
        | CommandStatus::Timeout
        | CommandStatus::Expired
        | CommandStatus::Canceled => None,
    }
}

/// The body of an answer, an object or nothing (tolerance 10).
fn detail(answer: &Answer) -> Option<profile::Map> {
    answer
        .detail
        .as_ref()
        .and_then(|bytes| serde_json::from_slice(bytes).ok())
}

/// When the device's result came.
fn executed(command: &Command) -> Option<Moment> {
    let is_result = |cause| {
        matches!(
            cause,
            Cause::Answered | Cause::AnsweredOffProfile | Cause::Undecodable
        )
    };
    command
        .history
        .iter()
        .find(|entry| is_result(entry.cause))
        .map(|entry| entry.at)
}

fn row(command: &Command, error: &serde_json::Error) -> Error {
    Error::Row(format!("the body of command {}: {error}", command.id))
}
