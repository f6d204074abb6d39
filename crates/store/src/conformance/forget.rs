//! What is old goes, and everything that stood for it (R2.8).

use super::given::{START, accept, device, queued, registered, take, unit};
use super::{commit, write};
use crate::contract::{Conflict, Store, Unit, Write};
use crate::records::{CancelTask, CommandFilter, DeadCallback, Device, Report, TaskId};
use delivery::{
    Answer, AppKey, Arrival, Command, CommandId, Input, Kind, Lane, Moment, SessionId, Submission,
    Ticket, Verdict, Who,
};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
const MS: Duration = Duration::from_millis(1);

fn keep(store: &dyn Store, writes: Vec<Write>) {
    write(store, Unit { turn: None, writes }, START);
}

fn lane(store: &dyn Store, seq: u64) -> Lane {
    let kept = store.lane(seq).expect("lanes are read");
    kept.expect("the device is kept")
}

/// Accepts a command on device `1` and cancels it at once, so that it ended when it was created.
fn ended(
    store: &dyn Store,
    seq: u64,
    change: impl FnOnce(&mut Submission),
    now: Moment,
) -> CommandId {
    let mut lane = lane(store, 1);
    let mut asked = queued(&mut lane, seq, 1);
    change(&mut asked);
    let id = asked.id;
    let (ticket, who) = (Ticket(0), Who::Operator);
    let submit = Input::Submit(ticket, Box::new(asked));
    let lane = take(store, lane, vec![submit], now);
    let command = id;
    take(
        store,
        lane,
        vec![Input::Cancel {
            ticket,
            command,
            who,
        }],
        now,
    );
    id
}

/// Accepts a command on device `1`, sends it, and has it answered `after` that.
fn answered(
    store: &dyn Store,
    seq: u64,
    change: impl FnOnce(&mut Submission),
    now: Moment,
    after: Duration,
) -> CommandId {
    let mut lane = lane(store, 1);
    let mut asked = queued(&mut lane, seq, 1);
    change(&mut asked);
    let (command, mid) = (asked.id, asked.mid);
    let reachable = Input::Reachable {
        session: SessionId(1),
        confirms: true,
    };
    let submit = Input::Submit(Ticket(0), Box::new(asked));
    let lane = take(store, lane, vec![reachable, submit], now);
    let lane = take(store, lane, vec![Input::Acked { command }], now);
    let answer = Answer {
        verdict: Verdict::Success,
        detail: None,
        off_profile: false,
    };
    take(
        store,
        lane,
        vec![Input::Answered { mid, answer }],
        now + after,
    );
    command
}

fn dead(command: CommandId, replaying: bool) -> DeadCallback {
    DeadCallback {
        command,
        app: AppKey(1),
        from: 1,
        endpoint: "https://example.org:443".to_owned(),
        since: START,
        attempts: 12,
        reason: "it answered 500".to_owned(),
        replaying,
    }
}

/// Everything that is old at `before`, found in small stretches.
fn old(store: &dyn Store, before: Moment, limit: usize) -> Vec<CommandId> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let stretch = store
            .old_commands(before, after, limit)
            .expect("commands are read");
        assert!(stretch.old.len() <= limit);
        found.extend(stretch.old);
        match stretch.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

fn find(store: &dyn Store, id: CommandId) -> Option<Command> {
    store.command(id).expect("commands are read")
}

fn listed(store: &dyn Store, device: bool) -> (u64, Vec<u64>) {
    let filter = CommandFilter {
        app: AppKey(1),
        devices: device.then(|| vec![super::given::device(1).id]),
        from: None,
        to: None,
        skip: 0,
        take: 100,
    };
    let page = store.commands(&filter).expect("commands are read");
    (page.total, page.items.iter().map(|c| c.id.seq).collect())
}

