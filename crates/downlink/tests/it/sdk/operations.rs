//! Every operation of the contract is a method of the client, and the real server answers it.

use super::{Bed, meter, set_period};
use sdk::api::cancel_tasks::CancelTasksQuery;
use sdk::api::commands::{CommandStatus, CommandsQuery};
use sdk::api::credentials::{RefreshKeyRequest, RefreshSecretRequest};
use sdk::api::device_list::DevicesQuery;
use sdk::api::devices::ModifyDeviceRequest;
use sdk::api::groups::{
    CreateGroupRequest, GroupAnswer, GroupDevicesRequest, GroupMembersQuery, GroupsQuery,
    ModifyGroupRequest,
};
use sdk::api::invoke::{InvokeHeader, InvokeRequest, Mode};
use sdk::api::old_commands::OldCommandsQuery;
use sdk::api::query::Page;
use sdk::api::registration::RegisterRequest;
use sdk::api::{Code, Operation, Secret};
use sdk::{Client, DeletedWith, Registered};
use serde_json::Map;
use sim::behaviour::Behaviour;
use sim::credentials::Credentials;
use sim::device::Device;
use std::net::SocketAddr;

/// What an operation is tried on.
struct Scene {
    client: Client,
    device: Registered,
    number: usize,
    mqtt: SocketAddr,
}

impl Scene {
    async fn new(bed: &Bed, number: usize) -> Self {
        let client = bed.client();
        let device = client
            .reg_direct_device_with_secret(&meter(&format!("m{number}")))
            .await
            .expect("registered");
        Self {
            client,
            device,
            number,
            mqtt: bed.server.ports.mqtt.expect("a plain listener"),
        }
    }

    /// Calls an operation by its method. A new operation is a new arm here: the compiler asks for it.
    async fn call(&self, operation: Operation) {
        let Self {
            client,
            device: Registered { device_id, .. },
            ..
        } = self;
        match operation {
            Operation::GetAuthToken | Operation::RefreshAuthToken | Operation::LogoutAuthToken => {
                self.tokens(operation).await;
            }
            Operation::RegDirectDevice => {
                let node_id = format!("code{}", self.number);
                let request = RegisterRequest {
                    node_id: node_id.clone(),
                    verify_code: Some(Secret::new(&node_id)),
                    ..RegisterRequest::default()
                };
                let made = client.reg_direct_device(&request).await.expect("answered");
                assert_eq!(made.verify_code.expose(), node_id);
            }
            Operation::RegDirectDeviceWithSecret => {
                let again = meter(&format!("m{}", self.number));
                let refused = client.reg_direct_device_with_secret(&again).await;
                let code = refused.expect_err("its nodeId is taken").code();
                assert_eq!(code, Some(Code::NodeIdDuplicated));
            }
            Operation::QueryDeviceStatus => {
                let status = client.query_device_status(device_id).await;
                assert!(!status.expect("answered").activated);
            }
            Operation::ModifyDeviceInfo => {
                let change = ModifyDeviceRequest {
                    name: Some("Cellar".into()),
                    ..ModifyDeviceRequest::default()
                };
                let changed = client.modify_device_info(device_id, &change).await;
                changed.expect("answered");
                let device = client.query_single_device_info(device_id).await;
                let name = device.expect("answered").device_info.name;
                assert_eq!(name.as_deref(), Some("Cellar"));
            }
            Operation::DeleteDirectDevice => {
                let deleted = client
                    .delete_direct_device(device_id, DeletedWith::Children)
                    .await;
                deleted.expect("answered");
                let gone = client.query_device_status(device_id).await;
                let code = gone.expect_err("deleted").code();
                assert_eq!(code, Some(Code::DeviceUnknown));
            }
            Operation::QuerySingleDeviceInfo => {
                let device = client.query_single_device_info(device_id).await;
                assert_eq!(&device.expect("answered").device_id, device_id);
            }
            Operation::QueryBatchDevicesInfo => {
                let query = DevicesQuery {
                    page: Some(Page { number: 0, size: 1 }),
                    ..DevicesQuery::default()
                };
                let page = client.query_batch_devices_info(&query).await;
                assert_eq!(page.expect("answered").devices.len(), 1);
            }
            Operation::RefreshDeviceKey => self.refresh_key().await,
            Operation::RefreshDeviceSecret => self.refresh_secret().await,
            Operation::PostDeviceCommandOld
            | Operation::QueryDeviceCommandOld
            | Operation::CancelDeviceCommandOld => self.old_commands(operation).await,
            Operation::PostDeviceCommand
            | Operation::QueryDeviceCommand
            | Operation::UpdateDeviceCommand
            | Operation::CreateDeviceCmdCancelTask
            | Operation::QueryDeviceCmdCancelTask
            | Operation::InvokeDeviceService => self.commands(operation).await,
            Operation::CreateDeviceGroup
            | Operation::DeleteDeviceGroup
            | Operation::ModifyDeviceGroup
            | Operation::QueryDeviceGroups
            | Operation::QuerySingleDeviceGroup
            | Operation::QueryDeviceGroupMembers
            | Operation::AddDevicesToGroup
            | Operation::DeleteDevicesFromGroup => self.groups(operation).await,
        }
    }

