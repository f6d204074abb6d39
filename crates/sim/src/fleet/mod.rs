//! Many devices and one application against a platform that runs: a small world from a seed, for a look at the platform at work.
//!
//! The devices register, sleep, wake, answer and err as their habits say; the application sends them commands and cancels some. At the
//! end the platform's word about every command is put beside what the devices saw.

mod report;
mod world;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use api::commands::{Command, CommandsQuery, PostCommandRequest};
use api::headers::IdempotencyKey;
use api::registration::{NewDeviceInfo, RegisterWithSecretRequest};
use serde_json::{Map, Value};

use crate::clock::passed;
use crate::credentials::Credentials;
use crate::device::Device;
use crate::random::Random;

pub use report::FleetReport;
pub use world::{Intent, Plan, World};

/// Devices of one fleet: each takes a file descriptor here and one in the platform.
const DEVICES_MAX: u64 = 10_000;
const COMMANDS_PER_SECOND_MAX: u64 = 1_000;
const SECONDS_MAX: u64 = 86_400;
/// The longest wait that the platform may ask for before a call is given up.
const PATIENCE_MAX: Duration = Duration::from_mins(2);
const TRIES_MAX: u32 = 5;
/// How long a device waits after the platform turned it away.
const TURNED_AWAY: Duration = Duration::from_secs(1);

/// A fleet's settings, as flags of the command line.
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("secrets").args(["secret", "secret_file"]).required(true).multiple(true))]
pub struct Options {
    /// The platform's address for applications.
    #[arg(long, value_name = "URL", default_value = "https://127.0.0.1:8743")]
    pub url: String,
    /// The platform's CA (PEM), if it made its certificate itself: `tls/ca.pem` in its data folder.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// The platform's plain MQTT address.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:1883")]
    pub mqtt: SocketAddr,
    /// The application that owns the devices; `downlink app create` makes one.
    #[arg(long, value_name = "ID")]
    pub app_id: String,
    /// Its secret. Others on this machine see it in the list of processes, unlike --secret-file and the variable.
    #[arg(
        long,
        value_name = "SECRET",
        env = "DOWNLINK_APP_SECRET",
        hide_env_values = true
    )]
    pub secret: Option<String>,
    /// A file with its secret, `-` for stdin; goes before --secret and the variable.
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// How many devices, 1 to 10000. An unthrottled application is needed for more than a few.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=DEVICES_MAX))]
    pub devices: u64,
    /// The same seed gives the same habits, sleeps and commands.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How long, 1 to 86400.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=SECONDS_MAX))]
    pub seconds: u64,
    /// How many commands in a second, to all devices together, 1 to 1000.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=COMMANDS_PER_SECOND_MAX))]
    pub rate: u64,
    /// Allow a platform on another machine. Simulated devices are registered there and stay.
    #[arg(long)]
    pub allow_remote: bool,
}

/// Why a fleet cannot run.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The platform is on another machine.
    #[error(
        "{0} is not on this machine; say --allow-remote if simulated devices are welcome there"
    )]
    Remote(String),
    /// The CA cannot be read.
    #[error("{} cannot be read", path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The secret cannot be read.
    #[error("the secret cannot be read from {}", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is neither a secret nor a file with one.
    #[error("an application logs in with its secret, and there is none")]
    NoSecret,
    /// A call failed, and trying again did not help.
    #[error("{doing} failed")]
    Call {
        /// Which one.
        doing: &'static str,
        /// Why.
        #[source]
        source: sdk::Error,
    },
}

impl Options {
    /// Lets the fleet live for its time and says what became of it.
    pub async fn run(&self) -> Result<FleetReport, FleetError> {
        self.check_place()?;
        let client = self.client().await?;
        let world = World::new(self.seed, self.devices);
        let mut tasks = JoinSet::new();
        let mut ids = Vec::new();
        let end = passed() + Duration::from_secs(self.seconds);
        for (index, plan) in world.plans.iter().enumerate() {
            let node_id = format!("sim-{}-{index}", self.seed);
            let credentials = register(&client, &node_id).await?;
            ids.push(credentials.id.clone());
            let device = Device::new(credentials, plan.behaviour.clone(), plan.seed);
            tasks.spawn(live(device, plan.clone(), self.mqtt, end));
        }
        let ids: Arc<[String]> = ids.into();
        let mut report = FleetReport::default();
        self.command(&client, &ids, end, &mut report).await?;
        while let Some(lived) = tasks.join_next().await {
            report.arrivals += lived.expect("a device does not panic");
        }
        for id in &*ids {
            count(&client, id, &mut report).await?;
        }
        Ok(report)
    }

