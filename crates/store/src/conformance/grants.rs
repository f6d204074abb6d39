//! Grants, applications that go, callbacks that are owed or were given up.

use super::given::{START, device, queued, registered, take};
use super::write;
use crate::contract::{Store, Unit, Write};
use crate::records::{Application, DeadCallback, Grant, GroupId, Token, TokenKind};
use delivery::{AppKey, CommandId, Input, Moment, SessionId, Submission, Ticket, Who};
use std::time::Duration;

fn keep(store: &dyn Store, writes: Vec<Write>) {
    write(store, Unit { turn: None, writes }, START);
}

fn at(hours: u64) -> Moment {
    START + Duration::from_hours(hours)
}

fn grant(owner: u64, grantee: u64) -> Grant {
    Grant {
        owner: AppKey(owner),
        grantee: AppKey(grantee),
        created: START,
        until: None,
        devices: Vec::new(),
        groups: Vec::new(),
        operations: Vec::new(),
        revoked: None,
    }
}

pub(super) fn a_pair_has_one_grant(store: &dyn Store) {
    let all = || store.grants().expect("grants are read");
    assert_eq!(all(), []);
    let limited = Grant {
        until: Some(at(5)),
        devices: vec![device(7).id, device(9).id],
        groups: vec![GroupId(u128::MAX), GroupId(3)],
        operations: vec![
            "postDeviceCommand".to_owned(),
            "queryDeviceStatus".to_owned(),
        ],
        ..grant(1, 2)
    };
    keep(
        store,
        vec![
            Write::Grant(grant(2, 1)),
            Write::Grant(grant(1, 3)),
            Write::Grant(limited.clone()),
        ],
    );
    assert_eq!(all(), [limited.clone(), grant(1, 3), grant(2, 1)]);
    let revoked = Grant {
        revoked: Some(at(1)),
        devices: Vec::new(),
        groups: vec![GroupId(7)],
        ..limited
    };
    keep(store, vec![Write::Grant(revoked.clone())]);
    assert_eq!(all(), [revoked, grant(1, 3), grant(2, 1)]);
    let forget = |owner, grantee| Write::ForgetGrant {
        owner: AppKey(owner),
        grantee: AppKey(grantee),
    };
    keep(store, vec![forget(1, 2), forget(3, 1)]);
    assert_eq!(all(), [grant(1, 3), grant(2, 1)]);
}

fn application(key: u64) -> Application {
    Application {
        key: AppKey(key),
        app_id: format!("app-{key}"),
        name: String::new(),
        secret_hash: "$argon2id$…".to_owned(),
        created: START,
        throttled: true,
        frozen: key == 1,
        webhook_secret: (key == 2).then(|| vec![0, 1, 255]),
        callback_ca: (key == 3).then(|| "-----BEGIN CERTIFICATE-----".to_owned()),
    }
}

pub(super) fn an_application_goes_with_its_tokens_and_grants(store: &dyn Store) {
    let token = |app: u64| Token {
        digest: [u8::try_from(app).expect("small"); 32],
        app: AppKey(app),
        kind: TokenKind::Access,
        valid_until: at(1),
    };
    let mut writes: Vec<Write> = (1..=3).map(application).map(Write::Application).collect();
    writes.extend((1..=3).map(token).map(Write::Token));
    writes.extend([grant(1, 2), grant(2, 3), grant(3, 1)].map(Write::Grant));
    keep(store, writes);
    let all = || store.applications().expect("applications are read");
    assert_eq!(all(), [1, 2, 3].map(application));
    keep(
        store,
        vec![
            Write::ForgetApplication(AppKey(3)),
            Write::ForgetApplication(AppKey(9)),
        ],
    );
    assert_eq!(all(), [1, 2].map(application));
    assert_eq!(
        store.tokens(START).expect("tokens are read"),
        [1, 2].map(token)
    );
    assert_eq!(store.grants().expect("grants are read"), [grant(1, 2)]);
    // Its key is not given again, its id may be.
    assert_eq!(store.marks().expect("marks are read").app_key, 3);
    let heir = Application {
        app_id: "app-3".to_owned(),
        ..application(4)
    };
    keep(store, vec![Write::Application(heir)]);
    assert_eq!(store.marks().expect("marks are read").app_key, 4);
}