    async fn refresh_key(&self) {
        let (client, device_id) = (&self.client, &self.device.device_id);
        let asked = RefreshKeyRequest {
            verify_code: Some(Secret::new("another")),
            ..RefreshKeyRequest::default()
        };
        let refused = client.refresh_device_key(device_id, &asked).await;
        let code = refused.expect_err("it never was here").code();
        assert_eq!(code.map(Code::number), Some("100610"));
        self.connect().await;
        let fresh = client.refresh_device_key(device_id, &asked).await;
        assert_eq!(fresh.expect("answered").verify_code.expose(), "another");
    }

    async fn refresh_secret(&self) {
        let (client, device_id) = (&self.client, &self.device.device_id);
        self.connect().await;
        let asked = RefreshSecretRequest {
            secret: Some(Secret::new("00112233445566778899")),
            ..RefreshSecretRequest::default()
        };
        let fresh = client.refresh_device_secret(device_id, &asked).await;
        let secret = fresh.expect("answered").secret;
        assert_eq!(secret.expose(), "00112233445566778899");
    }

    /// The device connects for the first time.
    async fn connect(&self) {
        let Registered {
            device_id, secret, ..
        } = &self.device;
        let credentials = Credentials::of_device(device_id, secret.expose());
        let mut device = Device::new(credentials, Behaviour::default(), 1);
        device.wake(self.mqtt).await.expect("it wakes");
        device.sleep().await;
    }

    async fn tokens(&self, operation: Operation) {
        let client = &self.client;
        let first = client.get_auth_token().await.expect("logged in");
        if operation == Operation::RefreshAuthToken {
            let second = client.refresh_auth_token().await.expect("refreshed");
            assert_ne!(first.access_token, second.access_token);
        }
        if operation == Operation::LogoutAuthToken {
            client.logout_auth_token().await.expect("logged out");
            client.logout_auth_token().await.expect("nothing to do");
        }
        let status = client.query_device_status(&self.device.device_id).await;
        status.expect("with a token that works");
    }

    async fn commands(&self, operation: Operation) {
        let client = &self.client;
        let device_id = &self.device.device_id;
        if operation == Operation::InvokeDeviceService {
            let call = InvokeRequest {
                header: InvokeHeader {
                    request_id: None,
                    mode: Mode::NoAck,
                    from: None,
                    to_type: None,
                    to: None,
                    method: "SET_PERIOD".into(),
                    callback_url: None,
                },
                body: Map::from_iter([("value".to_owned(), 3.into())]),
            };
            let refused = client
                .invoke_device_service(device_id, "WaterMeter", &call)
                .await;
            let error = refused.expect_err("it sleeps");
            assert_eq!(error.code(), Some(Code::DeviceOffline));
            assert_eq!(error.status(), Some(sdk_status(200)));
            assert!(error.is_retryable() && error.surely_harmless());
            assert!(error.request_id().is_some());
            return;
        }
        let posted = client.post_device_command(&set_period(device_id, 3)).await;
        let command = posted.expect("answered");
        assert_eq!(command.status, CommandStatus::Pending);
        let tasks = CancelTasksQuery {
            device_id: Some(device_id.clone()),
            ..CancelTasksQuery::default()
        };
        if operation == Operation::UpdateDeviceCommand {
            let cancelled = client.update_device_command(&command.command_id).await;
            let status = cancelled.expect("answered").status;
            assert_eq!(status, CommandStatus::Canceled);
        }
        if operation == Operation::CreateDeviceCmdCancelTask {
            let task = client.create_device_cmd_cancel_task(device_id).await;
            assert_eq!(task.expect("answered").total_count, 1);
        }
        if operation == Operation::QueryDeviceCmdCancelTask {
            let page = client.query_device_cmd_cancel_task(&tasks).await;
            assert_eq!(page.expect("answered").pagination.total_size, 0);
        }
        let query = CommandsQuery {
            device_id: Some(device_id.clone()),
            ..CommandsQuery::default()
        };
        let page = client.query_device_command(&query).await;
        assert_eq!(page.expect("answered").data.len(), 1);
    }
}

