//! The list of devices [4.2].

use serde::{Deserialize, Serialize};

use crate::Invalid;
use crate::asked::asked;
use crate::devices::{DeviceAnswer, NodeType};
use crate::limits::{DEVICES_PAGE, DEVICES_PAGE_DEFAULT, ID, TEXT};
use crate::query::{Page, Query, QueryWriter, TimeRange};

/// Which devices are listed [4.2].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DevicesQuery {
    /// Which page; unset means all devices of the gateway at once, up to 250 (§15.27).
    pub page: Option<Page>,
    /// Those of this gateway only, 1 to 64 characters.
    pub gateway_id: Option<String>,
    /// Those of this kind only.
    pub node_type: Option<NodeType>,
    /// Those of this type only, up to 256 characters.
    pub device_type: Option<String>,
    /// Those at this place only, up to 256 characters.
    pub location: Option<String>,
    /// Those of this name only, up to 256 characters.
    pub name: Option<String>,
    /// Those in this state only.
    pub status: Option<DeviceStatus>,
    /// By moment of registration.
    pub registered: TimeRange,
    /// By moment of registration; the newest first unless asked otherwise.
    pub sort: Sort,
    /// `select=imsi`: the answer has the IMSI too. Any other selection is ignored.
    pub select_imsi: bool,
    /// The owner application; unset means the caller.
    pub app_id: Option<String>,
}

/// Whether a device can be reached, as lists are asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceStatus {
    /// Connected.
    Online,
    /// Not connected.
    Offline,
    /// Silent for long; a state of other platforms (§4.1).
    Abnormal,
    /// Never connected.
    Inactive,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The oldest first.
    Ascending,
    /// The newest first.
    #[default]
    Descending,
}

/// The words of an enumeration on the wire, found in any case (tolerance 3).
type Words<T> = &'static [(&'static str, T)];

const NODE_TYPES: Words<NodeType> = &[
    ("ENDPOINT", NodeType::Endpoint),
    ("GATEWAY", NodeType::Gateway),
    ("UNKNOW", NodeType::Unknown),
];
const STATES: Words<DeviceStatus> = &[
    ("ONLINE", DeviceStatus::Online),
    ("OFFLINE", DeviceStatus::Offline),
    ("ABNORMAL", DeviceStatus::Abnormal),
    ("INACTIVE", DeviceStatus::Inactive),
];
const SORTS: Words<Sort> = &[("ASC", Sort::Ascending), ("DESC", Sort::Descending)];

impl DevicesQuery {
    /// Reads the query. That it names a page or a gateway is another matter (100218).
    pub fn read(query: &Query) -> Result<Self, Invalid> {
        // A size alone chooses no page: an empty `pageNo` means that there are none (§15.27).
        let page = Page::read_set(query, DEVICES_PAGE, DEVICES_PAGE_DEFAULT)?;
        asked!("", "select", Select);
        let selected = query.first("select").unwrap_or_default();
        Ok(Self {
            page: page.filter(|_| query.first("pageNo").is_some()),
            gateway_id: query.text("gatewayId", ID)?,
            node_type: word(query, "nodeType", NODE_TYPES)?,
            device_type: query.text("deviceType", TEXT)?,
            location: query.text("location", TEXT)?,
            name: query.text("name", TEXT)?,
            status: word(query, "status", STATES)?,
            registered: TimeRange::read(query)?,
            sort: word(query, "sort", SORTS)?.unwrap_or_default(),
            select_imsi: selected
                .split(',')
                .any(|part| part.trim().eq_ignore_ascii_case("imsi")),
            app_id: query.app_id()?,
        })
    }

