//! What the platform tells applications: the bodies of callbacks [6.4], [8].
//!
//! All of them are compact JSON, sent as `application/json`: receivers look for `"notifyType":"commandRsp"` without blanks (tolerance 13).
//! Members that are not set are explicit nulls, unlike in answers. The status callback has no `notifyType`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Timestamp;
use crate::commands::CommandStatus;

/// The `Content-Type` of every callback, exactly.
pub const CONTENT_TYPE: &str = "application/json";
/// The `notifyType` of [`MessageConfirm`].
pub const MESSAGE_CONFIRM: &str = "messageConfirm";
/// The `notifyType` of [`CommandRsp`].
pub const COMMAND_RSP: &str = "commandRsp";

/// The words for `resultCode` (contract §15.13).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultCodes {
    /// The statuses of [6.1].
    #[default]
    Statuses,
    /// `SUCCESS` and `FAIL` instead of `SUCCESSFUL` and `FAILED`, as the vendor's older pages have it.
    Legacy,
}

impl ResultCodes {
    /// The word for `status`.
    pub const fn word(self, status: CommandStatus) -> &'static str {
        match (self, status) {
            (Self::Legacy, CommandStatus::Successful) => "SUCCESS",
            (Self::Legacy, CommandStatus::Failed) => "FAIL",
            (Self::Statuses | Self::Legacy, status) => status.as_str(),
        }
    }
}

/// A change of a queued or immediate command, told to its `callbackUrl` [6.4].
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StatusCallback {
    /// The device.
    pub device_id: String,
    /// The command.
    pub command_id: String,
    /// Where it stands.
    pub result: CallbackResult,
}

/// `result` of a status callback.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CallbackResult {
    /// The status; the older words are read too.
    #[cfg_attr(
        feature = "openapi",
        schemars(extend("x-legacy-words" = {"SUCCESS": "SUCCESSFUL", "FAIL": "FAILED"}))
    )]
    pub result_code: CommandStatus,
    /// What the device answered: an object, or null.
    #[serde(default)]
    pub result_detail: Option<Map<String, Value>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusCallbackWire<'a> {
    device_id: &'a str,
    command_id: &'a str,
    result: ResultWire<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultWire<'a> {
    result_code: &'static str,
    result_detail: Option<&'a Map<String, Value>>,
}

impl StatusCallback {
    /// The body as it is sent.
    pub fn to_json(&self, codes: ResultCodes) -> Vec<u8> {
        let wire = StatusCallbackWire {
            device_id: &self.device_id,
            command_id: &self.command_id,
            result: ResultWire {
                result_code: codes.word(self.result.result_code),
                result_detail: self.result.result_detail.as_ref(),
            },
        };
        serde_json::to_vec(&wire).expect("text and JSON are always JSON")
    }
}

/// The device acknowledged a direct call (`messageConfirm` [8], R4.4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MessageConfirm {
    /// Always `messageConfirm`.
    #[cfg_attr(feature = "openapi", schemars(extend("const" = MESSAGE_CONFIRM)))]
    pub notify_type: String,
    /// Who confirms what to whom.
    pub header: ConfirmHeader,
    /// An empty object.
    #[serde(default)]
    pub body: Option<Map<String, Value>>,
}

/// `header` of a [`MessageConfirm`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ConfirmHeader {
    /// The caller's, or the one that the call's answer told.
    #[serde(default)]
    pub request_id: Option<String>,
    /// `/devices/{deviceId}/services/{serviceId}`.
    #[serde(default)]
    pub from: Option<String>,
    /// The `from` of the request.
    #[serde(default)]
    pub to: Option<String>,
    /// `delivered`.
    pub status: String,
    /// When the device acknowledged it.
    pub timestamp: Option<Timestamp>,
}

