//! `downlink group`, against a server that runs.

use crate::process::{Server, complaint, complaint_with, json, printed, problem};
use serde_json::{Value, json as value};
use std::path::Path;

/// A server with an application and three devices.
fn ready(data: &Path) -> Server {
    let server = Server::start(data, &["--test-clock"]);
    printed(data, &["app", "create", "--id", "meters"]);
    for node in ["m1", "m2", "m3"] {
        printed(data, &["device", "register", "--node-id", node]);
    }
    server
}

/// The node ids of a group's devices, in their order.
fn nodes(data: &Path, group: &str) -> Vec<String> {
    let shown = json(data, &["group", "show", group, "--json"]);
    let members = shown["members"].as_array().expect("a list").iter();
    let nodes: Vec<String> = members
        .map(|member| member["nodeId"].as_str().expect("text").to_owned())
        .collect();
    assert_eq!(shown["group"]["devices"], nodes.len(), "{shown}");
    nodes
}

#[test]
fn a_group_is_created_filled_listed_shown_changed_and_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = ready(data);
    let create = |args: &[&str]| {
        let mut all = vec!["group", "create", "--json"];
        all.extend(args);
        json(data, &all)
    };
    let made = create(&["--name", "north", "--max", "3", "m2", "m1"]);
    let id = made["groupId"].as_str().expect("an id");
    assert_eq!(
        (
            &made["appId"],
            &made["devices"],
            &made["devicesMax"],
            &made["creator"]
        ),
        (&value!("meters"), &value!(2), &value!(3), &value!("meters"))
    );
    printed(data, &["clock", "advance", "1s"]);
    create(&[
        "--app",
        "meters",
        "--name",
        "south",
        "--description",
        "of the south",
    ]);

    let page = json(data, &["group", "list", "--json"]);
    assert_eq!(
        (
            &page["total"],
            &page["groups"][0]["name"],
            &page["groups"][1]["name"]
        ),
        (&value!(2), &value!("south"), &value!("north"))
    );
    let table = printed(data, &["group", "list", "--app", "meters", "--limit", "1"]);
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines[0].starts_with("GROUP ") && lines[1].contains("any number"),
        "{table}"
    );
    assert_eq!(lines[2], "1 of 2 so far; --skip 1 shows more");

    // By id or by name; devices by node id or id, in the order of their registration.
    assert_eq!(nodes(data, id), ["m1", "m2"]);
    let device = json(data, &["device", "show", "m3", "--json"]);
    assert_eq!(device.get("groups"), None);
    let device = device["deviceId"].as_str().expect("an id");
    let text = printed(data, &["group", "add", "meters/north", device, "m1"]);
    assert!(text.contains("(meters/north) has 3 devices now"), "{text}");
    assert_eq!(nodes(data, "meters/north"), ["m1", "m2", "m3"]);
    let its = json(data, &["device", "show", device, "--json"]);
    assert_eq!(its["groups"], value!([{"groupId": id, "name": "north"}]));
    assert!(printed(data, &["device", "show", "m3"]).contains("groups          north\n"));
    let less = json(data, &["group", "remove", id, "m1", device, "--json"]);
    assert_eq!(less["devices"], 1);
    let text = printed(data, &["group", "show", "meters/north"]);
    assert!(
        text.contains("m2") && !text.contains("m3") && text.contains("offline"),
        "{text}"
    );

    let changed = json(
        data,
        &[
            "group", "change", id, "--name", "east", "--max", "0", "--json",
        ],
    );
    assert_eq!(
        (&changed["name"], changed.get("devicesMax")),
        (&value!("east"), None)
    );
    let described = json(
        data,
        &[
            "group",
            "change",
            "meters/east",
            "--description",
            "d",
            "--json",
        ],
    );
    assert_eq!(
        (&described["name"], &described["description"]),
        (&value!("east"), &value!("d"))
    );

    // Nobody is there to confirm it.
    let asked = complaint(data, &["group", "delete", "meters/east"]);
    assert!(
        asked.contains("nothing was done") && asked.contains("--yes"),
        "{asked}"
    );
    let deleted = json(data, &["group", "delete", "meters/east", "--yes", "--json"]);
    assert_eq!(deleted, value!({"groupId": id, "deleted": true}));
    complaint_with(data, &["group", "show", id], 4);
    assert_eq!(json(data, &["device", "list", "--json"])["total"], 3);
    drop(server);
}

