//! The tables, their migrations, and how connections are set up.

use super::OpenError;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use std::path::Path;
use std::time::Duration;

/// Marks a database file as ours: "DwnL".
const APPLICATION_ID: i64 = 0x4477_6e4c;

/// How long a reader waits for a lock that another connection of this process holds.
const READER_PATIENCE: Duration = Duration::from_secs(10);

/// How long the writer waits for one: it needs none but where a checkpoint would begin the log anew under a reader.
const WRITER_PATIENCE: Duration = Duration::from_millis(100);

/// Every version of the schema, from the first on. What stands here is never changed, only added to.
const MIGRATIONS: [&str; 3] = [V1, V2, V3];

/// Version 1.
///
/// `command` is written once, but for `outcome` at the end; `open` is what turns rewrite: it is there until a command has
/// ended and its owner was told. Neither has an index that a later turn touches (R2.1). `lane.open` names the open commands
/// of a lane; `lane.line` and `line` hold a device's commands in order. A key that another command took over is emptied.
const V1: &str = "
CREATE TABLE ledger (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  last_moment INTEGER NOT NULL, command_seq INTEGER NOT NULL, accepted INTEGER NOT NULL,
  queued INTEGER NOT NULL, sent INTEGER NOT NULL, delivered INTEGER NOT NULL,
  settled INTEGER NOT NULL, succeeded INTEGER NOT NULL, failed INTEGER NOT NULL,
  cancelled INTEGER NOT NULL, expired INTEGER NOT NULL, timed_out INTEGER NOT NULL
);
INSERT INTO ledger VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
CREATE TABLE listed (app INTEGER PRIMARY KEY, commands INTEGER NOT NULL);

CREATE TABLE command (
  seq INTEGER PRIMARY KEY, device INTEGER NOT NULL, app INTEGER NOT NULL, created INTEGER NOT NULL,
  mid INTEGER NOT NULL, direct INTEGER NOT NULL, facts BLOB NOT NULL, key TEXT, body BLOB NOT NULL, outcome BLOB NOT NULL
);
CREATE INDEX command_by_app ON command (app, created) WHERE direct = 0;
CREATE UNIQUE INDEX command_by_key ON command (app, key) WHERE key IS NOT NULL;

CREATE TABLE open (seq INTEGER PRIMARY KEY, device INTEGER NOT NULL, wake INTEGER, progress BLOB NOT NULL);
CREATE TABLE lane (
  device INTEGER PRIMARY KEY, revision INTEGER NOT NULL, record BLOB, open BLOB NOT NULL, line BLOB NOT NULL
);
CREATE TABLE line (device INTEGER, block INTEGER, places BLOB NOT NULL, PRIMARY KEY (device, block)) WITHOUT ROWID;

