//! Device groups: what they are called, which devices they have, and how many.

use super::given::{START, device};
use super::{commit, write};
use crate::contract::{Conflict, Store, Unit, Write};
use crate::limits::{PAGE_ITEMS_MAX, SKIP_MAX};
use crate::records::{Device, DeviceGroup, GroupFilter, GroupId, Page};
use delivery::{AppKey, DeviceId};
use std::collections::{BTreeMap, BTreeSet};
use std::slice;
use std::time::Duration;

fn keep(store: &dyn Store, writes: Vec<Write>) {
    write(store, Unit { turn: None, writes }, START);
}

fn refused(store: &dyn Store, writes: Vec<Write>) -> Conflict {
    let applied =
        commit(store, vec![Unit { turn: None, writes }], START).expect("the store is healthy");
    applied[0].expect_err("the unit conflicts")
}

/// A group of application 1, created `n` milliseconds after the start.
fn group(n: u64) -> DeviceGroup {
    let created = START + Duration::from_millis(n);
    let moment = u128::from(created.as_millis());
    DeviceGroup {
        id: GroupId(moment << 64 | u128::from(u64::MAX - n)),
        app: AppKey(1),
        name: format!("g{n}"),
        description: None,
        devices_max: None,
        creator: "app-1".to_owned(),
        created,
    }
}

fn of(app: u64) -> GroupFilter {
    GroupFilter {
        app: AppKey(app),
        name: None,
        skip: 0,
        take: 100,
    }
}

fn listed(store: &dyn Store, filter: &GroupFilter) -> Page<(DeviceGroup, u64)> {
    store.groups(filter).expect("groups are read")
}

fn kept(store: &dyn Store, id: GroupId) -> Option<(DeviceGroup, u64)> {
    store.group(id).expect("groups are read")
}

pub(super) fn groups_are_known_by_id_and_by_name(store: &dyn Store) {
    let full = DeviceGroup {
        description: Some("Zähler im Keller".to_owned()),
        devices_max: Some(u32::MAX),
        creator: "app-2".to_owned(),
        ..group(2)
    };
    let foreign = DeviceGroup {
        app: AppKey(2),
        name: "g1".to_owned(),
        ..group(4)
    };
    let all = [
        group(1),
        full.clone(),
        DeviceGroup {
            name: "G1".to_owned(),
            ..group(3)
        },
        foreign.clone(),
    ];
    keep(store, all.iter().cloned().map(Write::Group).collect());
    assert_eq!(kept(store, full.id), Some((full.clone(), 0)));
    assert_eq!(kept(store, GroupId(full.id.0 + 1)), None);
    let page = |total, items: &[&DeviceGroup]| Page {
        total,
        items: items.iter().map(|group| ((*group).clone(), 0)).collect(),
    };
    assert_eq!(
        listed(store, &of(1)),
        page(3, &[&all[2], &all[1], &all[0]]),
        "the newest comes first"
    );
    let cut = |skip, take| GroupFilter {
        skip,
        take,
        ..of(1)
    };
    assert_eq!(listed(store, &cut(1, 1)), page(3, &[&all[1]]));
    assert_eq!(listed(store, &cut(3, 1)), page(3, &[]));
    let named = |app, name: &str| GroupFilter {
        name: Some(name.to_owned()),
        ..of(app)
    };
    assert_eq!(listed(store, &named(1, "g1")), page(1, &[&all[0]]));
    assert_eq!(listed(store, &named(2, "g1")), page(1, &[&foreign]));
    assert_eq!(listed(store, &named(2, "g2")), page(0, &[]));
    assert_eq!(listed(store, &of(3)), page(0, &[]));
}

