//! A platform for the tests of the northbound interface: the memory store, a test clock, devices whose sessions are faked.

use bytes::Bytes;
use delivery::{Answer, AppKey, DeviceId, Input, Rules, SessionId, Verdict};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use server::clock::Clock;
use server::dispatch::{Dispatch, Heard, Parts};
use server::faults::Faults;
use server::metrics::Metrics;
use server::north::{North, Settings};
use server::registry::{Grants, GroupBounds, Lapses, Models, Registry};
use server::secrets::{Vault, hash_secret};
use server::shutdown::Shutdown;
use server::south::{Hub, Mailbox, Order};
use server::timed::Timed;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{Application, Memory, Store};
use tempfile::TempDir;

pub(crate) const COMMANDS: &str = "/iocm/app/cmd/v1.4.0/deviceCommands";
pub(crate) const CANCEL_TASKS: &str = "/iocm/app/cmd/v1.4.0/deviceCommandCancelTasks";
pub(crate) const LOGIN: &str = "/iocm/app/sec/v1.1.0/login";
pub(crate) const REFRESH: &str = "/iocm/app/sec/v1.1.0/refreshToken";
pub(crate) const LOGOUT: &str = "/iocm/app/sec/v1.1.0/logout";
pub(crate) const REGISTER: &str = "/iocm/app/reg/v1.1.0/deviceCredentials";
pub(crate) const REGISTER_V2: &str = "/iocm/app/reg/v2.0.0/deviceCredentials";
pub(crate) const DEVICES: &str = "/iocm/app/dm/v1.4.0/devices";
pub(crate) const GROUPS: &str = "/iocm/app/devgroup/v1.3.0/devGroups";
pub(crate) const MEMBERS: &str = "/iocm/app/dm/v1.2.0/devices/ids";
pub(crate) const JOIN: &str = "/iocm/app/dm/v1.1.0/devices/addDevGroupTagToDevices";
pub(crate) const LEAVE: &str = "/iocm/app/dm/v1.1.0/devices/deleteDevGroupTagFromDevices";
/// Where the calls of these tests come from.
pub(crate) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// The longest that a test waits for something that is bound to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A platform with two applications, `app` and `other`, whose secrets are `secret-of-app` and `secret-of-other`.
pub(crate) struct Bench {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    pub(crate) faults: Arc<Faults>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) dispatch: Dispatch,
    pub(crate) registry: Arc<Registry>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) shutdown: Shutdown,
    pub(crate) lapses: Lapses,
    pub(crate) north: Arc<North>,
    token: String,
    error_status: api::ErrorStatus,
    _folder: TempDir,
}

/// An answer.
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// The faked session of a device.
pub(crate) struct Session {
    pub(crate) device: DeviceId,
    pub(crate) id: SessionId,
    pub(crate) mailbox: Arc<Mailbox>,
}

impl Bench {
    /// With the rulings' figures, but without a throttle.
    pub(crate) async fn start() -> Self {
        Self::with(
            Settings {
                throttle_calls_max: 0,
                ..Settings::default()
            },
            Rules::default(),
        )
        .await
    }

    pub(crate) async fn with(settings: Settings, rules: Rules) -> Self {
        Self::over(Arc::new(Memory::new()), settings, rules).await
    }

    /// With bounds on groups.
    pub(crate) async fn bounded(settings: Settings, bounds: GroupBounds) -> Self {
        Self::of(
            Arc::new(Memory::new()),
            settings,
            (Rules::default(), bounds),
        )
        .await
    }

    /// Over a store of any kind.
    pub(crate) async fn over(store: Arc<dyn Store>, settings: Settings, rules: Rules) -> Self {
        Self::of(store, settings, (rules, GroupBounds::default())).await
    }

