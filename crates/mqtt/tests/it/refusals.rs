//! Every refusal: what the device is told, and what the server learns.

use mqtt::client::{self, Login};
use mqtt::{Access, Cause, Event, Limits, Qos, Refusal, Version, command_json, data_json};

use crate::pair::{Pair, START, VERSIONS, login};
use crate::raw;

fn closed(cause: Cause) -> Vec<Event> {
    vec![Event::Closed { cause }]
}

/// What an open session says to bytes that end it.
fn ends(version: Version, bytes: &[u8], cause: Cause, reason: u8) {
    let mut pair = Pair::open(version);
    assert_eq!(pair.raw(bytes), closed(cause), "{version:?} {bytes:02x?}");
    let told = if version == Version::V5 {
        vec![client::Event::Disconnect { reason }]
    } else {
        vec![]
    };
    assert_eq!(pair.told(), told, "{bytes:02x?}");
    assert!(!pair.session.wants_bytes());
    assert!(pair.session.footprint_bytes() <= 512);
}

#[test]
fn the_server_turns_a_connect_down_with_the_code_of_the_version() {
    let codes = [
        (Refusal::ClientId, 2, 0x85),
        (Refusal::Credentials, 4, 0x86),
        (Refusal::NotAuthorised, 5, 0x87),
        (Refusal::Unavailable, 3, 0x88),
        (Refusal::Busy, 3, 0x89),
    ];
    for version in VERSIONS {
        for (refusal, old, new) in codes {
            let mut pair = Pair::new(version);
            pair.client.connect(&login("x"));
            pair.pump();
            pair.session.refuse(refusal);
            assert_eq!(pair.pump(), closed(Cause::Refused(refusal)));
            assert_eq!(
                pair.connack().code,
                if version == Version::V5 { new } else { old }
            );
            assert!(
                !pair.session.accept(Access::device("dev"), pair.now),
                "too late"
            );
        }
    }
}

#[test]
fn no_connect_in_time_ends_the_connection() {
    let mut pair = Pair::new(Version::V311);
    let deadline = START + Limits::default().connect_ms_max;
    assert_eq!(pair.raw(&[0x10]), []);
    assert_eq!(pair.session.poll_timeout(), Some(deadline));
    pair.session.handle_timeout(deadline - 1);
    assert_eq!(pair.pump(), []);
    pair.session.handle_timeout(deadline);
    assert_eq!(pair.pump(), closed(Cause::ConnectTimeout));
    assert_eq!(pair.told(), []);
}

#[test]
fn what_is_not_a_connect_ends_the_connection_at_its_first_byte() {
    for first in [0x16, b'G', 0x30, 0xC0, 0x00, 0xFF, 0x11] {
        let mut pair = Pair::new(Version::V311);
        assert_eq!(pair.raw(&[first]), closed(Cause::Malformed));
        assert_eq!(pair.told(), []);
    }
}

#[test]
fn other_versions_of_mqtt_are_told_so() {
    let id = [raw::string("dev")];
    for (name, level, version, code) in [
        ("MQTT", 3, Version::V311, 1),
        ("MQTT", 0, Version::V311, 1),
        ("MQTT", 6, Version::V5, 0x84),
        ("MQIsdp", 4, Version::V311, 1),
    ] {
        let mut pair = Pair::new(version);
        assert_eq!(
            pair.raw(&raw::connect(name, level, 2, &id)),
            closed(Cause::UnsupportedVersion)
        );
        assert_eq!(pair.connack().code, code);
    }
    let mut pair = Pair::new(Version::V311);
    assert_eq!(
        pair.raw(&raw::connect("mqtt", 4, 2, &id)),
        closed(Cause::Malformed)
    );
    assert_eq!(pair.told(), []);
}

