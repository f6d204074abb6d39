//! Each call's request on the wire, and its answer read back.

use sdk::DeletedWith;
use sdk::api::Secret;
use sdk::api::cancel_tasks::{CancelTaskStatus, CancelTasksQuery};
use sdk::api::commands::{Command, CommandStatus, CommandsQuery, PostCommandRequest};
use sdk::api::devices::ModifyDeviceRequest;
use sdk::api::groups::{
    CreateGroupRequest, GroupDevicesRequest, GroupMembersQuery, GroupsQuery, ModifyGroupRequest,
};
use sdk::api::headers::IdempotencyKey;
use sdk::api::invoke::{InvokeHeader, InvokeRequest, InvokeStatus, Mode};
use sdk::api::query::Page;
use sdk::api::registration::{RegisterRequest, RegisterWithSecretRequest};

use crate::platform::{Platform, answer};

const COMMAND: &str = r#"{"commandId":"0123456789abcdef0123456789abcdef","appId":"app 1","deviceId":"d/1",
    "command":{"serviceId":"S","method":"M","paras":{"value":12}},"expireTime":172800,"status":"PENDING",
    "creationTime":"20190730T135810Z","issuedTimes":0,"maxRetransmit":3}"#;

fn command_request() -> PostCommandRequest {
    PostCommandRequest {
        device_id: "d/1".into(),
        command: Command {
            service_id: "S".into(),
            method: "M".into(),
            ..Command::default()
        },
        ..PostCommandRequest::default()
    }
}

#[tokio::test]
async fn a_call_carries_app_key_token_and_the_documented_body() {
    let platform = Platform::start().await;
    platform.will_answer([answer(201, COMMAND)]);
    let command = platform
        .client()
        .post_device_command(&command_request())
        .await
        .unwrap();
    assert_eq!(command.status, CommandStatus::Pending);
    let seen = platform.seen();
    assert_eq!(seen[0].body, "appId=app%201&secret=s3cret%26");
    assert_eq!(seen[1].line, "POST /iocm/app/cmd/v1.4.0/deviceCommands");
    assert_eq!(seen[1].header("app_key"), "app 1");
    assert_eq!(seen[1].header("authorization"), "Bearer token-1");
    assert_eq!(seen[1].header("content-type"), "application/json");
    assert_eq!(seen[1].header("idempotency-key").len(), 32);
    assert_eq!(
        seen[1].body,
        r#"{"deviceId":"d/1","command":{"serviceId":"S","method":"M","paras":{}}}"#
    );
}

#[tokio::test]
async fn r1_15_each_create_has_a_key_of_its_own_unless_it_declines_one() {
    let platform = Platform::start().await;
    let client = platform.client();
    platform.will_answer((0..3).map(|_| answer(201, COMMAND)));
    let request = command_request();
    client.post_device_command(&request).await.unwrap();
    client.post_device_command(&request).await.unwrap();
    client
        .post_device_command(&request)
        .without_key()
        .await
        .unwrap();
    let seen = platform.seen();
    let keys: Vec<&str> = seen[1..]
        .iter()
        .map(|seen| seen.header("idempotency-key"))
        .collect();
    assert_ne!(keys[0], keys[1]);
    assert_eq!(keys[2], "");
}

