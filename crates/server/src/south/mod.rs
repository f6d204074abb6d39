//! South: sessions of devices, and what they hear and say.
//!
//! The port is small. The dispatcher hands a [`Downlink`](delivery::Downlink) to the [`Hub`], which finds the session's
//! [`Mailbox`]; the session's own task takes orders from there. What a device says goes to
//! [`Dispatch::hear`](crate::dispatch::Dispatch::hear).

pub mod admission;
mod hub;
mod mailbox;
pub mod mqtt;

use crate::body::Body;
use delivery::Mid;

pub use hub::{Hub, NotDelivered};
pub use mailbox::{CloseReason, Mailbox, Order};

/// A command that cannot be written for its device.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The stored body does not decode.
    #[error("a stored command does not decode: {0}")]
    Body(#[from] serde_json::Error),
    /// Its message cannot be written.
    #[error(transparent)]
    Message(#[from] profile::codec::EncodeError),
}

/// Writes a command for its device: the same bytes for the same body and mid (R1.14).
///
/// # Errors
/// [`EncodeError`]; no byte leaves then.
pub fn encode(body: &[u8], mid: Mid) -> Result<Vec<u8>, EncodeError> {
    let body = Body::read(body)?;
    let message = profile::codec::CloudReq {
        service_id: &body.service_id,
        cmd: &body.method,
        paras: &*body.paras,
        mid: mid.number(),
        has_more: false,
    };
    Ok(message.encode()?)
}