    fn check_place(&self) -> Result<(), FleetError> {
        if self.allow_remote {
            return Ok(());
        }
        if !is_here(&self.url) {
            return Err(FleetError::Remote(self.url.clone()));
        }
        if !self.mqtt.ip().is_loopback() {
            return Err(FleetError::Remote(self.mqtt.to_string()));
        }
        Ok(())
    }

    async fn client(&self) -> Result<sdk::Client, FleetError> {
        let failed = |source| FleetError::Call {
            doing: "logging in",
            source,
        };
        let mut builder = sdk::Client::builder(&self.url, &self.app_id, self.secret()?);
        if let Some(path) = &self.ca {
            let pem = std::fs::read(path).map_err(|source| FleetError::Ca {
                path: path.clone(),
                source,
            })?;
            builder = builder.ca_pem(pem);
        }
        let client = builder.build().map_err(failed)?;
        client.get_auth_token().await.map_err(failed)?;
        Ok(client)
    }

    fn secret(&self) -> Result<String, FleetError> {
        match (&self.secret_file, &self.secret) {
            (Some(path), _) => server::files::secret(path).map_err(|source| FleetError::Secret {
                path: path.clone(),
                source,
            }),
            (None, Some(secret)) => Ok(secret.clone()),
            (None, None) => Err(FleetError::NoSecret),
        }
    }

