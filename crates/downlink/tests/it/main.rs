//! The program as its users meet it: a process, its arguments, its exit status, and what it prints.

mod apps;
mod backup;
mod bench;
mod callbacks;
mod commands;
mod crash;
mod demo;
mod devices;
mod doctor;
mod groups;
mod process;
mod program;
mod readme;
mod sdk;
mod secrets;
mod testing;
mod tls;
