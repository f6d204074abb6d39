//! What an application is told: every ending of every kind of command, byte for byte ([6.4], [8], R5.1, R4.4).

use crate::harness::{Platform, Receiver, Telling, TestDevice, ask_telling, pause, queued};
use api::callbacks::ResultCodes;
use delivery::{Command, DeviceId, Kind, Status};
use mqtt::Qos;
use server::body::{Body, Direct};
use server::callback::Wording;
use server::dispatch::Ask;
use std::time::Duration;

/// The body that tells of a status.
fn status(command: &Command, code: &str, detail: &str) -> String {
    format!(
        r#"{{"deviceId":"{}","commandId":"{}","result":{{"resultCode":"{code}","resultDetail":{detail}}}}}"#,
        command.device, command.id
    )
}

/// A direct call to `url`.
fn direct(url: &str, ack: bool, from: Option<&str>) -> Ask {
    let kind = Kind::Direct { confirm: ack };
    let mut ask = ask_telling(kind, url);
    let mut body = Body::read(&ask.body).expect("it was written just now");
    body.direct = Some(Direct {
        request_id: "r_0001".into(),
        ack,
        cloud: false,
        from: from.map(str::to_owned),
        to: None,
    });
    ask.body = body.write();
    ask.retransmit_max = 0;
    ask
}

async fn submit(platform: &Platform, device: DeviceId, ask: Ask) -> Command {
    let accepted = platform.dispatch.submit(device, ask).await;
    accepted.expect("accepted").command
}

/// The bodies that have come when everything has settled.
async fn bodies(platform: &Platform, receiver: &Receiver) -> Vec<String> {
    platform.settle().await;
    let calls = receiver.rest().await;
    calls.into_iter().map(|call| call.body).collect()
}

