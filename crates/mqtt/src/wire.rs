//! The bytes of the frequent packets, read and written in place: framing, PUBLISH, PUBACK. What is rare or has properties goes
//! through the borrowed codec ([`codec`](crate::codec)).

use crate::codec;
use crate::event::{Cause, Qos, Version};

/// The largest Remaining Length that MQTT can express (MQTT 5, 1.5.5).
const REMAINING_MAX: usize = 268_435_455;

pub(crate) const CONNECT: u8 = 1;
pub(crate) const CONNACK: u8 = 2;
pub(crate) const PUBLISH: u8 = 3;
pub(crate) const PUBACK: u8 = 4;
pub(crate) const SUBSCRIBE: u8 = 8;
pub(crate) const SUBACK: u8 = 9;
pub(crate) const UNSUBSCRIBE: u8 = 10;
pub(crate) const UNSUBACK: u8 = 11;
pub(crate) const PINGREQ: u8 = 12;
pub(crate) const PINGRESP: u8 = 13;
pub(crate) const DISCONNECT: u8 = 14;
pub(crate) const AUTH: u8 = 15;

/// One whole packet where it lies in the input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    /// The packet type, 0 to 15.
    pub(crate) kind: u8,
    /// The lower four bits of the first byte.
    pub(crate) flags: u8,
    /// What follows the fixed header.
    pub(crate) body: &'a [u8],
    /// Bytes of the whole packet.
    pub(crate) bytes: usize,
}

/// The packet at the start of `input`; `None` while it is incomplete. A packet larger than `bytes_max` is refused as soon as its
/// length is known.
pub(crate) fn frame(input: &[u8], bytes_max: u32) -> Result<Option<Frame<'_>>, Cause> {
    let Some((&first, rest)) = input.split_first() else {
        return Ok(None);
    };
    let mut remaining = 0_usize;
    for (at, &byte) in rest.iter().take(4).enumerate() {
        remaining |= usize::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 != 0 {
            continue;
        }
        let header = at + 2;
        let bytes = header + remaining;
        if u32::try_from(bytes).map_or(true, |bytes| bytes > bytes_max) {
            return Err(Cause::TooLarge);
        }
        let body = input.get(header..bytes);
        return Ok(body.map(|body| Frame {
            kind: first >> 4,
            flags: first & 0x0F,
            body,
            bytes,
        }));
    }
    if rest.len() < 4 {
        Ok(None)
    } else {
        Err(Cause::Malformed)
    }
}

/// Writes a fixed header. `remaining` is at most [`REMAINING_MAX`].
pub(crate) fn put_header(out: &mut Vec<u8>, first: u8, mut remaining: usize) {
    debug_assert!(
        remaining <= REMAINING_MAX,
        "callers check the size of what they write"
    );
    out.push(first);
    loop {
        let low = remaining.to_le_bytes()[0] & 0x7F;
        remaining >>= 7;
        if remaining == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

fn header_bytes(remaining: usize) -> usize {
    match remaining {
        0..=0x7F => 2,
        0x80..=0x3FFF => 3,
        0x4000..=0x1F_FFFF => 4,
        _ => 5,
    }
}

/// A PUBLISH as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Publish<'a> {
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a [u8],
    /// 0, 1 or 2.
    pub(crate) qos: u8,
    /// Not 0; `None` for QoS 0.
    pub(crate) packet_id: Option<u16>,
    pub(crate) dup: bool,
    pub(crate) retain: bool,
    /// MQTT 5: it carries a topic alias.
    pub(crate) alias: bool,
}

/// Reads a PUBLISH (MQTT 3.1.1 and 5, 3.3). The topic is UTF-8 without NUL; it may be empty when there is an alias.
pub(crate) fn publish(version: Version, flags: u8, body: &[u8]) -> Result<Publish<'_>, Cause> {
    let (topic, mut rest) = string(body)?;
    let qos = (flags >> 1) & 0b11;
    let packet_id = match qos {
        0 => None,
        1 | 2 => Some(packet_id(&mut rest)?),
        _ => return Err(Cause::Malformed),
    };
    let mut alias = false;
    if version == Version::V5 {
        let payload_bytes;
        (alias, payload_bytes) = match rest.split_first() {
            None => return Err(Cause::Malformed),
            Some((0, payload)) => (false, payload.len()),
            Some(_) => codec::publish_properties(flags, body)?,
        };
        rest = &rest[rest.len() - payload_bytes..];
    }
    if topic.contains(['+', '#']) || (topic.is_empty() && !alias) {
        return Err(Cause::Malformed);
    }
    Ok(Publish {
        topic,
        payload: rest,
        qos,
        packet_id,
        dup: flags & 0b1000 != 0,
        retain: flags & 1 != 0,
        alias,
    })
}

/// Reads two bytes that must not be 0 (MQTT 3.1.1, 2.3.1).
fn packet_id(rest: &mut &[u8]) -> Result<u16, Cause> {
    let (id, tail) = rest.split_first_chunk::<2>().ok_or(Cause::Malformed)?;
    *rest = tail;
    match u16::from_be_bytes(*id) {
        0 => Err(Cause::Malformed),
        id => Ok(id),
    }
}

/// Reads a string with its length, and what follows it (MQTT 3.1.1, 1.5.3).
pub(crate) fn string(input: &[u8]) -> Result<(&str, &[u8]), Cause> {
    let (length, rest) = input.split_first_chunk::<2>().ok_or(Cause::Malformed)?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (text, rest) = rest.split_at_checked(length).ok_or(Cause::Malformed)?;
    let text = core::str::from_utf8(text).map_err(|_| Cause::Malformed)?;
    if text.contains('\0') {
        Err(Cause::Malformed)
    } else {
        Ok((text, rest))
    }
}

