//! Where everything is measured: the real server on a folder of a real disk, an application, registered devices.

use std::path::{Path, PathBuf};
use std::time::Duration;

use server::config::Config;
use tokio::task::JoinSet;

use super::BenchError;
use crate::credentials::Credentials;
use crate::load::Target;
use crate::rig::{Account, Ground, Http, Server};

const APP: &str = "bench";
const START_WITHIN: Duration = Duration::from_mins(1);
const STOP_WITHIN: Duration = Duration::from_mins(1);
/// Connections over which devices are registered.
const REGISTERED_AT_ONCE: usize = 32;

/// A ground with its application and its devices. The server runs while something is measured only.
pub(crate) struct Scene {
    program: PathBuf,
    ground: Ground,
    /// Devices that can come in over MQTT.
    pub(crate) devices: Vec<Credentials>,
}

impl Scene {
    /// A new scene in `folder`: nothing has happened in it.
    pub(crate) fn new(program: PathBuf, folder: &Path) -> Result<Self, BenchError> {
        let ground = Ground::new(program.clone(), &local(folder), START_WITHIN)?;
        Ok(Self {
            program,
            ground,
            devices: Vec::new(),
        })
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        self.ground.folder()
    }

    /// Starts the server.
    pub(crate) async fn start(&self) -> Result<Server, BenchError> {
        Ok(self.ground.start().await?)
    }

    /// Lets the server end in its own time.
    pub(crate) async fn stop(&self, server: Server) -> Result<(), BenchError> {
        Ok(server.stop(STOP_WITHIN).await?)
    }

    /// Makes the application, and so many devices.
    pub(crate) async fn furnish(&mut self, devices: usize) -> Result<(), BenchError> {
        let server = self.start().await?;
        let account = Account::open(&server, APP).await?;
        let mut tasks = JoinSet::new();
        for first in 0..REGISTERED_AT_ONCE {
            let (account, north) = (account.clone(), server.ports.north);
            tasks.spawn(async move {
                let mut http = Http::connect(north).await?;
                let mut made = Vec::new();
                for number in (first..devices).step_by(REGISTERED_AT_ONCE) {
                    let device = account
                        .register(&mut http, &format!("bench_{number}"))
                        .await?;
                    made.push(Credentials::of_device(device.device_id, device.secret));
                }
                Ok::<_, crate::rig::AccountError>(made)
            });
        }
        while let Some(made) = tasks.join_next().await {
            self.devices
                .extend(made.expect("registration does not panic")?);
        }
        self.stop(server).await
    }

    /// The same folder, with TLS on every listener for applications and devices.
    pub(crate) fn secure(&self) -> Result<Ground, BenchError> {
        let mut config = local(self.folder());
        (config.north.tls, config.mqtt.tls) = (true, true);
        Ok(Ground::new(self.program.clone(), &config, START_WITHIN)?)
    }

    /// Where load is put, with a token.
    pub(crate) async fn target(&self, server: &Server) -> Result<Target, BenchError> {
        let account = Account::login(server.ports.north, APP).await?;
        Ok(Target {
            http: server.ports.north,
            mqtt: server
                .ports
                .mqtt
                .expect("a local configuration listens for devices in the clear"),
            app_id: account.app_id,
            token: account.token,
            callbacks: Vec::new(),
            trust: None,
        })
    }
}

/// The settings of a server that is measured.
fn local(folder: &Path) -> Config {
    let mut config = Config::local(folder);
    config.north.calls_per_minute_max = 0;
    "warn".clone_into(&mut config.log.level);
    config
}