impl MessageConfirm {
    /// The confirmation that a call was delivered.
    pub fn delivered(
        call: CalledBack,
        device_id: &str,
        service_id: &str,
        timestamp: Timestamp,
    ) -> Self {
        Self {
            notify_type: MESSAGE_CONFIRM.to_owned(),
            header: ConfirmHeader {
                request_id: Some(call.request_id),
                from: Some(from(device_id, service_id)),
                to: call.from,
                status: "delivered".to_owned(),
                timestamp: Some(timestamp),
            },
            body: Some(Map::new()),
        }
    }

    /// The body as it is sent.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("text and JSON are always JSON")
    }
}

/// The device answered a direct call (`commandRsp` [8], R4.4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CommandRsp {
    /// Always `commandRsp`.
    #[cfg_attr(feature = "openapi", schemars(extend("const" = COMMAND_RSP)))]
    pub notify_type: String,
    /// Who answers what to whom.
    pub header: RspHeader,
    /// What the device answered; null when that could not be read.
    #[serde(default)]
    pub body: Option<Map<String, Value>>,
}

/// `header` of a [`CommandRsp`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RspHeader {
    /// The caller's, or the one that the call's answer told.
    #[serde(default)]
    pub request_id: Option<String>,
    /// `/devices/{deviceId}/services/{serviceId}`.
    #[serde(default)]
    pub from: Option<String>,
    /// The `from` of the request.
    #[serde(default)]
    pub to: Option<String>,
    /// The device.
    #[serde(default)]
    pub device_id: Option<String>,
    /// The type of the called service.
    #[serde(default)]
    pub service_type: Option<String>,
    /// The method with `-RSP` after it, such as `INVITE-RSP`.
    #[serde(default)]
    pub method: Option<String>,
}

/// What a callback of a direct call takes from its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalledBack {
    /// The caller's request id, or the one that was allocated.
    pub request_id: String,
    /// The request's `from`, if it had one: whom the callback is for.
    pub from: Option<String>,
}

/// The service that answered, in the words of a [`CommandRsp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered<'a> {
    /// The device.
    pub device_id: &'a str,
    /// The called service.
    pub service_id: &'a str,
    /// Its type; the service id where no product model tells it.
    pub service_type: &'a str,
    /// The called method.
    pub method: &'a str,
}

impl CommandRsp {
    /// The device's answer to a call.
    pub fn of(call: CalledBack, answered: Answered<'_>, body: Option<Map<String, Value>>) -> Self {
        Self {
            notify_type: COMMAND_RSP.to_owned(),
            header: RspHeader {
                request_id: Some(call.request_id),
                from: Some(from(answered.device_id, answered.service_id)),
                to: call.from,
                device_id: Some(answered.device_id.to_owned()),
                service_type: Some(answered.service_type.to_owned()),
                method: Some(format!("{}-RSP", answered.method)),
            },
            body,
        }
    }

    /// The body as it is sent.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("text and JSON are always JSON")
    }
}

/// Any callback, as a receiver reads it.
#[derive(Clone, Debug, PartialEq)]
pub enum Callback {
    /// A change of a queued or immediate command.
    Status(StatusCallback),
    /// The acknowledgement of a direct call.
    MessageConfirm(MessageConfirm),
    /// The answer to a direct call.
    CommandRsp(CommandRsp),
}

impl Callback {
    /// Reads a body.
    ///
    /// # Errors
    /// It is no JSON, lacks a member, or is a push of a kind that is not read here.
    pub fn from_json(body: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Kind {
            #[serde(default)]
            notify_type: Option<String>,
        }
        let kind: Kind = serde_json::from_slice(body)?;
        match kind.notify_type.as_deref() {
            None => serde_json::from_slice(body).map(Self::Status),
            Some(MESSAGE_CONFIRM) => serde_json::from_slice(body).map(Self::MessageConfirm),
            Some(COMMAND_RSP) => serde_json::from_slice(body).map(Self::CommandRsp),
            Some(other) => Err(serde::de::Error::custom(format!(
                "unknown notifyType `{other}`"
            ))),
        }
    }
}

