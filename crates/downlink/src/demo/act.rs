//! What the application says, in the words of this story.

use api::commands::{Command, PostCommandRequest};
use api::invoke::{InvokeHeader, InvokeRequest, Mode, ToType};
use api::registration::{NewDeviceInfo, RegisterWithSecretRequest};
use serde_json::{Map, Value};
use sim::device::Received;

/// The service of the meter's commands.
pub(super) const SERVICE: &str = "WaterMeter";
/// How often it measures.
pub(super) const SET_PERIOD: &str = "SET_PERIOD";
/// How often it reads the pressure.
pub(super) const SET_PRESSURE: &str = "SET_PRESSURE_READ_PERIOD";
/// The sample profile that the meter has.
pub(super) const PROFILE: &str = include_str!("../../../profile/samples/water-meter.json");

/// A command for the meter, whose changes are told to `callback_url`.
pub(super) fn command(
    device_id: &str,
    method: &str,
    value: u64,
    expire_time_s: u32,
    callback_url: String,
) -> PostCommandRequest {
    PostCommandRequest {
        callback_url: Some(callback_url),
        device_id: device_id.to_owned(),
        command: Command {
            service_id: SERVICE.to_owned(),
            method: method.to_owned(),
            paras: paras(value),
        },
        expire_time: Some(expire_time_s),
        ..PostCommandRequest::default()
    }
}

/// The caller's own name of a call.
pub(super) const REQUEST_ID: &str = "pressure-now";

/// A call that waits for the meter's acknowledgement; what becomes of it is told to `callback_url`.
pub(super) fn call(method: &str, value: u64, callback_url: String) -> InvokeRequest {
    InvokeRequest {
        header: InvokeHeader {
            request_id: Some(REQUEST_ID.to_owned()),
            mode: Mode::Ack,
            from: None,
            to_type: Some(ToType::Cloud),
            to: None,
            method: method.to_owned(),
            callback_url: Some(callback_url),
        },
        body: paras(value),
    }
}

/// The meter's registration, in secret mode.
pub(super) fn registration() -> RegisterWithSecretRequest {
    let text = |text: &str| Some(text.to_owned());
    RegisterWithSecretRequest {
        node_id: "meter-0001".to_owned(),
        device_info: NewDeviceInfo {
            manufacturer_id: text("Downlink"),
            manufacturer_name: text("Downlink"),
            model: text("WM1"),
            device_type: text("WaterMeter"),
            protocol_type: text("MQTT"),
            name: text("Cellar"),
            ..NewDeviceInfo::default()
        },
        mqtt_connect: Some(true),
        ..RegisterWithSecretRequest::default()
    }
}

/// Name and parameter of the commands that a device saw, in order.
pub(super) fn shown(received: &[Received]) -> String {
    let shown: Vec<String> = received
        .iter()
        .map(|command| format!("{} {}", command.cmd, value(command)))
        .collect();
    if shown.is_empty() {
        "nothing".to_owned()
    } else {
        shown.join(", ")
    }
}

/// The parameter of a command that a device saw; 0 if it has none.
pub(super) fn value(command: &Received) -> u64 {
    command
        .paras
        .get("value")
        .and_then(Value::as_u64)
        .unwrap_or(0)
}

fn paras(value: u64) -> Map<String, Value> {
    Map::from_iter([("value".to_owned(), Value::from(value))])
}
