//! What applications and devices of a round share: where the platform is, how far the round has come, and the record.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::record::Record;
use crate::rig::Registered;

/// Where the platform listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// For applications.
    pub(crate) north: SocketAddr,
    /// For devices.
    pub(crate) mqtt: SocketAddr,
}

/// How far the round has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Load, and kills.
    Storm,
    /// No new commands; devices are well.
    Calm,
    /// Everybody goes.
    Over,
}

/// A view of the round. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// Where the platform is; `None` while it is down.
    pub(crate) place: watch::Receiver<Option<Place>>,
    /// How far the round has come.
    pub(crate) phase: watch::Receiver<Phase>,
    /// Stirs when an application asks for something.
    pub(crate) asked: Arc<Notify>,
    /// Stirs when a device says something.
    pub(crate) said: Arc<Notify>,
    /// What everybody saw.
    pub(crate) record: Arc<Record>,
    /// The devices, by number.
    pub(crate) devices: Arc<[Registered]>,
    /// Where callbacks go.
    pub(crate) callback_url: Arc<str>,
}

impl World {
    /// How far the round has come.
    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Waits for the platform; `None` when the round is over.
    pub(crate) async fn platform(&mut self) -> Option<Place> {
        tokio::select! {
            found = self.place.wait_for(Option::is_some) => found.ok().and_then(|place| *place),
            _ = self.phase.wait_for(|phase| *phase == Phase::Over) => None,
        }
    }

    /// Pauses, at most until `phase`.
    pub(crate) async fn pause(&mut self, span: Duration, phase: Phase) {
        tokio::select! {
            () = tokio::time::sleep(span) => {}
            _ = self.phase.wait_for(|now| *now >= phase) => {}
        }
    }
}