fn from(device_id: &str, service_id: &str) -> String {
    format!("/devices/{device_id}/services/{service_id}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(code: CommandStatus, detail: Option<Value>) -> StatusCallback {
        let result_detail = detail.and_then(|value| value.as_object().cloned());
        StatusCallback {
            device_id: "92d3".to_owned(),
            command_id: "108a".to_owned(),
            result: CallbackResult {
                result_code: code,
                result_detail,
            },
        }
    }

    #[test]
    fn a_status_is_told_in_compact_json_with_an_explicit_null() {
        let sent = status(CommandStatus::Sent, None);
        let text = r#"{"deviceId":"92d3","commandId":"108a","result":{"resultCode":"SENT","resultDetail":null}}"#;
        assert_eq!(sent.to_json(ResultCodes::Statuses), text.as_bytes());
        let done = status(CommandStatus::Successful, Some(json!({"light_state": 1})));
        let text = r#"{"deviceId":"92d3","commandId":"108a","result":{"resultCode":"SUCCESSFUL","resultDetail":{"light_state":1}}}"#;
        assert_eq!(done.to_json(ResultCodes::Statuses), text.as_bytes());
        assert_eq!(
            Callback::from_json(text.as_bytes()).unwrap(),
            Callback::Status(done)
        );
    }

    #[test]
    fn the_older_words_stand_for_success_and_failure_alone() {
        for (code, word) in [
            (CommandStatus::Successful, "SUCCESS"),
            (CommandStatus::Failed, "FAIL"),
            (CommandStatus::Sent, "SENT"),
            (CommandStatus::Delivered, "DELIVERED"),
            (CommandStatus::Timeout, "TIMEOUT"),
            (CommandStatus::Expired, "EXPIRED"),
            (CommandStatus::Canceled, "CANCELED"),
        ] {
            let body = status(code, None).to_json(ResultCodes::Legacy);
            let text = std::str::from_utf8(&body).unwrap();
            assert!(
                text.contains(&format!(r#""resultCode":"{word}""#)),
                "{text}"
            );
            let Ok(Callback::Status(read)) = Callback::from_json(&body) else {
                panic!("{text}")
            };
            assert_eq!(read.result.result_code, code);
        }
    }

    #[test]
    fn r4_4_pushes_of_direct_calls_have_the_documented_members_in_order() {
        let call = || CalledBack {
            request_id: "r_0001".to_owned(),
            from: None,
        };
        let confirm =
            MessageConfirm::delivered(call(), "d", "Brightness", Timestamp::from_unix_millis(0));
        let text = r#"{"notifyType":"messageConfirm","header":{"requestId":"r_0001","from":"/devices/d/services/Brightness","to":null,"status":"delivered","timestamp":"19700101T000000Z"},"body":{}}"#;
        assert_eq!(confirm.to_json(), text.as_bytes());
        assert_eq!(
            Callback::from_json(text.as_bytes()).unwrap(),
            Callback::MessageConfirm(confirm)
        );
        let answered = Answered {
            device_id: "d",
            service_id: "Brightness",
            service_type: "Light",
            method: "SET",
        };
        let call = CalledBack {
            from: Some("/users/u".to_owned()),
            ..call()
        };
        let body = json!({"result": 0}).as_object().cloned();
        let rsp = CommandRsp::of(call, answered, body);
        let text = r#"{"notifyType":"commandRsp","header":{"requestId":"r_0001","from":"/devices/d/services/Brightness","to":"/users/u","deviceId":"d","serviceType":"Light","method":"SET-RSP"},"body":{"result":0}}"#;
        assert_eq!(rsp.to_json(), text.as_bytes());
        assert_eq!(
            Callback::from_json(text.as_bytes()).unwrap(),
            Callback::CommandRsp(rsp)
        );
    }

    #[test]
    fn what_is_no_callback_is_refused() {
        for body in ["", "[]", "{}", r#"{"notifyType":"deviceAdded"}"#, "\u{ff}"] {
            assert!(Callback::from_json(body.as_bytes()).is_err(), "{body}");
        }
    }
}
