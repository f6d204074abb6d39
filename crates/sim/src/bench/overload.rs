//! What becomes of those who are served when three times as much comes as can be: they keep their latency, the others are
//! refused at once, and nothing that was accepted is lost.

use std::time::Duration;

use super::disk::{float, ms};
use super::measure::{Goal, Measure};
use super::parts::{LIVES_CONNECTIONS, rate};
use super::scene::Scene;
use super::{BenchError, Size};
use crate::load::{Flood, FloodReport, Lives};

/// HTTP connections of the flood: so many requests may be under way, far more than the platform takes on.
const CONNECTIONS: usize = 256;
/// What is offered, in tenths of what a closed loop gets served.
const LOADS: [(u64, &str); 3] = [(5, "half"), (10, "1x"), (30, "3x")];
const OVERLOADED: u16 = 503;

/// Capacity by a closed loop, then open loops of half of it, of all of it, and of three times as much.
pub(crate) async fn overload(scene: &Scene, size: &Size) -> Result<Vec<Measure>, BenchError> {
    let devices = &scene.devices[..size.lives_devices.min(scene.devices.len())];
    let server = scene.start().await?;
    let target = scene.target(&server).await?;
    let mut lives = Lives::connect(&target, devices, LIVES_CONNECTIONS).await?;
    lives.run(size.warm).await?;
    let capacity = rate(&lives.run(size.flood).await?);
    drop(lives);
    let mut measures = vec![Measure::new("capacity, closed loop", capacity, "lives/s")];
    let mut calm_p99 = 0.0;
    for (tenths, name) in LOADS {
        let flood = Flood::connect(&target, devices, CONNECTIONS).await?;
        let offered = whole(capacity) * tenths / 10;
        let before = server.counters().await?;
        let report = flood.run(offered, size.flood).await?;
        let after = server.counters().await?;
        let counted = |name: &str| {
            after.value(name).unwrap_or_default() - before.value(name).unwrap_or_default()
        };
        let kept = counted("downlink_commands_accepted");
        let p99 = ms(report.accepted.per_mille(990));
        measures.extend(told(&report, (offered, name), size.flood));
        measures.push(
            Measure::new(
                format!("accepted by the server, not by its answers, {name}"),
                kept - float(report.accepted.count()),
                "commands",
            )
            .with(Goal::AtMost(0.0)),
        );
        if tenths == 10 {
            calm_p99 = p99;
        }
        if tenths > 10 {
            measures.push(
                Measure::new(
                    format!("p99 of those served at {name} / at 1x"),
                    p99 / calm_p99.max(f64::EPSILON),
                    "",
                )
                .with(Goal::AtMost(2.0)),
            );
        }
    }
    scene.stop(server).await?;
    Ok(measures)
}

/// What one flood showed.
fn told(report: &FloodReport, (offered, load): (u64, &str), time: Duration) -> Vec<Measure> {
    let each_s = |count: u64| float(count) / time.as_secs_f64().max(f64::EPSILON);
    let of = |what: &str| format!("{what}, {load}");
    let overloaded = report.refused.get(&OVERLOADED).copied().unwrap_or_default();
    let others: u64 = report.refused.values().sum::<u64>() - overloaded;
    let served = report.accepted.count();
    vec![
        Measure::new(of("offered"), float(offered), "POSTs/s"),
        Measure::new(of("served"), each_s(served), "POSTs/s"),
        Measure::new(of("refused with 503"), each_s(overloaded), "POSTs/s"),
        Measure::new(of("refused otherwise"), each_s(others), "POSTs/s"),
        Measure::new(of("never left"), each_s(report.unsent), "POSTs/s"),
        Measure::new(of("left late p99"), ms(report.late.per_mille(990)), "ms"),
        Measure::new(
            of("POST to 201 p50"),
            ms(report.accepted.per_mille(500)),
            "ms",
        ),
        Measure::new(
            of("POST to 201 p99"),
            ms(report.accepted.per_mille(990)),
            "ms",
        ),
        Measure::new(
            of("POST to 503 p50"),
            ms(report.turned_away.per_mille(500)),
            "ms",
        ),
        Measure::new(
            of("POST to device p50"),
            ms(report.arrived.per_mille(500)),
            "ms",
        ),
        Measure::new(
            of("accepted and not ended"),
            float(served - report.ended.min(served)),
            "commands",
        )
        .with(Goal::AtMost(0.0)),
    ]
}

fn whole(value: f64) -> u64 {
    // A rate has few digits before the point.
    format!("{value:.0}").parse().unwrap_or_default()
}