#[test]
fn a_malformed_connect_is_refused_and_mqtt_5_is_told() {
    let (id, name, password) = (raw::string("dev"), raw::string("dev"), raw::string("pw"));
    let bad = [
        (0x03, vec![id.clone()]),                             // reserved flag
        (0x0A, vec![id.clone()]), // will QoS without a will, which only MQTT 3.1 may say
        (0x22, vec![id.clone()]), // will retain without a will
        (0x1E, vec![id.clone(), name.clone(), name.clone()]), // will QoS 3
        (0x82, vec![id.clone()]), // no user name
        (0x82, vec![id.clone(), name.clone(), password]), // trailing bytes
        (0x02, vec![raw::string("d\0v")]),
        (0x02, vec![raw::string([0xFF])]),
        (0x02, vec![]),
    ];
    for (flags, fields) in bad {
        for level in [4, 5] {
            let version = if level == 4 {
                Version::V311
            } else {
                Version::V5
            };
            let mut pair = Pair::new(version);
            let mut fields = fields.clone();
            if level == 5 && flags == 0x1E {
                fields.insert(1, vec![0]);
            }
            let events = pair.raw(&raw::connect("MQTT", level, flags, &fields));
            assert_eq!(events, closed(Cause::Malformed), "{flags:02x} {level}");
            match version {
                Version::V5 => assert_eq!(pair.connack().code, 0x81),
                Version::V31 | Version::V311 => assert_eq!(pair.told(), []),
            }
        }
    }
}

#[test]
fn extended_authentication_is_refused() {
    let properties = [&[0x15][..], &raw::string("SCRAM")].concat();
    let mut body = raw::string("MQTT");
    body.extend([5, 2, 0, 60, u8::try_from(properties.len()).unwrap()]);
    body.extend(properties);
    body.extend(raw::string("dev"));
    let mut pair = Pair::new(Version::V5);
    assert_eq!(
        pair.raw(&raw::packet(0x10, &body)),
        closed(Cause::Authentication)
    );
    assert_eq!(pair.connack().code, 0x8C);
}

#[test]
fn a_connect_above_its_bound_is_refused_as_soon_as_its_length_is_known() {
    let limits = Limits {
        connect_bytes_max: 100,
        ..Limits::default()
    };
    let connect = raw::connect("MQTT", 4, 2, &[raw::string("x".repeat(100 - 2 - 12))]);
    assert_eq!(connect.len(), 100);
    let mut pair = Pair::with_limits(Version::V311, limits);
    assert!(matches!(pair.raw(&connect)[..], [Event::Connect(_)]));
    let mut pair = Pair::with_limits(Version::V311, limits);
    assert_eq!(pair.raw(&[0x10, 99]), closed(Cause::TooLarge));
}

#[test]
fn a_later_packet_above_its_bound_is_refused_as_soon_as_its_length_is_known() {
    let over = usize::try_from(Limits::default().packet_bytes_max).unwrap();
    let packet = raw::packet(0x30, &vec![0; over]);
    for version in VERSIONS {
        ends(version, &packet[..4], Cause::TooLarge, 0x95);
    }
}

#[test]
fn a_will_for_another_topic_keeps_the_device_out() {
    for version in VERSIONS {
        for topic in [
            &*data_json("other"),
            &*command_json("dev"),
            "/huawei/v1/devices/dev/data/binary",
            "#",
            "t",
        ] {
            let mut pair = Pair::new(version);
            pair.client.connect(&Login {
                will: Some((topic, b"x")),
                ..login("dev")
            });
            assert!(matches!(&pair.pump()[..], [Event::Connect(connect)] if connect.will));
            assert!(!pair.session.accept(Access::device("dev"), pair.now));
            assert_eq!(pair.pump(), closed(Cause::Will));
            assert_eq!(
                pair.connack().code,
                if version == Version::V5 { 0x87 } else { 5 }
            );
        }
    }
}

