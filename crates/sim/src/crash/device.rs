//! A device of a round: in the storm it sleeps, wakes, loses, acknowledges and answers as its luck has it; in the calm it is well.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::time::Duration;

use mqtt::client::{Client, Event, Login, Message};
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::plan::DevicePlan;
use super::record::{Answered, Received, Token};
use super::world::{Phase, World};
use crate::clock::passed_us;
use crate::credentials::{Credentials, IdKind};
use crate::message::{self, CommandMessage};
use crate::random::Random;

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long the last bytes of a broken connection are waited for.
const REST_WITHIN: Duration = Duration::from_millis(50);
/// How long a connection that is refused, or breaks, is mourned.
const TRY_EVERY: Duration = Duration::from_millis(10);
/// One command in so many is answered with an error; which ones depends on the token, so that a repeat gets the same answer.
const FAILS_EVERY: u64 = 7;
/// Reports are of so many services in turn, so that one that is lost is not soon made up for by the next.
const SERVICES: u64 = 8;

/// A device.
pub(crate) struct Device {
    number: usize,
    plan: DevicePlan,
    credentials: Credentials,
    world: World,
    random: Random,
    /// Answers that are to leave, or that nobody acknowledged; they leave again with the next connection.
    owed: Vec<Owed>,
    reports: u64,
}

/// Something that is published until it is acknowledged.
#[derive(Clone, Debug)]
struct Owed {
    what: What,
    payload: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Answer(Token),
    Report(u64),
}

/// One connection.
struct Link {
    stream: TcpStream,
    client: Client,
    /// What was published, by packet id.
    published: HashMap<u16, Owed>,
    /// Answers that leave at a moment, in microseconds.
    later: Vec<(u64, Owed)>,
}

impl Device {
    /// The device with this number.
    pub(crate) fn new(
        number: usize,
        plan: DevicePlan,
        node_id: &str,
        world: World,
        random: Random,
    ) -> Self {
        let registered = &world.devices[number];
        let id = match plan.id {
            IdKind::DeviceId => registered.device_id.clone(),
            IdKind::NodeId => node_id.to_owned(),
        };
        let credentials = Credentials {
            id,
            kind: plan.id,
            secret: registered.secret.clone(),
        };
        Self {
            number,
            plan,
            credentials,
            world,
            random,
            owed: Vec::new(),
            reports: 0,
        }
    }

    /// Starts anew: what it had still to say it has forgotten.
    pub(crate) fn restarted(mut self) -> Self {
        self.owed.clear();
        self
    }

    /// Lives until the round is over, or its first day is.
    pub(crate) async fn run(mut self) -> Self {
        if self.plan.sleeps {
            self.world
                .phase
                .wait_for(|phase| *phase >= Phase::Calm)
                .await
                .ok();
        }
        while self.world.phase() != Phase::Over {
            let Some(place) = self.world.platform().await else {
                return self;
            };
            if let Ok(Ok(mut link)) = timeout(CONNECT_WITHIN, self.connect(place.mqtt)).await {
                let stay = Duration::from_millis(self.random.between(60, 600));
                if self.stay(&mut link, stay).await.is_err() {
                    self.read_rest(&mut link).await;
                }
                self.keep_owed(link).await;
            } else {
                tokio::time::sleep(TRY_EVERY).await;
            }
            if self.world.phase() == Phase::Storm {
                let nap = Duration::from_millis(self.random.between(5, 250));
                self.world.pause(nap, Phase::Calm).await;
            }
        }
        self
    }

