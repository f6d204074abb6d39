//! A copy of the whole database while it is written (R2.8).
//!
//! The writer's own connection makes it, a few pages between two groups. SQLite carries what that connection writes meanwhile
//! into the copy, so the copy is the database as it is when the last page was copied: everything that was acknowledged before
//! the copy began is in it. No snapshot is held, so the log goes on being moved and begun anew, however long it takes.

use super::files::{folder, lock, unusable};
use super::queue::Next;
use super::writer::Writer;
use super::{Archive, OpenError, Sqlite, schema};
use crate::contract::Failed;
use crate::limits::{COPY_FREE_BYTES_MIN, COPY_PAGES_PER_STEP};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

/// Told what became of a copy.
type Told = mpsc::Sender<Result<(), CopyError>>;

/// What the writer is asked for: a copy at this path.
pub(super) struct Order {
    to: PathBuf,
    told: Told,
}

/// Why there is no copy. What was begun of it is removed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CopyError {
    /// Another copy is being made.
    #[error("another copy is being made")]
    Busy,
    /// There is something at the path.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// There is too little room for it; a full disk would stop the store.
    #[error("{} has {free} free bytes, and a copy needs {needed}", path.display())]
    Full {
        /// Where it was to be.
        path: PathBuf,
        /// Free bytes there.
        free: u64,
        /// How many must be.
        needed: u64,
    },
    /// It cannot be read or written.
    #[error("the copy failed: {0}")]
    Failed(String),
    /// The copy is not sound.
    #[error("the copy is not sound: {0}")]
    Damaged(String),
    /// The store has stopped, or is closing.
    #[error("the store has stopped")]
    Stopped,
}

impl Sqlite {
    /// Makes a copy of everything, durable and checked, at a path where nothing is; blocks until it is done.
    ///
    /// Commits go on meanwhile. What was acknowledged before the call is in the copy; of what is acknowledged during it, all up
    /// to some moment.
    ///
    /// # Errors
    /// [`CopyError`]; the store goes on.
    pub fn copy_to(&self, to: &Path) -> Result<Archive, CopyError> {
        check_room(&self.path, to)?;
        let (told, outcome) = mpsc::channel();
        let order = Order {
            to: to.to_owned(),
            told,
        };
        self.shared.queue.order(order)?;
        let copied = outcome.recv().unwrap_or(Err(CopyError::Stopped));
        finish(to, copied)
    }

    /// As [`copy_to`](Self::copy_to) of a database that no store has open; it is left as it is, and stays locked meanwhile.
    ///
    /// # Errors
    /// [`CopyError`], or [`OpenError::InUse`] and the like.
    pub fn copy_closed(from: &Path, to: &Path) -> Result<Result<Archive, CopyError>, OpenError> {
        let _lock = lock(from)?;
        let conn = schema::open_as_it_is(from)?;
        if let Err(error) = check_room(from, to) {
            return Ok(Err(error));
        }
        let whole = || {
            let mut copy = open(to)?;
            let backup = Backup::new(&conn, &mut copy).map_err(failed)?;
            while step(&backup)? == StepResult::More {}
            Ok(())
        };
        Ok(finish(to, whole()))
    }
}

impl Order {
    /// Copies between groups until all is copied; fails only if a group does.
    pub(super) fn carry_out(self, writer: &mut Writer<'_>) -> Result<(), Failed> {
        let outcome = copy(&self.to, writer)?;
        // Whoever asked may be gone; the store is not the worse for it.
        let _ = self.told.send(outcome);
        Ok(())
    }
}

fn copy(to: &Path, writer: &mut Writer<'_>) -> Result<Result<(), CopyError>, Failed> {
    let mut copy = match open(to) {
        Ok(copy) => copy,
        Err(error) => return Ok(Err(error)),
    };
    let backup = match Backup::new(writer.conn, &mut copy) {
        Ok(backup) => backup,
        Err(error) => return Ok(Err(failed(error))),
    };
    loop {
        match step(&backup) {
            Ok(StepResult::More) => {}
            Ok(_) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        }
        match writer.shared.queue.next(Some(Duration::ZERO)) {
            Next::Group(group) => writer.group(group)?,
            Next::Idle => {}
            Next::Order(order) => {
                let _ = order.told.send(Err(CopyError::Busy));
            }
            Next::Closed => return Ok(Err(CopyError::Stopped)),
        }
    }
}

/// A few pages more; `More` while there are any left.
fn step(backup: &Backup<'_, '_>) -> Result<StepResult, CopyError> {
    match backup.step(COPY_PAGES_PER_STEP).map_err(failed)? {
        StepResult::Done => Ok(StepResult::Done),
        // A reader of this process may hold a lock for a moment.
        StepResult::More | StepResult::Busy | StepResult::Locked => Ok(StepResult::More),
        other => Err(CopyError::Failed(format!("{other:?}"))),
    }
}

/// The connection that writes the copy: without a journal, for a copy that is cut off is removed.
fn open(to: &Path) -> Result<Connection, CopyError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(to, flags).map_err(failed)?;
    for (name, value) in [("journal_mode", "off"), ("synchronous", "off")] {
        conn.pragma_update(None, name, value).map_err(failed)?;
    }
    Ok(conn)
}

/// Makes a copy durable and checks it, or removes what there is of it.
fn finish(to: &Path, copied: Result<(), CopyError>) -> Result<Archive, CopyError> {
    let whole = copied.and_then(|()| {
        let sync = |path: &Path| File::open(path).and_then(|file| file.sync_all());
        let archive = Archive::seal(to).map_err(|error| match error {
            OpenError::Damaged { why, .. } => CopyError::Damaged(why),
            other => CopyError::Failed(other.to_string()),
        })?;
        sync(to)
            .and_then(|()| sync(folder(to)))
            .map_err(|error| CopyError::Failed(error.to_string()))?;
        Ok(archive)
    });
    if whole.is_err() {
        // What was there before is known: nothing.
        let _ = std::fs::remove_file(to);
    }
    whole
}

/// Whether a copy has room, and leaves room for the store.
fn check_room(from: &Path, to: &Path) -> Result<(), CopyError> {
    if to.exists() {
        return Err(CopyError::Exists(to.to_owned()));
    }
    let failed = |error: std::io::Error| CopyError::Failed(unusable(to, &error).to_string());
    let size = from.metadata().map_err(failed)?.len();
    let mut log = from.as_os_str().to_owned();
    log.push("-wal");
    // Without a log there is nothing to add.
    let log = PathBuf::from(log).metadata().map_or(0, |log| log.len());
    let disk = rustix::fs::statvfs(folder(to)).map_err(|error| failed(error.into()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let needed = size.saturating_add(log).saturating_add(COPY_FREE_BYTES_MIN);
    if free < needed {
        return Err(CopyError::Full {
            path: to.to_owned(),
            free,
            needed,
        });
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn failed(error: rusqlite::Error) -> CopyError {
    CopyError::Failed(error.to_string())
}
