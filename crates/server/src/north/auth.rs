//! Login, refresh and logout (contract §2, R3.6).
//!
//! Tokens are 32 lower-case hex digits; only their digests are kept. Secrets are verified in a bounded pool, and failed attempts
//! are limited per address (R3.5).

use super::answer::Answer;
use super::error::Error;
use super::throttle::party;
use super::{Call, North};
use crate::{random, secrets};
use api::auth::{AuthAnswer, LoginRequest, LogoutRequest, RefreshRequest};
use api::{Code, Secret};
use delivery::Moment;
use secrecy::SecretString;
use std::sync::{Arc, OnceLock};
use store::{Application, Token, TokenKind};
use tokio::sync::Semaphore;

/// `getAuthToken` [2.1]: kills every earlier token of the application.
pub(super) async fn login(north: &North, call: &Call) -> Result<Answer, Error> {
    let request = LoginRequest::from_body(&call.body)?;
    let app = known(north, call, &request.app_id, request.secret).await?;
    north.throttle(&app, call.now)?;
    issue(north, &app, None, call.now).await
}

/// `refreshAuthToken` [2.2]: the old access token stays for a moment, so that calls under way do not fail.
pub(super) async fn refresh(north: &North, call: &Call) -> Result<Answer, Error> {
    let request = RefreshRequest::from_json(&call.body)?;
    let app = known(north, call, &request.app_id, request.secret).await?;
    let owner =
        north
            .registry
            .token_owner(request.refresh_token.expose(), TokenKind::Refresh, call.now);
    if owner.is_none_or(|owner| owner.key != app.key) {
        north.failed_logins.count(party(call.from), call.now);
        return Err(Error::detailed(
            Code::WrongSecret,
            "the refresh token is wrong, has expired or was used",
        ));
    }
    north.throttle(&app, call.now)?;
    let until = call.now + north.settings.refresh_overlap;
    let old = north.registry.access_token(app.key, call.now);
    let old = old.map(|old| Token {
        valid_until: old.valid_until.min(until),
        ..old
    });
    issue(north, &app, old, call.now).await
}

/// `logoutAuthToken` [2.3]: ends the login, its refresh token included. A token that is not valid has nothing to end.
pub(super) async fn logout(north: &North, call: &Call) -> Result<Answer, Error> {
    let request = LogoutRequest::from_body(&call.body)?;
    if let Some(app) =
        north
            .registry
            .token_owner(request.access_token.expose(), TokenKind::Access, call.now)
    {
        north.throttle(&app, call.now)?;
        north
            .registry
            .renew_tokens(app.key, Vec::new(), None)
            .await?;
    }
    Ok(Answer::Nothing)
}

/// The application, if the secret is its own.
async fn known(
    north: &North,
    call: &Call,
    app_id: &str,
    secret: Secret,
) -> Result<Arc<Application>, Error> {
    let party = party(call.from);
    let detail = "too many failed logins from this address";
    north
        .failed_logins
        .check(&party, call.now)
        .map_err(|wait_s| Error::Throttled { wait_s, detail })?;
    let app = north.registry.application(app_id);
    let hash = app.as_ref().map(|app| app.secret_hash.clone());
    let right = north
        .secret_checks
        .verify(secret.into_inner().into(), hash)
        .await?;
    let app = app.filter(|_| right).ok_or_else(|| {
        north.failed_logins.count(party, call.now);
        Error::code(Code::WrongSecret)
    })?;
    if app.frozen {
        return Err(Error::code(Code::AppFrozen));
    }
    Ok(app)
}

async fn issue(
    north: &North,
    app: &Application,
    keep: Option<Token>,
    now: Moment,
) -> Result<Answer, Error> {
    let settings = &north.settings;
    let (access, refresh) = (random::hex::<16>(), random::hex::<16>());
    let token = |text: &str, kind, valid_until| Token {
        digest: secrets::digest(text),
        app: app.key,
        kind,
        valid_until,
    };
    let fresh = vec![
        token(
            &access,
            TokenKind::Access,
            now + settings.token_life + settings.token_grace,
        ),
        token(
            &refresh,
            TokenKind::Refresh,
            now + settings.refresh_token_life,
        ),
    ];
    north.registry.renew_tokens(app.key, fresh, keep).await?;
    let expires_in_s = u32::try_from(settings.token_life.as_secs()).unwrap_or(u32::MAX);
    Ok(Answer::of(&AuthAnswer::new(
        Secret::new(access),
        Secret::new(refresh),
        expires_in_s,
    )))
}

/// The pool in which secrets are verified.
pub(super) struct SecretChecks {
    /// Those that are verified or wait for it.
    places: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl SecretChecks {
    pub(super) fn new(running_max: usize, waiting_max: usize) -> Self {
        let running_max = running_max.max(1);
        Self {
            places: Arc::new(Semaphore::new(
                running_max
                    .saturating_add(waiting_max)
                    .min(Semaphore::MAX_PERMITS),
            )),
            running: Arc::new(Semaphore::new(running_max.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Whether the secret is the one that was hashed. Without a hash it is not, and takes as long to say so.
    async fn verify(&self, secret: SecretString, hash: Option<String>) -> Result<bool, Error> {
        let overload = |_| Error::Overload("too many logins wait");
        let place = self.places.clone().try_acquire_owned().map_err(overload)?;
        let turn = self
            .running
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| Error::Internal("the pool is closed".to_owned()))?;
        // The place is given back when the work is done, even if the client no longer waits.
        let verified = tokio::task::spawn_blocking(move || {
            let right =
                secrets::verify_secret(&secret, hash.as_deref().unwrap_or_else(nobodys_hash));
            drop((turn, place));
            right && hash.is_some()
        });
        verified
            .await
            .map_err(|error| Error::Internal(error.to_string()))
    }
}

/// A hash that no secret has, so that an unknown application takes as long as a wrong secret.
fn nobodys_hash<'a>() -> &'a str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| secrets::hash_secret(&random::hex::<16>().into()))
}
