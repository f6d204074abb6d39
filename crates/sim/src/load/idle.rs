//! Devices that are connected, subscribed and silent, for what a connection costs the platform.

use std::net::SocketAddr;

use tokio::task::JoinSet;

use super::LoadError;
use super::device::DeviceLink;
use crate::credentials::Credentials;

/// Connections that do nothing until they are dropped. Nobody pings: the platform lets them go 30 minutes later.
#[derive(Debug)]
pub struct Idle {
    links: Vec<DeviceLink>,
}

impl Idle {
    /// Connects all devices, `parallel` at a time. The process needs a file descriptor for each.
    pub async fn connect(
        mqtt: SocketAddr,
        devices: &[Credentials],
        parallel: usize,
    ) -> Result<Self, LoadError> {
        let mut tasks = JoinSet::new();
        let mut links = Vec::with_capacity(devices.len());
        let mut waiting = devices.iter();
        while links.len() < devices.len() {
            for credentials in waiting
                .by_ref()
                .take(parallel.max(1) - tasks.len().min(parallel.max(1)))
            {
                let credentials = credentials.clone();
                tasks.spawn(async move { DeviceLink::open((mqtt, None), &credentials).await });
            }
            let joined = tasks
                .join_next()
                .await
                .expect("a task for each that is missing");
            links.push(joined.expect("connecting does not panic")?);
        }
        Ok(Self { links })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.links.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }
}
