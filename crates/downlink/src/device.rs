//! `downlink device`: devices, as the server sees them.

use crate::fail::confirm;
use crate::play::Play;
use crate::{Desk, show};
use anyhow::Result;
use clap::{Args, Subcommand};
use server::admin::client::Method;
use server::admin::wire::{
    DeviceLine, DeviceMade, DevicePage, DeviceView, MomentView, MuteOrder, MuteView, NewDevice,
    ProfileShown,
};
use std::fmt::Write as _;
use std::path::PathBuf;

const PATH: &str = "/downlink/v1/devices";

#[derive(Subcommand)]
pub(crate) enum Devices {
    /// Register a device; its id and its secret are shown, the secret once.
    #[command(after_help = "\
Examples:
  downlink device register --app meters --node-id 860000000000001 --profile Downlink/WM1
  downlink device register --node-id 860000000000002 --manufacturer-id Downlink --model WM1 --json
  downlink device register --node-id 860000000000003 --secret-file meter.secret
  downlink device register --node-id valve-1 --gateway 860000000000001")]
    Register(Box<Register>),
    /// List devices, the newest registration of each application first.
    #[command(after_help = "\
Examples:
  downlink device list
  downlink device list --app meters --offline --limit 100
  downlink device list --gateway 860000000000001 --json")]
    List(List),
    /// Show whether it is online, when it was last heard, which groups it is in, and what waits for it.
    #[command(after_help = "\
Examples:
  downlink device show 860000000000001
  downlink device show 00000000-0001-8a5b-9c3d-2f4e6a8b0c1d --json")]
    Show {
        /// Its deviceId, or its nodeId.
        device: String,
    },
    /// Refuse a command of a device from now on (100432); what was accepted before goes on.
    #[command(after_help = "\
Examples:
  downlink device mute-command 860000000000001 WaterMeter CLOSE_VALVE
  downlink device mute-command 860000000000001 WaterMeter CLOSE_VALVE --json")]
    MuteCommand(Mute),
    /// Take a muted command of a device again.
    #[command(after_help = "\
Examples:
  downlink device unmute-command 860000000000001 WaterMeter CLOSE_VALVE
  downlink device unmute-command 860000000000001 WaterMeter CLOSE_VALVE --json")]
    UnmuteCommand(Mute),
    /// Delete a device: what waits for it is cancelled, its session is closed.
    #[command(after_help = "\
Examples:
  downlink device delete 860000000000001
  downlink device delete 860000000000001 --cascade
  downlink device delete 00000000-0001-8a5b-9c3d-2f4e6a8b0c1d --yes")]
    Delete {
        /// Its deviceId, or its nodeId.
        device: String,
        /// Delete the children of a gateway too; they stay otherwise, offline.
        #[arg(long)]
        cascade: bool,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    Play(Play),
}

#[derive(Args)]
pub(crate) struct Mute {
    /// The device: its deviceId, or its nodeId.
    device: String,
    /// The service.
    service: String,
    /// The command's name.
    command: String,
}

#[derive(Args)]
pub(crate) struct Register {
    /// The application that it belongs to; may be left out when there is only one, and for a child.
    #[arg(long, value_name = "APPID")]
    app: Option<String>,
    /// Its own mark: IMEI, MAC, serial number; unique on the platform.
    #[arg(long, value_name = "NODEID")]
    node_id: String,
    /// Its product model, one that was added: MANUFACTURERID/MODEL.
    #[arg(long, value_name = "PROFILE", conflicts_with_all = ["manufacturer_id", "model"])]
    profile: Option<String>,
    /// With --model, the key of its product model, which may be added later.
    #[arg(long, value_name = "ID", requires = "model")]
    manufacturer_id: Option<String>,
    /// With --manufacturer-id, the key of its product model.
    #[arg(long, value_name = "MODEL", requires = "manufacturer_id")]
    model: Option<String>,
    /// Make it a child of this gateway (deviceId or nodeId): a child has no secret, it speaks through its gateway.
    #[arg(long, value_name = "GATEWAY", conflicts_with_all = ["secret", "secret_file"])]
    gateway: Option<String>,
    /// Its secret, 20 hex digits; made up if absent. Others on this machine see it in the list of processes, unlike --secret-file.
    #[arg(long, value_name = "SECRET", conflicts_with = "secret_file")]
    secret: Option<String>,
    /// A file with its secret, `-` for stdin.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// A name for people.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

#[derive(Args)]
pub(crate) struct List {
    /// Of this application only.
    #[arg(long, value_name = "APPID")]
    app: Option<String>,
    /// Children of this gateway only (deviceId or nodeId).
    #[arg(long, value_name = "GATEWAY")]
    gateway: Option<String>,
    /// Only those that are connected.
    #[arg(long, conflicts_with = "offline")]
    online: bool,
    /// Only those that are not connected.
    #[arg(long)]
    offline: bool,
    /// How many at the most, 1 to 1000.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// How many to pass over.
    #[arg(long, value_name = "N", default_value_t = 0)]
    skip: u64,
}

impl Devices {
    pub(crate) async fn run(self, desk: &Desk) -> Result<()> {
        match self {
            Self::Register(register) => register.run(desk).await,
            Self::List(list) => list.run(desk).await,
            Self::Play(play) => play.run(desk).await,
            Self::Show { device } => {
                let view: DeviceView = desk.client.read(&path(&device)).await?;
                desk.show.either(view, shown)
            }
            Self::MuteCommand(mute) => mute.run(desk, true).await,
            Self::UnmuteCommand(mute) => mute.run(desk, false).await,
            Self::Delete {
                device,
                cascade,
                yes,
            } => delete(desk, &device, cascade, yes).await,
        }
    }
}

async fn delete(desk: &Desk, device: &str, cascade: bool, yes: bool) -> Result<()> {
    // What is asked about is what is there.
    let view: DeviceView = desk.client.read(&path(device)).await?;
    let question = format!(
        "Delete device {} ({}), with {} open commands{}?",
        view.device_id,
        view.node_id,
        view.open_commands,
        if cascade { " and all its children" } else { "" }
    );
    confirm(&question, yes)?;
    let path = format!("{}?cascade={cascade}", path(&view.device_id));
    desk.client.call(Method::DELETE, &path, "").await?;
    let deleted = serde_json::json!({ "deviceId": view.device_id, "deleted": true });
    desk.show.either(deleted, |_| {
        show::line(format_args!("device {} is deleted", view.device_id))
    })
}

impl Mute {
    async fn run(self, desk: &Desk, muted: bool) -> Result<()> {
        let order = MuteOrder {
            service_id: self.service,
            method: self.command,
            muted,
        };
        let path = format!("{}/muted-commands", path(&self.device));
        let view: MuteView = desk.client.send(Method::POST, &path, &order).await?;
        desk.show.either(view, |view| {
            show::line(format_args!(
                "{} {} of device {} is {}{}",
                view.service_id,
                view.method,
                view.device_id,
                if view.changed { "" } else { "already " },
                if view.muted {
                    "muted: it is refused with 100432"
                } else {
                    "not muted"
                }
            ))
        })
    }
}

impl Register {
    async fn run(self, desk: &Desk) -> Result<()> {
        let mut asked = NewDevice {
            app_id: self.app,
            node_id: self.node_id,
            secret: match &self.secret_file {
                Some(file) => Some(crate::secret::of_file(file)?),
                None => self.secret,
            },
            gateway: self.gateway,
            manufacturer_id: self.manufacturer_id,
            model: self.model,
            name: self.name,
            ..NewDevice::default()
        };
        if let Some(name) = &self.profile {
            let path = crate::profiles::path(name)?;
            let ProfileShown { profile, .. } = desk.client.read(&path).await?;
            asked.manufacturer_id = Some(profile.manufacturer_id);
            asked.manufacturer_name =
                Some(profile.manufacturer_name).filter(|name| !name.is_empty());
            asked.model = Some(profile.model);
            asked.device_type = Some(profile.device_type).filter(|name| !name.is_empty());
            asked.protocol_type = Some(profile.protocol_type).filter(|name| !name.is_empty());
        }
        let made: DeviceMade = desk.client.send(Method::POST, PATH, &asked).await?;
        desk.show.either(made, |made| {
            let once = made.secret.is_some();
            show::pairs(&[
                ("deviceId", Some(made.device_id)),
                ("nodeId", Some(made.node_id)),
                ("application", Some(made.app_id)),
                ("gateway", made.gateway_id),
                ("secret", made.secret),
            ])?;
            if once {
                show::line(format_args!("Keep the secret now: it is not shown again."))?;
            }
            Ok(())
        })
    }
}

impl List {
    async fn run(self, desk: &Desk) -> Result<()> {
        let mut query = format!("?limit={}&skip={}", self.limit, self.skip);
        for (name, value) in [("appId", self.app), ("gateway", self.gateway)] {
            if let Some(value) = value {
                write!(query, "&{name}={}", show::escape(&value))?;
            }
        }
        if self.online || self.offline {
            write!(query, "&online={}", self.online)?;
        }
        let page: DevicePage = desk.client.read(&format!("{PATH}{query}")).await?;
        desk.show.either(page, |page| listed(&page, self.skip))
    }
}

fn path(device: &str) -> String {
    format!("{PATH}/{}", show::escape(device))
}

fn listed(page: &DevicePage, skip: u64) -> Result<()> {
    let row = |device: &DeviceLine| {
        let model = device.model.as_ref();
        [
            device.device_id.clone(),
            device.node_id.clone(),
            device.app_id.clone(),
            model.map_or_else(String::new, |(maker, model)| format!("{maker}/{model}")),
            if device.online { "online" } else { "offline" }.to_owned(),
            device.registered.utc.clone(),
            device.gateway_id.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = page.devices.iter().map(row).collect();
    show::table(
        [
            "DEVICE",
            "NODEID",
            "APPLICATION",
            "MODEL",
            "LINK",
            "REGISTERED",
            "GATEWAY",
        ],
        &rows,
    )?;
    let seen = skip.saturating_add(u64::try_from(rows.len()).unwrap_or(u64::MAX));
    if seen < page.total && !rows.is_empty() {
        show::line(format_args!(
            "{seen} of {} so far; --skip {seen} shows more",
            page.total
        ))?;
    }
    Ok(())
}

fn shown(device: DeviceView) -> Result<()> {
    let utc = |moment: Option<MomentView>| moment.map(|moment| moment.utc);
    let model = device
        .model
        .map(|(manufacturer, model)| match device.profile_version {
            Some(version) => format!("{manufacturer}/{model}, profile version {version}"),
            None => format!("{manufacturer}/{model}, no profile"),
        });
    let muted = device
        .muted_commands
        .iter()
        .flat_map(|(service, commands)| {
            let name = move |command: &String| format!("{service} {command}");
            commands.iter().map(name)
        });
    let muted: Vec<String> = muted.collect();
    let groups: Vec<&str> = device
        .groups
        .iter()
        .map(|group| group.name.as_str())
        .collect();
    show::pairs(&[
        ("device", Some(device.device_id)),
        ("nodeId", Some(device.node_id)),
        ("application", device.app_id),
        ("gateway", device.gateway_id),
        ("model", model),
        ("registered", Some(device.registered.utc)),
        ("first online", utc(device.activated)),
        ("must be by", utc(device.bind_by)),
        ("deleted", utc(device.deleted)),
        ("online", Some(show::yes(device.online))),
        ("takes commands", Some(show::yes(device.reachable))),
        ("last heard", utc(device.last_contact)),
        (
            "groups",
            Some(groups.join(", ")).filter(|groups| !groups.is_empty()),
        ),
        (
            "muted",
            Some(muted.join(", ")).filter(|muted| !muted.is_empty()),
        ),
        (
            "open commands",
            Some(format!(
                "{}, {} of them PENDING",
                device.open_commands, device.pending_commands
            )),
        ),
    ])
}
