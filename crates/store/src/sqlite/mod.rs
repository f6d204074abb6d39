//! The store in one SQLite file: the default.
//!
//! ```text
//!   commit ──► queue ──► writer ──► SQLite, write-ahead log, one sync a group ──► done
//!                          │ what it knows of lanes
//!   reads ───► pool of read-only connections, each read in one snapshot
//! ```
//!
//! A copy is made by the writer too, a few pages between two groups.
//!
//! One process has the file: a lock beside it says so (R2.3). One thread writes. While a sync runs, what arrives waits, and
//! becomes the next group (R2.4). A write that fails stops the store for good (R2.5).

mod apply;
mod archive;
mod bytes;
mod copy;
mod dead;
mod devices;
mod examine;
mod files;
mod forget;
mod grants;
mod groups;
mod lane_row;
mod lanes;
mod line;
mod pack;
mod pool;
mod queue;
mod reads;
mod records;
mod rows;
mod schema;
mod stats;
mod writer;

use crate::contract::{Done, Failed, Store, Unit};
use crate::records::{
    Application, CancelTask, CancelTaskFilter, CommandFilter, DeadCallback, Device, DeviceCounts,
    DeviceFilter, DeviceGroup, Grant, GroupFilter, GroupId, Marks, Page, ProductModel, Report,
    Stretch, Tally, TaskId, Token,
};
use delivery::{AppKey, Command, CommandId, DeviceId, Lane, Mid, Moment};
use files::{check_later, check_now, folder, lock, sync_folder, unusable};
use lanes::Lanes;
use pool::Pool;
use queue::{Batch, Queue};
use rusqlite::{Connection, InterruptHandle};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

pub use archive::{Archive, Contents, Owned};
pub use copy::CopyError;
pub use examine::{Examined, examine};
pub use stats::{GROUP_CLASSES, SqliteStats};

/// Files up to this size are checked before the store is opened, larger ones while it runs: a check takes about 1 s for 300 MB.
const CHECKED_AT_START_BYTES_MAX: u64 = 16 << 20;

/// Told once why a store stopped by itself.
pub type OnStop = Box<dyn FnOnce(Failed) + Send>;

/// Where a store is opened, and who is told of its end.
pub struct SqliteOptions {
    /// The database file. It is made if it does not exist; its folder is not.
    pub path: PathBuf,
    /// Told once if the store stops by itself: a write failed, or the file turned out to be damaged. Called on a thread of the
    /// store's own.
    pub on_stop: Option<OnStop>,
}

impl SqliteOptions {
    /// The database at `path`; nobody is told of its end.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            on_stop: None,
        }
    }
}

/// Why a store was not opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it, or another store of this process (R2.3).
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// A later version of Downlink wrote it.
    #[error("{} has schema version {found}; this program knows versions up to {known}", path.display())]
    NewerSchema {
        /// The database file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The highest version that this program knows.
        known: u32,
    },
    /// It is a database of something else.
    #[error("{} is not a database of Downlink's", .0.display())]
    NotOurs(PathBuf),
    /// It is no database, or SQLite finds it damaged. A backup helps.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        why: String,
    },
    /// It cannot be opened, read or written.
    #[error("{} cannot be used: {why}", path.display())]
    Unusable {
        /// The database file, or the lock beside it.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
}

/// The store in one SQLite file. Dropping it writes what waits, and ends its threads.
pub struct Sqlite {
    shared: Arc<Shared>,
    pool: Pool,
    path: PathBuf,
    writer: Option<JoinHandle<()>>,
    check: Option<(InterruptHandle, JoinHandle<()>)>,
    /// Held as long as the store is open.
    _lock: File,
}

/// What the store's threads share.
struct Shared {
    queue: Queue,
    lanes: Lanes,
    counters: stats::Counters,
    fail_next: AtomicBool,
    on_stop: Mutex<Option<OnStop>>,
}

impl Shared {
    /// Ends all writing, and tells whoever wants to know.
    fn stop(&self, why: Failed) {
        // Whoever stops the queue first says why: the writer ends upon it, and would only say that it was stopped.
        let told = self
            .on_stop
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        self.queue.stop();
        if let Some(on_stop) = told {
            on_stop(why);
        }
    }
}

impl Sqlite {
    /// Opens the store, makes it if there is none, and brings an older one up to date.
    ///
    /// A file of up to 16 MB is checked first; a larger one is checked while the store runs, and stops it if it is damaged.
    pub fn open(options: SqliteOptions) -> Result<Self, OpenError> {
        Self::open_bounded(options, lanes::WORDS_MAX)
    }

