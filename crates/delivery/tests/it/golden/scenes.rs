//! The states of the golden page, each brought about by real turns.

use crate::support::*;
use delivery::{CommandId, Kind, Moment, Next, Retransmit, Rules, Sent, State, Submission, Window};

/// A lane in which one command stands in the state that a section is about.
pub(crate) struct Scene {
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
    pub(crate) bench: Bench,
    pub(crate) id: CommandId,
}

/// Windows without room, so that the page can be read.
pub(crate) fn fix_windows(rules: &mut Rules) {
    rules.resend_after = [
        Window::seconds(12, 12),
        Window::seconds(25, 25),
        Window::seconds(50, 50),
    ];
    rules.timeout_after = Window::seconds(100, 100);
}

impl Scene {
    /// The deadlines of the state, the earliest first.
    pub(crate) fn deadlines(&self) -> Vec<(&'static str, Moment)> {
        let command = self.bench.open(self.id);
        let time_up = command.time_up().map(|at| ("the end of its time", at));
        let grace = self.bench.rules.started + self.bench.rules.start_grace;
        let mut deadlines = match command.state {
            State::Queued => time_up.into_iter().collect(),
            State::Sent(Sent {
                next: Next::Attempt(at),
                ..
            }) => {
                let life = command.created + self.bench.rules.immediate_life_max;
                let life =
                    (command.kind == Kind::Immediate).then_some(("the end of its 200 s", life));
                let due = (at > self.bench.now).then_some(("the next attempt", at));
                due.into_iter().chain(time_up).chain(life).collect()
            }
            State::Sent(Sent {
                next: Next::Timeout(at),
                ..
            }) => {
                let waits = (grace > at).then_some(("the end of the start's 120 s", grace));
                [("the time-out", at)].into_iter().chain(waits).collect()
            }
            State::Delivered { settle_at } => vec![("the settling", settle_at)],
            State::Ended(_) => Vec::new(),
        };
        deadlines.sort_by_key(|(_, at)| *at);
        deadlines
    }
}

/// A lane with one command of this kind, its device reachable over session 1.
fn one(kind: Kind, retransmit: Retransmit, repeats: u8) -> (Bench, CommandId) {
    let mut bench = Bench::reachable();
    fix_windows(&mut bench.rules);
    bench.rules.retransmit = retransmit;
    let submission = Submission {
        retransmit_max: repeats,
        ..bench.submission(kind)
    };
    let id = submission.id;
    let input = bench.submit_input(submission);
    bench.take(vec![input]);
    (bench, id)
}

fn scene(title: &'static str, text: &'static str, lane: (Bench, CommandId)) -> Scene {
    Scene {
        title,
        text,
        bench: lane.0,
        id: lane.1,
    }
}

fn asleep((mut bench, id): (Bench, CommandId)) -> (Bench, CommandId) {
    bench.leave(1);
    (bench, id)
}

const HOUR: Kind = queued(3600);

/// Every state in which a command can be open.
pub(crate) fn scenes() -> Vec<Scene> {
    let mut scenes = pending();
    scenes.extend(sent());
    scenes.extend(sent_for_the_last_time());
    scenes.extend(never_left());
    scenes.extend(delivered());
    scenes
}

fn pending() -> Vec<Scene> {
    let mut away = Bench::away();
    fix_windows(&mut away.rules);
    let (id, _) = away.submit(HOUR);
    let (mut busy, _) = one(QUEUED, Retransmit::Patient, 3);
    let (behind, _) = busy.submit(queued(10));
    vec![
        scene(
            "PENDING: the device is away",
            "A queued command that may wait for an hour (R1.3, R1.6).",
            (away, id),
        ),
        scene(
            "PENDING: the line is busy",
            "The device is reachable, and another queued command is SENT; this one may wait for 10 s (R1.4).",
            (busy, behind),
        ),
    ]
}

