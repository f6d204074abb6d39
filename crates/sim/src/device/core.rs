//! A device without I/O and without a clock: bytes and time in, bytes out, and a record of all it saw.

use std::collections::{BTreeMap, VecDeque};

use mqtt::client::{Client, Event, Login, Message};
use mqtt::{Cause, Qos, Version, command_json, data_json};
use serde_json::{Map, Value};

use crate::behaviour::{Acknowledges, Behaviour, Reaction};
use crate::credentials::Credentials;
use crate::message::{self, CommandMessage};
use crate::random::Random;

/// Seconds of keep-alive, as the vendor's demo asks for.
const KEEP_ALIVE_S: u16 = 60;
/// Milliseconds without anything sent after which the device pings.
const PING_AFTER_MS: u64 = 30_000;

/// A command as it arrived: every arrival is one, also of the same command again, and also one that the device then loses.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// Counts arrivals, from 0.
    pub index: usize,
    /// The command's mid.
    pub mid: u16,
    /// Its service.
    pub service_id: String,
    /// Its name.
    pub cmd: String,
    /// Its parameters.
    pub paras: Map<String, Value>,
    /// When, in milliseconds of the caller's clock.
    pub at_ms: u64,
    /// What the device did with it.
    pub reaction: Reaction,
}

/// Where a device's connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No connection.
    Asleep,
    /// CONNECT or SUBSCRIBE is not answered yet.
    Waking,
    /// Subscribed.
    Awake,
}

/// Why a connection is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// The platform refused the CONNECT or the subscription.
    #[error("the platform refused with code {0}")]
    Refused(u8),
    /// The platform ended the connection (MQTT 5).
    #[error("the platform ended the connection with code {0}")]
    Disconnected(u8),
    /// The platform sent what is no MQTT.
    #[error("the platform sent no MQTT: {0}")]
    Protocol(Cause),
}

/// A native MQTT device, sans-io.
#[derive(Debug)]
pub struct Core {
    credentials: Credentials,
    behaviour: Behaviour,
    /// What it does with its next commands, before its behaviour decides; the last one holds on.
    script: VecDeque<Reaction>,
    random: Random,
    version: Version,
    link: Option<Link>,
    /// Payloads to publish, by moment and order.
    due: BTreeMap<(u64, u64), Vec<u8>>,
    due_count: u64,
    received: Vec<Received>,
    confirmed: u64,
}

/// What lives as long as a connection.
#[derive(Debug)]
struct Link {
    client: Client,
    state: State,
    subscription: Option<u16>,
    /// Published, not yet acknowledged by the platform.
    unconfirmed: VecDeque<(u16, Vec<u8>)>,
    sent_at: u64,
}

impl Core {
    /// A device that is asleep. Its luck comes from `seed`.
    pub fn new(credentials: Credentials, behaviour: Behaviour, seed: u64) -> Self {
        Self {
            credentials,
            behaviour,
            script: VecDeque::new(),
            random: Random::new(seed),
            version: Version::V311,
            link: None,
            due: BTreeMap::new(),
            due_count: 0,
            received: Vec::new(),
            confirmed: 0,
        }
    }

    /// Speaks another version of MQTT from its next connection on; 3.1.1 if not set.
    pub fn speak(&mut self, version: Version) {
        self.version = version;
    }

    /// Takes on other habits.
    pub fn behave(&mut self, behaviour: Behaviour) {
        self.behaviour = behaviour;
    }

    /// Takes its next commands in these ways, one after the other, and all further ones in the last of them.
    pub fn follow(&mut self, script: impl IntoIterator<Item = Reaction>) {
        self.script = script.into_iter().collect();
    }

    /// Begins a new connection with CONNECT. What is left of an old one is dropped.
    pub fn connect(&mut self, now_ms: u64) {
        self.lost(now_ms);
        let mut client = Client::new(self.version);
        client.connect(&Login {
            client_id: &self.credentials.client_id(),
            user_name: Some(&self.credentials.id),
            password: Some(self.credentials.password().as_bytes()),
            keep_alive_s: KEEP_ALIVE_S,
            clean: true,
            ..Login::default()
        });
        self.link = Some(Link {
            client,
            state: State::Waking,
            subscription: None,
            unconfirmed: VecDeque::new(),
            sent_at: now_ms,
        });
    }

    /// Says DISCONNECT. Whoever drives the device writes it and closes.
    pub fn disconnect(&mut self) {
        if let Some(link) = &mut self.link {
            link.client.disconnect();
        }
    }

    /// The connection is gone. What the platform has not acknowledged is sent again over the next one, as a device does.
    pub fn lost(&mut self, now_ms: u64) {
        let Some(link) = self.link.take() else {
            return;
        };
        for (_, payload) in link.unconfirmed {
            self.owe(payload, now_ms);
        }
    }

    /// Where the connection stands.
    pub fn state(&self) -> State {
        self.link.as_ref().map_or(State::Asleep, |link| link.state)
    }

    /// Everything that arrived, in order.
    pub fn received(&self) -> &[Received] {
        &self.received
    }

    /// How many answers and reports the platform has acknowledged, which is its word that they are kept (R6.4).
    pub fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// How many answers and reports it has not acknowledged yet.
    pub fn unconfirmed(&self) -> usize {
        self.due.len() + self.link.as_ref().map_or(0, |link| link.unconfirmed.len())
    }

