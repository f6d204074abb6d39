//! What callbacks cost (R11: reported apart from full lives without them), and whether an endpoint that is dead or slow delays another
//! one's (R5.3).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::disk::{float, ms};
use super::measure::Measure;
use super::parts::LIVES_CONNECTIONS;
use super::scene::Scene;
use super::{BenchError, Size};
use crate::clock::passed_us;
use crate::load::{DRAIN_MAX, Histogram, Lives, Paced};
use crate::rig::{Receiver, Reply, Server};

/// SENT, DELIVERED, SUCCESSFUL.
const EACH: u64 = 3;
/// Commands a second of the open loop; a third of them is told to the healthy endpoint.
const PACED_RATE: u32 = 300;
const PACED_DEVICES: usize = 600;
const PACED_CONNECTIONS: usize = 16;
/// How slow the slow endpoint is.
const SLOW: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Full lives with three callbacks each to a local receiver, until the last one has arrived.
pub(crate) async fn lives(scene: &Scene, size: &Size) -> Result<Vec<Measure>, BenchError> {
    let arrived = Arc::new(AtomicU64::new(0));
    let counting = arrived.clone();
    let receiver = Receiver::start(move |_, _| {
        counting.fetch_add(1, Ordering::Relaxed);
        Reply::Status(200)
    })
    .await?;
    let server = scene.start().await?;
    let mut target = scene.target(&server).await?;
    target.callbacks = vec![receiver.url()];
    let devices = &scene.devices[..size.lives_devices.min(scene.devices.len())];
    let mut lives = Lives::connect(&target, devices, LIVES_CONNECTIONS).await?;
    let warm = lives.run(size.warm).await?;
    drained(&server).await?;
    let before = server.counters().await?;
    let already = arrived.load(Ordering::Relaxed);
    let begun = passed_us();
    let report = lives.run(size.lives).await?;
    drained(&server).await?;
    let took = float(passed_us() - begun) / 1e6;
    let after = server.counters().await?;
    drop(lives);
    scene.stop(server).await?;
    let (owed, told) = (
        EACH * report.lives,
        arrived.load(Ordering::Relaxed) - already,
    );
    if already < EACH * warm.lives || told < owed {
        return Err(BenchError::Untold { owed, told });
    }
    let each = float(report.lives.max(1));
    let grown =
        |name: &str| after.value(name).unwrap_or_default() - before.value(name).unwrap_or_default();
    let per = |what: &str, name: &str, unit| {
        let name = grown(name) / each;
        Measure::new(format!("{what} per life with callbacks"), name, unit)
    };
    let cpu = grown("process_cpu_seconds_total") * 1e6 / each;
    Ok(vec![
        Measure::new(
            "full lives with callbacks, all told",
            each / took,
            "lives/s",
        ),
        Measure::new("callbacks", float(told) / took, "callbacks/s"),
        Measure::new("server CPU per life with callbacks", cpu, "us"),
        per("rows", "downlink_store_rows_total", "rows"),
        per("log bytes", "downlink_store_log_bytes_total", "bytes"),
        per("fsyncs", "downlink_store_fsyncs_total", "fsyncs"),
    ])
}

/// POST→callback of an endpoint that answers at once: alone, and while as many callbacks go to one that never answers and to one that
/// takes five seconds.
pub(crate) async fn latency(scene: &Scene, size: &Size) -> Result<Vec<Measure>, BenchError> {
    let silent = Receiver::start(|_, _| Reply::Never).await?;
    let slow = Receiver::start(|_, _| Reply::Slow(SLOW)).await?;
    let mut measures = Vec::new();
    for (how, others) in [
        ("alone", [String::new(), String::new()]),
        ("beside a dead and a slow one", [silent.url(), slow.url()]),
    ] {
        let times = told_after(scene, size, others).await?;
        for (share, name) in [(500, "p50"), (990, "p99")] {
            let value = ms(times.per_mille(share));
            measures.push(Measure::new(
                format!("POST to callback, {how}, {name}"),
                value,
                "ms",
            ));
        }
    }
    Ok(measures)
}

/// How long after its POST was meant to leave the first callback of a command arrives at a healthy endpoint.
async fn told_after(
    scene: &Scene,
    size: &Size,
    others: [String; 2],
) -> Result<Histogram, BenchError> {
    let arrivals: Arc<Mutex<Vec<(u64, u64)>>> = Arc::default();
    let noting = arrivals.clone();
    let healthy = Receiver::start(move |path, body| {
        let number = path.rsplit('/').next().and_then(|n| n.parse().ok());
        let is_first = body.windows(6).any(|word| word == b"\"SENT\"");
        if let Some(n) = number.filter(|_| is_first) {
            let mut arrivals = noting.lock().unwrap_or_else(PoisonError::into_inner);
            arrivals.push((n, passed_us()));
        }
        Reply::Status(200)
    })
    .await?;
    let server = scene.start().await?;
    let mut target = scene.target(&server).await?;
    let [one, other] = others;
    target.callbacks = vec![healthy.url(), one, other];
    let devices = &scene.devices[..PACED_DEVICES.min(scene.devices.len())];
    let warm = Paced::connect(&target, devices, PACED_CONNECTIONS).await?;
    warm.run(PACED_RATE, size.warm).await?;
    arrivals
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clear();
    let paced = Paced::connect(&target, devices, PACED_CONNECTIONS).await?;
    let report = paced.run(PACED_RATE, size.paced).await?;
    let owed = report.sent.div_ceil(3);
    let all = async {
        while count(&arrivals) < owed {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let all = tokio::time::timeout(DRAIN_MAX, all).await;
    scene.stop(server).await?;
    if all.is_err() {
        let told = count(&arrivals);
        return Err(BenchError::Untold { owed, told });
    }
    let mut times = Histogram::default();
    for (n, at) in arrivals
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .iter()
    {
        let meant = report.moment_us(*n, PACED_RATE);
        times.record_us(at.saturating_sub(meant));
    }
    Ok(times)
}

fn count(arrivals: &Mutex<Vec<(u64, u64)>>) -> u64 {
    let arrivals = arrivals.lock().unwrap_or_else(PoisonError::into_inner);
    u64::try_from(arrivals.len()).unwrap_or(u64::MAX)
}

/// Waits until no callback waits.
async fn drained(server: &Server) -> Result<(), BenchError> {
    let empty = async {
        loop {
            let counters = server.counters().await?;
            if counters
                .value("downlink_callbacks_waiting")
                .unwrap_or_default()
                < 0.5
            {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let missing = BenchError::Untold { owed: 1, told: 0 };
    tokio::time::timeout(DRAIN_MAX, empty)
        .await
        .unwrap_or(Err(missing))
}
