//! A platform in this process: the memory store, a test clock, and MQTT on a port that the system picks.

mod device;
mod receiver;

pub(crate) use device::{Login, TestDevice};
pub(crate) use receiver::{Answer, Call, Receiver};

use delivery::{AppKey, Command, DeviceId, Kind, Moment, Rules, Status, Who};
use server::body::Body;
use server::callback::{self, Callbacks, Outbox, Resolve, SystemResolver};
use server::clock::Clock;
use server::dispatch::{Accepted, Ask, Dispatch, Parts, Refused};
use server::faults::Faults;
use server::metrics::Metrics;
use server::registry::{Grants, Models, Registry};
use server::secrets::Vault;
use server::shutdown::Shutdown;
use server::south::Hub;
use server::south::admission::Admission;
use server::south::mqtt::{Counts, Settings, South};
use server::timed::Timed;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use store::{Application, Device, Memory, Presence, Store};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// The one application of these tests.
pub(crate) const APP: AppKey = AppKey(1);
/// The secret of every device of these tests.
pub(crate) const SECRET: &str = "0123456789abcdef0123";
/// The longest that a test waits for something that is bound to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A platform.
pub(crate) struct Platform {
    pub(crate) store: Arc<Memory>,
    pub(crate) clock: Clock,
    pub(crate) faults: Arc<Faults>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) dispatch: Dispatch,
    pub(crate) registry: Arc<Registry>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) shutdown: Shutdown,
    pub(crate) mqtt: SocketAddr,
    pub(crate) callbacks: Arc<Callbacks>,
    /// Ends when the sender of callbacks has.
    callbacks_end: oneshot::Receiver<()>,
    folder: TempDir,
}

/// How callbacks are sent.
#[derive(Clone)]
pub(crate) struct Telling {
    pub(crate) rules: callback::Rules,
    pub(crate) settings: callback::Settings,
    pub(crate) resolver: Arc<dyn Resolve>,
}

impl Default for Telling {
    /// With the rulings' figures, and to this machine.
    fn default() -> Self {
        Self {
            rules: callback::Rules::default(),
            settings: callback::Settings {
                private_allowed: true,
                ..callback::Settings::default()
            },
            resolver: Arc::new(SystemResolver::default()),
        }
    }
}

impl Platform {
    /// Starts one over an empty store.
    pub(crate) async fn start() -> Self {
        Self::over(Arc::new(Memory::new()), Settings::default()).await
    }

