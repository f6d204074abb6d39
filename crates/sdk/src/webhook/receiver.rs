//! A ready-made HTTP server for callbacks.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Event, Turn, Verifier, Window};

/// Bytes of a callback's body: the platform takes no larger answer of a device.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Connections at once; further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 256;
/// How long a request's head, and then its body, may take.
const READ_WITHIN: Duration = Duration::from_secs(10);
/// How long a connection that is asked to end may take.
const END_WITHIN: Duration = Duration::from_secs(20);
/// After a failure to accept, such as a lack of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// Callbacks that are remembered as done.
const WINDOW: usize = 100_000;

/// A server that takes callbacks and hands each to a handler, once.
///
/// | answer | when |
/// |---|---|
/// | 200 | the handler has done its work, now or at an earlier attempt |
/// | 400 | the body cannot be read |
/// | 401 | the callback is not signed, forged or old |
/// | 405, 408, 413 | it is no POST, too slow, or larger than 1 MiB |
/// | 500 | the handler failed: the platform will repeat it |
/// | 503 | the handler still works at an earlier attempt: the platform will repeat it |
///
/// It speaks HTTP/1.1 in the clear: TLS is the affair of whatever stands before it. Every path is the same to it.
pub struct Receiver {
    verifier: Verifier,
    window: Window,
}

/// The listener cannot be used any more.
#[derive(Debug, thiserror::Error)]
#[error("the receiver's listener cannot be used")]
pub struct Stopped(#[from] io::Error);

struct Shared<H> {
    receiver: Receiver,
    handler: H,
}

impl Receiver {
    /// Takes what `verifier` believes, and remembers the last 100,000.
    pub fn new(verifier: Verifier) -> Self {
        Self {
            verifier,
            window: Window::new(WINDOW),
        }
    }

    /// Remembers so many instead.
    #[must_use]
    pub fn window(mut self, size: usize) -> Self {
        self.window = Window::new(size);
        self
    }

    /// Serves until `stops`; then what has begun is brought to its end. `handler` is asked once for each callback, several at a time. Its
    /// future is dropped when the platform hangs up, 15 s after it began to ask: work that takes longer belongs into a queue.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn serve<H, F, E>(
        self,
        listener: TcpListener,
        handler: H,
        stops: impl Future<Output = ()>,
    ) -> Result<(), Stopped>
    where
        H: Fn(Event) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        listener.local_addr()?;
        let shared = Arc::new(Shared {
            receiver: self,
            handler,
        });
        let (ending, ended) = tokio::sync::watch::channel(false);
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut connections = JoinSet::new();
        tokio::pin!(stops);
        loop {
            let accepted = async {
                let place = places.clone().acquire_owned().await;
                (listener.accept().await, place.expect("it is never closed"))
            };
            tokio::select! {
                () = &mut stops => break,
                Some(_) = connections.join_next() => {}
                (accepted, place) = accepted => match accepted {
                    Ok((stream, _)) => {
                        let (shared, mut ended) = (shared.clone(), ended.clone());
                        connections.spawn(async move {
                            let service = service_fn(move |request| shared.clone().answer(request));
                            let connection = http1::Builder::new()
                                .timer(TokioTimer::new())
                                .header_read_timeout(READ_WITHIN)
                                .serve_connection(TokioIo::new(stream), service);
                            tokio::pin!(connection);
                            let outcome = tokio::select! {
                                outcome = &mut connection => outcome,
                                _ = ended.changed() => {
                                    connection.as_mut().graceful_shutdown();
                                    timeout(END_WITHIN, connection).await.unwrap_or(Ok(()))
                                }
                            };
                            if let Err(error) = outcome {
                                tracing::debug!(%error, "a connection for callbacks broke");
                            }
                            drop(place);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection for callbacks cannot be accepted");
                        tokio::time::sleep(ACCEPT_AGAIN).await;
                    }
                },
            }
        }
        drop(listener);
        ending.send_replace(true);
        while connections.join_next().await.is_some() {}
        Ok(())
    }
}

impl<H, F, E> Shared<H>
where
    H: Fn(Event) -> F,
    F: Future<Output = Result<(), E>>,
    E: fmt::Display,
{
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let status = self.take(request).await;
        let mut response = Response::new(Full::default());
        *response.status_mut() = status;
        Ok(response)
    }

    async fn take(&self, request: Request<Incoming>) -> StatusCode {
        if request.method() != Method::POST {
            return StatusCode::METHOD_NOT_ALLOWED;
        }
        let (head, body) = request.into_parts();
        let body = match timeout(READ_WITHIN, Limited::new(body, BODY_BYTES_MAX).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) => return unread(&*error),
            Err(_) => return StatusCode::REQUEST_TIMEOUT,
        };
        let event = match self.receiver.verifier.dispatch(&head.headers, &body) {
            Ok(event) => event,
            Err(refused) => {
                tracing::warn!(cause = %refused, "a callback is refused");
                return refused.status();
            }
        };
        let doing = match self.receiver.window.begin(&event) {
            Turn::First(doing) => doing,
            Turn::Running => return StatusCode::SERVICE_UNAVAILABLE,
            Turn::Done => return StatusCode::OK,
        };
        let id = event.id.clone();
        match (self.handler)(event).await {
            Ok(()) => {
                doing.done();
                StatusCode::OK
            }
            Err(error) => {
                tracing::warn!(id, %error, "the handler of a callback failed");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}

fn unread(error: &(dyn StdError + Send + Sync + 'static)) -> StatusCode {
    if error.is::<LengthLimitError>() {
        StatusCode::PAYLOAD_TOO_LARGE
    } else {
        StatusCode::BAD_REQUEST
    }
}
