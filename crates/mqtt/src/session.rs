//! One connection of one device, from the first byte to the last.
//!
//! ```text
//!  Connecting ──CONNECT──► Deciding ──accept──► Open ──DISCONNECT, fault, time, close──► Over
//!      │                      └──refuse─────────────────────────────────────────────────►│
//!      └──fault, time───────────────────────────────────────────────────────────────────►│
//! ```

mod handshake;

use core::mem;
use std::collections::VecDeque;

use bytes::{Buf as _, Bytes, BytesMut};

use crate::codec::{self, Will};
use crate::event::{
    Cause, CloseReason, Event, Promise, Published, Qos, Refusal, SendError, Version,
};
use crate::ledger::{Outstanding, Promises};
use crate::limits::{Limits, Millis};
use crate::topic::{self, Access, PublishRefusal};
use crate::wire::{self, Frame};

/// Bytes kept beyond one packet from a caller that hands them in although the session does not want any.
const OVERRUN_BYTES_MAX: usize = 64 * 1024;

/// DISCONNECT with will message (MQTT 5, 3.14.2.1).
const DISCONNECT_WITH_WILL: u8 = 0x04;
/// No subscription existed (MQTT 5, 3.11.3).
const NO_SUBSCRIPTION: u8 = 0x11;
/// Failure of a filter in a SUBACK before MQTT 5 (MQTT 3.1.1, 3.9.3).
const FILTER_FAILURE: u8 = 0x80;

/// Where a session stands.
#[derive(Debug)]
enum Phase {
    /// Waits for CONNECT.
    Connecting,
    /// The server decides about the CONNECT.
    Deciding,
    /// The device is in, with access to these topics.
    Open(Access),
    /// Ended.
    Over,
}

/// The server side of one MQTT connection: bytes and time in; events, bytes and a deadline out. One object per connection, and
/// nothing of it outlives it (R6.1).
///
/// A caller's turn: hand in what arrived ([`handle_bytes`](Self::handle_bytes), [`handle_timeout`](Self::handle_timeout)) or a
/// wish ([`send_command`](Self::send_command), [`acknowledge`](Self::acknowledge) …); then write what
/// [`poll_transmit`](Self::poll_transmit) gives; then take the events; once more, as long as there is anything; then wait until
/// [`poll_timeout`](Self::poll_timeout), and read from the device only while [`wants_bytes`](Self::wants_bytes).
#[derive(Debug)]
pub struct Session {
    limits: Limits,
    phase: Phase,
    version: Version,
    /// The largest packet that the device takes.
    peer_bytes_max: u32,
    /// The most commands that may be outstanding: our bound, or the device's Receive Maximum.
    outstanding_max: u16,
    /// The keep-alive that is enforced, in seconds.
    keep_alive_s: u16,
    /// When the last packet arrived; before CONNECT, when the connection began.
    heard: Millis,
    /// The QoS granted on the command topic of each of the device's names.
    granted: [Option<Qos>; 2],
    /// A subscription whose SUBACK still lies in `outbox`.
    unannounced: Option<Qos>,
    will: Option<Box<Will>>,
    outstanding: Outstanding,
    promises: Promises,
    inbox: BytesMut,
    outbox: Vec<u8>,
    events: VecDeque<Event>,
}

impl Session {
    /// A session for a connection that began at `now`.
    pub fn new(limits: Limits, now: Millis) -> Self {
        let limits = limits.at_least_one();
        Self {
            limits,
            phase: Phase::Connecting,
            version: Version::V311,
            peer_bytes_max: u32::MAX,
            outstanding_max: limits.commands_unacknowledged_max,
            keep_alive_s: limits.keep_alive_s_max,
            heard: now,
            granted: [None; 2],
            unannounced: None,
            will: None,
            outstanding: Outstanding::default(),
            promises: Promises::default(),
            inbox: BytesMut::new(),
            outbox: Vec::new(),
            events: VecDeque::new(),
        }
    }

