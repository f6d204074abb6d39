//! The server: it acts on what the heart decides.
//!
//! The folders are the river, in order: [`north`] takes a request, [`dispatch`] makes it an input of its device's lane, has the
//! heart decide, commits, and only then acts; [`south`] hands frames to sessions and hears what devices say; [`callback`] tells
//! applications what became of their commands. [`registry`] knows applications, tokens, devices and product models. [`timed`] drives
//! what acts by the clock. [`admin`] is the operator's door. [`assembly`] builds the parts.

pub mod admin;
pub mod assembly;
pub mod backup;
pub mod body;
pub mod callback;
pub mod clock;
pub mod config;
pub mod dispatch;
pub mod doctor;
pub mod faults;
pub mod files;
mod info;
pub mod limits;
pub mod metrics;
pub mod north;
pub mod random;
pub mod registry;
pub mod retention;
pub mod secrets;
pub mod shutdown;
pub mod south;
mod task;
pub mod timed;
pub mod tls;
