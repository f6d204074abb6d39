//! `downlink fault`: makes a server with `--test-clock` fail on demand, so that a test can cause every error (R9.2).

use crate::{Desk, show};
use anyhow::Result;
use clap::Subcommand;
use server::admin::client::Method;
use server::admin::wire::{FaultOrder, FaultView};

const PATH: &str = "/downlink/v1/faults";

#[derive(Subcommand)]
pub(crate) enum Faults {
    /// List every fault, what it causes, and how often it is still to happen.
    #[command(after_help = "Examples:\n  downlink fault list\n  downlink fault list --json")]
    List,
    /// Let a fault happen the next time, or the next few times.
    #[command(after_help = "\
Examples:
  downlink fault set overload
  downlink fault set handler --times 3
  downlink fault set commit")]
    Set {
        /// Which: `downlink fault list` names them.
        fault: String,
        /// How often.
        #[arg(long, default_value_t = 1)]
        times: u32,
    },
    /// Take a fault back that has not happened yet.
    #[command(after_help = "Examples:\n  downlink fault clear handler")]
    Clear {
        /// Which.
        fault: String,
    },
}

impl Faults {
    pub(crate) async fn run(self, desk: &Desk) -> Result<()> {
        let Desk { client, show, .. } = desk;
        let order = match self {
            Self::List => None,
            Self::Set { fault, times } => Some(FaultOrder { fault, times }),
            Self::Clear { fault } => Some(FaultOrder { fault, times: 0 }),
        };
        if let Some(order) = order {
            let order = serde_json::to_vec(&order)?;
            client.call(Method::POST, PATH, order).await?;
        }
        show.either(client.read(PATH).await?, listed)
    }
}

fn listed(faults: Vec<FaultView>) -> Result<()> {
    let rows: Vec<_> = faults
        .into_iter()
        .map(|fault| [fault.fault, fault.left.to_string(), fault.meaning])
        .collect();
    show::table(["FAULT", "LEFT", "CAUSES"], &rows)
}
