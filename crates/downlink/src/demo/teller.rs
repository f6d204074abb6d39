//! Tells the story: a timeline for people, or an object a line for programs.

use super::burst::Burst;
use super::ear::{Heard, Subject};
use super::stage::Mismatch;
use crate::show;
use anyhow::Result;
use serde::Serialize;
use server::admin::wire::MomentView;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::Duration;

/// Commands of one step that are shown one by one; more are counted.
const SHOWN_MAX: usize = 4;
/// What stands before callbacks; each was believed for its signature.
const CALLED_BACK: &str = "↩ called back, signed:";
const WHO_WIDTH: usize = 11;
/// The demo's device speaks MQTT.
const VIA: &str = "mqtt";

/// A line of the JSON form. The order of the members is part of it: people read it too.
#[derive(Serialize)]
#[serde(
    tag = "event",
    rename_all = "lowercase",
    rename_all_fields = "camelCase"
)]
enum Line<'a> {
    /// A step that was as told.
    Step {
        n: usize,
        who: &'a str,
        what: &'a str,
        at: &'a str,
        ok: bool,
    },
    /// The step that was not.
    #[serde(rename = "step")]
    Miss {
        n: usize,
        what: &'a str,
        ok: bool,
        expected: &'a str,
        seen: &'a str,
    },
    /// A change of a command's status.
    Status {
        command_id: &'a str,
        status: &'a str,
        at: &'a str,
        at_ms: u64,
        via: &'a str,
    },
    /// A callback that the application took, its signature verified.
    Callback {
        #[serde(skip_serializing_if = "Option::is_none")]
        command_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<&'a str>,
        what: &'a str,
        webhook_id: &'a str,
    },
    /// The end.
    Summary {
        ok: bool,
        steps: usize,
        commands: usize,
        callbacks: usize,
        statuses: &'a BTreeMap<String, usize>,
        #[serde(skip_serializing_if = "Option::is_none")]
        accepted_before_kill: Option<usize>,
        #[serde(skip_serializing_if = "Option::is_none")]
        found_after_kill: Option<usize>,
        #[serde(skip_serializing_if = "Option::is_none")]
        lost: Option<usize>,
        seconds: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
}

/// Prints what happens.
pub(super) struct Teller {
    json: bool,
    colours: bool,
}

/// A change of a command's status.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// The command.
    pub(super) command_id: String,
    /// The status from then on.
    pub(super) status: String,
    /// When, by the platform's clock.
    pub(super) at: MomentView,
}

/// What a command looks like on the terminal.
pub(super) struct Shown {
    /// Name and parameters.
    pub(super) label: String,
    /// All its statuses so far.
    pub(super) path: String,
}

/// What the demo ended with.
pub(super) struct Ending<'a> {
    /// What was not as told.
    pub(super) mismatch: Option<&'a Mismatch>,
    /// That, or what could not be done.
    pub(super) error: Option<&'a anyhow::Error>,
    /// Steps that were as told.
    pub(super) steps: usize,
    /// Callbacks that the application took.
    pub(super) callbacks: usize,
    /// Commands by their status.
    pub(super) statuses: BTreeMap<String, usize>,
    /// The burst with the kill, if it came to that.
    pub(super) burst: Option<Burst>,
    /// How long it took.
    pub(super) took: Duration,
}

impl Teller {
    pub(super) fn new(json: bool) -> Self {
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { json, colours }
    }

    /// What is to be seen.
    pub(super) fn title(&self) -> Result<()> {
        if self.json {
            return Ok(());
        }
        show::line(format_args!(
            "Downlink: an application, the platform, and a water meter that sleeps most of the time.\n\
             The platform's clock is a test clock: hours pass when the story needs them.\n"
        ))
    }

    /// A step that was as told.
    pub(super) fn step(&self, number: usize, who: &str, what: &str, at: &MomentView) -> Result<()> {
        if self.json {
            return object(&Line::Step {
                n: number,
                who,
                what,
                at: &at.utc,
                ok: true,
            });
        }
        let mark = self.paint("32", "✓");
        show::line(format_args!(
            "{mark} {}  {who:WHO_WIDTH$}  {what}",
            time_of(at)
        ))
    }

    /// A further line to the last step.
    pub(super) fn more(&self, what: &str) -> Result<()> {
        if self.json {
            return Ok(());
        }
        let blank = "";
        show::line(format_args!(
            "{blank:12}{blank:WHO_WIDTH$}  {}",
            self.paint("2", what)
        ))
    }

