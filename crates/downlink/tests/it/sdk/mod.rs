//! The Rust client against the real server: what it does there, and what every example of it prints.

pub(crate) mod examples;
mod log;
mod operations;
mod page;
mod proxy;
mod retries;
mod scenario;
mod tls;
mod tokens;

use crate::process::{Server, json, printed};
use sdk::api::commands::{Command, PostCommandRequest};
use sdk::api::registration::{NewDeviceInfo, RegisterWithSecretRequest};
use sdk::{Client, ClientBuilder};
use serde_json::{Map, Value};
use std::path::Path;
use tempfile::TempDir;

pub(crate) const PROFILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../profile/samples/water-meter.json"
);

/// A server whose clock stands still, with an application and the water meter's profile.
pub(crate) struct Bed {
    pub(crate) server: Server,
    pub(crate) secret: String,
    folder: TempDir,
}

impl Bed {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut all = vec!["--test-clock"];
        all.extend(args);
        let server = Server::start(folder.path(), &all);
        let create = ["app", "create", "--id", "app", "--unthrottled", "--json"];
        let app = json(folder.path(), &create);
        printed(folder.path(), &["profile", "add", PROFILE]);
        Self {
            server,
            secret: app["secret"].as_str().expect("shown once").to_owned(),
            folder,
        }
    }

    pub(crate) fn data(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder(self.server.ports.north_url(), "app", &self.secret)
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().build().expect("settings that work")
    }

    /// Has the application's callbacks signed from now on: by this secret.
    pub(crate) fn webhook_secret(&self) -> String {
        let rotate = "app callback app --rotate-webhook-secret --json";
        let rotate: Vec<&str> = rotate.split(' ').collect();
        let app = json(self.data(), &rotate);
        app["webhookSecret"]
            .as_str()
            .expect("shown once")
            .to_owned()
    }

    /// Makes something go wrong once.
    pub(crate) fn fault(&self, name: &str) {
        printed(self.data(), &["fault", "set", name]);
    }

    /// How many answers of an operation the server has counted, with any status.
    pub(crate) fn answers(&self, operation: &str) -> u64 {
        let page = self.metrics();
        let wanted = format!("operation=\"{operation}\"");
        page.lines()
            .filter(|line| {
                line.starts_with("downlink_http_answers_total{") && line.contains(&wanted)
            })
            .map(|line| line.rsplit(' ').next().expect("a value"))
            .map(|count| count.parse::<u64>().expect("a count"))
            .sum()
    }

    fn metrics(&self) -> String {
        use std::io::{Read, Write};
        let mut door = std::net::TcpStream::connect(self.server.ports.admin).expect("connected");
        door.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .expect("written");
        let mut page = String::new();
        door.read_to_string(&mut page).expect("text");
        page
    }
}

/// A water meter in secret mode.
pub(crate) fn meter(node_id: &str) -> RegisterWithSecretRequest {
    let text = |text: &str| Some(text.to_owned());
    RegisterWithSecretRequest {
        node_id: node_id.to_owned(),
        device_info: NewDeviceInfo {
            manufacturer_id: text("Downlink"),
            manufacturer_name: text("Downlink"),
            model: text("WM1"),
            device_type: text("WaterMeter"),
            protocol_type: text("MQTT"),
            ..NewDeviceInfo::default()
        },
        ..RegisterWithSecretRequest::default()
    }
}

/// A command for it.
pub(crate) fn set_period(device_id: &str, value: u64) -> PostCommandRequest {
    PostCommandRequest {
        device_id: device_id.to_owned(),
        command: Command {
            service_id: "WaterMeter".into(),
            method: "SET_PERIOD".into(),
            paras: Map::from_iter([("value".to_owned(), Value::from(value))]),
        },
        ..PostCommandRequest::default()
    }
}
