//! Requests that were recorded from field clients, replayed over a socket byte for byte.
//!
//! The platform is given the recorded application, secret, tokens and device ids, so that little is left to be substituted:
//! [`SUBSTITUTED`]. Each recorded line is either replayed, with its exact status, or named with the reason why it is not.

use crate::north_support::{Bench, CANCEL_TASKS, COMMANDS, GROUPS, PATIENCE};
use api::Operation;
use api::paths::{self, Route};
use delivery::{AppKey, DeviceId};
use http::Method;
use serde_json::Value;
use server::secrets::{digest, hash_secret};
use std::net::SocketAddr;
use std::time::Duration;
use store::{Application, Device, Token, TokenKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const RECORDED: [(&str, &str); 3] = [
    ("a", include_str!("../../../../vectors/northbound-a.jsonl")),
    ("b", include_str!("../../../../vectors/northbound-b.jsonl")),
    ("c", include_str!("../../../../vectors/northbound-c.jsonl")),
];

/// What cannot be as it was recorded, and what stands in its place. Every other byte is sent as it was.
const SUBSTITUTED: [(&str, Instead); 3] = [
    // No ids of ours have these forms.
    ("aa5a6a0c-0000-4000-8000-000000000002", Instead::Command),
    ("grp-1", Instead::Group),
    ("dev-1", Instead::Device),
];

enum Instead {
    /// A pending command of the device.
    Command,
    /// A group of the application's.
    Group,
    /// The device.
    Device,
}

/// The devices of the recordings, under their own ids.
const DEVICES: [&str; 5] = [
    "42517443-8c1b-4a58-b65e-194c00f77d4e",
    "09691354-872d-49a1-9c1c-a18512f10ae2",
    "7c1f4b1e-0000-4000-8000-000000000001",
    "cb15cbb6-04ce-4e2b-bf35-d6a264c74646",
    "ab5dfcec-b156-40c7-86a9-0dc3cbb7bad6",
];
const CALLED: usize = 1;
const REFRESHED: usize = 2;

/// File, line, status: what is replayed.
const REPLAYED: &[(&str, usize, u16)] = &[
    ("a", 1, 200),
    ("a", 2, 200),
    ("a", 3, 201),
    ("a", 4, 200),
    ("a", 5, 200),
    ("a", 6, 201),
    ("a", 7, 200),
    ("a", 8, 202),
    ("a", 9, 200),
    ("a", 10, 204),
    ("a", 11, 200),
    ("a", 14, 200),
    ("a", 15, 204),
    ("a", 16, 200),
    ("a", 17, 200),
    ("a", 31, 200),
    ("a", 32, 200),
    ("a", 33, 200),
    ("a", 34, 200),
    ("a", 35, 200),
    ("a", 36, 204),
    ("a", 37, 204),
    ("a", 38, 200),
    ("a", 39, 204),
    ("a", 40, 200),
    ("a", 41, 204),
    ("b", 1, 200),
    ("b", 2, 200),
    ("b", 3, 204),
    ("b", 4, 200),
    ("b", 6, 201),
    ("c", 1, 200),
    ("c", 2, 200),
    ("c", 3, 201),
];

/// File, lines, why they are not replayed. They get 404 with a body in JSON.
const NOT_SERVED: &[(&str, &[usize], &str)] = &[
    (
        "a",
        &[12, 13, 19],
        "device shadows [3.7] are not served yet",
    ),
    ("a", &[18], "the history of reports [4.3] is not served yet"),
    ("b", &[5], "the history of reports [4.3] is not served yet"),
    (
        "a",
        &[20],
        "the capabilities of devices [4.4] are not served yet",
    ),
    (
        "a",
        &[21, 22, 23, 24, 25, 26, 27],
        "subscriptions [7] are not served yet",
    ),
    ("a", &[28, 29, 30], "batch tasks [9] are not served yet"),
];

/// A recorded request.
struct Line {
    file: &'static str,
    number: usize,
    json: Value,
}

impl Line {
    fn text(&self, member: &str) -> &str {
        self.json[member]
            .as_str()
            .expect("a recorded request has it")
    }

    fn operation(&self) -> Option<Operation> {
        let method: Method = self.text("method").parse().expect("a method");
        let path = self.text("path").split('?').next().unwrap_or_default();
        match paths::find(&method, path) {
            Route::Found(operation, _) => Some(operation),
            Route::WrongMethod(_) | Route::Unknown => None,
        }
    }

    /// The bytes that were sent, with what cannot be as it was replaced.
    fn bytes(&self, instead: impl Fn(&Instead) -> String) -> Vec<u8> {
        let swap = |text: &str| {
            SUBSTITUTED
                .iter()
                .fold(text.to_owned(), |text, (old, new)| {
                    text.replace(old, &instead(new))
                })
        };
        let body = swap(self.text("body"));
        let mut head = format!(
            "{} {} HTTP/1.1\r\n",
            self.text("method"),
            swap(self.text("path"))
        );
        let mut chunked = false;
        for pair in self.json["headers"].as_array().expect("a list") {
            let (name, value) = (pair[0].as_str(), pair[1].as_str());
            let (name, value) = (name.expect("a name"), value.expect("a value"));
            if name.eq_ignore_ascii_case("content-length") {
                assert_eq!(
                    value,
                    body.len().to_string(),
                    "{}{}",
                    self.file,
                    self.number
                );
            }
            chunked |= name.eq_ignore_ascii_case("transfer-encoding");
            for part in [name, ": ", value, "\r\n"] {
                head.push_str(part);
            }
        }
        head += "\r\n";
        let framed = if chunked {
            format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
        } else {
            body
        };
        head.push_str(&framed);
        head.into_bytes()
    }
}

fn recorded() -> impl Iterator<Item = Line> {
    RECORDED.iter().flat_map(|(file, text)| {
        text.lines().enumerate().map(|(place, line)| Line {
            file,
            number: place + 1,
            json: serde_json::from_str(line).expect("JSON"),
        })
    })
}

/// Sends a request as it is; the status of the answer and its body.
async fn send(address: SocketAddr, request: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(request).await.expect("it reads");
    let mut got = Vec::new();
    let whole = async {
        loop {
            let text = String::from_utf8_lossy(&got).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    let is_length = name.eq_ignore_ascii_case("content-length");
                    is_length.then(|| value.trim().parse::<usize>().expect("a length"))
                });
                if body.len() >= length.unwrap_or(0) {
                    return (head.to_owned(), body.to_owned());
                }
            }
            let read = stream.read_buf(&mut got).await.expect("it answers");
            assert_ne!(read, 0, "it ends in the middle: {text}");
        }
    };
    let (head, body) = tokio::time::timeout(PATIENCE, whole)
        .await
        .expect("it answers in time");
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    (status.expect("a status"), body)
}

