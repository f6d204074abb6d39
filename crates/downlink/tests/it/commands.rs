//! `downlink command`, against a server that runs and a meter that sleeps and wakes.

use crate::process::{Server, complaint, complaint_with, json, printed, problem, run};
use serde_json::{Value, json as value};
use sim::behaviour::Behaviour;
use sim::credentials::Credentials;
use sim::device::Device;
use std::path::Path;

const PROFILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../profile/samples/water-meter.json"
);
const SET_PERIOD: [&str; 5] = ["command", "send", "m1", "WaterMeter", "SET_PERIOD"];

/// A server with an application, the water meter's profile and a meter, asleep.
fn ready(data: &Path, more: &[&str]) -> (Server, Device) {
    let server = Server::start(data, more);
    printed(data, &["app", "create", "--id", "meters"]);
    printed(data, &["profile", "add", PROFILE]);
    let register = [
        "device",
        "register",
        "--node-id",
        "m1",
        "--profile",
        "Downlink/WM1",
        "--json",
    ];
    let made = json(data, &register);
    let text = |name: &str| made[name].as_str().expect("text").to_owned();
    let credentials = Credentials::of_device(text("deviceId"), text("secret"));
    (
        server,
        Device::new(credentials, Behaviour::water_meter(), 1),
    )
}

/// Sends `SET_PERIOD` to the meter and returns the command.
fn send(data: &Path, more: &[&str]) -> Value {
    let args: Vec<&str> = SET_PERIOD
        .iter()
        .chain(more)
        .copied()
        .chain(["--json"])
        .collect();
    json(data, &args)
}

fn id(command: &Value) -> &str {
    command["commandId"].as_str().expect("an id")
}

fn ids(page: &Value) -> Vec<&str> {
    page["commands"]
        .as_array()
        .expect("a list")
        .iter()
        .map(id)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_waited_for_is_told_to_its_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let (server, mut device) = ready(data, &[]);
    device
        .wake(server.ports.mqtt.expect("a port"))
        .await
        .expect("awake");
    let args: Vec<&str> = SET_PERIOD
        .iter()
        .copied()
        .chain(["--para", "value=12", "--wait"])
        .collect();
    let told = printed(data, &args);
    let statuses: Vec<&str> = told
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect();
    // The first line names the command, the last one the answer.
    let [_, lives @ .., answer] = statuses.as_slice() else {
        panic!("{told}")
    };
    assert_eq!(
        lives,
        ["PENDING", "SENT", "DELIVERED", "SUCCESSFUL"],
        "{told}"
    );
    assert_eq!(*answer, "{\"result\":0}", "{told}");
    let ended = send(
        data,
        &["--paras", r#"{"value":"3"}"#, "--expire", "60", "--wait"],
    );
    assert_eq!(
        (&ended["status"], &ended["final"]),
        (&value!("SUCCESSFUL"), &value!(true))
    );
    assert_eq!(
        ended["paras"],
        value!({"value": 3}),
        "the profile makes it a number"
    );
    let last = ended["history"].as_array().expect("a history").last();
    assert_eq!(
        last.map(|entry| &entry["status"]),
        Some(&value!("SUCCESSFUL"))
    );
    assert_eq!(ended["history"][0]["who"], "operator");
    let seen: Vec<_> = device
        .received()
        .iter()
        .map(|seen| seen.paras["value"].clone())
        .collect();
    assert_eq!(seen, [value!(12), value!(3)]);
    device.sleep().await;
    drop(server);
}

#[test]
fn a_command_that_ends_otherwise_than_hoped_has_an_exit_code_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    // Real time: the command is to expire while it is waited for.
    let (server, _) = ready(data, &[]);
    let args: Vec<&str> = SET_PERIOD
        .iter()
        .copied()
        .chain(["--para", "value=12", "--expire", "1", "--wait", "--json"])
        .collect();
    let output = run(data, &args);
    assert_eq!(output.status.code(), Some(5));
    let shown: Value = serde_json::from_slice(&output.stdout).expect("the command");
    assert_eq!(shown["status"], "EXPIRED");
    let problem: Value = serde_json::from_slice(&output.stderr).expect("the error");
    assert_eq!(
        (&problem["error"], &problem["exit"]),
        (&value!("ended"), &value!(5))
    );
    let advice = format!(
        "`downlink command explain {}` says what that proves",
        id(&shown)
    );
    assert_eq!(problem["advice"], advice);
    drop(server);
}

