//! The modelled platform around the heart: read, decide, commit, only then act; and what a crash leaves of that.

use super::disk::Disk;
use super::world::{Event, World};
use crate::promises;
use delivery::{
    Arrival, CommandId, Input, Lane, Mid, Moment, Rules, SessionId, Turn, Unmatched, turn,
};
use std::collections::{BTreeMap, VecDeque};

/// The platform, what is on its disk and what is not.
pub(crate) struct Platform {
    pub(crate) up: bool,
    /// Rises with every crash: what belongs to an older life is void.
    pub(crate) life: u64,
    pub(crate) rules: Rules,
    pub(crate) disk: Disk,
    seats: Vec<Seat>,
    /// Turns that were decided and are on their way to the disk, oldest first.
    in_flight: VecDeque<(usize, Turn)>,
    /// When the youngest of them will be there.
    flushed: Moment,
    sessions: BTreeMap<SessionId, usize>,
    next_session: u64,
    next_seq: u64,
}

/// One device's place in the platform's memory.
#[derive(Default)]
pub(crate) struct Seat {
    lane: Option<Lane>,
    inbox: Vec<Input>,
    unmatched: Vec<Unmatched>,
    busy: bool,
}

impl Seat {
    /// Takes a mid from the lane that the last turn left (R1.14).
    pub(crate) fn take_mid(&mut self) -> Option<Mid> {
        self.lane.as_mut().and_then(Lane::take_mid)
    }
}

impl Platform {
    pub(crate) fn new(disk: Disk, rules: Rules, devices: usize) -> Self {
        Self {
            up: true,
            life: 0,
            rules,
            disk,
            seats: (0..devices).map(|_| Seat::default()).collect(),
            in_flight: VecDeque::new(),
            flushed: Moment::default(),
            sessions: BTreeMap::new(),
            next_session: 1,
            next_seq: 1,
        }
    }

    /// The device's seat, its lane in it.
    pub(crate) fn seat(&mut self, device: usize) -> &mut Seat {
        let seat = &mut self.seats[device];
        if seat.lane.is_none() {
            seat.lane = Some(self.disk.lane(device));
        }
        seat
    }

    pub(crate) fn new_id(&mut self, tag: u64) -> CommandId {
        self.next_seq = self.next_seq.max(self.disk.seq() + 1);
        let id = CommandId {
            seq: self.next_seq,
            tag,
        };
        self.next_seq += 1;
        id
    }

    pub(crate) fn open_session(&mut self, device: usize) -> SessionId {
        let session = SessionId(self.next_session);
        self.next_session += 1;
        self.sessions.insert(session, device);
        session
    }

    /// Sessions of the device that are open and older than this one.
    pub(crate) fn sessions_before(&self, device: usize, session: SessionId) -> Vec<SessionId> {
        let older = self
            .sessions
            .range(..session)
            .filter(|(_, d)| **d == device);
        older.map(|(s, _)| *s).collect()
    }

    pub(crate) fn is_open(&self, session: SessionId) -> bool {
        self.sessions.contains_key(&session)
    }

    /// Says whether it was open.
    pub(crate) fn close_session(&mut self, session: SessionId) -> bool {
        self.sessions.remove(&session).is_some()
    }

    /// What the heart returned as unmatched, with the ended commands that it belongs to (R6.7).
    fn look_up(&self, device: usize, unmatched: Vec<Unmatched>) -> Vec<Input> {
        let id = self.disk.lane(device).device;
        let late = |what| match what {
            Unmatched::Ack(command) => (self.disk.ended(command), Arrival::Ack),
            Unmatched::Answer(mid, answer) => {
                (self.disk.ended_by_mid(id, mid), Arrival::Answer(answer))
            }
        };
        let found = unmatched.into_iter().map(late);
        let input = |(command, arrival): (Option<&delivery::Command>, Arrival)| {
            command.map(|c| Input::Late {
                command: Box::new(c.clone()),
                arrival,
            })
        };
        found.filter_map(input).collect()
    }
}

impl World {
    /// Something happened to a device's lane. What reaches a platform that is down is gone.
    pub(crate) fn reported(&mut self, device: usize, input: Input) {
        if !self.platform.up {
            return;
        }
        self.platform.seat(device).inbox.push(input);
        let wait = self.rng.between(0, 3);
        self.after(wait, Event::Turn(device, self.platform.life));
    }