    /// Takes bytes from the device, cut anywhere. What is kept of them is bounded by the largest packet plus this one call's
    /// bytes. After the end they are dropped.
    pub fn handle_bytes(&mut self, bytes: &[u8], now: Millis) {
        if !self.wants_bytes() {
            let kept_max = self.limits.packet_bytes_max as usize + OVERRUN_BYTES_MAX;
            if self.inbox.len().saturating_add(bytes.len()) > kept_max {
                self.end(Cause::Overrun);
            }
        }
        if self.inbox.is_empty() {
            let used = self.take_packets(bytes, now);
            if !self.is_over() {
                self.inbox.extend_from_slice(&bytes[used..]);
            }
        } else {
            self.inbox.extend_from_slice(bytes);
            self.take_kept(now);
        }
    }

    /// Whether the session can take more bytes. `false` while the server decides about the CONNECT, while as many QoS 1 messages
    /// as allowed wait for [`acknowledge`](Self::acknowledge), and after the end.
    pub fn wants_bytes(&self) -> bool {
        match self.phase {
            Phase::Connecting => true,
            Phase::Open(_) => !self.is_stalled(),
            Phase::Deciding | Phase::Over => false,
        }
    }

    /// The connection ended: nothing more can be read or written. Publishes the will if there is one; the last event is
    /// [`Event::Closed`].
    pub fn connection_lost(&mut self) {
        self.end(Cause::Lost);
        self.outbox = Vec::new();
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if self.events.is_empty() && self.events.capacity() > 0 {
            self.events = VecDeque::new();
        }
        event
    }

