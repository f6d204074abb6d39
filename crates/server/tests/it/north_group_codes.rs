//! Every code of the operations on groups: how it is caused, and the exact answer, in both settings of `error_status` (R3.1).
//!
//! The codes, texts and statuses below are copied from the contract's pages (§10; where a page was never captured, its sibling's),
//! not from the code.

use crate::north_support::{Bench, GROUPS, Got, JOIN, LEAVE, MEMBERS};
use api::{ErrorStatus, Operation};
use delivery::DeviceId;
use serde_json::json;
use server::faults::Fault;
use server::north::Settings;
use server::registry::GroupBounds;
use std::collections::BTreeSet;

use Cause::{
    DeviceUnknown, GroupFull, GroupUnknown, GroupsFull, HandlerFails, Malformed, NameTaken,
    NoAppKey, NotGranted, Overload, OwnerUnknown, RowUnreadable, TokenWrong, TooManyCalls,
    TooManyDevices,
};
use Operation::{
    AddDevicesToGroup as Add, CreateDeviceGroup as Create, DeleteDeviceGroup as Delete,
    DeleteDevicesFromGroup as Remove, ModifyDeviceGroup as Modify,
    QueryDeviceGroupMembers as Members, QueryDeviceGroups as List,
    QuerySingleDeviceGroup as Single,
};

const ALL: &[Operation] = &[Create, Delete, Modify, List, Single, Members, Add, Remove];
const OF_ONE: &[Operation] = &[Delete, Modify, Single, Members, Add, Remove];
const CALLS_MAX: u32 = 20;

/// What is done so that a code is answered.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cause {
    NoAppKey,
    TokenWrong,
    TooManyCalls,
    Overload,
    Malformed,
    OwnerUnknown,
    NotGranted,
    GroupUnknown,
    DeviceUnknown,
    NameTaken,
    GroupsFull,
    GroupFull,
    TooManyDevices,
    HandlerFails,
    RowUnreadable,
}

/// A code with its text, the status of the operations' tables, and that under `error_status = http`.
struct Row(
    &'static str,
    &'static str,
    u16,
    u16,
    Cause,
    &'static [Operation],
);

const ROWS: &[Row] = &[
    Row(
        "100203",
        "The application is not existed.",
        200,
        403,
        OwnerUnknown,
        ALL,
    ),
    Row(
        "100217",
        "The application hasn't been authorized.",
        200,
        403,
        NotGranted,
        ALL,
    ),
    Row(
        "100418",
        "The deviceData is not existed.",
        200,
        404,
        DeviceUnknown,
        &[Create, Add],
    ),
    Row(
        "100601",
        "The number of device in the group has reach the max.",
        200,
        200,
        GroupFull,
        &[Modify, Add],
    ),
    Row(
        "100602",
        "The device group name has been used.",
        200,
        409,
        NameTaken,
        &[Create, Modify],
    ),
    Row(
        "100603",
        "The device group is not existed.",
        200,
        404,
        GroupUnknown,
        OF_ONE,
    ),
    Row(
        "100607",
        "The devGroup has reached the limit.",
        200,
        200,
        GroupsFull,
        &[Create],
    ),
    Row(
        "100609",
        "Too much devices to add.",
        400,
        400,
        TooManyDevices,
        &[Create, Add, Remove],
    ),
    Row("50400", "The input is invalid.", 400, 400, Malformed, ALL),
    Row(
        "1010009",
        "app throttle exceed.",
        403,
        403,
        TooManyCalls,
        ALL,
    ),
    Row(
        "1010005",
        "Invalid access token or appId.",
        403,
        403,
        TokenWrong,
        ALL,
    ),
    Row(
        "50252",
        "Internal server error.",
        500,
        500,
        HandlerFails,
        ALL,
    ),
    Row(
        "100023",
        "The data in dataBase is abnomal.",
        500,
        500,
        RowUnreadable,
        ALL,
    ),
    Row(
        "100220",
        "Get AppKey from header failed.",
        500,
        500,
        NoAppKey,
        ALL,
    ),
    Row(
        "100501",
        "Congestion occurs, and the current network has been flow-controlled",
        503,
        503,
        Overload,
        ALL,
    ),
];

/// What a table lists though it cannot happen there (R3.2).
const NEVER: &[(Operation, &str, &str)] = &[
    (
        Remove,
        "100418",
        "what is not in the group is passed over, and so is what is no device",
    ),
    (Remove, "100601", "taking devices out makes no group fuller"),
];

/// A platform on which one call is about to go wrong.
struct Scene {
    bench: Bench,
    /// It is in the group.
    inside: DeviceId,
    outside: DeviceId,
    /// It may have two devices.
    group: String,
}

