//! One lane on a bench: its clock is set by hand, and every turn it takes is held against the promises.

use crate::promises;
use delivery::{
    Answer, AppKey, Cause, Command, CommandId, DeviceId, Granted, Input, Kind, Lane, Moment,
    Refusal, Reply, Rules, SessionId, Status, Submission, Ticket, Turn, Verdict, Who, turn,
};
use std::sync::Arc;
use std::time::Duration;

/// When the benches' time begins; the platform has been up for a day by then.
pub(crate) const START: Moment = Moment::from_millis(1_700_000_000_000);
/// The application that owns the device.
pub(crate) const APP: AppKey = AppKey(7);
/// The application as an actor.
pub(crate) const OWNER: Who = Who::Application(APP);

pub(crate) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A queued command's kind.
pub(crate) const fn queued(expire_secs: u64) -> Kind {
    Kind::Queued {
        expire_after: secs(expire_secs),
    }
}

/// What a submission usually says.
pub(crate) const QUEUED: Kind = queued(172_800);
pub(crate) const DIRECT: Kind = Kind::Direct { confirm: true };

/// A lane, its rules and the time.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) lane: Lane,
    pub(crate) rules: Rules,
    pub(crate) now: Moment,
    seq: u64,
    ticket: u64,
}

impl Bench {
    /// A registered device that has not been heard yet.
    pub(crate) fn away() -> Self {
        let registered = Moment::from_millis(START.as_millis() - 3_600_000);
        let started = Moment::from_millis(START.as_millis() - 86_400_000);
        Self {
            lane: Lane::new(DeviceId::new(1, 99), registered),
            rules: Rules {
                started,
                ..Rules::default()
            },
            now: START,
            seq: 0,
            ticket: 0,
        }
    }

    /// The same, reachable over session 1, whose link confirms.
    pub(crate) fn reachable() -> Self {
        let mut bench = Self::away();
        bench.reach(1);
        bench
    }

    /// Takes a turn and holds it against the promises.
    pub(crate) fn take(&mut self, inbox: Vec<Input>) -> Turn {
        let before = self.lane.clone();
        let asked = promises::tickets(&inbox);
        let taken = turn(before.clone(), inbox, &self.rules, self.now);
        promises::hold(&before, &asked, &taken, &self.rules, self.now);
        self.lane = taken.lane.clone();
        taken
    }

    /// Takes a turn for which nothing happened.
    pub(crate) fn alarm(&mut self) -> Turn {
        self.take(Vec::new())
    }

    /// Lets time pass, turn by turn as the lane asks for them, up to and including this many milliseconds from the start.
    /// Returns the turns that decided something.
    pub(crate) fn pass_to(&mut self, offset: Duration) -> Vec<Turn> {
        let until = START + offset;
        let mut turns = Vec::new();
        while let Some(next) = self.lane.wake_at(&self.rules).filter(|at| *at <= until) {
            self.now = next.max(self.now);
            turns.push(self.alarm());
        }
        self.now = until.max(self.now);
        turns
    }

    /// Sets the time without taking the turns on the way, as if the platform had been stopped.
    pub(crate) fn jump_to(&mut self, offset: Duration) {
        self.now = START + offset;
    }

    /// The device can be reached over this session, whose link confirms.
    pub(crate) fn reach(&mut self, session: u64) -> Turn {
        self.take(vec![reachable(session, true)])
    }

    /// The device can no longer be reached over this session.
    pub(crate) fn leave(&mut self, session: u64) -> Turn {
        self.take(vec![Input::Unreachable {
            session: SessionId(session),
        }])
    }

    /// A submission with the next id and mid.
    pub(crate) fn submission(&mut self, kind: Kind) -> Submission {
        self.seq += 1;
        Submission {
            id: CommandId {
                seq: self.seq,
                tag: 0xabc,
            },
            app: APP,
            who: OWNER,
            kind,
            mid: self.lane.take_mid().expect("a mid is free"),
            encodable: true,
            retransmit_max: 3,
            answer_expected: true,
            callback: true,
            key: None,
            body: Arc::from(&b"body"[..]),
        }
    }

    /// The number of a new request.
    pub(crate) fn ticket(&mut self) -> Ticket {
        self.ticket += 1;
        Ticket(self.ticket)
    }

    /// A submission as an input.
    pub(crate) fn submit_input(&mut self, submission: Submission) -> Input {
        Input::Submit(self.ticket(), Box::new(submission))
    }

