//! The server's stories, each over a real socket. One binary, one story per file.

mod admin_server;
mod callbacks_bodies;
mod callbacks_endpoints;
mod callbacks_retries;
mod certs;
mod document;
mod harness;
mod independent_clients;
mod models;
mod mqtt_devices;
mod north_auth;
mod north_commands;
mod north_credentials;
mod north_device_list;
mod north_devices;
mod north_errors;
mod north_invoke;
mod north_limits;
mod north_listener;
mod north_overload;
mod north_support;
mod north_tolerances;
mod north_vectors;
mod queue;
mod retention;
mod tls_listeners;
