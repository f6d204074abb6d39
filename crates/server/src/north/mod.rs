//! North: the interface for applications, HTTP with JSON.
//!
//! A request passes [`compat`] (one form for every spelling), [`gate`] (the order of checks, R3.1) and the handler of its
//! operation, one file per resource; [`wire`] turns the domain into the contract's words and [`error`] turns errors into HTTP.
//! [`serve`] is the accept loop.

mod answer;
mod auth;
mod body;
mod callback_url;
mod cancel_tasks;
mod check;
mod commands;
mod compat;
mod connection;
mod credentials;
mod device_list;
mod devices;
mod error;
mod gate;
mod groups;
mod invoke;
mod listener;
mod load;
mod measure;
mod old_commands;
mod operator;
mod picked;
mod probe;
mod registration;
mod repeat;
mod room;
mod settings;
mod space;
mod stream;
mod throttle;
pub(crate) mod wire;

pub use listener::serve;
pub(crate) use operator::Turned;
pub use settings::Settings;

use crate::clock::{self, Clock};
use crate::dispatch::Dispatch;
use crate::faults::{Fault, Faults};
use crate::random;
use crate::registry::Registry;
use crate::secrets::Vault;
use crate::shutdown::Shutdown;
use crate::south::Hub;
use crate::task::to_the_end;
use answer::Answer;
use api::Operation;
use api::paths::Route;
use api::query::Query;
use auth::SecretChecks;
use bytes::Bytes;
use compat::Router;
use delivery::{AppKey, Moment};
use error::Error;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Body;
use load::{Kind, Load, Place};
use measure::Measures;
use space::Space;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::Application;
use throttle::Windows;

/// The northbound interface of one platform.
pub struct North {
    registry: Arc<Registry>,
    dispatch: Dispatch,
    vault: Arc<Vault>,
    settings: Settings,
    router: Router,
    calls: Windows<AppKey>,
    failed_logins: Windows<IpAddr>,
    secret_checks: SecretChecks,
    load: Arc<Load>,
    space: Space,
    /// Held while a device is added to a limited number.
    registering: tokio::sync::Mutex<()>,
    measures: Measures,
    run: u64,
    requests: AtomicU64,
}

/// A request whose head was admitted and whose body has arrived.
struct Call {
    operation: Operation,
    /// Decoded path variables, in their order.
    variables: Vec<String>,
    head: Parts,
    query: Query,
    body: Bytes,
    from: IpAddr,
    now: Moment,
    /// Held until the request is answered.
    place: Place,
}

/// What names a request in the log and in `x-request-id`: a random mark of the process and a number.
#[derive(Clone, Copy)]
struct RequestId {
    run: u64,
    number: u64,
}

impl North {
    /// Joins the parts. The metrics recorder is to be installed before.
    pub fn new(
        registry: Arc<Registry>,
        dispatch: Dispatch,
        vault: Arc<Vault>,
        settings: Settings,
    ) -> Self {
        Self {
            registry,
            dispatch,
            vault,
            router: Router::new(),
            calls: Windows::new(settings.throttle_calls_max, settings.throttle_window),
            failed_logins: Windows::new(settings.login_failures_max, settings.throttle_window),
            secret_checks: SecretChecks::new(
                settings.secret_checks_max,
                settings.secret_checks_waiting_max,
            ),
            load: Arc::new(Load::new(
                settings.requests_max,
                u64::try_from(settings.create_time.as_micros()).unwrap_or(u64::MAX),
                settings.all_bodies_bytes_max,
            )),
            space: Space::new(settings.free_bytes_min),
            registering: tokio::sync::Mutex::default(),
            measures: Measures::new(),
            run: random::number(),
            requests: AtomicU64::new(0),
            settings,
        }
    }