CREATE TABLE application (
  key INTEGER PRIMARY KEY, app_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, secret_hash TEXT NOT NULL,
  created INTEGER NOT NULL, throttled INTEGER NOT NULL
);
CREATE TABLE token (
  digest BLOB PRIMARY KEY, app INTEGER NOT NULL, refresh INTEGER NOT NULL, valid_until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX token_by_app ON token (app);
CREATE INDEX token_by_end ON token (valid_until);
CREATE TABLE device (
  seq INTEGER PRIMARY KEY, id BLOB NOT NULL, app INTEGER NOT NULL, node_id TEXT NOT NULL, registered INTEGER NOT NULL,
  modified INTEGER NOT NULL, activated INTEGER, bind_by INTEGER, deleted INTEGER, secret BLOB, psk BLOB, verify_code BLOB,
  manufacturer_id TEXT, model TEXT, online INTEGER NOT NULL, since INTEGER, info BLOB NOT NULL
);
CREATE UNIQUE INDEX device_by_node ON device (node_id) WHERE deleted IS NULL;
CREATE TABLE product_model (
  version INTEGER PRIMARY KEY, manufacturer_id TEXT NOT NULL, model TEXT NOT NULL, added INTEGER NOT NULL,
  replaced INTEGER, document BLOB NOT NULL
);
CREATE INDEX product_model_in_use ON product_model (version) WHERE replaced IS NULL;
CREATE TABLE report (
  device INTEGER NOT NULL, service_id TEXT NOT NULL, device_id BLOB NOT NULL, at INTEGER NOT NULL, event_time INTEGER,
  off_profile INTEGER NOT NULL, properties BLOB NOT NULL, PRIMARY KEY (device, service_id)
) WITHOUT ROWID;
CREATE TABLE cancel_task (
  id BLOB PRIMARY KEY, app INTEGER NOT NULL, device INTEGER NOT NULL, device_id BLOB NOT NULL, created INTEGER NOT NULL,
  found INTEGER NOT NULL, commands BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX cancel_task_by_app ON cancel_task (app, created, id, found);
CREATE INDEX cancel_task_by_device ON cancel_task (device, created, id, app, found);
CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
";

/// Version 2: grants, dead callbacks, lists of devices, and what retention needs.
///
/// `ledger` remembers the highest number that a device or an application ever had, for their rows may go, and counts devices.
/// `open.callback` repeats a flag of the command's facts, so that what is owed is found among millions that owe nothing.
/// Of older devices, `secure` is taken from what the server wrote of them.
const V2: &str = "
ALTER TABLE application ADD COLUMN frozen INTEGER NOT NULL DEFAULT 0;
ALTER TABLE application ADD COLUMN webhook_secret BLOB;
ALTER TABLE application ADD COLUMN callback_ca TEXT;

ALTER TABLE device ADD COLUMN gateway BLOB;
ALTER TABLE device ADD COLUMN secure INTEGER NOT NULL DEFAULT 0;
UPDATE device SET secure = 1 WHERE CASE WHEN json_valid(CAST(info AS TEXT))
  THEN json_extract(CAST(info AS TEXT), '$.is_secure') = 1 ELSE 0 END;
CREATE INDEX device_by_app ON device (app, registered) WHERE deleted IS NULL;
CREATE INDEX device_by_gateway ON device (gateway, app, registered) WHERE deleted IS NULL AND gateway IS NOT NULL;
CREATE INDEX device_of_app ON device (app) WHERE deleted IS NULL;
CREATE INDEX device_unbound ON device (seq, bind_by) WHERE bind_by IS NOT NULL AND activated IS NULL AND deleted IS NULL;
CREATE INDEX device_deleted ON device (seq, deleted) WHERE deleted IS NOT NULL;

ALTER TABLE ledger ADD COLUMN device_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ledger ADD COLUMN app_key INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ledger ADD COLUMN devices INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ledger ADD COLUMN nonsecure INTEGER NOT NULL DEFAULT 0;
UPDATE ledger SET
  device_seq = (SELECT coalesce(max(seq), 0) FROM device),
  app_key = (SELECT coalesce(max(key), 0) FROM application),
  devices = (SELECT count(*) FROM device WHERE deleted IS NULL),
  nonsecure = (SELECT count(*) FROM device WHERE deleted IS NULL AND secure = 0);

ALTER TABLE open ADD COLUMN callback INTEGER NOT NULL DEFAULT 0;
UPDATE open SET callback = 1
  WHERE (SELECT substr(facts, -1) FROM command WHERE command.seq = open.seq) IN (x'02', x'03');
CREATE INDEX open_with_callback ON open (seq) WHERE callback = 1;

CREATE TABLE grant_of (
  owner INTEGER NOT NULL, grantee INTEGER NOT NULL, created INTEGER NOT NULL, until INTEGER, revoked INTEGER,
  devices BLOB NOT NULL, operations TEXT NOT NULL, PRIMARY KEY (owner, grantee)
) WITHOUT ROWID;
CREATE TABLE dead_callback (
  seq INTEGER PRIMARY KEY, tag INTEGER NOT NULL, app INTEGER NOT NULL, first INTEGER NOT NULL, endpoint TEXT NOT NULL,
  since INTEGER NOT NULL, attempts INTEGER NOT NULL, reason TEXT NOT NULL, replaying INTEGER NOT NULL
);
CREATE INDEX dead_callback_by_app ON dead_callback (app);
";

/// Version 3: device groups, and grants that are limited to them.
///
/// `number` stands for a group's id in `group_device`, which may have a million rows of a group.
const V3: &str = "
CREATE TABLE device_group (
  number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, app INTEGER NOT NULL, name TEXT NOT NULL, description TEXT,
  devices_max INTEGER, creator TEXT NOT NULL, created INTEGER NOT NULL, devices INTEGER NOT NULL
);
CREATE UNIQUE INDEX device_group_by_name ON device_group (app, name);
CREATE INDEX device_group_by_app ON device_group (app, id);
CREATE TABLE group_device (number INTEGER, device INTEGER, PRIMARY KEY (number, device)) WITHOUT ROWID;
CREATE INDEX group_device_by_device ON group_device (device);
ALTER TABLE grant_of ADD COLUMN device_groups BLOB NOT NULL DEFAULT x'00';
";

/// Opens the connection of the writer, makes or migrates the schema, and leaves it ready.
pub(super) fn open_writer(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(path, flags).map_err(|e| refused(path, &e))?;
    prepare(&mut conn, path).map_err(|error| match error {
        Refusal::Sql(error) => refused(path, &error),
        Refusal::Open(error) => error,
    })?;
    Ok(conn)
}

/// Opens a connection that can only read.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(READER_PATIENCE)?;
    conn.pragma_update(None, "query_only", true)?;
    conn.pragma_update(None, "cache_size", -1_024)?;
    conn.pragma_update(None, "temp_store", "memory")?;
    conn.set_prepared_statement_cache_capacity(32);
    Ok(conn)
}

/// Opens a database of ours without bringing it up to date.
pub(super) fn open_as_it_is(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let sql = |error: rusqlite::Error| refused(path, &error);
    let conn = Connection::open_with_flags(path, flags).map_err(sql)?;
    let read = || {
        conn.busy_timeout(WRITER_PATIENCE)?;
        if !belongs(&conn, path)? {
            return Err(Refusal::Open(OpenError::NotOurs(path.to_owned())));
        }
        known_version(&conn, path).map(drop)
    };
    read().map_err(|error| match error {
        Refusal::Sql(error) => refused(path, &error),
        Refusal::Open(error) => error,
    })?;
    Ok(conn)
}

/// SQLite's own check of a database; says what is wrong, if anything.
pub(super) fn damage(conn: &Connection) -> rusqlite::Result<Option<String>> {
    let found: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok((found != "ok").then_some(found))
}

/// Whether this error says that the file itself is damaged.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

enum Refusal {
    Sql(rusqlite::Error),
    Open(OpenError),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

fn prepare(conn: &mut Connection, path: &Path) -> Result<(), Refusal> {
    conn.busy_timeout(WRITER_PATIENCE)?;
    let ours = belongs(conn, path)?;
    let found = known_version(conn, path)?;
    let mode: String =
        conn.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        let why = format!("the file system allows no write-ahead log (journal mode {mode})");
        return Err(Refusal::Open(OpenError::Unusable {
            path: path.to_owned(),
            why,
        }));
    }
    conn.pragma_update(None, "synchronous", "full")?;
    // The writer checkpoints itself, so that a failure is heard (R2.5).
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    conn.pragma_update(None, "cache_size", -16_384)?;
    conn.pragma_update(None, "temp_store", "memory")?;
    conn.pragma_update(None, "foreign_keys", false)?;
    for (version, sql) in (1u32..)
        .zip(MIGRATIONS)
        .filter(|(version, _)| *version > found)
    {
        let change = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        change.execute_batch(sql)?;
        change.pragma_update(None, "user_version", version)?;
        if !ours {
            change.pragma_update(None, "application_id", APPLICATION_ID)?;
        }
        change.commit()?;
    }
    Ok(())
}

/// The version of a database that is ours, and the one that this program knows.
pub(super) fn version(conn: &Connection, path: &Path) -> Result<(u32, u32), OpenError> {
    let read = belongs(conn, path).and_then(|_| known_version(conn, path));
    let found = read.map_err(|error| match error {
        Refusal::Sql(error) => refused(path, &error),
        Refusal::Open(error) => error,
    })?;
    Ok((found, u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)))
}

/// The version of the schema, if this program knows it.
fn known_version(conn: &Connection, path: &Path) -> Result<u32, Refusal> {
    let found: u32 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(Refusal::Open(OpenError::NewerSchema {
            path: path.to_owned(),
            found,
            known,
        }));
    }
    Ok(found)
}

/// Whether the database is marked as ours. One that is neither marked nor empty is refused.
fn belongs(conn: &Connection, path: &Path) -> Result<bool, Refusal> {
    let id: i64 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if id == APPLICATION_ID {
        return Ok(true);
    }
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if id != 0 || tables != 0 {
        return Err(Refusal::Open(OpenError::NotOurs(path.to_owned())));
    }
    Ok(false)
}

pub(super) fn refused(path: &Path, error: &rusqlite::Error) -> OpenError {
    let (path, why) = (path.to_owned(), error.to_string());
    if is_damage(error) {
        OpenError::Damaged { path, why }
    } else {
        OpenError::Unusable { path, why }
    }
}
