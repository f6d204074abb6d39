//! What a well-behaved device lives through.

use mqtt::client::{self, Login};
use mqtt::{
    Access, Cause, CloseReason, Event, Limits, Promise, Published, Qos, SendError, Version,
    command_json, data_json,
};

use crate::pair::{Pair, START, VERSIONS, login};
use crate::raw;

fn promises(events: Vec<Event>) -> Vec<Promise> {
    let promise = |event| match event {
        Event::Published(Published {
            promise: Some(promise),
            ..
        }) => promise,
        other => panic!("expected a QoS 1 message: {other:?}"),
    };
    events.into_iter().map(promise).collect()
}

#[test]
fn a_command_and_its_answer_pass_in_every_version() {
    for version in VERSIONS {
        let mut pair = Pair::subscribed(version);
        assert_eq!(
            pair.session
                .send_command(b"{\"mid\":1}", Qos::AtLeastOnce, 77),
            Ok(Qos::AtLeastOnce)
        );
        assert_eq!(pair.pump(), []);
        let message = pair.messages().remove(0);
        assert_eq!(
            (&*message.topic, &message.payload[..]),
            (&*command_json("dev"), &b"{\"mid\":1}"[..])
        );
        assert!(!message.dup);
        pair.client.acknowledge(message.packet_id.unwrap());
        pair.client
            .publish(&data_json("dev"), b"answer", Qos::AtLeastOnce);
        let mut events = pair.pump();
        assert_eq!(
            events.remove(0),
            Event::Acked {
                tag: 77,
                refused: None
            }
        );
        let promise = promises(events)[0];
        pair.session.acknowledge(promise, pair.now);
        pair.pump();
        assert!(matches!(
            pair.told()[..],
            [client::Event::Puback { reason: 0, .. }]
        ));
        pair.client.disconnect();
        assert_eq!(
            pair.pump(),
            [Event::Closed {
                cause: Cause::Disconnected
            }]
        );
    }
}

#[test]
fn r6_1_session_present_is_0_and_mqtt_5_is_told_everything_we_do_not_do() {
    for version in VERSIONS {
        let mut pair = Pair::new(version);
        pair.client.connect(&Login {
            clean: false,
            ..login("dev_0_0_2026112212")
        });
        pair.pump();
        assert!(pair.session.accept(Access::device("dev"), pair.now));
        pair.pump();
        let connack = pair.connack();
        let limits = Limits::default();
        let expected = match version {
            Version::V31 | Version::V311 => client::Connack::default(),
            Version::V5 => client::Connack {
                session_expiry_s: Some(0),
                receive_maximum: Some(limits.reports_unacknowledged_max),
                qos_max: Some(1),
                retain_available: Some(false),
                packet_bytes_max: Some(limits.packet_bytes_max),
                topic_alias_max: Some(0),
                keep_alive_s: Some(60),
                ..client::Connack::default()
            },
        };
        assert_eq!(connack, expected);
    }
}

#[test]
fn r6_1_an_unacknowledged_command_is_never_sent_again_by_a_session() {
    let mut pair = Pair::subscribed(Version::V311);
    pair.session
        .send_command(b"x", Qos::AtLeastOnce, 1)
        .unwrap();
    pair.pump();
    assert_eq!(pair.messages().len(), 1);
    for _ in 0..40 {
        pair.now += 60_000;
        pair.client.ping();
        pair.pump();
        assert_eq!(pair.told(), [client::Event::Pong]);
    }
}

#[test]
fn r6_2_subscribed_comes_out_only_after_the_suback_was_taken() {
    let mut pair = Pair::open(Version::V5);
    pair.client
        .subscribe(&command_json("dev"), Qos::AtLeastOnce);
    let mut bytes = Vec::new();
    pair.client.poll_transmit(&mut bytes);
    pair.session.handle_bytes(&bytes, pair.now);
    assert_eq!(pair.session.poll_event(), None);
    let mut out = Vec::new();
    assert!(pair.session.poll_transmit(&mut out));
    assert_eq!(out[0], 0x90);
    assert_eq!(
        pair.session.poll_event(),
        Some(Event::Subscribed {
            qos: Qos::AtLeastOnce
        })
    );
}

