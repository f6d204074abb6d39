//! Every documented code of `invokeDeviceService`, `updateDeviceCommand` and `postDeviceCommand`: how it is caused, and the exact
//! answer, in both settings of `error_status` (R3.1, R3.2).
//!
//! The codes, texts and statuses below are copied from the contract's pages, not from the code.

use crate::north_support::{Bench, COMMANDS, Got, Session, command, invoke};
use api::failure::GatewayBody;
use api::{Code, ErrorStatus, Operation};
use delivery::{DeviceId, Rules};
use server::faults::Fault;
use server::north::Settings;
use std::collections::BTreeSet;
use std::time::Duration;

use Cause::{
    AlreadyCancelled, CallbackUnreadable, CommandUnknown, DeviceOffline, DeviceSilent,
    DeviceUnknown, GatewayDown, HandlerFails, LinkRefuses, Malformed, Muted, NameUnknown, NoAppKey,
    NotGranted, Overload, OwnerUnknown, ParasWrong, QueueFull, RowUnreadable, ServiceUnknown,
    SessionLookupHangs, TokenWrong, TooMany,
};
use Operation::{
    InvokeDeviceService as Invoke, PostDeviceCommand as Post, UpdateDeviceCommand as Update,
};

const THREE: [Operation; 3] = [Invoke, Update, Post];
const CALLS_MAX: u32 = 30;
const CANCEL: &str = r#"{"status":"CANCELED"}"#;
const CALL: &str = r#"{"header":{"mode":"ACK","method":"SET"},"body":{"value":12}}"#;

/// What is done so that a code is answered.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cause {
    NoAppKey,
    TokenWrong,
    TooMany,
    Overload,
    Malformed,
    OwnerUnknown,
    NotGranted,
    DeviceUnknown,
    CommandUnknown,
    AlreadyCancelled,
    DeviceOffline,
    GatewayDown,
    ServiceUnknown,
    NameUnknown,
    ParasWrong,
    Muted,
    DeviceSilent,
    QueueFull,
    HandlerFails,
    RowUnreadable,
    SessionLookupHangs,
    CallbackUnreadable,
    LinkRefuses,
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

const NO_APP: &str = "The application is not existed.";
const INVALID: &str = "The input is invalid.";
const NO_SERVICE: &str = "The serviceType is not exist.";
const FAILED: &str = "Internal server error.";
const BUSY: &str = "Congestion occurs, and the current network has been flow-controlled";

const ROWS: &[Row] = &[
    Row("100203", NO_APP, 200, 403, OwnerUnknown, &THREE),
    Row(
        "100217",
        "The application hasn't been authorized.",
        200,
        403,
        NotGranted,
        &THREE,
    ),
    Row(
        "100418",
        "The deviceData is not existed.",
        200,
        404,
        DeviceUnknown,
        &[Invoke, Post],
    ),
    Row(
        "100428",
        "The device is not online.",
        200,
        403,
        DeviceOffline,
        &[Invoke],
    ),
    Row("100431", NO_SERVICE, 200, 404, ServiceUnknown, &[Post]),
    Row(
        "100432",
        "The device command is muted.",
        200,
        403,
        Muted,
        &[Invoke, Post],
    ),
    Row(
        "100434",
        "The device command is not existed.",
        200,
        404,
        CommandUnknown,
        &[Update],
    ),
    Row(
        "100435",
        "The device command already canceled, expired or executed, Cannot cancel.",
        200,
        409,
        AlreadyCancelled,
        &[Update],
    ),
    Row("100022", INVALID, 400, 400, Malformed, &THREE),
    Row("100022", INVALID, 400, 400, NameUnknown, &[Post]),
    Row("100022", INVALID, 400, 400, ParasWrong, &[Post]),
    Row(
        "102203",
        "CommandName is invalid.",
        400,
        400,
        NameUnknown,
        &[Invoke],
    ),
    Row(
        "102203",
        "CommandName is invalid.",
        400,
        400,
        ParasWrong,
        &[Invoke],
    ),
    Row(
        "100223",
        "Command counts has reached the upLimit.",
        400,
        400,
        QueueFull,
        &[Post],
    ),
    Row(
        "100450",
        "The gateway is not online.",
        403,
        403,
        GatewayDown,
        &[Invoke],
    ),
    Row(
        "100612",
        "Device is zombie.",
        403,
        403,
        DeviceSilent,
        &[Post],
    ),
    Row("1010009", "app throttle exceed.", 403, 403, TooMany, &THREE),
    Row(
        "1010005",
        "App_key or access_token is invalid.",
        403,
        403,
        TokenWrong,
        &[Invoke, Update],
    ),
    Row(
        "1010005",
        "Invalid access token or appId.",
        403,
        403,
        TokenWrong,
        &[Post],
    ),
    Row("100444", NO_SERVICE, 404, 404, ServiceUnknown, &[Invoke]),
    Row("100001", FAILED, 500, 500, HandlerFails, &THREE),
    Row(
        "100023",
        "The data in database is abnormal.",
        500,
        500,
        RowUnreadable,
        &[Invoke],
    ),
    Row(
        "100023",
        "The data in dataBase is abnomal.",
        500,
        500,
        RowUnreadable,
        &[Update, Post],
    ),
    Row("50252", FAILED, 500, 500, LinkRefuses, &[Invoke]),
    Row(
        "100220",
        "Get AppKey from header failed.",
        500,
        500,
        NoAppKey,
        &THREE,
    ),
    Row(
        "101016",
        "Get iotws address failed.",
        500,
        500,
        SessionLookupHangs,
        &THREE,
    ),
    Row(
        "101017",
        "Get newCallbackUrl from oss failed.",
        500,
        500,
        CallbackUnreadable,
        &THREE,
    ),
    Row("100501", BUSY, 503, 503, Overload, &THREE),
];

