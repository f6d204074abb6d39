//! The modelled application: it submits, cancels, deletes and repeats itself, and believes every reply.

use super::world::{Event, World};
use delivery::{
    AppKey, Command, CommandId, Granted, Input, Kind, Refusal, Reply, Status, Submission, Ticket,
    Who,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The application that owns the devices.
const OWNER: AppKey = AppKey(1);
/// One that was granted access.
const GUEST: AppKey = AppKey(2);

/// What the application knows.
#[derive(Default)]
pub(crate) struct Application {
    next_ticket: u64,
    next_key: u64,
    /// Requests without a reply, with the keys of the submissions among them.
    pub(crate) waiting: BTreeMap<Ticket, Option<Arc<str>>>,
    /// Submissions that were never answered: they are repeated under their keys.
    unanswered: Vec<(usize, Kind, Arc<str>)>,
    asked: BTreeMap<Arc<str>, (usize, Kind)>,
    /// Commands that were accepted as far as it knows.
    pub(crate) accepted: Vec<(usize, CommandId)>,
    /// The commands that probe whether the healthy phase is healthy.
    pub(crate) probes: BTreeSet<CommandId>,
}

impl World {
    /// The application does something.
    pub(crate) fn acts(&mut self) {
        if self.calm {
            return;
        }
        let wait = self.rng.between(1, self.pace);
        self.after(wait, Event::Acts);
        if !self.platform.up {
            return;
        }
        let device = self.rng.index(self.devices.len());
        match self.rng.between(0, 999) {
            0..=649 => {
                let kind = self.kind();
                let key = self
                    .rng
                    .happens(500)
                    .then(|| self.application.new_key(device, kind));
                self.submits(device, kind, key);
            }
            650..=749 => {
                if let Some((device, kind, key)) = self.application.unanswered.pop() {
                    self.submits(device, kind, Some(key));
                }
            }
            750..=929 => self.cancels(),
            930..=969 => {
                self.requests(device, |ticket| Input::CancelAll {
                    ticket,
                    who: owner(),
                });
            }
            970..=989 => {
                self.requests(device, |ticket| Input::Revoke {
                    ticket,
                    app: GUEST,
                    who: owner(),
                });
            }
            990..=993 => self.requests(device, |ticket| Input::Delete {
                ticket,
                who: owner(),
            }),
            _ => {
                // A key that was used already.
                if let Some((key, (device, kind))) = self.application.asked.pop_last() {
                    self.submits(device, kind, Some(key));
                }
            }
        }
    }

    fn kind(&mut self) -> Kind {
        match self.rng.between(0, 9) {
            0..=5 => {
                let secs = self.rng.pick(&[1, 30, 300, 3_600, 172_800]);
                Kind::Queued {
                    expire_after: Duration::from_secs(secs),
                }
            }
            6 | 7 => Kind::Immediate,
            _ => Kind::Direct {
                confirm: self.rng.happens(700),
            },
        }
    }

    fn cancels(&mut self) {
        if self.application.accepted.is_empty() {
            return;
        }
        let recent = self.application.accepted.len().min(10);
        let back = 1 + self.rng.index(recent);
        let at = self.application.accepted.len() - back;
        let (device, command) = self.application.accepted[at];
        self.requests(device, |ticket| Input::Cancel {
            ticket,
            command,
            who: owner(),
        });
    }

    fn requests(&mut self, device: usize, input: impl FnOnce(Ticket) -> Input) {
        let ticket = self.application.ticket(None);
        self.reported(device, input(ticket));
    }

    /// A submission, under a key or without one (R1.15).
    pub(crate) fn submits(&mut self, device: usize, kind: Kind, key: Option<Arc<str>>) {
        if let Some(known) = key
            .as_ref()
            .and_then(|k| self.platform.disk.keys.get(k))
            .copied()
        {
            self.say(format_args!("a key gives {known} again"));
            self.application.accepted.push((device, known));
            return;
        }
        if key.as_ref().is_some_and(|k| {
            self.application
                .waiting
                .values()
                .any(|w| w.as_ref() == Some(k))
        }) {
            return;
        }
        let Some(mid) = self.platform.seat(device).take_mid() else {
            return;
        };
        let tag = self.rng.number();
        let guest = self.rng.happens(200);
        let submission = Submission {
            id: self.platform.new_id(tag),
            app: OWNER,
            who: Who::Application(if guest { GUEST } else { OWNER }),
            kind,
            mid,
            encodable: self.calm || !self.rng.happens(30),
            retransmit_max: u8::try_from(self.rng.between(0, 4)).expect("it is small"),
            answer_expected: self.rng.happens(800),
            callback: self.rng.happens(800),
            key: key.clone(),
            body: Arc::from(&b"do"[..]),
        };
        let ticket = self.application.ticket(key);
        let twice = self.rng.happens(20).then(|| submission.clone());
        self.reported(device, Input::Submit(ticket, Box::new(submission)));
        if let Some(same) = twice {
            let ticket = self.application.ticket(None);
            self.reported(device, Input::Submit(ticket, Box::new(same)));
        }
    }

    /// The application reads a reply: what it says is on disk already.
    pub(crate) fn replied(&mut self, device: usize, reply: &Reply) {
        assert!(
            self.application.waiting.remove(&reply.ticket).is_some(),
            "answered once"
        );
        let disk = &self.platform.disk;
        let line = match &reply.outcome {
            Ok(Granted::Accepted(command)) => {
                let kept = disk
                    .commands
                    .get(&command.id)
                    .expect("what is accepted is on disk");
                assert_eq!(kept.history, command.history);
                self.checks.acknowledged(command);
                self.application.accepted.push((device, command.id));
                if self.probed.is_some() && matches!(command.kind, Kind::Queued { .. }) {
                    self.application.probes.insert(command.id);
                }
                format!("accepted {} as {:?}", command.id, command.status())
            }
            Ok(Granted::Cancelled(command)) => {
                assert_eq!(
                    disk.ended(command.id).map(Command::status),
                    Some(Status::Cancelled)
                );
                self.checks.acknowledged(command);
                format!("cancelled {}", command.id)
            }
            Ok(Granted::CancelledAll(commands)) => {
                for command in commands {
                    assert_eq!(command.status(), Status::Queued);
                    let kept = disk.ended(command.id).expect("it is on disk");
                    assert_eq!(kept.status(), Status::Cancelled);
                    self.checks.acknowledged(kept);
                }
                format!("cancelled {} of device {device}", commands.len())
            }
            Ok(Granted::Revoked(count)) => format!("revoked with {count} of device {device}"),
            Ok(Granted::Deleted) => {
                assert!(disk.is_deleted(device));
                format!("deleted device {device}")
            }
            Err(refusal) => {
                let unknown = matches!(refusal, Refusal::DeviceDeleted);
                assert!(!unknown || disk.is_deleted(device));
                format!("refused: {refusal:?}")
            }
        };
        self.say(format_args!("reply {}: {line}", reply.ticket.0));
    }
}

impl Application {
    fn ticket(&mut self, key: Option<Arc<str>>) -> Ticket {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        self.waiting.insert(ticket, key);
        ticket
    }

    fn new_key(&mut self, device: usize, kind: Kind) -> Arc<str> {
        self.next_key += 1;
        let key: Arc<str> = format!("key-{}", self.next_key).into();
        self.asked.insert(key.clone(), (device, kind));
        key
    }

    /// The platform crashed: whoever waits will never be answered.
    pub(crate) fn cut_off(&mut self) {
        for key in std::mem::take(&mut self.waiting).into_values().flatten() {
            if let Some((device, kind)) = self.asked.get(&key) {
                self.unanswered.push((*device, *kind, key));
            }
        }
    }
}

const fn owner() -> Who {
    Who::Application(OWNER)
}