    /// Starts one over a store that a former one left.
    pub(crate) async fn over(store: Arc<Memory>, settings: Settings) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::raise((store, folder), settings, Telling::default()).await
    }

    /// Starts one that tells applications in this way.
    pub(crate) async fn telling(telling: Telling) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let ground = (Arc::new(Memory::new()), folder);
        Self::raise(ground, Settings::default(), telling).await
    }

    /// Stops in good order, and starts again.
    pub(crate) async fn again(self, telling: Telling) -> Self {
        self.shutdown.drain();
        self.callbacks_end.await.expect("it ends");
        self.dispatch.stop().await;
        Self::raise((self.store, self.folder), Settings::default(), telling).await
    }

    async fn raise(
        (store, folder): (Arc<Memory>, TempDir),
        settings: Settings,
        telling: Telling,
    ) -> Self {
        let outbox = Arc::new(Outbox::new(telling.rules));
        let vault = Arc::new(Vault::open(&folder.path().join("key")).expect("a new key"));
        let marks = store.marks().expect("memory can be read");
        let clock = Clock::test(marks.last_moment);
        let faults = Arc::new(Faults::default());
        let hub = Arc::new(Hub::new(faults.clone()));
        let shutdown = Shutdown::default();
        let kept: Arc<dyn Store> = store.clone();
        let parts = Parts {
            store: kept.clone(),
            hub: hub.clone(),
            clock: clock.clone(),
            rules: Rules {
                started: clock.now(),
                ..Rules::default()
            },
            metrics: Arc::new(Metrics::default()),
            shutdown: shutdown.clone(),
            models: Arc::new(Models::open(kept.clone()).expect("memory can be read")),
            grants: Arc::new(Grants::open(&*kept).expect("memory can be read")),
            faults: faults.clone(),
            outbox: outbox.clone(),
            command_seq: marks.command_seq.into(),
        };
        let dispatch = Dispatch::start(parts, 2).expect("threads");
        let registry = Arc::new(
            Registry::open(kept, dispatch.clone(), clock.now()).expect("memory can be read"),
        );
        let south = South {
            admission: Admission::new(registry.clone(), vault.clone(), clock.clone()),
            dispatch: dispatch.clone(),
            hub: hub.clone(),
            registry: registry.clone(),
            shutdown: shutdown.clone(),
            settings,
            counts: Counts::default(),
        };
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = server::south::mqtt::bind(any).await.expect("a free port");
        let mqtt = listener.local_addr().expect("bound");
        spawn(server::south::mqtt::serve(listener, None, Arc::new(south)));
        let callbacks = Arc::new(Callbacks::new(callback::Parts {
            outbox,
            dispatch: dispatch.clone(),
            registry: registry.clone(),
            vault: vault.clone(),
            resolver: telling.resolver,
            settings: telling.settings,
        }));
        let (ends, callbacks_end) = oneshot::channel();
        let running = callbacks.clone();
        let platform = Self {
            store,
            clock,
            faults,
            hub,
            dispatch,
            registry,
            vault,
            shutdown,
            mqtt,
            callbacks,
            callbacks_end,
            folder,
        };
        if platform.registry.application("app").is_none() {
            platform.add_application().await;
        }
        spawn(async move {
            running.run().await;
            ends.send(()).ok();
        });
        platform
    }

    async fn add_application(&self) {
        let app = Application {
            key: APP,
            app_id: "app".into(),
            name: "the application".into(),
            secret_hash: String::new(),
            created: self.clock.now(),
            throttled: false,
            frozen: false,
            webhook_secret: None,
            callback_ca: None,
        };
        self.registry.keep_application(app).await.expect("kept");
    }

    /// Changes the one application.
    pub(crate) async fn change_application(&self, change: impl FnOnce(&mut Application)) {
        let app = self.registry.application("app").expect("it is there");
        let mut app = Application::clone(&app);
        change(&mut app);
        self.registry.keep_application(app).await.expect("kept");
    }

    /// Has callbacks signed with this key.
    pub(crate) async fn sign_with(&self, key: &[u8]) {
        let secret = api::webhook::WebhookSecret::of_bytes(key).expect("24 to 64 bytes");
        let sealed = self.vault.seal(secret.expose().as_bytes());
        self.change_application(|app| app.webhook_secret = Some(sealed))
            .await;
    }

    /// Registers a device that may come in over MQTT.
    pub(crate) async fn device(&self, node_id: &str) -> DeviceId {
        let now = self.clock.now();
        let device = Device {
            id: self.registry.new_device_id(),
            app: APP,
            gateway: None,
            node_id: node_id.into(),
            registered: now,
            modified: now,
            activated: None,
            bind_by: None,
            deleted: None,
            secret: Some(self.vault.seal(SECRET.as_bytes())),
            psk: None,
            verify_code: None,
            secure: false,
            model: None,
            info: b"{}".to_vec(),
            presence: Presence::default(),
        };
        self.registry.add_device(device).await.expect("kept").id
    }

    /// Submits a command with these parameters.
    pub(crate) async fn submit(
        &self,
        device: DeviceId,
        kind: Kind,
        paras: &str,
    ) -> Result<Accepted, Refused> {
        self.dispatch.submit(device, ask(kind, paras)).await
    }

    /// Submits a command that waits for its device for two days at the most.
    pub(crate) async fn queue(&self, device: DeviceId, paras: &str) -> Command {
        self.submit(device, queued(), paras)
            .await
            .expect("accepted")
            .command
    }

    /// The command as it is kept.
    pub(crate) fn command(&self, of: &Command) -> Command {
        self.store
            .command(of.id)
            .expect("memory can be read")
            .expect("it was accepted")
    }

    /// Waits until the command has this status; gives it as it is then.
    pub(crate) async fn until(&self, of: &Command, status: Status) -> Command {
        let there = async {
            loop {
                let now = self.command(of);
                if now.status() == status {
                    return now;
                }
                pause().await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, there).await;
        waited.unwrap_or_else(|_| panic!("it became {:?}, not {status:?}", self.command(of)))
    }

    /// Moves the clock, stopping at every deadline on the way.
    pub(crate) async fn pass(&self, span: Duration) {
        let target = self.clock.now() + span;
        loop {
            let next = self.settle().await;
            match next.filter(|next| *next <= target) {
                Some(next) => self.clock.move_to(next.max(self.clock.now())),
                None if self.clock.now() == target => return,
                None => self.clock.move_to(target),
            }
        }
    }

    /// Waits until everything that is due has been done; the next deadline.
    pub(crate) async fn settle(&self) -> Option<Moment> {
        let lanes = self.dispatch.settle().await.expect("it runs");
        let callbacks = self.callbacks.settle();
        let callbacks = tokio::time::timeout(PATIENCE, callbacks).await;
        let callbacks = callbacks.expect("callbacks settle");
        [lanes, callbacks].into_iter().flatten().min()
    }

    /// Waits until the device can be reached.
    pub(crate) async fn until_reachable(&self, device: DeviceId, reachable: bool) {
        let there = async {
            while self.hub.is_reachable(device) != reachable {
                pause().await;
            }
            self.dispatch.settle().await.expect("it runs");
        };
        tokio::time::timeout(PATIENCE, there)
            .await
            .expect("it becomes so");
    }
}

/// A submission of the tests' own.
pub(crate) fn ask(kind: Kind, paras: &str) -> Ask {
    let body = Body {
        service_id: "Meter".into(),
        method: "SET".into(),
        paras: serde_json::value::RawValue::from_string(paras.into()).expect("JSON"),
        paras_asked: None,
        callback_url: None,
        model_version: None,
        fingerprint: None,
        direct: None,
    };
    Ask {
        app: APP,
        who: Who::Application(APP),
        kind,
        retransmit_max: 3,
        answer_expected: true,
        callback: false,
        key: None,
        body: body.write(),
        follow: None,
    }
}

/// A submission whose changes are told to `url`.
pub(crate) fn ask_telling(kind: Kind, url: &str) -> Ask {
    let mut body = Body::read(&ask(kind, "{}").body).expect("it was written just now");
    body.callback_url = Some(url.to_owned());
    Ask {
        callback: true,
        body: body.write(),
        ..ask(kind, "{}")
    }
}

/// Two days in the queue.
pub(crate) fn queued() -> Kind {
    Kind::Queued {
        expire_after: Duration::from_hours(48),
    }
}

/// The statuses of a command's history, repeats left out.
pub(crate) fn path(command: &Command) -> Vec<Status> {
    let mut path: Vec<Status> = command.history.iter().map(|entry| entry.status).collect();
    path.dedup();
    path
}

/// Lets others go on for a little.
pub(crate) async fn pause() {
    // tidy: wait because what is waited for happens in another task and is looked at again at once
    tokio::time::sleep(Duration::from_millis(2)).await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test's runtime owns it and ends it"
)]
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}