#[tokio::test]
async fn r1_15_a_key_travels_in_its_header() {
    let platform = Platform::start().await;
    let client = platform.client();
    let key = IdempotencyKey::parse(b"order-66").unwrap();
    platform.will_answer([
        answer(201, COMMAND),
        answer(202, r#"{"requestId":"r","status":"sent","timestamp":"20190730T135810Z","timeStamp":"20190730T135810Z"}"#),
    ]);
    client
        .post_device_command(&command_request())
        .key(key.clone())
        .await
        .unwrap();
    let call = InvokeRequest {
        header: InvokeHeader {
            request_id: None,
            mode: Mode::Ack,
            from: None,
            to_type: None,
            to: None,
            method: "M".into(),
            callback_url: None,
        },
        body: serde_json::Map::new(),
    };
    let answered = client
        .invoke_device_service("d/1", "S S", &call)
        .key(key)
        .await
        .unwrap();
    assert_eq!(answered.status, InvokeStatus::Sent);
    let seen = platform.seen();
    assert_eq!(seen[1].header("idempotency-key"), "order-66");
    assert_eq!(seen[2].header("idempotency-key"), "order-66");
    assert_eq!(
        seen[2].line,
        "POST /iocm/app/signaltrans/v1.1.0/devices/d%2F1/services/S%20S/sendCommand"
    );
}

#[tokio::test]
async fn devices_are_registered_in_both_modes() {
    let platform = Platform::start().await;
    let client = platform.client();
    platform.will_answer([
        answer(
            200,
            r#"{"deviceId":"d","secret":"00112233445566778899","psk":"aa"}"#,
        ),
        answer(
            200,
            r#"{"deviceId":"d","verifyCode":"v","timeout":180,"psk":"aa"}"#,
        ),
        answer(200, r#"{"deviceId":"d","verifyCode":"v"}"#),
    ]);
    let request = RegisterWithSecretRequest {
        node_id: "n".into(),
        ..RegisterWithSecretRequest::default()
    };
    let registered = client
        .reg_direct_device_with_secret(&request)
        .await
        .unwrap();
    assert_eq!(registered.secret.expose(), "00112233445566778899");
    let by_code = RegisterRequest {
        node_id: "n".into(),
        verify_code: Some(Secret::new("v")),
        ..RegisterRequest::default()
    };
    let answered = client.reg_direct_device(&by_code).await.unwrap();
    assert_eq!(answered.timeout, 180);
    let no_secret = client
        .reg_direct_device_with_secret(&request)
        .await
        .unwrap_err();
    assert!(no_secret.to_string().contains("no secret"), "{no_secret}");
    let seen = platform.seen();
    assert_eq!(seen[1].line, "POST /iocm/app/reg/v2.0.0/deviceCredentials");
    assert_eq!(
        seen[1].body,
        r#"{"deviceInfo":{"nodeId":"n"},"mqttConnect":true}"#
    );
    assert_eq!(seen[2].body, r#"{"verifyCode":"v","nodeId":"n"}"#);
}

#[tokio::test]
async fn an_owner_is_named_in_every_query() {
    let platform = Platform::start().await;
    let client = platform.client().for_owner("other&");
    let page = r#"{"pagination":{"pageNo":0,"pageSize":1000,"totalSize":0},"data":[]}"#;
    let task = r#"{"taskId":"t","appId":"other&","deviceId":"d","status":"RUNNING","totalCount":0,"deviceCommands":[]}"#;
    platform.will_answer([
        answer(200, r#"{"deviceId":"d","activated":true,"name":null}"#),
        answer(200, r#"{"deviceId":"d","gatewayId":"d","nodeType":"GATEWAY","deviceInfo":{"nodeId":"n","status":"ONLINE"}}"#),
        answer(204, ""),
        answer(204, ""),
        answer(200, page),
        answer(200, COMMAND),
        answer(201, task),
        answer(200, page),
    ]);
    assert!(client.query_device_status("d").await.unwrap().activated);
    let device = client.query_single_device_info("d").await.unwrap();
    assert_eq!(device.device_info.status.as_deref(), Some("ONLINE"));
    let change = ModifyDeviceRequest {
        mute: Some(true),
        ..ModifyDeviceRequest::default()
    };
    client.modify_device_info("d", &change).await.unwrap();
    client
        .delete_direct_device("d", DeletedWith::Nothing)
        .await
        .unwrap();
    client
        .query_device_command(&CommandsQuery::default())
        .await
        .unwrap();
    client.update_device_command("c").await.unwrap();
    let task = client.create_device_cmd_cancel_task("d").await.unwrap();
    assert_eq!(task.status, CancelTaskStatus::Running);
    client
        .query_device_cmd_cancel_task(&CancelTasksQuery::default())
        .await
        .unwrap();
    assert_eq!(
        platform.lines()[1..],
        [
            "GET /iocm/app/reg/v1.1.0/deviceCredentials/d?appId=other%26",
            "GET /iocm/app/dm/v1.4.0/devices/d?appId=other%26",
            "PUT /iocm/app/dm/v1.4.0/devices/d?appId=other%26",
            "DELETE /iocm/app/dm/v1.4.0/devices/d?appId=other%26&cascade=false",
            "GET /iocm/app/cmd/v1.4.0/deviceCommands?pageNo=0&pageSize=1000&appId=other%26",
            "PUT /iocm/app/cmd/v1.4.0/deviceCommands/c?appId=other%26",
            "POST /iocm/app/cmd/v1.4.0/deviceCommandCancelTasks?appId=other%26",
            "GET /iocm/app/cmd/v1.4.0/deviceCommandCancelTasks?pageNo=0&pageSize=1000&appId=other%26",
        ]
    );
    assert_eq!(platform.seen()[6].body, r#"{"status":"CANCELED"}"#);
}

#[tokio::test]
async fn with_groups_the_owner_is_the_access_app_id_of_every_query() {
    let platform = Platform::start().await;
    let client = platform.client().for_owner("other&");
    let group =
        r#"{"name":"Lane","id":"g/1","appId":"other&","maxDevNum":0,"curDevNum":1,"creator":"x"}"#;
    platform.will_answer([
        answer(200, group),
        answer(200, group),
        answer(
            200,
            &format!(r#"{{"totalCount":1,"pageNo":0,"pageSize":1,"list":[{group}]}}"#),
        ),
        answer(200, group),
        answer(200, r#"{"devGroupId":"g/1","deviceIds":["d"]}"#),
        answer(
            200,
            r#"{"totalCount":1,"pageNo":0,"pageSize":1000,"deviceIds":["d"]}"#,
        ),
        answer(200, ""),
        answer(204, ""),
    ]);
    let create = CreateGroupRequest {
        name: "Lane".into(),
        ..CreateGroupRequest::default()
    };
    let devices = GroupDevicesRequest {
        dev_group_id: "g/1".into(),
        device_ids: vec!["d".into()],
    };
    let members = GroupMembersQuery {
        dev_group_id: "g/1".into(),
        ..GroupMembersQuery::default()
    };
    let unbounded = ModifyGroupRequest {
        devices_max: Some(0),
        ..ModifyGroupRequest::default()
    };
    let groups = GroupsQuery {
        page: Some(Page { number: 0, size: 1 }),
        ..GroupsQuery::default()
    };
    let made = client.create_device_group(&create).await.unwrap();
    assert_eq!((made.devices_max, made.devices), (0, 1));
    client.modify_device_group("g/1", &unbounded).await.unwrap();
    let page = client.query_device_groups(&groups).await.unwrap();
    assert_eq!(page.list[0].creator.as_deref(), Some("x"));
    client.query_single_device_group("g/1").await.unwrap();
    client.add_devices_to_group(&devices).await.unwrap();
    let there = client.query_device_group_members(&members).await.unwrap();
    assert_eq!(there.device_ids, ["d"]);
    client.delete_devices_from_group(&devices).await.unwrap();
    client.delete_device_group("g/1").await.unwrap();
    assert_eq!(
        platform.lines()[1..],
        [
            "POST /iocm/app/devgroup/v1.3.0/devGroups?accessAppId=other%26",
            "PUT /iocm/app/devgroup/v1.3.0/devGroups/g%2F1?accessAppId=other%26",
            "GET /iocm/app/devgroup/v1.3.0/devGroups?pageNo=0&pageSize=1&accessAppId=other%26",
            "GET /iocm/app/devgroup/v1.3.0/devGroups/g%2F1?accessAppId=other%26",
            "POST /iocm/app/dm/v1.1.0/devices/addDevGroupTagToDevices?accessAppId=other%26",
            "GET /iocm/app/dm/v1.2.0/devices/ids?devGroupId=g%2F1&accessAppId=other%26",
            "POST /iocm/app/dm/v1.1.0/devices/deleteDevGroupTagFromDevices?accessAppId=other%26",
            "DELETE /iocm/app/devgroup/v1.3.0/devGroups/g%2F1?accessAppId=other%26",
        ]
    );
    let seen = platform.seen();
    assert_eq!(seen[2].body, r#"{"maxDevNum":0}"#);
    assert_eq!(seen[7].body, r#"{"devGroupId":"g/1","deviceIds":["d"]}"#);
}
