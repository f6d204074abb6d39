//! Registration, change, deletion and query of devices (contract §3, §4.1).

use crate::north_support::{Bench, COMMANDS, DEVICES, REGISTER, REGISTER_V2, command};
use delivery::{DeviceId, Input, Moment};
use serde_json::{Value, json};
use server::dispatch::Heard;
use server::south::{CloseReason, Order};
use std::time::Duration;
use store::Report;

async fn register(bench: &Bench, body: &str) -> Value {
    let got = bench.call("POST", REGISTER, body).await;
    assert_eq!(got.status, 200, "{}", got.text);
    got.json()
}

fn id(json: &Value) -> DeviceId {
    json["deviceId"]
        .as_str()
        .expect("an id")
        .parse()
        .expect("a device's id")
}

fn credentials(device: DeviceId) -> String {
    format!("{REGISTER}/{device}")
}

fn devices(device: DeviceId) -> String {
    format!("{DEVICES}/{device}")
}

#[tokio::test]
async fn a_registration_generates_what_is_absent() {
    let bench = Bench::start().await;
    let json = register(&bench, r#"{"nodeId":"n-1"}"#).await;
    assert_eq!(json["timeout"], 180);
    let psk = json["psk"].as_str().expect("a key");
    assert!(
        psk.len() == 32 && psk.bytes().all(|b| b.is_ascii_hexdigit()),
        "{psk}"
    );
    assert!(!json["verifyCode"].as_str().expect("a code").is_empty());
    let device = bench
        .registry
        .device(id(&json))
        .await
        .expect("read")
        .expect("kept");
    assert_eq!(device.node_id, "n-1");
    assert_eq!(
        device.bind_by,
        Some(bench.clock.now() + Duration::from_mins(3))
    );
    assert_eq!(device.secret, None);
    // Secrets are kept sealed or hashed (R2.7).
    let kept = device.psk.clone().expect("sealed");
    assert_eq!(
        server::random::to_hex(&bench.vault.unseal(&kept).expect("it opens")),
        psk
    );
    assert!(device.verify_code.is_some());
}

#[tokio::test]
async fn a_registration_echoes_what_is_given() {
    let bench = Bench::start().await;
    let body = r#"{"nodeId":"n","verifyCode":"AbC","psk":"0aFF0011","timeout":0,"isSecure":true,"imsi":"46001","endUserId":"u",
        "deviceInfo":{"manufacturerId":"M","model":"X","name":"lamp","deviceType":"Lamp","protocolType":"MQTT"}}"#;
    let json = register(&bench, body).await;
    assert_eq!(
        (&json["verifyCode"], &json["psk"], &json["timeout"]),
        (&json!("AbC"), &json!("0aFF0011"), &json!(0))
    );
    let device = bench
        .registry
        .device(id(&json))
        .await
        .expect("read")
        .expect("kept");
    assert_eq!(device.bind_by, None);
    assert_eq!(device.model, Some(("M".into(), "X".into())));
    assert_eq!(
        bench
            .vault
            .unseal(device.psk.as_ref().expect("sealed"))
            .expect("it opens"),
        [0x0a, 0xff, 0x00, 0x11]
    );
    let shown = bench
        .call("GET", &format!("{}?select=imsi", devices(device.id)), "")
        .await
        .json();
    let info = &shown["deviceInfo"];
    assert_eq!(
        (&info["name"], &info["isSecurity"], &info["imsi"]),
        (&json!("lamp"), &json!("TRUE"), &json!("46001"))
    );
    assert!(
        bench.call("GET", &devices(device.id), "").await.json()["deviceInfo"]
            .get("imsi")
            .is_none()
    );
}

