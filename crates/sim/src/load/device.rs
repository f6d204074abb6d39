//! A device of the load: it acknowledges, then answers, in a write each, as devices do; it allocates little.

use std::future::poll_fn;
use std::io::Write as _;
use std::task::{Context, Poll, ready};

use mqtt::client::{Client, Event, Login, Message};
use mqtt::{Qos, Version, command_json, data_json};

use super::LoadError;
use super::post::{Outbound, read};
use super::wire::{Trust, Wire};
use crate::credentials::Credentials;
use crate::device::Ended;

/// Seconds: longer than any measurement, so that nobody pings in between.
const KEEP_ALIVE_S: u16 = 1_200;

/// What happened at a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    /// Command `n` arrived and is answered.
    Arrived(u64),
    /// The platform acknowledged the answer to command `n`: it is committed.
    Confirmed(u64),
}

/// A device that is awake.
#[derive(Debug)]
pub(super) struct DeviceLink {
    pub(super) id: Box<str>,
    topic: Box<str>,
    stream: Wire,
    client: Client,
    outbound: Outbound,
    /// Commands that are to be answered once their acknowledgement is written: mid and command.
    owed: Vec<(u64, u64)>,
    /// Answers on their way: packet id and command.
    answers: Vec<(u16, u64)>,
    /// What happened and was not taken yet.
    happened: Vec<Happened>,
}

impl DeviceLink {
    /// Connects and subscribes.
    pub(super) async fn open(
        (address, trust): (std::net::SocketAddr, Option<&Trust>),
        credentials: &Credentials,
    ) -> Result<Self, LoadError> {
        let stream = Wire::open(address, trust, "no MQTT connection to the platform").await?;
        let mut client = Client::new(Version::V311);
        client.connect(&Login {
            client_id: &credentials.client_id(),
            user_name: Some(&credentials.id),
            password: Some(credentials.password().as_bytes()),
            keep_alive_s: KEEP_ALIVE_S,
            clean: true,
            ..Login::default()
        });
        let mut link = Self {
            id: credentials.id.as_str().into(),
            topic: data_json(&credentials.id).into(),
            stream,
            client,
            outbound: Outbound::default(),
            owed: Vec::new(),
            answers: Vec::new(),
            happened: Vec::new(),
        };
        link.subscribe().await?;
        Ok(link)
    }

