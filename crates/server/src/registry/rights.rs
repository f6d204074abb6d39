//! How far a grant goes: to which devices and groups, for which operations, until when.

use api::Operation;
use delivery::{DeviceId, Moment};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::{Grant, GroupId};

/// The devices of the groups that grants name.
pub(super) type Members = BTreeMap<GroupId, Arc<BTreeSet<DeviceId>>>;

/// What a grant allows. Which devices the groups that it names have is known to whoever holds the grants alone; [`Granted`] is
/// both, as of one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Right {
    until: Option<Moment>,
    /// What of the owner's devices it is limited to; each of these must cover a device.
    limits: Vec<Reach>,
    operations: Option<BTreeSet<String>>,
}

/// Devices, and those of groups.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Reach {
    devices: BTreeSet<DeviceId>,
    groups: BTreeSet<GroupId>,
}

/// A right that is in force, with the devices that it reached by its groups when it was looked at.
#[derive(Debug, Clone)]
pub struct Granted {
    right: Arc<Right>,
    members: Members,
}

impl Right {
    /// What a grant allows while it is not revoked. No devices and no groups mean all devices, no operations all of them.
    pub(super) fn of(grant: &Grant) -> Self {
        let reach = Reach {
            devices: grant.devices.iter().copied().collect(),
            groups: grant.groups.iter().copied().collect(),
        };
        let operations: BTreeSet<_> = grant.operations.iter().cloned().collect();
        Self {
            until: grant.until,
            limits: (reach != Reach::default())
                .then_some(reach)
                .into_iter()
                .collect(),
            operations: (!operations.is_empty()).then_some(operations),
        }
    }

    /// What both rights allow.
    pub(super) fn both(&self, other: &Self) -> Self {
        Self {
            until: [self.until, other.until].into_iter().flatten().min(),
            limits: [self.limits.as_slice(), &other.limits].concat(),
            operations: both(self.operations.as_ref(), other.operations.as_ref()),
        }
    }

    /// Whether it is sure that it lets the grantee queue commands for everything that the other one does, time apart, whatever
    /// devices the groups have.
    pub(super) fn queues_as_much_as(&self, other: &Self) -> bool {
        if !other.queues() {
            return true;
        }
        let within = |reach: &Reach| other.limits.iter().any(|other| reach.contains(other));
        self.queues() && self.limits.iter().all(within)
    }

    /// Whether it lets the grantee queue commands.
    pub(super) fn queues(&self) -> bool {
        self.covers_operation(Operation::PostDeviceCommand)
    }

    /// Whether its time has not run out.
    pub(super) fn is_in_force(&self, now: Moment) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Whether it covers an operation. Versions of one operation have one name in a grant.
    pub(super) fn covers_operation(&self, operation: Operation) -> bool {
        let named = |names: &BTreeSet<String>| names.contains(granted_name(operation));
        self.operations.as_ref().is_none_or(named)
    }

    /// Whether it covers a device, its groups having these members. What is not a device, or none yet, is covered by a right to
    /// all devices alone.
    pub(super) fn covers_device(&self, device: Option<DeviceId>, members: &Members) -> bool {
        let listed = |reach: &Reach| device.is_some_and(|device| reach.covers(device, members));
        self.limits.iter().all(listed)
    }

    /// The groups that it names.
    pub(super) fn groups(&self) -> impl Iterator<Item = GroupId> {
        self.limits
            .iter()
            .flat_map(|reach| reach.groups.iter().copied())
    }
}

impl Reach {
    fn contains(&self, other: &Self) -> bool {
        self.devices.is_superset(&other.devices) && self.groups.is_superset(&other.groups)
    }

    fn covers(&self, device: DeviceId, members: &Members) -> bool {
        let has = |group: &GroupId| members.get(group).is_some_and(|has| has.contains(&device));
        self.devices.contains(&device) || self.groups.iter().any(has)
    }
}

impl Granted {
    /// A right, and of the groups' members those that it needs.
    pub(super) fn of(right: &Arc<Right>, members: &Members) -> Self {
        let its = right.groups();
        let its = its.filter_map(|group| Some((group, members.get(&group)?.clone())));
        Self {
            right: right.clone(),
            members: its.collect(),
        }
    }

    /// Whether it covers an operation. Versions of one operation have one name in a grant.
    pub fn covers_operation(&self, operation: Operation) -> bool {
        self.right.covers_operation(operation)
    }

    /// Whether it covers a device. What is not a device, or none yet, is covered by a right to all devices alone.
    pub fn covers_device(&self, device: Option<DeviceId>) -> bool {
        self.right.covers_device(device, &self.members)
    }

    /// Whether it covers a group: one that it names, or any if it is a right to all devices.
    pub fn covers_group(&self, group: GroupId) -> bool {
        let named = |reach: &Reach| reach.groups.contains(&group);
        self.right.limits.iter().all(named)
    }

    /// Whether it is limited to devices or groups.
    pub fn is_limited(&self) -> bool {
        !self.right.limits.is_empty()
    }

    /// The devices that it is limited to, if they are no more than `max`.
    pub fn devices(&self, max: usize) -> Option<BTreeSet<DeviceId>> {
        let first = self.right.limits.first()?;
        let groups = first
            .groups
            .iter()
            .filter_map(|group| self.members.get(group));
        let sizes = groups.clone().map(|members| members.len());
        if sizes.sum::<usize>() + first.devices.len() > max {
            return None;
        }
        let all = groups.flat_map(|members| members.iter());
        let all = all.chain(&first.devices).copied();
        Some(all.filter(|id| self.covers_device(Some(*id))).collect())
    }

    /// The groups that it is limited to; none if it is limited to devices alone, or not at all.
    pub fn groups(&self) -> BTreeSet<GroupId> {
        self.right
            .groups()
            .filter(|group| self.covers_group(*group))
            .collect()
    }
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
