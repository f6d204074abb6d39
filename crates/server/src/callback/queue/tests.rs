//! The queue alone: time is an argument, endpoints are names.

use super::*;
use crate::body::Body;
use delivery::{Cause, DeviceId, Ending, Entry, Kind, State, Status, Who};
use proptest::prelude::*;
use store::Write;

const APP: AppKey = AppKey(1);

fn at(ms: u64) -> Moment {
    Moment::from_millis(ms)
}

/// A queued command of `app` that is told to `host` and has gone through `path`.
fn command(seq: u64, app: AppKey, host: &str, path: &[Status]) -> Command {
    let body = Body {
        service_id: "S".into(),
        method: "M".into(),
        paras: serde_json::value::RawValue::from_string("{}".into()).expect("JSON"),
        paras_asked: None,
        callback_url: Some(format!("http://{host}/x")),
        model_version: None,
        fingerprint: None,
        direct: None,
    };
    let device = DeviceId::new(seq, 0);
    let history = path.iter().map(|status| Entry {
        status: *status,
        at: at(0),
        cause: Cause::Accepted,
        attempt: 0,
        who: Who::Application(app),
    });
    let ended = path.last() == Some(&Status::Succeeded);
    Command {
        id: CommandId { seq, tag: 0 },
        device,
        app,
        kind: Kind::Immediate,
        mid: delivery::Lane::new(device, at(0))
            .take_mid()
            .expect("a mid"),
        created: at(0),
        retransmit_max: 3,
        answer_expected: true,
        callback: true,
        key: None,
        body: body.write(),
        state: if ended {
            State::Ended(Ending::Succeeded)
        } else {
            State::Queued
        },
        issued: 0,
        history: history.collect(),
        answer: None,
        told: 0,
        lost: 0,
        late: 0,
    }
}

const WHOLE: [Status; 4] = [
    Status::Queued,
    Status::Sent,
    Status::Delivered,
    Status::Succeeded,
];

fn queue(change: impl FnOnce(&mut Rules)) -> Queue {
    let mut rules = Rules::default();
    change(&mut rules);
    let mut queue = Queue::new(rules);
    queue.loaded();
    queue
}

fn offer(queue: &mut Queue, command: &Command, now: Moment) {
    queue.offer(command, 0, now);
    conserves(queue);
}

/// What is due now: command and place.
fn due(queue: &mut Queue, now: Moment) -> Vec<(u64, u32)> {
    let jobs = queue.take_due(now);
    conserves(queue);
    let pairs = jobs.iter().map(|job| (job.letter.id.seq, job.line.place));
    pairs.collect()
}

fn told(queue: &mut Queue, seq: u64, now: Moment) {
    queue.done(CommandId { seq, tag: 0 }, Ok(Duration::ZERO), now);
    conserves(queue);
}

fn failed(queue: &mut Queue, seq: u64, now: Moment) {
    queue.done(
        CommandId { seq, tag: 0 },
        Err("answered with status 500".into()),
        now,
    );
    conserves(queue);
}

fn conserves(queue: &Queue) {
    let counts = queue.counts();
    assert_eq!(
        counts.owed,
        counts.told + counts.dead + counts.waiting,
        "{counts:?}"
    );
    let waiting: usize = queue
        .threads
        .values()
        .map(|thread| thread.lines.len())
        .sum();
    assert_eq!(counts.waiting, u64::try_from(waiting).expect("few"));
}

/// Has everything kept, and gives what was written.
fn keep(queue: &mut Queue) -> Vec<Write> {
    let keepings = queue.take_unkept();
    let mut writes = Vec::new();
    for keeping in keepings {
        writes.extend(keeping.writes);
        queue.kept(keeping.command);
    }
    writes
}