    async fn of(
        store: Arc<dyn Store>,
        settings: Settings,
        (rules, bounds): (Rules, GroupBounds),
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let vault = Arc::new(Vault::open(&folder.path().join("key")).expect("a new key"));
        let kept = store.clone();
        let clock = Clock::test(delivery::Moment::from_millis(1_600_000_000_250));
        let (faults, shutdown) = (Arc::new(Faults::default()), Shutdown::default());
        let hub = Arc::new(Hub::new(faults.clone()));
        let parts = Parts {
            store: kept.clone(),
            hub: hub.clone(),
            clock: clock.clone(),
            rules,
            metrics: Arc::new(Metrics::default()),
            shutdown: shutdown.clone(),
            models: Arc::new(Models::open(kept.clone()).expect("memory can be read")),
            grants: Arc::new(Grants::open(&*kept).expect("memory can be read")),
            faults: faults.clone(),
            outbox: Arc::new(server::callback::Outbox::new(
                server::callback::Rules::default(),
            )),
            command_seq: kept.marks().expect("it can be read").command_seq.into(),
        };
        let dispatch = Dispatch::start(parts, 2).expect("threads");
        let registry =
            Registry::open(kept, dispatch.clone(), clock.now()).expect("memory can be read");
        let registry = Arc::new(registry.with_group_bounds(bounds));
        let lapses = Lapses::new(registry.clone());
        let error_status = settings.error_status;
        let north = Arc::new(North::new(
            registry.clone(),
            dispatch.clone(),
            vault.clone(),
            settings,
        ));
        let mut bench = Self {
            store,
            clock,
            faults,
            hub,
            dispatch,
            registry,
            vault,
            shutdown,
            lapses,
            north,
            token: String::new(),
            error_status,
            _folder: folder,
        };
        bench.add_application(1, "app", true).await;
        bench.add_application(2, "other", true).await;
        bench.token = bench.login("app").await;
        bench
    }

    pub(crate) async fn add_application(&self, key: u64, name: &str, throttled: bool) {
        let app = Application {
            key: AppKey(key),
            app_id: name.into(),
            name: name.into(),
            secret_hash: secret_hash(name),
            created: self.clock.now(),
            throttled,
            frozen: false,
            webhook_secret: None,
            callback_ca: None,
        };
        self.registry.keep_application(app).await.expect("kept");
    }

