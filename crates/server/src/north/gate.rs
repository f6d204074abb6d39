//! The order of checks (R3.1), the same for every operation.
//!
//! | | code | what | where |
//! |-|------|------|-------|
//! | 1 | 100501 | overload ([`load`](super::load)), or the disk is nearly full (creates only, R2.5) | [`North::admit`] |
//! | 2 | 100220 | no `app_key` | [`North::admit`] |
//! | 3 | 1010005 | the token | [`North::admit`] |
//! | 4 | 1010009 | throttle | [`North::admit`] |
//! | 5 | 100022 | shape: path variables, query, body, headers | the handler, first of all |
//! | 6 | 100203 | unknown `appId` | [`North::scope`] |
//! | 7 | 100217 | not authorised | [`North::scope`] |
//! | – | 190409 | the idempotency key belongs to another request (R1.15) | [`North::kept`](super::repeat) |
//! | – | 100603 | the group | [`groups`](super::groups) |
//! | 8 | 100418 | the device | [`North::device`] |
//! | 9 | 100434, 100435 | the command | `commands::cancel`, the heart |
//! | 10 | 100428, 100450 | offline (direct calls) | `invoke`, and again the heart |
//! | 11 | 100431, 100444 | the service | [`check`](super::check) |
//! | 12 | 100022, 102203 | the command's name and paras | [`check`](super::check) |
//! | 13 | 100432 | muted | [`not_muted`](super::check::not_muted) |
//! | 14 | 100612, 100223 | silence, caps | the heart |
//!
//! Login, refresh and logout need no token; a right secret counts against the throttle there, see [`auth`](super::auth).

use super::error::Error;
use super::load::Kind;
use super::{Call, North, compat};
use crate::clock;
use crate::faults::Fault;
use crate::limits::DEVICES_LISTED_EACH_MAX;
use crate::registry::{Deed, Granted};
use api::{Code, Operation};
use delivery::{Command, DeviceId, Moment, Who};
use http::HeaderMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use store::{Application, Device, GroupId, TokenKind};

/// Whose resources a call is about, and by what right.
#[derive(Debug)]
pub(super) struct Scope {
    /// The application whose they are; answers name it as `appId` (R1.13).
    pub(super) owner: Arc<Application>,
    /// The application that calls.
    pub(super) caller: Arc<Application>,
    /// What the caller was granted; `None` where the resources are its own.
    granted: Option<Granted>,
    /// The right does not cover the operation: of commands, those that the caller created are within the scope.
    created_only: bool,
}

impl Scope {
    fn own(caller: &Arc<Application>) -> Self {
        Self {
            owner: caller.clone(),
            caller: caller.clone(),
            granted: None,
            created_only: false,
        }
    }

    /// Whether a device of the owner's is within the scope.
    pub(super) fn covers(&self, device: DeviceId) -> bool {
        self.granted
            .as_ref()
            .is_none_or(|granted| granted.covers_device(Some(device)))
    }

    /// Whether a group of the owner's is within the scope.
    pub(super) fn covers_group(&self, group: GroupId) -> bool {
        self.granted
            .as_ref()
            .is_none_or(|granted| granted.covers_group(group))
    }

    /// Whether the scope is limited to devices or groups. Who has such a one changes no group: he could widen it so.
    pub(super) fn is_limited(&self) -> bool {
        self.granted.as_ref().is_some_and(Granted::is_limited)
    }

    /// The groups that the scope is limited to; `None` if to no groups and no devices.
    pub(super) fn groups(&self) -> Option<BTreeSet<GroupId>> {
        let limited = self.granted.as_ref().filter(|granted| granted.is_limited());
        limited.map(Granted::groups)
    }

    /// The devices that the scope is limited to, if they are few enough to be looked at one by one.
    pub(super) fn few_devices(&self) -> Option<BTreeSet<DeviceId>> {
        let granted = self.granted.as_ref()?;
        granted.devices(DEVICES_LISTED_EACH_MAX)
    }

    /// Whether a device that is to be registered is within the scope.
    pub(super) fn covers_new(&self) -> bool {
        !self.is_limited()
    }

    /// Whether a command is within the scope: one of the owner's that the caller created (R1.13), or of a device within it.
    pub(super) fn covers_command(&self, command: &Command) -> bool {
        let created = || creator(command) == Some(Who::Application(self.caller.key));
        let covered = || !self.created_only && self.covers(command.device);
        command.app == self.owner.key && (covered() || created())
    }

    /// The creator, if of commands the scope has only what the caller created itself.
    pub(super) fn sees_created_only(&self) -> Option<Who> {
        self.created_only.then(|| self.who())
    }

    /// What is about to be done, for whoever keeps it: it must still be allowed then (R1.11).
    pub(super) fn deed(&self, operation: Operation, device: Option<DeviceId>) -> Deed {
        Deed {
            owner: self.owner.key,
            caller: self.caller.key,
            operation,
            device,
        }
    }

    /// Who acts.
    pub(super) fn who(&self) -> Who {
        Who::Application(self.caller.key)
    }
}

