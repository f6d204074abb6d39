//! A call by the client's typed method, where that can say what the step says.

use super::arguments::Arguments;
use super::values::differs;
use sdk::api::cancel_tasks::{CancelTaskRequest, CancelTasksQuery};
use sdk::api::commands::{CancelCommandRequest, CommandsQuery, PostCommandRequest};
use sdk::api::credentials::{RefreshKeyRequest, RefreshSecretRequest};
use sdk::api::device_list::DevicesQuery;
use sdk::api::devices::{DeleteDeviceQuery, DeviceQuery, ModifyDeviceRequest};
use sdk::api::groups::{
    CreateGroupRequest, GroupDevicesRequest, GroupMembersQuery, GroupsQuery, ModifyGroupRequest,
};
use sdk::api::invoke::InvokeRequest;
use sdk::api::old_commands::{OldCancelRequest, OldCommandsQuery};
use sdk::api::registration::{RegisterRequest, RegisterWithSecretRequest};
use sdk::api::{Invalid, Operation};
use sdk::{Client, Create, DeletedWith, Error};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// How a call ended: what the method returned, as JSON under the names of the wire; null for nothing.
pub(super) type Ended = Result<Value, Error>;

/// Makes a call by its method. `None`: the method cannot say what the step says.
pub(super) async fn typed(client: &Client, args: &Arguments) -> Option<Ended> {
    if !args.are_usual() {
        return None;
    }
    let owned = args.owner.as_deref().map(|owner| client.for_owner(owner));
    let client = owned.as_ref().unwrap_or(client);
    match args.operation {
        Operation::GetAuthToken if args.are_none() => Some(shown(client.get_auth_token().await)),
        Operation::RefreshAuthToken if args.are_none() => {
            Some(shown(client.refresh_auth_token().await))
        }
        Operation::LogoutAuthToken if args.are_none() => {
            Some(shown(client.logout_auth_token().await))
        }
        Operation::GetAuthToken | Operation::RefreshAuthToken | Operation::LogoutAuthToken => None,
        Operation::PostDeviceCommand
        | Operation::UpdateDeviceCommand
        | Operation::CreateDeviceCmdCancelTask
        | Operation::InvokeDeviceService
        | Operation::PostDeviceCommandOld
        | Operation::CancelDeviceCommandOld => commands(client, args).await,
        Operation::QueryDeviceCommand
        | Operation::QueryDeviceCommandOld
        | Operation::QueryDeviceCmdCancelTask
        | Operation::QueryBatchDevicesInfo => lists(client, args).await,
        Operation::RegDirectDevice
        | Operation::RegDirectDeviceWithSecret
        | Operation::RefreshDeviceKey
        | Operation::RefreshDeviceSecret
        | Operation::QueryDeviceStatus
        | Operation::ModifyDeviceInfo
        | Operation::DeleteDirectDevice
        | Operation::QuerySingleDeviceInfo => devices(client, args).await,
        Operation::CreateDeviceGroup
        | Operation::DeleteDeviceGroup
        | Operation::ModifyDeviceGroup
        | Operation::QueryDeviceGroups
        | Operation::QuerySingleDeviceGroup
        | Operation::QueryDeviceGroupMembers
        | Operation::AddDevicesToGroup
        | Operation::DeleteDevicesFromGroup => groups(client, args).await,
    }
}

async fn commands(client: &Client, args: &Arguments) -> Option<Ended> {
    let path = &args.path;
    Some(match args.operation {
        Operation::PostDeviceCommand => {
            let request = read(args, PostCommandRequest::from_json)?;
            sent(args, client.post_device_command(&request)).await
        }
        Operation::PostDeviceCommandOld => {
            let read = PostCommandRequest::from_old_json(
                &args.body.as_ref()?.to_string().into_bytes(),
                &path[0],
            );
            sent(args, client.post_device_command_v12(&read.ok()?)).await
        }
        Operation::InvokeDeviceService => {
            let request = read(args, InvokeRequest::from_json)?;
            sent(
                args,
                client.invoke_device_service(&path[0], &path[1], &request),
            )
            .await
        }
        Operation::UpdateDeviceCommand => {
            read(args, CancelCommandRequest::from_json)?;
            shown(client.update_device_command(&path[0]).await)
        }
        Operation::CreateDeviceCmdCancelTask => {
            let request = read(args, CancelTaskRequest::from_json)?;
            shown(
                client
                    .create_device_cmd_cancel_task(&request.device_id)
                    .await,
            )
        }
        Operation::CancelDeviceCommandOld => {
            let request = read(args, OldCancelRequest::from_json)?;
            shown(
                client
                    .create_device_cmd_cancel_task_v12(&request.device_id)
                    .await,
            )
        }
        other => unreachable!("{}", other.name()),
    })
}

