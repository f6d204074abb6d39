//! Request headers of the contract: who calls, and under which key a request may be repeated.

use crate::limits::IDEMPOTENCY_KEY_BYTES;
use crate::{Invalid, Secret};

/// The header that names the calling application: its value equals the `appId`.
pub const APP_KEY: &str = "app_key";
/// The name of [`APP_KEY`] in some deployments.
pub const APP_KEY_OLD: &str = "x-app-key";
/// The header in which clients of 2017 send the bare token instead of `Authorization`.
pub const ACCESS_TOKEN: &str = "access_token";
/// The header that makes a create repeatable (R1.15).
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The token of an `Authorization` header: scheme in any case, any number of blanks after it. `None` when it is no bearer token.
pub fn bearer_token(authorization: &str) -> Option<Secret> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| Secret::new(token))
}

/// A key under which a create may be repeated: 1 to 255 visible ASCII characters (R1.15).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads the header's value.
    pub fn parse(value: &[u8]) -> Result<Self, Invalid> {
        let is_sound =
            IDEMPOTENCY_KEY_BYTES.contains(&value.len()) && value.iter().all(u8::is_ascii_graphic);
        let text = std::str::from_utf8(value).ok().filter(|_| is_sound);
        text.map(|text| Self(text.to_owned())).ok_or_else(|| {
            Invalid::member(
                "Idempotency-Key",
                "must have 1 to 255 visible ASCII characters",
            )
        })
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_comes_in_any_case_and_with_two_blanks() {
        for header in ["Bearer x", "bearer x", "Bearer  x", " BEARER x "] {
            assert_eq!(bearer_token(header).unwrap().expose(), "x");
        }
        for header in ["", "Bearer", "Bearer ", "Basic x", "x"] {
            assert_eq!(bearer_token(header), None, "{header}");
        }
    }

    #[test]
    fn r1_15_a_key_is_visible_ascii_of_255_at_most() {
        assert_eq!(IdempotencyKey::parse(b"!k~").unwrap().as_str(), "!k~");
        assert!(IdempotencyKey::parse(&[b'k'; 255]).is_ok());
        for value in [
            &b""[..],
            &[b'k'; 256],
            b"a b",
            b"a\tb",
            b"\xff",
            "é".as_bytes(),
        ] {
            let error = IdempotencyKey::parse(value).unwrap_err();
            assert_eq!(
                error.to_string(),
                "`Idempotency-Key` must have 1 to 255 visible ASCII characters"
            );
        }
    }
}
