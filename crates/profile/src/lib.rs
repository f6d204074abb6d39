//! Product models: device types, services, commands and the checks they imply.
//!
//! A *profile* says which services a kind of device offers, which commands each service takes with which parameters, and
//! what it answers and reports (`northbound-api.md` §14). It is read from the vendor's package or from one JSON document
//! of ours, checked whole at the door, and immutable afterwards. With it a command is checked before it is accepted;
//! answers and reports are checked too, but only flagged.
//!
//! [`codec`] holds the JSON messages on the device's side, which devices without a profile speak as well.
//!
//! Nothing here reads files, clocks or sockets, and nothing here panics on what it is given.

pub mod codec;
pub mod limits;

mod check;
mod error;
mod load;
mod model;
mod number;
mod read;
mod rule;
mod text;

pub use check::{Fault, Why};
pub use error::Error;
pub use model::{
    Command, Device, Key, Para, Profile, Property, Response, Service, ServiceCapability,
    ServiceType,
};
pub use rule::{DataType, Rule};

/// Named JSON values: parameters of a command, the body of an answer, the data of a report.
pub type Map = serde_json::Map<String, serde_json::Value>;
