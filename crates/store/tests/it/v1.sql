-- Version 1 of the schema, as the first release made it. It is never changed.
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
