//! Generated inboxes: whatever comes in, in whatever order, no promise breaks and nothing panics.

use crate::support::*;
use delivery::{
    Answer, AppKey, Arrival, Command, CommandId, Input, Kind, Mid, Moment, Retransmit, Rules,
    SessionId, Submission, Verdict, Who, Window, turn,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::Duration;

/// Something that happens, before it is known which commands there are.
#[derive(Debug, Clone)]
enum Happening {
    Pass(u64),
    Reachable(u64, bool),
    Unreachable(u64),
    Acked(usize),
    Answered(usize, u8, bool),
    Lost(usize, u8, u64),
    Heard,
    Late(usize, bool),
    Submit(Kind, u8, bool, bool),
    Again,
    Cancel(usize),
    CancelAll,
    Revoke,
    Delete,
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        4 => (0u64..200_000).prop_map(|ms| Kind::Queued { expire_after: Duration::from_millis(ms) }),
        2 => Just(Kind::Immediate),
        1 => any::<bool>().prop_map(|confirm| Kind::Direct { confirm }),
    ]
}

fn happenings() -> impl Strategy<Value = Happening> {
    let spans = prop_oneof![0u64..50, 0u64..30_000, 0u64..400_000, Just(200_000_000)];
    prop_oneof![
        6 => spans.prop_map(Happening::Pass),
        4 => (0u64..6, any::<bool>()).prop_map(|(s, c)| Happening::Reachable(s, c)),
        2 => (0u64..6).prop_map(Happening::Unreachable),
        4 => (0usize..40).prop_map(Happening::Acked),
        4 => (0usize..40, 0u8..3, any::<bool>()).prop_map(|(c, v, o)| Happening::Answered(c, v, o)),
        2 => (0usize..40, 0u8..6, 0u64..6).prop_map(|(c, a, s)| Happening::Lost(c, a, s)),
        1 => Just(Happening::Heard),
        2 => (0usize..40, any::<bool>()).prop_map(|(c, a)| Happening::Late(c, a)),
        8 => (kinds(), any::<u8>(), any::<bool>(), any::<bool>()).prop_map(|(k, r, e, a)| Happening::Submit(k, r, e, a)),
        1 => Just(Happening::Again),
        3 => (0usize..40).prop_map(Happening::Cancel),
        1 => Just(Happening::CancelAll),
        1 => Just(Happening::Revoke),
        1 => Just(Happening::Delete).prop_filter("rare", |_| true),
    ]
}

/// A bench that knows every command it ever had.
struct Memory {
    bench: Bench,
    known: Vec<(CommandId, Mid)>,
    ended: Vec<Command>,
    last: Option<Submission>,
}

impl Memory {
    fn input(&mut self, happening: &Happening) -> Option<Input> {
        let known = |at: usize| self.known.get(at % self.known.len().max(1)).copied();
        Some(match happening {
            Happening::Pass(_) => return None,
            Happening::Reachable(session, confirms) => reachable(*session, *confirms),
            Happening::Unreachable(session) => Input::Unreachable {
                session: SessionId(*session),
            },
            Happening::Acked(at) => Input::Acked {
                command: known(*at)?.0,
            },
            Happening::Answered(at, judgement, off_profile) => {
                let verdict = [Verdict::Success, Verdict::Failure, Verdict::Undecodable];
                let verdict = verdict[usize::from(*judgement)];
                let answer = Answer {
                    verdict,
                    detail: None,
                    off_profile: *off_profile,
                };
                Input::Answered {
                    mid: known(*at)?.1,
                    answer,
                }
            }
            Happening::Lost(at, attempt, session) => Input::Lost {
                command: known(*at)?.0,
                attempt: *attempt,
                session: SessionId(*session),
            },
            Happening::Heard => Input::Heard,
            Happening::Late(at, answered) => {
                let command = self.ended.get(at % self.ended.len().max(1))?.clone();
                let arrival = if *answered {
                    Arrival::Answer(yes())
                } else {
                    Arrival::Ack
                };
                Input::Late {
                    command: Box::new(command),
                    arrival,
                }
            }
            Happening::Submit(kind, retransmit_max, encodable, answer_expected) => {
                let submission = Submission {
                    retransmit_max: *retransmit_max,
                    encodable: *encodable,
                    answer_expected: *answer_expected,
                    ..self.bench.submission(*kind)
                };
                self.known.push((submission.id, submission.mid));
                self.last = Some(submission.clone());
                self.bench.submit_input(submission)
            }
            Happening::Again => {
                let last = self
                    .last
                    .clone()
                    .filter(|s| self.bench.lane.find(s.id).is_some())?;
                self.bench.submit_input(last)
            }
            Happening::Cancel(at) => {
                let command = known(*at)?.0;
                Input::Cancel {
                    ticket: self.bench.ticket(),
                    command,
                    who: OWNER,
                }
            }
            Happening::CancelAll => Input::CancelAll {
                ticket: self.bench.ticket(),
                who: OWNER,
            },
            Happening::Revoke => Input::Revoke {
                ticket: self.bench.ticket(),
                app: APP,
                who: OWNER,
            },
            Happening::Delete => Input::Delete {
                ticket: self.bench.ticket(),
                who: Who::Operator,
            },
        })
    }

