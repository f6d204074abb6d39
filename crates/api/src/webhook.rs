//! Signed callbacks: the Standard Webhooks scheme, version 1 (R5.4). The server signs, receivers verify.
//!
//! A signed callback carries three headers: [`ID`], the same for every attempt at the same message; [`TIMESTAMP`], the seconds since
//! 1970 of this attempt; and [`SIGNATURE`], `v1,` and the Base64 of the HMAC-SHA-256 over `{id}.{timestamp}.{body}`; several
//! signatures stand in it with blanks between them. The key is what the secret's Base64 holds.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header of the message's id.
pub const ID: &str = "webhook-id";
/// The header of the attempt's time, in seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header of the signatures.
pub const SIGNATURE: &str = "webhook-signature";
/// What a secret's text begins with.
pub const SECRET_PREFIX: &str = "whsec_";
/// How far an attempt's time may lie from the receiver's, in either direction.
pub const TOLERANCE: Duration = Duration::from_mins(5);

const VERSION: &str = "v1,";
/// Bytes of a key, by the scheme.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The key that an application shares with the platform. Its text is `whsec_` and Base64; it prints itself never.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret {
    key: Vec<u8>,
}

/// A text that is no secret: not `whsec_` and the Base64 of 24 to 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSecret;

impl fmt::Display for NoSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a webhook secret: whsec_ and the Base64 of 24 to 64 bytes")
    }
}

impl std::error::Error for NoSecret {}

/// Why a callback is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forged {
    /// The time is no number of seconds.
    Timestamp,
    /// The time is too far away from the receiver's: an old callback that somebody sends again, or a wrong clock.
    Untimely,
    /// No signature is one of this message under this secret.
    Signature,
}

impl fmt::Display for Forged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timestamp => "webhook-timestamp is no number of seconds",
            Self::Untimely => "webhook-timestamp is too far from the present",
            Self::Signature => "no signature fits",
        })
    }
}

impl std::error::Error for Forged {}

/// The three headers of a signed callback, as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed<'a> {
    /// [`ID`].
    pub id: &'a str,
    /// [`TIMESTAMP`].
    pub timestamp: &'a str,
    /// [`SIGNATURE`].
    pub signature: &'a str,
}

impl WebhookSecret {
    /// The secret of these key bytes; `None` unless there are 24 to 64.
    pub fn of_bytes(key: &[u8]) -> Option<Self> {
        KEY_BYTES
            .contains(&key.len())
            .then(|| Self { key: key.to_vec() })
    }

    /// Its text. The caller keeps it out of logs and error messages.
    pub fn expose(&self) -> String {
        format!("{SECRET_PREFIX}{}", base64(&self.key))
    }

    /// The value of [`SIGNATURE`] for a message.
    pub fn sign(&self, id: &str, unix_seconds: u64, body: &[u8]) -> String {
        let mac = self.mac(id, &unix_seconds.to_string(), body);
        format!("{VERSION}{}", base64(&mac.finalize().into_bytes()))
    }

    /// Whether a callback comes from whoever has this secret, and recently; `now` is the receiver's time in seconds since 1970. The
    /// signatures are compared in constant time.
    ///
    /// # Errors
    /// [`Forged`].
    pub fn verify(&self, signed: Signed<'_>, body: &[u8], now: u64) -> Result<(), Forged> {
        let digits = !signed.timestamp.is_empty()
            && signed.timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let at: u64 = signed
            .timestamp
            .parse()
            .ok()
            .filter(|_| digits)
            .ok_or(Forged::Timestamp)?;
        if at.abs_diff(now) > TOLERANCE.as_secs() {
            return Err(Forged::Untimely);
        }
        let mac = self.mac(signed.id, signed.timestamp, body);
        let fits = |signature: &str| {
            let tag = signature.strip_prefix(VERSION).and_then(from_base64);
            tag.is_some_and(|tag| mac.clone().verify_slice(&tag).is_ok())
        };
        if signed.signature.split(' ').any(fits) {
            Ok(())
        } else {
            Err(Forged::Signature)
        }
    }

    fn mac(&self, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        mac
    }
}

impl FromStr for WebhookSecret {
    type Err = NoSecret;

    fn from_str(text: &str) -> Result<Self, NoSecret> {
        let key = text
            .trim()
            .strip_prefix(SECRET_PREFIX)
            .and_then(from_base64);
        key.and_then(|key| Self::of_bytes(&key)).ok_or(NoSecret)
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding (RFC 4648 §4).
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            if place > chunk.len() {
                text.push('=');
                continue;
            }
            let index = usize::try_from(group >> (18 - 6 * place) & 63).expect("six bits");
            text.push(char::from(ALPHABET[index]));
        }
    }
    text
}

