//! `downlink device` and `downlink profile`, against a server that runs.

use crate::process::{Server, complaint, complaint_with, json, printed, problem};
use serde_json::{Value, json as value};
use std::path::Path;

const PROFILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../profile/samples/water-meter.json"
);

/// A server with an application and the water meter's profile.
fn ready(data: &Path) -> Server {
    let server = Server::start(data, &["--test-clock"]);
    printed(data, &["app", "create", "--id", "meters"]);
    printed(data, &["profile", "add", PROFILE]);
    server
}

#[test]
fn a_device_is_registered_listed_shown_and_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = ready(data);
    let register = |more: &[&str]| {
        let mut args = vec!["device", "register", "--profile", "Downlink/WM1"];
        args.extend(more);
        args.push("--json");
        json(data, &args)
    };
    let made = register(&["--node-id", "m1", "--app", "meters"]);
    assert_eq!(
        (&made["nodeId"], &made["appId"]),
        (&value!("m1"), &value!("meters"))
    );
    let secret = made["secret"].as_str().expect("shown once");
    assert!(secret.len() == 20 && secret.bytes().all(|b| b.is_ascii_hexdigit()));
    let own = register(&["--node-id", "m2", "--secret", "00112233445566778899"]);
    assert_eq!(own["secret"], "00112233445566778899");
    let text = printed(
        data,
        &["device", "register", "--node-id", "m3", "--name", "Cellar"],
    );
    assert!(text.contains("not shown again"), "{text}");

    let page = json(data, &["device", "list", "--json"]);
    assert_eq!(page["total"], 3);
    let nodes = |page: &Value| -> Vec<String> {
        let lines = page["devices"].as_array().expect("a list").iter();
        lines
            .map(|line| line["nodeId"].as_str().expect("text").to_owned())
            .collect()
    };
    assert_eq!(nodes(&page), ["m3", "m2", "m1"]);
    assert_eq!(page["devices"][1]["model"], value!(["Downlink", "WM1"]));
    let second = json(
        data,
        &["device", "list", "--skip", "1", "--limit", "1", "--json"],
    );
    assert_eq!(
        (nodes(&second), &second["total"]),
        (vec!["m2".to_owned()], &value!(3))
    );
    assert_eq!(
        json(data, &["device", "list", "--online", "--json"])["total"],
        0
    );
    assert_eq!(
        json(
            data,
            &["device", "list", "--offline", "--app", "meters", "--json"]
        )["total"],
        3
    );
    let table = printed(data, &["device", "list", "--limit", "2"]);
    let lines: Vec<_> = table.lines().collect();
    assert!(
        lines[0].starts_with("DEVICE ")
            && lines[1].contains("Downlink/WM1") | lines[2].contains("Downlink/WM1"),
        "{table}"
    );
    assert_eq!(lines[3], "2 of 3 so far; --skip 2 shows more");

    let id = made["deviceId"].as_str().expect("an id");
    let shown = json(data, &["device", "show", id, "--json"]);
    assert_eq!(
        (&shown["nodeId"], &shown["profileVersion"]),
        (&value!("m1"), &value!(1))
    );
    let text = printed(data, &["device", "show", "m1"]);
    assert!(
        text.contains("Downlink/WM1, profile version 1") && !text.contains(secret),
        "{text}"
    );

    // Nobody is there to confirm it.
    let asked = complaint(data, &["device", "delete", "m1"]);
    assert!(
        asked.contains("nothing was done") && asked.contains("--yes"),
        "{asked}"
    );
    assert_eq!(
        json(data, &["device", "delete", "m1", "--yes", "--json"])["deleted"],
        true
    );
    complaint_with(data, &["device", "show", "m1"], 4);
    assert!(json(data, &["device", "show", id, "--json"])["deleted"].is_object());
    assert_eq!(
        problem(data, &["device", "delete", id, "--yes"], 4)["error"],
        "not_found"
    );
    drop(server);
}

