//! The promises, each as a check of what was seen against what is kept.
//!
//! A check is a pure function, and each has a test that breaks its promise by hand: a check that cannot fail proves nothing.

mod callbacks;
mod copies;
mod devices;
mod forgetting;
mod keeping;
mod lives;
#[cfg(test)]
mod tests;

pub(crate) use callbacks::request_id;
pub(crate) use copies::{Copy, check_copy};
pub(crate) use forgetting::check_forgetting;

use std::collections::BTreeMap;

use super::kept::{Command, Kept};
use super::record::{Ask, Grant, Notes, Token};

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// Which promise.
    pub(crate) promise: &'static str,
    /// How, in words.
    pub(crate) how: String,
    /// Which command it concerns, if one.
    pub(crate) command_id: Option<String>,
}

/// What was seen and what is kept, brought together.
pub(crate) struct Case<'a> {
    notes: &'a Notes,
    kept: &'a Kept,
    /// The device ids, by number.
    devices: &'a [String],
    /// Kept commands, by their token.
    by_token: BTreeMap<Token, Vec<&'a Command>>,
}

type Check = fn(&Case<'_>, &mut Vec<Broken>);

/// Every promise.
const CHECKS: &[Check] = &[
    keeping::every_yes_is_found_again,
    keeping::nothing_is_kept_twice_or_unasked,
    keeping::acceptance_is_in_order,
    keeping::what_was_counted_is_there,
    keeping::acknowledged_reports_are_kept,
    lives::statuses_follow_the_arrows,
    lives::every_command_ends,
    lives::cancelled_is_cancelled,
    lives::what_was_read_stays_true,
    devices::queued_commands_arrive_in_order,
    devices::the_unsent_is_unseen,
    devices::attempts_are_counted,
    devices::statuses_are_backed_by_deeds,
    devices::acknowledged_answers_are_kept,
    callbacks::every_change_is_told_in_order,
    nothing_odd_happened,
];

/// Checks every promise.
pub(crate) fn check(notes: &Notes, kept: &Kept, devices: &[String]) -> Vec<Broken> {
    let case = Case::new(notes, kept, devices);
    let mut broken = Vec::new();
    for check in CHECKS {
        check(&case, &mut broken);
    }
    broken
}

impl<'a> Case<'a> {
    fn new(notes: &'a Notes, kept: &'a Kept, devices: &'a [String]) -> Self {
        let mut by_token: BTreeMap<Token, Vec<&Command>> = BTreeMap::new();
        for command in kept.commands.values() {
            if let Some(token) = command.token() {
                by_token.entry(token).or_default().push(command);
            }
        }
        Self {
            notes,
            kept,
            devices,
            by_token,
        }
    }

    /// The kept command with this token, if there is one.
    fn command(&self, token: Token) -> Option<&'a Command> {
        self.by_token
            .get(&token)
            .and_then(|found| found.first().copied())
    }
}

impl Broken {
    fn of(promise: &'static str, command: &Command, how: impl Into<String>) -> Self {
        Self {
            promise,
            how: how.into(),
            command_id: Some(command.view.command_id.clone()),
        }
    }

    fn all(promise: &'static str, how: impl Into<String>) -> Self {
        Self {
            promise,
            how: how.into(),
            command_id: None,
        }
    }
}

/// The id in an answer that said yes; direct calls have none.
fn granted_id(grant: &Grant) -> Option<&str> {
    grant.body["commandId"].as_str()
}

/// The earliest yes to a request.
fn first_grant(ask: &Ask) -> Option<&Grant> {
    ask.granted.first()
}

fn nothing_odd_happened(case: &Case<'_>, broken: &mut Vec<Broken>) {
    let odd = case.notes.odd.iter();
    broken.extend(odd.map(|what| Broken::all("nothing odd happens", what.clone())));
}
