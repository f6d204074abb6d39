//! Commands and cancel tasks: creation, list, cancellation, repetition (contract §5.1 to §5.6).

use crate::north_support::{Bench, CANCEL_TASKS, COMMANDS, command};
use delivery::{DeviceId, Input, Rules};
use serde_json::{Value, json};
use server::north::Settings;
use server::south::Order;
use std::time::Duration;

fn with(device: DeviceId, members: &str) -> String {
    command(device).replacen('{', &format!("{{{members},"), 1)
}

async fn shown(bench: &Bench, id: &str) -> Value {
    let list = bench.call("GET", COMMANDS, "").await.json();
    let found = list["data"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|c| c["commandId"] == id)
        .cloned();
    found.unwrap_or_else(|| panic!("{id} is not in {list}"))
}

#[tokio::test]
async fn a_command_for_a_sleeping_device_is_pending() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let got = bench.call("POST", COMMANDS, &command(device)).await;
    assert_eq!(got.status, 201);
    let json = got.json();
    let id = json["commandId"].as_str().expect("an id");
    assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()));
    let expected = [
        &format!(r#"{{"commandId":"{id}","appId":"app","deviceId":"{device}","#),
        r#""command":{"serviceId":"Light","method":"SET","paras":{"value":"12"}},"expireTime":172800,"status":"PENDING","#,
        r#""creationTime":"20200913T122640Z","issuedTimes":0,"maxRetransmit":3}"#,
    ]
    .concat();
    assert_eq!(got.text, expected);
}

#[tokio::test]
async fn r1_9_the_201_shows_the_committed_state_with_issued_times_0() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let session = bench.subscribe(device).await;
    let json = bench.call("POST", COMMANDS, &command(device)).await.json();
    assert_eq!(
        (&json["status"], &json["issuedTimes"]),
        (&json!("SENT"), &json!(0))
    );
    assert_eq!(json["platformIssuedTime"], "20200913T122640Z");
    let id = json["commandId"].as_str().expect("an id");
    assert_eq!(shown(&bench, id).await["issuedTimes"], 1);
    assert_eq!(session.orders().len(), 1);
}

#[tokio::test]
async fn an_immediate_command_is_born_sent() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let members = r#""expireTime":0,"maxRetransmit":0,"callbackUrl":"https://example.com:9/x""#;
    let json = bench
        .call("POST", COMMANDS, &with(device, members))
        .await
        .json();
    assert_eq!(
        (&json["status"], &json["expireTime"], &json["maxRetransmit"]),
        (&json!("SENT"), &json!(0), &json!(0))
    );
    assert_eq!(
        (&json["callbackUrl"], &json["issuedTimes"]),
        (&json!("https://example.com:9/x"), &json!(0))
    );
    assert!(json.get("result").is_none());
}

