//! A database of an earlier version opens, with everything that was in it.

use delivery::{AppKey, DeviceId, Moment};
use rusqlite::Connection;
use std::path::Path;
use store::conformance::{Story, commit};
use store::{
    Device, DeviceCounts, Grant, GroupId, Presence, Sqlite, SqliteOptions, Store, Unit, Write,
};

const V1: &str = include_str!("v1.sql");

/// "DwnL".
const APPLICATION_ID: i64 = 0x4477_6e4c;

/// Makes a database of version 1 with what stands in a present one.
fn as_v1(present: &Path, old: &Path) {
    let conn = Connection::open(old).expect("SQLite makes it");
    conn.pragma_update(None, "journal_mode", "wal")
        .expect("it is set");
    conn.execute_batch(V1).expect("the tables are made");
    conn.pragma_update(None, "user_version", 1)
        .expect("it is set");
    conn.pragma_update(None, "application_id", APPLICATION_ID)
        .expect("it is set");
    let path = present
        .to_str()
        .expect("folders for tests have plain names");
    conn.execute("ATTACH ?1 AS present", [path])
        .expect("it is attached");
    let mut tables = conn
        .prepare(
            "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
        )
        .expect("the schema is read");
    let tables: Vec<String> = tables
        .query_map([], |row| row.get(0))
        .and_then(Iterator::collect)
        .expect("the schema is read");
    assert_eq!(tables.len(), 13);
    for table in tables {
        let columns = conn
            .prepare(&format!("SELECT * FROM main.{table}"))
            .expect("the table is read")
            .column_names()
            .collect::<Vec<_>>()
            .join(", ");
        let copy = format!(
            "DELETE FROM main.{table}; INSERT INTO main.{table} ({columns}) SELECT {columns} FROM present.{table}"
        );
        conn.execute_batch(&copy).expect("rows are copied");
    }
}

fn device(seq: u64, info: &[u8], deleted: Option<Moment>) -> Device {
    let now = Moment::from_millis(1_795_000_000_000);
    Device {
        id: DeviceId::new(seq, 0x1234),
        app: AppKey(1),
        gateway: None,
        node_id: format!("m{seq}"),
        registered: now,
        modified: now,
        activated: None,
        bind_by: Some(now),
        deleted,
        secret: Some(vec![1, 2]),
        psk: None,
        verify_code: None,
        secure: false,
        model: None,
        info: info.to_vec(),
        presence: Presence::default(),
    }
}

#[test]
fn a_database_of_version_1_is_brought_up_to_date_with_its_content() {
    let folder = tempfile::tempdir().expect("a folder is made");
    let (present, old) = (
        folder.path().join("present.db"),
        folder.path().join("old.db"),
    );
    let store = Sqlite::open(SqliteOptions::new(&present)).expect("a new store opens");
    let mut story = Story::begin(&store, 4, 19);
    (0..300).for_each(|_| story.step(&store));
    let owed = |store: &Sqlite| store.owed(0, 1_000).expect("commands are read");
    while owed(&store).iter().all(delivery::Command::has_ended) {
        story.step(&store);
    }
    let owing = owed(&store);
    assert!(owing.iter().any(delivery::Command::has_ended));
    let devices = [
        device(5, br#"{"name":"x","is_secure":true}"#, None),
        device(6, br#"{"is_secure":false}"#, None),
        device(7, br#"{"is_secure":true}"#, Some(story.now())),
        device(8, b"\xff no JSON", None),
    ];
    let writes = devices.iter().cloned().map(Write::Device).collect();
    commit(&store, vec![Unit { turn: None, writes }], story.now()).expect("the store is healthy");
    store.close();
    as_v1(&present, &old);

    for opening in 0..2 {
        let store = Sqlite::open(SqliteOptions::new(&old)).expect("it is brought up to date");
        assert_eq!(owed(&store), owing, "opening {opening}");
        for (device, secure) in devices.iter().zip([true, false, true, false]) {
            let expected = Device {
                secure,
                ..device.clone()
            };
            assert_eq!(
                store.device(device.id).expect("devices are read"),
                Some(expected)
            );
        }
        let counts = DeviceCounts {
            registered: 7,
            nonsecure: 6,
        };
        assert_eq!(store.device_counts().expect("counts are read"), counts);
        let bound = store.bindings(0, 9).expect("devices are read");
        assert_eq!(
            bound.iter().map(|(id, _)| id.seq()).collect::<Vec<_>>(),
            [5, 6, 8]
        );
        let marks = store.marks().expect("marks are read");
        assert_eq!(marks.device_seq, 8);
        assert_eq!(store.grants().expect("grants are read"), []);
    }
    let store = Sqlite::open(SqliteOptions::new(&old)).expect("it is up to date");
    let gone: Vec<DeviceId> = vec![devices[2].id];
    let others = [0, 1, 3].map(|n| {
        Write::Device(Device {
            deleted: Some(story.now()),
            ..devices[n].clone()
        })
    });
    let mut writes = others.to_vec();
    writes.push(Write::ForgetDevices(
        [gone, [0, 1, 3].map(|n| devices[n].id).to_vec()].concat(),
    ));
    commit(&store, vec![Unit { turn: None, writes }], story.now()).expect("the store is healthy");
    // A new device would be the ninth. The story goes on where it was.
    assert_eq!(store.marks().expect("marks are read").device_seq, 8);
    story.compare(&store, true);
    (0..100).for_each(|_| story.step(&store));
    commit(&store, vec![story.forget(500)], story.now()).expect("the store is healthy");
    story.compare(&store, false);
}

#[test]
fn a_grant_of_version_2_is_limited_to_no_group_and_may_be_from_now_on() {
    let folder = tempfile::tempdir().expect("a folder is made");
    let path = folder.path().join("store.db");
    let open = || Sqlite::open(SqliteOptions::new(&path)).expect("it opens");
    let now = Moment::from_millis(1_795_000_000_000);
    let grant = Grant {
        owner: AppKey(1),
        grantee: AppKey(2),
        created: now,
        until: None,
        devices: vec![DeviceId::new(7, 0x1234)],
        groups: Vec::new(),
        operations: vec!["QueryDevices".to_owned()],
        revoked: None,
    };
    let keep = |store: &Sqlite, grant: &Grant| {
        let writes = vec![Write::Grant(grant.clone())];
        commit(store, vec![Unit { turn: None, writes }], now).expect("the store is healthy");
    };
    let store = open();
    keep(&store, &grant);
    store.close();
    let conn = Connection::open(&path).expect("SQLite opens it");
    conn.execute_batch(
        "DROP TABLE group_device; DROP TABLE device_group; ALTER TABLE grant_of DROP COLUMN device_groups;
         PRAGMA user_version = 2;",
    )
    .expect("it is as version 2 had it");
    drop(conn);

    let store = open();
    let grants = || store.grants().expect("grants are read");
    assert_eq!(grants(), std::slice::from_ref(&grant));
    let limited = Grant {
        groups: vec![GroupId(1 << 64)],
        ..grant
    };
    keep(&store, &limited);
    assert_eq!(grants(), [limited]);
    let mut story = Story::begin(&store, 3, 5);
    for _ in 0..9 {
        commit(&store, vec![story.regroup()], now).expect("the store is healthy");
        story.compare(&store, false);
    }
}
