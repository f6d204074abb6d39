//! What is kept beside commands.

use super::given::{START, accept, device, queued, registered, unit};
use super::{commit, write};
use crate::contract::{Conflict, Store, Unit, Write};
use crate::records::{
    Application, CommandFilter, Device, GroupFilter, GroupId, Marks, Page, Presence, ProductModel,
    Report, Tally, Token, TokenKind,
};
use delivery::{AppKey, CommandId, Lane, Mid, Moment};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

fn keep(store: &dyn Store, writes: Vec<Write>, now: Moment) {
    write(store, Unit { turn: None, writes }, now);
}

fn refused(store: &dyn Store, writes: Vec<Write>) -> Conflict {
    let applied =
        commit(store, vec![Unit { turn: None, writes }], START).expect("the store is healthy");
    applied[0].expect_err("the unit conflicts")
}

fn application(key: u64) -> Application {
    Application {
        key: AppKey(key),
        app_id: format!("app-{key}"),
        name: "Wasserwerk Ü".to_owned(),
        secret_hash: "$argon2id$…".to_owned(),
        created: START,
        throttled: true,
        frozen: false,
        webhook_secret: None,
        callback_ca: None,
    }
}

pub(super) fn an_empty_store_has_nothing(store: &dyn Store) {
    let read = "an empty store is read";
    assert_eq!(store.marks().expect(read), Marks::default());
    let Tally {
        accepted,
        open,
        ended,
    } = store.tally().expect(read);
    assert_eq!((accepted, open.len(), ended.len()), (0, 3, 6));
    assert!(open.iter().chain(&ended).all(|(_, count)| *count == 0));
    assert_eq!(store.lane(1).expect(read), None);
    assert_eq!(store.alarms(0, 10).expect(read), []);
    assert_eq!(
        store.command(CommandId { seq: 1, tag: 1 }).expect(read),
        None
    );
    assert_eq!(
        store.command_by_key(AppKey(1), "k", START).expect(read),
        None
    );
    let mid = Mid::new(1).expect("1 is a mid");
    assert_eq!(store.ended_by_mid(device(1).id, mid, 10).expect(read), None);
    let filter = CommandFilter {
        app: AppKey(1),
        devices: None,
        from: None,
        to: None,
        skip: 0,
        take: 9,
    };
    assert_eq!(
        store.commands(&filter).expect(read),
        Page {
            total: 0,
            items: Vec::new()
        }
    );
    assert_eq!(store.latest_commands(None, None, 10).expect(read), []);
    assert_eq!(store.applications().expect(read), []);
    assert_eq!(store.tokens(START).expect(read), []);
    assert_eq!(store.device(device(1).id).expect(read), None);
    assert_eq!(store.device_by_node("node-1").expect(read), None);
    assert_eq!(store.group(GroupId(1)).expect(read), None);
    let filter = GroupFilter {
        app: AppKey(1),
        name: None,
        skip: 0,
        take: 9,
    };
    assert_eq!(store.groups(&filter).expect(read).total, 0);
    assert_eq!(store.product_models().expect(read), []);
    assert_eq!(store.product_model(1).expect(read), None);
    assert_eq!(store.reports(device(1).id).expect(read), []);
    assert_eq!(store.setting("n").expect(read), None);
    assert!(store.free_bytes().expect(read).is_none_or(|free| free > 0));
}

pub(super) fn applications_are_known_by_key_and_id(store: &dyn Store) {
    keep(
        store,
        vec![
            Write::Application(application(2)),
            Write::Application(application(1)),
        ],
        START,
    );
    let all = || store.applications().expect("applications are read");
    assert_eq!(all(), [application(1), application(2)]);
    let renamed = Application {
        name: "other".to_owned(),
        throttled: false,
        ..application(2)
    };
    keep(store, vec![Write::Application(renamed.clone())], START);
    assert_eq!(all(), [application(1), renamed.clone()]);
    let thief = Application {
        app_id: "app-1".to_owned(),
        ..application(3)
    };
    assert_eq!(
        refused(store, vec![Write::Application(thief)]),
        Conflict::AppIdTaken
    );
    let twin = Application {
        app_id: "app-3".to_owned(),
        ..application(4)
    };
    let twins = vec![Write::Application(application(3)), Write::Application(twin)];
    assert_eq!(refused(store, twins), Conflict::AppIdTaken);
    assert_eq!(all(), [application(1), renamed]);
    assert_eq!(store.marks().expect("marks are read").app_key, 2);
}