    /// Reports data of a service as soon as it is awake.
    pub fn report(&mut self, service_id: &str, data: &Map<String, Value>, now_ms: u64) {
        self.owe(message::report(service_id, data), now_ms);
        self.publish_due(now_ms);
    }

    /// Takes bytes from the platform, cut anywhere. After an error the connection is to be closed, and [`lost`](Self::lost) told.
    pub fn handle_bytes(&mut self, bytes: &[u8], now_ms: u64) -> Result<(), Ended> {
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        let read = link.client.handle_bytes(bytes).map_err(Ended::Protocol);
        while let Some(event) = self.link.as_mut().and_then(|link| link.client.poll_event()) {
            self.handle_event(event, now_ms)?;
        }
        read
    }

    /// Appends everything that is to be written; `false` if there is nothing.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>, now_ms: u64) -> bool {
        let Some(link) = &mut self.link else {
            return false;
        };
        let any = link.client.poll_transmit(out);
        if any {
            link.sent_at = now_ms;
        }
        any
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called, if ever.
    pub fn poll_timeout(&self) -> Option<u64> {
        let link = self.link.as_ref()?;
        let ping = link.sent_at + PING_AFTER_MS;
        let due = self.due.keys().next().map(|(at, _)| *at);
        match link.state {
            State::Awake => Some(due.map_or(ping, |due| due.min(ping))),
            State::Waking => Some(ping),
            State::Asleep => None,
        }
    }

    /// Publishes what is due, and pings.
    pub fn handle_timeout(&mut self, now_ms: u64) {
        self.publish_due(now_ms);
        if let Some(link) = &mut self.link
            && now_ms >= link.sent_at + PING_AFTER_MS
        {
            link.client.ping();
            link.sent_at = now_ms;
        }
    }

    fn handle_event(&mut self, event: Event, now_ms: u64) -> Result<(), Ended> {
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        match event {
            Event::Connack(connack) if connack.code == 0 => {
                let topic = command_json(&self.credentials.id);
                link.subscription = Some(link.client.subscribe(&topic, Qos::AtLeastOnce));
            }
            Event::Connack(connack) => return Err(Ended::Refused(connack.code)),
            Event::Suback { packet_id, codes } if link.subscription == Some(packet_id) => {
                if let Some(&code) = codes.iter().find(|code| **code > 2) {
                    return Err(Ended::Refused(code));
                }
                link.state = State::Awake;
                self.publish_due(now_ms);
            }
            Event::Message(message) => self.handle_message(&message, now_ms),
            Event::Puback { packet_id, .. } => {
                let place = link.unconfirmed.iter().position(|(id, _)| *id == packet_id);
                if let Some(place) = place {
                    link.unconfirmed.remove(place);
                    self.confirmed += 1;
                }
            }
            Event::Disconnect { reason } => return Err(Ended::Disconnected(reason)),
            Event::Suback { .. } | Event::Unsuback { .. } | Event::Pong => {}
        }
        Ok(())
    }

    fn handle_message(&mut self, arrived: &Message, now_ms: u64) {
        let Ok(command) = CommandMessage::parse(&arrived.payload) else {
            // What it cannot read a device acknowledges and forgets.
            self.acknowledge(arrived.packet_id);
            return;
        };
        let reaction = self.react();
        let answer = self
            .behaviour
            .payload(reaction.answers, command.mid, &command.cmd);
        match reaction.acknowledges {
            Acknowledges::Never => {}
            Acknowledges::First => {
                self.acknowledge(arrived.packet_id);
                self.answer(answer, reaction, now_ms);
            }
            Acknowledges::AfterAnswer => {
                self.answer(answer, reaction, now_ms);
                self.acknowledge(arrived.packet_id);
            }
        }
        self.received.push(Received {
            index: self.received.len(),
            mid: command.mid,
            service_id: command.service_id,
            cmd: command.cmd,
            paras: command.paras,
            at_ms: now_ms,
            reaction,
        });
    }

    fn react(&mut self) -> Reaction {
        match self.script.len() {
            0 => self.behaviour.react(&mut self.random),
            1 => self.script[0],
            _ => self.script.pop_front().expect("there are several"),
        }
    }

    fn acknowledge(&mut self, packet_id: Option<u16>) {
        if let (Some(link), Some(packet_id)) = (&mut self.link, packet_id) {
            link.client.acknowledge(packet_id);
        }
    }

    fn answer(&mut self, answer: Option<Vec<u8>>, reaction: Reaction, now_ms: u64) {
        let Some(answer) = answer else {
            return;
        };
        for _ in 0..reaction.times {
            self.owe(answer.clone(), now_ms + reaction.after_ms);
        }
        self.publish_due(now_ms);
    }

    fn owe(&mut self, payload: Vec<u8>, at_ms: u64) {
        self.due.insert((at_ms, self.due_count), payload);
        self.due_count += 1;
    }

    fn publish_due(&mut self, now_ms: u64) {
        let Some(link) = self.link.as_mut().filter(|link| link.state == State::Awake) else {
            return;
        };
        let topic = data_json(&self.credentials.id);
        while let Some(entry) = self.due.first_entry() {
            if entry.key().0 > now_ms {
                return;
            }
            let payload = entry.remove();
            let packet_id = link.client.publish(&topic, &payload, Qos::AtLeastOnce);
            let packet_id = packet_id.expect("a QoS 1 message has a packet id");
            link.unconfirmed.push_back((packet_id, payload));
        }
    }
}
