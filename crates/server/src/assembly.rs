//! The assembly: builds every part of the server, and names its owner.
//!
//! ```text
//!   Server::start ─► Running ── owns ─► the supervisor's task
//!                                         ├─ north, mqtt, mqtt over TLS, admin: a listener's task each, which owns its connections
//!                                         ├─ housekeeping: certificates, histograms
//!                                         └─ Parts: dispatch (its shards' threads), the database (its writer's thread)
//! ```
//!
//! The end goes from the outside in: listeners, sessions and requests, shards, the database. It is bounded everywhere.

mod certificates;
pub mod machine;
mod open;
mod parts;
mod ports;
mod supervise;

pub use certificates::Certificates;
pub use open::{DATABASE_FILE, StartError, tls_settings};
pub(crate) use open::{KEY_CHECK, KEY_CHECKED, KEY_FILE, TLS_FOLDER};
pub use ports::{PORTS_FILE, Ports, near};
pub use supervise::EndError;

use crate::admin::client::{Client, ClientError};
use crate::config::Config;
use crate::shutdown::Shutdown;
use open::Opened;
use parts::Parts;
use std::path::PathBuf;
use tokio::task::JoinSet;

/// A server, ready to be started.
pub struct Server {
    config: Config,
}

/// A server that runs, in this process. Dropping it ends it as a crash would, but for what is committed already.
pub struct Running {
    /// Where it listens.
    pub ports: Ports,
    /// Whether it runs, and how it is asked to stop.
    pub shutdown: Shutdown,
    /// What its clients are to trust, if its certificate was made here.
    pub ca_file: Option<PathBuf>,
    /// What reads certificates again.
    pub certificates: Certificates,
    /// Where everything is kept.
    pub folder: PathBuf,
    supervisor: JoinSet<Result<(), EndError>>,
}

impl Server {
    /// A server with these settings; see [`Layers::join`](crate::config::Layers::join) for checked ones.
    pub const fn new(config: Config) -> Self {
        Self { config }
    }

    /// Starts it: opens the database, binds every address, and writes the ports to `ports.json` in the data folder when all
    /// of them take connections.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub async fn start(self) -> Result<Running, StartError> {
        let config = self.config;
        let blocking = config.clone();
        let opened = tokio::task::spawn_blocking(move || Opened::open(&blocking)).await;
        let opened = opened.map_err(|error| StartError::Machine(error.to_string()))??;
        let bound = ports::Bound::bind(&config).await?;
        let ports = bound.ports(&config)?;
        let folder = config.data.folder.clone();
        let parts = Parts::join(opened, &config)?;
        let shutdown = parts.shutdown();
        let ca_file = parts.ca_file();
        let certificates = parts.certificates();
        let tasks = parts.serve(bound);
        ports.write(&folder)?;
        let mut supervisor = JoinSet::new();
        supervisor.spawn(supervise::run(parts, tasks, config));
        Ok(Running {
            ports,
            shutdown,
            ca_file,
            certificates,
            folder,
            supervisor,
        })
    }
}

impl Running {
    /// Returns when it has ended, and its files are free for the next one.
    ///
    /// # Errors
    /// Why it did not end in good order.
    pub async fn ended(mut self) -> Result<(), EndError> {
        match self.supervisor.join_next().await {
            Some(Ok(outcome)) => outcome,
            Some(Err(error)) => Err(EndError::Task(error.to_string())),
            None => Ok(()),
        }
    }

    /// Asks it to stop, and returns when it has ended.
    ///
    /// # Errors
    /// Why it did not end in good order.
    pub async fn stop(self) -> Result<(), EndError> {
        self.shutdown.drain();
        self.ended().await
    }

    /// The operator's door of this server.
    ///
    /// # Errors
    /// Its files cannot be read.
    pub fn admin(&self) -> Result<Client, ClientError> {
        Client::of_folder(&self.folder)
    }
}
