//! Recorded devices, replayed: the native MQTT demo client, and the CONNECT of a gateway agent.

use mqtt::{
    Access, AuthType, ClientId, Event, Published, Qos, Session, SignType, Version, client,
    data_json,
};
use serde_json::Value;

use crate::pair::{Pair, START};
use crate::raw;

fn lines(file: &str) -> Vec<Value> {
    let path = format!("{}/../../vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn text<'a>(line: &'a Value, member: &str) -> &'a str {
    line[member]
        .as_str()
        .unwrap_or_else(|| panic!("{member} of {line}"))
}

fn number(value: &Value) -> u8 {
    u8::try_from(value.as_u64().unwrap()).unwrap()
}

/// The recorded CONNECT, byte for byte.
fn connect(line: &Value) -> Vec<u8> {
    let flags = u8::from_str_radix(text(line, "flags").trim_start_matches("0x"), 16).unwrap();
    let mut body = raw::string(text(line, "protocolName"));
    body.extend([number(&line["level"]), flags, 0, number(&line["keepalive"])]);
    for field in ["clientId", "username", "password"] {
        body.extend(raw::string(text(line, field)));
    }
    raw::packet(0x10, &body)
}

/// What happened at each step of the recorded life of the demo client.
fn replay(pair: &mut Pair, line: &Value, packet_id: &mut u16) {
    if line["dir"] == "server->client" {
        let qos = if line["qos"] == 0 {
            Qos::AtMostOnce
        } else {
            Qos::AtLeastOnce
        };
        let payload = text(line, "payload").as_bytes();
        assert_eq!(pair.session.send_command(payload, qos, 2016), Ok(qos));
        pair.pump();
        let messages = pair.messages();
        assert_eq!(&*messages[0].topic, text(line, "topic"));
        assert_eq!(messages[0].payload, payload);
        *packet_id = messages[0].packet_id.unwrap_or(0);
        return;
    }
    match text(line, "type") {
        "SUBSCRIBE" => {
            let filter = line["filters"][0][0].as_str().unwrap();
            let events = pair.raw(&raw::subscribe(
                false,
                1,
                &[(filter, number(&line["filters"][0][1]))],
            ));
            assert_eq!(
                events,
                [Event::Subscribed {
                    qos: Qos::AtLeastOnce
                }]
            );
            assert_eq!(
                pair.told(),
                [client::Event::Suback {
                    packet_id: 1,
                    codes: vec![1]
                }]
            );
        }
        "PUBLISH" => {
            let (topic, payload) = (text(line, "topic"), text(line, "payload"));
            let mut events = pair.raw(&raw::publish(
                number(&line["qos"]) << 1,
                topic,
                9,
                &[],
                payload.as_bytes(),
            ));
            let Some(Event::Published(Published {
                payload: read,
                promise: Some(promise),
                ..
            })) = events.pop()
            else {
                panic!("expected a message with a promise");
            };
            assert_eq!(read, payload);
            assert_eq!(pair.told(), []);
            pair.session.acknowledge(promise, pair.now);
            pair.pump();
            assert_eq!(
                pair.told(),
                [client::Event::Puback {
                    packet_id: 9,
                    reason: 0
                }]
            );
        }
        "pkt4" => {
            let events = pair.raw(&raw::packet(0x40, &packet_id.to_be_bytes()));
            assert_eq!(
                events,
                [Event::Acked {
                    tag: 2016,
                    refused: None
                }]
            );
        }
        other => panic!("unknown line {other}"),
    }
}

#[test]
fn the_recorded_demo_client_lives_its_life() {
    let lines = lines("southbound-mqtt.jsonl");
    let mut pair = Pair::new(Version::V311);
    let events = pair.raw(&connect(&lines[0]));
    let [Event::Connect(connect)] = &events[..] else {
        panic!("expected a CONNECT: {events:?}");
    };
    let id = ClientId::parse(&connect.client_id).unwrap();
    assert_eq!(
        (id.id, id.auth, id.sign),
        ("mqtt_sdk01", AuthType::NodeId, SignType::Unchecked)
    );
    assert_eq!(id.time, "2026102123");
    assert_eq!(connect.user_name.as_deref(), Some(id.id));
    assert_eq!(
        connect.password.as_deref().unwrap(),
        text(&lines[0], "password").as_bytes()
    );
    assert_eq!(
        (connect.keep_alive_s, connect.clean, connect.will),
        (60, true, false)
    );
    assert!(pair.session.accept(Access::device(id.id), pair.now));
    pair.pump();
    assert_eq!(pair.connack().code, 0);
    let mut packet_id = 0;
    for line in &lines[1..] {
        replay(&mut pair, line, &mut packet_id);
    }
}

#[test]
fn tolerance_15_the_gateway_agents_mqtt_3_1_connect_with_flags_0xca_is_taken() {
    let lines = lines("southbound-agentlite.jsonl");
    let line = lines.iter().find(|line| line["type"] == "CONNECT").unwrap();
    let bytes = connect(line);
    assert_eq!(&bytes[2..12], b"\x00\x06MQIsdp\x03\xCA");
    for cut in 0..=bytes.len() {
        let mut session = Session::new(mqtt::Limits::default(), START);
        session.handle_bytes(&bytes[..cut], START);
        session.handle_bytes(&bytes[cut..], START);
        let Some(Event::Connect(connect)) = session.poll_event() else {
            panic!("no CONNECT when cut at {cut}");
        };
        assert_eq!(connect.version, Version::V31);
        assert_eq!(&*connect.client_id, "mcid-1");
        assert_eq!(connect.user_name.as_deref(), Some("gwdev-0001"));
        assert_eq!(connect.password.as_deref(), Some(&b"gwsecret01"[..]));
        assert_eq!((connect.keep_alive_s, connect.will), (240, false));
        assert!(session.accept(Access::device("gwdev-0001"), START));
        let mut out = Vec::new();
        assert!(session.poll_transmit(&mut out));
        assert_eq!(out, [0x20, 2, 0, 0]);
    }
}

#[test]
fn the_crates_own_mqtt_3_1_client_writes_what_the_agent_writes() {
    let lines = lines("southbound-agentlite.jsonl");
    let line = lines.iter().find(|line| line["type"] == "CONNECT").unwrap();
    let mut agent = client::Client::new(Version::V31);
    agent.connect(&client::Login {
        client_id: "mcid-1",
        user_name: Some("gwdev-0001"),
        password: Some(b"gwsecret01"),
        keep_alive_s: 240,
        clean: true,
        ..client::Login::default()
    });
    let mut bytes = Vec::new();
    assert!(agent.poll_transmit(&mut bytes));
    assert_eq!(bytes, connect(line));
}

#[test]
fn the_data_topic_of_the_recording_is_the_one_we_build() {
    let lines = lines("southbound-mqtt.jsonl");
    let line = lines
        .iter()
        .find(|line| line["dir"] == "client->server")
        .unwrap();
    assert_eq!(text(line, "topic"), data_json("mqtt_sdk01"));
}
