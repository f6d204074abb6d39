//! Cancel tasks: all pending commands of a device at once [5.5, 5.6].

use serde::{Deserialize, Serialize};

use crate::Invalid;
use crate::commands::{CommandAnswer, Pagination};
use crate::fields::{Fields, json_object};
use crate::limits::ID;
use crate::query::{Page, Query, QueryWriter, TimeRange};

/// Creation of a cancel task [5.5].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CancelTaskRequest {
    /// The device whose pending commands end, 1 to 64 characters.
    pub device_id: String,
}

impl CancelTaskRequest {
    /// Reads the JSON body.
    pub fn from_json(body: &[u8]) -> Result<Self, Invalid> {
        let map = json_object(body)?;
        Ok(Self {
            device_id: Fields::of(&map).required_text("deviceId", ID)?,
        })
    }
}

/// Where a cancel task stands [5.5].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub enum CancelTaskStatus {
    /// Not begun; the spelling is the contract's.
    #[serde(rename = "WAITTING")]
    Waiting,
    /// Begun: what its 201 says.
    #[serde(rename = "RUNNING")]
    Running,
    /// All commands are cancelled.
    #[serde(rename = "SUCCESS")]
    Success,
    /// There was nothing to cancel.
    #[serde(rename = "FAILED")]
    Failed,
    /// Some commands are cancelled.
    #[serde(rename = "PART_SUCCESS")]
    PartSuccess,
}

impl CancelTaskStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Running,
        Self::Success,
        Self::Failed,
        Self::PartSuccess,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "WAITTING",
            Self::Running => "RUNNING",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::PartSuccess => "PART_SUCCESS",
        }
    }
}

/// A cancel task as answers show it [5.5]. Its id is `taskId`: only the creation of a batch task answers `taskID`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CancelTaskAnswer {
    /// 1 to 64 characters.
    pub task_id: String,
    /// The device's application.
    pub app_id: String,
    /// The device.
    pub device_id: String,
    /// Where it stands.
    pub status: CancelTaskStatus,
    /// How many commands it found.
    pub total_count: u32,
    /// Those commands: in the 201 as they were before (R1.10), later as they are now.
    #[serde(default)]
    pub device_commands: Vec<CommandAnswer>,
}

/// Which cancel tasks are listed [5.6].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CancelTasksQuery {
    /// Which page.
    pub page: Page,
    /// One task only, 1 to 64 characters.
    pub task_id: Option<String>,
    /// One device only, 1 to 64 characters.
    pub device_id: Option<String>,
    /// One status only.
    pub status: Option<CancelTaskStatus>,
    /// By moment of creation.
    pub created: TimeRange,
    /// The owner application; unset means the caller.
    pub app_id: Option<String>,
}

impl CancelTasksQuery {
    /// Reads the query.
    pub fn read(query: &Query) -> Result<Self, Invalid> {
        let words = CancelTaskStatus::ALL.map(CancelTaskStatus::as_str);
        let reason = "must be WAITTING, RUNNING, SUCCESS, FAILED or PART_SUCCESS";
        let status = query.word("status", &words, reason)?;
        Ok(Self {
            page: Page::read(query)?,
            task_id: query.text("taskId", ID)?,
            device_id: query.text("deviceId", ID)?,
            status: status.map(|place| CancelTaskStatus::ALL[place]),
            created: TimeRange::read(query)?,
            app_id: query.app_id()?,
        })
    }

    /// Writes the query, without its question mark.
    pub fn to_query(&self) -> String {
        QueryWriter::default()
            .pair("pageNo", Some(self.page.number))
            .pair("pageSize", Some(self.page.size))
            .pair("taskId", self.task_id.as_ref())
            .pair("deviceId", self.device_id.as_ref())
            .pair("status", self.status.map(CancelTaskStatus::as_str))
            .pair("startTime", self.created.start)
            .pair("endTime", self.created.end)
            .pair("appId", self.app_id.as_ref())
            .finish()
    }
}

/// A page of cancel tasks [5.6].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct CancelTasksAnswer {
    /// Which page, of how many.
    pub pagination: Pagination,
    /// The newest first.
    pub data: Vec<CancelTaskAnswer>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancel_task_names_its_device() {
        let request = CancelTaskRequest::from_json(br#"{"deviceId":"d","appId":null}"#).unwrap();
        assert_eq!(
            serde_json::to_string(&request).unwrap(),
            r#"{"deviceId":"d"}"#
        );
        for (body, text) in [
            ("{}", "`deviceId` is required"),
            (
                r#"{"deviceId":""}"#,
                "`deviceId` must have 1 to 64 characters",
            ),
            ("null", "the body must be a JSON object"),
        ] {
            assert_eq!(
                CancelTaskRequest::from_json(body.as_bytes())
                    .unwrap_err()
                    .to_string(),
                text
            );
        }
    }

    #[test]
    fn the_task_query_reads_back_as_written_and_takes_a_status_in_any_case() {
        let read = |raw: &str| CancelTasksQuery::read(&Query::parse(raw));
        for status in CancelTaskStatus::ALL {
            let query = CancelTasksQuery {
                task_id: Some("t".to_owned()),
                status: Some(status),
                created: TimeRange {
                    start: None,
                    end: crate::Timestamp::parse("20190101T000000Z"),
                },
                ..Default::default()
            };
            assert_eq!(read(&query.to_query()).unwrap(), query);
            assert_eq!(
                read(
                    &query
                        .to_query()
                        .to_lowercase()
                        .replace("taskid", "x")
                        .replace("endtime", "x")
                )
                .unwrap()
                .status,
                Some(status)
            );
            assert_eq!(
                serde_json::to_string(&status).unwrap(),
                format!("\"{}\"", status.as_str())
            );
        }
        assert_eq!(
            read("status=DONE").unwrap_err().to_string(),
            "`status` must be WAITTING, RUNNING, SUCCESS, FAILED or PART_SUCCESS"
        );
        assert_eq!(
            read("pageSize=1001").unwrap_err().to_string(),
            "`pageSize` must be an integer from 1 to 1000"
        );
    }

    #[test]
    fn a_task_shows_its_members_in_the_order_of_the_documentation() {
        let task = CancelTaskAnswer {
            task_id: "t".to_owned(),
            app_id: "a".to_owned(),
            device_id: "d".to_owned(),
            status: CancelTaskStatus::Running,
            total_count: 0,
            device_commands: vec![],
        };
        let text = r#"{"taskId":"t","appId":"a","deviceId":"d","status":"RUNNING","totalCount":0,"deviceCommands":[]}"#;
        assert_eq!(serde_json::to_string(&task).unwrap(), text);
        assert_eq!(
            serde_json::from_str::<CancelTaskAnswer>(text).unwrap(),
            task
        );
    }
}
