//! What the operator forbids or bounds: muted commands, frozen applications, numbers of devices, products, and registrations that
//! lapse.

use crate::north_support::{
    Bench, COMMANDS, DEVICES, LOGIN, REFRESH, REGISTER, REGISTER_V2, command, invoke,
};
use delivery::{DeviceId, Rules};
use server::north::Settings;
use server::registry::NotMuted;
use server::timed::Timed;
use std::time::Duration;

const CALL: &str = r#"{"header":{"mode":"ACK","method":"SET"},"body":{"value":12}}"#;

impl Bench {
    async fn mute(&self, device: DeviceId, command: (&str, &str), muted: bool) -> bool {
        let now = self.clock.now();
        let done = self.registry.mute_command(device, command, muted, now);
        done.await.expect("kept")
    }
}

fn limited(devices_max: u64, nonsecure_devices_max: u64) -> Settings {
    Settings {
        devices_max,
        nonsecure_devices_max,
        throttle_calls_max: 0,
        ..Settings::default()
    }
}

#[tokio::test]
async fn a_muted_command_is_refused_by_both_ways_until_it_is_unmuted() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    bench.model(device).await;
    let session = bench.subscribe(device).await;
    assert!(bench.mute(device, ("Light", "SET"), true).await);
    assert!(!bench.mute(device, ("Light", "SET"), true).await, "it was");
    for (path, body) in [
        (COMMANDS.to_owned(), command(device)),
        (invoke(device), CALL.to_owned()),
    ] {
        let got = bench.call("POST", &path, &body).await;
        assert_eq!(got.error(), (200, "100432".into()), "{path}");
        assert_eq!(got.json()["error_desc"], "The device command is muted.");
    }
    assert!(session.orders().is_empty());
    let accepted = bench.store.tally().expect("read").accepted;
    assert_eq!(accepted, 0, "nothing was taken on");
    assert!(bench.mute(device, ("Light", "SET"), false).await);
    let got = bench.call("POST", COMMANDS, &command(device)).await;
    assert_eq!(got.status, 201);
}

#[tokio::test]
async fn r3_1_muted_comes_after_the_paras_and_before_silence() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    bench.model(device).await;
    bench.mute(device, ("Light", "SET"), true).await;
    let bad = command(device).replace("\"12\"", "1000");
    let got = bench.call("POST", COMMANDS, &bad).await;
    assert_eq!(got.error(), (400, "100022".into()));
    bench.pass(Duration::from_hours(8 * 24)).await;
    let token = bench.login("app").await;
    let bearer = format!("Bearer {token}");
    let headers = [("app_key", "app"), ("authorization", bearer.as_str())];
    let got = bench
        .raw("POST", COMMANDS, &headers, &command(device))
        .await;
    assert_eq!(got.error(), (200, "100432".into()));
    bench.mute(device, ("Light", "SET"), false).await;
    let got = bench
        .raw("POST", COMMANDS, &headers, &command(device))
        .await;
    assert_eq!(got.error(), (403, "100612".into()));
}

#[tokio::test]
async fn a_device_shows_its_muted_commands_and_their_number_is_bounded() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    for (service, name) in [("Light", "SET"), ("Light", "BLINK"), ("Horn", "BLOW")] {
        bench.mute(device, (service, name), true).await;
    }
    let shown = bench.call("GET", &format!("{DEVICES}/{device}"), "").await;
    let services = shown.json()["services"].clone();
    assert_eq!(services[0]["serviceId"], "Horn");
    let muted = &services[1]["serviceInfo"]["muteCmds"];
    assert_eq!(*muted, serde_json::json!(["BLINK", "SET"]));
    let change = format!("{DEVICES}/{device}");
    let got = bench.call("PUT", &change, r#"{"name":"x"}"#).await;
    assert_eq!(got.status, 204);
    assert_eq!(
        bench
            .call("POST", COMMANDS, &command(device))
            .await
            .error()
            .1,
        "100432"
    );
    for n in 0..server::limits::MUTED_PER_DEVICE_MAX - 3 {
        bench.mute(device, ("More", &format!("C{n}")), true).await;
    }
    let now = bench.clock.now();
    let one_more = bench
        .registry
        .mute_command(device, ("More", "X"), true, now);
    assert!(matches!(one_more.await, Err(NotMuted::TooMany)));
}

