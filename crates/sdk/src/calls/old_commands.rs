//! The command API of 2017 [5.8]: the commands of today in the shape that they had then.
//!
//! New programs have no need of it. It is for those that were written against its answers, and read them as they are.

use api::commands::PostCommandRequest;
use api::old_commands::{OldCancelRequest, OldCommandAnswer, OldCommandsAnswer, OldCommandsQuery};
use api::{Operation, paths};

use super::with_query;
use crate::transport::{Body, Request, json};
use crate::{Client, Create, Error};

impl Client {
    /// `postDeviceCommand` v1.2.0: creates a command [5.8]. Where it stands is said by `result.result_code`.
    pub fn post_device_command_v12(
        &self,
        request: &PostCommandRequest,
    ) -> Create<'_, OldCommandAnswer> {
        let path = paths::fill(paths::OLD_COMMANDS, &[&request.device_id]);
        let request = Request {
            operation: Operation::PostDeviceCommandOld,
            target: self.owned(&path),
            body: Some(Body::Json(request.to_old_json().into())),
            key: None,
        };
        Create::new(self, request)
    }

    /// `queryDeviceCommand` v1.2.0: a page of commands, the newest first [5.8].
    pub async fn query_device_command_v12(
        &self,
        query: &OldCommandsQuery,
    ) -> Result<OldCommandsAnswer, Error> {
        let mut query = query.clone();
        query.app_id = query.app_id.or_else(|| self.owner());
        let target = with_query(paths::OLD_QUERY, &query.to_query());
        self.ask(Operation::QueryDeviceCommandOld, target, None)
            .await
    }

    /// `createDeviceCmdCancelTask` v1.2.0: cancels every PENDING command of a device, and shows those that it met [5.8].
    pub async fn create_device_cmd_cancel_task_v12(
        &self,
        device_id: &str,
    ) -> Result<OldCommandsAnswer, Error> {
        let request = OldCancelRequest {
            device_id: device_id.to_owned(),
        };
        let target = self.owned(paths::OLD_CANCEL);
        let body = Some(json(&request));
        self.ask(Operation::CancelDeviceCommandOld, target, body)
            .await
    }
}
