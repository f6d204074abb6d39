//! What a session tells the server, and what ends it.

use core::fmt;

use bytes::Bytes;

/// A version of the protocol, as the CONNECT named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// MQTT 3.1 (`MQIsdp`, level 3): the gateway agents.
    V31,
    /// MQTT 3.1.1 (level 4).
    V311,
    /// MQTT 5.
    V5,
}

/// How surely a message arrives. QoS 2 is not offered (R6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Qos {
    /// QoS 0.
    AtMostOnce,
    /// QoS 1: the receiver answers with a PUBACK.
    AtLeastOnce,
}

impl Qos {
    /// The number on the wire.
    pub const fn level(self) -> u8 {
        match self {
            Self::AtMostOnce => 0,
            Self::AtLeastOnce => 1,
        }
    }
}

/// What happened in a session, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A device asks to come in. Nothing more is read until [`accept`](crate::Session::accept) or
    /// [`refuse`](crate::Session::refuse).
    Connect(Box<Connect>),
    /// The device is subscribed to its command topic, and the SUBACK that says so was taken by
    /// [`poll_transmit`](crate::Session::poll_transmit) before this event came out: a caller that writes what it takes
    /// before it polls for events may now call the device reachable (R6.2). Comes again when a device subscribes again.
    Subscribed {
        /// The QoS that was granted.
        qos: Qos,
    },
    /// The device has no subscription to a command topic any more.
    Unsubscribed,
    /// Filters of a SUBSCRIBE were refused, each with a failure code in the SUBACK.
    FiltersRefused {
        /// The first of them, as the device sent it. Untrusted text.
        first: Box<str>,
        /// How many.
        count: usize,
    },
    /// A message on the device's data topic.
    Published(Published),
    /// The device's PUBACK to a command.
    Acked {
        /// The tag given to [`send_command`](crate::Session::send_command).
        tag: u64,
        /// The MQTT 5 reason (0x80 or more) if the device took the command but says that it cannot use it.
        refused: Option<u8>,
    },
    /// The session is over; no event follows. Bytes may be left to transmit (a DISCONNECT, a CONNACK): write them, then close.
    Closed {
        /// Why.
        cause: Cause,
    },
}

/// The credentials and wishes of a CONNECT.
#[derive(PartialEq, Eq)]
pub struct Connect {
    /// The protocol's version.
    pub version: Version,
    /// The client id; see [`ClientId`](crate::ClientId). Untrusted, may be empty.
    pub client_id: Box<str>,
    /// The user name, if there is one.
    pub user_name: Option<Box<str>>,
    /// The password, if there is one. Never shown by `Debug`.
    pub password: Option<Box<[u8]>>,
    /// Seconds of keep-alive as asked for; the session enforces its own bound.
    pub keep_alive_s: u16,
    /// Clean session (MQTT 5: clean start). Makes no difference: nothing outlives a connection (R6.1).
    pub clean: bool,
    /// Whether the CONNECT carries a will.
    pub will: bool,
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("version", &self.version)
            .field("client_id", &self.client_id)
            .field("user_name", &self.user_name)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("keep_alive_s", &self.keep_alive_s)
            .field("clean", &self.clean)
            .field("will", &self.will)
            .finish()
    }
}

/// A message from the device, on its own data topic in JSON.
#[derive(Debug, PartialEq, Eq)]
pub struct Published {
    /// The payload, untrusted.
    pub payload: Bytes,
    /// The promise that a QoS 1 message asks for: hand it to [`acknowledge`](crate::Session::acknowledge) once the content is
    /// committed (R6.4). `None` for QoS 0 and for a will.
    pub promise: Option<Promise>,
    /// The device marked it as sent before.
    pub dup: bool,
    /// It is the device's will, published because the connection ended without a DISCONNECT.
    pub will: bool,
}

/// A PUBACK that we owe to the device. It belongs to the session that gave it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Promise(pub(crate) u64);

/// Why the server turns a CONNECT down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The client id does not have the prescribed form.
    ClientId,
    /// Unknown device or wrong user name, password or time. One reason for all of them: a stranger learns nothing.
    Credentials,
    /// Known, but not allowed in.
    NotAuthorised,
    /// The server cannot decide just now.
    Unavailable,
    /// Too many connections, or too many attempts.
    Busy,
}

impl Refusal {
    /// The CONNACK code of this version (MQTT 3.1.1, table 3.1; MQTT 5, 3.2.2.2).
    pub(crate) fn code(self, version: Version) -> u8 {
        let (old, new) = match self {
            Self::ClientId => (2, 0x85),
            Self::Credentials => (4, 0x86),
            Self::NotAuthorised => (5, 0x87),
            Self::Unavailable => (3, 0x88),
            Self::Busy => (3, 0x89),
        };
        match version {
            Version::V31 | Version::V311 => old,
            Version::V5 => new,
        }
    }

    /// A short name for logs and metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::ClientId => "client_id",
            Self::Credentials => "credentials",
            Self::NotAuthorised => "not_authorised",
            Self::Unavailable => "unavailable",
            Self::Busy => "busy",
        }
    }
}

