//! The operator's door: an HTTP listener on loopback.
//!
//! `/healthz`, `/readyz` and `/metrics` are open to whoever reaches loopback; they tell numbers and no names. So are `/openapi.json` and
//! `/reference`, which tell what the northbound interface is. Everything under
//! `/downlink/v1/` needs the token that stands in `admin.token` in the data folder: `Authorization: Bearer <token>`.
//! Errors are `{"error":"…","message":"…"}` with an honest status.

mod applications;
mod backup;
mod callbacks;
pub mod client;
mod clock;
mod commands;
mod devices;
mod door;
mod explain;
mod faults;
mod grants;
mod groups;
mod health;
mod package;
mod problem;
mod profiles;
mod reference;
pub mod wire;

pub use door::{TOKEN_FILE, Token, TokenError};
pub use problem::Problem;

use crate::callback::Callbacks;
use crate::dispatch::Dispatch;
use crate::north::North;
use crate::registry::Registry;
use crate::secrets::Vault;
use crate::timed::Timers;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post, put};
use metrics_exporter_prometheus::PrometheusHandle;
use std::path::PathBuf;
use std::sync::Arc;
use store::Sqlite;
use tokio::net::TcpListener;

/// Bytes of a request's body; product model packages are the largest.
const BODY_BYTES_MAX: usize = 8 * 1_048_576;

/// What the operator's door works with.
pub struct Admin {
    /// The lanes.
    pub dispatch: Dispatch,
    /// Applications, devices and product models.
    pub registry: Arc<Registry>,
    /// The interface for applications: the operator's requests pass its checks.
    pub north: Arc<North>,
    /// What secrets are sealed with.
    pub vault: Arc<Vault>,
    /// The database: its counters, and the fault that a test can ask of it.
    pub database: Arc<Sqlite>,
    /// The data folder.
    pub folder: PathBuf,
    /// What was counted.
    pub recorder: PrometheusHandle,
    /// What a caller must show.
    pub token: Token,
    /// What acts by the clock beside the lanes.
    pub timers: Timers,
    /// The sender of callbacks.
    pub callbacks: Arc<Callbacks>,
    /// Moves of the test clock are made one after the other.
    pub moving: tokio::sync::Mutex<()>,
}

/// Serves the door on `listener` until `stops`, and what has begun to its end. It stops last, so that `/readyz` can be seen red.
pub async fn serve(
    listener: TcpListener,
    admin: Arc<Admin>,
    stops: impl Future<Output = ()> + Send + 'static,
) {
    let served = axum::serve(listener, router(admin))
        .with_graceful_shutdown(stops)
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "the admin listener failed");
    }
}

fn router(admin: Arc<Admin>) -> Router {
    let guarded = Router::new()
        .route(
            "/applications",
            get(applications::list).post(applications::create),
        )
        .route(
            "/applications/{app_id}",
            get(applications::show)
                .patch(applications::change)
                .delete(applications::delete),
        )
        .route(
            "/applications/{app_id}/secret",
            post(applications::rotate_secret),
        )
        .route(
            "/applications/{app_id}/webhook-secret",
            post(applications::rotate_webhook_secret).delete(applications::remove_webhook_secret),
        )
        .route("/grants", get(grants::list))
        .route(
            "/grants/{owner}/{grantee}",
            put(grants::grant).delete(grants::revoke),
        )
        .route("/groups", get(groups::list).post(groups::create))
        .route(
            "/groups/{group}",
            get(groups::show)
                .patch(groups::change)
                .delete(groups::delete),
        )
        .route("/groups/{group}/add", post(groups::add))
        .route("/groups/{group}/remove", post(groups::remove))
        .route("/profiles", get(profiles::list).post(profiles::add))
        .route(
            "/profiles/{manufacturer_id}/{model}",
            get(profiles::show).delete(profiles::remove),
        )
        .route("/devices", get(devices::list).post(devices::register))
        .route(
            "/devices/{device_id}",
            get(devices::show).delete(devices::delete),
        )
        .route("/devices/{device_id}/commands", post(commands::send))
        .route("/devices/{device_id}/muted-commands", post(devices::mute))
        .route("/commands", get(commands::list))
        .route("/commands/{command_id}", get(commands::show))
        .route("/commands/{command_id}/history", get(commands::history))
        .route("/commands/{command_id}/explain", get(commands::explain))
        .route("/commands/{command_id}/cancel", post(commands::cancel))
        .route("/callbacks/dead", get(callbacks::dead))
        .route("/callbacks/endpoints", get(callbacks::endpoints))
        .route("/callbacks/replay", post(callbacks::replay))
        .route("/backup", post(backup::make))
        .route("/clock", get(clock::show).post(clock::advance))
        .route("/faults", get(faults::list).post(faults::set))
        .layer(middleware::from_fn_with_state(admin.clone(), door::guard));
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(reference::document))
        .route("/reference", get(reference::page))
        .nest("/downlink/v1", guarded)
        .fallback(problem::unknown_path)
        .method_not_allowed_fallback(problem::wrong_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(admin)
}
