//! The calls of the contract, one method each.

use std::fmt;
use std::sync::Arc;

use api::auth::AuthAnswer;
use api::cancel_tasks::{CancelTaskAnswer, CancelTaskRequest, CancelTasksAnswer, CancelTasksQuery};
use api::commands::{
    CancelCommandRequest, CommandAnswer, CommandsAnswer, CommandsQuery, PostCommandRequest,
};
use api::devices::{DeleteDeviceQuery, DeviceAnswer, DeviceQuery, ModifyDeviceRequest};
use api::headers::IdempotencyKey;
use api::invoke::{InvokeAnswer, InvokeRequest};
use api::query::percent_encode;
use api::registration::{
    DeviceStatusAnswer, RegisterAnswer, RegisterRequest, RegisterWithSecretAnswer,
    RegisterWithSecretRequest,
};
use api::{Code, Operation, Secret, paths};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::tokens::{Tokens, json};
use crate::transport::{Body, Caller, Request, Transport, parse};
use crate::{ClientBuilder, Error};

/// An application's client. Cheap to clone; all clones share connections and token.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    owner: Option<Arc<str>>,
}

struct Shared {
    transport: Transport,
    tokens: Tokens,
}

/// Devices behind a deleted gateway [3.6].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletedWith {
    /// They are deleted with it, as the contract has it by default.
    Children,
    /// They stay as they are (R8.2).
    Nothing,
}

/// A device's new credentials, in secret mode [3.2].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The device, in UUID form.
    pub device_id: String,
    /// What its MQTT password is made from.
    pub secret: Secret,
    /// Its key for DTLS, if the platform gave one.
    pub psk: Option<Secret>,
}

impl Client {
    /// Settings of a client of the platform at `base_url` (`https://host:8743`) for the application `app_id`.
    pub fn builder(
        base_url: impl Into<String>,
        app_id: impl Into<String>,
        secret: impl Into<String>,
    ) -> ClientBuilder {
        ClientBuilder::new(base_url.into(), app_id.into(), Secret::new(secret))
    }

    pub(crate) fn new(transport: Transport, app_id: String, secret: Secret) -> Self {
        let tokens = Tokens::new(app_id, secret);
        Self {
            shared: Arc::new(Shared { transport, tokens }),
            owner: None,
        }
    }

    /// The same client acting on resources of `owner`, an application that has authorised this one: the contract's `appId`. Queries
    /// that name an `app_id` themselves go by that.
    #[must_use]
    pub fn for_owner(&self, owner: &str) -> Self {
        Self {
            shared: self.shared.clone(),
            owner: Some(owner.into()),
        }
    }

    /// Logs in, which ends every earlier token of the application [2.1]. Not needed: each call does it when there is no token.
    pub async fn login(&self) -> Result<AuthAnswer, Error> {
        self.shared.tokens.log_in_anew(&self.shared.transport).await
    }

    /// Registers a device by a verification code [3.1].
    pub async fn register_device_with_code(
        &self,
        request: &RegisterRequest,
    ) -> Result<RegisterAnswer, Error> {
        let target = self.owned(paths::DEVICE_CREDENTIALS);
        self.ask(Operation::RegDirectDevice, target, Some(json(request)))
            .await
    }

    /// Registers a device in secret mode, for MQTT [3.2]. Without `mqtt_connect` it is set: a device of the old mode, which fetches its
    /// secret itself, gets none here and is an [`Error::Unexpected`].
    pub async fn register_device(
        &self,
        request: &RegisterWithSecretRequest,
    ) -> Result<Registered, Error> {
        let operation = Operation::RegDirectDeviceWithSecret;
        let request = RegisterWithSecretRequest {
            mqtt_connect: request.mqtt_connect.or(Some(true)),
            ..request.clone()
        };
        let target = self.owned(paths::DEVICE_CREDENTIALS_V2);
        let answer: RegisterWithSecretAnswer =
            self.ask(operation, target, Some(json(&request))).await?;
        let secret = answer.secret.ok_or_else(|| Error::Unexpected {
            status: operation.success(),
            reason: "the registration has no secret".to_owned(),
        })?;
        Ok(Registered {
            device_id: answer.device_id,
            secret,
            psk: answer.psk,
        })
    }

    /// Whether a device has ever been in contact [3.4].
    pub async fn device_status(&self, device_id: &str) -> Result<DeviceStatusAnswer, Error> {
        let target = self.owned(&paths::fill(paths::DEVICE_CREDENTIAL, &[device_id]));
        self.ask(Operation::QueryDeviceStatus, target, None).await
    }

    /// What is known of a device, its last reports included [4.1].
    pub async fn device(&self, device_id: &str) -> Result<DeviceAnswer, Error> {
        let query = DeviceQuery {
            app_id: self.owner(),
            select_imsi: false,
        };
        let target = with_query(&paths::fill(paths::DEVICE, &[device_id]), &query.to_query());
        self.ask(Operation::QuerySingleDeviceInfo, target, None)
            .await
    }

    /// Changes what is known of a device [3.5].
    pub async fn modify_device(
        &self,
        device_id: &str,
        request: &ModifyDeviceRequest,
    ) -> Result<(), Error> {
        let target = self.owned(&paths::fill(paths::DEVICE, &[device_id]));
        self.tell(Operation::ModifyDeviceInfo, target, Some(json(request)))
            .await
    }

