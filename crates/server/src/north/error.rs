//! The one place where errors become HTTP.
//!
//! A handler says what went wrong in its own terms; code, status and text are those of the operation's own table (R3.1). What the
//! client is told (`detail`, R3.3) and what the log is told are different things: the log's message never leaves the platform.

use super::answer::{Reply, json_response};
use super::operator::Turned;
use super::{RequestId, Settings};
use crate::dispatch::{KeepError, Refused};
use api::failure::Failure;
use api::{Code, Invalid, Operation};
use delivery::Refusal;
use http::Method;
use http::header::{ALLOW, CONNECTION, HeaderValue, RETRY_AFTER};
use store::{Conflict, Failed};

/// Seconds after which an overloaded platform may be asked again.
const OVERLOAD_WAIT_S: u64 = 1;

/// Why a request is not granted.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// A code of the contract, the client's affair.
    #[error("{0}")]
    Refused(Failure),
    /// The request's shape is wrong; the code is the operation's own.
    #[error("{0}")]
    Invalid(#[from] Invalid),
    /// There is no such device for the caller; the code is the operation's own.
    #[error("no such device")]
    DeviceMissing,
    /// Too many calls or failed logins: when to come again, in seconds (1010009, R3.5).
    #[error("throttled for {wait_s} s")]
    Throttled {
        /// How long to wait.
        wait_s: u64,
        /// What was counted.
        detail: &'static str,
    },
    /// Too much to do, or too little space; nothing was taken on (100501).
    #[error("overloaded: {0}")]
    Overload(&'static str),
    /// A stored row does not decode (100023).
    #[error("{0}")]
    Row(String),
    /// Anything else that fails inside; the code is the operation's own.
    #[error("{0}")]
    Internal(String),
    /// The address takes other methods only.
    #[error("wrong method")]
    Method(Vec<Method>),
    /// The body is larger than allowed; the connection ends.
    #[error("body too large")]
    BodyTooLarge {
        /// What is allowed.
        bytes_max: usize,
    },
    /// The body did not arrive in time, or not whole; the connection ends.
    #[error("body too slow")]
    BodyTooSlow,
}

impl Error {
    /// A refusal with nothing to add.
    pub(super) fn code(code: Code) -> Self {
        Self::Refused(Failure::new(code))
    }

    /// A refusal that says what is wrong in this request.
    pub(super) fn detailed(code: Code, detail: impl Into<String>) -> Self {
        Self::Refused(Failure::with_detail(code, detail))
    }

    /// The answer. `operation` is `None` for requests that belong to none.
    pub(super) fn into_reply(
        self,
        operation: Option<Operation>,
        request: RequestId,
        settings: &Settings,
    ) -> Reply {
        let failure = self.failure(operation, settings);
        let status = failure.status(operation, settings.error_status);
        match &self {
            Self::Row(log) | Self::Internal(log) => {
                tracing::warn!(%request, code = failure.code.number(), cause = %log, "a request failed");
            }
            Self::Overload(_) => {
                // The load tells of these once a second.
                tracing::debug!(%request, code = failure.code.number(), cause = %self, "a request was refused");
            }
            other => {
                tracing::info!(%request, code = failure.code.number(), cause = %other, "a request was refused");
            }
        }
        let body = failure.body(operation, settings.gateway_body);
        let mut reply = json_response(status, &body);
        let headers = reply.headers_mut();
        if let Ok(value) = HeaderValue::from_str(&request.to_string()) {
            headers.insert("x-request-id", value);
        }
        match self {
            Self::Throttled { wait_s, .. } => {
                headers.insert(RETRY_AFTER, HeaderValue::from(wait_s));
            }
            Self::Overload(_) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(OVERLOAD_WAIT_S));
            }
            Self::Method(allowed) => {
                let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
                let value = HeaderValue::from_str(&names.join(", ")).expect("methods are tokens");
                headers.insert(ALLOW, value);
            }
            Self::BodyTooLarge { .. } | Self::BodyTooSlow => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Self::Refused(_)
            | Self::Invalid(_)
            | Self::DeviceMissing
            | Self::Row(_)
            | Self::Internal(_) => {}
        }
        reply
    }

    /// As the operator is told: the text of the operation's table, and what is wrong in this request.
    pub(super) fn turned(self, operation: Operation, settings: &Settings) -> Turned {
        if let Self::Row(log) | Self::Internal(log) = self {
            return Turned::Failed(log);
        }
        let Failure { code, detail } = self.failure(Some(operation), settings);
        let text = code.text(Some(operation)).trim_end_matches('.');
        let message = match detail {
            Some(detail) => format!("{text}: {detail}"),
            None => text.to_owned(),
        };
        Turned::Away { code, message }
    }

    /// What the client is told.
    fn failure(&self, operation: Option<Operation>, settings: &Settings) -> Failure {
        match self {
            Self::Refused(failure) => failure.clone(),
            Self::Invalid(invalid) => match operation {
                Some(operation) => Failure::invalid(operation, invalid),
                None => Failure::with_detail(Code::BadRequest, invalid.to_string()),
            },
            Self::DeviceMissing => {
                Failure::new(operation.map_or(Code::DeviceDataUnknown, Operation::device_missing))
            }
            Self::Throttled { detail, .. } => Failure::with_detail(Code::Throttled, *detail),
            Self::Overload(detail) => Failure::with_detail(Code::FlowControlled, *detail),
            Self::Row(_) => Failure::new(Code::StoredDataAbnormal),
            Self::Internal(_) => {
                Failure::new(operation.map_or(Code::Internal, Operation::internal))
            }
            Self::Method(_) => Failure::new(Code::MethodNotAllowed),
            Self::BodyTooLarge { bytes_max } => {
                Failure::with_detail(Code::BodyTooLarge, format!("at most {bytes_max} bytes"))
            }
            Self::BodyTooSlow => Failure::with_detail(
                Code::RequestTooSlow,
                format!(
                    "the body must arrive within {} s",
                    settings.client_time.as_secs()
                ),
            ),
        }
    }
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Row(what) => Self::Row(what),
            Failed::Read(_) | Failed::Write(_) | Failed::Stopped => {
                Self::Internal(failed.to_string())
            }
        }
    }
}

