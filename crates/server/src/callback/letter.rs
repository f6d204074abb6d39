//! What a command has to tell: which entries of its history cause a message, and the message's body.

use super::address::{BadAddress, Target};
use crate::body::{Body, Direct};
use crate::north::wire;
use crate::registry::Model;
use api::Timestamp;
use api::callbacks::{
    Answered, CallbackResult, CalledBack, CommandRsp, MessageConfirm, ResultCodes, StatusCallback,
};
use delivery::{AppKey, Cause, Command, CommandId, DeviceId, Entry, Status, Who};
use profile::Map;
use std::sync::Arc;

/// What is told of, beyond what the rulings say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wording {
    /// Whether a cancellation is told.
    pub canceled: bool,
    /// The words for `resultCode`.
    pub codes: ResultCodes,
}

/// What every message of one command has in common.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) id: CommandId,
    pub(super) device: DeviceId,
    /// Who is told: the creator, or the device's application if no application created it.
    pub(super) app: AppKey,
    pub(super) target: Result<Target, BadAddress>,
    call: Option<Call>,
}

/// What messages of a direct call say beyond that.
#[derive(Debug)]
struct Call {
    direct: Direct,
    service_id: String,
    method: String,
    model_version: Option<u64>,
}

/// An entry that causes a message.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Its place in the history.
    pub(super) place: u32,
    pub(super) entry: Entry,
    /// The device's answer, where the entry tells of it.
    pub(super) answer: Option<Arc<[u8]>>,
}

impl Letter {
    /// Reads what a command's messages need.
    pub(super) fn of(command: &Command) -> Self {
        let creator = command.history.first().map(|entry| entry.who);
        let app = match creator {
            Some(Who::Application(app)) => app,
            Some(Who::Platform | Who::Device | Who::Operator) | None => command.app,
        };
        let body = Body::read(&command.body).ok();
        let address = body.as_ref().and_then(|body| body.callback_url.as_deref());
        let target = address.map_or(Err(BadAddress::Unreadable), Target::read);
        let call = body.and_then(|body| {
            Some(Call {
                direct: body.direct?,
                service_id: body.service_id,
                method: body.method,
                model_version: body.model_version,
            })
        });
        Self {
            id: command.id,
            device: command.device,
            app,
            target,
            call,
        }
    }

    /// The line that an owed entry causes, if it causes one: see the table in the module's text.
    pub(super) fn line(
        &self,
        command: &Command,
        (place, entry): (usize, &Entry),
        wording: Wording,
    ) -> Option<Line> {
        let is_answer = matches!(
            entry.cause,
            Cause::Answered | Cause::AnsweredOffProfile | Cause::Undecodable
        );
        let told = match (&self.call, entry.status) {
            (Some(call), Status::Delivered) => call.direct.ack,
            (Some(_), Status::Succeeded | Status::Failed) => is_answer,
            (
                Some(_),
                Status::Queued
                | Status::Sent
                | Status::Cancelled
                | Status::Expired
                | Status::TimedOut,
            ) => false,
            (None, Status::Cancelled) => wording.canceled,
            (
                None,
                Status::Queued
                | Status::Sent
                | Status::Delivered
                | Status::Succeeded
                | Status::Failed
                | Status::Expired
                | Status::TimedOut,
            ) => true,
        };
        let answer = command.answer.as_ref().filter(|_| is_answer);
        told.then(|| Line {
            place: u32::try_from(place).unwrap_or(u32::MAX),
            entry: *entry,
            answer: answer.and_then(|answer| answer.detail.clone()),
        })
    }

    /// The `webhook-id` of a line, the same for every attempt (R5.4).
    pub(super) fn message_id(&self, place: u32) -> String {
        format!("{}.{place}", self.id)
    }

    /// The product model that the line's body needs: it names the type of a direct call's service.
    pub(super) fn model_needed(&self, line: &Line) -> Option<u64> {
        let call = self.call.as_ref()?;
        call.model_version
            .filter(|_| line.entry.status != Status::Delivered)
    }

    /// The body that tells of a line.
    pub(super) fn body(&self, line: &Line, model: Option<&Model>, codes: ResultCodes) -> Vec<u8> {
        let device_id = self.device.to_string();
        let detail: Option<Map> = line
            .answer
            .as_deref()
            .and_then(|detail| serde_json::from_slice(detail).ok());
        let Some(call) = &self.call else {
            let callback = StatusCallback {
                device_id,
                command_id: self.id.to_string(),
                result: CallbackResult {
                    result_code: wire::status(line.entry.status),
                    result_detail: detail,
                },
            };
            return callback.to_json(codes);
        };
        let called = CalledBack {
            request_id: call.direct.request_id.clone(),
            from: call.direct.from.clone(),
        };
        if line.entry.status == Status::Delivered {
            let at = Timestamp::from_unix_millis_u64(line.entry.at.as_millis());
            return MessageConfirm::delivered(called, &device_id, &call.service_id, at).to_json();
        }
        let service = model.and_then(|model| model.profile.service(&call.service_id));
        let answered = Answered {
            device_id: &device_id,
            service_id: &call.service_id,
            service_type: service.map_or(&call.service_id, |service| service.service_type()),
            method: &call.method,
        };
        let is_readable = line.entry.cause != Cause::Undecodable;
        let body = detail.or_else(|| is_readable.then(Map::new));
        CommandRsp::of(called, answered, body).to_json()
    }
}
