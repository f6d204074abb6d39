//! A real platform in this process, for devices, load and fleets to meet.

use sdk::Client;
use server::admin::client::Method;
use server::admin::wire::{ApplicationView, NewApplication};
use server::assembly::{Running, Server};
use server::config::Config;
use sim::load::Target;
use std::net::SocketAddr;
use tempfile::TempDir;

pub(crate) struct Platform {
    running: Running,
    pub(crate) app_id: String,
    pub(crate) secret: String,
    pub(crate) client: Client,
    _folder: TempDir,
}

impl Platform {
    /// On free ports of loopback, with an application that is not throttled.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let running = Server::new(Config::local(folder.path()))
            .start()
            .await
            .unwrap();
        let asked = NewApplication {
            throttled: Some(false),
            ..NewApplication::default()
        };
        let made: ApplicationView = running
            .admin()
            .unwrap()
            .send(Method::POST, "/downlink/v1/applications", &asked)
            .await
            .unwrap();
        let secret = made.secret.unwrap();
        let client = Client::builder(running.ports.north_url(), &made.app_id, &secret)
            .build()
            .unwrap();
        Self {
            running,
            app_id: made.app_id,
            secret,
            client,
            _folder: folder,
        }
    }

    pub(crate) fn url(&self) -> String {
        self.running.ports.north_url()
    }

    pub(crate) fn mqtt(&self) -> SocketAddr {
        self.running.ports.mqtt.unwrap()
    }

    pub(crate) async fn target(&self) -> Target {
        Target {
            http: self.running.ports.north,
            mqtt: self.mqtt(),
            app_id: self.app_id.clone(),
            token: self.client.get_auth_token().await.unwrap().access_token,
            callbacks: Vec::new(),
            trust: None,
        }
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await.unwrap();
    }
}
