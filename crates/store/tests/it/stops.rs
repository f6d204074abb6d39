//! R2.5: a store whose commit failed acknowledges nothing afterwards.

use delivery::Moment;
use std::sync::mpsc;
use store::conformance::{Story, commit};
use store::{Failed, Memory, Sqlite, SqliteOptions, Store, Unit, Write};

fn setting(name: &str) -> Vec<Unit> {
    vec![Unit {
        turn: None,
        writes: vec![Write::Setting {
            name: name.to_owned(),
            value: vec![1],
        }],
    }]
}

fn stops(store: &dyn Store, fail: &dyn Fn()) {
    let now = Moment::from_millis(1);
    commit(store, setting("before"), now).expect("the store is healthy");
    fail();
    assert!(matches!(
        commit(store, setting("with"), now),
        Err(Failed::Write(_))
    ));
    for _ in 0..3 {
        assert!(matches!(
            commit(store, setting("after"), now),
            Err(Failed::Stopped)
        ));
    }
    // What was acknowledged is still read, and nothing else.
    let kept = |name| {
        store
            .setting(name)
            .expect("a stopped store serves reads")
            .is_some()
    };
    assert_eq!(["before", "with", "after"].map(kept), [true, false, false]);
}

#[test]
fn r2_5_a_failed_commit_is_the_end_in_memory() {
    let store = Memory::new();
    stops(&store, &|| store.fail_next_commit());
}

#[test]
fn r2_5_a_failed_commit_is_the_end_of_a_file_too_and_is_told_once() {
    let folder = tempfile::tempdir().expect("a folder is made");
    let path = folder.path().join("store.db");
    let (tell, told) = mpsc::channel();
    let on_stop = move |why: Failed| tell.send(why.to_string()).expect("the test listens");
    let options = SqliteOptions {
        on_stop: Some(Box::new(on_stop)),
        ..SqliteOptions::new(&path)
    };
    let store = Sqlite::open(options).expect("a new store opens");
    stops(&store, &|| store.fail_next_commit());
    drop(store);
    let reasons: Vec<String> = told.iter().collect();
    assert_eq!(
        reasons,
        ["the store cannot be written: a fault was asked for"]
    );
    let store = Sqlite::open(SqliteOptions::new(&path)).expect("what was acknowledged is there");
    let kept = |name| store.setting(name).expect("settings are read").is_some();
    assert_eq!(["before", "with", "after"].map(kept), [true, false, false]);
}

#[test]
fn what_was_acknowledged_before_a_failure_is_found_at_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder is made");
    let path = folder.path().join("store.db");
    let store = Sqlite::open(SqliteOptions::new(&path)).expect("a new store opens");
    let mut story = Story::begin(&store, 3, 11);
    (0..150).for_each(|_| story.step(&store));
    let acknowledged = story.clone();
    store.fail_next_commit();
    let (unit, _) = story.next_unit(&store);
    let now = acknowledged.now();
    assert!(matches!(
        commit(&store, vec![unit], now),
        Err(Failed::Write(_))
    ));
    drop(store);
    let store = Sqlite::open(SqliteOptions::new(&path)).expect("it opens again");
    let mut acknowledged = acknowledged;
    acknowledged.compare(&store, true);
}

#[test]
fn statistics_say_what_was_written() {
    let folder = tempfile::tempdir().expect("a folder is made");
    let store = Sqlite::open(SqliteOptions::new(folder.path().join("store.db")))
        .expect("a new store opens");
    assert_eq!(store.stats(), store::SqliteStats::default());
    let now = Moment::from_millis(1);
    commit(&store, setting("a"), now).expect("the store is healthy");
    let two = [setting("b"), setting("c")].concat();
    commit(&store, two, now).expect("the store is healthy");
    // The counters are moved before `done` is called, but for the log's.
    let stats = store.stats();
    assert_eq!(
        (
            stats.units,
            stats.conflicts,
            stats.commits,
            stats.queued_units
        ),
        (3, 0, 2, 0)
    );
    // Each setting is a row, and so is the ledger of each group.
    assert_eq!(stats.rows, 5);
    assert_eq!((stats.groups[0], stats.groups[1], stats.fsyncs), (1, 1, 2));
    assert!(stats.log_bytes >= 4_120);
}
