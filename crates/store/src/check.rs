//! Whether a unit may be applied: the checks that every store makes, in one order.

use crate::contract::{Conflict, Unit, Write};
use crate::limits::KEY_TAKEN_FOR;
use crate::records::GroupId;
use delivery::{AppKey, Moment};
use std::collections::HashSet;

/// What the checks need to know of what is kept, the effects of earlier units of the same group included.
pub(crate) trait Kept {
    /// How a look fails.
    type Error;

    /// The revision of a device's lane; `None` if there is no such device.
    fn revision(&mut self, device_seq: u64) -> Result<Option<u64>, Self::Error>;
    /// When the command that holds this key was created.
    fn key_taken_at(&mut self, app: AppKey, key: &str) -> Result<Option<Moment>, Self::Error>;
    /// The sequence number of the device, not deleted, that has this node id.
    fn node_holder(&mut self, node_id: &str) -> Result<Option<u64>, Self::Error>;
    /// The application that has this id.
    fn app_holder(&mut self, app_id: &str) -> Result<Option<AppKey>, Self::Error>;
    /// The device group of the application that has this name.
    fn group_holder(&mut self, app: AppKey, name: &str) -> Result<Option<GroupId>, Self::Error>;
}

/// The first conflict of `unit`, judged by what was kept before it; `None` if it may be applied.
///
/// A turn of a device that is neither kept nor written by the same unit is stale: it has no lane.
pub(crate) fn conflict<K: Kept>(unit: &Unit, kept: &mut K) -> Result<Option<Conflict>, K::Error> {
    if let Some(found) = turn_conflict(unit, kept)? {
        return Ok(Some(found));
    }
    let mut nodes = HashSet::new();
    let mut app_ids = HashSet::new();
    let mut groups = HashSet::new();
    for write in &unit.writes {
        match write {
            Write::Device(device) if device.deleted.is_none() => {
                let held = kept.node_holder(&device.node_id)?;
                if held.is_some_and(|seq| seq != device.id.seq())
                    || !nodes.insert(device.node_id.as_str())
                {
                    return Ok(Some(Conflict::NodeIdTaken));
                }
            }
            Write::Application(app) => {
                let held = kept.app_holder(&app.app_id)?;
                if held.is_some_and(|key| key != app.key) || !app_ids.insert(app.app_id.as_str()) {
                    return Ok(Some(Conflict::AppIdTaken));
                }
            }
            Write::Group(group) => {
                let held = kept.group_holder(group.app, &group.name)?;
                if held.is_some_and(|id| id != group.id)
                    || !groups.insert((group.app, group.name.as_str()))
                {
                    return Ok(Some(Conflict::GroupNameTaken));
                }
            }
            Write::Device(_)
            | Write::Presence { .. }
            | Write::Token(_)
            | Write::ForgetTokens { .. }
            | Write::ProductModel(_)
            | Write::Report(_)
            | Write::CancelTask(_)
            | Write::Setting { .. }
            | Write::Told { .. }
            | Write::Grant(_)
            | Write::ForgetGrant { .. }
            | Write::GroupDevices { .. }
            | Write::ForgetGroup(_)
            | Write::ForgetApplication(_)
            | Write::DeadCallback(_)
            | Write::ForgetDeadCallback(_)
            | Write::ForgetCommands(_)
            | Write::ForgetDevices(_)
            | Write::ForgetCancelTasks(_) => {}
        }
    }
    Ok(None)
}

fn turn_conflict<K: Kept>(unit: &Unit, kept: &mut K) -> Result<Option<Conflict>, K::Error> {
    let Some(turn) = &unit.turn else {
        return Ok(None);
    };
    let seq = turn.device.seq();
    let brings = |w: &Write| matches!(w, Write::Device(device) if device.id.seq() == seq);
    let revision = match kept.revision(seq)? {
        None if unit.writes.iter().any(brings) => Some(0),
        kept => kept,
    };
    if revision != Some(turn.revision) {
        return Ok(Some(Conflict::Stale));
    }
    let born = turn.changes.iter().filter(|c| c.born);
    let mut keys = Vec::new();
    for command in born.map(|c| &c.command) {
        let Some(key) = &command.key else { continue };
        let taken = kept.key_taken_at(command.app, key)?;
        let own = (command.app, key);
        if taken.is_some_and(|at| is_fresh(at, command.created)) || keys.contains(&own) {
            return Ok(Some(Conflict::KeyTaken));
        }
        keys.push(own);
    }
    Ok(None)
}

/// Whether a key that was taken at `taken` still is at `now` (R1.15).
fn is_fresh(taken: Moment, now: Moment) -> bool {
    taken + KEY_TAKEN_FOR >= now
}
