//! Grants: which application may act on whose devices, and how far that goes.
//!
//! What is in force stands in memory. Whoever decides under a grant holds the table while he looks and until what he decided
//! is given to the store ([`Grants::hold`]); whoever ends a grant changes the table before he gives the end to the store. So
//! the store has every decision that rested on a grant before it has the grant's end, and none after (R1.11). What is pending
//! then is called back by [`Endings`](super::Endings).

use super::rights::{Granted, Members, Right};
use crate::limits::GROUP_DEVICES_PER_READ;
use api::Operation;
use delivery::{AppKey, DeviceId, Moment};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use store::{Failed, Grant, GroupId, Store, Write};
use tokio::sync::Notify;

/// What an application is about to do with what may be another one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deed {
    /// Whose it is.
    pub owner: AppKey,
    /// Who does it.
    pub caller: AppKey,
    /// What is done.
    pub operation: Operation,
    /// To which device; `None` if to none that exists.
    pub device: Option<DeviceId>,
}

/// Every grant. Those that have ended but for what is still called back are among them.
#[derive(Default)]
pub struct Grants {
    table: RwLock<Table>,
    /// Endings are worked off by one at a time.
    pub(super) ending: tokio::sync::Mutex<()>,
    /// Something may have to end earlier than was thought.
    pub(super) poked: Notify,
}

/// The grants, and applications that are about to go.
#[derive(Default)]
pub(super) struct Table {
    /// By grantee and owner.
    pub(super) pairs: BTreeMap<(AppKey, AppKey), Pair>,
    /// The devices of the groups that grants name.
    pub(super) members: Members,
    /// Nothing is taken on for these any more.
    pub(super) closed: BTreeSet<AppKey>,
}

/// A grant, as it is kept and as it counts.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    /// As it is kept.
    pub(super) grant: Grant,
    /// What it allows; `None` once it was revoked.
    pub(super) right: Option<Arc<Right>>,
    /// It went further before, and what is pending beyond it has still to be called back: how often that has happened since it
    /// was called back last.
    pub(super) narrowed: u64,
}

/// The rights as they stand; none changes while this is held. It is held briefly, never across an `await`, and never twice
/// by one thread.
pub struct Standing<'a>(RwLockReadGuard<'a, Table>);

impl Deed {
    /// What is done to an application's own, by itself or on the operator's word.
    pub const fn own(owner: AppKey, operation: Operation, device: Option<DeviceId>) -> Self {
        Self {
            owner,
            caller: owner,
            operation,
            device,
        }
    }
}

impl Grants {
    /// Reads the grants that a store has.
    ///
    /// # Errors
    /// The store cannot be read, or a row of it does not decode.
    pub fn open(store: &dyn Store) -> Result<Self, Failed> {
        let mut table = Table::default();
        for grant in store.grants()? {
            let mark = store.setting(&narrowed_mark(grant.owner, grant.grantee))?;
            for group in &grant.groups {
                if let Entry::Vacant(unread) = table.members.entry(*group) {
                    unread.insert(Arc::new(members(store, *group)?));
                }
            }
            let pair = Pair {
                right: grant.revoked.is_none().then(|| Arc::new(Right::of(&grant))),
                narrowed: u64::from(mark.is_some_and(|value| !value.is_empty())),
                grant,
            };
            table
                .pairs
                .insert((pair.grant.grantee, pair.grant.owner), pair);
        }
        Ok(Self {
            table: RwLock::new(table),
            ..Self::default()
        })
    }

    /// What an application was granted to do with another's devices, if that is in force.
    pub fn granted(&self, owner: AppKey, grantee: AppKey, now: Moment) -> Option<Granted> {
        let standing = self.hold();
        let right = standing.pair(owner, grantee)?.right.as_ref();
        let right = right.filter(|right| right.is_in_force(now))?;
        Some(standing.granted(right))
    }

    /// Whether an application was granted anything: of one that was not, nobody asks on.
    pub fn is_grantee(&self, app: AppKey) -> bool {
        let its = (app, AppKey(0))..=(app, AppKey(u64::MAX));
        self.hold().0.pairs.range(its).next().is_some()
    }

    /// Every grant as it is kept, those that end included, by owner and grantee.
    pub fn all(&self) -> Vec<Grant> {
        let standing = self.hold();
        let mut all: Vec<Grant> = standing
            .0
            .pairs
            .values()
            .map(|pair| pair.grant.clone())
            .collect();
        all.sort_by_key(|grant| (grant.owner, grant.grantee));
        all
    }

