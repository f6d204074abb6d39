//! The heart of Downlink: what a command is, and what may happen to it.
//!
//! Everything here is a pure function of its arguments. There is no clock, no randomness, no I/O and no knowledge of any
//! protocol: time, ids and what links heard come in as values, and what is to be written and sent goes out as values. The
//! one door is [`turn`]: a [`Lane`], what happened, and *now* make a [`Turn`].
//!
//! ```text
//!             Send          Acked            Answered
//!   Queued ─────────► Sent ───────► Delivered ───────► Succeeded | Failed
//!     │               │ ▲ │              └─ no result in time: Settled (it stays "delivered")
//!     │               │ └─┘ no acknowledgement, attempts left: sent again, never back to Queued
//!     ├── Cancel  ──► Cancelled          └─ attempts used up, or out of time ──► TimedOut
//!     └── too old ──► Expired            an answer before the acknowledgement implies Delivered
//! ```
//!
//! `Cancelled` and `Expired` are reached from `Queued` alone, and nothing leaves the platform before the turn that says
//! `Sent` is on disk. So both prove that the device never saw the command (R1.3).
//!
//! The numbers in parentheses, such as R1.3, are the rulings in `docs/rulings.md`.
#![no_std]

extern crate alloc;

mod command;
mod history;
mod ids;
mod jitter;
mod lane;
mod mids;
mod rules;
mod time;

pub use command::{Answer, Command, Ending, Kind, Next, Sent, State, Status, Verdict};
pub use history::{Cause, Entry, LATE_ENTRIES_MAX, LOST_ENTRIES_MAX, Who};
pub use ids::{AppKey, CommandId, DeviceId, IdError, SessionId, Ticket};
pub use jitter::within as jitter;
pub use lane::{
    Arrival, Change, Downlink, Granted, Input, Lane, Link, Refusal, Reply, Submission, Turn,
    Unmatched, turn,
};
pub use mids::{Mid, MidSequence, UNANSWERED_MIDS_MAX};
pub use rules::{Retransmit, Rules, Window};
pub use time::Moment;
