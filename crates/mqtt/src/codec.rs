//! The borrowed codec, and the only place that knows it: CONNECT, SUBSCRIBE, UNSUBSCRIBE, CONNACK and whatever has properties.
//!
//! Only its packet types are used, never its connection object: that one keeps unacknowledged publishes for clean-session 0 and
//! sends them again by itself, which would deliver behind the heart's back (R6.1). What its parsers leave unchecked (reserved flags,
//! packet id 0, NUL in strings, trailing bytes) is checked here.

use bytes::Bytes;
use mqtt_protocol_core::mqtt::packet::{self, MqttString, Property, SubEntry, v3_1_1, v5_0};
use mqtt_protocol_core::mqtt::result_code::{ConnectReasonCode, MqttError};

use crate::event::{Cause, Connect, Version};
use crate::wire;

pub(crate) mod device;

/// The level byte of CONNECT, and the name before it (MQTT 3.1.1, 3.1.2.1).
const NAME: &[u8] = b"\x00\x04MQTT";
/// The same in MQTT 3.1.
const NAME_V31: &[u8] = b"\x00\x06MQIsdp";

const FLAG_RESERVED: u8 = 0b0000_0001;
const FLAG_WILL: u8 = 0b0000_0100;
const FLAGS_OF_WILL: u8 = 0b0011_1000;
const FLAGS_OF_WILL_QOS: u8 = 0b0001_1000;

/// A message that the device leaves behind in its CONNECT.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Will {
    pub(crate) topic: Box<str>,
    pub(crate) payload: Bytes,
    /// 0, 1 or 2.
    pub(crate) qos: u8,
    pub(crate) retain: bool,
}

/// A CONNECT with what only the session needs of it.
#[derive(Debug)]
pub(crate) struct Connecting {
    pub(crate) connect: Connect,
    pub(crate) will: Option<Box<Will>>,
    /// MQTT 5: the most unacknowledged messages that the client takes; 65535 otherwise.
    pub(crate) receive_maximum: u16,
    /// MQTT 5: the largest packet that the client takes.
    pub(crate) packet_bytes_max: u32,
}

/// A CONNECT that cannot be read, and the version in which to say so, if it is to be said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadConnect {
    pub(crate) cause: Cause,
    pub(crate) answer_in: Option<Version>,
}

/// Reads a CONNECT of any version. `MQIsdp` is turned into 3.1.1 first, with will bits but no will cleared (tolerance 15).
pub(crate) fn connect(body: &[u8]) -> Result<Connecting, BadConnect> {
    let silent = |cause| BadConnect {
        cause,
        answer_in: None,
    };
    if let Some((&[level, flags], rest)) = body
        .strip_prefix(NAME_V31)
        .and_then(<[u8]>::split_first_chunk)
    {
        return match level {
            3 => {
                let flags = normalised(flags);
                connect_v3(flags, &[NAME, &[4, flags], rest].concat(), Version::V31).map_err(silent)
            }
            _ => Err(BadConnect {
                cause: Cause::UnsupportedVersion,
                answer_in: Some(Version::V31),
            }),
        };
    }
    let Some(&[level, flags]) = body.strip_prefix(NAME).and_then(<[u8]>::first_chunk) else {
        return Err(silent(Cause::Malformed));
    };
    let bad = |cause, version| BadConnect {
        cause,
        answer_in: Some(version),
    };
    match level {
        4 => connect_v3(flags, body, Version::V311).map_err(silent),
        5 => connect_v5(flags, body).map_err(|cause| bad(cause, Version::V5)),
        0..4 => Err(bad(Cause::UnsupportedVersion, Version::V311)),
        6.. => Err(bad(Cause::UnsupportedVersion, Version::V5)),
    }
}

/// The connect flags of MQTT 3.1 in the words of 3.1.1.
fn normalised(flags: u8) -> u8 {
    let flags = flags & !FLAG_RESERVED;
    if flags & FLAG_WILL == 0 {
        flags & !FLAGS_OF_WILL
    } else {
        flags
    }
}

/// Refuses the connect flags that no version allows: the reserved one, bits of a will that is not there, QoS 3.
fn check_flags(flags: u8) -> Result<(), Cause> {
    let will_without_will = flags & FLAG_WILL == 0 && flags & FLAGS_OF_WILL != 0;
    if flags & FLAG_RESERVED != 0
        || will_without_will
        || flags & FLAGS_OF_WILL_QOS == FLAGS_OF_WILL_QOS
    {
        return Err(Cause::Malformed);
    }
    Ok(())
}

