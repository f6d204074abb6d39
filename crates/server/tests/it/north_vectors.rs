//! Requests that were recorded from field clients, replayed with real ids.

use crate::north_support::{Bench, CANCEL_TASKS, COMMANDS};
use api::Operation;
use api::paths::{self, Route};
use http::Method;
use serde_json::Value;
use std::collections::BTreeMap;

const RECORDED: [&str; 3] = [
    include_str!("../../../../vectors/northbound-a.jsonl"),
    include_str!("../../../../vectors/northbound-b.jsonl"),
    include_str!("../../../../vectors/northbound-c.jsonl"),
];

/// Ids of devices and of a command in the recordings.
const DEVICES: [&str; 5] = [
    "42517443-8c1b-4a58-b65e-194c00f77d4e",
    "09691354-872d-49a1-9c1c-a18512f10ae2",
    "7c1f4b1e-0000-4000-8000-000000000001",
    "cb15cbb6-04ce-4e2b-bf35-d6a264c74646",
    "dev-1",
];
const COMMAND: &str = "aa5a6a0c-0000-4000-8000-000000000002";

fn text(line: &Value, member: &str) -> String {
    line[member].as_str().unwrap_or_default().to_owned()
}

fn operation(line: &Value) -> Option<Operation> {
    let method: Method = text(line, "method").parse().expect("a method");
    match paths::find(
        &method,
        text(line, "path").split('?').next().unwrap_or_default(),
    ) {
        Route::Found(operation, _) => Some(operation),
        Route::WrongMethod(_) | Route::Unknown => None,
    }
}

/// Replays one recorded request with the ids of this bench; gives the status.
async fn replay(bench: &Bench, line: &Value, ids: &[(String, String)]) -> u16 {
    let swap = |text: String| {
        ids.iter()
            .fold(text, |text, (old, new)| text.replace(old, new))
    };
    let headers = line["headers"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|pair| {
            let (name, value) = (
                pair[0].as_str().expect("a name"),
                pair[1].as_str().expect("a value"),
            );
            (name.to_owned(), swap(value.to_owned()))
        });
    let is_framing = |name: &str| {
        ["content-length", "transfer-encoding", "connection"]
            .iter()
            .any(|f| f.eq_ignore_ascii_case(name))
    };
    let headers: Vec<(String, String)> = headers.filter(|(name, _)| !is_framing(name)).collect();
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let got = bench
        .raw(
            &text(line, "method"),
            &swap(text(line, "path")),
            &headers,
            &swap(text(line, "body")),
        )
        .await;
    assert!(
        !got.text.contains("error_code") || operation(line).is_none(),
        "{line}: {}",
        got.text
    );
    got.status
}

#[tokio::test]
async fn every_recorded_request_of_a_served_operation_succeeds_with_its_exact_status() {
    let mut replayed: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, recorded) in RECORDED.iter().enumerate() {
        for (line_number, line) in recorded.lines().enumerate() {
            let line: Value = serde_json::from_str(line).expect("JSON");
            let Some(operation) = operation(&line) else {
                continue;
            };
            // Each starts afresh, for one deletes what another one shows.
            let bench = Bench::start().await;
            let device = bench.device(&format!("node-{number}-{line_number}")).await;
            let command = bench.queue(device).await;
            if operation == Operation::RefreshDeviceKey {
                let session = bench.connect(device).await;
                bench.disconnect(&session).await;
            }
            let _session = match operation {
                Operation::InvokeDeviceService => Some(bench.subscribe(device).await),
                _ => None,
            };
            bench.add_application(1, "testAppId", true).await;
            let login = |secret: &str| format!("appId=testAppId&secret={secret}");
            let tokens = bench
                .raw(
                    "POST",
                    "/iocm/app/sec/v1.1.0/login",
                    &[],
                    &login("secret-of-testAppId"),
                )
                .await
                .json();
            let token = text(&tokens, "accessToken");
            let mut ids: Vec<(String, String)> = DEVICES
                .iter()
                .map(|old| ((*old).to_owned(), device.to_string()))
                .collect();
            for (old, new) in [
                (COMMAND, command.as_str()),
                ("mock-access2", token.as_str()),
                ("mock-access", token.as_str()),
                (
                    "mock-refresh",
                    tokens["refreshToken"].as_str().expect("a token"),
                ),
                ("testSecret", "secret-of-testAppId"),
            ] {
                ids.push((old.to_owned(), new.to_owned()));
            }
            let status = replay(&bench, &line, &ids).await;
            assert_eq!(status, operation.success().as_u16(), "{line}");
            *replayed.entry(operation.name()).or_default() += 1;
        }
    }
    for name in [
        "getAuthToken",
        "refreshAuthToken",
        "regDirectDevice",
        "modifyDeviceInfo",
        "deleteDirectDevice",
        "postDeviceCommand",
    ] {
        assert!(
            replayed.contains_key(name),
            "{name} was not recorded: {replayed:?}"
        );
    }
    assert!(replayed.values().sum::<usize>() > 20, "{replayed:?}");
}

#[tokio::test]
async fn recorded_requests_of_other_operations_get_an_error_in_json() {
    let bench = Bench::start().await;
    let others = RECORDED
        .iter()
        .flat_map(|recorded| recorded.lines())
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    for line in others.filter(|line| operation(line).is_none()) {
        let status = replay(&bench, &line, &[]).await;
        assert!([404, 405].contains(&status), "{line}: {status}");
    }
}

#[tokio::test]
async fn the_transcript_of_2017_is_followed() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let id = bench.queue(device).await;
    assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()));
    let list = bench.call("GET", COMMANDS, "").await.json();
    assert_eq!(list["pagination"]["pageSize"], 1000);
    let cancelled = bench
        .call(
            "PUT",
            &format!("{COMMANDS}/{id}"),
            r#"{"status":"CANCELED"}"#,
        )
        .await;
    assert_eq!(
        (cancelled.status, &cancelled.json()["status"]),
        (200, &"CANCELED".into())
    );
    let task = format!(r#"{{"deviceId":"{device}"}}"#);
    let running = bench.call("POST", CANCEL_TASKS, &task).await;
    assert_eq!(
        (running.status, &running.json()["status"]),
        (201, &"RUNNING".into())
    );
    let later = bench.call("GET", CANCEL_TASKS, "").await.json();
    assert_eq!(
        (&later["data"][0]["status"], &later["data"][0]["totalCount"]),
        (&"FAILED".into(), &0.into())
    );
}
