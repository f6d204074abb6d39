//! Groups of devices (contract §10): what they hold, how they are listed, what bounds them, who reaches them.

use crate::north_support::{Bench, COMMANDS, DEVICES, GROUPS, JOIN, LEAVE, MEMBERS, command};
use delivery::{AppKey, DeviceId, Rules};
use serde_json::{Value, json};
use server::north::Settings;
use server::registry::{Endings, GroupBounds};
use server::timed::Timed;
use std::sync::Arc;
use std::time::Duration;
use store::{Grant, Memory, Store};

/// A request about devices of a group.
fn devices_of(group: &str, devices: &[DeviceId]) -> String {
    let devices: Vec<String> = devices.iter().map(ToString::to_string).collect();
    json!({"devGroupId": group, "deviceIds": devices}).to_string()
}

/// The devices of a group, as they are listed at once.
async fn members(bench: &Bench, group: &str) -> Vec<String> {
    let got = bench
        .call("GET", &format!("{MEMBERS}?devGroupId={group}"), "")
        .await;
    let json = got.json();
    let ids = texts(&json["deviceIds"]);
    assert_eq!(json["totalCount"], ids.len(), "{json}");
    ids
}

/// The names of the groups that a query lists.
async fn names(bench: &Bench, query: &str) -> Vec<String> {
    let json = bench
        .call("GET", &format!("{GROUPS}{query}"), "")
        .await
        .json();
    let list = json["list"].as_array().expect("a list").iter();
    list.map(|group| group["name"].as_str().expect("a name").to_owned())
        .collect()
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().expect("a list").iter();
    list.map(|text| text.as_str().expect("a text").to_owned())
        .collect()
}

fn ids(devices: &[DeviceId]) -> Vec<String> {
    devices.iter().map(ToString::to_string).collect()
}

async fn three(bench: &Bench) -> [DeviceId; 3] {
    [
        bench.device("a").await,
        bench.device("b").await,
        bench.device("c").await,
    ]
}

#[tokio::test]
async fn a_group_is_created_shown_changed_and_deleted() {
    let bench = Bench::start().await;
    let [a, b, _] = three(&bench).await;
    let body = json!({
        "name": "north1", "description": "Meters", "maxDevNum": 2, "deviceIds": ids(&[b, a, b]),
    });
    let made = bench.call("POST", GROUPS, &body.to_string()).await.json();
    let id = made["id"].as_str().expect("an id").to_owned();
    assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()));
    let mut expected = json!({
        "name": "north1", "description": "Meters", "id": id, "appId": "app", "maxDevNum": 2, "curDevNum": 2,
    });
    assert_eq!(made, expected);
    let one = format!("{GROUPS}/{id}");
    expected["creator"] = "app".into();
    let shown = bench.call("GET", &one, "").await;
    assert_eq!((shown.status, shown.json()), (200, expected.clone()));
    let listed = bench.call("GET", GROUPS, "").await.json();
    assert_eq!(
        listed,
        json!({"totalCount": 1, "pageNo": 0, "pageSize": 1000, "list": [expected]})
    );
    assert_eq!(members(&bench, &id).await, ids(&[a, b]));

    let changed = bench
        .call("PUT", &one, r#"{"name":"south1","maxDevNum":0}"#)
        .await
        .json();
    let expected = json!({
        "name": "south1", "description": "Meters", "id": id, "appId": "app", "maxDevNum": 0, "curDevNum": 2,
    });
    assert_eq!(changed, expected);

    let deleted = bench.call("DELETE", &one, "").await;
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    let gone = bench.call("GET", &one, "").await;
    assert_eq!(gone.error(), (200, "100603".into()));
    // Its devices stay.
    let device = bench.call("GET", &format!("{DEVICES}/{a}"), "").await;
    assert_eq!(device.status, 200);
    assert_eq!(names(&bench, "").await, [""; 0]);
}

