//! What is said of each operation in words: names, class, section, what a caller must know.

use crate::Operation;

/// A class of the vendor's SDKs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Login, refresh, logout.
    Authentication,
    /// Registration, keys, information, deletion.
    DeviceManagement,
    /// Queries of devices and data.
    DataCollection,
    /// Queued and immediate commands.
    SignalDelivery,
    /// Direct calls.
    DeviceServiceInvocation,
    /// Device groups.
    DeviceGroupManagement,
}

impl Class {
    /// Every class, in the order of the contract.
    pub(super) const ALL: [Self; 6] = [
        Self::Authentication,
        Self::DeviceManagement,
        Self::DataCollection,
        Self::SignalDelivery,
        Self::DeviceServiceInvocation,
        Self::DeviceGroupManagement,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Authentication => "Authentication",
            Self::DeviceManagement => "DeviceManagement",
            Self::DataCollection => "DataCollection",
            Self::SignalDelivery => "SignalDelivery",
            Self::DeviceServiceInvocation => "DeviceServiceInvocation",
            Self::DeviceGroupManagement => "DeviceGroupManagement",
        }
    }

    pub(super) const fn description(self) -> &'static str {
        match self {
            Self::Authentication => "Tokens: login, refresh, logout [2].",
            Self::DeviceManagement => "Devices: registration, keys, information, deletion [3].",
            Self::DataCollection => "What is known of devices [4].",
            Self::SignalDelivery => {
                "Commands that wait for their device, or are sent at once: creation, list, cancellation [5.1 to 5.6]."
            }
            Self::DeviceServiceInvocation => "Direct calls of a device's service [5.7].",
            Self::DeviceGroupManagement => {
                "Named sets of an application's devices, which a grant may be limited to [10]."
            }
        }
    }
}

/// What is said of an operation, in words.
struct Words {
    class: Class,
    section: &'static str,
    summary: &'static str,
    description: &'static str,
}

/// Where an operation belongs, and what it is for.
pub(super) struct About {
    pub(super) class: Class,
    /// The unique id of its main path.
    pub(super) id: &'static str,
    /// The contract's name, which several operations may share.
    pub(super) name: &'static str,
    /// The contract's section.
    pub(super) section: &'static str,
    /// One line.
    pub(super) summary: &'static str,
    /// What a caller must know before the first call.
    pub(super) description: &'static str,
}

/// Where an operation belongs, and what it is for.
pub(super) fn about(operation: Operation) -> About {
    let Words {
        class,
        section,
        summary,
        description,
    } = words(operation);
    let (id, name) = names(operation);
    About {
        class,
        id,
        name,
        section,
        summary,
        description,
    }
}

/// The unique id, and the contract's name that every form of the operation shares.
fn names(operation: Operation) -> (&'static str, &'static str) {
    let name = operation.name().split(' ').next().unwrap_or_default();
    (operation.id(), name)
}

/// The operation of today that took an old one's place.
pub(super) const fn successor(operation: Operation) -> Option<Operation> {
    match operation {
        Operation::PostDeviceCommandOld => Some(Operation::PostDeviceCommand),
        Operation::QueryDeviceCommandOld => Some(Operation::QueryDeviceCommand),
        Operation::CancelDeviceCommandOld => Some(Operation::CreateDeviceCmdCancelTask),
        Operation::GetAuthToken
        | Operation::RefreshAuthToken
        | Operation::LogoutAuthToken
        | Operation::RegDirectDevice
        | Operation::RegDirectDeviceWithSecret
        | Operation::RefreshDeviceKey
        | Operation::RefreshDeviceSecret
        | Operation::QueryDeviceStatus
        | Operation::ModifyDeviceInfo
        | Operation::DeleteDirectDevice
        | Operation::QuerySingleDeviceInfo
        | Operation::QueryBatchDevicesInfo
        | Operation::PostDeviceCommand
        | Operation::QueryDeviceCommand
        | Operation::UpdateDeviceCommand
        | Operation::CreateDeviceCmdCancelTask
        | Operation::QueryDeviceCmdCancelTask
        | Operation::InvokeDeviceService
        | Operation::CreateDeviceGroup
        | Operation::DeleteDeviceGroup
        | Operation::ModifyDeviceGroup
        | Operation::QueryDeviceGroups
        | Operation::QuerySingleDeviceGroup
        | Operation::QueryDeviceGroupMembers
        | Operation::AddDevicesToGroup
        | Operation::DeleteDevicesFromGroup => None,
    }
}

