//! Device groups: named sets of an application's devices [10].
//!
//! The application that owns a group is named `accessAppId` in the query, as the vendor's SDKs do here and nowhere else; `appId` is read
//! too. The creation of a group has `appId` in its body.

use serde::{Deserialize, Serialize};

use crate::Invalid;
use crate::fields::{Fields, json_object};
use crate::limits::{
    DESCRIPTION, GROUP_DEVICES, GROUP_ID, GROUP_NAME, GROUPS_PAGE, GROUPS_PAGE_DEFAULT, ID,
    INTEGER, TEXT,
};
use crate::query::{Page, Query, QueryWriter};

/// Creation of a device group [10].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CreateGroupRequest {
    /// ASCII letters and digits, 1 to 64 of them; unique among the groups of the application.
    pub name: String,
    /// What the group is for, up to 2048 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The application whose group it is; absent = that of the query, else the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
    /// How many devices the group may have; absent or 0 = it has no bound of its own.
    #[serde(rename = "maxDevNum", skip_serializing_if = "Option::is_none")]
    pub devices_max: Option<u32>,
    /// The group's first devices, up to 1000.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub device_ids: Vec<String>,
}

impl CreateGroupRequest {
    /// Reads the JSON body. A `maxDevNum` of 0 is read as none.
    pub fn from_json(body: &[u8]) -> Result<Self, Invalid> {
        let map = json_object(body)?;
        let fields = Fields::of(&map);
        Ok(Self {
            name: fields.required_letters("name", GROUP_NAME)?,
            description: fields.text("description", DESCRIPTION)?,
            app_id: fields.text("appId", TEXT)?,
            devices_max: fields
                .integer("maxDevNum", INTEGER, "")?
                .filter(|most| *most > 0),
            device_ids: fields.texts("deviceIds", *GROUP_DEVICES.end(), ID)?,
        })
    }
}

/// Change of a device group [10]. What is absent, or an empty text, stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ModifyGroupRequest {
    /// ASCII letters and digits, 1 to 64 of them; unique among the groups of the application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the group is for, up to 2048 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How many devices the group may have; 0 = it has no bound of its own.
    #[serde(rename = "maxDevNum", skip_serializing_if = "Option::is_none")]
    pub devices_max: Option<u32>,
}

impl ModifyGroupRequest {
    /// Reads the JSON body.
    pub fn from_json(body: &[u8]) -> Result<Self, Invalid> {
        let map = json_object(body)?;
        let fields = Fields::of(&map);
        Ok(Self {
            name: fields.letters("name", GROUP_NAME)?,
            description: fields.text("description", DESCRIPTION)?,
            devices_max: fields.integer("maxDevNum", INTEGER, "")?,
        })
    }

    /// The bound that is asked for: `None` = as it is, `Some(None)` = none.
    pub fn bound(&self) -> Option<Option<u32>> {
        self.devices_max.map(|most| (most > 0).then_some(most))
    }
}

/// A device group as answers show it [10].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GroupAnswer {
    /// Unique among the groups of the application.
    pub name: String,
    /// What the group is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The group: `devGroupId` elsewhere.
    pub id: String,
    /// The application whose group it is.
    pub app_id: String,
    /// How many devices it may have; 0 = it has no bound of its own.
    #[serde(rename = "maxDevNum")]
    pub devices_max: u32,
    /// How many devices it has.
    #[serde(rename = "curDevNum")]
    pub devices: u64,
    /// The application that created it: in queries only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creator: Option<String>,
}

/// Which device groups are listed [10].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupsQuery {
    /// Which page; unset means all groups at once, up to 1000.
    pub page: Option<Page>,
    /// The one of exactly this name, 1 to 64 characters.
    pub name: Option<String>,
    /// The owner application; unset means the caller.
    pub app_id: Option<String>,
}

impl GroupsQuery {
    /// Reads the query.
    pub fn read(query: &Query) -> Result<Self, Invalid> {
        Ok(Self {
            page: page(query)?,
            name: query.text("name", GROUP_NAME)?,
            app_id: query.access_app_id()?,
        })
    }

    /// Writes the query, without its question mark.
    pub fn to_query(&self) -> String {
        QueryWriter::default()
            .pair("pageNo", self.page.map(|page| page.number))
            .pair("pageSize", self.page.map(|page| page.size))
            .pair("name", self.name.as_ref())
            .pair("accessAppId", self.app_id.as_ref())
            .finish()
    }
}

/// A page of device groups [10].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GroupsAnswer {
    /// Groups of the whole list.
    pub total_count: u64,
    /// Counts from 0.
    pub page_no: u64,
    /// Groups per page.
    pub page_size: u64,
    /// The newest first.
    pub list: Vec<GroupAnswer>,
}

/// The devices of which group are listed [10].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupMembersQuery {
    /// The group, 1 to 50 characters.
    pub dev_group_id: String,
    /// Which page; unset means all devices at once, up to 1000.
    pub page: Option<Page>,
    /// The owner application; unset means the caller.
    pub app_id: Option<String>,
}

