//! The data folder and what is in it: who may read it, who has it, whether its parts belong together.

use super::{Notes, Server};
use crate::admin::Token;
use crate::assembly::{DATABASE_FILE, KEY_CHECK, KEY_CHECKED, KEY_FILE, PORTS_FILE};
use crate::backup::UNFINISHED_FILE;
use crate::clock;
use crate::config::{Behind, Config};
use crate::secrets::{NotSealed, Vault, VaultError};
use rustix::process::geteuid;
use std::fs::{File, Metadata, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use store::{Examined, OpenError};

const FOLDER: &str = "data folder";
const DATABASE: &str = "database";
const KEY: &str = "key file";
const CLOCK: &str = "clock";
const MIB: u64 = 1_048_576;
/// A start that is further behind the database is refused (R1.16).
const BEHIND_MAX_MS: u64 = 60_000;
/// No clock that is right shows less: 2024.
const EARLIEST_MS: u64 = 1_704_067_200_000;
/// File systems by their magic numbers: those whose syncs or locks cannot be relied on.
const UNRELIABLE: [(i64, &str); 4] = [
    (
        0x0102_1994,
        "memory (tmpfs): everything is gone after a restart of the machine",
    ),
    (
        0x8584_58f6,
        "memory (ramfs): everything is gone after a restart of the machine",
    ),
    (
        0x6969,
        "a network (NFS): its locks and syncs cannot be relied on",
    ),
    (
        0xff53_4d42,
        "a network (SMB): its locks and syncs cannot be relied on",
    ),
];

pub(super) fn examine(config: &Config, notes: &mut Notes) -> Server {
    let folder = &config.data.folder;
    let shown = folder.display();
    let about = match std::fs::metadata(folder) {
        Ok(about) => about,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            absent(folder, notes);
            time(0, config, notes);
            return Server::Stopped;
        }
        Err(error) => {
            notes.problem(
                FOLDER,
                format!("{shown} cannot be looked at: {error}"),
                "choose another folder with --data, or run this as its owner",
            );
            return Server::Stopped;
        }
    };
    if !about.is_dir() {
        notes.problem(
            FOLDER,
            format!("{shown} is no folder"),
            "choose another one with --data",
        );
        return Server::Stopped;
    }
    let server = owner(folder, notes);
    rights(folder, &about, server, notes);
    space(folder, config, notes);
    unfinished(folder, notes);
    let examined = database(folder, notes);
    key(folder, examined.as_ref(), notes);
    token(folder, notes);
    let last = examined.map_or(0, |examined| examined.last_moment.as_millis());
    time(last, config, notes);
    server
}

/// A first start makes the folder, if it may.
fn absent(folder: &Path, notes: &mut Notes) {
    let shown = folder.display();
    let above = folder.ancestors().skip(1).find(|above| above.exists());
    let above = above.filter(|above| !above.as_os_str().is_empty());
    let above = above.unwrap_or(Path::new("."));
    let writable = rustix::fs::access(above, rustix::fs::Access::WRITE_OK).is_ok();
    if writable {
        notes.ok(
            FOLDER,
            format!("{shown} does not exist yet; the first start makes it"),
        );
    } else {
        notes.problem(
            FOLDER,
            format!("{shown} does not exist, and {} is not yours to write", above.display()),
            "make the folder and give it to the user that the server runs as, or choose another one with --data",
        );
    }
}

/// Who has the database's lock.
fn owner(folder: &Path, notes: &mut Notes) -> Server {
    let path = folder.join(format!("{DATABASE_FILE}.lock"));
    let Ok(lock) = File::open(&path) else {
        return Server::Stopped;
    };
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let pid = lock.metadata().ok().and_then(|about| holder(about.ino()));
            let whom = pid.map_or_else(String::new, |pid| format!(" (process {pid})"));
            notes.ok(FOLDER, format!("a server runs on it{whom}"));
            Server::Runs(pid)
        }
        Ok(()) => {
            if folder.join(PORTS_FILE).exists() {
                notes.ok(
                    FOLDER,
                    format!("no server runs on it; {PORTS_FILE} was left by one that was killed, and the next start removes it"),
                );
            } else {
                notes.ok(FOLDER, "no server runs on it");
            }
            Server::Stopped
        }
        Err(TryLockError::Error(error)) => {
            notes.problem(
                FOLDER,
                format!("{} cannot be locked: {error}", path.display()),
                "use a file system that knows locks",
            );
            Server::Stopped
        }
    }
}

