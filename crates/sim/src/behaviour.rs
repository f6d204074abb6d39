//! How a device takes its commands: as its maker meant, or as devices in the field do.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::message;
use crate::random::Random;

/// A device's habits. Shares are in thousandths of its commands; the rest is taken as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Behaviour {
    /// The frame is lost on the way: neither acknowledged nor answered.
    pub lost: u16,
    /// Acknowledged, never answered.
    pub unanswered: u16,
    /// Acknowledged, and answered after `late_ms`.
    pub late: u16,
    /// Answered with an error code, off the profile, with garbage, or under another mid.
    pub wrong: u16,
    /// Answered first, acknowledged then.
    pub early: u16,
    /// Answered twice.
    pub twice: u16,
    /// Milliseconds until a late answer: the shortest and the longest.
    pub late_ms: (u64, u64),
    /// The body of the answer to each command.
    pub bodies: BTreeMap<String, Map<String, Value>>,
    /// The body of the answer to every other command.
    pub body: Map<String, Value>,
}

/// What a device does with one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// Whether and when it acknowledges.
    pub acknowledges: Acknowledges,
    /// What it answers.
    pub answers: Answers,
    /// How often: 1, or 2.
    pub times: u8,
    /// Milliseconds that the answer takes.
    pub after_ms: u64,
}

/// When a device says PUBACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledges {
    /// Never: the frame was lost.
    Never,
    /// At once.
    First,
    /// After its answer.
    AfterAnswer,
}

/// What a device answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Nothing.
    Nothing,
    /// errcode 0 and the body of the profile.
    Success,
    /// This errcode.
    Error(u8),
    /// errcode 0 and a body that the profile does not know.
    OffProfile,
    /// No JSON.
    Garbage,
    /// As it should be, but under the mid of another command.
    OtherMid,
}

impl Default for Behaviour {
    /// As its maker meant.
    fn default() -> Self {
        Self {
            lost: 0,
            unanswered: 0,
            late: 0,
            wrong: 0,
            early: 0,
            twice: 0,
            late_ms: (0, 0),
            bodies: BTreeMap::new(),
            body: Map::new(),
        }
    }
}

impl Default for Reaction {
    /// Acknowledged at once, answered at once, as it should be.
    fn default() -> Self {
        Self {
            acknowledges: Acknowledges::First,
            answers: Answers::Success,
            times: 1,
            after_ms: 0,
        }
    }
}

impl Behaviour {
    /// A meter of the sample profile `WaterMeter` that does everything right.
    pub fn water_meter() -> Self {
        let done = Map::from_iter([("result".to_owned(), Value::from(0))]);
        let body = |cmd: &str| (cmd.to_owned(), done.clone());
        Self {
            bodies: BTreeMap::from([body("SET_PERIOD"), body("SET_PRESSURE_READ_PERIOD")]),
            ..Self::default()
        }
    }

    /// Habits as found in the field, drawn from a seed: mostly right, each fault now and then.
    pub fn drawn(random: &mut Random) -> Self {
        let mut share = |most| u16::try_from(random.below(most)).expect("shares are small");
        Self {
            lost: share(60),
            unanswered: share(40),
            late: share(60),
            wrong: share(80),
            early: share(60),
            twice: share(60),
            late_ms: (20, 400),
            ..Self::water_meter()
        }
    }

    /// What the device does with its next command.
    pub fn react(&self, random: &mut Random) -> Reaction {
        let right = Reaction::default();
        // One draw, cut into the shares in their order: what is left is right.
        let mut drawn = random.below(1000);
        let mut falls_in = |share: u16| {
            let within = drawn < u64::from(share);
            drawn = drawn.wrapping_sub(u64::from(share));
            within
        };
        if falls_in(self.lost) {
            Reaction {
                acknowledges: Acknowledges::Never,
                answers: Answers::Nothing,
                ..right
            }
        } else if falls_in(self.unanswered) {
            Reaction {
                answers: Answers::Nothing,
                ..right
            }
        } else if falls_in(self.late) {
            let (shortest, longest) = self.late_ms;
            Reaction {
                after_ms: random.between(shortest, longest),
                ..right
            }
        } else if falls_in(self.wrong) {
            Reaction {
                answers: wrong_answer(random),
                ..right
            }
        } else if falls_in(self.early) {
            Reaction {
                acknowledges: Acknowledges::AfterAnswer,
                ..right
            }
        } else if falls_in(self.twice) {
            Reaction { times: 2, ..right }
        } else {
            right
        }
    }

