//! The access token of a client: one login at a time, renewed before it ends.
//!
//! ```text
//!   none ──login──► fresh ──nearly over──► refreshed, or logged in anew where refreshing is refused
//!     ▲               │
//!     └── 1010005 ────┘   the platform does not know it any more: a later login elsewhere has ended it
//! ```
//!
//! Calls that need a token while one is being fetched wait for it, and share its failure too: a hundred callers of a platform that is down
//! do not try its address one after the other, and a wrong secret is not tried a hundred times.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use api::auth::{AuthAnswer, LoginRequest, LogoutRequest, RefreshRequest};
use api::{Code, Operation, Secret, paths};
use tokio::sync::{Mutex, MutexGuard};

use crate::Error;
use crate::clock::Moment;
use crate::transport::{Body, Request, Transport, json, parse};

/// A token is renewed a tenth of its life before its end, but no more than this.
const RENEWED_BEFORE_MAX: Duration = Duration::from_mins(1);

/// An application's credentials and what they got it.
pub(crate) struct Tokens {
    pub(crate) app_id: String,
    secret: Secret,
    /// Locked while a token is fetched.
    held: Mutex<Held>,
    /// Fetches that have come to their end. Changed under the lock only.
    fetched: AtomicU64,
}

#[derive(Default)]
struct Held {
    token: Option<Token>,
    /// Why the last fetch failed, if it did.
    failure: Option<Error>,
}

struct Token {
    access: Arc<Secret>,
    refresh: Option<Secret>,
    renew_at: Moment,
}

impl Tokens {
    pub(crate) fn new(app_id: String, secret: Secret) -> Self {
        Self {
            app_id,
            secret,
            held: Mutex::default(),
            fetched: AtomicU64::new(0),
        }
    }

    /// A token that should work: the one in hand, a renewed one, or that of a first login.
    pub(crate) async fn current(&self, transport: &Transport) -> Result<Arc<Secret>, Error> {
        let mut held = self.lock().await?;
        let fetched = match &held.token {
            Some(token) if Moment::now() < token.renew_at => return Ok(token.access.clone()),
            Some(token) => self.renew(transport, token.refresh.as_ref()).await,
            None => self.log_in(transport).await,
        };
        let answer = self.keep(&mut held, fetched)?;
        Ok(Arc::new(answer.access_token))
    }

    /// Another token after the platform refused `stale`: one that another call has got in the meantime, or that of a login.
    pub(crate) async fn instead_of(
        &self,
        stale: &Secret,
        transport: &Transport,
    ) -> Result<Arc<Secret>, Error> {
        let mut held = self.lock().await?;
        let other = held.token.as_ref().filter(|token| *token.access != *stale);
        if let Some(token) = other {
            return Ok(token.access.clone());
        }
        let fetched = self.log_in(transport).await;
        let answer = self.keep(&mut held, fetched)?;
        Ok(Arc::new(answer.access_token))
    }

    /// Logs in, whatever is in hand.
    pub(crate) async fn log_in_anew(&self, transport: &Transport) -> Result<AuthAnswer, Error> {
        let mut held = self.held.lock().await;
        let fetched = self.log_in(transport).await;
        self.keep(&mut held, fetched)
    }

    /// Renews what is in hand, whatever its age.
    pub(crate) async fn refresh(&self, transport: &Transport) -> Result<AuthAnswer, Error> {
        let mut held = self.held.lock().await;
        let refresh = held.token.as_ref().and_then(|token| token.refresh.as_ref());
        let fetched = self.renew(transport, refresh).await;
        self.keep(&mut held, fetched)
    }

    /// Ends the token in hand. One that the platform has ended by itself is as good.
    pub(crate) async fn log_out(&self, transport: &Transport) -> Result<(), Error> {
        let mut held = self.held.lock().await;
        let Some(token) = &held.token else {
            return Ok(());
        };
        let logout = LogoutRequest {
            access_token: token.access.as_ref().clone(),
        };
        let request = Request {
            operation: Operation::LogoutAuthToken,
            target: paths::LOGOUT.to_owned(),
            body: Some(Body::Json(json(&logout))),
            key: None,
        };
        match transport.send(&request, None).await {
            Ok(_) => {}
            Err(error) if error.code() == Some(Code::InvalidToken) => {}
            Err(error) => return Err(error),
        }
        held.token = None;
        Ok(())
    }

    /// The token in hand, once nobody fetches one.
    ///
    /// # Errors
    /// That of the fetch that was waited for.
    async fn lock(&self) -> Result<MutexGuard<'_, Held>, Error> {
        let before = self.fetched.load(Ordering::SeqCst);
        let held = self.held.lock().await;
        match &held.failure {
            Some(error) if self.fetched.load(Ordering::SeqCst) != before => Err(error.clone()),
            Some(_) | None => Ok(held),
        }
    }

    async fn log_in(&self, transport: &Transport) -> Result<AuthAnswer, Error> {
        tracing::debug!("logs in");
        let login = LoginRequest {
            app_id: self.app_id.clone(),
            secret: self.secret.clone(),
        };
        let request = Request {
            operation: Operation::GetAuthToken,
            target: paths::LOGIN.to_owned(),
            body: Some(Body::Form(login.to_form().into())),
            key: None,
        };
        let body = transport.send(&request, None).await?;
        parse(request.operation, &body)
    }

    /// Refreshes, which leaves the application's other clients their token; logs in where that is refused or unknown.
    async fn renew(
        &self,
        transport: &Transport,
        refresh_token: Option<&Secret>,
    ) -> Result<AuthAnswer, Error> {
        let Some(refresh_token) = refresh_token else {
            return self.log_in(transport).await;
        };
        tracing::debug!("refreshes its token");
        let refresh = RefreshRequest {
            app_id: self.app_id.clone(),
            secret: self.secret.clone(),
            refresh_token: refresh_token.clone(),
        };
        let request = Request {
            operation: Operation::RefreshAuthToken,
            target: paths::REFRESH_TOKEN.to_owned(),
            body: Some(Body::Json(json(&refresh))),
            key: None,
        };
        match transport.send(&request, None).await {
            Ok(body) => parse(request.operation, &body),
            Err(Error::Contract(_) | Error::Unexpected { .. }) => self.log_in(transport).await,
            Err(error @ (Error::Transport { .. } | Error::Setting { .. })) => Err(error),
        }
    }

    /// Writes down how a fetch ended.
    fn keep(
        &self,
        held: &mut Held,
        fetched: Result<AuthAnswer, Error>,
    ) -> Result<AuthAnswer, Error> {
        self.fetched.fetch_add(1, Ordering::SeqCst);
        held.failure = fetched.as_ref().err().cloned();
        let answer = fetched?;
        let life = Duration::from_secs(answer.expires_in.into());
        let early = (life / 10).min(RENEWED_BEFORE_MAX);
        held.token = Some(Token {
            access: Arc::new(answer.access_token.clone()),
            refresh: answer.refresh_token.clone(),
            renew_at: Moment::now().plus(life.saturating_sub(early)),
        });
        Ok(answer)
    }
}
