//! Backup and restore (R2.8): a folder with everything that a server on another machine needs to go on.
//!
//! ```text
//!   manifest.json    what stands in it: version, moment, counts, and size and SHA-256 of each file
//!   downlink.db      the database, one file
//!   key              opens the secrets in it (mode 0600)
//!   tls/*.pem        the certificates that were made here, if any were
//! ```
//!
//! A backup is written beside its place and renamed when it is whole, so a folder of that name is complete. It is as secret as
//! the data folder itself. What is not in it: the configuration, own certificates, and the admin token, which a start makes anew.

mod make;
mod manifest;
mod restore;

pub use make::{of_folder, of_running};
pub use manifest::{Counts, FileEntry, Made, Manifest};
pub use restore::{Restored, restore};

use crate::assembly::{DATABASE_FILE, KEY_CHECKED, KEY_FILE, TLS_FOLDER};
use crate::secrets::{Vault, VaultError};
use crate::tls;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use store::{CopyError, Failed, OpenError};

/// The file that says what stands in a backup.
pub const MANIFEST_FILE: &str = "manifest.json";
/// Stands in a data folder while a restore puts its files in place; a server does not start beside it.
pub const UNFINISHED_FILE: &str = "restore-unfinished";

/// Bytes of a manifest at the most.
const MANIFEST_BYTES_MAX: u64 = 65_536;
/// Bytes of a key file or a certificate at the most.
const SMALL_BYTES_MAX: u64 = 65_536;
/// Bytes that are copied at once.
const CHUNK_BYTES: usize = 65_536;

/// Why there is no backup, or nothing was restored. Written for whoever sits at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The path of a backup that a server is to make must not depend on where somebody stands.
    #[error("the folder for the backup must be an absolute path, not {}", .0.display())]
    Relative(PathBuf),
    /// Something stands where the backup was to be made.
    #[error("{} exists already and is not an empty folder", .0.display())]
    Exists(PathBuf),
    /// There is no database to back up.
    #[error("there is no database in {}", .0.display())]
    NoDatabase(PathBuf),
    /// A database would be overwritten.
    #[error("{} holds a database already", .0.display())]
    Occupied(PathBuf),
    /// It is no backup.
    #[error("{} is not a backup: {why}", path.display())]
    NoBackup {
        /// The folder.
        path: PathBuf,
        /// What is missing or wrong.
        why: String,
    },
    /// A file of the backup is not what the manifest says.
    #[error("{name} in the backup is not what was written: its {what} differs from the manifest")]
    Altered {
        /// The file.
        name: String,
        /// Its size or its SHA-256.
        what: &'static str,
    },
    /// The key file does not open the secrets in the database.
    #[error("the key file {} does not belong to the database: the secrets in it cannot be opened", .0.display())]
    KeyWrong(PathBuf),
    /// The key file cannot be used.
    #[error(transparent)]
    Key(#[from] VaultError),
    /// The database was not opened, or is damaged.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The database cannot be read.
    #[error(transparent)]
    Read(#[from] Failed),
    /// The database was not copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl BackupError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// The small files of an installation, by their names in its folder; those of a restored one are searched for under no other.
fn small_files() -> impl Iterator<Item = String> {
    let tls = tls::GENERATED.map(|name| format!("{TLS_FOLDER}/{name}"));
    std::iter::once(KEY_FILE.to_owned()).chain(tls)
}

/// Whether a file of this name may be read by its owner alone.
fn is_secret(name: &str) -> bool {
    name == KEY_FILE || name == DATABASE_FILE || name.ends_with("-key.pem")
}

/// Refuses a key file that does not belong to a database with this check of it.
fn check_key(key: &Path, check: Option<Vec<u8>>) -> Result<(), BackupError> {
    // A vault would make a key that is missing.
    std::fs::metadata(key).map_err(BackupError::io(key))?;
    let vault = Vault::open(key)?;
    match check.map(|sealed| vault.unseal(&sealed)) {
        Some(Ok(opened)) if opened == KEY_CHECKED => Ok(()),
        Some(Ok(_) | Err(_)) => Err(BackupError::KeyWrong(key.to_owned())),
        // No server has run on it, so nothing is sealed in it.
        None => Ok(()),
    }
}

/// Copies a file durably, readable by its owner alone if it is a secret; its size and SHA-256.
fn copy_file(from: &Path, to: &Path, name: &str) -> Result<FileEntry, BackupError> {
    let mode = if is_secret(name) { 0o600 } else { 0o644 };
    let mut source = File::open(from).map_err(BackupError::io(from))?;
    let mut copy = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(to)
        .map_err(BackupError::io(to))?;
    let entry = pass(&mut source, Some(&mut copy), name).map_err(BackupError::io(to))?;
    copy.sync_all().map_err(BackupError::io(to))?;
    Ok(entry)
}

/// The size and SHA-256 of a file.
fn entry_of(path: &Path, name: &str) -> Result<FileEntry, BackupError> {
    let mut file = File::open(path).map_err(BackupError::io(path))?;
    pass(&mut file, None, name).map_err(BackupError::io(path))
}

fn pass(from: &mut File, mut to: Option<&mut File>, name: &str) -> io::Result<FileEntry> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let (mut digest, mut bytes) = (Sha256::new(), 0u64);
    loop {
        let read = from.read(&mut chunk)?;
        if read == 0 {
            let sha256 = hex(&digest.finalize());
            return Ok(FileEntry {
                name: name.to_owned(),
                bytes,
                sha256,
            });
        }
        digest.update(&chunk[..read]);
        bytes += u64::try_from(read).unwrap_or_default();
        if let Some(to) = to.as_deref_mut() {
            to.write_all(&chunk[..read])?;
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// Makes the entries of a folder durable.
fn sync_folder(path: &Path) -> Result<(), BackupError> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(BackupError::io(path))
}
