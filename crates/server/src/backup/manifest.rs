//! What stands in a backup.

use super::{BackupError, MANIFEST_BYTES_MAX, MANIFEST_FILE, small_files};
use crate::admin::wire::MomentView;
use crate::assembly::DATABASE_FILE;
use crate::files;
use delivery::Moment;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use store::Contents;

/// What stands in a backup, as its manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the program that made it.
    pub downlink: String,
    /// The version of the database's schema.
    pub schema: u32,
    /// When it was made, by the clock of the platform.
    pub made: MomentView,
    /// The latest moment in the database.
    pub until: MomentView,
    /// What the database holds.
    pub counts: Counts,
    /// Every file beside the manifest.
    pub files: Vec<FileEntry>,
}

/// What a database holds, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Commands that were accepted since the beginning: those that are open and those that are final.
    pub accepted: u64,
    /// Commands that are open.
    pub open: u64,
    /// Commands that are final, forgotten ones included.
    #[serde(rename = "final")]
    pub ended: u64,
    /// Commands that are kept.
    pub commands: u64,
    /// Devices that are not deleted.
    pub devices: u64,
    /// Applications.
    pub applications: u64,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its name in the folder, with `/`.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its content, in lower-case hex.
    pub sha256: String,
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Its folder.
    pub folder: PathBuf,
    /// What stands in it.
    #[serde(flatten)]
    pub manifest: Manifest,
}

impl Manifest {
    pub(super) fn new(contents: &Contents, files: Vec<FileEntry>, now: Moment) -> Self {
        let sum = |counts: &[(delivery::Status, u64)]| counts.iter().map(|(_, count)| count).sum();
        Self {
            downlink: env!("CARGO_PKG_VERSION").to_owned(),
            schema: contents.schema,
            made: now.into(),
            until: contents.last_moment.into(),
            counts: Counts {
                accepted: contents.tally.accepted,
                open: sum(&contents.tally.open),
                ended: sum(&contents.tally.ended),
                commands: contents.commands,
                devices: contents.devices,
                applications: contents.applications,
            },
            files,
        }
    }

    /// Reads the manifest of a backup, and sees that it names files of ours only, each once, the database among them.
    pub(super) fn read(folder: &Path) -> Result<Self, BackupError> {
        let no_backup = |why: String| BackupError::NoBackup {
            path: folder.to_owned(),
            why,
        };
        let path = folder.join(MANIFEST_FILE);
        let text = files::read(&path, MANIFEST_BYTES_MAX).map_err(BackupError::io(&path))?;
        let text = text.ok_or_else(|| no_backup(format!("there is no {MANIFEST_FILE} in it")))?;
        let manifest: Self = serde_json::from_slice(&text)
            .map_err(|error| no_backup(format!("{MANIFEST_FILE} is not understood: {error}")))?;
        let ours: HashSet<String> = small_files().chain([DATABASE_FILE.to_owned()]).collect();
        let mut named = HashSet::new();
        for file in &manifest.files {
            if !ours.contains(&file.name) || !named.insert(&file.name) {
                let name = &file.name;
                return Err(no_backup(format!(
                    "{MANIFEST_FILE} names {name:?}, which has no place in one"
                )));
            }
        }
        for needed in [DATABASE_FILE, crate::assembly::KEY_FILE] {
            if !named.iter().any(|name| *name == needed) {
                return Err(no_backup(format!("{MANIFEST_FILE} does not name {needed}")));
            }
        }
        Ok(manifest)
    }
}
