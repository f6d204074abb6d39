//! R1.1 to R1.4, R1.6, R1.9 and R1.13 to R1.15: kinds, births, order, serial lanes, expiry.

use crate::support::*;
use delivery::{
    AppKey, Cause, Granted, Input, Kind, Next, Refusal, State, Status, Submission, Window,
};
use std::time::Duration;

const fn sent_and(cause: Cause) -> (Status, Cause) {
    (Status::Sent, cause)
}

#[test]
fn r1_1_a_queued_command_waits_for_its_device_and_the_other_kinds_do_not() {
    let mut bench = Bench::away();
    let (kept, _) = bench.submit(QUEUED);
    let (now_or_never, _) = bench.submit(Kind::Immediate);
    assert_eq!(bench.status(kept), Status::Queued);
    assert_eq!(bench.status(now_or_never), Status::Sent);
    assert_eq!(bench.refused(DIRECT), Refusal::Offline);
}

#[test]
fn r1_1_an_expire_time_of_zero_is_an_immediate_command() {
    let mut bench = Bench::away();
    let (id, _) = bench.submit(Kind::Queued {
        expire_after: Duration::from_micros(999),
    });
    assert_eq!(bench.open(id).kind, Kind::Immediate);
    let (id, _) = bench.submit(Kind::Queued {
        expire_after: ms(1),
    });
    assert_eq!(
        bench.open(id).kind,
        Kind::Queued {
            expire_after: ms(1)
        }
    );
}

#[test]
fn r1_2_accepting_and_marking_sent_are_one_turn_when_the_device_is_reachable() {
    let mut bench = Bench::reachable();
    let (id, taken) = bench.submit(QUEUED);
    assert_eq!(
        story(accepted(&taken)),
        [(Status::Queued, Cause::Accepted), sent_and(Cause::Attempt)]
    );
    assert_eq!(sent(&taken), [(id.seq, 1)]);
}

#[test]
fn r1_2_what_links_reported_is_taken_before_deadlines() {
    let mut bench = Bench::reachable();
    let submission = Submission {
        retransmit_max: 0,
        ..bench.submission(QUEUED)
    };
    let id = submission.id;
    let input = bench.submit_input(submission);
    bench.take(vec![input]);
    let State::Sent(sent) = bench.open(id).state else {
        panic!("it is sent")
    };
    let Next::Timeout(deadline) = sent.next else {
        panic!("no attempt is left")
    };
    bench.now = deadline;
    assert_eq!(last(&bench.ack(id), id), (Status::Delivered, Cause::Acked));
}

#[test]
fn r1_2_deadlines_are_taken_before_requests() {
    let mut bench = Bench::away();
    let (id, _) = bench.submit(queued(60));
    bench.jump_to(secs(60));
    let taken = bench.cancel(id);
    assert_eq!(last(&taken, id), (Status::Expired, Cause::TooOld));
    assert_eq!(refusal(&taken), Refusal::NotPending);
}

#[test]
fn r1_2_a_cancellation_in_the_inbox_of_its_submission_comes_before_the_send() {
    let mut bench = Bench::reachable();
    let submission = bench.submission(QUEUED);
    let command = submission.id;
    let submit = bench.submit_input(submission);
    let ticket = bench.ticket();
    let taken = bench.take(vec![
        submit,
        Input::Cancel {
            ticket,
            command,
            who: OWNER,
        },
    ]);
    assert_eq!(
        last(&taken, command),
        (Status::Cancelled, Cause::CancelRequested)
    );
    assert!(taken.downlinks.is_empty());
    // The other way round the cancellation finds nothing to cancel.
    let submission = bench.submission(QUEUED);
    let command = submission.id;
    let submit = bench.submit_input(submission);
    let ticket = bench.ticket();
    let taken = bench.take(vec![
        Input::Cancel {
            ticket,
            command,
            who: OWNER,
        },
        submit,
    ]);
    assert_eq!(taken.replies[0].outcome, Err(Refusal::NotPending));
    assert_eq!(sent(&taken), [(command.seq, 1)]);
}