    /// Answers one request of a client at `from`. Every request gets an answer; every answer but 204 is JSON (R3.4).
    pub async fn answer<B>(
        self: &Arc<Self>,
        request: Request<B>,
        from: IpAddr,
    ) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: fmt::Display,
    {
        let begun = clock::passed_us();
        let id = RequestId {
            run: self.run,
            number: self.requests.fetch_add(1, Ordering::Relaxed),
        };
        let (head, body) = request.into_parts();
        let (operation, outcome) = match self.router.find(&head.method, head.uri.path()) {
            Route::Found(operation, variables) => (
                Some(operation),
                self.perform((operation, variables), head, body, from).await,
            ),
            Route::WrongMethod(allowed) => {
                (None, self.turn_away(body, Error::Method(allowed)).await)
            }
            Route::Unknown => (
                None,
                self.turn_away(body, Error::code(api::Code::NoSuchPath))
                    .await,
            ),
        };
        let reply = match (outcome, operation) {
            (Ok(answer), Some(operation)) => answer.into_reply(operation),
            (Ok(Answer::Json(_) | Answer::Nothing | Answer::Empty), None) => {
                unreachable!("what belongs to no operation is refused")
            }
            (Err(error), operation) => error.into_reply(operation, id, &self.settings),
        };
        let us = clock::passed_us().saturating_sub(begun);
        self.measures.note(operation, reply.status(), us);
        let name = operation.map_or("none", Operation::name);
        tracing::debug!(request = %id, operation = name, status = reply.status().as_u16(), us, %from, "request");
        reply
    }

    /// Checks the head, takes the body, and has the operation's handler decide.
    async fn perform<B>(
        self: &Arc<Self>,
        found: (Operation, Vec<String>),
        head: Parts,
        body: B,
        from: IpAddr,
    ) -> Result<Answer, Error>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: fmt::Display,
    {
        let (operation, variables) = found;
        let caller = match self.admit(operation, &head.headers) {
            Ok(caller) => caller,
            Err(error) => return self.turn_away(body, error).await,
        };
        let mut share = self.load.share();
        let body = body::take(body, operation, &self.settings, &mut share).await?;
        let place = self.load.enter(Kind::of(operation), share)?;
        if self.faults().strikes(Fault::Handler) {
            return Err(Error::Internal("a fault was asked for".to_owned()));
        }
        let query = Query::parse(head.uri.query().unwrap_or_default());
        let call = Call {
            operation,
            variables,
            head,
            query,
            body,
            from,
            now: self.clock().now(),
            place,
        };
        if changes_registry(operation) {
            let north = self.clone();
            let work = async move { north.conclude(&call, caller.as_ref()).await };
            return to_the_end(work).await.map_err(Error::Internal)?;
        }
        self.conclude(&call, caller.as_ref()).await
    }

    /// Has the operation's handler decide, and tells the load that the request was served.
    async fn conclude(
        &self,
        call: &Call,
        caller: Option<&Arc<Application>>,
    ) -> Result<Answer, Error> {
        let outcome = self.handle(call, caller).await;
        if outcome.is_ok() {
            call.place.served();
        }
        outcome
    }

