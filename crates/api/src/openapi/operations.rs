//! Which types each operation reads and writes.
//!
//! A new operation does not compile until it stands here; its types need `JsonSchema` under the feature `openapi`.

use serde_json::Value;

use super::components::Components;
use super::probe;
use super::samples;
use crate::asked::Asked;
use crate::query::Query;
use crate::{
    Invalid, Operation, auth, cancel_tasks, commands, credentials, device_list, devices, groups,
    invoke, old_commands, registration,
};

/// How a query is read.
pub(super) type QueryReader = fn(&Query) -> Result<(), Invalid>;

/// How a body is read.
#[derive(Clone, Copy)]
pub(super) enum Reader {
    /// As JSON.
    Json(fn(&[u8]) -> Result<(), Invalid>),
    /// As a form.
    Form(fn(&[u8]) -> Result<(), Invalid>),
}

/// What an operation reads and writes.
pub(super) struct Wire {
    /// The body's schema and its media types.
    pub(super) body: Option<(Value, &'static [&'static str])>,
    /// The keys of the query.
    pub(super) query: Vec<Asked>,
    /// The answer's schema and examples; `None` is an answer without a body.
    pub(super) answer: Option<(Value, Vec<Value>)>,
}

const JSON: &[&str] = &["application/json"];
const FORM: &str = "application/x-www-form-urlencoded";

/// What an operation reads and writes.
pub(super) fn wire(operation: Operation, components: &mut Components) -> Wire {
    Wire {
        body: body(operation, components),
        query: query(operation).map(probe::of_query).unwrap_or_default(),
        answer: answer(operation, components),
    }
}

/// The reader of an operation's body.
pub(super) fn reader(operation: Operation) -> Option<Reader> {
    match operation {
        Operation::GetAuthToken => {
            Some(Reader::Form(|b| auth::LoginRequest::from_form(b).map(drop)))
        }
        Operation::RefreshAuthToken => Some(Reader::Json(|b| {
            auth::RefreshRequest::from_json(b).map(drop)
        })),
        Operation::LogoutAuthToken => Some(Reader::Json(|b| {
            auth::LogoutRequest::from_body(b).map(drop)
        })),
        Operation::RegDirectDevice => Some(Reader::Json(|b| {
            registration::RegisterRequest::from_json(b).map(drop)
        })),
        Operation::RegDirectDeviceWithSecret => Some(Reader::Json(|b| {
            registration::RegisterWithSecretRequest::from_json(b).map(drop)
        })),
        Operation::RefreshDeviceKey => Some(Reader::Json(|b| {
            credentials::RefreshKeyRequest::from_json(b).map(drop)
        })),
        Operation::RefreshDeviceSecret => Some(Reader::Json(|b| {
            credentials::RefreshSecretRequest::from_json(b).map(drop)
        })),
        Operation::PostDeviceCommandOld => Some(Reader::Json(|b| {
            commands::PostCommandRequest::from_old_json(b, "d").map(drop)
        })),
        Operation::CancelDeviceCommandOld => Some(Reader::Json(|b| {
            old_commands::OldCancelRequest::from_json(b).map(drop)
        })),
        Operation::ModifyDeviceInfo => Some(Reader::Json(|b| {
            devices::ModifyDeviceRequest::from_json(b).map(drop)
        })),
        Operation::PostDeviceCommand => Some(Reader::Json(|b| {
            commands::PostCommandRequest::from_json(b).map(drop)
        })),
        Operation::UpdateDeviceCommand => Some(Reader::Json(|b| {
            commands::CancelCommandRequest::from_json(b).map(drop)
        })),
        Operation::CreateDeviceCmdCancelTask => Some(Reader::Json(|b| {
            cancel_tasks::CancelTaskRequest::from_json(b).map(drop)
        })),
        Operation::InvokeDeviceService => Some(Reader::Json(|b| {
            invoke::InvokeRequest::from_json(b).map(drop)
        })),
        Operation::CreateDeviceGroup => Some(Reader::Json(|b| {
            groups::CreateGroupRequest::from_json(b).map(drop)
        })),
        Operation::ModifyDeviceGroup => Some(Reader::Json(|b| {
            groups::ModifyGroupRequest::from_json(b).map(drop)
        })),
        Operation::AddDevicesToGroup | Operation::DeleteDevicesFromGroup => {
            Some(Reader::Json(|b| {
                groups::GroupDevicesRequest::from_json(b).map(drop)
            }))
        }
        Operation::QueryDeviceStatus
        | Operation::DeleteDirectDevice
        | Operation::QuerySingleDeviceInfo
        | Operation::QueryBatchDevicesInfo
        | Operation::QueryDeviceCommand
        | Operation::QueryDeviceCommandOld
        | Operation::QueryDeviceCmdCancelTask
        | Operation::DeleteDeviceGroup
        | Operation::QueryDeviceGroups
        | Operation::QuerySingleDeviceGroup
        | Operation::QueryDeviceGroupMembers => None,
    }
}

