//! The accept loop: TCP, TLS if asked for, a cap on connections, and an orderly end.

use super::probe::{Probe, Probed};
use super::{North, connection};
use crate::tls::Door;
use metrics::counter;
use std::future::pending;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long to wait before the next attempt when the machine gives no connection.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Accepts and serves connections until the platform stops; then waits until the requests under way are answered, at most for
/// [`Settings::drain_time`](super::Settings::drain_time), and ends the rest. It owns the task of every connection.
pub async fn serve(listener: TcpListener, tls: Option<Door>, north: Arc<North>) {
    let places = Arc::new(Semaphore::new(
        north
            .settings
            .connections_max
            .clamp(1, Semaphore::MAX_PERMITS),
    ));
    let shutdown = north.shutdown().clone();
    let mut stop = pin!(shutdown.begun());
    let mut connections = JoinSet::new();
    let mut probe = Probe::new()
        .inspect_err(|error| tracing::warn!(%error, "it cannot be measured how long requests wait to be seen"))
        .ok();
    loop {
        // Without a connection nothing queues, and an idle platform has nothing to wake for.
        let probes = !connections.is_empty() || probe.as_ref().is_some_and(Probe::is_under_way);
        tokio::select! {
            biased;
            _ = &mut stop => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection's task failed");
                }
            }
            probed = probed(probe.as_mut()), if probes => match probed {
                Probed::Left(at_us) => north.load.probe_left(at_us),
                Probed::Waited(waited_us) => north.load.probe_waited(waited_us, connections.len()),
            },
            (stream, from, place) = accept(&listener, &places) => {
                connections.spawn(connect(stream, tls.clone(), (north.clone(), from, place)));
            }
        }
    }
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    if timeout(north.settings.drain_time, finished).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "requests were still under way when the time to finish was up"
        );
        connections.shutdown().await;
    }
}

/// What becomes of the probe; nothing, where there is none.
async fn probed(probe: Option<&mut Probe>) -> Probed {
    match probe {
        Some(probe) => probe.next().await,
        None => pending().await,
    }
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let place = places
        .clone()
        .acquire_owned()
        .await
        .expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, from)) => return (stream, from, place),
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                sleep(ACCEPT_AGAIN_AFTER).await;
            }
        }
    }
}

async fn connect(
    stream: TcpStream,
    tls: Option<Door>,
    (north, from, place): (Arc<North>, SocketAddr, OwnedSemaphorePermit),
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%from, %error, "a connection is gone already");
        return;
    }
    match tls {
        None => connection::run(stream, north, from.ip()).await,
        Some(tls) => {
            let shaken = tls.acceptor().accept(stream);
            match timeout(north.settings.client_time, shaken).await {
                Ok(Ok(stream)) => connection::run(stream, north, from.ip()).await,
                Ok(Err(error)) => refuse_handshake(from, "failed", &error.to_string()),
                Err(_) => refuse_handshake(from, "slow", "it took too long"),
            }
        }
    }
    drop(place);
}

fn refuse_handshake(from: SocketAddr, cause: &'static str, error: &str) {
    counter!("downlink_http_handshakes_refused_total", "cause" => cause).increment(1);
    tracing::info!(%from, error, "a TLS handshake failed");
}
