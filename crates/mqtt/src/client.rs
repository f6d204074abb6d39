//! The device's side of an MQTT connection, for tests and for generating load: as lean as the session, and as little of a client
//! library. It keeps no packet, repeats nothing, and has no timers: its user pings, acknowledges and reconnects.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes, BytesMut};

use crate::codec::{self, device};
use crate::event::{Cause, Qos, Version};
use crate::wire::{self, Frame};

/// The largest packet that the client takes from a server.
const PACKET_BYTES_MAX: u32 = 16 * 1024 * 1024;

/// What a CONNECT says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Login<'a> {
    /// The client id, at most 65535 bytes, as every string here.
    pub client_id: &'a str,
    /// The user name.
    pub user_name: Option<&'a str>,
    /// The password; needs a user name.
    pub password: Option<&'a [u8]>,
    /// Seconds of keep-alive.
    pub keep_alive_s: u16,
    /// Clean session, or clean start.
    pub clean: bool,
    /// Topic and payload of a will, QoS 1.
    pub will: Option<(&'a str, &'a [u8])>,
    /// MQTT 5: Receive Maximum, not 0.
    pub receive_maximum: Option<u16>,
    /// MQTT 5: Maximum Packet Size, not 0.
    pub packet_bytes_max: Option<u32>,
}

/// What a CONNACK says. The properties are those of MQTT 5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connack {
    /// 0, or the reason why not.
    pub code: u8,
    /// The server kept a session.
    pub session_present: bool,
    /// Session Expiry Interval, in seconds.
    pub session_expiry_s: Option<u32>,
    /// Receive Maximum.
    pub receive_maximum: Option<u16>,
    /// Maximum QoS.
    pub qos_max: Option<u8>,
    /// Retain Available.
    pub retain_available: Option<bool>,
    /// Maximum Packet Size.
    pub packet_bytes_max: Option<u32>,
    /// Topic Alias Maximum.
    pub topic_alias_max: Option<u16>,
    /// Server Keep Alive, in seconds.
    pub keep_alive_s: Option<u16>,
}

/// What the server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its answer to CONNECT.
    Connack(Connack),
    /// Its answer to SUBSCRIBE: a granted QoS or a failure for each filter.
    Suback {
        /// As returned by [`Client::subscribe`].
        packet_id: u16,
        /// The codes.
        codes: Vec<u8>,
    },
    /// Its answer to UNSUBSCRIBE.
    Unsuback {
        /// As returned by [`Client::unsubscribe`].
        packet_id: u16,
    },
    /// A message for us.
    Message(Message),
    /// Its PUBACK to a message of ours.
    Puback {
        /// As returned by [`Client::publish`].
        packet_id: u16,
        /// The reason in MQTT 5, else 0.
        reason: u8,
    },
    /// Its answer to PINGREQ.
    Pong,
    /// MQTT 5: it ends the connection.
    Disconnect {
        /// Why.
        reason: u8,
    },
}

/// A PUBLISH from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The topic.
    pub topic: Box<str>,
    /// The payload.
    pub payload: Bytes,
    /// What [`Client::acknowledge`] wants, for QoS 1.
    pub packet_id: Option<u16>,
    /// Marked as sent before.
    pub dup: bool,
}

/// The device's side of one connection.
#[derive(Debug)]
pub struct Client {
    version: Version,
    last_id: u16,
    inbox: BytesMut,
    outbox: Vec<u8>,
    events: VecDeque<Event>,
}

impl Client {
    /// A client for a new connection.
    pub fn new(version: Version) -> Self {
        Self {
            version,
            last_id: 0,
            inbox: BytesMut::new(),
            outbox: Vec::new(),
            events: VecDeque::new(),
        }
    }

    /// Says CONNECT; in MQTT 3.1 as the gateway agents do, with the will QoS set but no will (tolerance 15).
    ///
    /// # Panics
    /// If a value is outside the range that [`Login`] states.
    pub fn connect(&mut self, login: &Login<'_>) {
        device::put_connect(&mut self.outbox, self.version, login)
            .expect("the login is within MQTT's ranges");
    }

    /// Says SUBSCRIBE and returns the packet id.
    ///
    /// # Panics
    /// If `filter` is longer than 65535 bytes.
    pub fn subscribe(&mut self, filter: &str, qos: Qos) -> u16 {
        let packet_id = self.next_id();
        device::put_subscribe(&mut self.outbox, self.version, packet_id, filter, qos)
            .expect("the filter is within MQTT's range");
        packet_id
    }

