//! Each promise, broken by hand.

use std::collections::BTreeMap;

use serde_json::{Value, json, value::RawValue};
use server::admin::wire::{CommandView, EntryView, MomentView};

use super::{Broken, Copy, check, check_copy, check_forgetting};
use crate::crash::kept::{Command, Kept};
use crate::crash::record::{
    About, Answered, Ask, Asked, Grant, Kind, Notes, Received, Reports, Seen, Told,
};
use crate::rig::Counters;

const DEVICE: &str = "00000000-0000-8000-8000-000000000001";

/// A round that is as it should be: queued commands 1 and 2, received, answered and SUCCESSFUL; 3 cancelled; 4 a direct call.
struct Round {
    notes: Notes,
    kept: Kept,
    counts: BTreeMap<(&'static str, &'static str), u32>,
    accepted: u32,
}

fn id(number: u64) -> String {
    format!("{number:032x}")
}

fn moment(ms: u64) -> MomentView {
    MomentView {
        ms,
        utc: String::new(),
    }
}

fn entry(status: &str, cause: &str, ms: u64) -> EntryView {
    EntryView {
        status: status.into(),
        at: moment(ms),
        cause: cause.into(),
        attempt: 0,
        who: "platform".into(),
        late: false,
    }
}

fn asked(number: u64) -> Value {
    json!({"serviceId": "Meter", "method": "SET", "paras": {"token": number, "text": ""}})
}

fn listed(number: u64, status: &str) -> Value {
    json!({
        "commandId": id(number), "appId": "app", "deviceId": DEVICE, "command": asked(number), "expireTime": 600,
        "maxRetransmit": 3, "creationTime": "20261122T120000Z", "status": status,
    })
}

fn command(number: u64, kind: &str, status: &str, history: Vec<EntryView>) -> Command {
    let attempts = history
        .iter()
        .filter(|entry| entry.cause == "attempt")
        .count();
    let view = CommandView {
        command_id: id(number),
        device_id: DEVICE.into(),
        app_id: Some("app".into()),
        kind: kind.into(),
        service_id: "Meter".into(),
        method: "SET".into(),
        paras: RawValue::from_string(asked(number)["paras"].to_string()).unwrap(),
        status: status.into(),
        is_final: true,
        created: moment(1),
        expires: None,
        issued_times: u8::try_from(attempts).unwrap(),
        retransmit_max: if kind == "direct" { 0 } else { 3 },
        mid: 1,
        answer: None,
        lost: 0,
        late: 0,
    };
    let listed = (kind != "direct").then(|| listed(number, status));
    Command {
        view,
        history,
        listed,
        explanation: Vec::new(),
    }
}

impl Round {
    fn good() -> Self {
        let mut round = Self {
            notes: Notes::default(),
            kept: Kept::default(),
            counts: BTreeMap::new(),
            accepted: 4,
        };
        let life = || {
            vec![
                entry("PENDING", "accepted", 1),
                entry("SENT", "attempt", 1),
                entry("DELIVERED", "acknowledged", 2),
                entry("SUCCESSFUL", "answered", 3),
            ]
        };
        round.put(
            1,
            Kind::Queued(600),
            command(1, "queued", "SUCCESSFUL", life()),
        );
        round.put(
            2,
            Kind::Queued(600),
            command(2, "queued", "SUCCESSFUL", life()),
        );
        let cancelled = vec![
            entry("PENDING", "accepted", 1),
            entry("CANCELED", "cancel_requested", 2),
        ];
        round.put(
            3,
            Kind::Queued(600),
            command(3, "queued", "CANCELED", cancelled),
        );
        let direct = vec![
            entry("SENT", "attempt", 1),
            entry("TIMEOUT", "no_acknowledgement", 9),
        ];
        round.put(4, Kind::Direct, command(4, "direct", "TIMEOUT", direct));
        for number in [1, 2] {
            for says in ["SENT", "DELIVERED", "SUCCESSFUL"] {
                round.tell(About::Command(id(number)), says);
            }
        }
        for token in [1, 2, 4] {
            round.notes.received.push(Received {
                device: 0,
                token,
                at: token,
            });
        }
        for token in [1, 2] {
            round.notes.acknowledged.insert(token);
            round.notes.answers.insert(
                token,
                Answered {
                    errcode: 0,
                    confirmed: true,
                },
            );
        }
        round.notes.cancelled.push(id(3));
        round.notes.reports.insert(
            (0, "Count".to_owned()),
            Reports {
                sent: 5,
                confirmed: 4,
            },
        );
        round.kept.reports.insert((0, "Count".to_owned()), 5);
        round.counts.extend([
            (("SUCCESSFUL", "final"), 2),
            (("CANCELED", "final"), 1),
            (("TIMEOUT", "final"), 1),
        ]);
        round
    }