#[tokio::test]
async fn a_frozen_application_gets_no_tokens_and_its_tokens_are_worth_nothing() {
    let bench = Bench::start().await;
    let app = bench.registry.application("app").expect("it is there");
    let tokens = bench
        .raw("POST", LOGIN, &[], "appId=app&secret=secret-of-app")
        .await
        .json();
    let bearer = format!(
        "Bearer {}",
        tokens["accessToken"].as_str().expect("a token")
    );
    let headers = [("app_key", "app"), ("authorization", bearer.as_str())];
    assert_eq!(bench.raw("GET", COMMANDS, &headers, "").await.status, 200);
    let frozen = store::Application {
        frozen: true,
        ..store::Application::clone(&app)
    };
    bench.registry.keep_application(frozen).await.expect("kept");
    let got = bench.raw("GET", COMMANDS, &headers, "").await;
    assert_eq!(got.error(), (403, "1010005".into()));
    let login = |secret: &str| format!("appId=app&secret={secret}");
    let got = bench.raw("POST", LOGIN, &[], &login("secret-of-app")).await;
    assert_eq!(got.error(), (400, "100247".into()));
    assert_eq!(
        got.json()["error_desc"],
        "Operation not allowed. The application has been frozen."
    );
    let got = bench.raw("POST", LOGIN, &[], &login("wrong")).await;
    assert_eq!(
        got.error(),
        (401, "100208".into()),
        "a stranger learns nothing"
    );
    let refresh = serde_json::json!({"appId": "app", "secret": "secret-of-app", "refreshToken": tokens["refreshToken"]});
    let got = bench.raw("POST", REFRESH, &[], &refresh.to_string()).await;
    assert_eq!(got.error(), (400, "100247".into()));
    bench
        .registry
        .keep_application(store::Application::clone(&app))
        .await
        .expect("kept");
    assert_eq!(bench.raw("GET", COMMANDS, &headers, "").await.status, 200);
}