#[test]
fn r5_1_the_lines_of_a_command_leave_one_after_the_other() {
    let mut queue = queue(|_| {});
    offer(&mut queue, &command(7, APP, "a:1", &WHOLE[..3]), at(0));
    assert_eq!(due(&mut queue, at(0)), [(7, 1)]);
    assert_eq!(due(&mut queue, at(0)), []);
    offer(&mut queue, &command(7, APP, "a:1", &WHOLE), at(0));
    failed(&mut queue, 7, at(0));
    assert_eq!(due(&mut queue, at(4_999)), []);
    assert_eq!(due(&mut queue, at(7_500)), [(7, 1)]);
    for place in [1, 2, 3] {
        told(&mut queue, 7, at(8_000));
        let next = (place < 3).then_some((7, place + 1));
        assert_eq!(due(&mut queue, at(8_000)), Vec::from_iter(next));
    }
    let writes = keep(&mut queue);
    assert!(
        matches!(writes[..], [Write::Told { up_to: 4, .. }]),
        "{writes:?}"
    );
    assert!(
        queue.threads.is_empty() && queue.endpoints.is_empty() && queue.applications.is_empty()
    );
    assert!(queue.agenda.is_empty() && queue.deadlines.is_empty() && queue.is_quiet());
}

#[test]
fn r2_2_an_entry_that_was_told_is_not_told_again_before_the_lane_knows() {
    let mut queue = queue(|_| {});
    offer(&mut queue, &command(7, APP, "a:1", &WHOLE[..2]), at(0));
    assert_eq!(due(&mut queue, at(0)), [(7, 1)]);
    told(&mut queue, 7, at(0));
    let keepings = queue.take_unkept();
    assert_eq!(
        keepings[0].lane,
        Some(2),
        "the command is open: its lane has to know"
    );
    // The lane's next change still says that nothing was told.
    offer(&mut queue, &command(7, APP, "a:1", &WHOLE[..3]), at(0));
    assert_eq!(due(&mut queue, at(0)), [(7, 2)]);
    queue.kept(keepings[0].command);
    told(&mut queue, 7, at(0));
    keep(&mut queue);
    assert!(queue.threads.is_empty());
}

#[test]
fn r5_2_waits_double_and_differ_and_repeat_themselves() {
    let rules = Rules::default();
    let id = CommandId { seq: 3, tag: 9 };
    let mut floor = Duration::from_secs(5);
    for attempt in 1..=20 {
        let wait = backoff(&rules, id, attempt);
        assert!(
            wait >= floor && wait <= floor + floor / 2,
            "{attempt}: {wait:?}"
        );
        assert_eq!(wait, backoff(&rules, id, attempt));
        floor = (floor * 2).min(rules.retry_max);
    }
    let others = (0..50).map(|seq| backoff(&rules, CommandId { seq, tag: 1 }, 4));
    let others: std::collections::BTreeSet<Duration> = others.collect();
    assert!(
        others.len() > 40,
        "what failed together does not come back together"
    );
}

