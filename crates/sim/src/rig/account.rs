//! An application's account: made through the operator's door, used over HTTP.

use std::net::SocketAddr;

use api::paths;
use serde_json::{Value, json};
use server::admin::client::ClientError;
use server::admin::wire::{ApplicationView, NewApplication};

use super::{Answer, Http, Request, Server};

const SECRET: &str = "a secret of the simulation";

/// An application that is logged in.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its id.
    pub app_id: String,
    /// Its access token.
    pub token: api::Secret,
    /// Its header lines: who it is, and its token.
    pub headers: String,
}

/// A device that was registered.
#[derive(Clone, Debug)]
pub struct Registered {
    /// Its id.
    pub device_id: String,
    /// Its secret.
    pub secret: String,
}

/// Why there is no account, or no device.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The operator's door did not open.
    #[error("the application cannot be made: {0}")]
    Admin(#[from] ClientError),
    /// The connection failed.
    #[error("the platform does not answer: {0}")]
    Connection(#[from] std::io::Error),
    /// The platform refused, or answered something unexpected.
    #[error("{operation} was answered with {status}: {body}")]
    Refused {
        /// What was asked.
        operation: &'static str,
        /// The status.
        status: u16,
        /// The body.
        body: String,
    },
}

impl Account {
    /// Makes an application whose calls are not limited, and logs it in.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn open(server: &Server, app_id: &str) -> Result<Self, AccountError> {
        let asked = NewApplication {
            app_id: Some(app_id.to_owned()),
            secret: Some(SECRET.to_owned()),
            name: Some("simulation".to_owned()),
            throttled: Some(false),
        };
        let made: ApplicationView = server
            .admin
            .send(http::Method::POST, "/downlink/v1/applications", &asked)
            .await?;
        Self::login(server.ports.north, &made.app_id).await
    }

    /// Logs an application in that [`open`](Self::open) made.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn login(north: SocketAddr, app_id: &str) -> Result<Self, AccountError> {
        let form = api::auth::LoginRequest {
            app_id: app_id.to_owned(),
            secret: api::Secret::new(SECRET),
        }
        .to_form();
        let asked = Request {
            method: "POST",
            path: paths::LOGIN,
            headers: "",
            body: form.as_bytes(),
        };
        let answer = Http::connect(north).await?.call(asked).await?;
        let said: api::auth::AuthAnswer = expected("login", 200, &answer)?;
        let bearer = said.access_token.expose();
        Ok(Self {
            app_id: app_id.to_owned(),
            headers: format!("app_key: {app_id}\r\nAuthorization: Bearer {bearer}\r\n"),
            token: said.access_token,
        })
    }

    /// Registers an MQTT device with a secret.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn register(
        &self,
        http: &mut Http,
        node_id: &str,
    ) -> Result<Registered, AccountError> {
        let body = json!({"deviceInfo": {"nodeId": node_id, "protocolType": "MQTT"}, "mqttConnect": "TRUE"}).to_string();
        let asked = Request {
            method: "POST",
            path: paths::DEVICE_CREDENTIALS_V2,
            headers: &self.headers,
            body: body.as_bytes(),
        };
        let answer = http.call(asked).await?;
        let said: Value = expected("registration", 200, &answer)?;
        let text = |name: &str| said[name].as_str().map(ToOwned::to_owned);
        match (text("deviceId"), text("secret")) {
            (Some(device_id), Some(secret)) => Ok(Registered { device_id, secret }),
            _ => Err(refused("registration", &answer)),
        }
    }
}

/// The answer's body, if it has the status.
fn expected<T: serde::de::DeserializeOwned>(
    operation: &'static str,
    status: u16,
    answer: &Answer,
) -> Result<T, AccountError> {
    if answer.status != status {
        return Err(refused(operation, answer));
    }
    serde_json::from_slice(&answer.body).map_err(|_| refused(operation, answer))
}

fn refused(operation: &'static str, answer: &Answer) -> AccountError {
    AccountError::Refused {
        operation,
        status: answer.status,
        body: String::from_utf8_lossy(&answer.body).into_owned(),
    }
}
