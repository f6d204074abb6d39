//! What field clients do that no page says: tolerances 1 to 12. What needs a socket (chunks, one write) stands in `north_listener`, 14 in
//! `tls_listeners`.

use crate::north_support::{
    Bench, CANCEL_TASKS, COMMANDS, DEVICES, Got, LOGIN, LOGOUT, REFRESH, REGISTER, command, invoke,
};
use api::{Operation, paths};
use delivery::DeviceId;
use serde_json::{Value, json};

#[tokio::test]
async fn tolerance_1_the_token_comes_in_any_case_with_blanks_or_in_a_header_of_its_own() {
    let bench = Bench::start().await;
    let token = bench.token().to_owned();
    for (name, value) in [
        ("authorization", format!("Bearer {token}")),
        ("authorization", format!("bearer {token}")),
        ("Authorization", format!("BEARER  {token}")),
        ("access_token", token.clone()),
        ("Access_token", token.clone()),
    ] {
        for app_key in ["app_key", "App_key", "x-app-key"] {
            let got = bench
                .raw("GET", COMMANDS, &[(app_key, "app"), (name, &value)], "")
                .await;
            assert_eq!(got.status, 200, "{name} {app_key}");
        }
    }
}

#[tokio::test]
async fn tolerance_2_a_login_is_a_form_in_any_case_and_with_or_without_a_content_type() {
    let bench = Bench::start().await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    for (headers, body) in [
        (vec![form], "appId=app&secret=secret-of-app"),
        (vec![], "Secret=secret-of-app&appId=app"),
        (
            vec![("content-type", "application/json")],
            "APPID=app&SECRET=secret%2Dof%2Dapp&",
        ),
        (
            vec![("content-type", "application/json")],
            r#"{"appId":"app","Secret":"secret-of-app"}"#,
        ),
    ] {
        assert_eq!(
            bench.raw("POST", LOGIN, &headers, body).await.status,
            200,
            "{body}"
        );
    }
    let tokens = bench
        .raw("POST", LOGIN, &[], "appId=app&secret=secret-of-app")
        .await
        .json();
    let refresh =
        json!({"appId": "app", "secret": "secret-of-app", "refreshToken": tokens["refreshToken"]});
    let got = bench.raw("POST", REFRESH, &[], &refresh.to_string()).await;
    let token = got.json()["accessToken"].clone();
    let logout = json!({ "accessToken": token }).to_string();
    let got = bench.raw("POST", LOGOUT, &[], &logout).await;
    assert_eq!(got.status, 204, "without headers of its own");
    let token = bench.login("app").await;
    assert_eq!(
        bench
            .raw("POST", LOGOUT, &[form], &format!("accessToken={token}"))
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn tolerance_3_odd_queries_are_read_and_unknown_keys_ignored() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    bench.queue(device).await;
    for query in [
        "?&pageNo=0&pageSize=1",
        "?pageNo=0&pageSize=1&",
        "?pageSize=1&callbackUrl=https://h:1/p?a=b",
        "?pageSize=1&appid=nobody&app_Id=nobody&x",
        "?pageSize=1&appId%20=app",
        "?pageSize=1&appId=",
    ] {
        let json = bench
            .call("GET", &format!("{COMMANDS}{query}"), "")
            .await
            .json();
        assert_eq!(json["pagination"]["pageSize"], 1, "{query}");
        assert_eq!(json["data"].as_array().expect("a list").len(), 1, "{query}");
    }
    for query in [
        "?pageNo=0&nodeType=gateway",
        "?&pageNo=0&nodetype=x&nodeType=Gateway&",
    ] {
        let got = bench.call("GET", &format!("{DEVICES}{query}"), "").await;
        assert_eq!(got.json()["totalCount"], 1, "{query}");
    }
    let json = bench
        .call("GET", &format!("{CANCEL_TASKS}?status=success"), "")
        .await
        .json();
    assert_eq!(json["pagination"]["totalSize"], 0);
    assert_eq!(
        bench
            .call(
                "DELETE",
                &format!("{DEVICES}/{device}?cascade=TRUE&appId=app"),
                ""
            )
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn tolerance_4_double_and_trailing_slashes_do_no_harm() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let id = bench.queue(device).await;
    for path in [
        format!("{COMMANDS}/"),
        format!("/{COMMANDS}"),
        COMMANDS.replace("/cmd/", "//cmd//"),
    ] {
        assert_eq!(bench.call("GET", &path, "").await.status, 200, "{path}");
    }
    let got = bench
        .call(
            "PUT",
            &format!("{COMMANDS}//{id}/"),
            r#"{"status":"CANCELED"}"#,
        )
        .await;
    assert_eq!(got.json()["status"], "CANCELED");
}

#[tokio::test]
async fn tolerance_5_a_get_may_have_a_content_type_and_a_body() {
    let bench = Bench::start().await;
    assert_eq!(
        bench
            .with_headers("GET", COMMANDS, &[], r#"{"x":1}"#)
            .await
            .status,
        200
    );
    let device = bench.device("n").await;
    let got = bench
        .with_headers(
            "DELETE",
            &format!("{DEVICES}/{device}"),
            &[("content-length", "0")],
            "",
        )
        .await;
    assert_eq!(got.status, 204);
}

#[tokio::test]
async fn tolerance_6_nulls_strings_for_numbers_and_unknown_members_are_read() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let body = format!(
        r#"{{"deviceId":"{device}","requestId":"r","hasMore":0,"from":null,"CALLBACKURL":"https://example.com:9/x","expireTime":"60",
            "maxRetransmit":"2","command":{{"serviceId":"S","method":"M","paras":null,"hasMore":"0"}}}}"#
    );
    let json = bench.call("POST", COMMANDS, &body).await.json();
    assert_eq!(
        (&json["expireTime"], &json["maxRetransmit"]),
        (&json!(60), &json!(2))
    );
    assert_eq!(
        (&json["callbackUrl"], &json["command"]["paras"]),
        (&json!("https://example.com:9/x"), &json!({}))
    );
    for key in ["callbackurl", "callbackURL", "CallBackUrl"] {
        let body =
            command(device).replacen('{', &format!(r#"{{"{key}":"https://example.com:9/x","#), 1);
        let json = bench.call("POST", COMMANDS, &body).await.json();
        assert_eq!(json["callbackUrl"], "https://example.com:9/x", "{key}");
    }
    let body = r#"{"nodeId":"o","timeout":"0","isSecure":"TRUE","verifyCode":null,"deviceInfo":{"mute":"false","x":1},"y":[]}"#;
    assert_eq!(
        bench.call("POST", REGISTER, body).await.json()["timeout"],
        0
    );
    let session = bench.subscribe(device).await;
    let body = r#"{"header":{"mode":"ack","method":"M","toType":"gateway","callbackUrl":"https://example.com:9/x","to":null},"body":null,"z":1}"#;
    assert_eq!(bench.call("POST", &invoke(device), body).await.status, 202);
    assert!(!session.orders().is_empty());
}

/// The path of a template, for a device, a command of it and a group that it is in.
fn filled(template: &str, device: DeviceId, (command, group): (&str, &str)) -> String {
    let path = template
        .replace("{deviceId}", &device.to_string())
        .replace("{serviceId}", "Light")
        .replace("{deviceCommandId}", command)
        .replace("{devGroupId}", group);
    let query = match template.rsplit('/').next() {
        Some("devices") => "?pageNo=0".to_owned(),
        Some("ids") => format!("?devGroupId={group}"),
        _ => String::new(),
    };
    format!("{path}{query}")
}

/// A sound body of an operation, if it has one.
fn body_of(operation: Operation, (device, group): (DeviceId, &str), tokens: &Value) -> String {
    let credentials =
        json!({"appId": "app", "secret": "secret-of-app", "refreshToken": tokens["refreshToken"]});
    match operation {
        Operation::GetAuthToken => "appId=app&secret=secret-of-app".to_owned(),
        Operation::RefreshAuthToken => credentials.to_string(),
        Operation::LogoutAuthToken => json!({"accessToken": tokens["accessToken"]}).to_string(),
        Operation::RegDirectDevice => r#"{"nodeId":"fresh","verifyCode":"fresh"}"#.to_owned(),
        Operation::RegDirectDeviceWithSecret => r#"{"deviceInfo":{"nodeId":"fresh"}}"#.to_owned(),
        Operation::RefreshDeviceKey
        | Operation::RefreshDeviceSecret
        | Operation::ModifyDeviceInfo => "{}".to_owned(),
        Operation::PostDeviceCommand | Operation::PostDeviceCommandOld => command(device),
        Operation::UpdateDeviceCommand => r#"{"status":"CANCELED"}"#.to_owned(),
        Operation::CreateDeviceCmdCancelTask | Operation::CancelDeviceCommandOld => {
            json!({"deviceId": device.to_string()}).to_string()
        }
        Operation::InvokeDeviceService => {
            r#"{"header":{"mode":"NOACK","method":"SET"}}"#.to_owned()
        }
        Operation::QueryDeviceStatus
        | Operation::DeleteDirectDevice
        | Operation::QuerySingleDeviceInfo
        | Operation::QueryBatchDevicesInfo
        | Operation::QueryDeviceCommand
        | Operation::QueryDeviceCmdCancelTask
        | Operation::QueryDeviceCommandOld
        | Operation::DeleteDeviceGroup
        | Operation::QueryDeviceGroups
        | Operation::QuerySingleDeviceGroup
        | Operation::QueryDeviceGroupMembers => String::new(),
        Operation::CreateDeviceGroup | Operation::ModifyDeviceGroup => {
            r#"{"name":"fresh"}"#.to_owned()
        }
        Operation::AddDevicesToGroup | Operation::DeleteDevicesFromGroup => {
            json!({"devGroupId": group, "deviceIds": [device.to_string()]}).to_string()
        }
    }
}

/// A sound call at one of an operation's paths, on a platform of its own.
async fn sound_call(operation: Operation, template: &str) -> Got {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let session = bench.subscribe(device).await;
    let needs_reach = operation == Operation::InvokeDeviceService;
    if !needs_reach {
        bench.disconnect(&session).await;
    }
    let pending = bench.queue(device).await;
    let group = bench.group("n", &[device]).await;
    let login = || bench.raw("POST", LOGIN, &[], "appId=app&secret=secret-of-app");
    let tokens = if operation.needs_token() {
        Value::Null
    } else {
        login().await.json()
    };
    let body = body_of(operation, (device, &group), &tokens);
    let path = filled(template, device, (&pending, &group));
    bench.call(operation.method().as_str(), &path, &body).await
}

/// The names of an answer's members, whatever they hold.
fn members(got: &Got) -> Vec<String> {
    if got.text.is_empty() {
        return Vec::new();
    }
    let json = got.json();
    let names = json.as_object().expect("an object").keys();
    names
        .filter(|name| *name != "creationTime")
        .cloned()
        .collect()
}

#[tokio::test]
async fn tolerance_7_old_paths_lead_where_todays_do() {
    for &operation in Operation::ALL {
        let paths = paths::ROUTES.iter().filter(|(of, _)| *of == operation);
        let mut first: Option<Vec<String>> = None;
        for (_, template) in paths {
            let got = sound_call(operation, template).await;
            assert_eq!(
                got.status,
                operation.success().as_u16(),
                "{template}: {}",
                got.text
            );
            let members = members(&got);
            assert_eq!(
                *first.get_or_insert_with(|| members.clone()),
                members,
                "{template}"
            );
        }
        assert!(first.is_some(), "{} has no path", operation.name());
    }
}

#[tokio::test]
async fn tolerance_7_the_paths_of_every_old_version_are_served() {
    let served: Vec<&str> = paths::ROUTES.iter().map(|(_, path)| *path).collect();
    let mut wanted = vec![];
    for version in ["v1.1.0", "v1.2.0"] {
        wanted.push(format!("/iocm/app/reg/{version}/devices"));
    }
    for version in ["v1.1.0", "v1.2.0", "v1.3.0", "v1.4.0"] {
        wanted.push(format!("/iocm/app/dm/{version}/devices"));
        wanted.push(format!("/iocm/app/dm/{version}/devices/{{deviceId}}"));
    }
    for version in ["v1.2.0", "v1.3.0"] {
        wanted.push(format!(
            "/iocm/app/cmd/{version}/devices/{{deviceId}}/commands"
        ));
        wanted.push(format!("/iocm/app/cmd/{version}/queryCmd"));
        wanted.push(format!("/iocm/app/cmd/{version}/cancelCmd"));
    }
    for path in wanted {
        assert!(served.contains(&path.as_str()), "{path}");
    }
}

#[tokio::test]
async fn tolerance_7_the_old_command_calls_answer_in_their_own_shape() {
    let bench = Bench::start().await;
    let (device, other) = (bench.device("n").await, bench.device("o").await);
    bench.queue(other).await;
    let path = |name: &str| format!("/iocm/app/cmd/v1.2.0/{name}");
    let body = r#"{"command":{"serviceId":"S","method":"M","paras":{"a":1},"hasMore":0},"callbackUrl":"","expireTime":150}"#;
    let created = path(&format!("devices/{device}/commands"));
    let got = bench.call("POST", &created, body).await;
    let first = got.json();
    assert_eq!(got.status, 201);
    let expected = json!({
        "commandId": first["commandId"], "appId": "app", "deviceId": device.to_string(),
        "command": {"serviceId": "S", "method": "M", "paras": {"a": 1}}, "expireTime": 150,
        "result": {"resultCode": "PENDING"}, "creationTime": "20200913T122640Z", "issuedTimes": 0,
    });
    assert_eq!(first, expected);
    let query = path(&format!("queryCmd?deviceId={device}"));
    let list = bench.call("GET", &query, "").await.json();
    assert_eq!(list, json!({"totalCount": 1, "list": [expected]}));
    assert_eq!(
        bench.call("GET", &path("queryCmd"), "").await.json()["totalCount"],
        2,
        "those of every device"
    );
    // It is the same queue: today's list has them, and a session gets them.
    let today = bench.call("GET", COMMANDS, "").await.json();
    assert_eq!(today["data"][0]["commandId"], first["commandId"]);
    let session = bench.subscribe(device).await;
    let order = session.orders().remove(0);
    bench.answer(&session, &order, Some(r#"{"b":2}"#)).await;
    let done = bench.call("GET", &query, "").await.json();
    let result = &done["list"][0]["result"];
    assert_eq!(
        *result,
        json!({"resultCode": "SUCCESSFUL", "resultDetail": {"b": 2}})
    );
    let cancel = json!({"deviceId": other.to_string()}).to_string();
    let cancelled = bench.call("POST", &path("cancelCmd"), &cancel).await;
    assert_eq!(cancelled.status, 200);
    let cancelled = cancelled.json();
    assert_eq!(cancelled["totalCount"], 1);
    assert_eq!(cancelled["list"][0]["result"]["resultCode"], "CANCELED");
    let again = bench.call("POST", &path("cancelCmd"), &cancel).await.json();
    assert_eq!(again, json!({"totalCount": 0, "list": []}));
    let unknown = path("devices/nobody/commands");
    let got = bench.call("POST", &unknown, body).await;
    assert_eq!(got.error(), (200, "100418".into()));
}

#[tokio::test]
async fn tolerance_8_every_answer_but_204_has_its_type_and_204_has_neither() {
    // `Got` checks this of every answer of these tests; here, one of each status.
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let path = format!("{DEVICES}/{device}");
    for (method, path, body, status) in [
        ("GET", COMMANDS, String::new(), 200),
        ("POST", COMMANDS, command(device), 201),
        ("PUT", &path, "{}".to_owned(), 204),
        ("POST", COMMANDS, "{".to_owned(), 400),
        ("GET", "/nowhere", String::new(), 404),
        ("DELETE", COMMANDS, String::new(), 405),
        ("DELETE", &path, String::new(), 204),
    ] {
        let got = bench.call(method, path, &body).await;
        assert_eq!(got.status, status, "{method} {path}");
        let of_json = got
            .headers
            .get("content-type")
            .map(http::HeaderValue::as_bytes);
        let expected = (status != 204).then_some(b"application/json".as_slice());
        assert_eq!(of_json, expected, "{method} {path}");
        assert_eq!(got.text.is_empty(), status == 204, "{method} {path}");
    }
}

#[tokio::test]
async fn tolerance_9_codes_are_strings_at_the_top_level_of_errors_alone() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let huge = format!(r#"{{"x":"{}"}}"#, "x".repeat(1_100_000));
    for (method, path, body, code) in [
        ("GET", "/nowhere".to_owned(), String::new(), "200001"),
        ("PATCH", COMMANDS.to_owned(), String::new(), "190405"),
        ("POST", COMMANDS.to_owned(), huge, "190413"),
        ("POST", COMMANDS.to_owned(), "{".to_owned(), "100022"),
        ("POST", COMMANDS.to_owned(), "\u{1}".to_owned(), "100022"),
        (
            "PUT",
            format!("{COMMANDS}/x"),
            r#"{"status":"CANCELED"}"#.to_owned(),
            "100434",
        ),
    ] {
        let got = bench.call(method, &path, &body).await;
        let json = got.json();
        assert_eq!(json["error_code"].as_str(), Some(code), "{method} {path}");
        assert!(json["error_desc"].is_string());
    }
    // A success never has the word, not even where the client's own texts stand.
    for (method, path, body) in [
        ("GET", COMMANDS.to_owned(), String::new()),
        ("GET", format!("{DEVICES}/{device}"), String::new()),
        ("POST", COMMANDS.to_owned(), command(device)),
    ] {
        let got = bench.call(method, &path, &body).await;
        assert!(got.status < 300 && !got.text.contains("error_code"));
    }
}

#[tokio::test]
async fn tolerance_10_result_and_its_detail_are_objects_or_null_and_integers_never_null() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let session = bench.subscribe(device).await;
    for detail in [
        None,
        Some(r#"{"a":1}"#),
        Some(r#""text""#),
        Some("[1]"),
        Some("3"),
        Some("not JSON"),
    ] {
        bench.queue(device).await;
        let order = session.orders().remove(0);
        bench.answer(&session, &order, detail).await;
        let json = bench
            .call("GET", &format!("{COMMANDS}?pageSize=1"), "")
            .await
            .json();
        let command = &json["data"][0];
        let shown = &command["result"]["resultDetail"];
        assert!(
            if detail == Some(r#"{"a":1}"#) {
                shown.is_object()
            } else {
                *shown == Value::Null
            },
            "{command}"
        );
        assert!(command["result"].is_object());
        for integer in ["expireTime", "issuedTimes", "maxRetransmit"] {
            assert!(command[integer].is_u64(), "{integer}");
        }
        let unset = command
            .as_object()
            .expect("an object")
            .values()
            .any(Value::is_null);
        assert!(!unset, "{command}");
    }
}

#[tokio::test]
async fn tolerance_11_the_invocations_answer_carries_its_moment_twice() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let _session = bench.subscribe(device).await;
    let json = bench
        .call(
            "POST",
            &invoke(device),
            r#"{"header":{"mode":"ACK","method":"M"}}"#,
        )
        .await
        .json();
    assert_eq!(json["timestamp"], json["timeStamp"]);
    assert_eq!(json["timestamp"], "20200913T122640Z");
}

#[tokio::test]
async fn tolerance_12_success_statuses_are_exact() {
    // As Appendix A has them, written out once more.
    let statuses: [(Operation, u16); 29] = [
        (Operation::GetAuthToken, 200),
        (Operation::RefreshAuthToken, 200),
        (Operation::LogoutAuthToken, 204),
        (Operation::RegDirectDevice, 200),
        (Operation::RegDirectDeviceWithSecret, 200),
        (Operation::RefreshDeviceKey, 200),
        (Operation::RefreshDeviceSecret, 200),
        (Operation::QueryDeviceStatus, 200),
        (Operation::ModifyDeviceInfo, 204),
        (Operation::DeleteDirectDevice, 204),
        (Operation::QuerySingleDeviceInfo, 200),
        (Operation::QueryBatchDevicesInfo, 200),
        (Operation::PostDeviceCommand, 201),
        (Operation::QueryDeviceCommand, 200),
        (Operation::UpdateDeviceCommand, 200),
        (Operation::CreateDeviceCmdCancelTask, 201),
        (Operation::QueryDeviceCmdCancelTask, 200),
        (Operation::InvokeDeviceService, 202),
        (Operation::PostDeviceCommandOld, 201),
        (Operation::QueryDeviceCommandOld, 200),
        (Operation::CancelDeviceCommandOld, 200),
        (Operation::CreateDeviceGroup, 200),
        (Operation::DeleteDeviceGroup, 204),
        (Operation::ModifyDeviceGroup, 200),
        (Operation::QueryDeviceGroups, 200),
        (Operation::QuerySingleDeviceGroup, 200),
        (Operation::QueryDeviceGroupMembers, 200),
        (Operation::AddDevicesToGroup, 200),
        (Operation::DeleteDevicesFromGroup, 200),
    ];
    assert_eq!(statuses.map(|(operation, _)| operation), Operation::ALL);
    for (operation, status) in statuses {
        let path = paths::ROUTES.iter().find(|(of, _)| *of == operation);
        let (_, template) = path.expect("every operation has one");
        let got = sound_call(operation, template).await;
        assert_eq!(got.status, status, "{}", operation.name());
    }
}