#[test]
fn r5_2_a_dead_entry_takes_the_later_ones_with_it_and_a_replay_brings_them_back() {
    let day = 86_400_000;
    let mut queue = queue(|_| {});
    offer(&mut queue, &command(7, APP, "a:1", &WHOLE[..3]), at(0));
    let mut now = at(0);
    let mut attempts = 0;
    while !due(&mut queue, now).is_empty() {
        attempts += 1;
        failed(&mut queue, 7, now);
        now = queue.next().expect("it waits");
    }
    assert_eq!(
        now,
        at(day),
        "given up at the end of the day, {attempts} attempts"
    );
    let writes = keep(&mut queue);
    let [
        Write::DeadCallback(row),
        Write::Told {
            up_to: GIVEN_UP, ..
        },
    ] = &writes[..]
    else {
        panic!("{writes:?}")
    };
    assert_eq!(
        (row.from, row.attempts, &*row.endpoint),
        (1, attempts, "http://a:1")
    );
    assert_eq!(row.reason, "answered with status 500");
    assert_eq!(queue.counts().dead, 2);
    let mut after = command(7, APP, "a:1", &WHOLE);
    after.told = GIVEN_UP;
    queue.offer(&after, 3, now);
    conserves(&queue);
    assert_eq!((queue.counts().dead, due(&mut queue, now)), (3, vec![]));
    // The receiver is well again.
    let row = DeadCallback {
        replaying: true,
        since: now,
        ..row.clone()
    };
    queue.replay(&after, row, now);
    for place in [1, 2, 3] {
        assert_eq!(due(&mut queue, now), [(7, place)]);
        told(&mut queue, 7, now);
        let writes = keep(&mut queue);
        match (&writes[..], place) {
            ([Write::DeadCallback(row)], 1 | 2) => {
                assert_eq!((row.from, row.replaying), (place + 1, true));
            }
            ([Write::ForgetDeadCallback(_)], 3) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(queue.threads.is_empty());
}

#[test]
fn a_replay_stays_until_its_command_has_ended() {
    let mut queue = queue(|_| {});
    let mut open = command(7, APP, "a:1", &WHOLE[..2]);
    open.told = GIVEN_UP;
    let row = DeadCallback {
        command: open.id,
        app: APP,
        from: 1,
        endpoint: "http://a:1".into(),
        since: at(0),
        attempts: 3,
        reason: String::new(),
        replaying: true,
    };
    queue.replay(&open, row, at(0));
    assert_eq!(due(&mut queue, at(0)), [(7, 1)]);
    told(&mut queue, 7, at(0));
    let writes = keep(&mut queue);
    assert!(matches!(&writes[..], [Write::DeadCallback(row)] if row.from == 2));
    let mut ended = command(7, APP, "a:1", &WHOLE);
    ended.told = GIVEN_UP;
    queue.offer(&ended, 2, at(5));
    for place in [2, 3] {
        assert_eq!(due(&mut queue, at(5)), [(7, place)]);
        told(&mut queue, 7, at(5));
    }
    let writes = keep(&mut queue);
    assert!(
        matches!(writes[..], [Write::ForgetDeadCallback(_)]),
        "{writes:?}"
    );
}

#[test]
fn r5_3_what_the_bounds_of_an_application_refuse_is_dead_and_listed() {
    let mut queue = queue(|rules| (rules.waiting_max, rules.endpoints_max) = (3, 2));
    for (seq, host) in [(1, "a:1"), (2, "b:1"), (3, "c:1"), (4, "a:1"), (5, "a:1")] {
        offer(&mut queue, &command(seq, APP, host, &WHOLE[..2]), at(0));
    }
    offer(
        &mut queue,
        &command(6, AppKey(2), "a:1", &WHOLE[..2]),
        at(0),
    );
    let mut dead: Vec<(u64, String)> = keep(&mut queue)
        .into_iter()
        .filter_map(|write| match write {
            Write::DeadCallback(row) => Some((row.command.seq, row.reason)),
            _ => None,
        })
        .collect();
    dead.sort();
    assert_eq!(dead.len(), 2);
    assert_eq!(dead[0].0, 3);
    assert!(dead[0].1.contains("2 endpoints"), "{}", dead[0].1);
    assert_eq!(dead[1].0, 5);
    assert!(dead[1].1.contains("3 commands"), "{}", dead[1].1);
    assert_eq!(
        queue.counts(),
        Counts {
            owed: 6,
            dead: 2,
            waiting: 4,
            ..Counts::default()
        }
    );
    let first = due(&mut queue, at(0));
    assert_eq!(
        first,
        [(1, 1), (2, 1)],
        "one slot per endpoint to begin with"
    );
    told(&mut queue, 1, at(0));
    offer(&mut queue, &command(7, APP, "a:1", &WHOLE[..2]), at(0));
    assert_eq!(queue.counts().dead, 2, "there is room again");
}

#[test]
fn r5_3_one_endpoint_never_delays_another() {
    // Ten endpoints that never answer, one that is quick, and not a single slot to share.
    let mut queue = queue(|rules| rules.extra_max = 0);
    for seq in 0..1_000 {
        let host = format!("dead-{}:1", seq % 10);
        offer(&mut queue, &command(seq, APP, &host, &WHOLE[..2]), at(0));
    }
    assert_eq!(due(&mut queue, at(0)).len(), 10);
    for seq in 1_000..1_100 {
        offer(&mut queue, &command(seq, APP, "well:1", &WHOLE[..2]), at(1));
        assert_eq!(due(&mut queue, at(1)), [(seq, 1)], "at once");
        told(&mut queue, seq, at(1));
    }
    assert_eq!(queue.counts().told, 100);
}

#[test]
fn shared_slots_go_to_quick_endpoints_in_turn() {
    let mut queue = queue(|rules| (rules.slots_max, rules.extra_max) = (8, 2));
    for seq in 0..40 {
        let host = if seq < 20 { "a:1" } else { "b:1" };
        offer(&mut queue, &command(seq, APP, host, &WHOLE[..2]), at(0));
    }
    let mut under_way: VecDeque<u64> = due(&mut queue, at(0))
        .into_iter()
        .map(|(seq, _)| seq)
        .collect();
    let (mut told_count, mut most) = (0, 0);
    while let Some(seq) = under_way.pop_front() {
        most = most.max(under_way.len() + 1);
        told(&mut queue, seq, at(0));
        told_count += 1;
        under_way.extend(due(&mut queue, at(0)).into_iter().map(|(seq, _)| seq));
    }
    assert_eq!(
        (told_count, most),
        (40, 4),
        "one each, and two that are shared"
    );
    assert_eq!(queue.extra_used, 0);
}

#[test]
fn an_endpoint_that_is_down_keeps_its_callbacks_and_lets_them_die_in_time() {
    let mut queue = queue(|_| {});
    for seq in 0..30 {
        offer(&mut queue, &command(seq, APP, "a:1", &WHOLE[..2]), at(0));
    }
    let mut now = at(0);
    let mut attempts: u64 = 0;
    while queue.counts().waiting > 0 {
        for (seq, _) in due(&mut queue, now) {
            attempts += 1;
            failed(&mut queue, seq, now);
        }
        if let Some(next) = queue.next() {
            now = next.max(now);
        }
    }
    assert_eq!(now, at(86_400_000));
    assert_eq!(queue.counts().dead, 30);
    assert!(attempts < 10 + 500, "probes only: {attempts}");
    assert_eq!(queue.take_turned().len(), 1, "told once");
}

#[test]
fn what_is_owed_from_before_the_start_gets_a_chance_however_old_it_is() {
    let mut queue = Queue::new(Rules::default());
    let late = at(10 * 86_400_000);
    offer(&mut queue, &command(7, APP, "a:1", &WHOLE), late);
    assert_eq!(due(&mut queue, late), [(7, 1)]);
    told(&mut queue, 7, late);
    for place in [2, 3] {
        assert_eq!(due(&mut queue, late), [(7, place)]);
        told(&mut queue, 7, late);
    }
    keep(&mut queue);
    // The same command, read once more by the start: nothing is told twice.
    offer(&mut queue, &command(7, APP, "a:1", &WHOLE), late);
    assert_eq!(due(&mut queue, late), []);
    keep(&mut queue);
    queue.loaded();
    assert!(queue.threads.is_empty() && queue.is_quiet());
}

#[test]
fn a_stored_address_that_cannot_be_read_is_dead_at_once() {
    let mut queue = queue(|_| {});
    let mut broken = command(7, APP, "a:1", &WHOLE[..2]);
    broken.body = b"{".to_vec().into();
    offer(&mut queue, &broken, at(0));
    let writes = keep(&mut queue);
    let Some(Write::DeadCallback(row)) = writes.first() else {
        panic!("{writes:?}")
    };
    assert_eq!(row.reason, "the stored callback address cannot be read");
    assert_eq!((row.from, row.attempts, &*row.endpoint), (1, 0, ""));
}

#[test]
fn cancellations_are_told_only_if_the_operator_says_so() {
    let path = [Status::Queued, Status::Cancelled];
    let mut silent = queue(|_| {});
    offer(&mut silent, &command(7, APP, "a:1", &path), at(0));
    assert_eq!(due(&mut silent, at(0)), []);
    let writes = keep(&mut silent);
    assert!(
        matches!(writes[..], [Write::Told { up_to: 2, .. }]),
        "{writes:?}"
    );
    let mut telling = queue(|rules| rules.wording.canceled = true);
    offer(&mut telling, &command(7, APP, "a:1", &path), at(0));
    assert_eq!(due(&mut telling, at(0)), [(7, 1)]);
}

/// What may happen next.
#[derive(Debug, Clone)]
enum Step {
    /// This command goes this far, and is offered.
    Change(u64, usize),
    /// Of the callbacks under way, this one is over: told, or not.
    Over(usize, bool),
    /// Time passes.
    Pass(u64),
    /// What was told is kept.
    Keep,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..12_u64, 2..=4_usize).prop_map(|(seq, far)| Step::Change(seq, far)),
        6 => (any::<usize>(), prop::bool::weighted(0.6)).prop_map(|(at, well)| Step::Over(at, well)),
        2 => prop_oneof![0..5_000_u64, 0..200_000_u64, 0..40_000_000_u64].prop_map(Step::Pass),
        1 => Just(Step::Keep),
    ]
}

