//! `downlink group`: groups of devices, as the server sees them.

use crate::fail::confirm;
use crate::{Desk, show};
use anyhow::Result;
use clap::{Args, Subcommand};
use server::admin::client::Method;
use server::admin::wire::{
    DeviceGroupChange, DeviceGroupPage, DeviceGroupShown, DeviceGroupView, GroupDevices,
    NewDeviceGroup,
};
use std::fmt::Write as _;

const PATH: &str = "/downlink/v1/groups";

#[derive(Subcommand)]
pub(crate) enum Groups {
    /// List groups, the newest of each application first.
    #[command(after_help = "\
Examples:
  downlink group list
  downlink group list --app meters --json")]
    List(List),
    /// Show a group, and its devices in the order of their registration.
    #[command(after_help = "\
Examples:
  downlink group show meters/north
  downlink group show meters/north --limit 1000 --json")]
    Show {
        /// The group: its id, or APPID/NAME.
        group: String,
        #[command(flatten)]
        part: Part,
    },
    /// Create a group, with the devices that it has from the start.
    #[command(after_help = "\
Examples:
  downlink group create --app meters --name north
  downlink group create --name north --description 'Meters of the north' --max 500 860000000000001 860000000000002")]
    Create(Create),
    /// Change a group; what is not named stays as it is.
    #[command(after_help = "\
Examples:
  downlink group change meters/north --name south
  downlink group change meters/north --max 0 --json")]
    Change(Change),
    /// Put devices into a group; those that are in it already stay.
    #[command(after_help = "\
Examples:
  downlink group add meters/north 860000000000001
  downlink group add meters/north 860000000000001 860000000000002 --json")]
    Add(Devices),
    /// Take devices out of a group; those that are not in it are passed over. What a grant reaches through the group alone
    /// ends with it.
    #[command(after_help = "\
Examples:
  downlink group remove meters/north 860000000000001
  downlink group remove meters/north 860000000000001 860000000000002 --json")]
    Remove(Devices),
    /// Delete a group; its devices stay. What a grant reaches through the group alone ends with it.
    #[command(after_help = "\
Examples:
  downlink group delete meters/north
  downlink group delete meters/north --yes")]
    Delete {
        /// The group: its id, or APPID/NAME.
        group: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// Which part of a list is shown.
#[derive(Args)]
pub(crate) struct Part {
    /// How many at the most, 1 to 1000.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// How many to pass over.
    #[arg(long, value_name = "N", default_value_t = 0)]
    skip: u64,
}

#[derive(Args)]
pub(crate) struct List {
    /// Of this application only.
    #[arg(long, value_name = "APPID")]
    app: Option<String>,
    #[command(flatten)]
    part: Part,
}

#[derive(Args)]
pub(crate) struct Create {
    /// The application that it belongs to; may be left out when there is only one.
    #[arg(long, value_name = "APPID")]
    app: Option<String>,
    /// Its name: 1 to 64 letters and digits, unique within the application.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What it is for.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// How many devices it may have; 0 = as many as the platform allows.
    #[arg(long, value_name = "N", default_value_t = 0)]
    max: u32,
    /// Its devices: deviceId or nodeId, at most 1000.
    #[arg(value_name = "DEVICE")]
    devices: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Change {
    /// The group: its id, or APPID/NAME.
    group: String,
    /// Its new name.
    #[arg(long, value_name = "NAME", required_unless_present_any = ["description", "max"])]
    name: Option<String>,
    /// What it is for.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// How many devices it may have; 0 = as many as the platform allows.
    #[arg(long, value_name = "N")]
    max: Option<u32>,
}

#[derive(Args)]
pub(crate) struct Devices {
    /// The group: its id, or APPID/NAME.
    group: String,
    /// Devices of the group's application: deviceId or nodeId, at most 1000.
    #[arg(required = true, value_name = "DEVICE")]
    devices: Vec<String>,
}

impl Groups {
    pub(crate) async fn run(self, desk: &Desk) -> Result<()> {
        match self {
            Self::List(List { app, part }) => {
                let mut query = format!("?limit={}&skip={}", part.limit, part.skip);
                if let Some(app) = app {
                    write!(query, "&appId={}", show::escape(&app))?;
                }
                let page: DeviceGroupPage = desk.client.read(&format!("{PATH}{query}")).await?;
                desk.show.either(page, |page| listed(&page, part.skip))
            }
            Self::Show { group, part } => {
                let path = format!("{}?limit={}&skip={}", path(&group), part.limit, part.skip);
                let view: DeviceGroupShown = desk.client.read(&path).await?;
                desk.show.either(view, |view| shown(view, part.skip))
            }
            Self::Create(create) => create.run(desk).await,
            Self::Change(change) => change.run(desk).await,
            Self::Add(devices) => devices.run(desk, "add").await,
            Self::Remove(devices) => devices.run(desk, "remove").await,
            Self::Delete { group, yes } => delete(desk, &group, yes).await,
        }
    }
}

impl Create {
    async fn run(self, desk: &Desk) -> Result<()> {
        let asked = NewDeviceGroup {
            app_id: self.app,
            name: self.name,
            description: self.description,
            devices_max: Some(self.max),
            devices: self.devices,
        };
        let made: DeviceGroupView = desk.client.send(Method::POST, PATH, &asked).await?;
        desk.show.either(made, told)
    }
}

impl Change {
    async fn run(self, desk: &Desk) -> Result<()> {
        let asked = DeviceGroupChange {
            name: self.name,
            description: self.description,
            devices_max: self.max,
        };
        let path = path(&self.group);
        let changed: DeviceGroupView = desk.client.send(Method::PATCH, &path, &asked).await?;
        desk.show.either(changed, told)
    }
}

impl Devices {
    async fn run(self, desk: &Desk, verb: &str) -> Result<()> {
        let asked = GroupDevices {
            devices: self.devices,
        };
        let path = format!("{}/{verb}", path(&self.group));
        let changed: DeviceGroupView = desk.client.send(Method::POST, &path, &asked).await?;
        desk.show.either(changed, |group| {
            show::line(format_args!(
                "group {} ({}/{}) has {} devices now",
                group.group_id, group.app_id, group.name, group.devices
            ))
        })
    }
}

async fn delete(desk: &Desk, group: &str, yes: bool) -> Result<()> {
    // What is asked about is what is there.
    let view: DeviceGroupShown = desk
        .client
        .read(&format!("{}?limit=1", path(group)))
        .await?;
    let view = view.group;
    let question = format!(
        "Delete group {} ({}/{}) of {} devices?",
        view.group_id, view.app_id, view.name, view.devices
    );
    confirm(&question, yes)?;
    desk.client
        .call(Method::DELETE, &path(&view.group_id), "")
        .await?;
    let deleted = serde_json::json!({ "groupId": view.group_id, "deleted": true });
    desk.show.either(deleted, |_| {
        show::line(format_args!("group {} is deleted", view.group_id))
    })
}

fn path(group: &str) -> String {
    format!("{PATH}/{}", show::escape(group))
}

fn listed(page: &DeviceGroupPage, skip: u64) -> Result<()> {
    let row = |group: &DeviceGroupView| {
        [
            group.group_id.clone(),
            group.app_id.clone(),
            group.name.clone(),
            group.devices.to_string(),
            bound(group),
            group.created.utc.clone(),
        ]
    };
    let rows: Vec<_> = page.groups.iter().map(row).collect();
    let head = ["GROUP", "APPLICATION", "NAME", "DEVICES", "MOST", "CREATED"];
    show::table(head, &rows)?;
    more(rows.len(), skip, page.total)
}

fn shown(view: DeviceGroupShown, skip: u64) -> Result<()> {
    let total = view.group.devices;
    told(view.group)?;
    let row = |member: &server::admin::wire::GroupMember| {
        [
            member.device_id.clone(),
            member.node_id.clone(),
            if member.online { "online" } else { "offline" }.to_owned(),
        ]
    };
    let rows: Vec<_> = view.members.iter().map(row).collect();
    if !rows.is_empty() {
        show::line(format_args!(""))?;
        show::table(["DEVICE", "NODEID", "LINK"], &rows)?;
    }
    more(rows.len(), skip, total)
}

fn told(group: DeviceGroupView) -> Result<()> {
    let most = bound(&group);
    show::pairs(&[
        ("group", Some(group.group_id)),
        ("application", Some(group.app_id)),
        ("name", Some(group.name)),
        ("description", group.description),
        ("devices", Some(group.devices.to_string())),
        ("at the most", Some(most)),
        ("created by", Some(group.creator)),
        ("created", Some(group.created.utc)),
    ])
}

/// Says how a list goes on.
fn more(shown: usize, skip: u64, total: u64) -> Result<()> {
    let seen = skip.saturating_add(u64::try_from(shown).unwrap_or(u64::MAX));
    if seen < total && shown > 0 {
        show::line(format_args!(
            "{seen} of {total} so far; --skip {seen} shows more"
        ))?;
    }
    Ok(())
}

/// How many devices a group may have.
fn bound(group: &DeviceGroupView) -> String {
    let own = group.devices_max.map(|max| max.to_string());
    own.unwrap_or_else(|| "any number".to_owned())
}
