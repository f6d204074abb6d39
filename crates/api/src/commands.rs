//! Commands: creation, list and cancellation [5.1 to 5.4].

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::fields::{Fields, json_object};
use crate::limits::{COMMAND_NAME, ID, INTEGER, RETRANSMIT_MAX};
use crate::query::{Page, Query, QueryWriter, TimeRange};
use crate::{Invalid, Timestamp};

/// Seconds a command waits for its device when the request names none: 48 h [5.2].
pub const EXPIRE_TIME_DEFAULT_SECONDS: u32 = 172_800;
/// Repeats of an unacknowledged command when the request names none (R1.5).
pub const MAX_RETRANSMIT_DEFAULT: u8 = 3;

/// What a device is to do [5.1].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Command {
    /// The service, 1 to 64 characters.
    pub service_id: String,
    /// The command's name, 1 to 128 characters.
    pub method: String,
    /// Parameter name to value; empty when the request has none (§15.15).
    #[serde(default)]
    pub paras: Map<String, Value>,
}

impl Command {
    fn read(fields: &Fields<'_>) -> Result<Self, Invalid> {
        let command = Fields::at("command.", fields.required_object("command")?);
        Ok(Self {
            service_id: command.required_text("serviceId", ID)?,
            method: command.required_text("method", COMMAND_NAME)?,
            paras: command.object("paras")?.cloned().unwrap_or_default(),
        })
    }
}

/// Creation of a command [5.2].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PostCommandRequest {
    /// The device, 1 to 64 characters.
    pub device_id: String,
    /// What it is to do.
    pub command: Command,
    /// Where changes of status are told: an http or https address, up to 1024 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// Seconds to wait for the device; 0 = immediate, absent = 172800 (48 h).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("default" = EXPIRE_TIME_DEFAULT_SECONDS)))]
    pub expire_time: Option<u32>,
    /// Repeats without an acknowledgement, 0 to 3; absent = 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("default" = MAX_RETRANSMIT_DEFAULT)))]
    pub max_retransmit: Option<u8>,
}

impl PostCommandRequest {
    /// Reads the JSON body.
    pub fn from_json(body: &[u8]) -> Result<Self, Invalid> {
        Self::read(&json_object(body)?, |fields| {
            fields.required_text("deviceId", ID)
        })
    }

    /// Reads the members; `device_id` says which device is meant.
    pub(crate) fn read(
        map: &Map<String, Value>,
        device_id: impl FnOnce(&Fields<'_>) -> Result<String, Invalid>,
    ) -> Result<Self, Invalid> {
        let fields = Fields::of(map);
        Ok(Self {
            device_id: device_id(&fields)?,
            command: Command::read(&fields)?,
            callback_url: fields.callback_url("callbackUrl")?,
            expire_time: fields.integer("expireTime", INTEGER, "seconds")?,
            max_retransmit: fields.integer("maxRetransmit", 0..=RETRANSMIT_MAX, "")?,
        })
    }
}

/// Where a command stands, in the contract's words [6.1].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum CommandStatus {
    /// Kept, not sent; `DEFAULT` is its older name.
    #[serde(alias = "DEFAULT")]
    Pending,
    /// Its end of waiting came before it was sent.
    Expired,
    /// The device reported success; `SUCCESS` in older callbacks.
    #[serde(alias = "SUCCESS")]
    Successful,
    /// The device reported an error, or its answer could not be read; `FAIL` in older callbacks.
    #[serde(alias = "FAIL")]
    Failed,
    /// No acknowledgement came.
    Timeout,
    /// Revoked before it was sent.
    Canceled,
    /// The device acknowledged it.
    Delivered,
    /// Handed to the link.
    Sent,
}

impl CommandStatus {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Expired => "EXPIRED",
            Self::Successful => "SUCCESSFUL",
            Self::Failed => "FAILED",
            Self::Timeout => "TIMEOUT",
            Self::Canceled => "CANCELED",
            Self::Delivered => "DELIVERED",
            Self::Sent => "SENT",
        }
    }
}

/// `result` of a command, from DELIVERED on (R1.7): an object, never text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CommandResult {
    /// The status once more.
    pub result_code: CommandStatus,
    /// What the device answered; null when it did not or said nothing.
    #[serde(default)]
    pub result_detail: Option<Map<String, Value>>,
}