    /// A lane takes a turn, if it is free and there is something to decide.
    pub(crate) fn takes_turn(&mut self, device: usize, life: u64) {
        if life != self.platform.life || !self.platform.up {
            return;
        }
        let (rules, now) = (self.platform.rules.clone(), self.now);
        let seat = self.platform.seat(device);
        let lane = seat.lane.clone().expect("it was read");
        let due = lane.wake_at(&rules).is_some_and(|at| at <= now);
        let idle = seat.inbox.is_empty() && seat.unmatched.is_empty() && !due;
        if seat.busy || idle {
            return;
        }
        let unmatched = std::mem::take(&mut seat.unmatched);
        let mut inbox = std::mem::take(&mut seat.inbox);
        inbox.splice(0..0, self.platform.look_up(device, unmatched));
        let asked = promises::tickets(&inbox);
        let taken = turn(lane.clone(), inbox, &rules, now);
        promises::hold(&lane, &asked, &taken, &rules, now);
        self.log_turn(device, &taken);
        self.platform.seats[device].lane = Some(taken.lane.clone());
        if !taken.is_durable() {
            self.carries_out(device, taken);
            return;
        }
        self.platform.seats[device].busy = true;
        let fsync = if self.rng.happens(20) {
            700
        } else {
            self.rng.between(1, 20)
        };
        let flushed = self
            .platform
            .flushed
            .max(now + std::time::Duration::from_millis(fsync));
        self.platform.flushed = flushed;
        self.platform.in_flight.push_back((device, taken));
        self.at(flushed, Event::Committed(self.platform.life));
    }

    /// The oldest turn on its way is on disk: now, and only now, it is acted upon.
    pub(crate) fn committed(&mut self, life: u64) {
        if life != self.platform.life || !self.platform.up {
            return;
        }
        let Some((device, taken)) = self.platform.in_flight.pop_front() else {
            return;
        };
        self.platform.disk.apply(device, &taken, self.now);
        self.platform.seats[device].busy = false;
        self.carries_out(device, taken);
    }

    fn carries_out(&mut self, device: usize, taken: Turn) {
        for reply in &taken.replies {
            self.replied(device, reply);
        }
        for downlink in taken.downlinks {
            self.delivers(device, downlink);
        }
        self.platform.seats[device]
            .unmatched
            .extend(taken.unmatched);
        if let Some(session) = taken.close {
            self.platform.close_session(session);
            self.dropped(device, session);
        }
        let life = self.platform.life;
        if let Some(at) = taken.wake_at {
            self.at(at.max(self.now), Event::Turn(device, life));
        }
        // What came meanwhile.
        self.after(0, Event::Turn(device, life));
    }

    /// The platform dies. Of what was on its way, the oldest `kept` turns are on disk, though nobody was told so.
    pub(crate) fn crashes(&mut self, kept: usize) {
        if !self.platform.up {
            return;
        }
        self.say(format_args!(
            "crash: {kept} of {} on disk",
            self.platform.in_flight.len()
        ));
        let platform = &mut self.platform;
        for (device, taken) in platform.in_flight.drain(..).take(kept) {
            platform.disk.apply(device, &taken, self.now);
        }
        platform.in_flight.clear();
        platform.up = false;
        platform.life += 1;
        platform.seats.iter_mut().for_each(|s| *s = Seat::default());
        platform.next_seq = 1;
        let sessions = std::mem::take(&mut platform.sessions);
        for (session, device) in sessions {
            self.dropped(device, session);
        }
        self.application.cut_off();
        let down = match self.rng.between(0, 9) {
            0 => self.rng.between(3_600_000, 60 * 3_600_000),
            1..=3 => self.rng.between(60_000, 900_000),
            _ => self.rng.between(200, 10_000),
        };
        self.after(down, Event::Restart);
    }

    /// How many turns are on their way to the disk.
    pub(crate) fn in_flight(&self) -> usize {
        self.platform.in_flight.len()
    }

    /// The platform starts again, with what its disk holds.
    pub(crate) fn restarts(&mut self) {
        self.platform.up = true;
        self.platform.rules.started = self.now;
        self.say(format_args!("restart"));
        self.checks.survived(&self.platform.disk);
        let life = self.platform.life;
        for device in 0..self.devices.len() {
            if let Some(at) = self.platform.disk.alarm(device) {
                self.at(at.max(self.now), Event::Turn(device, life));
            }
        }
    }

    /// A callback is delivered; in the healthy phase, all that are owed.
    pub(crate) fn tells(&mut self) {
        let owing = self.platform.disk.ids(|c| c.owed().next().is_some());
        if self.platform.up && !owing.is_empty() {
            let owing: Vec<_> = owing.into_iter().collect();
            let told = if self.calm {
                owing
            } else {
                vec![self.rng.pick(&owing)]
            };
            for id in told {
                self.tells_of(id);
            }
        }
        let wait = if self.calm {
            10_800_000
        } else {
            self.rng.between(1000, self.pace * 2)
        };
        let closed = self.platform.disk.ids(|c| !c.is_closed()).is_empty();
        if !(closed && self.probed.is_some() && self.application.waiting.is_empty()) {
            self.after(wait, Event::Tell);
        }
    }

    /// An owner is told, and that is noted in memory and on disk sooner or later (R2.2).
    fn tells_of(&mut self, id: CommandId) {
        let up_to = self.checks.told(&self.platform.disk, id);
        // A crash in between forgets that, and the callback is repeated.
        if self.calm || self.rng.happens(900) {
            let lanes = self
                .platform
                .seats
                .iter_mut()
                .filter_map(|s| s.lane.as_mut());
            lanes.for_each(|lane| lane.told(id, up_to));
            self.platform.disk.told(id, up_to);
        }
    }
}