impl North {
    /// Checks 1 to 4, which need the head of the request only. The caller, if the operation needs one.
    pub(super) fn admit(
        &self,
        operation: Operation,
        headers: &HeaderMap,
    ) -> Result<Option<Arc<Application>>, Error> {
        if self.faults().strikes(Fault::Overload) {
            return Err(Error::Overload("a fault was asked for"));
        }
        self.load.check(Kind::of(operation))?;
        if creates(operation)
            && self.space.is_short(
                || self.dispatch.parts().store.free_bytes(),
                clock::passed_ms(),
            )
        {
            return Err(Error::Overload("the platform is short of disk space"));
        }
        if !operation.needs_token() {
            return Ok(None);
        }
        let app_key = compat::app_key(headers).ok_or_else(|| Error::code(Code::NoAppKey))?;
        let now = self.clock().now();
        let token =
            compat::token(headers).ok_or_else(|| wrong_token("the request has no access token"))?;
        let caller = self
            .registry
            .token_owner(token.expose(), TokenKind::Access, now);
        let caller = caller
            .ok_or_else(|| wrong_token("the access token is wrong, has expired or was replaced"))?;
        if caller.app_id != app_key {
            return Err(wrong_token(
                "`app_key` names another application than the access token",
            ));
        }
        self.throttle(&caller, now)?;
        Ok(Some(caller))
    }

    /// Counts a call of an application (R3.5).
    pub(super) fn throttle(&self, caller: &Application, now: Moment) -> Result<(), Error> {
        if !caller.throttled {
            return Ok(());
        }
        let detail = "the application has made its calls of this window";
        self.calls
            .take(caller.key, now)
            .map_err(|wait_s| Error::Throttled { wait_s, detail })
    }

    /// Checks 6 and 7: whose resources the call is about, and by what right. No `appId` means the caller's own.
    pub(super) fn scope(&self, call: &Call, caller: &Arc<Application>) -> Result<Scope, Error> {
        self.scope_named(call, caller, call.query.app_id()?)
    }

    /// As [`scope`](Self::scope), the owner being named by this id.
    pub(super) fn scope_named(
        &self,
        call: &Call,
        caller: &Arc<Application>,
        owner: Option<String>,
    ) -> Result<Scope, Error> {
        match owner {
            Some(app_id) if app_id != caller.app_id => {
                let owner = self.registry.application(&app_id);
                let owner = owner.ok_or_else(|| Error::code(Code::AppUnknown))?;
                self.scope_under(call, caller, owner)
            }
            Some(_) | None => Ok(Scope::own(caller)),
        }
    }

    /// As [`scope`](Self::scope), for a call that names a device. Without an `appId` it is about the device's application if
    /// that one has granted the caller something: a client family drops `appId` from its addresses (contract §15.34).
    pub(super) async fn scope_of(
        &self,
        call: &Call,
        caller: &Arc<Application>,
        device: &str,
    ) -> Result<Scope, Error> {
        let scope = self.scope(call, caller)?;
        if call.query.app_id()?.is_some() || !self.registry.grants().is_grantee(caller.key) {
            return Ok(scope);
        }
        let Ok(id) = device.parse::<DeviceId>() else {
            return Ok(scope);
        };
        let found = self.registry.ask(move |store| store.device(id)).await?;
        let Some(device) = found.filter(|device| device.app != caller.key) else {
            return Ok(scope);
        };
        let grants = self.registry.grants();
        let granted = grants.granted(device.app, caller.key, call.now);
        match (granted, self.registry.application_by_key(device.app)) {
            (Some(granted), Some(owner)) if granted.covers_device(Some(id)) => {
                self.scope_under(call, caller, owner)
            }
            (Some(_) | None, _) => Ok(scope),
        }
    }

    /// Check 7 for another application's resources. Without a right to the operation the creator of commands still reads and
    /// cancels those (R1.13), while any right is in force.
    pub(super) fn scope_under(
        &self,
        call: &Call,
        caller: &Arc<Application>,
        owner: Arc<Application>,
    ) -> Result<Scope, Error> {
        let grants = self.registry.grants();
        let granted = grants.granted(owner.key, caller.key, call.now);
        let granted = granted.ok_or_else(not_authorised)?;
        let created_only = !granted.covers_operation(call.operation);
        if created_only && !is_creators(call.operation) {
            return Err(not_covered());
        }
        Ok(Scope {
            owner,
            caller: caller.clone(),
            granted: Some(granted),
            created_only,
        })
    }

    /// Check 8: the device with this id, if it is within the scope. One of the owner's that its grant does not cover is, for the
    /// caller, like one that does not exist.
    pub(super) async fn device(&self, id: &str, scope: &Scope) -> Result<Arc<Device>, Error> {
        let id: DeviceId = id.parse().map_err(|_| Error::DeviceMissing)?;
        self.row_fault()?;
        let device = self.registry.device(id).await?;
        device
            .filter(|device| device.app == scope.owner.key && scope.covers(device.id))
            .ok_or(Error::DeviceMissing)
    }