const fn words(operation: Operation) -> Words {
    match operation {
        Operation::GetAuthToken => GET_AUTH_TOKEN,
        Operation::RefreshAuthToken => REFRESH_AUTH_TOKEN,
        Operation::LogoutAuthToken => LOGOUT_AUTH_TOKEN,
        Operation::RegDirectDevice => REG_DIRECT_DEVICE,
        Operation::RegDirectDeviceWithSecret => REG_DIRECT_DEVICE_WITH_SECRET,
        Operation::RefreshDeviceKey => REFRESH_DEVICE_KEY,
        Operation::RefreshDeviceSecret => REFRESH_DEVICE_SECRET,
        Operation::PostDeviceCommandOld => POST_DEVICE_COMMAND_OLD,
        Operation::QueryDeviceCommandOld => QUERY_DEVICE_COMMAND_OLD,
        Operation::CancelDeviceCommandOld => CANCEL_DEVICE_COMMAND_OLD,
        Operation::QueryDeviceStatus => QUERY_DEVICE_STATUS,
        Operation::ModifyDeviceInfo => MODIFY_DEVICE_INFO,
        Operation::DeleteDirectDevice => DELETE_DIRECT_DEVICE,
        Operation::QuerySingleDeviceInfo => QUERY_SINGLE_DEVICE_INFO,
        Operation::QueryBatchDevicesInfo => QUERY_BATCH_DEVICES_INFO,
        Operation::PostDeviceCommand => POST_DEVICE_COMMAND,
        Operation::QueryDeviceCommand => QUERY_DEVICE_COMMAND,
        Operation::UpdateDeviceCommand => UPDATE_DEVICE_COMMAND,
        Operation::CreateDeviceCmdCancelTask => CREATE_DEVICE_CMD_CANCEL_TASK,
        Operation::QueryDeviceCmdCancelTask => QUERY_DEVICE_CMD_CANCEL_TASK,
        Operation::InvokeDeviceService => INVOKE_DEVICE_SERVICE,
        Operation::CreateDeviceGroup => CREATE_DEVICE_GROUP,
        Operation::DeleteDeviceGroup => DELETE_DEVICE_GROUP,
        Operation::ModifyDeviceGroup => MODIFY_DEVICE_GROUP,
        Operation::QueryDeviceGroups => QUERY_DEVICE_GROUPS,
        Operation::QuerySingleDeviceGroup => QUERY_SINGLE_DEVICE_GROUP,
        Operation::QueryDeviceGroupMembers => QUERY_DEVICE_GROUP_MEMBERS,
        Operation::AddDevicesToGroup => ADD_DEVICES_TO_GROUP,
        Operation::DeleteDevicesFromGroup => DELETE_DEVICES_FROM_GROUP,
    }
}

const GET_AUTH_TOKEN: Words = Words {
    class: Class::Authentication,
    section: "2.1",
    summary: "Log in",
    description: "Gives an access token. A login ends every earlier access token of the application (R3.6), so let one process log in and share \
             the token. Field names are read in any case; a JSON body with the same fields is read too.",
};

const REFRESH_AUTH_TOKEN: Words = Words {
    class: Class::Authentication,
    section: "2.2",
    summary: "Get new tokens for a refresh token",
    description: "The old access token is accepted for 30 s more (R3.6). No authentication headers.",
};