impl Scene {
    async fn old_commands(&self, operation: Operation) {
        let client = &self.client;
        let device_id = &self.device.device_id;
        let posted = client
            .post_device_command_v12(&set_period(device_id, 3))
            .await;
        let command = posted.expect("answered");
        assert_eq!(command.result.result_code, CommandStatus::Pending);
        if operation == Operation::QueryDeviceCommandOld {
            let query = OldCommandsQuery {
                device_id: Some(device_id.clone()),
                ..OldCommandsQuery::default()
            };
            let page = client.query_device_command_v12(&query).await;
            assert_eq!(page.expect("answered").list, [command]);
        } else if operation == Operation::CancelDeviceCommandOld {
            let cancelled = client.create_device_cmd_cancel_task_v12(device_id).await;
            let cancelled = cancelled.expect("answered");
            assert_eq!(cancelled.total_count, 1);
            let result = &cancelled.list[0].result;
            assert_eq!(result.result_code, CommandStatus::Canceled);
        }
    }
}

impl Scene {
    /// A group of this device, and what the operation does to it.
    async fn groups(&self, operation: Operation) {
        let client = &self.client;
        let device_id = &self.device.device_id;
        let request = CreateGroupRequest {
            name: format!("group{}", self.number),
            device_ids: vec![device_id.clone()],
            ..CreateGroupRequest::default()
        };
        let made = client.create_device_group(&request).await;
        let GroupAnswer { id, devices, .. } = made.expect("answered");
        assert_eq!(devices, 1);
        let these = GroupDevicesRequest {
            dev_group_id: id.clone(),
            device_ids: vec![device_id.clone()],
        };
        let members = GroupMembersQuery {
            dev_group_id: id.clone(),
            ..GroupMembersQuery::default()
        };
        if operation == Operation::AddDevicesToGroup {
            let added = client.add_devices_to_group(&these).await;
            assert_eq!(added.expect("answered").device_ids, these.device_ids);
        }
        if operation == Operation::DeleteDevicesFromGroup {
            let taken = client.delete_devices_from_group(&these).await;
            taken.expect("answered");
        }
        let full = operation != Operation::DeleteDevicesFromGroup;
        let page = client.query_device_group_members(&members).await;
        assert_eq!(page.expect("answered").total_count, u64::from(full));
        if operation == Operation::ModifyDeviceGroup {
            let change = ModifyGroupRequest {
                devices_max: Some(1),
                ..ModifyGroupRequest::default()
            };
            let changed = client.modify_device_group(&id, &change).await;
            let changed = changed.expect("answered");
            assert_eq!((changed.devices_max, changed.creator), (1, None));
        }
        if operation == Operation::QueryDeviceGroups {
            let query = GroupsQuery {
                name: Some(request.name),
                ..GroupsQuery::default()
            };
            let page = client.query_device_groups(&query).await;
            assert_eq!(page.expect("answered").list[0].id, id);
        }
        if operation == Operation::DeleteDeviceGroup {
            let deleted = client.delete_device_group(&id).await;
            deleted.expect("answered");
        }
        let single = client.query_single_device_group(&id).await;
        if operation == Operation::DeleteDeviceGroup {
            let code = single.expect_err("deleted").code();
            assert_eq!(code, Some(Code::GroupUnknown));
        } else {
            assert_eq!(single.expect("answered").creator.as_deref(), Some("app"));
        }
    }
}

/// The client's type of statuses, without naming its crate.
fn sdk_status(number: u16) -> sdk::StatusCode {
    sdk::StatusCode::from_u16(number).expect("a status")
}