fn body(
    operation: Operation,
    components: &mut Components,
) -> Option<(Value, &'static [&'static str])> {
    let asked = match reader(operation)? {
        Reader::Json(read) => probe::of_json(read),
        Reader::Form(read) => probe::of_form(read),
    };
    let schema = match operation {
        Operation::GetAuthToken => {
            let schema = components.request::<auth::LoginRequest>(asked);
            return Some((schema, &[FORM, "application/json"]));
        }
        Operation::LogoutAuthToken => {
            let schema = components.request::<auth::LogoutRequest>(asked);
            return Some((schema, &["application/json", FORM]));
        }
        Operation::RefreshAuthToken => components.request::<auth::RefreshRequest>(asked),
        Operation::RegDirectDevice => components.request::<registration::RegisterRequest>(asked),
        Operation::RegDirectDeviceWithSecret => {
            components.request::<registration::SecretModeWire<'static>>(asked)
        }
        Operation::RefreshDeviceKey => components.request::<credentials::RefreshKeyRequest>(asked),
        Operation::RefreshDeviceSecret => {
            components.request::<credentials::RefreshSecretRequest>(asked)
        }
        Operation::PostDeviceCommandOld => {
            components.request_like::<commands::PostCommandRequest>("OldPostCommandRequest", asked)
        }
        Operation::CancelDeviceCommandOld => {
            components.request::<old_commands::OldCancelRequest>(asked)
        }
        Operation::ModifyDeviceInfo => components.request::<devices::ModifyDeviceRequest>(asked),
        Operation::PostDeviceCommand => components.request::<commands::PostCommandRequest>(asked),
        Operation::UpdateDeviceCommand => {
            components.request::<commands::CancelCommandRequest>(asked)
        }
        Operation::CreateDeviceCmdCancelTask => {
            components.request::<cancel_tasks::CancelTaskRequest>(asked)
        }
        Operation::InvokeDeviceService => components.request::<invoke::InvokeRequest>(asked),
        Operation::CreateDeviceGroup => components.request::<groups::CreateGroupRequest>(asked),
        Operation::ModifyDeviceGroup => components.request::<groups::ModifyGroupRequest>(asked),
        Operation::AddDevicesToGroup | Operation::DeleteDevicesFromGroup => {
            components.request::<groups::GroupDevicesRequest>(asked)
        }
        Operation::QueryDeviceStatus
        | Operation::DeleteDirectDevice
        | Operation::QuerySingleDeviceInfo
        | Operation::QueryBatchDevicesInfo
        | Operation::QueryDeviceCommand
        | Operation::QueryDeviceCommandOld
        | Operation::QueryDeviceCmdCancelTask
        | Operation::DeleteDeviceGroup
        | Operation::QueryDeviceGroups
        | Operation::QuerySingleDeviceGroup
        | Operation::QueryDeviceGroupMembers => unreachable!("it has no reader"),
    };
    Some((schema, JSON))
}

