//! `downlink config`: the settings, explained, checked, or as they would be.

use crate::{Place, log, show};
use anyhow::Result;
use clap::Args;
use server::config::{Layers, template};
use std::path::PathBuf;

/// Without a flag it prints the template.
#[derive(Args)]
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
            return show::line(format_args!("{} is valid", file.display()));
        }
        let text = if self.effective {
            toml::to_string(&place.settings()?)?
        } else {
            template()
        };
        show::line(format_args!("{}", text.trim_end()))
    }
}