    /// Holds the rights as they stand.
    pub fn hold(&self) -> Standing<'_> {
        Standing(self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The table, to be changed. Whoever has it waits for everyone who holds the rights.
    pub(super) fn table(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing<'_> {
    /// Whether the devices of this group stand in memory.
    pub(super) fn has_group(&self, group: GroupId) -> bool {
        self.0.members.contains_key(&group)
    }

    /// A right with the devices that its groups have.
    pub(super) fn granted(&self, right: &Arc<Right>) -> Granted {
        Granted::of(right, &self.0.members)
    }

    /// The grant of a pair.
    pub(super) fn pair(&self, owner: AppKey, grantee: AppKey) -> Option<&Pair> {
        self.0.pairs.get(&(grantee, owner))
    }

    /// Every grant.
    pub(super) fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.0.pairs.values()
    }

    /// Whether something may be done now: with one's own, or by a right that covers it.
    pub fn allows(&self, deed: &Deed, now: Moment) -> bool {
        self.0.allows(deed, now)
    }

    /// Whether devices of any group stand in memory.
    pub(super) fn has_groups(&self) -> bool {
        !self.0.members.is_empty()
    }
}

impl Table {
    /// Whether something may be done now.
    pub(super) fn allows(&self, deed: &Deed, now: Moment) -> bool {
        if self.closed.contains(&deed.owner) || self.closed.contains(&deed.caller) {
            return false;
        }
        if deed.owner == deed.caller {
            return true;
        }
        let pair = self.pairs.get(&(deed.caller, deed.owner));
        pair.and_then(|pair| pair.right.as_ref())
            .is_some_and(|right| {
                right.is_in_force(now)
                    && right.covers_operation(deed.operation)
                    && right.covers_device(deed.device, &self.members)
            })
    }

    /// Takes devices out of a group, all of them if none are named: from now on no right reaches them through it. What has to be
    /// written with that is given back: the rights behind which something may have to be called back.
    pub(super) fn leave(&mut self, group: GroupId, leaving: Option<&[DeviceId]>) -> Vec<Write> {
        let Some(members) = self.members.get_mut(&group) else {
            return Vec::new();
        };
        match leaving {
            Some(devices) => {
                let members = Arc::make_mut(members);
                for device in devices {
                    members.remove(device);
                }
            }
            None => *members = Arc::default(),
        }
        let mut marks = Vec::new();
        for pair in self.pairs.values_mut() {
            let queues = pair.right.as_ref().is_some_and(|right| right.queues());
            if queues && pair.grant.groups.contains(&group) {
                pair.narrowed += 1;
                marks.push(narrowed(pair.grant.owner, pair.grant.grantee, true));
            }
        }
        marks
    }

    /// Puts devices into a group, if a grant names it.
    pub(super) fn join(&mut self, group: GroupId, joining: &[DeviceId]) {
        if let Some(members) = self.members.get_mut(&group) {
            Arc::make_mut(members).extend(joining);
        }
    }

    /// Takes a device that is no more out of every group.
    pub(super) fn forget_device(&mut self, device: DeviceId) {
        for members in self.members.values_mut() {
            if members.contains(&device) {
                Arc::make_mut(members).remove(&device);
            }
        }
    }

    /// Puts groups out of memory that no grant names any more.
    pub(super) fn drop_unnamed(&mut self) {
        let pairs = self.pairs.values();
        let named: BTreeSet<GroupId> = pairs.flat_map(|pair| &pair.grant.groups).copied().collect();
        self.members.retain(|group, _| named.contains(group));
    }
}

/// The devices of a group.
pub(super) fn members(store: &dyn Store, group: GroupId) -> Result<BTreeSet<DeviceId>, Failed> {
    let (mut members, mut after) = (BTreeSet::new(), 0);
    loop {
        let part = store.group_devices(group, after, GROUP_DEVICES_PER_READ)?;
        let Some(last) = part.last() else {
            return Ok(members);
        };
        after = last.seq();
        members.extend(part);
    }
}

/// Notes that what is pending beyond a grant has to be called back, or no longer has.
pub(super) fn narrowed(owner: AppKey, grantee: AppKey, is: bool) -> Write {
    Write::Setting {
        name: narrowed_mark(owner, grantee),
        value: if is { b"1".to_vec() } else { Vec::new() },
    }
}

/// The platform's own setting that says that a grant was narrowed and what is pending beyond it is still called back.
fn narrowed_mark(owner: AppKey, grantee: AppKey) -> String {
    format!("grant.narrowed.{}.{}", owner.0, grantee.0)
}
