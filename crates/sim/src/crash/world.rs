//! What applications and devices of a round share: where the platform is, how far the round has come, and the record.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::record::Record;
use crate::rig::Registered;

/// Where the platform listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// For applications.
    pub north: SocketAddr,
    /// For devices.
    pub mqtt: SocketAddr,
}

/// How far the round has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Load, and kills.
    Storm,
    /// No new commands; devices are well.
    Calm,
    /// Everybody goes.
    Over,
}

/// A view of the round. Cheap to clone.
#[derive(Clone, Debug)]
pub struct World {
    /// Where the platform is; `None` while it is down.
    pub place: watch::Receiver<Option<Place>>,
    /// How far the round has come.
    pub phase: watch::Receiver<Phase>,
    /// What everybody saw.
    pub record: Arc<Record>,
    /// The devices, by number.
    pub devices: Arc<[Registered]>,
}

impl World {
    /// How far the round has come.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Waits for the platform; `None` when the round is over.
    pub async fn platform(&mut self) -> Option<Place> {
        tokio::select! {
            found = self.place.wait_for(Option::is_some) => found.ok().and_then(|place| *place),
            _ = self.phase.wait_for(|phase| *phase == Phase::Over) => None,
        }
    }

    /// Pauses, at most until `phase`.
    pub async fn pause(&mut self, span: Duration, phase: Phase) {
        tokio::select! {
            () = tokio::time::sleep(span) => {}
            _ = self.phase.wait_for(|now| *now >= phase) => {}
        }
    }
}
