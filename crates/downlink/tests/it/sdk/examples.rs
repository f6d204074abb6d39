//! Every example of the client, as a program of its own against the real server. An example that is not run here is an error, and so is
//! one in the documentation that is no example.

use super::{Bed, meter, set_period};
use sdk::api::commands::PostCommandRequest;
use sim::behaviour::Behaviour;
use sim::credentials::Credentials;
use sim::device::Device;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

const SDK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sdk");
/// The longest that a callback is waited for.
const WITHIN: Duration = Duration::from_secs(30);
const RUN: [&str; 6] = [
    "application",
    // By the test of docs/sdk-rust.md.
    "first_command",
    "handle_errors",
    "receive_callbacks",
    "send_command",
    // By the test of docs/testing.md.
    "test_bed",
];

/// Where the examples are. `cargo test --workspace` builds them before it runs anything; they are built here where that was not so.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let program = Path::new(env!("CARGO_BIN_EXE_downlink"));
        let profile = program.parent().expect("it lies in a folder");
        let folder = profile.join("examples");
        if !are_fresh(&folder) {
            build(profile);
        }
        folder
    })
}

/// Whether every example was built after the last change of what it is made of.
fn are_fresh(folder: &Path) -> bool {
    let root = Path::new(SDK).join("../..");
    let sources = ["Cargo.lock", "Cargo.toml", "crates/api", "crates/sdk"];
    let changed = sources.map(|source| changed(&root.join(source)));
    let changed = changed.into_iter().max().expect("sources");
    RUN.iter().all(|name| {
        let built = folder.join(name).metadata();
        built.is_ok_and(|built| built.modified().expect("a time") >= changed)
    })
}

/// When a file, or anything in a folder, was changed last.
fn changed(path: &Path) -> SystemTime {
    let own = path.metadata().expect("it is there");
    let own = own.modified().expect("a time");
    if !path.is_dir() {
        return own;
    }
    let inner = path.read_dir().expect("a folder");
    let inner = inner.map(|entry| changed(&entry.expect("an entry").path()));
    inner.fold(own, SystemTime::max)
}

fn build(profile: &Path) {
    let target = profile.parent().expect("two levels deep");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--locked", "--offline"]);
    build.args(["--workspace", "--examples", "--target-dir"]);
    build.arg(target).current_dir(SDK);
    if profile.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().expect("cargo").success());
}

/// An example, with the settings that each has, and further ones.
pub(super) fn program(
    bed: &Bed,
    name: &'static str,
    settings: &[(&str, &str)],
) -> tokio::process::Command {
    assert!(RUN.contains(&name));
    let mut command = tokio::process::Command::new(folder().join(name));
    command
        .env("DOWNLINK_URL", bed.server.ports.north_url())
        .env("DOWNLINK_APP", "app")
        .env("DOWNLINK_SECRET", &bed.secret)
        .envs(settings.iter().copied())
        .kill_on_drop(true);
    command
}

