//! Restoring a backup into a data folder on which no server runs.
//!
//! Everything is copied into the folder's own `.restore-…` and checked there; only then is it put in place, by renaming. From
//! the first renaming to the last a file stands in the folder beside which no server starts, so a restore that is cut off is
//! found out, and is finished by restoring once more. What was there before is moved aside, never removed.

use super::{
    BackupError, Manifest, UNFINISHED_FILE, check_key, copy_file, small_files, sync_folder,
};
use crate::assembly::{DATABASE_FILE, KEY_CHECK, KEY_FILE, TLS_FOLDER};
use crate::files::{self, Readable};
use crate::random;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use store::{Archive, Owned};

/// Bytes of the name of a folder.
const NAME_BYTES_MAX: u64 = 255;

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The data folder.
    pub folder: PathBuf,
    /// Where what was there before is now, if anything was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced: Option<PathBuf>,
    /// What the backup's manifest says.
    #[serde(flatten)]
    pub manifest: Manifest,
}

/// Puts the backup `from` in place in the data folder `data`; with `force` also where a database is, which is moved aside.
///
/// # Errors
/// [`BackupError`]; the data folder is as it was, unless renaming itself failed: then no server starts on it until a restore
/// has succeeded.
pub fn restore(from: &Path, data: &Path, force: bool) -> Result<Restored, BackupError> {
    let manifest = Manifest::read(from)?;
    files::make_folder(data).map_err(BackupError::io(data))?;
    let database = data.join(DATABASE_FILE);
    let _owned = Owned::take(&database)?;
    let marker = data.join(UNFINISHED_FILE);
    let unfinished = files::read(&marker, NAME_BYTES_MAX).map_err(BackupError::io(&marker))?;
    if unfinished.is_none() && !force && database.exists() {
        return Err(BackupError::Occupied(data.to_owned()));
    }
    let staged = data.join(format!(".restore-{}", random::hex::<8>()));
    let placed = stage(from, &staged, &manifest)
        .and_then(|()| put_in_place(&staged, data, unfinished.as_deref()));
    // It is empty by now, or what is in it was copied for nothing.
    fs::remove_dir_all(&staged).ok();
    Ok(Restored {
        folder: data.to_owned(),
        replaced: placed?,
        manifest,
    })
}

/// Copies a backup beside its place, and checks it whole: sizes, digests, the database, and that the key belongs to it.
fn stage(from: &Path, staged: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    files::make_folder(staged).map_err(BackupError::io(staged))?;
    for expected in &manifest.files {
        let name = &expected.name;
        if name.starts_with(TLS_FOLDER) {
            let folder = staged.join(TLS_FOLDER);
            files::make_folder(&folder).map_err(BackupError::io(&folder))?;
        }
        let found = copy_file(&from.join(name), &staged.join(name), name)?;
        let differs = if found.bytes == expected.bytes {
            (found.sha256 != expected.sha256).then_some("SHA-256")
        } else {
            Some("size")
        };
        if let Some(what) = differs {
            let name = name.clone();
            return Err(BackupError::Altered { name, what });
        }
    }
    let archive = Archive::open(&staged.join(DATABASE_FILE))?;
    archive.check()?;
    check_key(&staged.join(KEY_FILE), archive.setting(KEY_CHECK)?)?;
    drop(archive);
    for folder in [staged.join(TLS_FOLDER), staged.to_owned()] {
        if folder.exists() {
            sync_folder(&folder)?;
        }
    }
    Ok(())
}

/// Moves what is there aside and what was staged in; where what was there is now.
fn put_in_place(
    staged: &Path,
    data: &Path,
    unfinished: Option<&[u8]>,
) -> Result<Option<PathBuf>, BackupError> {
    // A restore that was cut off has begun to move things aside; the rest follows there.
    let begun = unfinished.map(|name| String::from_utf8_lossy(name).into_owned());
    let aside = begun
        .filter(|name| name.starts_with("replaced-") && !name.contains('/'))
        .unwrap_or_else(|| format!("replaced-{}", random::hex::<4>()));
    let marker = data.join(UNFINISHED_FILE);
    files::write(&marker, aside.as_bytes(), Readable::ByAll).map_err(BackupError::io(&marker))?;
    let aside = data.join(aside);
    // The log goes with its database: beside another one it would be taken for that one's.
    let logs = ["-wal", "-shm", "-journal"].map(|end| format!("{DATABASE_FILE}{end}"));
    let former = logs.into_iter().chain([DATABASE_FILE.to_owned()]);
    for name in former.chain(replaceable(staged)) {
        let path = data.join(&name);
        if path.exists() {
            move_aside(&path, &aside, &name)?;
        }
    }
    if aside.exists() {
        sync_folder(&aside)?;
    }
    for name in replaceable(staged).chain([DATABASE_FILE.to_owned()]) {
        rename(&staged.join(&name), &data.join(&name))?;
    }
    sync_folder(data)?;
    fs::remove_file(&marker).map_err(BackupError::io(&marker))?;
    sync_folder(data)?;
    Ok(aside.exists().then_some(aside))
}

/// What beside the database is replaced by what was staged: files and folders directly in the data folder.
fn replaceable(staged: &Path) -> impl Iterator<Item = String> {
    let tops = small_files().filter_map(|name| name.split('/').next().map(str::to_owned));
    let mut tops: Vec<String> = tops.filter(|top| staged.join(top).exists()).collect();
    tops.dedup();
    tops.into_iter()
}

fn rename(from: &Path, to: &Path) -> Result<(), BackupError> {
    fs::rename(from, to).map_err(BackupError::io(from))
}

/// Moves a file or folder out of the way; what was moved there before stays.
fn move_aside(path: &Path, aside: &Path, name: &str) -> Result<(), BackupError> {
    files::make_folder(aside).map_err(BackupError::io(aside))?;
    let mut to = aside.join(name);
    if to.exists() {
        // A restore that was cut off moved the former one; this one is what it put in its place.
        to = aside.join(format!("{name}.{}", random::hex::<4>()));
    }
    rename(path, &to)
}
