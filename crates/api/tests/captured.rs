//! Real requests of field clients, replayed: each one of an operation served here parses to exactly one expected value.

use api::auth::{LoginRequest, RefreshRequest};
use api::cancel_tasks::{CancelTaskRequest, CancelTasksQuery};
use api::commands::{CancelCommandRequest, Command, CommandsQuery, PostCommandRequest};
use api::credentials::RefreshKeyRequest;
use api::device_list::DevicesQuery;
use api::devices::{DeleteDeviceQuery, DeviceQuery, ModifyDeviceRequest};
use api::groups::{CreateGroupRequest, GroupMembersQuery, ModifyGroupRequest};
use api::invoke::{InvokeHeader, InvokeRequest, Mode};
use api::paths::{Route, find};
use api::query::{Page, Query};
use api::registration::RegisterRequest;
use api::{Operation, Secret};
use http::Method;
use serde_json::{Value, json};

const NEW_DEVICE: &str = "7c1f4b1e-0000-4000-8000-000000000001";

/// What a request turned out to be, as text so that one list can hold all kinds.
fn parse(request: &Value) -> Option<(Operation, String)> {
    let text = |name: &str| request[name].as_str().expect("a captured request has it");
    let (path, raw_query) = text("path").split_once('?').unwrap_or((text("path"), ""));
    let method: Method = text("method").parse().expect("a captured method");
    let Route::Found(operation, variables) = find(&method, path) else {
        return None;
    };
    let (body, query) = (text("body").as_bytes(), Query::parse(raw_query));
    let request = match operation {
        Operation::GetAuthToken => debug(
            LoginRequest::from_form(body).map(|login| (login.app_id, login.secret.into_inner())),
        ),
        Operation::RefreshAuthToken => debug(RefreshRequest::from_json(body)),
        Operation::LogoutAuthToken
        | Operation::RegDirectDeviceWithSecret
        | Operation::RefreshDeviceSecret
        | Operation::QueryDeviceCommandOld
        | Operation::CancelDeviceCommandOld
        | Operation::DeleteDeviceGroup
        | Operation::QueryDeviceGroups
        | Operation::AddDevicesToGroup
        | Operation::DeleteDevicesFromGroup => {
            panic!("none was captured")
        }
        Operation::RefreshDeviceKey => debug(RefreshKeyRequest::from_json(body).map(|request| {
            let code = request.verify_code.clone().map(Secret::into_inner);
            (code, request)
        })),
        Operation::RegDirectDevice => debug(RegisterRequest::from_json(body).map(|request| {
            let code = request.verify_code.clone().map(Secret::into_inner);
            (code, request)
        })),
        Operation::QueryDeviceStatus => debug(query.app_id()),
        Operation::ModifyDeviceInfo => {
            debug(ModifyDeviceRequest::from_json(body).map(|request| (query.app_id(), request)))
        }
        Operation::DeleteDirectDevice => debug(DeleteDeviceQuery::read(&query)),
        Operation::QuerySingleDeviceInfo => debug(DeviceQuery::read(&query)),
        Operation::QueryBatchDevicesInfo => debug(DevicesQuery::read(&query)),
        Operation::PostDeviceCommand => debug(PostCommandRequest::from_json(body)),
        Operation::QueryDeviceCommand => debug(CommandsQuery::read(&query)),
        Operation::UpdateDeviceCommand => debug(CancelCommandRequest::from_json(body)),
        Operation::CreateDeviceCmdCancelTask => debug(CancelTaskRequest::from_json(body)),
        Operation::QueryDeviceCmdCancelTask => debug(CancelTasksQuery::read(&query)),
        Operation::InvokeDeviceService => debug(InvokeRequest::from_json(body)),
        Operation::PostDeviceCommandOld => {
            debug(PostCommandRequest::from_old_json(body, &variables[0]))
        }
        Operation::CreateDeviceGroup => debug(CreateGroupRequest::from_json(body)),
        Operation::ModifyDeviceGroup => debug(ModifyGroupRequest::from_json(body)),
        Operation::QuerySingleDeviceGroup => debug(query.access_app_id()),
        Operation::QueryDeviceGroupMembers => debug(GroupMembersQuery::read(&query)),
    };
    Some((operation, format!("{variables:?} {request}")))
}

fn debug<T: std::fmt::Debug>(result: Result<T, api::Invalid>) -> String {
    format!("{:?}", result.expect("a captured request is sound"))
}

fn replay(vectors: &str) -> Vec<(Operation, String)> {
    let requests = vectors
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a vector is JSON"));
    requests.filter_map(|request| parse(&request)).collect()
}

