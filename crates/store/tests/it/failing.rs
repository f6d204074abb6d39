//! R2.5 at a disk that fails: a process of its own writes until a write or a sync fails, and says what it was acknowledged.
//! Everything of that is found at the next start, and nothing was acknowledged after the failure.

use std::fs;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};
use store::conformance::{Story, commit};
use store::{Failed, Memory, Sqlite, SqliteOptions, Store, Unit, Write};

/// Names the folder to the process that is to fail.
const FOLDER: &str = "STORE_TEST_FOLDER";
/// How many syncs succeed before one fails.
const SYNCS: &str = "STORE_TEST_SYNCS";
/// Set for a process that is to open what is there, read, and find that it cannot write.
const READS: &str = "STORE_TEST_READS";
const STEPS: usize = 400;
const SEED: u64 = 77;

/// Fails syncs after so many, for good.
const SHIM: &str = r#"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/syscall.h>
static int left = -1;
static int refused(void) {
    if (left < 0) {
        const char *given = getenv("STORE_TEST_SYNCS");
        left = given ? atoi(given) : 1000000000;
    }
    if (left == 0) {
        errno = EIO;
        return 1;
    }
    left--;
    return 0;
}
int fsync(int fd) { return refused() ? -1 : (int) syscall(SYS_fsync, fd); }
int fdatasync(int fd) { return refused() ? -1 : (int) syscall(SYS_fdatasync, fd); }
"#;

/// Tells the story to a store, a line for each acknowledgement. Returns after the first failure.
fn tell(store: &dyn Store, mut heard: impl FnMut(usize)) -> bool {
    let mut story = Story::begin(store, 3, SEED);
    for step in 1..=STEPS {
        let units = story.next_batch(store, 3);
        if commit(store, units, story.now()).is_err() {
            return false;
        }
        heard(step);
    }
    true
}

/// The story as it was after so many acknowledged steps.
fn after(steps: usize) -> Story {
    let store = Memory::new();
    let mut story = Story::begin(&store, 3, SEED);
    for _ in 0..steps {
        let units = story.next_batch(&store, 3);
        commit(&store, units, story.now()).expect("memory does not fail");
    }
    story
}

/// On its own this is a healthy run; as a process of its own, started below, it meets a disk that fails.
#[test]
fn a_process_writes_until_its_disk_fails() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        let folder = tempfile::tempdir().expect("a folder is made");
        let store = Sqlite::open(SqliteOptions::new(folder.path().join("store.db")))
            .expect("a new store opens");
        let mut heard = 0;
        assert!(tell(&store, |step| heard = step));
        assert_eq!(heard, STEPS);
        return after(STEPS).compare(&store, false);
    };
    let path = Path::new(&folder).join("store.db");
    let store = Sqlite::open(SqliteOptions::new(path)).expect("a new store opens");
    let say = |line: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}")
            .and_then(|()| out.flush())
            .expect("the parent listens");
    };
    if std::env::var_os(READS).is_some() {
        let accepted = store.tally().expect("reads are served").accepted;
        let lane = store.lane(1).expect("reads are served");
        say(format!("read {accepted} {}", lane.is_some()));
        // The log's first frames still fit.
        let setting = |n: u8| {
            let (name, value) = (format!("n{n}"), vec![n]);
            vec![Unit {
                turn: None,
                writes: vec![Write::Setting { name, value }],
            }]
        };
        let now = after(0).now();
        let refused = (0..100).find_map(|n| commit(&store, setting(n), now).err());
        let refused = matches!(refused, Some(Failed::Write(_)));
        return say(format!("then {refused}"));
    }
    let whole = tell(&store, |step| say(format!("acknowledged {step}")));
    say(format!("ended {whole}"));
    for _ in 0..3 {
        let again = commit(&store, Vec::new(), after(0).now());
        say(format!("then {}", matches!(again, Err(Failed::Stopped))));
    }
}

/// Runs the process above through `sh`; what it says.
fn run(prelude: &str, folder: &Path, environment: &[(&str, &str)]) -> String {
    let test = std::env::current_exe().expect("this test has a file");
    let name = "failing::a_process_writes_until_its_disk_fails";
    let script = format!("{prelude}exec \"$0\" --exact {name} --nocapture");
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(test);
    command
        .env(FOLDER, folder)
        .envs(environment.iter().copied());
    let output = command.stderr(Stdio::inherit()).output().expect("sh runs");
    String::from_utf8(output.stdout).expect("it writes text")
}

/// Runs it until its disk fails, and compares what it says with what it left.
fn fails(prelude: &str, environment: &[(&str, &str)]) {
    let folder = tempfile::tempdir().expect("a folder is made");
    let said = run(prelude, folder.path(), environment);
    let lines: Vec<&str> = said
        .lines()
        .filter(|l| {
            ["acknowledged", "ended", "then"]
                .iter()
                .any(|w| l.starts_with(w))
        })
        .collect();
    let acknowledged = lines
        .iter()
        .take_while(|line| line.starts_with("acknowledged"))
        .count();
    assert!(acknowledged > 0 && acknowledged < STEPS, "{said}");
    assert_eq!(
        lines[acknowledged..],
        ["ended false", "then true", "then true", "then true"]
    );

    let store = Sqlite::open(SqliteOptions::new(folder.path().join("store.db")))
        .expect("what it left opens");
    // The commit that failed may have reached the disk all the same; nobody was told that it did, or that it did not.
    let compare = |steps| catch_unwind(AssertUnwindSafe(|| after(steps).compare(&store, true)));
    if let (Err(without), Err(with)) = (compare(acknowledged), compare(acknowledged + 1)) {
        panic!("after {acknowledged} acknowledgements: {without:?} and {with:?}");
    }
}

#[test]
fn r2_5_nothing_is_acknowledged_after_a_write_that_failed() {
    // A limit on the size of files, in blocks of 512 bytes; a write beyond it fails.
    for blocks in [700, 1_000, 1_611] {
        fails(&format!("trap '' XFSZ; ulimit -f {blocks}; "), &[]);
    }
}

#[test]
fn r2_5_nothing_is_acknowledged_after_a_sync_that_failed() {
    let folder = tempfile::tempdir().expect("a folder is made");
    let (source, shim) = (folder.path().join("shim.c"), folder.path().join("shim.so"));
    fs::write(&source, SHIM).expect("the shim is written");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&shim)
        .arg(&source)
        .status();
    assert!(
        compiled
            .expect("the C compiler that built SQLite runs")
            .success()
    );
    let shim = shim.to_str().expect("folders for tests have plain names");
    for syncs in ["20", "21", "60"] {
        fails("", &[("LD_PRELOAD", shim), (SYNCS, syncs)]);
    }
}

#[test]
fn r2_5_a_start_that_cannot_write_serves_reads() {
    let folder = tempfile::tempdir().expect("a folder is made");
    let store = Sqlite::open(SqliteOptions::new(folder.path().join("store.db")))
        .expect("a new store opens");
    assert!(tell(&store, |_| ()));
    let accepted = store.tally().expect("the tally is read").accepted;
    store.close();
    // Room for what connections share, and for little of the log.
    let said = run(
        "trap '' XFSZ; ulimit -f 64; ",
        folder.path(),
        &[(READS, "1")],
    );
    assert!(
        said.contains(&format!("read {accepted} true\nthen true\n")),
        "{said}"
    );
}
