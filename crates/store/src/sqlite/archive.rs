//! A database that lies still: a copy, to be checked and looked at.

use super::files::{check_now, lock};
use super::{OpenError, reads, rows, schema};
use crate::contract::Failed;
use crate::records::Tally;
use delivery::Moment;
use rusqlite::Connection;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A database that nobody writes. It can be read a little, and checked.
#[derive(Debug)]
pub struct Archive {
    conn: Connection,
    path: PathBuf,
}

/// What stands in a database, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The version of its schema.
    pub schema: u32,
    /// The latest moment of a commit.
    pub last_moment: Moment,
    /// Commands that were accepted since the beginning, and where they are; of those that ended, some may be forgotten.
    pub tally: Tally,
    /// Commands that are kept.
    pub commands: u64,
    /// Devices that are not deleted.
    pub devices: u64,
    /// Applications.
    pub applications: u64,
}

/// The lock of a database file: whoever holds it owns the file (R2.3).
#[derive(Debug)]
pub struct Owned {
    _lock: File,
}

impl Owned {
    /// Takes the lock beside a database file, whether the file is there or not.
    ///
    /// # Errors
    /// [`OpenError::InUse`] if a store has it open, or [`OpenError::Unusable`].
    pub fn take(path: &Path) -> Result<Self, OpenError> {
        Ok(Self { _lock: lock(path)? })
    }
}

impl Archive {
    /// Opens a database that lies still, of this version or an older one.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was changed.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Ok(Self {
            conn: schema::open_as_it_is(path)?,
            path: path.to_owned(),
        })
    }

    /// Opens a fresh copy, makes one file of it, and checks it.
    pub(super) fn seal(path: &Path) -> Result<Self, OpenError> {
        let archive = Self::open(path)?;
        // Its head says that there is a log; a copy has none.
        let sealed = archive
            .conn
            .pragma_update_and_check(None, "journal_mode", "delete", |row| {
                row.get::<_, String>(0)
            });
        sealed.map_err(|error| schema::refused(path, &error))?;
        archive.check()?;
        Ok(archive)
    }

    /// Has SQLite check it: its pages and rows, and that the indexes agree with them.
    ///
    /// # Errors
    /// [`OpenError::Damaged`], or [`OpenError::Unusable`] if it cannot be read.
    pub fn check(&self) -> Result<(), OpenError> {
        check_now(&self.conn, &self.path)?;
        let found: String = self
            .conn
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
            .map_err(|error| schema::refused(&self.path, &error))?;
        if found == "ok" {
            return Ok(());
        }
        Err(OpenError::Damaged {
            path: self.path.clone(),
            why: found,
        })
    }

    /// Counts what stands in it.
    ///
    /// # Errors
    /// [`Failed`] if it cannot be read.
    pub fn contents(&self) -> Result<Contents, Failed> {
        let conn = &self.conn;
        let schema = conn.pragma_query_value(None, "user_version", |row| row.get(0));
        let (last_moment, _, counts) = reads::ledger(conn)?;
        let count = |sql| {
            let counted = reads::first(conn, sql, [], |row| rows::number(row, 0))?;
            Ok::<u64, Failed>(counted.unwrap_or_default())
        };
        Ok(Contents {
            schema: schema.map_err(rows::cannot_read)?,
            last_moment,
            tally: counts.tally(),
            commands: count("SELECT count(*) FROM command")?,
            devices: count("SELECT count(*) FROM device WHERE deleted IS NULL")?,
            applications: count("SELECT count(*) FROM application")?,
        })
    }

    /// A named setting of the platform's own.
    ///
    /// # Errors
    /// [`Failed`] if it cannot be read.
    pub fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, Failed> {
        reads::setting(&self.conn, name)
    }
}