#[test]
fn r6_2_a_session_that_ends_before_its_suback_was_taken_was_never_subscribed() {
    let mut pair = Pair::open(Version::V311);
    let bytes = raw::subscribe(false, 1, &[(&command_json("dev"), 1)]);
    pair.session.handle_bytes(&bytes, pair.now);
    pair.session.connection_lost();
    assert_eq!(pair.pump(), [Event::Closed { cause: Cause::Lost }]);
}

#[test]
fn r6_3_each_attempt_is_a_new_publish_and_any_puback_acknowledges() {
    let mut pair = Pair::subscribed(Version::V5);
    for _ in 0..3 {
        pair.session
            .send_command(b"same", Qos::AtLeastOnce, 5)
            .unwrap();
    }
    pair.pump();
    let mut ids: Vec<u16> = pair
        .messages()
        .iter()
        .map(|message| message.packet_id.unwrap())
        .collect();
    assert_eq!(ids, [1, 2, 3]);
    ids.rotate_left(1);
    for id in ids {
        pair.client.acknowledge(id);
        assert_eq!(
            pair.pump(),
            [Event::Acked {
                tag: 5,
                refused: None
            }]
        );
    }
    pair.client.acknowledge(2);
    assert_eq!(pair.pump(), [], "a second PUBACK means nothing");
}

#[test]
fn r6_3_a_subscription_with_qos_0_or_a_qos_0_command_asks_for_no_puback() {
    let mut pair = Pair::open(Version::V311);
    pair.subscribe(Qos::AtMostOnce);
    assert_eq!(
        pair.session.send_command(b"x", Qos::AtLeastOnce, 1),
        Ok(Qos::AtMostOnce)
    );
    pair.pump();
    assert_eq!(pair.messages()[0].packet_id, None);
    pair.subscribe(Qos::AtLeastOnce);
    assert_eq!(
        pair.session.send_command(b"x", Qos::AtMostOnce, 1),
        Ok(Qos::AtMostOnce)
    );
    pair.pump();
    assert_eq!(pair.messages()[0].packet_id, None);
}

#[test]
fn r6_4_pubacks_follow_the_commits_in_order_of_arrival() {
    let mut pair = Pair::open(Version::V311);
    let ids: Vec<_> = (0..4)
        .map(|_| {
            pair.client
                .publish(&data_json("dev"), b"r", Qos::AtLeastOnce)
                .unwrap()
        })
        .collect();
    let promises = promises(pair.pump());
    for late in [3, 1, 2] {
        pair.session.acknowledge(promises[late], pair.now);
        pair.pump();
        assert_eq!(pair.told(), [], "the first is not committed yet");
    }
    pair.session.acknowledge(promises[0], pair.now);
    pair.pump();
    let acknowledged: Vec<_> = ids
        .into_iter()
        .map(|packet_id| client::Event::Puback {
            packet_id,
            reason: 0,
        })
        .collect();
    assert_eq!(pair.told(), acknowledged);
    pair.session.acknowledge(promises[0], pair.now);
    assert_eq!(pair.pump(), []);
    assert_eq!(pair.told(), [], "a promise is kept once");
}

#[test]
fn a_device_before_mqtt_5_waits_when_too_much_is_unacknowledged_and_loses_nothing() {
    let limits = Limits {
        reports_unacknowledged_max: 2,
        ..Limits::default()
    };
    let mut pair = Pair::open_with(Version::V311, limits, &login("dev_0_0_2026112212"));
    for n in 0_u8..5 {
        pair.client
            .publish(&data_json("dev"), &[n], Qos::AtLeastOnce);
    }
    pair.client.ping();
    let first = promises(pair.pump());
    assert_eq!(first.len(), 2);
    assert!(!pair.session.wants_bytes());
    assert_eq!(
        pair.session.poll_timeout(),
        None,
        "its pings cannot be heard now"
    );
    pair.now += 1_000_000;
    pair.session.acknowledge(first[0], pair.now);
    assert_eq!(
        pair.session.poll_timeout(),
        None,
        "one place is free, and the next message took it"
    );
    let mut all = first[1..].to_vec();
    let mut seen = 2;
    while seen < 5 {
        let more = promises(pair.pump());
        seen += more.len();
        all.extend(more);
        pair.session.acknowledge(all.remove(0), pair.now);
    }
    while let Some(promise) = all.pop() {
        pair.session.acknowledge(promise, pair.now);
    }
    assert_eq!(pair.pump(), []);
    assert!(pair.session.wants_bytes());
    assert_eq!(pair.session.poll_timeout(), Some(pair.now + 90_000));
    assert_eq!(pair.told().len(), 6, "five PUBACKs and a PINGRESP");
}

