//! The README's quick start, run as it is printed: what a newcomer types must work.

use crate::process::wait;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

const README: &str = include_str!("../../../../README.md");
/// The ports of the text, with the settings that move them.
const PORTS: [(&str, &str); 4] = [
    ("8743", "DOWNLINK_NORTH_PORT"),
    ("8744", "DOWNLINK_ADMIN_PORT"),
    ("1883", "DOWNLINK_MQTT_PORT"),
    ("8883", "DOWNLINK_MQTT_TLS_PORT"),
];

/// Every shell block of a chapter, in order.
pub(crate) fn blocks(text: &str, chapter: &str) -> String {
    let heading = format!("\n## {chapter}\n");
    let (_, rest) = text.split_once(&heading).expect("the chapter");
    let (chapter, _) = rest.split_once("\n## ").expect("the next one");
    let blocks = chapter.split("```bash\n").skip(1);
    let blocks = blocks.map(|block| block.split_once("```").expect("an end").0);
    blocks.collect()
}

/// Those of the quick start, without the build: the program is built already.
fn quick_start() -> String {
    let script = blocks(README, "Quick start");
    let (build, script) = script.split_once('\n').expect("lines");
    assert_eq!(build, "cargo build -p downlink");
    script.to_owned()
}

/// Ends whatever the script left running.
struct Group(u32);

impl Drop for Group {
    fn drop(&mut self) {
        let kill = format!("kill -KILL -- -{} 2>/dev/null", self.0);
        Command::new("sh").args(["-c", &kill]).status().ok();
    }
}

/// Runs the script in `folder`, which looks like a clone in which the program was built, and returns what it printed.
pub(crate) fn run(folder: &Path, script: &str) -> String {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    for profile in ["debug", "release"] {
        let built = folder.join("target").join(profile);
        std::fs::create_dir_all(&built).expect("a folder");
        symlink(env!("CARGO_BIN_EXE_downlink"), built.join("downlink")).expect("linked");
    }
    symlink(root.join("crates"), folder.join("crates")).expect("linked");
    let mut script = script.to_owned();
    let mut bash = Command::new("bash");
    // All are bound at once, so that no two are the same.
    let free: Vec<TcpListener> = PORTS
        .iter()
        .map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"))
        .collect();
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DOWNLINK_") {
            bash.env_remove(name);
        }
    }
    for ((port, setting), listener) in PORTS.iter().zip(&free) {
        let free = listener.local_addr().expect("bound").port().to_string();
        script = script.replace(port, &free);
        bash.env(setting, free);
    }
    drop(free);
    let out = std::fs::File::create(folder.join("out")).expect("a file");
    bash.args(["-euo", "pipefail", "-c", &script])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(out.try_clone().expect("a file"))
        .stdout(out)
        .process_group(0);
    let mut child = bash.spawn().expect("bash runs");
    let _group = Group(child.id());
    let status = child.wait().expect("it ends");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let (out, log) = (read("out"), read("downlink.log"));
    assert!(status.success(), "{script}\n{out}\n{log}");
    out
}

#[test]
fn the_quick_start_leads_from_the_build_to_a_delivered_command_as_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = quick_start();
    let printed = run(folder.path(), &script);
    let rows = |status: &str| {
        let words = |line: &str| line.split_whitespace().nth(1) == Some(status);
        printed.lines().filter(|line| words(line)).count()
    };
    for part in [
        "\"ready\":true",
        "It is new.",
        "\"deviceId\": \"",
        "no byte of it has left",
        "\"cmd\": \"SET_PERIOD\"",
        "WaterMeter SET_PERIOD {\"value\":12}",
        "SUCCESSFUL, final",
        "answer       {\"result\":0}",
        "COMMAND ",
    ] {
        assert!(printed.contains(part), "{part} is missing:\n{printed}");
    }
    for status in ["SENT", "DELIVERED", "SUCCESSFUL"] {
        assert!(rows(status) == 1, "{status}:\n{printed}");
    }
    assert!(!printed.contains("error"), "{printed}");
    // Its last line stops the server, in good order.
    let ports = folder.path().join("downlink-data/ports.json");
    wait("the server ends", || !ports.exists());
}

#[test]
fn every_variable_of_the_quick_start_is_set_by_it() {
    let script = quick_start();
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut used = 0;
    for (at, _) in script.match_indices('$') {
        let rest = script[at + 1..].trim_start_matches('{');
        let name: String = rest.chars().take_while(|letter| is_name(*letter)).collect();
        if name.is_empty() || ["PWD", "PATH"].contains(&name.as_str()) {
            continue;
        }
        let before = &script[..at];
        let set = before.contains(&format!("\n{name}=")) || before.contains(&format!(" {name}="));
        assert!(set, "${name} is used before it is set");
        used += 1;
    }
    assert!(used > 20, "{script}");
}
