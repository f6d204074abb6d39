//! A command's life: by the arrows, to an end, and never back.

use super::{Broken, Case};
use crate::crash::kept::Command;
use crate::crash::record::Seen;

/// Statuses only move along these.
const ARROWS: &[(&str, &str)] = &[
    ("PENDING", "SENT"),
    ("PENDING", "FAILED"),
    ("PENDING", "CANCELED"),
    ("PENDING", "EXPIRED"),
    ("SENT", "SENT"),
    ("SENT", "DELIVERED"),
    ("SENT", "FAILED"),
    ("SENT", "TIMEOUT"),
    ("DELIVERED", "DELIVERED"),
    ("DELIVERED", "SUCCESSFUL"),
    ("DELIVERED", "FAILED"),
];

/// The history follows the arrows, from the right birth, in time, to the status that is shown.
pub(super) fn statuses_follow_the_arrows(case: &Case<'_>, broken: &mut Vec<Broken>) {
    for command in case.kept.commands.values() {
        if let Err(how) = follows_the_arrows(command) {
            broken.push(Broken::of("statuses follow the arrows", command, how));
        }
    }
}

fn follows_the_arrows(command: &Command) -> Result<(), String> {
    let lasting: Vec<_> = command.history.iter().filter(|entry| !entry.late).collect();
    let (Some(first), Some(last)) = (lasting.first(), lasting.last()) else {
        return Err("it has no history".into());
    };
    let born: &[&str] = if command.view.kind == "queued" {
        &["PENDING"]
    } else {
        &["SENT", "FAILED"]
    };
    if !born.contains(&first.status.as_str()) {
        return Err(format!(
            "a {} command was born {}",
            command.view.kind, first.status
        ));
    }
    for pair in lasting.windows(2) {
        let (from, to) = (pair[0].status.as_str(), pair[1].status.as_str());
        if !ARROWS.contains(&(from, to)) {
            return Err(format!("it went from {from} to {to}"));
        }
    }
    if let Some(pair) = command
        .history
        .windows(2)
        .find(|pair| pair[0].at.ms > pair[1].at.ms)
    {
        return Err(format!(
            "{} comes after {} and is earlier",
            pair[1].cause, pair[0].cause
        ));
    }
    if last.status != command.view.status {
        return Err(format!(
            "its history ends with {}, and it shows {}",
            last.status, command.view.status
        ));
    }
    let listed = command.listed.as_ref().map(|listed| &listed["status"]);
    match listed {
        Some(status) if *status != command.view.status.as_str() => Err(format!(
            "the application is shown {status}, the operator {}",
            command.view.status
        )),
        Some(_) | None => Ok(()),
    }
}

/// Every command ends: the devices are well, nothing is left to wait for.
pub(super) fn every_command_ends(case: &Case<'_>, broken: &mut Vec<Broken>) {
    for command in case
        .kept
        .commands
        .values()
        .filter(|command| !command.view.is_final)
    {
        let how = format!(
            "it is still {}: {}",
            command.view.status,
            command.explanation.join(" ")
        );
        broken.push(Broken::of("every command ends", command, how));
    }
}

/// A cancellation that was granted is a cancellation.
pub(super) fn cancelled_is_cancelled(case: &Case<'_>, broken: &mut Vec<Broken>) {
    const PROMISE: &str = "cancelled is cancelled";
    let notes = case.notes;
    for id in notes.cancelled.iter().chain(notes.tasks.iter().flatten()) {
        match case.kept.commands.get(id) {
            Some(command) if command.view.status == "CANCELED" => {}
            Some(command) => {
                let how = format!(
                    "a cancellation was granted, and it is {}",
                    command.view.status
                );
                broken.push(Broken::of(PROMISE, command, how));
            }
            None => broken.push(Broken::all(
                PROMISE,
                format!("{id} was cancelled, and is gone"),
            )),
        }
    }
}

/// A status that an application read was committed: it stands in the history, and no later reading goes behind it.
pub(super) fn what_was_read_stays_true(case: &Case<'_>, broken: &mut Vec<Broken>) {
    const PROMISE: &str = "what was read stays true";
    for seen in &case.notes.seen {
        match case.kept.commands.get(&seen.command_id) {
            Some(command)
                if command
                    .history
                    .iter()
                    .any(|entry| entry.status == seen.status) => {}
            Some(command) => {
                let how = format!(
                    "{} was read, and does not stand in its history",
                    seen.status
                );
                broken.push(Broken::of(PROMISE, command, how));
            }
            None => broken.push(Broken::all(
                PROMISE,
                format!("{} was read, and is gone", seen.command_id),
            )),
        }
    }
    let mut by_command: Vec<&Seen> = case.notes.seen.iter().collect();
    by_command.sort_by(|one, other| (&one.command_id, one.at).cmp(&(&other.command_id, other.at)));
    for group in by_command.chunk_by(|one, other| one.command_id == other.command_id) {
        let mut furthest: Option<&Seen> = None;
        for seen in group {
            if let Some(before) = furthest.filter(|before| {
                before.at < seen.asked_at && rank(&seen.status) < rank(&before.status)
            }) {
                let how = format!(
                    "{}: {} was read after {}",
                    seen.command_id, seen.status, before.status
                );
                broken.push(Broken::all(PROMISE, how));
            }
            if furthest.is_none_or(|before| rank(&seen.status) > rank(&before.status)) {
                furthest = Some(seen);
            }
        }
    }
}

/// How far along a status is.
fn rank(status: &str) -> u8 {
    match status {
        "PENDING" => 0,
        "SENT" => 1,
        "DELIVERED" => 2,
        _ => 3,
    }
}
