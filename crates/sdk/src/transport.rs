//! Requests and answers of the contract over HTTP: what an answer means, and no more of it than the bound.

use std::sync::Arc;
use std::time::Duration;

use api::headers::{APP_KEY, IDEMPOTENCY_KEY, IdempotencyKey};
use api::{ErrorBody, Operation, Secret};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use reqwest::Response;
use serde::de::DeserializeOwned;

use crate::error::{Carried, ContractError};
use crate::{Error, Retry};

/// Bytes of an answer: a page of 1000 commands with every member at its bound stays below.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of a refusal that are kept as they came.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;
const REQUEST_ID: &str = "x-request-id";
const REQUEST_ID_BYTES_MAX: usize = 128;

/// A request of the contract, without its authentication.
pub(crate) struct Request {
    pub(crate) operation: Operation,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) body: Option<Body>,
    pub(crate) key: Option<IdempotencyKey>,
}

/// What a request carries.
pub(crate) enum Body {
    Json(Bytes),
    Form(Bytes),
}

/// Who calls.
pub(crate) struct Caller<'a> {
    pub(crate) app_id: &'a str,
    pub(crate) token: &'a Secret,
}

/// The platform's address and the connections to it.
pub(crate) struct Transport {
    pub(crate) http: reqwest::Client,
    /// Without a slash at its end.
    pub(crate) base: String,
    /// How long a whole call may take.
    pub(crate) call_timeout: Option<Duration>,
    pub(crate) retry: Retry,
}

impl Transport {
    /// Sends a request and returns the body of its success.
    pub(crate) async fn send(
        &self,
        request: &Request,
        caller: Option<Caller<'_>>,
    ) -> Result<Bytes, Error> {
        let url = format!("{}{}", self.base, request.target);
        let mut call = self.http.request(request.operation.method(), url);
        if let Some(caller) = caller {
            let bearer = format!("Bearer {}", caller.token.expose());
            call = call
                .header(APP_KEY, caller.app_id)
                .header(header::AUTHORIZATION, bearer);
        }
        if let Some(key) = &request.key {
            call = call.header(IDEMPOTENCY_KEY, key.as_str());
        }
        call = match &request.body {
            None => call,
            Some(Body::Json(json)) => call
                .header(header::CONTENT_TYPE, "application/json")
                .body(json.clone()),
            Some(Body::Form(form)) => call
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.clone()),
        };
        let answer = call.send().await.map_err(lost)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = collect(answer).await?;
        let judged = judge(request.operation, status, &headers, body);
        match &judged {
            Ok(_) => tracing::trace!(%status, "answered"),
            Err(error) => tracing::debug!(%status, request_id = error.request_id(), "refused"),
        }
        judged
    }
}

/// Reads the body of a success.
pub(crate) fn parse<T: DeserializeOwned>(operation: Operation, body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| Error::Unexpected {
        status: operation.success(),
        reason: format!("the body is no answer to {}: {error}", operation.name()),
        request_id: None,
    })
}

/// A request's JSON.
pub(crate) fn json(request: &impl serde::Serialize) -> Bytes {
    let text = serde_json::to_vec(request).expect("requests have text keys and no failing members");
    Bytes::from(text)
}

async fn collect(mut answer: Response) -> Result<Bytes, Error> {
    let (status, request_id) = (answer.status(), request_id(answer.headers()));
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(lost)? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            let reason = format!("the body is larger than {ANSWER_BYTES_MAX} bytes");
            return Err(Error::Unexpected {
                status,
                reason,
                request_id,
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Tells success from failure as the vendor's SDKs do: 204 is a success, an `error_code` is none whatever the status [1].
fn judge(
    operation: Operation,
    status: StatusCode,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Bytes, Error> {
    if status == StatusCode::NO_CONTENT && operation.success() == status {
        return Ok(Bytes::new());
    }
    if let Some(refusal) = refusal(status, headers, &body) {
        return Err(Error::Contract(Box::new(refusal)));
    }
    if status == operation.success() {
        return Ok(body);
    }
    let reason = format!("{} answers {}", operation.name(), operation.success());
    Err(Error::Unexpected {
        status,
        reason,
        request_id: request_id(headers),
    })
}

fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<ContractError> {
    let error: ErrorBody = serde_json::from_slice(body).ok()?;
    let (code, desc) = error.code_and_text()?;
    let retry_after = headers.get(header::RETRY_AFTER);
    let seconds = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
    Some(ContractError {
        status,
        code: code.to_owned(),
        desc: desc.to_owned(),
        body: bounded(body),
        detail: error.detail.clone(),
        retry_after: seconds.map(Duration::from_secs),
        request_id: request_id(headers),
    })
}

/// The text of a refusal; what is larger than any refusal of the contract is left out.
fn bounded(body: &[u8]) -> String {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let fits = text.len() <= REFUSAL_BYTES_MAX;
    if fits { text.to_owned() } else { String::new() }
}

/// What the platform calls this request in its own log.
fn request_id(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(REQUEST_ID)?.to_str().ok()?;
    (value.len() <= REQUEST_ID_BYTES_MAX).then(|| value.to_owned())
}

fn lost(error: reqwest::Error) -> Error {
    let what = if error.is_connect() || error.is_builder() {
        Carried::Nothing
    } else {
        Carried::Perhaps
    };
    Error::Transport {
        what,
        source: Arc::new(error.without_url()),
    }
}