pub(super) fn r2_8_only_what_ended_and_owes_nothing_is_old(store: &dyn Store) {
    registered(store, 1);
    let plain = |_: &mut Submission| {};
    let first = ended(store, 1, plain, START);
    let owing = ended(store, 2, |asked| asked.callback = true, START);
    let dead_one = ended(store, 3, |asked| asked.callback = true, START);
    let replayed = ended(store, 4, |asked| asked.callback = true, START);
    let given_up = |command| Write::Told {
        command,
        up_to: u32::MAX,
    };
    keep(
        store,
        vec![
            given_up(dead_one),
            Write::DeadCallback(dead(dead_one, false)),
            given_up(replayed),
            Write::DeadCallback(dead(replayed, true)),
        ],
    );
    let mut open_lane = lane(store, 1);
    let open = queued(&mut open_lane, 5, 1);
    let turn = accept(open_lane, vec![open], START);
    write(store, unit(&turn), START);
    let later = ended(store, 6, plain, START + DAY);
    assert_eq!(old(store, START, 10), []);
    assert_eq!(old(store, START + MS, 10), [first, dead_one]);
    assert_eq!(old(store, START + DAY, 1), [first, dead_one]);
    assert_eq!(old(store, START + DAY + MS, 1), [first, dead_one, later]);
    // What stays says from when it will be old, at the earliest.
    let stretch = store
        .old_commands(START, None, 10)
        .expect("commands are read");
    assert_eq!((stretch.next, stretch.oldest_kept), (None, Some(START)));
    // Nothing goes that must not, whoever asks.
    let all = [1, 2, 3, 4, 5, 6].map(|seq| CommandId {
        seq,
        ..queued_id(seq)
    });
    keep(store, vec![Write::ForgetCommands(all.to_vec())]);
    let left = all.map(|id| find(store, id).is_some());
    assert_eq!(left, [false, true, false, true, true, false]);
    assert_eq!(listed(store, false), (3, vec![5, 4, 2]));
    assert_eq!(listed(store, true), (3, vec![5, 4, 2]));
    assert_eq!(store.dead_callback(dead_one).expect("they are read"), None);
    assert_eq!(
        store.dead_callback(replayed).expect("they are read"),
        Some(dead(replayed, true))
    );
    keep(
        store,
        vec![
            Write::Told {
                command: owing,
                up_to: 2,
            },
            Write::ForgetDeadCallback(replayed),
        ],
    );
    assert_eq!(old(store, START + DAY + MS, 10), [owing, replayed]);
    let tally = store.tally().expect("the tally is read");
    assert_eq!(tally.accepted, 6);
    assert_eq!(tally.ended.iter().map(|(_, n)| n).sum::<u64>(), 5);
}

fn queued_id(seq: u64) -> CommandId {
    let mut lane = Lane::new(device(1).id, START);
    queued(&mut lane, seq, 1).id
}

pub(super) fn r2_8_age_counts_from_the_end(store: &dyn Store) {
    registered(store, 1);
    let id = answered(store, 1, |_| {}, START, DAY);
    let expired = ended(store, 2, |_| {}, START + DAY * 2);
    let end = START + DAY;
    assert_eq!(old(store, end, 10), []);
    assert_eq!(old(store, end + MS, 10), [id]);
    // What comes late makes nothing younger.
    let before = find(store, id).expect("it is kept");
    let late = Input::Late {
        command: Box::new(before.clone()),
        arrival: Arrival::Ack,
    };
    take(store, lane(store, 1), vec![late], end + DAY * 9);
    let entries = find(store, id).map(|command| command.history.len());
    assert_eq!(entries, Some(before.history.len() + 1));
    assert_eq!(old(store, end + MS, 10), [id]);
    assert_eq!(old(store, START + DAY * 3, 10), [id, expired]);
}