async fn lists(client: &Client, args: &Arguments) -> Option<Ended> {
    let asked = args.asked();
    Some(match args.operation {
        Operation::QueryDeviceCommand => {
            let query = CommandsQuery::read(&asked).ok()?;
            shown(client.query_device_command(&query).await)
        }
        Operation::QueryDeviceCommandOld => {
            let query = OldCommandsQuery::read(&asked).ok()?;
            shown(client.query_device_command_v12(&query).await)
        }
        Operation::QueryDeviceCmdCancelTask => {
            let query = CancelTasksQuery::read(&asked).ok()?;
            shown(client.query_device_cmd_cancel_task(&query).await)
        }
        Operation::QueryBatchDevicesInfo => {
            let query = DevicesQuery::read(&asked).ok()?;
            shown(client.query_batch_devices_info(&query).await)
        }
        other => unreachable!("{}", other.name()),
    })
}

async fn devices(client: &Client, args: &Arguments) -> Option<Ended> {
    let path = &args.path;
    Some(match args.operation {
        Operation::RegDirectDevice => {
            let request = read(args, RegisterRequest::from_json)?;
            shown(client.reg_direct_device(&request).await)
        }
        Operation::RegDirectDeviceWithSecret => {
            let request = read(args, RegisterWithSecretRequest::from_json)?;
            let made = client.reg_direct_device_with_secret(&request).await;
            made.map(
                |made| json!({"deviceId": made.device_id, "secret": made.secret, "psk": made.psk}),
            )
        }
        Operation::RefreshDeviceKey => {
            let request = read(args, RefreshKeyRequest::from_json)?;
            shown(client.refresh_device_key(&path[0], &request).await)
        }
        Operation::RefreshDeviceSecret => {
            let request = read(args, RefreshSecretRequest::from_json)?;
            shown(client.refresh_device_secret(&path[0], &request).await)
        }
        Operation::QueryDeviceStatus => shown(client.query_device_status(&path[0]).await),
        Operation::QuerySingleDeviceInfo => {
            let query = DeviceQuery::read(&args.asked()).ok()?;
            let answer = client.query_single_device_info_with(&path[0], &query).await;
            shown(answer)
        }
        Operation::ModifyDeviceInfo => {
            let request = read(args, ModifyDeviceRequest::from_json)?;
            shown(client.modify_device_info(&path[0], &request).await)
        }
        Operation::DeleteDirectDevice => {
            let query = DeleteDeviceQuery::read(&args.asked()).ok()?;
            let with = if query.cascade {
                DeletedWith::Children
            } else {
                DeletedWith::Nothing
            };
            shown(client.delete_direct_device(&path[0], with).await)
        }
        other => unreachable!("{}", other.name()),
    })
}

async fn groups(client: &Client, args: &Arguments) -> Option<Ended> {
    let path = &args.path;
    Some(match args.operation {
        Operation::CreateDeviceGroup => {
            let request = read(args, CreateGroupRequest::from_json)?;
            shown(client.create_device_group(&request).await)
        }
        Operation::DeleteDeviceGroup => shown(client.delete_device_group(&path[0]).await),
        Operation::ModifyDeviceGroup => {
            let request = read(args, ModifyGroupRequest::from_json)?;
            shown(client.modify_device_group(&path[0], &request).await)
        }
        Operation::QueryDeviceGroups => {
            let query = GroupsQuery::read(&args.asked()).ok()?;
            shown(client.query_device_groups(&query).await)
        }
        Operation::QuerySingleDeviceGroup => {
            shown(client.query_single_device_group(&path[0]).await)
        }
        Operation::QueryDeviceGroupMembers => {
            let query = GroupMembersQuery::read(&args.asked()).ok()?;
            shown(client.query_device_group_members(&query).await)
        }
        Operation::AddDevicesToGroup => {
            let request = read(args, GroupDevicesRequest::from_json)?;
            shown(client.add_devices_to_group(&request).await)
        }
        Operation::DeleteDevicesFromGroup => {
            let request = read(args, GroupDevicesRequest::from_json)?;
            shown(client.delete_devices_from_group(&request).await)
        }
        other => unreachable!("{}", other.name()),
    })
}

/// A request, if it holds all that the step's body does.
fn read<T: Serialize>(args: &Arguments, reader: fn(&[u8]) -> Result<T, Invalid>) -> Option<T> {
    let body = args.body.as_ref()?;
    let request = reader(body.to_string().as_bytes()).ok()?;
    let written = serde_json::to_value(&request).expect("JSON");
    differs(body, &written).is_none().then_some(request)
}

async fn sent<T: DeserializeOwned + Serialize>(args: &Arguments, create: Create<'_, T>) -> Ended {
    match &args.key {
        None => shown(create.await),
        Some(key) => shown(create.key(key.clone()).await),
    }
}

fn shown<T: Serialize>(ended: Result<T, Error>) -> Ended {
    ended.map(|answer| serde_json::to_value(answer).expect("JSON"))
}
