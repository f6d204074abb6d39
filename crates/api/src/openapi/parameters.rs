//! Path variables, query keys and headers.

use serde_json::{Value, json};

use super::rules;
use crate::Operation;
use crate::asked::{Asked, Rule};
use crate::headers;
use crate::limits::{
    COMMANDS_PAGE_MAX, DEVICES_PAGE_DEFAULT, GROUPS_PAGE_DEFAULT, IDEMPOTENCY_KEY_BYTES, TEXT,
};
use crate::paths::id_chars;

/// The parameters of an operation at a path.
pub(super) fn of(operation: Operation, path: &str, query: &[Asked]) -> Vec<Value> {
    let mut parameters: Vec<Value> = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(variable)
        .collect();
    parameters.extend(query.iter().map(|asked| key(operation, asked)));
    if operation.needs_token() {
        parameters.push(json!({
            "name": headers::APP_KEY,
            "in": "header",
            "required": true,
            "description": "The calling application: its `appId`. `x-app-key` is read too.",
            "schema": {"type": "string", "minLength": 1, "maxLength": TEXT.end()},
            "example": "waterworks"
        }));
    }
    if is_repeatable(operation) {
        parameters.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "Makes the create repeatable for 24 h: the same request under the same key gives the same command (R1.15).",
            "schema": {"type": "string", "minLength": IDEMPOTENCY_KEY_BYTES.start(), "maxLength": IDEMPOTENCY_KEY_BYTES.end(), "pattern": "^[!-~]+$"},
            "example": "2f1c0b52-7c7e-4c43-9d52-8f1a0c9b7c11"
        }));
    }
    parameters
}

/// Whether an operation reads the `Idempotency-Key` (R1.15).
const fn is_repeatable(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::PostDeviceCommand
            | Operation::PostDeviceCommandOld
            | Operation::InvokeDeviceService
    )
}

fn variable(name: &str) -> Value {
    let (description, example) = match name {
        "deviceId" => ("The device.", "7c1f4b1e-6f0e-4d2c-9a55-3c8b9b1f0e77"),
        "deviceCommandId" => ("The command.", "0000000000000001c3a94f6be7d2508a"),
        "serviceId" => ("The service of the device's profile.", "WaterMeter"),
        "devGroupId" => ("The device group.", "0000018f3a5c7e219b4d6e0f12a3c5d7"),
        other => panic!("the path variable `{other}` is not described"),
    };
    let chars = id_chars(name);
    json!({
        "name": name,
        "in": "path",
        "required": true,
        "description": description,
        "schema": {"type": "string", "minLength": chars.start(), "maxLength": chars.end()},
        "example": example
    })
}

fn key(operation: Operation, asked: &Asked) -> Value {
    let mut schema = rules::bounds(&asked.rule);
    if let Rule::Integer { .. } = &asked.rule {
        // In a query every number is a text.
        schema
            .as_object_mut()
            .map(|schema| schema.remove("x-also-accepts"));
    }
    let (description, default) = match (operation, asked.name.as_str()) {
        (Operation::QueryBatchDevicesInfo, name) => of_devices(name).unwrap_or_else(|| words(name)),
        (operation, name) if operation.is_about_groups() => {
            of_groups(name).unwrap_or_else(|| words(name))
        }
        (_, name) => words(name),
    };
    if asked.name == "accessAppId" {
        schema["x-also-accepts"] = "the key `appId`, where this one is not set".into();
    }
    if let Some(default) = default {
        schema["default"] = default;
    }
    json!({
        "name": asked.name,
        "in": "query",
        "required": asked.rule.is_required(),
        "description": description,
        "schema": schema
    })
}

/// What a key means with device groups, where that differs.
fn of_groups(name: &str) -> Option<(&'static str, Option<Value>)> {
    let words = match name {
        "accessAppId" => (
            "The application whose groups are meant, if that is another one than the caller. It must have granted the caller this operation.",
            None,
        ),
        "pageNo" => (
            "Which page; counts from 0. Without it and `pageSize` everything is shown at once, 1000 at the most.",
            None,
        ),
        "pageSize" => (
            "Items per page, if `pageNo` is given.",
            Some(GROUPS_PAGE_DEFAULT.into()),
        ),
        "name" => ("The group of exactly this name only.", None),
        "devGroupId" => ("The group.", None),
        _ => return None,
    };
    Some(words)
}

/// What a key means in the list of devices, where that differs.
fn of_devices(name: &str) -> Option<(&'static str, Option<Value>)> {
    let words = match name {
        "pageNo" => (
            "Which page; counts from 0. Without it `gatewayId` must be given, and everything is shown at once, 250 devices at the most.",
            None,
        ),
        "pageSize" => ("Devices per page.", Some(DEVICES_PAGE_DEFAULT.into())),
        "gatewayId" => ("This gateway and the devices behind it only.", None),
        "nodeType" => (
            "`GATEWAY`: those that connect directly only; `ENDPOINT`: those behind a gateway only.",
            None,
        ),
        "deviceType" => ("Of this type only.", None),
        "location" => ("At this place only.", None),
        "name" => ("Of this name only.", None),
        "status" => (
            "In this state only. `INACTIVE`: never connected; nothing is ever `ABNORMAL` here.",
            None,
        ),
        "startTime" => ("Registered then or later.", None),
        "endTime" => (
            "Registered then or earlier; it must lie after `startTime`.",
            None,
        ),
        "sort" => ("By moment of registration.", Some("DESC".into())),
        _ => return None,
    };
    Some(words)
}

/// What a key of a query means, and what its absence means. An empty value is an absent one.
fn words(name: &str) -> (&'static str, Option<Value>) {
    match name {
        "appId" => (
            "The application whose devices and commands are meant, if that is another one than the caller. It must have granted the caller this \
             operation.",
            None,
        ),
        "pageNo" => ("Which page; counts from 0.", Some(0.into())),
        "pageSize" => ("Items per page.", Some(COMMANDS_PAGE_MAX.into())),
        "deviceId" => ("Of this device only.", None),
        "taskId" => ("This task only.", None),
        "status" => ("In this status only.", None),
        "startTime" => ("Created then or later.", None),
        "endTime" => (
            "Created then or earlier; it must lie after `startTime`.",
            None,
        ),
        "cascade" => (
            "Whether the devices behind a gateway are deleted with it.",
            Some(true.into()),
        ),
        "select" => ("`imsi`: the answer has the IMSI too.", None),
        other => panic!("the query key `{other}` is not described"),
    }
}
