//! Grants that are given, changed and ended, and what is pending when they end (R1.11).
//!
//! An end takes three steps: in memory nothing is allowed any more; the end is durable; then, lane by lane, what the grantee
//! queued is cancelled, and only after that the grant is forgotten. A restart in between goes on with the third step.

use super::Registry;
use super::grants::{Pair, members, narrowed};
use super::rights::{Granted, Right};
use crate::dispatch::{KeepError, Refused};
use crate::limits::LANES_REVOKED_AT_ONCE;
use crate::timed::{Settling, Timed};
use api::Operation;
use delivery::{AppKey, DeviceId, Moment, Who};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use store::{Failed, Grant, GroupId, Write};
use tokio::sync::Notify;

/// When an end that failed is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Why a grant was not changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GrantError {
    /// The pair's former grant was revoked or narrowed, and what was pending beyond is still being called back.
    #[error("what was pending under the former grant is still being called back")]
    StillEnding,
    /// One of the two applications is being deleted.
    #[error("the application is being deleted")]
    Closed,
    /// It could not be kept.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// The devices of its groups cannot be read.
    #[error(transparent)]
    Read(#[from] Failed),
}

impl Registry {
    /// Gives a grant, or replaces the one that the pair has. What was granted before and is not any more ends at once.
    ///
    /// # Errors
    /// [`GrantError`]; nothing has changed then.
    pub async fn grant(&self, grant: Grant) -> Result<(), GrantError> {
        let _one = self.changing.lock().await;
        let (owner, grantee) = (grant.owner, grant.grantee);
        let fresh = Right::of(&grant);
        let loaded = self.devices_in(&grant.groups).await?;
        let mut writes = vec![Write::Grant(grant.clone())];
        let narrows = {
            let mut table = self.grants().table();
            if table.closed.contains(&owner) || table.closed.contains(&grantee) {
                return Err(GrantError::Closed);
            }
            match table.pairs.get_mut(&(grantee, owner)) {
                Some(Pair {
                    right: Some(right),
                    narrowed: 0,
                    ..
                }) => {
                    let narrows = !fresh.queues_as_much_as(right);
                    // Until the new one is durable, only what both allow is allowed.
                    *right = Arc::new(right.both(&fresh));
                    narrows
                }
                Some(_) => return Err(GrantError::StillEnding),
                None => false,
            }
        };
        if narrows {
            writes.push(narrowed(owner, grantee, true));
        }
        self.dispatch.keep(writes).await?;
        let pair = Pair {
            right: Some(Arc::new(fresh)),
            narrowed: u64::from(narrows),
            grant,
        };
        let mut table = self.grants().table();
        for (group, devices) in loaded {
            table.members.entry(group).or_insert(devices);
        }
        table.pairs.insert((grantee, owner), pair);
        table.drop_unnamed();
        drop(table);
        self.grants().poked.notify_one();
        Ok(())
    }

    /// The devices of those groups that do not stand in memory yet. Nobody changes a group meanwhile.
    async fn devices_in(
        &self,
        groups: &[GroupId],
    ) -> Result<Vec<(GroupId, Arc<BTreeSet<DeviceId>>)>, Failed> {
        let mut groups = groups.to_vec();
        {
            let standing = self.grants().hold();
            groups.retain(|group| !standing.has_group(*group));
        }
        self.ask(move |store| {
            let of = |group: GroupId| Ok((group, Arc::new(members(store, group)?)));
            groups.into_iter().map(of).collect()
        })
        .await
    }

    /// Ends a grant; false if the pair has none. From now on it allows nothing; what is pending is called back by [`Endings`].
    ///
    /// # Errors
    /// [`KeepError`].
    pub async fn revoke(
        &self,
        owner: AppKey,
        grantee: AppKey,
        at: Moment,
    ) -> Result<bool, KeepError> {
        let _one = self.changing.lock().await;
        let ended = {
            let mut table = self.grants().table();
            let Some(pair) = table.pairs.get_mut(&(grantee, owner)) else {
                return Ok(false);
            };
            if pair.right.take().is_none() {
                return Ok(true);
            }
            pair.grant.revoked = Some(at);
            pair.grant.clone()
        };
        self.dispatch.keep(vec![Write::Grant(ended)]).await?;
        self.grants().poked.notify_one();
        Ok(true)
    }
}

/// Ends grants in time, and calls back what is pending under those that have ended.
pub struct Endings {
    registry: Arc<Registry>,
}

/// Why an end could not be worked off now.
#[derive(Debug, thiserror::Error)]
enum EndError {
    #[error(transparent)]
    Keep(#[from] KeepError),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Read(#[from] Failed),
}

impl Timed for Endings {
    fn name(&self) -> &'static str {
        "the ends of grants"
    }

    fn settle(&self) -> Settling<'_> {
        Box::pin(self.work())
    }

    fn poked(&self) -> &Notify {
        &self.registry.grants().poked
    }
}

