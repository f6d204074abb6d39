//! The modelled devices: they sleep, drop, take frames, and answer late, wrongly, twice or not at all.

use super::rng::Rng;
use super::world::{Event, World};
use delivery::{Answer, CommandId, Downlink, Input, Mid, SessionId, Verdict};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A device and its habits.
pub(crate) struct Device {
    /// The session that it holds to be open.
    pub(crate) session: Option<SessionId>,
    /// Whether its subscription confirms (QoS 1).
    confirms: bool,
    /// Of a thousand frames, how many it acknowledges.
    acks: u64,
    /// Of a thousand commands, how many it answers.
    answers: u64,
    /// Whether it sleeps for hours rather than seconds.
    sleepy: bool,
    /// Every command that reached it.
    pub(crate) received: BTreeSet<CommandId>,
}

/// What a device says.
#[derive(Clone)]
pub(crate) enum Word {
    /// A frame arrived: the packet's acknowledgement, which the platform can read in this life of its only.
    Ack {
        command: CommandId,
        life: u64,
    },
    Answer(Mid, Answer),
    Report,
}

impl Device {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        Self {
            session: None,
            confirms: rng.happens(800),
            acks: rng.pick(&[1000, 900, 500]),
            answers: rng.pick(&[1000, 800, 300]),
            sleepy: rng.happens(500),
            received: BTreeSet::new(),
        }
    }
}

impl World {
    /// The device tries to connect and to subscribe.
    pub(crate) fn wakes(&mut self, device: usize) {
        if self.devices[device].session.is_some() || self.platform.disk.is_deleted(device) {
            return;
        }
        if !self.platform.up {
            let wait = self.rng.between(1000, 60_000);
            self.after(wait, Event::Wake(device));
            return;
        }
        let session = self.platform.open_session(device);
        self.devices[device].session = Some(session);
        self.say(format_args!(
            "device {device} wakes in session {}",
            session.0
        ));
        let confirms = self.devices[device].confirms;
        let stale = self.platform.sessions_before(device, session);
        let reachable = Input::Reachable { session, confirms };
        if self.rng.happens(500) {
            self.reported(device, reachable);
            self.end_sessions(device, stale);
        } else {
            self.end_sessions(device, stale);
            self.reported(device, reachable);
        }
        if self.rng.happens(300) {
            self.hears(device, Word::Report);
        }
        let awake = if self.devices[device].sleepy {
            (5_000, 120_000)
        } else {
            (20_000, 3_600_000)
        };
        let awake = self.rng.between(awake.0, awake.1);
        self.after(awake, Event::Sleep(device, session));
    }

    fn end_sessions(&mut self, device: usize, sessions: Vec<SessionId>) {
        for session in sessions {
            self.platform.close_session(session);
            self.reported(device, Input::Unreachable { session });
        }
    }

    /// The device goes: with a word, or without one.
    pub(crate) fn sleeps(&mut self, device: usize, session: SessionId) {
        if self.calm || self.devices[device].session != Some(session) {
            return;
        }
        self.devices[device].session = None;
        let silent = self.rng.happens(400);
        self.say(format_args!("device {device} sleeps, silent: {silent}"));
        let noticed = if silent {
            self.rng.between(30_000, 90_000)
        } else {
            self.rng.between(0, 200)
        };
        self.after(noticed, Event::Gone(device, session));
        let asleep = match (self.devices[device].sleepy, self.rng.happens(30)) {
            (_, true) => self.rng.between(86_400_000, 3 * 86_400_000),
            (true, false) => self.rng.between(60_000, 6 * 3_600_000),
            (false, false) => self.rng.between(1_000, 60_000),
        };
        self.after(asleep, Event::Wake(device));
    }

    /// The platform notices that a session is over.
    pub(crate) fn gone(&mut self, device: usize, session: SessionId) {
        if self.platform.close_session(session) {
            self.reported(device, Input::Unreachable { session });
        }
    }

    /// The platform closed the session; the device notices and comes back.
    pub(crate) fn dropped(&mut self, device: usize, session: SessionId) {
        if self.devices[device].session == Some(session) {
            self.devices[device].session = None;
            let wait = self.rng.between(100, 20_000);
            self.after(wait, Event::Wake(device));
        }
    }

