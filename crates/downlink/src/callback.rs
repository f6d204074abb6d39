//! `downlink callback`: what applications were not told, and telling it after all.

use crate::{Desk, show};
use anyhow::Result;
use clap::{Args, Subcommand};
use server::admin::client::Method;
use server::admin::wire::{DeadCallbackView, EndpointView, ReplayOrder, ReplayView};
use std::fmt::Write as _;

const PATH: &str = "/downlink/v1/callbacks";

#[derive(Subcommand)]
pub(crate) enum Callbacks {
    /// List callbacks that were given up, the oldest command first, with the reason.
    #[command(after_help = "\
Examples:
  downlink callback dead
  downlink callback dead --app meters --limit 200 --json
  downlink callback dead --after 000000000000002a7c1d9e3b5f80a614")]
    Dead(Dead),
    /// List the endpoints that callbacks wait for, or lately did: up or down, and why they failed last.
    #[command(after_help = "\
Examples:
  downlink callback endpoints
  downlink callback endpoints --json")]
    Endpoints,
    /// Tell after all what was given up, from where it was given up.
    #[command(after_help = "\
Examples:
  downlink callback replay 000000000000002a7c1d9e3b5f80a614
  downlink callback replay --app meters
  downlink callback replay --endpoint https://app.example:443
  downlink callback replay --all")]
    Replay(Replay),
}

#[derive(Args)]
pub(crate) struct Dead {
    /// Of this application only.
    #[arg(long, value_name = "APPID")]
    app: Option<String>,
    /// Only those of commands beyond this one: the last of the page before.
    #[arg(long, value_name = "COMMANDID")]
    after: Option<String>,
    /// How many at the most, 1 to 1000.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Replay {
    /// Those of this command.
    command: Option<String>,
    /// Those of this application.
    #[arg(long, value_name = "APPID")]
    app: Option<String>,
    /// Those for this endpoint: scheme, host and port, as `callback dead` shows it.
    #[arg(long, value_name = "ENDPOINT")]
    endpoint: Option<String>,
    /// All of them.
    #[arg(long)]
    all: bool,
}

impl Callbacks {
    pub(crate) async fn run(self, desk: &Desk) -> Result<()> {
        match self {
            Self::Dead(dead) => dead.run(desk).await,
            Self::Endpoints => {
                let endpoints: Vec<EndpointView> =
                    desk.client.read(&format!("{PATH}/endpoints")).await?;
                desk.show.either(endpoints, |endpoints| listed(&endpoints))
            }
            Self::Replay(replay) => replay.run(desk).await,
        }
    }
}

impl Dead {
    async fn run(self, desk: &Desk) -> Result<()> {
        let mut path = format!("{PATH}/dead?limit={}", self.limit);
        for (name, value) in [("appId", self.app), ("after", self.after)] {
            if let Some(value) = value {
                write!(path, "&{name}={}", show::escape(&value))?;
            }
        }
        let dead: Vec<DeadCallbackView> = desk.client.read(&path).await?;
        desk.show.either(dead, |dead| {
            if dead.is_empty() {
                return show::line(format_args!("No callback was given up."));
            }
            let row = |dead: &DeadCallbackView| {
                [
                    dead.command_id.clone(),
                    dead.app_id.clone().unwrap_or_default(),
                    dead.since.utc.clone(),
                    dead.endpoint.clone(),
                    dead.attempts.to_string(),
                    if dead.replaying {
                        "told again now"
                    } else {
                        &dead.reason
                    }
                    .to_owned(),
                ]
            };
            let rows: Vec<_> = dead.iter().map(row).collect();
            show::table(
                [
                    "COMMAND",
                    "APPLICATION",
                    "SINCE",
                    "ENDPOINT",
                    "TRIED",
                    "WHY",
                ],
                &rows,
            )
        })
    }
}

impl Replay {
    async fn run(self, desk: &Desk) -> Result<()> {
        let order = ReplayOrder {
            command_id: self.command,
            app_id: self.app,
            endpoint: self.endpoint,
            all: self.all,
        };
        let path = format!("{PATH}/replay");
        let view: ReplayView = desk.client.send(Method::POST, &path, &order).await?;
        desk.show.either(view, |view| {
            show::line(format_args!(
                "callbacks of {} commands are told again",
                view.begun
            ))?;
            if view.no_room == 0 {
                return Ok(());
            }
            show::line(format_args!(
                "those of {} commands are not: too many of their application's callbacks wait; ask again later",
                view.no_room
            ))
        })
    }
}

fn listed(endpoints: &[EndpointView]) -> Result<()> {
    if endpoints.is_empty() {
        return show::line(format_args!("Nothing waits for any endpoint."));
    }
    let row = |endpoint: &EndpointView| {
        let failure = endpoint.last_failure.as_ref();
        [
            endpoint.endpoint.clone(),
            endpoint.state.clone(),
            endpoint.waiting.to_string(),
            endpoint.under_way.to_string(),
            endpoint
                .next_probe
                .as_ref()
                .map(|at| at.utc.clone())
                .unwrap_or_default(),
            failure
                .map(|failure| failure.reason.clone())
                .unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = endpoints.iter().map(row).collect();
    show::table(
        [
            "ENDPOINT",
            "STATE",
            "WAITING",
            "UNDER WAY",
            "NEXT PROBE",
            "LAST FAILURE",
        ],
        &rows,
    )
}
