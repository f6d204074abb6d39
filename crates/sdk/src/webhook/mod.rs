//! Callbacks at the receiving end: verified, read, and each taken once (R5).
//!
//! [`Verifier::dispatch`] needs headers and body and no framework. [`Receiver`] is a ready-made HTTP server around it, which answers once
//! the handler has done its work, so that the platform repeats what was not done.
//!
//! Callbacks come at least once and, for one command, in order. The platform repeats what was not answered with 2xx within 15 s, under the
//! same `webhook-id`; a [`Window`] recognises what has been done already.

mod receiver;
mod window;

use std::time::Duration;

use api::webhook::{Forged, ID, SIGNATURE, Signed, TIMESTAMP, TOLERANCE};
use http::HeaderMap;

pub use api::callbacks::{Callback, CommandRsp, MessageConfirm, StatusCallback};
pub use api::webhook::{NoSecret, WebhookSecret};
pub use receiver::{Receiver, Stopped};
pub use window::{Turn, Window};

use crate::clock::unix_seconds;

/// A callback that may be believed.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The same for every attempt at the same message. `None` if it came unsigned.
    pub id: Option<String>,
    /// What the platform tells.
    pub callback: Callback,
}

/// Why a callback is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It has no signature: one of the three headers is missing.
    #[error("the callback is not signed")]
    Unsigned,
    /// Its signature, or its time, is wrong.
    #[error("the callback is forged, or old")]
    Forged(#[source] Forged),
    /// It is signed, and yet no callback that this version reads.
    #[error("the callback cannot be read")]
    Unreadable(#[source] serde_json::Error),
}

/// Whose callbacks are believed.
#[derive(Clone, Debug)]
pub struct Verifier {
    /// Empty: everybody's.
    secrets: Vec<WebhookSecret>,
    tolerance: Option<Duration>,
}

impl Verifier {
    /// Believes what is signed with this secret and not older than five minutes.
    pub fn new(secret: WebhookSecret) -> Self {
        Self {
            secrets: vec![secret],
            tolerance: Some(TOLERANCE),
        }
    }

    /// Believes everybody, for applications without a secret: whoever reaches the receiver's address can tell it anything.
    pub const fn unsigned() -> Self {
        Self {
            secrets: Vec::new(),
            tolerance: None,
        }
    }

    /// Believes this secret too: the old one and the new one while it is being changed.
    #[must_use]
    pub fn or(mut self, secret: WebhookSecret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// How far a callback's time may lie from the machine's, in either direction; five minutes if not set. A receiver that keeps no window
    /// of what it has seen is the safer the shorter it is.
    #[must_use]
    pub const fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = Some(tolerance);
        self
    }

    /// Believes callbacks of any time: for tests against a platform whose clock stands still.
    #[must_use]
    pub const fn at_any_time(mut self) -> Self {
        self.tolerance = None;
        self
    }

    /// Verifies and reads a callback, at the machine's time. `body` is the body as it came, byte for byte.
    ///
    /// # Errors
    /// [`Refused`]; answer [`Refused::status`] then.
    pub fn dispatch(&self, headers: &HeaderMap, body: &[u8]) -> Result<Event, Refused> {
        self.dispatch_at(headers, body, unix_seconds())
    }

    /// As [`dispatch`](Self::dispatch), at this time in seconds since 1970.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn dispatch_at(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: u64,
    ) -> Result<Event, Refused> {
        let id = if self.secrets.is_empty() {
            header(headers, ID)
        } else {
            Some(self.verified(headers, body, now)?)
        };
        let callback = Callback::from_json(body).map_err(Refused::Unreadable)?;
        Ok(Event {
            id: id.map(str::to_owned),
            callback,
        })
    }

    /// The id of a callback that is signed with one of the secrets.
    fn verified<'h>(
        &self,
        headers: &'h HeaderMap,
        body: &[u8],
        now: u64,
    ) -> Result<&'h str, Refused> {
        let one = |name| header(headers, name).ok_or(Refused::Unsigned);
        let signed = Signed {
            id: one(ID)?,
            timestamp: one(TIMESTAMP)?,
            signature: one(SIGNATURE)?,
        };
        let at: Option<u64> = signed.timestamp.parse().ok();
        let far = |at: u64| {
            self.tolerance
                .is_some_and(|tolerance| at.abs_diff(now) > tolerance.as_secs())
        };
        if at.is_some_and(far) {
            return Err(Refused::Forged(Forged::Untimely));
        }
        // Its time has been judged here; the signature is judged as of that time.
        let judged = at.unwrap_or(now);
        let mut forged = Forged::Signature;
        for secret in &self.secrets {
            match secret.verify(signed, body, judged) {
                Ok(()) => return Ok(signed.id),
                Err(why) => forged = why,
            }
        }
        Err(Refused::Forged(forged))
    }
}

