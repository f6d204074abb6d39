//! `downlink command list`: which commands there are, by device, application, status and time.

use super::PATH;
use crate::fail::Fault;
use crate::{Desk, clock, show};
use anyhow::Result;
use clap::{Args, ValueEnum};
use server::admin::wire::{CommandPage, CommandView};
use std::fmt::Write as _;

pub(super) const EXAMPLES: &str = "\
Examples:
  downlink command list
  downlink command list --device 860000000000001 --open
  downlink command list --app meters --status TIMEOUT --since 2d --limit 200
  downlink command list --since 20260801T000000Z --json";

#[derive(Args)]
pub(crate) struct List {
    /// Of this device only (deviceId or nodeId).
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// Of this application's devices only.
    #[arg(long, value_name = "APPID")]
    app: Option<String>,
    /// Only those that have this status now.
    #[arg(long, value_name = "STATUS", ignore_case = true)]
    status: Option<Status>,
    /// Only those that have not ended.
    #[arg(long)]
    open: bool,
    /// Only those accepted since then: a span back from now (90s, 15m, 2h, 3d) or a moment (20260801T120000Z).
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// How many at the most, 1 to 1000.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Only those older than this command: the last of a list goes here for the next one.
    #[arg(long, value_name = "COMMANDID")]
    before: Option<String>,
}

/// The contract's names of the statuses.
#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "UPPER")]
enum Status {
    Pending,
    Sent,
    Delivered,
    Successful,
    Failed,
    Canceled,
    Expired,
    Timeout,
}

impl List {
    pub(super) async fn run(self, desk: &Desk) -> Result<()> {
        let filter = self.filter()?;
        let mut listed = CommandPage {
            commands: Vec::new(),
            next: self.before,
        };
        let limit = usize::try_from(self.limit)?;
        // The server looks at a bounded stretch at a time: where a filter shows little it is asked again.
        loop {
            let left = limit - listed.commands.len();
            let mut path = format!("{PATH}?limit={left}{filter}");
            if let Some(before) = &listed.next {
                write!(path, "&before={}", show::escape(before))?;
            }
            let page: CommandPage = desk.client.read(&path).await?;
            listed.commands.extend(page.commands);
            listed.next = page.next;
            if listed.next.is_none() || listed.commands.len() >= limit {
                break;
            }
        }
        desk.show.either(listed, |listed| print(&listed))
    }

    fn filter(&self) -> Result<String> {
        let mut query = String::new();
        for (name, value) in [("deviceId", &self.device), ("appId", &self.app)] {
            if let Some(value) = value {
                write!(query, "&{name}={}", show::escape(value))?;
            }
        }
        if let Some(status) = self.status.and_then(|status| status.to_possible_value()) {
            write!(query, "&status={}", status.get_name())?;
        }
        if self.open {
            query.push_str("&open=true");
        }
        if let Some(since) = &self.since {
            match clock::span(since) {
                Ok(ms) => write!(query, "&withinMs={ms}")?,
                Err(_) if api::Timestamp::parse(since).is_some() => {
                    write!(query, "&since={since}")?;
                }
                Err(_) => {
                    let wrong = format!("`{since}` is neither a span nor a moment");
                    let advice = "write 90s, 15m, 2h or 3d, or a moment such as 20260801T120000Z";
                    return Err(Fault::usage(wrong, advice).into());
                }
            }
        }
        Ok(query)
    }
}

fn print(listed: &CommandPage) -> Result<()> {
    let row = |command: &CommandView| {
        [
            command.command_id.clone(),
            command.created.utc.clone(),
            command.device_id.clone(),
            command.kind.clone(),
            format!("{} {}", command.service_id, command.method),
            command.status.clone(),
        ]
    };
    let rows: Vec<_> = listed.commands.iter().map(row).collect();
    show::table(
        ["COMMAND", "CREATED", "DEVICE", "KIND", "ASKED", "STATUS"],
        &rows,
    )?;
    if let Some(next) = &listed.next {
        show::line(format_args!("There are older ones: --before {next}"))?;
    }
    Ok(())
}