    /// The payload of an answer; `None` where the device says nothing.
    pub fn payload(&self, answers: Answers, mid: u16, cmd: &str) -> Option<Vec<u8>> {
        let empty = Map::new();
        let body = self.bodies.get(cmd).unwrap_or(&self.body);
        match answers {
            Answers::Nothing => None,
            Answers::Success => Some(message::answer(mid, 0, body)),
            Answers::Error(errcode) => Some(message::answer(mid, errcode.into(), &empty)),
            Answers::OffProfile => {
                let strange = Map::from_iter([("surprise".to_owned(), Value::from("!"))]);
                Some(message::answer(mid, 0, &strange))
            }
            Answers::Garbage => Some(b"\x00{\"msgType\":\"deviceRs".to_vec()),
            Answers::OtherMid => Some(message::answer(mid ^ 0x4000, 0, body)),
        }
    }
}

fn wrong_answer(random: &mut Random) -> Answers {
    match random.below(4) {
        0 => Answers::OffProfile,
        1 => Answers::Garbage,
        2 => Answers::OtherMid,
        _ => Answers::Error(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_as_its_maker_meant_it_never_errs() {
        let mut random = Random::new(1);
        let behaviour = Behaviour::water_meter();
        for _ in 0..1000 {
            let reaction = behaviour.react(&mut random);
            assert_eq!(reaction.answers, Answers::Success);
            assert_eq!(reaction.acknowledges, Acknowledges::First);
        }
    }

    #[test]
    fn each_fault_has_its_share() {
        let behaviour = Behaviour {
            lost: 100,
            unanswered: 100,
            late: 100,
            wrong: 100,
            early: 100,
            twice: 100,
            late_ms: (5, 9),
            ..Behaviour::default()
        };
        let mut random = Random::new(3);
        let reactions: Vec<Reaction> = (0..10_000).map(|_| behaviour.react(&mut random)).collect();
        let share = |is: &dyn Fn(&Reaction) -> bool| reactions.iter().filter(|r| is(r)).count();
        let expected = 850..1150;
        assert!(expected.contains(&share(&|r| r.acknowledges == Acknowledges::Never)));
        assert!(expected.contains(&share(
            &|r| r.answers == Answers::Nothing && r.acknowledges == Acknowledges::First
        )));
        assert!(expected.contains(&share(&|r| (5..=9).contains(&r.after_ms))));
        assert!(expected.contains(&share(&|r| r.acknowledges == Acknowledges::AfterAnswer)));
        assert!(expected.contains(&share(&|r| r.times == 2)));
        assert!(expected.contains(&share(&|r| !matches!(
            r.answers,
            Answers::Nothing | Answers::Success
        ))));
    }

    #[test]
    fn the_same_seed_reacts_in_the_same_way() {
        let reactions = |seed| {
            let mut random = Random::new(seed);
            let behaviour = Behaviour::drawn(&mut random);
            (0..100)
                .map(|_| behaviour.react(&mut random))
                .collect::<Vec<_>>()
        };
        assert_eq!(reactions(5), reactions(5));
        assert_ne!(reactions(5), reactions(6));
    }

    #[test]
    fn wrong_answers_are_wrong_and_right_ones_follow_the_profile() {
        let meter = Behaviour::water_meter();
        let text =
            |answers| String::from_utf8(meter.payload(answers, 9, "SET_PERIOD").unwrap()).unwrap();
        assert!(
            text(Answers::Success)
                .contains(r#""mid":9,"errcode":0,"hasMore":0,"body":{"result":0}"#)
        );
        assert!(text(Answers::Error(1)).contains(r#""errcode":1"#));
        assert!(text(Answers::OtherMid).contains(r#""mid":16393"#));
        assert!(text(Answers::OffProfile).contains("surprise"));
        assert!(serde_json::from_str::<Value>(&text(Answers::Garbage)).is_err());
        assert_eq!(meter.payload(Answers::Nothing, 9, "SET_PERIOD"), None);
    }
}