#[tokio::test]
async fn every_operation_is_a_method_that_the_real_server_answers() {
    let bed = Bed::start();
    for (number, &operation) in Operation::ALL.iter().enumerate() {
        let before = bed.answers(operation.name());
        Scene::new(&bed, number).await.call(operation).await;
        let after = bed.answers(operation.name());
        assert!(after > before, "{}", operation.name());
    }
}

#[tokio::test]
async fn pages_bring_every_command_once_also_while_others_are_created() {
    let bed = Bed::start();
    let scene = Scene::new(&bed, 1).await;
    let (client, device_id) = (&scene.client, &scene.device.device_id);
    let mut ids = Vec::new();
    for value in 1..=7 {
        let posted = client
            .post_device_command(&set_period(device_id, value))
            .await;
        ids.insert(0, posted.expect("answered").command_id);
    }
    let query = CommandsQuery {
        page: Page { number: 0, size: 3 },
        ..CommandsQuery::default()
    };
    let mut pages = client.query_device_command_pages(&query);
    let mut found = Vec::new();
    while let Some(page) = pages.next_page().await.expect("answered") {
        found.extend(page.into_iter().map(|command| command.command_id));
        let posted = client.post_device_command(&set_period(device_id, 9)).await;
        posted.expect("one more, which moves the list on");
    }
    assert_eq!(found, ids);
    let all = client.query_device_command_pages(&query).all().await;
    assert!(all.expect("answered").len() > ids.len());
    for number in 2..=4 {
        Scene::new(&bed, number).await;
    }
    let two = DevicesQuery {
        page: Some(Page { number: 0, size: 2 }),
        ..DevicesQuery::default()
    };
    for query in [two, DevicesQuery::default()] {
        let devices = client.query_batch_devices_info_pages(&query).all().await;
        assert_eq!(devices.expect("answered").len(), 4);
    }
}

#[tokio::test]
async fn pages_bring_every_group_and_every_device_of_a_group() {
    let bed = Bed::start();
    let mut device_ids = Vec::new();
    for number in 1..=3 {
        let scene = Scene::new(&bed, number).await;
        device_ids.push(scene.device.device_id.clone());
    }
    let client = bed.client();
    let mut ids = Vec::new();
    for number in 1..=3 {
        let request = CreateGroupRequest {
            name: format!("g{number}"),
            device_ids: device_ids.clone(),
            ..CreateGroupRequest::default()
        };
        let made = client.create_device_group(&request).await;
        ids.push(made.expect("answered").id);
    }
    // Of groups that were made within one millisecond the greater id is the newer one.
    ids.sort_unstable_by(|one, other| other.cmp(one));
    for page in [None, Some(Page { number: 0, size: 2 })] {
        let query = GroupsQuery {
            page,
            ..GroupsQuery::default()
        };
        let groups = client.query_device_groups_pages(&query).all().await;
        let groups = groups.expect("answered").into_iter().map(|group| group.id);
        assert_eq!(groups.collect::<Vec<_>>(), ids);
        let query = GroupMembersQuery {
            dev_group_id: ids[0].clone(),
            page,
            app_id: None,
        };
        let members = client.query_device_group_members_pages(&query).all().await;
        assert_eq!(members.expect("answered"), device_ids);
    }
}

#[tokio::test]
async fn a_client_acts_for_an_owner_that_has_granted_it() {
    let bed = Bed::start();
    let scene = Scene::new(&bed, 1).await;
    let device_id = &scene.device.device_id;
    let create = ["app", "create", "--id", "fitters", "--json"];
    let made = crate::process::json(bed.data(), &create);
    let secret = made["secret"].as_str().expect("shown once");
    let fitters = Client::builder(bed.server.ports.north_url(), "fitters", secret)
        .build()
        .expect("settings that work")
        .for_owner("app");
    let refused = fitters.post_device_command(&set_period(device_id, 3)).await;
    let code = refused.expect_err("nothing was granted").code();
    assert_eq!(code, Some(Code::NotAuthorised));
    crate::process::printed(bed.data(), &["app", "grant", "app", "--to", "fitters"]);
    let posted = fitters.post_device_command(&set_period(device_id, 3)).await;
    assert_eq!(posted.expect("granted").app_id, "app");
    let listed = fitters.query_device_command_pages(&CommandsQuery::default());
    assert_eq!(listed.all().await.expect("granted").len(), 1);
}