pub(super) fn tokens_live_until_their_end_or_are_forgotten(store: &dyn Store) {
    let token = |n: u8, app: u64, hours: u32| Token {
        digest: [n; 32],
        app: AppKey(app),
        kind: if n.is_multiple_of(2) {
            TokenKind::Refresh
        } else {
            TokenKind::Access
        },
        valid_until: START + HOUR * hours,
    };
    let mine = [
        token(1, 1, 1),
        token(2, 1, 2),
        token(3, 1, 3),
        token(4, 2, 3),
    ];
    keep(
        store,
        mine.iter().cloned().map(Write::Token).collect(),
        START,
    );
    let valid = |now| store.tokens(now).expect("tokens are read");
    assert_eq!(valid(START), mine);
    // Accepted until that moment, itself included.
    assert_eq!(valid(START + HOUR), mine);
    assert_eq!(valid(START + HOUR + Duration::from_millis(1)), mine[1..]);
    keep(
        store,
        vec![Write::ForgetTokens {
            app: AppKey(1),
            keep: vec![[3; 32], [9; 32]],
        }],
        START,
    );
    assert_eq!(valid(START), mine[2..]);
    let longer = Token {
        valid_until: START + HOUR * 9,
        ..mine[2].clone()
    };
    keep(store, vec![Write::Token(longer.clone())], START);
    assert_eq!(valid(START + HOUR * 5), [longer]);
    keep(
        store,
        vec![Write::ForgetTokens {
            app: AppKey(2),
            keep: vec![],
        }],
        START,
    );
    assert_eq!(valid(START).len(), 1);
}

/// A device with everything that can be known of one.
fn full_device() -> Device {
    Device {
        activated: Some(START + HOUR),
        bind_by: Some(START + HOUR * 2),
        secret: Some(vec![1, 2, 3]),
        psk: Some(Vec::new()),
        verify_code: Some([7; 32]),
        model: Some(("acme".to_owned(), "W1".to_owned())),
        info: b"{\"name\":\"\xc3\xbc\"}".to_vec(),
        presence: Presence {
            online: true,
            since: Some(START),
        },
        ..device(1)
    }
}

fn by_node(store: &dyn Store, node: &str) -> Option<Device> {
    store.device_by_node(node).expect("devices are read")
}

pub(super) fn presence_changes_nothing_else(store: &dyn Store) {
    let full = full_device();
    keep(store, vec![Write::Device(full.clone())], START);
    assert_eq!(
        store.device(full.id).expect("devices are read"),
        Some(full.clone())
    );
    assert_eq!(by_node(store, "node-1"), Some(full.clone()));
    let lane = store.lane(1).expect("lanes are read");
    assert_eq!(lane, Some(Lane::new(full.id, full.registered)));
    let presence = |device: &Device, presence, activated| {
        let writes = vec![Write::Presence {
            device: device.id,
            presence,
            activated,
        }];
        keep(store, writes, START);
    };
    // An activation that stands is kept.
    let off = Presence {
        online: false,
        since: Some(START + HOUR * 3),
    };
    presence(&full, off, Some(START));
    let seen = Device {
        presence: off,
        ..full
    };
    assert_eq!(store.device(seen.id).expect("devices are read"), Some(seen));
    keep(store, vec![Write::Device(device(2))], START);
    let on = Presence {
        online: true,
        since: Some(START),
    };
    presence(&device(2), on, Some(START + HOUR));
    let seen = Device {
        presence: on,
        activated: Some(START + HOUR),
        ..device(2)
    };
    assert_eq!(by_node(store, "node-2"), Some(seen));
}

pub(super) fn a_node_id_is_unique_until_its_device_is_deleted(store: &dyn Store) {
    let first = full_device();
    keep(store, vec![Write::Device(first.clone())], START);
    let twin = Device {
        node_id: "node-1".to_owned(),
        ..device(2)
    };
    assert_eq!(
        refused(store, vec![Write::Device(twin.clone())]),
        Conflict::NodeIdTaken
    );
    let third = Device {
        node_id: "node-2".to_owned(),
        ..device(3)
    };
    let both = vec![Write::Device(device(2)), Write::Device(third)];
    assert_eq!(refused(store, both), Conflict::NodeIdTaken);
    // Its own node id is no obstacle; a new one frees the old one.
    let moved = Device {
        node_id: "node-7".to_owned(),
        ..first
    };
    keep(store, vec![Write::Device(moved.clone())], START);
    assert_eq!(by_node(store, "node-1"), None);
    assert_eq!(by_node(store, "node-7"), Some(moved.clone()));
    let gone = Device {
        deleted: Some(START + HOUR),
        ..moved
    };
    keep(store, vec![Write::Device(gone.clone())], START);
    assert_eq!(by_node(store, "node-7"), None);
    assert_eq!(
        store.device(gone.id).expect("devices are read"),
        Some(gone.clone())
    );
    let lane = store.lane(1).expect("lanes are read");
    assert_eq!(lane.map(|lane| lane.deleted), Some(true));
    let heir = Device {
        node_id: "node-7".to_owned(),
        ..twin
    };
    keep(store, vec![Write::Device(heir.clone())], START);
    // A deleted one may be written while another has its node id.
    keep(
        store,
        vec![Write::Device(Device {
            info: vec![1],
            ..gone
        })],
        START,
    );
    assert_eq!(by_node(store, "node-7"), Some(heir));
    assert_eq!(store.marks().expect("marks are read").device_seq, 2);
}