    /// Writes and reads until something has happened; calls `heard` with each.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut heard: impl FnMut(Happened),
    ) -> Poll<Result<(), LoadError>> {
        loop {
            self.flush(cx)?;
            self.answer_owed(cx)?;
            ready!(self.poll_read(cx))?;
            while let Some(event) = self.client.poll_event() {
                self.handle(event)?;
            }
            self.flush(cx)?;
            self.answer_owed(cx)?;
            if !self.happened.is_empty() {
                self.happened.drain(..).for_each(&mut heard);
                return Poll::Ready(Ok(()));
            }
        }
    }

    async fn subscribe(&mut self) -> Result<(), LoadError> {
        let filter = command_json(&self.id);
        let mut wanted = None;
        loop {
            poll_fn(|cx| {
                self.flush(cx)?;
                self.poll_read(cx)
            })
            .await?;
            while let Some(event) = self.client.poll_event() {
                match event {
                    Event::Connack(connack) if connack.code == 0 => {
                        wanted = Some(self.client.subscribe(&filter, Qos::AtLeastOnce));
                    }
                    Event::Connack(connack) => return Err(self.turned_away(connack.code)),
                    Event::Suback { packet_id, codes } if wanted == Some(packet_id) => {
                        let refusal = codes.iter().find(|code| **code > 2);
                        return refusal.map_or(Ok(()), |code| Err(self.turned_away(*code)));
                    }
                    // A command may arrive with the SUBACK in one read.
                    other => self.handle(other)?,
                }
            }
        }
    }

    fn handle(&mut self, event: Event) -> Result<(), LoadError> {
        match event {
            Event::Message(message) => self.acknowledge(&message),
            Event::Puback { packet_id, .. } => {
                let place = self.answers.iter().position(|(id, _)| *id == packet_id);
                if let Some(place) = place {
                    let (_, n) = self.answers.swap_remove(place);
                    self.happened.push(Happened::Confirmed(n));
                }
                Ok(())
            }
            Event::Disconnect { reason } => Err(self.turned_away(reason)),
            Event::Connack(_) | Event::Suback { .. } | Event::Unsuback { .. } | Event::Pong => {
                Ok(())
            }
        }
    }

    fn acknowledge(&mut self, message: &Message) -> Result<(), LoadError> {
        let (mid, n) = (
            number(&message.payload, b"\"mid\":"),
            number(&message.payload, b"\"n\":"),
        );
        let (Some(mid), Some(n)) = (mid, n) else {
            return Err(LoadError::Answer("a command has no mid or no number"));
        };
        if let Some(packet_id) = message.packet_id {
            self.client.acknowledge(packet_id);
        }
        self.owed.push((mid, n));
        self.happened.push(Happened::Arrived(n));
        Ok(())
    }

    /// Answers what is acknowledged.
    fn answer_owed(&mut self, cx: &mut Context<'_>) -> Result<(), LoadError> {
        if self.owed.is_empty() {
            return Ok(());
        }
        for (mid, n) in self.owed.drain(..) {
            let mut payload = [0_u8; 96];
            let mut rest = &mut payload[..];
            write!(
                rest,
                r#"{{"msgType":"deviceRsp","mid":{mid},"errcode":0,"hasMore":0,"body":{{}}}}"#
            )
            .expect("96 bytes hold an answer");
            let left = rest.len();
            let payload = &payload[..payload.len() - left];
            let packet_id = self.client.publish(&self.topic, payload, Qos::AtLeastOnce);
            let packet_id = packet_id.expect("a QoS 1 message has a packet id");
            self.answers.push((packet_id, n));
        }
        self.flush(cx)
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<(), LoadError> {
        self.client.poll_transmit(&mut self.outbound.bytes);
        let written = self.outbound.poll_write(&mut self.stream, cx);
        written.map_err(LoadError::connection("an MQTT connection broke"))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LoadError>> {
        let mut handled = Ok(());
        let client = &mut self.client;
        let read = read(&mut self.stream, cx, |bytes| {
            handled = client.handle_bytes(bytes);
        });
        ready!(read).map_err(LoadError::connection("an MQTT connection broke"))?;
        Poll::Ready(handled.map_err(|cause| LoadError::Device {
            id: self.id.to_string(),
            source: Ended::Protocol(cause),
        }))
    }

    fn turned_away(&self, code: u8) -> LoadError {
        LoadError::Device {
            id: self.id.to_string(),
            source: Ended::Refused(code),
        }
    }
}

/// The number after `key` in a JSON text that the platform wrote, without reading the rest of it.
fn number(json: &[u8], key: &[u8]) -> Option<u64> {
    let at = json.windows(key.len()).position(|window| window == key)?;
    let mut rest = json[at + key.len()..]
        .iter()
        .skip_while(|byte| **byte == b' ')
        .peekable();
    rest.next_if(|byte| byte.is_ascii_digit())
        .and_then(|first| {
            let digits = rest.take_while(|byte| byte.is_ascii_digit());
            let add =
                |sum: u64, digit: &u8| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
            let mut digits = std::iter::once(first).chain(digits);
            digits.try_fold(0, add)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_after_their_key() {
        let json = br#"{"paras":{"n": 18446744073709551615},"mid":65535,"hasMore":0}"#;
        assert_eq!(number(json, b"\"n\":"), Some(u64::MAX));
        assert_eq!(number(json, b"\"mid\":"), Some(65535));
        assert_eq!(number(json, b"\"x\":"), None);
        assert_eq!(number(br#"{"n":99999999999999999999}"#, b"\"n\":"), None);
        assert_eq!(number(br#"{"n":}"#, b"\"n\":"), None);
    }
}
