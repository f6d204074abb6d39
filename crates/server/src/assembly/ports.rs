//! Listeners, and the file that tells where they are.

use super::StartError;
use crate::config::Config;
use crate::files::{self, Readable};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use tokio::net::TcpListener;

/// The file in the data folder that tells the ports while a server runs.
pub const PORTS_FILE: &str = "ports.json";

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// The server's process.
    pub pid: u32,
    /// For applications.
    pub north: SocketAddr,
    /// Whether that is HTTPS.
    pub north_tls: bool,
    /// For devices, without TLS.
    pub mqtt: Option<SocketAddr>,
    /// For devices, with TLS.
    pub mqtts: Option<SocketAddr>,
    /// For the operator.
    pub admin: SocketAddr,
}

impl Ports {
    /// The base of every address for applications on this machine: `https://127.0.0.1:8743`.
    pub fn north_url(&self) -> String {
        let scheme = if self.north_tls { "https" } else { "http" };
        format!("{scheme}://{}", near(self.north))
    }

    /// Writes the file, whole.
    pub(super) fn write(&self, folder: &Path) -> Result<(), StartError> {
        let path = folder.join(PORTS_FILE);
        let text = serde_json::to_vec_pretty(self).expect("addresses are JSON");
        files::write(&path, &text, Readable::ByAll)
            .map_err(|source| StartError::Ports { path, source })
    }

    /// Removes the file, which tells nothing true any more.
    pub(super) fn remove(folder: &Path) {
        // One that is left over says too much and harms nobody: nobody listens there.
        std::fs::remove_file(folder.join(PORTS_FILE)).ok();
    }
}

/// How an address is reached from this machine.
pub fn near(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Every listener, bound and not yet served.
pub(super) struct Bound {
    pub(super) north: TcpListener,
    pub(super) mqtt: Option<TcpListener>,
    pub(super) mqtts: Option<TcpListener>,
    pub(super) admin: TcpListener,
}

impl Bound {
    /// Binds them all.
    pub(super) async fn bind(config: &Config) -> Result<Self, StartError> {
        // What an earlier run left is not true any more; this run holds the database's lock.
        Ports::remove(&config.data.folder);
        let admin = bind("the admin interface", "admin.port", config.admin.listen()).await?;
        let north = bind(
            "the interface for applications",
            "north.port",
            config.north.listen(),
        )
        .await?;
        let mqtt = match config.mqtt.listen_plain() {
            Some(address) => Some(bind("MQTT", "mqtt.port", address).await?),
            None => None,
        };
        let mqtts = match config.mqtt.listen_tls() {
            Some(address) => Some(bind("MQTT over TLS", "mqtt.tls_port", address).await?),
            None => None,
        };
        Ok(Self {
            north,
            mqtt,
            mqtts,
            admin,
        })
    }

    /// Where they are.
    pub(super) fn ports(&self, config: &Config) -> Result<Ports, StartError> {
        let of = |listener: &TcpListener| {
            listener
                .local_addr()
                .map_err(|error| StartError::Machine(error.to_string()))
        };
        Ok(Ports {
            pid: std::process::id(),
            north: of(&self.north)?,
            north_tls: config.north.tls,
            mqtt: self.mqtt.as_ref().map(of).transpose()?,
            mqtts: self.mqtts.as_ref().map(of).transpose()?,
            admin: of(&self.admin)?,
        })
    }
}

async fn bind(
    listener: &'static str,
    setting: &'static str,
    address: SocketAddr,
) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| StartError::Bind {
            listener,
            setting,
            address,
            source,
        })
}