    /// The devices that a list is about, if it can be told: the one that is asked for, or those that the scope is limited to.
    /// `None` = all of the owner's, each of which has still to be [covered](Scope::covers). Deleted ones too: their commands stay
    /// readable (R1.11).
    pub(super) async fn devices_shown(
        &self,
        asked: Option<&str>,
        scope: &Scope,
    ) -> Result<Option<Vec<DeviceId>>, Error> {
        let Some(id) = asked else {
            return Ok(scope.few_devices().map(|few| few.into_iter().collect()));
        };
        let id: DeviceId = id.parse().map_err(|_| Error::DeviceMissing)?;
        let device = self.registry.ask(move |store| store.device(id)).await?;
        device
            .filter(|device| device.app == scope.owner.key && scope.covers(device.id))
            .map(|device| Some(vec![device.id]))
            .ok_or(Error::DeviceMissing)
    }

    /// Check 9 for one command: it, and the scope that it is in. Without an `appId` that is its application's, if that one has
    /// granted the caller something.
    pub(super) fn command_within(
        &self,
        call: &Call,
        scope: Scope,
        found: Option<Command>,
    ) -> Result<(Scope, Command), Error> {
        let unknown = || Error::code(Code::CommandUnknown);
        let elsewhere = found.as_ref().map(|command| command.app);
        let elsewhere = elsewhere.filter(|app| *app != scope.owner.key);
        let named = call.query.app_id()?.is_some();
        let scope = match elsewhere {
            Some(app) if !named => {
                let owner = self.registry.application_by_key(app).ok_or_else(unknown)?;
                self.scope_under(call, &scope.caller, owner)
                    .map_err(|_| unknown())?
            }
            Some(_) | None => scope,
        };
        match found.filter(|command| scope.covers_command(command)) {
            Some(command) => Ok((scope, command)),
            None if named && scope.created_only => Err(not_covered()),
            None => Err(unknown()),
        }
    }

    /// A row that does not decode, if a test asked for one (R9.2).
    pub(super) fn row_fault(&self) -> Result<(), Error> {
        if self.faults().strikes(Fault::Row) {
            Err(Error::Row("a fault was asked for".to_owned()))
        } else {
            Ok(())
        }
    }

    /// A session that is not found in time, if a test asked for one (R9.2).
    pub(super) fn session_fault(&self) -> Result<(), Error> {
        if self.faults().strikes(Fault::SessionLookup) {
            Err(Error::code(Code::SessionNotFound))
        } else {
            Ok(())
        }
    }

    /// A callback address that does not decode, if a test asked for one (R9.2).
    pub(super) fn callback_fault(&self, url: Option<&String>) -> Result<(), Error> {
        if url.is_some() && self.faults().strikes(Fault::CallbackAddress) {
            return Err(Error::code(Code::CallbackUnreadable));
        }
        Ok(())
    }
}

fn wrong_token(detail: &str) -> Error {
    Error::detailed(Code::InvalidToken, detail)
}

/// 100217 where no grant is in force; whether there ever was one is not told.
pub(super) fn not_authorised() -> Error {
    Error::detailed(
        Code::NotAuthorised,
        "the application has granted the caller nothing that is in force",
    )
}

/// 100217 where a grant is there but does not go so far.
pub(super) fn not_covered() -> Error {
    Error::detailed(
        Code::NotAuthorised,
        "the application's grant does not cover this operation",
    )
}

/// Who submitted a command: it stands in the first entry of its history (R1.13).
fn creator(command: &Command) -> Option<Who> {
    command.history.first().map(|entry| entry.who)
}

/// Whether the creator of a command may do this with it without a further right (R1.13).
const fn is_creators(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::QueryDeviceCommand
            | Operation::QueryDeviceCommandOld
            | Operation::UpdateDeviceCommand
    )
}

/// Whether an operation takes something new on, for which there must be room.
pub(super) const fn creates(operation: Operation) -> bool {
    match operation {
        Operation::RegDirectDevice
        | Operation::RegDirectDeviceWithSecret
        | Operation::PostDeviceCommand
        | Operation::PostDeviceCommandOld
        | Operation::InvokeDeviceService
        | Operation::CreateDeviceGroup
        | Operation::AddDevicesToGroup => true,
        Operation::GetAuthToken
        | Operation::RefreshAuthToken
        | Operation::LogoutAuthToken
        | Operation::RefreshDeviceKey
        | Operation::RefreshDeviceSecret
        | Operation::QueryDeviceStatus
        | Operation::ModifyDeviceInfo
        | Operation::DeleteDirectDevice
        | Operation::QuerySingleDeviceInfo
        | Operation::QueryBatchDevicesInfo
        | Operation::QueryDeviceCommand
        | Operation::UpdateDeviceCommand
        | Operation::CreateDeviceCmdCancelTask
        | Operation::QueryDeviceCmdCancelTask
        | Operation::QueryDeviceCommandOld
        | Operation::CancelDeviceCommandOld
        | Operation::DeleteDeviceGroup
        | Operation::ModifyDeviceGroup
        | Operation::QueryDeviceGroups
        | Operation::QuerySingleDeviceGroup
        | Operation::QueryDeviceGroupMembers
        | Operation::DeleteDevicesFromGroup => false,
    }
}