    fn take(&mut self, inbox: Vec<Input>) {
        let taken = self.bench.take(inbox);
        for change in taken.changes {
            self.ended.retain(|c| c.id != change.command.id);
            if change.command.has_ended() {
                self.ended.push(change.command);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_inbox_breaks_a_promise(
        turns in vec(vec(happenings(), 0..6), 0..40),
        strict in any::<bool>(),
        pending_max in 0usize..6,
        open_max in 0usize..8,
    ) {
        let mut memory = Memory { bench: Bench::away(), known: Vec::new(), ended: Vec::new(), last: None };
        memory.bench.rules.retransmit = if strict { Retransmit::Strict } else { Retransmit::Patient };
        memory.bench.rules.pending_max = pending_max;
        memory.bench.rules.open_max = open_max;
        for happenings in turns {
            for happening in &happenings {
                if let Happening::Pass(ms) = happening {
                    memory.bench.now = memory.bench.now + Duration::from_millis(*ms);
                }
            }
            let inbox = happenings.iter().filter_map(|h| memory.input(h)).collect();
            memory.take(inbox);
        }
        // Left alone, every command comes to its end.
        let mut steps = 0;
        while let Some(at) = memory.bench.lane.wake_at(&memory.bench.rules) {
            memory.bench.now = at.max(memory.bench.now);
            memory.take(Vec::new());
            steps += 1;
            prop_assert!(steps < 2000, "it does not end");
        }
        prop_assert!(memory.bench.lane.open.is_empty());
    }

    #[test]
    fn what_different_commands_hear_may_come_in_any_order(
        reports in Just((0..8usize).collect::<Vec<_>>()).prop_shuffle(),
        answered in vec(any::<bool>(), 8),
    ) {
        let mut bench = Bench::reachable();
        let ids: Vec<_> = (0..8).map(|n| bench.submit(if n == 0 { QUEUED } else { Kind::Immediate }).0).collect();
        let input = |at: &usize| if answered[*at] {
            Input::Answered { mid: bench.open(ids[*at]).mid, answer: yes() }
        } else {
            Input::Acked { command: ids[*at] }
        };
        let in_order = (0..8).map(|at| input(&at)).collect();
        let shuffled = reports.iter().map(input).collect();
        let one = turn(bench.lane.clone(), in_order, &bench.rules, bench.now);
        let other = turn(bench.lane.clone(), shuffled, &bench.rules, bench.now);
        prop_assert_eq!(one, other);
    }

    #[test]
    fn nothing_makes_a_turn_panic(
        happenings in vec((happenings(), any::<u64>()), 0..60),
        windows in vec((0u64..100_000, 0u64..100_000), 4),
        spans in vec(prop_oneof![Just(0u64), 0u64..100_000, Just(u64::MAX)], 6),
        caps in (0usize..5, 0usize..5),
    ) {
        let window = |at: usize| Window {
            min: Duration::from_millis(windows[at].0),
            max: Duration::from_millis(windows[at].1),
        };
        let span = |at: usize| Duration::from_millis(spans[at]);
        let rules = Rules {
            started: Moment::from_millis(spans[0]),
            start_grace: span(1),
            resend_after: [window(0), window(1), window(2)],
            timeout_after: window(3),
            immediate_life_max: span(2),
            retransmit: if spans[3] == 0 { Retransmit::Strict } else { Retransmit::Patient },
            result_within: span(3),
            settle_after: span(4),
            pending_max: caps.0,
            open_max: caps.1,
            zombie_after: span(5),
        };
        let mut memory = Memory { bench: Bench::away(), known: Vec::new(), ended: Vec::new(), last: None };
        for (happening, now) in happenings {
            let Some(input) = memory.input(&happening) else { continue };
            // The same thing thrice, at any moment, even an earlier one, and on behalf of anybody.
            let ticket = memory.bench.ticket();
            let revoke = Input::Revoke { ticket, app: AppKey(now), who: OWNER };
            let inbox = vec![input.clone(), revoke, input.clone(), input];
            let lane = memory.bench.lane.clone();
            let taken = turn(lane, inbox, &rules, Moment::from_millis(now));
            memory.bench.lane = taken.lane;
            memory.ended.extend(taken.changes.into_iter().map(|c| c.command));
        }
    }
}