#[tokio::test]
async fn the_platform_takes_as_many_devices_as_it_may() {
    let bench = Bench::with(limited(2, 0), Rules::default()).await;
    let first = bench.device("a").await;
    bench.device("b").await;
    for (path, body) in [
        (REGISTER, r#"{"nodeId":"c"}"#),
        (REGISTER_V2, r#"{"deviceInfo":{"nodeId":"c"}}"#),
    ] {
        let got = bench.call("POST", path, body).await;
        assert_eq!(got.error(), (500, "100412".into()));
        assert_eq!(
            got.json()["error_desc"],
            "The amount of device has reached the limit."
        );
    }
    let got = bench
        .call("DELETE", &format!("{DEVICES}/{first}"), "")
        .await;
    assert_eq!(got.status, 204);
    bench.device("c").await;
}

#[tokio::test]
async fn a_device_without_security_counts_against_its_own_limit() {
    let bench = Bench::with(limited(0, 1), Rules::default()).await;
    bench.device("a").await;
    let register = |body: &'static str| bench.call("POST", REGISTER, body);
    let got = register(r#"{"nodeId":"b"}"#).await;
    assert_eq!(got.error(), (500, "100441".into()));
    let got = register(r#"{"nodeId":"b","isSecure":true}"#).await;
    assert_eq!(got.status, 200);
    let path = format!(
        "{DEVICES}/{}",
        got.json()["deviceId"].as_str().expect("an id")
    );
    let got = bench.call("PUT", &path, r#"{"isSecure":false}"#).await;
    assert_eq!(got.error(), (500, "100441".into()));
    let got = bench.call("PUT", &path, r#"{"name":"n"}"#).await;
    assert_eq!(got.status, 204);
}

#[tokio::test]
async fn a_product_that_no_profile_has_is_refused_and_one_that_is_known_tells_the_model() {
    let bench = Bench::start().await;
    let known = bench.device("a").await;
    bench.model(known).await;
    let register = |body: &'static str| bench.call("POST", REGISTER, body);
    let got = register(r#"{"nodeId":"b","productId":"nothing"}"#).await;
    assert_eq!(got.error(), (403, "600002".into()));
    assert!(
        got.detail()
            .contains("deviceType, manufacturerId and model")
    );
    let got = register(r#"{"nodeId":"b","productId":"lamp_M_x"}"#).await;
    assert_eq!(got.status, 200, "{}", got.text);
    let id = got.json()["deviceId"].as_str().expect("an id").to_owned();
    let shown = bench
        .call("GET", &format!("{DEVICES}/{id}"), "")
        .await
        .json();
    let info = &shown["deviceInfo"];
    assert_eq!(
        [&info["manufacturerId"], &info["model"], &info["deviceType"]],
        ["M", "X", "Lamp"]
    );
    let unknown = command(id.parse().expect("an id")).replace("Light", "Heavy");
    assert_eq!(
        bench.call("POST", COMMANDS, &unknown).await.error().1,
        "100431"
    );
}

#[tokio::test]
async fn a_change_to_a_known_product_tells_the_model_and_one_to_an_unknown_changes_nothing() {
    let bench = Bench::start().await;
    let known = bench.device("a").await;
    bench.model(known).await;
    let device = bench.device("b").await;
    let path = format!("{DEVICES}/{device}");
    let change = |body: &'static str| bench.call("PUT", &path, body);
    let told = || async {
        let shown = bench.call("GET", &path, "").await.json();
        let info = &shown["deviceInfo"];
        let members = ["name", "manufacturerId", "model", "deviceType"];
        members.map(|member| info[member].as_str().unwrap_or("-").to_owned())
    };
    let first = r#"{"name":"n","manufacturerId":"Other","model":"Y","deviceType":"Valve"}"#;
    assert_eq!(change(first).await.status, 204);
    let got = change(r#"{"name":"m","productId":"Lamp_M_Y"}"#).await;
    assert_eq!(got.error(), (400, "100022".into()));
    assert!(
        got.detail()
            .contains("`productId` names no profile; a profile's is its deviceType")
    );
    assert_eq!(told().await, ["n", "Other", "Y", "Valve"]);

    assert_eq!(change(r#"{"productId":"lamp_m_x"}"#).await.status, 204);
    assert_eq!(told().await, ["n", "M", "X", "Lamp"]);
    let unknown = command(device).replace("Light", "Heavy");
    assert_eq!(
        bench.call("POST", COMMANDS, &unknown).await.error().1,
        "100431"
    );
    // Clients send empty texts for what they leave out.
    assert_eq!(change(r#"{"productId":""}"#).await.status, 204);
    let got = bench
        .call("POST", REGISTER, r#"{"nodeId":"c","productId":""}"#)
        .await;
    assert_eq!(got.status, 200, "{}", got.text);
    // What the change tells itself goes before what the product stands for.
    let own = r#"{"productId":"Lamp_M_X","deviceType":"Bulb"}"#;
    assert_eq!(change(own).await.status, 204);
    assert_eq!(told().await, ["n", "M", "X", "Bulb"]);
    // Of a device that is not there, no product is told.
    let nowhere = format!("{DEVICES}/00000000-0000-0000-0000-0000000000ff");
    let got = bench
        .call("PUT", &nowhere, r#"{"productId":"nothing"}"#)
        .await;
    assert_eq!(got.error().1, "100418");
}

#[tokio::test]
async fn a_mark_of_a_bound_device_is_told_apart_from_one_that_is_merely_taken() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let register = || bench.call("POST", REGISTER, r#"{"nodeId":"n"}"#);
    assert_eq!(register().await.error(), (400, "100426".into()));
    let _session = bench.connect(device).await;
    let got = register().await;
    assert_eq!(got.error(), (400, "100416".into()));
    assert_eq!(
        got.json()["error_desc"],
        "The device has already been binded."
    );
}

#[tokio::test]
async fn a_device_that_does_not_bind_in_time_is_deleted_when_its_time_is_up() {
    let bench = Bench::start().await;
    let mut ids = Vec::new();
    for (node, timeout) in [("slow", 0), ("late", 60), ("lost", 30)] {
        let body = format!(r#"{{"nodeId":"{node}","timeout":{timeout}}}"#);
        let got = bench.call("POST", REGISTER, &body).await.json();
        let id: DeviceId = got["deviceId"]
            .as_str()
            .expect("an id")
            .parse()
            .expect("one");
        ids.push(id);
    }
    let gone = |id: DeviceId| {
        let found = bench.store.device(id).expect("read").expect("kept");
        found.deleted.is_some()
    };
    bench.pass(Duration::from_secs(29)).await;
    assert!(!ids.iter().any(|id| gone(*id)));
    bench.pass(Duration::from_secs(1)).await;
    // Nobody asked for it.
    assert!(gone(ids[2]) && !gone(ids[1]));
    let session = bench.connect(ids[1]).await;
    bench.disconnect(&session).await;
    bench.pass(Duration::from_hours(1)).await;
    assert!(!gone(ids[1]) && !gone(ids[0]));
    assert_eq!(
        bench.lapses.settle().await,
        None,
        "nothing is left to wait for"
    );
}

#[tokio::test]
async fn registrations_of_an_earlier_run_lapse_too() {
    let bench = Bench::start().await;
    let got = bench
        .call("POST", REGISTER, r#"{"nodeId":"n"}"#)
        .await
        .json();
    let id: DeviceId = got["deviceId"]
        .as_str()
        .expect("an id")
        .parse()
        .expect("one");
    // Another reader of the same store: it knows nothing of what the first one noted.
    let now = bench.clock.now();
    let registry =
        server::registry::Registry::open(bench.store.clone(), bench.dispatch.clone(), now);
    let registry = std::sync::Arc::new(registry.expect("it opens"));
    let lapses = server::registry::Lapses::new(registry);
    let due = lapses.settle().await.expect("it waits for one");
    assert_eq!(due, now + Duration::from_mins(3));
    bench.clock.move_to(due);
    assert_eq!(lapses.settle().await, None);
    let found = bench.store.device(id).expect("read").expect("kept");
    assert!(found.deleted.is_some());
}