impl GroupMembersQuery {
    /// Reads the query.
    pub fn read(query: &Query) -> Result<Self, Invalid> {
        Ok(Self {
            dev_group_id: query.required_text("devGroupId", GROUP_ID)?,
            page: page(query)?,
            app_id: query.access_app_id()?,
        })
    }

    /// Writes the query, without its question mark.
    pub fn to_query(&self) -> String {
        QueryWriter::default()
            .pair("devGroupId", Some(&self.dev_group_id))
            .pair("pageNo", self.page.map(|page| page.number))
            .pair("pageSize", self.page.map(|page| page.size))
            .pair("accessAppId", self.app_id.as_ref())
            .finish()
    }
}

/// `pageNo` and `pageSize`; `None` if neither is set: everything at once, up to the largest page.
fn page(query: &Query) -> Result<Option<Page>, Invalid> {
    Page::read_set(query, GROUPS_PAGE, GROUPS_PAGE_DEFAULT)
}

/// A page of the devices of a group [10].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GroupMembersAnswer {
    /// Devices of the whole group.
    pub total_count: u64,
    /// Counts from 0.
    pub page_no: u64,
    /// Devices per page.
    pub page_size: u64,
    /// In the order of their registration.
    pub device_ids: Vec<String>,
}

/// Devices that are put into a group, or taken out of it [10].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GroupDevicesRequest {
    /// The group, 1 to 50 characters.
    pub dev_group_id: String,
    /// The devices, 1 to 1000 of them.
    pub device_ids: Vec<String>,
}

impl GroupDevicesRequest {
    /// Reads the JSON body.
    pub fn from_json(body: &[u8]) -> Result<Self, Invalid> {
        let map = json_object(body)?;
        let fields = Fields::of(&map);
        Ok(Self {
            dev_group_id: fields.required_text("devGroupId", GROUP_ID)?,
            device_ids: fields.required_texts("deviceIds", GROUP_DEVICES, ID)?,
        })
    }
}

