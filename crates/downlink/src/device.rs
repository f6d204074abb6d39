//! `downlink device`: one device, as the server sees it.

use crate::{Desk, show};
use anyhow::Result;
use clap::Subcommand;
use server::admin::wire::{DeviceView, MomentView};

#[derive(Subcommand)]
pub(crate) enum Devices {
    /// Show whether it is online, when it was last heard, and what waits for it.
    #[command(after_help = "\
Examples:
  downlink device show meter-1
  downlink device show 00000000-0001-8a5b-9c3d-2f4e6a8b0c1d --json")]
    Show {
        /// Its deviceId, or its nodeId.
        device: String,
    },
}

impl Devices {
    pub(crate) async fn run(self, desk: &Desk) -> Result<()> {
        let Desk { client, show } = desk;
        let Self::Show { device } = self;
        let device: DeviceView = client
            .read(&format!("/downlink/v1/devices/{}", show::escape(&device)))
            .await?;
        show.either(device, shown)
    }
}

fn shown(device: DeviceView) -> Result<()> {
    let utc = |moment: Option<MomentView>| moment.map(|moment| moment.utc);
    let model = device
        .model
        .map(|(manufacturer, model)| match device.profile_version {
            Some(version) => format!("{manufacturer} {model}, profile version {version}"),
            None => format!("{manufacturer} {model}, no profile"),
        });
    show::pairs(&[
        ("device", Some(device.device_id)),
        ("nodeId", Some(device.node_id)),
        ("application", device.app_id),
        ("model", model),
        ("registered", Some(device.registered.utc)),
        ("first online", utc(device.activated)),
        ("must be by", utc(device.bind_by)),
        ("deleted", utc(device.deleted)),
        ("online", Some(show::yes(device.online))),
        ("takes commands", Some(show::yes(device.reachable))),
        ("last heard", utc(device.last_contact)),
        (
            "open commands",
            Some(format!(
                "{}, {} of them PENDING",
                device.open_commands, device.pending_commands
            )),
        ),
    ])
}
