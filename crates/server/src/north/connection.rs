//! One connection: HTTP/1.1 with keep-alive, and an eye on clients that take too long (R3.4).

use super::stream::{Phase, Pulse, Wire, last_words};
use super::{North, Settings};
use api::{Code, Failure};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

/// What is to become of a connection whose time may be up.
enum Verdict {
    /// Look again after this span.
    Wait(Duration),
    /// A head took too long.
    Slow,
    /// Nothing is under way.
    End,
}

/// Serves a connection until either side ends it; when the platform stops, until the request under way is answered.
pub(super) async fn run<S>(stream: S, north: Arc<North>, from: IpAddr)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let pulse = Arc::new(Pulse::new());
    let service = service_fn(|request: http::Request<Incoming>| {
        let (north, pulse) = (north.clone(), pulse.clone());
        async move {
            pulse.enter(Phase::Busy);
            let reply = north.answer(request, from).await;
            pulse.enter(Phase::Idle);
            Ok::<_, Infallible>(reply)
        }
    });
    let io = TokioIo::new(Wire::new(stream, pulse.clone()));
    let mut connection = builder(&north.settings).serve_connection(io, service);
    let shutdown = north.shutdown().clone();
    let mut stop = pin!(shutdown.begun());
    let mut stopping = false;
    let mut timer = pin!(tokio::time::sleep(patience(&north.settings)));
    loop {
        tokio::select! {
            biased;
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(%from, %error, "a connection ended early");
                }
                return;
            }
            _ = &mut stop, if !stopping => {
                stopping = true;
                if pulse.phase().0 == Phase::Fresh {
                    return;
                }
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
            () = &mut timer => match judge(&pulse, &north.settings) {
                Verdict::Wait(span) => {
                    let next = timer.deadline() + span;
                    timer.as_mut().reset(next);
                }
                Verdict::Slow => break,
                Verdict::End => return,
            },
        }
    }
    let parts = connection.into_parts();
    if !parts.read_buf.is_empty() {
        tracing::info!(%from, code = Code::RequestTooSlow.number(), "a head took too long to arrive");
        say_slow(parts.io.into_inner(), &north.settings).await;
    }
}

fn builder(settings: &Settings) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .header_read_timeout(None)
        .max_buf_size(settings.head_bytes_max.max(8_192));
    if settings.headers_max != Settings::default().headers_max {
        // Any number but hyper's own costs an allocation per request.
        builder.max_headers(settings.headers_max);
    }
    builder
}

/// After this span something may have lasted too long.
fn patience(settings: &Settings) -> Duration {
    settings.client_time.min(settings.idle_time)
}

fn judge(pulse: &Pulse, settings: &Settings) -> Verdict {
    let (phase, lasted_ms) = pulse.phase();
    let lasted = Duration::from_millis(lasted_ms);
    let left = |limit: Duration| limit.checked_sub(lasted).filter(|left| !left.is_zero());
    match phase {
        Phase::Busy => Verdict::Wait(patience(settings)),
        Phase::Fresh | Phase::Head => {
            left(settings.client_time).map_or(Verdict::Slow, Verdict::Wait)
        }
        // A head may begin to arrive at any moment, so it is looked at no later than a head may last.
        Phase::Idle => left(settings.idle_time).map_or(Verdict::End, |left| {
            Verdict::Wait(left.min(settings.client_time))
        }),
    }
}

/// Tells a client that its head took too long (190408), if it still listens.
async fn say_slow(mut stream: impl AsyncWrite + Unpin, settings: &Settings) {
    let detail = format!(
        "the head must arrive within {} s",
        settings.client_time.as_secs()
    );
    let text = last_words(
        "HTTP/1.1 408 Request Timeout",
        &Failure::with_detail(Code::RequestTooSlow, detail),
    );
    let told = async {
        stream.write_all(&text).await?;
        stream.shutdown().await
    };
    // Whether it was heard makes no difference.
    tokio::time::timeout(settings.client_time, told).await.ok();
}