pub(super) fn a_group_is_changed_renamed_and_forgotten(store: &dyn Store) {
    let (first, second) = (group(1), group(2));
    let renamed = |group: &DeviceGroup, name: &str| DeviceGroup {
        name: name.to_owned(),
        ..group.clone()
    };
    keep(
        store,
        vec![Write::Group(first.clone()), Write::Group(second.clone())],
    );
    let twins = vec![
        Write::Group(renamed(&group(3), "twin")),
        Write::Group(renamed(&group(4), "twin")),
    ];
    for taken in [
        vec![Write::Group(renamed(&second, "g1"))],
        vec![
            Write::Group(renamed(&second, "new")),
            Write::Group(renamed(&group(3), "g1")),
        ],
        twins,
    ] {
        assert_eq!(refused(store, taken), Conflict::GroupNameTaken);
    }
    assert_eq!(listed(store, &of(1)).total, 2);
    assert_eq!(kept(store, second.id), Some((second.clone(), 0)));

    let changed = DeviceGroup {
        description: Some("other".to_owned()),
        devices_max: Some(7),
        ..renamed(&first, "new")
    };
    keep(store, vec![Write::Group(changed.clone())]);
    assert_eq!(kept(store, first.id), Some((changed.clone(), 0)));
    // Its former name is free; its application stays what it is.
    let moved = DeviceGroup {
        app: AppKey(2),
        ..renamed(&changed, "moved")
    };
    keep(
        store,
        vec![
            Write::Group(renamed(&second, "g1")),
            Write::Group(moved),
            Write::ForgetGroup(group(9).id),
        ],
    );
    assert_eq!(kept(store, first.id), Some((changed, 0)));
    assert_eq!(listed(store, &of(2)).total, 0);

    keep(store, vec![Write::ForgetGroup(first.id)]);
    assert_eq!(kept(store, first.id), None);
    assert_eq!(
        listed(store, &of(1)).items,
        [(renamed(&second, "g1"), 0)],
        "the other one stays"
    );
    keep(store, vec![Write::Group(renamed(&group(5), "new"))]);
}

fn id(seq: u64) -> DeviceId {
    device(seq).id
}

fn change(group: &DeviceGroup, add: &[DeviceId], remove: &[DeviceId]) -> Write {
    Write::GroupDevices {
        group: group.id,
        add: add.to_vec(),
        remove: remove.to_vec(),
    }
}

/// Compares all that is read of a group's devices with what must be there, in order of their registration.
fn has(store: &dyn Store, group: &DeviceGroup, seqs: &[u64]) {
    let read = "groups are read";
    let ids: Vec<DeviceId> = seqs.iter().copied().map(id).collect();
    let total = u64::try_from(ids.len()).expect("few");
    assert_eq!(kept(store, group.id).expect("it is kept").1, total);
    let page = |skip, take| store.group_page(group.id, skip, take).expect(read);
    let whole = Page {
        total,
        items: ids.clone(),
    };
    assert_eq!(page(0, 100), whole);
    let inner = ids.iter().copied().skip(1).take(2).collect();
    assert_eq!(
        page(1, 2),
        Page {
            total,
            items: inner
        }
    );
    let after = |seq, limit| store.group_devices(group.id, seq, limit).expect(read);
    assert_eq!(after(0, 100), ids);
    if let [first, second, ..] = seqs {
        assert_eq!(after(*first, 1), [id(*second)]);
    }
    let all: Vec<DeviceId> = (1..=12).rev().map(id).collect();
    let members: Vec<DeviceId> = ids.into_iter().rev().collect();
    assert_eq!(store.group_members(group.id, &all).expect(read), members);
    for seq in 1..=12 {
        let its = store.groups_of(id(seq), 100).expect(read);
        let is_in = its.iter().any(|one| one.id == group.id);
        assert_eq!(is_in, seqs.contains(&seq), "{seq}");
    }
}

/// The groups of a story: those that must be kept, with their devices.
#[derive(Debug, Clone, Default)]
pub(super) struct Groups {
    /// Changes so far.
    changes: u64,
    kept: BTreeMap<GroupId, BTreeSet<DeviceId>>,
}