#[test]
fn commands_stop_at_our_bound_and_at_the_devices_receive_maximum() {
    let ours = Limits {
        commands_unacknowledged_max: 3,
        ..Limits::default()
    };
    for (version, receive_maximum, window) in [
        (Version::V311, None, 3),
        (Version::V5, Some(2), 2),
        (Version::V5, Some(9), 3),
    ] {
        let login = Login {
            receive_maximum,
            ..login("dev_0_0_2026112212")
        };
        let mut pair = Pair::open_with(version, ours, &login);
        pair.subscribe(Qos::AtLeastOnce);
        for tag in 0..window {
            assert_eq!(
                pair.session.send_command(b"x", Qos::AtLeastOnce, tag),
                Ok(Qos::AtLeastOnce)
            );
        }
        assert_eq!(
            pair.session.send_command(b"x", Qos::AtLeastOnce, 99),
            Err(SendError::Full)
        );
        assert_eq!(
            pair.session.send_command(b"x", Qos::AtMostOnce, 99),
            Ok(Qos::AtMostOnce)
        );
        pair.pump();
        let messages = pair.messages();
        assert_eq!(
            messages.len() as u64,
            window + 1,
            "what was refused did not leave"
        );
        pair.client.acknowledge(messages[0].packet_id.unwrap());
        pair.pump();
        assert_eq!(
            pair.session.send_command(b"x", Qos::AtLeastOnce, 100),
            Ok(Qos::AtLeastOnce)
        );
    }
}

#[test]
fn a_command_larger_than_the_mqtt_5_device_takes_does_not_leave() {
    let login = Login {
        packet_bytes_max: Some(100),
        ..login("dev_0_0_2026112212")
    };
    let mut pair = Pair::open_with(Version::V5, Limits::default(), &login);
    pair.subscribe(Qos::AtLeastOnce);
    let head = 2 + 2 + command_json("dev").len() + 2 + 1;
    let exact = vec![b'x'; 100 - head];
    let over = vec![b'x'; 101 - head];
    assert_eq!(
        pair.session.send_command(&over, Qos::AtLeastOnce, 1),
        Err(SendError::TooLarge)
    );
    assert_eq!(
        pair.session.send_command(&exact, Qos::AtLeastOnce, 2),
        Ok(Qos::AtLeastOnce)
    );
    pair.pump();
    assert_eq!(
        pair.messages()[0].packet_id,
        Some(2),
        "a new packet id each time, used or not"
    );
    pair.client.acknowledge(2);
    assert_eq!(
        pair.pump(),
        [Event::Acked {
            tag: 2,
            refused: None
        }]
    );
}

#[test]
fn nothing_is_sent_to_a_device_that_is_not_subscribed() {
    let mut pair = Pair::open(Version::V311);
    assert_eq!(
        pair.session.send_command(b"x", Qos::AtLeastOnce, 1),
        Err(SendError::NotSubscribed)
    );
    pair.subscribe(Qos::AtLeastOnce);
    let packet_id = pair.client.unsubscribe(&command_json("dev"));
    assert_eq!(pair.pump(), [Event::Unsubscribed]);
    assert_eq!(pair.told(), [client::Event::Unsuback { packet_id }]);
    assert_eq!(
        pair.session.send_command(b"x", Qos::AtLeastOnce, 1),
        Err(SendError::NotSubscribed)
    );
    pair.client.unsubscribe(&command_json("dev"));
    assert_eq!(pair.pump(), [], "there was nothing to end");
    pair.client.disconnect();
    pair.pump();
    assert_eq!(
        pair.session.send_command(b"x", Qos::AtLeastOnce, 1),
        Err(SendError::NotSubscribed)
    );
}

