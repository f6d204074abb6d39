//! What the platform sends to applications by itself.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::components::Components;
use super::samples;
use crate::callbacks::{CommandRsp, MessageConfirm, ResultCodes, StatusCallback};
use crate::webhook;

/// Every callback.
pub(super) fn all(components: &mut Components) -> Value {
    let status = samples::status_callback().to_json(ResultCodes::Statuses);
    let confirm = samples::message_confirm().to_json();
    let rsp = samples::command_rsp().to_json();
    json!({
        "commandStatus": webhook(
            ("postCommandStatusCallback", "SignalDelivery", "6.4"),
            "A command's status has changed",
            "Told to the command's `callbackUrl`: every change after the first status, in order; CANCELED only with the setting `callback.canceled` \
             (R5.1). With `callback.legacy_result_code`, `SUCCESS` and `FAIL` stand for `SUCCESSFUL` and `FAILED`.",
            said::<StatusCallback>(components, status),
        ),
        "messageConfirm": webhook(
            ("postMessageConfirm", "DeviceServiceInvocation", "8"),
            "A device has acknowledged a direct call",
            "Told to the `callbackURL` of a call with mode ACK (R4.4).",
            said::<MessageConfirm>(components, confirm),
        ),
        "commandRsp": webhook(
            ("postCommandRsp", "DeviceServiceInvocation", "8"),
            "A device has answered a direct call",
            "Told to the `callbackURL` of the call (R4.4).",
            said::<CommandRsp>(components, rsp),
        )
    })
}

/// The schema of a callback's body and an example.
fn said<T: schemars::JsonSchema>(components: &mut Components, body: Vec<u8>) -> (Value, Value) {
    let text = String::from_utf8(body).expect("JSON is UTF-8");
    let raw = RawValue::from_string(text).expect("a callback is JSON");
    let example = serde_json::from_str(raw.get()).expect("a callback is JSON");
    (components.answer::<T, _>(&[raw]), example)
}

fn webhook(
    (id, class, section): (&str, &str, &str),
    summary: &str,
    description: &str,
    (schema, example): (Value, Value),
) -> Value {
    json!({"post": {
        "operationId": id,
        "x-section": section,
        "tags": [class],
        "summary": summary,
        "description": format!("{description} [{section}]"),
        "security": [],
        "parameters": [
            header(webhook::ID, "The message: the same for every attempt at it. Only for applications with a webhook secret (R5.4).", "string"),
            header(webhook::TIMESTAMP, "When this attempt was made, in seconds since 1970.", "string"),
            header(webhook::SIGNATURE, "`v1,` and the Base64 of HMAC-SHA-256 over `{id}.{timestamp}.{body}`; several are parted by blanks.", "string")
        ],
        "requestBody": {
            "required": true,
            "content": {"application/json": {"schema": schema, "examples": {"callback": {"value": example}}}}
        },
        "responses": {
            "2XX": {"description": "Taken. Any other status, no answer within 15 s, or a redirect is a failure: the callback is sent again, later \
                                    each time, for 24 h (R5.1, R5.2)."}
        }
    }})
}

fn header(name: &str, description: &str, kind: &str) -> Value {
    json!({"name": name, "in": "header", "required": false, "description": description, "schema": {"type": kind}})
}
