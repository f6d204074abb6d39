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

/// Whether a command can be written for its device (R1.14). A short one always can: its message holds what the body holds,
/// and little more.
pub fn is_encodable(body: &[u8], mid: Mid) -> bool {
    const ENVELOPE_BYTES_MAX: usize = 256;
    body.len() + ENVELOPE_BYTES_MAX <= profile::limits::MESSAGE_BYTES_MAX
        || encode(body, mid).is_ok()
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::RawValue;

    #[test]
    fn what_is_said_to_be_encodable_is() {
        let mid = Mid::new(u16::MAX).expect("not 0");
        let max = profile::limits::MESSAGE_BYTES_MAX;
        for size in (max - 700..max + 10).chain([0, 100]) {
            let body = Body {
                service_id: "Meter \"1\"".into(),
                method: "SET".into(),
                paras: RawValue::from_string(format!("{:?}", "x".repeat(size))).expect("JSON"),
                paras_asked: None,
                callback_url: None,
                model_version: None,
                fingerprint: None,
                direct: None,
            };
            let body = body.write();
            assert_eq!(
                is_encodable(&body, mid),
                encode(&body, mid).is_ok(),
                "{size}"
            );
        }
    }
}