#[tokio::test]
async fn r3_9_a_psk_is_an_even_number_of_hex_digits() {
    let bench = Bench::start().await;
    for psk in [
        "123",
        "123456789",
        "zz345678",
        "123456",
        "0123456789abcdef0123456789abcdef01",
    ] {
        let got = bench
            .call(
                "POST",
                REGISTER,
                &format!(r#"{{"nodeId":"n","psk":"{psk}"}}"#),
            )
            .await;
        assert_eq!(got.error(), (400, "100022".into()), "{psk}");
        assert!(got.detail().contains("`psk`") && !got.text.contains(psk));
    }
}

#[tokio::test]
async fn r3_9_a_node_id_is_unique_on_the_platform() {
    let bench = Bench::start().await;
    let first = id(&register(&bench, r#"{"nodeId":"n"}"#).await);
    for (path, body) in [
        (REGISTER, r#"{"nodeId":"n"}"#),
        (REGISTER_V2, r#"{"deviceInfo":{"nodeId":"n"}}"#),
    ] {
        let got = bench.call("POST", path, body).await;
        assert_eq!(got.error(), (400, "100426".into()));
    }
    assert_eq!(bench.call("DELETE", &devices(first), "").await.status, 204);
    register(&bench, r#"{"nodeId":"n"}"#).await;
}

#[tokio::test]
async fn a_registration_with_a_wrong_shape_says_what_is_wrong() {
    let bench = Bench::start().await;
    for (body, code, detail) in [
        ("{}", "100022", "`nodeId` is required"),
        ("", "100007", "the body is empty; it must be a JSON object"),
        ("[1]", "100007", "the body must be a JSON object"),
        (
            r#"{"nodeId":"n","timeout":-1}"#,
            "100022",
            "`timeout` must be an integer from 0 to 2147483647 seconds",
        ),
        (
            r#"{"nodeId":"n","verifyCode":7}"#,
            "100003",
            "`verifyCode` must be a string",
        ),
    ] {
        let got = bench.call("POST", REGISTER, body).await;
        assert_eq!(
            (got.error(), got.detail().as_str()),
            ((400, code.into()), detail)
        );
    }
}

#[tokio::test]
async fn secret_mode_gives_the_secret_that_mqtt_needs_and_no_time_limit() {
    let bench = Bench::start().await;
    let got = bench
        .call(
            "POST",
            REGISTER_V2,
            r#"{"deviceInfo":{"nodeId":"n","model":"X"},"mqttConnect":true}"#,
        )
        .await;
    assert_eq!(got.status, 200, "{}", got.text);
    let json = got.json();
    let secret = json["secret"].as_str().expect("a secret");
    assert!(
        secret.len() == 20 && secret.bytes().all(|b| b.is_ascii_hexdigit()),
        "{secret}"
    );
    assert_eq!(json["psk"].as_str().expect("a key").len(), 32);
    assert!(json.get("verifyCode").is_none());
    let device = bench
        .registry
        .device(id(&json))
        .await
        .expect("read")
        .expect("kept");
    assert_eq!(device.bind_by, None);
    assert_eq!(
        bench
            .vault
            .unseal(device.secret.as_ref().expect("sealed"))
            .expect("it opens"),
        secret.as_bytes()
    );
    let own =
        r#"{"deviceInfo":{"nodeId":"o"},"mqttConnect":"false","secret":"0123456789abcdef0123"}"#;
    let got = bench.call("POST", REGISTER_V2, own).await;
    assert_eq!(got.json()["secret"], "0123456789abcdef0123");
    assert!(got.json()["verifyCode"].is_string());
    bench.pass(Duration::from_hours(48)).await;
    assert!(
        bench
            .registry
            .device(device.id)
            .await
            .expect("read")
            .is_some()
    );
}

#[tokio::test]
async fn r7_6_a_device_that_does_not_connect_in_time_lapses() {
    let bench = Bench::start().await;
    let late = id(&register(&bench, r#"{"nodeId":"late","timeout":600}"#).await);
    let there = id(&register(&bench, r#"{"nodeId":"there","timeout":600}"#).await);
    let command_id = bench.queue(late).await;
    bench.pass(Duration::from_secs(599)).await;
    assert_eq!(bench.call("GET", &credentials(late), "").await.status, 200);
    let session = bench.connect(there).await;
    bench.disconnect(&session).await;
    bench.pass(Duration::from_secs(1)).await;
    assert_eq!(
        bench.call("GET", &credentials(late), "").await.error(),
        (404, "100403".into())
    );
    assert_eq!(
        bench.call("GET", &credentials(there), "").await.json()["activated"],
        true
    );
    // Its commands were decided when it was deleted, and its node id is free.
    let shown = bench.call("GET", COMMANDS, "").await.json();
    assert_eq!(
        (&shown["data"][0]["commandId"], &shown["data"][0]["status"]),
        (&json!(command_id), &json!("CANCELED"))
    );
    register(&bench, r#"{"nodeId":"late"}"#).await;
}

#[tokio::test]
async fn r7_6_a_lapsed_registration_gives_its_node_id_to_the_next_one() {
    let bench = Bench::start().await;
    register(&bench, r#"{"nodeId":"n","timeout":60}"#).await;
    bench.pass(Duration::from_secs(59)).await;
    assert_eq!(
        bench
            .call("POST", REGISTER, r#"{"nodeId":"n"}"#)
            .await
            .error()
            .1,
        "100426"
    );
    bench.pass(Duration::from_secs(1)).await;
    register(&bench, r#"{"nodeId":"n"}"#).await;
}

#[tokio::test]
async fn a_device_is_activated_by_its_first_contact_and_stays_so() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let status = bench.call("GET", &credentials(device), "").await;
    assert_eq!(
        status.text,
        format!(r#"{{"deviceId":"{device}","activated":false,"name":null}}"#)
    );
    let session = bench.connect(device).await;
    assert_eq!(
        bench.call("GET", &credentials(device), "").await.json()["activated"],
        true
    );
    bench.disconnect(&session).await;
    assert_eq!(
        bench.call("GET", &credentials(device), "").await.json()["activated"],
        true
    );
}

#[tokio::test]
async fn a_change_keeps_what_it_leaves_out() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let change = r#"{"name":"lamp","mute":"TRUE","manufacturerId":"M","location":"hall"}"#;
    assert_eq!(
        bench.call("PUT", &devices(device), change).await.status,
        204
    );
    assert_eq!(
        bench
            .registry
            .device(device)
            .await
            .expect("read")
            .expect("kept")
            .model,
        None
    );
    assert_eq!(
        bench
            .call("PUT", &devices(device), r#"{"model":"X","name":null}"#)
            .await
            .status,
        204
    );
    let kept = bench
        .registry
        .device(device)
        .await
        .expect("read")
        .expect("kept");
    assert_eq!(kept.model, Some(("M".into(), "X".into())));
    let info = bench.call("GET", &devices(device), "").await.json()["deviceInfo"].clone();
    for (name, value) in [
        ("name", "lamp"),
        ("mute", "TRUE"),
        ("manufacturerId", "M"),
        ("model", "X"),
        ("location", "hall"),
    ] {
        assert_eq!(info[name], value);
    }
    let old = kept.psk.clone();
    assert_eq!(
        bench
            .call("PUT", &devices(device), r#"{"psk":"00112233"}"#)
            .await
            .status,
        204
    );
    let kept = bench
        .registry
        .device(device)
        .await
        .expect("read")
        .expect("kept");
    assert_ne!(kept.psk, old);
    assert_eq!(
        bench
            .vault
            .unseal(kept.psk.as_ref().expect("sealed"))
            .expect("it opens"),
        [0, 0x11, 0x22, 0x33]
    );
}

#[tokio::test]
async fn a_change_with_a_wrong_shape_is_refused() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let got = bench
        .call("PUT", &devices(device), r#"{"isSecure":"perhaps"}"#)
        .await;
    assert_eq!(got.error(), (400, "100440".into()));
    let got = bench.call("PUT", &devices(device), r#"{"name":""}"#).await;
    assert_eq!(
        (got.error(), got.detail().as_str()),
        (
            (400, "100022".into()),
            "`name` must have 1 to 256 characters"
        )
    );
    let got = bench
        .call("PUT", &format!("{DEVICES}/{}", "d".repeat(65)), "{}")
        .await;
    assert_eq!(got.error(), (400, "100022".into()));
}

#[tokio::test]
async fn a_deleted_device_is_gone_and_its_session_is_closed() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let waiting = bench.queue(device).await;
    let session = bench.subscribe(device).await;
    let sent = bench
        .call(
            "POST",
            COMMANDS,
            &command(device).replace("{\"deviceId\"", "{\"expireTime\":0,\"deviceId\""),
        )
        .await;
    assert_eq!(sent.json()["status"], "SENT");
    bench.queue(device).await;
    assert_eq!(
        bench
            .call("DELETE", &format!("{}?cascade=true", devices(device)), "")
            .await
            .status,
        204
    );
    assert!(
        session
            .orders()
            .contains(&Order::Close(CloseReason::DeviceDeleted))
    );
    for (method, path, body, expected) in [
        ("DELETE", devices(device), String::new(), (404, "100418")),
        ("GET", devices(device), String::new(), (404, "100418")),
        ("PUT", devices(device), "{}".into(), (404, "100418")),
        ("GET", credentials(device), String::new(), (404, "100403")),
        ("POST", COMMANDS.into(), command(device), (200, "100418")),
    ] {
        let got = bench.call(method, &path, &body).await.error();
        assert_eq!((got.0, got.1.as_str()), expected, "{method} {path}");
    }
    // Its commands stay readable (R1.11): what may have left is TIMEOUT, what surely did not is CANCELED.
    let shown = bench
        .call("GET", &format!("{COMMANDS}?deviceId={device}"), "")
        .await
        .json();
    let statuses: Vec<_> = shown["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|c| c["status"].clone())
        .collect();
    assert_eq!(statuses, ["CANCELED", "TIMEOUT", "TIMEOUT"]);
    assert_eq!(shown["data"][2]["commandId"], waiting);
}

#[tokio::test]
async fn a_device_shows_its_status_and_its_last_reports() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let query = || async { bench.call("GET", &devices(device), "").await.json() };
    let fresh = query().await;
    assert_eq!(
        (&fresh["nodeType"], &fresh["gatewayId"]),
        (&json!("GATEWAY"), &json!(device.to_string()))
    );
    assert_eq!(
        (&fresh["createTime"], &fresh["services"]),
        (&json!("20200913T122640Z"), &json!([]))
    );
    let status = |json: &Value| {
        (
            json["deviceInfo"]["status"].clone(),
            json["deviceInfo"]["statusDetail"].clone(),
        )
    };
    assert_eq!(status(&fresh), (json!("OFFLINE"), json!("NOT_ACTIVE")));
    assert_eq!(fresh["deviceInfo"]["nodeId"], "n");
    assert_eq!(fresh["deviceInfo"]["swVersion"], Value::Null);

    bench.model(device).await;
    let session = bench.connect(device).await;
    let report = |service: &str, event_time, properties: &str| Report {
        device,
        service_id: service.into(),
        at: bench.clock.now(),
        event_time,
        properties: properties.as_bytes().to_vec(),
        off_profile: false,
    };
    let reports = vec![
        report(
            "Light",
            Some(Moment::from_millis(1_500_000_000_000)),
            r#"{"brightness":7}"#,
        ),
        report("Other", None, "{}"),
    ];
    bench
        .dispatch
        .hear(
            device,
            Heard {
                input: Some(Input::Heard),
                reports,
                promise: None,
            },
        )
        .await
        .expect("it runs");
    bench.dispatch.settle().await.expect("it runs");
    let shown = query().await;
    assert_eq!(status(&shown), (json!("ONLINE"), json!("NONE")));
    let light = json!({"serviceId": "Light", "serviceType": "LightType", "data": {"brightness": 7}, "eventTime": "20170714T024000Z"});
    let other = json!({"serviceId": "Other", "serviceType": null, "data": {}, "eventTime": "20200913T122640Z"});
    assert_eq!(shown["services"], json!([light, other]));
    bench.disconnect(&session).await;
    assert_eq!(status(&query().await), (json!("OFFLINE"), json!("NONE")));
}

#[tokio::test]
async fn a_device_of_another_application_is_no_device() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let token = format!("Bearer {}", bench.login("other").await);
    let other = [("app_key", "other"), ("authorization", token.as_str())];
    for (method, path) in [
        ("GET", devices(device)),
        ("DELETE", devices(device)),
        ("GET", credentials(device)),
    ] {
        assert_eq!(
            bench.raw(method, &path, &other, "").await.status,
            404,
            "{method} {path}"
        );
    }
    let got = bench
        .raw("GET", &format!("{}?appId=app", devices(device)), &other, "")
        .await;
    assert_eq!(got.error(), (403, "100217".into()));
    assert!(
        bench
            .store
            .device(device)
            .expect("read")
            .expect("kept")
            .deleted
            .is_none()
    );
}
