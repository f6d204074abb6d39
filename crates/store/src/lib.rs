//! What is kept: reads, and one commit of many turns.
//!
//! The contract is [`Store`]. Two stores fulfil it: [`Memory`], a double for tests and for the simulator, and [`Sqlite`], the
//! default. Nothing of SQLite shows in the contract. One conformance suite, [`conformance`], holds for both.
//!
//! A commit takes [`Unit`]s. Each unit is applied as a whole or not at all; those of one commit become durable together, and
//! `done` is called only when they are on disk. A store whose commit failed acknowledges nothing afterwards (R2.5).

mod age;
mod check;
pub mod conformance;
mod contract;
mod count;
mod limits;
mod memory;
mod records;
mod sqlite;

pub use contract::{Conflict, Done, Failed, LaneRow, LaneWrite, Store, Unit, Write};
pub use limits::{COUNTED_TOTAL_MAX, DEVICES_SCANNED_MAX, PAGE_ITEMS_MAX, SKIP_MAX};
pub use memory::Memory;
pub use records::{
    Application, CancelTask, CancelTaskFilter, CommandFilter, DeadCallback, Device, DeviceCounts,
    DeviceFilter, DeviceGroup, Grant, GroupFilter, GroupId, Marks, Page, Presence, ProductModel,
    Report, Stretch, Tally, TaskId, Token, TokenKind,
};
pub use sqlite::{
    Archive, Contents, CopyError, Examined, GROUP_CLASSES, OnStop, OpenError, Owned, Sqlite,
    SqliteOptions, SqliteStats, examine,
};
