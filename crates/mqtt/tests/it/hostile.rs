//! Nonsense of every kind: no panic, and bounded memory.

use mqtt::client::Client;
use mqtt::{
    Access, ClientId, Event, Limits, Qos, Session, Topic, Version, command_json, data_json,
};
use mqtt_protocol_core::mqtt::packet::{self, Property, v3_1_1, v5_0};
use proptest::prelude::*;

use crate::pair::{Pair, START};
use crate::raw;

const LIMITS: Limits = Limits {
    connect_ms_max: 10_000,
    connect_bytes_max: 1_024,
    packet_bytes_max: 2_048,
    keep_alive_s_max: 60,
    commands_unacknowledged_max: 4,
    reports_unacknowledged_max: 4,
};

/// Milliseconds beyond one and a half of the longest keep-alive that a CONNECT can ask for.
const LONG: u64 = 100_000_000;

/// A server that accepts everyone, acknowledges every other message, and sends a command with each event. It looks at the bounds
/// after each step.
fn serve(session: &mut Session, chunk: &[u8], now: u64) -> bool {
    if session.wants_bytes() {
        session.handle_bytes(chunk, now);
    }
    let mut out = Vec::new();
    let mut over = false;
    let mut steps = 0_usize;
    loop {
        steps += 1;
        assert!(steps < 100_000, "a session comes to rest");
        let wrote = session.poll_transmit(&mut out);
        let Some(event) = session.poll_event() else {
            if wrote {
                continue;
            }
            break;
        };
        assert!(!over, "no event follows Closed");
        match event {
            Event::Connect(_) => {
                let _ = session.accept(Access::device("dev"), now);
            }
            Event::Published(published) => {
                if let Some(promise) = published.promise
                    && steps.is_multiple_of(2)
                {
                    session.acknowledge(promise, now);
                }
                let _ = session.send_command(b"command", Qos::AtLeastOnce, 1);
            }
            Event::Closed { .. } => over = true,
            Event::Subscribed { .. }
            | Event::Unsubscribed
            | Event::FiltersRefused { .. }
            | Event::Acked { .. } => {}
        }
    }
    let kept = usize::try_from(LIMITS.packet_bytes_max).unwrap() + chunk.len();
    assert!(
        session.footprint_bytes() <= 1_024 + 2 * kept,
        "{} bytes",
        session.footprint_bytes()
    );
    over
}

/// A packet that is nearly right: the interesting ones need valid framing to be reached at all.
fn packets() -> impl Strategy<Value = Vec<u8>> {
    let topic = prop_oneof![Just(data_json("dev")), Just(command_json("dev")), ".{0,12}"];
    let payload = prop::collection::vec(any::<u8>(), 0..300);
    let properties = prop_oneof![
        Just(vec![]),
        Just(vec![0]),
        prop::collection::vec(any::<u8>(), 0..12)
    ];
    let publish = (0_u8..16, topic.clone(), any::<u16>(), properties, payload).prop_map(
        |(flags, topic, id, properties, payload)| {
            raw::publish(flags, &topic, id, &properties, &payload)
        },
    );
    let subscribe = (any::<bool>(), any::<u16>(), topic, any::<u8>())
        .prop_map(|(five, id, filter, options)| raw::subscribe(five, id, &[(&filter, options)]));
    let anything = (any::<u8>(), prop::collection::vec(any::<u8>(), 0..40))
        .prop_map(|(first, body)| raw::packet(first, &body));
    let puback = (0_u16..6).prop_map(|id| raw::packet(0x40, &id.to_be_bytes()));
    let noise = prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![4 => publish, 2 => subscribe, 2 => anything, 2 => puback, 1 => noise]
}

