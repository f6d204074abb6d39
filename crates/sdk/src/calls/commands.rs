//! Commands: created, listed, cancelled; and direct calls [5].

use api::cancel_tasks::{CancelTaskAnswer, CancelTaskRequest, CancelTasksAnswer, CancelTasksQuery};
use api::commands::{
    CancelCommandRequest, CommandAnswer, CommandsAnswer, CommandsQuery, PostCommandRequest,
};
use api::invoke::{InvokeAnswer, InvokeRequest};
use api::{Operation, paths};

use super::with_query;
use crate::transport::{Body, Request, json};
use crate::{Client, Create, Error, Pages};

impl Client {
    /// `postDeviceCommand`: creates a command [5.2].
    pub fn post_device_command(&self, request: &PostCommandRequest) -> Create<'_, CommandAnswer> {
        let request = Request {
            operation: Operation::PostDeviceCommand,
            target: self.owned(paths::DEVICE_COMMANDS),
            body: Some(Body::Json(json(request))),
            key: None,
        };
        Create::new(self, request)
    }

    /// `queryDeviceCommand`: a page of commands, the newest first [5.3]. Direct calls are not among them.
    pub async fn query_device_command(
        &self,
        query: &CommandsQuery,
    ) -> Result<CommandsAnswer, Error> {
        let mut query = query.clone();
        query.app_id = query.app_id.or_else(|| self.owner());
        let target = with_query(paths::DEVICE_COMMANDS, &query.to_query());
        self.ask(Operation::QueryDeviceCommand, target, None).await
    }

    /// The pages of [`query_device_command`](Self::query_device_command).
    pub fn query_device_command_pages(&self, query: &CommandsQuery) -> Pages<'_, CommandsQuery> {
        Pages::new(self, query.clone())
    }

    /// `updateDeviceCommand`: cancels a command that is still PENDING [5.4]; 100435 otherwise, and then the device may have seen it.
    pub async fn update_device_command(&self, command_id: &str) -> Result<CommandAnswer, Error> {
        let target = self.owned(&paths::fill(paths::DEVICE_COMMAND, &[command_id]));
        let body = Some(json(&CancelCommandRequest));
        self.ask(Operation::UpdateDeviceCommand, target, body).await
    }

    /// `createDeviceCmdCancelTask`: cancels every PENDING command of a device [5.5].
    pub async fn create_device_cmd_cancel_task(
        &self,
        device_id: &str,
    ) -> Result<CancelTaskAnswer, Error> {
        let request = CancelTaskRequest {
            device_id: device_id.to_owned(),
        };
        let target = self.owned(paths::CANCEL_TASKS);
        let body = Some(json(&request));
        self.ask(Operation::CreateDeviceCmdCancelTask, target, body)
            .await
    }

    /// `queryDeviceCmdCancelTask`: a page of cancel tasks, the newest first [5.6].
    pub async fn query_device_cmd_cancel_task(
        &self,
        query: &CancelTasksQuery,
    ) -> Result<CancelTasksAnswer, Error> {
        let mut query = query.clone();
        query.app_id = query.app_id.or_else(|| self.owner());
        let target = with_query(paths::CANCEL_TASKS, &query.to_query());
        self.ask(Operation::QueryDeviceCmdCancelTask, target, None)
            .await
    }

    /// The pages of [`query_device_cmd_cancel_task`](Self::query_device_cmd_cancel_task).
    pub fn query_device_cmd_cancel_task_pages(
        &self,
        query: &CancelTasksQuery,
    ) -> Pages<'_, CancelTasksQuery> {
        Pages::new(self, query.clone())
    }

    /// `invokeDeviceService`: calls a service of a device now or not at all [5.7].
    pub fn invoke_device_service(
        &self,
        device_id: &str,
        service_id: &str,
        request: &InvokeRequest,
    ) -> Create<'_, InvokeAnswer> {
        let request = Request {
            operation: Operation::InvokeDeviceService,
            target: self.owned(&paths::fill(paths::SEND_COMMAND, &[device_id, service_id])),
            body: Some(Body::Json(json(request))),
            key: None,
        };
        Create::new(self, request)
    }
}
