//! The supervisor: waits for the end, asked for or forced, and sees it through within bounds.

use super::Ports;
use super::certificates::Certificates;
use super::parts::{Parts, Tasks};
use crate::config::Config;
use crate::shutdown::{Phase, Shutdown};
use crate::south::CloseReason;
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use std::time::Duration;
use store::Sqlite;
use tokio::task::{JoinError, JoinSet};

/// How long listeners and connections may take after a failed commit.
const FAILED_WITHIN: Duration = Duration::from_secs(2);
/// How long the operator's door tells of a failed commit before the process ends (R2.5).
const FAILED_SHOWN: Duration = Duration::from_millis(500);
/// How long the operator's last requests may take.
const DOOR_WITHIN: Duration = Duration::from_secs(1);
/// Beyond the time to drain: connections are cut off by then, and have only to notice.
const CUT_WITHIN: Duration = Duration::from_secs(2);
/// What was taken on is committed within this time, or not at all.
const SHARDS_WITHIN: Duration = Duration::from_secs(10);
/// How long the last holder of the database may take to let go.
const RELEASED_WITHIN: Duration = Duration::from_secs(2);
const RELEASE_ASKED_EVERY: Duration = Duration::from_millis(2);
/// How often samples of histograms are folded, scraped or not.
const FOLD_EVERY: Duration = Duration::from_secs(5);
/// How often certificates are looked at, in folds.
const CERTIFICATES_EVERY: u32 = 720;

/// Why a server did not end in good order.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    /// Nothing may be acknowledged any more (R2.5).
    #[error("nothing could be acknowledged any more: {0}; what was acknowledged before is kept")]
    Failed(String),
    /// A task of the server ended by itself: a defect.
    #[error("a part of the server ended unexpectedly: {0}")]
    Task(String),
    /// The end took longer than it may.
    #[error("{0} did not end in time; nothing that was acknowledged is lost")]
    Late(&'static str),
}

/// Waits for the end and carries it out.
pub(super) async fn run(parts: Parts, mut tasks: Tasks, config: Config) -> Result<(), EndError> {
    let shutdown = parts.shutdown();
    let ended = tokio::select! {
        _ = shutdown.begun() => None,
        ended = tasks.listeners.join_next() => ended,
        ended = tasks.door.join_next() => ended,
    };
    // A listener that ends because the platform stops is no defect.
    let broken = ended.filter(|_| shutdown.phase() == Phase::Running);
    let broken = broken.map(|ended| EndError::Task(said(ended)));
    shutdown.drain();
    tracing::info!("the server stops");
    parts
        .dispatch
        .parts()
        .hub
        .close_all(CloseReason::ShuttingDown);
    drain(
        &shutdown,
        &mut tasks.listeners,
        Duration::from_secs(config.shutdown.drain_s),
    )
    .await;
    if let Phase::Failed(_) = shutdown.phase() {
        tokio::time::sleep(FAILED_SHOWN).await;
    }
    tasks.close_door.notify_one();
    tokio::time::timeout(DOOR_WITHIN, all(&mut tasks.door))
        .await
        .ok();
    tasks.door.shutdown().await;
    let stopped = tokio::time::timeout(SHARDS_WITHIN, parts.dispatch.stop())
        .await
        .is_ok();
    Ports::remove(&config.data.folder);
    let closed = close(parts.release()).await;
    match (shutdown.phase(), broken) {
        (Phase::Failed(reason), _) => Err(EndError::Failed(reason)),
        (Phase::Running | Phase::Draining, Some(broken)) => Err(broken),
        (Phase::Running | Phase::Draining, None) if !stopped => Err(EndError::Late("the shards")),
        (Phase::Running | Phase::Draining, None) if !closed => Err(EndError::Late("the database")),
        (Phase::Running | Phase::Draining, None) => Ok(()),
    }
}

/// Waits until listeners and connections have ended, or until their time is up; then ends them.
async fn drain(shutdown: &Shutdown, listeners: &mut JoinSet<&'static str>, within: Duration) {
    let failed = async {
        let reason = shutdown.failed().await;
        tracing::error!(reason, "nothing is acknowledged any more");
        tokio::time::sleep(FAILED_WITHIN).await;
    };
    let drained = tokio::select! {
        drained = tokio::time::timeout(within + CUT_WITHIN, all(listeners)) => drained.is_ok(),
        () = failed => false,
    };
    if !drained {
        tracing::warn!("requests or sessions were cut off that did not end in time");
    }
    listeners.shutdown().await;
}

/// Waits until every task has ended.
async fn all(tasks: &mut JoinSet<&'static str>) {
    while tasks.join_next().await.is_some() {}
}

/// Closes the database once nobody else holds it, so that its files are free when this returns.
async fn close(database: Arc<Sqlite>) -> bool {
    let released = async {
        let mut held = database;
        loop {
            match Arc::try_unwrap(held) {
                Ok(database) => return database,
                Err(still) => held = still,
            }
            tokio::time::sleep(RELEASE_ASKED_EVERY).await;
        }
    };
    match tokio::time::timeout(RELEASED_WITHIN, released).await {
        Ok(database) => tokio::task::spawn_blocking(move || database.close())
            .await
            .is_ok(),
        Err(_) => false,
    }
}

/// Renews certificates, and folds samples, until the platform stops.
pub(super) async fn keep_house(
    shutdown: Shutdown,
    certificates: Certificates,
    recorder: PrometheusHandle,
) -> &'static str {
    let mut folds: u32 = 0;
    certificates.tell();
    while tokio::time::timeout(FOLD_EVERY, shutdown.begun())
        .await
        .is_err()
    {
        recorder.run_upkeep();
        folds = folds.wrapping_add(1);
        if folds.is_multiple_of(CERTIFICATES_EVERY) {
            certificates.reload().await;
        }
    }
    "housekeeping"
}

fn said(ended: Result<&'static str, JoinError>) -> String {
    match ended {
        Ok(name) => name.to_owned(),
        Err(error) => error.to_string(),
    }
}