impl Refused {
    /// What to answer: 401 to whoever cannot be believed, 400 to what cannot be read.
    pub const fn status(&self) -> http::StatusCode {
        match self {
            Self::Unsigned | Self::Forged(_) => http::StatusCode::UNAUTHORIZED,
            Self::Unreadable(_) => http::StatusCode::BAD_REQUEST,
        }
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] =
        br#"{"deviceId":"d","commandId":"c","result":{"resultCode":"SENT","resultDetail":null}}"#;
    const NOW: u64 = 1_700_000_000;

    fn secret(byte: u8) -> WebhookSecret {
        WebhookSecret::of_bytes(&[byte; 32]).unwrap()
    }

    fn signed(by: &WebhookSecret, at: u64, body: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ID, "c.1".parse().unwrap());
        headers.insert(TIMESTAMP, at.into());
        headers.insert(SIGNATURE, by.sign("c.1", at, body).parse().unwrap());
        headers
    }

    #[test]
    fn r5_4_what_is_signed_with_either_secret_is_believed_while_they_change() {
        let verifier = Verifier::new(secret(1)).or(secret(2));
        for byte in [1, 2] {
            let headers = signed(&secret(byte), NOW, BODY);
            let event = verifier.dispatch_at(&headers, BODY, NOW).unwrap();
            assert_eq!(event.id.as_deref(), Some("c.1"));
            assert!(matches!(event.callback, Callback::Status(_)));
        }
        let refused = verifier
            .dispatch_at(&signed(&secret(3), NOW, BODY), BODY, NOW)
            .unwrap_err();
        assert!(
            matches!(refused, Refused::Forged(Forged::Signature)),
            "{refused:?}"
        );
        assert_eq!(refused.status(), 401);
    }

    #[test]
    fn r5_4_each_missing_header_makes_it_unsigned() {
        for name in [ID, TIMESTAMP, SIGNATURE] {
            let mut headers = signed(&secret(1), NOW, BODY);
            headers.remove(name);
            let refused = Verifier::new(secret(1))
                .dispatch_at(&headers, BODY, NOW)
                .unwrap_err();
            assert!(matches!(refused, Refused::Unsigned), "{name}: {refused:?}");
        }
    }

    #[test]
    fn r5_4_the_window_of_time_is_the_receivers_affair() {
        let five_minutes = Verifier::new(secret(1));
        let short = five_minutes.clone().tolerance(Duration::from_secs(10));
        let any = five_minutes.clone().at_any_time();
        for (verifier, at, believed) in [
            (&five_minutes, NOW - 300, true),
            (&five_minutes, NOW - 301, false),
            (&five_minutes, NOW + 301, false),
            (&short, NOW - 10, true),
            (&short, NOW - 11, false),
            (&any, 0, true),
            (&any, u64::MAX, true),
        ] {
            let found = verifier.dispatch_at(&signed(&secret(1), at, BODY), BODY, NOW);
            assert_eq!(found.is_ok(), believed, "{at}: {found:?}");
        }
    }

    #[test]
    fn r5_4_a_body_that_was_changed_is_refused_and_one_that_cannot_be_read_is_another_matter() {
        let verifier = Verifier::new(secret(1));
        let headers = signed(&secret(1), NOW, BODY);
        assert!(verifier.dispatch_at(&headers, b"{}", NOW).is_err());
        let garbage = b"{";
        let refused = verifier
            .dispatch_at(&signed(&secret(1), NOW, garbage), garbage, NOW)
            .unwrap_err();
        assert!(matches!(refused, Refused::Unreadable(_)), "{refused:?}");
        assert_eq!(refused.status(), 400);
    }

    #[test]
    fn without_a_secret_everybody_is_believed() {
        let event = Verifier::unsigned()
            .dispatch_at(&HeaderMap::new(), BODY, NOW)
            .unwrap();
        assert_eq!(event.id, None);
    }
}
