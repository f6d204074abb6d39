//! An MQTT device of the tests' own: every packet is its decision.

use super::{PATIENCE, Platform, SECRET};
use delivery::DeviceId;
use hmac::{Hmac, KeyInit, Mac};
use mqtt::client::{Client, Connack, Event, Message};
use mqtt::{Qos, Version};
use serde_json::Value;
use sha2::Sha256;
use std::collections::VecDeque;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TIME: &str = "2026112212";

/// What a device says of itself when it connects.
pub(crate) struct Login {
    pub(crate) client_id: String,
    pub(crate) user_name: String,
    pub(crate) password: String,
    pub(crate) version: Version,
}

impl Login {
    /// The right words of a device.
    pub(crate) fn of(name: &str, auth_type: u8) -> Self {
        Self::by(name, auth_type, SECRET)
    }

    /// As [`Login::of`], with another secret.
    pub(crate) fn by(name: &str, auth_type: u8, secret: &str) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(TIME.as_bytes()).expect("any key");
        mac.update(secret.as_bytes());
        let password = server::random::to_hex(&mac.finalize().into_bytes());
        let client_id = format!("{name}_{auth_type}_0_{TIME}");
        Self {
            client_id,
            user_name: name.into(),
            password,
            version: Version::V311,
        }
    }
}

/// A connected device.
pub(crate) struct TestDevice {
    name: String,
    client: Client,
    stream: TcpStream,
    events: VecDeque<Event>,
}

impl TestDevice {
    /// Connects with these words; gives the CONNACK with it.
    pub(crate) async fn connect(platform: &Platform, login: &Login) -> (Self, Connack) {
        let stream = TcpStream::connect(platform.mqtt).await.expect("it listens");
        let client = Client::new(login.version);
        let mut device = Self {
            name: login.user_name.clone(),
            client,
            stream,
            events: VecDeque::new(),
        };
        device.client.connect(&mqtt::client::Login {
            client_id: &login.client_id,
            user_name: Some(&login.user_name),
            password: Some(login.password.as_bytes()),
            keep_alive_s: 60,
            clean: true,
            ..Default::default()
        });
        match device.next().await {
            Some(Event::Connack(connack)) => (device, connack),
            other => panic!("no CONNACK but {other:?}"),
        }
    }

    /// A device that can take commands.
    pub(crate) async fn awake(platform: &Platform, id: DeviceId) -> Self {
        let (mut device, connack) = Self::connect(platform, &Login::of(&id.to_string(), 0)).await;
        assert_eq!(connack.code, 0);
        device.subscribe(Qos::AtLeastOnce).await;
        platform.until_reachable(id, true).await;
        device
    }

    /// Subscribes to the command topic.
    pub(crate) async fn subscribe(&mut self, qos: Qos) {
        let filter = mqtt::command_json(&self.name);
        self.client.subscribe(&filter, qos);
        let event = self.next().await;
        assert!(matches!(event, Some(Event::Suback { .. })), "{event:?}");
    }

    /// The next command, with its packet id.
    pub(crate) async fn command(&mut self) -> (Value, Option<u16>) {
        match self.next().await {
            Some(Event::Message(Message {
                payload, packet_id, ..
            })) => (serde_json::from_slice(&payload).expect("JSON"), packet_id),
            other => panic!("no command but {other:?}"),
        }
    }

    /// Takes the next command and acknowledges it.
    pub(crate) async fn take(&mut self) -> Value {
        let (command, packet) = self.command().await;
        self.acknowledge(packet.expect("QoS 1")).await;
        command
    }

    /// Says PUBACK.
    pub(crate) async fn acknowledge(&mut self, packet: u16) {
        self.client.acknowledge(packet);
        self.flush().await;
    }

    /// Answers a command.
    pub(crate) async fn answer(&mut self, command: &Value, errcode: i64) {
        let answer = serde_json::json!({
            "msgType": "deviceRsp", "mid": command["mid"], "errcode": errcode, "hasMore": 0, "body": {"result": errcode}
        });
        self.publish(answer.to_string().as_bytes()).await;
    }

    /// Publishes on its data topic, QoS 1, and waits for the PUBACK.
    pub(crate) async fn publish(&mut self, payload: &[u8]) {
        let sent = self.say(payload).await;
        loop {
            match self.next_of_wire().await {
                Some(Event::Puback { packet_id, .. }) => {
                    assert_eq!(packet_id, sent);
                    return;
                }
                Some(other) => self.events.push_back(other),
                None => panic!("closed before the PUBACK"),
            }
        }
    }

    /// Publishes on its data topic, QoS 1, and does not wait.
    pub(crate) async fn say(&mut self, payload: &[u8]) -> u16 {
        let topic = mqtt::data_json(&self.name);
        let packet = self
            .client
            .publish(&topic, payload, Qos::AtLeastOnce)
            .expect("QoS 1");
        self.flush().await;
        packet
    }

    /// Publishes on any topic.
    pub(crate) async fn publish_on(&mut self, topic: &str, payload: &[u8]) {
        self.client.publish(topic, payload, Qos::AtLeastOnce);
        self.flush().await;
    }

    /// Writes bytes as they are.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("written");
    }

    /// Whether the server ends the connection.
    pub(crate) async fn is_closed(&mut self) -> bool {
        loop {
            match self.next().await {
                None => return true,
                Some(Event::Message(_)) => return false,
                Some(_) => {}
            }
        }
    }

    /// The next event; `None` when the connection has ended.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        self.next_of_wire().await
    }

    async fn next_of_wire(&mut self) -> Option<Event> {
        self.flush().await;
        loop {
            if let Some(event) = self.client.poll_event() {
                return Some(event);
            }
            let mut bytes = [0; 1024];
            let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut bytes))
                .await
                .expect("something comes");
            match read {
                Ok(0) | Err(_) => return None,
                Ok(count) => self
                    .client
                    .handle_bytes(&bytes[..count])
                    .expect("the server speaks MQTT"),
            }
        }
    }

    async fn flush(&mut self) {
        let mut out = Vec::new();
        if self.client.poll_transmit(&mut out) {
            // A server that has closed is noticed when it is read from.
            self.stream.write_all(&out).await.ok();
        }
    }
}
