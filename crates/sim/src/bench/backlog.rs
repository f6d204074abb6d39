//! A store that is full: commands for devices that never come, written through the store itself, as turns of the heart.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use delivery::{
    AppKey, CommandId, DeviceId, Input, Kind, Lane, Moment, Rules, Submission, Ticket, Who, turn,
};
use server::assembly::DATABASE_FILE;
use server::body::Body;
use server::clock::Clock;
use store::{
    Conflict, Device, Failed, LaneWrite, OpenError, Presence, Sqlite, SqliteOptions, Store, Unit,
    Write,
};

use crate::random::Random;

/// Devices of one commit.
const DEVICES_PER_COMMIT: u64 = 500;
/// Commits that may be under way.
const COMMITS_MAX: usize = 4;
const WAITS_FOR: Duration = Duration::from_hours(48);

/// Why a store cannot be filled.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    /// It was not opened.
    #[error("the database cannot be filled: {0}")]
    Open(#[from] OpenError),
    /// It failed.
    #[error("the database cannot be filled: {0}")]
    Failed(#[from] Failed),
    /// It refused a unit.
    #[error("the database cannot be filled: {0}")]
    Conflict(#[from] Conflict),
    /// There is no application in it.
    #[error("the database has no application to fill it for")]
    NoApplication,
}

type Outcome = Result<Vec<Result<(), Conflict>>, Failed>;

/// Adds `devices` devices with `each` queued commands to the database in `folder`, which no server uses.
///
/// # Errors
/// [`FillError`].
pub(crate) fn fill(folder: &Path, devices: u64, each: u64) -> Result<(), FillError> {
    let store = Sqlite::open(SqliteOptions::new(folder.join(DATABASE_FILE)))?;
    let app = store
        .applications()?
        .first()
        .map(|app| app.key)
        .ok_or(FillError::NoApplication)?;
    let marks = store.marks()?;
    let clock = Clock::real(marks.last_moment, true).expect("it may go on from there");
    let mut maker = Maker {
        app,
        device_seq: marks.device_seq,
        command_seq: marks.command_seq,
        random: Random::new(marks.command_seq),
        rules: Rules::default(),
        now: clock.now(),
    };
    let (tell, told) = sync_channel(COMMITS_MAX);
    let mut under_way = 0;
    let mut left = devices;
    while left > 0 {
        let count = left.min(DEVICES_PER_COMMIT);
        left -= count;
        let units = (0..count).flat_map(|_| maker.device(each)).collect();
        if under_way == COMMITS_MAX {
            finish(&told)?;
            under_way -= 1;
        }
        commit(&store, units, clock.now(), tell.clone());
        under_way += 1;
    }
    for _ in 0..under_way {
        finish(&told)?;
    }
    store.close();
    Ok(())
}

fn commit(store: &Sqlite, units: Vec<Unit>, now: Moment, tell: SyncSender<Outcome>) {
    // The channel holds every outcome that can be under way; nobody listens once one of them was bad.
    store.commit(
        units,
        now,
        Box::new(move |outcome| drop(tell.send(outcome))),
    );
}

fn finish(told: &Receiver<Outcome>) -> Result<(), FillError> {
    let outcome = told.recv().map_err(|_| Failed::Stopped)?;
    outcome?
        .into_iter()
        .try_for_each(|unit| unit.map_err(FillError::Conflict))
}

/// Makes devices and their commands.
struct Maker {
    app: AppKey,
    device_seq: u64,
    command_seq: u64,
    random: Random,
    rules: Rules,
    now: Moment,
}

impl Maker {
    /// A device, and the turn in which its commands were accepted.
    fn device(&mut self, each: u64) -> [Unit; 2] {
        self.device_seq += 1;
        let random = (u128::from(self.random.any()) << 64) | u128::from(self.random.any());
        let id = DeviceId::new(self.device_seq, random);
        let record = Device {
            id,
            app: self.app,
            gateway: None,
            node_id: format!("backlog_{}", self.device_seq),
            registered: self.now,
            modified: self.now,
            activated: None,
            bind_by: None,
            deleted: None,
            secret: None,
            psk: None,
            verify_code: None,
            secure: false,
            model: None,
            info: b"{}".to_vec(),
            presence: Presence::default(),
        };
        let registered = Unit {
            turn: None,
            writes: vec![Write::Device(record)],
        };
        let accepted = Unit {
            turn: self.commands(id, each),
            writes: Vec::new(),
        };
        [registered, accepted]
    }

    fn commands(&mut self, device: DeviceId, each: u64) -> Option<LaneWrite> {
        let mut lane = Lane::new(device, self.now);
        let mut inputs = Vec::new();
        for number in 0..each {
            self.command_seq += 1;
            let submission = Submission {
                id: CommandId {
                    seq: self.command_seq,
                    tag: self.random.any(),
                },
                app: self.app,
                who: Who::Application(self.app),
                kind: Kind::Queued {
                    expire_after: WAITS_FOR,
                },
                mid: lane.take_mid().expect("a new device has every mid"),
                encodable: true,
                retransmit_max: 3,
                answer_expected: true,
                callback: false,
                key: None,
                body: body(number),
            };
            inputs.push(Input::Submit(Ticket(number), Box::new(submission)));
        }
        LaneWrite::of(&turn(lane, inputs, &self.rules, self.now))
    }
}

fn body(number: u64) -> Arc<[u8]> {
    let paras = format!(r#"{{"n":{number}}}"#);
    let body = Body {
        service_id: "Load".to_owned(),
        method: "RUN".to_owned(),
        paras: serde_json::value::RawValue::from_string(paras).expect("this is JSON"),
        paras_asked: None,
        callback_url: None,
        model_version: None,
        fingerprint: None,
        direct: None,
    };
    body.write()
}

#[cfg(test)]
mod tests {
    use super::*;
    use delivery::Status;
    use store::Application;

    #[test]
    fn a_filled_store_holds_what_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Sqlite::open(SqliteOptions::new(folder.path().join(DATABASE_FILE))).unwrap();
        assert!(matches!(
            fill(folder.path(), 1, 1),
            Err(FillError::NoApplication)
        ));
        let app = Application {
            key: AppKey(1),
            app_id: "a".into(),
            name: String::new(),
            secret_hash: String::new(),
            created: Moment::default(),
            throttled: false,
            frozen: false,
            webhook_secret: None,
            callback_ca: None,
        };
        let store = open();
        let (tell, told) = sync_channel(1);
        let unit = Unit {
            turn: None,
            writes: vec![Write::Application(app)],
        };
        commit(&store, vec![unit], Moment::default(), tell);
        finish(&told).unwrap();
        store.close();
        fill(folder.path(), 1_203, 3).unwrap();
        let store = open();
        let tally = store.tally().unwrap();
        assert_eq!(tally.accepted, 3_609);
        assert!(tally.open.contains(&(Status::Queued, 3_609)));
        assert_eq!(store.lane(1_203).unwrap().unwrap().open.len(), 3);
        assert_eq!(store.marks().unwrap().command_seq, 3_609);
    }
}
