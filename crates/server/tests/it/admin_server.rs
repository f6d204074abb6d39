//! A whole server in this process, started from its settings: started, asked, failed, stopped and started again.

use crate::harness::PATIENCE;
use serde_json::{Value, json};
use server::admin::client::{Client, ClientError, Method, StatusCode};
use server::admin::wire::{
    ApplicationView, ClockView, CommandPage, CommandView, HistoryView, ProfileAdded,
};
use server::assembly::{EndError, Running, Server, StartError};
use server::config::Config;
use std::path::Path;
use tempfile::TempDir;

/// A server on free ports, with the test clock, and its folder.
struct Local {
    folder: TempDir,
    running: Running,
    admin: Client,
}

impl Local {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let running = start(folder.path()).await.expect("started");
        let admin = running.admin().expect("its door");
        Self {
            folder,
            running,
            admin,
        }
    }

    async fn status(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let body = serde_json::to_vec(body).expect("JSON");
        let (status, answer) = self
            .admin
            .exchange(method, path, body.into())
            .await
            .expect("an answer");
        (
            status,
            serde_json::from_slice(&answer).unwrap_or(Value::Null),
        )
    }
}

fn settings(folder: &Path) -> Config {
    let mut config = Config::local(folder);
    config.clock.test = true;
    config
}

async fn start(folder: &Path) -> Result<Running, StartError> {
    Server::new(settings(folder)).start().await
}

/// A call of the northbound interface, over a connection of its own.
async fn north(running: &Running, request: &str) -> (u16, Value) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(running.ports.north)
        .await
        .expect("connected");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
    read.expect("in time").expect("read");
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .expect("a status");
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

async fn post(running: &Running, path: &str, head: &str, body: &str) -> (u16, Value) {
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}Content-Length: {length}\r\n\r\n{body}"
    );
    north(running, &request).await
}

/// Logs in with a new application, registers a device and queues a command; returns the command's id and the headers.
async fn queue(local: &Local, expire_s: u32) -> (String, String) {
    let app: ApplicationView = local
        .admin
        .send(
            Method::POST,
            "/downlink/v1/applications",
            &json!({"appId": "app"}),
        )
        .await
        .expect("created");
    let form = format!("appId=app&secret={}", app.secret.expect("shown once"));
    let (status, login) = post(&local.running, "/iocm/app/sec/v1.1.0/login", "", &form).await;
    assert_eq!(status, 200, "{login}");
    let token = login["accessToken"].as_str().expect("a token");
    let head = format!(
        "app_key: app\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    );
    let register = r#"{"nodeId":"meter-1","timeout":0}"#;
    let (status, device) = post(
        &local.running,
        "/iocm/app/reg/v1.1.0/deviceCredentials",
        &head,
        register,
    )
    .await;
    assert_eq!(status, 200, "{device}");
    let command = json!({
        "deviceId": device["deviceId"],
        "command": {"serviceId": "Valve", "method": "SET", "paras": {"open": 1}},
        "expireTime": expire_s,
    });
    let (status, command) = post(
        &local.running,
        "/iocm/app/cmd/v1.4.0/deviceCommands",
        &head,
        &command.to_string(),
    )
    .await;
    assert_eq!(status, 201, "{command}");
    (
        command["commandId"].as_str().expect("an id").to_owned(),
        head,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_door_asks_for_the_token_except_for_health_and_numbers() {
    let local = Local::start().await;
    let request = |path: &str| {
        let admin = local.running.ports.admin;
        let path = path.to_owned();
        async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let mut stream = tokio::net::TcpStream::connect(admin)
                .await
                .expect("connected");
            let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).await.expect("written");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("read");
            answer
        }
    };
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert!(request(path).await.starts_with("HTTP/1.1 200"), "{path}");
    }
    let refused = request("/downlink/v1/applications").await;
    assert!(
        refused.starts_with("HTTP/1.1 401") && refused.contains("admin.token"),
        "{refused}"
    );
    let (status, apps) = local
        .status(Method::GET, "/downlink/v1/applications", &Value::Null)
        .await;
    assert_eq!((status.as_u16(), apps), (200, json!([])));
    let (status, problem) = local
        .status(Method::GET, "/downlink/v1/nothing", &Value::Null)
        .await;
    assert_eq!(
        (status.as_u16(), &problem["error"]),
        (404, &json!("not_found"))
    );
    let (status, problem) = local
        .status(Method::DELETE, "/downlink/v1/applications", &Value::Null)
        .await;
    assert_eq!(
        (status.as_u16(), &problem["error"]),
        (405, &json!("method"))
    );
    local.running.stop().await.expect("a good end");
}

