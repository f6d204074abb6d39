//! Whatever arrives, the readers answer with a value or with a reason; they never panic, and they never repeat a value in a reason.

use api::auth::{LoginRequest, LogoutRequest, RefreshRequest};
use api::cancel_tasks::{CancelTaskRequest, CancelTasksQuery};
use api::commands::{CancelCommandRequest, CommandAnswer, CommandsQuery, PostCommandRequest};
use api::devices::{DeleteDeviceQuery, DeviceAnswer, DeviceQuery, ModifyDeviceRequest};
use api::groups::{CreateGroupRequest, GroupDevicesRequest, ModifyGroupRequest};
use api::invoke::{InvokeAnswer, InvokeRequest};
use api::query::Query;
use api::registration::{RegisterRequest, RegisterWithSecretRequest};
use api::{Invalid, Operation};
use proptest::prelude::*;
use serde_json::{Map, Value};

/// Reads a body with every reader; the reasons of those that refused.
fn reasons(body: &[u8]) -> Vec<Invalid> {
    [
        LoginRequest::from_form(body).err(),
        RefreshRequest::from_json(body).err(),
        LogoutRequest::from_body(body).err(),
        RegisterRequest::from_json(body).err(),
        RegisterWithSecretRequest::from_json(body).err(),
        ModifyDeviceRequest::from_json(body).err(),
        PostCommandRequest::from_json(body).err(),
        CancelCommandRequest::from_json(body).err(),
        CancelTaskRequest::from_json(body).err(),
        InvokeRequest::from_json(body).err(),
        CreateGroupRequest::from_json(body).err(),
        ModifyGroupRequest::from_json(body).err(),
        GroupDevicesRequest::from_json(body).err(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A JSON value that uses the contract's names, so that it gets past the first check.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "TRUE",
            "0",
            "ACK",
            "CANCELED",
            "https://h:1/",
            "a1b2c3d4",
            "zz-secret-zz"
        ])
        .prop_map(Value::from),
    ];
    let names = prop::sample::select(vec![
        "appId",
        "secret",
        "refreshToken",
        "accessToken",
        "nodeId",
        "verifyCode",
        "psk",
        "timeout",
        "isSecure",
        "imsi",
        "deviceInfo",
        "customFields",
        "fieldName",
        "tags",
        "tagName",
        "tagValue",
        "name",
        "mute",
        "deviceConfig",
        "dataConfig",
        "dataAgingTime",
        "deviceId",
        "command",
        "serviceId",
        "method",
        "paras",
        "callbackUrl",
        "callbackURL",
        "expireTime",
        "maxRetransmit",
        "status",
        "header",
        "mode",
        "toType",
        "requestId",
        "body",
        "description",
        "maxDevNum",
        "deviceIds",
        "devGroupId",
    ]);
    leaf.prop_recursive(4, 40, 8, move |inner| {
        let members = prop::collection::vec(
            (names.clone().prop_map(str::to_owned), inner.clone()),
            0..10,
        );
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            members.prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = reasons(&body);
    }

    #[test]
    fn no_json_makes_a_reader_panic_and_every_refusal_has_a_code_and_a_reason(value in json()) {
        let body = serde_json::to_vec(&value).unwrap();
        for invalid in reasons(&body) {
            prop_assert!(!invalid.reason().is_empty());
            prop_assert!(!invalid.to_string().contains("zz-secret-zz"));
            for &operation in Operation::ALL {
                prop_assert_eq!(operation.documented_status(operation.invalid(&invalid)).as_u16(), 400);
            }
        }
    }

    #[test]
    fn what_a_reader_accepts_it_accepts_again_as_written(value in json()) {
        let body = serde_json::to_vec(&value).unwrap();
        if let Ok(request) = RegisterRequest::from_json(&body) {
            let again = serde_json::to_vec(&request).unwrap();
            prop_assert_eq!(RegisterRequest::from_json(&again).unwrap(), request);
        }
        if let Ok(request) = ModifyDeviceRequest::from_json(&body) {
            let again = serde_json::to_vec(&request).unwrap();
            prop_assert_eq!(ModifyDeviceRequest::from_json(&again).unwrap(), request);
        }
        if let Ok(request) = InvokeRequest::from_json(&body) {
            let again = serde_json::to_vec(&request).unwrap();
            prop_assert_eq!(InvokeRequest::from_json(&again).unwrap(), request);
        }
    }

    #[test]
    fn no_query_makes_a_reader_panic(
        pairs in prop::collection::vec(("(pageNo|pageSize|startTime|endTime|status|cascade|select|appId|.{0,4})", ".{0,12}"), 0..8),
    ) {
        let raw: Vec<_> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let query = Query::parse(&raw.join("&"));
        let _ = (CommandsQuery::read(&query), CancelTasksQuery::read(&query));
        let _ = (DeleteDeviceQuery::read(&query), DeviceQuery::read(&query));
    }

    #[test]
    fn no_answer_makes_the_client_panic(value in json()) {
        let text = value.to_string();
        let _ = serde_json::from_str::<CommandAnswer>(&text);
        let _ = serde_json::from_str::<DeviceAnswer>(&text);
        let _ = serde_json::from_str::<InvokeAnswer>(&text);
        let _ = serde_json::from_str::<api::ErrorBody>(&text);
    }
}
