//! Registrations that lapse: devices that do not bind in time are deleted when their time is up (contract §3.1, §3.3).
//!
//! The earliest moments wait in memory. What does not fit there is read again from the store once its time may have come.

use super::Registry;
use crate::limits::{BINDINGS_PER_READ, BINDINGS_WAITING_MAX};
use crate::timed::{Settling, Timed};
use delivery::{DeviceId, Moment};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::{Device, Failed};
use tokio::sync::Notify;

/// When a deletion is tried again that could not be carried out, or that was not due because the device is just connecting.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Which devices must bind by when.
pub(super) struct Bindings {
    waiting: Mutex<Waiting>,
    poked: Notify,
    /// One at a time does what is due.
    settling: tokio::sync::Mutex<()>,
}

struct Waiting {
    earliest: BTreeSet<(Moment, DeviceId)>,
    /// The store knows some that are due then or later and are not among the earliest.
    further: Option<Moment>,
}

/// The part of the server that deletes devices whose registration has lapsed.
pub struct Lapses {
    registry: Arc<Registry>,
}

impl Default for Bindings {
    /// Nothing is known yet: all of it is to be read.
    fn default() -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                earliest: BTreeSet::new(),
                further: Some(Moment::from_millis(0)),
            }),
            poked: Notify::new(),
            settling: tokio::sync::Mutex::default(),
        }
    }
}

impl Bindings {
    /// Notes the time of a device's record that was kept just now, if it has one.
    pub(super) fn note(&self, device: &Device) {
        let open = device.activated.is_none() && device.deleted.is_none();
        if let Some(by) = device.bind_by.filter(|_| open)
            && self.waiting().insert(by, device.id)
        {
            self.poked.notify_one();
        }
    }

    /// Notes that a device is to be looked at again soon.
    pub(super) fn again(&self, device: DeviceId, now: Moment) {
        self.waiting().insert(now + TRY_AGAIN_AFTER, device);
        self.poked.notify_one();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Takes a device in; whether it is the earliest now.
    fn insert(&mut self, by: Moment, device: DeviceId) -> bool {
        self.earliest.insert((by, device));
        if self.earliest.len() > BINDINGS_WAITING_MAX
            && let Some((left_out, _)) = self.earliest.pop_last()
        {
            let further = self.further.map_or(left_out, |known| known.min(left_out));
            self.further = Some(further);
        }
        self.earliest.first() == Some(&(by, device))
    }

    /// When there is something to do next.
    fn next(&self) -> Option<Moment> {
        let first = self.earliest.first().map(|(by, _)| *by);
        [first, self.further].into_iter().flatten().min()
    }

    /// Takes a device out whose time is up.
    fn due(&mut self, now: Moment) -> Option<DeviceId> {
        let due = self.earliest.first().is_some_and(|(by, _)| *by <= now);
        due.then(|| self.earliest.pop_first())
            .flatten()
            .map(|(_, device)| device)
    }
}

impl Lapses {
    /// Deletes devices of this registry.
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry }
    }

    async fn carry_out(&self) -> Result<Option<Moment>, Failed> {
        let bindings = &self.registry.bindings;
        let _one = bindings.settling.lock().await;
        let now = self.registry.dispatch.parts().clock.now();
        loop {
            self.read_further(now).await?;
            loop {
                // The lock is not held while the device is looked at.
                let due = bindings.waiting().due(now);
                let Some(device) = due else { break };
                self.settle_one(device, now).await?;
            }
            let next = bindings.waiting().next();
            if next.is_none_or(|next| next > now) {
                return Ok(next);
            }
        }
    }

    /// Reads everything anew if what was left out may be due.
    async fn read_further(&self, now: Moment) -> Result<(), Failed> {
        let bindings = &self.registry.bindings;
        let is_due = |waiting: &Waiting| waiting.further.is_some_and(|further| further <= now);
        {
            let mut waiting = bindings.waiting();
            if !is_due(&waiting) {
                return Ok(());
            }
            waiting.further = None;
        }
        let mut after = 0;
        loop {
            let read = self
                .registry
                .ask(move |store| store.bindings(after, BINDINGS_PER_READ));
            let page = read.await?;
            let mut waiting = bindings.waiting();
            for (device, by) in &page {
                waiting.insert(*by, *device);
                after = device.seq();
            }
            if page.len() < BINDINGS_PER_READ {
                return Ok(());
            }
        }
    }

    /// Deletes the device if its registration has lapsed. What has bound meanwhile stays.
    async fn settle_one(&self, id: DeviceId, now: Moment) -> Result<(), Failed> {
        // Whoever looks at such a device deletes it.
        if let Some(device) = self.registry.device(id).await? {
            let due = device.activated.is_none() && device.bind_by.is_some_and(|by| by <= now);
            if due {
                // It is just connecting, and its activation is about to be kept.
                self.registry.bindings.again(id, now);
            }
        }
        Ok(())
    }
}

impl Timed for Lapses {
    fn name(&self) -> &'static str {
        "the end of registrations"
    }

    fn settle(&self) -> Settling<'_> {
        Box::pin(async {
            let carried_out = self.carry_out().await;
            carried_out.unwrap_or_else(|error| {
                tracing::error!(%error, "lapsed registrations cannot be looked for");
                Some(self.registry.dispatch.parts().clock.now() + TRY_AGAIN_AFTER)
            })
        })
    }

    fn poked(&self) -> &Notify {
        &self.registry.bindings.poked
    }
}
