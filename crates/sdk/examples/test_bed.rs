//! A test of an application against a platform of its own: what it does when a command expires, fails and succeeds, and under overload.

use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::time::Duration;

use sdk::api::Code;
use sdk::api::commands::{Command, CommandStatus, CommandsQuery, PostCommandRequest};
use sdk::{Client, Retry};
use serde_json::Value;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// A server whose time stands still. Dropped, it ends, and leaves nothing behind; it ends with this process too, even when that is killed.
struct Platform {
    server: Child,
    folder: tempfile::TempDir,
}

impl Platform {
    async fn start() -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let server = downlink(folder.path())
            .args(["serve", "--test-clock", "--free-ports", "--plain-http"])
            .args(["--set", "mqtt.tls=false", "--log-level", "error"])
            .arg("--until-stdin-closes")
            .stdin(Stdio::piped())
            .spawn()?;
        let platform = Self { server, folder };
        while !platform.folder.path().join("ports.json").exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(platform)
    }

    /// Runs a command of the operator, and returns what it printed.
    fn operator(&self, args: &[&str]) -> Outcome<Value> {
        let output = downlink(self.folder.path())
            .args(["--json"])
            .args(args)
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(format!("{args:?} ended with {}", output.status).into());
        }
        Ok(serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
    }

    fn url(&self) -> Outcome<String> {
        let ports = std::fs::read(self.folder.path().join("ports.json"))?;
        let ports: Value = serde_json::from_slice(&ports)?;
        Ok(format!("http://{}", text(&ports, "north")?))
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

fn downlink(folder: &Path) -> Process {
    let program = std::env::var_os("DOWNLINK").unwrap_or_else(|| "downlink".into());
    let mut process = Process::new(program);
    process.arg("--data").arg(folder);
    process
}

fn text(value: &Value, member: &str) -> Outcome<String> {
    let text = value[member].as_str();
    Ok(text.ok_or(format!("no `{member}` in {value}"))?.to_owned())
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let platform = Platform::start().await?;
    let app = platform.operator(&["app", "create", "--id", "tests", "--unthrottled"])?;
    let meter = platform.operator(&["device", "register", "--node-id", "meter-1"])?;
    let key = format!("{}/meter-1.secret", platform.folder.path().display());
    std::fs::write(&key, text(&meter, "secret")?)?;
    let play = |answers: &str| {
        let who = ["device", "play", "meter-1", "--secret-file", &key];
        let what = ["--commands", "1", "--answers", answers];
        platform.operator(&[who.as_slice(), &what].concat())
    };

    // What is tested here is the client itself; an application would be given the address and the secret instead.
    let client = Client::builder(platform.url()?, "tests", text(&app, "secret")?)
        .retry(Retry::standard().waits(Duration::from_millis(1), Duration::from_millis(10)))
        .build()?;
    let request = PostCommandRequest {
        device_id: text(&meter, "deviceId")?,
        command: Command {
            service_id: "WaterMeter".into(),
            method: "CLOSE_VALVE".into(),
            ..Command::default()
        },
        expire_time: Some(3600),
        ..PostCommandRequest::default()
    };

    // The meter sleeps too long.
    let command = client.post_device_command(&request).await?;
    platform.operator(&["clock", "advance", "1h"])?;
    assert_eq!(
        status(&client, &command.command_id).await?,
        CommandStatus::Expired
    );

    // It wakes in time, and cannot do it.
    let command = client.post_device_command(&request).await?;
    play("error=7")?;
    assert_eq!(
        status(&client, &command.command_id).await?,
        CommandStatus::Failed
    );

    // The platform is overloaded for a moment: the client tries again, and the command exists once.
    platform.operator(&["fault", "set", "overload"])?;
    let command = client.post_device_command(&request).await?;
    play("ok")?;
    assert_eq!(
        status(&client, &command.command_id).await?,
        CommandStatus::Successful
    );

    // It is too late to take it back.
    let refused = client.update_device_command(&command.command_id).await;
    let code = refused.err().and_then(|error| error.code());
    assert_eq!(code, Some(Code::CommandNotCancellable));
    println!("all is as it should be");
    Ok(())
}

/// Where a command stands.
async fn status(client: &Client, command_id: &str) -> Outcome<CommandStatus> {
    let mut pages = client.query_device_command_pages(&CommandsQuery::default());
    while let Some(page) = pages.next_page().await? {
        let found = page.iter().find(|command| command.command_id == command_id);
        if let Some(command) = found {
            return Ok(command.status);
        }
    }
    Err("the command is not listed".into())
}