#[test]
fn r6_6_an_mqtt_5_will_with_qos_2_or_retained_is_refused_and_an_older_one_is_taken() {
    for (flags, cause, code) in [(0x16, Cause::Qos2, 0x9B), (0x2E, Cause::Retained, 0x9A)] {
        let (id, topic, payload) = (
            raw::string("dev"),
            raw::string(data_json("dev")),
            raw::string("x"),
        );
        let mut pair = Pair::new(Version::V5);
        let connect = raw::connect(
            "MQTT",
            5,
            flags,
            &[id.clone(), vec![0], topic.clone(), payload.clone()],
        );
        assert_eq!(pair.raw(&connect), closed(cause));
        assert_eq!(pair.connack().code, code);
        let mut pair = Pair::new(Version::V311);
        let connect = raw::connect("MQTT", 4, flags, &[id, topic, payload]);
        assert!(matches!(pair.raw(&connect)[..], [Event::Connect(_)]));
        assert!(pair.session.accept(Access::device("dev"), pair.now));
        pair.session.connection_lost();
        assert!(matches!(
            pair.pump()[..],
            [Event::Published(_), Event::Closed { .. }]
        ));
    }
}

#[test]
fn foreign_filters_are_refused_one_by_one() {
    let own = command_json("dev");
    let other = command_json("other");
    let filters = [
        (&*other, 1),
        (&*own, 2),
        ("/huawei/v1/devices/dev/command/binary", 1),
        ("/huawei/v1/devices/dev/command/#", 1),
        ("$share/g//huawei/v1/devices/dev/command/json", 1),
        (&*data_json("dev"), 0),
    ];
    for version in VERSIONS {
        let mut pair = Pair::open(version);
        let five = version == Version::V5;
        let events = pair.raw(&raw::subscribe(five, 7, &filters));
        let refused = Event::FiltersRefused {
            first: other.as_str().into(),
            count: 5,
        };
        assert_eq!(
            events,
            [
                refused,
                Event::Subscribed {
                    qos: Qos::AtLeastOnce
                }
            ]
        );
        let codes = if five {
            vec![0x87, 1, 0x8F, 0xA2, 0x9E, 0x87]
        } else {
            vec![0x80, 1, 0x80, 0x80, 0x80, 0x80]
        };
        assert_eq!(
            pair.told(),
            [client::Event::Suback {
                packet_id: 7,
                codes
            }]
        );
    }
}

#[test]
fn a_subscribe_of_foreign_filters_only_makes_no_one_reachable() {
    let mut pair = Pair::open(Version::V311);
    let events = pair.raw(&raw::subscribe(false, 7, &[("a", 1), ("b", 1)]));
    assert_eq!(
        events,
        [Event::FiltersRefused {
            first: "a".into(),
            count: 2
        }]
    );
}

#[test]
fn a_subscription_identifier_ends_an_mqtt_5_session() {
    let body = [
        &[0, 1, 2, 0x0B, 7][..],
        &raw::string(command_json("dev")),
        &[1],
    ]
    .concat();
    ends(
        Version::V5,
        &raw::packet(0x82, &body),
        Cause::SubscriptionIdentifier,
        0xA1,
    );
}

#[test]
fn publishing_on_any_topic_but_its_own_ends_the_session() {
    for version in VERSIONS {
        let properties: &[u8] = if version == Version::V5 { &[0] } else { &[] };
        for flags in [0, 0b10] {
            let publish = |topic: &str| raw::publish(flags, topic, 1, properties, b"x");
            ends(
                version,
                &publish(&data_json("other")),
                Cause::ForeignTopic,
                0x87,
            );
            ends(
                version,
                &publish(&command_json("dev")),
                Cause::ForeignTopic,
                0x87,
            );
            ends(version, &publish("anything"), Cause::ForeignTopic, 0x87);
            ends(
                version,
                &publish("/huawei/v1/devices/dev/data/binary"),
                Cause::BinaryTopic,
                0x90,
            );
        }
    }
}

#[test]
fn r6_6_qos_2_ends_the_session_in_every_version() {
    for version in VERSIONS {
        let properties: &[u8] = if version == Version::V5 { &[0] } else { &[] };
        let publish = raw::publish(0b100, &data_json("dev"), 1, properties, b"x");
        ends(version, &publish, Cause::Qos2, 0x9B);
    }
}