    fn tell(&mut self, about: About, says: &str) {
        let says = says.to_owned();
        self.notes.told.push(Told { about, says });
    }

    fn put(&mut self, number: u64, kind: Kind, command: Command) {
        let body = match kind {
            Kind::Direct => json!({"requestId": "r", "status": "sent"}),
            Kind::Queued(_) | Kind::Immediate => listed(number, "PENDING"),
        };
        let ask = Ask {
            device: 0,
            kind,
            command: asked(number),
            retransmit_max: None,
            key: None,
            told: match kind {
                Kind::Direct => Asked::Outcome { ack: true },
                Kind::Queued(_) | Kind::Immediate => Asked::Statuses,
            },
            asked_at: number * 10,
            granted: vec![Grant {
                at: number * 10 + 5,
                body,
            }],
            refused: None,
        };
        self.notes.asks.insert(number, ask);
        self.kept.commands.insert(id(number), command);
    }

    fn command(&mut self, number: u64) -> &mut Command {
        self.kept.commands.get_mut(&id(number)).unwrap()
    }

    fn ask(&mut self, number: u64) -> &mut Ask {
        self.notes.asks.get_mut(&number).unwrap()
    }

    fn seen(&mut self, status: &str, at: u64) {
        self.notes.seen.push(Seen {
            command_id: id(1),
            status: status.into(),
            asked_at: at,
            at: at + 1,
        });
    }

    /// Brings the page of counters up to date.
    fn counted(&mut self) {
        let counts = self.counts.iter();
        let lines = counts.map(|((state, phase), count)| {
            format!("downlink_commands{{state=\"{state}\",phase=\"{phase}\"}} {count}\n")
        });
        let page =
            lines.collect::<String>() + &format!("downlink_commands_accepted {}\n", self.accepted);
        self.kept.counters = Counters::parse(&page);
    }

    fn broken(mut self) -> Vec<Broken> {
        self.counted();
        check(
            &self.notes,
            &self.kept,
            &[DEVICE.to_owned(), "another".to_owned()],
        )
    }
}

/// Breaks a good round, and says which promises are found broken.
fn promises(damage: impl FnOnce(&mut Round)) -> Vec<&'static str> {
    let mut round = Round::good();
    damage(&mut round);
    let mut promises: Vec<_> = round
        .broken()
        .into_iter()
        .map(|broken| broken.promise)
        .collect();
    promises.dedup();
    promises
}

#[test]
fn a_round_that_is_as_it_should_be_passes() {
    assert_eq!(Round::good().broken(), []);
}

#[test]
fn an_accepted_command_that_is_gone_is_found() {
    let found = promises(|round| {
        round.kept.commands.remove(&id(1));
    });
    assert!(found.contains(&"every yes is found again"), "{found:?}");
    let found = promises(|round| {
        round.kept.commands.remove(&id(4));
    });
    assert!(
        found.contains(&"every yes is found again"),
        "a direct call has no id: {found:?}"
    );
}

#[test]
fn a_command_with_another_content_is_found() {
    let damages: [fn(&mut Round); 7] = [
        |round| round.command(1).view.method = "GET".into(),
        |round| round.command(1).view.kind = "immediate".into(),
        |round| round.command(1).view.device_id = "another".into(),
        |round| round.command(1).listed.as_mut().unwrap()["expireTime"] = 601.into(),
        |round| {
            round.command(1).listed.as_mut().unwrap()["creationTime"] = "20261122T120001Z".into();
        },
        |round| round.command(1).listed = None,
        |round| round.ask(4).command["paras"]["text"] = "other".into(),
    ];
    for damage in damages {
        let found = promises(damage);
        assert!(found.contains(&"every yes is found again"), "{found:?}");
    }
}

