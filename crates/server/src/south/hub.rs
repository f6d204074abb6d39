//! The hub: which device has which sessions, and where their mailboxes are.

use super::mailbox::{CloseReason, Mailbox, Order};
use crate::faults::{Fault, Faults};
use crate::limits::SESSIONS_PER_DEVICE_MAX;
use delivery::{DeviceId, Downlink, SessionId};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The map is cut so that sessions seldom wait for each other.
const PARTS: usize = 16;

/// Every session of the platform, by device.
pub struct Hub {
    parts: [Mutex<HashMap<DeviceId, Sessions>>; PARTS],
    last_session: AtomicU64,
    faults: Arc<Faults>,
    held: Mutex<Option<(Arc<Mailbox>, Downlink)>>,
}

#[derive(Default)]
struct Sessions {
    all: SmallVec<[(SessionId, Arc<Mailbox>); 1]>,
    /// The one that takes commands.
    subscribed: Option<SessionId>,
}

/// A frame that was not handed over: no byte of it left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotDelivered;

impl Hub {
    /// An empty hub.
    pub fn new(faults: Arc<Faults>) -> Self {
        Self {
            parts: Default::default(),
            last_session: AtomicU64::new(0),
            faults,
            held: Mutex::new(None),
        }
    }

    /// Numbers a new session of a device. The second value says whether it is the device's only one: it comes online.
    ///
    /// A device that has as many as it may (its old connections died unnoticed, say) loses the oldest that takes no commands.
    /// `None` if that does not help: too many are still about to end.
    pub fn open(&self, device: DeviceId, mailbox: &Arc<Mailbox>) -> Option<(SessionId, bool)> {
        let mut part = self.part(device);
        let sessions = part.entry(device).or_default();
        if sessions.all.len() >= 2 * SESSIONS_PER_DEVICE_MAX {
            return None;
        }
        if sessions.all.len() >= SESSIONS_PER_DEVICE_MAX {
            let subscribed = sessions.subscribed;
            let mut idle = sessions
                .all
                .iter()
                .filter(|(id, _)| Some(*id) != subscribed);
            if let Some((_, oldest)) = idle.next() {
                oldest.leave(Order::Close(CloseReason::TakenOver)).ok();
            }
        }
        let id = SessionId(self.last_session.fetch_add(1, Ordering::Relaxed) + 1);
        let first = sessions.all.is_empty();
        sessions.all.push((id, mailbox.clone()));
        Some((id, first))
    }

    /// The session takes commands from now on; an older one that did is told to close (R6.5).
    pub fn subscribed(&self, device: DeviceId, session: SessionId) {
        let mut part = self.part(device);
        let Some(sessions) = part.get_mut(&device) else {
            return;
        };
        if let Some(older) = sessions
            .subscribed
            .replace(session)
            .filter(|older| *older != session)
        {
            sessions.order(older, Order::Close(CloseReason::TakenOver));
        }
    }

    /// The session takes no commands any more.
    pub fn unsubscribed(&self, device: DeviceId, session: SessionId) {
        if let Some(sessions) = self.part(device).get_mut(&device) {
            sessions.subscribed.take_if(|present| *present == session);
        }
    }

    /// The session is over. Says whether it was the device's last one: it goes offline.
    pub fn closed(&self, device: DeviceId, session: SessionId) -> bool {
        let mut part = self.part(device);
        let Some(sessions) = part.get_mut(&device) else {
            return false;
        };
        sessions.all.retain(|(id, _)| *id != session);
        sessions.subscribed.take_if(|present| *present == session);
        let last = sessions.all.is_empty();
        if last {
            part.remove(&device);
            // An idle map gives its memory back once most of it is unused.
            if part.capacity() > 64 && part.len() * 4 < part.capacity() {
                part.shrink_to_fit();
            }
        }
        last
    }

    /// Whether the device has a session.
    pub fn is_online(&self, device: DeviceId) -> bool {
        self.part(device).contains_key(&device)
    }

    /// Whether the device has a session that takes commands.
    pub fn is_reachable(&self, device: DeviceId) -> bool {
        self.part(device)
            .get(&device)
            .is_some_and(|s| s.subscribed.is_some())
    }

    /// How many devices have a session.
    pub fn devices(&self) -> usize {
        self.parts
            .iter()
            .map(|p| p.lock().unwrap_or_else(PoisonError::into_inner).len())
            .sum()
    }

    /// Hands an attempt to its session.
    ///
    /// # Errors
    /// [`NotDelivered`] if the session is gone or does not keep up: the attempt is lost, and the heart is to hear of it.
    pub fn deliver(&self, device: DeviceId, downlink: Downlink) -> Result<(), NotDelivered> {
        let mailbox = self.mailbox(device, downlink.session).ok_or(NotDelivered)?;
        if self.faults.strikes(Fault::RefuseFrame) {
            // A link that refuses a frame is no longer to be relied upon.
            mailbox.leave(Order::Close(CloseReason::TooSlow)).ok();
            return Err(NotDelivered);
        }
        if self.faults.strikes(Fault::DropFrame) {
            return Ok(());
        }
        if self.faults.strikes(Fault::HoldFrame) {
            *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some((mailbox, downlink));
            return Ok(());
        }
        let held = self
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let given = mailbox
            .leave(Order::Deliver(downlink))
            .map_err(|_| NotDelivered);
        if let Some((mailbox, held)) = held {
            mailbox.leave(Order::Deliver(held)).ok();
        }
        given
    }

    /// Tells one session to close.
    pub fn close(&self, device: DeviceId, session: SessionId, reason: CloseReason) {
        if let Some(mailbox) = self.mailbox(device, session) {
            mailbox.leave(Order::Close(reason)).ok();
        }
    }

    /// Tells every session of a device to close.
    pub fn close_device(&self, device: DeviceId, reason: CloseReason) {
        if let Some(sessions) = self.part(device).get(&device) {
            for (_, mailbox) in &sessions.all {
                mailbox.leave(Order::Close(reason)).ok();
            }
        }
    }

    /// Tells every session of the platform to close.
    pub fn close_all(&self, reason: CloseReason) {
        for part in &self.parts {
            for sessions in part.lock().unwrap_or_else(PoisonError::into_inner).values() {
                for (_, mailbox) in &sessions.all {
                    mailbox.leave(Order::Close(reason)).ok();
                }
            }
        }
    }

    fn mailbox(&self, device: DeviceId, session: SessionId) -> Option<Arc<Mailbox>> {
        let part = self.part(device);
        part.get(&device)?
            .all
            .iter()
            .find(|(id, _)| *id == session)
            .map(|(_, mailbox)| mailbox.clone())
    }

    fn part(&self, device: DeviceId) -> MutexGuard<'_, HashMap<DeviceId, Sessions>> {
        let at = usize::try_from(device.seq() % PARTS as u64).expect("below the number of parts");
        self.parts[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sessions {
    fn order(&self, session: SessionId, order: Order) {
        if let Some((_, mailbox)) = self.all.iter().find(|(id, _)| *id == session) {
            mailbox.leave(order).ok();
        }
    }
}
