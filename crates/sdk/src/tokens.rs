//! The access token of a client: one login at a time, renewed before it ends.
//!
//! ```text
//!   none ──login──► fresh ──nearly over──► refreshed, or logged in anew where refreshing is refused
//!     ▲               │
//!     └── 1010005 ────┘   the platform does not know it any more: a later login elsewhere has ended it
//! ```

use std::sync::Arc;
use std::time::Duration;

use api::auth::{AuthAnswer, LoginRequest, RefreshRequest};
use api::{Operation, Secret, paths};
use bytes::Bytes;
use tokio::sync::Mutex;

use crate::Error;
use crate::clock::Moment;
use crate::transport::{Body, Request, Transport, parse};

/// A token is renewed a tenth of its life before its end, but no more than this.
const RENEWED_BEFORE_MAX: Duration = Duration::from_mins(1);

/// An application's credentials and what they got it.
pub(crate) struct Tokens {
    pub(crate) app_id: String,
    secret: Secret,
    held: Mutex<Option<Held>>,
}

struct Held {
    access: Arc<Secret>,
    refresh: Option<Secret>,
    renew_at: Moment,
}

impl Tokens {
    pub(crate) fn new(app_id: String, secret: Secret) -> Self {
        Self {
            app_id,
            secret,
            held: Mutex::new(None),
        }
    }

    /// A token that should work: the one in hand, a renewed one, or that of a first login.
    pub(crate) async fn current(&self, transport: &Transport) -> Result<Arc<Secret>, Error> {
        let mut held = self.held.lock().await;
        let next = match held.as_ref() {
            Some(token) if Moment::now() < token.renew_at => return Ok(token.access.clone()),
            Some(token) => self.renew(transport, token.refresh.as_ref()).await?,
            None => self.log_in(transport).await?,
        };
        Ok(keep(&mut held, next))
    }

    /// Another token after the platform refused `stale`: one that another call has got in the meantime, or that of a login.
    pub(crate) async fn instead_of(
        &self,
        stale: &Secret,
        transport: &Transport,
    ) -> Result<Arc<Secret>, Error> {
        let mut held = self.held.lock().await;
        if let Some(token) = held.as_ref().filter(|token| *token.access != *stale) {
            return Ok(token.access.clone());
        }
        let next = self.log_in(transport).await?;
        Ok(keep(&mut held, next))
    }

    /// Logs in, whatever is in hand.
    pub(crate) async fn log_in_anew(&self, transport: &Transport) -> Result<AuthAnswer, Error> {
        let mut held = self.held.lock().await;
        let answer = self.log_in(transport).await?;
        keep(&mut held, answer.clone());
        Ok(answer)
    }

    async fn log_in(&self, transport: &Transport) -> Result<AuthAnswer, Error> {
        let login = LoginRequest {
            app_id: self.app_id.clone(),
            secret: self.secret.clone(),
        };
        let request = Request {
            operation: Operation::GetAuthToken,
            target: paths::LOGIN.to_owned(),
            body: Some(Body::Form(login.to_form())),
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
}

/// A request's JSON.
pub(crate) fn json(request: &impl serde::Serialize) -> Bytes {
    let text = serde_json::to_vec(request).expect("requests have text keys and no failing members");
    Bytes::from(text)
}

fn keep(held: &mut Option<Held>, answer: AuthAnswer) -> Arc<Secret> {
    let life = Duration::from_secs(answer.expires_in.into());
    let access = Arc::new(answer.access_token);
    *held = Some(Held {
        access: access.clone(),
        refresh: answer.refresh_token,
        renew_at: Moment::now().plus(life.saturating_sub((life / 10).min(RENEWED_BEFORE_MAX))),
    });
    access
}