#[test]
fn a_command_that_is_there_twice_or_unasked_is_found() {
    const PROMISE: &str = "one request, one command";
    let twice = promises(|round| {
        let mut twin = round.command(2).clone();
        twin.view.command_id = id(9);
        round.kept.commands.insert(id(9), twin);
    });
    assert!(twice.contains(&PROMISE), "{twice:?}");
    let unasked = promises(|round| {
        round.notes.asks.remove(&3);
    });
    assert_eq!(unasked, [PROMISE]);
    let refused = promises(|round| {
        round.ask(3).granted.clear();
        round.ask(3).refused = Some("100223".into());
    });
    assert_eq!(refused, [PROMISE]);
    let two_answers = promises(|round| {
        round.ask(1).key = Some("k".into());
        let grant = Grant {
            at: 99,
            body: listed(2, "PENDING"),
        };
        round.ask(1).granted.push(grant);
    });
    assert_eq!(two_answers, [PROMISE]);
}

#[test]
fn a_later_request_with_an_older_command_is_found() {
    let found = promises(|round| {
        round.ask(1).asked_at = 1_000;
        round.ask(1).granted[0].at = 1_005;
    });
    assert_eq!(found, ["acceptance is in order"]);
}

#[test]
fn a_count_that_does_not_add_up_is_found() {
    const PROMISE: &str = "accepted = open + final";
    assert_eq!(promises(|round| round.accepted = 5), [PROMISE]);
    assert_eq!(
        promises(|round| {
            round.counts.remove(&("TIMEOUT", "final"));
        }),
        [PROMISE]
    );
    let moved = promises(|round| {
        round.counts.insert(("CANCELED", "final"), 2);
        round.counts.insert(("TIMEOUT", "final"), 0);
    });
    assert_eq!(moved, [PROMISE]);
}

#[test]
fn an_acknowledged_report_that_is_gone_is_found() {
    const PROMISE: &str = "an acknowledged report is kept";
    assert_eq!(
        promises(|round| {
            round.kept.reports.insert((0, "Count".to_owned()), 3);
        }),
        [PROMISE]
    );
    assert_eq!(promises(|round| round.kept.reports.clear()), [PROMISE]);
    assert_eq!(
        promises(|round| {
            round.kept.reports.insert((0, "Count".to_owned()), 6);
        }),
        [PROMISE]
    );
}

#[test]
fn a_step_beside_the_arrows_is_found() {
    const PROMISE: &str = "statuses follow the arrows";
    let damages: [fn(&mut Round); 6] = [
        |round| {
            round
                .command(1)
                .history
                .insert(2, entry("PENDING", "lost", 1));
        },
        |round| {
            round.command(1).history.remove(2);
        },
        |round| {
            round.command(1).history.remove(0);
        },
        |round| round.command(3).history.push(entry("SENT", "attempt", 9)),
        |round| round.command(1).history[3].at.ms = 1,
        |round| round.command(1).listed.as_mut().unwrap()["status"] = "SENT".into(),
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let found = promises(damage);
        assert!(found.contains(&PROMISE), "damage {number}: {found:?}");
    }
    let late = promises(|round| {
        let mut arrival = entry("TIMEOUT", "late_answer", 12);
        arrival.late = true;
        round.command(4).history.push(arrival);
    });
    assert!(late.is_empty(), "what comes late changes nothing: {late:?}");
}

#[test]
fn a_command_that_does_not_end_is_found() {
    let found = promises(|round| {
        round.command(4).view.is_final = false;
        round.counts = BTreeMap::from([
            (("SUCCESSFUL", "final"), 2),
            (("CANCELED", "final"), 1),
            (("TIMEOUT", "open"), 1),
        ]);
    });
    assert_eq!(found, ["every command ends"]);
}

#[test]
fn a_cancellation_that_did_not_hold_is_found() {
    assert_eq!(
        promises(|round| round.notes.cancelled.push(id(4))),
        ["cancelled is cancelled"]
    );
    assert_eq!(
        promises(|round| round.notes.tasks.push(vec![id(3), id(1)])),
        ["cancelled is cancelled"]
    );
    assert_eq!(
        promises(|round| round.notes.cancelled.push(id(77))),
        ["cancelled is cancelled"]
    );
}

