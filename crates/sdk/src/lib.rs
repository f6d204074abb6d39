//! A client of the northbound contract, in Rust.
//!
//! [`Client`] logs in by itself, renews its token before it ends, and logs in anew when the platform no longer knows it. Requests and
//! answers are the types of [`api`]; every failure is an [`Error`] that says whether it is worth another try.
//!
//! # A command
#![doc = concat!("```no_run\n", include_str!("../examples/send_command.rs"), "```")]
//! # What an error says
#![doc = concat!("```no_run\n", include_str!("../examples/handle_errors.rs"), "```")]
//! # Callbacks
#![doc = concat!("```no_run\n", include_str!("../examples/receive_callbacks.rs"), "```")]
//! # What it logs
//! By `tracing`, under the target `sdk`. Each call is a span `downlink` at DEBUG, whose `operation` is the `operationId` of `openapi.json`;
//! in it are:
//!
//! | event | level | fields |
//! |---|---|---|
//! | `logs in`, `refreshes its token`, `the token is refused; logs in anew` | DEBUG | |
//! | `tries again` | DEBUG | `tries` so far, `wait`, `error` |
//! | `refused` | DEBUG | `status`, `request_id`: what the platform calls the request in its own log |
//! | `answered` | TRACE | `status` |
//!
//! A receiver of callbacks tells at WARN of those that it refuses, and of a handler that fails. Tokens, secrets, bodies and addresses are
//! never logged.

mod builder;
mod calls;
mod client;
mod clock;
mod create;
mod error;
mod pages;
mod random;
mod raw;
mod retry;
mod tls;
mod tokens;
mod transport;
pub mod webhook;

pub use api;
pub use builder::{ClientBuilder, Proxy};
pub use calls::{DeletedWith, Registered};
pub use client::Client;
pub use create::Create;
pub use error::{Carried, ContractError, Error};
pub use http::StatusCode;
pub use pages::{Listing, Pages};
pub use raw::{RawCall, Reply, Token};
pub use retry::Retry;
