//! Lives of single commands, step by step.

use super::given::{START, accept, device, queued, registered, take, unit};
use super::{commit, write};
use crate::contract::{Conflict, Store, Unit, Write};
use delivery::{
    Answer, Arrival, Cause, Command, CommandId, Ending, Input, LOST_ENTRIES_MAX, Lane, Mid, Rules,
    SessionId, State, Status, Submission, Ticket, Verdict, Who,
};
use std::sync::Arc;
use std::time::Duration;

pub(super) fn a_turn_upon_an_old_revision_is_refused_as_a_whole(store: &dyn Store) {
    let mut lane = registered(store, 1);
    let (mut first, mut second) = (lane.clone(), lane.clone());
    let asked = queued(&mut first, 1, 1);
    write(store, unit(&accept(first, vec![asked], START)), START);
    let asked = queued(&mut second, 2, 1);
    let mut late = unit(&accept(second, vec![asked], START));
    late.writes.push(Write::Setting {
        name: "n".to_owned(),
        value: vec![1],
    });
    assert_eq!(
        commit(store, vec![late], START).expect("the store is healthy"),
        [Err(Conflict::Stale)]
    );
    assert_eq!(store.setting("n").expect("settings are read"), None);
    assert_eq!(store.tally().expect("the tally is read").accepted, 1);
    // What is read again can be decided upon.
    lane = store
        .lane(1)
        .expect("lanes are read")
        .expect("the device is kept");
    assert_eq!((lane.revision, lane.open.len()), (1, 1));
    let asked = queued(&mut lane, 2, 1);
    write(store, unit(&accept(lane, vec![asked], START)), START);
    // A device that nobody knows has no lane to take a turn.
    let mut nobody = Lane::new(device(9).id, START);
    let asked = queued(&mut nobody, 3, 1);
    let turn = unit(&accept(nobody, vec![asked], START));
    assert_eq!(
        commit(store, vec![turn], START).expect("the store is healthy"),
        [Err(Conflict::Stale)]
    );
}

pub(super) fn units_of_one_commit_see_each_other(store: &dyn Store) {
    // A device, its first command and its second, each decided upon what the one before left, in one commit.
    let mut lane = Lane::new(device(1).id, START);
    let asked = queued(&mut lane, 1, 1);
    let first = accept(lane, vec![asked], START);
    let mut lane = first.lane.clone();
    let asked = queued(&mut lane, 2, 1);
    let second = accept(lane, vec![asked], START);
    let cancel = Input::Cancel {
        ticket: Ticket(1),
        command: first.changes[0].command.id,
        who: Who::Operator,
    };
    let third = delivery::turn(second.lane.clone(), vec![cancel], &Rules::default(), START);
    let mut with_device = unit(&first);
    with_device.writes.push(Write::Device(device(1)));
    let units = vec![with_device, unit(&second), unit(&second), unit(&third)];
    let applied = commit(store, units, START).expect("the store is healthy");
    assert_eq!(applied, [Ok(()), Ok(()), Err(Conflict::Stale), Ok(())]);
    assert_eq!(store.lane(1).expect("lanes are read"), Some(third.lane));
    let tally = store.tally().expect("the tally is read");
    assert_eq!(tally.accepted, 2);
    assert!(
        tally.open.contains(&(Status::Queued, 1)) && tally.ended.contains(&(Status::Cancelled, 1))
    );
}

/// A command whose owner is told of its changes, sent and answered; its lane, and its id.
fn told_life(store: &dyn Store) -> (Lane, CommandId) {
    let mut lane = registered(store, 1);
    let asked = Submission {
        callback: true,
        ..queued(&mut lane, 1, 1)
    };
    let id = asked.id;
    let reachable = Input::Reachable {
        session: SessionId(1),
        confirms: true,
    };
    let submit = Input::Submit(Ticket(0), Box::new(asked));
    let lane = take(store, lane, vec![reachable, submit], START);
    let detail = Some(Arc::from(*b"[1]"));
    let answer = Answer {
        verdict: Verdict::Success,
        detail,
        off_profile: false,
    };
    let mid = lane.open[0].mid;
    let lane = take(store, lane, vec![Input::Answered { mid, answer }], START);
    (lane, id)
}