#[test]
fn a_device_subscribed_under_both_names_gets_a_command_once() {
    let mut pair = Pair::open(Version::V5);
    pair.client
        .subscribe(&command_json("node"), Qos::AtMostOnce);
    assert_eq!(
        pair.pump(),
        [Event::Subscribed {
            qos: Qos::AtMostOnce
        }]
    );
    pair.told();
    pair.subscribe(Qos::AtLeastOnce);
    pair.session
        .send_command(b"x", Qos::AtLeastOnce, 1)
        .unwrap();
    pair.pump();
    let messages = pair.messages();
    assert_eq!(messages.len(), 1);
    assert_eq!(&*messages[0].topic, command_json("dev"));
    pair.client.unsubscribe(&command_json("dev"));
    assert_eq!(pair.pump(), [], "still subscribed under the other name");
    pair.told();
    pair.session
        .send_command(b"y", Qos::AtLeastOnce, 2)
        .unwrap();
    pair.pump();
    assert_eq!(&*pair.messages()[0].topic, command_json("node"));
}

#[test]
fn r6_6_keep_alive_is_enforced_at_one_and_a_half_and_bounded() {
    let bound = u64::from(Limits::default().keep_alive_s_max);
    let cases = [
        (Version::V311, 60, 60, None),
        (Version::V311, 0, bound, None),
        (Version::V311, 20_000, 20_000, None),
        (Version::V5, 60, 60, Some(60)),
        (Version::V5, 0, bound, Some(1_200)),
        (Version::V5, 20_000, bound, Some(1_200)),
    ];
    for (version, asked, enforced, told) in cases {
        let mut pair = Pair::new(version);
        pair.client.connect(&Login {
            keep_alive_s: asked,
            ..login("dev_0_0_2026112212")
        });
        pair.pump();
        assert_eq!(
            pair.session.poll_timeout(),
            None,
            "the server decides, not the device"
        );
        pair.now += 5_000;
        assert!(pair.session.accept(Access::device("dev"), pair.now));
        pair.pump();
        assert_eq!(pair.connack().keep_alive_s, told);
        assert_eq!(
            pair.session.poll_timeout(),
            Some(pair.now + enforced * 1_500)
        );
        pair.now += enforced * 1_000;
        pair.client.ping();
        pair.pump();
        let deadline = pair.now + enforced * 1_500;
        assert_eq!(pair.session.poll_timeout(), Some(deadline));
        pair.session.handle_timeout(deadline - 1);
        assert_eq!(pair.pump(), []);
        pair.told();
        pair.session.handle_timeout(deadline);
        assert_eq!(
            pair.pump(),
            [Event::Closed {
                cause: Cause::KeepAliveTimeout
            }]
        );
        let farewell = if version == Version::V5 {
            vec![client::Event::Disconnect { reason: 0x8D }]
        } else {
            vec![]
        };
        assert_eq!(pair.told(), farewell);
        assert_eq!(pair.session.poll_timeout(), None);
    }
}

#[test]
fn half_a_packet_does_not_count_as_life() {
    let mut pair = Pair::open(Version::V311);
    let deadline = pair.session.poll_timeout();
    pair.now += 10_000;
    assert_eq!(pair.raw(&[0x30, 10, 0]), []);
    assert_eq!(pair.session.poll_timeout(), deadline);
}

/// A way for a session to end, its cause, and whether the will is published.
type End = (fn(&mut Pair), Cause, bool);

#[test]
fn a_will_is_published_when_the_connection_ends_without_a_disconnect() {
    let topic = data_json("node");
    for version in VERSIONS {
        let login = Login {
            will: Some((&topic, b"gone")),
            ..login("dev_0_0_2026112212")
        };
        let ends: [End; 5] = [
            (|pair| pair.session.connection_lost(), Cause::Lost, true),
            (
                |pair| pair.session.handle_timeout(START + 90_000),
                Cause::KeepAliveTimeout,
                true,
            ),
            (
                |pair| pair.session.handle_bytes(&[0, 0], START),
                Cause::Malformed,
                true,
            ),
            (
                |pair| pair.session.close(CloseReason::TakenOver),
                Cause::Closed(CloseReason::TakenOver),
                true,
            ),
            (|pair| pair.client.disconnect(), Cause::Disconnected, false),
        ];
        for (end, cause, published) in ends {
            let mut pair = Pair::open_with(version, Limits::default(), &login);
            end(&mut pair);
            let mut events = pair.pump();
            assert_eq!(events.pop(), Some(Event::Closed { cause }));
            let will = Published {
                payload: b"gone"[..].into(),
                promise: None,
                dup: false,
                will: true,
            };
            let expected = if published {
                vec![Event::Published(will)]
            } else {
                vec![]
            };
            assert_eq!(events, expected, "{version:?} {cause}");
        }
    }
}