fn expect(
    operation: Operation,
    variables: &[&str],
    request: &impl std::fmt::Debug,
) -> (Operation, String) {
    (operation, format!("{variables:?} {request:?}"))
}

fn login() -> (Operation, String) {
    expect(Operation::GetAuthToken, &[], &("testAppId", "testSecret"))
}

fn registration(
    node_id: &str,
    timeout: Option<u32>,
    end_user_id: Option<&str>,
) -> (Operation, String) {
    let request = RegisterRequest {
        node_id: node_id.to_owned(),
        verify_code: Some(Secret::new(node_id)),
        timeout,
        end_user_id: end_user_id.map(str::to_owned),
        ..Default::default()
    };
    expect(Operation::RegDirectDevice, &[], &(Some(node_id), request))
}

fn refresh_key(node_id: &str, timeout: u32) -> (Operation, String) {
    let request = RefreshKeyRequest {
        verify_code: Some(Secret::new(node_id)),
        node_id: Some(node_id.to_owned()),
        timeout: Some(timeout),
    };
    let read = (Some(node_id), request);
    expect(Operation::RefreshDeviceKey, &[NEW_DEVICE], &read)
}

fn change(app_id: Option<&str>, values: [&str; 5]) -> (Operation, String) {
    let [name, manufacturer, device_type, model, protocol] =
        values.map(|value| Some(value.to_owned()));
    let request = ModifyDeviceRequest {
        name,
        manufacturer_id: manufacturer.clone(),
        manufacturer_name: manufacturer,
        device_type,
        model,
        protocol_type: protocol,
        ..Default::default()
    };
    expect(
        Operation::ModifyDeviceInfo,
        &[NEW_DEVICE],
        &(Ok::<_, api::Invalid>(app_id), request),
    )
}

fn devices(size: u32) -> (Operation, String) {
    let query = DevicesQuery {
        page: Some(Page { number: 0, size }),
        ..Default::default()
    };
    expect(Operation::QueryBatchDevicesInfo, &[], &query)
}

fn deletion() -> (Operation, String) {
    expect(
        Operation::DeleteDirectDevice,
        &[NEW_DEVICE],
        &DeleteDeviceQuery {
            app_id: None,
            cascade: true,
        },
    )
}

fn command(device: &str, service: &str, method: &str, paras: &Value) -> (Operation, String) {
    let command = Command {
        service_id: service.to_owned(),
        method: method.to_owned(),
        paras: paras.as_object().expect("an object").clone(),
    };
    let request = PostCommandRequest {
        device_id: device.to_owned(),
        command,
        ..Default::default()
    };
    expect(Operation::PostDeviceCommand, &[], &request)
}

#[test]
fn the_requests_of_the_vendors_java_sdk_parse_as_the_contract_reads_them() {
    let meter = |name| {
        change(
            Some("testAppId"),
            [name, "Huawei", "WaterMeter", "NBIoTDevice", "CoAP"],
        )
    };
    let refresh = RefreshRequest {
        app_id: "testAppId".to_owned(),
        secret: Secret::new("testSecret"),
        refresh_token: Secret::new("mock-refresh"),
    };
    let queried = "cb15cbb6-04ce-4e2b-bf35-d6a264c74646";
    let mut expected = vec![login(), expect(Operation::RefreshAuthToken, &[], &refresh)];
    expected.extend(command_calls_of_the_java_sdk());
    expected.extend([
        registration("testdemo5552084", None, None),
        change(None, ["vc", "AAAA", "Bulb", "AAAA", "CoAP"]),
        expect(Operation::QueryDeviceStatus, &[NEW_DEVICE], &None::<String>),
        refresh_key("testdemo3524006", 3600),
        deletion(),
        expect(
            Operation::QuerySingleDeviceInfo,
            &[queried],
            &DeviceQuery::default(),
        ),
        devices(10),
    ]);
    expected.extend(group_calls_of_the_java_sdk());
    expected.extend([
        registration("test1233775068", Some(300), None),
        meter("test1233775068"),
        deletion(),
        registration("test1233714397", Some(300), None),
        meter("test1233714397"),
        registration("test1234581746", Some(300), None),
        meter("test1234581746"),
    ]);
    compare(
        &replay(include_str!("../../../vectors/northbound-a.jsonl")),
        &expected,
    );
}

