//! The server's stories, each over a real socket. One binary, one story per file.

mod admin_server;
mod harness;
mod independent_clients;
mod mqtt_devices;
mod queue;
