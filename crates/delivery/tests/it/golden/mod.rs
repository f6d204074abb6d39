//! The golden page: every state, every event, before, at and after every deadline, as the heart decides it.
//!
//! The page is `docs/transitions.md`. It is written for people; the test holds the heart to it. `UPDATE=1` writes it anew, and
//! the difference is then to be read before it is committed.

mod cell;
mod scenes;

use crate::support::*;
use cell::cell;
use delivery::{
    Arrival, Command, Ending, Input, Kind, Moment, SessionId, State, Submission, Verdict, Who,
};
use scenes::{Scene, scenes};
use std::fmt::Write;
use std::path::Path;

const HEAD: &str = "\
# Every transition of a command

This page is generated from the heart (`crates/delivery`) by its test `golden`, which fails when the heart decides otherwise.
To write it anew: `UPDATE=1 cargo test -p delivery --test it golden`, then read the difference. The rules are in `rulings.md`;
numbers such as R1.5 point there.

Each section is a state in which a command can stand. Rows are what happens, columns are when: one millisecond before, at, and
one millisecond after each deadline of that state, no turn having been taken since the state was entered. What gives the same
stands together. A cell tells the one turn that follows:

- `DELIVERED acknowledged`: the history's new entries, status and cause;
- `sends #2`: the attempt that leaves, once the turn is on disk;
- `then …`: what it waits for next, and for how long (`attempt in 12 s` …; nothing is said if that has not changed);
- `granted`, `refused …`: the reply to a request; `unmatched`: what arrived belongs to no open command;
- `other: …`: what becomes of other commands of the device; `closes`: the session is closed;
- `·`: nothing.

All windows are fixed here for the sake of reading: repetitions after 12, 25 and 50 s, TIMEOUT 100 s after the last attempt.
";

/// What can happen to a command that has not ended.
fn events(scene: &mut Scene) -> Vec<(&'static str, Input)> {
    let bench = &mut scene.bench;
    let command = scene.id;
    let (mid, issued) = (bench.open(command).mid, bench.open(command).issued);
    let session = SessionId(1);
    let answered = |verdict, off_profile| Input::Answered {
        mid,
        answer: delivery::Answer {
            verdict,
            detail: None,
            off_profile,
        },
    };
    let another = bench.submission(QUEUED);
    vec![
        (
            "nothing",
            Input::Unreachable {
                session: SessionId(0),
            },
        ),
        ("the device is heard", Input::Heard),
        ("reachable", reachable(2, true)),
        ("reachable, unconfirmed", reachable(2, false)),
        ("unreachable", Input::Unreachable { session }),
        ("acknowledged", Input::Acked { command }),
        ("answered: done", answered(Verdict::Success, false)),
        (
            "answered: done, off profile",
            answered(Verdict::Success, true),
        ),
        ("answered: not done", answered(Verdict::Failure, false)),
        (
            "answered: not done, off profile",
            answered(Verdict::Failure, true),
        ),
        (
            "answered: undecodable",
            answered(Verdict::Undecodable, false),
        ),
        (
            "this attempt is lost",
            Input::Lost {
                command,
                attempt: issued,
                session,
            },
        ),
        (
            "another attempt is lost",
            Input::Lost {
                command,
                attempt: issued + 1,
                session,
            },
        ),
        (
            "it is to be cancelled",
            Input::Cancel {
                ticket: bench.ticket(),
                command,
                who: OWNER,
            },
        ),
        (
            "a cancel task",
            Input::CancelAll {
                ticket: bench.ticket(),
                who: OWNER,
            },
        ),
        (
            "its creator's grant ends",
            Input::Revoke {
                ticket: bench.ticket(),
                app: APP,
                who: Who::Operator,
            },
        ),
        (
            "the device is deleted",
            Input::Delete {
                ticket: bench.ticket(),
                who: OWNER,
            },
        ),
        ("another one is submitted", bench.submit_input(another)),
    ]
}

/// The columns of a scene: each deadline, a millisecond before, at and after it.
fn moments(scene: &Scene) -> Vec<(String, Moment)> {
    let mut columns = Vec::new();
    for (name, at) in scene.deadlines() {
        let before = Moment::from_millis(at.as_millis() - 1);
        columns.push((format!("before {name}"), before));
        columns.push((format!("at {name}"), at));
        columns.push((format!("after {name}"), at + ms(1)));
    }
    columns
}

