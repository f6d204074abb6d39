//! Overload (R3.1, check 1): what goes beyond the bounds is refused at once, and nothing of it is accepted.

use crate::north_support::{Bench, COMMANDS, DEVICES, Got, HERE, LOGIN, PATIENCE, command, invoke};
use bytes::Bytes;
use delivery::{DeviceId, Rules};
use http::Request;
use http_body_util::Full;
use server::north::Settings;
use std::pin::Pin;
use std::task::Poll;

async fn with(change: impl FnOnce(&mut Settings)) -> Bench {
    let mut settings = Settings {
        throttle_calls_max: 0,
        ..Settings::default()
    };
    change(&mut settings);
    // However many calls are over at once, the device takes the next one.
    let rules = Rules {
        pending_max: 0,
        ..Rules::default()
    };
    Bench::with(settings, rules).await
}

/// A call that is under way for as long as it is kept.
type UnderWay = Pin<Box<dyn Future<Output = u16>>>;

/// Begins a call of `app`; it is polled once, which is as far as it comes without the rest of the platform. Where a shard is so
/// quick that the call is over by then, another one is begun.
async fn begin(bench: &Bench, method: &str, path: &str, body: String) -> UnderWay {
    loop {
        if let Some(call) = begin_one(bench, method, path, body.clone()).await {
            return call;
        }
    }
}

async fn begin_one(bench: &Bench, method: &str, path: &str, body: String) -> Option<UnderWay> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("app_key", "app")
        .header("authorization", format!("Bearer {}", bench.token()))
        .body(Full::new(Bytes::from(body)))
        .expect("a request");
    let north = bench.north.clone();
    let mut call: UnderWay =
        Box::pin(async move { north.answer(request, HERE).await.status().as_u16() });
    let pending = std::future::poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending())).await;
    pending.then_some(call)
}

async fn login(bench: &Bench) -> UnderWay {
    begin(bench, "POST", LOGIN, "appId=app&secret=wrong".into()).await
}

fn assert_overload(got: &Got) {
    assert_eq!(got.error(), (503, "100501".into()), "{}", got.text);
    assert_eq!(got.headers["retry-after"], "1");
}

async fn accepted(bench: &Bench, device: DeviceId) -> usize {
    let list = bench
        .call("GET", &format!("{COMMANDS}?deviceId={device}"), "")
        .await;
    assert_eq!(list.status, 200, "{}", list.text);
    list.json()["data"].as_array().expect("a list").len()
}

#[tokio::test]
async fn r3_1_what_goes_beyond_the_bound_is_refused_before_anything_is_accepted() {
    let bench = with(|settings| settings.requests_max = 1).await;
    let device = bench.device("n").await;
    let first = begin(&bench, "POST", COMMANDS, command(device)).await;
    // Of those that were over at once; the first one may be among them by now.
    let before = accepted(&bench, device).await;
    assert_overload(&bench.call("POST", COMMANDS, &command(device)).await);
    // Overload comes before everything else, and counts nothing.
    assert_overload(&bench.raw("POST", COMMANDS, &[], "{").await);
    // Reading and cancelling have places of their own.
    assert_eq!(first.await, 201);
    let after = accepted(&bench, device).await;
    assert!([before, before + 1].contains(&after), "{before}, {after}");
    assert_eq!(
        bench.call("POST", COMMANDS, &command(device)).await.status,
        201
    );
}

#[tokio::test]
async fn a_flood_of_other_requests_keeps_no_command_out() {
    let bench = with(|settings| settings.requests_max = 1).await;
    let device = bench.device("n").await;
    let waiting = login(&bench).await;
    assert_overload(&bench.call("GET", &format!("{DEVICES}/{device}"), "").await);
    assert_eq!(
        bench.call("POST", COMMANDS, &command(device)).await.status,
        201
    );
    assert_eq!(waiting.await, 401);
    assert_eq!(accepted(&bench, device).await, 1);
}

#[tokio::test]
async fn a_client_that_leaves_gives_its_place_back() {
    let bench = with(|settings| settings.requests_max = 1).await;
    let device = bench.device("n").await;
    drop(begin(&bench, "POST", COMMANDS, command(device)).await);
    assert_eq!(
        bench.call("POST", COMMANDS, &command(device)).await.status,
        201
    );
}

#[tokio::test]
async fn r4_2_a_direct_call_that_waits_for_its_device_holds_no_place() {
    let bench = with(|settings| settings.requests_max = 1).await;
    let device = bench.device("n").await;
    let session = bench.subscribe(device).await;
    let body = r#"{"header":{"mode":"ACK","method":"SET","toType":"CLOUD"},"body":{"value":"12"}}"#;
    let mut call = begin(&bench, "POST", &invoke(device), body.into()).await;
    let handed = async {
        while session.mailbox.take().is_empty() {
            let polled =
                std::future::poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_ready())).await;
            assert!(!polled, "the device has not acknowledged");
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, handed)
        .await
        .expect("the frame is handed over");
    // The answer of the shard may still be on its way to the call.
    let served = async {
        loop {
            let waits =
                std::future::poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending())).await;
            assert!(waits);
            let got = bench.call("POST", COMMANDS, &command(device)).await;
            if got.status == 201 {
                return;
            }
            assert_overload(&got);
        }
    };
    tokio::time::timeout(PATIENCE, served)
        .await
        .expect("the call gives its place back");
}

#[tokio::test]
async fn the_bodies_of_all_requests_have_a_bound_together() {
    let bench = with(|settings| settings.all_bodies_bytes_max = 1_000).await;
    let device = bench.device("n").await;
    let large = format!("{}{}", command(device), " ".repeat(1_000));
    assert_overload(&bench.call("POST", COMMANDS, &large).await);
    assert_eq!(accepted(&bench, device).await, 0);
    for _ in 0..3 {
        let got = bench.call("POST", COMMANDS, &command(device)).await;
        assert_eq!(got.status, 201, "what is answered holds no bytes");
    }
}

#[tokio::test]
async fn who_has_not_logged_in_sends_short_bodies_only() {
    let bench = with(|_| {}).await;
    let body = format!("appId=app&secret={}", "x".repeat(8_192));
    let got = bench.raw("POST", LOGIN, &[], &body).await;
    assert_eq!(got.error(), (413, "190413".into()));
    assert_eq!(got.detail(), "at most 8192 bytes");
}
