//! Applications: made, listed and changed by the operator.

use super::problem::Checked;
use super::wire::{ApplicationChange, ApplicationView, NewApplication};
use super::{Admin, Problem};
use crate::{random, secrets};
use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use store::Application;

/// `String(256)` of the contract, for both.
const ID_CHARS_MAX: usize = 256;
const NAME_CHARS_MAX: usize = 256;

pub(super) async fn list(State(admin): State<Arc<Admin>>) -> Json<Vec<ApplicationView>> {
    Json(
        admin
            .registry
            .applications()
            .iter()
            .map(|app| view(app, None))
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
    let secret = asked.secret.unwrap_or_else(random::hex::<14>);
    if secret.is_empty() || secret.chars().count() > ID_CHARS_MAX {
        return Err(Problem::Invalid(format!(
            "secret must have 1 to {ID_CHARS_MAX} characters"
        )));
    }
    let name = name(asked.name)?.unwrap_or_default();
    if admin.registry.application(&app_id).is_some() {
        return Err(Problem::Conflict(
            "an application of this appId exists already".into(),
        ));
    }
    let secret = SecretString::from(secret);
    let kept = secret.clone();
    let hashed = tokio::task::spawn_blocking(move || secrets::hash_secret(&kept)).await;
    let secret_hash =
        hashed.map_err(|error| Problem::Store(format!("the secret cannot be hashed: {error}")))?;
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
    Ok((StatusCode::CREATED, Json(view(&app, Some(&secret)))))
}

pub(super) async fn change(
    State(admin): State<Arc<Admin>>,
    Path(app_id): Path<String>,
    Checked(Json(change)): Checked<Json<ApplicationChange>>,
) -> Result<Json<ApplicationView>, Problem> {
    let found = admin.registry.application(&app_id);
    let app = found.ok_or_else(|| Problem::NotFound(format!("application {app_id}")))?;
    let mut changed = Application::clone(&app);
    changed.throttled = change.throttled.unwrap_or(app.throttled);
    if let Some(name) = name(change.name)? {
        changed.name = name;
    }
    let app = admin.registry.keep_application(changed).await?;
    Ok(Json(view(&app, None)))
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

fn view(app: &Application, secret: Option<&SecretString>) -> ApplicationView {
    ApplicationView {
        app_id: app.app_id.clone(),
        name: app.name.clone(),
        throttled: app.throttled,
        created: app.created.into(),
        secret: secret.map(|secret| secret.expose_secret().to_owned()),
    }
}
