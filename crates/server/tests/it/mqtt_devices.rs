//! MQTT devices: who comes in, what they may touch, what they say.

use crate::harness::{Login, Platform, TestDevice, path, pause};
use api::Operation;
use delivery::{Kind, Status};
use mqtt::client::Event;
use mqtt::{Qos, Version};
use server::registry::{Deed, Rebind};
use store::Store as _;

#[tokio::test]
async fn a_device_comes_in_by_its_device_id_or_its_node_id() {
    let platform = Platform::start().await;
    let id = platform.device("node_with_underscores").await;
    for (name, auth_type) in [(id.to_string(), 0), ("node_with_underscores".into(), 2)] {
        for version in [Version::V311, Version::V5] {
            let login = Login {
                version,
                ..Login::of(&name, auth_type)
            };
            let (mut device, connack) = TestDevice::connect(&platform, &login).await;
            assert_eq!((connack.code, connack.session_present), (0, false));
            device.subscribe(Qos::AtLeastOnce).await;
        }
    }
}

#[tokio::test]
async fn a_stranger_and_a_wrong_password_are_refused_alike() {
    let platform = Platform::start().await;
    let id = platform.device("meter").await;
    let right = Login::of(&id.to_string(), 0);
    let wrong_password = Login {
        password: "0".repeat(64),
        ..Login::of(&id.to_string(), 0)
    };
    let other_user = Login {
        user_name: "somebody".into(),
        ..Login::of(&id.to_string(), 0)
    };
    let stranger = Login::of("00000000-0000-8000-8000-000000000000", 0);
    for login in [wrong_password, other_user, stranger] {
        let (mut device, connack) = TestDevice::connect(&platform, &login).await;
        assert_eq!(connack.code, 4);
        assert!(device.is_closed().await);
    }
    assert!(!platform.hub.is_online(id));
    let (_device, connack) = TestDevice::connect(&platform, &right).await;
    assert_eq!(connack.code, 0);
}

#[tokio::test]
async fn a_device_with_a_new_secret_comes_in_by_that_alone() {
    let platform = Platform::start().await;
    let id = platform.device("meter").await;
    let (old, new) = ("00000000000000000001", "11111111111111111112");
    let set = |secret: &'static str| {
        let sealed = platform.vault.seal(secret.as_bytes());
        move |device: &mut store::Device| device.secret = Some(sealed)
    };
    let owner = platform
        .registry
        .device(id)
        .await
        .expect("read")
        .expect("it is there")
        .app;
    let deed = Deed::own(owner, Operation::RefreshDeviceSecret, Some(id));
    let rebind = |secret| {
        platform
            .registry
            .rebind(deed, id, set(secret), platform.clock.now())
    };
    platform
        .registry
        .change_device(id, set(old))
        .await
        .expect("kept");
    let device = TestDevice::connect(&platform, &Login::by("meter", 2, old)).await;
    assert_eq!(device.1.code, 0);
    assert!(matches!(rebind(new).await, Err(Rebind::Online)));
    drop(device);
    while platform.hub.is_online(id) {
        pause().await;
    }
    rebind(new).await.expect("it is offline");
    let (mut device, connack) = TestDevice::connect(&platform, &Login::by("meter", 2, old)).await;
    assert_eq!(connack.code, 4);
    assert!(device.is_closed().await);
    let (_device, connack) = TestDevice::connect(&platform, &Login::by("meter", 2, new)).await;
    assert_eq!(connack.code, 0);
    let bound = platform.registry.device(id).await.expect("read");
    assert!(bound.expect("it is there").activated.is_some());
}

#[tokio::test]
async fn a_device_touches_its_own_topics_only() {
    let platform = Platform::start().await;
    let (id, other) = (
        platform.device("meter").await,
        platform.device("other").await,
    );
    let (mut device, _) = TestDevice::connect(&platform, &Login::of(&id.to_string(), 0)).await;
    device
        .publish_on(&mqtt::data_json(&other.to_string()), b"{}")
        .await;
    assert!(device.is_closed().await);
    assert!(
        platform
            .store
            .reports(other)
            .expect("memory can be read")
            .is_empty()
    );
}

#[tokio::test]
async fn r6_4_a_report_is_acknowledged_when_it_is_kept() {
    let platform = Platform::start().await;
    let id = platform.device("meter").await;
    let (mut device, _) = TestDevice::connect(&platform, &Login::of(&id.to_string(), 0)).await;
    let report = r#"{"msgType":"deviceReq","hasMore":0,"data":[{"serviceId":"Meter","serviceData":{"level":8},"eventTime":"20261122T110000Z"}]}"#;
    device.publish(report.as_bytes()).await;
    let kept = platform.store.reports(id).expect("memory can be read");
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].service_id, "Meter");
    assert_eq!(kept[0].properties, br#"{"level":8}"#);
    assert!(kept[0].event_time.is_some());
}