#[test]
fn r1_2_deadlines_are_taken_earliest_first() {
    let mut bench = Bench::reachable();
    let timing_out = |bench: &mut Bench, wait: u64| {
        bench.rules.timeout_after = Window::seconds(wait, wait);
        let submission = Submission {
            retransmit_max: 0,
            ..bench.submission(Kind::Immediate)
        };
        let mid = submission.mid;
        let input = bench.submit_input(submission);
        bench.take(vec![input]);
        mid
    };
    let (second, first) = (timing_out(&mut bench, 90), timing_out(&mut bench, 80));
    bench.jump_to(secs(100));
    let taken = bench.alarm();
    assert_eq!(taken.lane.mids.unanswered, [first, second]);
}

#[test]
fn r1_3_no_lost_link_takes_a_command_from_sent_back_to_pending() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(QUEUED);
    let taken = bench.lose(id, 1);
    assert_eq!(last(&taken, id), sent_and(Cause::Lost));
    assert_eq!(bench.open(id).issued, 0);
    assert_eq!(refusal(&bench.cancel(id)), Refusal::NotPending);
    bench.leave(1);
    assert_eq!(bench.status(id), Status::Sent);
}

#[test]
fn r1_3_a_sent_command_whose_time_is_up_times_out_and_does_not_expire() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(queued(600));
    bench.leave(1);
    let turns = bench.pass_to(secs(600));
    assert_eq!(
        last(turns.last().expect("it ended"), id),
        (Status::TimedOut, Cause::NoAck)
    );
    assert!(bench.lane.open.is_empty());
}

#[test]
fn r1_4_queued_commands_leave_one_at_a_time_in_order_of_acceptance() {
    let mut bench = Bench::away();
    let ids: Vec<_> = (0..3).map(|_| bench.submit(QUEUED).0).collect();
    assert_eq!(sent(&bench.reach(1)), [(ids[0].seq, 1)]);
    // The next leaves in the turn in which the one before is delivered …
    assert_eq!(sent(&bench.ack(ids[0])), [(ids[1].seq, 1)]);
    // … or has ended; the first one's result is not waited for.
    assert_eq!(sent(&bench.answer(ids[1], yes())), [(ids[2].seq, 1)]);
}

#[test]
fn r1_4_a_command_without_acknowledgement_blocks_the_line_until_it_times_out() {
    let mut bench = Bench::reachable();
    let (head, _) = bench.submit(QUEUED);
    let (behind, taken) = bench.submit(QUEUED);
    assert_eq!(sent(&taken), []);
    assert_eq!(accepted(&taken).status(), Status::Queued);
    let turns = bench.pass_to(secs(300));
    let sends: Vec<_> = turns.iter().flat_map(sent).collect();
    assert_eq!(
        sends[..4],
        [(head.seq, 2), (head.seq, 3), (head.seq, 4), (behind.seq, 1)]
    );
}

#[test]
fn r1_4_a_blocked_command_expires_while_it_waits() {
    let mut bench = Bench::reachable();
    bench.submit(QUEUED);
    bench.leave(1);
    let (behind, _) = bench.submit(queued(60));
    let turns = bench.pass_to(secs(60));
    assert_eq!(
        last(turns.last().expect("it ended"), behind),
        (Status::Expired, Cause::TooOld)
    );
}

#[test]
fn r1_4_immediate_and_direct_commands_stand_outside_the_line() {
    let mut bench = Bench::reachable();
    bench.submit(QUEUED);
    let (immediate, taken) = bench.submit(Kind::Immediate);
    assert_eq!(sent(&taken), [(immediate.seq, 1)]);
    let (direct, taken) = bench.submit(DIRECT);
    assert_eq!(sent(&taken), [(direct.seq, 1)]);
    // Nor do they block it.
    let mut bench = Bench::reachable();
    bench.submit(Kind::Immediate);
    let (kept, taken) = bench.submit(QUEUED);
    assert_eq!(sent(&taken), [(kept.seq, 1)]);
}

#[test]
fn r1_4_a_submission_that_overtook_another_was_accepted_first() {
    let mut bench = Bench::away();
    let (early, late) = (bench.submission(QUEUED), bench.submission(QUEUED));
    let (low, high) = (early.id, late.id);
    let input = bench.submit_input(late);
    bench.take(vec![input]);
    bench.jump_to(ms(1));
    let input = bench.submit_input(early);
    bench.take(vec![input]);
    assert_eq!(sent(&bench.reach(1)), [(high.seq, 1)]);
    assert_eq!(sent(&bench.ack(high)), [(low.seq, 1)]);
}