    /// A frame arrives at the device, if it is still there.
    pub(crate) fn arrives(&mut self, device: usize, frame: &Downlink, life: u64) {
        if self.devices[device].session != Some(frame.session) || life != self.platform.life {
            return;
        }
        self.say(format_args!(
            "device {device} takes {} attempt {}",
            frame.command, frame.attempt
        ));
        self.checks.took(&self.platform.disk, frame);
        let again = !self.devices[device].received.insert(frame.command);
        let habits = &self.devices[device];
        let (acks, answers) = if self.calm {
            (1000, 1000)
        } else {
            (habits.acks, habits.answers)
        };
        if frame.confirm && self.rng.happens(acks) {
            let delay = self.delay();
            self.after(
                delay,
                Event::Says(
                    device,
                    Word::Ack {
                        command: frame.command,
                        life,
                    },
                ),
            );
        }
        let answers = if again && !self.calm {
            answers / 4
        } else {
            answers
        };
        if self.rng.happens(answers) {
            self.plans_answer(device, frame);
        }
    }

    fn plans_answer(&mut self, device: usize, frame: &Downlink) {
        let verdict = match self.rng.between(0, 9) {
            _ if self.calm => Verdict::Success,
            0..=6 => Verdict::Success,
            7 | 8 => Verdict::Failure,
            _ => Verdict::Undecodable,
        };
        let detail = Some(Arc::from(frame.command.to_string().into_bytes()));
        let answer = Answer {
            verdict,
            detail,
            off_profile: self.rng.happens(50),
        };
        let word = Word::Answer(frame.mid, answer);
        let delay = match self.rng.between(0, 9) {
            _ if self.calm => 100,
            0..=5 => self.rng.between(1, 3_000),
            6 | 7 => self.rng.between(1_000, 300_000),
            8 => self.rng.between(60_000, 7_200_000),
            _ => self.rng.between(3_600_000, 60 * 3_600_000),
        };
        if self.rng.happens(100) && !self.calm {
            let later = delay + self.delay();
            self.after(later, Event::Says(device, word.clone()));
        }
        if self.rng.happens(20) && !self.calm {
            // A wrong one: whatever mid, no name in it.
            let mid = u16::try_from(self.rng.between(1, 65_535))
                .ok()
                .and_then(Mid::new);
            let detail = Some(Arc::from(&[0xff_u8][..]));
            let forged = Answer {
                verdict: Verdict::Failure,
                detail,
                off_profile: false,
            };
            let word = Word::Answer(mid.unwrap_or(frame.mid), forged);
            self.after(delay / 2, Event::Says(device, word));
        }
        self.after(delay, Event::Says(device, word));
    }

    /// The device says something, now or when it is connected again.
    pub(crate) fn says(&mut self, device: usize, word: Word) {
        if self.devices[device].session.is_none() {
            if self.rng.happens(700) {
                self.after(30_000, Event::Says(device, word));
            }
            return;
        }
        if self.is_lost() {
            return;
        }
        if self.rng.happens(50) && !self.calm {
            let delay = self.delay();
            self.after(delay, Event::Heard(device, word.clone()));
        }
        let delay = self.delay();
        self.after(delay, Event::Heard(device, word));
    }

    /// The platform hears what a device said.
    pub(crate) fn hears(&mut self, device: usize, word: Word) {
        let input = match word {
            Word::Ack { command, life } if life == self.platform.life => Input::Acked { command },
            Word::Ack { .. } => return,
            Word::Answer(mid, answer) => Input::Answered { mid, answer },
            Word::Report => Input::Heard,
        };
        self.reported(device, input);
    }

    /// A frame is handed to a session, or the session says that it was not.
    pub(crate) fn delivers(&mut self, device: usize, frame: Downlink) {
        let refuses = self.rng.happens(20) && !self.calm;
        if !self.platform.is_open(frame.session) || refuses {
            self.say(format_args!(
                "lost {} attempt {}",
                frame.command, frame.attempt
            ));
            self.platform.close_session(frame.session);
            self.dropped(device, frame.session);
            let (command, attempt, session) = (frame.command, frame.attempt, frame.session);
            self.reported(
                device,
                Input::Lost {
                    command,
                    attempt,
                    session,
                },
            );
            return;
        }
        self.checks.handed_over(&self.platform.disk, &frame);
        if self.is_lost() {
            return;
        }
        let life = self.platform.life;
        if self.rng.happens(50) && !self.calm {
            let delay = self.delay();
            self.after(delay, Event::Arrives(device, frame.clone(), life));
        }
        let delay = self.delay();
        self.after(delay, Event::Arrives(device, frame, life));
    }

    fn is_lost(&mut self) -> bool {
        !self.calm && self.rng.happens(120)
    }

    fn delay(&mut self) -> u64 {
        match self.rng.between(0, 19) {
            0 if !self.calm => self.rng.between(1_000, 30_000),
            _ => self.rng.between(1, 400),
        }
    }
}