#[tokio::test]
async fn what_a_change_leaves_out_stays() {
    let bench = Bench::start().await;
    let body = r#"{"name":"n","description":"d","maxDevNum":5}"#;
    let made = bench.call("POST", GROUPS, body).await.json();
    let one = format!("{GROUPS}/{}", made["id"].as_str().expect("an id"));
    for (change, member, value) in [
        ("{}", "name", json!("n")),
        (r#"{"name":"n"}"#, "name", json!("n")),
        (r#"{"name":"m"}"#, "description", json!("d")),
        (r#"{"description":"e"}"#, "maxDevNum", json!(5)),
        (r#"{"maxDevNum":null}"#, "maxDevNum", json!(5)),
        (r#"{"maxDevNum":"6"}"#, "maxDevNum", json!(6)),
        (r#"{"maxDevNum":0}"#, "maxDevNum", json!(0)),
    ] {
        let got = bench.call("PUT", &one, change).await;
        assert_eq!(got.json()[member], value, "{change}");
    }
    let shown = bench.call("GET", &one, "").await.json();
    assert_eq!(
        (&shown["name"], &shown["description"]),
        (&json!("m"), &json!("e"))
    );
}

#[tokio::test]
async fn devices_join_and_leave_and_doing_it_again_changes_nothing() {
    let bench = Bench::start().await;
    let [a, b, c] = three(&bench).await;
    let group = bench.group("n", &[]).await;
    let joined = bench.call("POST", JOIN, &devices_of(&group, &[c, a])).await;
    let expected = json!({"devGroupId": group, "deviceIds": ids(&[c, a])});
    assert_eq!((joined.status, joined.json()), (200, expected));
    assert_eq!(members(&bench, &group).await, ids(&[a, c]));
    let again = bench.call("POST", JOIN, &devices_of(&group, &[a, b])).await;
    assert_eq!(again.status, 200);
    assert_eq!(
        members(&bench, &group).await,
        ids(&[a, b, c]),
        "in the order of registration"
    );
    // R3.11: no byte, but a Content-Type and a length.
    for _ in 0..2 {
        let left = bench
            .call("POST", LEAVE, &devices_of(&group, &[a, c]))
            .await;
        assert_eq!((left.status, left.text.as_str()), (200, ""));
        assert_eq!(left.headers["content-type"], "application/json");
        assert_eq!(members(&bench, &group).await, ids(&[b]));
    }
    let odd = json!({"devGroupId": group, "deviceIds": ["no-device", b.to_string()]});
    let left = bench.call("POST", LEAVE, &odd.to_string()).await;
    assert_eq!(left.status, 200, "what is not in it is passed over");
    assert_eq!(members(&bench, &group).await, [""; 0]);
}

#[tokio::test]
async fn a_device_is_in_many_groups_and_leaves_them_all_when_it_is_deleted() {
    let bench = Bench::start().await;
    let [a, b, _] = three(&bench).await;
    let first = bench.group("first", &[a, b]).await;
    let second = bench.group("second", &[a]).await;
    let got = bench.call("DELETE", &format!("{DEVICES}/{a}"), "").await;
    assert_eq!(got.status, 204);
    assert_eq!(members(&bench, &first).await, ids(&[b]));
    assert_eq!(members(&bench, &second).await, [""; 0]);
    let shown = bench.call("GET", &format!("{GROUPS}/{second}"), "").await;
    assert_eq!(shown.json()["curDevNum"], 0);
    let gone = bench
        .call("POST", JOIN, &devices_of(&second, &[b, a]))
        .await;
    assert_eq!(gone.error(), (200, "100418".into()));
    assert!(gone.detail().contains(&a.to_string()), "{}", gone.text);
    assert_eq!(members(&bench, &second).await, [""; 0], "nobody joined");
}

#[tokio::test]
async fn groups_are_listed_newest_first_by_name_and_in_pages() {
    let bench = Bench::start().await;
    for name in ["a", "b", "c"] {
        bench.pass(Duration::from_millis(1)).await;
        bench.group(name, &[]).await;
    }
    assert_eq!(names(&bench, "").await, ["c", "b", "a"]);
    assert_eq!(names(&bench, "?name=b").await, ["b"]);
    assert_eq!(names(&bench, "?name=B").await, [""; 0], "exactly this name");
    // Clients send empty values for what they do not set.
    assert_eq!(
        names(&bench, "?accessAppId=&pageNo=&pageSize=&name=").await,
        ["c", "b", "a"]
    );
    for (query, expected, page) in [
        ("?pageNo=0", vec!["c"], (0, 1)),
        ("?pageNo=2", vec!["a"], (2, 1)),
        ("?pageSize=2", vec!["c", "b"], (0, 2)),
        ("?pageNo=1&pageSize=2", vec!["a"], (1, 2)),
        ("?pageNo=2&pageSize=2", vec![], (2, 2)),
        ("?pageNo=0&pageSize=1000", vec!["c", "b", "a"], (0, 1000)),
    ] {
        assert_eq!(names(&bench, query).await, expected, "{query}");
        let json = bench
            .call("GET", &format!("{GROUPS}{query}"), "")
            .await
            .json();
        assert_eq!(json["totalCount"], 3, "{query}");
        assert_eq!(
            (&json["pageNo"], &json["pageSize"]),
            (&json!(page.0), &json!(page.1)),
            "{query}"
        );
    }
    let named = bench
        .call("GET", &format!("{GROUPS}?name=b&pageNo=0"), "")
        .await;
    assert_eq!(named.json()["totalCount"], 1);
}

#[tokio::test]
async fn members_are_listed_in_pages() {
    let bench = Bench::start().await;
    let all = three(&bench).await;
    let group = bench.group("n", &all).await;
    for (query, expected, page) in [
        ("", &all[..], (0, 1000)),
        ("&pageNo=&pageSize=", &all[..], (0, 1000)),
        ("&pageNo=0", &all[..1], (0, 1)),
        ("&pageNo=2", &all[2..], (2, 1)),
        ("&pageSize=2", &all[..2], (0, 2)),
        ("&pageNo=1&pageSize=2", &all[2..], (1, 2)),
        ("&pageNo=3", &[], (3, 1)),
    ] {
        let path = format!("{MEMBERS}?devGroupId={group}{query}");
        let got = bench.call("GET", &path, "").await;
        let expected = json!({
            "totalCount": 3, "pageNo": page.0, "pageSize": page.1, "deviceIds": ids(expected),
        });
        assert_eq!((got.status, got.json()), (200, expected), "{query}");
    }
}

#[tokio::test]
async fn a_group_is_its_applications_whichever_way_that_is_named() {
    let bench = Bench::start().await;
    let [a, ..] = three(&bench).await;
    let group = bench.group("n", &[a]).await;
    let token = format!("Bearer {}", bench.login("other").await);
    let other = [("app_key", "other"), ("authorization", token.as_str())];
    let one = format!("{GROUPS}/{group}");
    // The name is another application's; so is the group, and it is nobody's to `other`.
    let body = r#"{"name":"n"}"#;
    let made = bench.raw("POST", GROUPS, &other, body).await;
    assert_eq!(
        (made.status, &made.json()["appId"]),
        (200, &json!("other")),
        "a name is unique within its application"
    );
    let foreign = |path: String, body: String, method: &'static str| {
        let bench = &bench;
        async move { bench.raw(method, &path, &other, &body).await.error().1 }
    };
    assert_eq!(foreign(one.clone(), String::new(), "GET").await, "100603");
    assert_eq!(foreign(one.clone(), body.into(), "PUT").await, "100603");
    assert_eq!(
        foreign(one.clone(), String::new(), "DELETE").await,
        "100603"
    );
    let devices = devices_of(&group, &[a]);
    for path in [JOIN, LEAVE] {
        assert_eq!(
            foreign(path.into(), devices.clone(), "POST").await,
            "100603"
        );
    }
    let own = devices_of(made.json()["id"].as_str().expect("an id"), &[a]);
    assert_eq!(foreign(JOIN.into(), own, "POST").await, "100418");
    for query in [
        "accessAppId=app",
        "appId=app",
        "accessAppId=app&appId=other",
    ] {
        let path = format!("{one}?{query}");
        assert_eq!(foreign(path, String::new(), "GET").await, "100217");
    }
    let named = r#"{"name":"m","appId":"app"}"#;
    assert_eq!(foreign(GROUPS.into(), named.into(), "POST").await, "100217");
    let nobody = r#"{"name":"m","appId":"nobody"}"#;
    assert_eq!(
        foreign(GROUPS.into(), nobody.into(), "POST").await,
        "100203"
    );
    // The body's goes before the address's.
    let path = format!("{GROUPS}?accessAppId=nobody");
    let own = r#"{"name":"m","appId":"other"}"#;
    assert_eq!(bench.raw("POST", &path, &other, own).await.status, 200);
    assert_eq!(names(&bench, "?accessAppId=app").await, ["n"]);
    assert_eq!(members(&bench, &group).await, ids(&[a]));
}

#[tokio::test]
async fn groups_survive_a_restart_of_the_platform() {
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let (devices, group) = {
        let bench = Bench::over(store.clone(), unthrottled(), Rules::default()).await;
        let devices = three(&bench).await;
        let group = bench.group("n", &devices[..2]).await;
        let left = devices_of(&group, &devices[..1]);
        assert_eq!(bench.call("POST", LEAVE, &left).await.status, 200);
        (devices, group)
    };
    let bench = Bench::over(store, unthrottled(), Rules::default()).await;
    assert_eq!(members(&bench, &group).await, ids(&devices[1..2]));
    let taken = bench.call("POST", GROUPS, r#"{"name":"n"}"#).await;
    assert_eq!(taken.error().1, "100602");
    let one = format!("{GROUPS}/{group}");
    let full = bench.call("PUT", &one, r#"{"maxDevNum":1}"#).await;
    assert_eq!(full.status, 200, "it counts one device");
}

#[tokio::test]
async fn a_group_takes_as_many_devices_as_it_may_and_none_of_a_request_that_is_too_much() {
    let bench = Bench::start().await;
    let [a, b, c] = three(&bench).await;
    let create = |max: u32, devices: &[DeviceId]| {
        let body = json!({"name": format!("n{max}"), "maxDevNum": max, "deviceIds": ids(devices)});
        let (bench, body) = (&bench, body.to_string());
        async move { bench.call("POST", GROUPS, &body).await }
    };
    assert_eq!(create(1, &[a, b]).await.error().1, "100609");
    assert_eq!(names(&bench, "").await, [""; 0], "it was not made");
    let made = create(2, &[a]).await.json();
    let group = made["id"].as_str().expect("an id");
    let join = |devices: &[DeviceId]| {
        let body = devices_of(group, devices);
        let bench = &bench;
        async move { bench.call("POST", JOIN, &body).await }
    };
    assert_eq!(join(&[b, c]).await.error(), (200, "100601".into()));
    assert_eq!(members(&bench, group).await, ids(&[a]));
    assert_eq!(join(&[a, b]).await.status, 200, "one of them was in it");
    let one = format!("{GROUPS}/{group}");
    let lower = bench.call("PUT", &one, r#"{"maxDevNum":1}"#).await;
    assert_eq!(lower.error(), (200, "100601".into()));
    let equal = bench.call("PUT", &one, r#"{"maxDevNum":2}"#).await;
    assert_eq!(equal.json()["curDevNum"], 2);
    assert_eq!(join(&[c]).await.error().1, "100601");
    let more = bench.call("PUT", &one, r#"{"maxDevNum":0}"#).await;
    assert_eq!(more.status, 200);
    assert_eq!(join(&[c]).await.status, 200);
}

#[tokio::test]
async fn the_platform_bounds_groups_and_their_devices_and_a_deleted_group_makes_room() {
    let bounds = GroupBounds {
        per_application_max: 2,
        devices_max: 2,
    };
    let bench = Bench::bounded(unthrottled(), bounds).await;
    let devices = three(&bench).await;
    let all = json!({"name": "all", "deviceIds": ids(&devices)}).to_string();
    assert_eq!(
        bench.call("POST", GROUPS, &all).await.error(),
        (400, "100609".into())
    );
    let first = bench.group("first", &devices[..2]).await;
    bench.group("second", &[]).await;
    let third = bench.call("POST", GROUPS, r#"{"name":"third"}"#).await;
    assert_eq!(third.error(), (200, "100607".into()));
    let join = devices_of(&first, &devices[2..]);
    let one = format!("{GROUPS}/{first}");
    let wide = bench.call("PUT", &one, r#"{"maxDevNum":9}"#).await;
    assert_eq!(wide.status, 200, "the platform's bound stands");
    assert_eq!(
        bench.call("POST", JOIN, &join).await.error(),
        (200, "100601".into())
    );
    assert_eq!(bench.call("DELETE", &one, "").await.status, 204);
    bench.group("third", &[]).await;
    // Another application has room of its own.
    let token = format!("Bearer {}", bench.login("other").await);
    let other = [("app_key", "other"), ("authorization", token.as_str())];
    let made = bench.raw("POST", GROUPS, &other, r#"{"name":"first"}"#);
    assert_eq!(made.await.status, 200);
}

#[tokio::test]
async fn a_request_names_at_most_a_thousand_devices() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let group = bench.group("n", &[]).await;
    let many = |count: usize| devices_of(&group, &vec![device; count]);
    for path in [JOIN, LEAVE] {
        assert_eq!(bench.call("POST", path, &many(1_000)).await.status, 200);
        let got = bench.call("POST", path, &many(1_001)).await;
        assert_eq!(got.error(), (400, "100609".into()), "{path}");
        assert_eq!(
            bench.call("POST", path, &many(0)).await.error().1,
            "50400",
            "{path}"
        );
    }
    let create = |count: usize| {
        let devices = vec![device.to_string(); count];
        json!({"name": format!("n{count}"), "deviceIds": devices}).to_string()
    };
    assert_eq!(
        bench.call("POST", GROUPS, &create(1_000)).await.json()["curDevNum"],
        1
    );
    assert_eq!(
        bench.call("POST", GROUPS, &create(1_001)).await.error(),
        (400, "100609".into())
    );
}

#[tokio::test]
async fn a_grantee_without_an_application_id_reaches_the_group_that_it_was_granted() {
    let bench = Bench::start().await;
    let [a, b, _] = three(&bench).await;
    let (granted, hidden) = (
        bench.group("granted", &[a]).await,
        bench.group("hidden", &[a, b]).await,
    );
    let grant = Grant {
        groups: vec![granted.parse().expect("an id")],
        ..grant(&bench)
    };
    bench.registry.grant(grant).await.expect("granted");
    let token = format!("Bearer {}", bench.login("other").await);
    let other = [("app_key", "other"), ("authorization", token.as_str())];
    let get = |path: String| {
        let bench = &bench;
        async move { bench.raw("GET", &path, &other, "").await }
    };
    let shown = get(format!("{GROUPS}/{granted}")).await.json();
    assert_eq!(
        (&shown["name"], &shown["appId"]),
        (&json!("granted"), &json!("app"))
    );
    let listed = get(format!("{MEMBERS}?devGroupId={granted}")).await.json();
    assert_eq!(texts(&listed["deviceIds"]), ids(&[a]));
    for path in [
        format!("{GROUPS}/{hidden}"),
        format!("{GROUPS}/{hidden}?accessAppId=app"),
        format!("{MEMBERS}?devGroupId={hidden}&accessAppId=app"),
    ] {
        assert_eq!(get(path).await.error().1, "100603");
    }
    let list = get(format!("{GROUPS}?accessAppId=app")).await.json();
    assert_eq!(
        (&list["totalCount"], &list["list"][0]["id"]),
        (&json!(1), &json!(granted))
    );
    let page = get(format!("{GROUPS}?accessAppId=app&pageNo=1")).await;
    assert_eq!(page.json()["list"], json!([]));
    // Its own list shows its own.
    assert_eq!(
        get(GROUPS.to_owned()).await.json()["totalCount"],
        0,
        "without an id it is its own"
    );
    // It cannot widen what it was granted.
    let widen = devices_of(&granted, &[b]);
    let got = bench.raw("POST", JOIN, &other, &widen).await;
    assert_eq!(got.error().1, "100217");
    assert_eq!(
        get(format!("{DEVICES}/{b}?appId=app")).await.error().1,
        "100418"
    );
    assert_eq!(get(format!("{DEVICES}/{a}?appId=app")).await.status, 200);
}

#[tokio::test]
async fn r1_11_what_a_grantee_has_pending_ends_when_the_owner_takes_the_device_out() {
    let bench = Bench::start().await;
    let [a, b, c] = three(&bench).await;
    let (first, second) = (
        bench.group("first", &[a, b]).await,
        bench.group("second", &[c]).await,
    );
    let its = [&first, &second].map(|group| group.parse().expect("an id"));
    let grant = Grant {
        groups: its.into(),
        ..grant(&bench)
    };
    bench.registry.grant(grant).await.expect("granted");
    let token = format!("Bearer {}", bench.login("other").await);
    let other = [("app_key", "other"), ("authorization", token.as_str())];
    let mut pending = Vec::new();
    for device in [a, b, c] {
        let path = format!("{COMMANDS}?appId=app");
        let got = bench.raw("POST", &path, &other, &command(device)).await;
        assert_eq!(got.status, 201, "{}", got.text);
        pending.push(got.json()["commandId"].as_str().expect("an id").to_owned());
    }
    let causes = |places: [usize; 3]| places.map(|place| bench.store_history(&pending[place]));
    let left = bench.call("POST", LEAVE, &devices_of(&first, &[a])).await;
    assert_eq!(left.status, 200);
    let endings = Endings::new(bench.registry.clone());
    endings.settle().await;
    let (accepted, ended) = (vec!["accepted"], vec!["accepted", "grant_revoked"]);
    assert_eq!(
        causes([0, 1, 2]),
        [ended.clone(), accepted.clone(), accepted.clone()]
    );
    let gone = bench
        .call("DELETE", &format!("{GROUPS}/{second}"), "")
        .await;
    assert_eq!(gone.status, 204);
    endings.settle().await;
    assert_eq!(causes([0, 1, 2]), [ended.clone(), accepted, ended]);
}

/// A grant of `app`'s to `other`.
fn grant(bench: &Bench) -> Grant {
    Grant {
        owner: AppKey(1),
        grantee: AppKey(2),
        created: bench.clock.now(),
        until: None,
        devices: Vec::new(),
        groups: Vec::new(),
        operations: Vec::new(),
        revoked: None,
    }
}

fn unthrottled() -> Settings {
    Settings {
        throttle_calls_max: 0,
        ..Settings::default()
    }
}
