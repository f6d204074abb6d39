//! Answers as they may look: the document's examples, and what tests hold its schemas against.

use serde_json::{Map, Value, json};

use crate::auth::AuthAnswer;
use crate::callbacks::{
    Answered, CallbackResult, CalledBack, CommandRsp, MessageConfirm, StatusCallback,
};
use crate::cancel_tasks::{CancelTaskAnswer, CancelTaskStatus, CancelTasksAnswer};
use crate::commands::{
    Command, CommandAnswer, CommandResult, CommandStatus, CommandsAnswer, Pagination,
};
use crate::credentials::{RefreshKeyAnswer, RefreshSecretAnswer};
use crate::device_list::DevicesAnswer;
use crate::devices::{DeviceAnswer, DeviceInfo, DeviceService, NodeType, ServiceInfo};
use crate::groups::{GroupAnswer, GroupDevicesAnswer, GroupMembersAnswer, GroupsAnswer};
use crate::invoke::{InvokeAnswer, InvokeStatus};
use crate::old_commands::OldCommandsAnswer;
use crate::registration::{DeviceStatusAnswer, RegisterAnswer, RegisterWithSecretAnswer};
use crate::{Secret, Timestamp};

const DEVICE: &str = "7c1f4b1e-6f0e-4d2c-9a55-3c8b9b1f0e77";
const APP: &str = "waterworks";
const COMMAND: &str = "0000000000000001c3a94f6be7d2508a";
const GROUP: &str = "0000018f3a5c7e219b4d6e0f12a3c5d7";

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a moment")
}

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("no object: {other}"),
    }
}

pub(super) fn auth() -> AuthAnswer {
    let token = |digit: &str| Secret::new(digit.repeat(32));
    AuthAnswer::new(token("a"), token("b"), 3600)
}

pub(super) fn register() -> RegisterAnswer {
    RegisterAnswer {
        device_id: DEVICE.to_owned(),
        verify_code: Secret::new("863703030000001"),
        timeout: 180,
        psk: Secret::new("0123456789abcdef0123456789abcdef"),
    }
}

/// The old mode, and one secret per device.
pub(super) fn register_with_secret() -> [RegisterWithSecretAnswer; 2] {
    let answer = RegisterWithSecretAnswer {
        device_id: DEVICE.to_owned(),
        secret: Some(Secret::new("0123456789abcdef0123")),
        psk: Some(Secret::new("0123456789abcdef0123456789abcdef")),
        verify_code: None,
    };
    let old = RegisterWithSecretAnswer {
        verify_code: Some(Secret::new("863703030000001")),
        ..answer.clone()
    };
    [old, answer]
}

pub(super) fn refresh_key() -> RefreshKeyAnswer {
    RefreshKeyAnswer {
        verify_code: Secret::new("863703030000001"),
        timeout: 180,
    }
}

pub(super) fn refresh_secret() -> RefreshSecretAnswer {
    RefreshSecretAnswer {
        secret: Secret::new("0123456789abcdef0123"),
        timeout: 0,
    }
}

pub(super) fn old_commands() -> OldCommandsAnswer {
    OldCommandsAnswer {
        total_count: 1,
        list: vec![cancelled().into()],
    }
}

pub(super) fn device_status() -> DeviceStatusAnswer {
    DeviceStatusAnswer {
        device_id: DEVICE.to_owned(),
        activated: true,
        name: Some("Meter 12, Mill Lane".to_owned()),
    }
}

pub(super) fn device() -> DeviceAnswer {
    let text = |text: &str| Some(text.to_owned());
    DeviceAnswer {
        device_id: DEVICE.to_owned(),
        gateway_id: DEVICE.to_owned(),
        node_type: NodeType::Gateway,
        create_time: Some(at("20190730T135800Z")),
        creation_time: Some(at("20190730T135800Z")),
        last_modified_time: Some(at("20190730T135805Z")),
        device_info: DeviceInfo {
            node_id: text("863703030000001"),
            name: text("Meter 12, Mill Lane"),
            manufacturer_id: text("Acme"),
            device_type: text("WaterMeter"),
            model: text("WM-1"),
            protocol_type: text("MQTT"),
            status: text("ONLINE"),
            status_detail: text("NONE"),
            mute: text("FALSE"),
            imsi: text("460001234567890"),
            ..DeviceInfo::default()
        },
        services: vec![DeviceService {
            service_id: "WaterMeter".to_owned(),
            service_type: text("WaterMeter"),
            data: Some(map(json!({"reading": 1024}))),
            event_time: Some(at("20190730T135809Z")),
            service_info: Some(ServiceInfo {
                mute_cmds: vec!["SET_INTERVAL".to_owned()],
            }),
        }],
    }
}

pub(super) fn devices() -> DevicesAnswer {
    DevicesAnswer {
        total_count: 1,
        page_no: 0,
        page_size: 25,
        devices: vec![device()],
    }
}

