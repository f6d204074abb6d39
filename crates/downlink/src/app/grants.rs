//! `downlink app grant`, `revoke` and `grants`.

use crate::clock::span;
use crate::{Desk, show};
use anyhow::Result;
use clap::Args;
use server::admin::client::Method;
use server::admin::wire::{GrantView, GrantedGroup, NewGrant, RevokedView};

const PATH: &str = "/downlink/v1/grants";

/// Let an application act on another one's devices. Granting again replaces what was granted; what is pending and no
/// longer covered is cancelled.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downlink app grant meters --to billing
  downlink app grant meters --to billing --operation queryDeviceCommand --operation querySingleDeviceInfo
  downlink app grant meters --to fitters --device 860000000000001 --for 8h
  downlink app grant meters --to north --group district7 --group district9
  downlink app grant meters --to fitters --until 20261231T235959Z")]
pub(crate) struct Grant {
    /// The application whose devices they are.
    owner: String,
    /// The application that may act on them.
    #[arg(long, value_name = "APPID")]
    to: String,
    /// Limit it to this device (deviceId or nodeId); may be repeated.
    #[arg(long = "device", value_name = "DEVICE")]
    devices: Vec<String>,
    /// Limit it to the devices of this group (id or name), whatever is in it at the time; may be repeated, and beside --device.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Limit it to this operation, by its name in the contract; may be repeated.
    #[arg(long = "operation", value_name = "OPERATION")]
    operations: Vec<String>,
    /// End it at this time, UTC.
    #[arg(long, value_name = "TIME", conflicts_with = "for_ms")]
    until: Option<String>,
    /// End it after this time: `90s`, `8h`, `30d`.
    #[arg(long = "for", value_name = "SPAN", value_parser = span)]
    for_ms: Option<u64>,
}

/// End a grant: from then on it allows nothing, and what is pending under it is cancelled.
#[derive(Args)]
#[command(after_help = "Examples:\n  downlink app revoke meters --from billing")]
pub(crate) struct Revoke {
    /// The application whose devices they are.
    owner: String,
    /// The application that may no longer act on them.
    #[arg(long, value_name = "APPID")]
    from: String,
}

/// List who may act on whose devices.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downlink app grants
  downlink app grants meters --json")]
pub(crate) struct Grants {
    /// Those that this application gave or was given.
    app_id: Option<String>,
}

impl Grant {
    pub(crate) async fn run(self, desk: &Desk) -> Result<()> {
        let asked = NewGrant {
            devices: self.devices,
            groups: self.groups,
            operations: self.operations,
            until: self.until,
            for_seconds: self.for_ms.map(|ms| ms.div_ceil(1_000)),
        };
        let path = path(&self.owner, &self.to);
        let grant: GrantView = desk.client.send(Method::PUT, &path, &asked).await?;
        desk.show.either(grant, |grant| listed(&[grant]))
    }
}

impl Revoke {
    pub(crate) async fn run(self, desk: &Desk) -> Result<()> {
        let path = path(&self.owner, &self.from);
        let answer = desk.client.call(Method::DELETE, &path, "").await?;
        let revoked: RevokedView = serde_json::from_slice(&answer)?;
        desk.show.either(revoked, |revoked| {
            show::line(format_args!(
                "{} may no longer act on the devices of {}; {}",
                revoked.grantee,
                revoked.owner,
                if revoked.finished {
                    "what was pending is cancelled"
                } else {
                    "what was pending is still being cancelled"
                }
            ))
        })
    }
}

impl Grants {
    pub(crate) async fn run(self, desk: &Desk) -> Result<()> {
        let path = match &self.app_id {
            Some(app) => format!("{PATH}?appId={}", show::escape(app)),
            None => PATH.to_owned(),
        };
        let grants: Vec<GrantView> = desk.client.read(&path).await?;
        desk.show.either(grants, |grants| listed(&grants))
    }
}

fn path(owner: &str, grantee: &str) -> String {
    format!("{PATH}/{}/{}", show::escape(owner), show::escape(grantee))
}

fn listed(grants: &[GrantView]) -> Result<()> {
    let some = |names: &[String]| match names {
        [] => "all".to_owned(),
        [one] => one.clone(),
        many => format!("{} of them", many.len()),
    };
    let devices = |grant: &GrantView| match (grant.devices.as_slice(), grant.groups.as_slice()) {
        (devices, []) => some(devices),
        (
            [],
            [
                GrantedGroup {
                    name: Some(name), ..
                },
            ],
        ) => format!("group {name}"),
        (
            [],
            [
                GrantedGroup {
                    group_id,
                    name: None,
                },
            ],
        ) => format!("none, group {group_id} is deleted"),
        ([], many) => format!("{} groups", many.len()),
        (devices, groups) => format!("{}, groups: {}", devices.len(), groups.len()),
    };
    let rows: Vec<_> = grants
        .iter()
        .map(|grant| {
            [
                grant.owner.clone(),
                grant.grantee.clone(),
                grant.state.clone(),
                devices(grant),
                some(&grant.operations),
                grant
                    .until
                    .as_ref()
                    .map_or_else(|| "revoked".to_owned(), |until| until.utc.clone()),
            ]
        })
        .collect();
    show::table(
        [
            "OWNER",
            "GRANTEE",
            "STATE",
            "DEVICES",
            "OPERATIONS",
            "UNTIL",
        ],
        &rows,
    )
}