fn find(store: &dyn Store, id: CommandId) -> Command {
    let found = store.command(id).expect("commands are read");
    found.expect("it was accepted")
}

fn tell(store: &dyn Store, command: CommandId, up_to: u32) {
    let writes = vec![Write::Told { command, up_to }];
    write(store, Unit { turn: None, writes }, START);
}

pub(super) fn what_is_owed_keeps_a_command_until_it_is_told(store: &dyn Store) {
    let (lane, id) = told_life(store);
    assert_eq!(lane.open.len(), 0);
    let kept = store.lane(1).expect("lanes are read");
    assert_eq!(kept.map(|lane| lane.open), Some(Vec::new()));
    assert_eq!(find(store, id).state, State::Ended(Ending::Succeeded));
    let places = || {
        find(store, id)
            .owed()
            .map(|(place, _)| place)
            .collect::<Vec<_>>()
    };
    assert_eq!(places(), [1, 2, 3]);
    tell(store, id, 3);
    assert_eq!(places(), [3]);
    // Telling never goes back.
    tell(store, id, 2);
    assert_eq!(places(), [3]);
    tell(store, id, 4);
    assert_eq!(places(), Vec::<usize>::new());
    tell(store, id, 1);
    assert_eq!(find(store, id).told, 4);
    // A command that is not kept, or has another tag, is nobody's.
    tell(store, CommandId { tag: 0, ..id }, 9);
    assert_eq!(find(store, id).told, 4);
}

pub(super) fn what_was_told_is_not_forgotten_by_who_knows_less(store: &dyn Store) {
    let mut lane = registered(store, 1);
    let asked = Submission {
        callback: true,
        ..queued(&mut lane, 1, 1)
    };
    let id = asked.id;
    let reachable = Input::Reachable {
        session: SessionId(1),
        confirms: true,
    };
    let submit = Input::Submit(Ticket(0), Box::new(asked));
    let lane = take(store, lane, vec![reachable, submit], START);
    tell(store, id, 2);
    // The lane that decides has not heard of it; its turns are of the years before.
    let lane = take(store, lane, vec![Input::Acked { command: id }], START);
    assert_eq!(lane.open[0].told, 1);
    assert_eq!(
        (find(store, id).told, find(store, id).status()),
        (2, Status::Delivered)
    );
    // Given up while it is open: it stays open, and closes with its end.
    tell(store, id, u32::MAX);
    tell(store, id, 3);
    assert_eq!(find(store, id).told, u32::MAX);
    let answer = Answer {
        verdict: Verdict::Success,
        detail: None,
        off_profile: false,
    };
    let mid = lane.open[0].mid;
    take(store, lane, vec![Input::Answered { mid, answer }], START);
    let kept = find(store, id);
    assert_eq!((kept.told, kept.is_closed()), (u32::MAX, true));
    let old = store.old_commands(START + Duration::from_millis(1), None, 9);
    assert_eq!(old.expect("commands are read").old, [id]);
}

pub(super) fn what_comes_late_finds_a_command_closed_and_leaves_it_told(store: &dyn Store) {
    let (lane, id) = told_life(store);
    tell(store, id, 4);
    let kept = find(store, id);
    // Whoever decided may know less of what was told than the store does.
    let command = Box::new(Command {
        told: 2,
        ..kept.clone()
    });
    let lane = take(
        store,
        lane,
        vec![Input::Late {
            command,
            arrival: Arrival::Ack,
        }],
        START,
    );
    let late = find(store, id);
    assert_eq!((late.told, late.history.len()), (4, kept.history.len() + 1));
    assert_eq!(
        late.history.last().map(|entry| entry.cause),
        Some(Cause::LateAck)
    );
    let command = Box::new(late);
    take(
        store,
        lane,
        vec![Input::Late {
            command,
            arrival: Arrival::Ack,
        }],
        START,
    );
    assert_eq!(find(store, id).history.len(), kept.history.len() + 2);
    let tally = store.tally().expect("the tally is read");
    assert!(tally.ended.contains(&(Status::Succeeded, 1)));
    assert_eq!(tally.ended.iter().map(|(_, count)| count).sum::<u64>(), 1);
}