/// Commands of two applications at four endpoints, as a test plays with them.
#[derive(Default)]
struct Play {
    now: u64,
    far: HashMap<u64, usize>,
    under_way: Vec<(u64, u32)>,
    told: HashMap<u64, Vec<u32>>,
}

impl Play {
    fn command(&self, seq: u64) -> Command {
        let app = AppKey(seq % 2);
        let host = format!("h{}:1", seq % 4);
        let far = self.far.get(&seq).copied().unwrap_or(1);
        command(seq, app, &host, &WHOLE[..far])
    }

    fn take(&mut self, queue: &mut Queue) {
        for (seq, place) in due(queue, at(self.now)) {
            assert!(
                self.under_way.iter().all(|(other, _)| *other != seq),
                "one at a time"
            );
            self.under_way.push((seq, place));
        }
    }

    fn over(&mut self, queue: &mut Queue, which: usize, well: bool) {
        if self.under_way.is_empty() {
            return;
        }
        let (seq, place) = self.under_way.remove(which % self.under_way.len());
        if well {
            self.told.entry(seq).or_default().push(place);
            told(queue, seq, at(self.now));
        } else {
            failed(queue, seq, at(self.now));
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_lines_are_told_once_in_order_and_the_queue_drains(
        steps in prop::collection::vec(step(), 1..300)
    ) {
        let mut queue = queue(|rules| (rules.slots_max, rules.extra_max) = (4, 3));
        let mut play = Play::default();
        for step in steps {
            match step {
                Step::Change(seq, far) => {
                    let before = play.far.get(&seq).copied().unwrap_or(1);
                    if far > before {
                        play.far.insert(seq, far);
                        let mut changed = play.command(seq);
                        // Given up while its lane forgot it: the mark is all that is left.
                        let is_gone = !queue.threads.contains_key(&changed.id);
                        let last = play.told.get(&seq).and_then(|told| told.last());
                        if is_gone && before > 1 {
                            let through = last.map(|last| last + 1) == u32::try_from(before).ok();
                            changed.told = if through { u32::try_from(before).unwrap_or(0) } else { GIVEN_UP };
                        }
                        queue.offer(&changed, before, at(play.now));
                    }
                }
                Step::Over(which, well) => play.over(&mut queue, which, well),
                Step::Pass(ms) => play.now += ms,
                Step::Keep => drop(keep(&mut queue)),
            }
            conserves(&queue);
            play.take(&mut queue);
            let extra: u32 = queue.endpoints.values().map(|e| e.under_way.saturating_sub(1)).sum();
            assert_eq!(extra, queue.extra_used);
            assert!(extra <= 3);
        }
        // From now on all is well: whatever is not dead is told.
        for _ in 0..10_000 {
            while !play.under_way.is_empty() {
                play.over(&mut queue, 0, true);
                play.take(&mut queue);
            }
            match queue.next() {
                Some(next) => play.now = play.now.max(next.as_millis()),
                None => break,
            }
            play.take(&mut queue);
        }
        keep(&mut queue);
        assert_eq!(queue.counts().waiting, 0);
        assert_eq!(queue.extra_used, 0);
        assert!(queue.agenda.is_empty() && queue.deadlines.is_empty() && queue.applications.is_empty());
        for (seq, told) in &play.told {
            let in_order = told.windows(2).all(|pair| pair[0] + 1 == pair[1]);
            assert!(in_order && told[0] == 1, "{seq}: {told:?}");
        }
    }
}