/// The reader of an operation's query. Every operation on an application's resources may name the owner [1].
pub(super) fn query(operation: Operation) -> Option<QueryReader> {
    match operation {
        Operation::GetAuthToken | Operation::RefreshAuthToken | Operation::LogoutAuthToken => None,
        Operation::RegDirectDevice
        | Operation::RegDirectDeviceWithSecret
        | Operation::RefreshDeviceKey
        | Operation::RefreshDeviceSecret
        | Operation::PostDeviceCommandOld
        | Operation::CancelDeviceCommandOld
        | Operation::QueryDeviceStatus
        | Operation::ModifyDeviceInfo
        | Operation::PostDeviceCommand
        | Operation::UpdateDeviceCommand
        | Operation::CreateDeviceCmdCancelTask
        | Operation::InvokeDeviceService => Some(|query| query.app_id().map(drop)),
        Operation::DeleteDirectDevice => {
            Some(|query| devices::DeleteDeviceQuery::read(query).map(drop))
        }
        Operation::QuerySingleDeviceInfo => {
            Some(|query| devices::DeviceQuery::read(query).map(drop))
        }
        Operation::QueryBatchDevicesInfo => {
            Some(|query| device_list::DevicesQuery::read(query).map(drop))
        }
        Operation::QueryDeviceCommand => {
            Some(|query| commands::CommandsQuery::read(query).map(drop))
        }
        Operation::QueryDeviceCommandOld => {
            Some(|query| old_commands::OldCommandsQuery::read(query).map(drop))
        }
        Operation::QueryDeviceCmdCancelTask => {
            Some(|query| cancel_tasks::CancelTasksQuery::read(query).map(drop))
        }
        Operation::CreateDeviceGroup
        | Operation::DeleteDeviceGroup
        | Operation::ModifyDeviceGroup
        | Operation::QuerySingleDeviceGroup
        | Operation::AddDevicesToGroup
        | Operation::DeleteDevicesFromGroup => Some(|query| query.access_app_id().map(drop)),
        Operation::QueryDeviceGroups => Some(|query| groups::GroupsQuery::read(query).map(drop)),
        Operation::QueryDeviceGroupMembers => {
            Some(|query| groups::GroupMembersQuery::read(query).map(drop))
        }
    }
}

fn answer(operation: Operation, components: &mut Components) -> Option<(Value, Vec<Value>)> {
    let said = match operation {
        Operation::GetAuthToken | Operation::RefreshAuthToken => {
            said(components, &[samples::auth()])
        }
        Operation::LogoutAuthToken
        | Operation::ModifyDeviceInfo
        | Operation::DeleteDirectDevice
        | Operation::DeleteDeviceGroup
        | Operation::DeleteDevicesFromGroup => return None,
        Operation::RegDirectDevice => said(components, &[samples::register()]),
        Operation::RegDirectDeviceWithSecret => {
            let samples = samples::register_with_secret();
            said(components, &samples)
        }
        Operation::RefreshDeviceKey => said(components, &[samples::refresh_key()]),
        Operation::RefreshDeviceSecret => said(components, &[samples::refresh_secret()]),
        Operation::PostDeviceCommandOld => said(
            components,
            &[samples::command().into(), samples::accepted().into()]
                as &[old_commands::OldCommandAnswer],
        ),
        Operation::QueryDeviceCommandOld | Operation::CancelDeviceCommandOld => {
            said(components, &[samples::old_commands()])
        }
        Operation::QueryDeviceStatus => said(components, &[samples::device_status()]),
        Operation::QuerySingleDeviceInfo => said(components, &[samples::device()]),
        Operation::QueryBatchDevicesInfo => said(components, &[samples::devices()]),
        Operation::PostDeviceCommand => {
            said(components, &[samples::command(), samples::accepted()])
        }
        Operation::UpdateDeviceCommand => said(components, &[samples::cancelled()]),
        Operation::QueryDeviceCommand => said(components, &[samples::commands()]),
        Operation::CreateDeviceCmdCancelTask => said(components, &[samples::cancel_task()]),
        Operation::QueryDeviceCmdCancelTask => said(components, &[samples::cancel_tasks()]),
        Operation::InvokeDeviceService => {
            said_as::<invoke::InvokeAnswerWire, _>(components, &[samples::invoked()])
        }
        Operation::CreateDeviceGroup | Operation::ModifyDeviceGroup => {
            said(components, &[samples::changed_group()])
        }
        Operation::QueryDeviceGroups => said(components, &[samples::groups()]),
        Operation::QuerySingleDeviceGroup => said(components, &[samples::group()]),
        Operation::QueryDeviceGroupMembers => said(components, &[samples::group_members()]),
        Operation::AddDevicesToGroup => said(components, &[samples::group_devices()]),
    };
    Some(said)
}

/// The samples are the examples; the first ones show the order of members that later ones lack.
fn said<T: schemars::JsonSchema + serde::Serialize>(
    components: &mut Components,
    samples: &[T],
) -> (Value, Vec<Value>) {
    said_as::<T, T>(components, samples)
}

/// As [`said`], where another type says what the samples look like.
fn said_as<T: schemars::JsonSchema, S: serde::Serialize>(
    components: &mut Components,
    samples: &[S],
) -> (Value, Vec<Value>) {
    let examples = samples
        .iter()
        .map(|sample| serde_json::to_value(sample).expect("an answer serialises"));
    (components.answer::<T, S>(samples), examples.collect())
}
