//! A few connections for reading, opened when they are needed.

use super::schema;
use crate::contract::Failed;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Connections at the most; each has a cache of 1 MB. Further readers wait.
const CONNECTIONS_MAX: usize = 4;

/// The connections.
pub(super) struct Pool {
    path: PathBuf,
    idle: Mutex<Idle>,
    returned: Condvar,
}

#[derive(Default)]
struct Idle {
    connections: Vec<Connection>,
    lent: usize,
}

impl Pool {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            idle: Mutex::default(),
            returned: Condvar::new(),
        }
    }

    /// Reads with one statement.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        let loan = self.lend()?;
        read(loan.connection())
    }

    /// Reads with several statements that see the same snapshot.
    pub(super) fn snapshot<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Failed>,
    ) -> Result<T, Failed> {
        let loan = self.lend()?;
        let conn = loan.connection();
        let snapshot = conn
            .unchecked_transaction()
            .map_err(super::rows::cannot_read)?;
        let result = read(conn)?;
        snapshot.finish().map_err(super::rows::cannot_read)?;
        Ok(result)
    }

    /// Reads stretch by stretch, each in a snapshot of its own, until `limit` are found or the end is reached. `read` is given
    /// after which and how many, and returns after which to go on, if anywhere.
    pub(super) fn stretches<T>(
        &self,
        after: u64,
        limit: usize,
        read: impl Fn(&Connection, u64, usize) -> Result<(Vec<T>, Option<u64>), Failed>,
    ) -> Result<Vec<T>, Failed> {
        let (mut found, mut after) = (Vec::new(), Some(after));
        while let Some(from) = after.take_if(|_| found.len() < limit) {
            let (more, next) = self.snapshot(|conn| read(conn, from, limit - found.len()))?;
            found.extend(more);
            after = next;
        }
        Ok(found)
    }

    /// Closes the connections that nobody uses.
    pub(super) fn close(&self) {
        self.hold().connections.clear();
    }

    fn lend(&self) -> Result<Loan<'_>, Failed> {
        let mut idle = self.hold();
        while idle.connections.is_empty() && idle.lent >= CONNECTIONS_MAX {
            idle = self
                .returned
                .wait(idle)
                .unwrap_or_else(PoisonError::into_inner);
        }
        idle.lent += 1;
        let mut loan = Loan {
            pool: self,
            connection: idle.connections.pop(),
        };
        drop(idle);
        if loan.connection.is_none() {
            loan.connection =
                Some(schema::open_reader(&self.path).map_err(super::rows::cannot_read)?);
        }
        Ok(loan)
    }

    fn hold(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that goes back when it is no longer used.
struct Loan<'a> {
    pool: &'a Pool,
    connection: Option<Connection>,
}

impl Loan<'_> {
    fn connection(&self) -> &Connection {
        self.connection
            .as_ref()
            .expect("a loan holds its connection until it is dropped")
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let mut idle = self.pool.hold();
        idle.lent = idle.lent.saturating_sub(1);
        idle.connections.extend(self.connection.take());
        drop(idle);
        self.pool.returned.notify_one();
    }
}