/// A command as answers show it [5.1]. Integers are never null; other members that are unset are left out (§15.25).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CommandAnswer {
    /// 32 hexadecimal digits.
    #[cfg_attr(feature = "openapi", schemars(regex(pattern = r"^[0-9a-f]{32}$")))]
    pub command_id: String,
    /// The device's application (R1.13).
    pub app_id: String,
    /// The device.
    pub device_id: String,
    /// What it is to do.
    pub command: Command,
    /// Where changes of status are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// Seconds it waits for the device.
    #[serde(default = "default_expire_time")]
    #[cfg_attr(feature = "openapi", schemars(extend("x-unit" = "seconds")))]
    pub expire_time: u32,
    /// Where it stands.
    pub status: CommandStatus,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<CommandResult>,
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
    #[serde(default)]
    pub issued_times: u32,
    /// Repeats without an acknowledgement; the platform of 2019 left it out.
    #[serde(default = "default_max_retransmit")]
    #[cfg_attr(feature = "openapi", schemars(range(max = RETRANSMIT_MAX)))]
    pub max_retransmit: u8,
}

fn default_expire_time() -> u32 {
    EXPIRE_TIME_DEFAULT_SECONDS
}

fn default_max_retransmit() -> u8 {
    MAX_RETRANSMIT_DEFAULT
}

/// Which commands are listed [5.3].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandsQuery {
    /// Which page.
    pub page: Page,
    /// One device only, 1 to 64 characters.
    pub device_id: Option<String>,
    /// By moment of creation.
    pub created: TimeRange,
    /// The owner application; unset means the caller.
    pub app_id: Option<String>,
}

impl CommandsQuery {
    /// Reads the query.
    pub fn read(query: &Query) -> Result<Self, Invalid> {
        Ok(Self {
            page: Page::read(query)?,
            device_id: query.text("deviceId", ID)?,
            created: TimeRange::read(query)?,
            app_id: query.app_id()?,
        })
    }

    /// Writes the query, without its question mark.
    pub fn to_query(&self) -> String {
        QueryWriter::default()
            .pair("pageNo", Some(self.page.number))
            .pair("pageSize", Some(self.page.size))
            .pair("deviceId", self.device_id.as_ref())
            .pair("startTime", self.created.start)
            .pair("endTime", self.created.end)
            .pair("appId", self.app_id.as_ref())
            .finish()
    }
}

/// Which part of a list an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    /// Counts from 0.
    pub page_no: u64,
    /// Items per page.
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::limits::COMMANDS_PAGE_MAX)))]
    pub page_size: u64,
    /// Items of the whole list.
    pub total_size: u64,
}

impl Pagination {
    /// The pagination of the answer to a query for `page`.
    pub fn of(page: Page, total_size: u64) -> Self {
        Self {
            page_no: page.number.into(),
            page_size: page.size.into(),
            total_size,
        }
    }
}

/// A page of commands [5.3].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct CommandsAnswer {
    /// Which page, of how many.
    pub pagination: Pagination,
    /// The newest first (§16.5).
    pub data: Vec<CommandAnswer>,
}

/// Cancellation of a command [5.4]: CANCELED is the only status a client may ask for, so a value of this type says all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CancelCommandRequest;

impl CancelCommandRequest {
    /// Reads the JSON body; any other status is an error (§16.4).
    pub fn from_json(body: &[u8]) -> Result<Self, Invalid> {
        let map = json_object(body)?;
        let fields = Fields::of(&map);
        let reason = "must be CANCELED; no other change is possible";
        fields.required_word("status", &[CommandStatus::Canceled.as_str()], reason)?;
        Ok(Self)
    }
}

