//! The files of a store: the lock beside it, its folder, and the check for damage.

use super::{OpenError, Shared, schema};
use crate::contract::Failed;
use rusqlite::{Connection, InterruptHandle};
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// Takes the lock beside the database.
pub(super) fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let beside = PathBuf::from(name);
    let options = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&beside);
    let file = options.map_err(|error| unusable(&beside, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(unusable(&beside, &error)),
    }
}

pub(super) fn check_now(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    let damaged = |why| OpenError::Damaged {
        path: path.to_owned(),
        why,
    };
    match schema::damage(conn) {
        Ok(None) => Ok(()),
        Ok(Some(why)) => Err(damaged(why)),
        Err(error) if schema::is_damage(&error) => Err(damaged(error.to_string())),
        Err(error) => Err(OpenError::Unusable {
            path: path.to_owned(),
            why: error.to_string(),
        }),
    }
}

/// Checks a large file on a thread of its own; damage stops the store.
pub(super) fn check_later(
    path: &Path,
    shared: Arc<Shared>,
) -> Result<(InterruptHandle, JoinHandle<()>), OpenError> {
    let why = |why: String| OpenError::Unusable {
        path: path.to_owned(),
        why,
    };
    let conn = schema::open_reader(path).map_err(|error| why(error.to_string()))?;
    let handle = conn.get_interrupt_handle();
    let check = move || {
        let found = match schema::damage(&conn) {
            Ok(found) => found,
            Err(error) if schema::is_damage(&error) => Some(error.to_string()),
            // Interrupted, because the store closes; or a read failed, which the next reader will say.
            Err(_) => None,
        };
        if let Some(found) = found {
            shared.stop(Failed::Read(format!("the database is damaged: {found}")));
        }
    };
    let thread = thread::Builder::new()
        .name("store-check".to_owned())
        .spawn(check);
    Ok((handle, thread.map_err(|error| unusable(path, &error))?))
}

/// Makes the entry of a new file in its folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), OpenError> {
    let folder = folder(path);
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| unusable(folder, &error))
}

pub(super) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    }
}

pub(super) fn unusable(path: &Path, error: &io::Error) -> OpenError {
    OpenError::Unusable {
        path: path.to_owned(),
        why: error.to_string(),
    }
}