/// Runs an example to its end, and returns what it printed.
pub(super) async fn run(bed: &Bed, name: &'static str, settings: &[(&str, &str)]) -> String {
    let output = program(bed, name, settings).output().await;
    let output = output.expect("it was built");
    assert!(
        output.status.success(),
        "{name}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

async fn device(bed: &Bed) -> String {
    let client = bed.client();
    let made = client.reg_direct_device_with_secret(&meter("m")).await;
    made.expect("registered").device_id
}

#[tokio::test]
async fn a_command_is_sent_listed_and_cancelled() {
    let bed = Bed::start();
    let device = device(&bed).await;
    let text = run(&bed, "send_command", &[("DOWNLINK_DEVICE", &device)]).await;
    let words: Vec<Vec<&str>> = text.lines().map(|line| line.split(' ').collect()).collect();
    let id = words[0][0];
    assert_eq!(id.len(), 32, "{text}");
    assert_eq!(
        words,
        [
            [id, "is", "PENDING"],
            [id, "is", "PENDING"],
            [id, "is", "CANCELED"]
        ]
    );
}

#[tokio::test]
async fn an_error_is_advice() {
    let bed = Bed::start();
    let device = device(&bed).await;
    let text = run(&bed, "handle_errors", &[("DOWNLINK_DEVICE", &device)]).await;
    assert_eq!(text, "it sleeps: queue a command instead\n");
    bed.fault("handler");
    let text = run(&bed, "handle_errors", &[("DOWNLINK_DEVICE", "none")]).await;
    assert!(
        text.contains("for the operator: ") || text.contains("look what became of it"),
        "{text}"
    );
}

#[tokio::test]
async fn r5_4_signed_callbacks_are_received_until_a_command_has_ended() {
    let bed = Bed::with(&["--set", "north.private_callbacks=true"]);
    let secret = bed.webhook_secret();
    let mut receiver = tokio::process::Command::new(folder().join("receive_callbacks"))
        .env("DOWNLINK_WEBHOOK_SECRET", secret)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it was built");
    let mut lines = BufReader::new(receiver.stdout.take().expect("piped")).lines();
    let url = lines.next_line().await.expect("text").expect("its address");
    let client = bed.client();
    let made = client.reg_direct_device_with_secret(&meter("m")).await;
    let made = made.expect("registered");
    let request = PostCommandRequest {
        callback_url: Some(url),
        ..set_period(&made.device_id, 3)
    };
    let command = client.post_device_command(&request).await;
    let id = command.expect("created").command_id;
    let credentials = Credentials::of_device(made.device_id, made.secret.expose());
    let mut device = Device::new(credentials, Behaviour::water_meter(), 1);
    let mqtt = bed.server.ports.mqtt.expect("a plain listener");
    device.wake(mqtt).await.expect("it wakes");
    for status in ["SENT", "DELIVERED", "SUCCESSFUL"] {
        let line = timeout(WITHIN, lines.next_line()).await.expect("in time");
        let line = line.expect("text").expect("told");
        assert_eq!(line, format!("{id} is {status}"));
    }
    assert!(receiver.wait().await.expect("ended").success());
}

#[tokio::test]
async fn an_application_queues_cancels_calls_and_is_told() {
    let bed = Bed::with(&["--set", "north.private_callbacks=true"]);
    let secret = bed.webhook_secret();
    let made = bed
        .client()
        .reg_direct_device_with_secret(&meter("m"))
        .await;
    let made = made.expect("registered");
    let settings = [
        ("DOWNLINK_DEVICE", made.device_id.as_str()),
        ("DOWNLINK_WEBHOOK_SECRET", &secret),
    ];
    let mut application = program(&bed, "application", &settings)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it was built");
    let mut lines = BufReader::new(application.stdout.take().expect("piped")).lines();
    let mut seen = Vec::new();
    let mut device = None;
    while let Some(line) = timeout(WITHIN, lines.next_line())
        .await
        .expect("in time")
        .expect("text")
    {
        if line == "waits for the meter" {
            let credentials = Credentials::of_device(made.device_id.clone(), made.secret.expose());
            let mut meter = Device::new(credentials, Behaviour::water_meter(), 1);
            let mqtt = bed.server.ports.mqtt.expect("a plain listener");
            meter.wake(mqtt).await.expect("it wakes");
            device = Some(meter);
        }
        // Without the ids.
        seen.push(
            line.trim_start_matches(|c: char| c.is_ascii_hexdigit())
                .trim()
                .to_owned(),
        );
    }
    assert!(device.is_some(), "it waits for its meter");
    let expected = [
        "is queued",
        "is CANCELED",
        "waits for the meter",
        "is SENT",
        "is DELIVERED",
        "is SUCCESSFUL",
        "the call is Delivered",
        "the meter answers Some(\"CLOSE_VALVE-RSP\")",
    ];
    assert_eq!(seen, expected);
    assert!(application.wait().await.expect("ended").success());
}

#[test]
fn every_example_is_run_and_every_example_of_the_documentation_is_one_of_them() {
    let folder = Path::new(SDK)
        .join("examples")
        .read_dir()
        .expect("a folder");
    let there: BTreeSet<String> = folder
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            path.file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let run: BTreeSet<String> = RUN.map(str::to_owned).into();
    assert_eq!(there, run);

    let mut waiting = vec![Path::new(SDK).join("src")];
    let mut shown = BTreeSet::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let below = path.read_dir().expect("a folder");
            waiting.extend(below.map(|entry| entry.expect("an entry").path()));
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("text");
        for line in text.lines().map(str::trim) {
            if let Some(example) = included(line) {
                shown.insert(example.to_owned());
            } else if line.starts_with("///") || line.starts_with("//!") {
                let fence = line.trim_start_matches(['/', '!', ' ']);
                assert!(
                    !fence.starts_with("```") || fence == "```text" || fence == "```",
                    "{}: code that nobody runs: {line}",
                    path.display()
                );
            }
        }
    }
    assert!(shown.is_subset(&run), "{shown:?}");
    assert!(!shown.is_empty());
}

/// The example that a line brings into the documentation.
fn included(line: &str) -> Option<&str> {
    let after = line.split_once("include_str!(\"../examples/")?.1;
    after.split_once(".rs\")").map(|(name, _)| name)
}
