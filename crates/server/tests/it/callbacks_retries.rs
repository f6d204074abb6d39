//! Receivers that fail: order, waits, death, replay, restarts (R5.1, R5.2, R2.2).

use crate::harness::{Answer, Call, Platform, Receiver, Telling, TestDevice, ask_telling, queued};
use delivery::{Command, Kind, Status};
use server::callback::Which;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::{DeadCallback, Store as _};

/// A platform whose receivers have this long.
fn within(span: Duration) -> Telling {
    let mut telling = Telling::default();
    telling.settings.answer_within = span;
    telling
}

/// A command that has ended, told to `url`.
async fn whole_life(platform: &Platform, node_id: &str, url: &str) -> Command {
    let id = platform.device(node_id).await;
    let accepted = platform
        .dispatch
        .submit(id, ask_telling(queued(), url))
        .await;
    let command = accepted.expect("accepted").command;
    let mut device = TestDevice::awake(platform, id).await;
    let frame = device.take().await;
    device.answer(&frame, 0).await;
    platform.until(&command, Status::Succeeded).await
}

/// A command that has expired, told to `url`: one callback.
async fn expired(platform: &Platform, node_id: &str, url: &str) -> Command {
    let id = platform.device(node_id).await;
    let soon = Kind::Queued {
        expire_after: Duration::from_secs(1),
    };
    let accepted = platform.dispatch.submit(id, ask_telling(soon, url)).await;
    let command = accepted.expect("accepted").command;
    platform
        .clock
        .move_to(platform.clock.now() + Duration::from_secs(1));
    platform.until(&command, Status::Expired).await
}

fn dead(platform: &Platform) -> Vec<DeadCallback> {
    let dead = platform.store.dead_callbacks(None, None, 100);
    dead.expect("memory can be read")
}

#[tokio::test]
async fn r5_1_callbacks_of_a_command_stay_in_order_however_often_they_fail() {
    let platform = Platform::telling(Telling::default()).await;
    let receiver =
        Receiver::answering(|call| Answer::Status(if call.number % 3 == 2 { 204 } else { 503 }))
            .await;
    whole_life(&platform, "meter", &receiver.url()).await;
    platform.pass(Duration::from_hours(1)).await;
    let said: Vec<String> = receiver.rest().await.iter().map(Call::says).collect();
    let each = ["SENT", "DELIVERED", "SUCCESSFUL"].map(|word| [word; 3]);
    assert_eq!(said, each.concat());
}

#[tokio::test]
async fn r5_1_everything_but_2xx_in_time_is_a_failure() {
    let answers = [
        Answer::Status(300),
        Answer::Raw(
            b"HTTP/1.1 307 X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".to_vec(),
        ),
        Answer::Status(404),
        Answer::Status(500),
        Answer::Raw(b"\x16\x03\x01 this is no HTTP\r\n\r\n".to_vec()),
        Answer::Raw([b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &vec![b'x'; 100_000]].concat()),
        Answer::Drip,
        Answer::Silence,
    ];
    for answer in answers {
        let platform = Platform::telling(within(Duration::from_millis(200))).await;
        let shown = format!("{answer:?}");
        let receiver = Receiver::answering(move |call| match call.number {
            0 => answer.clone(),
            _ => Answer::Status(200),
        })
        .await;
        let command = expired(&platform, "meter", &receiver.url()).await;
        platform.settle().await;
        assert_eq!(platform.callbacks.outbox().counts().failed, 1, "{shown}");
        assert_eq!(receiver.rest().await.len(), 1, "{shown}");
        assert!(!platform.command(&command).is_closed());
        platform.pass(Duration::from_secs(8)).await;
        let calls = receiver.rest().await;
        assert_eq!(calls.len(), 1, "{shown}");
        assert_eq!(
            calls[0].line, "POST /cb HTTP/1.1",
            "redirects are not followed"
        );
        assert!(platform.command(&command).is_closed(), "{shown}");
    }
}

#[tokio::test]
async fn an_answer_with_a_huge_or_endless_body_is_a_success_and_its_body_is_left_alone() {
    let platform = Platform::telling(Telling::default()).await;
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n".as_slice();
    let answer = Answer::Raw([head, &vec![b'x'; 1_000_000]].concat());
    let receiver = Receiver::answering(move |_| answer.clone()).await;
    let command = expired(&platform, "meter", &receiver.url()).await;
    platform.settle().await;
    assert!(platform.command(&command).is_closed());
    assert_eq!(platform.callbacks.outbox().counts().failed, 0);
}

#[tokio::test]
async fn connections_are_used_again_and_one_that_was_closed_meanwhile_costs_nothing() {
    let platform = Platform::telling(Telling::default()).await;
    let receiver = Receiver::start().await;
    whole_life(&platform, "meter", &receiver.url()).await;
    platform.settle().await;
    assert_eq!(
        receiver.connections.load(Ordering::SeqCst),
        1,
        "for three callbacks"
    );
    let closing = Receiver::answering(|_| {
        Answer::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec())
    })
    .await;
    whole_life(&platform, "other", &closing.url()).await;
    platform.settle().await;
    assert_eq!(closing.rest().await.len(), 3);
    assert_eq!(platform.callbacks.outbox().counts().failed, 0);
}

