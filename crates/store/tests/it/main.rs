//! The stores, from outside: one binary, one story a file.

mod conforms;
mod copies;
mod crash;
mod failing;
mod migrate;
mod readers;
mod reopen;
mod stops;
