//! The parts, joined: who knows whom.

use super::StartError;
use super::certificates::Certificates;
use super::open::Opened;
use super::ports::Bound;
use super::supervise::keep_house;
use crate::admin::{self, Admin};
use crate::callback::{self, Callbacks, Outbox, SystemResolver};
use crate::config::{Config, ErrorStatus, Mqtt, North as NorthConfig};
use crate::dispatch::{self, Dispatch};
use crate::faults::Faults;
use crate::metrics::{self, Metrics};
use crate::north::{self, North};
use crate::registry::{Endings, Grants, GroupBounds, Lapses, Models, Registry};
use crate::retention::Retention;
use crate::secrets::Vault;
use crate::shutdown::Shutdown;
use crate::south::Hub;
use crate::south::admission::Admission;
use crate::south::mqtt::{self as devices, Counts, South};
use crate::timed::{Timers, drive};
use crate::tls::Tls;
use api::failure::GatewayBody;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::available_parallelism;
use std::time::Duration;
use store::Sqlite;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// More shards than these gain nothing: the database's writer is the bottleneck.
const SHARDS_MAX: usize = 2;
const MIB: u64 = 1_048_576;

/// Everything that the listeners work with.
pub(super) struct Parts {
    pub(super) dispatch: Dispatch,
    pub(super) database: Arc<Sqlite>,
    pub(super) tls: Option<Arc<Tls>>,
    north: Arc<North>,
    south: Arc<South>,
    admin: Arc<Admin>,
    north_tls: bool,
}

/// The tasks of a server, each with the name under which it is missed.
pub(super) struct Tasks {
    /// Everything but the door.
    pub(super) listeners: JoinSet<&'static str>,
    /// The operator's door, which closes last.
    pub(super) door: JoinSet<&'static str>,
    /// Closes it.
    pub(super) close_door: Arc<Notify>,
}

impl Parts {
    /// Builds every part.
    pub(super) fn join(opened: Opened, config: &Config) -> Result<Self, StartError> {
        let Opened {
            database,
            marks,
            vault,
            token,
            clock,
            tls,
            shutdown,
        } = opened;
        // Handles that are made before this would count into nothing.
        let recorder = metrics::recorder();
        let faults = Arc::new(Faults::default());
        let hub = Arc::new(Hub::new(faults.clone()));
        let outbox = Arc::new(Outbox::new(config.callback.rules()));
        let dispatch = start_dispatch(dispatch::Parts {
            store: database.clone(),
            hub: hub.clone(),
            rules: config.commands.rules(clock.now()),
            clock: clock.clone(),
            metrics: Arc::new(Metrics::default()),
            shutdown: shutdown.clone(),
            models: Arc::new(Models::open(database.clone())?),
            grants: Arc::new(Grants::open(&*database)?),
            faults,
            outbox: outbox.clone(),
            command_seq: AtomicU64::new(marks.command_seq),
        })?;
        let registry = Registry::open(database.clone(), dispatch.clone(), clock.now())?;
        let registry = Arc::new(registry.with_group_bounds(group_bounds(&config.north)));
        let vault = Arc::new(vault);
        let (for_north, settings) = (dispatch.clone(), north_settings(config));
        let north = North::new(registry.clone(), for_north, vault.clone(), settings);
        let north = Arc::new(north);
        let south = Arc::new(South {
            admission: Admission::new(registry.clone(), vault.clone(), clock),
            dispatch: dispatch.clone(),
            hub,
            registry: registry.clone(),
            shutdown,
            settings: mqtt_settings(&config.mqtt),
            counts: Counts::default(),
        });
        let callbacks = callbacks(config, outbox, (&registry, &dispatch, &vault));
        let timers = timers(config, &registry, &dispatch, callbacks.clone());
        let admin = Arc::new(Admin {
            dispatch: dispatch.clone(),
            registry,
            north: north.clone(),
            vault,
            database: database.clone(),
            folder: config.data.folder.clone(),
            recorder,
            token,
            timers,
            callbacks,
            moving: tokio::sync::Mutex::default(),
        });
        Ok(Self {
            dispatch,
            database,
            tls: tls.map(Arc::new),
            north,
            south,
            admin,
            north_tls: config.north.tls,
        })
    }

    /// Serves every listener; each task owns its connections.
    pub(super) fn serve(&self, bound: Bound) -> Tasks {
        let mut tasks = JoinSet::new();
        let north = self.north.clone();
        let tls = self.tls.as_ref().filter(|_| self.north_tls).map(Tls::north);
        tasks.spawn(async move {
            north::serve(bound.north, tls, north).await;
            "the interface for applications"
        });
        let plain = bound.mqtt.map(|listener| (listener, None));
        let secure = bound
            .mqtts
            .map(|listener| (listener, self.tls.as_ref().map(Tls::mqtt)));
        for (listener, tls) in [plain, secure].into_iter().flatten() {
            let south = self.south.clone();
            tasks.spawn(async move {
                devices::serve(listener, tls, south).await;
                "an MQTT listener"
            });
        }
        let recorder = self.admin.recorder.clone();
        for part in self.admin.timers.parts() {
            let (clock, shutdown) = (self.dispatch.parts().clock.clone(), self.shutdown());
            tasks.spawn(drive(part.clone(), clock, shutdown));
        }
        tasks.spawn(self.admin.callbacks.clone().run());
        tasks.spawn(keep_house(self.shutdown(), self.certificates(), recorder));
        let mut door = JoinSet::new();
        let (admin, close_door) = (self.admin.clone(), Arc::new(Notify::new()));
        let closed = close_door.clone();
        door.spawn(async move {
            admin::serve(bound.admin, admin, async move { closed.notified().await }).await;
            "the admin interface"
        });
        Tasks {
            listeners: tasks,
            door,
            close_door,
        }
    }