    /// Submits a command of this kind and expects it to be accepted.
    pub(crate) fn submit(&mut self, kind: Kind) -> (CommandId, Turn) {
        let submission = self.submission(kind);
        let id = submission.id;
        let input = self.submit_input(submission);
        let taken = self.take(vec![input]);
        assert_eq!(accepted(&taken).id, id);
        (id, taken)
    }

    /// Submits a command of this kind and expects it to be refused, with no trace.
    pub(crate) fn refused(&mut self, kind: Kind) -> Refusal {
        let submission = self.submission(kind);
        let id = submission.id;
        let input = self.submit_input(submission);
        let taken = self.take(vec![input]);
        assert!(taken.lane.find(id).is_none() && taken.changes.is_empty());
        refusal(&taken)
    }

    /// Acknowledges a command.
    pub(crate) fn ack(&mut self, command: CommandId) -> Turn {
        self.take(vec![Input::Acked { command }])
    }

    /// Answers an open command.
    pub(crate) fn answer(&mut self, command: CommandId, answer: Answer) -> Turn {
        let mid = self.open(command).mid;
        self.take(vec![Input::Answered { mid, answer }])
    }

    /// Asks for a command to be cancelled.
    pub(crate) fn cancel(&mut self, command: CommandId) -> Turn {
        let ticket = self.ticket();
        self.take(vec![Input::Cancel {
            ticket,
            command,
            who: OWNER,
        }])
    }

    /// The link says that the present attempt of a command never left.
    pub(crate) fn lose(&mut self, command: CommandId, session: u64) -> Turn {
        let attempt = self.open(command).issued;
        self.take(vec![Input::Lost {
            command,
            attempt,
            session: SessionId(session),
        }])
    }

    /// The device is deleted.
    pub(crate) fn delete(&mut self) -> Turn {
        let ticket = self.ticket();
        self.take(vec![Input::Delete {
            ticket,
            who: Who::Operator,
        }])
    }

    /// An open command.
    pub(crate) fn open(&self, id: CommandId) -> &Command {
        self.lane.find(id).expect("the command is open")
    }

    /// The status of an open command.
    pub(crate) fn status(&self, id: CommandId) -> Status {
        self.open(id).status()
    }
}

/// The device can be reached over this session.
pub(crate) fn reachable(session: u64, confirms: bool) -> Input {
    Input::Reachable {
        session: SessionId(session),
        confirms,
    }
}

/// An answer with this verdict.
pub(crate) fn verdict(verdict: Verdict) -> Answer {
    Answer {
        verdict,
        detail: Some(Arc::from(&b"{}"[..])),
        off_profile: false,
    }
}

/// The answer of a device that did as asked.
pub(crate) fn yes() -> Answer {
    verdict(Verdict::Success)
}

/// The one command that the turn accepted.
pub(crate) fn accepted(turn: &Turn) -> &Command {
    match turn.replies.as_slice() {
        [
            Reply {
                outcome: Ok(Granted::Accepted(command)),
                ..
            },
        ] => command,
        other => panic!("one acceptance expected, not {other:?}"),
    }
}

/// The one refusal of the turn.
pub(crate) fn refusal(turn: &Turn) -> Refusal {
    match turn.replies.as_slice() {
        [
            Reply {
                outcome: Err(refusal),
                ..
            },
        ] => *refusal,
        other => panic!("one refusal expected, not {other:?}"),
    }
}

/// A command as the turn left it.
pub(crate) fn changed(turn: &Turn, id: CommandId) -> &Command {
    let change = turn.changes.iter().find(|c| c.command.id == id);
    &change.expect("the turn changed the command").command
}

/// The command's history as pairs of status and cause.
pub(crate) fn story(command: &Command) -> Vec<(Status, Cause)> {
    command
        .history
        .iter()
        .map(|e| (e.status, e.cause))
        .collect()
}

/// The last entry of a command that the turn changed.
pub(crate) fn last(turn: &Turn, id: CommandId) -> (Status, Cause) {
    *story(changed(turn, id))
        .last()
        .expect("a history is never empty")
}

/// The commands and attempts that the turn sends.
pub(crate) fn sent(turn: &Turn) -> Vec<(u64, u8)> {
    turn.downlinks
        .iter()
        .map(|d| (d.command.seq, d.attempt))
        .collect()
}