    /// Opens the store; what it knows of lanes takes this many words at the most.
    fn open_bounded(options: SqliteOptions, lane_words_max: usize) -> Result<Self, OpenError> {
        let SqliteOptions { path, on_stop } = options;
        let lock = lock(&path)?;
        let size = path.metadata().map_or(0, |file| file.len());
        let conn = schema::open_writer(&path)?;
        if size == 0 {
            sync_folder(&path)?;
        } else if size <= CHECKED_AT_START_BYTES_MAX {
            check_now(&conn, &path)?;
        }
        let shared = Arc::new(Shared {
            queue: Queue::default(),
            lanes: Lanes::new(lane_words_max),
            counters: stats::Counters::default(),
            fail_next: AtomicBool::new(false),
            on_stop: Mutex::new(on_stop),
        });
        let mut store = Self {
            pool: Pool::new(path.clone()),
            shared: Arc::clone(&shared),
            path: path.clone(),
            writer: None,
            check: None,
            _lock: lock,
        };
        let start = |error: io::Error| unusable(&path, &error);
        let write = {
            let shared = Arc::clone(&shared);
            move || writer::run(conn, &shared)
        };
        store.writer = Some(
            thread::Builder::new()
                .name("store-writer".to_owned())
                .spawn(write)
                .map_err(start)?,
        );
        if size > CHECKED_AT_START_BYTES_MAX {
            store.check = Some(check_later(&path, shared)?);
        }
        Ok(store)
    }

    /// Makes the next commit fail, as a disk would; the store has stopped from then on (R2.5, R9.2).
    pub fn fail_next_commit(&self) {
        self.shared.fail_next.store(true, Ordering::Relaxed);
    }

    /// What was written since the store was opened.
    pub fn stats(&self) -> SqliteStats {
        self.shared.counters.read(self.shared.queue.units())
    }

