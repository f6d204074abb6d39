//! New credentials for devices (contract §3.3, §16.8).

use crate::north_support::{Bench, COMMANDS, DEVICES, REGISTER, REGISTER_V2, command};
use api::Operation;
use delivery::DeviceId;
use server::registry::Deed;
use server::south::{CloseReason, Mailbox, Order};
use std::sync::Arc;
use std::time::Duration;

impl Bench {
    /// A device that has connected and is away again.
    async fn bound(&self, node_id: &str) -> DeviceId {
        let device = self.device(node_id).await;
        let session = self.connect(device).await;
        self.disconnect(&session).await;
        device
    }

    async fn is_active(&self, device: DeviceId) -> bool {
        let got = self.call("GET", &format!("{REGISTER}/{device}"), "").await;
        got.json()["activated"].as_bool().expect("a boolean")
    }
}

#[tokio::test]
async fn a_new_verification_code_makes_the_device_bind_again() {
    let bench = Bench::start().await;
    let device = bench.bound("n").await;
    let path = format!("{REGISTER}/{device}");
    assert!(bench.is_active(device).await);
    let body = r#"{"verifyCode":"Code","nodeId":"m","timeout":60}"#;
    let got = bench.call("PUT", &path, body).await;
    assert_eq!(
        (got.status, got.text.as_str()),
        (200, r#"{"verifyCode":"Code","timeout":60}"#)
    );
    assert!(!bench.is_active(device).await);
    let shown = bench.call("GET", &format!("{DEVICES}/{device}"), "").await;
    assert_eq!(shown.json()["deviceInfo"]["nodeId"], "m");
    let session = bench.connect(device).await;
    assert!(bench.is_active(device).await);
    bench.disconnect(&session).await;
    bench.pass(Duration::from_mins(2)).await;
    assert!(bench.is_active(device).await, "it has bound in time");
}

#[tokio::test]
async fn a_device_that_does_not_bind_again_in_time_is_deleted_with_its_commands() {
    let bench = Bench::start().await;
    let device = bench.bound("n").await;
    let id = bench.queue(device).await;
    let got = bench
        .call("PUT", &format!("{REGISTER}/{device}"), "{}")
        .await;
    assert_eq!(got.json()["timeout"], 180);
    assert_eq!(
        got.json()["verifyCode"].as_str().map(str::len),
        Some(20),
        "it was made"
    );
    bench.pass(Duration::from_mins(4)).await;
    let path = format!("{DEVICES}/{device}");
    assert_eq!(
        bench.call("GET", &path, "").await.error(),
        (404, "100418".into())
    );
    let commands = bench.call("GET", COMMANDS, "").await.json();
    assert_eq!(commands["data"][0]["commandId"], id.as_str());
    assert_eq!(commands["data"][0]["status"], "CANCELED");
}

#[tokio::test]
async fn credentials_change_only_while_the_device_is_offline_and_after_it_was_active() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    for path in [
        format!("{REGISTER}/{device}"),
        format!("{REGISTER_V2}/{device}"),
    ] {
        let refresh = || bench.call("PUT", &path, "{}");
        assert_eq!(refresh().await.error(), (400, "100610".into()));
        let session = bench.connect(device).await;
        let got = refresh().await;
        assert_eq!(got.error(), (400, "100611".into()));
        assert_eq!(got.json()["error_desc"], "Device is online.");
        assert!(bench.is_active(device).await && session.orders().is_empty());
        bench.disconnect(&session).await;
        assert_eq!(refresh().await.status, 200);
        assert_eq!(
            refresh().await.error(),
            (400, "100610".into()),
            "it has not bound again"
        );
    }
}

#[tokio::test]
async fn a_mark_that_another_device_has_is_refused_and_nothing_changes() {
    let bench = Bench::start().await;
    let (device, _other) = (bench.bound("n").await, bench.device("taken").await);
    let path = format!("{REGISTER}/{device}");
    let got = bench.call("PUT", &path, r#"{"nodeId":"taken"}"#).await;
    assert_eq!(got.error(), (400, "100426".into()));
    assert!(bench.is_active(device).await);
    let got = bench.call("PUT", &path, r#"{"verifyCode":7}"#).await;
    assert_eq!(got.error(), (400, "100003".into()));
    assert_eq!(got.detail(), "`verifyCode` must be a string");
    assert_eq!(
        bench.call("PUT", &path, "[").await.error(),
        (400, "100007".into())
    );
    assert_eq!(
        bench.call("PUT", &path, r#"{"timeout":-1}"#).await.error(),
        (400, "100022".into())
    );
    let nobody = format!("{REGISTER}/nobody");
    assert_eq!(
        bench.call("PUT", &nobody, "{}").await.error(),
        (404, "100418".into())
    );
}

#[tokio::test]
async fn a_mark_whose_registration_has_lapsed_is_free() {
    let bench = Bench::start().await;
    let device = bench.bound("n").await;
    let body = r#"{"nodeId":"late","timeout":10}"#;
    assert_eq!(bench.call("POST", REGISTER, body).await.status, 200);
    bench.pass(Duration::from_secs(11)).await;
    let path = format!("{REGISTER}/{device}");
    let got = bench.call("PUT", &path, r#"{"nodeId":"late"}"#).await;
    assert_eq!(got.status, 200, "{}", got.text);
}

#[tokio::test]
async fn a_new_secret_takes_the_place_of_the_old_one() {
    let bench = Bench::start().await;
    let device = bench.bound("n").await;
    let old = bench.registry.device(device).await.expect("read");
    let path = format!("{REGISTER_V2}/{device}");
    let body = r#"{"secret":"00112233445566778899"}"#;
    let got = bench.call("PUT", &path, body).await;
    assert_eq!(
        (got.status, got.text.as_str()),
        (200, r#"{"secret":"00112233445566778899","timeout":0}"#)
    );
    let kept = bench.registry.device(device).await.expect("read");
    let kept = kept.expect("it is there");
    let opened = bench.vault.unseal(kept.secret.as_deref().expect("sealed"));
    assert_eq!(
        opened.expect("ours").as_slice(),
        b"00112233445566778899".as_slice()
    );
    // Whoever was let in with the old one a moment ago is let in no more.
    let old = old.expect("it was there");
    assert!(!bench.registry.stands(&old).await && bench.registry.stands(&kept).await);
    bench.pass(Duration::from_mins(50)).await;
    assert_eq!(
        bench.call("POST", COMMANDS, &command(device)).await.status,
        201,
        "without a time limit it stays"
    );
}

#[tokio::test]
async fn a_session_that_slips_in_while_credentials_change_is_closed() {
    let bench = Bench::start().await;
    let device = bench.bound("n").await;
    let (mailbox, hub) = (Arc::new(Mailbox::default()), bench.hub.clone());
    let opened = mailbox.clone();
    // The change is decided by now, and a session opens before it is on disk.
    let change = move |_: &mut store::Device| {
        hub.open(device, &opened).expect("a place");
    };
    let owner = delivery::AppKey(1);
    let deed = Deed::own(owner, Operation::RefreshDeviceSecret, Some(device));
    bench
        .registry
        .rebind(deed, device, change, bench.clock.now())
        .await
        .expect("it was offline");
    let orders: Vec<Order> = mailbox.take().into();
    assert!(
        orders.contains(&Order::Close(CloseReason::CredentialsChanged)),
        "{orders:?}"
    );
}
