//! Why a command stands where it stands, in words: what it waits for, or what proves its end.

use super::wire::status_name;
use api::Timestamp;
use delivery::{Cause, Command, Ending, Kind, Lane, Moment, Next, Rules, Sent, State, Status, Who};
use std::time::Duration;

/// What an explanation needs to know beside the command.
pub(super) struct Surroundings<'a> {
    /// The device's lane; `None` if the device is not known any more.
    pub(super) lane: Option<&'a Lane>,
    /// Whether the device has a session.
    pub(super) online: bool,
    /// The heart's rules.
    pub(super) rules: &'a Rules,
    /// Now.
    pub(super) now: Moment,
}

/// Sentences about `command`; `name` says who somebody is.
pub(super) fn explain(
    command: &Command,
    around: &Surroundings<'_>,
    name: impl Fn(Who) -> String,
) -> Vec<String> {
    let mut lines = Vec::new();
    match command.state {
        State::Queued => pending(command, around, &mut lines),
        State::Sent(sent) => sent_on(command, sent, around, &mut lines),
        State::Delivered { settle_at } => delivered(command, settle_at, around, &mut lines),
        State::Ended(ending) => lines.push(ended(command, ending, name)),
    }
    if command.lost > 0 {
        lines.push(format!(
            "{} of its attempts were given back by the link, which says that no byte of them left.",
            command.lost
        ));
    }
    if command.late > 0 {
        lines.push(format!(
            "{} acknowledgements or answers came after its end; they changed nothing.",
            command.late
        ));
    }
    lines
}

fn pending(command: &Command, around: &Surroundings<'_>, lines: &mut Vec<String>) {
    let waited = span(around.now.since(command.created));
    lines.push(format!(
        "It has been PENDING for {waited}: no byte of it has left the platform."
    ));
    lines.push(link(around));
    lines.push(place(command, around));
    if let Some(until) = command.time_up() {
        lines.push(format!(
            "If it is still PENDING {}, it becomes EXPIRED.",
            at(until, around.now)
        ));
    }
}

fn sent_on(command: &Command, sent: Sent, around: &Surroundings<'_>, lines: &mut Vec<String>) {
    let last = command
        .history
        .iter()
        .rev()
        .find(|e| e.cause == Cause::Attempt);
    lines.push(match last {
        Some(entry) => format!(
            "Attempt {} was committed {}; it may have left the platform, and nothing came back yet.",
            entry.attempt,
            ago(entry.at, around.now)
        ),
        None => "It was accepted as one to send at once, and no attempt could be made yet.".into(),
    });
    lines.push(link(around));
    lines.push(match sent.next {
        Next::Attempt(due) if due <= around.now => {
            "The next attempt is due and waits for the device's next window: it leaves at once then.".into()
        }
        Next::Attempt(due) => format!("Without an acknowledgement the next attempt is due {}.", at(due, around.now)),
        Next::Timeout(due) => {
            let due = due.max(around.rules.started + around.rules.start_grace);
            format!("No attempt is left: without an acknowledgement it becomes TIMEOUT {}.", at(due, around.now))
        }
    });
    if let (Next::Attempt(_), Some(until)) = (sent.next, command.time_up()) {
        lines.push(format!(
            "No attempt leaves any more {}.",
            at(until, around.now)
        ));
    }
}

fn delivered(
    command: &Command,
    settle_at: Moment,
    around: &Surroundings<'_>,
    lines: &mut Vec<String>,
) {
    if let Some(when) = command.first(Status::Delivered) {
        lines.push(format!(
            "The device acknowledged it {}.",
            ago(when, around.now)
        ));
    }
    lines.push(if command.answer_expected {
        "Its result has not come yet.".into()
    } else {
        "The device is not expected to answer; if it does, the answer counts.".into()
    });
    let when = at(settle_at, around.now);
    lines.push(format!(
        "Without a result it is final {when}, and stays DELIVERED."
    ));
}

