//! Devices, load and a fleet against the platform itself.

use std::time::Duration;

use api::commands::{Command, CommandStatus, CommandsQuery, PostCommandRequest};
use sim::behaviour::Behaviour;
use sim::credentials::Credentials;
use sim::device::{Device, Ended, State, WakeError};
use sim::fleet::Options;
use sim::load::{Backlog, Idle, Lives, LoadError, Paced, register};

use crate::platform::Platform;

const SHORT: Duration = Duration::from_millis(300);

async fn total(platform: &Platform, device_id: &str) -> u64 {
    let query = CommandsQuery {
        device_id: Some(device_id.to_owned()),
        ..CommandsQuery::default()
    };
    let page = platform.client.query_device_command(&query).await.unwrap();
    page.pagination.total_size
}

#[tokio::test]
async fn a_device_sleeps_wakes_and_gets_what_waited() {
    let platform = Platform::start().await;
    let credentials = register(&platform.client, "n", 1, 1)
        .await
        .unwrap()
        .remove(0);
    let request = PostCommandRequest {
        device_id: credentials.id.clone(),
        command: Command {
            service_id: "S".into(),
            method: "M".into(),
            ..Command::default()
        },
        ..PostCommandRequest::default()
    };
    let mut device = Device::new(credentials, Behaviour::default(), 1);
    let command = platform.client.post_device_command(&request).await.unwrap();
    assert_eq!(command.status, CommandStatus::Pending);
    assert_eq!(device.state(), State::Asleep);
    device.wake(platform.mqtt()).await.unwrap();
    device.until(|core| core.confirmed() == 1).await;
    device.sleep().await;
    assert_eq!(device.state(), State::Asleep);
    let received = device.received();
    assert_eq!((received.len(), received[0].cmd.as_str()), (1, "M"));
    let listed = platform
        .client
        .query_device_command(&CommandsQuery::default())
        .await
        .unwrap();
    assert_eq!(listed.data[0].status, CommandStatus::Successful);
    // A second life of the same device, cut this time.
    device.wake(platform.mqtt()).await.unwrap();
    device.cut().await;
    assert_eq!(device.state(), State::Asleep);
    platform.stop().await;
}

#[tokio::test]
async fn a_device_with_a_wrong_secret_is_told_so() {
    let platform = Platform::start().await;
    let mut credentials = register(&platform.client, "n", 1, 1)
        .await
        .unwrap()
        .remove(0);
    credentials.secret.push('0');
    let mut device = Device::new(credentials.clone(), Behaviour::default(), 1);
    let refused = device.wake(platform.mqtt()).await;
    assert!(
        matches!(refused, Err(WakeError::Ended(Ended::Refused(4)))),
        "{refused:?}"
    );
    assert_eq!(device.state(), State::Asleep);
    let refused = Idle::connect(platform.mqtt(), &[credentials], 1).await;
    assert!(
        matches!(refused, Err(LoadError::Device { .. })),
        "{refused:?}"
    );
    platform.stop().await;
}