    /// The application: sends and cancels until the end.
    async fn command(
        &self,
        client: &sdk::Client,
        ids: &[String],
        end: Duration,
        report: &mut FleetReport,
    ) -> Result<(), FleetError> {
        let mut random = Random::part(self.seed, u64::MAX);
        let mut pace =
            tokio::time::interval(Duration::from_secs(1) / u32::try_from(self.rate).unwrap_or(1));
        let mut number = 0_u64;
        while passed() < end {
            pace.tick().await;
            number += 1;
            let intent = Intent::drawn(&mut random, self.devices);
            let place = usize::try_from(intent.device).expect("devices are few");
            let request = request(&ids[place], &intent);
            // The key makes repeating after a lost answer safe (R1.15).
            let key = format!("sim-{}-{}-{number}", self.seed, ids[0]);
            let key = IdempotencyKey::parse(key.as_bytes()).expect("short visible ASCII");
            let sent = patiently("sending a command", || {
                client.post_device_command(&request).key(key.clone()).send()
            })
            .await;
            match sent {
                Ok(command) => {
                    report.accepted += 1;
                    if intent.cancels {
                        report.cancels(client.update_device_command(&command.command_id).await);
                    }
                }
                Err(FleetError::Call {
                    source: sdk::Error::Contract(refusal),
                    ..
                }) => report.refuses(&refusal),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A device's life: asleep and awake in turns. Returns how many commands arrived.
async fn live(mut device: Device, plan: Plan, mqtt: SocketAddr, end: Duration) -> u64 {
    let mut random = Random::part(plan.seed, 1);
    loop {
        let rest = end.saturating_sub(passed());
        if rest.is_zero() {
            break;
        }
        sleep(plan.asleep(&mut random).min(rest)).await;
        if device.wake(mqtt).await.is_err() {
            sleep(TURNED_AWAY.min(rest)).await;
            continue;
        }
        if plan.reports(&mut random) {
            let level = Value::from(random.between(1, 100));
            let data = [("batteryLevel", level), ("batteryStatus", Value::from(0))];
            device.report(
                "MeterBattery",
                &Map::from_iter(data.map(|(name, value)| (name.to_owned(), value))),
            );
        }
        let awake = plan.awake(&mut random).min(end.saturating_sub(passed()));
        // It ends early if the platform ends the connection.
        let gone = device.until(|core| core.state() == crate::device::State::Asleep);
        drop(timeout(awake, gone).await);
        if plan.loses_its_network(&mut random) {
            device.cut().await;
        } else {
            device.sleep().await;
        }
    }
    u64::try_from(device.received().len()).unwrap_or(u64::MAX)
}

async fn register(client: &sdk::Client, node_id: &str) -> Result<Credentials, FleetError> {
    let text = |text: &str| Some(text.to_owned());
    // A node id is taken for good: a second fleet of the same seed finds another one.
    let mut attempt = 0_u64;
    loop {
        let request = RegisterWithSecretRequest {
            node_id: if attempt == 0 {
                node_id.to_owned()
            } else {
                format!("{node_id}.{attempt}")
            },
            device_info: NewDeviceInfo {
                manufacturer_id: text("Downlink"),
                manufacturer_name: text("Downlink"),
                model: text("WM1"),
                device_type: text("WaterMeter"),
                protocol_type: text("MQTT"),
                ..NewDeviceInfo::default()
            },
            ..RegisterWithSecretRequest::default()
        };
        match patiently("registering a device", || {
            client.reg_direct_device_with_secret(&request)
        })
        .await
        {
            Ok(device) => {
                return Ok(Credentials::of_device(
                    device.device_id,
                    device.secret.expose(),
                ));
            }
            Err(FleetError::Call { source, .. })
                if source.code() == Some(api::Code::NodeIdDuplicated) =>
            {
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Counts the commands of a device by their status, as the platform tells it.
async fn count(
    client: &sdk::Client,
    device_id: &str,
    report: &mut FleetReport,
) -> Result<(), FleetError> {
    let mut query = CommandsQuery {
        device_id: Some(device_id.to_owned()),
        ..CommandsQuery::default()
    };
    loop {
        let page = patiently("listing commands", || client.query_device_command(&query)).await?;
        let full = page.data.len() >= usize::try_from(query.page.size).unwrap_or(usize::MAX);
        for command in page.data {
            report.found(command.status);
        }
        if !full {
            return Ok(());
        }
        query.page.number += 1;
    }
}

/// Calls again while the platform asks for patience or cannot be reached.
async fn patiently<T, F>(doing: &'static str, call: impl Fn() -> F) -> Result<T, FleetError>
where
    F: Future<Output = Result<T, sdk::Error>>,
{
    let mut tries = 0;
    loop {
        let source = match call().await {
            Ok(answer) => return Ok(answer),
            Err(source) => source,
        };
        tries += 1;
        let wait = match &source {
            sdk::Error::Contract(refusal) => refusal.retry_after,
            sdk::Error::Transport { .. } => Some(TURNED_AWAY),
            sdk::Error::Unexpected { .. } | sdk::Error::Setting { .. } => None,
        };
        match wait.filter(|wait| *wait <= PATIENCE_MAX && tries < TRIES_MAX) {
            Some(wait) => sleep(wait).await,
            None => return Err(FleetError::Call { doing, source }),
        }
    }
}

fn request(device_id: &str, intent: &Intent) -> PostCommandRequest {
    PostCommandRequest {
        device_id: device_id.to_owned(),
        command: Command {
            service_id: "WaterMeter".into(),
            method: "SET_PERIOD".into(),
            paras: Map::from_iter([("value".to_owned(), Value::from(intent.value))]),
        },
        expire_time: Some(intent.expire_time_s),
        ..PostCommandRequest::default()
    }
}

/// Whether an address names this machine's loopback.
fn is_here(url: &str) -> bool {
    let uri = url.parse::<http::Uri>();
    uri.is_ok_and(|uri| {
        let host = uri.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare.eq_ignore_ascii_case("localhost")
            || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_here() {
        for here in [
            "http://127.0.0.1:1",
            "https://localhost:8743/",
            "http://[::1]:1",
            "http://127.9.9.9",
        ] {
            assert!(is_here(here), "{here}");
        }
        for there in [
            "http://10.0.0.1",
            "https://example.org",
            "http://127.0.0.1.example.org",
            "",
            "http://0.0.0.0:1",
        ] {
            assert!(!is_here(there), "{there}");
        }
    }
}
