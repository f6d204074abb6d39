//! Lists, their filters, their pages and their totals.

use super::given::{START, device, queued, registered, unit};
use super::write;
use crate::contract::{Store, Unit, Write};
use crate::limits::{PAGE_ITEMS_MAX, SKIP_MAX};
use crate::records::{CancelTask, CancelTaskFilter, CommandFilter, TaskId};
use delivery::{
    AppKey, Command, CommandId, DeviceId, Input, Kind, Moment, Rules, SessionId, Submission, Ticket,
};
use std::time::Duration;

fn every(app: u64) -> CommandFilter {
    CommandFilter {
        app: AppKey(app),
        devices: None,
        from: None,
        to: None,
        skip: 0,
        take: 100,
    }
}

fn at(minutes: u64) -> Moment {
    START + Duration::from_mins(minutes)
}

/// Sixty commands of two applications on three devices, one a minute but for pairs; every fifth is direct, every seventh
/// immediate.
fn sixty(store: &dyn Store) -> Vec<Command> {
    let mut all = Vec::new();
    for seq in 1..=3 {
        registered(store, seq);
    }
    for seq in 1..=60 {
        let now = at(seq / 2 * 2);
        let mut lane = store
            .lane(1 + seq % 3)
            .expect("lanes are read")
            .expect("the device is kept");
        let kind = match seq {
            _ if seq % 5 == 0 => Kind::Direct { confirm: true },
            _ if seq % 7 == 0 => Kind::Immediate,
            _ => Kind::Queued {
                expire_after: Duration::from_hours(1),
            },
        };
        let asked = Submission {
            kind,
            ..queued(&mut lane, seq, 1 + seq % 2)
        };
        let rules = Rules {
            pending_max: 0,
            ..Rules::default()
        };
        let reachable = Input::Reachable {
            session: SessionId(seq),
            confirms: true,
        };
        let turn = delivery::turn(
            lane,
            vec![reachable, Input::Submit(Ticket(0), Box::new(asked))],
            &rules,
            now,
        );
        write(store, unit(&turn), now);
        all.extend(
            turn.changes
                .into_iter()
                .filter(|change| change.born)
                .map(|change| change.command),
        );
    }
    assert_eq!(all.len(), 60);
    all
}

/// Whether a filter names a device, or none.
fn named(devices: Option<&Vec<DeviceId>>, device: DeviceId) -> bool {
    devices.is_none_or(|devices| devices.contains(&device))
}

/// What a filter must show, newest first.
fn expected(all: &[Command], filter: &CommandFilter) -> Vec<CommandId> {
    let shown = |c: &&Command| {
        c.app == filter.app
            && !matches!(c.kind, Kind::Direct { .. })
            && named(filter.devices.as_ref(), c.device)
            && filter.from.is_none_or(|from| c.created >= from)
            && filter.to.is_none_or(|to| c.created <= to)
    };
    all.iter().rev().filter(shown).map(|c| c.id).collect()
}

