//! The demo as a user starts it: what it prints, how it ends, and what it leaves behind.

use crate::process::wait;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The arrows of a command's life; the empty name is its birth.
const ARROWS: [(&str, &[&str]); 4] = [
    ("", &["PENDING", "SENT"]),
    ("PENDING", &["SENT", "CANCELED", "EXPIRED"]),
    ("SENT", &["DELIVERED", "TIMEOUT"]),
    ("DELIVERED", &["SUCCESSFUL", "FAILED"]),
];

/// The demo, its temporary files under `folder`.
fn demo(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_downlink"));
    command.arg("demo").env("TMPDIR", folder);
    command
}

fn is_empty(folder: &Path) -> bool {
    folder
        .read_dir()
        .expect("the folder is there")
        .next()
        .is_none()
}

#[test]
fn every_change_is_an_object_a_line_and_the_summary_says_that_all_was_as_told() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(folder.path()).arg("--json").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        text.contains("\n{\"event\":\"summary\",\"ok\":true,"),
        "{text}"
    );
    let (summary, told) = lines.split_last().unwrap();
    let mut lives: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut told_back: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut webhook_ids = BTreeSet::new();
    for line in told {
        match line["event"].as_str().unwrap() {
            "step" => assert_eq!(line["ok"], true, "{line}"),
            "status" => {
                assert_eq!(line["via"], "mqtt");
                assert_eq!(line["at"].as_str().unwrap().len(), 16);
                let life = lives
                    .entry(line["commandId"].as_str().unwrap())
                    .or_default();
                life.push(line["status"].as_str().unwrap());
            }
            "callback" => {
                assert!(
                    webhook_ids.insert(line["webhookId"].as_str().unwrap()),
                    "{line}"
                );
                let subject = line["commandId"].as_str().unwrap_or_else(|| {
                    assert_eq!(line["requestId"], "pressure-now", "{line}");
                    "the call"
                });
                let what = line["what"].as_str().unwrap();
                told_back.entry(subject).or_default().push(what);
            }
            other => panic!("an event called {other}"),
        }
    }
    for life in lives.values() {
        let mut before = "";
        for status in life {
            let allowed = ARROWS.iter().find(|(from, _)| *from == before);
            assert!(
                allowed.is_some_and(|(_, to)| to.contains(status)),
                "{life:?}"
            );
            before = status;
        }
    }
    let call = told_back.remove("the call");
    assert_eq!(call, Some(vec!["messageConfirm delivered", "commandRsp"]));
    for (id, life) in lives.iter().filter(|(_, life)| life[0] == "PENDING") {
        let owed: Vec<&str> = life[1..]
            .iter()
            .copied()
            .filter(|s| *s != "CANCELED")
            .collect();
        assert_eq!(told_back.remove(id).unwrap_or_default(), owed, "{id}");
    }
    assert!(told_back.is_empty(), "{told_back:?}");
    let ended = |status: &str| {
        lives
            .values()
            .filter(|life| life.last() == Some(&status))
            .count()
    };
    let of = |life: &[&str]| lives.values().filter(|other| other[..] == *life).count();
    assert_eq!((ended("CANCELED"), ended("EXPIRED")), (1, 1));
    assert!(
        of(&["PENDING", "SENT", "DELIVERED", "SUCCESSFUL"]) > 20,
        "{lives:?}"
    );
    assert_eq!(
        of(&["SENT", "DELIVERED", "SUCCESSFUL"]),
        1,
        "the direct call"
    );
    assert_eq!(ended("SUCCESSFUL") + 2, lives.len());
    assert_eq!(
        (&summary["event"], &summary["ok"]),
        (&"summary".into(), &true.into())
    );
    assert_eq!(summary["commands"], lives.len());
    assert_eq!(summary["callbacks"], webhook_ids.len());
    assert_eq!(summary["lost"], 0);
    assert_eq!(summary["acceptedBeforeKill"], summary["foundAfterKill"]);
    assert!(summary["acceptedBeforeKill"].as_u64().unwrap() >= 12);
    assert!(is_empty(folder.path()));
}

#[test]
fn people_get_a_timeline_without_colours_where_there_is_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(folder.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(!text.contains('\u{1b}'), "{text}");
    for part in [
        "✓ ",
        "PENDING → SENT → DELIVERED → SUCCESSFUL",
        "kill -9",
        "↩ called back, signed: SENT, DELIVERED, SUCCESSFUL",
        "Everything was as told",
    ] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    assert!(!text.contains('✗'), "{text}");
}

/// The server's process, from the first line.
fn server_of(line: &str) -> PathBuf {
    let rest = line.split("process ").nth(1).expect("a process");
    Path::new("/proc").join(rest.split(' ').next().expect("a number"))
}

#[test]
fn a_demo_that_is_killed_takes_its_server_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = demo(folder.path())
        .arg("--json")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let server = server_of(&first);
    assert!(server.exists(), "{first}");
    process.kill().unwrap();
    process.wait().unwrap();
    // Whoever adopts it may be slow to see that it has ended; then there is no command line any more.
    let has_ended = || std::fs::read(server.join("cmdline")).is_ok_and(|line| line.is_empty());
    wait("its server ends", || !server.exists() || has_ended());
}

#[test]
fn a_demo_that_is_stopped_leaves_no_process_and_no_file_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = demo(folder.path())
        .arg("--json")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let server = server_of(&first);
    assert!(server.exists(), "{first}");
    let kill = format!("kill -TERM {}", process.id());
    let told = Command::new("sh").args(["-c", &kill]).status();
    assert!(told.unwrap().success());
    assert_eq!(process.wait().unwrap().code(), Some(1));
    assert!(!server.exists());
    assert!(is_empty(folder.path()));
}
