//! Product models: the vendor's package or one document of ours.

use super::package;
use super::problem::Checked;
use super::wire::{ProfileAdded, ProfileShown, ProfileView, ServiceView};
use super::{Admin, Problem};
use crate::registry::Model;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use http::StatusCode;
use profile::Profile;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use store::{DEVICES_SCANNED_MAX, Device, DeviceFilter, Store};

pub(super) async fn list(State(admin): State<Arc<Admin>>) -> Json<Vec<ProfileView>> {
    Json(
        admin
            .registry
            .models()
            .iter()
            .map(|model| view(model))
            .collect(),
    )
}

pub(super) async fn add(
    State(admin): State<Arc<Admin>>,
    body: Bytes,
) -> Result<Json<ProfileAdded>, Problem> {
    // Reading a large package takes some milliseconds of a processor.
    let read = tokio::task::spawn_blocking(move || read(&body)).await;
    let profile = read
        .map_err(|error| Problem::Store(error.to_string()))?
        .map_err(Problem::Invalid)?;
    let now = admin.dispatch.parts().clock.now();
    let (model, replaced) = admin.registry.add_model(profile, now).await?;
    tracing::info!(
        version = model.version,
        model = model.profile.key().model,
        "a product model was added"
    );
    Ok(Json(ProfileAdded {
        profile: view(&model),
        replaced,
    }))
}

pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    Path(key): Path<(String, String)>,
) -> Result<Json<ProfileShown>, Problem> {
    let model = find(&admin, &key)?;
    let document = String::from_utf8(model.profile.to_json());
    let document = document.expect("JSON is text");
    Ok(Json(ProfileShown {
        profile: view(&model),
        document: RawValue::from_string(document).expect("it was just written"),
    }))
}

/// How a product model is removed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct How {
    #[serde(default)]
    force: bool,
}

/// Removes a product model: new commands of its devices are no longer checked by it. Open commands keep the version that they were
/// checked against (R10.4).
pub(super) async fn remove(
    State(admin): State<Arc<Admin>>,
    Path(key): Path<(String, String)>,
    Checked(Query(how)): Checked<Query<How>>,
) -> Result<StatusCode, Problem> {
    find(&admin, &key)?;
    if !how.force {
        unused(&admin, &key).await?;
    }
    let now = admin.dispatch.parts().clock.now();
    if !admin.registry.remove_model(&key, now).await? {
        return Err(missing(&key));
    }
    tracing::info!(model = key.1, "a product model was removed");
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses if a device has this product model, or if so many devices there are that one may.
async fn unused(admin: &Admin, key: &(String, String)) -> Result<(), Problem> {
    for app in admin.registry.applications() {
        let (key, app_key) = (key.clone(), app.key);
        let search = move |store: &dyn Store| {
            let filter = |take| DeviceFilter {
                app: app_key,
                gateway: None,
                online: None,
                from: None,
                to: None,
                ascending: false,
                skip: 0,
                take,
            };
            let uses = |device: &Device| device.model.as_ref() == Some(&key);
            let users = store.devices(&filter(1), Some(&uses))?.total;
            let all = store.devices(&filter(1), None)?.total;
            Ok((users, all))
        };
        let (users, all) = admin.registry.ask(search).await?;
        let app_id = &app.app_id;
        let scanned = u64::try_from(DEVICES_SCANNED_MAX).unwrap_or(u64::MAX);
        if users > 0 {
            return Err(Problem::Conflict(format!(
                "{users} devices of application {app_id} have this profile, and their commands would no longer be checked; \
                 say so (force) to remove it nevertheless"
            )));
        }
        if all > scanned {
            return Err(Problem::Conflict(format!(
                "application {app_id} has {all} devices, too many to see whether one has this profile; \
                 say so (force) to remove it nevertheless"
            )));
        }
    }
    Ok(())
}

fn find(admin: &Admin, key: &(String, String)) -> Result<Arc<Model>, Problem> {
    let models = admin.registry.models();
    let is_it = |model: &&Arc<Model>| {
        let its = model.profile.key();
        its.manufacturer_id == key.0 && its.model == key.1
    };
    let found = models.iter().find(is_it).cloned();
    found.ok_or_else(|| missing(key))
}

fn missing(key: &(String, String)) -> Problem {
    Problem::NotFound(format!("profile {}/{}", key.0, key.1))
}

fn read(bytes: &[u8]) -> Result<Profile, String> {
    if package::is_zip(bytes) {
        return Profile::from_files(package::unpack(bytes)?).map_err(|error| error.to_string());
    }
    Profile::from_json(bytes).map_err(|error| error.to_string())
}

fn view(model: &Model) -> ProfileView {
    let device = model.profile.device();
    let services = model.profile.services().map(|service| ServiceView {
        service_id: service.service_id().to_owned(),
        commands: service
            .commands()
            .iter()
            .map(|command| command.name.clone())
            .collect(),
    });
    ProfileView {
        version: model.version,
        manufacturer_id: device.key.manufacturer_id.clone(),
        model: device.key.model.clone(),
        device_type: device.device_type.clone(),
        manufacturer_name: device.manufacturer_name.clone(),
        protocol_type: device.protocol_type.clone(),
        services: services.collect(),
    }
}