#[test]
fn a_registration_that_cannot_be_says_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = ready(data);
    printed(data, &["device", "register", "--node-id", "m1"]);
    let taken = problem(data, &["device", "register", "--node-id", "m1"], 1);
    assert_eq!(
        (&taken["error"], &taken["code"]),
        (&value!("refused"), &value!("100426"))
    );
    let short = problem(
        data,
        &["device", "register", "--node-id", "m2", "--secret", "abc"],
        1,
    );
    assert!(
        short["message"].as_str().expect("text").contains("secret"),
        "{short}"
    );
    let nowhere = problem(
        data,
        &["device", "register", "--node-id", "m2", "--app", "x"],
        4,
    );
    assert_eq!(nowhere["advice"], "`downlink app list` shows what there is");
    problem(
        data,
        &["device", "register", "--node-id", "m2", "--profile", "a/b"],
        4,
    );
    let unnamed = problem(
        data,
        &["device", "register", "--node-id", "m2", "--profile", "a"],
        2,
    );
    assert_eq!(unnamed["error"], "usage");
    let half = problem(
        data,
        &["device", "register", "--node-id", "m2", "--model", "a"],
        2,
    );
    assert_eq!(
        (&half["error"], &half["exit"]),
        (&value!("usage"), &value!(2))
    );
    printed(data, &["app", "create", "--id", "other"]);
    let whose = complaint(data, &["device", "register", "--node-id", "m2"]);
    assert!(whose.contains("several applications"), "{whose}");
    drop(server);
}

#[test]
fn a_child_has_a_gateway_and_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = ready(data);
    printed(data, &["app", "create", "--id", "other"]);
    let gateway = json(
        data,
        &[
            "device",
            "register",
            "--node-id",
            "gw",
            "--app",
            "meters",
            "--json",
        ],
    );
    let child = json(
        data,
        &[
            "device",
            "register",
            "--node-id",
            "valve",
            "--gateway",
            "gw",
            "--json",
        ],
    );
    assert_eq!(child["gatewayId"], gateway["deviceId"]);
    assert_eq!(
        (&child["appId"], child.get("secret")),
        (&value!("meters"), None)
    );
    assert_eq!(
        json(data, &["device", "show", "valve", "--json"])["gatewayId"],
        gateway["deviceId"]
    );
    let children = json(data, &["device", "list", "--gateway", "gw", "--json"]);
    assert_eq!(
        (&children["total"], &children["devices"][0]["nodeId"]),
        (&value!(1), &value!("valve"))
    );
    let grandchild = complaint(
        data,
        &["device", "register", "--node-id", "x", "--gateway", "valve"],
    );
    assert!(grandchild.contains("is a child itself"), "{grandchild}");
    let foreign = complaint(
        data,
        &[
            "device",
            "register",
            "--node-id",
            "x",
            "--gateway",
            "gw",
            "--app",
            "other",
        ],
    );
    assert!(
        foreign.contains("belongs to application meters"),
        "{foreign}"
    );
    complaint_with(
        data,
        &["device", "register", "--node-id", "x", "--gateway", "none"],
        4,
    );
    drop(server);
}