    /// Has the operation's handler decide. Every operation that needs a token has a caller.
    async fn handle(
        &self,
        call: &Call,
        caller: Option<&Arc<Application>>,
    ) -> Result<Answer, Error> {
        let caller = || caller.ok_or_else(|| Error::code(api::Code::InvalidToken));
        match call.operation {
            Operation::GetAuthToken => auth::login(self, call).await,
            Operation::RefreshAuthToken => auth::refresh(self, call).await,
            Operation::LogoutAuthToken => auth::logout(self, call).await,
            Operation::RegDirectDevice => registration::register(self, call, caller()?).await,
            Operation::RegDirectDeviceWithSecret => {
                registration::register_with_secret(self, call, caller()?).await
            }
            Operation::RefreshDeviceKey => credentials::refresh_key(self, call, caller()?).await,
            Operation::RefreshDeviceSecret => {
                credentials::refresh_secret(self, call, caller()?).await
            }
            Operation::QueryDeviceStatus => registration::status(self, call, caller()?).await,
            Operation::ModifyDeviceInfo => devices::modify(self, call, caller()?).await,
            Operation::DeleteDirectDevice => devices::delete(self, call, caller()?).await,
            Operation::QuerySingleDeviceInfo => devices::show(self, call, caller()?).await,
            Operation::QueryBatchDevicesInfo => device_list::list(self, call, caller()?).await,
            Operation::PostDeviceCommand => commands::create(self, call, caller()?).await,
            Operation::QueryDeviceCommand => commands::list(self, call, caller()?).await,
            Operation::UpdateDeviceCommand => commands::cancel(self, call, caller()?).await,
            Operation::CreateDeviceCmdCancelTask => {
                cancel_tasks::create(self, call, caller()?).await
            }
            Operation::QueryDeviceCmdCancelTask => cancel_tasks::list(self, call, caller()?).await,
            Operation::InvokeDeviceService => invoke::invoke(self, call, caller()?).await,
            Operation::PostDeviceCommandOld => old_commands::create(self, call, caller()?).await,
            Operation::QueryDeviceCommandOld => old_commands::list(self, call, caller()?).await,
            Operation::CancelDeviceCommandOld => old_commands::cancel(self, call, caller()?).await,
            Operation::CreateDeviceGroup => groups::create(self, call, caller()?).await,
            Operation::DeleteDeviceGroup => groups::delete(self, call, caller()?).await,
            Operation::ModifyDeviceGroup => groups::modify(self, call, caller()?).await,
            Operation::QueryDeviceGroups => groups::list(self, call, caller()?).await,
            Operation::QuerySingleDeviceGroup => groups::show(self, call, caller()?).await,
            Operation::QueryDeviceGroupMembers => groups::members(self, call, caller()?).await,
            Operation::AddDevicesToGroup => groups::add_devices(self, call, caller()?).await,
            Operation::DeleteDevicesFromGroup => {
                groups::remove_devices(self, call, caller()?).await
            }
        }
    }

    /// Refuses a request, but reads what its sender is still sending: a connection that ends under a sender loses the answer.
    async fn turn_away<B>(&self, body: B, error: Error) -> Result<Answer, Error>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: fmt::Display,
    {
        body::discard(body, &self.settings).await?;
        Err(error)
    }

    fn clock(&self) -> &Clock {
        &self.dispatch.parts().clock
    }

    fn hub(&self) -> &Hub {
        &self.dispatch.parts().hub
    }

    fn faults(&self) -> &Faults {
        &self.dispatch.parts().faults
    }

    fn shutdown(&self) -> &Shutdown {
        &self.dispatch.parts().shutdown
    }
}

/// Whether an operation changes what the registry holds in memory beside the store.
const fn changes_registry(operation: Operation) -> bool {
    match operation {
        Operation::GetAuthToken
        | Operation::RefreshAuthToken
        | Operation::LogoutAuthToken
        | Operation::RegDirectDevice
        | Operation::RegDirectDeviceWithSecret
        | Operation::RefreshDeviceKey
        | Operation::RefreshDeviceSecret
        | Operation::ModifyDeviceInfo
        | Operation::DeleteDirectDevice
        | Operation::CreateDeviceGroup
        | Operation::DeleteDeviceGroup
        | Operation::ModifyDeviceGroup
        | Operation::AddDevicesToGroup
        | Operation::DeleteDevicesFromGroup => true,
        Operation::QueryDeviceStatus
        | Operation::QuerySingleDeviceInfo
        | Operation::QueryBatchDevicesInfo
        | Operation::PostDeviceCommand
        | Operation::QueryDeviceCommand
        | Operation::UpdateDeviceCommand
        | Operation::CreateDeviceCmdCancelTask
        | Operation::QueryDeviceCmdCancelTask
        | Operation::InvokeDeviceService
        | Operation::PostDeviceCommandOld
        | Operation::QueryDeviceCommandOld
        | Operation::CancelDeviceCommandOld
        | Operation::QueryDeviceGroups
        | Operation::QuerySingleDeviceGroup
        | Operation::QueryDeviceGroupMembers => false,
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.run, self.number)
    }
}