/// One call.
struct Request {
    method: String,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Scene {
    async fn set(error_status: ErrorStatus, throttle_calls_max: u32) -> Self {
        let settings = Settings {
            error_status,
            throttle_calls_max,
            ..Settings::default()
        };
        let bounds = GroupBounds {
            per_application_max: 3,
            devices_max: 100,
        };
        let bench = Bench::bounded(settings, bounds).await;
        let (inside, outside) = (bench.device("in").await, bench.device("out").await);
        let body = json!({"name": "n", "maxDevNum": 2, "deviceIds": [inside.to_string()]});
        let made = bench.call("POST", GROUPS, &body.to_string()).await.json();
        let group = made["id"].as_str().expect("an id").to_owned();
        bench.group("taken", &[]).await;
        Self {
            bench,
            inside,
            outside,
            group,
        }
    }

    /// A call that would succeed.
    fn sound(&self, operation: Operation) -> Request {
        let devices = |device: DeviceId| {
            json!({"devGroupId": self.group, "deviceIds": [device.to_string()]}).to_string()
        };
        let one = format!("{GROUPS}/{}", self.group);
        let (path, body) = match operation {
            Create => (
                GROUPS.to_owned(),
                json!({"name": "fresh", "deviceIds": [self.outside.to_string()]}).to_string(),
            ),
            Modify => (one, r#"{"name":"fresh","maxDevNum":3}"#.to_owned()),
            List => (GROUPS.to_owned(), String::new()),
            Members => (
                format!("{MEMBERS}?devGroupId={}", self.group),
                String::new(),
            ),
            Add => (JOIN.to_owned(), devices(self.outside)),
            Remove => (LEAVE.to_owned(), devices(self.inside)),
            _ => (one, String::new()),
        };
        let bearer = format!("Bearer {}", self.bench.token());
        Request {
            method: operation.method().to_string(),
            path,
            headers: vec![("app_key", "app".to_owned()), ("authorization", bearer)],
            body,
        }
    }

    /// Sets the scene for a cause, and makes the call what it has to be.
    async fn spoil(&self, operation: Operation, cause: Cause) -> Request {
        let mut request = self.sound(operation);
        let swap = |text: &mut String, from: &str, to: &str| {
            assert!(text.contains(from), "{text} has no {from}");
            *text = text.replace(from, to);
        };
        let mark = if request.path.contains('?') { '&' } else { '?' };
        match cause {
            NoAppKey => request.headers.retain(|(name, _)| *name != "app_key"),
            TokenWrong => "Bearer wrong".clone_into(&mut request.headers[1].1),
            Malformed if !request.body.is_empty() => "{".clone_into(&mut request.body),
            Malformed if operation == List => request.path += "?pageSize=1001",
            Malformed => request.path = request.path.replace(&self.group, &"0".repeat(51)),
            OwnerUnknown => request.path = format!("{}{mark}accessAppId=nobody", request.path),
            NotGranted => request.path = format!("{}{mark}accessAppId=other", request.path),
            GroupUnknown => {
                let unknown = "0".repeat(32);
                request.path = request.path.replace(&self.group, &unknown);
                request.body = request.body.replace(&self.group, &unknown);
            }
            DeviceUnknown => swap(&mut request.body, &self.outside.to_string(), "unknown"),
            NameTaken => swap(&mut request.body, "fresh", "taken"),
            GroupFull if operation == Modify => swap(&mut request.body, ":3", ":1"),
            GroupFull | GroupsFull => {}
            TooManyDevices => {
                let one = format!("\"{}\"", self.inside);
                let old = if operation == Remove {
                    self.inside
                } else {
                    self.outside
                };
                let many = vec![one; 1_001].join(",");
                swap(&mut request.body, &format!("\"{old}\""), &many);
            }
            TooManyCalls => while self.bench.call("GET", GROUPS, "").await.status == 200 {},
            HandlerFails => self.bench.faults.set(Fault::Handler, 1),
            RowUnreadable => self.bench.faults.set(Fault::Row, 1),
            Overload => self.bench.faults.set(Fault::Overload, 1),
        }
        request
    }

    /// Fills the group, and the application, for what needs them full.
    async fn arrange(&self, cause: Cause) {
        match cause {
            GroupFull => {
                let third = self.bench.device("third").await;
                let body = json!({"devGroupId": self.group, "deviceIds": [third.to_string()]});
                let got = self.bench.call("POST", JOIN, &body.to_string()).await;
                assert_eq!(got.status, 200, "{}", got.text);
            }
            GroupsFull => {
                self.bench.group("third", &[]).await;
            }
            _ => {}
        }
    }

    async fn send(&self, request: Request) -> Got {
        let headers: Vec<(&str, &str)> = request
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        self.bench
            .raw(&request.method, &request.path, &headers, &request.body)
            .await
    }

    /// Every group, and the devices of the one.
    fn traces(&self) -> String {
        let store = &self.bench.store;
        let filter = store::GroupFilter {
            app: delivery::AppKey(1),
            name: None,
            skip: 0,
            take: 100,
        };
        let groups = store.groups(&filter).expect("it can be read");
        let group = self.group.parse().expect("an id");
        let members = store.group_page(group, 0, 100).expect("it can be read");
        format!("{:?} {:?}", groups.items, members.items)
    }
}

/// Causes each code through each operation, and looks at the answer and at what is kept.
async fn every_code(error_status: ErrorStatus) {
    for Row(number, text, documented, http, cause, by) in ROWS {
        let calls_max = if *cause == TooManyCalls { CALLS_MAX } else { 0 };
        let scene = Scene::set(error_status, calls_max).await;
        scene.arrange(*cause).await;
        let before = scene.traces();
        for operation in by.iter().copied() {
            let name = format!("{number} by {cause:?} in {}", operation.name());
            let request = scene.spoil(operation, *cause).await;
            let got = scene.send(request).await;
            let status = match error_status {
                ErrorStatus::Documented => *documented,
                ErrorStatus::Http => *http,
            };
            assert_eq!(got.status, status, "{name}: {}", got.text);
            let json = got.json();
            assert_eq!(json["error_code"], *number, "{name}");
            assert_eq!(json["error_desc"], *text, "{name}");
            assert_eq!(scene.traces(), before, "{name}: it changed nothing");
        }
    }
}

#[tokio::test]
async fn r3_2_every_code_of_the_operations_on_groups_is_caused_as_documented() {
    every_code(ErrorStatus::Documented).await;
}

#[tokio::test]
async fn r3_2_every_code_of_the_operations_on_groups_is_caused_under_http_statuses() {
    every_code(ErrorStatus::Http).await;
}

#[tokio::test]
async fn a_call_that_is_not_spoilt_succeeds() {
    for operation in ALL.iter().copied() {
        let scene = Scene::set(ErrorStatus::Documented, 0).await;
        let got = scene.send(scene.sound(operation)).await;
        assert_eq!(got.status, operation.success().as_u16(), "{}", got.text);
        assert!(!got.text.contains("error_code"), "{}", got.text);
    }
}

#[test]
fn no_code_of_the_eight_tables_is_forgotten() {
    for operation in ALL.iter().copied() {
        let rows = operation.table().iter();
        let documented: BTreeSet<&str> = rows
            .flat_map(|(_, codes)| codes.iter().map(|code| code.number()))
            .collect();
        let caused = ROWS.iter().filter(|row| row.5.contains(&operation));
        let caused: BTreeSet<&str> = caused.map(|row| row.0).collect();
        let never = NEVER.iter().filter(|(of, ..)| *of == operation);
        let never: BTreeSet<&str> = never.map(|(_, code, _)| *code).collect();
        let covered: BTreeSet<&str> = caused.union(&never).copied().collect();
        let name = operation.name();
        assert!(
            documented.is_subset(&covered),
            "{name}: {:?}",
            documented.difference(&covered)
        );
        assert!(
            never.is_subset(&documented) && caused.is_disjoint(&never),
            "{name}: {never:?}"
        );
    }
}

#[tokio::test]
async fn r3_1_the_application_goes_before_the_group_and_the_group_before_its_devices() {
    let scene = Scene::set(ErrorStatus::Documented, 0).await;
    let call = |query: &str, group: &str, device: &str| {
        let body = json!({"devGroupId": group, "deviceIds": [device]}).to_string();
        let (bench, path) = (&scene.bench, format!("{JOIN}{query}"));
        async move { bench.call("POST", &path, &body).await.error().1 }
    };
    assert_eq!(call("?accessAppId=nobody", "x", "y").await, "100203");
    assert_eq!(call("?accessAppId=other", "x", "y").await, "100217");
    assert_eq!(call("", "x", "y").await, "100603");
    assert_eq!(call("", &scene.group, "y").await, "100418");
    // A group that would be too full tells of the device that is not there.
    let unknown = json!({
        "devGroupId": scene.group,
        "deviceIds": [scene.outside.to_string(), scene.bench.device("third").await.to_string(), "y"],
    });
    let got = scene.bench.call("POST", JOIN, &unknown.to_string()).await;
    assert_eq!(got.error().1, "100418");
    // So does a name that is taken.
    let taken = json!({"name": "taken", "deviceIds": ["y"]}).to_string();
    assert_eq!(
        scene.bench.call("POST", GROUPS, &taken).await.error().1,
        "100418"
    );
}
