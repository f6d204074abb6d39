//! Secrets that come from a file or from standard input, where no list of processes shows them.

use crate::process::{Server, complaint, downlink, json, printed, problem, run};
use std::fs::File;
use std::path::Path;
use std::process::Output;

const SECRET: &str = "00112233445566778899";

fn ready(data: &Path) -> Server {
    let server = Server::start(data, &["--test-clock"]);
    printed(data, &["app", "create", "--id", "meters", "--unthrottled"]);
    server
}

/// Leaves a text where a secret is looked for.
fn file(data: &Path, name: &str, text: &str) -> String {
    let path = data.join(name);
    std::fs::write(&path, text).expect("written");
    path.to_str().expect("text").to_owned()
}

/// Runs the program with a file as its standard input.
fn with_input(data: &Path, args: &[&str], input: &str) -> Output {
    let input = File::open(input).expect("a file");
    let output = downlink(data, args).stdin(input).output();
    output.expect("the program runs")
}

#[test]
fn a_device_is_registered_with_the_secret_of_a_file_and_wakes_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = ready(data);
    let secret = file(data, "secret", &format!("{SECRET}\r\n"));
    let register = ["device", "register", "--json", "--node-id"];
    let args = [&register[..], &["m1", "--secret-file", &secret]].concat();
    assert_eq!(json(data, &args)["secret"], SECRET);
    let args = [&register[..], &["m2", "--secret-file", "-"]].concat();
    let made = with_input(data, &args, &secret);
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).expect("JSON");
    assert_eq!(made["secret"], SECRET);

    printed(data, &["device", "play", "m1", "--secret-file", &secret]);
    let play = ["device", "play", "m2", "--secret-file", "-"];
    let played = with_input(data, &play, &secret);
    assert!(played.status.success(), "{played:?}");
    // The file goes before a variable that somebody has set for another device.
    let mut other = downlink(data, &["device", "play", "m1", "--secret-file", &secret]);
    other.env("DOWNLINK_DEVICE_SECRET", "99887766554433221100");
    assert!(other.output().expect("the program runs").status.success());
    let mut variable = downlink(data, &["device", "play", "m1"]);
    variable.env("DOWNLINK_DEVICE_SECRET", "99887766554433221100");
    let refused = variable.output().expect("the program runs");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    drop(server);
}

#[test]
fn a_file_that_holds_no_secret_is_refused_and_nothing_is_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = ready(data);
    let nowhere = data.join("nowhere");
    let nowhere = nowhere.to_str().expect("text");
    let empty = file(data, "empty", "\n");
    let long = file(data, "long", &"0".repeat(4_097));
    let binary = data.join("binary");
    std::fs::write(&binary, [0xff]).expect("written");
    let binary = binary.to_str().expect("text");
    let commands = [
        &["device", "register", "--node-id", "m1"][..],
        &["app", "create", "--id", "other"],
        &["app", "rotate-secret", "meters"],
        &["sim", "--app-id", "meters"],
    ];
    for command in commands {
        for (file, why) in [
            (nowhere, "No such file"),
            (&empty, "nothing in it"),
            (&long, "more than 4096 bytes"),
            (binary, "no UTF-8"),
        ] {
            let args = [command, &["--secret-file", file]].concat();
            let text = complaint(data, &args);
            let what = format!("the secret cannot be read from {file}");
            assert!(text.contains(&what) && text.contains(why), "{text}");
        }
    }
    assert_eq!(json(data, &["device", "list", "--json"])["total"], 0);
    let apps = printed(data, &["app", "list"]);
    assert_eq!(apps.lines().count(), 2, "{apps}");
    drop(server);
}

#[test]
fn two_secrets_are_one_too_many_and_none_is_too_few() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let register = [
        "device",
        "register",
        "--node-id",
        "m1",
        "--secret-file",
        "-",
    ];
    for more in [["--secret", SECRET], ["--gateway", "g"]] {
        let args = [&register[..], &more].concat();
        assert_eq!(problem(data, &args, 2)["error"], "usage");
    }
    for none in [&["device", "play", "m1"][..], &["sim", "--app-id", "a"]] {
        let refused = problem(data, none, 2);
        let advice = refused["advice"].as_str().expect("text");
        assert!(advice.contains("--secret-file"), "{advice}");
    }
}

#[test]
fn a_fleet_logs_in_with_the_secret_of_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = ready(data);
    let secret = file(data, "secret", "secret-of-fleet\n");
    let create = ["app", "create", "--id", "fleet", "--unthrottled"];
    let args = [&create[..], &["--secret-file", &secret]].concat();
    printed(data, &args);
    let url = server.ports.north_url();
    let mqtt = server.ports.mqtt.expect("a listener").to_string();
    let fleet = ["sim", "--url", &url, "--mqtt", &mqtt, "--app-id", "fleet"];
    let little = ["--devices", "1", "--seconds", "1"];
    let args = [&fleet[..], &little, &["--secret-file", &secret]].concat();
    printed(data, &args);
    let args = [&fleet[..], &little, &["--seed", "2", "--secret-file", "-"]].concat();
    let read = with_input(data, &args, &secret);
    assert!(read.status.success(), "{read:?}");
    drop(server);
}

#[test]
fn the_help_of_a_flag_that_shows_a_secret_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    for command in [&["device", "register"][..], &["device", "play"], &["sim"]] {
        let args = [command, &["--help"]].concat();
        let help = String::from_utf8(run(folder.path(), &args).stdout).expect("text");
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            help.contains("Others on this machine see it in the list of processes"),
            "{help}"
        );
    }
}
