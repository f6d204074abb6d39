//! The program: it serves, and talks to a server that runs.

mod app;
mod backup;
mod bench;
mod callback;
mod clock;
mod command;
mod complete;
mod configure;
mod crash;
mod demo;
mod device;
mod doctor;
mod fail;
mod fault;
mod group;
mod log;
mod play;
mod profiles;
mod restore;
mod secret;
mod serve;
mod show;
mod simulate;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use server::admin::client::Client;
use server::config::{Config, Layers};
use show::Show;
use std::path::PathBuf;
use std::process::ExitCode;

const ABOUT: &str = "\
Examples:
  downlink demo
  downlink serve --data /var/lib/downlink
  downlink app create --id meters
  downlink profile add water-meter.json
  downlink device register --app meters --node-id 860000000000001 --profile Downlink/WM1
  downlink command send 860000000000001 WaterMeter SET_PERIOD --para value=12 --wait

`downlink help COMMAND` explains each, with examples. `downlink config` prints every setting.";

/// The heading of what every command takes.
const EVERYWHERE: &str = "For every command";

/// Gets a command from an application to a device that may be asleep, and tells the application truthfully what became of it.
#[derive(Parser)]
#[command(
    name = "downlink",
    version,
    max_term_width = 110,
    arg_required_else_help = true,
    after_help = ABOUT,
    after_long_help = format!("{ABOUT}\n\n{}", fail::EXIT_CODES)
)]
struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    what: What,
}

/// Which installation is meant, and how it is talked about.
#[derive(Args)]
struct Place {
    /// The configuration file; `downlink config` prints one to begin with.
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILE", env = "DOWNLINK_CONFIG")]
    config: Option<PathBuf>,
    /// The data folder: database, keys, certificates, admin token [default: downlink-data].
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Print JSON, errors too.
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    json: bool,
}

/// The server that a conversation is with, and how its outcome is shown.
struct Desk {
    client: Client,
    show: Show,
    /// The data folder.
    folder: PathBuf,
}

#[derive(Subcommand)]
enum What {
    /// Run the server until SIGTERM or Ctrl-C.
    Serve(Box<serve::Serve>),
    /// Print the commented configuration with every default, or check a file.
    Config(configure::Configure),
    /// Create and change applications: who may log in to the interface for applications.
    #[command(
        subcommand,
        after_help = "Examples:\n  downlink app create --id meters\n  downlink app grant meters --to billing\n  downlink app list"
    )]
    App(app::App),
    /// Add, list, show and remove product models ("profiles"): what kinds of devices there are and what they can do.
    #[command(
        subcommand,
        after_help = "Examples:\n  downlink profile add water-meter.json\n  downlink profile list"
    )]
    Profile(profiles::Profiles),
    /// Register, list, show and delete devices.
    #[command(
        subcommand,
        after_help = "Examples:\n  downlink device list\n  downlink device show 860000000000001"
    )]
    Device(device::Devices),
    /// Create, list, fill and delete groups of devices, which grants can be limited to.
    #[command(
        subcommand,
        after_help = "Examples:\n  downlink group create --app meters --name north\n  downlink group add meters/north 860000000000001"
    )]
    Group(group::Groups),
    /// Send and cancel commands, and look at them: where they stand, how they came there, and why.
    #[command(
        subcommand,
        after_help = "Examples:\n  downlink command list --device 00000000-0001-8a5b-9c3d-2f4e6a8b0c1d"
    )]
    Command(command::Commands),
    /// See which callbacks were given up and which endpoints are down, and tell after all what was given up.
    #[command(
        subcommand,
        after_help = "Examples:\n  downlink callback dead\n  downlink callback endpoints\n  downlink callback replay --all"
    )]
    Callback(callback::Callbacks),
    Backup(backup::Backup),
    Restore(restore::Restore),
    /// Let time pass on a server that was started with `serve --test-clock`.
    #[command(
        subcommand,
        after_help = "Examples:\n  downlink clock show\n  downlink clock advance 48h"
    )]
    Clock(clock::Clock),
    /// Make a server that was started with `serve --test-clock` fail on demand.
    #[command(
        subcommand,
        after_help = "Examples:\n  downlink fault list\n  downlink fault set overload"
    )]
    Fault(fault::Faults),
    /// Say in words what is wrong with a set-up, whether a server runs on it or not.
    Doctor(doctor::Doctor),
    /// Kill the real server under load, again and again, and check that it kept its promises.
    Crash(crash::Crash),
    /// Show the whole story: a server, a device and an application on this machine, checked at every step.
    Demo(demo::Demo),
    /// Let simulated devices live against a server that runs, from a seed.
    #[command(after_help = "\