#[tokio::test]
async fn a_whole_life_is_shown_with_its_moments_and_its_result() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let session = bench.subscribe(device).await;
    let id = bench.queue(device).await;
    let orders = session.orders();
    bench.pass(Duration::from_secs(2)).await;
    bench.answer(&session, &orders[0], None).await;
    let delivered = shown(&bench, &id).await;
    assert_eq!(
        (&delivered["status"], &delivered["deliveredTime"]),
        (&json!("DELIVERED"), &json!("20200913T122642Z"))
    );
    assert_eq!(
        delivered["result"],
        json!({"resultCode": "DELIVERED", "resultDetail": null})
    );
    assert!(delivered.get("executeTime").is_none());
    bench.pass(Duration::from_secs(3)).await;
    bench
        .answer(&session, &orders[0], Some(r#"{"light":1}"#))
        .await;
    let done = shown(&bench, &id).await;
    assert_eq!(
        (&done["status"], &done["executeTime"]),
        (&json!("SUCCESSFUL"), &json!("20200913T122645Z"))
    );
    assert_eq!(
        done["result"],
        json!({"resultCode": "SUCCESSFUL", "resultDetail": {"light": 1}})
    );
    assert_eq!(
        (&done["platformIssuedTime"], &done["deliveredTime"]),
        (&json!("20200913T122640Z"), &json!("20200913T122642Z"))
    );
}

#[tokio::test]
async fn r1_6_an_expired_command_has_no_result_and_was_never_issued() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let json = bench
        .call("POST", COMMANDS, &with(device, r#""expireTime":60"#))
        .await
        .json();
    bench.pass(Duration::from_mins(1)).await;
    let gone = shown(&bench, json["commandId"].as_str().expect("an id")).await;
    assert_eq!(
        (&gone["status"], &gone["issuedTimes"]),
        (&json!("EXPIRED"), &json!(0))
    );
    assert!(gone.get("result").is_none() && gone.get("platformIssuedTime").is_none());
}

#[tokio::test]
async fn a_command_is_checked_against_the_profile_and_shown_as_it_was_asked() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    bench.model(device).await;
    let session = bench.subscribe(device).await;
    let json = bench.call("POST", COMMANDS, &command(device)).await.json();
    assert_eq!(json["command"]["paras"], json!({"value": "12"}));
    assert_eq!(
        shown(&bench, json["commandId"].as_str().expect("an id")).await["command"]["paras"],
        json!({"value": "12"})
    );
    let orders = session.orders();
    let [Order::Deliver(downlink)] = orders.as_slice() else {
        panic!("{orders:?} is not one command")
    };
    let sent = server::body::Body::read(&downlink.body).expect("it decodes");
    assert_eq!(sent.paras.get(), r#"{"value":12}"#);
    assert_eq!(sent.model_version, Some(1));

    for (from, to, expected, detail) in [
        (
            "Light",
            "Heavy",
            (200, "100431"),
            "the device's profile has no service `Heavy`",
        ),
        (
            "SET",
            "PUT",
            (400, "100022"),
            "the service has no command `PUT`",
        ),
        (
            r#""12""#,
            "25",
            (400, "100022"),
            "command.paras: `value` must be from 0 to 24",
        ),
        (
            r#""value":"12""#,
            r#""colour":1"#,
            (400, "100022"),
            "command.paras: `colour` is not defined by the profile",
        ),
        (
            r#""value":"12""#,
            "",
            (400, "100022"),
            "command.paras: `value` is missing",
        ),
    ] {
        let got = bench
            .call("POST", COMMANDS, &command(device).replace(from, to))
            .await;
        let (status, code) = got.error();
        assert_eq!(
            ((status, code.as_str()), got.detail().as_str()),
            (expected, detail)
        );
    }
}

#[tokio::test]
async fn r1_7_where_the_profile_has_no_response_none_is_awaited() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    bench.model(device).await;
    let session = bench.subscribe(device).await;
    let ask = command(device)
        .replace("SET", "ASK")
        .replace(r#""value":"12""#, "");
    let (set, ask) = (
        bench.queue(device).await,
        bench.call("POST", COMMANDS, &ask).await.json()["commandId"].clone(),
    );
    for _ in 0..2 {
        let orders = session.orders();
        bench.answer(&session, &orders[0], None).await;
    }
    bench.pass(Duration::from_mins(1)).await;
    let entry = |id: &str| bench.store_history(id);
    assert_eq!(entry(&set).last(), Some(&"no_result_expected"));
    assert_eq!(
        entry(ask.as_str().expect("an id")).last(),
        Some(&"acknowledged")
    );
}

#[tokio::test]
async fn r3_10_a_device_without_a_profile_takes_unchecked_commands_unless_strict() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    bench.queue(device).await;
    let strict = Settings {
        strict_profile: true,
        throttle_calls_max: 0,
        ..Settings::default()
    };
    let bench = Bench::with(strict, Rules::default()).await;
    let device = bench.device("n").await;
    let got = bench.call("POST", COMMANDS, &command(device)).await;
    assert_eq!(
        (got.error(), got.detail().as_str()),
        ((200, "100431".into()), "the device has no profile")
    );
}

#[tokio::test]
async fn a_list_shows_the_newest_first_in_pages() {
    let bench = Bench::start().await;
    let (device, other) = (bench.device("n").await, bench.device("o").await);
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(bench.queue(device).await);
        bench.pass(Duration::from_secs(1)).await;
    }
    let list = |query: &str| {
        let path = format!("{COMMANDS}?{query}");
        let bench = &bench;
        async move {
            let json = bench.call("GET", &path, "").await.json();
            let ids: Vec<String> = json["data"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|c| c["commandId"].as_str().expect("an id").into())
                .collect();
            (json["pagination"].clone(), ids)
        }
    };
    let newest_first = vec![ids[2].clone(), ids[1].clone(), ids[0].clone()];
    assert_eq!(
        list("").await,
        (
            json!({"pageNo": 0, "pageSize": 1000, "totalSize": 3}),
            newest_first.clone()
        )
    );
    assert_eq!(
        list("pageNo=1&pageSize=2").await,
        (
            json!({"pageNo": 1, "pageSize": 2, "totalSize": 3}),
            vec![ids[0].clone()]
        )
    );
    assert_eq!(list(&format!("deviceId={device}")).await.1, newest_first);
    assert!(list(&format!("deviceId={other}")).await.1.is_empty());
    // Both ends count, as whole seconds.
    assert_eq!(
        list("startTime=20200913T122641Z&endTime=20200913T122642Z")
            .await
            .1,
        vec![ids[2].clone(), ids[1].clone()]
    );
    assert_eq!(
        list("endTime=20200913T122640Z").await.1,
        vec![ids[0].clone()]
    );
    for query in [
        "pageSize=0",
        "pageSize=1001",
        "pageNo=-1",
        "startTime=20200913T122641Z&endTime=20200913T122641Z",
    ] {
        assert_eq!(
            bench
                .call("GET", &format!("{COMMANDS}?{query}"), "")
                .await
                .error(),
            (400, "100022".into()),
            "{query}"
        );
    }
    for device in ["3f2504e0-4f89-81d3-9a0c-0305e82c3301", "dev-1"] {
        let got = bench
            .call("GET", &format!("{COMMANDS}?deviceId={device}"), "")
            .await;
        assert_eq!(got.error(), (200, "100418".into()));
    }
}

