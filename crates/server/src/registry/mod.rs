//! The registry: which applications, tokens, devices, device groups and product models there are. Reads come from memory where they can;
//! every change is durable before it shows.

mod applications;
mod devices;
mod endings;
mod grants;
mod groups;
mod lapses;
mod models;
mod mute;
mod rebind;
mod rights;

pub use applications::DeleteError;
pub use endings::{Endings, GrantError};
pub use grants::{Deed, Grants, Standing};
pub use groups::{GroupBounds, GroupChange, GroupError, NewGroup};
pub use lapses::Lapses;
pub use models::{Model, Models};
pub use mute::NotMuted;
pub use rebind::Rebind;
pub use rights::{Granted, granted_name};

use crate::dispatch::{Dispatch, KeepError};
use delivery::{AppKey, Moment};
use devices::DeviceCache;
use lapses::Bindings;
use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};
use store::{Application, Failed, Store, Token, TokenKind, Write};

/// Applications, tokens, devices and product models.
pub struct Registry {
    store: Arc<dyn Store>,
    dispatch: Dispatch,
    known: RwLock<Known>,
    devices: DeviceCache,
    bindings: Bindings,
    models: Arc<Models>,
    device_seq: AtomicU64,
    app_key: AtomicU64,
    group_bounds: GroupBounds,
    /// Changes of applications, tokens, grants and groups are made one after the other.
    changing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    apps: HashMap<String, Arc<Application>>,
    app_ids: HashMap<AppKey, String>,
    tokens: HashMap<[u8; 32], Token>,
}

impl Registry {
    /// Reads applications and valid tokens.
    ///
    /// # Errors
    /// The store cannot be read, or a row of it does not decode.
    pub fn open(store: Arc<dyn Store>, dispatch: Dispatch, now: Moment) -> Result<Self, Failed> {
        let marks = store.marks()?;
        let mut known = Known::default();
        for app in store.applications()? {
            known.add(Arc::new(app));
        }
        known.tokens = store
            .tokens(now)?
            .into_iter()
            .map(|token| (token.digest, token))
            .collect();
        Ok(Self {
            store,
            models: dispatch.parts().models.clone(),
            dispatch,
            known: RwLock::new(known),
            devices: DeviceCache::default(),
            bindings: Bindings::default(),
            device_seq: AtomicU64::new(marks.device_seq),
            app_key: AtomicU64::new(marks.app_key),
            group_bounds: GroupBounds::default(),
            changing: tokio::sync::Mutex::new(()),
        })
    }

    /// With these bounds for device groups.
    #[must_use]
    pub fn with_group_bounds(self, group_bounds: GroupBounds) -> Self {
        Self {
            group_bounds,
            ..self
        }
    }

    /// The application with this `appId`.
    pub fn application(&self, app_id: &str) -> Option<Arc<Application>> {
        self.read().apps.get(app_id).cloned()
    }

    /// The application with this key.
    pub fn application_by_key(&self, key: AppKey) -> Option<Arc<Application>> {
        let known = self.read();
        known
            .app_ids
            .get(&key)
            .and_then(|id| known.apps.get(id))
            .cloned()
    }

    /// Every application, by `appId`.
    pub fn applications(&self) -> Vec<Arc<Application>> {
        let mut all: Vec<_> = self.read().apps.values().cloned().collect();
        all.sort_by(|a, b| a.app_id.cmp(&b.app_id));
        all
    }

    /// Whose access token this is, if it is valid at `now`. A frozen application has none.
    pub fn token_owner(
        &self,
        token: &str,
        kind: TokenKind,
        now: Moment,
    ) -> Option<Arc<Application>> {
        let digest = crate::secrets::digest(token);
        let known = self.read();
        let token = known
            .tokens
            .get(&digest)
            .filter(|t| t.kind == kind && now < t.valid_until)?;
        known
            .app_ids
            .get(&token.app)
            .and_then(|id| known.apps.get(id))
            .filter(|app| !app.frozen)
            .cloned()
    }

    /// The access token of an application that is valid longest, if one is valid at `now`.
    pub fn access_token(&self, app: AppKey, now: Moment) -> Option<Token> {
        let known = self.read();
        let its = known
            .tokens
            .values()
            .filter(|t| t.app == app && t.kind == TokenKind::Access && now < t.valid_until);
        its.max_by_key(|t| t.valid_until).cloned()
    }

    /// Gives an application new tokens: of its earlier ones, `keep` stays until the moment beside it (R3.6).
    pub async fn renew_tokens(
        &self,
        app: AppKey,
        fresh: Vec<Token>,
        keep: Option<Token>,
    ) -> Result<(), KeepError> {
        let _one = self.changing.lock().await;
        let staying: Vec<Token> = fresh.into_iter().chain(keep).collect();
        let digests = staying.iter().map(|t| t.digest).collect();
        let mut writes: Vec<Write> = vec![Write::ForgetTokens { app, keep: digests }];
        writes.extend(staying.iter().cloned().map(Write::Token));
        self.dispatch.keep(writes).await?;
        let mut known = self.write();
        known.tokens.retain(|_, token| token.app != app);
        known
            .tokens
            .extend(staying.into_iter().map(|token| (token.digest, token)));
        Ok(())
    }

    /// Which application may act on whose devices.
    pub fn grants(&self) -> &Grants {
        &self.dispatch.parts().grants
    }

    /// What is kept, for reads that the registry has no memory of. Reads block: see [`Registry::ask`].
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Runs a blocking read of the store where it delays nobody.
    pub async fn ask<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Store) -> Result<T, Failed> + Send + 'static,
    ) -> Result<T, Failed> {
        let store = self.store.clone();
        let answer = tokio::task::spawn_blocking(move || read(&*store)).await;
        answer.map_err(|error| Failed::Read(error.to_string()))?
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn add(&mut self, app: Arc<Application>) {
        self.app_ids.insert(app.key, app.app_id.clone());
        self.apps.insert(app.app_id.clone(), app);
    }
}
