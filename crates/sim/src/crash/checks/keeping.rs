//! What was accepted is kept: all of it, once, in order, as it was, and counted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Broken, Case, first_grant, granted_id};
use crate::crash::kept::Command;
use crate::crash::record::{Ask, Grant, Kind, Reports};

/// A refusal that leaves a command behind: the link refused its frame, and it is FAILED (R4.6).
const LINK_REFUSED: &str = "50252";
/// A refusal that does not say whether the request was carried out.
const UNKNOWN: [&str; 2] = ["100001", "100501"];

/// Every 201 and 202 is found again, with the same content.
pub(super) fn every_yes_is_found_again(case: &Case<'_>, broken: &mut Vec<Broken>) {
    const PROMISE: &str = "every yes is found again";
    for (token, ask) in &case.notes.asks {
        let Some(grant) = first_grant(ask) else {
            continue;
        };
        let by_id = granted_id(grant).map(|id| case.kept.commands.get(id));
        let Some(command) = by_id.unwrap_or_else(|| case.command(*token)) else {
            let answer = &grant.body;
            broken.push(Broken::all(
                PROMISE,
                format!("the command of token {token} is gone; it was answered {answer}"),
            ));
            continue;
        };
        for difference in differences(ask, grant, command, &case.devices[ask.device]) {
            broken.push(Broken::of(PROMISE, command, difference));
        }
    }
}

/// Where a kept command is not what was asked, or not what was answered.
fn differences(ask: &Ask, grant: &Grant, command: &Command, device_id: &str) -> Vec<String> {
    let view = &command.view;
    let paras: Value = serde_json::from_str(view.paras.get()).unwrap_or_default();
    let kind = match ask.kind {
        Kind::Queued(_) => "queued",
        Kind::Immediate => "immediate",
        Kind::Direct => "direct",
    };
    let mut pairs: Vec<(&str, Value, Value)> = vec![
        ("kind", kind.into(), view.kind.clone().into()),
        ("deviceId", device_id.into(), view.device_id.clone().into()),
        (
            "serviceId",
            ask.command["serviceId"].clone(),
            view.service_id.clone().into(),
        ),
        (
            "method",
            ask.command["method"].clone(),
            view.method.clone().into(),
        ),
        ("paras", ask.command["paras"].clone(), paras),
    ];
    if let Kind::Queued(_) | Kind::Immediate = ask.kind {
        let listed = command.listed.clone().unwrap_or_default();
        pairs.push((
            "listed command",
            ask.command.clone(),
            listed["command"].clone(),
        ));
        for member in [
            "commandId",
            "appId",
            "deviceId",
            "expireTime",
            "maxRetransmit",
            "creationTime",
        ] {
            pairs.push((member, grant.body[member].clone(), listed[member].clone()));
        }
        let expire = match ask.kind {
            Kind::Queued(seconds) => seconds,
            Kind::Immediate | Kind::Direct => 0,
        };
        pairs.push(("expireTime", expire.into(), listed["expireTime"].clone()));
        pairs.push((
            "maxRetransmit",
            ask.retransmit_max.unwrap_or(3).into(),
            listed["maxRetransmit"].clone(),
        ));
    }
    let other = pairs.into_iter().filter(|(_, asked, kept)| asked != kept);
    other
        .map(|(member, asked, kept)| format!("{member} was {asked} and is {kept}"))
        .collect()
}

/// One command for each request, and for each idempotency key, however often it was sent; none for a refused one.
pub(super) fn nothing_is_kept_twice_or_unasked(case: &Case<'_>, broken: &mut Vec<Broken>) {
    const PROMISE: &str = "one request, one command";
    for (token, commands) in &case.by_token {
        let ids: Vec<&str> = commands
            .iter()
            .map(|command| command.view.command_id.as_str())
            .collect();
        let Some(ask) = case.notes.asks.get(token) else {
            broken.push(Broken::of(
                PROMISE,
                commands[0],
                format!("nobody asked for token {token}"),
            ));
            continue;
        };
        if ids.len() > 1 {
            let key = ask.key.as_deref().unwrap_or("no key");
            broken.push(Broken::of(
                PROMISE,
                commands[0],
                format!("token {token} ({key}) has the commands {}", ids.join(", ")),
            ));
        }
        match ask.refused.as_deref() {
            Some(LINK_REFUSED) if commands[0].view.status == "FAILED" => {}
            Some(code) if ask.granted.is_empty() && !UNKNOWN.contains(&code) => {
                broken.push(Broken::of(
                    PROMISE,
                    commands[0],
                    format!("it was refused with {code}, and is kept"),
                ));
            }
            Some(_) | None => {}
        }
    }
    for (token, ask) in &case.notes.asks {
        let names = |grant: &Grant| {
            granted_id(grant)
                .or(grant.body["requestId"].as_str())
                .map(ToOwned::to_owned)
        };
        let ids: BTreeSet<_> = ask.granted.iter().map(names).collect();
        if ids.len() > 1 {
            broken.push(Broken::all(
                PROMISE,
                format!("token {token}: one key was answered with {ids:?}"),
            ));
        }
    }
    for command in case
        .kept
        .commands
        .values()
        .filter(|command| command.token().is_none())
    {
        broken.push(Broken::of(
            PROMISE,
            command,
            "it has no token: nobody asked for it",
        ));
    }
}