    /// Deletes a device [3.6]; its open commands end (R1.11).
    pub async fn delete_device(&self, device_id: &str, with: DeletedWith) -> Result<(), Error> {
        let query = DeleteDeviceQuery {
            app_id: self.owner(),
            cascade: with == DeletedWith::Children,
        };
        let target = with_query(&paths::fill(paths::DEVICE, &[device_id]), &query.to_query());
        self.tell(Operation::DeleteDirectDevice, target, None).await
    }

    /// Creates a command [5.2]. Under a key it may be repeated: the same command is created once (R1.15).
    pub async fn send_command(
        &self,
        request: &PostCommandRequest,
        key: Option<&IdempotencyKey>,
    ) -> Result<CommandAnswer, Error> {
        let call = Request {
            operation: Operation::PostDeviceCommand,
            target: self.owned(paths::DEVICE_COMMANDS),
            body: Some(Body::Json(json(request))),
            key,
        };
        parse(call.operation, &self.call(&call).await?)
    }

    /// A page of commands, the newest first [5.3]. Direct calls are not among them.
    pub async fn commands(&self, query: &CommandsQuery) -> Result<CommandsAnswer, Error> {
        let mut query = query.clone();
        query.app_id = query.app_id.or_else(|| self.owner());
        let target = with_query(paths::DEVICE_COMMANDS, &query.to_query());
        self.ask(Operation::QueryDeviceCommand, target, None).await
    }

    /// Cancels a command that is still PENDING [5.4]; 100435 otherwise, and then the device may have seen it.
    pub async fn cancel_command(&self, command_id: &str) -> Result<CommandAnswer, Error> {
        let target = self.owned(&paths::fill(paths::DEVICE_COMMAND, &[command_id]));
        let body = Some(json(&CancelCommandRequest));
        self.ask(Operation::UpdateDeviceCommand, target, body).await
    }

    /// Cancels every PENDING command of a device [5.5].
    pub async fn cancel_all(&self, device_id: &str) -> Result<CancelTaskAnswer, Error> {
        let request = CancelTaskRequest {
            device_id: device_id.to_owned(),
        };
        let target = self.owned(paths::CANCEL_TASKS);
        let body = Some(json(&request));
        self.ask(Operation::CreateDeviceCmdCancelTask, target, body)
            .await
    }

    /// A page of cancel tasks, the newest first [5.6].
    pub async fn cancel_tasks(&self, query: &CancelTasksQuery) -> Result<CancelTasksAnswer, Error> {
        let mut query = query.clone();
        query.app_id = query.app_id.or_else(|| self.owner());
        let target = with_query(paths::CANCEL_TASKS, &query.to_query());
        self.ask(Operation::QueryDeviceCmdCancelTask, target, None)
            .await
    }

    /// Calls a service of a device now or not at all [5.7]. Under a key it may be repeated (R1.15).
    pub async fn invoke(
        &self,
        device_id: &str,
        service_id: &str,
        request: &InvokeRequest,
        key: Option<&IdempotencyKey>,
    ) -> Result<InvokeAnswer, Error> {
        let call = Request {
            operation: Operation::InvokeDeviceService,
            target: self.owned(&paths::fill(paths::SEND_COMMAND, &[device_id, service_id])),
            body: Some(Body::Json(json(request))),
            key,
        };
        parse(call.operation, &self.call(&call).await?)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        operation: Operation,
        target: String,
        body: Option<Bytes>,
    ) -> Result<T, Error> {
        let request = Request {
            operation,
            target,
            body: body.map(Body::Json),
            key: None,
        };
        parse(operation, &self.call(&request).await?)
    }

    async fn tell(
        &self,
        operation: Operation,
        target: String,
        body: Option<Bytes>,
    ) -> Result<(), Error> {
        let request = Request {
            operation,
            target,
            body: body.map(Body::Json),
            key: None,
        };
        self.call(&request).await.map(drop)
    }

    /// Sends a request with the token in hand, and once more with another one if that is refused: 1010005 changes nothing.
    async fn call(&self, request: &Request<'_>) -> Result<Bytes, Error> {
        let Shared { transport, tokens } = &*self.shared;
        let token = tokens.current(transport).await?;
        let refused = match transport.send(request, Some(caller(tokens, &token))).await {
            Err(error) if error.code() == Some(Code::InvalidToken) => token,
            answered => return answered,
        };
        let token = tokens.instead_of(&refused, transport).await?;
        transport.send(request, Some(caller(tokens, &token))).await
    }

    fn owner(&self) -> Option<String> {
        self.owner.as_deref().map(str::to_owned)
    }

    fn owned(&self, path: &str) -> String {
        let query = self.owner.as_deref().map(percent_encode);
        query.map_or_else(|| path.to_owned(), |owner| format!("{path}?appId={owner}"))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.shared.transport.base)
            .field("app_id", &self.shared.tokens.app_id)
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

fn caller<'a>(tokens: &'a Tokens, token: &'a Secret) -> Caller<'a> {
    Caller {
        app_id: &tokens.app_id,
        token,
    }
}

fn with_query(path: &str, query: &str) -> String {
    if query.is_empty() {
        return path.to_owned();
    }
    format!("{path}?{query}")
}
