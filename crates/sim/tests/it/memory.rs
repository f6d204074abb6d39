//! A device without I/O against the platform's session, in virtual time.

use mqtt::{Access, Event, Limits, Qos, Refusal, Session, Version};
use serde_json::{Map, Value, json};
use sim::behaviour::{Acknowledges, Answers, Behaviour};
use sim::credentials::Credentials;
use sim::device::{Core, Ended, State};

const ID: &str = "d1";

/// What the platform saw of the device, in order.
#[derive(Clone, Debug, PartialEq)]
enum Saw {
    Acked(u64),
    Published(Value),
    Garbage,
}

struct Pair {
    core: Core,
    session: Session,
    now: u64,
    saw: Vec<Saw>,
    keeps_promises: bool,
}

impl Pair {
    fn asleep(behaviour: Behaviour, seed: u64) -> Self {
        let credentials = Credentials::of_device(ID, "s3cret");
        Self {
            core: Core::new(credentials, behaviour, seed),
            session: Session::new(Limits::default(), 0),
            now: 0,
            saw: Vec::new(),
            keeps_promises: true,
        }
    }

    fn awake(behaviour: Behaviour, seed: u64) -> Self {
        let mut pair = Self::asleep(behaviour, seed);
        pair.wake();
        pair
    }

    fn wake(&mut self) {
        self.session = Session::new(Limits::default(), self.now);
        self.core.connect(self.now);
        self.run().unwrap();
        assert_eq!(self.core.state(), State::Awake);
    }

    fn command(&mut self, mid: u16, tag: u64) {
        let payload = json!({"msgType":"cloudReq","serviceId":"S","cmd":"SET_PERIOD","paras":{"value":mid},"mid":mid,"hasMore":0});
        let payload = payload.to_string().into_bytes();
        self.session
            .send_command(&payload, Qos::AtLeastOnce, tag)
            .unwrap();
        self.run().unwrap();
    }

    fn at(&mut self, now: u64) {
        self.now = now;
        self.core.handle_timeout(now);
        self.run().unwrap();
    }

    /// Carries bytes both ways until there are none.
    fn run(&mut self) -> Result<(), Ended> {
        loop {
            let mut up = Vec::new();
            let mut down = Vec::new();
            let said = self.core.poll_transmit(&mut up, self.now);
            self.session.handle_bytes(&up, self.now);
            self.session.poll_transmit(&mut down);
            while let Some(event) = self.session.poll_event() {
                self.platform(event);
            }
            self.session.poll_transmit(&mut down);
            self.core.handle_bytes(&down, self.now)?;
            if !said && down.is_empty() {
                return Ok(());
            }
        }
    }

    fn platform(&mut self, event: Event) {
        match event {
            Event::Connect(connect) => {
                let expected = Credentials::of_device(ID, "s3cret");
                assert_eq!(*connect.client_id, expected.client_id());
                assert_eq!(
                    connect.password.unwrap(),
                    expected.password().as_bytes().into()
                );
                assert!(self.session.accept(Access::device(ID), self.now));
            }
            Event::Published(message) => {
                let read = serde_json::from_slice(&message.payload);
                self.saw.push(read.map_or(Saw::Garbage, Saw::Published));
                if let Some(promise) = message.promise.filter(|_| self.keeps_promises) {
                    self.session.acknowledge(promise, self.now);
                }
            }
            Event::Acked { tag, .. } => self.saw.push(Saw::Acked(tag)),
            Event::Subscribed { .. }
            | Event::Unsubscribed
            | Event::FiltersRefused { .. }
            | Event::Closed { .. } => {}
        }
    }
}

fn always(set: impl FnOnce(&mut Behaviour)) -> Behaviour {
    let mut behaviour = Behaviour::water_meter();
    set(&mut behaviour);
    behaviour
}

fn answer(mid: u16, errcode: i64, body: &Value) -> Saw {
    Saw::Published(
        json!({"msgType":"deviceRsp","mid":mid,"errcode":errcode,"hasMore":0,"body":body}),
    )
}

#[test]
fn a_right_device_acknowledges_then_answers_and_keeps_a_record() {
    let mut pair = Pair::awake(Behaviour::water_meter(), 1);
    pair.command(7, 70);
    assert_eq!(
        pair.saw,
        [Saw::Acked(70), answer(7, 0, &json!({"result":0}))]
    );
    let received = pair.core.received();
    assert_eq!(received.len(), 1);
    assert_eq!(
        (received[0].mid, received[0].cmd.as_str()),
        (7, "SET_PERIOD")
    );
    assert_eq!(received[0].paras["value"], 7);
    assert_eq!((pair.core.confirmed(), pair.core.unconfirmed()), (1, 0));
}

#[test]
fn a_lost_frame_is_in_the_record_and_nowhere_else() {
    let mut pair = Pair::awake(always(|b| b.lost = 1000), 1);
    pair.command(7, 70);
    assert_eq!(pair.saw, []);
    assert_eq!(
        pair.core.received()[0].reaction.acknowledges,
        Acknowledges::Never
    );
}

