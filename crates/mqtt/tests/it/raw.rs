//! Packets written byte by byte, independently of the crate, so that they can also be wrong.

pub(crate) fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut remaining = body.len();
    loop {
        let low = u8::try_from(remaining % 128).unwrap();
        remaining /= 128;
        bytes.push(if remaining > 0 { low | 0x80 } else { low });
        if remaining == 0 {
            break;
        }
    }
    bytes.extend_from_slice(body);
    bytes
}

pub(crate) fn string(text: impl AsRef<[u8]>) -> Vec<u8> {
    let text = text.as_ref();
    let mut bytes = u16::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(text);
    bytes
}

/// A CONNECT with these payload fields after the keep-alive (and, in MQTT 5, the properties).
pub(crate) fn connect(name: &str, level: u8, flags: u8, fields: &[Vec<u8>]) -> Vec<u8> {
    let properties: &[u8] = if level == 5 { &[0] } else { &[] };
    let head = [&string(name)[..], &[level, flags, 0, 60], properties].concat();
    packet(0x10, &[head, fields.concat()].concat())
}

pub(crate) fn subscribe(version_5: bool, packet_id: u16, filters: &[(&str, u8)]) -> Vec<u8> {
    let mut body = packet_id.to_be_bytes().to_vec();
    if version_5 {
        body.push(0);
    }
    for (filter, options) in filters {
        body.extend(string(filter));
        body.push(*options);
    }
    packet(0x82, &body)
}

/// A PUBLISH with these flags; `packet_id` is left out for QoS 0, `properties` before MQTT 5.
pub(crate) fn publish(
    flags: u8,
    topic: &str,
    packet_id: u16,
    properties: &[u8],
    payload: &[u8],
) -> Vec<u8> {
    let mut body = string(topic);
    if flags & 0b110 != 0 {
        body.extend(packet_id.to_be_bytes());
    }
    body.extend_from_slice(properties);
    body.extend_from_slice(payload);
    packet(0x30 | flags, &body)
}
