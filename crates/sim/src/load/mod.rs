//! Load that costs the machine as little as possible, for measurements on the same machine as the platform.
//!
//! ```text
//!   Lives     closed loop: POST → 201 → PUBLISH → PUBACK → deviceRsp → its PUBACK, which says that SUCCESSFUL is committed (R6.4, R11)
//!   Paced     open loop:   so many POSTs a second, each latency counted from the moment it was meant to leave
//!   Flood     open loop:   the same over many connections, more than the platform serves: what is refused is counted
//!   Idle      devices that are connected, subscribed and silent
//!   Backlog   commands for devices that are asleep
//! ```
//!
//! Each opens its connections first ([`Lives::connect`] …) and is measured then, so that a caller can read the platform's counters
//! in between. Devices are registered without a profile, by [`register`]; their commands carry a number, `{"n":…}`, and nothing else.
//! Connections are kept, nothing is pipelined. [`Lives`] and [`Flood`] come over TLS where a [`Target`] says so; all else is in the clear.

mod backlog;
mod device;
mod flood;
mod histogram;
mod idle;
mod lives;
mod paced;
mod post;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::Secret;
use api::registration::RegisterWithSecretRequest;
use tokio::task::JoinSet;

use crate::credentials::Credentials;
use crate::device::Ended;

pub use backlog::Backlog;
pub use flood::{Flood, FloodReport};
pub use histogram::Histogram;
pub use idle::Idle;
pub use lives::{Lives, LivesReport};
pub use paced::{Paced, PacedReport};
pub use wire::Trust;

/// How long the end of what has begun may take.
pub(crate) const DRAIN_MAX: Duration = Duration::from_secs(30);

/// The platform under load, and an application that is logged in and not throttled.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its northbound listener.
    pub http: SocketAddr,
    /// Its MQTT listener.
    pub mqtt: SocketAddr,
    /// The application.
    pub app_id: String,
    /// Its access token.
    pub token: Secret,
    /// Where callbacks go: command `n` to the address in place `n` modulo their number, with `/n` after it; none where that is empty.
    pub callbacks: Vec<String>,
    /// Whom to trust where both listeners speak TLS; `None` where both are in the clear.
    pub trust: Option<Trust>,
}

impl Target {
    fn mqtt(&self) -> (SocketAddr, Option<&Trust>) {
        (self.mqtt, self.trust.as_ref())
    }
}

/// Why a measurement is worth nothing.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A connection could not be made, or broke.
    #[error("{what}")]
    Connection {
        /// Which one.
        what: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A device was turned away.
    #[error("device {id} was turned away")]
    Device {
        /// Which one.
        id: String,
        /// Why.
        #[source]
        source: Ended,
    },
    /// An answer is no HTTP as the platform speaks it.
    #[error("an answer is not understood: {0}")]
    Answer(&'static str),
    /// A device could not be registered.
    #[error("a device could not be registered")]
    Register(#[source] sdk::Error),
    /// Something that had begun did not end in time.
    #[error("{0} lives had not ended 30 s after the last one began")]
    Stuck(usize),
    /// There is nothing to put load on.
    #[error("there are no devices or no connections")]
    Nothing,
}

impl LoadError {
    pub(crate) fn connection(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Connection { what, source }
    }
}

/// Registers `count` devices without a profile, in secret mode, named `{prefix}0`, `{prefix}1` …, `parallel` at a time, in order.
pub async fn register(
    client: &sdk::Client,
    prefix: &str,
    count: usize,
    parallel: usize,
) -> Result<Vec<Credentials>, LoadError> {
    let prefix: Arc<str> = prefix.into();
    let mut tasks = JoinSet::new();
    let mut registered = Vec::with_capacity(count);
    let mut next = 0;
    while registered.len() < count {
        while next < count && tasks.len() < parallel.max(1) {
            let (client, prefix, index) = (client.clone(), prefix.clone(), next);
            tasks.spawn(async move {
                let request = RegisterWithSecretRequest {
                    node_id: format!("{prefix}{index}"),
                    ..RegisterWithSecretRequest::default()
                };
                (index, client.reg_direct_device_with_secret(&request).await)
            });
            next += 1;
        }
        let joined = tasks
            .join_next()
            .await
            .expect("a task for each that is missing");
        let (index, device) = joined.expect("registration does not panic");
        let device = device.map_err(LoadError::Register)?;
        let credentials = Credentials::of_device(device.device_id, device.secret.expose());
        registered.push((index, credentials));
    }
    registered.sort_unstable_by_key(|(index, _)| *index);
    Ok(registered
        .into_iter()
        .map(|(_, credentials)| credentials)
        .collect())
}
