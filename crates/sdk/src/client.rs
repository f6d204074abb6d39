//! The client: who calls whom for whom, and how a call is carried out.

use std::fmt;
use std::sync::Arc;

use api::query::percent_encode;
use api::{Code, Operation, Secret};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use tracing::Instrument;

use crate::raw::check_target;
use crate::retry::is_repeatable;
use crate::tokens::Tokens;
use crate::transport::{Body, Caller, Request, Transport, parse};
use crate::{ClientBuilder, Error, Token};

/// An application's client. Cheap to clone; all clones share connections and token.
///
/// Each operation of the contract is a method under its name there, in snake case: `postDeviceCommand` is
/// [`post_device_command`](Self::post_device_command). Each logs in by itself when there is no token. The shapes that three of them had in
/// 2017 [5.8] end in `_v12`: [`post_device_command_v12`](Self::post_device_command_v12). [`raw`](Self::raw) calls any of them by its id.
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
    owner: Option<Arc<str>>,
}

pub(crate) struct Shared {
    pub(crate) transport: Transport,
    pub(crate) tokens: Tokens,
}

/// A failed try.
struct Failed {
    error: Error,
    /// It failed before the call itself left: at a login.
    before: bool,
}

impl Failed {
    const fn before_it(error: Error) -> Self {
        Self {
            error,
            before: true,
        }
    }

    const fn at_it(error: Error) -> Self {
        Self {
            error,
            before: false,
        }
    }
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

    /// The same client acting on resources of `owner`, an application that has granted this one access: the contract's `appId`. Queries
    /// that name an `app_id` themselves go by that.
    #[must_use]
    pub fn for_owner(&self, owner: &str) -> Self {
        Self {
            shared: self.shared.clone(),
            owner: Some(owner.into()),
        }
    }

    pub(crate) async fn ask<T: DeserializeOwned>(
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

    pub(crate) async fn tell(
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

    /// Carries out a call under the client's own token.
    pub(crate) async fn call(&self, request: &Request) -> Result<Bytes, Error> {
        self.call_as(request, &Token::Own).await
    }

    /// Carries out a call: a token, the request, and again where [`Retry`](crate::Retry) says so.
    pub(crate) async fn call_as(&self, request: &Request, token: &Token) -> Result<Bytes, Error> {
        check_target(&request.target)?;
        let work = self
            .tries(request, token)
            .instrument(span(request.operation));
        match self.shared.transport.call_timeout {
            None => work.await,
            Some(longest) => tokio::time::timeout(longest, work)
                .await
                .unwrap_or_else(|elapsed| Err(Error::perhaps(elapsed))),
        }
    }

    async fn tries(&self, request: &Request, token: &Token) -> Result<Bytes, Error> {
        let repeatable = is_repeatable(request.operation, request.key.is_some());
        let mut tries = self.shared.transport.retry.begin();
        loop {
            let Failed { error, before } = match self.once(request, token).await {
                Ok(body) => return Ok(body),
                Err(failed) => failed,
            };
            let Some(wait) = tries.wait_after(&error, repeatable || before) else {
                return Err(error);
            };
            tracing::debug!(tries = tries.done(), ?wait, %error, "tries again");
            tokio::time::sleep(wait).await;
        }
    }

    /// Sends a request once, as the caller that it is to be.
    async fn once(&self, request: &Request, token: &Token) -> Result<Bytes, Failed> {
        let Shared { transport, tokens } = &*self.shared;
        let caller = match token {
            Token::Own => return self.once_as_itself(request).await,
            Token::Given(token) => Some(caller(tokens, token)),
            Token::None => None,
        };
        transport.send(request, caller).await.map_err(Failed::at_it)
    }

    /// Sends a request with the token in hand, and once more with another one if that is refused: 1010005 changes nothing.
    async fn once_as_itself(&self, request: &Request) -> Result<Bytes, Failed> {
        let Shared { transport, tokens } = &*self.shared;
        let token = tokens.current(transport).await.map_err(Failed::before_it)?;
        let refused = match transport.send(request, Some(caller(tokens, &token))).await {
            Err(error) if error.code() == Some(Code::InvalidToken) => token,
            answered => return answered.map_err(Failed::at_it),
        };
        tracing::debug!("the token is refused; logs in anew");
        let token = tokens
            .instead_of(&refused, transport)
            .await
            .map_err(Failed::before_it)?;
        let again = transport.send(request, Some(caller(tokens, &token))).await;
        again.map_err(Failed::at_it)
    }

    pub(crate) fn owner(&self) -> Option<String> {
        self.owner.as_deref().map(str::to_owned)
    }

    /// A path with the owner as its query, if there is one.
    pub(crate) fn owned(&self, path: &str) -> String {
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

/// What a call's events are told in.
pub(crate) fn span(operation: Operation) -> tracing::Span {
    tracing::debug_span!("downlink", operation = operation.id())
}

fn caller<'a>(tokens: &'a Tokens, token: &'a Secret) -> Caller<'a> {
    Caller {
        app_id: &tokens.app_id,
        token,
    }
}