#[tokio::test]
async fn a_queued_command_is_told_from_sent_to_its_result() {
    let platform = Platform::telling(Telling::default()).await;
    let receiver = Receiver::start().await;
    let id = platform.device("meter").await;
    let command = submit(&platform, id, ask_telling(queued(), &receiver.url())).await;
    assert_eq!(command.status(), Status::Queued);
    let mut device = TestDevice::awake(&platform, id).await;
    let frame = device.take().await;
    device.answer(&frame, 0).await;
    platform.until(&command, Status::Succeeded).await;
    for (code, detail) in [
        ("SENT", "null"),
        ("DELIVERED", "null"),
        ("SUCCESSFUL", r#"{"result":0}"#),
    ] {
        let call = receiver.next().await;
        assert_eq!(call.body, status(&command, code, detail));
        assert_eq!(call.line, "POST /cb HTTP/1.1");
        assert_eq!(call.header("content-type"), Some("application/json"));
        assert_eq!(call.header("host"), Some(&*receiver.address.to_string()));
        let length = call.body.len().to_string();
        assert_eq!(call.header("content-length"), Some(&*length));
        assert_eq!(call.header("webhook-id"), None, "there is no secret");
    }
    assert_eq!(bodies(&platform, &receiver).await, [""; 0]);
    assert_eq!(platform.command(&command).told, 4);
    assert!(platform.command(&command).is_closed());
}

#[tokio::test]
async fn an_immediate_command_is_told_from_delivered_on() {
    let platform = Platform::telling(Telling::default()).await;
    let receiver = Receiver::start().await;
    let id = platform.device("meter").await;
    let mut device = TestDevice::awake(&platform, id).await;
    let command = submit(&platform, id, ask_telling(Kind::Immediate, &receiver.url())).await;
    assert_eq!(command.status(), Status::Sent, "the answer said it");
    let frame = device.take().await;
    device.answer(&frame, 7).await;
    platform.until(&command, Status::Failed).await;
    let told = [receiver.next().await.body, receiver.next().await.body];
    assert_eq!(
        told,
        [
            status(&command, "DELIVERED", "null"),
            status(&command, "FAILED", r#"{"result":7}"#)
        ]
    );
    assert_eq!(bodies(&platform, &receiver).await, [""; 0]);
}

#[tokio::test]
async fn an_answer_before_the_acknowledgement_is_told_after_the_delivery_that_it_implies() {
    let platform = Platform::telling(Telling::default()).await;
    let receiver = Receiver::start().await;
    let id = platform.device("meter").await;
    let (mut device, _) =
        TestDevice::connect(&platform, &crate::harness::Login::of(&id.to_string(), 0)).await;
    device.subscribe(Qos::AtMostOnce).await;
    platform.until_reachable(id, true).await;
    let command = submit(&platform, id, ask_telling(queued(), &receiver.url())).await;
    let (frame, _) = device.command().await;
    let answer = format!(
        r#"{{"msgType":"deviceRsp","mid":{},"errcode":0,"body":[]}}"#,
        frame["mid"]
    );
    device.publish(answer.as_bytes()).await;
    platform.until(&command, Status::Failed).await;
    assert_eq!(receiver.says(3).await, ["SENT", "DELIVERED", "FAILED"]);
    assert_eq!(bodies(&platform, &receiver).await, [""; 0]);
}

#[tokio::test]
async fn expiry_and_silence_are_told_and_resends_are_not() {
    let platform = Platform::telling(Telling::default()).await;
    let receiver = Receiver::start().await;
    let id = platform.device("meter").await;
    let hour = Kind::Queued {
        expire_after: Duration::from_hours(1),
    };
    let expiring = submit(&platform, id, ask_telling(hour, &receiver.url())).await;
    platform.pass(Duration::from_hours(2)).await;
    assert_eq!(
        bodies(&platform, &receiver).await,
        [status(&expiring, "EXPIRED", "null")]
    );
    let mut device = TestDevice::awake(&platform, id).await;
    let silent = submit(&platform, id, ask_telling(Kind::Immediate, &receiver.url())).await;
    device.command().await;
    platform.pass(Duration::from_mins(5)).await;
    platform.until(&silent, Status::TimedOut).await;
    assert_eq!(
        bodies(&platform, &receiver).await,
        [status(&silent, "TIMEOUT", "null")]
    );
    // What comes late changes no status, and nobody is told.
    let late = platform.command(&silent).mid.number();
    device.answer(&serde_json::json!({"mid": late}), 0).await;
    while platform.command(&silent).late == 0 {
        pause().await;
    }
    assert_eq!(bodies(&platform, &receiver).await, [""; 0]);
}

#[tokio::test]
async fn settling_is_not_told() {
    let platform = Platform::telling(Telling::default()).await;
    let receiver = Receiver::start().await;
    let id = platform.device("meter").await;
    let mut device = TestDevice::awake(&platform, id).await;
    let command = submit(&platform, id, ask_telling(queued(), &receiver.url())).await;
    device.take().await;
    platform.until(&command, Status::Delivered).await;
    platform.pass(Duration::from_hours(49)).await;
    assert!(platform.command(&command).has_ended());
    assert_eq!(receiver.says(2).await, ["SENT", "DELIVERED"]);
    assert_eq!(bodies(&platform, &receiver).await, [""; 0]);
    assert!(platform.command(&command).is_closed());
}

#[tokio::test]
async fn a_cancellation_is_told_only_where_the_operator_wants_it() {
    for wanted in [false, true] {
        let mut telling = Telling::default();
        telling.rules.wording.canceled = wanted;
        let platform = Platform::telling(telling).await;
        let receiver = Receiver::start().await;
        let id = platform.device("meter").await;
        let command = submit(&platform, id, ask_telling(queued(), &receiver.url())).await;
        let who = command.history[0].who;
        let cancelled = platform.dispatch.cancel(id, command.id, who).await;
        cancelled.expect("it is pending");
        let told = wanted.then(|| status(&command, "CANCELED", "null"));
        assert_eq!(bodies(&platform, &receiver).await, Vec::from_iter(told));
        assert!(platform.command(&command).is_closed(), "nothing is owed");
    }
}

#[tokio::test]
async fn the_older_words_are_told_where_the_operator_wants_them() {
    let mut telling = Telling::default();
    telling.rules.wording = Wording {
        codes: ResultCodes::Legacy,
        canceled: false,
    };
    let platform = Platform::telling(telling).await;
    let receiver = Receiver::start().await;
    let id = platform.device("meter").await;
    let mut device = TestDevice::awake(&platform, id).await;
    for (errcode, word) in [(0, "SUCCESS"), (1, "FAIL")] {
        let ask = ask_telling(Kind::Immediate, &receiver.url());
        let command = submit(&platform, id, ask).await;
        let frame = device.take().await;
        device.answer(&frame, errcode).await;
        let detail = format!(r#"{{"result":{errcode}}}"#);
        let told = [receiver.next().await.body, receiver.next().await.body];
        assert_eq!(
            told,
            [
                status(&command, "DELIVERED", "null"),
                status(&command, word, &detail)
            ]
        );
    }
}

#[tokio::test]
async fn r4_4_a_direct_call_is_confirmed_and_answered_under_the_callers_request_id() {
    let platform = Platform::telling(Telling::default()).await;
    let receiver = Receiver::start().await;
    let id = platform.device("meter").await;
    let mut device = TestDevice::awake(&platform, id).await;
    let command = submit(
        &platform,
        id,
        direct(&receiver.url(), true, Some("/users/u")),
    )
    .await;
    let frame = device.take().await;
    device.answer(&frame, 0).await;
    platform.until(&command, Status::Succeeded).await;
    let delivered = platform.command(&command).first(Status::Delivered);
    let delivered = delivered.expect("delivered").as_millis();
    let at = api::Timestamp::from_unix_millis_u64(delivered);
    let confirm = format!(
        r#"{{"notifyType":"messageConfirm","header":{{"requestId":"r_0001","from":"/devices/{id}/services/Meter","to":"/users/u","status":"delivered","timestamp":"{at}"}},"body":{{}}}}"#
    );
    let answered = format!(
        r#"{{"notifyType":"commandRsp","header":{{"requestId":"r_0001","from":"/devices/{id}/services/Meter","to":"/users/u","deviceId":"{id}","serviceType":"Meter","method":"SET-RSP"}},"body":{{"result":0}}}}"#
    );
    let told = [receiver.next().await, receiver.next().await];
    assert_eq!(told[0].body, confirm);
    assert_eq!(told[1].body, answered);
    assert_eq!(told[0].header("content-type"), Some("application/json"));
    assert_eq!(bodies(&platform, &receiver).await, [""; 0]);
    assert!(platform.command(&command).is_closed());
}

#[tokio::test]
async fn r4_4_without_ack_only_the_answer_is_told_and_silence_is_not() {
    let platform = Platform::telling(Telling::default()).await;
    let receiver = Receiver::start().await;
    let id = platform.device("meter").await;
    let mut device = TestDevice::awake(&platform, id).await;
    submit(&platform, id, direct(&receiver.url(), false, None)).await;
    let (frame, _) = device.command().await;
    device.answer(&frame, 3).await;
    let call = receiver.next().await;
    let answered = format!(
        r#"{{"notifyType":"commandRsp","header":{{"requestId":"r_0001","from":"/devices/{id}/services/Meter","to":null,"deviceId":"{id}","serviceType":"Meter","method":"SET-RSP"}},"body":{{"result":3}}}}"#
    );
    assert_eq!(call.body, answered);
    let silent = submit(&platform, id, direct(&receiver.url(), true, None)).await;
    device.command().await;
    platform.pass(Duration::from_mins(5)).await;
    platform.until(&silent, Status::TimedOut).await;
    assert_eq!(bodies(&platform, &receiver).await, [""; 0]);
    assert!(platform.command(&silent).is_closed(), "nothing is owed");
}
