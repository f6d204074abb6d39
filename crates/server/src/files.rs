//! Small files beside the data: written whole or not at all, and readable by nobody else where they hold a secret.

use crate::random;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Bytes of a secret's file.
const SECRET_BYTES_MAX: u64 = 4_096;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readable {
    /// Its owner alone.
    ByOwner,
    /// Everybody who can reach it.
    ByAll,
}

/// Writes a file so that nobody ever sees a part of it, not even after a crash.
///
/// # Errors
/// The folder cannot be written; what stood there before still does.
pub fn write(path: &Path, bytes: &[u8], readable: Readable) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let name = path
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let fresh = folder.join(format!(".{name}.{}", random::hex::<8>()));
    let mode = match readable {
        Readable::ByOwner => 0o600,
        Readable::ByAll => 0o644,
    };
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&fresh)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&fresh, path)?;
            File::open(folder)?.sync_all()
        });
    if written.is_err() {
        // The error that is returned is the one that matters.
        std::fs::remove_file(&fresh).ok();
    }
    written
}

/// Reads a file of at most `bytes_max` bytes; `None` if there is none.
///
/// # Errors
/// It cannot be read, or is larger.
pub fn read(path: &Path, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    read_all(file, bytes_max).map(Some)
}

/// Reads a text of at most `bytes_max` bytes that a user names on the command line; `-` is standard input.
///
/// # Errors
/// It cannot be read, is larger, or is no UTF-8.
pub fn text(path: &Path, bytes_max: u64) -> io::Result<String> {
    let bytes = if path == Path::new("-") {
        read_all(io::stdin().lock(), bytes_max)?
    } else {
        read_all(File::open(path)?, bytes_max)?
    };
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "no UTF-8"))
}

/// Reads the secret that a file holds, as [`text`] does; the end of its line is not part of it.
///
/// # Errors
/// As [`text`]; or there is nothing in it.
pub fn secret(path: &Path) -> io::Result<String> {
    let text = text(path, SECRET_BYTES_MAX)?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "there is nothing in it",
        ));
    }
    Ok(secret.to_owned())
}

fn read_all(from: impl Read, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bytes_max {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("more than {bytes_max} bytes"),
        ));
    }
    Ok(bytes)
}

/// Whether others than the owner may read a file.
///
/// # Errors
/// It cannot be asked about.
pub fn is_open(path: &Path) -> io::Result<bool> {
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

/// Makes a folder and those above it if they do not exist; a new one is its owner's alone.
///
/// # Errors
/// It cannot be made.
pub fn make_folder(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ports.json");
        assert!(read(&path, 9).expect("no file is no error").is_none());
        write(&path, b"first", Readable::ByAll).expect("written");
        write(&path, b"second", Readable::ByOwner).expect("written");
        assert_eq!(
            read(&path, 6).expect("read").as_deref(),
            Some(&b"second"[..])
        );
        assert!(!is_open(&path).expect("asked"));
        assert!(read(&path, 5).is_err(), "one byte too many");
        assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 1);
        assert!(write(&folder.path().join("no/where"), b"x", Readable::ByAll).is_err());
    }
}