    /// Appends everything that is to be written to `out`; `false` if there is nothing.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>) -> bool {
        if self.outbox.is_empty() {
            return false;
        }
        out.append(&mut self.outbox);
        self.outbox = Vec::new();
        if let Some(qos) = self.unannounced.take() {
            self.events.push_back(Event::Subscribed { qos });
        }
        true
    }

    /// The moment at which [`handle_timeout`](Self::handle_timeout) is to be called, if any. Each packet moves it.
    pub fn poll_timeout(&self) -> Option<Millis> {
        match self.phase {
            Phase::Connecting => Some(self.heard.saturating_add(self.limits.connect_ms_max)),
            Phase::Open(_) if !self.is_stalled() => Some(
                self.heard
                    .saturating_add(Millis::from(self.keep_alive_s) * 1_500),
            ),
            Phase::Open(_) | Phase::Deciding | Phase::Over => None,
        }
    }

    /// Ends the session if its deadline has come: no CONNECT in time, or one and a half keep-alives of silence (MQTT 3.1.1,
    /// 3.1.2.10). Too early a call does nothing.
    pub fn handle_timeout(&mut self, now: Millis) {
        if self.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.end(match self.phase {
                Phase::Connecting => Cause::ConnectTimeout,
                Phase::Deciding | Phase::Open(_) | Phase::Over => Cause::KeepAliveTimeout,
            });
        }
    }

    /// Ends the session, with a DISCONNECT in MQTT 5. Publishes the will, as the device did not say DISCONNECT (MQTT 3.1.1,
    /// 3.1.2.5).
    pub fn close(&mut self, reason: CloseReason) {
        if let Phase::Deciding = self.phase {
            self.put_connack(Refusal::Unavailable.code(self.version));
        }
        self.end(Cause::Closed(reason));
    }

    /// Sends a command on the topic that the device is subscribed to: a new PUBLISH with a new packet id, never repeated by the
    /// session (R6.3). The QoS is the lower of `qos_max` and what was granted, and is returned: with [`Qos::AtLeastOnce`] the
    /// device's PUBACK comes back as [`Event::Acked`] with `tag`, which need not be unique.
    pub fn send_command(
        &mut self,
        payload: &[u8],
        qos_max: Qos,
        tag: u64,
    ) -> Result<Qos, SendError> {
        let Phase::Open(access) = &self.phase else {
            return Err(SendError::NotSubscribed);
        };
        let (slot, granted) = self.subscription().ok_or(SendError::NotSubscribed)?;
        let name = access.name(slot).ok_or(SendError::NotSubscribed)?;
        let qos = granted.min(qos_max);
        let packet_id = match qos {
            Qos::AtMostOnce => None,
            Qos::AtLeastOnce if self.outstanding.len() >= usize::from(self.outstanding_max) => {
                return Err(SendError::Full);
            }
            Qos::AtLeastOnce => Some(self.outstanding.open(tag)),
        };
        let message = wire::Outgoing {
            topic: topic::command_json_parts(name),
            payload,
            packet_id,
        };
        if wire::put_publish(&mut self.outbox, self.version, message, self.peer_bytes_max) {
            return Ok(qos);
        }
        if packet_id.is_some() {
            self.outstanding.withdraw();
        }
        Err(SendError::TooLarge)
    }

    /// Keeps the promise of an [`Event::Published`] whose content is committed: our PUBACK leaves once those of all earlier
    /// messages have (R6.4). A promise that was kept already, or outlived the session, is ignored.
    pub fn acknowledge(&mut self, promise: Promise, now: Millis) {
        let was_stalled = self.is_stalled();
        self.promises.fulfil(promise);
        while let Some(packet_id) = self.promises.next_due() {
            wire::put_puback(&mut self.outbox, packet_id);
        }
        if was_stalled && !self.is_stalled() {
            self.heard = now;
            self.take_kept(now);
        }
    }

    /// Bytes of memory that the session holds now, its own size included.
    pub fn footprint_bytes(&self) -> usize {
        let access = if let Phase::Open(access) = &self.phase {
            access.heap_bytes()
        } else {
            0
        };
        let will = self.will.as_ref().map_or(0, |will| {
            size_of::<Will>() + will.topic.len() + will.payload.len()
        });
        size_of::<Self>()
            + access
            + will
            + self.outstanding.heap_bytes()
            + self.promises.heap_bytes()
            + self.inbox.capacity()
            + self.outbox.capacity()
            + self.events.capacity() * size_of::<Event>()
    }

    fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Before MQTT 5 a device knows no bound on what it sends unacknowledged, so it is made to wait.
    fn is_stalled(&self) -> bool {
        matches!(self.phase, Phase::Open(_))
            && self.version != Version::V5
            && self.is_full_of_promises()
    }

    fn is_full_of_promises(&self) -> bool {
        self.promises.len() >= usize::from(self.limits.reports_unacknowledged_max)
    }

    /// The subscription that commands use: that of the name that the device connected with, else of its other name.
    fn subscription(&self) -> Option<(usize, Qos)> {
        self.granted
            .iter()
            .enumerate()
            .find_map(|(slot, granted)| granted.map(|qos| (slot, qos)))
    }

    fn take_kept(&mut self, now: Millis) {
        let mut kept = mem::take(&mut self.inbox);
        let used = self.take_packets(&kept, now);
        kept.advance(used);
        if !self.is_over() && !kept.is_empty() {
            self.inbox = kept;
        }
    }

    /// Takes whole packets from the start of `bytes` as long as the session wants any, and says how many bytes they were.
    fn take_packets(&mut self, bytes: &[u8], now: Millis) -> usize {
        let mut used = 0;
        while self.wants_bytes() {
            match self.take_packet(&bytes[used..]) {
                Ok(0) => break,
                Ok(taken) => {
                    used += taken;
                    self.heard = if let Phase::Connecting = self.phase {
                        self.heard
                    } else {
                        now
                    };
                }
                Err(cause) => self.end(cause),
            }
        }
        used
    }

    /// Takes one packet and says how many bytes it was; 0 if it is not whole yet.
    fn take_packet(&mut self, bytes: &[u8]) -> Result<usize, Cause> {
        let connecting = matches!(self.phase, Phase::Connecting);
        if connecting
            && bytes
                .first()
                .is_some_and(|&first| first != wire::CONNECT << 4)
        {
            return Err(Cause::Malformed);
        }
        let bytes_max = if connecting {
            self.limits.connect_bytes_max
        } else {
            self.limits.packet_bytes_max
        };
        let Some(frame) = wire::frame(bytes, bytes_max)? else {
            return Ok(0);
        };
        if connecting {
            self.on_connect(frame.body)?;
        } else {
            self.on_packet(frame)?;
        }
        Ok(frame.bytes)
    }

    fn on_packet(&mut self, frame: Frame<'_>) -> Result<(), Cause> {
        self.check_flags(frame)?;
        match frame.kind {
            wire::PUBLISH => self.on_publish(frame),
            wire::PUBACK => self.on_puback(frame.body),
            wire::SUBSCRIBE => self.on_subscribe(frame.body),
            wire::UNSUBSCRIBE => self.on_unsubscribe(frame.body),
            wire::PINGREQ if frame.body.is_empty() => {
                self.outbox.extend_from_slice(&[wire::PINGRESP << 4, 0]);
                Ok(())
            }
            wire::PINGREQ | 0 => Err(Cause::Malformed),
            wire::DISCONNECT => self.on_disconnect(frame.body),
            wire::AUTH if self.version != Version::V5 => Err(Cause::Malformed),
            // CONNECT again; what only servers send; the packets of QoS 2; AUTH, for which no method was agreed.
            _ => Err(Cause::Protocol),
        }
    }

    /// The flags of a fixed header are prescribed (MQTT 3.1.1, 2.2.2), but not in MQTT 3.1.
    fn check_flags(&self, frame: Frame<'_>) -> Result<(), Cause> {
        let prescribed = match frame.kind {
            wire::PUBLISH => frame.flags,
            wire::SUBSCRIBE | wire::UNSUBSCRIBE | 6 => 0b0010,
            _ => 0,
        };
        if frame.flags == prescribed || self.version == Version::V31 {
            Ok(())
        } else {
            Err(Cause::Malformed)
        }
    }

    fn on_publish(&mut self, frame: Frame<'_>) -> Result<(), Cause> {
        let message = wire::publish(self.version, frame.flags, frame.body)?;
        if message.alias {
            return Err(Cause::TopicAlias);
        }
        if message.qos > 1 {
            return Err(Cause::Qos2);
        }
        if message.retain && self.version == Version::V5 {
            return Err(Cause::Retained);
        }
        let Phase::Open(access) = &self.phase else {
            return Err(Cause::Protocol);
        };
        access
            .publish(message.topic)
            .map_err(|refusal| match refusal {
                PublishRefusal::Foreign => Cause::ForeignTopic,
                PublishRefusal::Binary => Cause::BinaryTopic,
            })?;
        if message.packet_id.is_some() && self.is_full_of_promises() {
            return Err(Cause::ReceiveMaximum);
        }
        self.events.push_back(Event::Published(Published {
            payload: Bytes::copy_from_slice(message.payload),
            promise: message
                .packet_id
                .map(|packet_id| self.promises.make(packet_id)),
            dup: message.dup,
            will: false,
        }));
        Ok(())
    }

    fn on_puback(&mut self, body: &[u8]) -> Result<(), Cause> {
        let (packet_id, reason) = wire::puback(self.version, body)?;
        // A second PUBACK for the same packet id is harmless, and means nothing.
        if let Some(tag) = self.outstanding.close(packet_id) {
            self.events.push_back(Event::Acked {
                tag,
                refused: (reason >= 0x80).then_some(reason),
            });
        }
        Ok(())
    }

    fn on_subscribe(&mut self, body: &[u8]) -> Result<(), Cause> {
        let (packet_id, filters) = codec::subscribe(self.version, body)?;
        let Phase::Open(access) = &self.phase else {
            return Err(Cause::Protocol);
        };
        let mut codes = Vec::with_capacity(filters.len());
        let mut refused: (Option<Box<str>>, usize) = (None, 0);
        let mut any_granted = false;
        for (filter, asked) in filters {
            match access.subscribe(&filter) {
                Ok(slot) => {
                    let qos = if asked == 0 {
                        Qos::AtMostOnce
                    } else {
                        Qos::AtLeastOnce
                    };
                    self.granted[slot] = Some(qos);
                    any_granted = true;
                    codes.push(qos.level());
                }
                Err(refusal) => {
                    codes.push(if self.version == Version::V5 {
                        refusal.reason()
                    } else {
                        FILTER_FAILURE
                    });
                    refused = (refused.0.or(Some(filter)), refused.1 + 1);
                }
            }
        }
        self.put_codes(wire::SUBACK, packet_id, &codes)?;
        if let (Some(first), count) = refused {
            self.events
                .push_back(Event::FiltersRefused { first, count });
        }
        if any_granted {
            self.unannounced = self.subscription().map(|(_, qos)| qos);
        }
        Ok(())
    }

    fn on_unsubscribe(&mut self, body: &[u8]) -> Result<(), Cause> {
        let (packet_id, filters) = codec::unsubscribe(self.version, body)?;
        let Phase::Open(access) = &self.phase else {
            return Err(Cause::Protocol);
        };
        let mut codes = Vec::with_capacity(filters.len());
        let mut any_ended = false;
        for filter in filters {
            let ended = access
                .subscribe(&filter)
                .ok()
                .and_then(|slot| self.granted[slot].take());
            any_ended |= ended.is_some();
            codes.push(if ended.is_some() { 0 } else { NO_SUBSCRIPTION });
        }
        if self.version != Version::V5 {
            codes.clear();
        }
        self.put_codes(wire::UNSUBACK, packet_id, &codes)?;
        if any_ended && self.subscription().is_none() {
            self.unannounced = None;
            self.events.push_back(Event::Unsubscribed);
        }
        Ok(())
    }

    /// Writes a SUBACK or UNSUBACK. One that the device would not take ends the session.
    fn put_codes(&mut self, kind: u8, packet_id: u16, codes: &[u8]) -> Result<(), Cause> {
        if codes.len() + 8 > self.peer_bytes_max as usize {
            return Err(Cause::TooLarge);
        }
        codec::put_codes(&mut self.outbox, kind, self.version, packet_id, codes);
        Ok(())
    }

    fn on_disconnect(&mut self, body: &[u8]) -> Result<(), Cause> {
        if codec::disconnect(self.version, body)? != DISCONNECT_WITH_WILL {
            self.will = None;
        }
        self.end(Cause::Disconnected);
        Ok(())
    }

    /// Ends the session, once: says why in MQTT 5, publishes the will, frees what is kept.
    fn end(&mut self, cause: Cause) {
        match mem::replace(&mut self.phase, Phase::Over) {
            Phase::Over => return,
            Phase::Connecting | Phase::Deciding => {}
            Phase::Open(_) => {
                if let (Version::V5, Some(reason), 3..) =
                    (self.version, cause.reason(), self.peer_bytes_max)
                {
                    self.outbox
                        .extend_from_slice(&[wire::DISCONNECT << 4, 1, reason]);
                }
                if let Some(will) = self.will.take() {
                    let payload = will.payload;
                    self.events.push_back(Event::Published(Published {
                        payload,
                        promise: None,
                        dup: false,
                        will: true,
                    }));
                }
            }
        }
        self.will = None;
        self.granted = [None; 2];
        self.unannounced = None;
        self.inbox = BytesMut::new();
        self.outstanding = Outstanding::default();
        self.promises = Promises::default();
        self.events.push_back(Event::Closed { cause });
    }
}
