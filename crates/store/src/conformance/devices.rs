//! Lists of devices, and what is counted and found of them.

use super::given::{START, accept, device, queued, registered, take, unit};
use super::write;
use crate::contract::{Store, Unit, Write};
use crate::limits::{PAGE_ITEMS_MAX, SKIP_MAX};
use crate::records::{Device, DeviceCounts, DeviceFilter, Page, Presence};
use delivery::{AppKey, DeviceId, Input, Moment, Ticket, Who};
use std::time::Duration;

/// Which devices a list is asked for beyond its filter.
type Wanted<'a> = Option<&'a dyn Fn(&Device) -> bool>;

fn keep(store: &dyn Store, writes: Vec<Write>) {
    write(store, Unit { turn: None, writes }, START);
}

fn at(hours: u64) -> Moment {
    START + Duration::from_hours(hours)
}

fn every(app: u64) -> DeviceFilter {
    DeviceFilter {
        app: AppKey(app),
        gateway: None,
        online: None,
        from: None,
        to: None,
        ascending: false,
        skip: 0,
        take: 100,
    }
}

/// Forty devices of two applications, two an hour; every third is a child, some are connected, some deleted.
fn forty(store: &dyn Store) -> Vec<Device> {
    let gateway = [device(1).id, device(2).id];
    let all: Vec<Device> = (1..=40)
        .map(|seq| Device {
            app: AppKey(1 + u64::from(seq % 4 == 0)),
            gateway: (seq % 3 == 0).then_some(gateway[usize::from(seq % 2 == 0)]),
            registered: at(seq / 2),
            secure: seq % 5 == 0,
            deleted: (seq % 11 == 0).then_some(at(99)),
            presence: Presence {
                online: seq % 7 < 3,
                since: Some(START),
            },
            ..device(seq)
        })
        .collect();
    keep(store, all.iter().cloned().map(Write::Device).collect());
    all
}

fn listed(store: &dyn Store, filter: &DeviceFilter, wanted: Wanted) -> Page<Device> {
    store.devices(filter, wanted).expect("devices are read")
}

/// Compares a list with what it must show.
fn compare(store: &dyn Store, all: &[Device], filter: &DeviceFilter, wanted: Wanted) -> u64 {
    let shows = |device: &&Device| {
        device.deleted.is_none()
            && device.app == filter.app
            && filter.gateway.is_none_or(|id| device.gateway == Some(id))
            && filter.online.is_none_or(|on| device.presence.online == on)
            && filter.from.is_none_or(|from| device.registered >= from)
            && filter.to.is_none_or(|to| device.registered <= to)
            && wanted.is_none_or(|wanted| wanted(device))
    };
    let mut shown: Vec<Device> = all.iter().filter(shows).cloned().collect();
    shown.sort_by_key(|device| (device.registered, device.id.seq()));
    if !filter.ascending {
        shown.reverse();
    }
    let total = u64::try_from(shown.len()).expect("a short list");
    let skip = usize::try_from(filter.skip).expect("a small number");
    let items = shown.into_iter().skip(skip).take(filter.take).collect();
    assert_eq!(
        listed(store, filter, wanted),
        Page { total, items },
        "{filter:?}"
    );
    total
}

pub(super) fn devices_are_listed_by_filter(store: &dyn Store) {
    let all = forty(store);
    let named = |device: &Device| device.node_id.ends_with('1');
    let wanted: [Wanted; 2] = [None, Some(&named)];
    let gateways = [
        None,
        Some(device(1).id),
        Some(device(2).id),
        Some(device(3).id),
    ];
    let spans = [
        (None, None),
        (Some(at(5)), None),
        (None, Some(at(9))),
        (Some(at(5)), Some(at(9))),
    ];
    let mut shown = 0;
    for app in 1..=3 {
        for gateway in gateways {
            for online in [None, Some(true), Some(false)] {
                for (from, to) in spans {
                    for (skip, take, ascending) in [
                        (0, 100, false),
                        (0, 100, true),
                        (2, 3, false),
                        (30, 3, true),
                    ] {
                        let filter = DeviceFilter {
                            gateway,
                            online,
                            from,
                            to,
                            ascending,
                            skip,
                            take,
                            ..every(app)
                        };
                        for wanted in wanted {
                            shown += compare(store, &all, &filter, wanted);
                        }
                    }
                }
            }
        }
    }
    assert!(shown > 1_000);
}