    /// Writes the query, without its question mark.
    pub fn to_query(&self) -> String {
        let select = self.select_imsi.then_some("imsi");
        let sort = (self.sort != Sort::default()).then(|| text(SORTS, &self.sort));
        QueryWriter::default()
            .pair("gatewayId", self.gateway_id.as_ref())
            .pair("nodeType", self.node_type.map(|one| text(NODE_TYPES, &one)))
            .pair("deviceType", self.device_type.as_ref())
            .pair("location", self.location.as_ref())
            .pair("name", self.name.as_ref())
            .pair("status", self.status.map(|one| text(STATES, &one)))
            .pair("startTime", self.registered.start)
            .pair("endTime", self.registered.end)
            .pair("pageNo", self.page.map(|page| page.number))
            .pair("pageSize", self.page.map(|page| page.size))
            .pair("sort", sort)
            .pair("select", select)
            .pair("appId", self.app_id.as_ref())
            .finish()
    }
}

fn word<T: Copy>(query: &Query, key: &str, words: Words<T>) -> Result<Option<T>, Invalid> {
    let known: Vec<&'static str> = words.iter().map(|(word, _)| *word).collect();
    let reason = format!("must be one of {}", known.join(", "));
    let place = query.word(key, &known, &reason)?;
    Ok(place
        .and_then(|place| words.get(place))
        .map(|(_, meant)| *meant))
}

fn text<T: PartialEq>(words: Words<T>, meant: &T) -> &'static str {
    let found = words.iter().find(|(_, one)| one == meant);
    found.map_or("", |(word, _)| word)
}

/// A page of devices [4.2].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DevicesAnswer {
    /// Devices of the whole list.
    pub total_count: u64,
    /// Counts from 0.
    pub page_no: u64,
    /// Devices per page.
    pub page_size: u64,
    /// In the order that was asked for.
    pub devices: Vec<DeviceAnswer>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Result<DevicesQuery, Invalid> {
        DevicesQuery::read(&Query::parse(raw))
    }

    #[test]
    fn what_is_written_reads_back() {
        let query = DevicesQuery {
            page: Some(Page { number: 2, size: 7 }),
            gateway_id: Some("g".to_owned()),
            node_type: Some(NodeType::Endpoint),
            device_type: Some("Water Meter".to_owned()),
            location: Some("l".to_owned()),
            name: Some("n".to_owned()),
            status: Some(DeviceStatus::Inactive),
            registered: TimeRange::default(),
            sort: Sort::Ascending,
            select_imsi: true,
            app_id: Some("a".to_owned()),
        };
        let written = query.to_query();
        assert!(written.contains("deviceType=Water%20Meter&"), "{written}");
        assert_eq!(read(&written).unwrap(), query);
        assert_eq!(read("").unwrap(), DevicesQuery::default());
        assert_eq!(DevicesQuery::default().to_query(), "");
    }

    #[test]
    fn pages_have_25_devices_unless_told_otherwise_and_an_empty_number_means_none() {
        let page = |raw: &str| read(raw).unwrap().page.map(|page| (page.number, page.size));
        assert_eq!(page("pageNo=0"), Some((0, 25)));
        assert_eq!(page("pageNo=3&pageSize=250&"), Some((3, 250)));
        assert_eq!(page("gatewayId=g&pageNo=&pageSize=9"), None);
        for raw in ["pageNo=0&pageSize=0", "pageNo=0&pageSize=251"] {
            let reason = read(raw).unwrap_err().to_string();
            assert_eq!(reason, "`pageSize` must be an integer from 1 to 250");
        }
    }

    #[test]
    fn words_are_found_in_any_case_and_others_are_told() {
        let query = read("nodeType=gateway&status=online&sort=asc&select=IMSI").unwrap();
        assert_eq!(query.node_type, Some(NodeType::Gateway));
        assert_eq!(query.status, Some(DeviceStatus::Online));
        assert!(query.sort == Sort::Ascending && query.select_imsi);
        assert_eq!(
            read("status=AWAY").unwrap_err().to_string(),
            "`status` must be one of ONLINE, OFFLINE, ABNORMAL, INACTIVE"
        );
    }
}
