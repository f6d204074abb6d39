//! Readers beside the writer.

use delivery::{
    AppKey, CommandId, DeviceId, Input, Kind, Lane, Moment, Rules, Submission, Ticket, Who,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use store::conformance::commit;
use store::{Device, LaneWrite, Memory, Presence, Sqlite, SqliteOptions, Store, Unit, Write};

const BIRTHS: u64 = 80;
const NOW: Moment = Moment::from_millis(1_795_000_000_000);

fn device() -> Device {
    Device {
        id: DeviceId::new(1, 0x1234),
        app: AppKey(1),
        gateway: None,
        node_id: "node-1".to_owned(),
        registered: NOW,
        modified: NOW,
        activated: None,
        bind_by: None,
        deleted: None,
        secret: None,
        psk: None,
        verify_code: None,
        secure: false,
        model: None,
        info: Vec::new(),
        presence: Presence::default(),
    }
}

fn submit(lane: &mut Lane, seq: u64) -> Input {
    let submission = Submission {
        id: CommandId { seq, tag: seq },
        app: AppKey(1),
        who: Who::Application(AppKey(1)),
        kind: Kind::Queued {
            expire_after: Duration::from_hours(48),
        },
        mid: lane.take_mid().expect("mids are left"),
        encodable: true,
        retransmit_max: 3,
        answer_expected: true,
        callback: false,
        key: None,
        body: Arc::from(*b"{}"),
    };
    Input::Submit(Ticket(seq), Box::new(submission))
}

/// One lane grows by a command with each revision, while others read it.
fn grows(store: &dyn Store) {
    let writes = vec![Write::Device(device())];
    commit(store, vec![Unit { turn: None, writes }], NOW).expect("the store is healthy");
    let grown = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut last = 0;
                while !grown.load(Ordering::Relaxed) {
                    let lane = store
                        .lane(1)
                        .expect("lanes are read")
                        .expect("the device is kept");
                    let open = u64::try_from(lane.open.len()).expect("few");
                    // A turn upon this lane would be upon all that its revision says, or be refused.
                    assert!(
                        open >= lane.revision,
                        "{open} commands at revision {}",
                        lane.revision
                    );
                    assert!(lane.revision >= last, "what was committed is not forgotten");
                    last = lane.revision;
                    let tally = store.tally().expect("the tally is read");
                    assert!(tally.accepted >= open);
                }
            });
        }
        let rules = Rules {
            pending_max: 0,
            ..Rules::default()
        };
        for seq in 1..=BIRTHS {
            let mut lane = store
                .lane(1)
                .expect("lanes are read")
                .expect("the device is kept");
            assert_eq!(lane.revision, seq - 1);
            let input = submit(&mut lane, seq);
            let turn = delivery::turn(lane, vec![input], &rules, NOW);
            let unit = Unit {
                turn: LaneWrite::of(&turn),
                writes: Vec::new(),
            };
            let applied = commit(store, vec![unit], NOW).expect("the store is healthy");
            assert_eq!(applied, [Ok(())]);
        }
        grown.store(true, Ordering::Relaxed);
    });
    assert_eq!(store.tally().expect("the tally is read").accepted, BIRTHS);
}

#[test]
fn a_reader_never_sees_less_than_the_revision_that_it_is_told() {
    grows(&Memory::new());
    let folder = tempfile::tempdir().expect("a folder is made");
    let store = Sqlite::open(SqliteOptions::new(folder.path().join("store.db")))
        .expect("a new store opens");
    grows(&store);
}

#[test]
fn many_callers_share_commits() {
    let folder = tempfile::tempdir().expect("a folder is made");
    let store = Sqlite::open(SqliteOptions::new(folder.path().join("store.db")))
        .expect("a new store opens");
    thread::scope(|scope| {
        for caller in 0..8 {
            let store = &store;
            scope.spawn(move || {
                for n in 0..40 {
                    let (name, value) = (format!("{caller} {n}"), vec![1]);
                    let unit = Unit {
                        turn: None,
                        writes: vec![Write::Setting { name, value }],
                    };
                    commit(store, vec![unit], NOW).expect("the store is healthy");
                }
            });
        }
    });
    for (caller, n) in (0..8).flat_map(|caller| (0..40).map(move |n| (caller, n))) {
        let kept = store
            .setting(&format!("{caller} {n}"))
            .expect("settings are read");
        assert_eq!(kept, Some(vec![1]));
    }
    let stats = store.stats();
    assert_eq!(
        (stats.units, stats.groups.iter().sum::<u64>()),
        (320, stats.commits)
    );
    assert!(stats.commits <= 320);
}
