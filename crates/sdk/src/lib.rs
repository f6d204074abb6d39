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
//! let command = client.post_device_command(&request).await?;
//! println!("{} is {}", command.command_id, command.status.as_str());
//! # Ok(())
//! # }
//! ```

mod builder;
mod calls;
mod client;
mod clock;
mod create;
mod error;
mod pages;
mod random;
mod retry;
mod tls;
mod tokens;
mod transport;

pub use api;
pub use builder::{ClientBuilder, Proxy};
pub use calls::{DeletedWith, Registered};
pub use client::Client;
pub use create::Create;
pub use error::{Carried, ContractError, Error};
pub use pages::{Listing, Pages};
pub use retry::Retry;