    async fn connect(&mut self, address: std::net::SocketAddr) -> io::Result<Link> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut link = Link {
            stream,
            client: Client::new(self.plan.version),
            published: HashMap::new(),
            later: Vec::new(),
        };
        link.client.connect(&Login {
            client_id: &self.credentials.client_id(),
            user_name: Some(&self.credentials.id),
            password: Some(self.credentials.password().as_bytes()),
            keep_alive_s: 60,
            clean: true,
            ..Login::default()
        });
        link.flush().await?;
        match link.next().await? {
            Event::Connack(connack) if connack.code == 0 => {}
            other => {
                self.world
                    .record
                    .odd(format!("device {} was not let in: {other:?}", self.number));
                return Err(ErrorKind::ConnectionRefused.into());
            }
        }
        link.client
            .subscribe(&mqtt::command_json(&self.credentials.id), self.plan.qos);
        link.flush().await?;
        for owed in std::mem::take(&mut self.owed) {
            self.publish(&mut link, owed);
        }
        link.flush().await?;
        Ok(link)
    }

    /// Takes commands for so long; in the calm until the round is over.
    async fn stay(&mut self, link: &mut Link, span: Duration) -> io::Result<()> {
        let until = passed_us() + u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        let mut next_report = passed_us();
        loop {
            let (now, phase) = (passed_us(), self.world.phase());
            if phase == Phase::Over || (phase == Phase::Storm && now >= until) {
                return Ok(());
            }
            self.publish_due(link, now);
            if phase == Phase::Storm && now >= next_report {
                self.report(link);
                next_report = now + self.random.between(30_000, 150_000);
            }
            link.flush().await?;
            let wake = link
                .later
                .iter()
                .map(|(at, _)| *at)
                .chain([next_report, until])
                .min()
                .unwrap_or(until);
            let wait = Duration::from_micros(wake.saturating_sub(now).clamp(1_000, 50_000));
            if let Ok(event) = timeout(wait, link.next()).await {
                self.handle(link, event?, phase);
            }
        }
    }

    /// Takes what arrived before the connection broke: it left the platform, so it counts. Then the device comes again.
    async fn read_rest(&mut self, link: &mut Link) {
        while let Ok(Ok(event)) = timeout(REST_WITHIN, link.next()).await {
            self.handle(link, event, self.world.phase());
        }
    }

    fn handle(&mut self, link: &mut Link, event: Event, phase: Phase) {
        match event {
            Event::Message(message) => self.take(link, &message, phase),
            Event::Puback { packet_id, .. } => {
                match link.published.remove(&packet_id).map(|owed| owed.what) {
                    Some(What::Answer(token)) => {
                        if let Some(answer) = self.world.record.notes().answers.get_mut(&token) {
                            answer.confirmed = true;
                        }
                    }
                    Some(What::Report(count)) => {
                        let mut notes = self.world.record.notes();
                        let place = (self.number, service(count));
                        let reports = notes.reports.entry(place).or_default();
                        reports.confirmed = reports.confirmed.max(count);
                    }
                    None => self
                        .world
                        .record
                        .odd(format!("device {}: a PUBACK for nothing", self.number)),
                }
            }
            Event::Suback { codes, .. } if codes.iter().all(|code| *code < 0x80) => {}
            Event::Pong | Event::Disconnect { .. } => {}
            other @ (Event::Connack(_) | Event::Suback { .. } | Event::Unsuback { .. }) => {
                self.world
                    .record
                    .odd(format!("device {}: {other:?}", self.number));
            }
        }
    }

    /// Notes a command, and does with it what its luck says.
    fn take(&mut self, link: &mut Link, arrived: &Message, phase: Phase) {
        let command = CommandMessage::parse(&arrived.payload).ok();
        let token = command
            .as_ref()
            .and_then(|command| command.paras.get("token")?.as_u64());
        let (Some(command), Some(token)) = (command, token) else {
            let text = String::from_utf8_lossy(&arrived.payload).into_owned();
            self.world
                .record
                .odd(format!("device {} cannot read {text}", self.number));
            return;
        };
        self.world.record.notes().received.push(Received {
            device: self.number,
            token,
            at: passed_us(),
        });
        let well = phase != Phase::Storm;
        let acknowledges = well || self.random.per_mille(880);
        if let (true, Some(packet_id)) = (acknowledges, arrived.packet_id) {
            self.world.record.notes().acknowledged.insert(token);
            self.world.said.notify_waiters();
            link.client.acknowledge(packet_id);
        }
        let wait = match self.random.below(100) {
            _ if well => 0,
            0..25 => return,
            25..75 => 0,
            _ => self.random.between(1_000, 80_000),
        };
        let errcode = i64::from(token % FAILS_EVERY == 0);
        self.world
            .record
            .notes()
            .answers
            .entry(token)
            .or_insert(Answered {
                errcode,
                confirmed: false,
            });
        let body = Map::from_iter([("token".to_owned(), Value::from(token))]);
        let owed = Owed {
            what: What::Answer(token),
            payload: message::answer(command.mid, errcode, &body),
        };
        link.later.push((passed_us() + wait, owed));
    }

    fn publish_due(&mut self, link: &mut Link, now: u64) {
        let (due, later) = std::mem::take(&mut link.later)
            .into_iter()
            .partition(|(at, _)| *at <= now);
        link.later = later;
        for (_, owed) in due {
            self.publish(link, owed);
        }
    }

    fn report(&mut self, link: &mut Link) {
        self.reports += 1;
        let (count, service) = (self.reports, service(self.reports));
        let data = Map::from_iter([("count".to_owned(), Value::from(count))]);
        let owed = Owed {
            what: What::Report(count),
            payload: message::report(&service, &data),
        };
        let mut notes = self.world.record.notes();
        let reports = notes.reports.entry((self.number, service)).or_default();
        reports.sent = count;
        drop(notes);
        self.publish(link, owed);
    }

    fn publish(&self, link: &mut Link, owed: Owed) {
        // Whoever waits for this wakes when it has left.
        self.world.said.notify_waiters();
        let topic = mqtt::data_json(&self.credentials.id);
        let packet_id = link
            .client
            .publish(&topic, &owed.payload, mqtt::Qos::AtLeastOnce);
        link.published
            .insert(packet_id.expect("QoS 1 has packet ids"), owed);
    }

    /// Ends a connection, politely or not. Answers that nobody acknowledged are owed; an old report is no news.
    async fn keep_owed(&mut self, mut link: Link) {
        if self.random.per_mille(500) {
            link.client.disconnect();
            link.flush().await.ok();
        }
        let unsaid = link.later.into_iter().map(|(_, owed)| owed);
        let all = link.published.into_values().chain(unsaid);
        self.owed
            .extend(all.filter(|owed| matches!(owed.what, What::Answer(_))));
    }
}

/// The service of the report with this number.
fn service(count: u64) -> String {
    format!("Count{}", count % SERVICES)
}

impl Link {
    async fn flush(&mut self) -> io::Result<()> {
        let mut out = Vec::new();
        if self.client.poll_transmit(&mut out) {
            self.stream.write_all(&out).await?;
        }
        Ok(())
    }

    /// The next event. Safe to give up: no byte is lost.
    async fn next(&mut self) -> io::Result<Event> {
        loop {
            if let Some(event) = self.client.poll_event() {
                return Ok(event);
            }
            let mut bytes = [0; 4_096];
            match self.stream.read(&mut bytes).await? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => {
                    let read = self.client.handle_bytes(&bytes[..count]);
                    read.map_err(|cause| io::Error::new(ErrorKind::InvalidData, cause.label()))?;
                }
            }
        }
    }
}