pub(super) fn lost_attempts_beyond_the_kept_ones_leave_the_tally_right(store: &dyn Store) {
    let mut lane = registered(store, 1);
    let asked = queued(&mut lane, 1, 1);
    let id = asked.id;
    lane = take(
        store,
        lane,
        vec![Input::Submit(Ticket(0), Box::new(asked))],
        START,
    );
    let open = |store: &dyn Store| store.tally().expect("the tally is read").open;
    let now = START + Duration::from_secs(1);
    for session in 1..=u64::from(LOST_ENTRIES_MAX) + 4 {
        let session = SessionId(session);
        lane = take(
            store,
            lane,
            vec![Input::Reachable {
                session,
                confirms: true,
            }],
            now,
        );
        let lost = Input::Lost {
            command: id,
            attempt: lane.open[0].issued,
            session,
        };
        lane = take(store, lane, vec![lost], now);
        assert_eq!(
            open(store),
            [
                (Status::Queued, 0),
                (Status::Sent, 1),
                (Status::Delivered, 0)
            ]
        );
        assert_eq!(find(store, id), lane.open[0]);
    }
    let session = SessionId(99);
    lane = take(
        store,
        lane,
        vec![Input::Reachable {
            session,
            confirms: true,
        }],
        now,
    );
    take(store, lane, vec![Input::Acked { command: id }], now);
    assert_eq!(
        open(store),
        [
            (Status::Queued, 0),
            (Status::Sent, 0),
            (Status::Delivered, 1)
        ]
    );
}

pub(super) fn r6_7_an_ended_command_is_found_by_its_mid(store: &dyn Store) {
    let mut lane = registered(store, 1);
    let mut asked = Vec::new();
    for seq in 1..=3 {
        asked.push(queued(&mut lane, seq, 1));
    }
    let mid = asked[0].mid;
    let ids: Vec<CommandId> = asked.iter().map(|asked| asked.id).collect();
    // All three under one mid, as after 65535 further ones: the first is sent and answered, the second is cancelled unsent,
    // the third is open.
    for asked in &mut asked {
        asked.mid = mid;
    }
    let third = asked.pop().expect("there are three");
    let reachable = Input::Reachable {
        session: SessionId(1),
        confirms: true,
    };
    let submit = |asked| Input::Submit(Ticket(0), Box::new(asked));
    let mut inbox = vec![reachable];
    inbox.extend(asked.into_iter().map(submit));
    let lane = take(store, lane, inbox, START);
    let by_mid = |last| {
        store
            .ended_by_mid(device(1).id, mid, last)
            .expect("commands are read")
            .map(|c| c.id)
    };
    assert_eq!(by_mid(1_000), None);
    let cancel = Input::Cancel {
        ticket: Ticket(0),
        command: ids[1],
        who: Who::Operator,
    };
    let lane = take(store, lane, vec![cancel], START);
    assert_eq!(by_mid(1_000), None);
    let answer = Answer {
        verdict: Verdict::Success,
        detail: None,
        off_profile: false,
    };
    let lane = take(store, lane, vec![Input::Answered { mid, answer }], START);
    take(store, lane, vec![submit(third)], START);
    assert_eq!(by_mid(1_000), Some(ids[0]));
    // It is the third from the end.
    assert_eq!(by_mid(3), Some(ids[0]));
    assert_eq!(by_mid(2), None);
    assert_eq!(
        store
            .ended_by_mid(device(2).id, mid, 1_000)
            .expect("commands are read"),
        None
    );
    let other = Mid::new(mid.number() ^ 1)
        .or(Mid::new(7))
        .expect("7 is a mid");
    assert_eq!(
        store
            .ended_by_mid(device(1).id, other, 1_000)
            .expect("commands are read"),
        None
    );
}