/// The platform of the recordings: application, secret, tokens, devices.
async fn platform() -> Bench {
    let bench = Bench::start().await;
    let key = AppKey(7);
    let now = bench.clock.now();
    let model = bench.registry.application("app").expect("it is there");
    let app = Application {
        key,
        app_id: "testAppId".into(),
        secret_hash: hash_secret(&"testSecret".to_owned().into()),
        ..Application::clone(&model)
    };
    bench.registry.keep_application(app).await.expect("kept");
    let token = |text: &str, kind| Token {
        digest: digest(text),
        app: key,
        kind,
        valid_until: now + Duration::from_hours(1),
    };
    let tokens = vec![
        token("mock-access", TokenKind::Access),
        token("mock-access2", TokenKind::Access),
        token("mock-refresh", TokenKind::Refresh),
    ];
    bench
        .registry
        .renew_tokens(key, tokens, None)
        .await
        .expect("kept");
    let template = bench.device("template").await;
    let template = bench.registry.device(template).await.expect("read");
    let template = Device::clone(&template.expect("it is there"));
    for id in DEVICES {
        let device = Device {
            id: id.parse().expect("an id"),
            app: key,
            node_id: id.to_owned(),
            ..template.clone()
        };
        bench.registry.add_device(device).await.expect("kept");
    }
    bench
}

#[tokio::test]
async fn every_recorded_request_of_a_served_operation_is_answered_with_its_exact_status() {
    for line in recorded() {
        let row = REPLAYED
            .iter()
            .find(|(file, number, _)| (*file, *number) == (line.file, line.number));
        let Some((.., expected)) = row else { continue };
        let name = format!("northbound-{}.jsonl, line {}", line.file, line.number);
        let operation = line.operation().expect("it is served");
        // Each starts afresh, for one deletes what another one shows.
        let bench = platform().await;
        let device = |place: usize| DEVICES[place].parse::<DeviceId>().expect("an id");
        let command = {
            let body = crate::north_support::command(device(0));
            let headers = [("app_key", "testAppId"), ("access_token", "mock-access")];
            let got = bench.raw("POST", COMMANDS, &headers, &body).await;
            got.json()["commandId"].as_str().expect("an id").to_owned()
        };
        let headers = [("app_key", "testAppId"), ("access_token", "mock-access")];
        let group = bench.raw("POST", GROUPS, &headers, r#"{"name":"recorded"}"#);
        let group = group.await.json()["id"].as_str().expect("an id").to_owned();
        let _called = bench.subscribe(device(CALLED)).await;
        if operation == Operation::RefreshDeviceKey {
            let session = bench.connect(device(REFRESHED)).await;
            bench.disconnect(&session).await;
        }
        let request = line.bytes(|instead| match instead {
            Instead::Command => command.clone(),
            Instead::Group => group.clone(),
            Instead::Device => DEVICES[0].to_owned(),
        });
        let (status, body) = send(bench.listen().await, &request).await;
        assert_eq!(status, *expected, "{name}: {body}");
        assert_eq!(status, operation.success().as_u16(), "{name}");
        assert!(!body.contains("error_code"), "{name}: {body}");
    }
}

#[tokio::test]
async fn recorded_requests_of_other_operations_get_an_error_in_json() {
    let bench = platform().await;
    let address = bench.listen().await;
    for line in recorded().filter(|line| line.operation().is_none()) {
        let request = line.bytes(|_| DEVICES[0].to_owned());
        let (status, body) = send(address, &request).await;
        assert_eq!(status, 404, "{}{}", line.file, line.number);
        let json: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(json["error_code"], "200001");
    }
}

#[test]
fn every_recorded_line_stands_in_exactly_one_list() {
    for line in recorded() {
        let here = (line.file, line.number);
        let replayed = REPLAYED
            .iter()
            .filter(|(file, number, _)| (*file, *number) == here)
            .count();
        let left_out = NOT_SERVED
            .iter()
            .filter(|(file, numbers, _)| *file == here.0 && numbers.contains(&here.1))
            .count();
        assert_eq!(replayed + left_out, 1, "{here:?}");
        assert_eq!(replayed == 1, line.operation().is_some(), "{here:?}");
    }
    let all = recorded().count();
    let listed: usize = NOT_SERVED.iter().map(|(_, numbers, _)| numbers.len()).sum();
    assert_eq!(
        REPLAYED.len() + listed,
        all,
        "a list names a line that is not there"
    );
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