fn connects() -> impl Strategy<Value = Vec<u8>> {
    let plain = |version| {
        let mut client = Client::new(version);
        client.connect(&crate::pair::login("dev"));
        let mut bytes = Vec::new();
        client.poll_transmit(&mut bytes);
        bytes
    };
    let version = prop_oneof![Just(Version::V31), Just(Version::V311), Just(Version::V5)];
    let mutated = (version.clone(), any::<prop::sample::Index>(), any::<u8>()).prop_map(
        move |(version, at, byte)| {
            let mut bytes = plain(version);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes
        },
    );
    prop_oneof![3 => version.prop_map(plain), 2 => mutated, 1 => prop::collection::vec(any::<u8>(), 0..60)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_devices_never_make_a_session_panic_or_grow(
        connect in connects(),
        packets in prop::collection::vec(packets(), 0..30),
        chunk in 1_usize..400,
    ) {
        let bytes = [connect, packets.concat()].concat();
        let mut session = Session::new(LIMITS, START);
        let mut over = false;
        for (at, chunk) in bytes.chunks(chunk).enumerate() {
            over |= serve(&mut session, chunk, START + at as u64);
        }
        session.handle_timeout(START + LONG);
        over |= serve(&mut session, &[], START + LONG);
        if !over && session.wants_bytes() {
            prop_assert!(false, "a silent session ends");
        }
        session.connection_lost();
        prop_assert_eq!(serve(&mut session, &[], START + LONG), !over);
    }

    #[test]
    fn arbitrary_servers_never_make_a_client_panic(bytes in prop::collection::vec(packets(), 0..10), chunk in 1_usize..100) {
        for version in crate::pair::VERSIONS {
            let mut client = Client::new(version);
            for chunk in bytes.concat().chunks(chunk) {
                if client.handle_bytes(chunk).is_err() {
                    break;
                }
            }
        }
    }

    #[test]
    fn arbitrary_texts_are_read_or_refused(text in ".{0,60}") {
        let _ = ClientId::parse(&text).map(|id| (id.hour_start_ms(), id.is_timely(u64::MAX)));
        if let Topic::Command { id, .. } | Topic::Data { id, .. } = Topic::parse(&text) {
            prop_assert!(!id.contains('/'));
        }
    }

    /// Our hand-written PUBLISH against the borrowed codec's, both ways.
    #[test]
    fn our_publish_and_the_codecs_are_the_same(
        payload in prop::collection::vec(any::<u8>(), 0..400),
        acknowledged in any::<bool>(),
        dup in any::<bool>(),
        expiry in any::<Option<u32>>(),
    ) {
        let topic = data_json("dev");
        let qos = if acknowledged { packet::Qos::AtLeastOnce } else { packet::Qos::AtMostOnce };
        let packet_id = acknowledged.then_some(1_u16);
        let old = v3_1_1::Publish::builder().topic_name(&*topic).unwrap().qos(qos).dup(dup).packet_id(packet_id).payload(payload.clone());
        let properties = expiry.map(|seconds| Property::MessageExpiryInterval(packet::MessageExpiryInterval::new(seconds).unwrap()));
        let new = v5_0::Publish::builder().topic_name(&*topic).unwrap().qos(qos).dup(dup).packet_id(packet_id).payload(payload.clone())
            .props(properties.into_iter().collect::<Vec<_>>());
        for (version, bytes) in [
            (Version::V311, old.build().unwrap().to_continuous_buffer()),
            (Version::V5, new.build().unwrap().to_continuous_buffer()),
        ] {
            let events = Pair::open(version).raw(&bytes);
            let [Event::Published(published)] = &events[..] else { panic!("{events:?}") };
            prop_assert_eq!(&published.payload[..], &payload[..]);
            prop_assert_eq!(published.promise.is_some(), acknowledged);
            prop_assert_eq!(published.dup, dup);
            if !dup && (version == Version::V311 || expiry.is_none()) {
                let mut ours = Client::new(version);
                ours.publish(&topic, &payload, if acknowledged { Qos::AtLeastOnce } else { Qos::AtMostOnce });
                let mut written = Vec::new();
                ours.poll_transmit(&mut written);
                prop_assert_eq!(written, bytes);
            }
        }
    }
}
