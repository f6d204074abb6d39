//! `downlink serve`: the server, until it is told to stop.

use crate::{Place, log};
use anyhow::{Context, Result, bail};
use clap::Args;
use server::assembly::{Running, Server, machine, near};
use server::config::{Behind, Config, Layers};
use std::convert::Infallible;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// The most important settings; `--set` takes every one.
#[derive(Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
#[command(after_help = "\
Examples:
  downlink serve
  downlink serve --data /var/lib/downlink --tls-names iot.example.com
  downlink serve --test-clock --free-ports --plain-http
  downlink serve --test-clock --free-ports --until-stdin-closes
  downlink serve --set commands.pending_max=50 --log-json")]
pub(crate) struct Serve {
    /// The address for applications [default: 0.0.0.0].
    #[arg(long, value_name = "ADDRESS")]
    north_address: Option<String>,
    /// The port for applications; 0 = a free one [default: 8743].
    #[arg(long, value_name = "PORT")]
    north_port: Option<String>,
    /// Serve applications over plain HTTP instead of HTTPS.
    #[arg(long)]
    plain_http: bool,
    /// The address for MQTT without TLS [default: 127.0.0.1].
    #[arg(long, value_name = "ADDRESS")]
    mqtt_address: Option<String>,
    /// The port for MQTT without TLS; 0 = a free one [default: 1883].
    #[arg(long, value_name = "PORT")]
    mqtt_port: Option<String>,
    /// The port for MQTT over TLS; 0 = a free one [default: 8883].
    #[arg(long, value_name = "PORT")]
    mqtt_tls_port: Option<String>,
    /// The operator's port on loopback; 0 = a free one [default: 8744].
    #[arg(long, value_name = "PORT")]
    admin_port: Option<String>,
    /// Take free ports everywhere; `ports.json` in the data folder tells them.
    #[arg(long)]
    free_ports: bool,
    /// Names and addresses for the generated certificate, comma-separated, beside localhost.
    #[arg(long, value_name = "NAMES")]
    tls_names: Option<String>,
    /// Let time stand still until it is moved through the admin interface; loopback only, for tests.
    #[arg(long)]
    test_clock: bool,
    /// Stop in good order when standard input ends, too: a server that a program starts, and holds a pipe to, then ends with that program,
    /// however it ends. What is written there is passed over.
    #[arg(long)]
    until_stdin_closes: bool,
    /// What to do when the machine's clock is behind the database: refuse or continue.
    #[arg(long, value_name = "WHAT")]
    clock_behind: Option<String>,
    /// The least level that is logged: error, warn, info, debug or trace [default: info].
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Log JSON, an object a line.
    #[arg(long)]
    log_json: bool,
    /// Any setting, as in the configuration file: `--set commands.pending_max=50`. May be repeated.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    settings: Vec<String>,
}

/// So many sockets are looked at, at the most, each time, and while there is other work, after so many tasks: what has come is worked
/// on before more is let in. The rest waits in the kernel, in the order in which it came, where the northbound probe sees how long.
const EVENTS_AT_ONCE: usize = 64;
const EVENTS_EVERY: u32 = 256;
/// After so many tasks a worker takes one that another thread has woken: a command that was committed is answered, and carried to its
/// device, before many others are taken on.
const BEGUN_FIRST_EVERY: u32 = 1;

impl Serve {
    /// Serves until the end.
    pub(crate) fn run(&self, place: &Place) -> Result<()> {
        let mut layers = place.layers()?;
        self.add_to(&mut layers)?;
        let config = layers.join()?;
        log::begin(&config.log)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .max_io_events_per_tick(EVENTS_AT_ONCE)
            .event_interval(EVENTS_EVERY)
            .global_queue_interval(BEGUN_FIRST_EVERY)
            .enable_all()
            .build();
        runtime
            .context("the machine gives no threads")?
            .block_on(serve(config, self.until_stdin_closes))
    }