    /// Changes since the last time, in order; `shown` are the commands that changed.
    pub(super) fn changes(&self, changes: &[Change], shown: &[Shown]) -> Result<()> {
        if self.json {
            return changes.iter().try_for_each(|change| {
                object(&Line::Status {
                    command_id: &change.command_id,
                    status: &change.status,
                    at: &change.at.utc,
                    at_ms: change.at.ms,
                    via: VIA,
                })
            });
        }
        if shown.len() <= SHOWN_MAX {
            return shown.iter().try_for_each(|command| {
                self.more(&format!("{:36} {}", command.label, command.path))
            });
        }
        let mut paths: BTreeMap<&str, usize> = BTreeMap::new();
        for command in shown {
            *paths.entry(&command.path).or_default() += 1;
        }
        paths
            .iter()
            .try_for_each(|(path, count)| self.more(&format!("{count:3} × {path}")))
    }

    /// Callbacks since the last time, in order of arrival; each was verified.
    pub(super) fn callbacks(&self, heard: &[Heard]) -> Result<()> {
        if self.json {
            return heard.iter().try_for_each(|heard| {
                let (command_id, request_id) = match &heard.subject {
                    Subject::Command(id) => (Some(id.as_str()), None),
                    Subject::Call(id) => (None, Some(id.as_str())),
                };
                object(&Line::Callback {
                    command_id,
                    request_id,
                    what: &heard.what,
                    webhook_id: &heard.webhook_id,
                })
            });
        }
        let mut lives: BTreeMap<&Subject, Vec<&str>> = BTreeMap::new();
        for heard in heard {
            lives.entry(&heard.subject).or_default().push(&heard.what);
        }
        if lives.len() <= SHOWN_MAX {
            return lives
                .values()
                .try_for_each(|told| self.more(&format!("{CALLED_BACK} {}", told.join(", "))));
        }
        self.more(&format!(
            "{CALLED_BACK} {} changes of {} commands, each in its order",
            heard.len(),
            lives.len()
        ))
    }

    /// How it ended.
    pub(super) fn end(&self, ending: &Ending<'_>) -> Result<()> {
        if self.json {
            Self::end_json(ending)
        } else {
            self.end_text(ending)
        }
    }

    fn end_json(ending: &Ending<'_>) -> Result<()> {
        if let Some(Mismatch {
            what,
            expected,
            seen,
        }) = ending.mismatch
        {
            object(&Line::Miss {
                n: ending.steps + 1,
                what,
                ok: false,
                expected,
                seen,
            })?;
        }
        let burst = ending.burst.as_ref();
        object(&Line::Summary {
            ok: ending.error.is_none(),
            steps: ending.steps,
            commands: ending.statuses.values().sum(),
            callbacks: ending.callbacks,
            statuses: &ending.statuses,
            accepted_before_kill: burst.map(|burst| burst.before_kill),
            found_after_kill: burst.map(|burst| burst.found),
            lost: burst.map(|burst| burst.before_kill - burst.found),
            seconds: ending.took.as_secs_f64(),
            error: ending.error.map(|error| format!("{error:#}")),
        })
    }

    fn end_text(&self, ending: &Ending<'_>) -> Result<()> {
        if let Some(mismatch) = ending.mismatch {
            let mark = self.paint("31", "✗");
            let Mismatch {
                what,
                expected,
                seen,
            } = mismatch;
            show::line(format_args!(
                "{mark} {what}\n    expected  {expected}\n    seen      {seen}"
            ))?;
        }
        let count = |(status, count): (&String, &usize)| format!("{count} {status}");
        let statuses: Vec<String> = ending.statuses.iter().map(count).collect();
        let verdict = if ending.error.is_none() {
            self.paint("32", "Everything was as told")
        } else {
            self.paint("31", "Not everything was as told")
        };
        let counted = if statuses.is_empty() {
            "none".to_owned()
        } else {
            statuses.join(", ")
        };
        show::line(format_args!(
            "
{verdict}: {} steps in {:.1} s; commands: {counted}; callbacks: {}.",
            ending.steps,
            ending.took.as_secs_f64(),
            ending.callbacks
        ))
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colours {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

fn object(line: &Line<'_>) -> Result<()> {
    show::line(format_args!("{}", serde_json::to_string(line)?))
}

/// `hh:mm:ss` of `yyyyMMddThhmmssZ`.
fn time_of(at: &MomentView) -> String {
    let part = |from: usize| at.utc.get(from..from + 2).unwrap_or("??");
    format!("{}:{}:{}", part(9), part(11), part(13))
}