impl Serialize for CancelCommandRequest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([("status", CommandStatus::Canceled)])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reason(body: &Value) -> String {
        PostCommandRequest::from_json(body.to_string().as_bytes())
            .unwrap_err()
            .to_string()
    }

    fn with(member: &str, value: Value) -> Value {
        let mut body = json!({"deviceId": "d", "command": {"serviceId": "s", "method": "m"}});
        body[member] = value;
        body
    }

    #[test]
    fn a_command_of_a_field_client_with_strings_nulls_and_odd_keys_is_read() {
        let body = r#"{"deviceId":"d","requestId":"r","callbackURL":"https://h:1/p","expireTime":"0","maxRetransmit":"3",
            "command":{"serviceId":"s","method":"m","hasMore":0,"paras":null}}"#;
        let request = PostCommandRequest::from_json(body.as_bytes()).unwrap();
        let expected = PostCommandRequest {
            device_id: "d".to_owned(),
            command: Command {
                service_id: "s".to_owned(),
                method: "m".to_owned(),
                paras: Map::new(),
            },
            callback_url: Some("https://h:1/p".to_owned()),
            expire_time: Some(0),
            max_retransmit: Some(3),
        };
        assert_eq!(request, expected);
        let written = serde_json::to_string(&request).unwrap();
        assert_eq!(
            written,
            r#"{"deviceId":"d","command":{"serviceId":"s","method":"m","paras":{}},"callbackUrl":"https://h:1/p","expireTime":0,"maxRetransmit":3}"#
        );
        assert_eq!(
            PostCommandRequest::from_json(written.as_bytes()).unwrap(),
            expected
        );
    }

    #[test]
    fn every_bound_of_a_command_holds_and_is_told() {
        let id = "a".repeat(65);
        for (body, text) in [
            (with("deviceId", Value::Null), "`deviceId` is required"),
            (
                with("deviceId", json!(id)),
                "`deviceId` must have 1 to 64 characters",
            ),
            (with("deviceId", json!(7)), "`deviceId` must be a string"),
            (with("command", Value::Null), "`command` is required"),
            (with("command", json!("x")), "`command` must be an object"),
            (
                with("command", json!({"method": "m"})),
                "`command.serviceId` is required",
            ),
            (
                with("command", json!({"serviceId": id, "method": "m"})),
                "`command.serviceId` must have 1 to 64 characters",
            ),
            (
                with("command", json!({"serviceId": "s"})),
                "`command.method` is required",
            ),
            (
                with(
                    "command",
                    json!({"serviceId": "s", "method": "m".repeat(129)}),
                ),
                "`command.method` must have 1 to 128 characters",
            ),
            (
                with(
                    "command",
                    json!({"serviceId": "s", "method": "m", "paras": "{}"}),
                ),
                "`command.paras` must be an object",
            ),
            (
                with("expireTime", json!(-1)),
                "`expireTime` must be an integer from 0 to 2147483647 seconds",
            ),
            (
                with("expireTime", json!(2_147_483_648_u64)),
                "`expireTime` must be an integer from 0 to 2147483647 seconds",
            ),
            (
                with("expireTime", json!("")),
                "`expireTime` must be an integer from 0 to 2147483647 seconds",
            ),
            (
                with("maxRetransmit", json!(4)),
                "`maxRetransmit` must be an integer from 0 to 3",
            ),
            (
                with("callbackUrl", json!("nowhere")),
                "`callbackUrl` must be an address such as https://host:port/path",
            ),
            (
                with("callbackUrl", json!(5)),
                "`callbackUrl` must be a string",
            ),
        ] {
            assert_eq!(reason(&body), text);
        }
    }

    #[test]
    fn a_command_at_its_bounds_is_taken() {
        let longest = with(
            "command",
            json!({"serviceId": "s".repeat(64), "method": "m".repeat(128)}),
        );
        assert!(PostCommandRequest::from_json(longest.to_string().as_bytes()).is_ok());
        let latest = with("expireTime", json!(2_147_483_647));
        assert!(PostCommandRequest::from_json(latest.to_string().as_bytes()).is_ok());
    }

    #[test]
    fn only_canceled_can_be_asked_for_in_any_case() {
        for body in [
            r#"{"status":"CANCELED"}"#,
            r#"{"status":"canceled","x":null}"#,
        ] {
            assert_eq!(
                CancelCommandRequest::from_json(body.as_bytes()).unwrap(),
                CancelCommandRequest
            );
        }
        for (body, text) in [
            (
                r#"{"status":"PENDING"}"#,
                "`status` must be CANCELED; no other change is possible",
            ),
            (
                r#"{"status":"CANCELLED"}"#,
                "`status` must be CANCELED; no other change is possible",
            ),
            (r"{}", "`status` is required"),
            (r#"{"status":1}"#, "`status` must be a string"),
        ] {
            assert_eq!(
                CancelCommandRequest::from_json(body.as_bytes())
                    .unwrap_err()
                    .to_string(),
                text
            );
        }
        assert_eq!(
            serde_json::to_string(&CancelCommandRequest).unwrap(),
            r#"{"status":"CANCELED"}"#
        );
    }

    fn answer() -> CommandAnswer {
        CommandAnswer {
            command_id: "c".to_owned(),
            app_id: "a".to_owned(),
            device_id: "d".to_owned(),
            command: Command {
                service_id: "s".to_owned(),
                method: "m".to_owned(),
                paras: Map::new(),
            },
            callback_url: None,
            expire_time: 0,
            status: CommandStatus::Pending,
            result: None,
            creation_time: Timestamp::from_unix_millis(0),
            execute_time: None,
            platform_issued_time: None,
            delivered_time: None,
            issued_times: 0,
            max_retransmit: 3,
        }
    }

    #[test]
    fn unset_members_of_a_command_are_left_out_and_integers_never() {
        assert_eq!(
            serde_json::to_string(&answer()).unwrap(),
            r#"{"commandId":"c","appId":"a","deviceId":"d","command":{"serviceId":"s","method":"m","paras":{}},"expireTime":0,"status":"PENDING","creationTime":"19700101T000000Z","issuedTimes":0,"maxRetransmit":3}"#
        );
    }

    #[test]
    fn r1_7_the_result_is_an_object_with_the_status_and_the_detail() {
        let moment = Some(Timestamp::from_unix_millis(1000));
        let whole = CommandAnswer {
            callback_url: Some("https://h/".to_owned()),
            status: CommandStatus::Delivered,
            result: Some(CommandResult {
                result_code: CommandStatus::Delivered,
                result_detail: None,
            }),
            execute_time: moment,
            platform_issued_time: moment,
            delivered_time: moment,
            issued_times: 1,
            ..answer()
        };
        let text = serde_json::to_string(&whole).unwrap();
        assert_eq!(
            text,
            r#"{"commandId":"c","appId":"a","deviceId":"d","command":{"serviceId":"s","method":"m","paras":{}},"callbackUrl":"https://h/","expireTime":0,"status":"DELIVERED","result":{"resultCode":"DELIVERED","resultDetail":null},"creationTime":"19700101T000000Z","executeTime":"19700101T000001Z","platformIssuedTime":"19700101T000001Z","deliveredTime":"19700101T000001Z","issuedTimes":1,"maxRetransmit":3}"#
        );
        assert_eq!(serde_json::from_str::<CommandAnswer>(&text).unwrap(), whole);
    }

    #[test]
    fn an_answer_of_the_old_platform_is_read() {
        let text = r#"{"commandId":"c518","appId":"a","deviceId":"d","command":{"serviceId":"s","method":"m","paras":{"v":"12"}},
            "expireTime":172800,"status":"DEFAULT","creationTime":"20190730T135810Z","issuedTimes":0,"callbackUrl":null}"#;
        let answer: CommandAnswer = serde_json::from_str(text).unwrap();
        assert_eq!(answer.status, CommandStatus::Pending);
        assert_eq!(answer.max_retransmit, 3);
        assert_eq!(answer.callback_url, None);
    }

    #[test]
    fn every_status_word_reads_back() {
        use CommandStatus::{
            Canceled, Delivered, Expired, Failed, Pending, Sent, Successful, Timeout,
        };
        for status in [
            Pending, Expired, Successful, Failed, Timeout, Canceled, Delivered, Sent,
        ] {
            let word = serde_json::to_string(&status).unwrap();
            assert_eq!(word, format!("\"{}\"", status.as_str()));
            assert_eq!(
                serde_json::from_str::<CommandStatus>(&word).unwrap(),
                status
            );
        }
    }

    #[test]
    fn the_command_query_reads_back_as_written() {
        let read = |raw: &str| CommandsQuery::read(&Query::parse(raw));
        assert_eq!(read("").unwrap(), CommandsQuery::default());
        let query = CommandsQuery {
            page: Page {
                number: 2,
                size: 10,
            },
            device_id: Some("d/1".to_owned()),
            created: TimeRange {
                start: Timestamp::parse("20190101T000000Z"),
                end: None,
            },
            app_id: Some("a".to_owned()),
        };
        assert_eq!(
            query.to_query(),
            "pageNo=2&pageSize=10&deviceId=d%2F1&startTime=20190101T000000Z&appId=a"
        );
        assert_eq!(read(&query.to_query()).unwrap(), query);
        let long = format!("deviceId={}", "d".repeat(65));
        assert_eq!(
            read(&long).unwrap_err().to_string(),
            "`deviceId` must have 1 to 64 characters"
        );
    }

    #[test]
    fn a_page_shows_its_place_before_its_items() {
        let page = CommandsAnswer {
            pagination: Pagination::of(Page::default(), 0),
            data: vec![],
        };
        let text = r#"{"pagination":{"pageNo":0,"pageSize":1000,"totalSize":0},"data":[]}"#;
        assert_eq!(serde_json::to_string(&page).unwrap(), text);
        assert_eq!(serde_json::from_str::<CommandsAnswer>(text).unwrap(), page);
    }
}