fn connect_v3(flags: u8, body: &[u8], version: Version) -> Result<Connecting, Cause> {
    check_flags(flags)?;
    let packet = exactly(body, v3_1_1::Connect::parse)?;
    let connect = Connect {
        version,
        client_id: text(packet.client_id())?,
        user_name: packet.user_name().map(text).transpose()?,
        password: packet.password().map(Into::into),
        keep_alive_s: packet.keep_alive(),
        clean: packet.clean_session(),
        will: packet.will_flag(),
    };
    let will = will(
        packet.will_topic(),
        packet.will_payload(),
        packet.will_qos(),
        packet.will_retain(),
    )?;
    Ok(Connecting {
        connect,
        will,
        receive_maximum: u16::MAX,
        packet_bytes_max: u32::MAX,
    })
}

fn connect_v5(flags: u8, body: &[u8]) -> Result<Connecting, Cause> {
    check_flags(flags)?;
    let packet = exactly(body, v5_0::Connect::parse)?;
    let (mut receive_maximum, mut packet_bytes_max) = (u16::MAX, u32::MAX);
    for property in packet.props() {
        match property {
            Property::ReceiveMaximum(maximum) => receive_maximum = maximum.val(),
            Property::MaximumPacketSize(maximum) => packet_bytes_max = maximum.val(),
            Property::AuthenticationMethod(_) | Property::AuthenticationData(_) => {
                return Err(Cause::Authentication);
            }
            _ => {}
        }
    }
    let connect = Connect {
        version: Version::V5,
        client_id: text(packet.client_id())?,
        user_name: packet.user_name().map(text).transpose()?,
        password: packet.password().map(Into::into),
        keep_alive_s: packet.keep_alive(),
        clean: packet.clean_start(),
        will: packet.will_flag(),
    };
    let will = will(
        packet.will_topic(),
        packet.will_payload(),
        packet.will_qos(),
        packet.will_retain(),
    )?;
    Ok(Connecting {
        connect,
        will,
        receive_maximum,
        packet_bytes_max,
    })
}

fn will(
    topic: Option<&str>,
    payload: Option<&[u8]>,
    qos: packet::Qos,
    retain: bool,
) -> Result<Option<Box<Will>>, Cause> {
    let (Some(topic), Some(payload)) = (topic, payload) else {
        return Ok(None);
    };
    let qos = level(qos);
    Ok(Some(Box::new(Will {
        topic: text(topic)?,
        payload: Bytes::copy_from_slice(payload),
        qos,
        retain,
    })))
}

fn level(qos: packet::Qos) -> u8 {
    match qos {
        packet::Qos::AtMostOnce => 0,
        packet::Qos::AtLeastOnce => 1,
        packet::Qos::ExactlyOnce => 2,
    }
}

/// A string of the peer, without NUL (MQTT 3.1.1, 1.5.3).
fn text(text: &str) -> Result<Box<str>, Cause> {
    if text.contains('\0') {
        Err(Cause::Malformed)
    } else {
        Ok(text.into())
    }
}

/// Parses, and refuses trailing bytes.
fn exactly<T>(
    body: &[u8],
    parse: impl FnOnce(&[u8]) -> Result<(T, usize), MqttError>,
) -> Result<T, Cause> {
    match parse(body) {
        Ok((packet, read)) if read == body.len() => Ok(packet),
        Err(MqttError::ProtocolError) => Err(Cause::Protocol),
        Ok(_) | Err(_) => Err(Cause::Malformed),
    }
}

fn checked_id(packet_id: u16) -> Result<u16, Cause> {
    if packet_id == 0 {
        Err(Cause::Malformed)
    } else {
        Ok(packet_id)
    }
}

/// The properties of an MQTT 5 PUBLISH: whether there is a topic alias, and how many bytes of payload follow.
pub(crate) fn publish_properties(flags: u8, body: &[u8]) -> Result<(bool, usize), Cause> {
    let (packet, _) = v5_0::Publish::parse(flags, body.into()).map_err(|error| match error {
        MqttError::ProtocolError => Cause::Protocol,
        _ => Cause::Malformed,
    })?;
    let alias = packet
        .props()
        .iter()
        .any(|property| matches!(property, Property::TopicAlias(_)));
    Ok((alias, packet.payload().len()))
}

/// An MQTT 5 PUBACK that carries a reason, and perhaps properties.
pub(crate) fn puback_with_reason(body: &[u8]) -> Result<(u16, u8), Cause> {
    let packet = exactly(body, v5_0::Puback::parse)?;
    Ok((
        packet.packet_id(),
        packet.reason_code().map_or(0, |reason| reason as u8),
    ))
}

/// Filters, each with the QoS asked for (0 to 2).
pub(crate) type Filters = Vec<(Box<str>, u8)>;

