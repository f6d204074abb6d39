//! Backups: each is the platform as it was at one moment between its begin and its end (R2.8).

use server::admin::wire::EntryView;

use super::{Broken, Case, first_grant, granted_id, keeping};
use crate::crash::kept::Kept;
use crate::crash::record::Notes;

/// A backup, and what a server finds in it.
#[derive(Clone, Debug)]
pub(crate) struct Copy {
    /// When it was begun, in microseconds.
    pub(crate) begun: u64,
    /// The last moment in it, in milliseconds. A server that starts on it may have gone on from there.
    pub(crate) until_ms: u64,
    /// What is kept in it.
    pub(crate) kept: Kept,
}

/// Checks a backup against what was seen and what is kept at the end.
pub(crate) fn check_copy(
    notes: &Notes,
    kept: &Kept,
    copy: &Copy,
    devices: &[String],
) -> Vec<Broken> {
    let case = Case::new(notes, &copy.kept, devices);
    let mut broken = Vec::new();
    keeping::what_was_counted_is_there(&case, &mut broken);
    every_yes_before_it_is_in_it(&case, copy, &mut broken);
    what_is_in_it_was_so(kept, copy, &mut broken);
    broken
}

fn every_yes_before_it_is_in_it(case: &Case<'_>, copy: &Copy, broken: &mut Vec<Broken>) {
    for (token, ask) in &case.notes.asks {
        let Some(grant) = first_grant(ask).filter(|grant| grant.at < copy.begun) else {
            continue;
        };
        let by_id = granted_id(grant).map(|id| case.kept.commands.get(id));
        if by_id.unwrap_or_else(|| case.command(*token)).is_none() {
            let how = format!(
                "the command of token {token} was answered {} before the backup was begun, and is not in it",
                grant.body
            );
            broken.push(Broken::all("a backup has every yes before it", how));
        }
    }
}

fn what_is_in_it_was_so(kept: &Kept, copy: &Copy, broken: &mut Vec<Broken>) {
    const PROMISE: &str = "what is in a backup was so";
    for (id, command) in &copy.kept.commands {
        let before = |entry: &EntryView| entry.at.ms < copy.until_ms;
        let end = command.history.partition_point(before);
        match kept.commands.get(id) {
            Some(original) if original.history.starts_with(&command.history[..end]) => {}
            Some(original) => broken.push(Broken::of(
                PROMISE,
                original,
                "its history in the backup is none that it ever had",
            )),
            None => broken.push(Broken::all(PROMISE, format!("{id} is in the backup alone"))),
        }
    }
}
