//! `downlink restore`: a backup put in place, while no server runs.

use crate::Place;
use crate::backup::{contents, fault};
use crate::show::line;
use anyhow::Result;
use clap::Args;
use server::backup::restore;
use std::path::PathBuf;

/// Put a backup in place in the data folder, while no server runs on it.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downlink restore /backups/downlink-monday
  downlink restore --data /var/lib/downlink /backups/downlink-monday --force
  downlink restore --json /backups/downlink-monday

The backup is copied and checked first: every file's SHA-256, the database, and that the key opens the secrets in it.
Only then is it put in place. What was accepted after the backup was made is not in it.")]
pub(crate) struct Restore {
    /// The folder that `downlink backup` made.
    #[arg(value_name = "FOLDER")]
    from: PathBuf,
    /// Also where a database is; what is there is moved aside, into a folder of its own beside the new one.
    #[arg(long)]
    force: bool,
}

impl Restore {
    pub(crate) fn run(&self, place: &Place) -> Result<()> {
        let data = place.settings()?.data.folder;
        let restored = restore(&self.from, &data, self.force).map_err(|error| fault(&error))?;
        place.show().either(restored, |restored| {
            line(format_args!(
                "the backup is in place in {}",
                restored.folder.display()
            ))?;
            contents(&restored.manifest)?;
            if let Some(replaced) = &restored.replaced {
                line(format_args!(
                    "what was there before is in {}: remove it when you are sure",
                    replaced.display()
                ))?;
            }
            Ok(())
        })
    }
}