/// A SUBSCRIBE: its packet id and its filters.
pub(crate) fn subscribe(version: Version, body: &[u8]) -> Result<(u16, Filters), Cause> {
    match version {
        Version::V31 | Version::V311 => {
            let packet = exactly(body, v3_1_1::Subscribe::parse)?;
            if packet
                .entries()
                .iter()
                .any(|entry| entry.sub_opts().to_buffer()[0] > 2)
            {
                return Err(Cause::Malformed);
            }
            Ok((checked_id(packet.packet_id())?, filters(packet.entries())))
        }
        Version::V5 => {
            let packet = exactly(body, v5_0::Subscribe::parse)?;
            if packet
                .props()
                .iter()
                .any(|property| matches!(property, Property::SubscriptionIdentifier(_)))
            {
                return Err(Cause::SubscriptionIdentifier);
            }
            Ok((checked_id(packet.packet_id())?, filters(packet.entries())))
        }
    }
}

fn filters(entries: &[SubEntry]) -> Filters {
    entries
        .iter()
        .map(|entry| (entry.topic_filter().into(), level(entry.sub_opts().qos())))
        .collect()
}

/// An UNSUBSCRIBE: its packet id and its filters.
pub(crate) fn unsubscribe(version: Version, body: &[u8]) -> Result<(u16, Vec<Box<str>>), Cause> {
    let owned =
        |entries: &[MqttString]| entries.iter().map(|entry| entry.as_str().into()).collect();
    match version {
        Version::V31 | Version::V311 => {
            let packet = exactly(body, v3_1_1::Unsubscribe::parse)?;
            Ok((checked_id(packet.packet_id())?, owned(packet.entries())))
        }
        Version::V5 => {
            let packet = exactly(body, v5_0::Unsubscribe::parse)?;
            Ok((checked_id(packet.packet_id())?, owned(packet.entries())))
        }
    }
}

/// The reason of a DISCONNECT: 0 before MQTT 5.
pub(crate) fn disconnect(version: Version, body: &[u8]) -> Result<u8, Cause> {
    match version {
        Version::V31 | Version::V311 if body.is_empty() => Ok(0),
        Version::V31 | Version::V311 => Err(Cause::Malformed),
        Version::V5 => {
            let packet = exactly(body, v5_0::Disconnect::parse)?;
            Ok(packet.reason_code().map_or(0, |reason| reason as u8))
        }
    }
}

/// What an MQTT 5 CONNACK says that lets a client in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Welcome {
    pub(crate) receive_maximum: u16,
    pub(crate) packet_bytes_max: u32,
    /// The keep-alive that is enforced.
    pub(crate) keep_alive_s: u16,
}

/// Writes the MQTT 5 CONNACK of a session that begins: nothing kept, no QoS 2, nothing retained, no aliases, plain filters only.
pub(crate) fn put_welcome(out: &mut Vec<u8>, welcome: Welcome) {
    const BUILDABLE: &str = "each value is within its property's range";
    let properties = [
        packet::SessionExpiryInterval::new(0).map(Property::SessionExpiryInterval),
        packet::ReceiveMaximum::new(welcome.receive_maximum).map(Property::ReceiveMaximum),
        packet::MaximumQos::new(1).map(Property::MaximumQos),
        packet::RetainAvailable::new(0).map(Property::RetainAvailable),
        packet::MaximumPacketSize::new(welcome.packet_bytes_max).map(Property::MaximumPacketSize),
        packet::TopicAliasMaximum::new(0).map(Property::TopicAliasMaximum),
        packet::WildcardSubscriptionAvailable::new(0).map(Property::WildcardSubscriptionAvailable),
        packet::SubscriptionIdentifierAvailable::new(0)
            .map(Property::SubscriptionIdentifierAvailable),
        packet::SharedSubscriptionAvailable::new(0).map(Property::SharedSubscriptionAvailable),
        packet::ServerKeepAlive::new(welcome.keep_alive_s).map(Property::ServerKeepAlive),
    ];
    let packet = v5_0::Connack::builder()
        .session_present(false)
        .reason_code(ConnectReasonCode::Success)
        .props(
            properties
                .into_iter()
                .collect::<Result<packet::Properties, _>>()
                .expect(BUILDABLE),
        )
        .build()
        .expect(BUILDABLE);
    out.extend_from_slice(&packet.to_continuous_buffer());
}

/// Writes a CONNACK that is only a code.
pub(crate) fn put_connack(out: &mut Vec<u8>, version: Version, code: u8) {
    match version {
        Version::V31 | Version::V311 => out.extend_from_slice(&[wire::CONNACK << 4, 2, 0, code]),
        Version::V5 => out.extend_from_slice(&[wire::CONNACK << 4, 3, 0, code, 0]),
    }
}

/// Writes a SUBACK or UNSUBACK with a code for each filter.
pub(crate) fn put_codes(
    out: &mut Vec<u8>,
    kind: u8,
    version: Version,
    packet_id: u16,
    codes: &[u8],
) {
    let properties: &[u8] = if version == Version::V5 { &[0] } else { &[] };
    wire::put_header(out, kind << 4, 2 + properties.len() + codes.len());
    out.extend_from_slice(&packet_id.to_be_bytes());
    out.extend_from_slice(properties);
    out.extend_from_slice(codes);
}
