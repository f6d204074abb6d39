//! Full lives over TLS, apart from those in the clear (R11), and what a connection costs.

use std::time::Duration;

use super::disk::{float, ms};
use super::measure::Measure;
use super::parts::{LIVES_CONNECTIONS, rate};
use super::scene::Scene;
use super::{BenchError, Size};
use crate::load::{Lives, Target, Trust};

const STOP_WITHIN: Duration = Duration::from_mins(1);

/// Lives a second, their cost and their latency, with HTTPS and MQTT over TLS (1.3, the server's own RSA-2048 certificate).
pub(crate) async fn tls(scene: &Scene, size: &Size) -> Result<Vec<Measure>, BenchError> {
    // The token outlives the server that gave it.
    let plain = scene.start().await?;
    let target = scene.target(&plain).await?;
    scene.stop(plain).await?;
    let ground = scene.secure()?;
    let server = ground.start().await?;
    let pem = std::fs::read(scene.folder().join("tls").join("ca.pem"))?;
    let target = Target {
        http: server.ports.north,
        mqtt: server.ports.mqtts.expect("it was switched on"),
        trust: Some(Trust::of_pem(&pem)?),
        ..target
    };
    let devices = &scene.devices[..size.lives_devices.min(scene.devices.len())];
    let before = server.counters().await?;
    let mut lives = Lives::connect(&target, devices, LIVES_CONNECTIONS).await?;
    let after = server.counters().await?;
    let cpu = "process_cpu_seconds_total";
    let spent = |before: &crate::rig::Counters, after: &crate::rig::Counters| {
        (after.value(cpu).unwrap_or_default() - before.value(cpu).unwrap_or_default()) * 1e6
    };
    let connections = float(u64::try_from(devices.len() + LIVES_CONNECTIONS).unwrap_or(u64::MAX));
    let handshake = spent(&before, &after) / connections;
    lives.run(size.warm).await?;
    let before = server.counters().await?;
    let report = lives.run(size.lives).await?;
    let after = server.counters().await?;
    drop(lives);
    server.stop(STOP_WITHIN).await?;
    let each = float(report.lives.max(1));
    Ok(vec![
        Measure::new("full lives, TLS", rate(&report), "lives/s"),
        Measure::new(
            "server CPU per life, TLS",
            spent(&before, &after) / each,
            "us",
        ),
        Measure::new("server CPU per connection made, TLS", handshake, "us"),
        Measure::new(
            "POST to 201 under full load, p50, TLS",
            ms(report.accepted.per_mille(500)),
            "ms",
        ),
    ])
}