/// If a request left after the yes to another for the same device, its command's id is the greater one (R1.4).
pub(super) fn acceptance_is_in_order(case: &Case<'_>, broken: &mut Vec<Broken>) {
    let mut by_device: BTreeMap<usize, Vec<(&Ask, &Command)>> = BTreeMap::new();
    for (token, ask) in &case.notes.asks {
        if let (Some(_), Some(command)) = (first_grant(ask), case.command(*token)) {
            by_device
                .entry(ask.device)
                .or_default()
                .push((ask, command));
        }
    }
    for pairs in by_device.values() {
        for (before, first) in pairs {
            let answered = first_grant(before).map_or(u64::MAX, |grant| grant.at);
            let later = pairs.iter().filter(|(ask, _)| ask.asked_at > answered);
            for (_, second) in
                later.filter(|(_, second)| second.view.command_id < first.view.command_id)
            {
                let id = &second.view.command_id;
                broken.push(Broken::of(
                    "acceptance is in order",
                    first,
                    format!("{id} was asked for later, and is older"),
                ));
            }
        }
    }
}

/// Conservation: accepted = open + final, and both are what the lists show.
pub(super) fn what_was_counted_is_there(case: &Case<'_>, broken: &mut Vec<Broken>) {
    const PROMISE: &str = "accepted = open + final";
    let counters = &case.kept.counters;
    let mut listed: BTreeMap<String, f64> = BTreeMap::new();
    for command in case.kept.commands.values() {
        let phase = if command.view.is_final {
            "final"
        } else {
            "open"
        };
        let labels = format!("state=\"{}\",phase=\"{phase}\"", command.view.status);
        *listed.entry(labels).or_default() += 1.0;
    }
    let counted: BTreeMap<String, f64> = counters
        .all("downlink_commands")
        .map(|(labels, count)| (labels.to_owned(), count))
        .collect();
    let accepted = counters.value("downlink_commands_accepted").unwrap_or(-1.0);
    let sum: f64 = counted.values().sum();
    let differ = |one: f64, other: f64| (one - other).abs() > 0.5;
    if differ(accepted, sum) {
        broken.push(Broken::all(
            PROMISE,
            format!("{accepted} were accepted, and {sum} are open or final"),
        ));
    }
    let labels: BTreeSet<&String> = counted.keys().chain(listed.keys()).collect();
    for labels in labels {
        let of = |counts: &BTreeMap<String, f64>| counts.get(labels).copied().unwrap_or_default();
        let (count, list) = (of(&counted), of(&listed));
        if differ(count, list) {
            broken.push(Broken::all(
                PROMISE,
                format!("{labels}: {count} are counted, and {list} are there"),
            ));
        }
    }
}

/// The last report that was acknowledged, or a later one, is kept (R6.4).
pub(super) fn acknowledged_reports_are_kept(case: &Case<'_>, broken: &mut Vec<Broken>) {
    const PROMISE: &str = "an acknowledged report is kept";
    for (place, reports) in &case.notes.reports {
        let kept = case.kept.reports.get(place).copied().unwrap_or_default();
        let Reports { sent, confirmed } = *reports;
        let (device, service) = place;
        if kept < confirmed {
            let how = format!(
                "device {device}, {service}: report {confirmed} was acknowledged, {kept} is kept"
            );
            broken.push(Broken::all(PROMISE, how));
        }
        if kept > sent {
            let how =
                format!("device {device}, {service}: report {kept} is kept, {sent} was the last");
            broken.push(Broken::all(PROMISE, how));
        }
    }
}
