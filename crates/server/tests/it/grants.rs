//! Grants: an application acts on another's devices only as far as it was let, and what is pending ends with the grant.

use crate::north_support::{
    Bench, CANCEL_TASKS, COMMANDS, DEVICES, Got, REGISTER_V2, command, invoke, spawn,
};
use delivery::{AppKey, CommandId, DeviceId, Kind, Moment, Rules, Status, Who};
use serde_json::Value;
use server::body::Body;
use server::dispatch::{Ask, Refused};
use server::north::Settings;
use server::registry::{DeleteError, Endings, GrantError};
use server::timed::Timed;
use std::sync::Arc;
use std::time::Duration;
use store::{Grant, Memory, Store};
use tokio::task::JoinHandle;

pub(crate) const APP: AppKey = AppKey(1);
pub(crate) const OTHER: AppKey = AppKey(2);

/// A platform where `other` has logged in beside `app`.
pub(crate) struct Scene {
    pub(crate) bench: Bench,
    token: String,
}

impl Scene {
    pub(crate) async fn start() -> Self {
        Self::of(Bench::start().await).await
    }

    pub(crate) async fn over(store: Arc<dyn Store>) -> Self {
        let settings = Settings {
            throttle_calls_max: 0,
            ..Settings::default()
        };
        Self::of(Bench::over(store, settings, Rules::default()).await).await
    }

    pub(crate) async fn of(bench: Bench) -> Self {
        let token = bench.login("other").await;
        Self { bench, token }
    }

    /// A call of `other`.
    pub(crate) async fn other(&self, method: &str, path: &str, body: &str) -> Got {
        self.other_with(method, path, &[], body).await
    }