Examples:
  downlink sim --ca downlink-data/tls/ca.pem --app-id demo --secret-file demo.secret --devices 20 --seconds 60
  downlink sim --url http://127.0.0.1:8743 --app-id demo --secret-file - --seed 7 --json < demo.secret")]
    Sim(Box<sim::fleet::Options>),
    /// Measure the real server beside the disk's own fsync rate.
    Bench(bench::Bench),
    /// Print what a shell needs to complete commands and flags.
    Completions(complete::Completions),
    /// Print the version.
    #[command(after_help = "Examples:\n  downlink version\n  downlink version --json")]
    Version,
}

impl Place {
    /// The settings from file, environment and `--data`, for more to be added.
    fn layers(&self) -> Result<Layers> {
        let mut layers = Layers::default();
        if let Some(file) = &self.config {
            layers.file(file)?;
        }
        layers.environment(std::env::vars_os().filter_map(|(name, value)| {
            // A variable that is no text is none of ours.
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))?;
        if let Some(folder) = &self.data {
            layers.set("--data", "data.folder", &folder.to_string_lossy())?;
        }
        Ok(layers)
    }

    fn settings(&self) -> Result<Config> {
        Ok(self.layers()?.join()?)
    }

    /// The operator's door of the server that runs on the data folder.
    fn client(&self) -> Result<Client> {
        Ok(Client::of_folder(&self.settings()?.data.folder)?)
    }

    fn show(&self) -> Show {
        Show { json: self.json }
    }

    fn desk(&self) -> Result<Desk> {
        Ok(Desk {
            client: self.client()?,
            show: self.show(),
            folder: self.settings()?.data.folder,
        })
    }
}

fn main() -> ExitCode {
    let Cli { place, what } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return fail::misunderstood(&error),
    };
    match run(&place, what) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail::report(&error, place.json),
    }
}

fn run(place: &Place, what: What) -> Result<()> {
    match what {
        What::Serve(serve) => serve.run(place),
        What::Config(configure) => configure.run(place),
        What::App(app) => ask(app.run(&place.desk()?)),
        What::Profile(profiles) => ask(profiles.run(&place.desk()?)),
        What::Device(devices) => ask(devices.run(&place.desk()?)),
        What::Group(groups) => ask(groups.run(&place.desk()?)),
        What::Command(commands) => ask(commands.run(&place.desk()?)),
        What::Callback(callbacks) => ask(callbacks.run(&place.desk()?)),
        What::Backup(backup) => backup.run(place),
        What::Restore(restore) => restore.run(place),
        What::Clock(clock) => ask(clock.run(&place.desk()?)),
        What::Fault(faults) => ask(faults.run(&place.desk()?)),
        What::Doctor(doctor) => ask(doctor.run(place)),
        What::Crash(crash) => crash.run(place.show()),
        What::Demo(demo::Demo) => demo::Demo::run(place.show()),
        What::Sim(options) => ask(simulate::run(&options, place.show())),
        What::Bench(bench) => bench.run(place.show()),
        What::Completions(completions) => completions.run(),
        What::Version => version(place.show()),
    }
}

fn version(show: Show) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    show.either(serde_json::json!({ "version": version }), |_| {
        show::line(format_args!("downlink {version}"))
    })
}

/// Runs a short conversation with a server.
fn ask<T>(conversation: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(conversation)
}

#[cfg(test)]
mod tests;