#[test]
fn a_reading_that_was_taken_back_is_found() {
    const PROMISE: &str = "what was read stays true";
    assert_eq!(promises(|round| round.seen("TIMEOUT", 1)), [PROMISE]);
    let back = promises(|round| {
        round.seen("DELIVERED", 10);
        round.seen("SENT", 20);
    });
    assert_eq!(back, [PROMISE]);
    let onward = promises(|round| {
        round.seen("SENT", 10);
        round.seen("DELIVERED", 20);
    });
    assert!(onward.is_empty(), "{onward:?}");
}

#[test]
fn an_arrival_out_of_order_is_found() {
    assert_eq!(
        promises(|round| round.notes.received.swap(0, 1)),
        ["queued commands arrive in order"]
    );
    let repeated = promises(|round| {
        round.command(1).view.issued_times = 2;
        round.notes.received.push(Received {
            device: 0,
            token: 1,
            at: 9,
        });
    });
    assert!(repeated.is_empty(), "first receptions count: {repeated:?}");
}

#[test]
fn a_device_that_sees_what_was_not_sent_is_found() {
    const PROMISE: &str = "the unsent is unseen";
    let received = |round: &mut Round, device, token| {
        round.notes.received.push(Received {
            device,
            token,
            at: 50,
        });
    };
    let cancelled = promises(|round| received(round, 0, 3));
    assert!(cancelled.contains(&PROMISE), "{cancelled:?}");
    assert_eq!(promises(|round| received(round, 0, 99)), [PROMISE]);
    let elsewhere = promises(|round| {
        round.command(2).view.issued_times = 2;
        received(round, 1, 2);
    });
    assert_eq!(elsewhere, [PROMISE]);
    let early = promises(|round| round.command(4).history[0].cause = "accepted".into());
    assert_eq!(early, [PROMISE]);
}

#[test]
fn an_attempt_too_many_is_found() {
    const PROMISE: &str = "attempts are counted";
    let again = Received {
        device: 0,
        token: 4,
        at: 50,
    };
    assert_eq!(
        promises(|round| round.notes.received.push(again)),
        [PROMISE]
    );
    assert_eq!(
        promises(|round| round.command(4).view.issued_times = 2),
        [PROMISE]
    );
    assert_eq!(
        promises(|round| round.command(1).view.issued_times = 5),
        [PROMISE]
    );
}

#[test]
fn a_status_that_no_deed_backs_is_found() {
    const PROMISE: &str = "statuses are backed by deeds";
    assert_eq!(
        promises(|round| {
            round.notes.answers.remove(&1);
        }),
        [PROMISE]
    );
    let failed = promises(|round| {
        round.command(1).history[3] = entry("FAILED", "answered", 3);
        round.command(1).view.status = "FAILED".into();
        round.command(1).listed = Some(listed(1, "FAILED"));
    });
    assert!(failed.contains(&PROMISE), "{failed:?}");
    let delivered = promises(|round| {
        round.command(1).history[3] = entry("DELIVERED", "no_result", 3);
        round.command(1).view.status = "DELIVERED".into();
        round.command(1).listed = Some(listed(1, "DELIVERED"));
        round.notes.answers.remove(&1);
        round.notes.acknowledged.remove(&1);
    });
    assert!(delivered.contains(&PROMISE), "{delivered:?}");
    let refused = promises(|round| {
        round.command(4).history[1] = entry("FAILED", "link_refused", 1);
        round.command(4).view.status = "FAILED".into();
    });
    assert!(refused.contains(&PROMISE), "{refused:?}");
}

#[test]
fn an_acknowledged_answer_that_is_gone_is_found() {
    const PROMISE: &str = "an acknowledged answer is kept";
    let answer = Answered {
        errcode: 0,
        confirmed: true,
    };
    assert_eq!(
        promises(|round| {
            round.notes.answers.insert(4, answer);
        }),
        [PROMISE]
    );
    let late = promises(|round| {
        round.notes.answers.insert(4, answer);
        round.command(4).view.late = 1;
    });
    assert!(late.is_empty(), "{late:?}");
}

#[test]
fn something_odd_is_found() {
    assert_eq!(
        promises(|round| round.notes.odd.push("odd".into())),
        ["nothing odd happens"]
    );
}

