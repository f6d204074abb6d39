//! Making a backup: of a server that runs, or of a folder on which none does.

use super::{
    BackupError, MANIFEST_FILE, Made, Manifest, SMALL_BYTES_MAX, check_key, entry_of, is_secret,
    small_files, sync_folder,
};
use crate::assembly::{DATABASE_FILE, KEY_CHECK, KEY_FILE, TLS_FOLDER};
use crate::files::{self, Readable};
use crate::random;
use delivery::Moment;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use store::{Archive, Sqlite};

/// How often the certificates are read until two readings agree: they may be renewed meanwhile.
const READINGS_MAX: usize = 5;

/// Backs up a server that runs: `database` is the open one of the data folder `data`. Blocks until the backup is whole and checked.
///
/// # Errors
/// [`BackupError`]; nothing is left where the backup was to be.
pub fn of_running(
    database: &Sqlite,
    data: &Path,
    to: &Path,
    now: Moment,
) -> Result<Made, BackupError> {
    if to.is_relative() {
        return Err(BackupError::Relative(to.to_owned()));
    }
    make(data, to, now, |copy| Ok(database.copy_to(copy)?))
}

/// Backs up a data folder on which no server runs; none can be started on it meanwhile.
///
/// # Errors
/// [`BackupError`]; nothing is left where the backup was to be.
pub fn of_folder(data: &Path, to: &Path, now: Moment) -> Result<Made, BackupError> {
    let database = data.join(DATABASE_FILE);
    if !database.exists() {
        return Err(BackupError::NoDatabase(data.to_owned()));
    }
    make(data, to, now, |copy| {
        Ok(Sqlite::copy_closed(&database, copy)??)
    })
}

fn make(
    data: &Path,
    to: &Path,
    now: Moment,
    copy: impl FnOnce(&Path) -> Result<Archive, BackupError>,
) -> Result<Made, BackupError> {
    let to = std::path::absolute(to).map_err(BackupError::io(to))?;
    if !is_free(&to).map_err(BackupError::io(&to))? {
        return Err(BackupError::Exists(to));
    }
    let (Some(parent), Some(name)) = (to.parent(), to.file_name()) else {
        return Err(BackupError::Exists(to));
    };
    files::make_folder(parent).map_err(BackupError::io(parent))?;
    let part = parent.join(format!(
        ".{}.{}",
        name.to_string_lossy(),
        random::hex::<8>()
    ));
    let made = fill(data, &part, now, copy).and_then(|manifest| {
        // A folder takes the place of an empty one, of nothing else.
        fs::rename(&part, &to).map_err(BackupError::io(&to))?;
        sync_folder(parent)?;
        Ok(manifest)
    });
    match made {
        Ok(manifest) => Ok(Made {
            folder: to,
            manifest,
        }),
        Err(error) => {
            // The error that is returned is the one that matters.
            fs::remove_dir_all(&part).ok();
            Err(error)
        }
    }
}

/// Writes everything into a new folder.
fn fill(
    data: &Path,
    part: &Path,
    now: Moment,
    copy: impl FnOnce(&Path) -> Result<Archive, BackupError>,
) -> Result<Manifest, BackupError> {
    files::make_folder(part).map_err(BackupError::io(part))?;
    let database = part.join(DATABASE_FILE);
    let archive = copy(&database)?;
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(&database, mode).map_err(BackupError::io(&database))?;
    let mut entries = small(data, part)?;
    check_key(&part.join(KEY_FILE), archive.setting(KEY_CHECK)?)?;
    let contents = archive.contents()?;
    drop(archive);
    entries.insert(0, entry_of(&database, DATABASE_FILE)?);
    let manifest = Manifest::new(&contents, entries, now);
    let text = serde_json::to_vec_pretty(&manifest).expect("strings and numbers are JSON");
    let path = part.join(MANIFEST_FILE);
    files::write(&path, &text, Readable::ByOwner).map_err(BackupError::io(&path))?;
    Ok(manifest)
}

/// Copies the key file, and the certificates as they belong together.
fn small(data: &Path, part: &Path) -> Result<Vec<super::FileEntry>, BackupError> {
    let read = || -> Result<Vec<(String, Vec<u8>)>, BackupError> {
        let mut found = Vec::new();
        for name in small_files() {
            let path = data.join(&name);
            let bytes = files::read(&path, SMALL_BYTES_MAX).map_err(BackupError::io(&path))?;
            found.extend(bytes.map(|bytes| (name, bytes)));
        }
        Ok(found)
    };
    let mut found = read()?;
    for _ in 0..READINGS_MAX {
        let again = read()?;
        if again == found {
            break;
        }
        found = again;
    }
    let mut entries = Vec::new();
    for (name, bytes) in found {
        let path = part.join(&name);
        if name.starts_with(TLS_FOLDER) {
            let folder = part.join(TLS_FOLDER);
            files::make_folder(&folder).map_err(BackupError::io(&folder))?;
        }
        let readable = if is_secret(&name) {
            Readable::ByOwner
        } else {
            Readable::ByAll
        };
        files::write(&path, &bytes, readable).map_err(BackupError::io(&path))?;
        entries.push(entry_of(&path, &name)?);
    }
    Ok(entries)
}

/// Whether a backup may be made at this path: there is nothing, or an empty folder.
fn is_free(path: &Path) -> io::Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(error),
    }
}