#[test]
fn an_mqtt_5_disconnect_with_will_publishes_it() {
    let topic = data_json("dev");
    let login = Login {
        will: Some((&topic, b"gone")),
        ..login("dev_0_0_2026112212")
    };
    let mut pair = Pair::open_with(Version::V5, Limits::default(), &login);
    let events = pair.raw(&[0xE0, 1, 4]);
    assert!(matches!(
        &events[..],
        [
            Event::Published(Published { will: true, .. }),
            Event::Closed {
                cause: Cause::Disconnected
            }
        ]
    ));
}

#[test]
fn what_a_device_sends_before_its_connack_waits_for_the_decision() {
    for version in VERSIONS {
        let mut pair = Pair::new(version);
        pair.client.connect(&login("dev_0_0_2026112212"));
        pair.client
            .subscribe(&command_json("dev"), Qos::AtLeastOnce);
        pair.client
            .publish(&data_json("dev"), b"early", Qos::AtMostOnce);
        assert!(matches!(pair.pump()[..], [Event::Connect(_)]));
        assert!(!pair.session.wants_bytes());
        assert!(pair.session.accept(Access::device("dev"), pair.now));
        let events = pair.pump();
        assert!(
            matches!(events[..], [Event::Published(_), Event::Subscribed { .. }]),
            "{events:?}"
        );
        assert!(matches!(
            pair.told()[..],
            [client::Event::Connack(_), client::Event::Suback { .. }]
        ));
    }
}

#[test]
fn a_retained_report_before_mqtt_5_is_a_report_like_any_other() {
    let mut pair = Pair::open(Version::V311);
    let events = pair.raw(&raw::publish(0b1011, &data_json("dev"), 3, &[], b"r"));
    let [
        Event::Published(Published {
            promise: Some(_),
            dup: true,
            will: false,
            ..
        }),
    ] = events[..]
    else {
        panic!("{events:?}");
    };
}

#[test]
fn the_devices_mqtt_5_refusal_of_a_command_is_an_acknowledgement_with_a_reason() {
    let mut pair = Pair::subscribed(Version::V5);
    pair.session
        .send_command(b"x", Qos::AtLeastOnce, 4)
        .unwrap();
    pair.pump();
    assert_eq!(
        pair.raw(&raw::packet(0x40, &[0, 1, 0x99])),
        [Event::Acked {
            tag: 4,
            refused: Some(0x99)
        }]
    );
}

#[test]
fn close_tells_an_mqtt_5_device_why() {
    let reasons = [
        (CloseReason::TakenOver, 0x8E),
        (CloseReason::Administrative, 0x98),
        (CloseReason::ShuttingDown, 0x8B),
        (CloseReason::Quota, 0x97),
    ];
    for (reason, code) in reasons {
        let mut pair = Pair::subscribed(Version::V5);
        pair.session.close(reason);
        assert_eq!(
            pair.pump(),
            [Event::Closed {
                cause: Cause::Closed(reason)
            }]
        );
        assert_eq!(pair.told(), [client::Event::Disconnect { reason: code }]);
        pair.session.close(reason);
        pair.session.connection_lost();
        assert_eq!(pair.raw(&[0xC0, 0]), [], "a session ends once");
    }
}

#[test]
fn packets_cut_at_every_byte_mean_the_same() {
    let topic = data_json("dev");
    for version in VERSIONS {
        let mut device = client::Client::new(version);
        let mut bytes = Vec::new();
        device.subscribe(&command_json("dev"), Qos::AtLeastOnce);
        device.publish(&topic, &[b'x'; 200], Qos::AtLeastOnce);
        device.ping();
        device.publish(&topic, b"", Qos::AtMostOnce);
        device.poll_transmit(&mut bytes);
        let whole = Pair::open(version).raw(&bytes);
        assert_eq!(whole.len(), 3);
        for cut in 0..=bytes.len() {
            let mut pair = Pair::open(version);
            pair.session.handle_bytes(&bytes[..cut], pair.now);
            pair.session.handle_bytes(&bytes[cut..], pair.now);
            assert_eq!(pair.pump(), whole, "cut at {cut}");
        }
        let mut pair = Pair::open(version);
        for byte in &bytes {
            pair.session.handle_bytes(&[*byte], pair.now);
        }
        assert_eq!(pair.pump(), whole);
    }
}