#[test]
fn a_change_that_was_not_told_or_not_in_order_is_found() {
    const PROMISE: &str = "every change is told, in order";
    let damages: [fn(&mut Round); 6] = [
        |round| drop(round.notes.told.remove(1)),
        |round| drop(round.notes.told.pop()),
        |round| round.notes.told.swap(0, 1),
        |round| round.tell(About::Command(id(3)), "CANCELED"),
        |round| round.tell(About::Request("request_4".into()), "messageConfirm"),
        |round| round.tell(About::Command(id(77)), "SENT"),
    ];
    for damage in damages {
        assert_eq!(promises(damage), [PROMISE]);
    }
    let again = promises(|round| {
        round.tell(About::Command(id(1)), "DELIVERED");
        round.tell(About::Command(id(1)), "SUCCESSFUL");
    });
    assert_eq!(again, [""; 0], "after a crash it may be told again");
    let nothing = promises(|round| {
        round.ask(1).told = Asked::Nothing;
        round.notes.told.drain(..3);
    });
    assert_eq!(nothing, [""; 0]);
}

/// Damages a backup that was begun when everything had happened, and says which promises are found broken.
fn promises_of_a_copy(damage: impl FnOnce(&mut Round, &mut Copy)) -> Vec<&'static str> {
    let (mut round, mut copied) = (Round::good(), Round::good());
    round.counted();
    copied.counted();
    let mut copy = Copy {
        begun: 100,
        until_ms: 10,
        kept: copied.kept,
    };
    damage(&mut round, &mut copy);
    let broken = check_copy(&round.notes, &round.kept, &copy, &[DEVICE.to_owned()]);
    let mut promises: Vec<_> = broken.into_iter().map(|broken| broken.promise).collect();
    promises.dedup();
    promises
}

#[test]
fn a_backup_without_a_yes_before_it_is_found() {
    const PROMISE: &str = "a backup has every yes before it";
    assert_eq!(promises_of_a_copy(|_, _| {}), [""; 0]);
    for number in [1, 4] {
        let lost = |_: &mut Round, copy: &mut Copy| {
            copy.kept.commands.remove(&id(number));
        };
        let found = promises_of_a_copy(lost);
        assert_eq!(found, ["accepted = open + final", PROMISE]);
    }
    let later = promises_of_a_copy(|_, copy| {
        copy.kept.commands.remove(&id(4));
        copy.begun = 45;
    });
    assert_eq!(later, ["accepted = open + final"], "the yes came at 45");
}

#[test]
fn a_backup_with_what_never_was_is_found() {
    const PROMISE: &str = "what is in a backup was so";
    let damages: [fn(&mut Round, &mut Copy); 4] = [
        |round, _| drop(round.kept.commands.remove(&id(2))),
        |round, _| drop(round.command(1).history.pop()),
        |round, _| round.command(1).history[1].at = moment(7),
        |_, copy| {
            let command = copy.kept.commands.get_mut(&id(3));
            let entry = entry("CANCELED", "cancel_requested", 9);
            command.unwrap().history.push(entry);
        },
    ];
    for damage in damages {
        assert_eq!(promises_of_a_copy(damage), [PROMISE]);
    }
    // It is of an earlier moment; and who starts on it may go on from its last one in another way.
    let earlier = promises_of_a_copy(|_, copy| {
        let command = copy.kept.commands.get_mut(&id(4));
        let history = &mut command.unwrap().history;
        history[1] = entry("TIMEOUT", "no_acknowledgement", 10);
        history.push(entry("TIMEOUT", "no_acknowledgement", 11));
    });
    assert_eq!(earlier, [""; 0]);
}

#[test]
fn what_is_old_and_still_kept_is_found() {
    let (before, mut after) = (Round::good().kept, Round::good().kept);
    let found = check_forgetting(&before, &after);
    assert_eq!(found.len(), 4);
    assert_eq!(found[0].promise, "what is old is forgotten");
    after.commands.clear();
    assert_eq!(check_forgetting(&before, &after), []);
}

#[test]
fn what_was_forgotten_is_checked_like_what_is_kept() {
    let mut today = Round::good();
    let before = today.kept.clone();
    let forgotten = today.kept.commands.remove(&id(1));
    assert!(forgotten.is_some());
    today.kept = today.kept.with(&before);
    assert_eq!(today.broken(), []);
}