#[tokio::test]
async fn r1_10_cancel_wins_only_while_the_command_is_pending() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let id = bench.queue(device).await;
    let cancel = |id: &str| format!("{COMMANDS}/{id}");
    let body = r#"{"status":"CANCELED"}"#;
    let got = bench.call("PUT", &cancel(&id), body).await;
    assert_eq!(got.status, 200);
    let json = got.json();
    assert_eq!(
        (&json["status"], &json["commandId"], &json["issuedTimes"]),
        (&json!("CANCELED"), &json!(id), &json!(0))
    );
    assert!(json.get("result").is_none());
    assert_eq!(
        bench.call("PUT", &cancel(&id), body).await.error(),
        (200, "100435".into())
    );
    // The device provably never sees it.
    let session = bench.subscribe(device).await;
    assert!(session.orders().is_empty());
    let sent = bench.queue(device).await;
    assert_eq!(
        bench.call("PUT", &cancel(&sent), body).await.error(),
        (200, "100435".into())
    );
}

#[tokio::test]
async fn a_change_to_anything_but_canceled_is_refused() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let id = bench.queue(device).await;
    for (body, detail) in [
        (
            r#"{"status":"PENDING"}"#,
            "`status` must be CANCELED; no other change is possible",
        ),
        (r#"{"status":null}"#, "`status` is required"),
        ("", "the body is empty; it must be a JSON object"),
    ] {
        let got = bench.call("PUT", &format!("{COMMANDS}/{id}"), body).await;
        assert_eq!(
            (got.error(), got.detail().as_str()),
            ((400, "100022".into()), detail)
        );
    }
    let mut unknown = [
        id.clone(),
        "dev-1".into(),
        "aa5a6a0c-0000-4000-8000-000000000002".into(),
    ];
    let last = if id.ends_with('0') { "1" } else { "0" };
    unknown[0].replace_range(31.., last);
    for id in unknown {
        let got = bench
            .call(
                "PUT",
                &format!("{COMMANDS}/{id}"),
                r#"{"status":"CANCELED"}"#,
            )
            .await;
        assert_eq!(got.error(), (200, "100434".into()), "{id}");
    }
    let token = format!("Bearer {}", bench.login("other").await);
    let other = [("app_key", "other"), ("authorization", token.as_str())];
    let got = bench
        .raw(
            "PUT",
            &format!("{COMMANDS}/{id}"),
            &other,
            r#"{"status":"CANCELED"}"#,
        )
        .await;
    assert_eq!(got.error(), (200, "100434".into()));
    assert_eq!(shown(&bench, &id).await["status"], "PENDING");
}

