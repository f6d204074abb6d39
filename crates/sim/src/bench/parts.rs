//! The parts of the measurement, each with a server of its own that has just started.

use std::time::Duration;

use super::backlog::fill;
use super::disk::{Disk, float, ms};
use super::machine::{own_cpu_s, resident_bytes};
use super::measure::{Goal, Measure};
use super::scene::Scene;
use super::{BenchError, Size};
use crate::clock::passed;
use crate::load::{Idle, Lives, LivesReport, Paced};
use crate::rig::{Counters, Server};

/// HTTP connections of the closed loop.
pub(crate) const LIVES_CONNECTIONS: usize = 128;
/// HTTP connections of the open loop: how many requests may be under way.
const PACED_CONNECTIONS: usize = 16;
/// POSTs a second of the open loop.
const PACED_RATE: u32 = 300;
/// Devices of the open loop: none has two commands at a time.
const PACED_DEVICES: usize = 600;
/// Connections that are opened at once.
const OPENED_AT_ONCE: usize = 64;
/// How long a server has to come to rest before its memory is read.
const REST: Duration = Duration::from_secs(2);
const STARTS: usize = 3;
const MIB: f64 = 1_048_576.0;

/// Start-up time and memory: the median of some starts.
pub(crate) async fn starts(scene: &Scene, of: &str) -> Result<Vec<Measure>, BenchError> {
    let (mut times, mut sizes) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let server = scene.start().await?;
        times.push(server.start_took.as_secs_f64());
        // It reads deadlines and checks its database while it serves; that takes memory too.
        tokio::time::sleep(REST).await;
        sizes.push(memory(&server)? / MIB);
        scene.stop(server).await?;
    }
    Ok(vec![
        Measure::new(format!("start-up, {of}"), median(&mut times), "s").with(Goal::Below(1.0)),
        Measure::new(
            format!("memory after start-up, {of}"),
            median(&mut sizes),
            "MiB",
        )
        .with(Goal::Below(50.0)),
    ])
}

/// What closed-loop lives showed.
pub(crate) struct LivesMeasured {
    /// Lives per second.
    pub(crate) rate: f64,
    /// Everything else.
    pub(crate) measures: Vec<Measure>,
}

/// Full lives in a closed loop (R11), and what each costs the server.
pub(crate) async fn lives(
    scene: &Scene,
    size: &Size,
    of: &str,
) -> Result<LivesMeasured, BenchError> {
    let server = scene.start().await?;
    let target = scene.target(&server).await?;
    let devices = &scene.devices[..size.lives_devices.min(scene.devices.len())];
    let mut lives = Lives::connect(&target, devices, LIVES_CONNECTIONS).await?;
    lives.run(size.warm).await?;
    let (before, own_before) = (server.counters().await?, own_cpu_s());
    let report = lives.run(size.lives).await?;
    let (after, own_after) = (server.counters().await?, own_cpu_s());
    if let Some((status, count)) = report.refused.first_key_value() {
        return Err(BenchError::Refused {
            status: *status,
            count: *count,
        });
    }
    drop(lives);
    scene.stop(server).await?;
    ended_well(&report, &before, &after)?;
    let mut measures = costs(&report, &before, &after, of);
    let each = float(report.lives.max(1));
    measures.push(Measure::new(
        format!("generator CPU per life{of}"),
        (own_after - own_before) * 1e6 / each,
        "us",
    ));
    for (what, times) in [
        ("POST to 201", &report.accepted),
        ("POST to SUCCESSFUL", &report.ended),
    ] {
        for (share, name) in [(500, "p50"), (990, "p99")] {
            let value = ms(times.per_mille(share));
            measures.push(Measure::new(
                format!("{what} under full load, {name}{of}"),
                value,
                "ms",
            ));
        }
    }
    Ok(LivesMeasured {
        rate: rate(&report),
        measures,
    })
}

/// Lives a second.
pub(crate) fn rate(report: &LivesReport) -> f64 {
    float(report.lives) / report.elapsed.as_secs_f64().max(f64::EPSILON)
}

/// Fails unless the server counts as many successes as devices had lives.
fn ended_well(report: &LivesReport, before: &Counters, after: &Counters) -> Result<(), BenchError> {
    let succeeded = |counters: &Counters| {
        let named = "downlink_commands{state=\"SUCCESSFUL\",phase=\"final\"}";
        counters.value(named).unwrap_or_default()
    };
    let counted = succeeded(after) - succeeded(before);
    if (counted - float(report.lives)).abs() > 0.5 {
        return Err(BenchError::Counts {
            lives: report.lives,
            counted,
        });
    }
    Ok(())
}

/// What a life costs, by the server's own counters.
fn costs(report: &LivesReport, before: &Counters, after: &Counters, of: &str) -> Vec<Measure> {
    let each = float(report.lives.max(1));
    let grown =
        |name: &str| after.value(name).unwrap_or_default() - before.value(name).unwrap_or_default();
    let per = |what: &str, name: &str, unit| {
        Measure::new(format!("{what} per life{of}"), grown(name) / each, unit)
    };
    let cpu = grown("process_cpu_seconds_total") * 1e6 / each;
    let cpu = Measure::new(format!("server CPU per life{of}"), cpu, "us");
    vec![
        if of.is_empty() {
            cpu.with(Goal::AtMost(80.0))
        } else {
            cpu
        },
        per("rows", "downlink_store_rows_total", "rows"),
        per("log bytes", "downlink_store_log_bytes_total", "bytes"),
        per("fsyncs", "downlink_store_fsyncs_total", "fsyncs"),
    ]
}

