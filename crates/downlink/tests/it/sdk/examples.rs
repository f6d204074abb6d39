//! Every example of the client, as a program of its own against the real server. An example that is not run here is an error, and so is
//! one in the documentation that is no example.

use super::{Bed, meter};
use sdk::webhook::WebhookSecret;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

const SDK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sdk");
const RUN: [&str; 3] = ["handle_errors", "receive_callbacks", "send_command"];

/// Builds the examples, as `cargo test --workspace` does: there it has nothing left to do.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let program = Path::new(env!("CARGO_BIN_EXE_downlink"));
        let profile = program.parent().expect("it lies in a folder");
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
        profile.join("examples")
    })
}

/// Runs an example to its end, and returns what it printed.
async fn run(bed: &Bed, name: &'static str, settings: &[(&str, &str)]) -> String {
    assert!(RUN.contains(&name));
    let mut command = tokio::process::Command::new(folder().join(name));
    command
        .env("DOWNLINK_URL", bed.server.ports.north_url())
        .env("DOWNLINK_APP", "app")
        .env("DOWNLINK_SECRET", &bed.secret)
        .envs(settings.iter().copied());
    let output = command.output().await.expect("it was built");
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
async fn callbacks_are_received_until_a_command_has_ended() {
    let secret = WebhookSecret::of_bytes(&[7; 32]).expect("32 bytes");
    let mut receiver = tokio::process::Command::new(folder().join("receive_callbacks"))
        .env("DOWNLINK_WEBHOOK_SECRET", secret.expose())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it was built");
    let mut lines = BufReader::new(receiver.stdout.take().expect("piped")).lines();
    let url = lines.next_line().await.expect("text").expect("its address");
    for (number, status) in ["SENT", "DELIVERED", "SUCCESSFUL"].iter().enumerate() {
        let body = format!(
            r#"{{"deviceId":"d","commandId":"c","result":{{"resultCode":"{status}","resultDetail":null}}}}"#
        );
        assert_eq!(post(&url, &secret, number, &body).await, 200);
        let line = lines.next_line().await.expect("text");
        assert_eq!(line.expect("told"), format!("c is {status}"));
    }
    assert!(receiver.wait().await.expect("ended").success());
}

/// Sends a callback as the platform does, and returns the status of the answer.
async fn post(url: &str, secret: &WebhookSecret, number: usize, body: &str) -> u16 {
    let (host, path) = url
        .trim_start_matches("http://")
        .split_once('/')
        .expect("an address with a path");
    let id = format!("c.{number}");
    let at = server::clock::wall().as_millis() / 1000;
    let signature = secret.sign(&id, at, body.as_bytes());
    let request = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\
        webhook-id: {id}\r\nwebhook-timestamp: {at}\r\nwebhook-signature: {signature}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).await.expect("connected");
    let written = stream.write_all(request.as_bytes()).await;
    written.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("text");
    let status = answer.split(' ').nth(1).expect("a status");
    status.parse().expect("a number")
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