#[tokio::test]
async fn r1_10_a_cancel_task_shows_its_commands_as_they_were_and_later_as_they_are() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let (first, second) = (bench.queue(device).await, bench.queue(device).await);
    let got = bench
        .call(
            "POST",
            CANCEL_TASKS,
            &format!(r#"{{"deviceId":"{device}"}}"#),
        )
        .await;
    assert_eq!(got.status, 201);
    let task = got.json();
    assert_eq!(
        (&task["status"], &task["totalCount"], &task["appId"]),
        (&json!("RUNNING"), &json!(2), &json!("app"))
    );
    let of = |task: &Value, member: &str| -> Vec<Value> {
        task["deviceCommands"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|c| c[member].clone())
            .collect()
    };
    assert_eq!(of(&task, "commandId"), [json!(first), json!(second)]);
    assert_eq!(of(&task, "status"), ["PENDING", "PENDING"]);
    bench.pass(Duration::from_secs(1)).await;
    let empty = bench
        .call(
            "POST",
            CANCEL_TASKS,
            &format!(r#"{{"deviceId":"{device}"}}"#),
        )
        .await
        .json();
    assert_eq!(
        (&empty["status"], &empty["totalCount"]),
        (&json!("RUNNING"), &json!(0))
    );

    let list = bench.call("GET", CANCEL_TASKS, "").await.json();
    assert_eq!(
        list["pagination"],
        json!({"pageNo": 0, "pageSize": 1000, "totalSize": 2})
    );
    assert_eq!(
        (&list["data"][0]["taskId"], &list["data"][0]["status"]),
        (&empty["taskId"], &json!("FAILED"))
    );
    assert_eq!(
        (&list["data"][1]["taskId"], &list["data"][1]["status"]),
        (&task["taskId"], &json!("SUCCESS"))
    );
    assert_eq!(of(&list["data"][1], "status"), ["CANCELED", "CANCELED"]);
    let id = task["taskId"].as_str().expect("an id");
    for (query, count) in [
        (format!("taskId={id}"), 1),
        ("taskId=none".into(), 0),
        (format!("deviceId={device}"), 2),
        ("status=success".into(), 1),
        ("status=FAILED".into(), 1),
        ("status=RUNNING".into(), 0),
        ("endTime=20200913T122640Z".into(), 1),
        ("pageNo=1&pageSize=1".into(), 1),
    ] {
        let found = bench
            .call("GET", &format!("{CANCEL_TASKS}?{query}"), "")
            .await
            .json();
        assert_eq!(
            found["data"].as_array().expect("a list").len(),
            count,
            "{query}"
        );
    }
    assert_eq!(
        bench
            .call("GET", &format!("{CANCEL_TASKS}?status=DONE"), "")
            .await
            .error(),
        (400, "100022".into())
    );
    assert_eq!(
        bench
            .call("GET", &format!("{CANCEL_TASKS}?deviceId=x"), "")
            .await
            .error(),
        (200, "100418".into())
    );
    assert_eq!(
        bench
            .call("POST", CANCEL_TASKS, r#"{"deviceId":"x"}"#)
            .await
            .error(),
        (200, "100418".into())
    );
    assert_eq!(
        bench.call("POST", CANCEL_TASKS, "{}").await.error(),
        (400, "100022".into())
    );
}

#[tokio::test]
async fn r1_12_the_caps_of_a_device_are_told() {
    let rules = Rules {
        pending_max: 2,
        open_max: 3,
        ..Rules::default()
    };
    let bench = Bench::with(
        Settings {
            throttle_calls_max: 0,
            ..Settings::default()
        },
        rules,
    )
    .await;
    let device = bench.device("n").await;
    bench.queue(device).await;
    bench.queue(device).await;
    let got = bench.call("POST", COMMANDS, &command(device)).await;
    assert_eq!(
        (got.error(), got.detail().as_str()),
        (
            (400, "100223".into()),
            "too many commands of the device are PENDING"
        )
    );
    let immediate = with(device, r#""expireTime":0"#);
    assert_eq!(bench.call("POST", COMMANDS, &immediate).await.status, 201);
    let got = bench.call("POST", COMMANDS, &immediate).await;
    assert_eq!(
        (got.error(), got.detail().as_str()),
        (
            (400, "100223".into()),
            "too many commands of the device are open"
        )
    );
}

#[tokio::test]
async fn r1_12_nothing_is_queued_for_a_device_that_was_silent_for_a_week() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    bench.pass(Duration::from_hours(7 * 24)).await;
    let token = format!("Bearer {}", bench.login("app").await);
    let headers = [("app_key", "app"), ("authorization", token.as_str())];
    let got = bench
        .raw("POST", COMMANDS, &headers, &command(device))
        .await;
    assert_eq!(got.error(), (403, "100612".into()));
    let got = bench
        .raw(
            "POST",
            COMMANDS,
            &headers,
            &with(device, r#""expireTime":0"#),
        )
        .await;
    assert_eq!(got.status, 201);
    bench.hear(device, Input::Heard).await;
    assert_eq!(
        bench
            .raw("POST", COMMANDS, &headers, &command(device))
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn r1_15_a_repeated_create_shows_the_command_as_it_is_now_and_sends_nothing() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let key = [("idempotency-key", "k-1")];
    let first = bench
        .with_headers("POST", COMMANDS, &key, &command(device))
        .await;
    assert_eq!(first.status, 201);
    let id = first.json()["commandId"].clone();
    let session = bench.subscribe(device).await;
    assert_eq!(session.orders().len(), 1);
    // Spellings that mean the same are the same request.
    let same = command(device).replacen('{', r#"{ "expireTime": null, "hasMore": 0,"#, 1);
    let again = bench
        .with_headers("POST", &format!("{COMMANDS}/?appId=app"), &key, &same)
        .await;
    assert_eq!(again.status, 201, "{}", again.text);
    assert_eq!(
        (&again.json()["commandId"], &again.json()["status"]),
        (&id, &json!("SENT"))
    );
    assert_eq!(again.json()["issuedTimes"], 1);
    assert!(session.orders().is_empty());
    // It is looked up before the device is: even when that is gone.
    let gone = bench
        .call(
            "DELETE",
            &format!("/iocm/app/dm/v1.4.0/devices/{device}"),
            "",
        )
        .await;
    assert_eq!(gone.status, 204);
    assert_eq!(
        bench
            .with_headers("POST", COMMANDS, &key, &command(device))
            .await
            .json()["status"],
        "TIMEOUT"
    );
}

#[tokio::test]
async fn r1_15_another_request_under_the_same_key_is_a_conflict() {
    let bench = Bench::start().await;
    let (device, other) = (bench.device("n").await, bench.device("o").await);
    let key = [("idempotency-key", "k-1")];
    assert_eq!(
        bench
            .with_headers("POST", COMMANDS, &key, &command(device))
            .await
            .status,
        201
    );
    let bodies = [
        command(other),
        command(device).replace(r#""12""#, r#""13""#),
        with(device, r#""expireTime":1"#),
    ];
    for body in bodies {
        let got = bench.with_headers("POST", COMMANDS, &key, &body).await;
        assert_eq!(got.error(), (409, "190409".into()));
    }
    // Another application's keys are its own.
    let token = format!("Bearer {}", bench.login("other").await);
    let theirs = [
        ("app_key", "other"),
        ("authorization", token.as_str()),
        key[0],
    ];
    assert_eq!(
        bench
            .raw("POST", COMMANDS, &theirs, &command(device))
            .await
            .error(),
        (200, "100418".into())
    );
    let bad = [("idempotency-key", "has a blank")];
    assert_eq!(
        bench
            .with_headers("POST", COMMANDS, &bad, &command(device))
            .await
            .error(),
        (400, "100022".into())
    );
}

#[tokio::test]
async fn r1_15_refused_creates_are_not_kept_and_a_key_lasts_a_day() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let key = [("idempotency-key", "k-1")];
    let refused = bench
        .with_headers(
            "POST",
            COMMANDS,
            &key,
            &command(device).replace(&device.to_string(), "x"),
        )
        .await;
    assert_eq!(refused.error().1, "100418");
    let first = bench
        .with_headers("POST", COMMANDS, &key, &command(device))
        .await
        .json()["commandId"]
        .clone();
    bench
        .pass(Duration::from_hours(24) - Duration::from_secs(1))
        .await;
    let token = format!("Bearer {}", bench.login("app").await);
    let headers = [
        ("app_key", "app"),
        ("authorization", token.as_str()),
        key[0],
    ];
    assert_eq!(
        bench
            .raw("POST", COMMANDS, &headers, &command(device))
            .await
            .json()["commandId"],
        first
    );
    bench.pass(Duration::from_secs(2)).await;
    assert_ne!(
        bench
            .raw("POST", COMMANDS, &headers, &command(device))
            .await
            .json()["commandId"],
        first
    );
}

#[tokio::test]
async fn r1_15_the_same_key_twice_at_once_makes_one_command() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let key = [("idempotency-key", "k-1")];
    let body = command(device);
    let post = || bench.with_headers("POST", COMMANDS, &key, &body);
    let (a, b, c) = tokio::join!(post(), post(), post());
    assert_eq!((a.status, b.status, c.status), (201, 201, 201));
    assert_eq!(a.json()["commandId"], b.json()["commandId"]);
    assert_eq!(a.json()["commandId"], c.json()["commandId"]);
    assert_eq!(
        bench.call("GET", COMMANDS, "").await.json()["pagination"]["totalSize"],
        1
    );
}

#[tokio::test]
async fn r3_8_a_callback_address_is_refused_when_malformed_or_private() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    for (url, detail) in [
        (
            "nowhere",
            "`callbackUrl` must be an address such as https://host:port/path",
        ),
        (
            "ftp://example.com/x",
            "`callbackUrl` must be an address such as https://host:port/path",
        ),
        (
            "http://10.0.0.1:80/x",
            "`callbackUrl` must not be a private address",
        ),
        (
            "http://[::1]:80/x",
            "`callbackUrl` must not be a private address",
        ),
    ] {
        let got = bench
            .call(
                "POST",
                COMMANDS,
                &with(device, &format!(r#""callbackUrl":"{url}""#)),
            )
            .await;
        assert_eq!(
            (got.error(), got.detail().as_str()),
            ((400, "100022".into()), detail)
        );
    }
    let lax = Settings {
        private_callbacks: true,
        throttle_calls_max: 0,
        ..Settings::default()
    };
    let bench = Bench::with(lax, Rules::default()).await;
    let device = bench.device("n").await;
    let got = bench
        .call(
            "POST",
            COMMANDS,
            &with(device, r#""callbackUrl":"http://10.0.0.1:80/x""#),
        )
        .await;
    assert_eq!(got.status, 201);
}
