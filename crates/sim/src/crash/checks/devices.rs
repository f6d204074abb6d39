//! What devices saw and did, against what the platform says of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Broken, Case};
use crate::crash::record::{Kind, Token};

/// A device's queued commands reach it in order of acceptance: first receptions (R1.4).
pub(super) fn queued_commands_arrive_in_order(case: &Case<'_>, broken: &mut Vec<Broken>) {
    let mut met: BTreeSet<Token> = BTreeSet::new();
    let mut last: BTreeMap<usize, &str> = BTreeMap::new();
    for received in &case.notes.received {
        let queued = case
            .notes
            .asks
            .get(&received.token)
            .is_some_and(|ask| matches!(ask.kind, Kind::Queued(_)));
        let Some(command) = case
            .command(received.token)
            .filter(|_| queued && met.insert(received.token))
        else {
            continue;
        };
        let id = command.view.command_id.as_str();
        let before = last.insert(received.device, id);
        if let Some(before) = before.filter(|before| *before > id) {
            let how = format!(
                "it reached device {} after {before}, which was accepted later",
                received.device
            );
            broken.push(Broken::of("queued commands arrive in order", command, how));
        }
    }
}

/// What a device saw was SENT before, and is known: never PENDING, CANCELED or EXPIRED, never of another device (R1.3).
pub(super) fn the_unsent_is_unseen(case: &Case<'_>, broken: &mut Vec<Broken>) {
    const PROMISE: &str = "the unsent is unseen";
    let mut met: BTreeSet<(usize, Token)> = BTreeSet::new();
    for received in case
        .notes
        .received
        .iter()
        .filter(|received| met.insert((received.device, received.token)))
    {
        let Some(command) = case.command(received.token) else {
            let how = format!(
                "token {} reached device {}, and no command of it is kept",
                received.token, received.device
            );
            broken.push(Broken::all(PROMISE, how));
            continue;
        };
        if matches!(
            command.view.status.as_str(),
            "PENDING" | "CANCELED" | "EXPIRED"
        ) {
            let how = format!(
                "device {} received it, and it is {}",
                received.device, command.view.status
            );
            broken.push(Broken::of(PROMISE, command, how));
        }
        if !command.history.iter().any(|entry| entry.cause == "attempt") {
            broken.push(Broken::of(
                PROMISE,
                command,
                "a device received it, and no attempt stands in its history",
            ));
        }
        if case.devices.get(received.device) != Some(&command.view.device_id) {
            broken.push(Broken::of(
                PROMISE,
                command,
                format!("it reached device {}, for which it is not", received.device),
            ));
        }
    }
}

/// A command reaches its device at most as often as attempts were committed, and these are at most 1 + `maxRetransmit`.
pub(super) fn attempts_are_counted(case: &Case<'_>, broken: &mut Vec<Broken>) {
    const PROMISE: &str = "attempts are counted";
    let mut times: BTreeMap<Token, u32> = BTreeMap::new();
    for received in &case.notes.received {
        *times.entry(received.token).or_default() += 1;
    }
    for (token, times) in times {
        let Some(command) = case.command(token) else {
            continue;
        };
        let issued = u32::from(command.view.issued_times);
        if times > issued {
            broken.push(Broken::of(
                PROMISE,
                command,
                format!("it was received {times} times, and issued {issued} times"),
            ));
        }
    }
    for command in case.kept.commands.values() {
        let direct = command.view.kind == "direct";
        let most = if direct {
            1
        } else {
            1 + u32::from(command.view.retransmit_max)
        };
        let issued = u32::from(command.view.issued_times);
        if issued > most {
            broken.push(Broken::of(
                PROMISE,
                command,
                format!("it was issued {issued} times, {most} are allowed"),
            ));
        }
    }
}

/// DELIVERED, SUCCESSFUL and FAILED say what the device did.
pub(super) fn statuses_are_backed_by_deeds(case: &Case<'_>, broken: &mut Vec<Broken>) {
    const PROMISE: &str = "statuses are backed by deeds";
    for command in case.kept.commands.values() {
        let Some(token) = command.token() else {
            continue;
        };
        let errcode = case.notes.answers.get(&token).map(|answer| answer.errcode);
        let refused = command
            .history
            .iter()
            .any(|entry| entry.cause == "link_refused");
        let received = case
            .notes
            .received
            .iter()
            .any(|received| received.token == token);
        let how = match command.view.status.as_str() {
            "DELIVERED" if errcode.is_none() && !case.notes.acknowledged.contains(&token) => {
                "it is DELIVERED, and the device neither acknowledged nor answered it"
            }
            "SUCCESSFUL" if errcode != Some(0) => {
                "it is SUCCESSFUL, and the device did not answer so"
            }
            "FAILED" if refused && received => "the link refused it, and the device received it",
            "FAILED" if !refused && errcode.is_none_or(|errcode| errcode == 0) => {
                "it is FAILED, and the device did not answer so"
            }
            _ => continue,
        };
        broken.push(Broken::of(PROMISE, command, how));
    }
}

/// An answer that was acknowledged is kept: as the result, or as a late one (R6.4, R1.8).
pub(super) fn acknowledged_answers_are_kept(case: &Case<'_>, broken: &mut Vec<Broken>) {
    let confirmed = case
        .notes
        .answers
        .iter()
        .filter(|(_, answer)| answer.confirmed);
    for (token, answer) in confirmed {
        let Some(command) = case.command(*token) else {
            continue;
        };
        let result = if answer.errcode == 0 {
            "SUCCESSFUL"
        } else {
            "FAILED"
        };
        if command.view.status != result && command.view.late == 0 {
            let how = format!(
                "its answer, errcode {}, was acknowledged, and it is {}",
                answer.errcode, command.view.status
            );
            broken.push(Broken::of("an acknowledged answer is kept", command, how));
        }
    }
}