/// A command with everything that can be said of it.
pub(super) fn command() -> CommandAnswer {
    CommandAnswer {
        status: CommandStatus::Successful,
        callback_url: Some("https://app.example.com/commands".to_owned()),
        result: Some(CommandResult {
            result_code: CommandStatus::Successful,
            result_detail: Some(map(json!({"accepted": 1}))),
        }),
        execute_time: Some(at("20190730T141502Z")),
        platform_issued_time: Some(at("20190730T141500Z")),
        delivered_time: Some(at("20190730T141501Z")),
        issued_times: 1,
        ..accepted()
    }
}

/// A command that was accepted just now.
pub(super) fn accepted() -> CommandAnswer {
    CommandAnswer {
        command_id: COMMAND.to_owned(),
        app_id: APP.to_owned(),
        device_id: DEVICE.to_owned(),
        command: Command {
            service_id: "WaterMeter".to_owned(),
            method: "SET_INTERVAL".to_owned(),
            paras: map(json!({"minutes": 15})),
        },
        callback_url: None,
        expire_time: 172_800,
        status: CommandStatus::Pending,
        result: None,
        creation_time: at("20190730T135810Z"),
        execute_time: None,
        platform_issued_time: None,
        delivered_time: None,
        issued_times: 0,
        max_retransmit: 3,
    }
}

pub(super) fn cancelled() -> CommandAnswer {
    CommandAnswer {
        status: CommandStatus::Canceled,
        ..accepted()
    }
}

fn pagination() -> Pagination {
    Pagination {
        page_no: 0,
        page_size: 1000,
        total_size: 1,
    }
}

pub(super) fn commands() -> CommandsAnswer {
    CommandsAnswer {
        pagination: pagination(),
        data: vec![command()],
    }
}

pub(super) fn cancel_task() -> CancelTaskAnswer {
    CancelTaskAnswer {
        task_id: "0000000000000002d81f3c9a5b7e6042".to_owned(),
        app_id: APP.to_owned(),
        device_id: DEVICE.to_owned(),
        status: CancelTaskStatus::Running,
        total_count: 1,
        device_commands: vec![accepted()],
    }
}

pub(super) fn cancel_tasks() -> CancelTasksAnswer {
    CancelTasksAnswer {
        pagination: pagination(),
        data: vec![CancelTaskAnswer {
            status: CancelTaskStatus::Success,
            device_commands: vec![cancelled()],
            ..cancel_task()
        }],
    }
}

pub(super) fn invoked() -> InvokeAnswer {
    InvokeAnswer {
        request_id: Some("3f0c5f8e_0001".to_owned()),
        status: InvokeStatus::Sent,
        timestamp: at("20190730T135810Z"),
    }
}

pub(super) fn status_callback() -> StatusCallback {
    StatusCallback {
        device_id: DEVICE.to_owned(),
        command_id: COMMAND.to_owned(),
        result: CallbackResult {
            result_code: CommandStatus::Successful,
            result_detail: Some(map(json!({"accepted": 1}))),
        },
    }
}

fn called_back() -> CalledBack {
    CalledBack {
        request_id: "3f0c5f8e_0001".to_owned(),
        from: Some("/users/12".to_owned()),
    }
}

pub(super) fn message_confirm() -> MessageConfirm {
    MessageConfirm::delivered(called_back(), DEVICE, "WaterMeter", at("20190730T135811Z"))
}

pub(super) fn command_rsp() -> CommandRsp {
    let answered = Answered {
        device_id: DEVICE,
        service_id: "WaterMeter",
        service_type: "WaterMeter",
        method: "INVITE",
    };
    CommandRsp::of(called_back(), answered, Some(map(json!({"accepted": 1}))))
}

pub(super) fn group() -> GroupAnswer {
    GroupAnswer {
        name: "MillLane".to_owned(),
        description: Some("The meters of Mill Lane".to_owned()),
        id: GROUP.to_owned(),
        app_id: APP.to_owned(),
        devices_max: 0,
        devices: 1,
        creator: Some(APP.to_owned()),
    }
}

/// A group as its creation and its change answer it.
pub(super) fn changed_group() -> GroupAnswer {
    GroupAnswer {
        creator: None,
        ..group()
    }
}

pub(super) fn groups() -> GroupsAnswer {
    GroupsAnswer {
        total_count: 1,
        page_no: 0,
        page_size: 1000,
        list: vec![group()],
    }
}

pub(super) fn group_members() -> GroupMembersAnswer {
    GroupMembersAnswer {
        total_count: 1,
        page_no: 0,
        page_size: 1000,
        device_ids: vec![DEVICE.to_owned()],
    }
}

pub(super) fn group_devices() -> GroupDevicesAnswer {
    GroupDevicesAnswer {
        dev_group_id: GROUP.to_owned(),
        device_ids: vec![DEVICE.to_owned()],
    }
}
