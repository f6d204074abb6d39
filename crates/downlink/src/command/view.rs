//! One command, on the terminal.

use crate::show::{self, Show};
use anyhow::Result;
use serde::Serialize;
use server::admin::wire::{CommandView, EntryView, Explanation, HistoryView, ToldView};

/// A command and what was asked of it.
pub(super) struct Shown {
    pub(super) command: CommandView,
    pub(super) history: Option<HistoryView>,
    pub(super) why: Option<Explanation>,
}

#[derive(Serialize)]
struct AsJson<'a> {
    #[serde(flatten)]
    command: &'a CommandView,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<&'a [EntryView]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callbacks: Option<&'a ToldView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'a [String]>,
}

impl Shown {
    pub(super) fn print(self, show: Show) -> Result<()> {
        if show.json {
            return show::json(&AsJson {
                command: &self.command,
                history: self.history.as_ref().map(|view| view.history.as_slice()),
                callbacks: self
                    .history
                    .as_ref()
                    .and_then(|view| view.callbacks.as_ref()),
                explanation: self.why.as_ref().map(|why| why.explanation.as_slice()),
            });
        }
        command(self.command)?;
        if let Some(view) = self.history {
            show::line(format_args!(""))?;
            let told = view
                .callbacks
                .as_ref()
                .map(|told| callbacks(told, view.history.len()));
            let rows: Vec<_> = view.history.into_iter().map(row).collect();
            show::table(["AT", "STATUS", "CAUSE", "ATTEMPTS", "WHO", ""], &rows)?;
            if let Some(told) = told {
                show::line(format_args!("{told}"))?;
            }
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

fn command(command: CommandView) -> Result<()> {
    let end = if command.is_final { ", final" } else { "" };
    let some = |count: u32| (count > 0).then(|| count.to_string());
    let asked = format!(
        "{} {} {}",
        command.service_id, command.method, command.paras
    );
    let sent = format!(
        "{} times, at most {}",
        command.issued_times,
        1 + u32::from(command.retransmit_max)
    );
    show::pairs(&[
        ("command", Some(command.command_id)),
        ("device", Some(command.device_id)),
        ("application", command.app_id),
        ("kind", Some(command.kind)),
        ("status", Some(format!("{}{end}", command.status))),
        ("asked", Some(asked)),
        ("answer", command.answer.map(|answer| answer.to_string())),
        ("created", Some(command.created.utc)),
        ("expires", command.expires.map(|moment| moment.utc)),
        ("sent", Some(sent)),
        ("mid", Some(command.mid.to_string())),
        ("lost", some(command.lost)),
        ("late", some(command.late)),
    ])
}

/// What the callback address knows of it.
fn callbacks(told: &ToldView, entries: usize) -> String {
    match (&told.given_up, told.owed) {
        (Some(reason), _) => {
            let up_to = told.up_to;
            format!("callbacks: told up to entry {up_to} of {entries}, then given up: {reason}")
        }
        (None, 0) => "callbacks: all is told".to_owned(),
        (None, owed) => format!("callbacks: {owed} still to be told"),
    }
}

fn row(entry: EntryView) -> [String; 6] {
    let late = if entry.late { "late" } else { "" };
    [
        entry.at.utc,
        entry.status,
        entry.cause,
        entry.attempt.to_string(),
        entry.who,
        late.to_owned(),
    ]
}
