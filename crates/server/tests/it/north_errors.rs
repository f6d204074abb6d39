//! Errors: their order, their form, and the faults that cause the rare ones (R3.1 to R3.4, R9.2).

use crate::north_support::{
    Bench, CANCEL_TASKS, COMMANDS, DEVICES, GROUPS, JOIN, LEAVE, LOGIN, LOGOUT, MEMBERS, REFRESH,
    REGISTER, REGISTER_V2, command, invoke,
};
use api::failure::GatewayBody;
use api::{Code, ErrorStatus, Operation};
use delivery::{DeviceId, Rules};
use server::faults::Fault;
use server::north::Settings;
use std::sync::Arc;
use store::{Memory, Sqlite, SqliteOptions};

const CANCEL: &str = r#"{"status":"CANCELED"}"#;
const CALL: &str = r#"{"header":{"mode":"ACK","method":"SET"}}"#;

/// A request of every operation that needs a token, with a body whose shape is right.
fn requests(device: DeviceId, command_id: &str, group: &str) -> Vec<(Operation, String, String)> {
    let mut all = requests_of_groups(device, group);
    all.extend([
        (
            Operation::RegDirectDevice,
            REGISTER.into(),
            r#"{"nodeId":"fresh"}"#.into(),
        ),
        (
            Operation::RegDirectDeviceWithSecret,
            REGISTER_V2.into(),
            r#"{"deviceInfo":{"nodeId":"fresh"}}"#.into(),
        ),
        (
            Operation::RefreshDeviceKey,
            format!("{REGISTER}/{device}"),
            "{}".into(),
        ),
        (
            Operation::RefreshDeviceSecret,
            format!("{REGISTER_V2}/{device}"),
            "{}".into(),
        ),
        (
            Operation::QueryDeviceStatus,
            format!("{REGISTER}/{device}"),
            String::new(),
        ),
        (
            Operation::ModifyDeviceInfo,
            format!("{DEVICES}/{device}"),
            "{}".into(),
        ),
        (
            Operation::DeleteDirectDevice,
            format!("{DEVICES}/{device}"),
            String::new(),
        ),
        (
            Operation::QuerySingleDeviceInfo,
            format!("{DEVICES}/{device}"),
            String::new(),
        ),
        (
            Operation::QueryBatchDevicesInfo,
            format!("{DEVICES}?pageNo=0"),
            String::new(),
        ),
        (
            Operation::PostDeviceCommand,
            COMMANDS.into(),
            command(device),
        ),
        (
            Operation::QueryDeviceCommand,
            COMMANDS.into(),
            String::new(),
        ),
        (
            Operation::UpdateDeviceCommand,
            format!("{COMMANDS}/{command_id}"),
            CANCEL.into(),
        ),
        (
            Operation::CreateDeviceCmdCancelTask,
            CANCEL_TASKS.into(),
            format!(r#"{{"deviceId":"{device}"}}"#),
        ),
        (
            Operation::QueryDeviceCmdCancelTask,
            CANCEL_TASKS.into(),
            String::new(),
        ),
        (Operation::InvokeDeviceService, invoke(device), CALL.into()),
        (
            Operation::PostDeviceCommandOld,
            format!("/iocm/app/cmd/v1.2.0/devices/{device}/commands"),
            command(device),
        ),
        (
            Operation::QueryDeviceCommandOld,
            "/iocm/app/cmd/v1.2.0/queryCmd".into(),
            String::new(),
        ),
        (
            Operation::CancelDeviceCommandOld,
            "/iocm/app/cmd/v1.2.0/cancelCmd".into(),
            format!(r#"{{"deviceId":"{device}"}}"#),
        ),
    ]);
    all
}

/// Those that are about groups.
fn requests_of_groups(device: DeviceId, group: &str) -> Vec<(Operation, String, String)> {
    let one = format!("{GROUPS}/{group}");
    let devices = format!(r#"{{"devGroupId":"{group}","deviceIds":["{device}"]}}"#);
    [
        (Operation::CreateDeviceGroup, GROUPS, r#"{"name":"fresh"}"#),
        (Operation::DeleteDeviceGroup, one.as_str(), ""),
        (
            Operation::ModifyDeviceGroup,
            one.as_str(),
            r#"{"name":"other"}"#,
        ),
        (Operation::QueryDeviceGroups, GROUPS, ""),
        (Operation::QuerySingleDeviceGroup, one.as_str(), ""),
        (
            Operation::QueryDeviceGroupMembers,
            &format!("{MEMBERS}?devGroupId={group}"),
            "",
        ),
        (Operation::AddDevicesToGroup, JOIN, devices.as_str()),
        (Operation::DeleteDevicesFromGroup, LEAVE, devices.as_str()),
    ]
    .map(|(operation, path, body)| (operation, path.to_owned(), body.to_owned()))
    .into()
}

/// Status and code as the operation's own table has them.
fn documented(operation: Operation, code: Code) -> (u16, String) {
    (
        operation.documented_status(code).as_u16(),
        code.number().to_owned(),
    )
}

async fn bench() -> (Bench, Vec<(Operation, String, String)>) {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let id = bench.queue(device).await;
    let group = bench.group("n", &[device]).await;
    let all = requests(device, &id, &group);
    (bench, all)
}

#[tokio::test]
async fn r3_1_what_comes_first_is_told_first_by_every_operation() {
    let (bench, all) = bench().await;
    assert_eq!(
        all.len(),
        Operation::ALL.iter().filter(|o| o.needs_token()).count()
    );
    let bearer = format!("Bearer {}", bench.token());
    let others = format!("Bearer {}", bench.login("other").await);
    let (app, token) = (("app_key", "app"), ("authorization", bearer.as_str()));
    for (operation, path, body) in &all {
        let method = operation.method();
        let request = |headers: Vec<(&'static str, &str)>, query: &str, body: &str| {
            let (bench, method) = (&bench, method.clone());
            let headers: Vec<(&str, String)> = headers
                .into_iter()
                .map(|(name, value)| (name, value.to_owned()))
                .collect();
            let query = if path.contains('?') {
                query.replacen('?', "&", 1)
            } else {
                query.to_owned()
            };
            let (path, body) = (format!("{path}{query}"), body.to_owned());
            async move {
                let headers: Vec<(&str, &str)> = headers
                    .iter()
                    .map(|(name, value)| (*name, value.as_str()))
                    .collect();
                bench
                    .raw(method.as_str(), &path, &headers, &body)
                    .await
                    .error()
            }
        };
        let is = |code| documented(*operation, code);
        let name = operation.name();
        bench.faults.set(Fault::Overload, 1);
        assert_eq!(
            request(vec![], "", "").await,
            is(Code::FlowControlled),
            "{name}"
        );
        assert_eq!(
            request(vec![token], "", "").await,
            is(Code::NoAppKey),
            "{name}"
        );
        assert_eq!(
            request(vec![("app_key", ""), token], "", "").await,
            is(Code::NoAppKey),
            "{name}"
        );
        assert_eq!(
            request(vec![app], "", "").await,
            is(Code::InvalidToken),
            "{name}"
        );
        assert_eq!(
            request(vec![app, ("authorization", "Bearer wrong")], "", "").await,
            is(Code::InvalidToken),
            "{name}"
        );
        assert_eq!(
            request(vec![app, ("authorization", others.as_str())], "", "").await,
            is(Code::InvalidToken),
            "{name}"
        );
        assert_eq!(
            request(vec![app, token], "?appId=nobody", body).await,
            is(Code::AppUnknown),
            "{name}"
        );
        assert_eq!(
            request(vec![app, token], "?appId=other", body).await,
            is(Code::NotAuthorised),
            "{name}"
        );
        if !body.is_empty() {
            let shape = request(vec![app, token], "?appId=nobody", "{").await;
            let codes = [
                Code::BadRequest,
                Code::InvalidInput,
                Code::InvalidInputNewer,
            ];
            let code = codes.into_iter().find(|code| operation.lists(*code));
            assert_eq!(
                shape,
                is(code.unwrap_or(Code::InvalidInput)),
                "{name}: shape goes before the application"
            );
        }
    }
}

#[tokio::test]
async fn r3_1_the_device_goes_before_the_service_and_the_profile() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    bench.model(device).await;
    // Offline goes before the service for a direct call; a queued command knows no offline.
    let got = bench
        .call("POST", &invoke(device).replace("Light", "Heavy"), CALL)
        .await;
    assert_eq!(got.error().1, "100428");
    let unknown = command(device)
        .replace(&device.to_string(), "x")
        .replace("Light", "Heavy");
    assert_eq!(
        bench.call("POST", COMMANDS, &unknown).await.error().1,
        "100418"
    );
    assert_eq!(
        bench
            .call("POST", COMMANDS, &command(device).replace("Light", "Heavy"))
            .await
            .error()
            .1,
        "100431"
    );
}

#[tokio::test]
async fn r3_1_texts_are_those_of_the_operations_own_table() {
    let (bench, all) = bench().await;
    for (operation, path, body) in &all {
        let got = bench
            .raw(
                operation.method().as_str(),
                path,
                &[("app_key", "app")],
                body,
            )
            .await
            .json();
        assert_eq!(
            got["error_desc"],
            Code::InvalidToken.text(Some(*operation)),
            "{}",
            operation.name()
        );
        assert_eq!(got["resultmsg"], got["error_desc"]);
    }
}

#[tokio::test]
async fn r9_2_a_handler_that_fails_is_the_operations_internal_error() {
    let (bench, all) = bench().await;
    for (operation, path, body) in &all {
        bench.faults.set(Fault::Handler, 1);
        let got = bench.call(operation.method().as_str(), path, body).await;
        assert_eq!(
            got.error(),
            documented(*operation, operation.internal()),
            "{}",
            operation.name()
        );
        assert!(got.json().get("detail").is_none() && got.headers.contains_key("x-request-id"));
    }
    for path in [LOGIN, REFRESH, LOGOUT] {
        bench.faults.set(Fault::Handler, 1);
        assert_eq!(
            bench.raw("POST", path, &[], "x").await.error(),
            (500, "50252".into()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn r9_2_a_row_that_does_not_decode_is_100023() {
    let (bench, all) = bench().await;
    let without_rows = [
        Operation::RegDirectDevice,
        Operation::RegDirectDeviceWithSecret,
    ];
    for (operation, path, body) in all
        .iter()
        .filter(|(operation, ..)| !without_rows.contains(operation))
    {
        bench.faults.set(Fault::Row, 1);
        let got = bench.call(operation.method().as_str(), path, body).await;
        assert_eq!(got.error(), (500, "100023".into()), "{}", operation.name());
        let text = Code::StoredDataAbnormal.text(Some(*operation));
        assert_eq!(got.json()["error_desc"], text);
    }
}

#[tokio::test]
async fn r9_2_a_session_or_a_callback_address_that_is_not_found_has_a_code() {
    let (bench, all) = bench().await;
    let of = |operation| {
        all.iter()
            .find(|(o, ..)| *o == operation)
            .cloned()
            .expect("it is one")
    };
    for operation in [
        Operation::PostDeviceCommand,
        Operation::UpdateDeviceCommand,
        Operation::InvokeDeviceService,
    ] {
        let (_, path, body) = of(operation);
        bench.faults.set(Fault::SessionLookup, 1);
        let got = bench.call(operation.method().as_str(), &path, &body).await;
        assert_eq!(got.error(), (500, "101016".into()), "{}", operation.name());
        assert_eq!(got.json()["error_desc"], "Get iotws address failed.");
    }
    let (_, path, body) = of(Operation::PostDeviceCommand);
    let body = body.replacen('{', r#"{"callbackUrl":"https://example.com:9/x","#, 1);
    bench.faults.set(Fault::CallbackAddress, 1);
    let got = bench.call("POST", &path, &body).await;
    assert_eq!(got.error(), (500, "101017".into()));
    let id = bench.call("POST", &path, &body).await.json()["commandId"]
        .as_str()
        .expect("an id")
        .to_owned();
    for (method, path, body) in [
        ("PUT", format!("{COMMANDS}/{id}"), CANCEL),
        ("GET", COMMANDS.to_owned(), ""),
    ] {
        bench.faults.set(Fault::CallbackAddress, 1);
        assert_eq!(
            bench.call(method, &path, body).await.error(),
            (500, "101017".into()),
            "{method}"
        );
    }
}

#[tokio::test]
async fn r3_4_unknown_paths_and_wrong_methods_are_json() {
    let bench = Bench::start().await;
    for path in [
        "/",
        "/nothing",
        "/iocm/app/cmd/v9.9.9/deviceCommands",
        "/iocm/app/cmd/v1.1.0/queryCmd",
    ] {
        let got = bench.call("GET", path, "").await;
        assert_eq!(
            got.text,
            r#"{"error_code":"200001","error_desc":"The resource is not found."}"#
        );
        assert_eq!(got.status, 404);
    }
    for (method, path, allow) in [
        ("DELETE", COMMANDS.to_owned(), "POST, GET"),
        ("GET", LOGIN.to_owned(), "POST"),
        ("GET", format!("{COMMANDS}/x"), "PUT"),
        ("PATCH", format!("{DEVICES}/x"), "PUT, DELETE, GET"),
        ("HEAD", COMMANDS.to_owned(), "POST, GET"),
    ] {
        let got = bench.call(method, &path, "").await;
        assert_eq!(got.error(), (405, "190405".into()));
        assert_eq!(got.headers["allow"], allow);
    }
}

#[tokio::test]
async fn error_status_http_says_what_happened() {
    let settings = Settings {
        error_status: ErrorStatus::Http,
        throttle_calls_max: 0,
        ..Settings::default()
    };
    let bench = Bench::with(settings, Rules::default()).await;
    let device = bench.device("n").await;
    let id = bench.queue(device).await;
    let cancel = format!("{COMMANDS}/{id}");
    assert_eq!(bench.call("PUT", &cancel, CANCEL).await.status, 200);
    assert_eq!(
        bench.call("PUT", &cancel, CANCEL).await.error(),
        (409, "100435".into())
    );
    assert_eq!(
        bench
            .call("PUT", &format!("{COMMANDS}/x"), CANCEL)
            .await
            .error(),
        (404, "100434".into())
    );
    assert_eq!(
        bench.call("POST", &invoke(device), CALL).await.error(),
        (403, "100428".into())
    );
    let unknown = command(device).replace(&device.to_string(), "x");
    assert_eq!(
        bench.call("POST", COMMANDS, &unknown).await.error(),
        (404, "100418".into())
    );
    assert_eq!(
        bench
            .call("GET", &format!("{COMMANDS}?appId=nobody"), "")
            .await
            .error(),
        (403, "100203".into())
    );
}

#[tokio::test]
async fn gateway_exact_sends_the_old_gateways_members_only() {
    let settings = Settings {
        gateway_body: GatewayBody::Exact,
        ..Settings::default()
    };
    let bench = Bench::with(settings, Rules::default()).await;
    let got = bench.raw("GET", COMMANDS, &[("app_key", "app")], "").await;
    assert_eq!(
        (got.status, got.text.as_str()),
        (
            403,
            r#"{"resultcode":"1010005","resultmsg":"Invalid access token or appId."}"#
        )
    );
}

#[tokio::test]
async fn r2_5_a_store_that_failed_acknowledges_nothing() {
    let memory = Arc::new(Memory::new());
    let bench = Bench::over(memory.clone(), Settings::default(), Rules::default()).await;
    let device = bench.device("n").await;
    memory.fail_next_commit();
    let got = bench.call("POST", COMMANDS, &command(device)).await;
    assert_eq!(got.error(), (500, "100001".into()));
    assert!(matches!(
        bench.shutdown.phase(),
        server::shutdown::Phase::Failed(_)
    ));
    assert_eq!(
        bench
            .call("POST", REGISTER, r#"{"nodeId":"o"}"#)
            .await
            .error(),
        (500, "100001".into())
    );
}

#[tokio::test]
async fn r2_5_a_full_disk_refuses_creates_and_lets_cancels_through() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = SqliteOptions::new(folder.path().join("db"));
    let store = Arc::new(Sqlite::open(options).expect("a database"));
    let (device, id, group) = {
        let bench = Bench::over(store.clone(), Settings::default(), Rules::default()).await;
        let device = bench.device("n").await;
        let id = bench.queue(device).await;
        let group = bench.group("n", &[device]).await;
        bench.dispatch.stop().await;
        (device, id, group)
    };
    let full = Settings {
        free_bytes_min: u64::MAX,
        ..Settings::default()
    };
    let bench = Bench::over(store, full, Rules::default()).await;
    for (operation, path, body) in &requests(device, &id, &group) {
        let got = bench.call(operation.method().as_str(), path, body).await;
        let creates = [
            Operation::RegDirectDevice,
            Operation::RegDirectDeviceWithSecret,
            Operation::PostDeviceCommand,
            Operation::PostDeviceCommandOld,
            Operation::InvokeDeviceService,
            Operation::CreateDeviceGroup,
            Operation::AddDevicesToGroup,
        ];
        if creates.contains(operation) {
            assert_eq!(got.error(), documented(*operation, Code::FlowControlled));
            assert_eq!(got.headers["retry-after"], "1");
        } else {
            let name = operation.name();
            assert_ne!(got.status, 503, "{name}");
        }
    }
}

#[tokio::test]
async fn r3_4_a_body_that_is_too_large_is_told() {
    let settings = Settings {
        body_bytes_max: 1_000,
        ..Settings::default()
    };
    let bench = Bench::with(settings, Rules::default()).await;
    let device = bench.device("n").await;
    let padded = |bytes: usize| {
        let body = command(device);
        let blanks = " ".repeat(bytes - body.len());
        format!("{body}{blanks}")
    };
    assert_eq!(
        bench.call("POST", COMMANDS, &padded(1_000)).await.status,
        201
    );
    let got = bench.call("POST", COMMANDS, &padded(1_001)).await;
    assert_eq!(
        (got.error(), got.detail().as_str()),
        ((413, "190413".into()), "at most 1000 bytes")
    );
    assert_eq!(got.headers["connection"], "close");
}
