//! Applications: made, changed, frozen, deleted. Changes are made one after the other, each durable before it shows.

use super::{Endings, Registry};
use crate::dispatch::{KeepError, Refused};
use crate::limits::DEVICES_DELETED_AT_ONCE;
use crate::timed::Timed;
use delivery::{AppKey, DeviceId, Who};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use store::{Application, DeviceFilter, Failed, Write};

/// Why an application was not deleted. What was begun goes on when it is asked for once more.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// It has devices, and they were not to be deleted.
    #[error("the application has {0} devices")]
    HasDevices(u64),
    /// It could not be kept.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// A device could not be deleted.
    #[error(transparent)]
    Device(#[from] Refused),
    /// What is kept cannot be read.
    #[error(transparent)]
    Read(#[from] Failed),
    /// What is pending under its grants could not be called back now.
    #[error("what is pending under its grants is still being called back")]
    StillEnding,
}

impl Registry {
    /// Keeps an application, new or changed.
    pub async fn keep_application(&self, app: Application) -> Result<Arc<Application>, KeepError> {
        let _one = self.changing.lock().await;
        self.keep_one(app, false).await
    }

    /// Changes an application; `None` if there is none. With `log_out` its tokens die with the change.
    ///
    /// # Errors
    /// [`KeepError`]; it is as it was.
    pub async fn change_application(
        &self,
        app_id: &str,
        log_out: bool,
        change: impl FnOnce(&mut Application),
    ) -> Result<Option<Arc<Application>>, KeepError> {
        let _one = self.changing.lock().await;
        let Some(app) = self.application(app_id) else {
            return Ok(None);
        };
        let mut changed = Application::clone(&app);
        change(&mut changed);
        self.keep_one(changed, log_out).await.map(Some)
    }

    /// A key for a new application.
    pub fn new_app_key(&self) -> AppKey {
        AppKey(self.app_key.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// How many devices an application has.
    pub async fn devices_of(&self, app: AppKey) -> Result<u64, Failed> {
        let filter = devices(app, 0);
        let page = self.ask(move |store| store.devices(&filter, None)).await?;
        Ok(page.total)
    }

    /// Deletes an application with its tokens and grants, and its devices if it may: each in a turn of its lane (R1.11). False
    /// if there is none.
    ///
    /// From the beginning on nothing is taken on for it; it is frozen before the first device goes.
    ///
    /// # Errors
    /// [`DeleteError`]; only of [`DeleteError::HasDevices`] nothing has changed.
    pub async fn delete_application(
        self: &Arc<Self>,
        app_id: &str,
        with_devices: bool,
    ) -> Result<bool, DeleteError> {
        let Some(app) = self.close(app_id).await? else {
            return Ok(false);
        };
        let count = self.devices_of(app.key).await?;
        if count != 0 && !with_devices {
            self.grants().table().closed.remove(&app.key);
            return Err(DeleteError::HasDevices(count));
        }
        self.change_application(app_id, true, |app| app.frozen = true)
            .await?;
        self.end_grants_of(app.key).await?;
        loop {
            let filter = devices(app.key, DEVICES_DELETED_AT_ONCE);
            let page = self.ask(move |store| store.devices(&filter, None)).await?;
            if page.items.is_empty() {
                break;
            }
            let ids = page.items.into_iter().map(|device| device.id).collect();
            self.delete_devices(ids).await?;
        }
        let _one = self.changing.lock().await;
        self.dispatch
            .keep(vec![Write::ForgetApplication(app.key)])
            .await?;
        let mut known = self.write();
        known.apps.remove(app_id);
        known.app_ids.remove(&app.key);
        known.tokens.retain(|_, token| token.app != app.key);
        Ok(true)
    }

    /// Lets nothing be taken on for an application any more. What was taken on before is durable when this returns.
    async fn close(&self, app_id: &str) -> Result<Option<Arc<Application>>, KeepError> {
        let _one = self.changing.lock().await;
        let Some(app) = self.application(app_id) else {
            return Ok(None);
        };
        self.grants().table().closed.insert(app.key);
        // Commits become durable in their order: this one, which changes nothing, comes after all that was allowed before.
        self.keep_one(Application::clone(&app), false).await?;
        Ok(Some(app))
    }

    /// Ends every grant that an application gave or was given, and waits until what was pending is called back.
    async fn end_grants_of(self: &Arc<Self>, app: AppKey) -> Result<(), DeleteError> {
        let its = || {
            let all = self.grants().all().into_iter();
            all.filter(|grant| grant.owner == app || grant.grantee == app)
        };
        let now = self.dispatch.parts().clock.now();
        for grant in its() {
            self.revoke(grant.owner, grant.grantee, now).await?;
        }
        Endings::new(self.clone()).settle().await;
        if its().next().is_some() {
            return Err(DeleteError::StillEnding);
        }
        Ok(())
    }

    /// Deletes devices together: each has a turn of its own, and their commits gather.
    async fn delete_devices(self: &Arc<Self>, ids: Vec<DeviceId>) -> Result<(), Refused> {
        let now = self.dispatch.parts().clock.now();
        let mut deleting = tokio::task::JoinSet::new();
        for id in ids {
            let registry = self.clone();
            deleting.spawn(async move { registry.delete_device(id, Who::Operator, now).await });
        }
        while let Some(deleted) = deleting.join_next().await {
            deleted.map_err(|_| Refused::Stopped)??;
        }
        Ok(())
    }

    /// Keeps an application and shows it; with `log_out` its tokens go. The caller excludes other changes.
    async fn keep_one(
        &self,
        app: Application,
        log_out: bool,
    ) -> Result<Arc<Application>, KeepError> {
        let mut writes = vec![Write::Application(app.clone())];
        if log_out {
            writes.push(Write::ForgetTokens {
                app: app.key,
                keep: Vec::new(),
            });
        }
        self.dispatch.keep(writes).await?;
        let app = Arc::new(app);
        let mut known = self.write();
        known.add(app.clone());
        if log_out {
            known.tokens.retain(|_, token| token.app != app.key);
        }
        Ok(app)
    }
}

/// Which devices an application has, some of them.
const fn devices(app: AppKey, take: usize) -> DeviceFilter {
    DeviceFilter {
        app,
        gateway: None,
        online: None,
        from: None,
        to: None,
        ascending: true,
        skip: 0,
        take,
    }
}
