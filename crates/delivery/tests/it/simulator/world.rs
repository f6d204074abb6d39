//! Virtual time and everything that is to happen in it.

use super::application::Application;
use super::checks::Checks;
use super::device::{Device, Word};
use super::disk::Disk;
use super::platform::Platform;
use super::rng::Rng;
use delivery::{
    DeviceId, Downlink, Kind, Moment, Retransmit, Rules, SessionId, Status, Turn, Unmatched,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

const BEGIN: Moment = Moment::from_millis(1_700_000_000_000);
/// A world in which this many things happened is not coming to an end.
const STEPS_MAX: usize = 200_000;

/// Something that is to happen.
pub(crate) enum Event {
    /// A lane may have something to decide, in this life of the platform.
    Turn(usize, u64),
    /// The oldest turn on its way is on disk.
    Committed(u64),
    Restart,
    Tell,
    Acts,
    Wake(usize),
    Sleep(usize, SessionId),
    /// The platform notices that a session is over.
    Gone(usize, SessionId),
    Arrives(usize, Downlink, u64),
    Says(usize, Word),
    Heard(usize, Word),
    /// The healthy phase begins.
    Calm,
    /// In the healthy phase, each device is sent one more command.
    Probe,
}

/// How a world is made.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// How many devices.
    pub(crate) devices: usize,
    /// The longest time between two acts of the application, and for how long it acts, in milliseconds.
    pub(crate) pace: u64,
    pub(crate) acts_for: u64,
    /// Of a thousand steps, at how many the platform crashes.
    pub(crate) crashes: u64,
    /// At which step it crashes for certain, and whether what was on its way is on disk then.
    pub(crate) crash_at: Option<(usize, bool)>,
}

impl Plan {
    /// The usual world of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x5eed);
        let pace = rng.pick(&[2_000, 30_000, 400_000, 3_600_000]);
        let devices = 1 + rng.index(3);
        Self {
            seed,
            devices,
            pace,
            acts_for: pace * 60,
            crashes: rng.pick(&[0, 2, 10]),
            crash_at: None,
        }
    }
}

/// The world.
pub(crate) struct World {
    plan: Plan,
    pub(crate) now: Moment,
    agenda: BTreeMap<(Moment, u64), Event>,
    planned: u64,
    pub(crate) steps: usize,
    pub(crate) rng: Rng,
    pub(crate) pace: u64,
    /// Whether the healthy phase has begun.
    pub(crate) calm: bool,
    /// In which life of the platform its probes were sent.
    pub(crate) probed: Option<u64>,
    pub(crate) platform: Platform,
    pub(crate) devices: Vec<Device>,
    pub(crate) application: Application,
    pub(crate) checks: Checks,
    /// What happened, a line each.
    pub(crate) log: String,
}

impl World {
    pub(crate) fn new(plan: Plan) -> Self {
        let mut rng = Rng::new(plan.seed);
        let ids: Vec<_> = (1..)
            .take(plan.devices)
            .map(|seq| DeviceId::new(seq, u128::from(rng.number())))
            .collect();
        let strict = rng.happens(300);
        let rules = Rules {
            started: BEGIN,
            retransmit: if strict {
                Retransmit::Strict
            } else {
                Retransmit::Patient
            },
            open_max: rng.pick(&[0, 1000, 12, 5]),
            pending_max: rng.pick(&[0, 20, 20, 4]),
            ..Rules::default()
        };
        let devices: Vec<_> = ids.iter().map(|_| Device::new(&mut rng)).collect();
        let mut world = Self {
            plan,
            now: BEGIN,
            agenda: BTreeMap::new(),
            planned: 0,
            steps: 0,
            rng,
            pace: plan.pace,
            calm: false,
            probed: None,
            platform: Platform::new(Disk::new(&ids, BEGIN), rules, plan.devices),
            devices,
            application: Application::default(),
            checks: Checks::default(),
            log: String::new(),
        };
        for device in 0..plan.devices {
            let wait = world.rng.between(0, plan.pace);
            world.after(wait, Event::Wake(device));
        }
        world.after(1, Event::Acts);
        world.after(1000, Event::Tell);
        world.after(plan.acts_for, Event::Calm);
        world
    }

    /// Lets everything happen: first the disturbed phase, then the healthy one, until nothing is left to happen.
    pub(crate) fn run(&mut self) {
        while let Some(((at, _), event)) = self.agenda.pop_first() {
            self.now = at;
            self.steps += 1;
            assert!(self.steps < STEPS_MAX, "this world does not come to an end");
            self.fate();
            self.happens(event);
        }
        self.end();
    }

