//! Grants that are limited to device groups: who is in a group at the time is within reach.

use crate::grants::{APP, OTHER, Scene, everything, listed, of_app, past_the_gate};
use crate::north_support::{CANCEL_TASKS, COMMANDS, DEVICES, REGISTER_V2, command, spawn};
use api::Operation;
use delivery::{DeviceId, Status};
use server::dispatch::{KeepError, Refused};
use server::registry::{Deed, Endings, GroupError, NewGroup};
use server::timed::Timed;
use std::sync::Arc;
use std::time::Duration;
use store::{Grant, GroupId, Memory, Store};

/// What the owner does with its groups.
fn owners() -> Deed {
    Deed::own(APP, Operation::AddDevicesToGroup, None)
}

impl Scene {
    async fn group(&self, name: &str, devices: &[DeviceId]) -> GroupId {
        let new = NewGroup {
            name: name.to_owned(),
            description: None,
            devices_max: None,
            creator: "app".to_owned(),
        };
        let made = self
            .bench
            .registry
            .create_group(owners(), new, devices.to_vec());
        made.await.expect("made").0.id
    }

    async fn join(&self, group: GroupId, device: DeviceId) {
        let joined = self
            .bench
            .registry
            .add_to_group(owners(), group, vec![device]);
        joined.await.expect("joined");
    }

    async fn leave(&self, group: GroupId, device: DeviceId) {
        let left = self
            .bench
            .registry
            .remove_from_group(owners(), group, vec![device]);
        left.await.expect("left");
    }

    /// The code of a refusal to queue a command for this device.
    async fn refusal(&self, device: DeviceId) -> String {
        let got = self
            .other("POST", &of_app(COMMANDS), &command(device))
            .await;
        got.error().1
    }
}

fn of_group(group: GroupId) -> Grant {
    Grant {
        groups: vec![group],
        ..everything()
    }
}

#[tokio::test]
async fn a_grant_of_a_group_reaches_who_is_in_it_at_the_time() {
    let scene = Scene::start().await;
    let bench = &scene.bench;
    let (inside, outside, own) = (
        bench.device("n1").await,
        bench.device("n2").await,
        bench.device("n3").await,
    );
    let group = scene.group("district7", &[inside]).await;
    scene
        .give(Grant {
            devices: vec![own],
            ..of_group(group)
        })
        .await;
    let ids = [scene.queue(inside).await, scene.queue(own).await];
    assert_eq!(scene.refusal(outside).await, "100418");
    bench.queue(outside).await;
    let (shown, total) = listed(&scene.other("GET", &of_app(COMMANDS), "").await);
    assert_eq!((shown.len(), total), (2, 2));
    assert!(ids.iter().all(|id| shown.contains(id)));
    let json = scene
        .other("GET", &of_app(&format!("{DEVICES}?pageNo=0")), "")
        .await
        .json();
    assert_eq!(json["totalCount"], 2);
    scene.join(group, outside).await;
    scene.queue(outside).await;
    let (_, total) = listed(&scene.other("GET", &of_app(COMMANDS), "").await);
    assert_eq!(total, 4);
    // Without an appId, its device is meant all the same.
    let bare = scene.other("POST", COMMANDS, &command(outside)).await;
    assert_eq!((bare.status, &bare.json()["appId"]), (201, &"app".into()));
    // Who is registered now is in no group.
    let new = r#"{"deviceInfo":{"nodeId":"n9"},"mqttConnect":true}"#;
    let got = scene.other("POST", &of_app(REGISTER_V2), new).await;
    assert_eq!(got.error(), (403, "100217".to_owned()));
}

#[tokio::test]
async fn r1_11_who_leaves_a_group_loses_what_is_pending_and_nothing_else_ends() {
    let scene = Scene::start().await;
    let bench = &scene.bench;
    let (leaves, named, twice, stays) = (
        bench.device("n1").await,
        bench.device("n2").await,
        bench.device("n3").await,
        bench.device("n4").await,
    );
    let all = [leaves, named, twice, stays];
    let group = scene.group("one", &all).await;
    let second = scene.group("two", &[twice]).await;
    scene
        .give(Grant {
            devices: vec![named],
            groups: vec![group, second],
            ..everything()
        })
        .await;
    let mut pending = Vec::new();
    for device in all {
        pending.push(scene.queue(device).await);
    }
    let owners = bench.queue(leaves).await;
    for device in [leaves, named, twice] {
        scene.leave(group, device).await;
    }
    assert_eq!(scene.refusal(leaves).await, "100418");
    scene.settle().await;
    assert_eq!(scene.status(&pending[0]), Status::Cancelled);
    let history = bench.store_history(&pending[0]);
    assert_eq!(history.last().copied(), Some("grant_revoked"));
    for id in pending[1..].iter().chain([&owners]) {
        assert_eq!(scene.status(id), Status::Queued);
    }
    // Nothing stands in the way of another grant, and a wider one calls nothing back.
    scene
        .give(Grant {
            devices: vec![named, twice],
            groups: vec![group],
            ..everything()
        })
        .await;
    scene.settle().await;
    assert_eq!(scene.status(&pending[3]), Status::Queued);
    // It was reached through the second group alone, which the grant no longer names, but it is named itself now.
    assert_eq!(scene.status(&pending[2]), Status::Queued);
    scene.give(of_group(second)).await;
    scene.settle().await;
    let left: Vec<Status> = pending.iter().map(|id| scene.status(id)).collect();
    let (gone, kept) = (Status::Cancelled, Status::Queued);
    assert_eq!(left, [gone, gone, kept, gone]);
}

