//! `downlink doctor` as operators start it.

use crate::process::{Server, run};
use serde_json::Value;
use std::path::Path;

const FREE: [&str; 10] = [
    "--set",
    "north.port=0",
    "--set",
    "mqtt.port=0",
    "--set",
    "mqtt.tls_port=0",
    "--set",
    "admin.port=0",
    "--set",
    "mqtt.connections_max=100",
];

/// Its exit status, and what it found.
fn doctor(folder: &Path, args: &[&str]) -> (Option<i32>, Value) {
    let mut all = vec!["doctor", "--json"];
    all.extend(FREE);
    all.extend(args);
    let output = run(folder, &all);
    let report = serde_json::from_slice(&output.stdout);
    let report = report.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), report)
}

fn has(report: &Value, level: &str, words: &str) -> bool {
    let findings = report["findings"].as_array().expect("a list");
    findings
        .iter()
        .any(|one| one["level"] == level && one["what"].as_str().expect("text").contains(words))
}

#[test]
fn a_new_folder_and_a_server_that_runs_are_fine() {
    let folder = tempfile::tempdir().expect("a folder");
    let (status, report) = doctor(folder.path(), &[]);
    assert_eq!(
        (status, &report["problems"]),
        (Some(0), &0.into()),
        "{report:#}"
    );
    let server = Server::start(folder.path(), &[]);
    let (status, report) = doctor(folder.path(), &["--set", "north.tls=false"]);
    assert_eq!(
        (status, &report["problems"]),
        (Some(0), &0.into()),
        "{report:#}"
    );
    assert!(has(&report, "ok", "a server runs on it"), "{report:#}");
    assert!(has(&report, "ok", "applications are served"), "{report:#}");
    // It looks at what its users look at, and leaves the server as it is.
    server.signal("TERM");
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn a_problem_is_told_with_advice_and_an_exit_status() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    server.signal("KILL");
    server.end();
    std::fs::remove_file(folder.path().join("key")).expect("removed");
    let (status, report) = doctor(folder.path(), &[]);
    assert_eq!(
        (status, &report["problems"]),
        (Some(1), &1.into()),
        "{report:#}"
    );
    assert!(
        has(&report, "ok", "ports.json was left by one that was killed"),
        "{report:#}"
    );
    let mut args = vec!["doctor"];
    args.extend(FREE);
    let output = run(folder.path(), &args);
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.starts_with("PROBLEM  key file: "), "{text}");
    assert!(text.contains("→ restore it from a backup"), "{text}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn settings_that_cannot_be_read_are_a_problem_like_any_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("downlink.toml");
    std::fs::write(&file, "[north]\nprt = 1\n").expect("written");
    let (status, report) = doctor(folder.path(), &["--config", file.to_str().expect("text")]);
    assert_eq!(status, Some(1));
    assert!(has(&report, "problem", "unknown field `prt`"), "{report:#}");
}

#[test]
fn warnings_count_only_if_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let unthrottled = ["--set", "north.calls_per_minute_max=0"];
    let (status, report) = doctor(folder.path(), &unthrottled);
    assert_eq!(status, Some(0));
    assert!(has(&report, "warning", "no application is throttled"));
    let strict = [&unthrottled[..], &["--strict"]].concat();
    assert_eq!(doctor(folder.path(), &strict).0, Some(1));
}