#[test]
fn what_cannot_be_says_what_is_wrong_and_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = ready(data);
    printed(
        data,
        &["group", "create", "--name", "north", "--max", "1", "m1"],
    );
    let taken = problem(data, &["group", "create", "--name", "north"], 1);
    assert_eq!(
        (&taken["error"], &taken["code"]),
        (&value!("refused"), &value!("100602"))
    );
    let odd = problem(data, &["group", "create", "--name", "the north"], 1);
    assert_eq!(odd["code"], "50400");
    let says = odd["message"].as_str().expect("text");
    assert!(says.contains("letters and digits"), "{says}");
    let full = problem(data, &["group", "add", "meters/north", "m2"], 1);
    assert_eq!(full["code"], "100601");
    let large = problem(
        data,
        &["group", "create", "--name", "x", "--max", "1", "m1", "m2"],
        1,
    );
    assert_eq!(large["code"], "100609");
    problem(data, &["group", "add", "meters/north", "m1", "none"], 4);
    let nowhere = problem(data, &["group", "show", "meters/west"], 4);
    assert_eq!(
        nowhere["advice"],
        "`downlink group list` shows what there is"
    );
    for group in [
        "north",
        "nobody/north",
        "00000000000000000000000000000000",
        "/",
    ] {
        problem(data, &["group", "show", group], 4);
    }
    assert_eq!(
        problem(data, &["group", "add", "meters/north"], 2)["error"],
        "usage"
    );
    assert_eq!(
        problem(data, &["group", "change", "meters/north"], 2)["error"],
        "usage"
    );
    printed(data, &["app", "create", "--id", "other"]);
    let whose = complaint(data, &["group", "create", "--name", "y"]);
    assert!(whose.contains("several applications"), "{whose}");
    printed(
        data,
        &["group", "create", "--name", "north", "--app", "other"],
    );
    let foreign = complaint(data, &["group", "add", "other/north", "m1"]);
    assert!(
        foreign.contains("belongs to another application"),
        "{foreign}"
    );
    assert_eq!(nodes(data, "meters/north"), ["m1"]);
    assert_eq!(nodes(data, "other/north"), [""; 0]);
    assert_eq!(json(data, &["group", "list", "--json"])["total"], 2);
    drop(server);
}

#[test]
fn groups_outlive_a_restart_and_go_with_their_devices_and_their_application() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = ready(data);
    printed(
        data,
        &["group", "create", "--name", "north", "m1", "m2", "m3"],
    );
    printed(data, &["group", "create", "--name", "south", "m1"]);
    printed(data, &["group", "remove", "meters/north", "m3"]);
    printed(data, &["device", "delete", "m1", "--yes"]);
    drop(server);
    let server = Server::start(data, &["--test-clock"]);
    assert_eq!(nodes(data, "meters/north"), ["m2"]);
    assert_eq!(nodes(data, "meters/south"), [""; 0]);
    printed(
        data,
        &["app", "delete", "meters", "--with-devices", "--yes"],
    );
    let left: Value = json(data, &["group", "list", "--json"]);
    assert_eq!(left, value!({"total": 0, "groups": []}));
    drop(server);
}

#[test]
fn a_grant_that_is_limited_to_a_group_is_told_by_its_name_and_follows_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = ready(data);
    printed(data, &["app", "create", "--id", "fitters"]);
    let made = json(
        data,
        &[
            "group", "create", "--app", "meters", "--name", "north", "m1", "--json",
        ],
    );
    let grant = json(
        data,
        &[
            "app", "grant", "meters", "--to", "fitters", "--group", "north", "--json",
        ],
    );
    let id = &made["groupId"];
    assert_eq!(grant["groups"], value!([{"groupId": id, "name": "north"}]));
    let missing = complaint(
        data,
        &[
            "app", "grant", "meters", "--to", "fitters", "--group", "west",
        ],
    );
    assert!(missing.contains("west"), "{missing}");
    printed(data, &["group", "change", "meters/north", "--name", "east"]);
    let grants = json(data, &["app", "grants", "--json"]);
    assert_eq!(
        grants[0]["groups"],
        value!([{"groupId": id, "name": "east"}])
    );
    assert!(printed(data, &["app", "grants"]).contains("group east"));
    printed(data, &["group", "delete", "meters/east", "--yes"]);
    let grants = json(data, &["app", "grants", "--json"]);
    assert_eq!(grants[0]["groups"], value!([{"groupId": id}]));
    assert!(printed(data, &["app", "grants"]).contains("is deleted"));
    drop(server);
}
