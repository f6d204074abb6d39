//! `downlink profile`: product models.

use crate::{Desk, show};
use anyhow::{Context, Result};
use clap::Subcommand;
use server::admin::client::Method;
use server::admin::wire::{ProfileAdded, ProfileView};
use std::path::PathBuf;

const PATH: &str = "/downlink/v1/profiles";

#[derive(Subcommand)]
pub(crate) enum Profiles {
    /// Add a product model, or a new version of one.
    #[command(after_help = "\
Examples:
  downlink profile add water-meter.json
  downlink profile add vendor-package.zip --json")]
    Add {
        /// The vendor's package (zip), or one JSON document with `devices` and `services`.
        file: PathBuf,
    },
    /// List the product models.
    #[command(after_help = "\
Examples:
  downlink profile list
  downlink profile list --json")]
    List {},
}

impl Profiles {
    pub(crate) async fn run(self, desk: &Desk) -> Result<()> {
        let Desk { client, show } = desk;
        match self {
            Self::Add { file } => {
                let package = std::fs::read(&file)
                    .with_context(|| format!("{} cannot be read", file.display()))?;
                let answer = client.call(Method::POST, PATH, package).await;
                let answer = answer.with_context(|| format!("{} was not added", file.display()))?;
                let added: ProfileAdded = serde_json::from_slice(&answer)?;
                if show.json {
                    return show::json(&added);
                }
                listed(&[added.profile])?;
                let said = if added.replaced {
                    "It goes before its earlier version."
                } else {
                    "It is new."
                };
                show::line(format_args!("{said}"))
            }
            Self::List {} => {
                let profiles: Vec<ProfileView> = client.read(PATH).await?;
                show.either(profiles, |profiles| listed(&profiles))
            }
        }
    }
}

fn listed(profiles: &[ProfileView]) -> Result<()> {
    let rows: Vec<_> = profiles
        .iter()
        .map(|profile| {
            let services: Vec<String> = profile
                .services
                .iter()
                .map(|service| format!("{}({})", service.service_id, service.commands.join(", ")))
                .collect();
            [
                profile.version.to_string(),
                profile.manufacturer_id.clone(),
                profile.model.clone(),
                profile.device_type.clone(),
                profile.protocol_type.clone(),
                services.join(" "),
            ]
        })
        .collect();
    show::table(
        [
            "VERSION",
            "MANUFACTURER",
            "MODEL",
            "TYPE",
            "PROTOCOL",
            "SERVICES(COMMANDS)",
        ],
        &rows,
    )
}
