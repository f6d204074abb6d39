//! Callbacks: what became of a command is told to the address that its creator named ([6.4], [7.6], R5).
//!
//! ```text
//!   dispatch::act ── a committed change ─► Outbox (queue.rs: threads, endpoints, bounds; pure)
//!                                             │ due
//!                                             ▼
//!                     sender.rs ─ letter.rs: the body ─ client.rs: POST ─ connect.rs: the address is judged ─► the application
//!                                             │ told, or dead
//!                                             ▼ gathered for at most a second (R2.2)
//!                                        store: told up to, dead callbacks ─► the lane's memory ─► the thread is forgotten
//! ```
//!
//! # Which entry of the history causes which message (R5.1, R4.4)
//!
//! The first entry of a history causes none: the answer to the request told it. Resends, lost attempts, late arrivals and settling change
//! no status and cause none.
//!
//! | status from then on | queued, immediate: to `callbackUrl` | direct: to the header's `callbackURL` |
//! |---|---|---|
//! | SENT | status callback | – (the call's answer said it) |
//! | DELIVERED | status callback | `messageConfirm`, status `delivered`, if the mode was ACK |
//! | SUCCESSFUL | status callback with the answer | `commandRsp` with the answer |
//! | FAILED, the device answered | status callback with the answer | `commandRsp` with the answer; body null if it could not be decoded |
//! | FAILED, nothing left the platform | status callback | – (the call's answer said it) |
//! | TIMEOUT, EXPIRED | status callback | – (the contract has no message for it) |
//! | CANCELED | status callback, only with `callback.canceled` | cannot happen |
//!
//! The message's `webhook-id` is `<commandId>.<n>`, n being the place of its entry in the history, counted from 0: it is the same in
//! every attempt, after a crash as well.
//!
//! # Who is told
//!
//! The application that created the command: its secret signs, its certificate authority is trusted, its bound counts. What it set
//! applies from the next attempt on.
//!
//! # What survives
//!
//! What is owed is what of a command's history lies beyond "told up to" (R2.2). It is read at the start, in the background, and offered
//! like a change that was just committed. A callback older than the limit gets three minutes from then on: our own outage is not the
//! receiver's silence.

mod address;
mod client;
mod connect;
mod endpoint;
mod letter;
mod outbox;
mod queue;
mod replay;
mod resolve;
mod sender;
mod trust;

pub(crate) use address::{has_credentials, is_private_host};
pub use letter::Wording;
pub use outbox::{EndpointState, Outbox};
pub use queue::{Counts, Rules};
pub use replay::{Replayed, Which};
pub use resolve::{Resolve, Resolving, SystemResolver};
pub use sender::{Callbacks, Parts, Settings};

use std::time::Duration;

/// Why an attempt failed. The operator reads it; it holds no path and no query.
#[derive(Debug, Clone, thiserror::Error)]
enum Failure {
    /// It was answered, and not with 2xx.
    #[error("answered with status {0}")]
    Status(u16),
    /// No answer came in time.
    #[error("no answer within {} s", .0.as_secs_f32())]
    Late(Duration),
    /// The address leads into a private network (R3.8).
    #[error("refused: {0}")]
    Private(String),
    /// The name has no address.
    #[error("the name cannot be resolved: {0}")]
    Name(String),
    /// Nobody takes the connection.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The certificate is not believed, or TLS failed otherwise.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// What came is no HTTP, or the connection broke.
    #[error("no HTTP answer: {0}")]
    Http(String),
    /// The application's secret cannot be read: nothing leaves unsigned.
    #[error("the application's webhook secret cannot be read")]
    Secret,
    /// The application is gone.
    #[error("the application was deleted")]
    ApplicationGone,
}

impl Failure {
    /// Its label among the metrics.
    const fn cause(&self) -> &'static str {
        match self {
            Self::Status(_) => "status",
            Self::Late(_) => "late",
            Self::Private(_) => "private",
            Self::Name(_) => "name",
            Self::Connect(_) => "connect",
            Self::Tls(_) => "tls",
            Self::Http(_) => "http",
            Self::Secret => "secret",
            Self::ApplicationGone => "application",
        }
    }
}