fn dead(seq: u64, app: u64) -> DeadCallback {
    DeadCallback {
        command: CommandId {
            seq,
            tag: u64::MAX - seq,
        },
        app: AppKey(app),
        from: 2,
        endpoint: "http://[::1]:8080".to_owned(),
        since: at(seq),
        attempts: 30,
        reason: "it answers 503 — \u{fc}berlastet".to_owned(),
        replaying: false,
    }
}

pub(super) fn dead_callbacks_are_listed_by_command(store: &dyn Store) {
    let list = |app: Option<u64>, after, limit| {
        let all = store.dead_callbacks(app.map(AppKey), after, limit);
        all.expect("dead callbacks are read")
    };
    assert_eq!(list(None, None, 9), []);
    let all = [dead(1, 1), dead(2, 2), dead(4, 1), dead(7, 1)];
    keep(
        store,
        all.iter().rev().cloned().map(Write::DeadCallback).collect(),
    );
    assert_eq!(list(None, None, 9), all);
    assert_eq!(list(None, Some(all[0].command), 2), all[1..3]);
    assert_eq!(list(Some(1), None, 2), [all[0].clone(), all[2].clone()]);
    assert_eq!(list(Some(1), Some(all[2].command), 2), all[3..]);
    assert_eq!(list(Some(3), None, 2), []);
    let one = |id| store.dead_callback(id).expect("dead callbacks are read");
    assert_eq!(one(all[1].command), Some(all[1].clone()));
    let other = CommandId {
        tag: 5,
        ..all[1].command
    };
    assert_eq!(one(other), None);
    let replayed = DeadCallback {
        from: 3,
        replaying: true,
        ..all[1].clone()
    };
    let forget = |id| Write::ForgetDeadCallback(id);
    keep(
        store,
        vec![
            Write::DeadCallback(replayed.clone()),
            forget(other),
            forget(all[2].command),
        ],
    );
    assert_eq!(
        list(None, None, 9),
        [all[0].clone(), replayed, all[3].clone()]
    );
}

pub(super) fn r2_2_what_is_owed_is_found_at_a_start(store: &dyn Store) {
    let mut lane = registered(store, 1);
    let session = SessionId(1);
    let mut inbox = vec![Input::Reachable {
        session,
        confirms: true,
    }];
    for seq in 1..=6 {
        let asked = Submission {
            callback: seq != 2,
            ..queued(&mut lane, seq, 1)
        };
        inbox.push(Input::Submit(Ticket(0), Box::new(asked)));
    }
    let lane = take(store, lane, inbox, START);
    let ids: Vec<CommandId> = lane.open.iter().map(|command| command.id).collect();
    let owed = |after, limit| {
        let found = store.owed(after, limit).expect("commands are read");
        found
            .iter()
            .map(|command| command.id.seq)
            .collect::<Vec<_>>()
    };
    // The first was sent, the others wait and have nothing to tell.
    assert_eq!(owed(0, 9), [1]);
    let cancel = |command: &CommandId| Input::Cancel {
        ticket: Ticket(0),
        command: *command,
        who: Who::Operator,
    };
    take(store, lane, ids[1..].iter().map(cancel).collect(), START);
    assert_eq!(owed(0, 9), [1, 3, 4, 5, 6]);
    assert_eq!(owed(3, 2), [4, 5]);
    let told = |seq: usize, up_to| Write::Told {
        command: ids[seq - 1],
        up_to,
    };
    keep(
        store,
        vec![told(1, 2), told(3, 2), told(4, u32::MAX), told(5, 1)],
    );
    assert_eq!(owed(0, 9), [5, 6]);
    assert_eq!(owed(6, 9), []);
}