fn group_calls_of_the_java_sdk() -> [(Operation, String); 4] {
    let devices = [
        "cb15cbb6-04ce-4e2b-bf35-d6a264c74646",
        "ab5dfcec-b156-40c7-86a9-0dc3cbb7bad6",
    ];
    let created = CreateGroupRequest {
        name: "group9993185".to_owned(),
        device_ids: devices.map(str::to_owned).into(),
        ..Default::default()
    };
    let changed = ModifyGroupRequest {
        name: Some("group2870478".to_owned()),
        devices_max: Some(0),
        ..Default::default()
    };
    let members = GroupMembersQuery {
        dev_group_id: "grp-1".to_owned(),
        ..Default::default()
    };
    let own: Option<String> = None;
    [
        expect(Operation::CreateDeviceGroup, &[], &created),
        expect(Operation::ModifyDeviceGroup, &["grp-1"], &changed),
        expect(Operation::QuerySingleDeviceGroup, &["grp-1"], &own),
        expect(Operation::QueryDeviceGroupMembers, &[], &members),
    ]
}

fn command_calls_of_the_java_sdk() -> [(Operation, String); 6] {
    let device = "42517443-8c1b-4a58-b65e-194c00f77d4e";
    let page = Page {
        number: 0,
        size: 10,
    };
    let commands = CommandsQuery {
        page,
        ..Default::default()
    };
    let tasks = CancelTasksQuery {
        page,
        device_id: Some(device.to_owned()),
        ..Default::default()
    };
    let header = InvokeHeader {
        request_id: None,
        mode: Mode::NoAck,
        from: None,
        to_type: None,
        to: None,
        method: "PUT".to_owned(),
        callback_url: None,
    };
    let body = json!({"brightness": 86})
        .as_object()
        .expect("an object")
        .clone();
    let called = ["09691354-872d-49a1-9c1c-a18512f10ae2", "Brightness"];
    [
        command(device, "RawData", "RawData", &json!({"rawData": "AQ=="})),
        expect(
            Operation::UpdateDeviceCommand,
            &["aa5a6a0c-0000-4000-8000-000000000002"],
            &CancelCommandRequest,
        ),
        expect(Operation::QueryDeviceCommand, &[], &commands),
        expect(
            Operation::CreateDeviceCmdCancelTask,
            &[],
            &CancelTaskRequest {
                device_id: device.to_owned(),
            },
        ),
        expect(Operation::QueryDeviceCmdCancelTask, &[], &tasks),
        expect(
            Operation::InvokeDeviceService,
            &called,
            &InvokeRequest { header, body },
        ),
    ]
}

#[test]
fn the_requests_of_a_client_of_2017_parse_as_the_contract_reads_them() {
    // The client calls the end user `endUserId` in this body; the contract's member is `endUser` [3.5], so it is unknown and ignored.
    let device = ModifyDeviceRequest {
        name: Some("dev1".to_owned()),
        mute: Some(false),
        manufacturer_id: Some("M".to_owned()),
        manufacturer_name: Some("M".to_owned()),
        location: Some("L".to_owned()),
        device_type: Some("T".to_owned()),
        protocol_type: Some("CoAP".to_owned()),
        model: Some("X".to_owned()),
        ..Default::default()
    };
    let own = Ok::<Option<String>, api::Invalid>(None);
    let old = PostCommandRequest {
        device_id: NEW_DEVICE.to_owned(),
        command: Command {
            service_id: "RawData".to_owned(),
            method: "RawData".to_owned(),
            paras: json!({"rawData": "aGVsbG8="})
                .as_object()
                .expect("an object")
                .clone(),
        },
        expire_time: Some(150),
        ..Default::default()
    };
    let expected = [
        login(),
        registration("863703030000001", Some(3600), Some("eu")),
        expect(Operation::ModifyDeviceInfo, &[NEW_DEVICE], &(own, device)),
        devices(100),
        expect(Operation::PostDeviceCommandOld, &[NEW_DEVICE], &old),
    ];
    compare(
        &replay(include_str!("../../../vectors/northbound-b.jsonl")),
        &expected,
    );
}

#[test]
fn the_requests_of_a_client_of_2018_parse_as_the_contract_reads_them() {
    let expected = [
        login(),
        expect(
            Operation::QueryDeviceCommand,
            &[],
            &CommandsQuery::default(),
        ),
        command("dev-1", "Svc", "SET", &json!({"value": 1})),
    ];
    compare(
        &replay(include_str!("../../../vectors/northbound-c.jsonl")),
        &expected,
    );
}

fn compare(parsed: &[(Operation, String)], expected: &[(Operation, String)]) {
    for (parsed, expected) in parsed.iter().zip(expected) {
        assert_eq!(parsed, expected);
    }
    assert_eq!(parsed.len(), expected.len());
}
