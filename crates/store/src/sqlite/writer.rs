//! The writer: one thread, one connection, one transaction and one sync for everything that arrived meanwhile (R2.4).

use super::Shared;
use super::apply::{Applier, cannot_write};
use super::queue::{Batch, Next};
use super::stats::add;
use crate::contract::{Conflict, Failed};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// So long nothing must have come before the log is moved to the database file.
const IDLE_AFTER: Duration = Duration::from_millis(500);

/// With so many frames in the log it is moved even under load: about 80 MB.
const LOG_FRAMES_MAX: u64 = 20_000;

/// With so many frames, because readers kept the log from being begun anew, the writer waits for them.
const LOG_FRAMES_FORCED: u64 = 4 * LOG_FRAMES_MAX;

/// Bytes of a frame of the log: a page and its header.
const FRAME_BYTES: u64 = 4_096 + 24;

/// What `done` is told of each unit of a batch.
type Outcome = Vec<Result<(), Conflict>>;

/// Runs until the queue is closed and empty, or the store has stopped.
pub(super) fn run(conn: Connection, shared: &Shared) {
    let mut conn = conn;
    let mut guard = Guard {
        shared,
        ended: false,
    };
    let result = work(&mut conn, shared);
    if let Err(failed) = result {
        // No further write: what the log holds now is what a start will find.
        let left = conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        shared.stop(left.map_or_else(cannot_write, |_| failed));
    }
    guard.ended = true;
}

/// Stops the store if the writer panics, so that nobody waits for it.
struct Guard<'a> {
    shared: &'a Shared,
    ended: bool,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.shared
                .stop(Failed::Write("the writer broke down".to_owned()));
        }
    }
}

/// The writer at work.
pub(super) struct Writer<'w> {
    pub(super) conn: &'w Connection,
    pub(super) shared: &'w Shared,
    applier: Applier<'w>,
    log: Log,
}

impl Writer<'_> {
    /// Writes a group, and moves the log if it has become long.
    pub(super) fn group(&mut self, group: Vec<Batch>) -> Result<(), Failed> {
        let (conn, shared) = (self.conn, self.shared);
        write(conn, &mut self.applier, group, shared)?;
        add(&shared.counters.log_bytes, self.log.grown() * FRAME_BYTES);
        if self.log.unmoved() >= LOG_FRAMES_MAX {
            self.log.checkpoint(conn, shared)?;
        }
        Ok(())
    }
}

fn work(conn: &mut Connection, shared: &Shared) -> Result<(), Failed> {
    let frames = watch_log(conn)?;
    let conn = &*conn;
    let mut writer = Writer {
        conn,
        shared,
        applier: Applier::new(conn, &shared.lanes)?,
        log: Log {
            frames,
            seen: 0,
            moved: 0,
        },
    };
    loop {
        let patience = (writer.log.unmoved() > 0).then_some(IDLE_AFTER);
        match shared.queue.next(patience) {
            Next::Group(group) => writer.group(group)?,
            Next::Order(order) => {
                let carried_out = order.carry_out(&mut writer);
                shared.queue.copied();
                carried_out?;
            }
            Next::Idle => writer.log.checkpoint(conn, shared)?,
            Next::Closed => break,
        }
    }
    if shared.queue.has_stopped() {
        return Err(Failed::Stopped);
    }
    checkpoint(conn, "TRUNCATE", shared).map(|_| ())
}

/// Writes a group and tells each batch what became of it; fails if the group did.
fn write(
    conn: &Connection,
    applier: &mut Applier<'_>,
    group: Vec<Batch>,
    shared: &Shared,
) -> Result<(), Failed> {
    let units: usize = group.iter().map(|batch| batch.units.len()).sum();
    match commit(conn, applier, &group, shared) {
        Ok(outcomes) => {
            let counters = &shared.counters;
            let applied: usize = outcomes
                .iter()
                .flatten()
                .filter(|unit| unit.is_ok())
                .count();
            add(&counters.units, u64::try_from(applied).unwrap_or_default());
            add(
                &counters.conflicts,
                u64::try_from(units - applied).unwrap_or_default(),
            );
            add(&counters.rows, applier.rows_written());
            add(&counters.commits, 1);
            add(&counters.fsyncs, 1);
            counters.group(units);
            for (batch, outcome) in group.into_iter().zip(outcomes) {
                (batch.done)(Ok(outcome));
            }
            Ok(())
        }
        Err(failed) => {
            let failed = match failed {
                Failed::Write(why) | Failed::Read(why) | Failed::Row(why) => Failed::Write(why),
                Failed::Stopped => Failed::Stopped,
            };
            // Stopped first: nothing that comes after this answer is taken any more.
            shared.queue.stop();
            for batch in group {
                (batch.done)(Err(failed.clone()));
            }
            Err(failed)
        }
    }
}