    async fn other_with(&self, method: &str, path: &str, more: &[(&str, &str)], body: &str) -> Got {
        let bearer = format!("Bearer {}", self.token);
        let own = [
            ("app_key", "other"),
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let headers = [&own, more].concat();
        self.bench.raw(method, path, &headers, body).await
    }

    /// `other` queues a command for one of `app`'s devices; its id.
    pub(crate) async fn queue(&self, device: DeviceId) -> String {
        let got = self
            .other("POST", &of_app(COMMANDS), &command(device))
            .await;
        assert_eq!(got.status, 201, "{}", got.text);
        id_of(&got)
    }

    pub(crate) async fn give(&self, grant: Grant) {
        self.bench.registry.grant(grant).await.expect("granted");
    }

    async fn revoke(&self) {
        let now = self.bench.clock.now();
        let revoked = self.bench.registry.revoke(APP, OTHER, now).await;
        assert!(revoked.expect("kept"));
    }

    /// Works off what grants have ended; the next end.
    pub(crate) async fn settle(&self) -> Option<Moment> {
        Endings::new(self.bench.registry.clone()).settle().await
    }

    /// Has `other` queue commands past the gate until they are no longer allowed: those that were accepted.
    pub(crate) fn post_on(&self, device: DeviceId) -> JoinHandle<Vec<CommandId>> {
        let dispatch = self.bench.dispatch.clone();
        spawn(async move {
            let mut accepted = Vec::new();
            loop {
                match dispatch.submit(device, past_the_gate(false)).await {
                    Ok(done) => accepted.push(done.command.id),
                    Err(Refused::NotAuthorised) => return accepted,
                    Err(Refused::Heart(_)) => tokio::task::yield_now().await,
                    Err(other) => panic!("{other}"),
                }
            }
        })
    }

    /// Sees that whatever was accepted is cancelled.
    pub(crate) async fn all_is_called_back(&self, posting: Vec<JoinHandle<Vec<CommandId>>>) {
        for accepted in posting {
            for id in accepted.await.expect("it ends") {
                let kept = self.bench.store.command(id).expect("it can be read");
                let kept = kept.expect("accepted");
                assert_eq!(kept.status(), Status::Cancelled, "{:?}", kept.history);
            }
        }
    }

    pub(crate) fn status(&self, id: &str) -> Status {
        let kept = self.bench.store.command(id.parse().expect("an id"));
        kept.expect("it can be read").expect("accepted").status()
    }
}

/// All that there is.
pub(crate) fn everything() -> Grant {
    Grant {
        owner: APP,
        grantee: OTHER,
        created: Moment::from_millis(0),
        until: None,
        devices: Vec::new(),
        groups: Vec::new(),
        operations: Vec::new(),
        revoked: None,
    }
}

fn only(operations: &[&str]) -> Grant {
    Grant {
        operations: operations.iter().map(|name| (*name).to_owned()).collect(),
        ..everything()
    }
}

pub(crate) fn of_app(path: &str) -> String {
    format!(
        "{path}{}appId=app",
        if path.contains('?') { '&' } else { '?' }
    )
}

pub(crate) fn id_of(got: &Got) -> String {
    got.json()["commandId"].as_str().expect("an id").to_owned()
}

/// The ids of a list, and its total.
pub(crate) fn listed(got: &Got) -> (Vec<String>, u64) {
    assert_eq!(got.status, 200, "{}", got.text);
    let json = got.json();
    let ids = json["data"].as_array().expect("a list").iter();
    let ids = ids.map(|one| one["commandId"].as_str().expect("an id").to_owned());
    let total = json["pagination"]["totalSize"].as_u64().expect("a number");
    (ids.collect(), total)
}

#[tokio::test]
async fn r1_13_a_command_under_a_grant_is_the_devices_applications_and_its_creators() {
    let scene = Scene::start().await;
    let bench = &scene.bench;
    let device = bench.device("n1").await;
    scene.give(everything()).await;
    let got = scene
        .other("POST", &of_app(COMMANDS), &command(device))
        .await;
    assert_eq!(got.json()["appId"], "app");
    let id = id_of(&got);
    let kept = bench.store.command(id.parse().expect("an id"));
    let kept = kept.expect("it can be read").expect("accepted");
    assert_eq!(
        (kept.app, kept.history[0].who),
        (APP, Who::Application(OTHER))
    );
    // Both read it and may cancel it; a third would find nothing.
    let owners = listed(&bench.call("GET", COMMANDS, "").await);
    assert_eq!(owners, (vec![id.clone()], 1));
    let theirs = scene.other("GET", &of_app(COMMANDS), "").await;
    assert_eq!(listed(&theirs), (vec![id.clone()], 1));
    assert_eq!(listed(&scene.other("GET", COMMANDS, "").await).1, 0);
    let cancel = r#"{"status":"CANCELED"}"#;
    let got = bench.call("PUT", &format!("{COMMANDS}/{id}"), cancel).await;
    assert_eq!((got.status, &got.json()["appId"]), (200, &"app".into()));
    let own = scene.queue(device).await;
    let at = of_app(&format!("{COMMANDS}/{own}"));
    let got = scene.other("PUT", &at, cancel).await;
    assert_eq!(got.json()["status"], "CANCELED");
}

#[tokio::test]
async fn without_an_app_id_the_devices_application_is_meant_where_it_has_granted() {
    let scene = Scene::start().await;
    let bench = &scene.bench;
    let (device, apart) = (bench.device("n1").await, bench.device("n2").await);
    let bare = async |device: DeviceId| scene.other("POST", COMMANDS, &command(device)).await;
    assert_eq!(bare(device).await.error().1, "100418");
    scene
        .give(Grant {
            devices: vec![device],
            ..everything()
        })
        .await;
    let got = bare(device).await;
    assert_eq!((got.status, &got.json()["appId"]), (201, &"app".into()));
    assert_eq!(bare(apart).await.error().1, "100418");
    let id = id_of(&got);
    let show = scene.other("GET", &format!("{DEVICES}/{device}"), "").await;
    assert_eq!(show.json()["deviceId"], device.to_string());
    let list = scene
        .other("GET", &format!("{COMMANDS}?deviceId={device}"), "")
        .await;
    assert_eq!(listed(&list), (vec![id.clone()], 1));
    let task = format!(r#"{{"deviceId":"{device}"}}"#);
    let task = scene.other("POST", CANCEL_TASKS, &task).await;
    assert_eq!((task.status, &task.json()["appId"]), (201, &"app".into()));
    let cancel = r#"{"status":"CANCELED"}"#;
    let again = scene
        .other("PUT", &format!("{COMMANDS}/{id}"), cancel)
        .await;
    assert_eq!(again.error().1, "100435");
    scene.revoke().await;
    assert_eq!(bare(device).await.error().1, "100418");
}

#[tokio::test]
async fn a_grant_of_some_devices_shows_those_alone_and_counts_those_alone() {
    let scene = Scene::start().await;
    let bench = &scene.bench;
    let mut devices = Vec::new();
    for n in 0..5 {
        devices.push(bench.device(&format!("n{n}")).await);
    }
    let mut ids = Vec::new();
    for round in 0..3 {
        for (n, device) in devices.iter().enumerate() {
            bench
                .clock
                .move_to(bench.clock.now() + Duration::from_millis(1));
            let id = bench.queue(*device).await;
            if [1, 3].contains(&n) {
                ids.insert(0, id);
            }
            if round == 2 {
                let task = format!(r#"{{"deviceId":"{device}"}}"#);
                bench.call("POST", CANCEL_TASKS, &task).await;
            }
        }
    }
    scene
        .give(Grant {
            devices: vec![devices[3], devices[1]],
            ..everything()
        })
        .await;
    let list = async |query: &str| {
        let path = of_app(&format!("{COMMANDS}{query}"));
        scene.other("GET", &path, "").await
    };
    let (shown, total) = listed(&list("").await);
    assert_eq!((shown.len(), total), (6, 6));
    assert_eq!(shown, ids);
    let (page, total) = listed(&list("?pageNo=1&pageSize=4").await);
    assert_eq!((page.as_slice(), total), (&ids[4..], 6));
    let one = listed(&list(&format!("?deviceId={}", devices[1])).await);
    assert_eq!((one.0.len(), one.1), (3, 3));
    let hidden = list(&format!("?deviceId={}", devices[0])).await;
    assert_eq!(hidden.error().1, "100418");
    let tasks = scene.other("GET", &of_app(CANCEL_TASKS), "").await.json();
    let of: Vec<&Value> = tasks["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|task| &task["deviceId"])
        .collect();
    assert_eq!(of, [&devices[3].to_string(), &devices[1].to_string()]);
    assert_eq!(tasks["pagination"]["totalSize"], 2);
    let batch = async |query: &str| {
        let path = of_app(&format!("{DEVICES}?{query}"));
        let json = scene.other("GET", &path, "").await.json();
        let list = json["devices"].as_array().expect("a list").iter();
        let ids: Vec<String> = list
            .map(|device| device["deviceId"].as_str().expect("an id").to_owned())
            .collect();
        (ids, json["totalCount"].as_u64().expect("a number"))
    };
    let both = [devices[3].to_string(), devices[1].to_string()];
    assert_eq!(batch("pageNo=0").await, (both.to_vec(), 2));
    let second = batch("pageNo=1&pageSize=1").await;
    assert_eq!(second, (both[1..].to_vec(), 2));
    let upwards = batch("pageNo=0&pageSize=1&sort=ASC").await;
    assert_eq!(upwards, (both[1..].to_vec(), 2));
    assert_eq!(batch("pageNo=0&status=ONLINE").await, (Vec::new(), 0));
    let foreign = scene
        .other("GET", &of_app(&format!("{DEVICES}/{}", devices[0])), "")
        .await;
    let unknown = scene
        .other(
            "GET",
            &of_app(&format!("{DEVICES}/{}", DeviceId::new(77, 7))),
            "",
        )
        .await;
    assert_eq!(foreign.text, unknown.text);
    // What is not there yet is in no list of devices.
    let new = r#"{"deviceInfo":{"nodeId":"n9"},"mqttConnect":true}"#;
    let got = scene.other("POST", &of_app(REGISTER_V2), new).await;
    assert_eq!(got.error(), (403, "100217".to_owned()));
}

#[tokio::test]
async fn a_device_registered_under_a_grant_is_the_owners() {
    let scene = Scene::start().await;
    scene.give(only(&["regDirectDevice"])).await;
    let new = r#"{"deviceInfo":{"nodeId":"n9"},"mqttConnect":true}"#;
    let got = scene.other("POST", &of_app(REGISTER_V2), new).await;
    assert_eq!(got.status, 200, "{}", got.text);
    let id: DeviceId = got.json()["deviceId"]
        .as_str()
        .expect("an id")
        .parse()
        .expect("a device's");
    let kept = scene.bench.store.device(id).expect("it can be read");
    assert_eq!(kept.expect("kept").app, APP);
    let show = of_app(&format!("{DEVICES}/{id}"));
    assert_eq!(scene.other("GET", &show, "").await.error().1, "100217");
}

#[tokio::test]
async fn r1_13_a_creator_reads_and_cancels_its_own_though_its_grant_is_for_posting_alone() {
    let scene = Scene::start().await;
    let bench = &scene.bench;
    let device = bench.device("n1").await;
    let theirs = bench.queue(device).await;
    scene.give(only(&["postDeviceCommand"])).await;
    let own = scene.queue(device).await;
    assert_eq!(
        listed(&scene.other("GET", &of_app(COMMANDS), "").await),
        (vec![own.clone()], 1)
    );
    let cancel = async |id: &str| {
        let at = of_app(&format!("{COMMANDS}/{id}"));
        scene.other("PUT", &at, r#"{"status":"CANCELED"}"#).await
    };
    assert_eq!(cancel(&theirs).await.error().1, "100217");
    assert_eq!(cancel(&own).await.json()["status"], "CANCELED");
    assert_eq!(scene.status(&theirs), Status::Queued);
    let tasks = scene.other("GET", &of_app(CANCEL_TASKS), "").await;
    assert_eq!(tasks.error().1, "100217");
}

#[tokio::test]
async fn r1_15_keys_are_per_application_that_calls() {
    let scene = Scene::start().await;
    let bench = &scene.bench;
    let device = bench.device("n1").await;
    scene.give(everything()).await;
    let key = [("idempotency-key", "2-k")];
    let body = command(device);
    let own = bench.with_headers("POST", COMMANDS, &key, &body).await;
    let theirs = scene
        .other_with("POST", &of_app(COMMANDS), &key, &body)
        .await;
    assert_eq!((own.status, theirs.status), (201, 201));
    assert_ne!(id_of(&own), id_of(&theirs));
    let again = scene
        .other_with("POST", &of_app(COMMANDS), &key, &body)
        .await;
    assert_eq!(id_of(&again), id_of(&theirs));
    let conflict = scene
        .other_with(
            "POST",
            &of_app(COMMANDS),
            &key,
            &body.replace(r#""12""#, r#""13""#),
        )
        .await;
    assert_eq!(conflict.error().1, "190409");
    let again = bench.with_headers("POST", COMMANDS, &key, &body).await;
    assert_eq!(id_of(&again), id_of(&own));
}

#[tokio::test]
async fn r1_11_a_revoked_grants_pending_commands_are_cancelled_and_no_others() {
    let scene = Scene::start().await;
    let bench = &scene.bench;
    let (away, near) = (bench.device("n1").await, bench.device("n2").await);
    scene.give(everything()).await;
    let session = bench.subscribe(near).await;
    let sent = scene.queue(near).await;
    assert_eq!(session.orders().len(), 1);
    let behind = scene.queue(near).await;
    let pending = scene.queue(away).await;
    let owners = bench.queue(away).await;
    scene.revoke().await;
    let got = scene.other("POST", &of_app(COMMANDS), &command(away)).await;
    assert_eq!(got.error().1, "100217");
    assert_eq!(scene.settle().await, None);
    for id in [&behind, &pending] {
        assert_eq!(scene.status(id), Status::Cancelled);
        assert_eq!(
            bench.store_history(id).last().copied(),
            Some("grant_revoked")
        );
    }
    assert_eq!(scene.status(&owners), Status::Queued);
    assert_eq!(scene.status(&sent), Status::Sent);
    assert!(bench.registry.grants().all().is_empty());
    assert!(bench.store.grants().expect("they can be read").is_empty());
    assert!(
        !bench
            .registry
            .revoke(APP, OTHER, bench.clock.now())
            .await
            .expect("kept")
    );
}

#[tokio::test]
async fn r1_11_a_revocation_goes_on_after_a_restart() {
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let (pending, device) = {
        let scene = Scene::over(store.clone()).await;
        let device = scene.bench.device("n1").await;
        scene.give(everything()).await;
        let pending = scene.queue(device).await;
        scene.revoke().await;
        // It stops here: nothing was called back yet.
        assert_eq!(scene.status(&pending), Status::Queued);
        scene.bench.dispatch.stop().await;
        (pending, device)
    };
    let scene = Scene::over(store).await;
    let got = scene
        .other("POST", &of_app(COMMANDS), &command(device))
        .await;
    assert_eq!(got.error().1, "100217");
    let refused = scene.bench.registry.grant(everything()).await;
    assert!(matches!(refused, Err(GrantError::StillEnding)));
    scene.settle().await;
    assert_eq!(scene.status(&pending), Status::Cancelled);
    scene.give(everything()).await;
    scene.queue(device).await;
}

#[tokio::test]
async fn r1_11_a_grant_ends_in_time_as_if_it_were_revoked() {
    let scene = Scene::start().await;
    let bench = &scene.bench;
    let device = bench.device("n1").await;
    let until = bench.clock.now() + Duration::from_hours(1);
    scene
        .give(Grant {
            until: Some(until),
            ..everything()
        })
        .await;
    let pending = scene.queue(device).await;
    assert_eq!(scene.settle().await, Some(until));
    bench.pass(Duration::from_mins(59)).await;
    scene.settle().await;
    assert_eq!(scene.status(&pending), Status::Queued);
    bench.pass(Duration::from_mins(1)).await;
    // Nobody has noticed yet, and it is over all the same.
    let got = scene
        .other("POST", &of_app(COMMANDS), &command(device))
        .await;
    assert_eq!(got.error().1, "100217");
    assert_eq!(scene.settle().await, None);
    assert_eq!(scene.status(&pending), Status::Cancelled);
    let kept = bench.store.command(pending.parse().expect("an id"));
    let kept = kept.expect("it can be read").expect("accepted");
    assert_eq!(kept.history.last().expect("an end").who, Who::Platform);
    assert!(bench.store.grants().expect("they can be read").is_empty());
}

#[tokio::test]
async fn r1_11_a_narrower_grant_stops_what_it_no_longer_covers() {
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let (kept, lost);
    {
        let scene = Scene::over(store.clone()).await;
        let (one, two) = (
            scene.bench.device("n1").await,
            scene.bench.device("n2").await,
        );
        scene.give(everything()).await;
        kept = scene.queue(one).await;
        lost = scene.queue(two).await;
        scene
            .give(Grant {
                devices: vec![one],
                ..everything()
            })
            .await;
        // It stops here; that something is to be called back is on disk.
        scene.bench.dispatch.stop().await;
    }
    let scene = Scene::over(store).await;
    assert!(matches!(
        scene.bench.registry.grant(everything()).await,
        Err(GrantError::StillEnding)
    ));
    scene.settle().await;
    assert_eq!(scene.status(&kept), Status::Queued);
    assert_eq!(scene.status(&lost), Status::Cancelled);
    scene.give(only(&["querySingleDeviceInfo"])).await;
    scene.settle().await;
    assert_eq!(scene.status(&kept), Status::Cancelled);
    // A wider one calls nothing back.
    scene.give(everything()).await;
    let grants = scene.bench.registry.grants().all();
    assert_eq!(grants, [everything()]);
}

/// A submission of `other`'s for one of `app`'s devices, as the gate lets it through.
pub(crate) fn past_the_gate(direct: bool) -> Ask {
    let body = Body {
        service_id: "Light".into(),
        method: "SET".into(),
        paras: serde_json::value::RawValue::from_string("{}".into()).expect("JSON"),
        paras_asked: None,
        callback_url: None,
        model_version: None,
        fingerprint: None,
        direct: None,
    };
    Ask {
        app: APP,
        who: Who::Application(OTHER),
        kind: if direct {
            Kind::Direct { confirm: false }
        } else {
            Kind::Queued {
                expire_after: Duration::from_hours(48),
            }
        },
        retransmit_max: 3,
        answer_expected: true,
        callback: false,
        key: None,
        body: body.write(),
        follow: None,
    }
}

#[tokio::test]
async fn r1_11_what_passed_the_gate_before_a_revocation_is_refused_when_its_turn_comes() {
    let scene = Scene::start().await;
    let bench = &scene.bench;
    let device = bench.device("n1").await;
    bench.subscribe(device).await;
    scene.give(everything()).await;
    let queued = bench.dispatch.submit(device, past_the_gate(false)).await;
    let id = queued.expect("accepted").command.id;
    scene.revoke().await;
    for direct in [false, true] {
        let late = bench.dispatch.submit(device, past_the_gate(direct)).await;
        assert!(matches!(late, Err(Refused::NotAuthorised)), "{late:?}");
    }
    let who = Who::Application(OTHER);
    let task = (store::TaskId(7), APP);
    let late = bench.dispatch.cancel_all(device, task, who).await;
    assert!(matches!(late, Err(Refused::NotAuthorised)));
    let record = bench.store.device(device).expect("it can be read");
    let late = bench
        .dispatch
        .delete(record.expect("registered"), who)
        .await;
    assert!(matches!(late, Err(Refused::NotAuthorised)));
    // Its own it may still cancel (R1.13), though it was sent before.
    let late = bench.dispatch.cancel(device, id, who).await;
    assert!(matches!(late, Err(Refused::Heart(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r1_11_no_command_outlives_a_revocation_that_it_races_with() {
    let scene = Scene::start().await;
    let bench = &scene.bench;
    let mut devices = Vec::new();
    for n in 0..20 {
        devices.push(bench.device(&format!("n{n}")).await);
    }
    for _ in 0..10 {
        scene.give(everything()).await;
        let mut posting = Vec::new();
        for device in &devices {
            posting.push(scene.post_on(*device));
        }
        tokio::task::yield_now().await;
        scene.revoke().await;
        // The sweep begins while requests are still on their way to their lanes.
        assert_eq!(scene.settle().await, None);
        scene.all_is_called_back(posting).await;
    }
}

#[tokio::test]
async fn r1_11_a_change_of_a_device_after_a_revocation_is_not_kept() {
    let scene = Scene::start().await;
    let bench = &scene.bench;
    let device = bench.device("n1").await;
    scene.give(everything()).await;
    let deed = server::registry::Deed {
        owner: APP,
        caller: OTHER,
        operation: api::Operation::ModifyDeviceInfo,
        device: Some(device),
    };
    let rename = |device: &mut store::Device| device.info = b"{\"name\":\"x\"}".to_vec();
    let before = bench.registry.change_device_for(deed, rename).await;
    assert!(before.expect("kept").is_some());
    scene.revoke().await;
    let after = bench.registry.change_device_for(deed, rename).await;
    assert!(matches!(
        after,
        Err(server::dispatch::KeepError::NotAuthorised)
    ));
}

#[tokio::test]
async fn direct_calls_count_against_the_callers_throttle_and_the_owners_devices() {
    let settings = Settings {
        throttle_calls_max: 3,
        ..Settings::default()
    };
    let scene = Scene::of(Bench::with(settings, Rules::default()).await).await;
    let device = scene.bench.device("n1").await;
    scene.give(everything()).await;
    scene.bench.subscribe(device).await;
    let call = r#"{"header":{"mode":"NOACK","method":"SET"},"body":{}}"#;
    let at = of_app(&invoke(device));
    for _ in 0..2 {
        assert_eq!(scene.other("POST", &at, call).await.status, 202);
    }
    let got = scene.other("POST", &at, call).await;
    assert_eq!(got.error().1, "1010009");
    // The owner has calls left: its login, a registration, and one more.
    assert_eq!(scene.bench.call("GET", COMMANDS, "").await.status, 200);
}

#[tokio::test]
async fn a_frozen_application_has_no_tokens_and_thaws_without_them() {
    let scene = Scene::start().await;
    let freeze = |frozen: bool| {
        let change = move |app: &mut store::Application| app.frozen = frozen;
        scene
            .bench
            .registry
            .change_application("other", true, change)
    };
    assert_eq!(scene.other("GET", COMMANDS, "").await.status, 200);
    freeze(true).await.expect("kept");
    let got = scene.other("GET", COMMANDS, "").await;
    assert_eq!(got.error().1, "1010005");
    freeze(false).await.expect("kept");
    let got = scene.other("GET", COMMANDS, "").await;
    assert_eq!(got.error().1, "1010005");
    let token = scene.bench.login("other").await;
    let scene = Scene { token, ..scene };
    assert_eq!(scene.other("GET", COMMANDS, "").await.status, 200);
}

#[tokio::test]
async fn a_deleted_application_takes_its_devices_and_grants_with_it() {
    let scene = Scene::start().await;
    let bench = &scene.bench;
    let device = bench.device("n1").await;
    scene.give(everything()).await;
    scene
        .give(Grant {
            owner: OTHER,
            grantee: APP,
            ..everything()
        })
        .await;
    let pending = scene.queue(device).await;
    let refused = bench.registry.delete_application("app", false).await;
    assert!(matches!(refused, Err(DeleteError::HasDevices(1))));
    scene.queue(device).await;
    let deleted = bench.registry.delete_application("app", true).await;
    assert!(deleted.expect("deleted"));
    assert_eq!(scene.status(&pending), Status::Cancelled);
    assert_eq!(bench.store_history(&pending)[1], "grant_revoked");
    let got = bench.call("GET", COMMANDS, "").await;
    assert_eq!(got.error().1, "1010005");
    let got = scene.other("GET", &of_app(COMMANDS), "").await;
    assert_eq!(got.error().1, "100203");
    assert!(bench.store.grants().expect("they can be read").is_empty());
    let names: Vec<String> = bench
        .store
        .applications()
        .expect("they can be read")
        .into_iter()
        .map(|app| app.app_id)
        .collect();
    assert_eq!(names, ["other"]);
    let kept = bench.store.device(device).expect("it can be read");
    assert!(kept.expect("its commands stay").deleted.is_some());
    let again = bench.registry.delete_application("app", true).await;
    assert!(!again.expect("there is none"));
}

#[tokio::test]
async fn nothing_is_taken_on_for_an_application_that_is_being_deleted() {
    let scene = Scene::start().await;
    let bench = &scene.bench;
    let device = bench.device("n1").await;
    let mut record = bench
        .store
        .device(device)
        .expect("it can be read")
        .expect("registered");
    bench
        .registry
        .delete_application("app", true)
        .await
        .expect("deleted");
    record.id = bench.registry.new_device_id();
    record.node_id = "n2".to_owned();
    let late = bench.registry.add_device(record).await;
    assert!(matches!(
        late,
        Err(server::dispatch::KeepError::NotAuthorised)
    ));
    let late = Ask {
        who: Who::Application(APP),
        ..past_the_gate(false)
    };
    let late = bench.dispatch.submit(device, late).await;
    assert!(matches!(late, Err(Refused::NotAuthorised)));
}