/// How it ended, and what proves it.
fn ended(command: &Command, ending: Ending, name: impl Fn(Who) -> String) -> String {
    let Some(entry) = command.history.iter().rev().find(|e| !e.cause.is_late()) else {
        return "Its history is empty.".into();
    };
    let when = utc(entry.at);
    let attempts = command
        .history
        .iter()
        .filter(|e| e.cause == Cause::Attempt)
        .count();
    let proof = format!(
        "Its history holds {attempts} attempts: no byte ever left the platform, the device never saw it."
    );
    match ending {
        Ending::Cancelled => format!(
            "It was cancelled at {when} by {} while PENDING. {proof}",
            name(entry.who)
        ),
        Ending::Expired => format!("Its time was up at {when} while it was PENDING. {proof}"),
        Ending::TimedOut if command.issued == 0 => {
            format!("At {when} its time was up, and no attempt of it had been made.")
        }
        Ending::TimedOut => format!(
            "It was sent {} times and never acknowledged; at {when} the platform stopped waiting. \
             Whether the device saw it cannot be known.",
            command.issued
        ),
        Ending::Settled => format!(
            "The device acknowledged it; at {when} it became final as DELIVERED: {}.",
            settled(entry.cause)
        ),
        Ending::Succeeded => format!(
            "The device answered at {when} that it did it{}.",
            off_profile(entry.cause)
        ),
        Ending::Failed => format!("It failed at {when}: {}.", failed(entry.cause)),
    }
}

const fn settled(cause: Cause) -> &'static str {
    match cause {
        Cause::NoResult => "a result was expected and did not come in time",
        Cause::NoResultExpected => "no result was expected, and none came",
        Cause::Displaced => "the device had too many open commands, and it was the oldest",
        Cause::DeviceDeleted => "the device was deleted",
        cause => cause.name(),
    }
}

const fn failed(cause: Cause) -> &'static str {
    match cause {
        Cause::NotEncodable => "it could not be written for the device, and no byte left",
        Cause::LinkRefused => "the link refused the frame, and no byte left",
        Cause::Undecodable => "the device's answer could not be decoded",
        Cause::Answered => "the device answered with an error code",
        Cause::AnsweredOffProfile => {
            "the device answered with an error code, and not as its product model says"
        }
        cause => cause.name(),
    }
}

fn off_profile(cause: Cause) -> &'static str {
    if cause == Cause::AnsweredOffProfile {
        ", though not as its product model says"
    } else {
        ""
    }
}

/// Whether the device can be reached, and when it was last heard.
fn link(around: &Surroundings<'_>) -> String {
    let Some(lane) = around.lane else {
        return "The device is not known any more.".into();
    };
    let heard = match lane.contact {
        Some(contact) => format!("it was last heard {}", ago(contact, around.now)),
        None => format!(
            "it has never been heard since it was registered {}",
            ago(lane.registered, around.now)
        ),
    };
    match (lane.is_reachable(), around.online) {
        (true, _) => format!("The device can be reached; {heard}."),
        (false, true) => {
            format!("The device is connected, but not subscribed to its command topic; {heard}.")
        }
        (false, false) => format!("The device cannot be reached; {heard}."),
    }
}

/// Where it stands in its device's line (R1.4).
fn place(command: &Command, around: &Surroundings<'_>) -> String {
    let Some(lane) = around.lane else {
        return "It has no line to stand in.".into();
    };
    let queued = |c: &&Command| matches!(c.kind, Kind::Queued { .. });
    let waits_for =
        |c: &&Command| matches!(c.state, State::Queued | State::Sent(_)) && c.id < command.id;
    let before: Vec<&Command> = lane.open.iter().filter(queued).filter(waits_for).collect();
    match before.first() {
        None if lane.is_reachable() => {
            "It is the head of its device's line, and its turn is now.".into()
        }
        None => {
            "It is the head of its device's line, and leaves as soon as the device can be reached."
                .into()
        }
        Some(head) => format!(
            "Before it stand {} of the device's commands, and one leaves at a time; the head, {}, is {} since {}.",
            before.len(),
            head.id,
            status_name(head.status()),
            head.first(head.status())
                .map_or_else(|| utc(head.created), utc)
        ),
    }
}

fn ago(then: Moment, now: Moment) -> String {
    format!("{} ago, at {}", span(now.since(then)), utc(then))
}

fn at(then: Moment, now: Moment) -> String {
    let left = then.since(now);
    if left.is_zero() {
        format!("now, since {}", utc(then))
    } else {
        format!("in {}, at {}", span(left), utc(then))
    }
}

fn utc(moment: Moment) -> String {
    Timestamp::from_unix_millis_u64(moment.as_millis()).to_string()
}

