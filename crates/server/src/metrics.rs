//! What is counted. Names and labels are listed in `docs/metrics.md`.

use delivery::{Cause, Change, Status};
use metrics::{counter, Counter};

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
        let ended = |status: Status, name: &'static str| (status, counter!("downlink_commands_ended_total", "status" => name));
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
            let fresh = change.command.history.get(change.entries_before..).unwrap_or_default();
            let repeated = fresh.iter().filter(|e| e.cause == Cause::Attempt && e.attempt > 1).count();
            self.repeats.increment(u64::try_from(repeated).unwrap_or_default());
            let ended_now = change.command.has_ended() && fresh.iter().any(|e| !e.cause.is_late());
            if ended_now && let Some((_, counter)) = self.ended.iter().find(|(s, _)| *s == change.command.status()) {
                counter.increment(1);
            }
        }
    }
}