#[tokio::test(flavor = "multi_thread")]
async fn applications_are_made_listed_and_throttled() {
    let local = Local::start().await;
    let path = "/downlink/v1/applications";
    let made: ApplicationView = local
        .admin
        .send(Method::POST, path, &json!({}))
        .await
        .expect("created");
    assert!(made.secret.is_some() && made.throttled && !made.app_id.is_empty());
    let (status, _) = local
        .status(Method::POST, path, &json!({"appId": made.app_id}))
        .await;
    assert_eq!(status, StatusCode::CONFLICT);
    for wrong in [
        json!({"appId": "a b"}),
        json!({"appId": ""}),
        json!({"secret": ""}),
        json!({"id": "x"}),
        json!([]),
    ] {
        let (status, problem) = local.status(Method::POST, path, &wrong).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}: {problem}");
    }
    let one = format!("{path}/{}", made.app_id);
    let (status, changed) = local
        .status(Method::PATCH, &one, &json!({"throttled": false}))
        .await;
    assert_eq!(
        (status.as_u16(), &changed["throttled"]),
        (200, &json!(false))
    );
    let (status, _) = local
        .status(
            Method::PATCH,
            &format!("{path}/none"),
            &json!({"throttled": false}),
        )
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let listed: Vec<ApplicationView> = local.admin.read(path).await.expect("listed");
    assert_eq!(listed.len(), 1);
    assert!(listed[0].secret.is_none() && !listed[0].throttled);
    local.running.stop().await.expect("a good end");
}

