//! Crash rounds as a user starts them: what they print, how they end, and what they leave behind.

use crate::process::wait;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Crash rounds, their temporary files under `folder`.
fn crash(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_downlink"));
    command.arg("crash").args(args).env("TMPDIR", folder);
    command.stdin(Stdio::null());
    command
}

fn left_in(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().expect("the folder is there");
    entries
        .map(|entry| entry.expect("readable").path())
        .collect()
}

#[test]
fn a_round_passes_tells_so_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let output = crash(folder.path(), &["--rounds", "1", "--seed", "7"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("round 1  seed 7  kills "), "{text}");
    assert_eq!(lines[1..], ["1 passed, 0 failed"]);
    assert_eq!(left_in(folder.path()), [""; 0].map(PathBuf::from));
}

#[test]
fn a_round_that_cannot_be_played_has_failed() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let output = crash(&nowhere, &["--rounds", "2", "--seed", "7"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text.contains("once more: downlink crash --rounds 1 --seed 8\n"),
        "{text}"
    );
    assert!(text.ends_with("\n0 passed, 2 failed\n"), "{text}");
}

#[test]
fn rounds_are_objects_for_programs() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let output = crash(&nowhere, &["--rounds", "1", "--seed", "7", "--json"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (&lines[0]["seed"], &lines[0]["ok"]),
        (&7.into(), &false.into())
    );
    assert_eq!(
        lines[1],
        serde_json::json!({"event": "summary", "passed": 0, "failed": 1})
    );
}

#[test]
fn an_interrupted_round_ends_its_server_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut playing = crash(folder.path(), &["--rounds", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut server = None;
    wait("a server listens", || {
        let ports = left_in(folder.path())
            .first()
            .map(|round| round.join("ports.json"));
        let text = ports.and_then(|ports| std::fs::read(ports).ok());
        let ports =
            text.and_then(|text| serde_json::from_slice::<server::assembly::Ports>(&text).ok());
        server = ports.map(|ports| ports.pid);
        server.is_some()
    });
    let interrupt = format!("kill -INT {}", playing.id());
    assert!(
        Command::new("sh")
            .args(["-c", &interrupt])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(playing.wait().unwrap().code(), Some(1));
    let process = format!("/proc/{}", server.unwrap());
    wait("its server is gone", || !Path::new(&process).exists());
    assert_eq!(left_in(folder.path()), [""; 0].map(PathBuf::from));
}