/// The process that holds a lock on a file, if the machine tells.
fn holder(inode: u64) -> Option<u32> {
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let (kind, pid, file) = (cells.get(1)?, cells.get(4)?, cells.get(5)?);
        let is_it = *kind == "FLOCK" && file.rsplit(':').next()?.parse() == Ok(inode);
        is_it.then(|| pid.parse().ok()).flatten()
    })
}

fn rights(folder: &Path, about: &Metadata, server: Server, notes: &mut Notes) {
    let shown = folder.display();
    let (owner, me) = (about.uid(), geteuid().as_raw());
    if owner != me && me != 0 {
        notes.problem(
            FOLDER,
            format!("{shown} belongs to user {owner}, and you are user {me}"),
            format!("run the server, and this, as that user: sudo -u '#{owner}' downlink …"),
        );
    } else if owner != me {
        notes.warning(
            FOLDER,
            format!("{shown} belongs to user {owner}, and you are root"),
            format!("start the server as that user: what root makes in the folder, user {owner} cannot read"),
        );
    }
    if about.mode() & 0o077 != 0 {
        notes.warning(
            FOLDER,
            format!("others than its owner may look into {shown}"),
            format!("chmod 700 {shown}"),
        );
    }
    // Access is asked for, not tried: nothing is to be left in a folder of somebody else's.
    if server == Server::Stopped
        && rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_err()
    {
        notes.problem(
            FOLDER,
            format!("{shown} cannot be written"),
            format!(
                "chmod u+rwx {shown}, mount its disk writable, or choose another one with --data"
            ),
        );
    }
    let kind = rustix::fs::statfs(folder).map(|disk| disk.f_type);
    let found = kind.ok().and_then(|kind| {
        let of = |(magic, what): &(i64, &'static str)| (*magic == kind).then_some(*what);
        UNRELIABLE.iter().find_map(of)
    });
    if let Some(what) = found {
        notes.warning(
            FOLDER,
            format!("{shown} lies in {what}"),
            "choose a folder on a disk of this machine with --data",
        );
    }
}

fn space(folder: &Path, config: &Config, notes: &mut Notes) {
    let Ok(disk) = rustix::fs::statvfs(folder) else {
        return;
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize) / MIB;
    let least = config.store.free_mib_min;
    let what = format!("{free} MiB are free");
    if free < least {
        notes.problem(
            FOLDER,
            format!("{what}, and store.free_mib_min is {least}: no command and no device is accepted (100501)"),
            "make room on the disk",
        );
    } else if free < least.saturating_mul(4) {
        notes.warning(
            FOLDER,
            format!("{what}; below {least} nothing new is accepted"),
            "make room on the disk",
        );
    } else {
        notes.ok(FOLDER, what);
    }
    if disk.f_files > 0 && disk.f_favail == 0 {
        notes.problem(
            FOLDER,
            "its disk has no inode left: no file can be made",
            "remove files from the disk",
        );
    }
}

/// A restore that was cut off keeps a server from starting.
fn unfinished(folder: &Path, notes: &mut Notes) {
    if folder.join(UNFINISHED_FILE).exists() {
        notes.problem(
            FOLDER,
            format!("a restore into {} was not finished", folder.display()),
            "run `downlink restore` once more",
        );
    }
}

fn database(folder: &Path, notes: &mut Notes) -> Option<Examined> {
    let path = folder.join(DATABASE_FILE);
    if !path.exists() {
        notes.ok(DATABASE, "there is none yet; the first start makes it");
        return None;
    }
    let examined = match store::examine(&path, KEY_CHECK) {
        Ok(examined) => examined,
        Err(error) => {
            notes.problem(DATABASE, error.to_string(), remedy(&error));
            return None;
        }
    };
    let Examined { schema, known, .. } = examined;
    if schema < known {
        notes.ok(
            DATABASE,
            format!("it is undamaged, of version {schema}; the next start brings it to {known}, and older programs cannot read it then"),
        );
    } else {
        notes.ok(DATABASE, format!("it is undamaged, of version {schema}"));
    }
    Some(examined)
}

fn remedy(error: &OpenError) -> &'static str {
    match error {
        OpenError::InUse(_) => "end the other process first",
        OpenError::NewerSchema { .. } => {
            "start the newer version of the program, or restore a backup of the older one"
        }
        OpenError::NotOurs(_) => "choose another folder with --data",
        OpenError::Damaged { .. } => "restore a backup: `downlink restore`",
        OpenError::Unusable { .. } => "run this as the owner of the folder; look at the disk",
    }
}