fn commit(
    conn: &Connection,
    applier: &mut Applier<'_>,
    group: &[Batch],
    shared: &Shared,
) -> Result<Vec<Outcome>, Failed> {
    if shared.queue.has_stopped() {
        return Err(Failed::Stopped);
    }
    let run = |sql| {
        conn.prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]))
            .map_err(cannot_write)
    };
    run("BEGIN IMMEDIATE")?;
    let mut outcomes = Vec::with_capacity(group.len());
    for batch in group {
        let mut outcome = Vec::with_capacity(batch.units.len());
        for unit in &batch.units {
            outcome.push(applier.unit(unit, batch.now)?);
        }
        applier.reached(batch.now);
        outcomes.push(outcome);
    }
    let gone = applier.finish()?;
    if shared.fail_next.swap(false, Ordering::Relaxed) {
        return Err(Failed::Write("a fault was asked for".to_owned()));
    }
    run("COMMIT")?;
    shared.lanes.hold().committed(&gone);
    Ok(outcomes)
}

/// The write-ahead log, in frames.
struct Log {
    /// How many there are after the last commit, as SQLite says.
    frames: Arc<AtomicU64>,
    /// How many there were at the last look.
    seen: u64,
    /// How many of them are in the database file.
    moved: u64,
}

impl Log {
    /// Frames that are not in the database file yet.
    fn unmoved(&self) -> u64 {
        self.frames
            .load(Ordering::Relaxed)
            .saturating_sub(self.moved)
    }

    /// How many frames were added since the last look.
    fn grown(&mut self) -> u64 {
        let now = self.frames.load(Ordering::Relaxed);
        // Fewer than before: the log was begun anew, which happens once all of it is in the database file.
        let grown = now.checked_sub(self.seen).unwrap_or(now);
        if now < self.seen {
            self.moved = 0;
        }
        self.seen = now;
        grown
    }

    fn checkpoint(&mut self, conn: &Connection, shared: &Shared) -> Result<(), Failed> {
        let forced = self.frames.load(Ordering::Relaxed) >= LOG_FRAMES_FORCED;
        let (frames, moved) = checkpoint(conn, if forced { "RESTART" } else { "PASSIVE" }, shared)?;
        self.moved = moved;
        if frames == moved {
            // The next commit begins the log anew. If a reader still needs it, it counts as longer than it is, until the next
            // checkpoint.
            self.frames.store(0, Ordering::Relaxed);
            (self.seen, self.moved) = (0, 0);
        }
        Ok(())
    }
}

/// Moves the log to the database file; frames in the log, and how many of them were moved.
fn checkpoint(conn: &Connection, mode: &str, shared: &Shared) -> Result<(u64, u64), Failed> {
    let frames = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
    let (frames, moved) = conn
        .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], frames)
        .map_err(cannot_write)?;
    add(&shared.counters.checkpoints, 1);
    add(&shared.counters.fsyncs, 2);
    Ok((
        u64::try_from(frames).unwrap_or_default(),
        u64::try_from(moved).unwrap_or_default(),
    ))
}

/// Lets SQLite tell after each commit how long the log is.
fn watch_log(conn: &mut Connection) -> Result<Arc<AtomicU64>, Failed> {
    let frames = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&frames);
    let hook = move |_: &mut Wal, pages: i32| {
        told.store(u64::try_from(pages).unwrap_or_default(), Ordering::Relaxed);
        Ok(())
    };
    conn.wal_hook(Some(hook)).map_err(cannot_write)?;
    Ok(frames)
}
