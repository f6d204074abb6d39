//! The client against a platform that answers as the test says.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of tests may fail as a test may"
)]

mod calls;
mod failures;
mod platform;
mod raw;
mod tls;
mod tokens;
mod webhook;