#[tokio::test(flavor = "multi_thread")]
async fn r9_1_a_command_expires_on_the_test_clock_and_is_explained() {
    let local = Local::start().await;
    let (id, _) = queue(&local, 3_600).await;
    let path = format!("/downlink/v1/commands/{id}");
    let command: CommandView = local.admin.read(&path).await.expect("shown");
    assert_eq!(
        (
            command.status.as_str(),
            command.is_final,
            command.issued_times
        ),
        ("PENDING", false, 0)
    );
    let (_, why) = local
        .status(Method::GET, &format!("{path}/explain"), &Value::Null)
        .await;
    let text = why["explanation"].to_string();
    assert!(
        text.contains("no byte of it has left") && text.contains("in 1 h 0 min"),
        "{text}"
    );

    let moved: ClockView = local
        .admin
        .send(
            Method::POST,
            "/downlink/v1/clock",
            &json!({"advance_ms": 48 * 3_600_000}),
        )
        .await
        .expect("moved");
    assert_eq!(moved.stops, 1);
    // What is left to do is to forget the command, 90 days on.
    let next = moved.next_deadline.expect("retention waits");
    assert!(next.ms > moved.now.ms + 80 * 86_400_000, "{next:?}");
    let history: HistoryView = local
        .admin
        .read(&format!("{path}/history"))
        .await
        .expect("kept");
    let [pending, expired] = &history.history[..] else {
        panic!("{history:?}")
    };
    assert_eq!(
        (pending.status.as_str(), pending.who.as_str()),
        ("PENDING", "application app")
    );
    assert_eq!(
        (expired.status.as_str(), expired.cause.as_str()),
        ("EXPIRED", "expired")
    );
    assert_eq!(
        expired.at.ms - pending.at.ms,
        3_600_000,
        "the clock stopped at the deadline"
    );
    let (_, why) = local
        .status(Method::GET, &format!("{path}/explain"), &Value::Null)
        .await;
    assert!(
        why["explanation"]
            .to_string()
            .contains("no byte ever left the platform"),
        "{why}"
    );
    local.running.stop().await.expect("a good end");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_and_devices_are_found_by_their_ids_and_nothing_else_is() {
    let local = Local::start().await;
    let (id, _) = queue(&local, 3_600).await;
    let command: CommandView = local
        .admin
        .read(&format!("/downlink/v1/commands/{id}"))
        .await
        .expect("shown");
    let listed: CommandPage = local
        .admin
        .read(&format!(
            "/downlink/v1/commands?limit=5&deviceId={}",
            command.device_id
        ))
        .await
        .expect("listed");
    assert_eq!(
        listed
            .commands
            .iter()
            .map(|c| c.command_id.as_str())
            .collect::<Vec<_>>(),
        [id.as_str()]
    );
    let (_, device) = local
        .status(Method::GET, "/downlink/v1/devices/meter-1", &Value::Null)
        .await;
    assert_eq!(
        (&device["deviceId"], &device["online"]),
        (&json!(command.device_id), &json!(false))
    );
    for missing in [
        "/downlink/v1/commands/0",
        "/downlink/v1/devices/none",
        "/downlink/v1/commands?deviceId=none",
        "/downlink/v1/commands?appId=none",
    ] {
        assert_eq!(
            local.status(Method::GET, missing, &Value::Null).await.0,
            StatusCode::NOT_FOUND
        );
    }
    for wrong in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "before=x",
        "since=x",
        "since=20151212T121212Z&withinMs=1",
        "status=x",
        "colour=red",
    ] {
        let (status, _) = local
            .status(
                Method::GET,
                &format!("/downlink/v1/commands?{wrong}"),
                &Value::Null,
            )
            .await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    local.running.stop().await.expect("a good end");
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_bounded_by_the_settings_and_what_is_no_request_of_theirs_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = settings(folder.path());
    (config.north.groups_max, config.north.group_devices_max) = (2, 1);
    let running = Server::new(config).start().await.expect("started");
    let local = Local {
        admin: running.admin().expect("its door"),
        running,
        folder,
    };
    queue(&local, 3_600).await;
    let groups = "/downlink/v1/groups";
    let made = |name: &str, devices: Value| {
        let body = json!({"name": name, "devices": devices});
        let local = &local;
        async move { local.status(Method::POST, groups, &body).await }
    };
    let (status, first) = made("first", json!(["meter-1"])).await;
    assert_eq!(
        (status, &first["devices"]),
        (StatusCode::CREATED, &json!(1))
    );
    let (status, twice) = made("twice", json!(["meter-1", "meter-1"])).await;
    assert_eq!(
        (status, &twice["devices"]),
        (StatusCode::CREATED, &json!(1))
    );
    let (status, third) = made("third", json!([])).await;
    assert_eq!(
        (status, &third["code"]),
        (StatusCode::CONFLICT, &json!("100607"))
    );
    let first = format!("{groups}/{}", first["groupId"].as_str().expect("an id"));
    let join = format!("{first}/add");
    for (method, path, body, code) in [
        (Method::POST, groups, json!({}), "50400"),
        (Method::POST, groups, json!({"name": "a", "size": 1}), ""),
        (Method::PATCH, &first, json!({"name": ""}), "50400"),
        (Method::PATCH, &first, json!({"devicesMax": -1}), ""),
        (Method::POST, &join, json!({"devices": []}), "50400"),
        (Method::POST, &join, json!({}), ""),
        (
            Method::POST,
            &join,
            json!({"devices": vec!["meter-1"; 1_001]}),
            "",
        ),
        (Method::GET, "/downlink/v1/groups?limit=0", Value::Null, ""),
        (
            Method::GET,
            "/downlink/v1/groups?colour=red",
            Value::Null,
            "",
        ),
        (Method::GET, &format!("{first}?limit=1001"), Value::Null, ""),
    ] {
        let (status, answer) = local.status(method, path, &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path} {body}");
        assert_eq!(answer["code"].as_str().unwrap_or_default(), code, "{body}");
    }
    for missing in ["/downlink/v1/groups/0", "/downlink/v1/groups?appId=none"] {
        let (status, _) = local.status(Method::GET, missing, &Value::Null).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{missing}");
    }
    local.running.stop().await.expect("a good end");
}

#[tokio::test(flavor = "multi_thread")]
async fn r9_1_the_test_clock_goes_on_from_where_it_was_moved() {
    let local = Local::start().await;
    let show = "/downlink/v1/clock";
    let before: ClockView = local.admin.read(show).await.expect("shown");
    let moved: ClockView = local
        .admin
        .send(Method::POST, show, &json!({"to": before.now.ms + 5_000}))
        .await
        .expect("moved");
    assert_eq!(moved.now.ms, before.now.ms + 5_000);
    for wrong in [
        json!({}),
        json!({"advance_ms": 1, "to": 1}),
        json!({"to": before.now.ms}),
        json!({"to": "yesterday"}),
        json!({"advance_ms": u64::MAX}),
        json!({"advance_ms": -1}),
    ] {
        assert_eq!(
            local.status(Method::POST, show, &wrong).await.0,
            StatusCode::BAD_REQUEST,
            "{wrong}"
        );
    }
    local.running.stop().await.expect("a good end");
    let running = start(local.folder.path())
        .await
        .expect("its files are free");
    let after: ClockView = running
        .admin()
        .expect("its door")
        .read(show)
        .await
        .expect("shown");
    assert_eq!(after.now, moved.now);
    running.stop().await.expect("a good end");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_show_that_accepted_is_open_plus_final() {
    let local = Local::start().await;
    let (_, head) = queue(&local, 3_600).await;
    let (status, _) = post(
        &local.running,
        "/iocm/app/cmd/v1.4.0/deviceCommands",
        &head,
        "{}",
    )
    .await;
    assert_eq!(status, 400);
    let page = local
        .admin
        .call(Method::GET, "/metrics", "")
        .await
        .expect("a page");
    let page = String::from_utf8(page.to_vec()).expect("text");
    for line in [
        "downlink_commands_accepted 1",
        "downlink_commands{state=\"PENDING\",phase=\"open\"} 1",
        "downlink_commands{state=\"EXPIRED\",phase=\"final\"} 0",
        "downlink_devices_online 0",
        "# TYPE downlink_http_answers_total counter",
        "# TYPE process_resident_memory_bytes gauge",
    ] {
        assert!(
            page.lines().any(|found| found == line),
            "{line} is missing:\n{page}"
        );
    }
    local.running.stop().await.expect("a good end");
}

#[tokio::test(flavor = "multi_thread")]
async fn r9_2_faults_happen_as_often_as_asked_and_need_the_test_clock() {
    let local = Local::start().await;
    let (_, head) = queue(&local, 3_600).await;
    let faults = "/downlink/v1/faults";
    let (status, _) = local
        .status(Method::POST, faults, &json!({"fault": "handler"}))
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let path = "/iocm/app/cmd/v1.4.0/deviceCommands";
    let get =
        format!("GET {path}?appId=app HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n");
    let (_, failed) = north(&local.running, &get).await;
    assert_eq!(failed["error_code"], "100001", "{failed}");
    let (status, listed) = north(&local.running, &get).await;
    assert_eq!(
        (status, &listed["pagination"]["totalSize"]),
        (200, &json!(1)),
        "{listed}"
    );
    let (status, problem) = local
        .status(Method::POST, faults, &json!({"fault": "flood"}))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        problem["message"]
            .as_str()
            .is_some_and(|text| text.contains("refuse-frame")),
        "{problem}"
    );
    local.running.stop().await.expect("a good end");

    let folder = tempfile::tempdir().expect("a folder");
    let running = Server::new(Config::local(folder.path()))
        .start()
        .await
        .expect("started");
    let admin = running.admin().expect("its door");
    for (path, body) in [
        (faults, json!({"fault": "handler"})),
        ("/downlink/v1/clock", json!({"advance_ms": 1})),
    ] {
        let refused = admin
            .send::<Value>(Method::POST, path, &body)
            .await
            .expect_err("a real clock");
        assert!(
            matches!(&refused, ClientError::Refused { status: StatusCode::CONFLICT, message, .. } if message.contains("--test-clock")),
            "{refused}"
        );
    }
    running.stop().await.expect("a good end");
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_5_a_failed_commit_is_the_end_and_loses_nothing_that_was_acknowledged() {
    let local = Local::start().await;
    let (id, head) = queue(&local, 3_600).await;
    local
        .admin
        .call(Method::POST, "/downlink/v1/faults", r#"{"fault":"commit"}"#)
        .await
        .expect("set");
    let (_, command): (StatusCode, Value) = local
        .status(
            Method::GET,
            &format!("/downlink/v1/commands/{id}"),
            &Value::Null,
        )
        .await;
    let body = json!({
        "deviceId": command["deviceId"],
        "command": {"serviceId": "Valve", "method": "SET", "paras": {}},
    });
    let (status, failed) = post(
        &local.running,
        "/iocm/app/cmd/v1.4.0/deviceCommands",
        &head,
        &body.to_string(),
    )
    .await;
    assert!(status >= 500, "not acknowledged: {status} {failed}");
    let (status, ready) = local.status(Method::GET, "/readyz", &Value::Null).await;
    assert_eq!(
        (status.as_u16(), &ready["ready"]),
        (503, &json!(false)),
        "{ready}"
    );
    let ended = tokio::time::timeout(PATIENCE, local.running.ended())
        .await
        .expect("bounded");
    assert!(matches!(ended, Err(EndError::Failed(_))), "{ended:?}");
    let running = start(local.folder.path()).await.expect("a restart heals");
    let admin = running.admin().expect("its door");
    let page: CommandPage = admin.read("/downlink/v1/commands").await.expect("listed");
    assert_eq!(
        page.commands
            .iter()
            .map(|c| c.command_id.as_str())
            .collect::<Vec<_>>(),
        [id.as_str()]
    );
    running.stop().await.expect("a good end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_folder_is_refused_and_harms_nothing() {
    let local = Local::start().await;
    let refused = start(local.folder.path())
        .await
        .map(drop)
        .expect_err("refused")
        .to_string();
    assert!(
        refused.contains("is a server running on this data folder already?"),
        "{refused}"
    );
    assert_eq!(
        local.status(Method::GET, "/readyz", &Value::Null).await.0,
        StatusCode::OK
    );
    assert!(
        local.running.admin().is_ok(),
        "the first one's ports are still told"
    );
    local.running.stop().await.expect("a good end");
    assert!(
        !local.folder.path().join("ports.json").exists(),
        "nobody listens any more"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_says_what_is_in_its_way() {
    let local = Local::start().await;
    let other = tempfile::tempdir().expect("a folder");
    let mut config = settings(other.path());
    config.north.port = local.running.ports.north.port();
    let taken = Server::new(config)
        .start()
        .await
        .map(drop)
        .expect_err("taken")
        .to_string();
    assert!(
        taken.contains("the interface for applications") && taken.contains("`north.port`"),
        "{taken}"
    );
    start(other.path())
        .await
        .expect("what failed left no lock")
        .stop()
        .await
        .expect("a good end");
    let folder = local.folder.path().to_owned();
    local.running.stop().await.expect("a good end");

    let key = folder.join("key");
    let right = std::fs::read(&key).expect("a key");
    std::fs::copy(other.path().join("key"), &key).expect("copied");
    assert!(matches!(
        start(&folder).await.map(drop),
        Err(StartError::KeyWrong { .. })
    ));
    std::fs::remove_file(&key).expect("removed");
    assert!(matches!(
        start(&folder).await.map(drop),
        Err(StartError::KeyMissing { .. })
    ));
    std::fs::write(&key, right).expect("restored");
    let open = start(&folder)
        .await
        .map(drop)
        .expect_err("others may read it")
        .to_string();
    assert!(open.contains("0600"), "{open}");
    let file = tempfile::NamedTempFile::new().expect("a file");
    let blocked = start(&file.path().join("data"))
        .await
        .map(drop)
        .expect_err("no folder")
        .to_string();
    assert!(blocked.contains("the data folder"), "{blocked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn product_models_come_as_a_document_and_stay() {
    let local = Local::start().await;
    let model = json!({
        "devices": [{
            "manufacturerId": "acme", "manufacturerName": "Acme", "model": "V1", "protocolType": "MQTT",
            "deviceType": "Valve", "serviceTypeCapabilities": [{"serviceId": "Valve", "serviceType": "Valve"}],
        }],
        "services": [{"serviceType": "Valve", "commands": [{"commandName": "SET", "paras": []}]}],
    });
    let path = "/downlink/v1/profiles";
    let added: ProfileAdded = local
        .admin
        .send(Method::POST, path, &model)
        .await
        .expect("added");
    assert!(!added.replaced);
    assert_eq!(added.profile.services[0].commands, ["SET"]);
    let same: ProfileAdded = local
        .admin
        .send(Method::POST, path, &model)
        .await
        .expect("the same again");
    assert_eq!(same.profile.version, added.profile.version);
    for wrong in [&b"PK\x03\x04 no zip"[..], b"{}", b"[", b""] {
        let refused = local
            .admin
            .call(Method::POST, path, wrong.to_vec())
            .await
            .expect_err("refused");
        assert!(
            matches!(
                refused,
                ClientError::Refused {
                    status: StatusCode::BAD_REQUEST,
                    ..
                }
            ),
            "{refused}"
        );
    }
    local.running.stop().await.expect("a good end");
    let running = start(local.folder.path()).await.expect("started again");
    let kept: Value = running
        .admin()
        .expect("its door")
        .read(path)
        .await
        .expect("listed");
    assert_eq!(kept[0]["model"], "V1");
    running.stop().await.expect("a good end");
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_7_a_first_start_serves_tls_that_clients_can_trust() {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let folder = tempfile::tempdir().expect("a folder");
    let mut config = settings(folder.path());
    (config.north.tls, config.mqtt.tls) = (true, true);
    let running = Server::new(config).start().await.expect("started");
    let ca = running.ca_file.clone().expect("made here");
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(&ca).expect("a certificate"))
        .expect("an authority");
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(client));
    let connect = async |address: std::net::SocketAddr, name: &'static str| {
        let stream = tokio::net::TcpStream::connect(address)
            .await
            .expect("connected");
        let name = ServerName::try_from(name).expect("a name");
        connector.connect(name, stream).await.expect("trusted")
    };
    let mut north = connect(running.ports.north, "127.0.0.1").await;
    north
        .write_all(b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .expect("written");
    let mut answer = String::new();
    let read = tokio::time::timeout(PATIENCE, north.read_to_string(&mut answer)).await;
    read.expect("in time").expect("read");
    assert!(
        answer.starts_with("HTTP/1.1 404") && answer.contains("200001"),
        "{answer}"
    );
    assert!(running.ports.north_url().starts_with("https://127.0.0.1:"));
    // A CONNECT of an unknown device is refused, over TLS as it is without.
    let mut device = connect(running.ports.mqtts.expect("on"), "localhost").await;
    let id = b"x_0_0_2026112212";
    let mut packet = vec![0x10, 12 + 16, 0, 4];
    packet.extend(b"MQTT\x04\x02\x00\x3c\x00\x10");
    packet.extend(id);
    device.write_all(&packet).await.expect("written");
    let mut refused = [0; 4];
    let read = tokio::time::timeout(PATIENCE, device.read_exact(&mut refused)).await;
    read.expect("in time").expect("read");
    assert_eq!(&refused[..3], [0x20, 2, 0], "a CONNACK");
    assert_ne!(refused[3], 0, "a refusal");
    running.stop().await.expect("a good end");
}
