//! Simulated devices, applications and load.
//!
//! [`device::Device`] is one native MQTT device that sleeps, wakes and answers as its [`behaviour::Behaviour`] says; [`device::Core`]
//! is the same without I/O. [`fleet`] is many of them against a running platform, from one seed. [`load`] measures.
//! [`rig`] runs the real server as a child process; [`crash`] kills it and checks its history, [`bench`] measures it.

pub mod behaviour;
pub mod bench;
mod clock;
pub mod crash;
pub mod credentials;
pub mod device;
pub mod fleet;
pub mod load;
pub mod message;
pub mod random;
pub mod rig;

pub use clock::{passed, passed_ms, passed_us};
