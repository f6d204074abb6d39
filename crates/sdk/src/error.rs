//! What can go wrong between an application and the platform.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use api::Code;
use http::StatusCode;

/// Why a call failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The platform refused the request, in the contract's words.
    #[error("the platform refused")]
    Contract(#[source] Box<ContractError>),
    /// The request could not be carried there, or the answer not back.
    #[error("{what}")]
    Transport {
        /// How far it came.
        what: Carried,
        /// The cause.
        #[source]
        source: Arc<dyn StdError + Send + Sync>,
    },
    /// An answer came that the contract does not know.
    #[error("unexpected answer with status {status}: {reason}")]
    Unexpected {
        /// Its HTTP status.
        status: StatusCode,
        /// What is wrong with it. Never its text: that may hold secrets.
        reason: String,
        /// What the platform calls the request in its own log.
        request_id: Option<String>,
    },
    /// The client cannot be built from its settings, or a call not from what it was given. Nothing was sent.
    #[error("{setting} cannot be used: {reason}")]
    Setting {
        /// Which setting; `path` for a call whose path would lead elsewhere.
        setting: &'static str,
        /// Why not.
        reason: String,
    },
}

/// How far a request came that got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// No connection: no byte of it reached the platform.
    Nothing,
    /// Perhaps all of it.
    Perhaps,
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "no connection to the platform",
            Self::Perhaps => "no answer from the platform",
        })
    }
}

/// A refusal [1.1].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} {desc}{}", .detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default())]
pub struct ContractError {
    /// The HTTP status, which the contract leaves at 200 for many refusals.
    pub status: StatusCode,
    /// The code, as on the wire: `100418`.
    pub code: String,
    /// The code's text.
    pub desc: String,
    /// The whole answer as it came, JSON of at most 64 KiB; empty if it was larger.
    pub body: String,
    /// What is wrong in this very request, where the platform says it (R3.3).
    pub detail: Option<String>,
    /// How long the platform asks to be left alone, with 1010009 and 100501 (R3.5).
    pub retry_after: Option<Duration>,
    /// What the platform calls the request in its own log.
    pub request_id: Option<String>,
}

impl ContractError {
    /// The code, if this client knows it.
    pub fn known(&self) -> Option<Code> {
        Code::from_number(&self.code)
    }
}

impl Error {
    /// The platform's code, if it refused with one that this client knows.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Contract(refusal) => refusal.known(),
            Self::Transport { .. } | Self::Unexpected { .. } | Self::Setting { .. } => None,
        }
    }

    /// Whether the same call may succeed later. A call that changes something and is not [surely harmless](Self::surely_harmless)
    /// should be repeated under an idempotency key only.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Contract(refusal) => refusal
                .known()
                .map_or(refusal.status.is_server_error(), Code::retryable),
            Self::Transport { .. } => true,
            Self::Unexpected { status, .. } => status.is_server_error(),
            Self::Setting { .. } => false,
        }
    }

    /// Whether it is certain that the call changed nothing and that no byte left for the device.
    pub fn surely_harmless(&self) -> bool {
        match self {
            Self::Contract(refusal) => refusal.known().is_some_and(Code::surely_harmless),
            Self::Transport { what, .. } => *what == Carried::Nothing,
            Self::Unexpected { .. } => false,
            Self::Setting { .. } => true,
        }
    }

    /// The HTTP status of the answer, if there was one. For refusals go by the [`code`](Self::code): many come with 200.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Contract(refusal) => Some(refusal.status),
            Self::Unexpected { status, .. } => Some(*status),
            Self::Transport { .. } | Self::Setting { .. } => None,
        }
    }

    /// What is wrong in this very request, where the platform says it (R3.3).
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Contract(refusal) => refusal.detail.as_deref(),
            Self::Transport { .. } | Self::Unexpected { .. } | Self::Setting { .. } => None,
        }
    }

    /// What the platform calls this request in its own log: what an operator asks for.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Contract(refusal) => refusal.request_id.as_deref(),
            Self::Unexpected { request_id, .. } => request_id.as_deref(),
            Self::Transport { .. } | Self::Setting { .. } => None,
        }
    }

    /// How long the platform asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Contract(refusal) => refusal.retry_after,
            Self::Transport { .. } | Self::Unexpected { .. } | Self::Setting { .. } => None,
        }
    }

    /// The request may have arrived, and nobody said what became of it.
    pub(crate) fn perhaps(cause: impl StdError + Send + Sync + 'static) -> Self {
        Self::Transport {
            what: Carried::Perhaps,
            source: Arc::new(cause),
        }
    }
}