pub(super) fn r2_6_pages_of_devices_are_bounded(store: &dyn Store) {
    let count = PAGE_ITEMS_MAX + 7;
    let many = (1..=u64::try_from(count).expect("small")).map(|seq| Write::Device(device(seq)));
    keep(store, many.collect());
    let whole = |_: &Device| true;
    let wanted: [Wanted; 2] = [None, Some(&whole)];
    for wanted in wanted {
        let filter = DeviceFilter {
            take: usize::MAX,
            ..every(1)
        };
        let page = listed(store, &filter, wanted);
        assert_eq!(
            (page.total, page.items.len()),
            (u64::try_from(count).expect("small"), PAGE_ITEMS_MAX)
        );
        let filter = DeviceFilter {
            skip: SKIP_MAX + 1,
            ..every(1)
        };
        assert_eq!(listed(store, &filter, wanted).items, []);
    }
}

pub(super) fn devices_are_counted_as_they_come_and_go(store: &dyn Store) {
    let counts = || {
        let DeviceCounts {
            registered,
            nonsecure,
        } = store.device_counts().expect("counts are read");
        (registered, nonsecure)
    };
    assert_eq!(counts(), (0, 0));
    let secure = Device {
        secure: true,
        ..device(2)
    };
    keep(
        store,
        vec![
            Write::Device(device(1)),
            Write::Device(secure.clone()),
            Write::Device(device(3)),
        ],
    );
    assert_eq!(counts(), (3, 2));
    keep(
        store,
        vec![Write::Device(Device {
            secure: false,
            ..secure.clone()
        })],
    );
    assert_eq!(counts(), (3, 3));
    keep(store, vec![Write::Device(secure.clone())]);
    keep(store, vec![Write::Device(secure.clone())]);
    assert_eq!(counts(), (3, 2));
    let gone = |device: Device| Device {
        deleted: Some(START),
        ..device
    };
    keep(
        store,
        vec![
            Write::Device(gone(device(1))),
            Write::Device(gone(secure.clone())),
        ],
    );
    assert_eq!(counts(), (1, 1));
    keep(
        store,
        vec![
            Write::Device(gone(secure)),
            Write::ForgetDevices(vec![device(1).id]),
        ],
    );
    assert_eq!(counts(), (1, 1));
}

pub(super) fn devices_that_must_connect_are_found(store: &dyn Store) {
    let by = |seq: u64| Device {
        bind_by: Some(at(seq)),
        ..device(seq)
    };
    let bound = Device {
        activated: Some(START),
        ..by(2)
    };
    let gone = Device {
        deleted: Some(START),
        ..by(3)
    };
    let all = [by(1), bound, gone, by(4), device(5), by(6)];
    keep(store, all.into_iter().map(Write::Device).collect());
    let found = |after, limit| store.bindings(after, limit).expect("devices are read");
    let pair = |seq: u64| (device(seq).id, at(seq));
    assert_eq!(found(0, 9), [pair(1), pair(4), pair(6)]);
    assert_eq!(found(1, 1), [pair(4)]);
    let presence = Presence {
        online: true,
        since: Some(START),
    };
    let connected = Write::Presence {
        device: device(4).id,
        presence,
        activated: Some(START),
    };
    keep(store, vec![connected]);
    assert_eq!(found(0, 9), [pair(1), pair(6)]);
}

pub(super) fn devices_with_open_commands_are_found(store: &dyn Store) {
    let id = |seq: u64| device(seq).id;
    for seq in 1..=6 {
        let lane = registered(store, seq);
        if seq == 3 {
            continue;
        }
        let mut lane = lane;
        let asked = queued(&mut lane, seq, 1);
        let command = asked.id;
        let turn = accept(lane, vec![asked], START);
        write(store, unit(&turn), START);
        if seq == 5 {
            let (ticket, who) = (Ticket(0), Who::Operator);
            take(
                store,
                turn.lane,
                vec![Input::Cancel {
                    ticket,
                    command,
                    who,
                }],
                START,
            );
        }
    }
    keep(
        store,
        vec![Write::Device(Device {
            app: AppKey(2),
            ..device(2)
        })],
    );
    let found = |app, after, limit| -> Vec<DeviceId> {
        store
            .open_devices(AppKey(app), after, limit)
            .expect("devices are read")
    };
    assert_eq!(found(1, 0, 9), [id(1), id(4), id(6)]);
    assert_eq!(found(1, 1, 1), [id(4)]);
    assert_eq!(found(2, 0, 9), [id(2)]);
    assert_eq!(found(1, 6, 9), []);
}