    /// Lets go of everything but the database.
    pub(super) fn release(self) -> Arc<Sqlite> {
        self.database
    }

    /// Whether it runs.
    pub(super) fn shutdown(&self) -> Shutdown {
        self.dispatch.parts().shutdown.clone()
    }

    /// What renews certificates.
    pub(super) fn certificates(&self) -> Certificates {
        Certificates::of(self.tls.clone())
    }

    /// What clients are to trust, if the certificate was made here.
    pub(super) fn ca_file(&self) -> Option<PathBuf> {
        self.tls.as_ref().and_then(|tls| tls.ca_file())
    }
}

/// What acts by the clock beside the lanes.
fn timers(
    config: &Config,
    registry: &Arc<Registry>,
    dispatch: &Dispatch,
    callbacks: Arc<Callbacks>,
) -> Timers {
    let days = config.retention.days;
    Timers::new(vec![
        Arc::new(Endings::new(registry.clone())),
        Arc::new(Lapses::new(registry.clone())),
        // After whatever decides about commands: it tells of that.
        callbacks,
        // The last, so that what the others have told may go at once.
        Arc::new(Retention::new(registry.clone(), dispatch.clone(), days)),
    ])
}

fn start_dispatch(parts: dispatch::Parts) -> Result<Dispatch, StartError> {
    let shards = available_parallelism().map_or(1, usize::from);
    Dispatch::start(parts, shards.min(SHARDS_MAX))
        .map_err(|error| StartError::Machine(error.to_string()))
}

const fn group_bounds(north: &NorthConfig) -> GroupBounds {
    GroupBounds {
        per_application_max: north.groups_max,
        devices_max: north.group_devices_max,
    }
}

fn north_settings(config: &Config) -> north::Settings {
    let NorthConfig {
        error_status,
        gateway_exact,
        strict_profile,
        private_callbacks,
        ..
    } = config.north;
    north::Settings {
        error_status: match error_status {
            ErrorStatus::Documented => api::ErrorStatus::Documented,
            ErrorStatus::Http => api::ErrorStatus::Http,
        },
        gateway_body: if gateway_exact {
            GatewayBody::Exact
        } else {
            GatewayBody::Both
        },
        strict_profile,
        private_callbacks,
        throttle_calls_max: config.north.calls_per_minute_max,
        login_failures_max: config.north.login_failures_max,
        token_life: Duration::from_secs(config.north.token_s.into()),
        bind_within: Duration::from_secs(config.north.bind_s),
        devices_max: config.north.devices_max,
        nonsecure_devices_max: config.north.nonsecure_devices_max,
        cloud_wait: Duration::from_secs(config.north.cloud_wait_s),
        free_bytes_min: config.store.free_mib_min * MIB,
        body_bytes_max: config.north.body_bytes_max,
        all_bodies_bytes_max: config.north.bodies_mib_max.saturating_mul(1_048_576),
        requests_max: config.north.requests_max,
        create_time: Duration::from_millis(config.north.create_ms),
        head_bytes_max: config.north.header_bytes_max,
        connections_max: config.north.connections_max,
        client_time: Duration::from_secs(config.north.client_s),
        idle_time: Duration::from_secs(config.north.idle_s),
        drain_time: Duration::from_secs(config.shutdown.drain_s),
        ..north::Settings::default()
    }
}

fn callbacks(
    config: &Config,
    outbox: Arc<Outbox>,
    (registry, dispatch, vault): (&Arc<Registry>, &Dispatch, &Arc<Vault>),
) -> Arc<Callbacks> {
    let settings = callback::Settings {
        answer_within: Duration::from_secs(config.callback.answer_s),
        private_allowed: config.north.private_callbacks,
    };
    Arc::new(Callbacks::new(callback::Parts {
        outbox,
        dispatch: dispatch.clone(),
        registry: registry.clone(),
        vault: vault.clone(),
        resolver: Arc::new(SystemResolver::default()),
        settings,
    }))
}

fn mqtt_settings(config: &Mqtt) -> devices::Settings {
    let defaults = devices::Settings::default();
    let limits = ::mqtt::Limits {
        packet_bytes_max: config.packet_bytes_max,
        keep_alive_s_max: config.keep_alive_s_max,
        commands_unacknowledged_max: config.commands_unacknowledged_max,
        ..defaults.limits
    };
    devices::Settings {
        limits,
        connections_max: config.connections_max,
        certificate_names_device: config.client_cert_names_device,
        ..defaults
    }
}