    /// Writes what waits, moves the log to the database file, and closes it. Dropping does the same.
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        if let Some((handle, check)) = self.check.take() {
            handle.interrupt();
            // A check that panicked has nothing more to say.
            let _ = check.join();
        }
        self.pool.close();
        self.shared.queue.close();
        if let Some(writer) = self.writer.take() {
            // The writer's own guard has told everybody if it panicked.
            let _ = writer.join();
        }
    }
}

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sqlite")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Store for Sqlite {
    fn commit(&self, units: Vec<Unit>, now: Moment, done: Done) {
        self.shared.queue.put(Batch { units, now, done });
    }

    fn marks(&self) -> Result<Marks, Failed> {
        self.pool.snapshot(reads::marks)
    }

    fn tally(&self) -> Result<Tally, Failed> {
        self.pool
            .read(|conn| reads::ledger(conn).map(|(_, _, counts)| counts.tally()))
    }

    fn lane(&self, device_seq: u64) -> Result<Option<Lane>, Failed> {
        // Before the snapshot: see `lanes`.
        let revision = self.shared.lanes.committed(device_seq);
        self.pool
            .snapshot(|conn| reads::lane(conn, device_seq, revision))
    }

    fn alarms(&self, after: u64, limit: usize) -> Result<Vec<(u64, u64, Moment)>, Failed> {
        self.pool.read(|conn| reads::alarms(conn, after, limit))
    }

    fn command(&self, id: CommandId) -> Result<Option<Command>, Failed> {
        self.pool.read(|conn| reads::command(conn, id))
    }

    fn command_by_key(
        &self,
        app: AppKey,
        key: &str,
        since: Moment,
    ) -> Result<Option<Command>, Failed> {
        self.pool
            .read(|conn| reads::command_by_key(conn, app, key, since))
    }

    fn ended_by_mid(
        &self,
        device: DeviceId,
        mid: Mid,
        last: usize,
    ) -> Result<Option<Command>, Failed> {
        self.pool
            .snapshot(|conn| reads::ended_by_mid(conn, device, mid, last))
    }

    fn commands(&self, filter: &CommandFilter) -> Result<Page<Command>, Failed> {
        self.pool.snapshot(|conn| reads::commands(conn, filter))
    }

    fn latest_commands(
        &self,
        device: Option<DeviceId>,
        before: Option<CommandId>,
        limit: usize,
    ) -> Result<Vec<Command>, Failed> {
        self.pool
            .snapshot(|conn| reads::latest_commands(conn, device, before, limit))
    }

    fn cancel_task(&self, id: TaskId) -> Result<Option<CancelTask>, Failed> {
        let sql = format!(
            "SELECT {} FROM cancel_task WHERE id = ?1",
            rows::CANCEL_TASK
        );
        self.pool
            .read(|conn| reads::first(conn, &sql, [rows::task_id(id)], rows::cancel_task))
    }

    fn cancel_tasks(&self, filter: &CancelTaskFilter) -> Result<Page<CancelTask>, Failed> {
        self.pool.snapshot(|conn| reads::cancel_tasks(conn, filter))
    }

    fn owed(&self, after: u64, limit: usize) -> Result<Vec<Command>, Failed> {
        self.pool.stretches(after, limit, dead::owed)
    }

    fn dead_callbacks(
        &self,
        app: Option<AppKey>,
        after: Option<CommandId>,
        limit: usize,
    ) -> Result<Vec<DeadCallback>, Failed> {
        self.pool
            .read(|conn| dead::dead_callbacks(conn, app, after, limit))
    }

    fn dead_callback(&self, command: CommandId) -> Result<Option<DeadCallback>, Failed> {
        self.pool.read(|conn| dead::dead_callback(conn, command))
    }

    fn applications(&self) -> Result<Vec<Application>, Failed> {
        let sql = format!("SELECT {} FROM application ORDER BY key", rows::APPLICATION);
        self.pool
            .read(|conn| reads::all(conn, &sql, [], rows::application))
    }

    fn tokens(&self, now: Moment) -> Result<Vec<Token>, Failed> {
        let sql = format!(
            "SELECT {} FROM token WHERE valid_until >= ?1 ORDER BY digest",
            rows::TOKEN
        );
        self.pool
            .read(|conn| reads::all(conn, &sql, [rows::moment(now)], rows::token))
    }

    fn grants(&self) -> Result<Vec<Grant>, Failed> {
        self.pool.read(grants::grants)
    }

    fn device(&self, id: DeviceId) -> Result<Option<Device>, Failed> {
        self.pool.read(|conn| devices::device(conn, id))
    }

    fn device_by_node(&self, node_id: &str) -> Result<Option<Device>, Failed> {
        let sql = format!(
            "SELECT {} FROM device WHERE node_id = ?1 AND deleted IS NULL",
            rows::DEVICE
        );
        self.pool
            .read(|conn| reads::first(conn, &sql, [node_id], rows::device))
    }

    fn devices(
        &self,
        filter: &DeviceFilter,
        wanted: Option<&dyn Fn(&Device) -> bool>,
    ) -> Result<Page<Device>, Failed> {
        self.pool
            .snapshot(|conn| devices::devices(conn, filter, wanted))
    }

    fn device_counts(&self) -> Result<DeviceCounts, Failed> {
        self.pool
            .read(|conn| devices::registered(conn).map(|registered| registered.counts))
    }

    fn open_devices(&self, app: AppKey, after: u64, limit: usize) -> Result<Vec<DeviceId>, Failed> {
        let read = |conn: &Connection, after, limit| devices::open_devices(conn, app, after, limit);
        self.pool.stretches(after, limit, read)
    }

    fn bindings(&self, after: u64, limit: usize) -> Result<Vec<(DeviceId, Moment)>, Failed> {
        self.pool.read(|conn| devices::bindings(conn, after, limit))
    }

    fn group(&self, id: GroupId) -> Result<Option<(DeviceGroup, u64)>, Failed> {
        self.pool.read(|conn| groups::group(conn, id))
    }

    fn groups(&self, filter: &GroupFilter) -> Result<Page<(DeviceGroup, u64)>, Failed> {
        self.pool.snapshot(|conn| groups::groups(conn, filter))
    }

    fn group_page(&self, id: GroupId, skip: u64, take: usize) -> Result<Page<DeviceId>, Failed> {
        self.pool
            .snapshot(|conn| groups::page(conn, id, skip, take))
    }

    fn group_devices(
        &self,
        id: GroupId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<DeviceId>, Failed> {
        self.pool
            .read(|conn| groups::devices(conn, id, after, limit))
    }

    fn group_members(&self, id: GroupId, of: &[DeviceId]) -> Result<Vec<DeviceId>, Failed> {
        self.pool.snapshot(|conn| groups::members(conn, id, of))
    }

    fn groups_of(&self, device: DeviceId, limit: usize) -> Result<Vec<DeviceGroup>, Failed> {
        self.pool.read(|conn| groups::of(conn, device, limit))
    }

    fn product_models(&self) -> Result<Vec<ProductModel>, Failed> {
        let sql = format!(
            "SELECT {} FROM product_model WHERE replaced IS NULL ORDER BY version",
            rows::PRODUCT_MODEL
        );
        self.pool
            .read(|conn| reads::all(conn, &sql, [], rows::product_model))
    }

    fn product_model(&self, version: u64) -> Result<Option<ProductModel>, Failed> {
        let sql = format!(
            "SELECT {} FROM product_model WHERE version = ?1",
            rows::PRODUCT_MODEL
        );
        self.pool
            .read(|conn| reads::first(conn, &sql, [rows::integer(version)], rows::product_model))
    }

    fn reports(&self, device: DeviceId) -> Result<Vec<Report>, Failed> {
        let sql = format!(
            "SELECT {} FROM report WHERE device = ?1 AND device_id = ?2 ORDER BY service_id",
            rows::REPORT
        );
        let (seq, id) = (rows::integer(device.seq()), rows::device_id(device));
        self.pool
            .read(|conn| reads::all(conn, &sql, rusqlite::params![seq, id], rows::report))
    }

    fn old_commands(
        &self,
        before: Moment,
        after: Option<CommandId>,
        limit: usize,
    ) -> Result<Stretch<CommandId>, Failed> {
        self.pool
            .read(|conn| forget::old_commands(conn, before, after, limit))
    }

    fn old_devices(
        &self,
        before: Moment,
        after: Option<DeviceId>,
        limit: usize,
    ) -> Result<Stretch<DeviceId>, Failed> {
        self.pool
            .read(|conn| forget::old_devices(conn, before, after, limit))
    }

    fn old_cancel_tasks(
        &self,
        before: Moment,
        after: Option<TaskId>,
        limit: usize,
    ) -> Result<Stretch<TaskId>, Failed> {
        self.pool
            .read(|conn| forget::old_cancel_tasks(conn, before, after, limit))
    }

    fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, Failed> {
        self.pool.read(|conn| reads::setting(conn, name))
    }

    fn free_bytes(&self) -> Result<Option<u64>, Failed> {
        let disk = rustix::fs::statvfs(folder(&self.path))
            .map_err(|error| Failed::Read(error.to_string()))?;
        Ok(Some(disk.f_bavail.saturating_mul(disk.f_frsize)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::given::{START, accept, queued, registered, take, unit};
    use crate::conformance::{Story, write};
    use delivery::{Change, Input, Ticket, Who};

    /// Lanes are put out all the time, and their rows say what was known of them.
    #[test]
    fn a_lane_that_was_put_out_has_the_revision_that_it_had() {
        let folder = tempfile::tempdir().expect("a folder is made");
        let path = folder.path().join("store.db");
        let open = || Sqlite::open_bounded(SqliteOptions::new(&path), 40).expect("the store opens");
        let mut store = open();
        let mut story = Story::begin(&store, 9, 21);
        for _ in 0..3 {
            (0..120).for_each(|_| story.step(&store));
            story.compare(&store, false);
            let known = (1..=9).filter(|seq| store.shared.lanes.committed(*seq).is_some());
            assert!(
                known.count() < 4,
                "two lanes fit, and those of the last group"
            );
            drop(store);
            store = open();
            story.compare(&store, true);
        }
    }

    /// Its list of open commands was last written at a birth; after a restart it names some that have ended.
    #[test]
    fn a_list_that_a_crash_left_behind_is_set_right() {
        let folder = tempfile::tempdir().expect("a folder is made");
        let path = folder.path().join("store.db");
        let open = || Sqlite::open(SqliteOptions::new(&path)).expect("the store opens");
        let store = open();
        let mut lane = registered(&store, 1);
        let asked = (1..=20).map(|seq| queued(&mut lane, seq, 1)).collect();
        let turn = accept(lane, asked, START);
        write(&store, unit(&turn), START);
        let cancel = |change: &Change| {
            let (ticket, who) = (Ticket(0), Who::Operator);
            Input::Cancel {
                ticket,
                command: change.command.id,
                who,
            }
        };
        let cancels = turn.changes[2..].iter().map(cancel).collect();
        let lane = take(&store, turn.lane, cancels, START);
        assert_eq!(lane.open.len(), 2);
        drop(store);
        let store = open();
        let mut kept = store
            .lane(1)
            .expect("lanes are read")
            .expect("the device is kept");
        assert_eq!(kept.open, lane.open);
        let asked = vec![queued(&mut kept, 21, 1)];
        let turn = accept(kept, asked, START);
        write(&store, unit(&turn), START);
        assert_eq!(
            store
                .shared
                .lanes
                .hold()
                .find(1)
                .map(|lane| lane.open.len()),
            Some(3)
        );
        assert_eq!(store.lane(1).expect("lanes are read"), Some(turn.lane));
    }
}