/// What a table lists though it cannot happen there (R3.2).
const NEVER: &[(Operation, &str, &str)] = &[
    (
        Update,
        "100418",
        "an unknown command is 100434, and one of a deleted device has ended: 100435",
    ),
    (Update, "100428", "a cancel needs no device"),
    (Update, "100431", "a cancel needs no service"),
    (
        Post,
        "100428",
        "a queued command waits, an immediate one ends in TIMEOUT (R1.5)",
    ),
];

/// A platform on which one call is about to go wrong.
struct Scene {
    bench: Bench,
    /// A device that is away, with a pending command.
    away: DeviceId,
    pending: String,
    /// A device that takes commands.
    near: DeviceId,
    session: Session,
}

/// One call.
struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Scene {
    async fn set(error_status: ErrorStatus, gateway_body: GatewayBody) -> Self {
        let settings = Settings {
            error_status,
            gateway_body,
            throttle_calls_max: CALLS_MAX,
            ..Settings::default()
        };
        let rules = Rules {
            zombie_after: Duration::from_mins(30),
            ..Rules::default()
        };
        let bench = Bench::with(settings, rules).await;
        let (away, near) = (bench.device("away").await, bench.device("near").await);
        bench.model(away).await;
        bench.model(near).await;
        let with_url =
            command(away).replacen('{', r#"{"callbackUrl":"https://example.com:9/x","#, 1);
        let got = bench.call("POST", COMMANDS, &with_url).await;
        let pending = got.json()["commandId"].as_str().expect("an id").to_owned();
        let session = bench.subscribe(near).await;
        Self {
            bench,
            away,
            pending,
            near,
            session,
        }
    }

    /// A call that would succeed.
    fn sound(&self, operation: Operation) -> Request {
        let bearer = format!("Bearer {}", self.bench.token());
        let (method, path, body) = match operation {
            Invoke => ("POST", invoke(self.near), CALL.to_owned()),
            Update => (
                "PUT",
                format!("{COMMANDS}/{}", self.pending),
                CANCEL.to_owned(),
            ),
            _ => ("POST", COMMANDS.to_owned(), command(self.away)),
        };
        Request {
            method,
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
        match cause {
            NoAppKey => request.headers.retain(|(name, _)| *name != "app_key"),
            TokenWrong => "Bearer wrong".clone_into(&mut request.headers[1].1),
            Malformed => "{".clone_into(&mut request.body),
            OwnerUnknown => request.path += "?appId=nobody",
            NotGranted => request.path += "?appId=other",
            CommandUnknown => swap(&mut request.path, &self.pending, "unknown"),
            DeviceUnknown if operation == Invoke => {
                swap(&mut request.path, &self.near.to_string(), "unknown");
            }
            DeviceUnknown => swap(&mut request.body, &self.away.to_string(), "unknown"),
            DeviceOffline => request.path = invoke(self.away),
            GatewayDown => {
                let child = self.bench.child(self.away, "child").await;
                request.path = invoke(child);
            }
            ServiceUnknown if operation == Invoke => swap(&mut request.path, "Light", "Heavy"),
            ServiceUnknown => swap(&mut request.body, "Light", "Heavy"),
            NameUnknown => swap(&mut request.body, "SET", "NOTHING"),
            ParasWrong if operation == Invoke => swap(&mut request.body, ":12", ":1000"),
            // With its quotes: an id of a device may hold these digits.
            ParasWrong => swap(&mut request.body, r#""12""#, r#""1000""#),
            Muted => {
                let now = self.bench.clock.now();
                for device in [self.away, self.near] {
                    let what = ("Light", "SET");
                    let muted = self.bench.registry.mute_command(device, what, true, now);
                    muted.await.expect("kept");
                }
            }
            CallbackUnreadable if operation == Invoke => {
                swap(
                    &mut request.body,
                    r#""mode""#,
                    r#""callbackURL":"https://example.com:9/x","mode""#,
                );
            }
            CallbackUnreadable if operation == Post => {
                let with = r#"{"callbackUrl":"https://example.com:9/x","deviceId""#;
                swap(&mut request.body, r#"{"deviceId""#, with);
            }
            CallbackUnreadable | AlreadyCancelled | DeviceSilent | QueueFull | TooMany
            | HandlerFails | RowUnreadable | SessionLookupHangs | LinkRefuses | Overload => {}
        }
        self.arrange(operation, cause).await;
        request
    }

    /// What the platform must go through before.
    async fn arrange(&self, operation: Operation, cause: Cause) {
        let fault = match cause {
            HandlerFails => Some(Fault::Handler),
            RowUnreadable => Some(Fault::Row),
            SessionLookupHangs => Some(Fault::SessionLookup),
            CallbackUnreadable => Some(Fault::CallbackAddress),
            LinkRefuses => Some(Fault::RefuseFrame),
            Overload => Some(Fault::Overload),
            AlreadyCancelled => {
                let got = self.send(self.sound(operation)).await;
                assert_eq!(got.status, 200);
                None
            }
            DeviceSilent => {
                self.bench.pass(Duration::from_mins(31)).await;
                None
            }
            QueueFull => {
                for _ in 1..Rules::default().pending_max {
                    self.bench.queue(self.away).await;
                }
                None
            }
            TooMany => {
                while self.bench.call("GET", COMMANDS, "").await.status == 200 {}
                None
            }
            _ => None,
        };
        if let Some(fault) = fault {
            self.bench.faults.set(fault, 1);
        }
    }

    async fn send(&self, request: Request) -> Got {
        let headers: Vec<(&str, &str)> = request
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        self.bench
            .raw(request.method, &request.path, &headers, &request.body)
            .await
    }

    /// What has been accepted, what became of the pending command, and how many frames have left.
    fn traces(&self) -> (u64, Vec<&'static str>, usize) {
        let accepted = self.bench.store.tally().expect("it can be read").accepted;
        let history = self.bench.store_history(&self.pending);
        (accepted, history, self.session.orders().len())
    }
}

/// Causes each code through an operation, and compares the answer to the last byte.
async fn every_code_of(operation: Operation, error_status: ErrorStatus) {
    for Row(number, text, documented, http, cause, by) in ROWS {
        if !by.contains(&operation) {
            continue;
        }
        let name = format!("{number} by {cause:?} in {}", operation.name());
        let scene = Scene::set(error_status, GatewayBody::Both).await;
        let request = scene.spoil(operation, *cause).await;
        let before = scene.traces();
        let got = scene.send(request).await;
        let status = match error_status {
            ErrorStatus::Documented => *documented,
            ErrorStatus::Http => *http,
        };
        assert_eq!(got.status, status, "{name}: {}", got.text);
        let json = got.json();
        let gateway = ["1010005", "1010009"].contains(number);
        for (key, value, always) in [
            ("error_code", *number, true),
            ("error_desc", *text, true),
            ("resultcode", *number, gateway),
            ("resultmsg", *text, gateway),
        ] {
            let expected = always.then_some(value);
            assert_eq!(json[key].as_str(), expected, "{name}: {key}");
        }
        let others: Vec<&String> = json
            .as_object()
            .expect("an object")
            .keys()
            .filter(|key| !key.starts_with("error_") && !key.starts_with("result"))
            .collect();
        assert!(others.iter().all(|key| *key == "detail"), "{name}: {json}");
        if Code::from_number(number).expect("known").surely_harmless() {
            let after = scene.traces();
            assert_eq!(
                (after.0, after.1),
                (before.0, before.1),
                "{name}: it changed nothing"
            );
            assert_eq!(after.2, 0, "{name}: no byte left");
        }
    }
}

#[tokio::test]
async fn r3_2_every_code_of_a_direct_call_is_caused_as_documented() {
    every_code_of(Invoke, ErrorStatus::Documented).await;
}

#[tokio::test]
async fn r3_2_every_code_of_a_direct_call_is_caused_under_http_statuses() {
    every_code_of(Invoke, ErrorStatus::Http).await;
}

#[tokio::test]
async fn r3_2_every_code_of_a_cancel_is_caused_as_documented() {
    every_code_of(Update, ErrorStatus::Documented).await;
}

#[tokio::test]
async fn r3_2_every_code_of_a_cancel_is_caused_under_http_statuses() {
    every_code_of(Update, ErrorStatus::Http).await;
}

#[tokio::test]
async fn r3_2_every_code_of_a_create_is_caused_as_documented() {
    every_code_of(Post, ErrorStatus::Documented).await;
}

#[tokio::test]
async fn r3_2_every_code_of_a_create_is_caused_under_http_statuses() {
    every_code_of(Post, ErrorStatus::Http).await;
}

#[tokio::test]
async fn a_call_that_is_not_spoilt_succeeds() {
    for (operation, status) in [(Invoke, 202), (Update, 200), (Post, 201)] {
        let scene = Scene::set(ErrorStatus::Documented, GatewayBody::Both).await;
        let got = scene.send(scene.sound(operation)).await;
        assert_eq!(got.status, status, "{}", got.text);
    }
}

#[tokio::test]
async fn gateway_exact_sends_two_members_for_the_gateways_codes_and_nothing_else_differs() {
    for operation in THREE {
        for Row(number, text, status, _, cause, by) in ROWS {
            if !by.contains(&operation) || ![TooMany, TokenWrong, OwnerUnknown].contains(cause) {
                continue;
            }
            let scene = Scene::set(ErrorStatus::Documented, GatewayBody::Exact).await;
            let request = scene.spoil(operation, *cause).await;
            let got = scene.send(request).await;
            let (code, message) = match cause {
                OwnerUnknown => ("error_code", "error_desc"),
                _ => ("resultcode", "resultmsg"),
            };
            let expected = format!(r#"{{"{code}":"{number}","{message}":"{text}"}}"#);
            assert_eq!((got.status, got.text), (*status, expected));
        }
    }
}

#[test]
fn no_code_of_the_three_tables_is_forgotten() {
    for operation in THREE {
        let documented: BTreeSet<&str> = operation
            .table()
            .iter()
            .flat_map(|(_, codes)| codes.iter().map(|code| code.number()))
            .collect();
        let caused: BTreeSet<&str> = ROWS
            .iter()
            .filter(|row| row.5.contains(&operation))
            .map(|row| row.0)
            .collect();
        let never: BTreeSet<&str> = NEVER
            .iter()
            .filter(|(of, ..)| *of == operation)
            .map(|(_, code, _)| *code)
            .collect();
        let covered: BTreeSet<&str> = caused.union(&never).copied().collect();
        let name = operation.name();
        assert!(
            documented.is_subset(&covered),
            "{name}: {:?}",
            documented.difference(&covered)
        );
        assert!(
            never.is_subset(&documented),
            "{name} lists none of {never:?}"
        );
        assert!(caused.is_disjoint(&never), "{name}");
    }
    let caused: BTreeSet<&str> = ROWS.iter().map(|row| row.0).collect();
    // Each of them by at least one of the three (R3.2).
    for code in [
        "100203", "100217", "100418", "100428", "100431", "100432", "100434", "100435", "100022",
        "102203", "100450", "1010009", "1010005", "100444", "100001", "100023", "50252", "100220",
        "101016", "101017", "100501", "100223", "100612",
    ] {
        assert!(caused.contains(code), "{code}");
    }
}

#[tokio::test]
async fn a_refused_frame_leaves_a_failed_call_and_no_byte() {
    let scene = Scene::set(ErrorStatus::Documented, GatewayBody::Both).await;
    let request = scene.spoil(Invoke, LinkRefuses).await;
    let (accepted, ..) = scene.traces();
    assert_eq!(scene.send(request).await.error(), (500, "50252".into()));
    scene.bench.dispatch.settle().await.expect("it runs");
    let tally = scene.bench.store.tally().expect("it can be read");
    assert_eq!(
        tally.accepted,
        accepted + 1,
        "it is no harmless code: the call is kept"
    );
    let last = scene.bench.store.latest_commands(Some(scene.near), None, 1);
    let last = &last.expect("it can be read")[0];
    assert_eq!(last.status(), delivery::Status::Failed);
    let left = scene.session.orders();
    let delivered =
        |order: &&server::south::Order| matches!(order, server::south::Order::Deliver(_));
    assert_eq!(left.iter().filter(delivered).count(), 0);
}
