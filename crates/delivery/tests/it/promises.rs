//! What holds for every turn whatever came in: the safety half of the rulings, as one function that every test passes through.

use delivery::{
    Cause, Change, Command, Downlink, Input, Kind, Lane, Moment, Retransmit, Rules, State, Status,
    Ticket, Turn, UNANSWERED_MIDS_MAX, turn,
};
use std::collections::BTreeSet;

/// Holds a turn against every promise that can be checked without knowing the world around it.
pub(crate) fn hold(before: &Lane, asked: &[Ticket], taken: &Turn, rules: &Rules, now: Moment) {
    lane_is_sound(taken, rules, now);
    for change in &taken.changes {
        change_is_sound(before, change, rules, now);
    }
    for downlink in &taken.downlinks {
        downlink_is_sound(taken, downlink, rules, now);
    }
    changes_are_complete(before, taken);
    assert_eq!(taken.revision, before.revision);
    let step = u64::from(taken.is_durable());
    assert_eq!(
        taken.lane.revision,
        before.revision + step,
        "a revision per durable turn"
    );
    assert!(
        taken.downlinks.is_empty() || taken.is_durable(),
        "what is sent was written (R1.3)"
    );
    let told: Vec<_> = taken.replies.iter().map(|r| r.ticket).collect();
    assert_eq!(asked, told.as_slice(), "one reply per request, in order");
    let again = turn(taken.lane.clone(), Vec::new(), rules, now);
    assert!(
        !again.is_durable() && again.downlinks.is_empty(),
        "a turn leaves nothing to decide: {again:?}"
    );
    assert_eq!(again.lane, taken.lane);
}

/// The requests in an inbox, in order of arrival.
pub(crate) fn tickets(inbox: &[Input]) -> Vec<Ticket> {
    inbox.iter().filter_map(ticket).collect()
}

const fn ticket(input: &Input) -> Option<Ticket> {
    match input {
        Input::Submit(ticket, _)
        | Input::Cancel { ticket, .. }
        | Input::CancelAll { ticket, .. }
        | Input::Revoke { ticket, .. }
        | Input::Delete { ticket, .. } => Some(*ticket),
        Input::Reachable { .. }
        | Input::Unreachable { .. }
        | Input::Acked { .. }
        | Input::Answered { .. }
        | Input::Lost { .. }
        | Input::Heard
        | Input::Late { .. } => None,
    }
}

fn lane_is_sound(taken: &Turn, rules: &Rules, now: Moment) {
    let lane = &taken.lane;
    assert!(
        lane.open.windows(2).all(|w| w[0].id < w[1].id),
        "sorted by id"
    );
    assert!(
        lane.open.iter().all(|c| !c.has_ended()),
        "what ended has left the lane"
    );
    assert!(
        !lane.deleted || lane.open.is_empty(),
        "a deleted device has no open command"
    );
    let in_line = lane
        .open
        .iter()
        .filter(|c| matches!(c.kind, Kind::Queued { .. }) && matches!(c.state, State::Sent(_)));
    assert!(in_line.count() <= 1, "one at a time (R1.4)");
    let mids: BTreeSet<_> = lane.open.iter().map(|c| c.mid).collect();
    assert_eq!(
        mids.len(),
        lane.open.len(),
        "mids of open commands are unique (R6.7)"
    );
    assert!(lane.mids.unanswered.len() <= UNANSWERED_MIDS_MAX);
    assert!(
        lane.mids.unanswered.iter().all(|m| !mids.contains(m)),
        "an old answer stays old (R6.7)"
    );
    assert_eq!(taken.wake_at, lane.wake_at(rules));
    assert_eq!(
        taken.wake_at.is_some(),
        !lane.open.is_empty(),
        "an open command has a deadline"
    );
    assert!(
        taken.wake_at.is_none_or(|at| at > now),
        "no deadline is left behind: {:?}",
        taken.wake_at
    );
}

fn change_is_sound(before: &Lane, change: &Change, rules: &Rules, now: Moment) {
    let command = &change.command;
    history_is_sound(command, now);
    assert!(
        command.issued <= command.retransmit_max + 1,
        "attempts are bounded (R1.5)"
    );
    assert!(command.retransmit_max <= 3);
    assert_eq!(change.wake_at.is_none(), command.has_ended());
    assert!(
        change
            .wake_at
            .is_none_or(|at| at > now || !matches!(command.state, State::Queued))
    );
    let old = before.find(command.id);
    if let Some(old) = old {
        assert!(!change.born);
        let kept = change.entries_before;
        assert_eq!(
            old.history[..kept],
            command.history[..kept],
            "what was written stands"
        );
        assert!(kept == old.history.len() || rewritten(old, command, kept));
    }
    if change.born {
        assert_eq!(change.entries_before, 0);
        assert_eq!((command.created, command.told), (now, 1));
    }
    let new = &command.history[change.entries_before..];
    assert!(
        new.iter().all(|e| e.at == now),
        "new entries carry the turn's moment"
    );
    let timed_out = new.iter().any(|e| e.cause == Cause::NoAck);
    assert!(
        !timed_out || now >= rules.started + rules.start_grace,
        "no TIMEOUT soon after a start (R1.5)"
    );
    assert_eq!(
        command.answer.is_some() && command.has_ended(),
        command.answer.is_some()
    );
}

/// Beyond the bound on lost attempts, the entry of the last one is written anew by the next.
fn rewritten(old: &Command, new: &Command, kept: usize) -> bool {
    let last = &old.history[old.history.len() - 1];
    kept == old.history.len() - 1
        && last.cause == Cause::Attempt
        && new.history[kept].cause == Cause::Attempt
        && new.history[kept].attempt == last.attempt
        && new.lost > delivery::LOST_ENTRIES_MAX
}