#[test]
fn r6_6_a_retained_publish_ends_an_mqtt_5_session() {
    ends(
        Version::V5,
        &raw::publish(1, &data_json("dev"), 0, &[0], b"x"),
        Cause::Retained,
        0x9A,
    );
}

#[test]
fn a_topic_alias_ends_an_mqtt_5_session() {
    let alias = [3, 0x23, 0, 1];
    ends(
        Version::V5,
        &raw::publish(0, &data_json("dev"), 0, &alias, b"x"),
        Cause::TopicAlias,
        0x94,
    );
    ends(
        Version::V5,
        &raw::publish(0, "", 0, &alias, b"x"),
        Cause::TopicAlias,
        0x94,
    );
}

#[test]
fn other_mqtt_5_properties_of_a_publish_are_taken() {
    // Payload format, expiry, content type, user property.
    let mut properties = vec![
        1, 1, 2, 0, 0, 0, 9, 3, 0, 1, b'j', 38, 0, 1, b'k', 0, 1, b'v',
    ];
    properties.insert(0, u8::try_from(properties.len()).unwrap());
    let mut pair = Pair::open(Version::V5);
    let events = pair.raw(&raw::publish(2, &data_json("dev"), 1, &properties, b"{}"));
    assert!(matches!(&events[..], [Event::Published(published)] if published.payload == "{}"));
    // The same one twice is against the rules; an unknown one is malformed.
    ends(
        Version::V5,
        &raw::publish(0, &data_json("dev"), 0, &[4, 1, 1, 1, 1], b""),
        Cause::Protocol,
        0x82,
    );
    ends(
        Version::V5,
        &raw::publish(0, &data_json("dev"), 0, &[2, 0x7F, 1], b""),
        Cause::Malformed,
        0x81,
    );
    ends(
        Version::V5,
        &raw::publish(0, &data_json("dev"), 0, &[9, 1, 1], b""),
        Cause::Malformed,
        0x81,
    );
}

#[test]
fn more_than_our_receive_maximum_ends_an_mqtt_5_session() {
    let limits = Limits {
        reports_unacknowledged_max: 2,
        ..Limits::default()
    };
    let mut pair = Pair::open_with(Version::V5, limits, &login("dev"));
    for qos in [
        Qos::AtLeastOnce,
        Qos::AtLeastOnce,
        Qos::AtMostOnce,
        Qos::AtLeastOnce,
    ] {
        pair.client.publish(&data_json("dev"), b"x", qos);
    }
    let events = pair.pump();
    assert_eq!(events.len(), 4, "QoS 0 does not count");
    assert_eq!(
        events[3],
        Event::Closed {
            cause: Cause::ReceiveMaximum
        }
    );
    assert_eq!(pair.told(), [client::Event::Disconnect { reason: 0x93 }]);
}

#[test]
fn packets_out_of_turn_end_the_session() {
    let connect = raw::connect("MQTT", 4, 2, &[raw::string("dev")]);
    let out_of_turn: [&[u8]; 8] = [
        &connect,            // a second CONNECT
        &[0x20, 2, 0, 0],    // CONNACK
        &[0x50, 2, 0, 1],    // PUBREC
        &[0x62, 2, 0, 1],    // PUBREL
        &[0x70, 2, 0, 1],    // PUBCOMP
        &[0x90, 3, 0, 1, 0], // SUBACK
        &[0xB0, 2, 0, 1],    // UNSUBACK
        &[0xD0, 0],          // PINGRESP
    ];
    for version in VERSIONS {
        for bytes in out_of_turn {
            ends(version, bytes, Cause::Protocol, 0x82);
        }
    }
    ends(Version::V5, &[0xF0, 0], Cause::Protocol, 0x82);
    ends(Version::V311, &[0xF0, 0], Cause::Malformed, 0x81);
}

