//! `downlink profile`: product models.

use crate::show;
use anyhow::{Context, Result};
use clap::Subcommand;
use server::admin::client::{Client, Method};
use server::admin::wire::{ProfileAdded, ProfileView};
use std::path::PathBuf;

const PATH: &str = "/downlink/v1/profiles";

#[derive(Subcommand)]
pub(crate) enum Profiles {
    /// Add a product model, or a new version of one.
    Add {
        /// The vendor's package (zip), or one JSON document with `devices` and `services`.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the product models.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Profiles {
    pub(crate) async fn run(self, client: &Client) -> Result<()> {
        match self {
            Self::Add { file, json } => {
                let package = std::fs::read(&file)
                    .with_context(|| format!("{} cannot be read", file.display()))?;
                let answer = client.call(Method::POST, PATH, package).await;
                let answer = answer.with_context(|| format!("{} was not added", file.display()))?;
                let added: ProfileAdded = serde_json::from_slice(&answer)?;
                if json {
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
            Self::List { json } => {
                let profiles: Vec<ProfileView> = client.read(PATH).await?;
                if json {
                    show::json(&profiles)
                } else {
                    listed(&profiles)
                }
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