fn section(page: &mut String, mut scene: Scene) {
    let columns = moments(&scene);
    writeln!(page, "\n## {}\n\n{}\n", scene.title, scene.text).expect("a string takes everything");
    let mut table = Table::new(columns.iter().map(|(name, _)| name.clone()).collect());
    for (event, input) in events(&mut scene) {
        let cells = columns.iter().map(|(_, now)| {
            let mut bench = scene.bench.clone();
            bench.now = *now;
            let before = bench.lane.clone();
            let taken = bench.take(vec![input.clone()]);
            cell(&before, &taken, scene.id, *now)
        });
        table.row(event, cells.collect());
    }
    table.write(page, "what happens");
}

/// A table in which what is the same stands once.
struct Table {
    columns: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
}

impl Table {
    const fn new(columns: Vec<String>) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    /// Adds a row; under one name with an earlier one that says the same.
    fn row(&mut self, name: &str, cells: Vec<String>) {
        match self.rows.iter_mut().find(|(_, earlier)| *earlier == cells) {
            Some((names, _)) => {
                names.push_str(" / ");
                names.push_str(name);
            }
            None => self.rows.push((name.to_owned(), cells)),
        }
    }

    /// Writes it; neighbouring columns that say the same become one.
    fn write(mut self, page: &mut String, first: &str) {
        for at in (1..self.columns.len()).rev() {
            if self
                .rows
                .iter()
                .all(|(_, cells)| cells[at - 1] == cells[at])
            {
                let name = self.columns.remove(at);
                self.columns[at - 1].push_str(", ");
                self.columns[at - 1].push_str(&name);
                for (_, cells) in &mut self.rows {
                    cells.remove(at);
                }
            }
        }
        header(page, first, &self.columns);
        for (name, cells) in &self.rows {
            row(page, name, cells);
        }
    }
}

fn header(page: &mut String, first: &str, names: &[String]) {
    let rule = "|---".repeat(names.len() + 1);
    writeln!(page, "| {first} | {} |\n{rule}|", names.join(" | "))
        .expect("a string takes everything");
}

fn row(page: &mut String, first: &str, cells: &[String]) {
    writeln!(page, "| {first} | {} |", cells.join(" | ")).expect("a string takes everything");
}

/// How a lane can stand when a command is submitted.
fn circumstances() -> Vec<(&'static str, Bench)> {
    let mut unconfirmed = Bench::away();
    unconfirmed.take(vec![reachable(1, false)]);
    let mut busy = Bench::reachable();
    busy.submit(QUEUED);
    let mut pending = Bench::away();
    (0..20).for_each(|_| drop(pending.submit(QUEUED)));
    let mut full = Bench::reachable();
    full.rules.open_max = 1;
    full.submit(QUEUED);
    let mut room = full.clone();
    let head = room.lane.open[0].id;
    room.ack(head);
    let mut silent = Bench::away();
    silent.jump_to(secs(7 * 86_400 - 3600));
    let mut deleted = Bench::reachable();
    deleted.delete();
    vec![
        ("the device is away", Bench::away()),
        ("reachable", Bench::reachable()),
        ("reachable, unconfirmed", unconfirmed),
        ("reachable, the line is busy", busy),
        ("20 are pending, away", pending),
        ("the lane is full, one is delivered", room),
        ("the lane is full, none is delivered", full),
        ("silent for 7 days, away", silent),
        ("the device was deleted", deleted),
    ]
}

fn births(page: &mut String) {
    let text =
        "What becomes of a submission, by how the device and its lane stand (R1.9, R1.12, R1.14).";
    writeln!(page, "\n## Not there yet\n\n{text}\n").expect("a string takes everything");
    let kinds = [
        ("queued", QUEUED),
        ("immediate", Kind::Immediate),
        ("direct, confirmed", DIRECT),
        ("direct, unconfirmed", Kind::Direct { confirm: false }),
    ];
    let mut table = Table::new(kinds.iter().map(|(name, _)| (*name).to_owned()).collect());
    for (name, bench) in circumstances() {
        for encodable in [true, false] {
            let name = if encodable {
                name.to_owned()
            } else {
                format!("{name}; not encodable")
            };
            let cells = kinds
                .iter()
                .map(|(_, kind)| born(bench.clone(), *kind, encodable));
            table.row(&name, cells.collect());
        }
    }
    table.write(page, "the lane");
}

