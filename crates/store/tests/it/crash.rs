//! R2.1, R2.5: whatever a crash leaves of the write-ahead log, everything acknowledged is there and nothing half.
//!
//! A story is told to a store, and after each acknowledgement it is noted how long the log was. Then the log is cut, or spoilt,
//! at every place behind an acknowledgement, and the store is opened again: it must be, to the last entry of the last history,
//! what the story was at the last acknowledgement before that place.

use std::fs;
use std::path::Path;
use store::conformance::{Story, commit};
use store::{Sqlite, SqliteOptions};

const HEADER: usize = 32;
const FRAME: usize = 24 + 4_096;

/// A story as it was told, with the files of the store as a crash at its end would leave them.
struct Told {
    database: Vec<u8>,
    log: Vec<u8>,
    /// The length of the log at each acknowledgement, and what was acknowledged by then.
    acknowledged: Vec<(usize, Story)>,
}

impl Told {
    /// What must be found if only this much of the log is left.
    fn at(&self, length: usize) -> &Story {
        let before = self
            .acknowledged
            .iter()
            .take_while(|(by_then, _)| *by_then <= length);
        &before
            .last()
            .expect("the log is cut behind the first acknowledgement")
            .1
    }
}

fn tell(steps: usize, seed: u64) -> Told {
    let folder = tempfile::tempdir().expect("a folder is made");
    let path = folder.path().join("store.db");
    let log = folder.path().join("store.db-wal");
    let store = Sqlite::open(SqliteOptions::new(&path)).expect("a new store opens");
    let mut story = Story::begin(&store, 3, seed);
    let mut acknowledged = Vec::new();
    for step in 0..steps {
        let mut units = story.next_batch(&store, 1 + step % 4);
        if step % 5 == 4 {
            // Among what is cut: rows of commands, lines and lanes that go or shrink together (R2.8).
            units.push(story.forget(3));
        }
        if step % 5 == 2 {
            // And groups, whose devices and counters change together.
            units.push(story.regroup());
        }
        let applied = commit(&store, units, story.now()).expect("a healthy store commits");
        assert!(applied.iter().all(Result::is_ok));
        let length = fs::metadata(&log).expect("there is a log").len();
        acknowledged.push((usize::try_from(length).expect("it is short"), story.clone()));
    }
    assert!(story.accepted() > steps / 4);
    let (database, log) = (fs::read(&path), fs::read(&log));
    // A slow machine may have given the writer the leisure to move the log into the database; then it is told once more.
    if store.stats().checkpoints > 0 {
        return tell(steps, seed);
    }
    let (database, log) = (
        database.expect("the file is read"),
        log.expect("the log is read"),
    );
    Told {
        database,
        log,
        acknowledged,
    }
}

/// Opens what a crash left, and compares.
fn found(folder: &Path, told: &Told, log: &[u8], story: &Story, what: &str) {
    let path = folder.join("store.db");
    for leftover in ["store.db-shm", "store.db-wal"] {
        // It is not there the first time.
        let _ = fs::remove_file(folder.join(leftover));
    }
    fs::write(&path, &told.database).expect("the file is written");
    fs::write(folder.join("store.db-wal"), log).expect("the log is written");
    let store = match Sqlite::open(SqliteOptions::new(&path)) {
        Ok(store) => store,
        Err(error) => panic!("{what}: {error}"),
    };
    let mut story = story.clone();
    story.compare(&store, true);
    // And it goes on from there.
    story.step(&store);
}

#[test]
fn a_log_cut_at_any_frame_keeps_what_was_acknowledged_and_nothing_half() {
    let told = tell(36, 3);
    let folder = tempfile::tempdir().expect("a folder is made");
    let first = told.acknowledged[0].0;
    assert_eq!((told.log.len() - HEADER) % FRAME, 0);
    let mut cuts = 0;
    for cut in (first..=told.log.len()).step_by(FRAME) {
        found(
            folder.path(),
            &told,
            &told.log[..cut],
            told.at(cut),
            &format!("cut at {cut}"),
        );
        cuts += 1;
    }
    assert!(cuts > 120, "only {cuts} frames");
}

#[test]
fn a_log_cut_within_a_frame_keeps_what_was_acknowledged_and_nothing_half() {
    let told = tell(24, 4);
    let folder = tempfile::tempdir().expect("a folder is made");
    let first = told.acknowledged[0].0;
    let within = [1, 23, 24, 25, 1_000, 4_095, FRAME - 1];
    for (n, start) in (first..told.log.len()).step_by(FRAME).enumerate() {
        let cut = start + within[n % within.len()];
        found(
            folder.path(),
            &told,
            &told.log[..cut],
            told.at(cut),
            &format!("cut at {cut}"),
        );
    }
}

#[test]
fn a_spoilt_byte_in_the_log_spoils_nothing_before_it() {
    let told = tell(24, 5);
    let folder = tempfile::tempdir().expect("a folder is made");
    let first = told.acknowledged[0].0;
    // Page number, size after commit, salts, checksums, the page's first and last bytes.
    let places = [0, 7, 8, 15, 16, 23, 24, 2_000, FRAME - 1];
    for (n, start) in (first..told.log.len()).step_by(FRAME).enumerate() {
        let at = start + places[n % places.len()];
        let mut log = told.log.clone();
        log[at] ^= 0x10;
        found(
            folder.path(),
            &told,
            &log,
            told.at(start),
            &format!("spoilt at {at}"),
        );
    }
}

#[test]
fn a_lost_sector_in_the_middle_of_the_tail_ends_the_log_there() {
    let told = tell(24, 6);
    let folder = tempfile::tempdir().expect("a folder is made");
    let first = told.acknowledged[0].0;
    for start in (first..told.log.len()).step_by(FRAME).step_by(3) {
        let mut log = told.log.clone();
        let end = (start + 512).min(log.len());
        log[start..end].fill(0);
        found(
            folder.path(),
            &told,
            &log,
            told.at(start),
            &format!("lost from {start}"),
        );
    }
}
