//! The operations of the contract, one method each, by what they are about.

mod auth;
mod commands;
mod devices;
mod groups;
mod old_commands;

pub use devices::{DeletedWith, Registered};

fn with_query(path: &str, query: &str) -> String {
    if query.is_empty() {
        return path.to_owned();
    }
    format!("{path}?{query}")
}
