//! `downlink command`: sent, looked at, called back, explained.

mod list;
mod send;
mod view;

use crate::{Desk, show};
use anyhow::Result;
use clap::Subcommand;
use server::admin::client::Method;
use server::admin::wire::{CommandView, Explanation};

const PATH: &str = "/downlink/v1/commands";

#[derive(Subcommand)]
pub(crate) enum Commands {
    /// Send a command to a device, as the operator: by the same checks as an application's.
    #[command(after_help = send::EXAMPLES)]
    Send(Box<send::Send>),
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
    /// Cancel a command that is still PENDING: the device will never see it.
    #[command(after_help = "\
Examples:
  downlink command cancel 0000000000000001e5676fee2522a3e4
  downlink command cancel 0000000000000001e5676fee2522a3e4 --json")]
    Cancel {
        /// Its id, 32 hex digits.
        command_id: String,
    },
    /// List commands, newest first, direct calls included.
    #[command(after_help = list::EXAMPLES)]
    List(Box<list::List>),
    /// Say in words why a command stands where it stands, and what it waits for.
    #[command(after_help = "\
Examples:
  downlink command explain 0000000000000001e5676fee2522a3e4
  downlink command explain 0000000000000001e5676fee2522a3e4 --json")]
    Explain {
        /// Its id, 32 hex digits.
        command_id: String,
    },
}

impl Commands {
    pub(crate) async fn run(self, desk: &Desk) -> Result<()> {
        match self {
            Self::Send(send) => send.run(desk).await,
            Self::Show {
                command_id,
                history,
                explain,
            } => {
                let path = path(&command_id);
                let mut shown = view::Shown {
                    command: desk.client.read(&path).await?,
                    history: None,
                    why: None,
                };
                if history {
                    shown.history = Some(desk.client.read(&format!("{path}/history")).await?);
                }
                if explain {
                    shown.why = Some(desk.client.read(&format!("{path}/explain")).await?);
                }
                shown.print(desk.show)
            }
            Self::Cancel { command_id } => {
                let path = format!("{}/cancel", path(&command_id));
                let answer = desk.client.call(Method::POST, &path, "").await?;
                let command: CommandView = serde_json::from_slice(&answer)?;
                desk.show.either(command, |command| {
                    show::line(format_args!(
                        "command {} is {}: the device will never see it",
                        command.command_id, command.status
                    ))
                })
            }
            Self::List(list) => list.run(desk).await,
            Self::Explain { command_id } => {
                let path = format!("{}/explain", path(&command_id));
                let why: Explanation = desk.client.read(&path).await?;
                desk.show.either(why, |why| {
                    show::line(format_args!("{}", why.status))?;
                    why.explanation
                        .iter()
                        .try_for_each(|sentence| show::line(format_args!("{sentence}")))
                })
            }
        }
    }
}

fn path(command_id: &str) -> String {
    format!("{PATH}/{}", show::escape(command_id))
}
