//! What tests begin with: devices, submissions, and a turn that is committed.

use super::write;
use crate::contract::{LaneWrite, Store, Unit, Write};
use crate::records::{Device, Presence};
use delivery::{
    AppKey, CommandId, DeviceId, Input, Kind, Lane, Moment, Rules, Submission, Ticket, Turn, Who,
};
use std::sync::Arc;
use std::time::Duration;

/// The moment at which stories begin.
pub(crate) const START: Moment = Moment::from_millis(1_795_000_000_000);

/// A device for tests.
pub(crate) fn device(seq: u64) -> Device {
    Device {
        id: DeviceId::new(seq, u128::from(seq) * 0x0123_4567_89ab_cdef_0123),
        app: AppKey(1),
        gateway: None,
        node_id: format!("node-{seq}"),
        registered: START,
        modified: START,
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

/// A submission of a queued command for tests.
pub(crate) fn queued(lane: &mut Lane, seq: u64, app: u64) -> Submission {
    Submission {
        id: CommandId {
            seq,
            tag: seq.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        },
        app: AppKey(app),
        who: Who::Application(AppKey(app)),
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
    }
}

/// The turn in which these are accepted.
pub(crate) fn accept(lane: Lane, asked: Vec<Submission>, now: Moment) -> Turn {
    let inbox = asked
        .into_iter()
        .map(|asked| Input::Submit(Ticket(0), Box::new(asked)))
        .collect();
    delivery::turn(lane, inbox, &Rules::default(), now)
}

/// A turn of a lane, which is committed; the lane as it stands then.
pub(crate) fn take(store: &dyn Store, lane: Lane, inbox: Vec<Input>, now: Moment) -> Lane {
    let turn = delivery::turn(lane, inbox, &Rules::default(), now);
    write(store, unit(&turn), now);
    turn.lane
}

/// What a turn wants written.
pub(crate) fn unit(turn: &Turn) -> Unit {
    Unit {
        turn: LaneWrite::of(turn),
        writes: Vec::new(),
    }
}

/// Registers a device and reads its lane.
pub(crate) fn registered(store: &dyn Store, seq: u64) -> Lane {
    write(
        store,
        Unit {
            turn: None,
            writes: vec![Write::Device(device(seq))],
        },
        START,
    );
    store
        .lane(seq)
        .expect("lanes are read")
        .expect("a registered device has a lane")
}
