//! Creates that may be repeated (R1.15): the key of a request, and what was made under it before.

use super::error::Error;
use super::gate::Scope;
use super::{Call, North};
use crate::body::Body;
use crate::dispatch::key_horizon;
use crate::random;
use api::headers::{IDEMPOTENCY_KEY, IdempotencyKey};
use api::{Code, paths};
use delivery::Command;
use http::HeaderName;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use store::Application;

const NAME: HeaderName = HeaderName::from_static(IDEMPOTENCY_KEY);

/// The key of a request, and what tells the request from others.
pub(super) struct Repeatable {
    /// The key, as it is kept.
    pub(super) key: Arc<str>,
    /// SHA-256 of operation, path, `appId` and parsed body, in hex.
    pub(super) fingerprint: String,
}

/// The idempotency key of a request, if it has one.
pub(super) fn key(call: &Call) -> Result<Option<IdempotencyKey>, Error> {
    let value = call.head.headers.get(NAME);
    Ok(value
        .map(|value| IdempotencyKey::parse(value.as_bytes()))
        .transpose()?)
}

impl Repeatable {
    /// What tells this request from others under the same key. Spellings that the parser evens out make no difference.
    pub(super) fn new(
        key: &IdempotencyKey,
        call: &Call,
        scope: &Scope,
        parsed: &impl Serialize,
    ) -> Self {
        let parsed = serde_json::to_vec(parsed).expect("requests hold strings, integers and JSON");
        let path = paths::normalise(call.head.uri.path());
        let mut digest = Sha256::new();
        for part in [
            call.operation.name().as_bytes(),
            path.as_bytes(),
            scope.owner.app_id.as_bytes(),
            &parsed,
        ] {
            digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part);
        }
        Self {
            key: scoped(key, scope),
            fingerprint: random::to_hex(&digest.finalize()),
        }
    }

    /// The body of a command that was accepted under this key, if it was for the same request.
    ///
    /// # Errors
    /// 190409 if it was for another one.
    pub(super) fn same(&self, command: &Command) -> Result<Body, Error> {
        let body = Body::read(&command.body).map_err(|error| Error::Row(error.to_string()))?;
        if body.fingerprint.as_deref() == Some(&self.fingerprint) {
            Ok(body)
        } else {
            Err(Error::code(Code::IdempotencyKeyConflict))
        }
    }
}

/// A key as it is kept: keys are per application that calls (R1.15), and the store keeps them per application that a device
/// belongs to. No key of a request has a blank in it, so none can be taken for another application's.
fn scoped(key: &IdempotencyKey, scope: &Scope) -> Arc<str> {
    if scope.caller.key == scope.owner.key {
        key.as_str().into()
    } else {
        format!("{} {}", scope.caller.key.0, key.as_str()).into()
    }
}

impl North {
    /// The command that was accepted under this key, as it is now.
    pub(super) async fn kept(
        &self,
        repeatable: &Repeatable,
        owner: &Application,
    ) -> Result<Option<Command>, Error> {
        let (app, key, since) = (
            owner.key,
            repeatable.key.clone(),
            key_horizon(self.clock().now()),
        );
        Ok(self
            .registry
            .ask(move |store| store.command_by_key(app, &key, since))
            .await?)
    }
}
