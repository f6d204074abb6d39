//! Product models: the vendor's package or one document of ours.

use super::package;
use super::wire::{ProfileAdded, ProfileView, ServiceView};
use super::{Admin, Problem};
use crate::registry::Model;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use profile::Profile;
use std::sync::Arc;

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
