//! `downlink config`: the settings, explained, checked, or as they would be.

use crate::{Place, log, show};
use anyhow::Result;
use clap::Args;
use server::config::{Config, Layers, template};
use std::path::PathBuf;

/// Without a flag it prints the template.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downlink config > downlink.toml
  downlink config --check downlink.toml
  downlink config --effective --config downlink.toml")]
pub(crate) struct Configure {
    /// Check this file and say what is wrong with it.
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// Print the settings that a start would go by: defaults, file, environment and flags together.
    #[arg(long, conflicts_with = "check")]
    effective: bool,
}

impl Configure {
    pub(crate) fn run(&self, place: &Place) -> Result<()> {
        if let Some(file) = &self.check {
            let mut layers = Layers::default();
            layers.file(file)?;
            log::filter(&layers.join()?.log)?;
            let valid = serde_json::json!({ "file": file, "valid": true });
            let people = |_| show::line(format_args!("{} is valid", file.display()));
            return place.show().either(valid, people);
        }
        let show = place.show();
        if self.effective {
            let settings = place.settings()?;
            let people = |settings: Config| {
                show::line(format_args!("{}", toml::to_string(&settings)?.trim_end()))
            };
            return show.either(settings, people);
        }
        show.either(Config::default(), |_| {
            show::line(format_args!("{}", template().trim_end()))
        })
    }
}