#[test]
fn r1_6_a_pending_command_expires_when_its_time_is_up() {
    let mut bench = Bench::away();
    let (id, taken) = bench.submit(queued(60));
    assert_eq!(taken.wake_at, Some(START + secs(60)));
    bench.jump_to(ms(59_999));
    assert!(!bench.alarm().is_durable());
    bench.jump_to(secs(60));
    let taken = bench.reach(1);
    assert_eq!(last(&taken, id), (Status::Expired, Cause::TooOld));
    assert_eq!(sent(&taken), []);
}

#[test]
fn r1_6_just_before_its_time_is_up_a_pending_command_is_sent() {
    let mut bench = Bench::away();
    let (id, _) = bench.submit(queued(60));
    bench.jump_to(ms(59_999));
    assert_eq!(sent(&bench.reach(1)), [(id.seq, 1)]);
}

#[test]
fn r1_9_the_reply_shows_the_committed_state_and_the_history_begins_with_pending() {
    let mut bench = Bench::reachable();
    let (_, taken) = bench.submit(QUEUED);
    let shown = accepted(&taken);
    assert_eq!(shown.status(), Status::Sent);
    assert_eq!(shown.history[0].status, Status::Queued);
    assert_eq!(shown.history[0].attempt, 0);
    assert_eq!(shown.first(Status::Queued), Some(START));
    assert_eq!(*shown, taken.changes[0].command);
}

#[test]
fn r1_13_the_creator_stands_in_the_first_entry_even_of_what_could_not_be_sent() {
    let stranger = delivery::Who::Application(AppKey(8));
    for kind in [QUEUED, Kind::Immediate, DIRECT] {
        for encodable in [true, false] {
            let mut bench = Bench::reachable();
            let submission = Submission {
                who: stranger,
                encodable,
                ..bench.submission(kind)
            };
            let input = bench.submit_input(submission);
            let taken = bench.take(vec![input]);
            assert_eq!(accepted(&taken).app, APP);
            assert_eq!(accepted(&taken).history[0].who, stranger);
        }
    }
}

#[test]
fn r1_14_what_cannot_be_encoded_has_failed_and_no_byte_left() {
    for (kind, entries) in [(QUEUED, 2), (Kind::Immediate, 1), (DIRECT, 1)] {
        let mut bench = Bench::reachable();
        let submission = Submission {
            encodable: false,
            ..bench.submission(kind)
        };
        let id = submission.id;
        let input = bench.submit_input(submission);
        let taken = bench.take(vec![input]);
        let end = accepted(&taken);
        assert_eq!(
            (end.status(), end.issued, end.history.len()),
            (Status::Failed, 0, entries)
        );
        assert_eq!(last(&taken, id), (Status::Failed, Cause::NotEncodable));
        assert_eq!(sent(&taken), []);
        assert!(
            taken.lane.mids.unanswered.is_empty(),
            "no answer can come for it"
        );
        assert!(taken.changes[0].ended() && taken.changes[0].born);
    }
}

#[test]
fn r1_15_a_submission_that_comes_twice_stands_as_it_is_and_leaves_once() {
    let mut bench = Bench::reachable();
    let submission = bench.submission(QUEUED);
    let first = bench.submit_input(submission.clone());
    let second = bench.submit_input(submission.clone());
    let taken = bench.take(vec![first, second]);
    assert_eq!(sent(&taken), [(submission.id.seq, 1)]);
    assert_eq!(taken.replies[0].outcome, taken.replies[1].outcome);
    bench.ack(submission.id);
    let third = bench.submit_input(submission.clone());
    let taken = bench.take(vec![third]);
    assert!(!taken.is_durable() && taken.downlinks.is_empty());
    assert_eq!(accepted(&taken).status(), Status::Delivered);
}

#[test]
fn r1_15_a_submission_that_failed_in_the_same_inbox_is_shown_again() {
    let mut bench = Bench::reachable();
    let submission = Submission {
        encodable: false,
        ..bench.submission(QUEUED)
    };
    let first = bench.submit_input(submission.clone());
    let second = bench.submit_input(submission);
    let taken = bench.take(vec![first, second]);
    assert_eq!(taken.changes.len(), 1);
    assert!(matches!(&taken.replies[1].outcome, Ok(Granted::Accepted(c)) if c.has_ended()));
}