    /// Says UNSUBSCRIBE and returns the packet id.
    ///
    /// # Panics
    /// If `filter` is longer than 65535 bytes.
    pub fn unsubscribe(&mut self, filter: &str) -> u16 {
        let packet_id = self.next_id();
        device::put_unsubscribe(&mut self.outbox, self.version, packet_id, filter)
            .expect("the filter is within MQTT's range");
        packet_id
    }

    /// Publishes a message and returns its packet id, which is `None` for QoS 0.
    ///
    /// # Panics
    /// If `topic` is longer than 65535 bytes, or `payload` than 256 MB.
    pub fn publish(&mut self, topic: &str, payload: &[u8], qos: Qos) -> Option<u16> {
        let packet_id = match qos {
            Qos::AtMostOnce => None,
            Qos::AtLeastOnce => Some(self.next_id()),
        };
        let message = wire::Outgoing {
            topic: [topic, "", ""],
            payload,
            packet_id,
        };
        let written = wire::put_publish(&mut self.outbox, self.version, message, u32::MAX);
        assert!(written, "the message is within MQTT's ranges");
        packet_id
    }

    /// Says PUBACK to a QoS 1 message.
    pub fn acknowledge(&mut self, packet_id: u16) {
        wire::put_puback(&mut self.outbox, packet_id);
    }

    /// Says PINGREQ.
    pub fn ping(&mut self) {
        self.outbox.extend_from_slice(&[wire::PINGREQ << 4, 0]);
    }

    /// Says DISCONNECT.
    pub fn disconnect(&mut self) {
        self.outbox.extend_from_slice(&[wire::DISCONNECT << 4, 0]);
    }

    /// Takes bytes from the server, cut anywhere. After an error the connection is of no use.
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> Result<(), Cause> {
        if self.inbox.is_empty() {
            let used = self.take_packets(bytes)?;
            self.inbox.extend_from_slice(&bytes[used..]);
            return Ok(());
        }
        self.inbox.extend_from_slice(bytes);
        let mut kept = core::mem::take(&mut self.inbox);
        let used = self.take_packets(&kept)?;
        kept.advance(used);
        if !kept.is_empty() {
            self.inbox = kept;
        }
        Ok(())
    }

    /// Appends everything that is to be written to `out`; `false` if there is nothing.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>) -> bool {
        let any = !self.outbox.is_empty();
        out.append(&mut self.outbox);
        any
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn next_id(&mut self) -> u16 {
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        self.last_id
    }

    fn take_packets(&mut self, bytes: &[u8]) -> Result<usize, Cause> {
        let mut used = 0;
        while let Some(frame) = wire::frame(&bytes[used..], PACKET_BYTES_MAX)? {
            let event = self.read(frame)?;
            self.events.push_back(event);
            used += frame.bytes;
        }
        Ok(used)
    }

    fn read(&self, frame: Frame<'_>) -> Result<Event, Cause> {
        match frame.kind {
            wire::PUBLISH => {
                let message = wire::publish(self.version, frame.flags, frame.body)?;
                Ok(Event::Message(Message {
                    topic: message.topic.into(),
                    payload: Bytes::copy_from_slice(message.payload),
                    packet_id: message.packet_id,
                    dup: message.dup,
                }))
            }
            wire::PUBACK => {
                let (packet_id, reason) = wire::puback(self.version, frame.body)?;
                Ok(Event::Puback { packet_id, reason })
            }
            wire::CONNACK => device::connack(self.version, frame.body).map(Event::Connack),
            wire::SUBACK => {
                let (packet_id, codes) = device::suback(self.version, frame.body)?;
                Ok(Event::Suback { packet_id, codes })
            }
            wire::UNSUBACK => Ok(Event::Unsuback {
                packet_id: device::unsuback(self.version, frame.body)?,
            }),
            wire::PINGRESP if frame.body.is_empty() => Ok(Event::Pong),
            wire::DISCONNECT if self.version == Version::V5 => Ok(Event::Disconnect {
                reason: codec::disconnect(self.version, frame.body)?,
            }),
            _ => Err(Cause::Protocol),
        }
    }
}
