//! The two accounts of a session: commands that the device owes us a PUBACK for, and PUBACKs that we owe the device.

use std::collections::VecDeque;

use crate::event::Promise;

/// Commands sent with QoS 1 and not yet acknowledged, oldest first. Each has a packet id of its own (R6.3).
#[derive(Debug, Default)]
pub(crate) struct Outstanding {
    open: Vec<(u16, u64)>,
    last_id: u16,
}

impl Outstanding {
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// Takes a packet id that no open command has. The caller has checked that there are fewer than 65535 of them.
    pub(crate) fn open(&mut self, tag: u64) -> u16 {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if !self.open.iter().any(|&(id, _)| id == self.last_id) {
                break;
            }
        }
        self.open.push((self.last_id, tag));
        self.last_id
    }

    /// Takes the newest entry back: its packet was not written after all.
    pub(crate) fn withdraw(&mut self) {
        self.open.pop();
    }

    /// The tag that `packet_id` stands for, which is free again. `None` for one that is not open.
    pub(crate) fn close(&mut self, packet_id: u16) -> Option<u64> {
        let at = self.open.iter().position(|&(id, _)| id == packet_id)?;
        let (_, tag) = self.open.remove(at);
        if self.open.is_empty() {
            self.open = Vec::new();
        }
        Some(tag)
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.open.capacity() * size_of::<(u16, u64)>()
    }
}

/// QoS 1 messages of the device whose PUBACK is still owed, in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct Promises {
    /// The number of the oldest one in `owed`.
    first: u64,
    /// The number of the next one.
    next: u64,
    /// Packet id, and whether the content is committed.
    owed: VecDeque<(u16, bool)>,
}

impl Promises {
    pub(crate) fn len(&self) -> usize {
        self.owed.len()
    }

    pub(crate) fn make(&mut self, packet_id: u16) -> Promise {
        self.owed.push_back((packet_id, false));
        self.next += 1;
        Promise(self.next - 1)
    }

    /// Notes that the content behind `promise` is committed. One that was kept already is ignored.
    pub(crate) fn fulfil(&mut self, promise: Promise) {
        let at = promise
            .0
            .checked_sub(self.first)
            .and_then(|at| usize::try_from(at).ok());
        if let Some((_, committed)) = at.and_then(|at| self.owed.get_mut(at)) {
            *committed = true;
        }
    }

    /// The next packet id to acknowledge: the oldest one, once it is committed (R6.4).
    pub(crate) fn next_due(&mut self) -> Option<u16> {
        let (id, _) = self.owed.pop_front_if(|(_, committed)| *committed)?;
        self.first += 1;
        if self.owed.is_empty() {
            self.owed = VecDeque::new();
        }
        Some(id)
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.owed.capacity() * size_of::<(u16, bool)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packet_ids_are_never_zero_and_skip_those_in_use() {
        let mut outstanding = Outstanding::default();
        let kept = outstanding.open(7);
        for tag in 0..65_534 {
            let id = outstanding.open(tag);
            assert!(id != 0 && id != kept);
            assert_eq!(outstanding.close(id), Some(tag));
        }
        assert_eq!(outstanding.open(8), 2);
        assert_eq!(outstanding.close(kept), Some(7));
        assert_eq!(outstanding.close(kept), None);
        assert_eq!(outstanding.len(), 1);
    }

    #[test]
    fn r6_4_promises_are_kept_in_order_of_arrival() {
        let mut promises = Promises::default();
        let [a, b, c] = [5, 6, 5].map(|id| promises.make(id));
        promises.fulfil(b);
        assert_eq!(promises.next_due(), None);
        promises.fulfil(a);
        assert_eq!(
            (
                promises.next_due(),
                promises.next_due(),
                promises.next_due()
            ),
            (Some(5), Some(6), None)
        );
        promises.fulfil(a);
        promises.fulfil(Promise(99));
        assert_eq!((promises.next_due(), promises.len()), (None, 1));
        promises.fulfil(c);
        assert_eq!((promises.next_due(), promises.heap_bytes()), (Some(5), 0));
    }
}
