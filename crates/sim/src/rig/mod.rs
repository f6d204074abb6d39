//! What crash rounds and measurements stand on: the real server as a child process, a cheap HTTP client, an application's account,
//! and the page of counters.

mod account;
mod http;
mod page;
mod receiver;
mod server;

pub use account::{Account, AccountError, Registered};
pub use http::{Answer, Http, Request};
pub use page::Counters;
pub use receiver::{Receiver, Reply};
pub use server::{Ground, Server, ServerError};