#[test]
fn a_command_is_cancelled_shown_and_explained() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let (server, _) = ready(data, &["--test-clock"]);
    let sent = send(data, &["--para", "value=12", "--retransmit", "1"]);
    assert_eq!(
        (&sent["status"], &sent["retransmitMax"]),
        (&value!("PENDING"), &value!(1))
    );
    let id = id(&sent);
    let why = json(data, &["command", "explain", id, "--json"]);
    assert!(
        why["explanation"]
            .to_string()
            .contains("no byte of it has left"),
        "{why}"
    );
    let text = printed(data, &["command", "show", id, "--history", "--explain"]);
    for part in [
        "WaterMeter SET_PERIOD {\"value\":12}",
        "operator",
        "no byte of it has left",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let cancelled = json(data, &["command", "cancel", id, "--json"]);
    assert_eq!(
        (&cancelled["status"], &cancelled["final"]),
        (&value!("CANCELED"), &value!(true))
    );
    let late = problem(data, &["command", "cancel", id], 1);
    assert_eq!(
        (&late["code"], &late["error"]),
        (&value!("100435"), &value!("refused"))
    );
    assert!(
        late["message"]
            .as_str()
            .expect("text")
            .contains("is CANCELED"),
        "{late}"
    );
    let text = printed(data, &["command", "explain", id]);
    assert!(text.starts_with("CANCELED\n"), "{text}");
    let unknown = "0000000000000009e5676fee2522a3e4";
    for verb in ["show", "cancel", "explain"] {
        assert_eq!(
            problem(data, &["command", verb, unknown], 4)["error"],
            "not_found"
        );
    }
    drop(server);
}

#[test]
fn a_command_passes_the_checks_of_an_applications_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let (server, _) = ready(data, &["--test-clock"]);
    let refused = |more: &[&str], status: i32| {
        let args: Vec<&str> = SET_PERIOD[..2].iter().chain(more).copied().collect();
        problem(data, &args, status)
    };
    let code = |more: &[&str]| {
        refused(more, 1)["code"]
            .as_str()
            .expect("a code")
            .to_owned()
    };
    assert_eq!(code(&["m1", "Valve", "SET_PERIOD"]), "100431");
    assert_eq!(code(&["m1", "WaterMeter", "EXPLODE"]), "100022");
    let high = refused(&["m1", "WaterMeter", "SET_PERIOD", "--para", "value=25"], 1);
    assert_eq!(high["code"], "100022");
    assert!(
        high["message"].as_str().expect("text").contains("value"),
        "{high}"
    );
    let private = [
        "m1",
        "WaterMeter",
        "SET_PERIOD",
        "--para",
        "value=1",
        "--callback",
        "http://10.0.0.1/x",
    ];
    assert_eq!(code(&private), "100022");
    assert_eq!(
        refused(&["none", "WaterMeter", "SET_PERIOD"], 4)["error"],
        "not_found"
    );
    assert_eq!(
        refused(&["m1", "WaterMeter", "SET_PERIOD", "--para", "value"], 2)["error"],
        "usage"
    );
    assert_eq!(
        refused(&["m1", "WaterMeter", "SET_PERIOD", "--paras", "[]"], 2)["error"],
        "usage"
    );
    assert_eq!(refused(&["m1", "WaterMeter"], 2)["error"], "usage");
    for n in 0..20 {
        send(data, &["--para", &format!("value={}", n % 24 + 1)]);
    }
    assert_eq!(
        code(&["m1", "WaterMeter", "SET_PERIOD", "--para", "value=1"]),
        "100223"
    );
    drop(server);
}

