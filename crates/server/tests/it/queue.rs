//! The queue, from a submission to what the device saw.

use crate::harness::{Platform, TestDevice, ask, path, queued};
use delivery::{Cause, Kind, Refusal, Status};
use server::dispatch::Refused;
use std::time::Duration;
use store::Store as _;

#[tokio::test]
async fn a_queued_command_waits_for_its_device_and_lives_its_whole_life() {
    let platform = Platform::start().await;
    let id = platform.device("meter").await;
    let command = platform.queue(id, r#"{"value":5}"#).await;
    assert_eq!(command.status(), Status::Queued);
    let mut device = TestDevice::awake(&platform, id).await;
    let (frame, packet) = device.command().await;
    assert_eq!(frame["msgType"], "cloudReq");
    assert_eq!(frame["serviceId"], "Meter");
    assert_eq!(frame["cmd"], "SET");
    assert_eq!(frame["paras"]["value"], 5);
    assert_eq!(platform.command(&command).status(), Status::Sent);
    device.acknowledge(packet.expect("QoS 1")).await;
    platform.until(&command, Status::Delivered).await;
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
    assert_eq!(
        done.answer.and_then(|a| a.detail).as_deref(),
        Some(&br#"{"result":0}"#[..])
    );
    assert_eq!(done.issued, 1);
}

#[tokio::test]
async fn a_cancelled_command_never_reaches_the_device() {
    let platform = Platform::start().await;
    let id = platform.device("meter").await;
    let first = platform.queue(id, r#"{"value":1}"#).await;
    let second = platform.queue(id, r#"{"value":2}"#).await;
    let who = first.history[0].who;
    let cancelled = platform
        .dispatch
        .cancel(id, first.id, who)
        .await
        .expect("it is pending");
    assert_eq!(cancelled.status(), Status::Cancelled);
    let mut device = TestDevice::awake(&platform, id).await;
    let frame = device.take().await;
    assert_eq!(frame["paras"]["value"], 2);
    platform.until(&second, Status::Delivered).await;
    let refused = platform.dispatch.cancel(id, second.id, who).await;
    assert!(
        matches!(refused, Err(Refused::Heart(Refusal::NotPending))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn r1_4_commands_leave_one_at_a_time_in_order() {
    let platform = Platform::start().await;
    let id = platform.device("meter").await;
    let mut commands = Vec::new();
    for value in 0..5 {
        commands.push(platform.queue(id, &format!(r#"{{"value":{value}}}"#)).await);
    }
    let mut device = TestDevice::awake(&platform, id).await;
    for (value, command) in commands.iter().enumerate() {
        let (frame, packet) = device.command().await;
        assert_eq!(frame["paras"]["value"], value);
        let later = commands.iter().skip(value + 1);
        assert!(
            later
                .map(|c| platform.command(c).status())
                .all(|status| status == Status::Queued)
        );
        device.acknowledge(packet.expect("QoS 1")).await;
        platform.until(command, Status::Delivered).await;
    }
}

#[tokio::test]
async fn an_expired_command_never_reaches_the_device() {
    let platform = Platform::start().await;
    let id = platform.device("meter").await;
    let kind = Kind::Queued {
        expire_after: Duration::from_secs(30),
    };
    let command = platform
        .submit(id, kind, "{}")
        .await
        .expect("accepted")
        .command;
    platform.pass(Duration::from_secs(29)).await;
    assert_eq!(platform.command(&command).status(), Status::Queued);
    platform.pass(Duration::from_secs(1)).await;
    let expired = platform.command(&command);
    assert_eq!(path(&expired), [Status::Queued, Status::Expired]);
    let next = platform.queue(id, r#"{"value":9}"#).await;
    let mut device = TestDevice::awake(&platform, id).await;
    assert_eq!(device.take().await["paras"]["value"], 9);
    platform.until(&next, Status::Delivered).await;
}

#[tokio::test]
async fn r1_5_a_silent_device_gets_four_attempts_and_then_nobody_can_know() {
    let platform = Platform::start().await;
    let id = platform.device("meter").await;
    let mut device = TestDevice::awake(&platform, id).await;
    platform.pass(Duration::from_secs(200)).await;
    let command = platform.queue(id, "{}").await;
    let (first, _) = device.command().await;
    platform.pass(Duration::from_secs(400)).await;
    let mut packets = Vec::new();
    for _ in 0..3 {
        let (again, packet) = device.command().await;
        assert_eq!(again, first, "the same bytes with the same mid");
        packets.push(packet);
    }
    let gone = platform.command(&command);
    assert_eq!(gone.status(), Status::TimedOut);
    assert_eq!(gone.issued, 4);
    // What comes now is still the truth, and changes no status.
    device.answer(&first, 0).await;
    platform.dispatch.settle().await.expect("it runs");
    platform.dispatch.settle().await.expect("it runs");
    let late = platform.command(&command);
    assert_eq!(late.status(), Status::TimedOut);
    assert_eq!(
        late.history.last().map(|e| e.cause),
        Some(Cause::LateAnswer)
    );
}

#[tokio::test]
async fn a_direct_call_needs_a_device_that_can_be_reached() {
    let platform = Platform::start().await;
    let id = platform.device("lamp").await;
    let direct = Kind::Direct { confirm: true };
    let refused = platform.submit(id, direct, "{}").await;
    assert!(
        matches!(refused, Err(Refused::Heart(Refusal::Offline))),
        "{refused:?}"
    );
    let mut device = TestDevice::awake(&platform, id).await;
    let call = platform
        .submit(id, direct, "{}")
        .await
        .expect("accepted")
        .command;
    let frame = device.take().await;
    device.answer(&frame, 7).await;
    let done = platform.until(&call, Status::Failed).await;
    assert_eq!(
        path(&done),
        [Status::Sent, Status::Delivered, Status::Failed]
    );
}

#[tokio::test]
async fn r4_6_a_direct_call_whose_frame_the_link_refuses_has_failed() {
    let platform = Platform::start().await;
    let id = platform.device("lamp").await;
    let mut device = TestDevice::awake(&platform, id).await;
    platform.faults.set(server::faults::Fault::RefuseFrame, 1);
    let refused = platform
        .submit(id, Kind::Direct { confirm: true }, "{}")
        .await;
    assert!(matches!(refused, Err(Refused::LinkRefused)), "{refused:?}");
    assert!(device.is_closed().await);
    let kept = platform.store.latest_commands(Some(id), None, 1);
    let kept = kept.expect("memory can be read");
    assert_eq!(kept[0].status(), Status::Failed);
    assert_eq!(kept[0].issued, 0);
}

#[tokio::test]
async fn r1_15_the_same_key_makes_one_command() {
    let platform = Platform::start().await;
    let (here, there) = (platform.device("a").await, platform.device("b").await);
    let mut keyed = ask(queued(), "{}");
    keyed.key = Some("order-7".into());
    let (one, two, three) = tokio::join!(
        platform.dispatch.submit(here, keyed.clone()),
        platform.dispatch.submit(here, keyed.clone()),
        platform.dispatch.submit(there, keyed.clone()),
    );
    let all = [one, two, three].map(|answer| answer.expect("accepted or repeated"));
    assert_eq!(all.iter().filter(|accepted| !accepted.repeated).count(), 1);
    assert!(
        all.iter()
            .all(|accepted| accepted.command.id == all[0].command.id)
    );
}

#[tokio::test]
async fn r1_11_a_deleted_device_takes_nothing_more() {
    let platform = Platform::start().await;
    let id = platform.device("meter").await;
    let mut device = TestDevice::awake(&platform, id).await;
    let sent = platform.queue(id, "{}").await;
    device.command().await;
    let waiting = platform.queue(id, "{}").await;
    let deleted = platform
        .registry
        .delete_device(id, delivery::Who::Operator, platform.clock.now())
        .await;
    assert!(deleted.expect("it runs"));
    assert_eq!(platform.command(&sent).status(), Status::TimedOut);
    assert_eq!(platform.command(&waiting).status(), Status::Cancelled);
    assert!(device.is_closed().await);
    let refused = platform.submit(id, queued(), "{}").await;
    assert!(
        matches!(refused, Err(Refused::Heart(Refusal::DeviceDeleted))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn r2_5_a_failed_commit_acknowledges_nothing_and_ends_the_platform() {
    let platform = Platform::start().await;
    let id = platform.device("meter").await;
    platform.store.fail_next_commit();
    let refused = platform.submit(id, queued(), "{}").await;
    assert!(matches!(refused, Err(Refused::Stopped)), "{refused:?}");
    platform.shutdown.failed().await;
    let refused = platform.submit(id, queued(), "{}").await;
    assert!(refused.is_err(), "{refused:?}");
}

#[tokio::test]
async fn a_restart_finds_everything_and_sends_what_waits() {
    let platform = Platform::start().await;
    let id = platform.device("meter").await;
    let short = Kind::Queued {
        expire_after: Duration::from_secs(10),
    };
    let old = platform
        .submit(id, short, "{}")
        .await
        .expect("accepted")
        .command;
    let command = platform.queue(id, r#"{"value":3}"#).await;
    platform.dispatch.stop().await;
    let again = Platform::over(
        platform.store.clone(),
        server::south::mqtt::Settings::default(),
    )
    .await;
    again.pass(Duration::from_secs(11)).await;
    assert_eq!(
        again.command(&old).status(),
        Status::Expired,
        "its deadline outlived the restart"
    );
    assert_eq!(again.command(&command).status(), Status::Queued);
}
