//! Applications: made, listed, changed, frozen and deleted by the operator.

use super::problem::Checked;
use super::wire::{ApplicationChange, ApplicationView, NewApplication, NewSecret};
use super::{Admin, Problem};
use crate::limits::CALLBACK_CA_BYTES_MAX;
use crate::task::to_the_end;
use crate::{random, secrets};
use api::webhook::WebhookSecret;
use axum::Json;
use axum::extract::{Path, Query, State};
use http::StatusCode;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use store::Application;

/// `String(256)` of the contract, for both.
const ID_CHARS_MAX: usize = 256;
const NAME_CHARS_MAX: usize = 256;
/// Bytes of a key that callbacks are signed with.
const WEBHOOK_KEY_BYTES: usize = 32;

pub(super) async fn list(State(admin): State<Arc<Admin>>) -> Json<Vec<ApplicationView>> {
    Json(
        admin
            .registry
            .applications()
            .iter()
            .map(|app| view(app))
            .collect(),
    )
}

pub(super) async fn create(
    State(admin): State<Arc<Admin>>,
    Checked(Json(asked)): Checked<Json<NewApplication>>,
) -> Result<(StatusCode, Json<ApplicationView>), Problem> {
    let app_id = asked.app_id.unwrap_or_else(random::hex::<14>);
    if app_id.is_empty()
        || app_id.len() > ID_CHARS_MAX
        || !app_id.bytes().all(|b| b.is_ascii_graphic())
    {
        return Err(Problem::Invalid(format!(
            "appId must have 1 to {ID_CHARS_MAX} visible ASCII characters"
        )));
    }
    let name = name(asked.name)?.unwrap_or_default();
    if admin.registry.application(&app_id).is_some() {
        return Err(Problem::Conflict(
            "an application of this appId exists already".into(),
        ));
    }
    let (secret, secret_hash) = hashed(asked.secret).await?;
    let app = Application {
        key: admin.registry.new_app_key(),
        app_id,
        name,
        secret_hash,
        created: admin.dispatch.parts().clock.now(),
        throttled: asked.throttled.unwrap_or(true),
        frozen: false,
        webhook_secret: None,
        callback_ca: None,
    };
    let app = admin.registry.keep_application(app).await?;
    tracing::info!(app_id = app.app_id, "an application was created");
    let shown = ApplicationView {
        secret: Some(secret.expose_secret().to_owned()),
        ..view(&app)
    };
    Ok((StatusCode::CREATED, Json(shown)))
}

pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    Path(app_id): Path<String>,
) -> Result<Json<ApplicationView>, Problem> {
    let app = found(&admin, &app_id)?;
    Ok(Json(ApplicationView {
        devices: Some(admin.registry.devices_of(app.key).await?),
        callback_ca: app.callback_ca.clone(),
        ..view(&app)
    }))
}

pub(super) async fn change(
    State(admin): State<Arc<Admin>>,
    Path(app_id): Path<String>,
    Checked(Json(asked)): Checked<Json<ApplicationChange>>,
) -> Result<Json<ApplicationView>, Problem> {
    let name = name(asked.name)?;
    if let Some(pem) = asked.callback_ca.as_ref().filter(|pem| !pem.is_empty()) {
        check_ca(pem).map_err(Problem::Invalid)?;
    }
    let frozen = asked.frozen;
    let change = move |app: &mut Application| {
        app.throttled = asked.throttled.unwrap_or(app.throttled);
        app.frozen = frozen.unwrap_or(app.frozen);
        if let Some(name) = name {
            app.name = name;
        }
        if let Some(pem) = asked.callback_ca {
            app.callback_ca = Some(pem).filter(|pem| !pem.is_empty());
        }
    };
    // Tokens die when it is frozen, and when it thaws: one that was being issued in between must not come alive.
    let app = changed(&admin, &app_id, frozen.is_some(), change).await?;
    if let Some(frozen) = frozen {
        tracing::info!(app_id, frozen, "an application was frozen or thawed");
    }
    Ok(Json(view(&app)))
}

/// Another secret. Tokens stay as they are unless they are to die.
pub(super) async fn rotate_secret(
    State(admin): State<Arc<Admin>>,
    Path(app_id): Path<String>,
    Checked(Json(asked)): Checked<Json<NewSecret>>,
) -> Result<Json<ApplicationView>, Problem> {
    found(&admin, &app_id)?;
    let (secret, hash) = hashed(asked.secret).await?;
    let app = changed(&admin, &app_id, asked.log_out, move |app| {
        app.secret_hash = hash;
    })
    .await?;
    tracing::info!(
        app_id,
        log_out = asked.log_out,
        "an application got another secret"
    );
    Ok(Json(ApplicationView {
        secret: Some(secret.expose_secret().to_owned()),
        ..view(&app)
    }))
}