/// A span in its two largest units.
fn span(span: Duration) -> String {
    let s = span.as_secs();
    match (s / 86_400, s / 3_600 % 24, s / 60 % 60, s % 60) {
        (0, 0, 0, s) => format!("{s} s"),
        (0, 0, min, s) => format!("{min} min {s} s"),
        (0, h, min, _) => format!("{h} h {min} min"),
        (d, h, ..) => format!("{d} d {h} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use delivery::{AppKey, CommandId, DeviceId, Input, Submission, Ticket, turn};

    const START: Moment = Moment::from_millis(1_700_000_000_000);

    struct Scene {
        lane: Option<Lane>,
        rules: Rules,
        now: Moment,
    }

    impl Scene {
        fn new() -> Self {
            let lane = Lane::new(DeviceId::new(1, 7), START);
            Self {
                lane: Some(lane),
                rules: Rules::default(),
                now: START,
            }
        }

        fn turn(&mut self, inputs: Vec<Input>) -> delivery::Turn {
            let turn = turn(
                self.lane.take().expect("a lane"),
                inputs,
                &self.rules,
                self.now,
            );
            self.lane = Some(turn.lane.clone());
            turn
        }

        fn submit(&mut self, seq: u64) -> Command {
            let mid = self.lane.as_mut().and_then(Lane::take_mid).expect("a mid");
            let submission = Submission {
                id: CommandId { seq, tag: 0 },
                app: AppKey(1),
                who: Who::Application(AppKey(1)),
                kind: Kind::Queued {
                    expire_after: Duration::from_hours(2),
                },
                mid,
                encodable: true,
                retransmit_max: 3,
                answer_expected: true,
                callback: false,
                key: None,
                body: b"{}"[..].into(),
            };
            let turn = self.turn(vec![Input::Submit(Ticket(0), Box::new(submission))]);
            turn.changes[0].command.clone()
        }

        fn explain(&self, command: &Command) -> String {
            let around = Surroundings {
                lane: self.lane.as_ref(),
                online: false,
                rules: &self.rules,
                now: self.now,
            };
            let present = self
                .lane
                .as_ref()
                .and_then(|lane| lane.find(command.id))
                .unwrap_or(command);
            explain(present, &around, |who| format!("{who:?}")).join(" ")
        }
    }

    #[test]
    fn a_pending_command_is_told_what_it_waits_for() {
        let mut scene = Scene::new();
        let first = scene.submit(1);
        let second = scene.submit(2);
        scene.now = START + Duration::from_mins(90);
        let text = scene.explain(&first);
        for part in [
            "PENDING for 1 h 30 min",
            "never been heard",
            "head of its device's line",
            "in 30 min 0 s",
            "EXPIRED",
        ] {
            assert!(text.contains(part), "{text:?} lacks {part:?}");
        }
        let text = scene.explain(&second);
        assert!(text.contains(&format!(
            "Before it stand 1 of the device's commands, and one leaves at a time; the head, {}",
            first.id
        )));
    }

    #[test]
    fn an_expired_command_is_told_that_no_byte_left() {
        let mut scene = Scene::new();
        let command = scene.submit(1);
        scene.now = START + Duration::from_hours(2);
        let expired = scene.turn(vec![]).changes[0].command.clone();
        assert_eq!(expired.id, command.id);
        let text = scene.explain(&expired);
        assert!(
            text.contains("no byte ever left the platform") && text.contains("holds 0 attempts"),
            "{text}"
        );
    }

    #[test]
    fn a_sent_command_is_told_its_next_attempt_and_then_that_nobody_can_know() {
        let mut scene = Scene::new();
        let session = delivery::SessionId(1);
        scene.turn(vec![Input::Reachable {
            session,
            confirms: true,
        }]);
        let command = scene.submit(1);
        let text = scene.explain(&command);
        for part in [
            "Attempt 1 was committed",
            "can be reached",
            "the next attempt is due in 1",
        ] {
            assert!(text.contains(part), "{text:?} lacks {part:?}");
        }
        let mut last = command;
        while !last.has_ended() {
            scene.now = scene
                .lane
                .as_ref()
                .and_then(|lane| lane.wake_at(&scene.rules))
                .expect("a deadline");
            if let Some(change) = scene.turn(vec![]).changes.pop() {
                last = change.command;
            }
        }
        let text = scene.explain(&last);
        assert!(
            text.contains("sent 4 times") && text.contains("cannot be known"),
            "{text}"
        );
    }
}