#[tokio::test]
async fn garbage_is_counted_acknowledged_and_forgotten() {
    let platform = Platform::start().await;
    let id = platform.device("meter").await;
    let (mut device, _) = TestDevice::connect(&platform, &Login::of(&id.to_string(), 0)).await;
    device.publish(b"no JSON at all").await;
    device.publish(br#"{"msgType":"deviceReq","data":7}"#).await;
    device
        .publish(br#"{"msgType":"deviceRsp","mid":99,"errcode":0}"#)
        .await;
    assert!(
        platform
            .store
            .reports(id)
            .expect("memory can be read")
            .is_empty()
    );
}

#[tokio::test]
async fn bytes_that_are_no_mqtt_end_the_connection() {
    let platform = Platform::start().await;
    let id = platform.device("meter").await;
    let mut device = TestDevice::awake(&platform, id).await;
    device.write(&[0x00, 0xff, 0xff, 0xff, 0xff, 0x7f]).await;
    assert!(device.is_closed().await);
    platform.until_reachable(id, false).await;
}

#[tokio::test]
async fn r6_2_a_device_is_reachable_once_it_has_subscribed() {
    let platform = Platform::start().await;
    let id = platform.device("meter").await;
    let (mut device, _) = TestDevice::connect(&platform, &Login::of(&id.to_string(), 0)).await;
    device.publish(b"{}").await;
    assert!(platform.hub.is_online(id));
    assert!(!platform.hub.is_reachable(id));
    let refused = platform
        .submit(id, Kind::Direct { confirm: true }, "{}")
        .await;
    assert!(refused.is_err());
    device.subscribe(Qos::AtLeastOnce).await;
    platform.until_reachable(id, true).await;
}

#[tokio::test]
async fn r6_5_a_newer_subscribed_session_ends_the_older_one() {
    let platform = Platform::start().await;
    let id = platform.device("meter").await;
    let mut old = TestDevice::awake(&platform, id).await;
    let mut new = TestDevice::awake(&platform, id).await;
    assert!(old.is_closed().await);
    let command = platform.queue(id, "{}").await;
    new.take().await;
    platform.until(&command, Status::Delivered).await;
}

#[tokio::test]
async fn r6_5_a_session_that_only_publishes_may_stand_beside_the_subscribed_one() {
    let platform = Platform::start().await;
    let id = platform.device("meter").await;
    let mut device = TestDevice::awake(&platform, id).await;
    let command = platform.queue(id, "{}").await;
    let frame = device.take().await;
    let (mut beside, connack) =
        TestDevice::connect(&platform, &Login::of(&id.to_string(), 0)).await;
    assert_eq!(connack.code, 0);
    beside.answer(&frame, 0).await;
    platform.until(&command, Status::Succeeded).await;
}

#[tokio::test]
async fn a_device_whose_old_connections_died_unnoticed_still_comes_in() {
    let platform = Platform::start().await;
    let id = platform.device("meter").await;
    let login = Login::of(&id.to_string(), 0);
    let mut devices = Vec::new();
    for _ in 0..6 {
        let (device, connack) = TestDevice::connect(&platform, &login).await;
        assert_eq!(connack.code, 0);
        devices.push(device);
    }
    assert!(devices[0].is_closed().await);
    assert!(devices[1].is_closed().await);
    devices[5].subscribe(Qos::AtLeastOnce).await;
    platform.until_reachable(id, true).await;
}

#[tokio::test]
async fn r6_3_with_qos_0_the_answer_is_the_acknowledgement() {
    let platform = Platform::start().await;
    let id = platform.device("meter").await;
    let (mut device, _) = TestDevice::connect(&platform, &Login::of(&id.to_string(), 0)).await;
    device.subscribe(Qos::AtMostOnce).await;
    platform.until_reachable(id, true).await;
    let command = platform.queue(id, "{}").await;
    let (frame, packet) = device.command().await;
    assert_eq!(packet, None);
    device.answer(&frame, 0).await;
    let done = platform.until(&command, Status::Succeeded).await;
    assert_eq!(
        path(&done),
        [
            Status::Queued,
            Status::Sent,
            Status::Delivered,
            Status::Succeeded
        ]
    );
}

#[tokio::test]
async fn presence_is_kept_with_its_moment() {
    let platform = Platform::start().await;
    let id = platform.device("meter").await;
    let device = TestDevice::awake(&platform, id).await;
    let come = platform
        .registry
        .device(id)
        .await
        .expect("it runs")
        .expect("it is there");
    assert!(come.activated.is_some());
    drop(device);
    platform.until_reachable(id, false).await;
    assert!(!platform.hub.is_online(id));
}

#[tokio::test]
async fn a_burst_beyond_the_devices_window_waits_in_the_session() {
    let platform = Platform::start().await;
    let id = platform.device("lamp").await;
    let mut device = TestDevice::awake(&platform, id).await;
    let mut commands = Vec::new();
    for value in 0..100 {
        let kind = Kind::Immediate;
        let accepted = platform
            .submit(id, kind, &format!(r#"{{"value":{value}}}"#))
            .await;
        commands.push(accepted.expect("accepted").command);
    }
    for value in 0..100 {
        assert_eq!(device.take().await["paras"]["value"], value);
    }
    for command in &commands {
        platform.until(command, Status::Delivered).await;
    }
}

#[tokio::test]
async fn the_platform_says_goodbye_when_it_stops() {
    let platform = Platform::start().await;
    let id = platform.device("meter").await;
    let login = Login {
        version: Version::V5,
        ..Login::of(&id.to_string(), 0)
    };
    let (mut device, _) = TestDevice::connect(&platform, &login).await;
    platform.shutdown.drain();
    platform
        .hub
        .close_all(server::south::CloseReason::ShuttingDown);
    let said = device.next().await;
    assert!(matches!(said, Some(Event::Disconnect { .. })), "{said:?}");
}
