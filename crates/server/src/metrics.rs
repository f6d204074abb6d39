//! What is counted. Names and labels are listed in `docs/metrics.md`.

use delivery::{Cause, Change, Status};
use metrics::{Counter, counter};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;

/// Upper bounds of the classes in which durations are counted, in seconds.
const SECONDS: [f64; 12] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 20.0,
];

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// Where everything is counted that this process counts. Installed at the first call; handles that were made before it count
/// into nothing.
pub fn recorder() -> PrometheusHandle {
    let install = || {
        let builder: Result<PrometheusBuilder, BuildError> =
            PrometheusBuilder::new().set_buckets(&SECONDS);
        let recorder = builder.expect("there are classes").build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!(
                "somebody else counts in this process; the page of metrics shows the store's numbers only"
            );
        }
        handle
    };
    RECORDER.get_or_init(install).clone()
}

/// Handles of the counters on the hot path, made once.
pub struct Metrics {
    accepted: Counter,
    ended: [(Status, Counter); 6],
    /// Attempts that were handed to links.
    pub attempts: Counter,
    /// Attempts that links gave back.
    pub lost: Counter,
    /// Acknowledgements and answers for commands that had ended.
    pub late: Counter,
    /// Acknowledgements and answers that match no command.
    pub unmatched: Counter,
    repeats: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let ended = |status: Status, name: &'static str| {
            (
                status,
                counter!("downlink_commands_ended_total", "status" => name),
            )
        };
        Self {
            accepted: counter!("downlink_commands_accepted_total"),
            ended: [
                ended(Status::Delivered, "DELIVERED"),
                ended(Status::Succeeded, "SUCCESSFUL"),
                ended(Status::Failed, "FAILED"),
                ended(Status::Cancelled, "CANCELED"),
                ended(Status::Expired, "EXPIRED"),
                ended(Status::TimedOut, "TIMEOUT"),
            ],
            attempts: counter!("downlink_attempts_total"),
            lost: counter!("downlink_attempts_lost_total"),
            late: counter!("downlink_late_total"),
            unmatched: counter!("downlink_unmatched_total"),
            repeats: counter!("downlink_attempts_repeated_total"),
        }
    }
}

impl Metrics {
    /// Counts what a committed turn changed.
    pub fn committed(&self, changes: &[Change]) {
        for change in changes {
            if change.born {
                self.accepted.increment(1);
            }
            let fresh = change
                .command
                .history
                .get(change.entries_before..)
                .unwrap_or_default();
            let repeated = fresh
                .iter()
                .filter(|e| e.cause == Cause::Attempt && e.attempt > 1)
                .count();
            self.repeats
                .increment(u64::try_from(repeated).unwrap_or_default());
            if change.ended()
                && let Some((_, counter)) = self
                    .ended
                    .iter()
                    .find(|(s, _)| *s == change.command.status())
            {
                counter.increment(1);
            }
        }
    }
}