#[tokio::test]
async fn r1_11_a_departure_goes_on_after_a_restart() {
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let (gone, kept, group, stays);
    {
        let scene = Scene::over(store.clone()).await;
        let leaves = scene.bench.device("n1").await;
        stays = scene.bench.device("n2").await;
        group = scene.group("one", &[leaves, stays]).await;
        scene.give(of_group(group)).await;
        gone = scene.queue(leaves).await;
        kept = scene.queue(stays).await;
        scene.leave(group, leaves).await;
        // It stops here; that something is to be called back is on disk.
        scene.bench.dispatch.stop().await;
    }
    let scene = Scene::over(store).await;
    assert_eq!(scene.status(&gone), Status::Queued);
    scene.settle().await;
    assert_eq!(scene.status(&gone), Status::Cancelled);
    assert_eq!(scene.status(&kept), Status::Queued);
    // The group's devices are known again.
    scene.queue(stays).await;
    scene.leave(group, stays).await;
    scene.settle().await;
    assert_eq!(scene.status(&kept), Status::Cancelled);
}

#[tokio::test]
async fn a_grant_of_a_deleted_group_is_one_of_nothing() {
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let (device, pending);
    {
        let scene = Scene::over(store.clone()).await;
        device = scene.bench.device("n1").await;
        let group = scene.group("one", &[device]).await;
        scene.give(of_group(group)).await;
        pending = scene.queue(device).await;
        let deleted = scene.bench.registry.delete_group(owners(), group).await;
        deleted.expect("deleted");
        assert_eq!(scene.refusal(device).await, "100418");
        scene.settle().await;
        assert_eq!(scene.status(&pending), Status::Cancelled);
        // Another group of that name is another group.
        scene.group("one", &[device]).await;
        assert_eq!(scene.refusal(device).await, "100418");
        scene.bench.dispatch.stop().await;
    }
    let scene = Scene::over(store).await;
    assert_eq!(scene.refusal(device).await, "100418");
    let all = listed(&scene.other("GET", &of_app(COMMANDS), "").await);
    assert_eq!(all.1, 0);
}

#[tokio::test]
async fn groups_of_one_moment_are_listed_in_the_order_of_their_creation() {
    let scene = Scene::start().await;
    let mut made = Vec::new();
    for n in 0..20 {
        made.insert(0, scene.group(&format!("g{n}"), &[]).await);
    }
    let filter = store::GroupFilter {
        app: APP,
        name: None,
        skip: 0,
        take: 99,
    };
    let page = scene.bench.store.groups(&filter).expect("read");
    let listed: Vec<GroupId> = page.items.iter().map(|(group, _)| group.id).collect();
    assert_eq!(listed, made);
}

#[tokio::test]
async fn a_deleted_device_is_in_no_group_any_more() {
    let scene = Scene::start().await;
    let bench = &scene.bench;
    let (gone, stays) = (bench.device("n1").await, bench.device("n2").await);
    let group = scene.group("one", &[gone, stays]).await;
    scene.give(of_group(group)).await;
    let got = scene
        .other("DELETE", &of_app(&format!("{DEVICES}/{gone}")), "")
        .await;
    assert_eq!(got.status, 204, "{}", got.text);
    let (_, count) = bench.store.group(group).expect("read").expect("it stays");
    assert_eq!(count, 1);
    let granted = bench
        .registry
        .grants()
        .granted(APP, OTHER, bench.clock.now());
    let granted = granted.expect("in force");
    assert!(!granted.covers_device(Some(gone)));
    assert!(granted.covers_device(Some(stays)));
}