/// Another secret to sign callbacks with (R5.4); it is shown in this answer only.
pub(super) async fn rotate_webhook_secret(
    State(admin): State<Arc<Admin>>,
    Path(app_id): Path<String>,
) -> Result<Json<ApplicationView>, Problem> {
    let key = random::bytes::<WEBHOOK_KEY_BYTES>();
    let secret = WebhookSecret::of_bytes(&key).expect("24 to 64 bytes");
    // Its text is what the sender of callbacks reads back.
    let sealed = admin.vault.seal(secret.expose().as_bytes());
    let change = move |app: &mut Application| app.webhook_secret = Some(sealed);
    let app = changed(&admin, &app_id, false, change).await?;
    tracing::info!(app_id, "an application got another webhook secret");
    Ok(Json(ApplicationView {
        webhook_secret: Some(secret.expose()),
        ..view(&app)
    }))
}

/// No secret to sign callbacks with any more.
pub(super) async fn remove_webhook_secret(
    State(admin): State<Arc<Admin>>,
    Path(app_id): Path<String>,
) -> Result<Json<ApplicationView>, Problem> {
    let change = |app: &mut Application| app.webhook_secret = None;
    let app = changed(&admin, &app_id, false, change).await?;
    tracing::info!(app_id, "an application's callbacks are no longer signed");
    Ok(Json(view(&app)))
}

/// What may go with an application.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Deletion {
    with_devices: bool,
}

/// Deletes an application, and its devices if they may go with it.
pub(super) async fn delete(
    State(admin): State<Arc<Admin>>,
    Path(app_id): Path<String>,
    Checked(Query(asked)): Checked<Query<Deletion>>,
) -> Result<StatusCode, Problem> {
    let (registry, id) = (admin.registry.clone(), app_id.clone());
    let work = async move { registry.delete_application(&id, asked.with_devices).await };
    if to_the_end(work).await.map_err(Problem::Store)?? {
        tracing::info!(app_id, "an application was deleted");
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(missing(&app_id))
    }
}

/// The application as it is after a change, which is carried through though the operator leaves.
async fn changed(
    admin: &Admin,
    app_id: &str,
    log_out: bool,
    change: impl FnOnce(&mut Application) + Send + 'static,
) -> Result<Arc<Application>, Problem> {
    let (registry, id) = (admin.registry.clone(), app_id.to_owned());
    let work = async move { registry.change_application(&id, log_out, change).await };
    let app = to_the_end(work).await.map_err(Problem::Store)??;
    app.ok_or_else(|| missing(app_id))
}

pub(super) fn found(admin: &Admin, app_id: &str) -> Result<Arc<Application>, Problem> {
    let found = admin.registry.application(app_id);
    found.ok_or_else(|| missing(app_id))
}

fn missing(app_id: &str) -> Problem {
    Problem::NotFound(format!("application {app_id}"))
}

/// A secret, made up if none is given, and its hash.
async fn hashed(asked: Option<String>) -> Result<(SecretString, String), Problem> {
    let secret = asked.unwrap_or_else(random::hex::<14>);
    if secret.is_empty() || secret.chars().count() > ID_CHARS_MAX {
        return Err(Problem::Invalid(format!(
            "secret must have 1 to {ID_CHARS_MAX} characters"
        )));
    }
    let secret = SecretString::from(secret);
    let kept = secret.clone();
    let hashed = tokio::task::spawn_blocking(move || secrets::hash_secret(&kept)).await;
    let hash =
        hashed.map_err(|error| Problem::Store(format!("the secret cannot be hashed: {error}")))?;
    Ok((secret, hash))
}

/// Whether a text holds certificate authorities, and nothing that no authority can be.
fn check_ca(pem: &str) -> Result<(), String> {
    if pem.len() > CALLBACK_CA_BYTES_MAX {
        return Err(format!(
            "callbackCa must have at most {CALLBACK_CA_BYTES_MAX} bytes"
        ));
    }
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let added = certificate
            .map_err(|error| error.to_string())
            .and_then(|certificate| roots.add(certificate).map_err(|error| error.to_string()));
        added.map_err(|why| format!("callbackCa holds something that is no certificate: {why}"))?;
    }
    if roots.is_empty() {
        return Err("callbackCa holds no certificate in PEM".to_owned());
    }
    Ok(())
}

fn name(asked: Option<String>) -> Result<Option<String>, Problem> {
    let too_long = asked
        .as_ref()
        .is_some_and(|name| name.chars().count() > NAME_CHARS_MAX);
    if too_long {
        return Err(Problem::Invalid(format!(
            "name must have at most {NAME_CHARS_MAX} characters"
        )));
    }
    Ok(asked)
}

fn view(app: &Application) -> ApplicationView {
    ApplicationView {
        app_id: app.app_id.clone(),
        name: app.name.clone(),
        throttled: app.throttled,
        frozen: app.frozen,
        created: app.created.into(),
        devices: None,
        signs_callbacks: app.webhook_secret.is_some(),
        callback_ca: None,
        secret: None,
        webhook_secret: None,
    }
}
