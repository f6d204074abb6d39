//! Wire types, error codes and statuses of the northbound contract.
//!
//! The server reads requests and writes answers with these types, the `sdk` does the opposite: so both always agree. Requests are read
//! by hand, from JSON values and query pairs, because a client must be told exactly which member is wrong ([`Invalid`]) and because field
//! clients send nulls for unset members, numbers as strings and keys in odd cases. Answers are derived: their members stand in the
//! order of the documentation.
//!
//! What the readers ask, and what the types write, is also what `openapi.json` says: the feature `openapi` makes it.
//!
//! Sections in brackets are those of the contract (`[5.2]` is command creation); `R3.1` is a ruling in `docs/rulings.md`.

mod asked;
pub mod auth;
pub mod callbacks;
pub mod cancel_tasks;
pub mod codes;
pub mod commands;
pub mod credentials;
pub mod device_list;
pub mod devices;
pub mod failure;
mod fields;
pub mod groups;
pub mod headers;
pub mod invoke;
pub mod limits;
pub mod old_commands;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod operation;
pub mod paths;
pub mod query;
pub mod registration;
mod secret;
mod timestamp;
pub mod webhook;

pub use codes::Code;
pub use failure::{ErrorBody, ErrorStatus, Failure, GatewayBody};
pub use fields::Invalid;
pub use operation::Operation;
pub use secret::Secret;
pub use timestamp::Timestamp;
