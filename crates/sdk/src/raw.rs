//! Calls by the operation's id, with texts as they are: what bindings for other languages build on.
//!
//! A raw call is sent, authenticated, repeated and judged as every other call; what differs is that nobody looks into its query, its body
//! and its answer.

use std::fmt;

use api::headers::IdempotencyKey;
use api::{Operation, Secret, paths};
use bytes::Bytes;
use http::StatusCode;

use crate::transport::{Body, Request};
use crate::{Client, Error, random};

/// Whose token a raw call carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// The client's own: fetched, renewed and replaced as for every other call.
    Own,
    /// This one, with the client's `app_key`. If the platform refuses it, the caller learns of it (1010005).
    Given(Secret),
    /// None, and no `app_key` either: what login, refresh and logout are called with.
    None,
}

/// A call that is about to be made, from [`Client::raw`]. It owns all that it needs, so that a task can be made of it.
#[must_use = "nothing is sent before `send`"]
pub struct RawCall {
    client: Client,
    operation: Operation,
    variables: Vec<String>,
    query: String,
    body: Option<Bytes>,
    token: Token,
    key: Option<IdempotencyKey>,
}

/// The answer to a raw call that succeeded.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// The operation's status of success.
    pub status: StatusCode,
    /// JSON; empty with 204.
    pub body: Bytes,
}

/// Without the body: that of a login holds tokens.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Calls an operation with texts as they are. It carries the client's own [`Token`], login, refresh and logout none; creates go under
    /// a random key. [`for_owner`](Self::for_owner) has no part in it: the query is sent as it is given.
    pub fn raw(&self, operation: Operation) -> RawCall {
        let token = if operation.needs_token() {
            Token::Own
        } else {
            Token::None
        };
        RawCall {
            client: self.clone(),
            operation,
            variables: Vec::new(),
            query: String::new(),
            body: None,
            token,
            key: is_create(operation).then(random::key),
        }
    }
}

impl RawCall {
    /// The next variable of the path, in the order of the path; it is percent-encoded here.
    pub fn variable(mut self, value: &str) -> Self {
        self.variables.push(value.to_owned());
        self
    }

    /// The query, already encoded, without its question mark.
    pub fn query(mut self, query: &str) -> Self {
        query.clone_into(&mut self.query);
        self
    }

    /// The body: JSON, or for a login a form. It is sent unchanged.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Whose token it carries.
    pub fn token(mut self, token: Token) -> Self {
        self.token = token;
        self
    }

    /// Under this key; see [`Create::key`](crate::Create::key).
    pub fn key(mut self, key: IdempotencyKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Under no key.
    pub fn without_key(mut self) -> Self {
        self.key = None;
        self
    }

    /// Sends it.
    ///
    /// # Errors
    /// [`Error::Setting`] if the path has another number of variables, or one that would lead elsewhere: empty, `.` or `..`. Nothing is
    /// sent then. Otherwise as every call.
    pub async fn send(self) -> Result<Reply, Error> {
        let operation = self.operation;
        let request = Request {
            operation,
            target: self.target()?,
            body: self.body.map(|body| match operation {
                Operation::GetAuthToken if !body.starts_with(b"{") => Body::Form(body),
                _ => Body::Json(body),
            }),
            key: self.key,
        };
        let body = self.client.call_as(&request, &self.token).await?;
        Ok(Reply {
            status: operation.success(),
            body,
        })
    }

    fn target(&self) -> Result<String, Error> {
        let template = paths::template(self.operation);
        let wanted = template.matches('{').count();
        let given = self.variables.len();
        if wanted != given {
            let reason = format!("{template} has {wanted} variables, not {given}");
            return Err(unsendable(reason));
        }
        let values: Vec<&str> = self.variables.iter().map(String::as_str).collect();
        let path = paths::fill(template, &values);
        Ok(match self.query.as_str() {
            "" => path,
            query => format!("{path}?{query}"),
        })
    }
}

/// Whether the platform takes an `Idempotency-Key` for it (R1.15).
const fn is_create(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::PostDeviceCommand
            | Operation::PostDeviceCommandOld
            | Operation::InvokeDeviceService
    )
}

/// A path that leads elsewhere once an address is read: empty segments are skipped there, and dots climb.
pub(crate) fn check_target(target: &str) -> Result<(), Error> {
    let path = target.split('?').next().unwrap_or_default();
    let lost = path
        .split('/')
        .skip(1)
        .any(|segment| matches!(segment, "" | "." | ".."));
    if lost {
        return Err(unsendable("a variable is empty, `.` or `..`".to_owned()));
    }
    Ok(())
}

fn unsendable(reason: String) -> Error {
    Error::Setting {
        setting: "path",
        reason,
    }
}
