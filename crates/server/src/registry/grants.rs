//! Grants: which application may act on whose devices, and how far that goes.
//!
//! What is in force stands in memory. Whoever decides under a grant holds the table while he looks and until what he decided
//! is given to the store ([`Grants::hold`]); whoever ends a grant changes the table before he gives the end to the store. So
//! the store has every decision that rested on a grant before it has the grant's end, and none after (R1.11). What is pending
//! then is called back by [`Endings`](super::Endings).

use api::Operation;
use delivery::{AppKey, DeviceId, Moment};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use store::{Failed, Grant, Store};
use tokio::sync::Notify;

/// How far a grant goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Right {
    until: Option<Moment>,
    devices: Option<BTreeSet<DeviceId>>,
    operations: Option<BTreeSet<String>>,
}

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
    /// It went further before, and what is pending beyond it has still to be called back.
    pub(super) narrowed: bool,
}

/// The rights as they stand; none changes while this is held. It is held briefly, never across an `await`, and never twice
/// by one thread.
pub struct Standing<'a>(RwLockReadGuard<'a, Table>);

impl Right {
    /// What a grant allows while it is not revoked. No devices and no operations mean all of them.
    pub fn of(grant: &Grant) -> Self {
        let devices: BTreeSet<_> = grant.devices.iter().copied().collect();
        let operations: BTreeSet<_> = grant.operations.iter().cloned().collect();
        Self {
            until: grant.until,
            devices: (!devices.is_empty()).then_some(devices),
            operations: (!operations.is_empty()).then_some(operations),
        }
    }

    /// What both rights allow.
    pub(super) fn both(&self, other: &Self) -> Self {
        Self {
            until: [self.until, other.until].into_iter().flatten().min(),
            devices: both(self.devices.as_ref(), other.devices.as_ref()),
            operations: both(self.operations.as_ref(), other.operations.as_ref()),
        }
    }

    /// Whether it lets the grantee queue commands for everything that the other one does, time apart.
    pub(super) fn queues_as_much_as(&self, other: &Self) -> bool {
        let queues = |right: &Self| right.covers_operation(Operation::PostDeviceCommand);
        if !queues(other) {
            return true;
        }
        let devices = match (&self.devices, &other.devices) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(others)) => own.is_superset(others),
        };
        queues(self) && devices
    }

    /// Whether its time has not run out.
    pub fn is_in_force(&self, now: Moment) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Whether it covers an operation. Versions of one operation have one name in a grant.
    pub fn covers_operation(&self, operation: Operation) -> bool {
        let named = |names: &BTreeSet<String>| names.contains(granted_name(operation));
        self.operations.as_ref().is_none_or(named)
    }

    /// Whether it covers a device. One that does not exist yet is covered by a right to all devices alone.
    pub fn covers_device(&self, device: Option<DeviceId>) -> bool {
        let listed =
            |devices: &BTreeSet<DeviceId>| device.is_some_and(|device| devices.contains(&device));
        self.devices.as_ref().is_none_or(listed)
    }

    /// The devices that it is limited to.
    pub fn devices(&self) -> Option<&BTreeSet<DeviceId>> {
        self.devices.as_ref()
    }
}

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
            let pair = Pair {
                right: grant.revoked.is_none().then(|| Arc::new(Right::of(&grant))),
                narrowed: mark.is_some_and(|value| !value.is_empty()),
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

    /// The right of an application to act on another's devices, if one is in force.
    pub fn right(&self, owner: AppKey, grantee: AppKey, now: Moment) -> Option<Arc<Right>> {
        let standing = self.hold();
        let pair = standing.0.pairs.get(&(grantee, owner));
        let right = pair.and_then(|pair| pair.right.as_ref());
        right.filter(|right| right.is_in_force(now)).cloned()
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
    /// Every grant.
    pub(super) fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.0.pairs.values()
    }

    /// Whether something may be done now: with one's own, or by a right that covers it.
    pub fn allows(&self, deed: &Deed, now: Moment) -> bool {
        let Table { pairs, closed } = &*self.0;
        if closed.contains(&deed.owner) || closed.contains(&deed.caller) {
            return false;
        }
        if deed.owner == deed.caller {
            return true;
        }
        let pair = pairs.get(&(deed.caller, deed.owner));
        pair.and_then(|pair| pair.right.as_ref())
            .is_some_and(|right| {
                right.is_in_force(now)
                    && right.covers_operation(deed.operation)
                    && right.covers_device(deed.device)
            })
    }
}

/// The platform's own setting that says that a grant was narrowed and what is pending beyond it is still called back.
pub(super) fn narrowed_mark(owner: AppKey, grantee: AppKey) -> String {
    format!("grant.narrowed.{}.{}", owner.0, grantee.0)
}

/// What is in both; `None` is everything.
fn both<T: Ord + Clone>(
    one: Option<&BTreeSet<T>>,
    other: Option<&BTreeSet<T>>,
) -> Option<BTreeSet<T>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.intersection(other).cloned().collect()),
        (one, other) => one.or(other).cloned(),
    }
}

/// The name of an operation in a grant: the contract's, without its version.
pub fn granted_name(operation: Operation) -> &'static str {
    let name = operation.name();
    name.split_once(' ').map_or(name, |(name, _)| name)
}
