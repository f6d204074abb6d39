//! The server side of an MQTT session, without I/O and without a clock.
//!
//! [`Session`] is one connection of a native MQTT device (`southbound.md` §2), MQTT 3.1, 3.1.1 or 5 as the CONNECT says;
//! [`Access`] and [`Topic`] are the topics, [`ClientId`] is what the password rule needs, [`Limits`] bounds everything, and
//! [`client::Client`] is the other side, for tests and load. The codec underneath is borrowed and does not show.
//!
//! # What is accepted, and what is refused
//!
//! Nothing outlives a connection: session-present is 0, the MQTT 5 Session Expiry 0, and clean session makes no difference (R6.1).
//!
//! | the device sends | answer |
//! |---|---|
//! | CONNECT of MQTT 3.1 (`MQIsdp`), 3.1.1, 5 | accepted; in 3.1, will bits without a will are ignored (tolerance 15) |
//! | CONNECT of another version | CONNACK 0x01 or 0x84, closed |
//! | CONNECT with extended authentication | CONNACK 0x8C, closed; AUTH later: DISCONNECT 0x82 |
//! | keep-alive 0 | bounded by a setting; MQTT 5 clients are told by Server Keep Alive (R6.6) |
//! | keep-alive above the setting | MQTT 5: lowered to it, and told; before, it stands, as the client cannot be told |
//! | a will for its own JSON data topic | published as a message of the device if the connection ends without DISCONNECT (or with 0x04), a Will Delay being cut short by the end of the session; before MQTT 5 of any QoS, retained or not |
//! | a will for any other topic | CONNACK 0x05 or 0x87, closed |
//! | an MQTT 5 will with QoS 2, or retained | CONNACK 0x9B, or 0x9A, closed |
//! | SUBSCRIBE to its own JSON command topic, under either of its names | granted, at most QoS 1; MQTT 5 options that concern retained or own messages have nothing to act on |
//! | SUBSCRIBE to another topic | SUBACK 0x80, or 0x87; its binary topic 0x8F; wildcards 0xA2; shared 0x9E |
//! | SUBSCRIBE with an MQTT 5 subscription identifier | DISCONNECT 0xA1 |
//! | PUBLISH QoS 0 or 1 on its own JSON data topic | taken; a PUBACK follows the commit of the content, in order of arrival (R6.4) |
//! | PUBLISH QoS 2 | closed; MQTT 5: Maximum QoS 1 is announced, DISCONNECT 0x9B |
//! | PUBLISH retained | before MQTT 5 taken as any other message, and not retained: nobody could subscribe to it; MQTT 5: Retain Available 0 is announced, DISCONNECT 0x9A |
//! | PUBLISH on its binary data topic | closed; MQTT 5: DISCONNECT 0x90 |
//! | PUBLISH on another topic | closed; MQTT 5: DISCONNECT 0x87 |
//! | PUBLISH with a topic alias | MQTT 5: Topic Alias Maximum 0 is announced, DISCONNECT 0x94 |
//! | more QoS 1 messages than it may leave unacknowledged | MQTT 5: Receive Maximum is announced, DISCONNECT 0x93; before, the session reads no further until it has acknowledged some |
//! | a packet above the bound | closed as soon as its length is known; MQTT 5: Maximum Packet Size is announced, DISCONNECT 0x95 |
//! | anything malformed or out of turn | closed; MQTT 5: DISCONNECT 0x81 or 0x82 |
//!
//! Each end of a session has a [`Cause`], to be logged and counted; none of these is a panic.
//!
//! Commands go to the topic that the device subscribed to (if to both of its names, to the one it connected with), each as a new
//! PUBLISH with a new packet id; the session never repeats one (R6.3). As many as the setting, or the device's Receive Maximum,
//! may wait for its PUBACK; then, and when one is larger than the device's Maximum Packet Size, the session refuses it, and no
//! byte of it leaves.

mod codec;
mod credentials;
mod event;
mod ledger;
mod limits;
mod session;
mod topic;
mod wire;

pub mod client;

pub use credentials::{AuthType, ClientId, ClientIdError, SignType};
pub use event::{
    Cause, CloseReason, Connect, Event, Promise, Published, Qos, Refusal, SendError, Version,
};
pub use limits::{Limits, Millis};
pub use session::Session;
pub use topic::{Access, Encoding, Topic, command_json, data_json};
