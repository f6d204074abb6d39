//! Answers: JSON with its `Content-Type`, 204 with neither (tolerance 8), or a `Content-Type` without a body (R3.11).

use api::Operation;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

/// An HTTP answer whose body is whole, so that a small one leaves in one write.
pub(super) type Reply = Response<Full<Bytes>>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What a granted request answers.
#[derive(Debug)]
pub(super) enum Answer {
    /// This JSON document.
    Json(Vec<u8>),
    /// Nothing: 204.
    Nothing,
    /// No body, under a status that promises one.
    Empty,
}

impl Answer {
    /// Writes the document.
    pub(super) fn of(value: &impl Serialize) -> Self {
        Self::Json(write(value))
    }

    /// The answer with the operation's own status of success.
    pub(super) fn into_reply(self, operation: Operation) -> Reply {
        match self {
            Self::Json(document) => with_status(operation.success(), document),
            Self::Empty => with_status(operation.success(), Vec::new()),
            Self::Nothing => {
                let mut reply = Response::new(Full::default());
                *reply.status_mut() = operation.success();
                reply
            }
        }
    }
}

/// An answer of this status with this document.
pub(super) fn json_response(status: StatusCode, value: &impl Serialize) -> Reply {
    with_status(status, write(value))
}

fn with_status(status: StatusCode, document: Vec<u8>) -> Reply {
    let mut reply = Response::new(Full::new(document.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, JSON);
    reply
}

fn write(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("answers hold strings, integers and JSON")
}