#[test]
fn an_early_answer_goes_before_the_acknowledgement() {
    let mut pair = Pair::awake(always(|b| b.early = 1000), 1);
    pair.command(7, 70);
    assert_eq!(
        pair.saw,
        [answer(7, 0, &json!({"result":0})), Saw::Acked(70)]
    );
}

#[test]
fn a_late_answer_comes_when_its_time_has_come() {
    let late = always(|b| {
        b.late = 1000;
        b.late_ms = (500, 500);
    });
    let mut pair = Pair::awake(late, 1);
    pair.command(7, 70);
    assert_eq!(pair.saw, [Saw::Acked(70)]);
    assert_eq!(pair.core.poll_timeout(), Some(500));
    pair.at(499);
    assert_eq!(pair.saw.len(), 1);
    pair.at(500);
    assert_eq!(pair.saw[1], answer(7, 0, &json!({"result":0})));
}

#[test]
fn an_unanswered_command_is_acknowledged_and_a_doubled_answer_comes_twice() {
    let mut pair = Pair::awake(always(|b| b.unanswered = 1000), 1);
    pair.command(7, 70);
    assert_eq!(pair.saw, [Saw::Acked(70)]);
    let mut pair = Pair::awake(always(|b| b.twice = 1000), 1);
    pair.command(7, 70);
    let once = answer(7, 0, &json!({"result":0}));
    assert_eq!(pair.saw, [Saw::Acked(70), once.clone(), once]);
}

#[test]
fn wrong_answers_come_in_four_kinds() {
    let mut pair = Pair::awake(always(|b| b.wrong = 1000), 1);
    for mid in 1..=40 {
        pair.command(mid, mid.into());
    }
    let reactions: Vec<Answers> = pair
        .core
        .received()
        .iter()
        .map(|r| r.reaction.answers)
        .collect();
    for kind in [
        Answers::Error(1),
        Answers::OffProfile,
        Answers::Garbage,
        Answers::OtherMid,
    ] {
        assert!(reactions.contains(&kind), "{kind:?}");
    }
    let garbage = pair.saw.iter().filter(|saw| **saw == Saw::Garbage).count();
    let meant = reactions
        .iter()
        .filter(|kind| **kind == Answers::Garbage)
        .count();
    assert_eq!(garbage, meant);
}

#[test]
fn what_the_platform_has_not_acknowledged_is_sent_again_after_a_sleep() {
    let mut pair = Pair::awake(Behaviour::water_meter(), 1);
    pair.keeps_promises = false;
    pair.command(7, 70);
    assert_eq!((pair.core.confirmed(), pair.core.unconfirmed()), (0, 1));
    pair.core.lost(pair.now);
    assert_eq!(pair.core.state(), State::Asleep);
    pair.keeps_promises = true;
    pair.wake();
    let once = answer(7, 0, &json!({"result":0}));
    assert_eq!(pair.saw, [Saw::Acked(70), once.clone(), once]);
    assert_eq!((pair.core.confirmed(), pair.core.unconfirmed()), (1, 0));
}

#[test]
fn a_report_waits_for_the_device_to_wake() {
    let mut pair = Pair::asleep(Behaviour::default(), 1);
    let data = Map::from_iter([("batteryLevel".to_owned(), Value::from(80))]);
    pair.core.report("MeterBattery", &data, 0);
    assert_eq!(pair.core.unconfirmed(), 1);
    pair.wake();
    let Saw::Published(report) = &pair.saw[0] else {
        panic!("{:?}", pair.saw);
    };
    assert_eq!(report["data"][0]["serviceData"], json!({"batteryLevel":80}));
}

#[test]
fn an_idle_device_pings_before_its_keep_alive_is_over() {
    let mut pair = Pair::awake(Behaviour::default(), 1);
    for _ in 0..10 {
        let next = pair.core.poll_timeout().unwrap();
        assert_eq!(next, pair.now + 30_000);
        pair.at(next);
        pair.session.handle_timeout(pair.now);
    }
    pair.command(1, 1);
    assert_eq!(pair.saw[0], Saw::Acked(1));
}

#[test]
fn a_refusal_names_its_code() {
    for (version, code) in [(Version::V311, 4), (Version::V5, 0x86)] {
        let mut pair = Pair::asleep(Behaviour::default(), 1);
        pair.core.speak(version);
        pair.core.connect(0);
        let (mut up, mut down) = (Vec::new(), Vec::new());
        pair.core.poll_transmit(&mut up, 0);
        pair.session.handle_bytes(&up, 0);
        assert!(matches!(pair.session.poll_event(), Some(Event::Connect(_))));
        pair.session.refuse(Refusal::Credentials);
        pair.session.poll_transmit(&mut down);
        assert_eq!(pair.core.handle_bytes(&down, 0), Err(Ended::Refused(code)));
    }
}

#[test]
fn the_same_seed_gives_the_same_conversation() {
    let talk = |seed| {
        let mut random = sim::random::Random::new(seed);
        let mut pair = Pair::awake(Behaviour::drawn(&mut random), seed);
        for mid in 1..=200 {
            pair.command(mid, mid.into());
            pair.at(pair.now + 50);
        }
        pair.saw
    };
    assert_eq!(talk(11), talk(11));
    assert_ne!(talk(11), talk(12));
}