const LOGOUT_AUTH_TOKEN: Words = Words {
    class: Class::Authentication,
    section: "2.3",
    summary: "End an access token",
    description: "No authentication headers. A token that is not known is no error.",
};

const REG_DIRECT_DEVICE: Words = Words {
    class: Class::DeviceManagement,
    section: "3.1",
    summary: "Register a device with a verification code",
    description: "The device must make its first contact within `timeout` seconds, else the registration is deleted.",
};

const REG_DIRECT_DEVICE_WITH_SECRET: Words = Words {
    class: Class::DeviceManagement,
    section: "3.2",
    summary: "Register a device with a secret",
    description: "For MQTT devices: `deviceId` and `secret` of the answer are what the device connects with.",
};

const QUERY_DEVICE_STATUS: Words = Words {
    class: Class::DeviceManagement,
    section: "3.4",
    summary: "Ask whether a device was ever in contact",
    description: "`activated` is false until the first contact and true ever after; it does not say whether the device is online.",
};

const MODIFY_DEVICE_INFO: Words = Words {
    class: Class::DeviceManagement,
    section: "3.5",
    summary: "Change what is known of a device",
    description: "Members that are absent stay as they are. Manufacturer, model and type decide which profile commands are checked against.",
};

const DELETE_DIRECT_DEVICE: Words = Words {
    class: Class::DeviceManagement,
    section: "3.6",
    summary: "Delete a device",
    description: "Its commands that wait end as CANCELED or TIMEOUT and stay readable (R1.11).",
};

const QUERY_SINGLE_DEVICE_INFO: Words = Words {
    class: Class::DataCollection,
    section: "4.1",
    summary: "Show a device",
    description: "Information, status and the latest report of each service. What is unknown is null.",
};

const QUERY_BATCH_DEVICES_INFO: Words = Words {
    class: Class::DataCollection,
    section: "4.2",
    summary: "List devices",
    description: "The newest registration first, unless `sort` says otherwise. `gatewayId` and `pageNo` may not both be missing; without \
             `pageNo` the gateway and its children are shown at once, 250 at the most. With a filter by name, type, place, kind or state \
             a bounded number of devices is looked at.",
};

const POST_DEVICE_COMMAND: Words = Words {
    class: Class::SignalDelivery,
    section: "5.2",
    summary: "Create a command",
    description: "The 201 says that the command is on disk. With `expireTime` > 0 it waits in the device's queue; with 0 it is immediate. Send an \
             `Idempotency-Key` and a create whose answer was lost can be repeated without a second command (R1.15).",
};

const QUERY_DEVICE_COMMAND: Words = Words {
    class: Class::SignalDelivery,
    section: "5.3",
    summary: "List commands",
    description: "The newest first. Direct calls never appear (R1.1).",
};

const UPDATE_DEVICE_COMMAND: Words = Words {
    class: Class::SignalDelivery,
    section: "5.4",
    summary: "Cancel a command",
    description: "Only a PENDING command can be cancelled. CANCELED proves that no byte of it left the platform; 100435 says that the command has \
             ended or may have reached the device.",
};

const CREATE_DEVICE_CMD_CANCEL_TASK: Words = Words {
    class: Class::SignalDelivery,
    section: "5.5",
    summary: "Cancel all pending commands of a device",
    description: "The 201 shows the commands as they were before (R1.10).",
};

const QUERY_DEVICE_CMD_CANCEL_TASK: Words = Words {
    class: Class::SignalDelivery,
    section: "5.6",
    summary: "List cancel tasks",
    description: "The newest first, with their commands as they are now.",
};

const INVOKE_DEVICE_SERVICE: Words = Words {
    class: Class::DeviceServiceInvocation,
    section: "5.7",
    summary: "Call a service of a device directly",
    description: "Never queued: a device that is not online is 100428. With toType GATEWAY the 202 says that the frame is handed over; with CLOUD \
             it waits up to 20 s for the acknowledgement (R4.2). The outcome is told to `callbackURL` (R4.4).",
};

