//! What the operator is told when something does not work.

use super::wire::ProblemView;
use crate::dispatch::{KeepError, Refused};
use crate::north::Turned;
use crate::registry::DeleteError;
use api::ErrorStatus;
use api::failure::Failure;
use axum::Json;
use axum::extract::{FromRequest, FromRequestParts};
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, Uri};
use store::{Conflict, Failed};

/// Why a request of the operator was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The token is missing or wrong.
    #[error(
        "the header `Authorization: Bearer <token>` is missing or wrong; the token stands in admin.token in the data folder"
    )]
    Token,
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// The path does not take this method.
    #[error("this path does not take {0}")]
    Method(Method),
    /// The request is not understood.
    #[error("{0}")]
    Invalid(String),
    /// An application would have been refused with this code of the contract.
    #[error("{message}")]
    Contract {
        /// The code.
        code: api::Code,
        /// What is wrong, in words.
        message: String,
    },
    /// It conflicts with what is there.
    #[error("{0}")]
    Conflict(String),
    /// It needs the test clock.
    #[error("this needs a server that was started with --test-clock")]
    NoTestClock,
    /// Too much waits already.
    #[error("too many requests wait; try again")]
    Overload,
    /// The platform stops.
    #[error("the platform stops")]
    Stopping,
    /// The store failed.
    #[error("{0}")]
    Store(String),
}

impl Problem {
    fn sorts(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Token => (StatusCode::UNAUTHORIZED, "token"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            Self::Method(_) => (StatusCode::METHOD_NOT_ALLOWED, "method"),
            Self::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid"),
            Self::Contract { code, .. } => (honest(*code), "refused"),
            Self::Conflict(_) => (StatusCode::CONFLICT, "conflict"),
            Self::NoTestClock => (StatusCode::CONFLICT, "no_test_clock"),
            Self::Overload => (StatusCode::SERVICE_UNAVAILABLE, "overload"),
            Self::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
            Self::Store(_) => (StatusCode::INTERNAL_SERVER_ERROR, "store"),
        }
    }

    fn code(&self) -> Option<String> {
        match self {
            Self::Contract { code, .. } => Some(code.number().to_owned()),
            Self::Token
            | Self::NotFound(_)
            | Self::Method(_)
            | Self::Invalid(_)
            | Self::Conflict(_)
            | Self::NoTestClock
            | Self::Overload
            | Self::Stopping
            | Self::Store(_) => None,
        }
    }
}

/// The status of a code for clients that look at nothing else; the contract's own table has many a 200 for errors.
fn honest(code: api::Code) -> StatusCode {
    let status = Failure::new(code).status(None, ErrorStatus::Http);
    if status.is_success() {
        StatusCode::CONFLICT
    } else {
        status
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, error) = self.sorts();
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(problem = %self, "an operator's request failed");
        }
        (
            status,
            Json(ProblemView {
                error: error.to_owned(),
                message: self.to_string(),
                code: self.code(),
            }),
        )
            .into_response()
    }
}

impl From<Failed> for Problem {
    fn from(error: Failed) -> Self {
        Self::Store(error.to_string())
    }
}

impl From<KeepError> for Problem {
    fn from(error: KeepError) -> Self {
        match error {
            KeepError::Conflict(conflict) => Self::Conflict(match conflict {
                Conflict::AppIdTaken => "an application of this appId exists already".to_owned(),
                Conflict::GroupNameTaken => {
                    "a group of this name exists already in the application".to_owned()
                }
                Conflict::Stale | Conflict::KeyTaken | Conflict::NodeIdTaken => {
                    conflict.to_string()
                }
            }),
            KeepError::NotAuthorised => {
                Self::Conflict("the application is being deleted".to_owned())
            }
            KeepError::Store(failed) => failed.into(),
        }
    }
}

impl From<Turned> for Problem {
    fn from(turned: Turned) -> Self {
        match turned {
            Turned::Away { code, message } => Self::Contract { code, message },
            Turned::Failed(log) => Self::Store(log),
        }
    }
}

impl From<DeleteError> for Problem {
    fn from(error: DeleteError) -> Self {
        match error {
            DeleteError::HasDevices(count) => Self::Conflict(format!(
                "the application has {count} devices; delete them first, or with it (withDevices=true)"
            )),
            DeleteError::Keep(error) => error.into(),
            DeleteError::Device(error) => error.into(),
            DeleteError::Read(error) => error.into(),
            DeleteError::StillEnding => {
                Self::Conflict(format!("{error}; ask once more, and it goes on"))
            }
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Overload => Self::Overload,
            Refused::Stopped => Self::Stopping,
            Refused::Store(failed) => failed.into(),
            Refused::Heart(_) | Refused::LinkRefused | Refused::NotAuthorised => {
                Self::Conflict(refused.to_string())
            }
        }
    }
}

/// An extractor whose refusals are [`Problem`]s.
pub(super) struct Checked<T>(pub(super) T);

impl<S, T> FromRequest<S> for Checked<Json<T>>
where
    S: Send + Sync,
    T: serde::de::DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, Problem> {
        // The body counts, whatever its Content-Type says.
        let bytes = axum::body::Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|rejection| Problem::Invalid(rejection.body_text()))?;
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(Problem::Invalid("the body must be a JSON object".into()));
        }
        let invalid = |error| Problem::Invalid(format!("the body is not as expected: {error}"));
        serde_json::from_slice(&bytes)
            .map(|value| Self(Json(value)))
            .map_err(invalid)
    }
}

impl<S, T> FromRequestParts<S> for Checked<axum::extract::Query<T>>
where
    S: Send + Sync,
    T: serde::de::DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::try_from_uri(&parts.uri);
        query
            .map(Self)
            .map_err(|rejection| Problem::Invalid(rejection.body_text()))
    }
}

pub(super) async fn unknown_path(uri: Uri) -> Problem {
    Problem::NotFound(format!("path {}", uri.path()))
}

pub(super) async fn wrong_method(method: Method) -> Problem {
    Problem::Method(method)
}