pub(super) fn models_reports_and_settings_are_replaced(store: &dyn Store) {
    let model = |version: u64| ProductModel {
        version,
        manufacturer_id: "acme".to_owned(),
        model: "W1".to_owned(),
        document: vec![b'{'; 5_000],
        added: START,
        replaced: None,
    };
    keep(
        store,
        vec![Write::ProductModel(model(1)), Write::ProductModel(model(2))],
        START,
    );
    let old = ProductModel {
        replaced: Some(START),
        ..model(1)
    };
    keep(store, vec![Write::ProductModel(old.clone())], START);
    assert_eq!(store.product_models().expect("models are read"), [model(2)]);
    assert_eq!(store.product_model(1).expect("models are read"), Some(old));
    assert_eq!(store.marks().expect("marks are read").model_version, 2);

    let report = |device: u64, service: &str, byte: u8| Report {
        device: super::given::device(device).id,
        service_id: service.to_owned(),
        at: START,
        event_time: byte.is_multiple_of(2).then_some(START + HOUR),
        properties: vec![byte; 9],
        off_profile: byte == 3,
    };
    let all = [
        report(1, "Water", 1),
        report(1, "Battery", 2),
        report(2, "Water", 3),
    ];
    keep(
        store,
        all.iter().cloned().map(Write::Report).collect(),
        START,
    );
    keep(store, vec![Write::Report(report(1, "Water", 4))], START);
    let of = |seq| store.reports(device(seq).id).expect("reports are read");
    assert_eq!(of(1), [report(1, "Battery", 2), report(1, "Water", 4)]);
    assert_eq!(of(2), [report(2, "Water", 3)]);

    let set = |name: &str, value: &[u8]| {
        keep(
            store,
            vec![Write::Setting {
                name: name.to_owned(),
                value: value.to_vec(),
            }],
            START,
        );
    };
    set("a", b"");
    set("b", b"1");
    set("b", b"2");
    assert_eq!(
        store.setting("a").expect("settings are read"),
        Some(Vec::new())
    );
    assert_eq!(
        store.setting("b").expect("settings are read"),
        Some(b"2".to_vec())
    );
}

pub(super) fn r1_16_the_last_moment_never_goes_back(store: &dyn Store) {
    let last = || store.marks().expect("marks are read").last_moment;
    assert_eq!(
        commit(store, Vec::new(), START + HOUR).expect("the store is healthy"),
        []
    );
    assert_eq!(last(), START + HOUR);
    assert_eq!(
        commit(store, Vec::new(), START).expect("the store is healthy"),
        []
    );
    assert_eq!(last(), START + HOUR);
    // A unit that was refused has been there all the same.
    keep(store, vec![Write::Application(application(1))], START);
    let thief = Application {
        key: AppKey(2),
        ..application(1)
    };
    let unit = Unit {
        turn: None,
        writes: vec![Write::Application(thief)],
    };
    assert_eq!(
        commit(store, vec![unit], START + HOUR * 2).expect("the store is healthy"),
        [Err(Conflict::AppIdTaken)]
    );
    assert_eq!(last(), START + HOUR * 2);
}

pub(super) fn a_refused_unit_changes_nothing(store: &dyn Store) {
    registered(store, 1);
    let mut lane = registered(store, 2);
    let asked = queued(&mut lane, 1, 1);
    let id = asked.id;
    let mut bad = unit(&accept(lane, vec![asked], START));
    bad.writes.push(Write::Setting {
        name: "n".to_owned(),
        value: vec![1],
    });
    bad.writes.push(Write::Device(Device {
        node_id: "node-1".to_owned(),
        ..device(3)
    }));
    let good = Unit {
        turn: None,
        writes: vec![Write::Setting {
            name: "m".to_owned(),
            value: vec![2],
        }],
    };
    let applied = commit(store, vec![bad, good], START).expect("the store is healthy");
    assert_eq!(applied, [Err(Conflict::NodeIdTaken), Ok(())]);
    assert_eq!(store.command(id).expect("commands are read"), None);
    assert_eq!(
        store
            .lane(2)
            .expect("lanes are read")
            .map(|lane| lane.revision),
        Some(0)
    );
    assert_eq!(store.setting("n").expect("settings are read"), None);
    assert_eq!(
        store.setting("m").expect("settings are read"),
        Some(vec![2])
    );
    assert_eq!(store.tally().expect("the tally is read").accepted, 0);
    assert_eq!(store.marks().expect("marks are read").command_seq, 0);
}
