//! Product models and what devices say: answers and reports are judged, flagged, and kept.

use crate::harness::{APP, Platform, TestDevice, ask, queued};
use delivery::{Cause, DeviceId, Status};
use profile::Profile;
use server::body::Body;
use store::Store as _;

const METER: &[u8] = include_bytes!("../../../profile/samples/water-meter.json");

/// A water meter, and the version of its product model.
async fn meter(platform: &Platform) -> (DeviceId, u64) {
    let profile = Profile::from_json(METER).expect("the sample is a profile");
    let key = (
        profile.key().manufacturer_id.clone(),
        profile.key().model.clone(),
    );
    let now = platform.clock.now();
    let (model, _) = platform
        .registry
        .add_model(profile, now)
        .await
        .expect("kept");
    let id = platform.device("meter").await;
    let change = |device: &mut store::Device| device.model = Some(key);
    let changed = platform.registry.change_device(id, change).await;
    assert!(changed.expect("kept").is_some());
    (id, model.version)
}

/// Queues SET_PERIOD as north does once it has checked it.
async fn set_period(platform: &Platform, id: DeviceId, version: u64) -> delivery::Command {
    let mut asked = ask(queued(), r#"{"value":6}"#);
    let mut body = Body::read(&asked.body).expect("just written");
    body.service_id = "WaterMeter".into();
    body.method = "SET_PERIOD".into();
    body.model_version = Some(version);
    asked.body = body.write();
    let accepted = platform.dispatch.submit(id, asked).await;
    accepted.expect("accepted").command
}

async fn last_cause(answer: &[u8]) -> (Status, Cause) {
    let platform = Platform::start().await;
    let (id, version) = meter(&platform).await;
    let mut device = TestDevice::awake(&platform, id).await;
    let command = set_period(&platform, id, version).await;
    let frame = device.take().await;
    let answer = String::from_utf8_lossy(answer).replace("MID", &frame["mid"].to_string());
    device.publish(answer.as_bytes()).await;
    let now = platform.command(&command);
    let last = now.history.last().expect("never empty");
    (last.status, last.cause)
}

#[tokio::test]
async fn an_answer_that_fits_the_model_is_not_flagged() {
    let answer =
        br#"{"msgType":"deviceRsp","mid":MID,"errcode":0,"hasMore":0,"body":{"result":0}}"#;
    assert_eq!(
        last_cause(answer).await,
        (Status::Succeeded, Cause::Answered)
    );
}

#[tokio::test]
async fn an_answer_that_does_not_fit_the_model_counts_and_is_flagged() {
    let answer = br#"{"msgType":"deviceRsp","mid":MID,"errcode":0,"hasMore":0,"body":{"result":"much","more":1}}"#;
    assert_eq!(
        last_cause(answer).await,
        (Status::Succeeded, Cause::AnsweredOffProfile)
    );
}

#[tokio::test]
async fn r1_7_an_answer_that_cannot_be_decoded_fails_its_command() {
    let answer = br#"{"msgType":"deviceRsp","mid":MID,"errcode":"none at all"}"#;
    assert_eq!(
        last_cause(answer).await,
        (Status::Failed, Cause::Undecodable)
    );
}

#[tokio::test]
async fn r10_4_an_answer_is_judged_by_the_model_that_its_command_was_checked_against() {
    let platform = Platform::start().await;
    let (id, version) = meter(&platform).await;
    let mut device = TestDevice::awake(&platform, id).await;
    let command = set_period(&platform, id, version).await;
    let frame = device.take().await;
    // The next version of the model calls the member by another name.
    let text = String::from_utf8(METER.to_vec()).expect("text");
    let renamed = text.replace("\"result\"", "\"outcome\"");
    assert_ne!(text, renamed);
    let profile = Profile::from_json(renamed.as_bytes()).expect("a profile");
    let now = platform.clock.now();
    let (newer, replaced) = platform
        .registry
        .add_model(profile, now)
        .await
        .expect("kept");
    assert!(replaced && newer.version > version);
    device.answer(&frame, 0).await;
    let done = platform.until(&command, Status::Succeeded).await;
    assert_eq!(done.history.last().map(|e| e.cause), Some(Cause::Answered));
    assert_eq!(done.app, APP);
}

#[tokio::test]
async fn a_report_that_does_not_fit_the_model_is_kept_and_flagged() {
    let platform = Platform::start().await;
    let (id, _) = meter(&platform).await;
    let mut device = TestDevice::awake(&platform, id).await;
    let report = br#"{"msgType":"deviceReq","hasMore":0,"data":[{"serviceId":"NoSuchService","serviceData":{"x":1}}]}"#;
    device.publish(report).await;
    let kept = platform.store.reports(id).expect("memory can be read");
    assert_eq!(kept.len(), 1);
    assert!(kept[0].off_profile);
}
