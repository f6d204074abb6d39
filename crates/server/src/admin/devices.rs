//! A device, as the operator sees it: by its id, or by its node id.

use super::wire::DeviceView;
use super::{Admin, Problem};
use axum::Json;
use axum::extract::{Path, State};
use delivery::{DeviceId, State as Stands};
use std::sync::Arc;

pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<String>,
) -> Result<Json<DeviceView>, Problem> {
    let missing = || Problem::NotFound(format!("device {id}"));
    let found = match id.parse::<DeviceId>() {
        Ok(id) => admin.registry.ask(move |store| store.device(id)).await?,
        Err(_) => admin
            .registry
            .device_by_node(&id)
            .await?
            .map(Arc::unwrap_or_clone),
    };
    let device = found.ok_or_else(missing)?;
    let lane = admin.dispatch.look(device.id).await?;
    let hub = &admin.dispatch.parts().hub;
    let open = lane.as_ref().map_or(&[][..], |lane| &lane.open);
    Ok(Json(DeviceView {
        device_id: device.id.to_string(),
        node_id: device.node_id.clone(),
        app_id: admin
            .registry
            .application_by_key(device.app)
            .map(|app| app.app_id.clone()),
        registered: device.registered.into(),
        activated: device.activated.map(Into::into),
        bind_by: device.bind_by.map(Into::into),
        deleted: device.deleted.map(Into::into),
        online: hub.is_online(device.id),
        reachable: hub.is_reachable(device.id),
        last_contact: lane.as_ref().and_then(|lane| lane.contact).map(Into::into),
        model: device.model.clone(),
        profile_version: admin.registry.model_of(&device).map(|model| model.version),
        open_commands: open.len(),
        pending_commands: open
            .iter()
            .filter(|command| command.state == Stands::Queued)
            .count(),
    }))
}