const REFRESH_DEVICE_KEY: Words = Words {
    class: Class::DeviceManagement,
    section: "3.3",
    summary: "Give a device a new verification code",
    description: "The device keeps its id, its key and its commands, and has to bind again within `timeout` seconds. Only while it is offline, \
                  and only if it has connected before.",
};

const REFRESH_DEVICE_SECRET: Words = Words {
    class: Class::DeviceManagement,
    section: "3.3",
    summary: "Give a device a new secret",
    description: "For MQTT devices: the old secret lets nobody in any more, and the device has to bind again. Only while it is offline, and only \
                  if it has connected before.",
};

const POST_DEVICE_COMMAND_OLD: Words = Words {
    class: Class::SignalDelivery,
    section: "5.8",
    summary: "Create a command, as in 2017",
    description: "As `postDeviceCommand`, with the device in the path and an answer whose `result.resultCode` says where the command stands.",
};

const QUERY_DEVICE_COMMAND_OLD: Words = Words {
    class: Class::SignalDelivery,
    section: "5.8",
    summary: "List the commands of a device, as in 2017",
    description: "As `queryDeviceCommand`, in the shape of 2017: `totalCount` and `list`.",
};

const CANCEL_DEVICE_COMMAND_OLD: Words = Words {
    class: Class::SignalDelivery,
    section: "5.8",
    summary: "Cancel all pending commands of a device, as in 2017",
    description: "As `createDeviceCmdCancelTask`; the answer shows the commands as they are afterwards.",
};

const CREATE_DEVICE_GROUP: Words = Words {
    class: Class::DeviceGroupManagement,
    section: "10",
    summary: "Create a device group",
    description: "The 200 says that the group is on disk, with the devices of `deviceIds`. One of them that does not exist, or is not the \
             application's, refuses the whole request.",
};

const DELETE_DEVICE_GROUP: Words = Words {
    class: Class::DeviceGroupManagement,
    section: "10",
    summary: "Delete a device group",
    description: "Its devices stay as they are. A grant that is limited to the group covers nothing through it any more (R1.11).",
};

const MODIFY_DEVICE_GROUP: Words = Words {
    class: Class::DeviceGroupManagement,
    section: "10",
    summary: "Change a device group",
    description: "Members that are absent stay as they are. `maxDevNum` may not be below the number of devices that the group has; 0 takes the \
             bound away.",
};

const QUERY_DEVICE_GROUPS: Words = Words {
    class: Class::DeviceGroupManagement,
    section: "10",
    summary: "List device groups",
    description: "The newest first. Without `pageNo` and `pageSize` all are shown at once, 1000 at the most.",
};

const QUERY_SINGLE_DEVICE_GROUP: Words = Words {
    class: Class::DeviceGroupManagement,
    section: "10",
    summary: "Show a device group",
    description: "With `creator`, the application that created it.",
};

const QUERY_DEVICE_GROUP_MEMBERS: Words = Words {
    class: Class::DeviceGroupManagement,
    section: "10",
    summary: "List the devices of a group",
    description: "In the order of their registration. Without `pageNo` and `pageSize` all are shown at once, 1000 at the most.",
};

const ADD_DEVICES_TO_GROUP: Words = Words {
    class: Class::DeviceGroupManagement,
    section: "10",
    summary: "Put devices into a group",
    description: "All of them or none. One that is in the group already stays in it.",
};

const DELETE_DEVICES_FROM_GROUP: Words = Words {
    class: Class::DeviceGroupManagement,
    section: "10",
    summary: "Take devices out of a group",
    description: "What is not in the group is passed over. The 200 has an empty body. Commands of an application that reached a device through \
             the group alone end, if they are still pending (R1.11).",
};