#[tokio::test]
async fn who_is_limited_to_a_group_changes_no_group() {
    let scene = Scene::start().await;
    let bench = &scene.bench;
    let (inside, outside) = (bench.device("n1").await, bench.device("n2").await);
    let group = scene.group("one", &[inside]).await;
    let theirs = Deed {
        caller: OTHER,
        ..owners()
    };
    let joining = || bench.registry.add_to_group(theirs, group, vec![outside]);
    let leaving = || {
        bench
            .registry
            .remove_from_group(theirs, group, vec![inside])
    };
    scene.give(of_group(group)).await;
    let refused = |outcome: Result<(), GroupError>| {
        assert!(matches!(
            outcome,
            Err(GroupError::Keep(KeepError::NotAuthorised))
        ));
    };
    refused(joining().await);
    refused(leaving().await);
    refused(bench.registry.delete_group(theirs, group).await);
    scene.queue(inside).await;
    assert_eq!(scene.refusal(outside).await, "100418");
    // One who is not limited may: it has the reach already.
    scene.give(everything()).await;
    joining().await.expect("allowed");
    leaving().await.expect("allowed");
    let (_, count) = bench.store.group(group).expect("read").expect("it stays");
    assert_eq!(count, 1);
}

#[tokio::test]
async fn r1_11_what_passed_the_gate_before_a_departure_is_refused_when_its_turn_comes() {
    let scene = Scene::start().await;
    let bench = &scene.bench;
    let device = bench.device("n1").await;
    let group = scene.group("one", &[device]).await;
    scene.give(of_group(group)).await;
    let in_time = bench.dispatch.submit(device, past_the_gate(false)).await;
    in_time.expect("accepted");
    scene.leave(group, device).await;
    let late = bench.dispatch.submit(device, past_the_gate(false)).await;
    assert!(matches!(late, Err(Refused::NotAuthorised)), "{late:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r1_11_no_command_outlives_a_departure_that_it_races_with() {
    let scene = Scene::start().await;
    let bench = &scene.bench;
    let mut devices = Vec::new();
    for n in 0..20 {
        devices.push(bench.device(&format!("n{n}")).await);
    }
    let group = scene.group("one", &[]).await;
    scene.give(of_group(group)).await;
    for _ in 0..10 {
        let mut posting = Vec::new();
        for device in &devices {
            scene.join(group, *device).await;
            posting.push(scene.post_on(*device));
        }
        // They leave one by one, while what the others left behind is called back.
        for device in &devices {
            scene.leave(group, *device).await;
            let endings = Endings::new(bench.registry.clone());
            spawn(async move { endings.settle().await.is_none() });
        }
        assert_eq!(scene.settle().await, None);
        scene.all_is_called_back(posting).await;
    }
}

#[tokio::test]
async fn lists_show_a_large_group_as_they_show_a_small_one() {
    let scene = Scene::start().await;
    let bench = &scene.bench;
    let mut members = Vec::new();
    for n in 0..1_001 {
        members.push(bench.device(&format!("n{n}")).await);
    }
    let apart = bench.device("apart").await;
    let mut ids = Vec::new();
    for device in [members[0], apart, members[1_000], members[500], apart] {
        let later = bench.clock.now() + Duration::from_millis(1);
        bench.clock.move_to(later);
        let id = bench.queue(device).await;
        if device != apart {
            ids.insert(0, id);
        }
        let task = format!(r#"{{"deviceId":"{device}"}}"#);
        bench.call("POST", CANCEL_TASKS, &task).await;
    }
    let group = scene.group("large", &members).await;
    scene.give(of_group(group)).await;
    let list = async |query: &str| {
        let path = of_app(&format!("{COMMANDS}{query}"));
        listed(&scene.other("GET", &path, "").await)
    };
    assert_eq!(list("").await, (ids.clone(), 3));
    let second = list("?pageNo=1&pageSize=2").await;
    assert_eq!(second, (ids[2..].to_vec(), 3));
    assert_eq!(list(&format!("?deviceId={}", members[500])).await.1, 1);
    let tasks = scene.other("GET", &of_app(CANCEL_TASKS), "").await.json();
    assert_eq!(tasks["pagination"]["totalSize"], 3);
    let of_devices = async |query: &str| {
        let path = of_app(&format!("{DEVICES}?pageNo={query}"));
        scene.other("GET", &path, "").await.json()
    };
    let json = of_devices("4&pageSize=250").await;
    assert_eq!(json["totalCount"], 1_001);
    assert_eq!(json["devices"][0]["deviceId"], members[0].to_string());
    assert_eq!(json["devices"].as_array().map(Vec::len), Some(1));
    // It goes in parts, and whole.
    let deleted = bench.registry.delete_group(owners(), group).await;
    deleted.expect("deleted");
    assert_eq!(bench.store.group(group).expect("read"), None);
    assert_eq!(list("").await.1, 0);
    let again = scene.group("large", &members[..2]).await;
    let page = bench.store.group_page(again, 0, 9).expect("read");
    assert_eq!(page.total, 2);
}