impl From<KeepError> for Error {
    fn from(error: KeepError) -> Self {
        match error {
            KeepError::Conflict(Conflict::NodeIdTaken) => Self::code(Code::NodeIdDuplicated),
            KeepError::Conflict(
                conflict @ (Conflict::Stale
                | Conflict::KeyTaken
                | Conflict::AppIdTaken
                | Conflict::GroupNameTaken),
            ) => Self::Internal(conflict.to_string()),
            KeepError::NotAuthorised => super::gate::not_authorised(),
            KeepError::Store(failed) => failed.into(),
        }
    }
}

impl From<Refused> for Error {
    /// A direct call that finds too many open commands is an overload, not a full queue: see `invoke`.
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Heart(refusal) => refusal.into(),
            Refused::LinkRefused => Self::detailed(
                Code::InternalFault,
                "the link refused the frame; no byte of it left",
            ),
            Refused::NotAuthorised => super::gate::not_authorised(),
            Refused::Overload => Self::Overload("too many requests wait"),
            Refused::Store(failed) => failed.into(),
            Refused::Stopped => Self::Internal("the platform stops".to_owned()),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::DeviceDeleted => Self::DeviceMissing,
            Refusal::Offline => Self::code(Code::DeviceOffline),
            Refusal::Zombie => Self::code(Code::DeviceZombie),
            Refusal::PendingMax => Self::detailed(
                Code::CommandQueueFull,
                "too many commands of the device are PENDING",
            ),
            Refusal::OpenMax => Self::detailed(
                Code::CommandQueueFull,
                "too many commands of the device are open",
            ),
            Refusal::NotPending => Self::code(Code::CommandNotCancellable),
        }
    }
}