#[tokio::test]
async fn devices_are_registered_in_order_and_once_each() {
    let platform = Platform::start().await;
    let devices = register(&platform.client, "n", 20, 7).await.unwrap();
    for (index, device) in devices.iter().enumerate() {
        let shown = platform
            .client
            .query_single_device_info(&device.id)
            .await
            .unwrap();
        assert_eq!(shown.device_info.node_id, Some(format!("n{index}")));
    }
    let again = register(&platform.client, "n", 1, 1).await;
    assert!(matches!(again, Err(LoadError::Register(_))), "{again:?}");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_life_of_the_closed_loop_is_successful_on_the_platform_too() {
    let platform = Platform::start().await;
    let target = platform.target().await;
    let devices = register(&platform.client, "n", 40, 8).await.unwrap();
    let mut lives = Lives::connect(&target, &devices, 8).await.unwrap();
    let mut ended = 0;
    for _ in 0..2 {
        let report = lives.run(SHORT).await.unwrap();
        assert!(report.lives > 0 && report.refused.is_empty(), "{report:?}");
        assert_eq!(report.lives, report.ended.count());
        assert_eq!(
            (report.accepted.count(), report.arrived.count()),
            (report.lives, report.lives)
        );
        assert!(report.elapsed >= SHORT && report.rate() > 0);
        ended += report.lives;
    }
    let mut shown = 0;
    for device in &devices {
        let query = CommandsQuery {
            device_id: Some(device.id.clone()),
            ..CommandsQuery::default()
        };
        let page = platform.client.query_device_command(&query).await.unwrap();
        assert!(
            page.data
                .iter()
                .all(|command| command.status == CommandStatus::Successful)
        );
        shown += page.pagination.total_size;
    }
    assert_eq!(shown, ended);
    drop(lives);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_open_loop_sends_what_it_is_meant_to_and_waits_for_all_of_it() {
    let platform = Platform::start().await;
    let target = platform.target().await;
    let devices = register(&platform.client, "n", 40, 8).await.unwrap();
    let paced = Paced::connect(&target, &devices, 4).await.unwrap();
    let report = paced.run(100, SHORT).await.unwrap();
    assert_eq!((report.sent, report.ended), (30, 30), "{report:?}");
    assert_eq!(report.accepted.count(), 30);
    assert_eq!(report.arrived.count(), 30);
    assert_eq!(report.late.count(), 30);
    platform.stop().await;
}

#[tokio::test]
async fn a_backlog_stays_and_the_twenty_first_command_is_refused() {
    let platform = Platform::start().await;
    let target = platform.target().await;
    let devices = register(&platform.client, "n", 3, 3).await.unwrap();
    let ids: Vec<String> = devices.into_iter().map(|device| device.id).collect();
    let accepted = Backlog::post(&target, ids.clone().into(), 21, 2)
        .await
        .unwrap();
    assert_eq!(accepted, 60, "R1.12: 20 PENDING per device");
    for id in &ids {
        assert_eq!(total(&platform, id).await, 20);
    }
    platform.stop().await;
}

#[tokio::test]
async fn idle_devices_are_online_until_they_are_dropped() {
    let platform = Platform::start().await;
    let devices = register(&platform.client, "n", 5, 5).await.unwrap();
    let idle = Idle::connect(platform.mqtt(), &devices, 2).await.unwrap();
    assert_eq!((idle.len(), idle.is_empty()), (5, false));
    for device in &devices {
        let shown = platform
            .client
            .query_single_device_info(&device.id)
            .await
            .unwrap();
        assert_eq!(shown.device_info.status.as_deref(), Some("ONLINE"));
    }
    drop(idle);
    platform.stop().await;
}

#[tokio::test]
async fn a_fleet_lives_and_its_counts_fit_together() {
    let platform = Platform::start().await;
    let mut options = Options {
        url: platform.url(),
        ca: None,
        mqtt: platform.mqtt(),
        app_id: platform.app_id.clone(),
        secret: Some(platform.secret.clone()),
        secret_file: None,
        devices: 8,
        seed: 7,
        seconds: 2,
        rate: 50,
        allow_remote: false,
    };
    let report = options.run().await.unwrap();
    assert!(report.is_sound(), "{report}");
    assert!(report.accepted > 0 && report.arrivals > 0, "{report}");
    options.mqtt = "192.0.2.1:1883".parse().unwrap();
    let refused = options.run().await.unwrap_err();
    assert!(refused.to_string().contains("--allow-remote"), "{refused}");
    platform.stop().await;
}

#[tokio::test]
async fn no_platform_is_an_error_and_not_a_wait() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let mut device = Device::new(Credentials::of_device("d", "s"), Behaviour::default(), 1);
    let refused = device.wake(address).await;
    assert!(
        matches!(refused, Err(WakeError::Connect { .. })),
        "{refused:?}"
    );
}