pub(super) fn r2_8_a_forgotten_command_leaves_every_place(store: &dyn Store) {
    registered(store, 1);
    for seq in 1..=50 {
        let now = START + MS * u32::try_from(seq).expect("small");
        let key = |asked: &mut Submission| asked.key = Some(format!("k{seq}").into());
        if seq % 5 == 0 {
            let direct = |asked: &mut Submission| {
                key(asked);
                asked.kind = Kind::Direct { confirm: true };
            };
            answered(store, seq, direct, now, MS);
        } else {
            ended(store, seq, key, now);
        }
    }
    let ids: Vec<CommandId> = (1..=50).map(queued_id).collect();
    let mid = find(store, ids[6]).expect("it is kept").mid;
    let of = |store: &dyn Store| {
        let all = store
            .latest_commands(Some(device(1).id), None, 99)
            .expect("commands are read");
        all.iter().map(|c| c.id.seq).collect::<Vec<_>>()
    };
    let mut left: Vec<u64> = (1..=50).rev().collect();
    for part in [
        &ids[6..7],
        &ids[0..20],
        &ids[30..33],
        &ids[19..31],
        &ids[48..50],
    ] {
        keep(store, vec![Write::ForgetCommands(part.to_vec())]);
        left.retain(|seq| !part.iter().any(|id| id.seq == *seq));
        assert_eq!(of(store), left);
        let shown: Vec<u64> = left.iter().copied().filter(|seq| seq % 5 != 0).collect();
        let total = u64::try_from(shown.len()).expect("small");
        assert_eq!(listed(store, true), (total, shown.clone()));
        assert_eq!(listed(store, false), (total, shown));
    }
    let by_mid = store
        .ended_by_mid(device(1).id, mid, 1_000)
        .expect("commands are read");
    assert_eq!(by_mid, None);
    let by_key = |key: &str| {
        store
            .command_by_key(AppKey(1), key, START)
            .expect("commands are read")
    };
    assert_eq!(
        (by_key("k7"), by_key("k36").map(|c| c.id.seq)),
        (None, Some(36))
    );
    // Its key may be taken at once, and its number is not given again.
    let again = ended(
        store,
        51,
        |asked| asked.key = Some("k7".into()),
        START + DAY,
    );
    assert_eq!(by_key("k7").map(|c| c.id), Some(again));
    keep(store, vec![Write::ForgetCommands(vec![again])]);
    assert_eq!(store.marks().expect("marks are read").command_seq, 51);
    assert_eq!(store.tally().expect("the tally is read").accepted, 51);
}

pub(super) fn r2_8_what_comes_late_for_a_forgotten_command_changes_nothing(store: &dyn Store) {
    registered(store, 1);
    let id = answered(store, 1, |_| {}, START, MS);
    let command = Box::new(find(store, id).expect("it is kept"));
    let mut decided = lane(store, 1);
    let asked = queued(&mut decided, 2, 1);
    let next = asked.id;
    let inbox = vec![
        Input::Late {
            command,
            arrival: Arrival::Ack,
        },
        Input::Submit(Ticket(0), Box::new(asked)),
    ];
    let turn = delivery::turn(decided, inbox, &delivery::Rules::default(), START);
    assert_eq!(turn.changes.len(), 2);
    keep(store, vec![Write::ForgetCommands(vec![id])]);
    let before = store.tally().expect("the tally is read");
    write(store, unit(&turn), START);
    assert_eq!(find(store, id), None);
    assert!(find(store, next).is_some());
    let after = store.tally().expect("the tally is read");
    assert_eq!(
        (after.accepted, after.ended),
        (before.accepted + 1, before.ended)
    );
    assert_eq!(listed(store, true), (1, vec![2]));
    keep(
        store,
        vec![Write::Told {
            command: id,
            up_to: 3,
        }],
    );
    assert_eq!(find(store, id), None);
}

pub(super) fn r2_8_a_deleted_device_goes_after_its_last_command(store: &dyn Store) {
    registered(store, 1);
    registered(store, 2);
    let command = ended(store, 1, |_| {}, START);
    let report = Report {
        device: device(2).id,
        service_id: "s".to_owned(),
        at: START,
        event_time: None,
        properties: b"{}".to_vec(),
        off_profile: false,
    };
    let gone = |seq| {
        Write::Device(Device {
            deleted: Some(START),
            ..device(seq)
        })
    };
    keep(
        store,
        vec![
            Write::Report(report),
            gone(1),
            gone(2),
            Write::Device(device(3)),
        ],
    );
    let ids = [device(1).id, device(2).id, device(3).id];
    let old = |before| {
        let stretch = store
            .old_devices(before, None, 10)
            .expect("devices are read");
        (stretch.old, stretch.oldest_kept)
    };
    assert_eq!(old(START), (vec![], Some(START)));
    assert_eq!(old(START + MS), (vec![ids[1]], Some(START)));
    keep(store, vec![Write::ForgetDevices(ids.to_vec())]);
    let kept = |id| store.device(id).expect("devices are read").is_some();
    assert_eq!(ids.map(kept), [true, false, true]);
    assert_eq!(store.reports(ids[1]).expect("reports are read"), []);
    assert_eq!(store.lane(2).expect("lanes are read"), None);
    keep(
        store,
        vec![
            Write::ForgetCommands(vec![command]),
            Write::Device(Device {
                deleted: Some(START),
                ..device(3)
            }),
        ],
    );
    keep(store, vec![Write::ForgetDevices(ids.to_vec())]);
    assert_eq!(ids.map(kept), [false, false, false]);
    // The highest number that a device had is not given again.
    assert_eq!(store.marks().expect("marks are read").device_seq, 3);
}