fn born(mut bench: Bench, kind: Kind, encodable: bool) -> String {
    scenes::fix_windows(&mut bench.rules);
    let submission = Submission {
        encodable,
        ..bench.submission(kind)
    };
    let id = submission.id;
    let input = bench.submit_input(submission);
    let before = bench.lane.clone();
    let taken = bench.take(vec![input]);
    cell(&before, &taken, id, bench.now)
}

/// A command that ended so.
fn ended(ending: Ending) -> (Bench, Command) {
    let mut bench = Bench::reachable();
    scenes::fix_windows(&mut bench.rules);
    if matches!(ending, Ending::Cancelled | Ending::Expired) {
        bench.leave(1);
    }
    let (id, _) = bench.submit(queued(600));
    let taken = match ending {
        Ending::Settled => {
            bench.ack(id);
            bench.pass_to(secs(48 * 3600)).pop().expect("it is settled")
        }
        Ending::Succeeded => bench.answer(id, yes()),
        Ending::Failed => bench.answer(id, verdict(Verdict::Failure)),
        Ending::Cancelled => bench.cancel(id),
        Ending::Expired | Ending::TimedOut => bench.pass_to(secs(600)).pop().expect("it ended"),
    };
    let command = changed(&taken, id).clone();
    assert_eq!(command.state, State::Ended(ending));
    (bench, command)
}

fn endings(page: &mut String) {
    let text = "Nothing changes an end any more. What still arrives is first unmatched; the caller looks for the ended command \
                and brings it back as *late* (R1.8, R6.7).";
    writeln!(page, "\n## Ended\n\n{text}\n").expect("a string takes everything");
    let kinds = [
        Ending::Settled,
        Ending::Succeeded,
        Ending::Failed,
        Ending::Cancelled,
        Ending::Expired,
        Ending::TimedOut,
    ];
    let names: Vec<_> = kinds
        .iter()
        .map(|e| format!("{e:?}").to_lowercase())
        .collect();
    header(page, "what happens", &names);
    let row_of = |page: &mut String, event, input: &dyn Fn(&mut Bench, &Command) -> Input| {
        let cells: Vec<_> = kinds
            .iter()
            .map(|ending| {
                let (mut bench, command) = ended(*ending);
                let input = input(&mut bench, &command);
                let before = bench.lane.clone();
                let taken = bench.take(vec![input]);
                cell(&before, &taken, command.id, bench.now)
            })
            .collect();
        row(page, event, &cells);
    };
    let late = |command: &Command, arrival| Input::Late {
        command: Box::new(command.clone()),
        arrival,
    };
    row_of(page, "acknowledged", &|_, c| Input::Acked { command: c.id });
    row_of(page, "answered", &|_, c| Input::Answered {
        mid: c.mid,
        answer: yes(),
    });
    row_of(page, "late: acknowledged", &|_, c| late(c, Arrival::Ack));
    row_of(page, "late: answered", &|_, c| {
        late(c, Arrival::Answer(yes()))
    });
    row_of(page, "its attempt is lost", &|_, c| Input::Lost {
        command: c.id,
        attempt: c.issued,
        session: SessionId(1),
    });
    row_of(page, "it is to be cancelled", &|b, c| Input::Cancel {
        ticket: b.ticket(),
        command: c.id,
        who: OWNER,
    });
    row_of(page, "a cancel task", &|b, _| Input::CancelAll {
        ticket: b.ticket(),
        who: OWNER,
    });
    row_of(page, "the device is deleted", &|b, _| Input::Delete {
        ticket: b.ticket(),
        who: OWNER,
    });
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    births(&mut page);
    for scene in scenes() {
        section(&mut page, scene);
    }
    endings(&mut page);
    page
}

#[test]
fn every_transition_is_as_the_page_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/transitions.md");
    let now = page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &now).expect("the page can be written");
    }
    let kept = std::fs::read_to_string(&path).expect("docs/transitions.md is there");
    let differs = kept
        .lines()
        .zip(now.lines())
        .find(|(kept, now)| kept != now);
    assert_eq!(
        differs, None,
        "the heart decides otherwise than docs/transitions.md says"
    );
    assert_eq!(kept, now);
}

#[test]
fn the_page_knows_every_status_and_cause_that_a_single_turn_can_bring() {
    let page = page();
    for cause in delivery::Cause::ALL {
        assert!(page.contains(cause.name()), "{}", cause.name());
    }
}
