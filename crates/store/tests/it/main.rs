//! The stores, from outside: one binary, one story a file.

mod conforms;
mod reopen;
mod stops;