/// Why the server ends a session that it had let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// A newer session of the same device subscribed (R6.5).
    TakenOver,
    /// The device was deleted, or an operator asked for it.
    Administrative,
    /// The server stops.
    ShuttingDown,
    /// The device sends more than the server takes.
    Quota,
}

impl CloseReason {
    const fn reason(self) -> u8 {
        match self {
            Self::TakenOver => 0x8E,
            Self::Administrative => 0x98,
            Self::ShuttingDown => 0x8B,
            Self::Quota => 0x97,
        }
    }

    /// A short name for logs and metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::TakenOver => "taken_over",
            Self::Administrative => "administrative",
            Self::ShuttingDown => "shutting_down",
            Self::Quota => "quota",
        }
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The device said DISCONNECT.
    Disconnected,
    /// The connection ended without one: [`Session::connection_lost`](crate::Session::connection_lost).
    Lost,
    /// No CONNECT within the time for it.
    ConnectTimeout,
    /// Nothing heard for one and a half keep-alives.
    KeepAliveTimeout,
    /// Bytes that are no MQTT packet, or a packet against the rules of its form.
    Malformed,
    /// A packet that must not come at this point, or from a device.
    Protocol,
    /// A CONNECT of an unknown version of MQTT.
    UnsupportedVersion,
    /// A CONNECT that asks for extended authentication.
    Authentication,
    /// A packet above the bound for its moment.
    TooLarge,
    /// A PUBLISH on a topic that is not the device's own data topic.
    ForeignTopic,
    /// A PUBLISH on the device's binary data topic, which is not supported.
    BinaryTopic,
    /// A will on a topic that is not the device's own JSON data topic.
    Will,
    /// A QoS 2 PUBLISH, or in MQTT 5 a QoS 2 will.
    Qos2,
    /// In MQTT 5: a retained PUBLISH or will, though we said that there is no retaining.
    Retained,
    /// In MQTT 5: a topic alias, though we said that there are none.
    TopicAlias,
    /// In MQTT 5: more unacknowledged messages than our Receive Maximum.
    ReceiveMaximum,
    /// In MQTT 5: a subscription identifier, though we said that there are none.
    SubscriptionIdentifier,
    /// The caller handed in more bytes than a session keeps that is waiting for the caller.
    Overrun,
    /// The server turned the CONNECT down.
    Refused(Refusal),
    /// The server ended the session.
    Closed(CloseReason),
}

impl Cause {
    /// The MQTT 5 reason code for DISCONNECT or CONNACK; `None` if nothing is to be said.
    pub(crate) fn reason(self) -> Option<u8> {
        match self {
            Self::Disconnected | Self::Lost | Self::ConnectTimeout => None,
            Self::KeepAliveTimeout => Some(0x8D),
            Self::Malformed => Some(0x81),
            Self::Protocol => Some(0x82),
            Self::UnsupportedVersion => Some(0x84),
            Self::Authentication => Some(0x8C),
            Self::TooLarge => Some(0x95),
            Self::ForeignTopic | Self::Will => Some(0x87),
            Self::BinaryTopic => Some(0x90),
            Self::Qos2 => Some(0x9B),
            Self::Retained => Some(0x9A),
            Self::TopicAlias => Some(0x94),
            Self::ReceiveMaximum => Some(0x93),
            Self::SubscriptionIdentifier => Some(0xA1),
            Self::Overrun => Some(0x97),
            Self::Refused(refusal) => Some(refusal.code(Version::V5)),
            Self::Closed(reason) => Some(reason.reason()),
        }
    }

    /// A short, stable name for logs and metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Lost => "lost",
            Self::ConnectTimeout => "connect_timeout",
            Self::KeepAliveTimeout => "keep_alive_timeout",
            Self::Malformed => "malformed",
            Self::Protocol => "protocol",
            Self::UnsupportedVersion => "unsupported_version",
            Self::Authentication => "authentication",
            Self::TooLarge => "too_large",
            Self::ForeignTopic => "foreign_topic",
            Self::BinaryTopic => "binary_topic",
            Self::Will => "will",
            Self::Qos2 => "qos_2",
            Self::Retained => "retained",
            Self::TopicAlias => "topic_alias",
            Self::ReceiveMaximum => "receive_maximum",
            Self::SubscriptionIdentifier => "subscription_identifier",
            Self::Overrun => "overrun",
            Self::Refused(refusal) => refusal.label(),
            Self::Closed(reason) => reason.label(),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Why a command was not taken by the session. No byte of it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The device has no subscription to its command topic, or the session is over.
    #[error("device is not subscribed")]
    NotSubscribed,
    /// As many commands wait for the device's PUBACK as may.
    #[error("too many commands wait for the device's acknowledgement")]
    Full,
    /// Larger than the packets that the device takes, or that MQTT knows.
    #[error("larger than the device takes")]
    TooLarge,
}