/// A PUBLISH to be written; the topic is the concatenation of its parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) topic: [&'a str; 3],
    pub(crate) payload: &'a [u8],
    /// `Some` makes it QoS 1.
    pub(crate) packet_id: Option<u16>,
}

/// Writes a PUBLISH, unless it would be larger than `bytes_max` or than MQTT can express: then `false`, and nothing is written.
#[must_use]
pub(crate) fn put_publish(
    out: &mut Vec<u8>,
    version: Version,
    message: Outgoing<'_>,
    bytes_max: u32,
) -> bool {
    let topic_bytes: usize = message.topic.iter().map(|part| part.len()).sum();
    let Ok(topic_length) = u16::try_from(topic_bytes) else {
        return false;
    };
    let fixed = 2
        + topic_bytes
        + if message.packet_id.is_some() { 2 } else { 0 }
        + usize::from(version == Version::V5);
    let remaining = fixed.saturating_add(message.payload.len());
    let bytes = remaining.saturating_add(header_bytes(remaining));
    if remaining > REMAINING_MAX || u32::try_from(bytes).map_or(true, |bytes| bytes > bytes_max) {
        return false;
    }
    out.reserve(bytes);
    let qos = if message.packet_id.is_some() {
        Qos::AtLeastOnce
    } else {
        Qos::AtMostOnce
    };
    put_header(out, PUBLISH << 4 | qos.level() << 1, remaining);
    out.extend_from_slice(&topic_length.to_be_bytes());
    for part in message.topic {
        out.extend_from_slice(part.as_bytes());
    }
    if let Some(packet_id) = message.packet_id {
        out.extend_from_slice(&packet_id.to_be_bytes());
    }
    if version == Version::V5 {
        out.push(0);
    }
    out.extend_from_slice(message.payload);
    true
}

/// Reads a PUBACK: the packet id, and the MQTT 5 reason (0 otherwise).
pub(crate) fn puback(version: Version, mut body: &[u8]) -> Result<(u16, u8), Cause> {
    if let (Version::V5, [_, _, _, ..]) = (version, body) {
        return codec::puback_with_reason(body);
    }
    let id = packet_id(&mut body)?;
    if body.is_empty() {
        Ok((id, 0))
    } else {
        Err(Cause::Malformed)
    }
}

/// Writes a successful PUBACK, the same in all versions.
pub(crate) fn put_puback(out: &mut Vec<u8>, packet_id: u16) {
    let [high, low] = packet_id.to_be_bytes();
    out.extend_from_slice(&[PUBACK << 4, 2, high, low]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_they_are_written_at_every_boundary() {
        for remaining in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152] {
            let mut bytes = Vec::new();
            put_header(&mut bytes, 0xC0, remaining);
            assert_eq!(bytes.len(), header_bytes(remaining));
            bytes.resize(bytes.len() + remaining, 7);
            let limit = u32::try_from(bytes.len()).unwrap();
            let frame_read = frame(&bytes, limit).unwrap().unwrap();
            assert_eq!(
                (frame_read.kind, frame_read.body.len(), frame_read.bytes),
                (12, remaining, bytes.len())
            );
            assert_eq!(frame(&bytes, limit - 1).unwrap_err(), Cause::TooLarge);
            if remaining > 0 {
                assert!(frame(&bytes[..bytes.len() - 1], limit).unwrap().is_none());
            }
        }
    }

    #[test]
    fn a_length_of_more_than_four_bytes_is_malformed() {
        assert!(
            frame(&[0x30, 0xFF, 0xFF, 0xFF], u32::MAX)
                .unwrap()
                .is_none()
        );
        assert_eq!(
            frame(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF], u32::MAX).unwrap_err(),
            Cause::Malformed
        );
        assert_eq!(
            frame(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F], 1_000).unwrap_err(),
            Cause::TooLarge
        );
    }

    #[test]
    fn a_publish_reads_back_in_every_version() {
        for version in [Version::V31, Version::V311, Version::V5] {
            for packet_id in [None, Some(1), Some(65_535)] {
                let mut bytes = Vec::new();
                let message = Outgoing {
                    topic: ["/a/", "é", "/b"],
                    payload: b"{}",
                    packet_id,
                };
                assert!(put_publish(&mut bytes, version, message, u32::MAX));
                let exact = u32::try_from(bytes.len()).unwrap();
                assert!(put_publish(&mut Vec::new(), version, message, exact));
                assert!(!put_publish(&mut Vec::new(), version, message, exact - 1));
                let frame = frame(&bytes, u32::MAX).unwrap().unwrap();
                let read = publish(version, frame.flags, frame.body).unwrap();
                assert_eq!(
                    (read.topic, read.payload, read.packet_id),
                    ("/a/é/b", &b"{}"[..], packet_id)
                );
                assert_eq!((read.dup, read.retain, read.alias), (false, false, false));
            }
        }
    }

    #[test]
    fn a_publish_against_the_rules_is_malformed() {
        let malformed: [(Version, u8, &[u8]); 10] = [
            (Version::V311, 0, b""),
            (Version::V311, 0, b"\x00\x00payload"),
            (Version::V311, 0, b"\x00\x03a/"),
            (Version::V311, 0, b"\x00\x01#"),
            (Version::V311, 0, b"\x00\x01\xFF"),
            (Version::V311, 0, b"\x00\x01\x00"),
            (Version::V311, 2, b"\x00\x01a\x00"),
            (Version::V311, 2, b"\x00\x01a\x00\x00"),
            (Version::V311, 6, b"\x00\x01a\x00\x01"),
            (Version::V5, 0, b"\x00\x01a"),
        ];
        for (version, flags, body) in malformed {
            assert_eq!(
                publish(version, flags, body),
                Err(Cause::Malformed),
                "{body:?}"
            );
        }
    }
}
