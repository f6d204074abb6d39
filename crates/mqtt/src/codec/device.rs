//! The device's half of the codec, for [`Client`](crate::client::Client).

use mqtt_protocol_core::mqtt::packet::{self, Property, SubEntry, SubOpts, v3_1_1, v5_0};
use mqtt_protocol_core::mqtt::result_code::MqttError;

use super::{FLAGS_OF_WILL_QOS, NAME, NAME_V31, checked_id, exactly};
use crate::client::{Connack, Login};
use crate::event::{Cause, Qos, Version};
use crate::wire;

/// The will QoS that the gateway agents set without a will (tolerance 15).
const AGENT_WILL_QOS: u8 = 0b0000_1000;

/// Writes a CONNECT; `None` if a string of it is longer than MQTT can express.
pub(crate) fn put_connect(out: &mut Vec<u8>, version: Version, login: &Login<'_>) -> Option<()> {
    let bytes = match version {
        Version::V31 => in_v31(&connect_v3(login).ok()?)?,
        Version::V311 => connect_v3(login).ok()?,
        Version::V5 => connect_v5(login).ok()?,
    };
    out.extend_from_slice(&bytes);
    Some(())
}

fn connect_v3(login: &Login<'_>) -> Result<Vec<u8>, MqttError> {
    let mut builder = v3_1_1::Connect::builder()
        .client_id(login.client_id)?
        .clean_session(login.clean)
        .keep_alive(login.keep_alive_s);
    if let Some(name) = login.user_name {
        builder = builder.user_name(name)?;
    }
    if let Some(password) = login.password {
        builder = builder.password(password.to_vec())?;
    }
    if let Some((topic, payload)) = login.will {
        builder = builder.will_message(topic, payload.to_vec(), packet::Qos::AtLeastOnce, false)?;
    }
    Ok(builder.build()?.to_continuous_buffer())
}

/// Turns a CONNECT of 3.1.1 into one of MQTT 3.1 as the gateway agents write it: `MQIsdp`, level 3, and will QoS 1 without a will.
fn in_v31(connect: &[u8]) -> Option<Vec<u8>> {
    let body = wire::frame(connect, u32::MAX).ok()??.body;
    let (&[_, flags], rest) = body.strip_prefix(NAME)?.split_first_chunk()?;
    let mut out = Vec::with_capacity(connect.len() + 3);
    wire::put_header(
        &mut out,
        wire::CONNECT << 4,
        NAME_V31.len() + 2 + rest.len(),
    );
    out.extend_from_slice(NAME_V31);
    out.extend_from_slice(&[3, flags & !FLAGS_OF_WILL_QOS | AGENT_WILL_QOS]);
    out.extend_from_slice(rest);
    Some(out)
}

fn connect_v5(login: &Login<'_>) -> Result<Vec<u8>, MqttError> {
    let mut properties = packet::Properties::new();
    if let Some(maximum) = login.receive_maximum {
        properties.push(Property::ReceiveMaximum(packet::ReceiveMaximum::new(
            maximum,
        )?));
    }
    if let Some(maximum) = login.packet_bytes_max {
        properties.push(Property::MaximumPacketSize(packet::MaximumPacketSize::new(
            maximum,
        )?));
    }
    let mut builder = v5_0::Connect::builder()
        .client_id(login.client_id)?
        .clean_start(login.clean)
        .keep_alive(login.keep_alive_s)
        .props(properties);
    if let Some(name) = login.user_name {
        builder = builder.user_name(name)?;
    }
    if let Some(password) = login.password {
        builder = builder.password(password.to_vec())?;
    }
    if let Some((topic, payload)) = login.will {
        builder = builder.will_message(topic, payload.to_vec(), packet::Qos::AtLeastOnce, false)?;
    }
    Ok(builder.build()?.to_continuous_buffer())
}

fn qos_of(qos: Qos) -> packet::Qos {
    match qos {
        Qos::AtMostOnce => packet::Qos::AtMostOnce,
        Qos::AtLeastOnce => packet::Qos::AtLeastOnce,
    }
}