impl Groups {
    /// The next change: a group comes with a device, or another device joins the newest one and one leaves, or the oldest goes.
    pub(super) fn change(&mut self, devices: &[DeviceId]) -> Vec<Write> {
        self.changes += 1;
        let nth = |n: u64| devices[usize::try_from(n).unwrap_or_default() % devices.len()];
        let (new, add, remove) = (
            group(self.changes),
            nth(self.changes),
            nth(self.changes / 3),
        );
        match self.kept.last_entry() {
            Some(mut newest) if self.changes % 3 != 1 => {
                newest.get_mut().insert(add);
                newest.get_mut().remove(&remove);
                let group = *newest.key();
                let (add, remove) = (vec![add], vec![remove]);
                vec![Write::GroupDevices { group, add, remove }]
            }
            Some(_) | None => {
                let mut writes = vec![Write::Group(new.clone()), change(&new, &[add], &[])];
                self.kept.insert(new.id, BTreeSet::from([add]));
                if self.kept.len() > 3 {
                    let oldest = self.kept.pop_first().map(|(id, _)| id);
                    writes.extend(oldest.map(Write::ForgetGroup));
                }
                writes
            }
        }
    }

    /// Compares what is kept with what must be.
    pub(super) fn compare(&self, store: &dyn Store) {
        let found = listed(store, &of(1));
        let groups = found.items.iter().rev().map(|(group, _)| &group.id);
        assert!(groups.eq(self.kept.keys()), "the groups are those");
        for ((group, count), devices) in found.items.iter().rev().zip(self.kept.values()) {
            let kept = store.group_devices(group.id, 0, 100);
            let kept: Vec<DeviceId> = kept.expect("groups are read");
            assert!(kept.iter().eq(devices), "the devices are those");
            assert_eq!(*count, u64::try_from(kept.len()).expect("few"));
        }
    }
}

/// Devices 1 to 8 of application 1, of which 7 is deleted; device 9 of application 2.
fn nine(store: &dyn Store) {
    let all = (1..=9).map(|seq| Device {
        app: AppKey(1 + u64::from(seq == 9)),
        deleted: (seq == 7).then_some(START),
        ..device(seq)
    });
    keep(store, all.map(Write::Device).collect());
}

pub(super) fn devices_come_into_groups_and_leave_them(store: &dyn Store) {
    nine(store);
    let (first, second) = (group(1), group(2));
    keep(
        store,
        vec![
            Write::Group(first.clone()),
            change(&first, &[id(5), id(3)], &[]),
            Write::Group(second.clone()),
        ],
    );
    has(store, &first, &[3, 5]);
    has(store, &second, &[]);

    // Twice in one write, once more, and those that must not come: unknown, under another id, deleted, of somebody else.
    let other_id = DeviceId::new(6, 0x77);
    let strangers = [id(11), other_id, id(7), id(9)];
    let add = [&strangers[..], &[id(1), id(1), id(5), id(8)]].concat();
    keep(store, vec![change(&first, &add, &[])]);
    has(store, &first, &[1, 3, 5, 8]);
    keep(store, vec![change(&second, &[id(3), id(1)], &[])]);
    has(store, &second, &[1, 3]);
    let its = |device, limit| store.groups_of(device, limit).expect("groups are read");
    assert_eq!(its(id(3), 2), [second.clone(), first.clone()]);
    assert_eq!(its(id(3), 1), slice::from_ref(&second));
    assert_eq!(its(DeviceId::new(3, 0x77), 2), [], "another device");

    let leave = [id(2), id(5), id(5), DeviceId::new(3, 0x77), id(11)];
    keep(store, vec![change(&first, &[], &leave)]);
    has(store, &first, &[1, 3, 8]);
    // Who comes and leaves at once is out.
    keep(
        store,
        vec![change(&first, &[id(2), id(6)], &[id(6), id(8)])],
    );
    has(store, &first, &[1, 2, 3]);
    has(store, &second, &[1, 3]);
    let renamed = DeviceGroup {
        name: "other".to_owned(),
        ..first.clone()
    };
    keep(store, vec![Write::Group(renamed)]);
    has(store, &first, &[1, 2, 3]);

    // A group that is not kept has no devices, and gets none.
    keep(
        store,
        vec![
            change(&group(5), &[id(1)], &[]),
            Write::ForgetGroup(second.id),
        ],
    );
    for gone in [group(5).id, second.id] {
        let read = "groups are read";
        assert_eq!(kept(store, gone), None);
        let nothing = Page {
            total: 0,
            items: Vec::new(),
        };
        assert_eq!(store.group_page(gone, 0, 9).expect(read), nothing);
        assert_eq!(store.group_devices(gone, 0, 9).expect(read), []);
        assert_eq!(store.group_members(gone, &[id(1)]).expect(read), []);
    }
    // Nor does the next one find what another one left.
    keep(store, vec![Write::Group(group(6))]);
    has(store, &group(6), &[]);
    has(store, &first, &[1, 2, 3]);
}