pub(super) fn r2_8_a_turn_of_a_forgotten_device_is_stale(store: &dyn Store) {
    let mut late = registered(store, 1);
    let asked = queued(&mut late, 1, 1);
    let turn = accept(late, vec![asked], START);
    let gone = Device {
        deleted: Some(START),
        ..device(1)
    };
    let forget = vec![
        Write::Device(gone),
        Write::ForgetDevices(vec![device(1).id]),
    ];
    let units = vec![
        Unit {
            turn: None,
            writes: forget,
        },
        unit(&turn),
    ];
    let applied = commit(store, units, START).expect("the store is healthy");
    assert_eq!(applied, [Ok(()), Err(Conflict::Stale)]);
    let applied = commit(store, vec![unit(&turn)], START).expect("the store is healthy");
    assert_eq!(applied, [Err(Conflict::Stale)]);
    assert_eq!(store.lane(1).expect("lanes are read"), None);
    assert_eq!(store.tally().expect("the tally is read").accepted, 0);
}

pub(super) fn r2_8_old_cancel_tasks_go(store: &dyn Store) {
    let task = |n: u64| {
        let created = START + DAY * u32::try_from(n).expect("small");
        CancelTask {
            id: TaskId(u128::from(created.as_millis()) << 64 | u128::from(n)),
            app: AppKey(1),
            device: device(1).id,
            created,
            commands: Vec::new(),
        }
    };
    keep(store, (0..6).map(task).map(Write::CancelTask).collect());
    let before = START + DAY * 3;
    let first = store
        .old_cancel_tasks(before, None, 2)
        .expect("tasks are read");
    assert_eq!(
        (first.old, first.next),
        (vec![task(0).id, task(1).id], Some(task(1).id))
    );
    let rest = store
        .old_cancel_tasks(before, Some(task(1).id), 9)
        .expect("tasks are read");
    assert_eq!((rest.old, rest.next), (vec![task(2).id], None));
    assert_eq!(rest.oldest_kept, Some(before));
    keep(
        store,
        vec![Write::ForgetCancelTasks(vec![
            task(0).id,
            task(2).id,
            task(0).id,
        ])],
    );
    let kept = |n| {
        store
            .cancel_task(task(n).id)
            .expect("tasks are read")
            .is_some()
    };
    assert_eq!([0, 1, 2, 3].map(kept), [false, true, false, true]);
}

pub(super) fn r2_8_a_lane_goes_on_after_its_past_is_forgotten(store: &dyn Store) {
    registered(store, 1);
    let ids: Vec<CommandId> = (1..=20)
        .map(|seq| ended(store, seq, |_| {}, START))
        .collect();
    let mut decided = lane(store, 1);
    let asked = queued(&mut decided, 21, 1);
    let reachable = Input::Reachable {
        session: SessionId(1),
        confirms: true,
    };
    let submit = Input::Submit(Ticket(0), Box::new(asked));
    let turn = delivery::turn(
        decided,
        vec![reachable, submit],
        &delivery::Rules::default(),
        START,
    );
    // Forgetting is no turn: what was decided before it stands.
    keep(store, vec![Write::ForgetCommands(ids)]);
    write(store, unit(&turn), START);
    let kept = lane(store, 1);
    assert_eq!(
        (kept.revision, &kept.open),
        (turn.lane.revision, &turn.lane.open)
    );
    assert_eq!(listed(store, true), (1, vec![21]));
}