#[tokio::test]
async fn r5_2_what_fails_for_a_day_is_dead_and_a_replay_tells_it_from_there() {
    let platform = Platform::telling(Telling::default()).await;
    let well = Arc::new(AtomicBool::new(false));
    let is_well = well.clone();
    let receiver = Receiver::answering(move |call| {
        let tells = call.says() == "SENT" || is_well.load(Ordering::SeqCst);
        Answer::Status(if tells { 200 } else { 500 })
    })
    .await;
    let command = whole_life(&platform, "meter", &receiver.url()).await;
    platform.settle().await;
    assert_eq!(dead(&platform), []);
    platform
        .pass(Duration::from_hours(24) - Duration::from_secs(1))
        .await;
    assert_eq!(dead(&platform), [], "not before a day has passed");
    platform.pass(Duration::from_secs(1)).await;
    let rows = dead(&platform);
    assert_eq!(rows.len(), 1);
    let endpoint = format!("http://{}", receiver.address);
    assert_eq!(
        (rows[0].command, rows[0].from, &rows[0].endpoint),
        (command.id, 2, &endpoint)
    );
    assert_eq!(rows[0].reason, "answered with status 500");
    assert!(platform.command(&command).is_closed());
    let counts = platform.callbacks.outbox().counts();
    assert_eq!((counts.told, counts.dead, counts.waiting), (1, 2, 0));
    receiver.rest().await;
    well.store(true, Ordering::SeqCst);
    let replayed = platform.callbacks.replay(Which::All).await.expect("kept");
    assert_eq!((replayed.begun, replayed.no_room), (1, 0));
    assert_eq!(receiver.says(2).await, ["DELIVERED", "SUCCESSFUL"]);
    platform.settle().await;
    assert_eq!(dead(&platform), [], "the replay is through");
}

#[tokio::test]
async fn r5_2_a_replay_survives_a_restart() {
    let platform = Platform::telling(Telling::default()).await;
    let state = Arc::new(std::sync::Mutex::new("SENT"));
    let until = state.clone();
    let receiver = Receiver::answering(move |call| {
        let last = *until.lock().expect("no panic");
        let order = ["SENT", "DELIVERED", "SUCCESSFUL"];
        let place = |word: &str| order.iter().position(|known| *known == word);
        Answer::Status(if place(&call.says()) <= place(last) {
            200
        } else {
            500
        })
    })
    .await;
    let command = whole_life(&platform, "meter", &receiver.url()).await;
    platform.pass(Duration::from_hours(24)).await;
    assert_eq!(dead(&platform).len(), 1);
    *state.lock().expect("no panic") = "DELIVERED";
    let which = Which::Command(command.id);
    platform.callbacks.replay(which).await.expect("kept");
    platform.settle().await;
    let rows = dead(&platform);
    assert_eq!(
        (rows[0].from, rows[0].replaying),
        (3, true),
        "it has come so far"
    );
    receiver.rest().await;
    *state.lock().expect("no panic") = "SUCCESSFUL";
    let platform = platform.again(Telling::default()).await;
    assert_eq!(receiver.says(1).await, ["SUCCESSFUL"]);
    platform.settle().await;
    assert_eq!((dead(&platform), receiver.rest().await.len()), (vec![], 0));
}

#[tokio::test]
async fn r2_2_what_is_owed_survives_a_restart_and_keeps_its_webhook_id() {
    let platform = Platform::telling(Telling::default()).await;
    let well = Arc::new(AtomicBool::new(false));
    let is_well = well.clone();
    let receiver = Receiver::answering(move |call| {
        let tells = call.says() == "SENT" || is_well.load(Ordering::SeqCst);
        Answer::Status(if tells { 200 } else { 503 })
    })
    .await;
    platform.sign_with(&[7; 24]).await;
    let command = whole_life(&platform, "meter", &receiver.url()).await;
    platform.settle().await;
    let ids: Vec<Option<String>> = receiver
        .rest()
        .await
        .iter()
        .map(|call| call.header("webhook-id").map(str::to_owned))
        .collect();
    let id = |place: u32| Some(format!("{}.{place}", command.id));
    assert_eq!(ids, [id(1), id(2)]);
    assert_eq!(platform.command(&command).told, 2);
    well.store(true, Ordering::SeqCst);
    let platform = platform.again(Telling::default()).await;
    let again = [receiver.next().await, receiver.next().await];
    assert_eq!(
        again.clone().map(|call| call.says()),
        ["DELIVERED", "SUCCESSFUL"]
    );
    let ids = again.map(|call| call.header("webhook-id").map(str::to_owned));
    assert_eq!(ids, [id(2), id(3)]);
    platform.settle().await;
    assert!(platform.command(&command).is_closed());
}

#[tokio::test]
async fn r2_2_what_was_told_is_kept_when_the_platform_stops() {
    let platform = Platform::telling(Telling::default()).await;
    let receiver = Receiver::start().await;
    let command = whole_life(&platform, "meter", &receiver.url()).await;
    assert_eq!(receiver.says(3).await, ["SENT", "DELIVERED", "SUCCESSFUL"]);
    let platform = platform.again(Telling::default()).await;
    platform.settle().await;
    assert!(platform.command(&command).is_closed());
    let more = receiver.rest().await.len();
    assert!(more <= 1, "at most the one that was cut off: {more}");
}

#[tokio::test]
async fn a_platform_stops_though_a_receiver_says_nothing() {
    let platform = Platform::telling(Telling::default()).await;
    let receiver = Receiver::answering(|_| Answer::Silence).await;
    expired(&platform, "meter", &receiver.url()).await;
    receiver.next().await;
    let platform = platform.again(Telling::default()).await;
    receiver.next().await;
    platform.shutdown.drain();
}