/// Writes a SUBSCRIBE of one filter; `None` if the filter is longer than MQTT can express.
pub(crate) fn put_subscribe(
    out: &mut Vec<u8>,
    version: Version,
    packet_id: u16,
    filter: &str,
    qos: Qos,
) -> Option<()> {
    let entry = SubEntry::new(filter, SubOpts::new().set_qos(qos_of(qos))).ok()?;
    let bytes = match version {
        Version::V31 | Version::V311 => {
            let packet = v3_1_1::Subscribe::builder()
                .packet_id(packet_id)
                .entries(vec![entry])
                .build();
            packet.ok()?.to_continuous_buffer()
        }
        Version::V5 => {
            let packet = v5_0::Subscribe::builder()
                .packet_id(packet_id)
                .entries(vec![entry])
                .build();
            packet.ok()?.to_continuous_buffer()
        }
    };
    out.extend_from_slice(&bytes);
    Some(())
}

/// Writes an UNSUBSCRIBE of one filter; `None` if the filter is longer than MQTT can express.
pub(crate) fn put_unsubscribe(
    out: &mut Vec<u8>,
    version: Version,
    packet_id: u16,
    filter: &str,
) -> Option<()> {
    let bytes = match version {
        Version::V31 | Version::V311 => {
            let packet = v3_1_1::Unsubscribe::builder()
                .packet_id(packet_id)
                .entries([filter])
                .ok()?
                .build();
            packet.ok()?.to_continuous_buffer()
        }
        Version::V5 => {
            let packet = v5_0::Unsubscribe::builder()
                .packet_id(packet_id)
                .entries([filter])
                .ok()?
                .build();
            packet.ok()?.to_continuous_buffer()
        }
    };
    out.extend_from_slice(&bytes);
    Some(())
}

/// Reads a CONNACK.
pub(crate) fn connack(version: Version, body: &[u8]) -> Result<Connack, Cause> {
    let mut read = Connack::default();
    match version {
        Version::V31 | Version::V311 => {
            let packet = exactly(body, v3_1_1::Connack::parse)?;
            (read.session_present, read.code) =
                (packet.session_present(), packet.return_code() as u8);
        }
        Version::V5 => {
            let packet = exactly(body, v5_0::Connack::parse)?;
            (read.session_present, read.code) =
                (packet.session_present(), packet.reason_code() as u8);
            for property in packet.props() {
                match property {
                    Property::SessionExpiryInterval(seconds) => {
                        read.session_expiry_s = Some(seconds.val());
                    }
                    Property::ReceiveMaximum(maximum) => read.receive_maximum = Some(maximum.val()),
                    Property::MaximumQos(maximum) => read.qos_max = Some(maximum.val()),
                    Property::RetainAvailable(available) => {
                        read.retain_available = Some(available.val() == 1);
                    }
                    Property::MaximumPacketSize(maximum) => {
                        read.packet_bytes_max = Some(maximum.val());
                    }
                    Property::TopicAliasMaximum(maximum) => {
                        read.topic_alias_max = Some(maximum.val());
                    }
                    Property::ServerKeepAlive(seconds) => read.keep_alive_s = Some(seconds.val()),
                    _ => {}
                }
            }
        }
    }
    Ok(read)
}

/// Reads a SUBACK: the packet id and a code for each filter.
pub(crate) fn suback(version: Version, body: &[u8]) -> Result<(u16, Vec<u8>), Cause> {
    match version {
        Version::V31 | Version::V311 => {
            let packet = exactly(body, v3_1_1::Suback::parse)?;
            let codes = packet
                .return_codes()
                .into_iter()
                .map(|code| code as u8)
                .collect();
            Ok((checked_id(packet.packet_id())?, codes))
        }
        Version::V5 => {
            let packet = exactly(body, v5_0::Suback::parse)?;
            let codes = packet
                .reason_codes()
                .into_iter()
                .map(|code| code as u8)
                .collect();
            Ok((checked_id(packet.packet_id())?, codes))
        }
    }
}

/// Reads an UNSUBACK: the packet id.
pub(crate) fn unsuback(version: Version, body: &[u8]) -> Result<u16, Cause> {
    match version {
        Version::V31 | Version::V311 => {
            checked_id(exactly(body, v3_1_1::Unsuback::parse)?.packet_id())
        }
        Version::V5 => checked_id(exactly(body, v5_0::Unsuback::parse)?.packet_id()),
    }
}