#[test]
fn a_muted_command_is_refused_until_it_is_unmuted() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = ready(data);
    printed(
        data,
        &[
            "device",
            "register",
            "--node-id",
            "m1",
            "--profile",
            "Downlink/WM1",
        ],
    );
    let mute = |verb: &str| {
        json(
            data,
            &["device", verb, "m1", "WaterMeter", "SET_PERIOD", "--json"],
        )
    };
    let send = [
        "command",
        "send",
        "m1",
        "WaterMeter",
        "SET_PERIOD",
        "--para",
        "value=1",
    ];
    let muted = mute("mute-command");
    assert_eq!(
        (&muted["muted"], &muted["changed"]),
        (&value!(true), &value!(true))
    );
    assert_eq!(mute("mute-command")["changed"], false);
    assert_eq!(problem(data, &send, 1)["code"], "100432");
    printed(
        data,
        &["command", "send", "m1", "WaterMeter", "CLOSE_VALVE"],
    );
    let shown = json(data, &["device", "show", "m1", "--json"]);
    assert_eq!(
        shown["mutedCommands"],
        value!({"WaterMeter": ["SET_PERIOD"]})
    );
    assert!(printed(data, &["device", "show", "m1"]).contains("WaterMeter SET_PERIOD"));
    assert_eq!(mute("unmute-command")["changed"], true);
    printed(data, &send);
    let text = printed(
        data,
        &["device", "unmute-command", "m1", "WaterMeter", "SET_PERIOD"],
    );
    assert!(text.contains("is already not muted"), "{text}");
    complaint_with(
        data,
        &["device", "mute-command", "none", "WaterMeter", "SET_PERIOD"],
        4,
    );
    complaint(data, &["device", "mute-command", "m1", "", "SET_PERIOD"]);
    drop(server);
}

#[test]
fn r10_4_a_profile_is_removed_once_no_device_has_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = ready(data);
    let listed = json(data, &["profile", "list", "--json"]);
    assert_eq!(
        (&listed[0]["model"], &listed[0]["version"]),
        (&value!("WM1"), &value!(1))
    );
    let shown = json(data, &["profile", "show", "Downlink/WM1", "--json"]);
    assert_eq!(shown["document"]["devices"][0]["model"], "WM1");
    let text = printed(data, &["profile", "show", "Downlink/WM1"]);
    assert!(
        text.contains("SET_PERIOD") && text.contains("int from 1 to 24 in steps of 1 (hour)"),
        "{text}"
    );
    printed(
        data,
        &[
            "device",
            "register",
            "--node-id",
            "m1",
            "--profile",
            "Downlink/WM1",
        ],
    );
    let send = |value: &str| {
        [
            "command",
            "send",
            "m1",
            "WaterMeter",
            "SET_PERIOD",
            "--para",
            value,
        ]
        .map(str::to_owned)
    };
    let run = |value: &str| {
        let args = send(value);
        json(
            data,
            &args
                .iter()
                .map(String::as_str)
                .chain(["--json"])
                .collect::<Vec<_>>(),
        )
    };
    run("value=3");

    let used = problem(data, &["profile", "remove", "Downlink/WM1"], 1);
    assert!(
        used["message"]
            .as_str()
            .expect("text")
            .contains("1 devices of application meters"),
        "{used}"
    );
    assert_eq!(
        json(
            data,
            &["profile", "remove", "Downlink/WM1", "--force", "--json"]
        )["removed"],
        true
    );
    assert_eq!(json(data, &["profile", "list", "--json"]), value!([]));
    complaint_with(data, &["profile", "show", "Downlink/WM1"], 4);
    complaint_with(data, &["profile", "remove", "Downlink/WM1"], 4);
    // Nothing is known about its commands any more.
    run("value=99");
    drop(server);
    let server = Server::start(data, &["--test-clock"]);
    assert_eq!(
        json(data, &["profile", "list", "--json"]),
        value!([]),
        "after a restart too"
    );
    printed(data, &["profile", "add", PROFILE]);
    let refused = send("value=99");
    let refused = problem(
        data,
        &refused.iter().map(String::as_str).collect::<Vec<_>>(),
        1,
    );
    assert_eq!(refused["code"], "100022");
    drop(server);
}

#[test]
fn a_profile_that_is_none_is_not_added() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = Server::start(data, &[]);
    let file = data.join("broken.json");
    std::fs::write(&file, "{}").expect("written");
    let broken = complaint(data, &["profile", "add", file.to_str().expect("text")]);
    assert!(broken.contains("was not added"), "{broken}");
    let absent = complaint(data, &["profile", "add", "no-such-file"]);
    assert!(absent.contains("cannot be read"), "{absent}");
    assert_eq!(problem(data, &["profile", "show", "x"], 2)["exit"], 2);
    drop(server);
}
