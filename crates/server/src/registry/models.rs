//! Product models: the newest version of each in memory, older ones from the store when they are asked for.

use super::Registry;
use crate::body::Body;
use crate::dispatch::KeepError;
use crate::limits::OLD_MODELS_CACHED_MAX;
use delivery::{Answer, Command, Moment, Verdict};
use profile::Profile;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use store::{Device, Failed, ProductModel, Store, Write};

/// One version of a product model, ready for checks.
pub struct Model {
    /// The version's number on this platform.
    pub version: u64,
    /// The model.
    pub profile: Profile,
}

impl Model {
    /// The `productId` by which registrations name it.
    pub fn product_id(&self) -> String {
        let (key, device) = (self.profile.key(), self.profile.device());
        format!(
            "{}_{}_{}",
            device.device_type, key.manufacturer_id, key.model
        )
    }
}

/// Every product model. The dispatcher judges answers by it, the registry changes it.
pub struct Models {
    store: Arc<dyn Store>,
    table: RwLock<Table>,
    last_version: AtomicU64,
}

#[derive(Default)]
struct Table {
    newest: HashMap<(String, String), Arc<Model>>,
    by_version: HashMap<u64, Arc<Model>>,
}

impl Models {
    /// Reads every product model that has not been replaced.
    ///
    /// # Errors
    /// The store cannot be read, or a row of it does not decode.
    pub fn open(store: Arc<dyn Store>) -> Result<Self, Failed> {
        let mut table = Table::default();
        for record in store.product_models()? {
            let model = Arc::new(read(&record)?);
            table.by_version.insert(model.version, model.clone());
            table
                .newest
                .insert((record.manufacturer_id, record.model), model);
        }
        let last_version = AtomicU64::new(store.marks()?.model_version);
        Ok(Self {
            store,
            table: RwLock::new(table),
            last_version,
        })
    }

    /// The newest version with this key.
    pub fn newest(&self, key: &(String, String)) -> Option<Arc<Model>> {
        self.table
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .newest
            .get(key)
            .cloned()
    }

    /// One version, the newest or an older one (R1.14, R10.4). Blocks if it is not in memory.
    ///
    /// # Errors
    /// The store cannot be read, or a row of it does not decode.
    pub fn version(&self, version: u64) -> Result<Option<Arc<Model>>, Failed> {
        let known = self
            .table
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .by_version
            .get(&version)
            .cloned();
        if known.is_some() {
            return Ok(known);
        }
        let Some(record) = self.store.product_model(version)? else {
            return Ok(None);
        };
        let model = Arc::new(read(&record)?);
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        if table.by_version.len() >= table.newest.len() + OLD_MODELS_CACHED_MAX {
            let newest: Vec<u64> = table.newest.values().map(|model| model.version).collect();
            table
                .by_version
                .retain(|version, _| newest.contains(version));
        }
        table.by_version.insert(version, model.clone());
        Ok(Some(model))
    }

    /// Whether an answer is not what the model says that the command was checked against. Without one nothing is.
    pub fn is_off_profile(&self, command: &Command, answer: &Answer) -> bool {
        if self.last_version.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let Ok(body) = Body::read(&command.body) else {
            return false;
        };
        let Some(Ok(Some(model))) = body.model_version.map(|version| self.version(version)) else {
            return false;
        };
        if answer.verdict == Verdict::Undecodable {
            return false;
        }
        let detail = answer
            .detail
            .as_deref()
            .map_or(Ok(profile::Map::new()), serde_json::from_slice);
        let service = model.profile.service(&body.service_id);
        match (
            service.and_then(|service| service.command(&body.method)),
            detail,
        ) {
            (Some(command), Ok(detail)) => !command.check_answer(&detail).is_empty(),
            (None, _) | (_, Err(_)) => true,
        }
    }
}

impl Registry {
    /// The product model of a device, if it has one.
    pub fn model_of(&self, device: &Device) -> Option<Arc<Model>> {
        device
            .model
            .as_ref()
            .and_then(|key| self.models.newest(key))
    }

    /// The newest version of the product model with this `productId`: its device type, manufacturer id and model joined by `_`, as
    /// its file is called (contract §14), in any case.
    pub fn model_by_product(&self, product_id: &str) -> Option<Arc<Model>> {
        let is_it = |model: &&Arc<Model>| model.product_id().eq_ignore_ascii_case(product_id);
        let table = self
            .models
            .table
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        table.newest.values().find(is_it).cloned()
    }

    /// The newest version of every product model, by key.
    pub fn models(&self) -> Vec<Arc<Model>> {
        let table = self
            .models
            .table
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = table.newest.values().cloned().collect();
        all.sort_by_key(|model| model.version);
        all
    }

    /// One version, the newest or an older one (R1.14, R10.4).
    pub async fn model_version(&self, version: u64) -> Result<Option<Arc<Model>>, Failed> {
        let models = self.models.clone();
        let found = tokio::task::spawn_blocking(move || models.version(version)).await;
        found.map_err(|error| Failed::Read(error.to_string()))?
    }

    /// Keeps a product model as the newest version of its key. The same model again is no new version.
    ///
    /// The second value says whether there was an older version.
    pub async fn add_model(
        &self,
        profile: Profile,
        now: Moment,
    ) -> Result<(Arc<Model>, bool), KeepError> {
        let _one = self.changing.lock().await;
        let key = (
            profile.key().manufacturer_id.clone(),
            profile.key().model.clone(),
        );
        let old = self.models.newest(&key);
        if let Some(same) = old.as_ref().filter(|old| old.profile == profile) {
            return Ok((same.clone(), true));
        }
        let version = self.models.last_version.fetch_add(1, Ordering::Relaxed) + 1;
        let record = |version, profile: &Profile, replaced| ProductModel {
            version,
            manufacturer_id: key.0.clone(),
            model: key.1.clone(),
            document: profile.to_json(),
            added: now,
            replaced,
        };
        let mut writes = Vec::new();
        if let Some(old) = &old {
            let version = old.version;
            if let Some(kept) = self.ask(move |store| store.product_model(version)).await? {
                writes.push(Write::ProductModel(ProductModel {
                    replaced: Some(now),
                    ..kept
                }));
            }
        }
        writes.push(Write::ProductModel(record(version, &profile, None)));
        self.dispatch.keep(writes).await?;
        let model = Arc::new(Model { version, profile });
        let mut table = self
            .models
            .table
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        table.by_version.insert(version, model.clone());
        table.newest.insert(key, model.clone());
        Ok((model, old.is_some()))
    }

    /// Removes a product model; false if there is none with this key. Its versions stay for the commands that were checked
    /// against them (R10.4).
    pub async fn remove_model(
        &self,
        key: &(String, String),
        now: Moment,
    ) -> Result<bool, KeepError> {
        let _one = self.changing.lock().await;
        let Some(old) = self.models.newest(key) else {
            return Ok(false);
        };
        let version = old.version;
        if let Some(kept) = self.ask(move |store| store.product_model(version)).await? {
            let replaced = Some(now);
            self.dispatch
                .keep(vec![Write::ProductModel(ProductModel { replaced, ..kept })])
                .await?;
        }
        let mut table = self
            .models
            .table
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        table.newest.remove(key);
        Ok(true)
    }
}

fn read(record: &ProductModel) -> Result<Model, Failed> {
    let profile = Profile::from_json(&record.document);
    let profile = profile
        .map_err(|error| Failed::Row(format!("product model {}: {error}", record.version)))?;
    Ok(Model {
        version: record.version,
        profile,
    })
}
