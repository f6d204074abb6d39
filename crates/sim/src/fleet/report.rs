//! What became of a fleet's commands.

use std::collections::BTreeMap;
use std::fmt;

use api::commands::{CommandAnswer, CommandStatus};
use sdk::{ContractError, Error};
use serde::Serialize;

/// A fleet's commands, counted by the application, the platform and the devices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FleetReport {
    /// Commands that the platform accepted.
    pub accepted: u64,
    /// Refusals, by code.
    pub refused: BTreeMap<String, u64>,
    /// Cancellations that the platform confirmed.
    pub cancelled: u64,
    /// Cancellations whose answer was lost: done or not.
    pub unsure: u64,
    /// Commands that the platform shows at the end, by status.
    pub statuses: BTreeMap<&'static str, u64>,
    /// Commands that reached a device, repeats included.
    pub arrivals: u64,
}

impl FleetReport {
    /// Whether the three counts fit together: no accepted command is missing, every confirmed cancellation is shown, and no more results
    /// are shown than frames arrived.
    pub fn is_sound(&self) -> bool {
        let shown: u64 = self.statuses.values().sum();
        let of = |status: CommandStatus| self.statuses.get(status.as_str()).copied().unwrap_or(0);
        shown == self.accepted
            && (self.cancelled..=self.cancelled + self.unsure)
                .contains(&of(CommandStatus::Canceled))
            && of(CommandStatus::Successful) + of(CommandStatus::Delivered) <= self.arrivals
    }

    pub(super) fn found(&mut self, status: CommandStatus) {
        *self.statuses.entry(status.as_str()).or_default() += 1;
    }

    pub(super) fn refuses(&mut self, refusal: &ContractError) {
        *self.refused.entry(refusal.code.clone()).or_default() += 1;
    }

    pub(super) fn cancels(&mut self, answer: Result<CommandAnswer, Error>) {
        match answer {
            Ok(_) => self.cancelled += 1,
            Err(Error::Contract(refusal)) => self.refuses(&refusal),
            Err(Error::Transport { .. } | Error::Unexpected { .. } | Error::Setting { .. }) => {
                self.unsure += 1;
            }
        }
    }
}

impl fmt::Display for FleetReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "accepted by the platform  {:>8}", self.accepted)?;
        for (code, count) in &self.refused {
            writeln!(f, "  refused with {code:<12} {count:>8}")?;
        }
        writeln!(
            f,
            "shown by the platform     {:>8}",
            self.statuses.values().sum::<u64>()
        )?;
        for (status, count) in &self.statuses {
            writeln!(f, "  {status:<23} {count:>8}")?;
        }
        writeln!(f, "arrived at devices        {:>8}", self.arrivals)?;
        let sound = if self.is_sound() {
            "they fit together"
        } else {
            "THEY DO NOT FIT TOGETHER"
        };
        write!(f, "{sound}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_command_is_noticed() {
        let mut report = FleetReport {
            accepted: 2,
            arrivals: 1,
            ..FleetReport::default()
        };
        report.found(CommandStatus::Successful);
        assert!(!report.is_sound());
        report.found(CommandStatus::Pending);
        assert!(report.is_sound());
        report.arrivals = 0;
        assert!(!report.is_sound());
        assert!(report.to_string().ends_with("THEY DO NOT FIT TOGETHER"));
    }
}