    /// A fresh access token.
    pub(crate) async fn login(&self, app: &str) -> String {
        let got = self
            .raw(
                "POST",
                LOGIN,
                &[],
                &format!("appId={app}&secret=secret-of-{app}"),
            )
            .await;
        assert_eq!(got.status, 200, "{}", got.text);
        got.json()["accessToken"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// A call of `app` with its token.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &str) -> Got {
        self.with_headers(method, path, &[], body).await
    }

    /// As `call`, with further headers.
    pub(crate) async fn with_headers(
        &self,
        method: &str,
        path: &str,
        more: &[(&str, &str)],
        body: &str,
    ) -> Got {
        let bearer = format!("Bearer {}", self.token);
        let own = [
            ("app_key", "app"),
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        self.raw(method, path, &[&own, more].concat(), body).await
    }

    /// A call with exactly these headers.
    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Got {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Full::new(Bytes::from(body.to_owned()));
        let response = self
            .north
            .answer(request.body(body).expect("a request"), HERE)
            .await;
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.expect("a whole body").to_bytes();
        let got = Got {
            status: head.status.as_u16(),
            headers: head.headers,
            text: String::from_utf8(bytes.to_vec()).expect("UTF-8"),
        };
        got.check_form();
        crate::document::check(method, path, self.error_status, &got);
        got
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Registers a device with a secret.
    pub(crate) async fn device(&self, node_id: &str) -> DeviceId {
        let body = format!(r#"{{"deviceInfo":{{"nodeId":"{node_id}"}},"mqttConnect":true}}"#);
        let got = self.call("POST", REGISTER_V2, &body).await;
        assert_eq!(got.status, 200, "{}", got.text);
        got.json()["deviceId"]
            .as_str()
            .expect("an id")
            .parse()
            .expect("a device's id")
    }

    /// Makes a group of devices; its id.
    pub(crate) async fn group(&self, name: &str, devices: &[DeviceId]) -> String {
        let devices: Vec<String> = devices.iter().map(ToString::to_string).collect();
        let body = serde_json::json!({"name": name, "deviceIds": devices}).to_string();
        let got = self.call("POST", GROUPS, &body).await;
        assert_eq!(got.status, 200, "{}", got.text);
        got.json()["id"].as_str().expect("an id").to_owned()
    }

    /// Opens a session that takes no commands.
    pub(crate) async fn connect(&self, device: DeviceId) -> Session {
        let mailbox = Arc::new(Mailbox::default());
        let (id, first) = self.hub.open(device, &mailbox).expect("a place");
        if first {
            self.registry
                .note_presence(device, self.clock.now())
                .await
                .expect("kept");
        }
        Session {
            device,
            id,
            mailbox,
        }
    }

    /// Opens a session that takes commands.
    pub(crate) async fn subscribe(&self, device: DeviceId) -> Session {
        let session = self.connect(device).await;
        self.hub.subscribed(device, session.id);
        self.hear(
            device,
            Input::Reachable {
                session: session.id,
                confirms: true,
            },
        )
        .await;
        session
    }

    /// Ends a session.
    pub(crate) async fn disconnect(&self, session: &Session) {
        self.hub.closed(session.device, session.id);
        self.hear(
            session.device,
            Input::Unreachable {
                session: session.id,
            },
        )
        .await;
    }

    /// Lets the heart hear something; returns when it has decided.
    pub(crate) async fn hear(&self, device: DeviceId, input: Input) {
        let heard = Heard {
            input: Some(input),
            ..Heard::default()
        };
        self.dispatch.hear(device, heard).await.expect("it runs");
        self.dispatch.settle().await.expect("it runs");
    }

    /// Lets a device acknowledge and answer an order.
    pub(crate) async fn answer(&self, session: &Session, order: &Order, detail: Option<&str>) {
        let Order::Deliver(downlink) = order else {
            panic!("{order:?} is no command")
        };
        let command = downlink.command;
        self.hear(session.device, Input::Acked { command }).await;
        if let Some(detail) = detail {
            let detail = Some(Arc::from(detail.as_bytes()));
            let answer = Answer {
                verdict: Verdict::Success,
                detail,
                off_profile: false,
            };
            self.hear(
                session.device,
                Input::Answered {
                    mid: downlink.mid,
                    answer,
                },
            )
            .await;
        }
    }

    /// Moves the clock, stopping at every deadline on the way.
    pub(crate) async fn pass(&self, span: Duration) {
        let target = self.clock.now() + span;
        loop {
            let lanes = self.dispatch.settle().await.expect("it runs");
            let lapses = self.lapses.settle().await;
            self.dispatch.settle().await.expect("it runs");
            let next = [lanes, lapses].into_iter().flatten().min();
            match next.filter(|next| *next <= target) {
                Some(next) => self.clock.move_to(next.max(self.clock.now())),
                None if self.clock.now() == target => return,
                None => self.clock.move_to(target),
            }
        }
    }

    /// Keeps a product model `M`/`X` with one service, and makes it the device's.
    pub(crate) async fn model(&self, device: DeviceId) {
        let profile = profile::Profile::from_json(PROFILE.as_bytes()).expect("a profile");
        self.registry
            .add_model(profile, self.clock.now())
            .await
            .expect("kept");
        let body = r#"{"manufacturerId":"M","model":"X"}"#;
        let got = self.call("PUT", &format!("{DEVICES}/{device}"), body).await;
        assert_eq!(got.status, 204, "{}", got.text);
    }

    /// Queues a command; gives its id.
    pub(crate) async fn queue(&self, device: DeviceId) -> String {
        let got = self.call("POST", COMMANDS, &command(device)).await;
        assert_eq!(got.status, 201, "{}", got.text);
        got.json()["commandId"].as_str().expect("an id").to_owned()
    }

    /// Listens on a port that the system picks.
    pub(crate) async fn listen(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind((HERE, 0))
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("bound");
        spawn(server::north::serve(listener, None, self.north.clone()));
        address
    }
}

impl Session {
    /// The commands that were handed to the device since the last call.
    pub(crate) fn orders(&self) -> Vec<Order> {
        self.mailbox.take().into()
    }
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Status and code of an error.
    pub(crate) fn error(&self) -> (u16, String) {
        let code = self.json()["error_code"]
            .as_str()
            .unwrap_or_else(|| panic!("no error: {}", self.text))
            .to_owned();
        (self.status, code)
    }

    pub(crate) fn detail(&self) -> String {
        self.json()["detail"]
            .as_str()
            .unwrap_or_else(|| panic!("no detail: {}", self.text))
            .to_owned()
    }

    /// What holds for every answer (tolerances 8 and 9).
    fn check_form(&self) {
        if self.status == 204 {
            assert!(self.text.is_empty() && !self.headers.contains_key("content-type"));
            return;
        }
        assert_eq!(self.headers["content-type"], "application/json");
        if self.status == 200 && self.text.is_empty() {
            // R3.11: the document says of which operation.
            return;
        }
        let json = self.json();
        if let Some(code) = json.get("error_code") {
            assert!(code.is_string() && json["error_desc"].is_string(), "{json}");
        } else {
            assert!(
                self.status < 300 || json.get("resultcode").is_some(),
                "{json}"
            );
            assert!(!self.text.contains("error_code"));
        }
    }
}

/// The body of a command.
pub(crate) fn command(device: DeviceId) -> String {
    format!(
        r#"{{"deviceId":"{device}","command":{{"serviceId":"Light","method":"SET","paras":{{"value":"12"}}}}}}"#
    )
}

/// The address of a direct call of service `Light`.
pub(crate) fn invoke(device: DeviceId) -> String {
    format!("/iocm/app/signaltrans/v1.1.0/devices/{device}/services/Light/sendCommand")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test owns it, and ends it with its runtime"
)]
pub(crate) fn spawn<T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::spawn(task)
}

/// The hash of an application's secret; made once, for it takes long on purpose.
fn secret_hash(name: &str) -> String {
    static MADE: Mutex<Option<HashMap<String, String>>> = Mutex::new(None);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let made = made.get_or_insert_default();
    made.entry(name.to_owned())
        .or_insert_with(|| hash_secret(&format!("secret-of-{name}").into()))
        .clone()
}

const PROFILE: &str = r#"{
    "devices": [{"manufacturerId": "M", "manufacturerName": "Maker", "model": "X", "protocolType": "MQTT", "deviceType": "Lamp",
        "serviceTypeCapabilities": [{"serviceId": "Light", "serviceType": "LightType", "option": "Mandatory"}]}],
    "services": [{"serviceType": "LightType", "description": "", "properties": [
            {"propertyName": "brightness", "dataType": "int", "required": true, "min": 0, "max": 100, "method": "RE"}],
        "commands": [
            {"commandName": "SET", "paras": [{"paraName": "value", "dataType": "int", "required": true, "min": 0, "max": 24}],
             "responses": []},
            {"commandName": "ASK", "paras": [], "responses": [
                {"responseName": "ASK_RSP", "paras": [{"paraName": "result", "dataType": "int", "required": true}]}]}]}]
}"#;

impl Bench {
    /// The causes in a command's history.
    pub(crate) fn store_history(&self, id: &str) -> Vec<&'static str> {
        let id = id.parse().expect("an id");
        let command = self
            .store
            .command(id)
            .expect("memory can be read")
            .expect("it was accepted");
        command
            .history
            .iter()
            .map(|entry| entry.cause.name())
            .collect()
    }
}