/// What was put into a group [10].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GroupDevicesAnswer {
    /// The group.
    pub dev_group_id: String,
    /// The devices of the request.
    pub device_ids: Vec<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reason<T: std::fmt::Debug>(result: Result<T, Invalid>) -> String {
        result.unwrap_err().to_string()
    }

    fn devices(number: usize) -> Vec<String> {
        vec!["d".to_owned(); number]
    }

    #[test]
    fn a_creation_reads_back_as_written_and_a_bound_of_0_is_none() {
        let request = CreateGroupRequest {
            name: "MillLane12".to_owned(),
            description: Some("灯".to_owned()),
            app_id: Some("waterworks".to_owned()),
            devices_max: Some(5),
            device_ids: devices(2),
        };
        let written = serde_json::to_vec(&request).unwrap();
        assert_eq!(CreateGroupRequest::from_json(&written).unwrap(), request);
        let read = |body: &str| CreateGroupRequest::from_json(body.as_bytes()).unwrap();
        let plain = CreateGroupRequest {
            name: "a".to_owned(),
            ..Default::default()
        };
        assert_eq!(serde_json::to_string(&plain).unwrap(), r#"{"name":"a"}"#);
        assert_eq!(read(r#"{"name":"a"}"#), plain);
        let nulls = r#"{"name":"a","maxDevNum":"0","deviceIds":null,"description":"","appId":""}"#;
        assert_eq!(read(nulls), plain);
    }

    #[test]
    fn a_name_is_letters_and_digits_only() {
        let read = |name: &str| {
            let body = json!({ "name": name }).to_string();
            CreateGroupRequest::from_json(body.as_bytes())
        };
        assert!(read(&"a".repeat(64)).is_ok());
        for name in ["", "a b", "a-b", "灯", &"a".repeat(65), "a\n"] {
            let expected = "`name` must be 1 to 64 ASCII letters and digits";
            assert_eq!(reason(read(name)), expected, "{name}");
            let body = json!({ "name": name }).to_string();
            let changed = ModifyGroupRequest::from_json(body.as_bytes());
            assert_eq!(reason(changed), expected, "{name}");
        }
        assert_eq!(
            reason(CreateGroupRequest::from_json(b"{}")),
            "`name` is required"
        );
    }

    #[test]
    fn a_change_tells_no_bound_from_no_word_of_it() {
        let bound = |body: &str| {
            let request = ModifyGroupRequest::from_json(body.as_bytes()).unwrap();
            request.bound()
        };
        assert_eq!(bound("{}"), None);
        assert_eq!(bound(r#"{"maxDevNum":null}"#), None);
        assert_eq!(bound(r#"{"maxDevNum":0}"#), Some(None));
        assert_eq!(bound(r#"{"maxDevNum":1}"#), Some(Some(1)));
        let wrong = ModifyGroupRequest::from_json(br#"{"maxDevNum":2147483648}"#);
        assert_eq!(
            reason(wrong),
            "`maxDevNum` must be an integer from 0 to 2147483647"
        );
    }

    #[test]
    fn more_than_1000_devices_are_a_fault_of_their_own() {
        let read = |number: usize| {
            let request = GroupDevicesRequest {
                dev_group_id: "g".to_owned(),
                device_ids: devices(number),
            };
            let written = serde_json::to_vec(&request).unwrap();
            GroupDevicesRequest::from_json(&written).map(|read| assert_eq!(read, request))
        };
        assert!(read(1).is_ok() && read(1000).is_ok());
        let none = read(0).unwrap_err();
        assert!(!none.is_too_many());
        assert_eq!(none.to_string(), "`deviceIds` must have 1 to 1000 items");
        let more = read(1001).unwrap_err();
        assert!(more.is_too_many());
        assert_eq!(more.to_string(), "`deviceIds` must have 1 to 1000 items");
        let body = json!({"name": "a", "deviceIds": devices(1001)}).to_string();
        let more = CreateGroupRequest::from_json(body.as_bytes()).unwrap_err();
        assert!(more.is_too_many());
        assert_eq!(more.to_string(), "`deviceIds` must have at most 1000 items");
    }

    #[test]
    fn each_device_is_a_text_of_1_to_64_characters() {
        let read = |devices: serde_json::Value| {
            let body = json!({"devGroupId": "g", "deviceIds": devices}).to_string();
            GroupDevicesRequest::from_json(body.as_bytes())
        };
        assert!(read(json!(["d".repeat(64), null])).is_ok());
        for (devices, expected) in [
            (json!(null), "`deviceIds` is required"),
            (json!("d"), "`deviceIds` must be a list of strings"),
            (json!([1]), "`deviceIds` must be a list of strings"),
            (json!([null]), "`deviceIds` must have 1 to 1000 items"),
            (
                json!([""]),
                "`deviceIds` must be a list of strings, each of which must have 1 to 64 characters",
            ),
            (
                json!(["a", "d".repeat(65)]),
                "`deviceIds` must be a list of strings, each of which must have 1 to 64 characters",
            ),
        ] {
            assert_eq!(reason(read(devices)), expected);
        }
        let long = json!({"devGroupId": "g".repeat(51), "deviceIds": ["d"]}).to_string();
        assert_eq!(
            reason(GroupDevicesRequest::from_json(long.as_bytes())),
            "`devGroupId` must have 1 to 50 characters"
        );
    }

    #[test]
    fn queries_read_back_as_written_and_without_a_page_ask_for_everything() {
        let page = Some(Page { number: 2, size: 7 });
        let read = |raw: &str| GroupsQuery::read(&Query::parse(raw));
        let groups = GroupsQuery {
            page,
            name: Some("n".to_owned()),
            app_id: Some("a b".to_owned()),
        };
        let written = groups.to_query();
        assert_eq!(written, "pageNo=2&pageSize=7&name=n&accessAppId=a%20b");
        assert_eq!(read(&written).unwrap(), groups);
        assert_eq!(read("pageNo=&pageSize=&").unwrap(), GroupsQuery::default());
        let paged = |raw: &str| read(raw).unwrap().page.map(|page| (page.number, page.size));
        assert_eq!(paged("pageNo=3"), Some((3, 1)));
        assert_eq!(paged("pageSize=1000"), Some((0, 1000)));
        assert_eq!(
            reason(read("pageSize=1001")),
            "`pageSize` must be an integer from 1 to 1000"
        );
        let members = GroupMembersQuery {
            dev_group_id: "g".repeat(50),
            page,
            app_id: None,
        };
        let read = |raw: &str| GroupMembersQuery::read(&Query::parse(raw));
        assert_eq!(read(&members.to_query()).unwrap(), members);
        assert_eq!(reason(read("pageNo=0")), "`devGroupId` is required");
        assert_eq!(
            reason(read(&format!("devGroupId={}", "g".repeat(51)))),
            "`devGroupId` must have 1 to 50 characters"
        );
    }

    #[test]
    fn the_owner_is_named_in_either_way_and_access_app_id_goes_first() {
        let owner = |raw: &str| GroupsQuery::read(&Query::parse(raw)).unwrap().app_id;
        assert_eq!(owner("appId=a").as_deref(), Some("a"));
        assert_eq!(owner("appId=a&accessAppId=b").as_deref(), Some("b"));
        assert_eq!(owner("appId=a&accessAppId=").as_deref(), Some("a"));
        assert_eq!(owner(""), None);
        let long = GroupsQuery::read(&Query::parse(&format!("appId={}", "a".repeat(257))));
        assert_eq!(reason(long), "`appId` must have at most 256 characters");
    }

    #[test]
    fn an_answer_to_a_change_does_not_name_the_creator() {
        let answer = GroupAnswer {
            name: "n".to_owned(),
            description: None,
            id: "g".to_owned(),
            app_id: "a".to_owned(),
            devices_max: 0,
            devices: 2,
            creator: None,
        };
        assert_eq!(
            serde_json::to_string(&answer).unwrap(),
            r#"{"name":"n","id":"g","appId":"a","maxDevNum":0,"curDevNum":2}"#
        );
    }
}
