//! The command API of 2017 [5.8]: the same commands, in a shape of its own.
//!
//! The device stands in the path or in the query, the state in `result.resultCode`, lists have `totalCount` and `list`. What the
//! sources do not show is as in the API of today.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::commands::{Command, CommandAnswer, CommandStatus, PostCommandRequest};
use crate::fields::{Fields, json_object};
use crate::limits::ID;
use crate::query::{Page, Query, QueryWriter};
use crate::{Invalid, Timestamp};

impl PostCommandRequest {
    /// Reads the JSON body of 2017; the device stands in the path. One in the body counts for nothing.
    pub fn from_old_json(body: &[u8], device_id: &str) -> Result<Self, Invalid> {
        Self::read(&json_object(body)?, |_| Ok(device_id.to_owned()))
    }

    /// Writes the JSON body of 2017, without the device.
    ///
    /// # Panics
    /// Never: its keys are texts.
    pub fn to_old_json(&self) -> Vec<u8> {
        let body = OldPostBody {
            command: &self.command,
            callback_url: self.callback_url.as_deref(),
            expire_time: self.expire_time,
            max_retransmit: self.max_retransmit,
        };
        serde_json::to_vec(&body).expect("texts and numbers")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OldPostBody<'a> {
    command: &'a Command,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expire_time: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_retransmit: Option<u8>,
}

/// Which commands are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OldCommandsQuery {
    /// The device, 1 to 64 characters; unset means all of the application.
    pub device_id: Option<String>,
    /// Which page, as in the list of today.
    pub page: Page,
    /// The owner application; unset means the caller.
    pub app_id: Option<String>,
}

impl OldCommandsQuery {
    /// Reads the query.
    pub fn read(query: &Query) -> Result<Self, Invalid> {
        Ok(Self {
            device_id: query.text("deviceId", ID)?,
            page: Page::read(query)?,
            app_id: query.app_id()?,
        })
    }

    /// Writes the query, without its question mark.
    pub fn to_query(&self) -> String {
        QueryWriter::default()
            .pair("deviceId", self.device_id.as_ref())
            .pair("pageNo", Some(self.page.number))
            .pair("pageSize", Some(self.page.size))
            .pair("appId", self.app_id.as_ref())
            .finish()
    }
}

/// Cancellation of every pending command of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OldCancelRequest {
    /// The device, 1 to 64 characters.
    pub device_id: String,
}

impl OldCancelRequest {
    /// Reads the JSON body.
    pub fn from_json(body: &[u8]) -> Result<Self, Invalid> {
        let map = json_object(body)?;
        let device_id = Fields::of(&map).required_text("deviceId", ID)?;
        Ok(Self { device_id })
    }
}

/// A command as it was shown in 2017: without `status`, but always with a result that says it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OldCommandAnswer {
    /// 32 hexadecimal digits.
    #[cfg_attr(feature = "openapi", schemars(regex(pattern = r"^[0-9a-f]{32}$")))]
    pub command_id: String,
    /// The device's application.
    pub app_id: String,
    /// The device.
    pub device_id: String,
    /// What it is to do.
    pub command: Command,
    /// Where changes of status are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// Seconds it waits for the device.
    #[cfg_attr(feature = "openapi", schemars(extend("x-unit" = "seconds")))]
    pub expire_time: u32,
    /// Where it stands, and what came of it.
    pub result: OldCommandResult,
    /// When it was accepted.
    pub creation_time: Timestamp,
    /// When the result came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execute_time: Option<Timestamp>,
    /// When it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_issued_time: Option<Timestamp>,
    /// When the acknowledgement came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_time: Option<Timestamp>,
    /// How often it was sent.
    pub issued_times: u32,
}

/// `result` of a command of 2017.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OldCommandResult {
    /// Where the command stands, in the words of today.
    pub result_code: CommandStatus,
    /// What the device answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_detail: Option<Map<String, Value>>,
}

impl From<CommandAnswer> for OldCommandAnswer {
    fn from(command: CommandAnswer) -> Self {
        Self {
            command_id: command.command_id,
            app_id: command.app_id,
            device_id: command.device_id,
            command: command.command,
            callback_url: command.callback_url,
            expire_time: command.expire_time,
            result: OldCommandResult {
                result_code: command.status,
                result_detail: command.result.and_then(|result| result.result_detail),
            },
            creation_time: command.creation_time,
            execute_time: command.execute_time,
            platform_issued_time: command.platform_issued_time,
            delivered_time: command.delivered_time,
            issued_times: command.issued_times,
        }
    }
}

/// Commands, the newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OldCommandsAnswer {
    /// Commands of the whole list; after a cancellation, those that it met.
    pub total_count: u64,
    /// Those of this page.
    pub list: Vec<OldCommandAnswer>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_device_of_the_path_counts_and_the_rest_is_read_as_ever() {
        let body = r#"{"command":{"serviceId":"s","method":"m","paras":{},"hasMore":0},"expireTime":"7","deviceId":"other"}"#;
        let request = PostCommandRequest::from_old_json(body.as_bytes(), "d").unwrap();
        assert_eq!(
            (request.device_id.as_str(), request.expire_time),
            ("d", Some(7))
        );
        let written = request.to_old_json();
        assert!(!String::from_utf8_lossy(&written).contains("deviceId"));
        let again = PostCommandRequest::from_old_json(&written, "d").unwrap();
        assert_eq!(again, request);
        let error = PostCommandRequest::from_old_json(b"{}", "d").unwrap_err();
        assert_eq!(error.to_string(), "`command` is required");
    }

    #[test]
    fn the_state_stands_in_the_result() {
        let today = json!({"commandId": "c", "appId": "a", "deviceId": "d", "command": {"serviceId": "s", "method": "m", "paras": {}},
            "expireTime": 9, "status": "PENDING", "creationTime": "20190730T135810Z", "issuedTimes": 0, "maxRetransmit": 3});
        let today: CommandAnswer = serde_json::from_value(today).unwrap();
        let expected = json!({"commandId": "c", "appId": "a", "deviceId": "d", "command": {"serviceId": "s", "method": "m", "paras": {}},
            "expireTime": 9, "result": {"resultCode": "PENDING"}, "creationTime": "20190730T135810Z", "issuedTimes": 0});
        assert_eq!(
            serde_json::to_value(OldCommandAnswer::from(today)).unwrap(),
            expected
        );
    }

    #[test]
    fn queries_read_back_and_a_cancellation_names_its_device() {
        let query = OldCommandsQuery {
            device_id: Some("d".to_owned()),
            page: Page { number: 1, size: 5 },
            app_id: None,
        };
        assert_eq!(
            OldCommandsQuery::read(&Query::parse(&query.to_query())).unwrap(),
            query
        );
        let error = OldCancelRequest::from_json(b"{}").unwrap_err();
        assert_eq!(error.to_string(), "`deviceId` is required");
    }
}
