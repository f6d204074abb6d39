//! R2.8: copies of the whole database, made while it is written.

use delivery::Moment;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use store::conformance::{Story, commit};
use store::{Archive, CopyError, Failed, OpenError, Sqlite, SqliteOptions, Store, Unit, Write};
use tempfile::TempDir;

const NOW: Moment = Moment::from_millis(1_795_000_000_000);

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder is made")
}

fn open(path: &Path) -> Sqlite {
    Sqlite::open(SqliteOptions::new(path)).expect("it opens")
}

/// So much that a copy takes many steps.
fn fill(store: &dyn Store, mebibytes: u8) {
    let setting = |n: u8| Unit {
        turn: None,
        writes: vec![Write::Setting {
            name: format!("n{n}"),
            value: vec![n; 1 << 20],
        }],
    };
    commit(store, (0..mebibytes).map(setting).collect(), NOW).expect("the store is healthy");
}

/// Whether a copy holds exactly what a story was.
fn holds(path: &Path, story: &Story) -> bool {
    let store = open(path);
    let mut story = story.clone();
    catch_unwind(AssertUnwindSafe(|| story.compare(&store, true))).is_ok()
}

#[test]
fn a_copy_under_load_is_the_store_as_it_was_at_one_moment_of_the_copying() {
    let folder = folder();
    let (path, copy) = (
        folder.path().join("store.db"),
        folder.path().join("copy.db"),
    );
    let store = open(&path);
    let mut story = Story::begin(&store, 6, 33);
    fill(&store, 24);
    (0..100).for_each(|_| story.step(&store));
    let (mut told, begun, done) = (
        vec![story.clone()],
        AtomicBool::new(false),
        AtomicBool::new(false),
    );
    let archive = thread::scope(|scope| {
        let teller = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let mut units = story.next_batch(&store, 2);
                units.extend([story.forget(1), story.regroup()]);
                commit(&store, units, story.now()).expect("the store is healthy");
                told.push(story.clone());
                begun.store(true, Ordering::SeqCst);
            }
        });
        while !begun.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        let archive = store.copy_to(&copy);
        done.store(true, Ordering::SeqCst);
        teller.join().expect("the teller is well");
        archive
    });
    let archive = archive.expect("the copy is made");
    assert!(told.len() > 10, "it was told {} times", told.len());
    let contents = archive.contents().expect("it is read");
    drop(archive);
    let at = |story: &&Story| story.now() == contents.last_moment;
    let mut candidates = told.iter().filter(at).peekable();
    assert!(
        candidates.peek().is_some(),
        "it ends at a moment of the story"
    );
    assert!(
        candidates.any(|story| holds(&copy, story)),
        "at {:?}",
        contents.last_moment
    );
    // What `holds` opened and closed apart, a copy is one file.
    for beside in ["journal", "wal", "shm"] {
        assert!(!folder.path().join(format!("copy.db-{beside}")).exists());
    }
    // The store goes on.
    story.step(&store);
    story.compare(&store, false);
}

#[test]
fn one_copy_is_made_at_a_time_and_a_refused_one_leaves_nothing() {
    let folder = folder();
    let store = open(&folder.path().join("store.db"));
    fill(&store, 8);
    let paths: Vec<_> = (0..4)
        .map(|n| folder.path().join(format!("copy{n}.db")))
        .collect();
    let outcomes = thread::scope(|scope| {
        let copies: Vec<_> = paths
            .iter()
            .map(|path| scope.spawn(|| store.copy_to(path).map(drop)))
            .collect();
        copies
            .into_iter()
            .map(|copy| copy.join().expect("it is well"))
            .collect::<Vec<_>>()
    });
    assert!(outcomes.iter().any(Result::is_ok));
    for (path, outcome) in paths.iter().zip(&outcomes) {
        assert!(
            matches!(outcome, Ok(()) | Err(CopyError::Busy)),
            "{outcome:?}"
        );
        assert_eq!(path.exists(), outcome.is_ok());
    }
    let taken = paths
        .iter()
        .find(|path| path.exists())
        .expect("one was made");
    let before = fs::read(taken).expect("it is read");
    assert!(matches!(store.copy_to(taken), Err(CopyError::Exists(_))));
    assert_eq!(fs::read(taken).expect("it is read"), before);
    let nowhere = folder.path().join("no").join("copy.db");
    assert!(matches!(store.copy_to(&nowhere), Err(CopyError::Failed(_))));
    store
        .copy_to(&folder.path().join("again.db"))
        .expect("the store goes on");
}

#[test]
fn a_store_that_stops_while_it_is_copied_says_so() {
    let folder = folder();
    let copy = folder.path().join("copy.db");
    let store = open(&folder.path().join("store.db"));
    fill(&store, 4);
    store.fail_next_commit();
    assert!(matches!(
        commit(&store, Vec::new(), NOW),
        Err(Failed::Write(_))
    ));
    assert!(matches!(store.copy_to(&copy), Err(CopyError::Stopped)));
    assert!(!copy.exists());
}

#[test]
fn a_database_that_nobody_has_open_is_copied_with_its_log() {
    let folder = folder();
    let path = folder.path().join("store.db");
    let store = open(&path);
    let mut story = Story::begin(&store, 3, 12);
    (0..150).for_each(|_| story.step(&store));
    let copy = folder.path().join("copy.db");
    assert!(matches!(
        Sqlite::copy_closed(&path, &copy),
        Err(OpenError::InUse(_))
    ));
    // As a killed process leaves it: most of it stands in the log.
    let killed = folder.path().join("killed.db");
    fs::copy(&path, &killed).expect("it is copied");
    let (log, killed_log) = (
        folder.path().join("store.db-wal"),
        folder.path().join("killed.db-wal"),
    );
    fs::copy(log, killed_log).expect("it is copied");
    let archive = Sqlite::copy_closed(&killed, &copy)
        .expect("nobody has it")
        .expect("it is copied");
    let accepted = archive.contents().expect("it is read").tally.accepted;
    assert_eq!(usize::try_from(accepted).expect("small"), story.accepted());
    drop(archive);
    assert!(holds(&copy, &story) && holds(&killed, &story));
}

#[test]
fn what_is_no_database_of_ours_or_damaged_is_no_archive() {
    let folder = folder();
    let (path, copy) = (
        folder.path().join("store.db"),
        folder.path().join("copy.db"),
    );
    assert!(matches!(
        Archive::open(&copy),
        Err(OpenError::Unusable { .. })
    ));
    assert!(!copy.exists());
    let store = open(&path);
    let mut story = Story::begin(&store, 3, 1);
    (0..200).for_each(|_| story.step(&store));
    drop(store.copy_to(&copy).expect("it is copied"));
    let sound = fs::read(&copy).expect("it is read");
    for page in 1..sound.len() / 4_096 {
        let mut damaged = sound.clone();
        damaged[page * 4_096..][..64].fill(0xa5);
        fs::write(&copy, damaged).expect("it is written");
        let checked = Archive::open(&copy).and_then(|archive| archive.check());
        assert!(
            matches!(checked, Err(OpenError::Damaged { .. })),
            "page {page}: {checked:?}"
        );
    }
    fs::write(&copy, b"something else, and long enough to be read as a database's head, which it is not, as anybody sees").expect("it is written");
    assert!(Archive::open(&copy).is_err());
}
