//! The program: it serves, and talks to a server that runs.

mod app;
mod bench;
mod command;
mod configure;
mod crash;
mod demo;
mod device;
mod log;
mod profiles;
mod serve;
mod show;
mod simulate;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use server::admin::client::Client;
use server::config::{Config, Layers};
use std::path::PathBuf;
use std::process::ExitCode;

/// Gets a command from an application to a device that may be asleep, and tells the application truthfully what became of it.
#[derive(Parser)]
#[command(
    name = "downlink",
    version,
    max_term_width = 110,
    arg_required_else_help = true
)]
struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    what: What,
}

/// Which installation is meant.
#[derive(Args)]
struct Place {
    /// The configuration file; `downlink config` prints one to begin with.
    #[arg(long, global = true, value_name = "FILE", env = "DOWNLINK_CONFIG")]
    config: Option<PathBuf>,
    /// The data folder: database, keys, certificates, admin token [default: downlink-data].
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

#[derive(Subcommand)]
enum What {
    /// Run the server until SIGTERM or Ctrl-C.
    Serve(Box<serve::Serve>),
    /// Print the commented configuration with every default, or check a file.
    Config(configure::Configure),
    /// Create and change applications: who may log in to the interface for applications.
    #[command(subcommand)]
    App(app::App),
    /// Add and list product models ("profiles"): what kinds of devices there are and what they can do.
    #[command(subcommand)]
    Profile(profiles::Profiles),
    /// Look at commands: where they stand, how they came there, and why.
    #[command(subcommand)]
    Command(command::Commands),
    /// Look at a device.
    #[command(subcommand)]
    Device(device::Devices),
    /// Kill the real server under load, again and again, and check that it kept its promises.
    Crash(crash::Crash),
    /// Show the whole story: a server, a device and an application on this machine, checked at every step.
    Demo(demo::Demo),
    /// Let simulated devices live against a server that runs, from a seed.
    Sim(Box<sim::fleet::Options>),
    /// Measure the real server beside the disk's own fsync rate.
    Bench(bench::Bench),
    /// Print the version.
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
}

fn main() -> ExitCode {
    let Cli { place, what } = Cli::parse();
    match run(&place, what) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(place: &Place, what: What) -> Result<()> {
    match what {
        What::Serve(serve) => serve.run(place),
        What::Config(configure) => configure.run(place),
        What::App(app) => ask(app.run(&place.client()?)),
        What::Profile(profiles) => ask(profiles.run(&place.client()?)),
        What::Command(commands) => ask(commands.run(&place.client()?)),
        What::Device(devices) => ask(devices.run(&place.client()?)),
        What::Crash(crash) => crash.run(),
        What::Demo(demo) => demo.run(),
        What::Sim(options) => ask(simulate::run(&options)),
        What::Bench(bench) => bench.run(),
        What::Version => show::line(format_args!("downlink {}", env!("CARGO_PKG_VERSION"))),
    }
}

/// Runs a short conversation with a server.
fn ask(conversation: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(conversation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_flag_has_a_help_text_and_none_is_defined_twice() {
        Cli::command().debug_assert();
        let mut waiting = vec![Cli::command()];
        while let Some(command) = waiting.pop() {
            assert!(
                command.get_about().is_some(),
                "{} has no help",
                command.get_name()
            );
            for arg in command.get_arguments() {
                assert!(
                    arg.get_help().is_some(),
                    "{} {} has no help",
                    command.get_name(),
                    arg.get_id()
                );
            }
            waiting.extend(command.get_subcommands().cloned());
        }
    }
}
