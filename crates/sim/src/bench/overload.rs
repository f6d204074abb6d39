//! What becomes of those who are served when three times as much comes as can be: they keep their latency, the others are
//! refused at once, and nothing that was accepted is lost.
//!
//! Both loads take turns, for a machine that is slow for a while is slow for both then. Times and ratios are the medians of the
//! rounds, the worst ratio stands beside them; what must not be lost is what the worst round lost.

use std::time::Duration;

use super::disk::{float, ms};
use super::machine::Halves;
use super::measure::{Goal, Measure};
use super::parts::{LIVES_CONNECTIONS, rate};
use super::scene::Scene;
use super::{BenchError, Size};
use crate::load::{Flood, FloodReport, Lives};
use crate::rig::Counters;

/// HTTP connections of the flood: so many requests may be under way. Far more than the platform takes on, and enough that none waits
/// for a free one while answers come within some tens of milliseconds.
const CONNECTIONS: usize = 2048;
/// What is offered, in tenths of the POSTs that the platform serves to as many clients as it takes on at once, who wait for
/// their answers. From many more connections, each POST at its own moment, it bears somewhat less, and one that is not
/// overloaded has something to spare: that is 1x.
const LOADS: [(u64, &str); 2] = [(6, "1x"), (18, "3x")];
const OVERLOADED: u16 = 503;
/// How often both loads come, one after the other.
const ROUNDS: usize = 5;

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
    // With no more connections than the platform takes on, nothing is refused, though far more were to leave.
    let flood = Flood::connect(&target, devices, LIVES_CONNECTIONS).await?;
    let report = flood.run(whole(closed), size.flood).await?;
    let capacity = float(report.accepted.count()) / size.flood.as_secs_f64();
    let mut measures = vec![
        Measure::new("capacity, closed loop of lives", closed, "lives/s"),
        Measure::new("capacity, single POSTs", capacity, "POSTs/s"),
    ];
    let mut rounds = Vec::new();
    let mut ratios = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let mut round = Vec::new();
        let mut p99 = Vec::new();
        for (tenths, name) in LOADS {
            let flood = Flood::connect(&target, devices, CONNECTIONS).await?;
            let offered = whole(capacity) * tenths / 10;
            let before = server.counters().await?;
            let report = flood.run(offered, size.flood).await?;
            let kept = counted(&server.counters().await?) - counted(&before);
            round.extend(told(&report, (offered, name), size.flood));
            let answered = float(report.accepted.count());
            round.push(lost(
                format!("accepted by the server, not by its answers, {name}"),
                kept - answered,
            ));
            p99.push([&report.accepted, &report.settled].map(|times| ms(times.per_mille(990))));
        }
        let [calm, loaded] = p99.as_slice() else {
            unreachable!("there are two loads")
        };
        for ((ratios, calm), loaded) in ratios.iter_mut().zip(calm).zip(loaded) {
            ratios.push(loaded / calm.max(f64::EPSILON));
        }
        rounds.push(round);
    }
    scene.stop(server).await?;
    measures.extend(over_rounds(&rounds));
    let [(_, calm), (_, loaded)] = LOADS;
    for (ratios, when) in ratios.iter().zip(["", " after the first second"]) {
        let name = format!("p99 of those served{when}, {loaded} / {calm}");
        let worst = ratios.iter().copied().fold(0.0, f64::max);
        measures.push(Measure::new(&name, median(ratios), "").with(Goal::AtMost(2.0)));
        measures.push(Measure::new(format!("{name}, worst round"), worst, ""));
    }
    Ok(measures)
}

/// How many commands the server has accepted.
fn counted(counters: &Counters) -> f64 {
    counters
        .value("downlink_commands_accepted")
        .unwrap_or_default()
}

/// So many commands were lost, and none may be.
fn lost(name: String, count: f64) -> Measure {
    Measure::new(name, count, "commands").with(Goal::AtMost(0.0))
}

/// The measures of one round, as those of all: the worst where there is a goal, else the median.
fn over_rounds(rounds: &[Vec<Measure>]) -> Vec<Measure> {
    let first = rounds.first().into_iter().flatten().enumerate();
    first
        .map(|(at, measure)| {
            let all = rounds.iter().filter_map(|round| round.get(at));
            let values: Vec<f64> = all.map(|measure| measure.value).collect();
            let value = match measure.goal {
                Some(_) => values.into_iter().fold(f64::MIN, f64::max),
                None => median(&values),
            };
            Measure {
                value,
                ..measure.clone()
            }
        })
        .collect()
}

/// The value in the middle; the lower one of two.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len().saturating_sub(1) / 2;
    sorted.get(middle).copied().unwrap_or_default()
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
        lost(
            of("accepted and not ended"),
            float(served - report.ended.min(served)),
        ),
    ]
}

fn whole(value: f64) -> u64 {
    // A rate has few digits before the point.
    format!("{value:.0}").parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_round_is_no_median_and_a_loss_in_one_is_a_loss() {
        let round = |time: f64, gone: f64| {
            let p99 = Measure::new("p99", time, "ms");
            vec![p99, lost("gone".to_owned(), gone)]
        };
        let all = over_rounds(&[round(2.0, 0.0), round(90.0, 3.0), round(1.0, 0.0)]);
        let told: Vec<(&str, f64)> = all
            .iter()
            .map(|one| (one.name.as_str(), one.value))
            .collect();
        assert_eq!(told, [("p99", 2.0), ("gone", 3.0)]);
        let even = over_rounds(&[round(4.0, 0.0), round(1.0, 0.0)]);
        assert_eq!(even[0], Measure::new("p99", 1.0, "ms"));
        assert_eq!(over_rounds(&[]), []);
    }
}
