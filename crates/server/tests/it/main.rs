//! The server's stories, each over a real socket. One binary, one story per file.

mod harness;
mod mqtt_devices;
mod queue;
