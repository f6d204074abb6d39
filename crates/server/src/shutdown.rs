//! The end of the process: asked for, or forced by a store that fails.

use std::sync::Arc;
use tokio::sync::watch;

/// Whether the platform runs. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Shutdown {
    phase: Arc<watch::Sender<Phase>>,
}

/// How far the end has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// It runs.
    Running,
    /// It finishes what it has begun and takes nothing new.
    Draining,
    /// The store failed: nothing is acknowledged any more (R2.5).
    Failed(String),
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            phase: Arc::new(watch::Sender::new(Phase::Running)),
        }
    }
}

impl Shutdown {
    /// Asks for an orderly end.
    pub fn drain(&self) {
        self.phase.send_if_modified(|phase| {
            let running = *phase == Phase::Running;
            if running {
                *phase = Phase::Draining;
            }
            running
        });
    }

    /// Says that nothing may be acknowledged any more. The first reason stays.
    pub fn fail(&self, reason: &str) {
        self.phase.send_if_modified(|phase| {
            let fresh = !matches!(phase, Phase::Failed(_));
            if fresh {
                *phase = Phase::Failed(reason.to_owned());
            }
            fresh
        });
    }

    /// How far the end has come.
    pub fn phase(&self) -> Phase {
        self.phase.borrow().clone()
    }

    /// Returns when it runs no longer.
    pub async fn begun(&self) -> Phase {
        let mut phase = self.phase.subscribe();
        let ended = phase.wait_for(|phase| *phase != Phase::Running).await;
        ended.map_or(Phase::Draining, |phase| phase.clone())
    }

    /// Returns when the store has failed.
    pub async fn failed(&self) -> String {
        let mut phase = self.phase.subscribe();
        let failed = phase
            .wait_for(|phase| matches!(phase, Phase::Failed(_)))
            .await;
        match failed.map(|phase| phase.clone()) {
            Ok(Phase::Failed(reason)) => reason,
            Ok(Phase::Running | Phase::Draining) | Err(_) => std::future::pending().await,
        }
    }
}
