//! `downlink command`: where commands stand, how they came there, and why.

use crate::{Desk, show};
use anyhow::Result;
use clap::Subcommand;
use serde_json::value::RawValue;
use server::admin::wire::{CommandView, Explanation, HistoryView};

const PATH: &str = "/downlink/v1/commands";

#[derive(Subcommand)]
pub(crate) enum Commands {
    /// Show one command.
    #[command(after_help = "\
Examples:
  downlink command show 0000000000000001e5676fee2522a3e4
  downlink command show 0000000000000001e5676fee2522a3e4 --history --explain")]
    Show {
        /// Its id, 32 hex digits.
        command_id: String,
        /// With every change of it: when, why, by whom.
        #[arg(long)]
        history: bool,
        /// Say in words why it stands where it stands.
        #[arg(long)]
        explain: bool,
    },
    /// List the latest commands, newest first, direct calls included.
    #[command(after_help = "\
Examples:
  downlink command list
  downlink command list --limit 5 --json")]
    List {
        /// Of this device only.
        #[arg(long, value_name = "DEVICEID")]
        device: Option<String>,
        /// How many at the most.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
}

impl Commands {
    pub(crate) async fn run(self, desk: &Desk) -> Result<()> {
        let Desk { client, show } = desk;
        match self {
            Self::Show {
                command_id,
                history,
                explain,
            } => {
                let path = format!("{PATH}/{}", show::escape(&command_id));
                let command: Box<RawValue> = client.read(&path).await?;
                let mut shown = Shown {
                    command,
                    history: None,
                    why: None,
                };
                if history {
                    shown.history = Some(client.read(&format!("{path}/history")).await?);
                }
                if explain {
                    shown.why = Some(client.read(&format!("{path}/explain")).await?);
                }
                if show.json {
                    shown.as_json()
                } else {
                    shown.for_people()
                }
            }
            Self::List { device, limit } => {
                let device = device
                    .map(|id| format!("&deviceId={}", show::escape(&id)))
                    .unwrap_or_default();
                let commands: Box<RawValue> = client
                    .read(&format!("{PATH}?limit={limit}{device}"))
                    .await?;
                if show.json {
                    return show::json(&commands);
                }
                listed(&serde_json::from_str::<Vec<CommandView>>(commands.get())?)
            }
        }
    }
}

/// A command and what was asked of it.
struct Shown {
    command: Box<RawValue>,
    history: Option<HistoryView>,
    why: Option<Explanation>,
}

impl Shown {
    fn as_json(&self) -> Result<()> {
        let mut value: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(self.command.get())?;
        if let Some(history) = &self.history {
            value.insert("history".into(), serde_json::to_value(&history.history)?);
        }
        if let Some(why) = &self.why {
            value.insert(
                "explanation".into(),
                serde_json::to_value(&why.explanation)?,
            );
        }
        show::json(&value)
    }

    fn for_people(&self) -> Result<()> {
        let command: CommandView = serde_json::from_str(self.command.get())?;
        let end = if command.is_final { ", final" } else { "" };
        let some = |count: u32| (count > 0).then(|| count.to_string());
        show::pairs(&[
            ("command", Some(command.command_id)),
            ("device", Some(command.device_id)),
            ("application", command.app_id),
            ("kind", Some(command.kind)),
            ("status", Some(format!("{}{end}", command.status))),
            (
                "asked",
                Some(format!(
                    "{} {} {}",
                    command.service_id, command.method, command.paras
                )),
            ),
            ("answer", command.answer.map(|answer| answer.to_string())),
            ("created", Some(command.created.utc)),
            ("expires", command.expires.map(|moment| moment.utc)),
            (
                "sent",
                Some(format!(
                    "{} times, at most {}",
                    command.issued_times,
                    1 + u32::from(command.retransmit_max)
                )),
            ),
            ("mid", Some(command.mid.to_string())),
            ("lost", some(command.lost)),
            ("late", some(command.late)),
        ])?;
        if let Some(HistoryView { history, .. }) = &self.history {
            show::line(format_args!(""))?;
            let row = |entry: &server::admin::wire::EntryView| {
                let late = if entry.late { "late" } else { "" };
                let entry = entry.clone();
                [
                    entry.at.utc,
                    entry.status,
                    entry.cause,
                    entry.attempt.to_string(),
                    entry.who,
                    late.to_owned(),
                ]
            };
            let rows: Vec<_> = history.iter().map(row).collect();
            show::table(["AT", "STATUS", "CAUSE", "ATTEMPTS", "WHO", ""], &rows)?;
        }
        if let Some(why) = &self.why {
            show::line(format_args!(""))?;
            for sentence in &why.explanation {
                show::line(format_args!("{sentence}"))?;
            }
        }
        Ok(())
    }
}

fn listed(commands: &[CommandView]) -> Result<()> {
    let rows: Vec<_> = commands
        .iter()
        .map(|command| {
            [
                command.command_id.clone(),
                command.created.utc.clone(),
                command.device_id.clone(),
                command.kind.clone(),
                format!("{} {}", command.service_id, command.method),
                command.status.clone(),
            ]
        })
        .collect();
    show::table(
        ["COMMAND", "CREATED", "DEVICE", "KIND", "ASKED", "STATUS"],
        &rows,
    )
}