/// Whether the key file is there, is nobody else's to read, and is the one that the database was sealed with (R2.7).
fn key(folder: &Path, examined: Option<&Examined>, notes: &mut Notes) {
    let path = folder.join(KEY_FILE);
    let sealed = examined.and_then(|examined| examined.setting.as_deref());
    if !path.exists() {
        if sealed.is_some() {
            notes.problem(
                KEY,
                format!(
                    "{} is missing, and the database holds secrets that only it opens",
                    path.display()
                ),
                "restore it from a backup; without it every device needs a new secret",
            );
        } else {
            notes.ok(KEY, "there is none yet; the first start makes it");
        }
        return;
    }
    let vault = match Vault::open(&path) {
        Ok(vault) => vault,
        Err(error) => {
            let advice = match &error {
                VaultError::Open { .. } => format!("chmod 600 {}", path.display()),
                VaultError::NoKey { .. } => "restore it from a backup".to_owned(),
                VaultError::Io { .. } => "run this as the owner of the folder".to_owned(),
            };
            notes.problem(KEY, error.to_string(), advice);
            return;
        }
    };
    match sealed.map(|sealed| vault.unseal(sealed)) {
        None => notes.ok(KEY, "it can be read by its owner only"),
        Some(Ok(opened)) if opened == KEY_CHECKED => {
            notes.ok(
                KEY,
                "it belongs to the database, and only its owner can read it",
            );
        }
        Some(Ok(_) | Err(NotSealed)) => notes.problem(
            KEY,
            format!(
                "{} is not the one that this database's secrets were sealed with",
                path.display()
            ),
            "restore the right one: backups hold database and key together",
        ),
    }
}

fn token(folder: &Path, notes: &mut Notes) {
    match Token::read(folder) {
        Ok(Some(_)) => notes.ok("admin token", "it can be read by its owner only"),
        Ok(None) => notes.ok("admin token", "there is none yet; the first start makes it"),
        // Its message says what to do.
        Err(error) => notes.problem(
            "admin token",
            error.to_string(),
            "run this as the owner of the folder, or set the file's mode to 0600",
        ),
    }
}

/// What the machine's clock shows against what was committed last (R1.16).
fn time(last_ms: u64, config: &Config, notes: &mut Notes) {
    let now = clock::wall().as_millis();
    let behind = last_ms.saturating_sub(now);
    let right = "set the machine's clock right (timedatectl set-ntp true)";
    if config.clock.test {
        notes.ok(CLOCK, "it is a test clock: the machine's does not matter");
    } else if now < EARLIEST_MS {
        notes.problem(
            CLOCK,
            "the machine's clock shows a time before 2024: certificates will not hold",
            right,
        );
    } else if behind > BEHIND_MAX_MS && config.clock.behind == Behind::Refuse {
        let seconds = behind / 1_000;
        notes.problem(
            CLOCK,
            format!("the machine's clock is {seconds} s behind the last moment in the database: a start is refused"),
            format!("{right}; or start once with --clock-behind=continue"),
        );
    } else if behind > BEHIND_MAX_MS {
        notes.warning(
            CLOCK,
            format!(
                "the machine's clock is {} s behind the database",
                behind / 1_000
            ),
            right,
        );
    } else {
        notes.ok(CLOCK, "the machine's clock is not behind the database");
    }
}

/// The folder in which generated certificates are kept.
pub(super) fn tls_folder(config: &Config) -> PathBuf {
    config.data.folder.join(crate::assembly::TLS_FOLDER)
}
