//! `downlink backup` and `downlink restore`, with a server and without one.

use crate::process::{Server, json, printed, problem};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A folder's path as an argument.
fn arg(path: &Path) -> &str {
    path.to_str().expect("folders for tests have plain names")
}

/// Queues a command on a device of this installation; its id.
fn queue(data: &Path, node_id: &str) -> String {
    let sent = json(
        data,
        &[
            "command", "send", node_id, "Valve", "SET", "--para", "open=1", "--json",
        ],
    );
    sent["commandId"].as_str().expect("an id").to_owned()
}

fn status(data: &Path, command: &str) -> Value {
    json(data, &["command", "show", command, "--json"])["status"].clone()
}

#[test]
fn what_is_backed_up_with_and_without_a_server_is_restored_elsewhere() {
    let place = tempfile::tempdir().expect("a folder");
    let [data, other, online, killed, stopped] =
        ["data", "other", "online", "killed", "stopped"].map(|name| place.path().join(name));
    fs::create_dir(&data).expect("made");
    let server = Server::start(&data, &[]);
    printed(&data, &["app", "create", "--id", "meters"]);
    printed(&data, &["device", "register", "--node-id", "m1"]);
    let first = queue(&data, "m1");

    let made = json(&data, &["backup", arg(&online), "--json"]);
    assert_eq!(
        (&made["counts"]["accepted"], &made["counts"]["open"]),
        (&1.into(), &1.into())
    );
    assert_eq!(made["folder"].as_str(), online.to_str());
    let again = problem(&data, &["backup", arg(&online)], 1);
    assert_eq!(again["error"], "conflict");
    let occupied = problem(&data, &["restore", arg(&online)], 1);
    assert_eq!(occupied["error"], "in_use");

    // Killed, it leaves a log, and a file that tells where it listened.
    let second = queue(&data, "m1");
    server.signal("KILL");
    let (code, _) = server.end();
    assert_eq!(code, None);
    let text = printed(&data, &["backup", arg(&killed)]);
    assert!(
        text.starts_with(&format!("a backup is in {}", killed.display())),
        "{text}"
    );
    assert!(text.contains("2 accepted, 2 open"), "{text}");
    let exists = problem(&data, &["backup", arg(&killed)], 1);
    assert_eq!(exists["error"], "exists");

    let occupied = problem(&data, &["restore", arg(&killed)], 1);
    assert_eq!(occupied["error"], "occupied");
    assert!(
        occupied["advice"]
            .as_str()
            .expect("advice")
            .contains("--force")
    );
    let no_backup = problem(&data, &["restore", arg(place.path())], 4);
    assert_eq!(no_backup["error"], "no_backup");
    let nothing = problem(&other, &["backup", arg(&stopped)], 4);
    assert_eq!(nothing["error"], "no_database");

    let text = printed(&other, &["restore", arg(&killed)]);
    assert!(
        text.starts_with(&format!("the backup is in place in {}", other.display())),
        "{text}"
    );
    assert!(!text.contains("what was there before"), "{text}");
    let server = Server::start(&other, &[]);
    assert_eq!(
        [&first, &second].map(|id| status(&other, id)),
        ["PENDING", "PENDING"]
    );
    let third = queue(&other, "m1");
    server.signal("TERM");
    assert_eq!(server.end().0, Some(0));

    json(&other, &["backup", arg(&stopped), "--json"]);
    let restored = json(&data, &["restore", arg(&stopped), "--force", "--json"]);
    let replaced = restored["replaced"].as_str().expect("it says where");
    assert!(Path::new(replaced).join("downlink.db").exists());
    let server = Server::start(&data, &[]);
    assert_eq!(status(&data, &third), "PENDING");
    server.signal("TERM");
    assert_eq!(server.end().0, Some(0));
}
