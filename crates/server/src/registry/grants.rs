//! Grants: which application may act on whose devices, and how far that goes.
//!
//! What is in force stands in memory. Whoever decides under a grant holds the table while he looks and until what he decided
//! is given to the store ([`Grants::hold`]); whoever ends a grant changes the table before he gives the end to the store. So
//! the store has every decision that rested on a grant before it has the grant's end, and none after (R1.11).

use api::Operation;
use delivery::{AppKey, DeviceId, Moment};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

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

/// Every right that is in force.
#[derive(Default)]
pub struct Grants {
    table: RwLock<Table>,
}

/// By grantee and owner.
type Table = BTreeMap<(AppKey, AppKey), Arc<Right>>;

/// The rights as they stand; none changes while this is held. It is held briefly, and never across an `await`.
pub struct Standing<'a>(RwLockReadGuard<'a, Table>);

impl Right {
    /// A right until a moment, to some devices and operations; no devices and no operations mean all of them.
    pub fn new(
        until: Option<Moment>,
        devices: impl IntoIterator<Item = DeviceId>,
        operations: impl IntoIterator<Item = String>,
    ) -> Self {
        let devices: BTreeSet<_> = devices.into_iter().collect();
        let operations: BTreeSet<_> = operations.into_iter().collect();
        Self {
            until,
            devices: (!devices.is_empty()).then_some(devices),
            operations: (!operations.is_empty()).then_some(operations),
        }
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
    /// The right of an application to act on another's devices, if one is in force.
    pub fn right(&self, owner: AppKey, grantee: AppKey, now: Moment) -> Option<Arc<Right>> {
        let standing = self.hold();
        let right = standing.0.get(&(grantee, owner));
        right.filter(|right| right.is_in_force(now)).cloned()
    }

    /// Whether an application was granted anything: of one that was not, nobody asks on.
    pub fn is_grantee(&self, app: AppKey) -> bool {
        let its = (app, AppKey(0))..=(app, AppKey(u64::MAX));
        self.hold().0.range(its).next().is_some()
    }

    /// Holds the rights as they stand.
    pub fn hold(&self) -> Standing<'_> {
        Standing(self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a right in the place of what a pair had; `None` takes it away.
    pub fn put(&self, (owner, grantee): (AppKey, AppKey), right: Option<Right>) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        match right {
            Some(right) => drop(table.insert((grantee, owner), Arc::new(right))),
            None => drop(table.remove(&(grantee, owner))),
        }
    }
}

impl Standing<'_> {
    /// Whether something may be done now: with one's own, or by a right that covers it.
    pub fn allows(&self, deed: &Deed, now: Moment) -> bool {
        deed.owner == deed.caller
            || self.0.get(&(deed.caller, deed.owner)).is_some_and(|right| {
                right.is_in_force(now)
                    && right.covers_operation(deed.operation)
                    && right.covers_device(deed.device)
            })
    }
}

/// The name of an operation in a grant: the contract's, without its version.
pub fn granted_name(operation: Operation) -> &'static str {
    let name = operation.name();
    name.split_once(' ').map_or(name, |(name, _)| name)
}
