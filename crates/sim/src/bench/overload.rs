//! What becomes of those who are served when three times as much comes as can be: they keep their latency, the others are
//! refused at once, and nothing that was accepted is lost.

use std::time::Duration;

use super::disk::{float, ms};
use super::machine::Halves;
use super::measure::{Goal, Measure};
use super::parts::{LIVES_CONNECTIONS, rate};
use super::scene::Scene;
use super::{BenchError, Size};
use crate::load::{Flood, FloodReport, Lives};

/// HTTP connections of the flood: so many requests may be under way. Far more than the platform takes on, and enough that none waits
/// for a free one while answers come within some tens of milliseconds.
const CONNECTIONS: usize = 2048;
/// What is offered, in tenths of what the platform serves of single POSTs at the most. A platform that is not overloaded has a fifth
/// to spare: that is 1x.
const LOADS: [(u64, &str); 2] = [(8, "1x"), (24, "3x")];
const CALM: &str = "1x";
const OVERLOADED: u16 = 503;

/// How many POSTs are served a second at the most, then open loops of a load that the platform bears, and of three times as much.
///
/// The server has one half of the processors, the generator the other: it sends more than can be served, and on the same processors
/// it would slow down what it measures.
pub(crate) async fn overload(scene: &Scene, size: &Size) -> Result<Vec<Measure>, BenchError> {
    let devices = &scene.devices[..size.lives_devices.min(scene.devices.len())];
    let halves = Halves::of_machine()?;
    if let Some(halves) = &halves {
        halves.enter_server()?;
    }
    let server = scene.start().await?;
    if let Some(halves) = &halves {
        halves.enter_load()?;
    }
    let target = scene.target(&server).await?;
    let mut lives = Lives::connect(&target, devices, LIVES_CONNECTIONS).await?;
    lives.run(size.warm).await?;
    let closed = rate(&lives.run(size.warm).await?);
    drop(lives);
    let flood = Flood::connect(&target, devices, CONNECTIONS).await?;
    let report = flood.run(whole(closed), size.warm).await?;
    let capacity = float(report.accepted.count()) / size.warm.as_secs_f64();
    let mut measures = vec![
        Measure::new("capacity, closed loop of lives", closed, "lives/s"),
        Measure::new("capacity, single POSTs", capacity, "POSTs/s"),
    ];
    let mut calm = None;
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
        measures.extend(told(&report, (offered, name), size.flood));
        measures.push(
            Measure::new(
                format!("accepted by the server, not by its answers, {name}"),
                kept - float(report.accepted.count()),
                "commands",
            )
            .with(Goal::AtMost(0.0)),
        );
        let p99 = (
            ms(report.accepted.per_mille(990)),
            ms(report.settled.per_mille(990)),
        );
        let Some((whole, settled)) = calm else {
            calm = Some(p99);
            continue;
        };
        let times = |what: &str, at_load: f64, at_rest: f64| {
            let of = format!("p99 of those served{what}, {name} / {CALM}");
            Measure::new(of, at_load / at_rest.max(f64::EPSILON), "").with(Goal::AtMost(2.0))
        };
        measures.push(times("", p99.0, whole));
        measures.push(times(" after the first second", p99.1, settled));
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
            of("POST to 201 p99, after the first second"),
            ms(report.settled.per_mille(990)),
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
