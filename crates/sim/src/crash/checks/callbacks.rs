//! What applications were told of their commands (R5.1): every change, at least once, in order.

use super::{Broken, Case};
use crate::crash::kept::Command;
use crate::crash::record::{About, Asked, Token};

const PROMISE: &str = "every change is told, in order";

/// Every change of status of a command with a callback address was told at least once, and for the first time in order; nothing else
/// was told. After a crash what had been told may be told again.
pub(super) fn every_change_is_told_in_order(case: &Case<'_>, broken: &mut Vec<Broken>) {
    for command in case.kept.commands.values() {
        let ask = command.token().and_then(|token| {
            let ask = case.notes.asks.get(&token)?;
            Some((token, ask))
        });
        let Some((token, ask)) = ask else { continue };
        let owed = owed(command, ask.told);
        let told = told(case, command, token);
        if told != owed {
            let how = format!("{} were owed, {} were told", list(&owed), list(&told));
            broken.push(Broken::of(PROMISE, command, how));
        }
    }
    for told in &case.notes.told {
        if let About::Command(id) = &told.about
            && !case.kept.commands.contains_key(id)
        {
            let how = format!("{} of {id} was told, and is not known", told.says);
            broken.push(Broken::all(PROMISE, how));
        }
    }
    let dead = case.kept.counters.value("downlink_callbacks_dead_total");
    if let Some(dead) = dead.filter(|dead| *dead > 0.5) {
        broken.push(Broken::all(
            PROMISE,
            format!("{dead} callbacks were given up"),
        ));
    }
}

/// What a command's history owes.
fn owed(command: &Command, asked: Asked) -> Vec<&str> {
    let lasting: Vec<_> = command.history.iter().filter(|entry| !entry.late).collect();
    let changes = lasting
        .windows(2)
        .filter(|pair| pair[0].status != pair[1].status)
        .map(|pair| pair[1]);
    changes
        .filter_map(|entry| {
            let status = entry.status.as_str();
            let is_answer = entry.cause.starts_with("answer");
            match (asked, status) {
                (Asked::Nothing, _) | (Asked::Statuses, "CANCELED") => None,
                (Asked::Statuses, _) => Some(status),
                (Asked::Outcome { ack }, "DELIVERED") => ack.then_some("messageConfirm"),
                (Asked::Outcome { .. }, "SUCCESSFUL" | "FAILED") => {
                    is_answer.then_some("commandRsp")
                }
                (Asked::Outcome { .. }, _) => None,
            }
        })
        .collect()
}

/// What was told of it, each only where it stands first.
fn told<'a>(case: &'a Case<'_>, command: &Command, token: Token) -> Vec<&'a str> {
    let request = request_id(token);
    let about = |about: &About| match about {
        About::Command(id) => *id == command.view.command_id,
        About::Request(id) => *id == request,
    };
    let mut said: Vec<&str> = Vec::new();
    for told in case.notes.told.iter().filter(|told| about(&told.about)) {
        if !said.contains(&told.says.as_str()) {
            said.push(&told.says);
        }
    }
    said
}

/// The request id under which a direct call is asked for.
pub(crate) fn request_id(token: Token) -> String {
    format!("request_{token}")
}

fn list(words: &[&str]) -> String {
    if words.is_empty() {
        "none".into()
    } else {
        words.join(", ")
    }
}
