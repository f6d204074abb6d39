//! Callbacks of a whole server, from its settings to its disk: what the operator sees of them, and the replay.

use crate::harness::{Answer, PATIENCE, Receiver, pause};
use serde_json::{Value, json};
use server::admin::client::{Client, ClientError, Method, StatusCode};
use server::admin::wire::{
    ApplicationView, ClockView, DeadCallbackView, DeviceMade, EndpointView, ReplayView,
};
use server::assembly::{Running, Server};
use server::config::Config;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const CALLBACKS: &str = "/downlink/v1/callbacks";
const HOUR_MS: u64 = 3_600_000;

async fn start(folder: &Path) -> (Running, Client) {
    let mut config = Config::local(folder);
    config.clock.test = true;
    config.callback.canceled = true;
    let running = Server::new(config).start().await.expect("started");
    let admin = running.admin().expect("its door");
    (running, admin)
}

/// Queues a command that is told to `url`; its id.
async fn command(admin: &Client, device: &str, url: &str) -> String {
    let body = json!({
        "command": {"serviceId": "Valve", "method": "SET", "paras": {"open": 1}},
        "expireTime": 60,
        "callbackUrl": url,
    });
    let path = format!("/downlink/v1/devices/{device}/commands");
    let made: Value = admin.send(Method::POST, &path, &body).await.expect("made");
    made["commandId"].as_str().expect("an id").to_owned()
}

async fn pass(admin: &Client, ms: u64) {
    let order = json!({ "advance_ms": ms });
    let moved = admin.send(Method::POST, "/downlink/v1/clock", &order).await;
    let _: ClockView = moved.expect("the clock moves");
}

async fn dead(admin: &Client, query: &str) -> Vec<DeadCallbackView> {
    let list = admin.read(&format!("{CALLBACKS}/dead{query}")).await;
    list.expect("a list")
}

async fn replay(admin: &Client, order: Value) -> Result<ReplayView, ClientError> {
    let path = format!("{CALLBACKS}/replay");
    admin.send(Method::POST, &path, &order).await
}

/// A gauge of callbacks; the counters are those of every server in this process.
async fn gauge(admin: &Client, what: &str) -> String {
    let page = admin
        .call(Method::GET, "/metrics", "")
        .await
        .expect("a page");
    let page = String::from_utf8(page.to_vec()).expect("text");
    let name = format!("downlink_callbacks_{what} ");
    let line = page.lines().find_map(|line| line.strip_prefix(&name));
    line.expect("it is there").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_sees_what_was_given_up_and_has_it_told_after_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let (running, admin) = start(folder.path()).await;
    let well = Arc::new(AtomicBool::new(false));
    let is_well = well.clone();
    let receiver = Receiver::answering(move |_| {
        let status = if is_well.load(Ordering::SeqCst) {
            200
        } else {
            500
        };
        Answer::Status(status)
    })
    .await;
    let url = format!("{}?token=secret", receiver.url());
    let app = json!({"appId": "app"});
    let made = admin
        .send(Method::POST, "/downlink/v1/applications", &app)
        .await;
    let _: ApplicationView = made.expect("an application");
    let device = json!({"nodeId": "meter-1"});
    let made = admin
        .send(Method::POST, "/downlink/v1/devices", &device)
        .await;
    let device: DeviceMade = made.expect("a device");
    let commands = [
        command(&admin, &device.device_id, &url).await,
        command(&admin, &device.device_id, &url).await,
    ];
    pass(&admin, HOUR_MS).await;
    let endpoints: Vec<EndpointView> = admin
        .read(&format!("{CALLBACKS}/endpoints"))
        .await
        .expect("a list");
    let name = format!("http://{}", receiver.address);
    assert_eq!((endpoints.len(), &endpoints[0].endpoint), (1, &name));
    assert_eq!(
        (endpoints[0].state.as_str(), endpoints[0].waiting),
        ("down", 2)
    );
    let failure = endpoints[0].last_failure.as_ref().expect("it failed");
    assert_eq!(failure.reason, "answered with status 500");
    assert_eq!(dead(&admin, "").await, []);
    assert_eq!(gauge(&admin, "waiting").await, "2");
    assert_eq!(gauge(&admin, "endpoints_down").await, "1");
    pass(&admin, 24 * HOUR_MS).await;
    let rows = dead(&admin, "?appId=app").await;
    let ids: Vec<&str> = rows.iter().map(|row| row.command_id.as_str()).collect();
    assert_eq!(ids, commands.each_ref().map(String::as_str));
    assert_eq!(
        (rows[0].from, rows[0].endpoint.as_str()),
        (1, name.as_str())
    );
    assert!(!format!("{rows:?}").contains("secret"));
    let page = format!("?limit=1&after={}", commands[0]);
    assert_eq!(dead(&admin, &page).await, rows[1..]);
    assert_eq!(gauge(&admin, "waiting").await, "0");
    // The next server finds the same, and tells it.
    running.stop().await.expect("in good order");
    let (running, admin) = start(folder.path()).await;
    assert_eq!(dead(&admin, "").await, rows);
    well.store(true, Ordering::SeqCst);
    receiver.rest().await;
    let begun = replay(&admin, json!({"commandId": commands[1]})).await;
    assert_eq!(begun.expect("begun").begun, 1);
    assert_eq!(receiver.next().await.command_id(), commands[1]);
    let begun = replay(&admin, json!({"endpoint": name})).await;
    assert_eq!(begun.expect("begun").begun, 1);
    let call = receiver.next().await;
    assert_eq!(
        (call.command_id(), call.says()),
        (commands[0].clone(), "EXPIRED".into())
    );
    assert_eq!(call.line, "POST /cb?token=secret HTTP/1.1");
    let gone = async {
        while !dead(&admin, "").await.is_empty() {
            pause().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone)
        .await
        .expect("the rows go");
    running.stop().await.expect("in good order");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_nothing_in_particular_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (running, admin) = start(folder.path()).await;
    for (order, status) in [
        (json!({}), StatusCode::BAD_REQUEST),
        (
            json!({"all": true, "appId": "app"}),
            StatusCode::BAD_REQUEST,
        ),
        (json!({"commandId": "x"}), StatusCode::BAD_REQUEST),
        (json!({"commandId": "0".repeat(32)}), StatusCode::NOT_FOUND),
        (json!({"appId": "nobody"}), StatusCode::NOT_FOUND),
        (json!({"everything": true}), StatusCode::BAD_REQUEST),
    ] {
        let refused = replay(&admin, order.clone()).await;
        let Err(ClientError::Refused { status: said, .. }) = refused else {
            panic!("{order}: {refused:?}")
        };
        assert_eq!(said, status, "{order}");
    }
    let all = replay(&admin, json!({"all": true}))
        .await
        .expect("nothing to do");
    assert_eq!((all.begun, all.no_room), (0, 0));
    for query in [
        "?limit=0",
        "?limit=1001",
        "?appId=nobody",
        "?after=x",
        "?x=1",
    ] {
        let refused: Result<Value, _> = admin.read(&format!("{CALLBACKS}/dead{query}")).await;
        assert!(refused.is_err(), "{query}");
    }
    running.stop().await.expect("in good order");
}
