//! Simulated devices against the platform's side of MQTT, in memory and over TCP.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of tests may fail as a test may"
)]

mod memory;
mod over_tcp;
mod platform;