/// The history of one command, as it must be at any time.
pub(crate) fn history_is_sound(command: &Command, now: Moment) {
    let history = &command.history;
    let first = history.first().expect("a history is never empty");
    let born = match (command.kind, first.cause) {
        (Kind::Queued { .. }, Cause::Accepted) => Status::Queued,
        (Kind::Immediate | Kind::Direct { .. }, Cause::Accepted) => Status::Sent,
        (Kind::Immediate | Kind::Direct { .. }, Cause::NotEncodable) => Status::Failed,
        other => panic!("no command begins so: {other:?}"),
    };
    assert_eq!(first.status, born, "the first entry is the birth (R1.9)");
    assert_eq!(first.at, command.created);
    for pair in history.windows(2) {
        assert!(pair[0].at <= pair[1].at, "time does not run backwards");
        let arrow = (pair[0].status, pair[1].status);
        assert!(
            is_arrow(arrow.0, arrow.1),
            "no such arrow: {arrow:?} in {history:?}"
        );
        assert!(
            !pair[0].cause.is_late() || pair[1].cause.is_late(),
            "after the end come late entries alone"
        );
        let waited = arrow.0 == Status::Queued;
        assert!(
            !waited || pair[0].attempt == 0,
            "nothing left before SENT (R1.3)"
        );
    }
    assert!(history.iter().all(|e| e.at <= now));
    let end = history[history.len() - 1].status;
    assert_eq!(end, command.status(), "the history says where it stands");
    let left = history.iter().any(|e| e.cause == Cause::Attempt);
    let unseen = matches!(end, Status::Cancelled | Status::Expired);
    assert!(!(unseen && left), "CANCELED and EXPIRED mean unseen (R1.3)");
    let late = history.iter().filter(|e| e.cause.is_late()).count();
    assert!(
        late <= delivery::LATE_ENTRIES_MAX,
        "late entries are bounded (R1.8)"
    );
    assert!(
        history.len() <= 1 + 2 * 8 + 4 + 4 + 2 + 8,
        "histories are bounded: {history:?}"
    );
}

/// The arrows of the domain's states, each status's repetition by further entries included.
const fn is_arrow(from: Status, to: Status) -> bool {
    match from {
        Status::Queued => matches!(
            to,
            Status::Sent | Status::Cancelled | Status::Expired | Status::Failed
        ),
        Status::Sent => matches!(
            to,
            Status::Sent | Status::Delivered | Status::TimedOut | Status::Failed
        ),
        Status::Delivered => matches!(to, Status::Delivered | Status::Succeeded | Status::Failed),
        Status::Succeeded => matches!(to, Status::Succeeded),
        Status::Failed => matches!(to, Status::Failed),
        Status::Cancelled => matches!(to, Status::Cancelled),
        Status::Expired => matches!(to, Status::Expired),
        Status::TimedOut => matches!(to, Status::TimedOut),
    }
}

fn downlink_is_sound(taken: &Turn, downlink: &Downlink, rules: &Rules, now: Moment) {
    let command = taken
        .lane
        .find(downlink.command)
        .expect("what is sent is open");
    let State::Sent(sent) = command.state else {
        panic!("what is sent is SENT: {command:?}")
    };
    assert_eq!((sent.last, command.issued), (now, downlink.attempt));
    assert_eq!((command.mid, &command.body), (downlink.mid, &downlink.body));
    assert!(
        matches!(taken.lane.link, delivery::Link::Reachable { session, .. } if session == downlink.session)
    );
    assert!(
        command.time_up().is_none_or(|end| now < end),
        "nothing leaves when the time is up (R1.5)"
    );
    if command.kind == Kind::Immediate {
        assert!(
            now < command.created + rules.immediate_life_max,
            "nothing leaves after 200 s (R1.5)"
        );
    }
    if matches!(command.kind, Kind::Direct { .. }) {
        assert_eq!(
            now, command.created,
            "a direct call is never repeated (R1.5)"
        );
    }
    let times = taken
        .downlinks
        .iter()
        .filter(|d| d.command == downlink.command)
        .count();
    assert_eq!(times, 1, "one attempt a turn");
    let change = taken
        .changes
        .iter()
        .find(|c| c.command.id == downlink.command);
    assert!(
        change.is_some_and(|c| c.command == *command),
        "what is sent is written"
    );
    if rules.retransmit == Retransmit::Patient && matches!(command.kind, Kind::Queued { .. }) {
        assert_eq!(
            command.issued, sent.slot,
            "a patient command uses every slot"
        );
    }
}

fn changes_are_complete(before: &Lane, taken: &Turn) {
    assert!(
        taken
            .changes
            .windows(2)
            .all(|w| w[0].command.id < w[1].command.id),
        "each once, oldest first"
    );
    let change = |id| taken.changes.iter().find(|c| c.command.id == id);
    for old in &before.open {
        match (taken.lane.find(old.id), change(old.id)) {
            (Some(new), Some(change)) => assert_eq!(*new, change.command),
            (Some(new), None) => assert_eq!(new, old, "what changed is written"),
            (None, Some(change)) => assert!(change.ended(), "what left the lane has ended"),
            (None, None) => panic!("a command vanished: {old:?}"),
        }
    }
    for new in &taken.lane.open {
        let known = before.find(new.id).is_some();
        assert_eq!(
            change(new.id).is_some_and(|c| c.born),
            !known,
            "births are said"
        );
    }
    let endings = taken.changes.iter().filter(|c| c.ended()).count();
    let births = taken.changes.iter().filter(|c| c.born).count();
    let (open, were) = (taken.lane.open.len(), before.open.len());
    assert_eq!(were + births, open + endings, "accepted = final + open");
}