/// Reads what [`base64`] writes, and the same without its padding; nothing else.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    if padding != 0 && (padding > 2 || !text.len().is_multiple_of(4)) || digits.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    let (mut group, mut bits) = (0_u32, 0_u32);
    for digit in digits.bytes() {
        let value = ALPHABET.iter().position(|letter| *letter == digit)?;
        group = group << 6 | u32::try_from(value).expect("below 64");
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(group >> bits & 0xff).expect("eight bits"));
        }
    }
    (group & ((1 << bits) - 1) == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message whose signature was made with another implementation of HMAC and Base64 (Python's hmac and base64).
    const SECRET: &str = "whsec_BwgJCgsMDQ4PEBESExQVFhcYGRobHB0e";
    const ID: &str = "108a.1";
    const AT: u64 = 1_700_000_000;
    const BODY: &[u8] = br#"{"deviceId":"92d3","commandId":"108a","result":{"resultCode":"SENT","resultDetail":null}}"#;
    const SIGNATURE: &str = "v1,YntoHW9b7VOZ1fQRgWK1NvqoJQ2J5df7wWFq97OHIkc=";

    fn secret() -> WebhookSecret {
        SECRET.parse().unwrap()
    }

    fn verify(timestamp: &str, signature: &str, body: &[u8], now: u64) -> Result<(), Forged> {
        let signed = Signed {
            id: ID,
            timestamp,
            signature,
        };
        secret().verify(signed, body, now)
    }

    #[test]
    fn r5_4_a_signature_is_the_one_that_other_implementations_make() {
        assert_eq!(secret().sign(ID, AT, BODY), SIGNATURE);
        assert_eq!(verify("1700000000", SIGNATURE, BODY, AT), Ok(()));
        let several = format!("v1,AAAA v2,xyz {SIGNATURE}");
        assert_eq!(verify("1700000000", &several, BODY, AT), Ok(()));
    }

    #[test]
    fn r5_4_nothing_that_was_changed_or_is_old_is_believed() {
        let near = TOLERANCE.as_secs();
        assert_eq!(verify("1700000000", SIGNATURE, BODY, AT + near), Ok(()));
        assert_eq!(verify("1700000000", SIGNATURE, BODY, AT - near), Ok(()));
        for now in [AT + near + 1, AT - near - 1, 0, u64::MAX] {
            assert_eq!(
                verify("1700000000", SIGNATURE, BODY, now),
                Err(Forged::Untimely)
            );
        }
        for timestamp in [
            "",
            "x",
            "+1700000000",
            "-1",
            "1700000000.0",
            "99999999999999999999",
        ] {
            assert_eq!(
                verify(timestamp, SIGNATURE, BODY, AT),
                Err(Forged::Timestamp),
                "{timestamp}"
            );
        }
        for (timestamp, signature, body) in [
            ("1700000001", SIGNATURE, BODY),
            ("1700000000", SIGNATURE, &b"{}"[..]),
            ("1700000000", &SIGNATURE[3..], BODY),
            ("1700000000", "v1,", BODY),
            ("1700000000", "", BODY),
            ("1700000000", "v1,????", BODY),
        ] {
            assert_eq!(
                verify(timestamp, signature, body, AT),
                Err(Forged::Signature)
            );
        }
        let other = WebhookSecret::of_bytes(&[1; 24]).unwrap();
        let signed = Signed {
            id: ID,
            timestamp: "1700000000",
            signature: SIGNATURE,
        };
        assert_eq!(other.verify(signed, BODY, AT), Err(Forged::Signature));
    }

    #[test]
    fn a_secret_reads_back_as_written_and_prints_nothing() {
        for length in KEY_BYTES {
            let key: Vec<u8> = (0..).take(length).collect();
            let secret = WebhookSecret::of_bytes(&key).unwrap();
            assert_eq!(secret.expose().parse(), Ok(secret.clone()));
        }
        assert!(!format!("{:?}", secret()).contains("BwgJCg"));
        for text in [
            "",
            "whsec_",
            "whsec_AAAA",
            "BwgJCgsMDQ4PEBESExQVFhcYGRobHB0e",
            "whsec_BwgJCgsMDQ4PEBESExQVFhcYGRobHB0",
            "whsec_BwgJCgsMDQ4PEBESExQVFhcYGRobHB0e===",
            "whsec_BwgJCgsMDQ4PEBESExQVFhcYGRobHB-_",
        ] {
            assert_eq!(text.parse::<WebhookSecret>(), Err(NoSecret), "{text}");
        }
        assert!(WebhookSecret::of_bytes(&[0; 23]).is_none());
        assert!(WebhookSecret::of_bytes(&[0; 65]).is_none());
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg=="),
            (b"\xfb\xff\xfe", "+//+"),
        ] {
            assert_eq!(base64(bytes), text);
            assert_eq!(from_base64(text).as_deref(), Some(bytes));
            assert_eq!(
                from_base64(text.trim_end_matches('=')).as_deref(),
                Some(bytes)
            );
        }
        for text in [
            "Z", "Zh==", "Zg=", "Zg===", "Z=g=", "Zg==Zg==", "Zm9 v", "====",
        ] {
            assert_eq!(from_base64(text), None, "{text}");
        }
    }
}