#[test]
fn an_idle_session_is_small_whatever_it_did_before() {
    let mut pair = Pair::subscribed(Version::V5);
    let idle = pair.session.footprint_bytes();
    assert!(idle <= 512, "an idle session holds {idle} bytes");
    for round in 0..50 {
        pair.session
            .send_command(&[b'x'; 4_000], Qos::AtLeastOnce, round)
            .unwrap();
    }
    pair.pump();
    for message in pair.messages() {
        pair.client.acknowledge(message.packet_id.unwrap());
    }
    for _ in 0..30 {
        pair.client
            .publish(&data_json("dev"), &[b'x'; 4_000], Qos::AtLeastOnce);
    }
    let events = pair.pump();
    for event in events {
        if let Event::Published(Published {
            promise: Some(promise),
            ..
        }) = event
        {
            pair.session.acknowledge(promise, pair.now);
        }
    }
    pair.pump();
    assert_eq!(pair.session.footprint_bytes(), idle);
}

#[test]
fn a_command_that_was_too_large_takes_no_place_in_the_window() {
    let limits = Limits {
        commands_unacknowledged_max: 1,
        ..Limits::default()
    };
    let login = Login {
        packet_bytes_max: Some(100),
        ..login("dev_0_0_2026112212")
    };
    let mut pair = Pair::open_with(Version::V5, limits, &login);
    pair.subscribe(Qos::AtLeastOnce);
    assert_eq!(
        pair.session.send_command(&[0; 100], Qos::AtLeastOnce, 1),
        Err(SendError::TooLarge)
    );
    assert_eq!(
        pair.session.send_command(b"x", Qos::AtLeastOnce, 2),
        Ok(Qos::AtLeastOnce)
    );
}

#[test]
fn a_subscription_that_ends_at_once_is_never_announced() {
    let mut pair = Pair::open(Version::V311);
    pair.client
        .subscribe(&command_json("dev"), Qos::AtLeastOnce);
    pair.client.unsubscribe(&command_json("dev"));
    assert_eq!(pair.pump(), [Event::Unsubscribed]);
    let mut pair = Pair::open(Version::V5);
    let bytes = [
        raw::subscribe(true, 1, &[(&command_json("dev"), 1)]),
        vec![0, 0],
    ]
    .concat();
    assert_eq!(
        pair.raw(&bytes),
        [Event::Closed {
            cause: Cause::Malformed
        }]
    );
    assert_eq!(
        pair.told().len(),
        2,
        "the SUBACK and the DISCONNECT were written all the same"
    );
}

#[test]
fn a_lost_connection_leaves_nothing_to_write_and_nothing_kept() {
    let mut pair = Pair::subscribed(Version::V5);
    pair.session
        .send_command(b"x", Qos::AtLeastOnce, 1)
        .unwrap();
    pair.session.connection_lost();
    assert!(!pair.session.poll_transmit(&mut Vec::new()));
    let mut pair = Pair::new(Version::V311);
    let will = Some((&*data_json("dev"), &[0; 4_000][..]));
    pair.client.connect(&Login {
        will,
        ..login("dev")
    });
    pair.pump();
    pair.raw(&[0xC0; 10_000]);
    assert!(pair.session.footprint_bytes() > 10_000);
    pair.session.close(CloseReason::ShuttingDown);
    assert!(
        pair.session.footprint_bytes() <= 1_024,
        "what is left is a CONNACK and an event"
    );
    assert_eq!(
        pair.pump(),
        [Event::Closed {
            cause: Cause::Closed(CloseReason::ShuttingDown)
        }]
    );
    assert_eq!(pair.connack().code, 3);
    assert!(pair.session.footprint_bytes() <= 512);
}
