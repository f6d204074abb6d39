//! A client of the northbound contract, in Rust.
//!
//! [`Client`] logs in by itself, renews its token before it ends, and logs in anew when the platform no longer knows it. Requests and
//! answers are the types of [`api`]; every failure is an [`Error`] that says whether it is worth another try.
//!
//! ```no_run
//! # async fn example() -> Result<(), sdk::Error> {
//! use sdk::api::commands::{Command, PostCommandRequest};
//!
//! let client = sdk::Client::builder("https://127.0.0.1:8743", "my-app", "my-secret").build()?;
//! let request = PostCommandRequest {
//!     device_id: "8f1d…".into(),
//!     command: Command { service_id: "WaterMeter".into(), method: "CLOSE_VALVE".into(), ..Command::default() },
//!     ..PostCommandRequest::default()
//! };
//! let command = client.send_command(&request, None).await?;
//! println!("{} is {}", command.command_id, command.status.as_str());
//! # Ok(())
//! # }
//! ```

mod builder;
mod client;
mod clock;
mod error;
mod tokens;
mod transport;

pub use api;
pub use builder::ClientBuilder;
pub use client::{Client, DeletedWith, Registered};
pub use error::{Carried, ContractError, Error};
