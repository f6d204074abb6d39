//! A random story of a few devices: the heart decides, the store keeps, and a model in memory knows how it must be.

use super::given::{START, device};
use super::groups::Groups;
use super::write;
use crate::contract::{LaneWrite, Store, Unit, Write};
use crate::records::Tally;
use delivery::{
    Answer, AppKey, Arrival, Command, CommandId, DeviceId, Input, Kind, Lane, Link, Mid, Moment,
    Rules, SessionId, State, Status, Submission, Ticket, Turn, Unmatched, Verdict, Who,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A story: what was committed and acknowledged, and numbers to go on with.
#[derive(Debug, Clone)]
pub struct Story {
    dice: u64,
    now: Moment,
    session: u64,
    command_seq: u64,
    rules: Rules,
    commands: BTreeMap<u64, Command>,
    alarms: BTreeMap<u64, (u64, Moment)>,
    lanes: BTreeMap<u64, Lane>,
    /// How far each lane's mids had come when its record was last written; refused submissions use some up in between.
    mids: BTreeMap<u64, u64>,
    /// What the last turn could not match; the next one takes it.
    unmatched: Option<(DeviceId, Vec<Unmatched>)>,
    /// How many ended commands it has forgotten, by status (R2.8).
    forgotten: BTreeMap<Status, u64>,
    /// The highest sequence number among them.
    forgotten_seq: u64,
    groups: Groups,
}

impl Story {
    /// A story of `devices` devices that is told by `seed`; it registers them.
    ///
    /// # Panics
    ///
    /// If the store breaks its contract.
    pub fn begin(store: &dyn Store, devices: u64, seed: u64) -> Self {
        let mut story = Self {
            dice: seed,
            now: START,
            session: 0,
            command_seq: 0,
            rules: Rules::default(),
            commands: BTreeMap::new(),
            alarms: BTreeMap::new(),
            lanes: BTreeMap::new(),
            mids: BTreeMap::new(),
            unmatched: None,
            forgotten: BTreeMap::new(),
            forgotten_seq: 0,
            groups: Groups::default(),
        };
        for seq in 1..=devices {
            story.register(store, seq);
        }
        story
    }

    /// The moment it has come to.
    pub const fn now(&self) -> Moment {
        self.now
    }

    /// How many commands it has accepted.
    pub fn accepted(&self) -> usize {
        let forgotten = self.forgotten.values().sum::<u64>();
        self.commands.len() + usize::try_from(forgotten).unwrap_or_default()
    }

    /// The oldest commands that may be forgotten, at most `most`, as a unit that forgets them; the story goes on as if it had
    /// been committed (R2.8).
    pub fn forget(&mut self, most: usize) -> Unit {
        let closed = self.commands.values().filter(|command| command.is_closed());
        let ids: Vec<CommandId> = closed.map(|command| command.id).take(most).collect();
        for id in &ids {
            self.forgotten_seq = self.forgotten_seq.max(id.seq);
            let gone = self.commands.remove(&id.seq);
            let status = gone.map(|command| command.status());
            *self
                .forgotten
                .entry(status.unwrap_or(Status::Delivered))
                .or_default() += 1;
        }
        Unit {
            turn: None,
            writes: vec![Write::ForgetCommands(ids)],
        }
    }

    /// A change of device groups, as a unit; the story goes on as if it had been committed.
    pub fn regroup(&mut self) -> Unit {
        let devices: Vec<DeviceId> = self.lanes.values().map(|lane| lane.device).collect();
        Unit {
            turn: None,
            writes: self.groups.change(&devices),
        }
    }

    /// Goes on by one step, which takes a turn and commits it, and compares what it touched.
    ///
    /// # Panics
    ///
    /// If the store breaks its contract.
    pub fn step(&mut self, store: &dyn Store) {
        let (unit, turns) = self.next_unit(store);
        write(store, unit, self.now);
        self.happened(&turns);
        let touched = turns.iter().map(|turn| turn.lane.device.seq());
        for device in touched {
            self.compare_lane(store, device, false);
        }
        for change in turns.iter().flat_map(|turn| &turn.changes) {
            let kept = store.command(change.command.id).expect("commands are read");
            assert_eq!(kept.as_ref(), self.commands.get(&change.command.id.seq));
        }
        assert_eq!(store.tally().expect("the tally is read"), self.tally());
    }

    /// What the next step would commit, and the turns it consists of. Nothing has happened until
    /// [`happened`](Self::happened) says so.
    ///
    /// # Panics
    ///
    /// If the store cannot be read.
    pub fn next_unit(&mut self, store: &dyn Store) -> (Unit, Vec<Turn>) {
        self.now = self.now + self.pause();
        let devices: Vec<u64> = self.lanes.keys().copied().collect();
        let (device, inbox) = if let Some((device, unmatched)) = self.unmatched.take() {
            (device, late_arrivals(store, device, &unmatched))
        } else {
            let device = devices[self.roll(devices.len())];
            (self.lanes[&device].device, self.inbox(device))
        };
        let lane = self.lanes[&device.seq()].clone();
        let mut turn = delivery::turn(lane, inbox, &self.rules, self.now);
        if !turn.unmatched.is_empty() {
            self.unmatched = Some((turn.lane.device, turn.unmatched.clone()));
        }
        let mut unit = Unit {
            turn: LaneWrite::of(&turn),
            writes: Vec::new(),
        };
        if self.roll(4) == 0 {
            unit.writes.extend(self.tell_somebody(&mut turn));
        }
        (unit, vec![turn])
    }

    /// The next few steps as units of one commit, at most `most`; the story goes on as if they had been committed.
    ///
    /// # Panics
    ///
    /// If the store cannot be read.
    pub fn next_batch(&mut self, store: &dyn Store, most: usize) -> Vec<Unit> {
        let mut units = Vec::new();
        while units.len() < most.max(1) {
            // What has to be looked up must have been committed before.
            if !units.is_empty() && self.unmatched.is_some() {
                break;
            }
            let (unit, turns) = self.next_unit(store);
            self.happened(&turns);
            units.push(unit);
        }
        units
    }

    /// Takes turns that were committed into what must be kept.
    pub fn happened(&mut self, turns: &[Turn]) {
        for turn in turns {
            let device = turn.lane.device.seq();
            for change in &turn.changes {
                let seq = change.command.id.seq;
                let mut command = change.command.clone();
                if let Some(before) = self.commands.get(&seq) {
                    command.told = command.told.max(before.told);
                }
                match change.wake_at {
                    Some(at) => self.alarms.insert(seq, (device, at)),
                    None => self.alarms.remove(&seq),
                };
                self.commands.insert(seq, command);
            }
            if turn.keep_lane {
                self.mids.insert(device, turn.lane.mids.next);
            }
            self.lanes.insert(device, turn.lane.clone());
        }
    }

    /// Compares everything. After a restart the store may count a lane's revisions anew, and links are away.
    ///
    /// # Panics
    ///
    /// If anything that was acknowledged is missing or different, or anything is there that was never committed.
    pub fn compare(&mut self, store: &dyn Store, restarted: bool) {
        for command in self.commands.values() {
            assert_eq!(
                store
                    .command(command.id)
                    .expect("commands are read")
                    .as_ref(),
                Some(command)
            );
        }
        let every = store
            .latest_commands(None, None, 1_000)
            .expect("commands are read");
        let newest: Vec<&Command> = self.commands.values().rev().take(1_000).collect();
        assert_eq!(every.iter().collect::<Vec<_>>(), newest);
        let devices: Vec<u64> = self.lanes.keys().copied().collect();
        for device in devices {
            self.compare_lane(store, device, restarted);
            self.compare_line(store, device);
        }
        assert_eq!(store.tally().expect("the tally is read"), self.tally());
        self.compare_alarms(store);
        self.groups.compare(store);
        let marks = store.marks().expect("marks are read");
        assert_eq!(
            marks.command_seq,
            self.commands
                .keys()
                .next_back()
                .copied()
                .unwrap_or_default()
                .max(self.forgotten_seq)
        );
        let devices = self.lanes.keys().next_back().copied();
        assert!(marks.device_seq >= devices.unwrap_or_default());
        assert!(marks.last_moment <= self.now);
    }

    fn compare_alarms(&self, store: &dyn Store) {
        let mut found: Vec<(u64, u64, Moment)> = Vec::new();
        loop {
            let after = found.last().map_or(0, |(seq, ..)| *seq);
            let page = store.alarms(after, 3).expect("alarms are read");
            assert!(page.len() <= 3);
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        let expected: Vec<_> = self
            .alarms
            .iter()
            .map(|(seq, (device, at))| (*seq, *device, *at))
            .collect();
        assert_eq!(found, expected);
    }

    /// A device's commands, as its list and the counter of its application's list show them.
    fn compare_line(&self, store: &dyn Store, device: u64) {
        let id = self.lanes[&device].device;
        let mut its: Vec<&Command> = self.commands.values().filter(|c| c.device == id).collect();
        its.sort_by_key(|command| std::cmp::Reverse((command.created, command.id.seq)));
        let kept = store
            .latest_commands(Some(id), None, 1_000)
            .expect("commands are read");
        assert_eq!(kept.iter().collect::<Vec<_>>(), its);
    }

    fn compare_lane(&mut self, store: &dyn Store, device: u64, restarted: bool) {
        let kept = store
            .lane(device)
            .expect("lanes are read")
            .expect("a registered device has a lane");
        let lane = self
            .lanes
            .get_mut(&device)
            .expect("the story knows its devices");
        if restarted {
            assert!(kept.revision <= lane.revision);
            lane.revision = kept.revision;
            lane.link = Link::Away;
            lane.contact = lane.contact_kept;
            lane.mids.next = self.mids[&device];
        }
        let mut expected = lane.clone();
        expected.link = Link::Away;
        expected.contact = expected.contact_kept;
        expected.mids.next = self.mids[&device];
        assert_eq!(kept, expected);
    }

    /// The tally, counted.
    fn tally(&self) -> Tally {
        let all = || self.commands.values();
        let open = [Status::Queued, Status::Sent, Status::Delivered];
        let ended = [
            Status::Delivered,
            Status::Succeeded,
            Status::Failed,
            Status::Cancelled,
            Status::Expired,
            Status::TimedOut,
        ];
        let count = |ended: bool, status| {
            all()
                .filter(|c| c.has_ended() == ended && c.status() == status)
                .count()
        };
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Tally {
            accepted: number(self.accepted()),
            open: open
                .map(|status| (status, number(count(false, status))))
                .to_vec(),
            ended: ended
                .map(|status| {
                    let forgotten = self.forgotten.get(&status).copied().unwrap_or_default();
                    (status, number(count(true, status)) + forgotten)
                })
                .to_vec(),
        }
    }

    fn register(&mut self, store: &dyn Store, seq: u64) {
        let device = device(seq);
        write(
            store,
            Unit {
                turn: None,
                writes: vec![Write::Device(device.clone())],
            },
            self.now,
        );
        let lane = Lane::new(device.id, device.registered);
        self.mids.insert(seq, lane.mids.next);
        self.lanes.insert(seq, lane);
    }

    /// A command is told of further; also in the lane, as the server does it.
    fn tell_somebody(&mut self, turn: &mut Turn) -> Option<Write> {
        let changing = |seq: &u64| {
            turn.changes
                .iter()
                .any(|change| change.command.id.seq == *seq)
        };
        let device = turn.lane.device;
        let owing = self
            .commands
            .values()
            .filter(|c| c.device == device && c.owed().next().is_some());
        let owing: Vec<u64> = owing
            .map(|c| c.id.seq)
            .filter(|seq| !changing(seq))
            .collect();
        let seq = *owing.get(self.roll(owing.len().max(1)))?;
        let command = self.commands.get_mut(&seq)?;
        let up_to = command.owed().map(|(place, _)| place + 1).next()?;
        let up_to = u32::try_from(up_to).ok()?;
        command.told = command.told.max(up_to);
        turn.lane.told(command.id, up_to);
        Some(Write::Told {
            command: command.id,
            up_to,
        })
    }

    fn inbox(&mut self, device: u64) -> Vec<Input> {
        let count = 1 + self.roll(3);
        (0..count).filter_map(|_| self.input(device)).collect()
    }

    fn input(&mut self, device: u64) -> Option<Input> {
        let who = Who::Application(AppKey(1));
        let ticket = Ticket(0);
        Some(match self.roll(20) {
            0..=6 => Input::Submit(ticket, Box::new(self.submission(device)?)),
            7 | 8 => {
                self.session += 1;
                Input::Reachable {
                    session: SessionId(self.session),
                    confirms: self.roll(4) != 0,
                }
            }
            9 => Input::Unreachable {
                session: SessionId(self.session),
            },
            10..=12 => Input::Acked {
                command: self.some_command(device)?,
            },
            13..=15 => Input::Answered {
                mid: self.some_mid(device)?,
                answer: self.answer(),
            },
            16 => {
                let lane = &self.lanes[&device];
                let sent = lane
                    .open
                    .iter()
                    .find(|c| matches!(c.state, State::Sent(_)))?;
                let Link::Reachable { session, .. } = lane.link else {
                    return None;
                };
                Input::Lost {
                    command: sent.id,
                    attempt: sent.issued,
                    session,
                }
            }
            17 => Input::Cancel {
                ticket,
                command: self.some_command(device)?,
                who,
            },
            18 if self.roll(4) == 0 => Input::CancelAll {
                ticket,
                who: Who::Operator,
            },
            19 if self.roll(40) == 0 => Input::Delete { ticket, who },
            _ => Input::Heard,
        })
    }

    fn submission(&mut self, device: u64) -> Option<Submission> {
        self.command_seq += 1;
        let id = CommandId {
            seq: self.command_seq,
            tag: self.dice,
        };
        let kind = match self.roll(6) {
            0 => Kind::Immediate,
            1 => Kind::Direct {
                confirm: self.roll(2) == 0,
            },
            short @ (2 | 3) => Kind::Queued {
                expire_after: Duration::from_mins(20 * u64::try_from(short).ok()?),
            },
            _ => Kind::Queued {
                expire_after: Duration::from_hours(48),
            },
        };
        let mid = self.lanes.get_mut(&device)?.take_mid()?;
        Some(Submission {
            id,
            app: AppKey(1 + id.seq % 2),
            who: Who::Application(AppKey(7)),
            kind,
            mid,
            encodable: self.roll(12) != 0,
            retransmit_max: u8::try_from(self.roll(4)).ok()?,
            answer_expected: self.roll(2) == 0,
            callback: self.roll(2) == 0,
            key: (self.roll(3) == 0).then(|| Arc::from(format!("key {}", id.seq))),
            body: vec![b'x'; self.roll(300)].into(),
        })
    }

    fn answer(&mut self) -> Answer {
        let verdict = [Verdict::Success, Verdict::Failure, Verdict::Undecodable][self.roll(3)];
        let detail = (self.roll(3) != 0).then(|| Arc::from(vec![b'{'; self.roll(200)]));
        Answer {
            verdict,
            detail,
            off_profile: self.roll(3) == 0,
        }
    }

    fn some_command(&mut self, device: u64) -> Option<CommandId> {
        let ids: Vec<CommandId> = self
            .commands
            .values()
            .filter(|c| c.device.seq() == device)
            .map(|c| c.id)
            .rev()
            .take(6)
            .collect();
        ids.get(self.roll(ids.len().max(1))).copied()
    }

    fn some_mid(&mut self, device: u64) -> Option<Mid> {
        let id = self.some_command(device)?;
        self.commands.get(&id.seq).map(|command| command.mid)
    }

    fn pause(&mut self) -> Duration {
        match self.roll(8) {
            0 => Duration::ZERO,
            1 => Duration::from_mins(30),
            2 => Duration::from_mins(3),
            _ => Duration::from_secs(7),
        }
    }

    /// A number below `sides`, the same for the same seed.
    fn roll(&mut self, sides: usize) -> usize {
        self.dice = self
            .dice
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        usize::try_from(self.dice >> 33).unwrap_or_default() % sides.max(1)
    }
}

/// The inputs that follow from what a turn could not match (R1.8, R6.7).
fn late_arrivals(store: &dyn Store, device: DeviceId, unmatched: &[Unmatched]) -> Vec<Input> {
    let found = |unmatched: &Unmatched| {
        let (command, arrival) = match unmatched {
            Unmatched::Ack(id) => (store.command(*id).expect("commands are read"), Arrival::Ack),
            Unmatched::Answer(mid, answer) => {
                let ended = store
                    .ended_by_mid(device, *mid, 1_000)
                    .expect("commands are read");
                (ended, Arrival::Answer(answer.clone()))
            }
        };
        command.map(|command| Input::Late {
            command: Box::new(command),
            arrival,
        })
    };
    unmatched.iter().filter_map(found).collect()
}

pub(super) fn r2_8_a_story_that_forgets_is_kept_as_it_was_told(store: &dyn Store) {
    let mut story = Story::begin(store, 3, 8);
    for round in 0..60 {
        for _ in 0..10 {
            story.step(store);
        }
        let unit = story.forget(1 + round % 9);
        write(store, unit, story.now);
        story.compare(store, false);
    }
    let left = story.commands.len();
    assert!(
        story.accepted() > 100 && left < story.accepted() / 2,
        "{left} of {} are left",
        story.accepted()
    );
}

pub(super) fn a_random_story_is_kept_as_it_was_told(store: &dyn Store) {
    let mut story = Story::begin(store, 5, 42);
    for _ in 0..600 {
        story.step(store);
    }
    assert!(
        story.accepted() > 100,
        "only {} commands were accepted",
        story.accepted()
    );
    let statuses: Vec<(Status, u64)> = store.tally().expect("the tally is read").ended;
    assert!(
        statuses.iter().all(|(_, count)| *count > 0),
        "every ending occurs: {statuses:?}"
    );
    story.compare(store, false);
}
