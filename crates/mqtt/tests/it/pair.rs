//! A client and a session joined back to back.

use mqtt::client::{self, Client, Login};
use mqtt::{Access, Event, Limits, Millis, Qos, Session, Version, command_json};

pub(crate) const START: Millis = 1_000_000;
pub(crate) const VERSIONS: [Version; 3] = [Version::V31, Version::V311, Version::V5];

pub(crate) struct Pair {
    pub(crate) session: Session,
    pub(crate) client: Client,
    pub(crate) now: Millis,
    /// What the client was told and no test has looked at yet.
    pub(crate) heard: Vec<client::Event>,
}

pub(crate) fn login(client_id: &str) -> Login<'_> {
    Login {
        client_id,
        user_name: Some("dev"),
        password: Some(b"secret"),
        keep_alive_s: 60,
        clean: true,
        ..Login::default()
    }
}

impl Pair {
    pub(crate) fn new(version: Version) -> Self {
        Self::with_limits(version, Limits::default())
    }

    pub(crate) fn with_limits(version: Version, limits: Limits) -> Self {
        Self {
            session: Session::new(limits, START),
            client: Client::new(version),
            now: START,
            heard: Vec::new(),
        }
    }

    /// Connected as `dev`, also called `node`.
    pub(crate) fn open(version: Version) -> Self {
        Self::open_with(version, Limits::default(), &login("dev_0_0_2026112212"))
    }

    pub(crate) fn open_with(version: Version, limits: Limits, login: &Login<'_>) -> Self {
        let mut pair = Self::with_limits(version, limits);
        pair.client.connect(login);
        let events = pair.pump();
        assert!(matches!(events[..], [Event::Connect(_)]), "{events:?}");
        assert!(
            pair.session
                .accept(Access::device("dev").or("node"), pair.now)
        );
        assert_eq!(pair.pump(), []);
        assert_eq!(pair.connack().code, 0);
        pair
    }

    /// Connected and subscribed with QoS 1.
    pub(crate) fn subscribed(version: Version) -> Self {
        let mut pair = Self::open(version);
        pair.subscribe(Qos::AtLeastOnce);
        pair
    }

    pub(crate) fn subscribe(&mut self, qos: Qos) {
        let packet_id = self.client.subscribe(&command_json("dev"), qos);
        assert_eq!(self.pump(), [Event::Subscribed { qos }]);
        let codes = vec![qos.level()];
        assert_eq!(self.told(), [client::Event::Suback { packet_id, codes }]);
    }

    /// Moves bytes both ways until both are quiet; what the session reported.
    pub(crate) fn pump(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let (mut up, mut down) = (Vec::new(), Vec::new());
            let mut moved = self.client.poll_transmit(&mut up);
            self.session.handle_bytes(&up, self.now);
            moved |= self.session.poll_transmit(&mut down);
            self.client.handle_bytes(&down).unwrap();
            self.heard
                .extend(core::iter::from_fn(|| self.client.poll_event()));
            let before = events.len();
            events.extend(core::iter::from_fn(|| self.session.poll_event()));
            if !moved && events.len() == before {
                return events;
            }
        }
    }

    /// Hands raw bytes of a device to the session.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.session.handle_bytes(bytes, self.now);
        self.pump()
    }

    /// What the client heard since the last call.
    pub(crate) fn told(&mut self) -> Vec<client::Event> {
        core::mem::take(&mut self.heard)
    }

    pub(crate) fn connack(&mut self) -> client::Connack {
        match self.told()[..] {
            [client::Event::Connack(connack)] => connack,
            ref other => panic!("expected one CONNACK: {other:?}"),
        }
    }

    /// The messages that the client heard since the last call; anything else is a failure.
    pub(crate) fn messages(&mut self) -> Vec<client::Message> {
        self.told()
            .into_iter()
            .map(|event| match event {
                client::Event::Message(message) => message,
                other => panic!("expected a message: {other:?}"),
            })
            .collect()
    }
}