/// POST→201 and POST→device in an open loop, beside the disk measured just before and after.
pub(crate) async fn latency(scene: &Scene, size: &Size) -> Result<Vec<Measure>, BenchError> {
    let server = scene.start().await?;
    let target = scene.target(&server).await?;
    let devices = &scene.devices[..PACED_DEVICES.min(scene.devices.len())];
    // One run warms caches and connections up, the other one counts.
    Paced::connect(&target, devices, PACED_CONNECTIONS)
        .await?
        .run(PACED_RATE, size.warm)
        .await?;
    let paced = Paced::connect(&target, devices, PACED_CONNECTIONS).await?;
    let before = Disk::measure(scene.folder(), size.disk)?;
    let report = paced.run(PACED_RATE, size.paced).await?;
    let disk = before.between(Disk::measure(scene.folder(), size.disk)?);
    scene.stop(server).await?;
    if let Some((status, count)) = report.refused.first_key_value() {
        return Err(BenchError::Refused {
            status: *status,
            count: *count,
        });
    }
    let mut measures = vec![
        Measure::new("fsync beside the open loop, p50", disk.p50_ms, "ms"),
        Measure::new("fsync beside the open loop, p99", disk.p99_ms, "ms"),
        Measure::new(
            "generator's own delay, p99",
            ms(report.late.per_mille(990)),
            "ms",
        ),
    ];
    for (what, times) in [
        ("POST to 201", &report.accepted),
        ("POST to device", &report.arrived),
    ] {
        let name = |share: &str| format!("{what} at {PACED_RATE}/s, {share}");
        let (p50, p99) = (ms(times.per_mille(500)), ms(times.per_mille(990)));
        measures
            .push(Measure::new(name("p50"), p50, "ms").with(Goal::AtMost(2.0 * disk.p50_ms + 0.2)));
        measures
            .push(Measure::new(name("p99"), p99, "ms").with(Goal::AtMost(3.0 * disk.p99_ms + 0.3)));
    }
    Ok(measures)
}

/// What a silent device's connection costs the server.
pub(crate) async fn idle(scene: &Scene, size: &Size) -> Result<Vec<Measure>, BenchError> {
    let server = scene.start().await?;
    let mqtt = server
        .ports
        .mqtt
        .expect("a local configuration listens for devices in the clear");
    tokio::time::sleep(REST).await;
    let before = memory(&server)?;
    let devices = &scene.devices[..size.idle_devices.min(scene.devices.len())];
    let idle = Idle::connect(mqtt, devices, OPENED_AT_ONCE).await?;
    tokio::time::sleep(REST).await;
    let after = memory(&server)?;
    let count = idle.len();
    drop(idle);
    scene.stop(server).await?;
    let each = (after - before) / float(u64::try_from(count.max(1)).unwrap_or(u64::MAX));
    let measure = Measure::new(
        format!("memory per idle device, {count} connected"),
        each,
        "bytes",
    );
    Ok(vec![measure.with(Goal::AtMost(8_192.0))])
}

/// Fills the store with commands that are open.
pub(crate) async fn fill_up(scene: &Scene, size: &Size) -> Result<Vec<Measure>, BenchError> {
    let (folder, devices, each) = (
        scene.folder().to_owned(),
        size.backlog_devices,
        size.backlog_each,
    );
    let began = passed();
    let filled = tokio::task::spawn_blocking(move || fill(&folder, devices, each)).await;
    filled.expect("filling does not panic")?;
    let took = passed().saturating_sub(began).as_secs_f64();
    Ok(vec![
        Measure::new(
            "open commands put into the store",
            float(devices * each),
            "commands",
        ),
        Measure::new(
            "by the store alone, durable",
            float(devices * each) / took.max(f64::EPSILON),
            "commands/s",
        ),
    ])
}

fn memory(server: &Server) -> Result<f64, BenchError> {
    resident_bytes(server.pid())
        .map(float)
        .ok_or(BenchError::Gone)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]).to_string(), "2");
        assert_eq!(median(&mut []).to_string(), "0");
    }

    #[test]
    fn lives_that_the_server_does_not_count_are_no_lives() {
        let page = |count: u64| {
            Counters::parse(&format!(
                "downlink_commands{{state=\"SUCCESSFUL\",phase=\"final\"}} {count}\n"
            ))
        };
        let report = LivesReport {
            lives: 7,
            ..LivesReport::default()
        };
        assert!(ended_well(&report, &page(3), &page(10)).is_ok());
        assert!(ended_well(&report, &page(3), &page(9)).is_err());
        assert!(ended_well(&report, &page(3), &Counters::default()).is_err());
    }

    #[test]
    fn costs_are_differences_per_life() {
        let page = |cpu: &str, rows: u64| {
            Counters::parse(&format!(
                "process_cpu_seconds_total {cpu}\ndownlink_store_rows_total {rows}\n"
            ))
        };
        let report = LivesReport {
            lives: 100,
            ..LivesReport::default()
        };
        let measures = costs(&report, &page("1.0", 50), &page("1.0081", 850), "");
        assert_eq!(measures[1], Measure::new("rows per life", 8.0, "rows"));
        assert!((measures[0].value - 81.0).abs() < 0.01, "{measures:?}");
        assert!(
            measures[0]
                .goal
                .is_some_and(|goal| !goal.is_met(measures[0].value))
        );
    }
}