pub(super) fn lists_show_what_their_filter_says(store: &dyn Store) {
    let all = sixty(store);
    let devices = [
        None,
        Some(vec![device(1).id]),
        Some(vec![device(2).id]),
        Some(vec![device(4).id]),
        Some(vec![device(4).id, DeviceId::new(1, 7), device(2).id]),
        Some(vec![DeviceId::new(1, 7)]),
        Some(vec![]),
    ];
    let times = [
        None,
        Some(at(0)),
        Some(at(10)),
        Some(at(11)),
        Some(at(58)),
        Some(at(60)),
        Some(at(90)),
    ];
    let mut shown = 0;
    for app in 1..=3 {
        for devices in &devices {
            for from in times {
                for to in times {
                    let filter = CommandFilter {
                        devices: devices.clone(),
                        from,
                        to,
                        ..every(app)
                    };
                    let page = store.commands(&filter).expect("lists are read");
                    let ids: Vec<CommandId> = page.items.iter().map(|c| c.id).collect();
                    assert_eq!(ids, expected(&all, &filter), "{filter:?}");
                    assert_eq!(usize::try_from(page.total), Ok(ids.len()), "{filter:?}");
                    shown += ids.len();
                }
            }
        }
    }
    assert!(shown > 1_000);
    // The operator sees everything.
    let ids = |commands: Vec<Command>| commands.iter().map(|c| c.id.seq).collect::<Vec<_>>();
    let latest = |device, before, limit| {
        ids(store
            .latest_commands(device, before, limit)
            .expect("commands are read"))
    };
    assert_eq!(latest(None, None, 4), [60, 59, 58, 57]);
    assert_eq!(latest(Some(device(1).id), None, 3), [60, 57, 54]);
    assert_eq!(
        latest(Some(DeviceId::new(1, 7)), None, 3),
        Vec::<u64>::new()
    );
    // What lies before a command is shown whether that one is kept or not.
    let before = |seq| Some(CommandId { seq, tag: 0 });
    assert_eq!(latest(None, before(58), 2), [57, 56]);
    assert_eq!(latest(Some(device(1).id), before(57), 2), [54, 51]);
    assert_eq!(latest(Some(device(1).id), before(u64::MAX), 1), [60]);
    assert_eq!(latest(None, before(1), 9), Vec::<u64>::new());
}

pub(super) fn r2_6_pages_are_cut_from_the_whole(store: &dyn Store) {
    let all = sixty(store);
    for devices in [
        None,
        Some(vec![device(2).id]),
        Some((1..=4).map(|n| device(n).id).collect()),
    ] {
        for from in [None, Some(at(7))] {
            let whole = CommandFilter {
                devices: devices.clone(),
                from,
                ..every(1)
            };
            let ids = expected(&all, &whole);
            let last = ids.len() - 1;
            for (skip, take) in [(0, 0), (0, 1), (1, 3), (last, 5), (last + 1, 5), (1_000, 5)] {
                let skipped = u64::try_from(skip).unwrap_or(u64::MAX);
                let part = CommandFilter {
                    skip: skipped,
                    take,
                    ..whole.clone()
                };
                let page = store.commands(&part).expect("lists are read");
                let found: Vec<CommandId> = page.items.iter().map(|c| c.id).collect();
                let part: Vec<CommandId> = ids.iter().skip(skip).take(take).copied().collect();
                assert_eq!((found, usize::try_from(page.total)), (part, Ok(ids.len())));
            }
            for skip in [SKIP_MAX, SKIP_MAX + 1, u64::MAX] {
                let deep = CommandFilter {
                    skip,
                    take: usize::MAX,
                    ..whole.clone()
                };
                let page = store.commands(&deep).expect("lists are read");
                let found = (page.items.len(), usize::try_from(page.total));
                assert_eq!(found, (0, Ok(ids.len())));
            }
        }
    }
}

pub(super) fn r2_6_pages_are_bounded(store: &dyn Store) {
    let rules = Rules {
        pending_max: 0,
        open_max: 0,
        ..Rules::default()
    };
    let mut lane = registered(store, 1);
    let count = u64::try_from(PAGE_ITEMS_MAX + 1).unwrap_or_default();
    let asked = (1..=count)
        .map(|seq| queued(&mut lane, seq, 1))
        .map(Box::new);
    let inbox = asked.map(|asked| Input::Submit(Ticket(0), asked)).collect();
    let turn = delivery::turn(lane, inbox, &rules, START);
    write(store, unit(&turn), START);
    for device in [None, Some(device(1).id)] {
        let filter = CommandFilter {
            take: usize::MAX,
            devices: device.map(|device| vec![device]),
            ..every(1)
        };
        let page = store.commands(&filter).expect("lists are read");
        assert_eq!((page.items.len(), page.total), (PAGE_ITEMS_MAX, count));
        let latest = store
            .latest_commands(device, None, usize::MAX)
            .expect("commands are read");
        assert_eq!(latest, page.items);
    }
    let lane = store
        .lane(1)
        .expect("lanes are read")
        .expect("the device is kept");
    assert_eq!(lane.open.len(), PAGE_ITEMS_MAX + 1);
}