impl Endings {
    /// Of this registry's grants.
    pub const fn new(registry: Arc<Registry>) -> Self {
        Self { registry }
    }

    /// Ends what is due and calls back what is pending; the next end.
    async fn work(&self) -> Option<Moment> {
        let _one = self.registry.grants().ending.lock().await;
        let now = self.registry.dispatch.parts().clock.now();
        let mut again = None;
        for pair in self.due(now) {
            let (owner, grantee) = (pair.grant.owner, pair.grant.grantee);
            if let Err(error) = self.end(pair, now).await {
                tracing::warn!(owner = owner.0, grantee = grantee.0, %error, "the end of a grant is tried again");
                again = Some(now + AGAIN_AFTER);
            }
        }
        let standing = self.registry.grants().hold();
        let next = standing
            .pairs()
            .filter(|pair| pair.right.is_some())
            .filter_map(|pair| pair.grant.until)
            .min();
        [next, again].into_iter().flatten().min()
    }

    /// Grants that were revoked, have run out of time, or were narrowed.
    fn due(&self, now: Moment) -> Vec<Pair> {
        let is_due = |pair: &&Pair| {
            pair.narrowed != 0
                || pair.right.is_none()
                || pair.grant.until.is_some_and(|until| until <= now)
        };
        let standing = self.registry.grants().hold();
        standing.pairs().filter(is_due).cloned().collect()
    }

    async fn end(&self, pair: Pair, now: Moment) -> Result<(), EndError> {
        let Grant {
            owner,
            grantee,
            until,
            revoked,
            ..
        } = pair.grant;
        let lapsed = until.filter(|until| revoked.is_none() && *until <= now);
        if let Some(until) = lapsed {
            self.registry.revoke(owner, grantee, until).await?;
            tracing::info!(owner = %self.name_of(owner), grantee = %self.name_of(grantee), "a grant has run out of time");
        }
        let over = lapsed.or(revoked);
        let who = if over.is_some() && over == until {
            Who::Platform
        } else {
            Who::Operator
        };
        let stays = pair.right.filter(|_| over.is_none());
        let stays = stays.map(|right| self.registry.grants().hold().granted(&right));
        let cancelled = self.call_back((owner, grantee), stays, who).await?;
        let still = over.is_none().then_some(pair.narrowed);
        self.finish((owner, grantee), still).await?;
        tracing::info!(owner = %self.name_of(owner), grantee = %self.name_of(grantee), over = over.is_some(), cancelled,
            "what was pending beyond a grant was cancelled");
        Ok(())
    }

    /// Cancels, a bounded number of lanes at a time, what the grantee queued and no longer may; says how much that was.
    async fn call_back(
        &self,
        (owner, grantee): (AppKey, AppKey),
        stays: Option<Granted>,
        who: Who,
    ) -> Result<usize, EndError> {
        let still = |device: DeviceId| {
            stays.as_ref().is_some_and(|right| {
                right.covers_operation(Operation::PostDeviceCommand)
                    && right.covers_device(Some(device))
            })
        };
        let (mut after, mut cancelled) = (0, 0);
        loop {
            let read = self
                .registry
                .ask(move |store| store.open_devices(owner, after, LANES_REVOKED_AT_ONCE));
            let devices = read.await?;
            let Some(last) = devices.last() else {
                return Ok(cancelled);
            };
            after = last.seq();
            let lost: Vec<DeviceId> = devices.into_iter().filter(|id| !still(*id)).collect();
            cancelled += self.registry.dispatch.revoke(&lost, grantee, who).await?;
        }
    }

    /// Forgets a grant that is over, or notes that nothing is pending beyond one that was narrowed `so_often`, unless it was
    /// narrowed again meanwhile. Nobody has given it anew since.
    async fn finish(
        &self,
        (owner, grantee): (AppKey, AppKey),
        so_often: Option<u64>,
    ) -> Result<(), KeepError> {
        let registry = &self.registry;
        let _one = registry.changing.lock().await;
        let again = {
            let standing = registry.grants().hold();
            let pair = standing.pair(owner, grantee);
            pair.is_some_and(|pair| so_often.is_some_and(|times| pair.narrowed != times))
        };
        if again {
            registry.grants().poked.notify_one();
            return Ok(());
        }
        let mut writes = vec![narrowed(owner, grantee, false)];
        if so_often.is_none() {
            writes.push(Write::ForgetGrant { owner, grantee });
        }
        registry.dispatch.keep(writes).await?;
        let mut table = registry.grants().table();
        if so_often.is_none() {
            table.pairs.remove(&(grantee, owner));
            table.drop_unnamed();
        } else if let Some(pair) = table.pairs.get_mut(&(grantee, owner)) {
            pair.narrowed = 0;
        }
        Ok(())
    }

    fn name_of(&self, app: AppKey) -> String {
        let found = self.registry.application_by_key(app);
        found.map_or_else(|| app.0.to_string(), |app| app.app_id.clone())
    }
}
