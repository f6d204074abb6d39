//! `downlink profile`: product models.

use crate::fail::Fault;
use crate::{Desk, show};
use anyhow::{Context, Result};
use clap::Subcommand;
use profile::{DataType, Profile, Rule};
use serde_json::Number;
use server::admin::client::Method;
use server::admin::wire::{ProfileAdded, ProfileShown, ProfileView};
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
    List,
    /// Show what devices of a product model can do: services, commands, parameters.
    #[command(after_help = "\
Examples:
  downlink profile show Downlink/WM1
  downlink profile show Downlink/WM1 --json | jq .document > water-meter.json")]
    Show {
        /// The product model: MANUFACTURERID/MODEL.
        profile: String,
    },
    /// Remove a product model: commands of its devices are no longer checked. Open commands keep their version.
    #[command(after_help = "\
Examples:
  downlink profile remove Downlink/WM1
  downlink profile remove Downlink/WM1 --force")]
    Remove {
        /// The product model: MANUFACTURERID/MODEL.
        profile: String,
        /// Remove it though devices have it.
        #[arg(long)]
        force: bool,
    },
}

impl Profiles {
    pub(crate) async fn run(self, desk: &Desk) -> Result<()> {
        let Desk { client, show, .. } = desk;
        match self {
            Self::Add { file } => {
                let package = std::fs::read(&file)
                    .with_context(|| format!("{} cannot be read", file.display()))?;
                let answer = client.call(Method::POST, PATH, package).await;
                let answer = answer.with_context(|| format!("{} was not added", file.display()))?;
                let added: ProfileAdded = serde_json::from_slice(&answer)?;
                show.either(added, |added| {
                    listed(&[added.profile])?;
                    let said = if added.replaced {
                        "It goes before its earlier version."
                    } else {
                        "It is new."
                    };
                    show::line(format_args!("{said}"))
                })
            }
            Self::List => {
                let profiles: Vec<ProfileView> = client.read(PATH).await?;
                show.either(profiles, |profiles| listed(&profiles))
            }
            Self::Show { profile } => {
                let found: ProfileShown = client.read(&path(&profile)?).await?;
                show.either(found, |found| shown(&found))
            }
            Self::Remove { profile, force } => {
                let path = format!("{}?force={force}", path(&profile)?);
                client.call(Method::DELETE, &path, "").await?;
                let removed = serde_json::json!({ "profile": profile, "removed": true });
                show.either(removed, |_| {
                    show::line(format_args!("profile {profile} is removed"))
                })
            }
        }
    }
}

/// Where a product model stands, by what people call it.
pub(crate) fn path(name: &str) -> Result<String> {
    let Some((manufacturer, model)) = name.split_once('/') else {
        let wrong = format!("`{name}` does not name a profile");
        return Err(Fault::usage(wrong, "write MANUFACTURERID/MODEL, such as Downlink/WM1").into());
    };
    Ok(format!(
        "{PATH}/{}/{}",
        show::escape(manufacturer),
        show::escape(model)
    ))
}

fn listed(profiles: &[ProfileView]) -> Result<()> {
    let row = |profile: &ProfileView| {
        let services: Vec<String> = profile
            .services
            .iter()
            .map(|service| format!("{}({})", service.service_id, service.commands.join(", ")))
            .collect();
        [
            format!("{}/{}", profile.manufacturer_id, profile.model),
            profile.version.to_string(),
            profile.device_type.clone(),
            profile.protocol_type.clone(),
            services.join(" "),
        ]
    };
    let rows: Vec<_> = profiles.iter().map(row).collect();
    show::table(
        [
            "PROFILE",
            "VERSION",
            "TYPE",
            "PROTOCOL",
            "SERVICES(COMMANDS)",
        ],
        &rows,
    )
}

fn shown(found: &ProfileShown) -> Result<()> {
    let view = &found.profile;
    show::pairs(&[
        (
            "profile",
            Some(format!("{}/{}", view.manufacturer_id, view.model)),
        ),
        ("manufacturer", Some(view.manufacturer_name.clone())),
        ("type", Some(view.device_type.clone())),
        ("protocol", Some(view.protocol_type.clone())),
        ("version", Some(view.version.to_string())),
    ])?;
    let profile = Profile::from_json(found.document.get().as_bytes())
        .context("the profile that the server shows is not understood")?;
    let mut rows = Vec::new();
    for service in profile.services() {
        for command in service.commands() {
            let id = service.service_id();
            let answered = if command.expects_answer() { "yes" } else { "" };
            if command.paras.is_empty() {
                rows.push([id, &command.name, "", "", "", answered].map(str::to_owned));
            }
            for para in &command.paras {
                let required = if para.rule.required { "required" } else { "" };
                rows.push([
                    id.to_owned(),
                    command.name.clone(),
                    para.name.clone(),
                    values(&para.rule),
                    required.to_owned(),
                    answered.to_owned(),
                ]);
            }
        }
    }
    show::line(format_args!(""))?;
    show::table(
        ["SERVICE", "COMMAND", "PARA", "VALUE", "", "ANSWERED"],
        &rows,
    )
}

/// What a value may be: `int 1 to 24, step 1`, `string up to 16`, `one of a, b`.
fn values(rule: &Rule) -> String {
    if !rule.enum_list.is_empty() {
        let list: Vec<String> = rule.enum_list.iter().map(ToString::to_string).collect();
        return format!("one of {}", list.join(", "));
    }
    let number = |bound: &Option<Number>| bound.as_ref().map(ToString::to_string);
    let bounds = match rule.data_type {
        DataType::Int | DataType::Decimal => [
            ("from", number(&rule.min)),
            ("to", number(&rule.max)),
            ("in steps of", number(&rule.step)),
        ],
        DataType::String | DataType::DateTime | DataType::JsonObject => {
            let length = rule.max_length.filter(|length| *length > 0);
            let length = length.map(|length| format!("{length} characters"));
            [("up to", length), ("", None), ("", None)]
        }
    };
    let bounds = bounds
        .into_iter()
        .filter_map(|(word, bound)| Some(format!(" {word} {}", bound?)));
    let unit = rule.unit.iter().map(|unit| format!(" ({unit})"));
    let parts = bounds.chain(unit);
    std::iter::once(rule.data_type.name().to_owned())
        .chain(parts)
        .collect()
}