/// Twelve cancel tasks of two applications and four devices, one a minute; every third found nothing.
fn twelve_tasks(store: &dyn Store) -> Vec<CancelTask> {
    let task = |n: u64| {
        let created = at(n);
        let command = |seq| CommandId {
            seq: 1 + seq,
            tag: n.wrapping_neg(),
        };
        let id = TaskId((u128::from(created.as_millis()) << 64) | u128::from(n * 77));
        let (app, device) = (AppKey(1 + n % 2), device(1 + n % 4).id);
        CancelTask {
            id,
            app,
            device,
            created,
            commands: (0..n % 3).map(command).collect(),
        }
    };
    let all: Vec<CancelTask> = (1..=12).map(task).collect();
    for task in &all {
        let writes = vec![Write::CancelTask(task.clone())];
        write(store, Unit { turn: None, writes }, task.created);
    }
    all
}

pub(super) fn cancel_tasks_are_found_and_replaced(store: &dyn Store) {
    let all = twelve_tasks(store);
    for task in &all {
        let kept = store.cancel_task(task.id).expect("tasks are read");
        assert_eq!(kept.as_ref(), Some(task));
    }
    assert_eq!(store.cancel_task(TaskId(1)).expect("tasks are read"), None);
    let again = CancelTask {
        commands: Vec::new(),
        ..all[1].clone()
    };
    let writes = vec![Write::CancelTask(again.clone())];
    write(store, Unit { turn: None, writes }, at(13));
    assert_eq!(
        store.cancel_task(again.id).expect("tasks are read"),
        Some(again)
    );
}

pub(super) fn cancel_tasks_are_listed_by_filter(store: &dyn Store) {
    let all = twelve_tasks(store);
    let devices = [
        None,
        Some(vec![device(2).id]),
        Some(vec![device(3).id]),
        Some(vec![device(3).id, device(2).id]),
        Some(vec![DeviceId::new(2, 1)]),
    ];
    let times = [None, Some(at(0)), Some(at(4)), Some(at(12))];
    let tasks = [None, Some(all[0].id), Some(all[5].id)];
    let mut filters = vec![];
    for app in (1..=3).map(AppKey) {
        for devices in &devices {
            for (from, to) in times
                .into_iter()
                .flat_map(|from| times.map(|to| (from, to)))
            {
                let (task, succeeded) = (None, None);
                filters.push(CancelTaskFilter {
                    app,
                    task,
                    devices: devices.clone(),
                    succeeded,
                    from,
                    to,
                    skip: 0,
                    take: 50,
                });
            }
        }
    }
    for filter in filters {
        for (task, succeeded) in tasks
            .into_iter()
            .flat_map(|task| [None, Some(true), Some(false)].map(|s| (task, s)))
        {
            let filter = CancelTaskFilter {
                task,
                succeeded,
                ..filter.clone()
            };
            compare_tasks(store, &all, &filter);
            compare_tasks(
                store,
                &all,
                &CancelTaskFilter {
                    skip: 1,
                    take: 2,
                    ..filter
                },
            );
        }
    }
}

fn compare_tasks(store: &dyn Store, all: &[CancelTask], filter: &CancelTaskFilter) {
    let shown = |task: &&CancelTask| {
        task.app == filter.app
            && filter.task.is_none_or(|id| task.id == id)
            && named(filter.devices.as_ref(), task.device)
            && filter
                .succeeded
                .is_none_or(|succeeded| task.commands.is_empty() != succeeded)
            && filter.from.is_none_or(|from| task.created >= from)
            && filter.to.is_none_or(|to| task.created <= to)
    };
    let found: Vec<&CancelTask> = all.iter().rev().filter(shown).collect();
    let page = store.cancel_tasks(filter).expect("tasks are read");
    assert_eq!(usize::try_from(page.total), Ok(found.len()), "{filter:?}");
    let skip = usize::try_from(filter.skip).unwrap_or(usize::MAX);
    let part: Vec<&CancelTask> = found.into_iter().skip(skip).take(filter.take).collect();
    assert_eq!(page.items.iter().collect::<Vec<_>>(), part, "{filter:?}");
}
