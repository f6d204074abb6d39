//! What outlives a process, and what is refused at a start.

use delivery::Moment;
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use std::sync::mpsc;
use store::conformance::{Story, commit};
use store::{Failed, OpenError, Sqlite, SqliteOptions, Store, Unit, Write};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder is made")
}

fn open(path: &Path) -> Result<Sqlite, OpenError> {
    Sqlite::open(SqliteOptions::new(path))
}

#[test]
fn a_story_goes_on_after_every_reopening() {
    let folder = folder();
    let path = folder.path().join("store.db");
    let mut store = open(&path).expect("a new store opens");
    let mut story = Story::begin(&store, 4, 7);
    for round in 0..12 {
        for _ in 0..25 + round {
            story.step(&store);
        }
        story.compare(&store, false);
        store.close();
        store = open(&path).expect("a closed store opens again");
        story.compare(&store, true);
    }
    // A proper end leaves no log behind.
    store.close();
    assert!(!folder.path().join("store.db-wal").exists());
}

#[test]
fn what_waits_is_written_before_a_store_closes() {
    let folder = folder();
    let path = folder.path().join("store.db");
    let store = open(&path).expect("a new store opens");
    let (tell, told) = mpsc::channel();
    for n in 1..=500 {
        let tell = tell.clone();
        let done = move |result: Result<_, _>| tell.send(result.is_ok()).expect("the test listens");
        store.commit(Vec::new(), Moment::from_millis(n), Box::new(done));
    }
    drop(store);
    drop(tell);
    let acknowledged: Vec<bool> = told.iter().collect();
    assert_eq!(
        (acknowledged.len(), acknowledged.iter().all(|ok| *ok)),
        (500, true)
    );
    let store = open(&path).expect("a closed store opens again");
    assert_eq!(
        store.marks().expect("marks are read").last_moment,
        Moment::from_millis(500)
    );
}

#[test]
fn r2_3_a_second_owner_is_refused() {
    let folder = folder();
    let path = folder.path().join("store.db");
    let first = open(&path).expect("a new store opens");
    let second = open(&path).expect_err("it is in use");
    assert!(matches!(&second, OpenError::InUse(of) if *of == path));
    assert!(
        second
            .to_string()
            .ends_with("store.db is in use by another process")
    );
    first.close();
    open(&path).expect("its owner is gone");
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let folder = folder();
    let path = folder.path().join("store.db");
    open(&path).expect("a new store opens").close();
    let conn = Connection::open(&path).expect("SQLite opens it");
    conn.pragma_update(None, "user_version", 99)
        .expect("the version is written");
    drop(conn);
    let before = fs::read(&path).expect("the file is read");
    let error = open(&path).expect_err("it is newer");
    assert!(matches!(
        error,
        OpenError::NewerSchema {
            found: 99,
            known: 3,
            ..
        }
    ));
    assert!(error.to_string().contains("schema version 99"), "{error}");
    assert_eq!(fs::read(&path).expect("the file is read"), before);
}

#[test]
fn a_database_of_something_else_is_refused() {
    let folder = folder();
    let path = folder.path().join("store.db");
    let conn = Connection::open(&path).expect("SQLite makes it");
    conn.execute_batch("CREATE TABLE other (n INTEGER)")
        .expect("a table is made");
    drop(conn);
    assert!(matches!(open(&path), Err(OpenError::NotOurs(_))));
}

#[test]
fn a_damaged_file_is_refused() {
    let folder = folder();
    let path = folder.path().join("store.db");
    fs::write(&path, vec![0x55; 8_192]).expect("the file is written");
    assert!(matches!(open(&path), Err(OpenError::Damaged { .. })));

    fs::remove_file(&path).expect("the file is removed");
    let store = open(&path).expect("a new store opens");
    let mut story = Story::begin(&store, 3, 1);
    (0..200).for_each(|_| story.step(&store));
    store.close();
    let sound = fs::read(&path).expect("the file is read");
    // The tables' pages, one after the other, are overwritten; each is found out.
    let pages = sound.len() / 4_096;
    assert!(pages > 20);
    for page in 1..pages {
        let mut damaged = sound.clone();
        damaged[page * 4_096..][..64].fill(0xa5);
        fs::write(&path, damaged).expect("the file is written");
        let error = open(&path).expect_err("a page is damaged");
        assert!(
            matches!(error, OpenError::Damaged { .. }),
            "page {page}: {error}"
        );
    }
    fs::write(&path, &sound).expect("the file is written");
    story.compare(&open(&path).expect("it is sound again"), true);
}

#[test]
fn a_large_damaged_file_stops_the_store_that_runs_on_it() {
    let folder = folder();
    let path = folder.path().join("store.db");
    let store = open(&path).expect("a new store opens");
    let now = Moment::from_millis(1);
    let setting = |n: u8| {
        let (name, value) = (format!("n{n}"), vec![n; 1 << 20]);
        Unit {
            turn: None,
            writes: vec![Write::Setting { name, value }],
        }
    };
    commit(&store, (0..20).map(setting).collect(), now).expect("the store is healthy");
    store.close();
    let mut bytes = fs::read(&path).expect("the file is read");
    assert!(bytes.len() > 16 << 20);
    // Sound, it is served, and nobody is told anything.
    let (tell, told) = mpsc::channel();
    let watched = |tell: mpsc::Sender<Failed>| {
        let on_stop = move |why| tell.send(why).expect("the test listens");
        SqliteOptions {
            on_stop: Some(Box::new(on_stop)),
            ..SqliteOptions::new(&path)
        }
    };
    let store = Sqlite::open(watched(tell.clone())).expect("it is sound");
    commit(&store, vec![setting(99)], now).expect("the store is healthy");
    store.close();
    assert!(told.try_recv().is_err());
    // A chain of overflowing pages is broken.
    let middle = bytes.len() / 2 / 4_096 * 4_096;
    bytes[middle..middle + 4].fill(0xff);
    fs::write(&path, bytes).expect("the file is written");
    let store = Sqlite::open(watched(tell)).expect("the check takes too long for a start");
    let why = told.recv().expect("it is told");
    assert!(
        matches!(&why, Failed::Read(why) if why.contains("damaged")),
        "{why}"
    );
    assert!(matches!(
        commit(&store, vec![setting(1)], now),
        Err(Failed::Stopped)
    ));
}

#[test]
fn a_folder_that_does_not_exist_is_said_so() {
    let folder = folder();
    let error = open(&folder.path().join("no").join("store.db")).expect_err("there is no folder");
    assert!(matches!(error, OpenError::Unusable { .. }));
}

#[test]
fn a_row_that_does_not_decode_is_told_as_such_and_stops_nothing() {
    let folder = folder();
    let path = folder.path().join("store.db");
    let store = open(&path).expect("a new store opens");
    let mut story = Story::begin(&store, 3, 5);
    while story.accepted() < 5 {
        story.step(&store);
    }
    store.close();
    let conn = Connection::open(&path).expect("SQLite opens it");
    conn.execute("UPDATE command SET facts = x'07' WHERE seq = 2", [])
        .expect("a row is spoilt");
    drop(conn);
    let store = open(&path).expect("the file is sound");
    let error = store
        .latest_commands(None, None, 9)
        .expect_err("one does not decode");
    assert!(
        matches!(&error, Failed::Row(why) if why.contains("command 2")),
        "{error}"
    );
    let now = Moment::from_millis(1);
    assert_eq!(
        commit(&store, Vec::new(), now).expect("the store goes on"),
        []
    );
}
