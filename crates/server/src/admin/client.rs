//! A small client of the operator's door, for the command line, the demo and tests.

use super::wire::ProblemView;
use super::{Token, TokenError};
use crate::assembly::{PORTS_FILE, Ports};
use crate::files;
use bytes::Bytes;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
pub use http::{Method, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpStream;

/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 256 * 1_048_576;
/// The longest wait for an answer: a move of the test clock decides about every command on its way.
const ANSWER_WITHIN: Duration = Duration::from_mins(30);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const PORTS_BYTES_MAX: u64 = 65_536;

/// The door of one running server.
pub struct Client {
    address: SocketAddr,
    token: Token,
}

/// Why the server did not do as it was asked. Written for whoever sits at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No server runs on the data folder.
    #[error("no server runs on the data folder {}: there is no {PORTS_FILE} in it", folder.display())]
    NotRunning {
        /// The folder.
        folder: PathBuf,
    },
    /// The file that tells the ports cannot be read.
    #[error("{} cannot be read: {message}", path.display())]
    Ports {
        /// The file.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// The token cannot be read.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Nobody answers.
    #[error("the server at {address} does not answer: {message}")]
    Unreachable {
        /// Where it should be.
        address: SocketAddr,
        /// Why.
        message: String,
    },
    /// The server refused.
    #[error("{message}")]
    Refused {
        /// With this status.
        status: StatusCode,
        /// The kind of the problem, for programs: [`ProblemView::error`].
        kind: String,
        /// What it said.
        message: String,
        /// The code of the contract, where the refusal has one.
        code: Option<String>,
    },
    /// The answer is not what is expected of this version.
    #[error("the server's answer is not understood: {0}")]
    Answer(String),
}

impl ClientError {
    /// The contract's code of a refusal that has one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => code.as_deref(),
            Self::NotRunning { .. }
            | Self::Ports { .. }
            | Self::Token(_)
            | Self::Unreachable { .. }
            | Self::Answer(_) => None,
        }
    }
}

impl Client {
    /// The door at `address`.
    pub const fn new(address: SocketAddr, token: Token) -> Self {
        Self { address, token }
    }

    /// The door of the server that runs on a data folder.
    ///
    /// # Errors
    /// No server runs there, or its files cannot be read.
    pub fn of_folder(folder: &Path) -> Result<Self, ClientError> {
        let ports = Self::ports(folder)?;
        let not_running = || ClientError::NotRunning {
            folder: folder.to_owned(),
        };
        let token = Token::read(folder)?.ok_or_else(not_running)?;
        Ok(Self::new(ports.admin, token))
    }

    /// Where the server that runs on a data folder listens.
    ///
    /// # Errors
    /// No server runs there, or its file cannot be read.
    pub fn ports(folder: &Path) -> Result<Ports, ClientError> {
        let path = folder.join(PORTS_FILE);
        let wrong = |message: String| ClientError::Ports {
            path: path.clone(),
            message,
        };
        let read = files::read(&path, PORTS_BYTES_MAX).map_err(|error| wrong(error.to_string()))?;
        let text = read.ok_or_else(|| ClientError::NotRunning {
            folder: folder.to_owned(),
        })?;
        serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))
    }

    /// Reads what stands at `path`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        understand(&self.call(Method::GET, path, Bytes::new()).await?)
    }

    /// Sends `body` as JSON.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body =
            serde_json::to_vec(body).map_err(|error| ClientError::Answer(error.to_string()))?;
        understand(&self.call(method, path, body).await?)
    }

    /// Sends bytes and returns those of the answer.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Result<Bytes, ClientError> {
        let (status, answer) = self.exchange(method, path, body.into()).await?;
        if status.is_success() {
            return Ok(answer);
        }
        let said = serde_json::from_slice(&answer).unwrap_or_else(|_| ProblemView {
            error: "failed".to_owned(),
            message: format!("the server answered {status}"),
            code: None,
        });
        Err(ClientError::Refused {
            status,
            kind: said.error,
            message: said.message,
            code: said.code,
        })
    }

    /// One request on a connection of its own; the status is the caller's to judge.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`], or [`ClientError::Answer`].
    pub async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.to_string())
            .header(AUTHORIZATION, self.token.header())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| ClientError::Answer(error.to_string()))?;
        let unreachable = |message: String| ClientError::Unreachable {
            address: self.address,
            message,
        };
        let connect = tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect(self.address)).await;
        let stream = connect
            .map_err(|error| unreachable(error.to_string()))?
            .map_err(|error| unreachable(error.to_string()))?;
        let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = shaken.map_err(|error| unreachable(error.to_string()))?;
        let talk = async {
            let answer = sender
                .send_request(request)
                .await
                .map_err(|error| unreachable(error.to_string()))?;
            let status = answer.status();
            let bytes = Limited::new(answer.into_body(), ANSWER_BYTES_MAX)
                .collect()
                .await;
            let bytes = bytes.map_err(|error| ClientError::Answer(error.to_string()))?;
            Ok((status, bytes.to_bytes()))
        };
        let driven = async {
            tokio::pin!(talk);
            tokio::pin!(connection);
            tokio::select! {
                biased;
                answer = &mut talk => answer,
                // The last bytes of the answer may have come with the end of the connection.
                _ = &mut connection => talk.await,
            }
        };
        tokio::time::timeout(ANSWER_WITHIN, driven)
            .await
            .map_err(|error| unreachable(error.to_string()))?
    }
}

fn understand<T: DeserializeOwned>(answer: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(answer).map_err(|error| ClientError::Answer(error.to_string()))
}
