//! The measurement as a user starts it.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn bench(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_downlink"));
    command
        .args(["bench", "--quick", "--only", "start", "--folder"])
        .arg(folder)
        .args(args);
    command.output().expect("the program runs")
}

#[test]
fn every_measure_is_an_object_a_line_with_the_disk_before_and_after() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let output = bench(folder.path(), &["--json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut names = Vec::new();
    for line in text.lines() {
        let measure: Value = serde_json::from_str(line).unwrap();
        let members: Vec<_> = measure
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(
            members,
            ["goal", "measure", "met", "unit", "value"],
            "{line}"
        );
        assert!(measure["value"].is_f64(), "{line}");
        assert_eq!(
            measure["met"].is_boolean(),
            measure["goal"].is_string(),
            "{line}"
        );
        names.push(measure["measure"].as_str().unwrap().to_owned());
    }
    assert_eq!(
        names.first().map(String::as_str),
        Some("bare fsync rate, before")
    );
    assert!(
        names.contains(&"bare fsync rate, after".to_owned()),
        "{names:?}"
    );
    assert!(
        names.contains(&"start-up, empty store".to_owned()),
        "{names:?}"
    );
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "what was made is removed"
    );
}

#[test]
fn a_folder_in_memory_is_refused() {
    let folder = Path::new("/dev/shm");
    let output = bench(folder, &[]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("lies in memory"), "{text}");
}
