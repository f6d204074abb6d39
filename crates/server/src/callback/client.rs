//! The HTTP client of callbacks: one POST, its status, and nothing else. Redirects are answers like any other, and failures (R5.1).
//!
//! Connections are kept open for the next callback to the same endpoint, within bounds. Nobody reads from one that lies idle: that it
//! was closed meanwhile is seen when it is used, and then the callback leaves once more, on a fresh one.

use super::Failure;
use super::address::Target;
use super::connect::{Connector, Stream};
use crate::clock::passed_ms;
use api::callbacks::CONTENT_TYPE;
use bytes::Bytes;
use http::header::{CONTENT_TYPE as CONTENT_TYPE_NAME, HOST, USER_AGENT};
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes of an answer's head.
const HEAD_BYTES_MAX: usize = 16_384;
const HEADERS_MAX: usize = 64;
/// Bytes of an answer's body that are read, so that its connection can be used again; nobody looks at them.
const BODY_BYTES_MAX: usize = 16_384;
/// How long they may take.
const BODY_WITHIN: Duration = Duration::from_millis(500);
/// Idle connections: per endpoint, and together.
const IDLE_PER_ENDPOINT_MAX: usize = 16;
const IDLE_MAX: usize = 512;
/// A connection that lay idle for longer is closed.
const IDLE_MS: u64 = 20_000;

type Sender = http1::SendRequest<Full<Bytes>>;
type Connection = http1::Connection<TokioIo<Box<dyn Stream>>, Full<Bytes>>;

/// A callback, ready to leave.
#[derive(Debug, Clone)]
pub(super) struct Post {
    pub(super) target: Target,
    /// An authority that is trusted in addition to the machine's.
    pub(super) ca: Option<String>,
    pub(super) body: Bytes,
    /// Headers beside those of every callback.
    pub(super) headers: Vec<(&'static str, String)>,
}

/// Connections that are kept go by endpoint and by whom they trusted.
type Key = (Arc<str>, Option<String>);

/// The client.
pub(super) struct Client {
    connector: Connector,
    /// How long a callback may take, from the lookup of its name to the head of its answer.
    answer_within: Duration,
    idle: Mutex<HashMap<Key, Vec<Open>>>,
}

/// An open connection.
struct Open {
    sender: Sender,
    /// What moves its bytes; gone once it has ended.
    connection: Option<Connection>,
    idle_since_ms: u64,
}

impl Client {
    pub(super) fn new(connector: Connector, answer_within: Duration) -> Self {
        Self {
            connector,
            answer_within,
            idle: Mutex::default(),
        }
    }

    /// Sends a callback; any answer but 2xx in time is a failure (R5.1).
    pub(super) async fn post(&self, post: &Post) -> Result<(), Failure> {
        let exchange = tokio::time::timeout(self.answer_within, self.exchange(post)).await;
        let (open, answer) = exchange.map_err(|_| Failure::Late(self.answer_within))??;
        let status = answer.status();
        self.finish(post, open, answer.into_body()).await;
        if status.is_success() {
            Ok(())
        } else {
            Err(Failure::Status(status.as_u16()))
        }
    }

    /// Closes connections that have been idle for too long.
    pub(super) fn sweep(&self) {
        let now = passed_ms();
        self.idle().retain(|_, open| {
            open.retain(|open| now.saturating_sub(open.idle_since_ms) < IDLE_MS);
            !open.is_empty()
        });
    }

    async fn exchange(&self, post: &Post) -> Result<(Open, Response<Incoming>), Failure> {
        if let Some(mut open) = self.take(post) {
            match open.call(request(post)?).await {
                Ok(answer) => return Ok((open, answer)),
                Err(error) if error.is_parse() => return Err(Failure::Http(error.to_string())),
                // It was closed while it lay idle; so were its like.
                Err(_) => drop(self.idle().remove(&key(post))),
            }
        }
        let stream = self.connector.connect(&post.target, post.ca.as_deref());
        let mut open = Open::over(stream.await?).await?;
        let answer = open.call(request(post)?).await;
        let answer = answer.map_err(|error| Failure::Http(error.to_string()))?;
        Ok((open, answer))
    }

    /// Reads what is left of an answer and keeps its connection, if that takes little.
    async fn finish(&self, post: &Post, mut open: Open, body: Incoming) {
        let rest = Limited::new(body, BODY_BYTES_MAX).collect();
        let read = driven(&mut open.connection, rest);
        let whole = matches!(tokio::time::timeout(BODY_WITHIN, read).await, Ok(Ok(_)));
        if !whole || open.connection.is_none() {
            return;
        }
        open.idle_since_ms = passed_ms();
        let mut idle = self.idle();
        let kept: usize = idle.values().map(Vec::len).sum();
        let alike = idle.entry(key(post)).or_default();
        if alike.len() < IDLE_PER_ENDPOINT_MAX && kept < IDLE_MAX {
            alike.push(open);
        }
    }

    /// An idle connection to the endpoint, the youngest.
    fn take(&self, post: &Post) -> Option<Open> {
        let mut idle = self.idle();
        let key = key(post);
        let alike = idle.get_mut(&key)?;
        let open = alike.pop();
        if alike.is_empty() {
            idle.remove(&key);
        }
        open.filter(|open| passed_ms().saturating_sub(open.idle_since_ms) < IDLE_MS)
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<Key, Vec<Open>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    async fn over(stream: Box<dyn Stream>) -> Result<Self, Failure> {
        let shaken = http1::Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .handshake(TokioIo::new(stream))
            .await;
        let (sender, connection) = shaken.map_err(|error| Failure::Http(error.to_string()))?;
        Ok(Self {
            sender,
            connection: Some(connection),
            idle_since_ms: 0,
        })
    }

    async fn call(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        let Self {
            sender, connection, ..
        } = self;
        let answered = async {
            sender.ready().await?;
            sender.send_request(request).await
        };
        driven(connection, answered).await
    }
}

/// Waits for `future`, which needs the connection's bytes to move.
async fn driven<T>(connection: &mut Option<Connection>, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    if let Some(moving) = connection {
        tokio::select! {
            biased;
            done = &mut future => return done,
            // Its last bytes may have come with its end.
            _ = moving => {}
        }
        *connection = None;
    }
    future.await
}

fn request(post: &Post) -> Result<Request<Full<Bytes>>, Failure> {
    let host = post.target.uri.authority().map_or("", |host| host.as_str());
    let mut request = Request::post(post.target.path())
        .header(HOST, host)
        .header(USER_AGENT, "Downlink")
        .header(CONTENT_TYPE_NAME, HeaderValue::from_static(CONTENT_TYPE));
    for (name, value) in &post.headers {
        request = request.header(*name, value);
    }
    request
        .body(Full::new(post.body.clone()))
        .map_err(|error| Failure::Http(error.to_string()))
}

fn key(post: &Post) -> Key {
    (post.target.endpoint.clone(), post.ca.clone())
}
