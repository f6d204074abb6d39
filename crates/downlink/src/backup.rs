//! `downlink backup`: everything that a server elsewhere needs to go on, in one folder.

use crate::fail::{Exit, Fault};
use crate::show::{Show, line, pairs};
use crate::{Place, ask};
use anyhow::Result;
use clap::Args;
use server::admin::client::{Client, ClientError, Method};
use server::admin::wire::NewBackup;
use server::backup::{BackupError, Made, Manifest, of_folder};
use std::path::{Path, PathBuf};
use store::{CopyError, OpenError};

/// Make a backup of the database, the key file and the generated certificates; a server that runs goes on meanwhile.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downlink backup /backups/downlink-monday
  downlink backup --data /var/lib/downlink /backups/downlink-tuesday
  downlink backup --json /backups/downlink-monday

With a server on the data folder the server makes it, as its user; without one this command does.
A backup opens every device's secret: keep it as safe as the data folder itself.")]
pub(crate) struct Backup {
    /// The folder to make it in, on this machine; it must not exist, or be empty.
    #[arg(value_name = "FOLDER")]
    to: PathBuf,
}

impl Backup {
    pub(crate) fn run(&self, place: &Place) -> Result<()> {
        let data = place.settings()?.data.folder;
        let to = std::path::absolute(&self.to)?;
        let made = match ask(online(&data, &to)) {
            Err(error) if nobody_serves(&error) => {
                of_folder(&data, &to, server::clock::wall()).map_err(|error| fault(&error))?
            }
            other => other?,
        };
        shown(place.show(), made)
    }
}

/// Has the server that runs on a data folder make it.
async fn online(data: &Path, to: &Path) -> Result<Made> {
    let client = Client::of_folder(data)?;
    let asked = NewBackup { folder: to.into() };
    let made = client
        .send(Method::POST, "/downlink/v1/backup", &asked)
        .await;
    Ok(made?)
}

/// Whether there is no server on the data folder; one whose door is shut has the database open still, which is found out.
fn nobody_serves(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(ClientError::NotRunning { .. } | ClientError::Unreachable { .. })
    )
}

fn shown(show: Show, made: Made) -> Result<()> {
    show.either(made, |made| {
        line(format_args!("a backup is in {}", made.folder.display()))?;
        contents(&made.manifest)
    })
}

/// Prints what stands in a backup.
pub(crate) fn contents(manifest: &Manifest) -> Result<()> {
    let counts = &manifest.counts;
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    pairs(&[
        ("until", Some(manifest.until.utc.clone())),
        (
            "commands",
            Some(format!(
                "{} accepted, {} open, {} final; {} kept",
                counts.accepted, counts.open, counts.ended, counts.commands
            )),
        ),
        ("devices", Some(counts.devices.to_string())),
        ("applications", Some(counts.applications.to_string())),
        (
            "size",
            Some(format!(
                "{} KiB in {} files",
                bytes.div_ceil(1024),
                manifest.files.len()
            )),
        ),
    ])
}

/// A refusal, with its exit status and what to do about it.
pub(crate) fn fault(error: &BackupError) -> Fault {
    let (exit, kind, advice) = match error {
        BackupError::Exists(_) | BackupError::Copy(CopyError::Exists(_)) => (
            Exit::Failed,
            "exists",
            "choose a folder that does not exist yet",
        ),
        BackupError::Occupied(_) => (
            Exit::Failed,
            "occupied",
            "choose another one with --data, or say --force: what is there is moved aside, not removed",
        ),
        BackupError::NoDatabase(_) => (
            Exit::NotFound,
            "no_database",
            "name the data folder with --data",
        ),
        BackupError::NoBackup { .. } => (
            Exit::NotFound,
            "no_backup",
            "name the folder that `downlink backup` made",
        ),
        BackupError::Database(OpenError::InUse(_)) => (
            Exit::Failed,
            "in_use",
            "stop the server that runs on the data folder first",
        ),
        BackupError::Database(OpenError::NewerSchema { .. }) => (
            Exit::Failed,
            "newer",
            "use the newer version of this program",
        ),
        BackupError::Altered { .. }
        | BackupError::Database(OpenError::Damaged { .. } | OpenError::NotOurs(_))
        | BackupError::Copy(CopyError::Damaged(_)) => {
            (Exit::Failed, "damaged", "use another backup")
        }
        BackupError::KeyWrong(_) | BackupError::Key(_) => (
            Exit::Failed,
            "key",
            "put the key file in place that the server used when it sealed them",
        ),
        BackupError::Copy(CopyError::Full { .. }) => {
            (Exit::Failed, "full", "make room, or choose another disk")
        }
        BackupError::Io { .. } | BackupError::Database(OpenError::Unusable { .. }) => (
            Exit::Failed,
            "failed",
            "run this as the user that the server runs as",
        ),
        BackupError::Relative(_)
        | BackupError::Read(_)
        | BackupError::Copy(CopyError::Busy | CopyError::Failed(_) | CopyError::Stopped) => {
            (Exit::Failed, "failed", "")
        }
    };
    Fault {
        exit,
        kind,
        message: error.to_string(),
        advice: advice.to_owned(),
    }
}
