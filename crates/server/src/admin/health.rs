//! Whether it lives, whether it works, and what it counted.

use super::Admin;
use super::wire::status_name;
use crate::shutdown::Phase;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::json;
use std::fmt::{Display, Write as _};
use std::sync::Arc;
use store::{Failed, Tally};

/// The process answers; nothing more is said.
pub(super) async fn alive() -> Json<serde_json::Value> {
    Json(json!({"alive": true}))
}

/// Whether requests are taken and kept: red from the moment that the platform stops, and for good after a failed commit (R2.5).
pub(super) async fn ready(State(admin): State<Arc<Admin>>) -> Response {
    let why = match admin.dispatch.parts().shutdown.phase() {
        Phase::Running => return Json(json!({"ready": true})).into_response(),
        Phase::Draining => "the platform stops".to_owned(),
        Phase::Failed(why) => why,
    };
    (
        StatusCode::SERVICE_UNAVAILABLE,
        Json(json!({"ready": false, "why": why})),
    )
        .into_response()
}

/// Everything that is counted, for Prometheus.
pub(super) async fn metrics(State(admin): State<Arc<Admin>>) -> Response {
    let mut page = Page(admin.recorder.render());
    match admin
        .registry
        .ask(|store| Ok((store.tally()?, store.free_bytes()?)))
        .await
    {
        Ok((tally, free)) => {
            page.commands(&tally);
            if let Some(free) = free {
                page.gauge(
                    "downlink_store_free_bytes",
                    "free bytes where the database lies",
                    free,
                );
            }
        }
        Err(error @ (Failed::Read(_) | Failed::Row(_) | Failed::Write(_) | Failed::Stopped)) => {
            tracing::warn!(%error, "the tally cannot be read");
        }
    }
    page.store(&admin);
    let online = admin.dispatch.parts().hub.devices();
    page.gauge(
        "downlink_devices_online",
        "devices that have a session",
        online,
    );
    let outbox = admin.callbacks.outbox();
    page.gauge(
        "downlink_callbacks_waiting",
        "callbacks that are owed and neither told nor dead",
        outbox.counts().waiting,
    );
    page.gauge(
        "downlink_callbacks_loading",
        "1 while what was owed before the start is still being read",
        u8::from(outbox.is_loading()),
    );
    let down = outbox
        .endpoints()
        .iter()
        .filter(|e| e.down.is_some())
        .count();
    page.gauge(
        "downlink_callbacks_endpoints_down",
        "endpoints that are down: their callbacks wait",
        down,
    );
    page.process();
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        page.0,
    )
        .into_response()
}

/// A page in the making.
struct Page(String);

impl Page {
    /// Conservation: accepted = open + final, always.
    fn commands(&mut self, tally: &Tally) {
        self.gauge(
            "downlink_commands_accepted",
            "commands accepted since the beginning",
            tally.accepted,
        );
        self.head(
            "downlink_commands",
            "commands by state; those of both phases together are all that were accepted",
            "gauge",
        );
        for (phase, counts) in [("open", &tally.open), ("final", &tally.ended)] {
            for (status, count) in counts {
                let state = status_name(*status);
                self.line(format_args!(
                    "downlink_commands{{state=\"{state}\",phase=\"{phase}\"}} {count}"
                ));
            }
        }
    }

    fn store(&mut self, admin: &Admin) {
        let stats = admin.database.stats();
        self.counter(
            "downlink_store_units_total",
            "units that were committed",
            stats.units,
        );
        self.counter(
            "downlink_store_rows_total",
            "rows that were written",
            stats.rows,
        );
        self.counter(
            "downlink_store_commits_total",
            "groups that were committed",
            stats.commits,
        );
        self.counter(
            "downlink_store_fsyncs_total",
            "syncs of the disk",
            stats.fsyncs,
        );
        self.counter(
            "downlink_store_log_bytes_total",
            "bytes of the write-ahead log",
            stats.log_bytes,
        );
        self.gauge(
            "downlink_store_queued_units",
            "units that wait for the writer",
            stats.queued_units,
        );
    }

    /// What the machine says of this process; left out where it says nothing.
    fn process(&mut self) {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = resident.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        if let Some(kib) = kib {
            self.gauge(
                "process_resident_memory_bytes",
                "memory of this process",
                kib * 1_024,
            );
        }
        if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
            self.gauge(
                "process_open_fds",
                "open files and connections",
                files.count(),
            );
        }
        let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let seconds = format!("{}.{:09}", cpu.tv_sec, cpu.tv_nsec);
        self.counter(
            "process_cpu_seconds_total",
            "processor time of this process",
            seconds,
        );
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, help, "gauge");
        self.line(format_args!("{name} {value}"));
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, help, "counter");
        self.line(format_args!("{name} {value}"));
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{text}").expect("a string takes every write");
    }
}
