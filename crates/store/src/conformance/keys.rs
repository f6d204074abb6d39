//! Idempotency keys (R1.15).

use super::given::{START, accept, queued, registered, unit};
use super::{commit, write};
use crate::contract::{Conflict, Store};
use delivery::{AppKey, CommandId, Lane, Moment, Submission};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
const MS: Duration = Duration::from_millis(1);

fn keyed(lane: &mut Lane, seq: u64, app: u64, key: &str) -> Submission {
    Submission {
        key: Some(key.into()),
        ..queued(lane, seq, app)
    }
}

fn lane(store: &dyn Store, seq: u64) -> Lane {
    store
        .lane(seq)
        .expect("lanes are read")
        .expect("the device is kept")
}

fn holder(store: &dyn Store, app: u64, since: Moment) -> Option<CommandId> {
    store
        .command_by_key(AppKey(app), "k", since)
        .expect("commands are read")
        .map(|command| command.id)
}

/// Another lane wants the key; says whether it was refused.
fn try_key(store: &dyn Store, device: u64, seq: u64, now: Moment) -> Result<CommandId, Conflict> {
    let mut lane = lane(store, device);
    let asked = keyed(&mut lane, seq, 1, "k");
    let id = asked.id;
    let before = store.tally().expect("the tally is read");
    let applied = commit(store, vec![unit(&accept(lane, vec![asked], now))], now)
        .expect("the store is healthy");
    if applied == [Ok(())] {
        return Ok(id);
    }
    assert_eq!(store.tally().expect("the tally is read"), before);
    assert_eq!(store.command(id).expect("commands are read"), None);
    Err(applied[0].expect_err("it was refused"))
}

pub(super) fn r1_15_a_key_is_taken_for_a_day(store: &dyn Store) {
    registered(store, 1);
    registered(store, 2);
    assert_eq!(holder(store, 1, START), None);
    let first = try_key(store, 1, 1, START).expect("the key is free");
    assert_eq!(holder(store, 1, START), Some(first));
    assert_eq!(holder(store, 1, START + MS), None);
    assert_eq!(try_key(store, 2, 2, START), Err(Conflict::KeyTaken));
    // To the last moment at which a look-up would find it, it is taken.
    assert_eq!(try_key(store, 2, 3, START + DAY), Err(Conflict::KeyTaken));
    let second = try_key(store, 2, 4, START + DAY + MS).expect("the key is a day old");
    assert_eq!(holder(store, 1, START), Some(second));
    // The former holder has let go of it, and is as it was otherwise.
    let former = store
        .command(first)
        .expect("commands are read")
        .expect("it was accepted");
    assert_eq!(former.key, None);
    assert_eq!(lane(store, 1).open, [former]);
    let holds = store
        .command(second)
        .expect("commands are read")
        .expect("it was accepted");
    assert_eq!(holds.key.as_deref(), Some("k"));
}

pub(super) fn r1_15_a_key_belongs_to_one_application(store: &dyn Store) {
    let mut lane = registered(store, 1);
    let first = keyed(&mut lane, 1, 1, "k");
    let second = keyed(&mut lane, 2, 2, "k");
    let third = keyed(&mut lane, 3, 1, "K");
    let ids = [first.id, second.id];
    write(
        store,
        unit(&accept(lane, vec![first, second, third], START)),
        START,
    );
    assert_eq!(holder(store, 1, START), Some(ids[0]));
    assert_eq!(holder(store, 2, START), Some(ids[1]));
    assert_eq!(holder(store, 3, START), None);
}

pub(super) fn r1_15_a_key_is_taken_once_in_a_unit(store: &dyn Store) {
    let mut lane = registered(store, 1);
    let asked = vec![keyed(&mut lane, 1, 1, "k"), keyed(&mut lane, 2, 1, "k")];
    let twice = unit(&accept(lane, asked, START));
    assert_eq!(
        commit(store, vec![twice], START).expect("the store is healthy"),
        [Err(Conflict::KeyTaken)]
    );
    assert_eq!(store.tally().expect("the tally is read").accepted, 0);
    assert_eq!(holder(store, 1, START), None);
}