#[test]
fn a_list_shows_what_its_filters_let_through_page_by_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let (server, _) = ready(data, &["--test-clock"]);
    printed(data, &["app", "create", "--id", "other"]);
    printed(
        data,
        &["device", "register", "--app", "other", "--node-id", "m2"],
    );
    let first = send(data, &["--para", "value=1"]);
    let second = send(data, &["--para", "value=2"]);
    let third = json(data, &["command", "send", "m2", "Any", "THING", "--json"]);
    let (first, second, third) = (id(&first), id(&second), id(&third));
    printed(data, &["command", "cancel", first]);
    let list = |more: &[&str]| {
        let args: Vec<&str> = ["command", "list", "--json"]
            .iter()
            .chain(more)
            .copied()
            .collect();
        json(data, &args)
    };
    assert_eq!(ids(&list(&[])), [third, second, first]);
    assert_eq!(ids(&list(&["--device", "m1"])), [second, first]);
    assert_eq!(ids(&list(&["--app", "other"])), [third]);
    assert_eq!(ids(&list(&["--status", "canceled"])), [first]);
    assert_eq!(ids(&list(&["--open", "--device", "m1"])), [second]);
    let page = list(&["--limit", "2"]);
    assert_eq!(
        (ids(&page), page["next"].as_str()),
        (vec![third, second], Some(second))
    );
    let rest = list(&["--limit", "2", "--before", second]);
    assert_eq!((ids(&rest), rest.get("next")), (vec![first], None));
    // Nothing in these lists is older than an hour, and nothing is younger than tomorrow.
    assert_eq!(ids(&list(&["--since", "1h"])).len(), 3);
    assert_eq!(ids(&list(&["--since", "99990101T000000Z"])), [""; 0]);
    let table = printed(data, &["command", "list", "--limit", "1"]);
    assert!(
        table.contains("Any THING") && table.contains(&format!("--before {third}")),
        "{table}"
    );
    let wrong = complaint_with(data, &["command", "list", "--since", "yesterday"], 2);
    assert!(wrong.contains("neither a span nor a moment"), "{wrong}");
    complaint_with(data, &["command", "list", "--status", "LOST"], 2);
    complaint_with(data, &["command", "list", "--app", "none"], 4);
    let wrong = complaint(data, &["command", "list", "--before", "x"]);
    assert!(wrong.contains("not the id of a command"), "{wrong}");
    drop(server);
}

#[test]
fn nobody_is_asked_where_no_server_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    for args in [
        &["device", "list"][..],
        &["command", "list"],
        &["profile", "list"],
        &["app", "list"],
    ] {
        let gone = problem(data, args, 3);
        assert_eq!(gone["error"], "no_server");
        assert!(
            gone["advice"]
                .as_str()
                .expect("text")
                .contains("downlink serve"),
            "{gone}"
        );
    }
    // Killed, it leaves its ports behind, where nobody answers.
    let server = Server::start(data, &[]);
    server.signal("KILL");
    server.end();
    assert_eq!(problem(data, &["device", "list"], 3)["error"], "no_server");
}

#[test]
fn completions_are_understood_by_the_shells() {
    let folder = tempfile::tempdir().expect("a folder");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(folder.path(), &["completions", shell]);
        assert!(script.contains("completions"), "{shell}: {script}");
        let file = folder.path().join(shell);
        std::fs::write(&file, script).expect("written");
    }
    let check = std::process::Command::new("bash")
        .arg("-n")
        .arg(folder.path().join("bash"))
        .output()
        .expect("bash runs");
    assert!(
        check.status.success() && check.stderr.is_empty(),
        "{check:?}"
    );
    // Completed as bash would: what may follow `downlink dev`.
    let complete = r#"source ./bash; COMP_WORDS=(downlink dev); COMP_CWORD=1; _downlink downlink dev downlink; echo "${COMPREPLY[@]}""#;
    let completed = std::process::Command::new("bash")
        .args(["--norc", "-c", complete])
        .current_dir(folder.path())
        .output()
        .expect("bash runs");
    assert_eq!(
        String::from_utf8_lossy(&completed.stdout),
        "device\n",
        "{completed:?}"
    );
}