    /// Whether the platform crashes now.
    fn fate(&mut self) {
        let in_flight = self.in_flight();
        if self
            .plan
            .crash_at
            .is_some_and(|(step, _)| step == self.steps)
        {
            let all = self.plan.crash_at.is_some_and(|(_, kept)| kept);
            self.crashes(if all { in_flight } else { 0 });
        }
        if !self.calm && self.plan.crashes > 0 && self.rng.happens(self.plan.crashes) {
            let kept = self.rng.index(in_flight + 1);
            self.crashes(kept);
        }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Turn(device, life) => self.takes_turn(device, life),
            Event::Committed(life) => self.committed(life),
            Event::Restart => self.restarts(),
            Event::Tell => self.tells(),
            Event::Acts => self.acts(),
            Event::Wake(device) => self.wakes(device),
            Event::Sleep(device, session) => self.sleeps(device, session),
            Event::Gone(device, session) => self.gone(device, session),
            Event::Arrives(device, frame, life) => self.arrives(device, &frame, life),
            Event::Says(device, word) => self.says(device, word),
            Event::Heard(device, word) => self.hears(device, word),
            Event::Calm => self.calms_down(),
            Event::Probe => self.probes(),
        }
    }

    /// From now on nothing is lost, nobody sleeps, and every device does as it is told.
    fn calms_down(&mut self) {
        self.calm = true;
        self.say(format_args!("calm"));
        for device in 0..self.devices.len() {
            self.after(0, Event::Wake(device));
        }
        // Long enough for every line to be empty and for every outage to be over.
        self.after(70 * 3_600_000, Event::Probe);
    }

    fn probes(&mut self) {
        if !self.platform.up {
            self.after(600_000, Event::Probe);
            return;
        }
        self.probed = Some(self.platform.life);
        for device in 0..self.devices.len() {
            if !self.platform.disk.is_deleted(device) {
                let kind = Kind::Queued {
                    expire_after: Duration::from_mins(10),
                };
                self.submits(device, kind, None);
            }
        }
    }

    fn end(&mut self) {
        assert!(self.platform.up && self.in_flight() == 0);
        assert!(
            self.application.waiting.is_empty(),
            "every request was answered"
        );
        self.checks.at_the_end(&self.platform.disk, &self.devices);
        // A crash among the probes may cost them their answers.
        if self.probed == Some(self.platform.life) {
            self.probes_succeeded();
        }
        self.say(format_args!("end"));
    }

    fn probes_succeeded(&self) {
        let disk = &self.platform.disk;
        let alive = (0..self.devices.len())
            .filter(|d| !disk.is_deleted(*d))
            .count();
        assert_eq!(self.application.probes.len(), alive);
        for probe in &self.application.probes {
            let command = &disk.commands[probe];
            assert_eq!(
                command.status(),
                Status::Succeeded,
                "a healthy device obeys: {command:?}"
            );
        }
    }

    /// The causes that stand in the histories at the end.
    pub(crate) fn causes(&self) -> BTreeSet<&'static str> {
        let commands = self.platform.disk.commands.values();
        commands
            .flat_map(|c| c.history.iter().map(|e| e.cause.name()))
            .collect()
    }

    /// Plans an event.
    pub(crate) fn at(&mut self, at: Moment, event: Event) {
        self.planned += 1;
        self.agenda.insert((at, self.planned), event);
    }

    /// Plans an event in so many milliseconds.
    pub(crate) fn after(&mut self, ms: u64, event: Event) {
        self.at(self.now + Duration::from_millis(ms), event);
    }

    /// Writes a line of the log.
    pub(crate) fn say(&mut self, line: std::fmt::Arguments<'_>) {
        let at = self.now.since(BEGIN).as_millis();
        writeln!(self.log, "{at} {line}").expect("a string takes everything");
    }

    pub(crate) fn log_turn(&mut self, device: usize, taken: &Turn) {
        for change in &taken.changes {
            let command = &change.command;
            for entry in &command.history[change.entries_before..] {
                let (status, cause) = (entry.status, entry.cause.name());
                self.say(format_args!(
                    "turn {device}: {} {status:?} {cause} {}",
                    command.id, entry.attempt
                ));
            }
        }
        for unmatched in &taken.unmatched {
            match unmatched {
                Unmatched::Ack(id) => {
                    self.say(format_args!("turn {device}: unmatched ack of {id}"));
                }
                Unmatched::Answer(mid, _) => {
                    self.say(format_args!("turn {device}: unmatched answer to mid {mid}"));
                }
            }
        }
        let wake = taken.wake_at.map(|at| at.since(BEGIN).as_millis());
        self.say(format_args!(
            "turn {device}: revision {} wakes at {wake:?}",
            taken.lane.revision
        ));
    }
}