    fn add_to(&self, layers: &mut Layers) -> Result<()> {
        if self.free_ports {
            for port in ["north.port", "mqtt.port", "mqtt.tls_port", "admin.port"] {
                layers.set("--free-ports", port, "0")?;
            }
        }
        let flag = |on: bool, value: &str| on.then(|| value.to_owned());
        let flags = [
            (
                "--north-address",
                "north.address",
                self.north_address.clone(),
            ),
            ("--north-port", "north.port", self.north_port.clone()),
            ("--plain-http", "north.tls", flag(self.plain_http, "false")),
            ("--mqtt-address", "mqtt.address", self.mqtt_address.clone()),
            ("--mqtt-port", "mqtt.port", self.mqtt_port.clone()),
            (
                "--mqtt-tls-port",
                "mqtt.tls_port",
                self.mqtt_tls_port.clone(),
            ),
            ("--admin-port", "admin.port", self.admin_port.clone()),
            ("--tls-names", "tls.names", self.tls_names.clone()),
            ("--test-clock", "clock.test", flag(self.test_clock, "true")),
            ("--clock-behind", "clock.behind", self.clock_behind.clone()),
            ("--log-level", "log.level", self.log_level.clone()),
            ("--log-json", "log.json", flag(self.log_json, "true")),
        ];
        for (name, setting, value) in flags {
            if let Some(value) = value {
                layers.set(name, setting, &value)?;
            }
        }
        set_all(layers, &self.settings)
    }
}

/// Adds what `--set` says.
pub(crate) fn set_all(layers: &mut Layers, pairs: &[String]) -> Result<()> {
    for pair in pairs {
        let Some((setting, value)) = pair.split_once('=') else {
            bail!("--set {pair}: must be SECTION.KEY=VALUE");
        };
        layers.set("--set", setting.trim(), value.trim())?;
    }
    Ok(())
}

async fn serve(config: Config, until_stdin_closes: bool) -> Result<()> {
    warn(&config);
    // Before anything is begun, so that no signal is missed.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let input = until_stdin_closes.then(watch_input).transpose()?;
    let input_ends = async {
        match input {
            Some(ends) => drop(ends.await),
            None => std::future::pending().await,
        }
    };
    let running = Server::new(config).start().await?;
    announce(&running);
    let (shutdown, certificates) = (running.shutdown.clone(), running.certificates.clone());
    let ended = running.ended();
    tokio::pin!(ended, input_ends);
    loop {
        tokio::select! {
            outcome = &mut ended => return Ok(outcome?),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            () = &mut input_ends => {
                tracing::info!("standard input has ended");
                break;
            }
            _ = hangup.recv() => drop(certificates.reload().await),
        }
    }
    tracing::info!("asked to stop; once more stops at once");
    shutdown.drain();
    tokio::select! {
        outcome = ended => {
            outcome?;
            tracing::info!("stopped in good order");
            Ok(())
        }
        _ = terminate.recv() => bail!("stopped at once; what was acknowledged is kept"),
        _ = interrupt.recv() => bail!("stopped at once; what was acknowledged is kept"),
    }
}

/// Watches standard input: what is returned is over once that has ended. The thread that waits for it holds up nothing, it ends with the
/// process.
fn watch_input() -> std::io::Result<oneshot::Receiver<Infallible>> {
    let (watching, ends) = oneshot::channel();
    let watch = move || {
        // An input that cannot be read has ended as well.
        std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink()).ok();
        drop(watching);
    };
    let thread = std::thread::Builder::new().name("stdin".to_owned());
    thread.spawn(watch)?;
    Ok(ends)
}

/// Says what may surprise.
fn warn(config: &Config) {
    if config.clock.test {
        tracing::warn!("time stands still until it is moved: this is a server for tests");
    }
    if config.clock.behind == Behind::Continue {
        tracing::warn!("a start behind the database's last moment is allowed");
    }
    if !config.north.tls && !config.north.address.is_loopback() {
        tracing::warn!(address = %config.north.listen(), "applications' secrets and tokens travel in the clear");
    }
    if let Some(address) = config
        .mqtt
        .listen_plain()
        .filter(|address| !address.ip().is_loopback())
    {
        tracing::warn!(%address, "what devices say and hear over MQTT without TLS travels in the clear");
    }
    let connections = config
        .north
        .connections_max
        .saturating_add(config.mqtt.connections_max);
    match machine::raise_open_files().map(usize::try_from) {
        Some(Ok(files)) if files < connections => {
            tracing::warn!(
                files,
                connections,
                "the machine allows fewer open files than there may be connections (ulimit -n)"
            );
        }
        Some(_) | None => {}
    }
}

/// The line that tells where everything is.
fn announce(running: &Running) {
    let ports = &running.ports;
    let shown = |address: Option<std::net::SocketAddr>| {
        address.map_or_else(|| "off".to_owned(), |a| a.to_string())
    };
    let ca = running.ca_file.as_ref().map_or_else(
        || "own certificate".to_owned(),
        |file| file.display().to_string(),
    );
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        applications = ports.north_url(),
        listening = %ports.north,
        mqtt = shown(ports.mqtt),
        mqtt_tls = shown(ports.mqtts),
        admin = format!("http://{}", near(ports.admin)),
        data = %running.folder.display(),
        ca,
        "Downlink is ready"
    );
}