#[test]
fn malformed_packets_end_the_session() {
    let own = command_json("dev");
    let no_id = raw::subscribe(false, 0, &[(&own, 1)]);
    let reserved = raw::subscribe(false, 1, &[(&own, 4)]);
    let qos_3 = raw::subscribe(false, 1, &[(&own, 3)]);
    let malformed: [&[u8]; 15] = [
        &[0x00, 0],
        &[0x36, 5, 0, 1, b'a', 0, 1],    // QoS 3
        &[0x32, 3, 0, 1, b'a'],          // no packet id
        &[0x32, 5, 0, 1, b'a', 0, 0],    // packet id 0
        &[0x30, 1, 0],                   // half a topic length
        &[0x40, 1, 0],                   // half a packet id
        &[0x40, 2, 0, 0],                // PUBACK of packet id 0
        &[0x42, 2, 0, 1],                // flags of PUBACK
        &[0x80, 2, 0, 1],                // flags of SUBSCRIBE
        &[0xA0, 2, 0, 1],                // flags of UNSUBSCRIBE
        &[0xC0, 1, 0],                   // PINGREQ with a body
        &[0xC0, 0xFF, 0xFF, 0xFF, 0xFF], // length of five bytes
        &no_id,
        &reserved,
        &qos_3,
    ];
    for bytes in malformed {
        ends(Version::V311, bytes, Cause::Malformed, 0x81);
    }
    ends(Version::V311, &[0xE0, 1, 0], Cause::Malformed, 0x81);
    ends(Version::V311, &[0x82, 2, 0, 1], Cause::Protocol, 0x82);
    ends(Version::V5, &[0x30, 3, 0, 1, b'a'], Cause::Malformed, 0x81);
    ends(Version::V5, &[0x40, 3, 0, 1, 0x55], Cause::Malformed, 0x81);
    ends(Version::V5, &[0xE0, 1, 0x55], Cause::Malformed, 0x81);
}

#[test]
fn a_device_that_takes_no_packet_of_ours_is_sent_none() {
    let mut pair = Pair::new(Version::V5);
    pair.client.connect(&Login {
        packet_bytes_max: Some(4),
        ..login("dev")
    });
    pair.pump();
    assert!(!pair.session.accept(Access::device("dev"), pair.now));
    assert_eq!(pair.pump(), closed(Cause::TooLarge));
    assert_eq!(pair.told(), []);
    let mut pair = Pair::new(Version::V5);
    pair.client.connect(&Login {
        packet_bytes_max: Some(4),
        ..login("dev")
    });
    pair.pump();
    pair.session.refuse(Refusal::Credentials);
    pair.pump();
    assert_eq!(pair.told(), []);
    let login = Login {
        packet_bytes_max: Some(60),
        ..login("dev")
    };
    let mut pair = Pair::open_with(Version::V5, Limits::default(), &login);
    let many = vec![("a", 1); 60];
    assert_eq!(
        pair.raw(&raw::subscribe(true, 1, &many)),
        closed(Cause::TooLarge)
    );
    assert_eq!(pair.told(), [client::Event::Disconnect { reason: 0x95 }]);
}

#[test]
fn a_caller_that_hands_in_bytes_unasked_meets_a_bound() {
    let mut pair = Pair::new(Version::V311);
    pair.client.connect(&login("dev"));
    pair.pump();
    let mut handed = 0_usize;
    let events = loop {
        assert!(handed < 1_000_000, "no bound was met");
        handed += 10_000;
        let events = pair.raw(&[0xC0; 10_000]);
        assert!(pair.session.footprint_bytes() < 300_000);
        if !events.is_empty() {
            break events;
        }
    };
    assert_eq!(events, closed(Cause::Overrun));
    assert!(pair.session.footprint_bytes() <= 512);
}

#[test]
fn a_password_does_not_show() {
    let mut pair = Pair::new(Version::V311);
    pair.client.connect(&login("dev"));
    let shown = format!("{:?} {:?}", pair.pump(), pair.session);
    assert!(
        shown.contains("dev") && !shown.contains("secret") && !shown.contains("115, 101, 99"),
        "{shown}"
    );
}
