//! One cell of the golden page: a turn in a few words.

use delivery::{
    Command, CommandId, Entry, Granted, Lane, Moment, Next, Sent, State, Status, Turn, Unmatched,
};
use std::time::Duration;

/// The names that the contract gives to the states.
const fn name(status: Status) -> &'static str {
    match status {
        Status::Queued => "PENDING",
        Status::Sent => "SENT",
        Status::Delivered => "DELIVERED",
        Status::Succeeded => "SUCCESSFUL",
        Status::Failed => "FAILED",
        Status::Cancelled => "CANCELED",
        Status::Expired => "EXPIRED",
        Status::TimedOut => "TIMEOUT",
    }
}

/// What a turn does to the command `id`, and beside it.
pub(crate) fn cell(before: &Lane, taken: &Turn, id: CommandId, now: Moment) -> String {
    let mut words = Vec::new();
    let change = taken.changes.iter().find(|c| c.command.id == id);
    if let Some(change) = change {
        let new = &change.command.history[change.entries_before..];
        words.extend(story(new));
    }
    for sent in taken.downlinks.iter().filter(|d| d.command == id) {
        words.push(format!(
            "sends #{}{}",
            sent.attempt,
            if sent.confirm { "" } else { " unconfirmed" }
        ));
    }
    let was = before.find(id);
    if let Some(command) = change.map(|c| &c.command) {
        if was.is_none_or(|was| was.state != command.state) {
            words.extend(next(command, now));
        }
        if was.is_some_and(|was| was.issued > command.issued) {
            words.push("given back".to_owned());
        }
    }
    words.extend(others(taken, id));
    words.extend(taken.replies.iter().map(reply));
    words.extend(taken.unmatched.iter().map(|unmatched| match unmatched {
        Unmatched::Ack(_) | Unmatched::Answer(..) => "unmatched".to_owned(),
    }));
    if taken.close.is_some() {
        words.push("closes".to_owned());
    }
    if words.is_empty() {
        "·".to_owned()
    } else {
        words.join("; ")
    }
}

/// Entries in words; what repeats itself stands once.
fn story(entries: &[Entry]) -> Vec<String> {
    let mut words: Vec<(String, usize)> = Vec::new();
    for entry in entries {
        let word = format!("{} {}", name(entry.status), entry.cause.name());
        match words.last_mut().filter(|(last, _)| *last == word) {
            Some((_, times)) => *times += 1,
            None => words.push((word, 1)),
        }
    }
    let times = |(word, times)| {
        if times == 1 {
            word
        } else {
            format!("{word} ×{times}")
        }
    };
    words.into_iter().map(times).collect()
}

/// What the command waits for.
fn next(command: &Command, now: Moment) -> Option<String> {
    let (what, at) = match command.state {
        State::Queued => ("expires", command.time_up()?),
        State::Sent(Sent {
            next: Next::Attempt(at),
            ..
        }) => ("attempt", at),
        State::Sent(Sent {
            next: Next::Timeout(at),
            ..
        }) => ("timeout", at),
        State::Delivered { settle_at } => ("settles", settle_at),
        State::Ended(_) => return None,
    };
    let wait = if at <= now {
        "when reachable".to_owned()
    } else {
        format!("in {}", span(at.since(now)))
    };
    Some(format!("then {what} {wait}"))
}

fn span(span: Duration) -> String {
    let ms = span.as_millis();
    let of = |unit: u128, name: &str| {
        ms.is_multiple_of(unit)
            .then(|| format!("{} {name}", ms / unit))
    };
    of(3_600_000, "h")
        .or_else(|| of(1000, "s"))
        .unwrap_or_else(|| format!("{ms} ms"))
}

fn others(taken: &Turn, id: CommandId) -> Vec<String> {
    let mut words = Vec::new();
    for change in taken.changes.iter().filter(|c| c.command.id != id) {
        let new = &change.command.history[change.entries_before..];
        let story = story(new);
        if !story.is_empty() {
            words.push(format!("other: {}", story.join(", ")));
        }
    }
    words
}

fn reply(reply: &delivery::Reply) -> String {
    match &reply.outcome {
        Ok(Granted::Accepted(_) | Granted::Cancelled(_) | Granted::Deleted) => "granted".to_owned(),
        Ok(Granted::CancelledAll(shown)) => format!("granted: {}", shown.len()),
        Ok(Granted::Revoked(count)) => format!("granted: {count}"),
        Err(refusal) => format!("refused: {refusal:?}"),
    }
}