fn sent() -> Vec<Scene> {
    let patient = || one(HOUR, Retransmit::Patient, 3);
    let strict = || one(HOUR, Retransmit::Strict, 3);
    let immediate = || one(Kind::Immediate, Retransmit::Patient, 3);
    vec![
        scene(
            "SENT: queued, reachable",
            "Attempt 1 of 4 left; the command may wait for an hour (R1.5).",
            patient(),
        ),
        scene(
            "SENT: queued, away",
            "The same; the device has gone since. The attempt waits for its next window (R1.5).",
            asleep(patient()),
        ),
        scene(
            "SENT: queued, reachable, strict",
            "The same under `retransmit = \"strict\"`, while the device stays.",
            strict(),
        ),
        scene(
            "SENT: queued, away, strict",
            "The same under `retransmit = \"strict\"`; the device has gone since: attempts are skipped.",
            asleep(strict()),
        ),
        scene(
            "SENT: immediate, reachable",
            "Attempt 1 of 4 left (R1.5).",
            immediate(),
        ),
        scene(
            "SENT: immediate, away",
            "The same; the device has gone since (R1.5).",
            asleep(immediate()),
        ),
    ]
}

fn sent_for_the_last_time() -> Vec<Scene> {
    let last = |kind| one(kind, Retransmit::Patient, 0);
    let mut unconfirmed = Bench::away();
    fix_windows(&mut unconfirmed.rules);
    unconfirmed.take(vec![reachable(1, false)]);
    let (id, _) = unconfirmed.submit(HOUR);
    let (mut started, first) = last(HOUR);
    started.leave(1);
    started.rules.started = START + secs(50);
    vec![
        scene(
            "SENT: queued, no attempt left",
            "Its only attempt left (R1.5).",
            last(HOUR),
        ),
        scene(
            "SENT: queued, over a link that does not confirm",
            "No repetition (R6.3).",
            (unconfirmed, id),
        ),
        scene(
            "SENT: queued, no attempt left, after a start",
            "The platform started 50 s after the attempt: its own outage is not the device's silence (R1.5).",
            (started, first),
        ),
        scene(
            "SENT: immediate, no attempt left",
            "Its only attempt left (R1.5).",
            last(Kind::Immediate),
        ),
        scene(
            "SENT: direct, confirmed",
            "A direct call is never repeated (R1.5).",
            last(DIRECT),
        ),
        scene(
            "SENT: direct, unconfirmed",
            "The same without confirmation (R4.4).",
            last(Kind::Direct { confirm: false }),
        ),
    ]
}

fn never_left() -> Vec<Scene> {
    let (mut lost, id) = one(HOUR, Retransmit::Patient, 3);
    lost.lose(id, 1);
    let mut away = Bench::away();
    fix_windows(&mut away.rules);
    let (skipped, _) = away.submit(Kind::Immediate);
    vec![
        scene(
            "SENT: queued, its attempt was lost",
            "The link's word: no byte was handed over. The attempt was given back and waits (R1.5).",
            (lost, id),
        ),
        scene(
            "SENT: immediate, born while the device was away",
            "Its first slot was skipped; nothing has left (R1.5).",
            (away, skipped),
        ),
    ]
}

fn delivered() -> Vec<Scene> {
    let (mut expecting, id) = one(QUEUED, Retransmit::Patient, 3);
    expecting.ack(id);
    let mut settling = Bench::reachable();
    let submission = Submission {
        answer_expected: false,
        ..settling.submission(QUEUED)
    };
    let done = submission.id;
    let input = settling.submit_input(submission);
    settling.take(vec![input]);
    settling.ack(done);
    vec![
        scene(
            "DELIVERED: a result is expected",
            "It is awaited for 48 h (R1.7).",
            (expecting, id),
        ),
        scene(
            "DELIVERED: no result is expected",
            "One that comes all the same counts (R1.7).",
            (settling, done),
        ),
    ]
}
