//! The real binary, in folders of its own.

use serde_json::Value;
use server::assembly::Ports;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The longest that a test waits for something that is bound to happen.
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A server's process; killed when dropped.
pub(crate) struct Server {
    child: Child,
    folder: PathBuf,
    pub(crate) ports: Ports,
}

/// The program with these arguments, and no settings from the environment of the tests.
pub(crate) fn downlink(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_downlink"));
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DOWNLINK_"))
    {
        command.env_remove(name);
    }
    command
        .args(args)
        .arg("--data")
        .arg(folder)
        .stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn run(folder: &Path, args: &[&str]) -> Output {
    downlink(folder, args).output().expect("the program runs")
}

/// Runs the program, which is to succeed, and returns what it printed.
pub(crate) fn printed(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args);
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

/// Runs the program, which is to fail with status 1, and returns what it complained of.
pub(crate) fn complaint(folder: &Path, args: &[&str]) -> String {
    complaint_with(folder, args, 1)
}

/// Runs the program, which is to fail with this status, and returns what it complained of.
pub(crate) fn complaint_with(folder: &Path, args: &[&str], status: i32) -> String {
    let output = run(folder, args);
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(
        output.status.code(),
        Some(status),
        "{args:?}: {}{text}",
        String::from_utf8_lossy(&output.stdout)
    );
    text
}

/// Runs the program, which is to succeed, and returns the JSON that it printed.
pub(crate) fn json(folder: &Path, args: &[&str]) -> Value {
    serde_json::from_str(&printed(folder, args)).expect("JSON")
}

/// Runs the program with `--json`, which is to fail with this status, and returns the error as it is told to programs.
pub(crate) fn problem(folder: &Path, args: &[&str], status: i32) -> Value {
    let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    let text = complaint_with(folder, &args, status);
    let problem: Value = serde_json::from_str(&text).expect("one object");
    assert_eq!(problem["exit"], status, "{text}");
    assert!(
        problem["message"].is_string() && problem["error"].is_string(),
        "{text}"
    );
    problem
}

impl Server {
    /// Starts a server on free ports and waits until it takes connections.
    pub(crate) fn start(folder: &Path, args: &[&str]) -> Self {
        let mut all = vec![
            "serve",
            "--free-ports",
            "--plain-http",
            "--set",
            "mqtt.tls=false",
            // So that it ends with tests that are killed.
            "--until-stdin-closes",
        ];
        all.extend(args);
        let log = std::fs::File::create(folder.join("log")).expect("a log");
        std::fs::remove_file(folder.join("ports.json")).ok();
        let mut child = downlink(folder, &all)
            .stdin(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the program runs");
        let mut read = None;
        wait("the server listens", || {
            let exited = child.try_wait().expect("a child");
            assert_eq!(
                exited,
                None,
                "{}",
                std::fs::read_to_string(folder.join("log")).unwrap_or_default()
            );
            let text = std::fs::read(folder.join("ports.json")).ok();
            read = text.and_then(|text| serde_json::from_slice(&text).ok());
            read.is_some()
        });
        Self {
            child,
            folder: folder.to_owned(),
            ports: read.expect("told"),
        }
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .expect("a shell")
                .success()
        );
    }

    /// Its standard input, which it is to be given only once.
    pub(crate) fn input(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("a pipe")
    }

    /// Waits for its end, and returns the exit status and what it logged.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut status = None;
        wait("the server ends", || {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        });
        let log = std::fs::read_to_string(self.folder.join("log")).expect("a log");
        (status.and_then(|status| status.code()), log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already, unless a test failed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Waits until `done` says so.
#[expect(
    clippy::disallowed_methods,
    reason = "another process is waited for; it tells by a file or by its end"
)]
pub(crate) fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < until, "in vain: {what}");
        // tidy: wait because another process tells by a file that appears or by its end, and neither can be awaited here.
        std::thread::sleep(LOOK_EVERY);
    }
}
