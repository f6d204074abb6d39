//! Direct calls (contract §5.7, R4).

use crate::north_support::{Bench, COMMANDS, PATIENCE, Session, command, invoke};
use delivery::{DeviceId, Input, Rules};
use serde_json::{Value, json};
use server::body::Body;
use server::faults::Fault;
use server::north::Settings;
use server::south::Order;
use std::time::Duration;

fn call(header: &str) -> String {
    format!(r#"{{"header":{{{header}}},"body":{{"value":3}}}}"#)
}

const SET: &str = r#""mode":"ACK","method":"SET""#;
const CLOUD: &str = r#""mode":"ACK","method":"SET","toType":"CLOUD""#;

async fn reachable(settings: Settings) -> (Bench, DeviceId, Session) {
    let bench = Bench::with(
        Settings {
            throttle_calls_max: 0,
            ..settings
        },
        Rules::default(),
    )
    .await;
    let device = bench.device("n").await;
    let session = bench.subscribe(device).await;
    (bench, device, session)
}

fn frame(session: &Session) -> (bool, Body) {
    let orders = session.orders();
    let [Order::Deliver(downlink)] = orders.as_slice() else {
        panic!("{orders:?} is not one command")
    };
    (
        downlink.confirm,
        Body::read(&downlink.body).expect("it decodes"),
    )
}

/// Waits until the session has an order.
async fn next_order(session: &Session) -> Order {
    let there = async {
        loop {
            session.mailbox.arrival().await;
            if let Some(order) = session
                .orders()
                .into_iter()
                .find(|order| matches!(order, Order::Deliver(_)))
            {
                return order;
            }
        }
    };
    tokio::time::timeout(PATIENCE, there)
        .await
        .expect("an order")
}

#[tokio::test]
async fn r4_2_a_gateway_call_is_sent_as_soon_as_the_frame_is_handed_over() {
    let (bench, device, session) = reachable(Settings::default()).await;
    let header = r#""mode":"ACK","method":"SET","requestId":"r_0001","from":"/users/u","to":"t","callbackURL":"https://example.com:9/x""#;
    let got = bench.call("POST", &invoke(device), &call(header)).await;
    assert_eq!(got.status, 202);
    let at = "20200913T122640Z";
    let expected =
        json!({"requestId": "r_0001", "status": "sent", "timestamp": at, "timeStamp": at});
    assert_eq!(got.json(), expected);
    let (confirm, body) = frame(&session);
    assert!(confirm);
    assert_eq!(
        (
            body.service_id.as_str(),
            body.method.as_str(),
            body.paras.get()
        ),
        ("Light", "SET", r#"{"value":3}"#)
    );
    assert_eq!(
        body.callback_url.as_deref(),
        Some("https://example.com:9/x")
    );
    let direct = body.direct.expect("a direct call");
    assert_eq!(
        (direct.request_id.as_str(), direct.ack, direct.cloud),
        ("r_0001", true, false)
    );
    assert_eq!(
        (direct.from.as_deref(), direct.to.as_deref()),
        (Some("/users/u"), Some("t"))
    );
    // It is stored with the others, but no list shows it (R1.1).
    assert_eq!(
        bench.call("GET", COMMANDS, "").await.json()["data"],
        json!([])
    );
}

#[tokio::test]
async fn r4_3_a_request_id_is_allocated_when_there_is_none() {
    let (bench, device, session) = reachable(Settings::default()).await;
    let json = bench.call("POST", &invoke(device), &call(SET)).await.json();
    let id = json["requestId"].as_str().expect("an id").to_owned();
    assert!(!id.is_empty());
    assert_eq!(
        frame(&session).1.direct.expect("a direct call").request_id,
        id
    );
}

#[tokio::test]
async fn r4_4_noack_asks_the_transport_for_nothing_unless_the_cloud_waits() {
    let (bench, device, session) = reachable(Settings {
        cloud_wait: Duration::ZERO,
        ..Settings::default()
    })
    .await;
    for (to_type, confirms) in [
        ("", false),
        (r#","toType":"GATEWAY""#, false),
        (r#","toType":"CLOUD""#, true),
    ] {
        let got = bench
            .call(
                "POST",
                &invoke(device),
                &call(&format!(r#""mode":"NOACK","method":"SET"{to_type}"#)),
            )
            .await;
        assert_eq!(got.status, 202);
        let (confirm, body) = frame(&session);
        assert_eq!(
            (confirm, body.direct.expect("a direct call").ack),
            (confirms, false),
            "{to_type}"
        );
    }
}

#[tokio::test]
async fn r4_2_a_cloud_call_waits_for_the_acknowledgement() {
    let (bench, device, session) = reachable(Settings::default()).await;
    let (path, body) = (invoke(device), call(CLOUD));
    let asked = bench.call("POST", &path, &body);
    let answered = async {
        let order = next_order(&session).await;
        bench.answer(&session, &order, None).await;
    };
    let (got, ()) = tokio::join!(asked, answered);
    assert_eq!(got.status, 202);
    assert_eq!(
        (&got.json()["requestId"], &got.json()["status"]),
        (&Value::Null, &json!("delivered"))
    );
}

#[tokio::test]
async fn r4_2_a_cloud_call_that_is_not_acknowledged_has_failed() {
    let (bench, device, session) = reachable(Settings {
        cloud_wait: Duration::from_millis(20),
        ..Settings::default()
    })
    .await;
    let got = bench.call("POST", &invoke(device), &call(CLOUD)).await;
    assert_eq!((got.status, &got.json()["status"]), (202, &json!("failed")));
    assert_eq!(session.orders().len(), 1);
}

#[tokio::test]
async fn r4_2_a_cloud_call_that_times_out_has_failed_before_the_wait_is_over() {
    let (bench, device, session) = reachable(Settings {
        cloud_wait: PATIENCE * 10,
        ..Settings::default()
    })
    .await;
    let (path, body) = (invoke(device), call(CLOUD));
    let asked = bench.call("POST", &path, &body);
    let passing = async {
        next_order(&session).await;
        bench.pass(Duration::from_mins(2)).await;
    };
    let both = async { tokio::join!(asked, passing) };
    let (got, ()) = tokio::time::timeout(PATIENCE, both)
        .await
        .expect("it ends with the command");
    assert_eq!((got.status, &got.json()["status"]), (202, &json!("failed")));
}

#[tokio::test]
async fn r4_6_an_offline_device_gets_no_calls_and_nothing_is_kept() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let got = bench.call("POST", &invoke(device), &call(SET)).await;
    assert_eq!(
        got.text,
        r#"{"error_code":"100428","error_desc":"The device is not online."}"#
    );
    assert_eq!(got.status, 200);
    // Connected but not subscribed is offline for a call (R6.5).
    let session = bench.connect(device).await;
    let got = bench.call("POST", &invoke(device), &call(SET)).await;
    assert_eq!(got.error(), (200, "100428".into()));
    assert_eq!(
        got.detail(),
        "the device is connected but not subscribed to its command topic"
    );
    assert!(session.orders().is_empty());
}

#[tokio::test]
async fn a_call_is_checked_against_the_profile() {
    let (bench, device, session) = reachable(Settings::default()).await;
    bench.model(device).await;
    for (path, header, body, expected, detail) in [
        (
            invoke(device).replace("Light", "Heavy"),
            SET,
            r#"{"value":3}"#,
            (404, "100444"),
            "the device's profile has no service `Heavy`",
        ),
        (
            invoke(device),
            r#""mode":"ACK","method":"PUT""#,
            "{}",
            (400, "102203"),
            "the service has no command `PUT`",
        ),
        (
            invoke(device),
            SET,
            r#"{"value":"x"}"#,
            (400, "102203"),
            "body: `value` must be a whole number",
        ),
        (
            invoke(device),
            r#""mode":"ACK","method":"SET","toType":"MOON""#,
            "{}",
            (404, "100444"),
            "`header.toType` must be CLOUD or GATEWAY",
        ),
    ] {
        let got = bench
            .call(
                "POST",
                &path,
                &format!(r#"{{"header":{{{header}}},"body":{body}}}"#),
            )
            .await;
        let (status, code) = got.error();
        assert_eq!(
            ((status, code.as_str()), got.detail().as_str()),
            (expected, detail)
        );
    }
    assert!(session.orders().is_empty());
    let got = bench
        .call(
            "POST",
            &invoke(device),
            r#"{"header":{"mode":"ACK","method":"SET"},"body":{"value":"7"}}"#,
        )
        .await;
    assert_eq!(got.status, 202);
    let (_, body) = frame(&session);
    assert_eq!(body.paras.get(), r#"{"value":7}"#);
    assert_eq!(
        body.paras_asked.expect("as asked").get(),
        r#"{"value":"7"}"#
    );
}

#[tokio::test]
async fn r4_5_discovery_and_remove_bypass_the_profile() {
    let strict = Settings {
        strict_profile: true,
        ..Settings::default()
    };
    let (bench, device, session) = reachable(strict).await;
    let got = bench.call("POST", &invoke(device), &call(SET)).await;
    assert_eq!(
        (got.error(), got.detail().as_str()),
        ((404, "100444".into()), "the device has no profile")
    );
    bench.model(device).await;
    for (service, method) in [("Discovery", "DISCOVERY"), ("Remove", "REMOVE")] {
        let path = invoke(device).replace("Light", service);
        let got = bench
            .call(
                "POST",
                &path,
                &call(&format!(r#""mode":"ACK","method":"{method}""#)),
            )
            .await;
        assert_eq!(got.status, 202, "{}", got.text);
        assert_eq!(frame(&session).1.method, method);
    }
}

#[tokio::test]
async fn a_call_with_a_wrong_shape_says_what_is_wrong() {
    let (bench, device, _session) = reachable(Settings::default()).await;
    for (body, detail) in [
        ("{}", "`header` is required"),
        (
            r#"{"header":{"method":"SET"}}"#,
            "`header.mode` is required",
        ),
        (
            r#"{"header":{"method":"SET","mode":"PERHAPS"}}"#,
            "`header.mode` must be ACK or NOACK",
        ),
        (
            r#"{"header":{"mode":"ACK"}}"#,
            "`header.method` is required",
        ),
        (
            r#"{"header":{"mode":"ACK","method":"SET"},"body":"x"}"#,
            "`body` must be an object",
        ),
        (
            r#"{"header":{"mode":"ACK","method":"SET","callbackURL":"http://127.0.0.1/x"}}"#,
            "`header.callbackURL` must not be a private address",
        ),
    ] {
        let got = bench.call("POST", &invoke(device), body).await;
        assert_eq!(
            (got.error(), got.detail().as_str()),
            ((400, "100022".into()), detail)
        );
    }
    let got = bench
        .call(
            "POST",
            &invoke(device).replace("Light", &"s".repeat(65)),
            &call(SET),
        )
        .await;
    assert_eq!(
        (got.error(), got.detail().as_str()),
        (
            (400, "100022".into()),
            "`serviceId` must have 1 to 64 characters"
        )
    );
}

#[tokio::test]
async fn r4_6_a_call_whose_link_refuses_the_frame_has_failed() {
    let (bench, device, session) = reachable(Settings::default()).await;
    bench.faults.set(Fault::RefuseFrame, 1);
    let got = bench.call("POST", &invoke(device), &call(SET)).await;
    assert_eq!(got.error(), (500, "50252".into()));
    assert!(
        session
            .orders()
            .iter()
            .all(|order| !matches!(order, Order::Deliver(_)))
    );
    let kept = bench
        .dispatch
        .parts()
        .store
        .latest_commands(Some(device), None, 1)
        .expect("read");
    bench.dispatch.settle().await.expect("it runs");
    assert_eq!(
        bench.store_history(&kept[0].id.to_string()).last(),
        Some(&"link_refused")
    );
}

#[tokio::test]
async fn r1_12_a_device_with_too_many_open_commands_gets_no_call() {
    let bench = Bench::with(
        Settings::default(),
        Rules {
            open_max: 1,
            ..Rules::default()
        },
    )
    .await;
    let device = bench.device("n").await;
    let session = bench.subscribe(device).await;
    bench.queue(device).await;
    let got = bench.call("POST", &invoke(device), &call(SET)).await;
    assert_eq!(
        (got.error(), got.detail().as_str()),
        (
            (503, "100501".into()),
            "the device has too many open commands"
        )
    );
    assert_eq!(session.orders().len(), 1);
}

#[tokio::test]
async fn r1_15_a_repeated_call_is_told_as_it_is_now_and_nothing_leaves_again() {
    let (bench, device, session) = reachable(Settings {
        cloud_wait: Duration::ZERO,
        ..Settings::default()
    })
    .await;
    let key = [("idempotency-key", "k-1")];
    let first = bench
        .with_headers("POST", &invoke(device), &key, &call(SET))
        .await
        .json();
    assert_eq!(session.orders().len(), 1);
    bench.disconnect(&session).await;
    let again = bench
        .with_headers("POST", &invoke(device), &key, &call(SET))
        .await;
    assert_eq!(
        (
            again.status,
            &again.json()["requestId"],
            &again.json()["status"]
        ),
        (202, &first["requestId"], &json!("sent"))
    );
    let other = bench
        .with_headers("POST", &invoke(device), &key, &call(CLOUD))
        .await;
    assert_eq!(other.error(), (409, "190409".into()));
    let create = bench
        .with_headers("POST", COMMANDS, &key, &command(device))
        .await;
    assert_eq!(create.error(), (409, "190409".into()));

    let session = bench.subscribe(device).await;
    let key = [("idempotency-key", "k-2")];
    let failed = bench
        .with_headers("POST", &invoke(device), &key, &call(CLOUD))
        .await;
    assert_eq!(failed.json()["status"], "failed");
    let order = session.orders().remove(0);
    bench.answer(&session, &order, None).await;
    let again = bench
        .with_headers("POST", &invoke(device), &key, &call(CLOUD))
        .await
        .json();
    assert_eq!(
        (&again["requestId"], &again["status"]),
        (&Value::Null, &json!("delivered"))
    );
    assert!(session.orders().is_empty());
}

#[tokio::test]
async fn a_call_for_a_device_of_another_application_is_refused() {
    let (bench, device, session) = reachable(Settings::default()).await;
    let token = format!("Bearer {}", bench.login("other").await);
    let other = [("app_key", "other"), ("authorization", token.as_str())];
    assert_eq!(
        bench
            .raw("POST", &invoke(device), &other, &call(SET))
            .await
            .error(),
        (200, "100418".into())
    );
    bench.hear(device, Input::Heard).await;
    assert!(session.orders().is_empty());
}
