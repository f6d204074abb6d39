//! How the program fails: a sentence and what to do about it for people, an exit status and one JSON object for scripts.

use serde_json::json;
use server::admin::client::ClientError;
use std::fmt;
use std::process::ExitCode;

/// The exit statuses, as `downlink --help` explains them.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  refused, or failed on the way; the message says why
  2  the command line was not understood
  3  no server runs on the data folder, it does not answer, or its token cannot be read
  4  what was named does not exist
  5  a command that was waited for ended otherwise than hoped

Errors go to stderr: a sentence and what to do about it; with --json one object with
`error`, `message`, `advice`, `code` (the contract's, where there is one) and `exit`.";

/// What a script is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Refused, or failed on the way.
    Failed = 1,
    /// The command line was not understood.
    Usage = 2,
    /// No server to talk to.
    NoServer = 3,
    /// What was named does not exist.
    NotFound = 4,
    /// A command that was waited for ended otherwise than hoped.
    Otherwise = 5,
}

/// A failure of the program's own, with its exit status.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The status.
    pub(crate) exit: Exit,
    /// Its kind, for programs.
    pub(crate) kind: &'static str,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it; may be empty.
    pub(crate) advice: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl Fault {
    /// What was asked for makes no sense; the operator can say it otherwise.
    pub(crate) fn usage(message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            kind: "usage",
            message: message.into(),
            advice: advice.into(),
        }
    }

    /// The doctor found something; what, was told before.
    pub(crate) fn found(problems: usize, warnings: usize) -> Self {
        Self {
            exit: Exit::Failed,
            kind: "found",
            message: format!("{problems} problems and {warnings} warnings were found"),
            advice: String::new(),
        }
    }
}

/// Prints an error, and returns the exit status that belongs to it.
pub(crate) fn report(error: &anyhow::Error, json: bool) -> ExitCode {
    let told = Told::of(error);
    if json {
        eprintln!("{}", told.as_json());
    } else {
        eprintln!("error: {}", told.message);
        if !told.advice.is_empty() {
            eprintln!("  {}", told.advice);
        }
    }
    ExitCode::from(told.exit as u8)
}

/// Prints what clap says, as JSON if the command line asks for that anywhere, and returns the exit status.
pub(crate) fn misunderstood(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|arg| arg == "--json");
    if !error.use_stderr() || !json {
        // Nobody may read any more; the status tells the same.
        error.print().ok();
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage as u8));
    }
    let text = error.to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let rest: Vec<&str> = lines.collect();
    let told = Told {
        exit: Exit::Usage,
        kind: "usage".to_owned(),
        message: first.trim_start_matches("error: ").to_owned(),
        advice: rest.join("; "),
        code: None,
    };
    eprintln!("{}", told.as_json());
    ExitCode::from(Exit::Usage as u8)
}

/// An error as it is told.
struct Told {
    exit: Exit,
    kind: String,
    message: String,
    advice: String,
    code: Option<String>,
}

impl Told {
    fn of(error: &anyhow::Error) -> Self {
        let message = format!("{error:#}");
        if let Some(fault) = error.downcast_ref::<Fault>() {
            return Self {
                exit: fault.exit,
                kind: fault.kind.to_owned(),
                message,
                advice: fault.advice.clone(),
                code: None,
            };
        }
        let client = error
            .chain()
            .find_map(|cause| cause.downcast_ref::<ClientError>());
        let (exit, kind, advice) =
            client.map_or((Exit::Failed, "failed", String::new()), client_error);
        Self {
            exit,
            kind: kind.to_owned(),
            message,
            advice,
            code: client.and_then(ClientError::code).map(str::to_owned),
        }
    }

    fn as_json(&self) -> String {
        let mut object = json!({
            "error": self.kind,
            "message": self.message,
            "exit": self.exit as u8,
        });
        if !self.advice.is_empty() {
            object["advice"] = self.advice.as_str().into();
        }
        if let Some(code) = &self.code {
            object["code"] = code.as_str().into();
        }
        object.to_string()
    }
}

fn client_error(error: &ClientError) -> (Exit, &str, String) {
    let advice = |text: &str| text.to_owned();
    match error {
        ClientError::NotRunning { .. } => (
            Exit::NoServer,
            "no_server",
            advice(
                "start one with `downlink serve`, or name the folder of one that runs with --data",
            ),
        ),
        ClientError::Unreachable { .. } => (
            Exit::NoServer,
            "no_server",
            advice("it may have been killed: start it again with `downlink serve`"),
        ),
        ClientError::Ports { .. } => (
            Exit::NoServer,
            "no_server",
            advice("run this as the user that the server runs as"),
        ),
        // Its message says what to do.
        ClientError::Token(_) => (Exit::NoServer, "token", String::new()),
        ClientError::Refused { kind, message, .. } if kind == "not_found" => {
            (Exit::NotFound, kind, elsewhere(message))
        }
        ClientError::Refused { kind, .. } => (Exit::Failed, kind, String::new()),
        ClientError::Answer(_) => (
            Exit::Failed,
            "answer",
            advice("use the program of the version that the server has: `downlink version`"),
        ),
    }
}

/// Where what does exist is listed.
fn elsewhere(message: &str) -> String {
    let noun = message
        .strip_prefix("there is no ")
        .and_then(|rest| rest.split(' ').next());
    let list = match noun {
        Some("application") => "downlink app list",
        Some("device") => "downlink device list",
        Some("group") => "downlink group list",
        Some("grant") => "downlink app grants",
        Some("command") => "downlink command list",
        Some("profile") => "downlink profile list",
        Some(_) | None => return String::new(),
    };
    format!("`{list}` shows what there is")
}

/// Asks a yes-or-no question on the terminal; without one, says how a script answers.
pub(crate) fn confirm(question: &str, yes: bool) -> anyhow::Result<()> {
    use std::io::{BufRead, IsTerminal, Write};
    if yes {
        return Ok(());
    }
    let declined = |message: &str| Fault {
        exit: Exit::Failed,
        kind: "not_confirmed",
        message: message.to_owned(),
        advice: "say --yes to do it without being asked".to_owned(),
    };
    if !std::io::stdin().is_terminal() {
        return Err(declined(
            "nothing was done: this asks for a confirmation, and there is no terminal",
        )
        .into());
    }
    let mut out = std::io::stderr().lock();
    write!(out, "{question} [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(declined("nothing was done").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_is_there_instead() {
        assert_eq!(
            elsewhere("there is no device x"),
            "`downlink device list` shows what there is"
        );
        assert_eq!(elsewhere("there is no path /x"), "");
    }

    #[test]
    fn the_kind_of_an_error_survives_its_context() {
        let error = anyhow::Error::new(Fault::usage("no such thing", "look elsewhere"))
            .context("while looking");
        let told = Told::of(&error);
        assert_eq!(
            (told.exit, told.message.as_str()),
            (Exit::Usage, "while looking: no such thing")
        );
        let json: serde_json::Value = serde_json::from_str(&told.as_json()).unwrap();
        assert_eq!(
            (&json["error"], &json["exit"]),
            (&"usage".into(), &2.into())
        );
        assert_eq!(json["advice"], "look elsewhere");
    }
}
