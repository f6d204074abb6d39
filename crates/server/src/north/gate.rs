//! The order of checks (R3.1), the same for every operation.
//!
//! | | code | what | where |
//! |-|------|------|-------|
//! | 1 | 100501 | overload, or the disk is nearly full (creates only, R2.5) | [`North::admit`] |
//! | 2 | 100220 | no `app_key` | [`North::admit`] |
//! | 3 | 1010005 | the token | [`North::admit`] |
//! | 4 | 1010009 | throttle | [`North::admit`] |
//! | 5 | 100022 | shape: path variables, query, body, headers | the handler, first of all |
//! | 6 | 100203 | unknown `appId` | [`North::owner`] |
//! | 7 | 100217 | not authorised | [`North::owner`] |
//! | – | 190409 | the idempotency key belongs to another request (R1.15) | [`North::kept`](super::repeat) |
//! | 8 | 100418 | the device | [`North::device`] |
//! | 9 | 100434, 100435 | the command | `commands::cancel`, the heart |
//! | 10 | 100428 | offline (direct calls) | `invoke`, and again the heart |
//! | 11 | 100431, 100444 | the service | [`check`](super::check) |
//! | 12 | 100022, 102203 | the command's name and paras | [`check`](super::check) |
//! | 13 | 100612, 100223 | silence, caps | the heart |
//!
//! Login, refresh and logout need no token; a right secret counts against the throttle there, see [`auth`](super::auth).

use super::error::Error;
use super::{Call, North, compat};
use crate::clock;
use crate::faults::Fault;
use api::{Code, Operation};
use delivery::{AppKey, DeviceId, Moment};
use http::HeaderMap;
use std::sync::Arc;
use store::{Application, Device, TokenKind};

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

    /// Checks 6 and 7: the application whose resources the call is about. No `appId` means the caller's own.
    pub(super) fn owner(
        &self,
        call: &Call,
        caller: &Arc<Application>,
    ) -> Result<Arc<Application>, Error> {
        let Some(app_id) = call.query.app_id()? else {
            return Ok(caller.clone());
        };
        if app_id == caller.app_id {
            return Ok(caller.clone());
        }
        Err(Error::code(
            if self.registry.application(&app_id).is_some() {
                Code::NotAuthorised
            } else {
                Code::AppUnknown
            },
        ))
    }

    /// Check 8: the device with this id, if it is the owner's.
    pub(super) async fn device(&self, id: &str, owner: &Application) -> Result<Arc<Device>, Error> {
        let id: DeviceId = id.parse().map_err(|_| Error::DeviceMissing)?;
        self.row_fault()?;
        let device = self.registry.device(id).await?;
        device
            .filter(|device| device.app == owner.key)
            .ok_or(Error::DeviceMissing)
    }

    /// As [`device`](Self::device), but of deleted ones too: their commands stay readable (R1.11).
    pub(super) async fn device_of_old(&self, id: &str, owner: AppKey) -> Result<DeviceId, Error> {
        let id: DeviceId = id.parse().map_err(|_| Error::DeviceMissing)?;
        let device = self.registry.ask(move |store| store.device(id)).await?;
        device
            .filter(|device| device.app == owner)
            .map(|device| device.id)
            .ok_or(Error::DeviceMissing)
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

/// Whether an operation takes something new on, for which there must be room.
const fn creates(operation: Operation) -> bool {
    match operation {
        Operation::RegDirectDevice
        | Operation::RegDirectDeviceWithSecret
        | Operation::PostDeviceCommand
        | Operation::InvokeDeviceService => true,
        Operation::GetAuthToken
        | Operation::RefreshAuthToken
        | Operation::LogoutAuthToken
        | Operation::QueryDeviceStatus
        | Operation::ModifyDeviceInfo
        | Operation::DeleteDirectDevice
        | Operation::QuerySingleDeviceInfo
        | Operation::QueryDeviceCommand
        | Operation::UpdateDeviceCommand
        | Operation::CreateDeviceCmdCancelTask
        | Operation::QueryDeviceCmdCancelTask => false,
    }
}
