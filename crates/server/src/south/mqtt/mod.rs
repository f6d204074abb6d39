//! MQTT devices: the listener, and one task per connection.

mod connection;
mod hearing;

use super::Hub;
use super::admission::Admission;
use crate::clock::passed_ms;
use crate::dispatch::Dispatch;
use crate::registry::Registry;
use crate::shutdown::Shutdown;
use crate::tls::{Certificate, Door};
use metrics::{Counter, Gauge, counter, gauge};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::server::TlsStream;

/// How long the listener rests after the machine refused it a connection (too many open files, say).
const REST_AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// What every MQTT connection works with.
pub struct South {
    /// Who may come in.
    pub admission: Admission,
    /// Where what devices say goes.
    pub dispatch: Dispatch,
    /// Where sessions are found.
    pub hub: Arc<Hub>,
    /// Which devices and product models there are.
    pub registry: Arc<Registry>,
    /// Whether the platform runs.
    pub shutdown: Shutdown,
    /// The bounds and figures.
    pub settings: Settings,
    /// What is counted.
    pub counts: Counts,
}

/// The settings of MQTT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The bounds of one session.
    pub limits: mqtt::Limits,
    /// Connections at the same time, over all listeners.
    pub connections_max: usize,
    /// Whether a certificate that a device shows must name it.
    pub certificate_names_device: bool,
    /// How long a TLS handshake may take.
    pub handshake_within: Duration,
    /// How long a device may take to read what is written to it.
    pub write_within: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: mqtt::Limits::default(),
            connections_max: 100_000,
            certificate_names_device: false,
            handshake_within: Duration::from_secs(10),
            write_within: Duration::from_secs(30),
        }
    }
}

/// Handles of what is counted on the hot path.
pub struct Counts {
    open: AtomicUsize,
    connections: Gauge,
    published: Counter,
    garbage: Counter,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            open: AtomicUsize::new(0),
            connections: gauge!("downlink_mqtt_connections"),
            published: counter!("downlink_mqtt_published_total"),
            garbage: counter!("downlink_mqtt_garbage_total"),
        }
    }
}

/// Serves MQTT on `listener` until the platform stops and the last connection has ended.
pub async fn serve(listener: TcpListener, tls: Option<Door>, south: Arc<South>) {
    let mut connections = JoinSet::new();
    let stops = south.shutdown.begun();
    tokio::pin!(stops);
    loop {
        tokio::select! {
            _ = &mut stops => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => begin(&mut connections, stream, tls.clone(), &south),
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(REST_AFTER_REFUSAL).await;
                }
            },
            Some(ended) = connections.join_next() => report(ended),
        }
    }
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        report(ended);
    }
}

fn begin(connections: &mut JoinSet<()>, stream: TcpStream, tls: Option<Door>, south: &Arc<South>) {
    let open = south.counts.open.fetch_add(1, Ordering::Relaxed) + 1;
    let place = Place(south.clone());
    if open > south.settings.connections_max {
        counter!("downlink_mqtt_refused_total", "cause" => "too_many_connections").increment(1);
        return;
    }
    south.counts.connections.increment(1);
    // Commands are small and must not wait for each other.
    stream.set_nodelay(true).ok();
    match tls {
        None => drop(connections.spawn(async move {
            connection::run(stream, None, &place.0).await;
        })),
        Some(tls) => drop(connections.spawn(async move {
            let shaken = tls.acceptor().accept(stream);
            match tokio::time::timeout(place.0.settings.handshake_within, shaken).await {
                Ok(Ok(stream)) => {
                    let names = names(&stream, &place.0.settings);
                    connection::run(stream, names, &place.0).await;
                }
                Ok(Err(error)) => refuse_handshake("tls_handshake", &error.to_string()),
                Err(_) => refuse_handshake("tls_timeout", "the handshake took too long"),
            }
        })),
    }
}

/// What a connection's certificate calls its device, if that is to be judged and there is one.
fn names(stream: &TlsStream<TcpStream>, settings: &Settings) -> Option<Box<[String]>> {
    if !settings.certificate_names_device {
        return None;
    }
    let first = stream.get_ref().1.peer_certificates()?.first()?;
    // One that was verified can be read; one that cannot names nobody.
    let names = Certificate::read(first).map(|certificate| certificate.names);
    Some(names.unwrap_or_default().into())
}

fn refuse_handshake(cause: &'static str, error: &str) {
    counter!("downlink_mqtt_refused_total", "cause" => cause).increment(1);
    tracing::debug!(cause, error, "an MQTT connection was refused");
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task ended badly");
    }
}

/// A connection's place among those that may be open.
struct Place(Arc<South>);

impl Drop for Place {
    fn drop(&mut self) {
        let open = self.0.counts.open.fetch_sub(1, Ordering::Relaxed) - 1;
        self.0
            .counts
            .connections
            .set(u32::try_from(open).unwrap_or(u32::MAX));
    }
}

/// Binds an address.
///
/// # Errors
/// The machine refuses it; the text names the address.
pub async fn bind(address: std::net::SocketAddr) -> io::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("{address} cannot be listened on: {error}"),
        )
    })
}

/// Milliseconds for a session's own timers, which stay real under a test clock (R9.1).
fn session_ms() -> mqtt::Millis {
    passed_ms()
}