pub(super) fn a_device_that_goes_leaves_its_groups(store: &dyn Store) {
    nine(store);
    let (first, second) = (group(1), group(2));
    let foreign = DeviceGroup {
        app: AppKey(2),
        ..group(3)
    };
    keep(
        store,
        vec![
            Write::Group(first.clone()),
            Write::Group(second.clone()),
            Write::Group(foreign.clone()),
            change(&first, &[id(1), id(2), id(3), id(4)], &[]),
            change(&second, &[id(2), id(4)], &[]),
            change(&foreign, &[id(9)], &[]),
        ],
    );
    let gone = Device {
        deleted: Some(START),
        ..device(2)
    };
    let moved = Device {
        app: AppKey(2),
        ..device(4)
    };
    let renamed = Device {
        node_id: "other".to_owned(),
        ..device(3)
    };
    keep(
        store,
        [gone.clone(), moved, renamed].map(Write::Device).into(),
    );
    has(store, &first, &[1, 3]);
    has(store, &second, &[]);
    // It is deleted for good, and what comes after finds it so.
    keep(
        store,
        vec![
            Write::Device(gone),
            change(&first, &[id(2)], &[]),
            change(&foreign, &[id(4)], &[]),
            Write::ForgetDevices(vec![id(2)]),
            change(&first, &[id(2)], &[]),
        ],
    );
    has(store, &first, &[1, 3]);
    has(store, &foreign, &[4, 9]);

    keep(store, vec![Write::ForgetApplication(AppKey(2))]);
    assert_eq!(kept(store, foreign.id), None);
    assert_eq!(store.group_devices(foreign.id, 0, 9).expect("read"), []);
    has(store, &first, &[1, 3]);
}

pub(super) fn r2_6_pages_of_groups_are_bounded(store: &dyn Store) {
    let count = PAGE_ITEMS_MAX + 7;
    let each = 1..=u64::try_from(count).expect("small");
    keep(
        store,
        each.clone().map(|seq| Write::Device(device(seq))).collect(),
    );
    keep(
        store,
        each.clone().map(|n| Write::Group(group(n))).collect(),
    );
    let devices: Vec<DeviceId> = each.map(id).collect();
    keep(store, vec![change(&group(1), &devices, &[])]);
    let lengths = |skip: u64| {
        let groups = listed(
            store,
            &GroupFilter {
                skip,
                take: usize::MAX,
                ..of(1)
            },
        );
        let page = store.group_page(group(1).id, skip, usize::MAX);
        let page = page.expect("groups are read");
        assert_eq!(groups.total, page.total);
        (groups.total, groups.items.len(), page.items.len())
    };
    let total = u64::try_from(count).expect("small");
    assert_eq!(lengths(0), (total, PAGE_ITEMS_MAX, PAGE_ITEMS_MAX));
    assert_eq!(lengths(1_000), (total, 7, 7));
    assert_eq!(lengths(SKIP_MAX + 1), (total, 0, 0));
    let limit = count - 1;
    let loaded = store.group_devices(group(1).id, 0, limit);
    assert_eq!(loaded.expect("groups are read").len(), limit);
}
