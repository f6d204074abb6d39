//! Started, asked, stopped, refused: each by a process of its own.

use crate::process::{Server, complaint, complaint_with, json, printed, run};
use serde_json::Value;
use server::config::{Config, template};
use std::io::{Read, Write};
use std::net::TcpStream;

#[test]
fn a_server_is_started_asked_and_stopped_in_good_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = Server::start(data, &["--log-json"]);
    let app = json(
        data,
        &[
            "app",
            "create",
            "--id",
            "app",
            "--name",
            "the first",
            "--json",
        ],
    );
    assert_eq!(app["appId"], "app");
    let secret = app["secret"].as_str().expect("shown once").to_owned();
    assert!(secret.len() >= 20, "{secret}");
    let table = printed(data, &["app", "list"]);
    assert!(
        table.contains("APPID") && table.contains("the first") && !table.contains("secret"),
        "{table}"
    );
    let taken = complaint(data, &["app", "create", "--id", "app"]);
    assert_eq!(
        taken,
        "error: an application of this appId exists already\n"
    );
    let app = json(data, &["app", "throttle", "app", "off", "--json"]);
    assert_eq!(app["throttled"], false);
    assert_eq!(
        json(data, &["command", "list", "--json"]),
        serde_json::json!({ "commands": [] })
    );
    let unknown = "0000000000000001e5676fee2522a3e4";
    assert_eq!(
        complaint_with(data, &["command", "show", unknown], 4),
        format!(
            "error: there is no command {unknown}\n  `downlink command list` shows what there is\n"
        )
    );
    assert_eq!(
        complaint_with(data, &["device", "show", "a b"], 4),
        "error: there is no device a b\n  `downlink device list` shows what there is\n"
    );

    let mut health = TcpStream::connect(server.ports.admin).expect("connected");
    health
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .expect("written");
    let mut answer = String::new();
    health.read_to_string(&mut answer).expect("read");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    server.signal("TERM");
    let (status, log) = server.end();
    assert_eq!(status, Some(0), "{log}");
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON line"))
        .collect();
    let ready = lines
        .iter()
        .find(|line| line["message"] == "Downlink is ready")
        .expect("announced");
    assert_eq!(ready["data"].as_str(), data.to_str());
    assert!(!log.contains(&secret));
    let gone = complaint_with(data, &["app", "list"], 3);
    assert!(gone.contains("no server runs on the data folder"), "{gone}");
}

#[test]
fn a_server_that_is_told_so_ends_in_good_order_with_its_standard_input_and_not_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let mut server = Server::start(data, &[]);
    let mut input = server.input();
    input.write_all(b"stop\nquit\n").expect("written");
    printed(data, &["app", "create", "--id", "first"]);
    drop(input);
    let (status, log) = server.end();
    assert_eq!(status, Some(0), "{log}");
    for part in ["standard input has ended", "stopped in good order"] {
        assert!(log.contains(part), "{log}");
    }
}

#[test]
fn what_was_kept_is_there_after_a_restart_and_after_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = Server::start(data, &[]);
    printed(data, &["app", "create", "--id", "first"]);
    server.signal("KILL");
    assert_eq!(server.end().0, None, "killed");
    let server = Server::start(data, &[]);
    printed(data, &["app", "create", "--id", "second"]);
    server.signal("INT");
    assert_eq!(server.end().0, Some(0));
    let server = Server::start(data, &[]);
    let apps = json(data, &["app", "list", "--json"]);
    let ids: Vec<_> = apps
        .as_array()
        .expect("a list")
        .iter()
        .map(|app| app["appId"].as_str())
        .collect();
    assert_eq!(ids, [Some("first"), Some("second")]);
    drop(server);
}

#[test]
fn r2_3_a_second_process_on_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = Server::start(data, &[]);
    let refused = complaint(data, &["serve", "--free-ports", "--plain-http"]);
    assert!(
        refused.contains("is a server running on this data folder already?"),
        "{refused}"
    );
    printed(data, &["app", "list"]);
    server.signal("TERM");
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn a_taken_port_is_named_with_its_setting() {
    let (one, two) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let server = Server::start(one.path(), &[]);
    let port = server.ports.north.port().to_string();
    let refused = complaint(
        two.path(),
        &[
            "serve",
            "--free-ports",
            "--plain-http",
            "--north-port",
            &port,
        ],
    );
    assert!(
        refused.contains("the interface for applications cannot listen on 0.0.0.0:"),
        "{refused}"
    );
    assert!(
        refused.contains("choose another port with `north.port`"),
        "{refused}"
    );
}

#[test]
fn r2_5_a_failed_commit_ends_the_process_with_its_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = Server::start(data, &["--test-clock"]);
    let token = std::fs::read_to_string(data.join("admin.token")).expect("a token");
    let body = r#"{"fault":"commit"}"#;
    let request = format!(
        "POST /downlink/v1/faults HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{body}",
        token.trim(),
        body.len()
    );
    let mut door = TcpStream::connect(server.ports.admin).expect("connected");
    door.write_all(request.as_bytes()).expect("written");
    let mut answer = String::new();
    door.read_to_string(&mut answer).expect("read");
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    assert!(!run(data, &["app", "create"]).status.success());
    let (status, log) = server.end();
    assert_eq!(status, Some(1), "{log}");
    assert!(
        log.contains("error: nothing could be acknowledged any more"),
        "{log}"
    );
}

#[test]
fn the_configuration_is_printed_checked_and_joined() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    assert_eq!(printed(data, &["config"]).trim_end(), template().trim_end());
    let file = data.join("downlink.toml");
    let path = file.to_str().expect("text");
    std::fs::write(&file, template()).expect("written");
    assert_eq!(
        printed(data, &["config", "--check", path]),
        format!("{path} is valid\n")
    );
    std::fs::write(&file, "[north]\nport = 1\n[commands]\npending = 3\n").expect("written");
    let wrong = complaint(data, &["config", "--check", path]);
    assert!(
        wrong.contains("line 4") && wrong.contains("unknown field `pending`"),
        "{wrong}"
    );
    std::fs::write(&file, "[north]\nport = 1\n").expect("written");
    let effective = printed(data, &["config", "--effective", "--config", path]);
    let effective: Config = toml::from_str(&effective).expect("a configuration");
    assert_eq!(
        (effective.north.port, effective.data.folder.as_path()),
        (1, data)
    );
    let open = complaint(
        data,
        &["serve", "--test-clock", "--north-address", "0.0.0.0"],
    );
    assert!(
        open.starts_with("error: north.address: must be a loopback address"),
        "{open}"
    );
    let unknown = complaint(data, &["serve", "--set", "north.colour=red"]);
    assert!(
        unknown.starts_with("error: --set: section `north` has no setting `colour`"),
        "{unknown}"
    );
}

#[test]
fn the_version_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let version = format!("downlink {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(printed(folder.path(), &["version"]), version);
    let help = String::from_utf8(run(folder.path(), &["serve", "--help"]).stdout).expect("text");
    assert!(
        help.contains("--test-clock") && help.contains("--north-port"),
        "{help}"
    );
}
