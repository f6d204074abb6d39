//! The doctor: looks at a set-up, running or not, and says in words what is wrong with it and what to do. It changes nothing.
//!
//! ```text
//!   settings ─► data folder ─► database, key, token, clock ─► ports ─► certificates ─► machine ─► the server that runs
//! ```
//!
//! Each look leaves findings, good ones too, so that a reader sees what was looked at. No look depends on one before it having
//! found nothing: a broken set-up is often broken in more than one place.

mod callbacks;
mod certificates;
mod folder;
mod machine;
mod ports;
mod running;
mod settings;

use crate::clock;
use crate::config::Config;
use serde::Serialize;

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It is as it should be.
    Ok,
    /// It works, and somebody will be surprised one day.
    Warning,
    /// It does not work.
    Problem,
}

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about: `settings`, `data folder`, `database`, `ports` …
    pub topic: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found.
    pub what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// Findings in the making.
#[derive(Debug, Default)]
struct Notes(Vec<Finding>);

/// Whether a server runs on the data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    /// None does.
    Stopped,
    /// One does, in this process if that is known.
    Runs(Option<u32>),
}

/// Looks at everything that these settings lead to. `variables` are the names of environment variables that look like settings.
pub async fn examine(config: Config, variables: Vec<String>) -> Vec<Finding> {
    let kept = config.clone();
    let looked = tokio::task::spawn_blocking(move || {
        let mut notes = Notes::default();
        settings::examine(&config, &variables, &mut notes);
        let server = folder::examine(&config, &mut notes);
        if server == Server::Stopped {
            ports::examine(&config, &mut notes);
        }
        certificates::examine(&config, clock::wall().as_millis(), &mut notes);
        machine::examine(&config, server, &mut notes);
        (notes, server)
    });
    let Ok((mut notes, server)) = looked.await else {
        let mut notes = Notes::default();
        notes.problem(
            "doctor",
            "a look ended in the middle",
            "tell us: this is a defect",
        );
        return notes.0;
    };
    if let Server::Runs(pid) = server {
        running::examine(&kept, pid, &mut notes).await;
    }
    notes.0
}

impl Finding {
    /// A set-up whose settings cannot be read at all.
    pub fn of_settings(error: &str) -> Self {
        Self {
            topic: "settings",
            level: Level::Problem,
            what: error.to_owned(),
            advice: Some("`downlink config` prints every setting with its default".to_owned()),
        }
    }
}

impl Notes {
    fn ok(&mut self, topic: &'static str, what: impl Into<String>) {
        self.note(topic, Level::Ok, what.into(), None);
    }

    fn warning(&mut self, topic: &'static str, what: impl Into<String>, advice: impl Into<String>) {
        self.note(topic, Level::Warning, what.into(), Some(advice.into()));
    }

    fn problem(&mut self, topic: &'static str, what: impl Into<String>, advice: impl Into<String>) {
        self.note(topic, Level::Problem, what.into(), Some(advice.into()));
    }

    fn note(&mut self, topic: &'static str, level: Level, what: String, advice: Option<String>) {
        self.0.push(Finding {
            topic,
            level,
            what,
            advice,
        });
    }

    /// Whether nothing worse than fine was found since there were `before` findings.
    fn is_well_since(&self, before: usize) -> bool {
        self.0.iter().skip(before).all(|one| one.level == Level::Ok)
    }
}
