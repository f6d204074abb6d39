//! R1.7, R1.8, R1.10, R1.11, R2.2 and R5.1: results, what comes late, cancellations, deletion, and what is owed.

use crate::support::*;
use delivery::{
    Answer, AppKey, Arrival, Cause, Command, CommandId, Ending, Granted, Input, Kind, Link,
    Refusal, SessionId, State, Status, Submission, Turn, Unmatched, Verdict, Who,
};

fn late(bench: &mut Bench, command: &Command, arrival: Arrival) -> Command {
    let input = Input::Late {
        command: Box::new(command.clone()),
        arrival,
    };
    changed(&bench.take(vec![input]), command.id).clone()
}

/// A command that ended in time-out.
fn timed_out(bench: &mut Bench) -> Command {
    let (id, _) = bench.submit(Kind::Immediate);
    let end = bench.now.since(START) + secs(200);
    let turns = bench.pass_to(end);
    changed(turns.last().expect("it ended"), id).clone()
}

fn granted(turn: &Turn) -> &Granted {
    turn.replies[0].outcome.as_ref().expect("it was granted")
}

#[test]
fn r1_7_an_acknowledgement_of_any_attempt_delivers() {
    for passed in [0, 15, 45, 105] {
        let mut bench = Bench::reachable();
        let (id, _) = bench.submit(QUEUED);
        bench.pass_to(secs(passed));
        let taken = bench.ack(id);
        assert_eq!(last(&taken, id), (Status::Delivered, Cause::Acked));
        assert_eq!(taken.wake_at, Some(bench.now + secs(48 * 3600)));
    }
}

#[test]
fn r1_7_a_second_acknowledgement_says_nothing_new() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(QUEUED);
    bench.ack(id);
    let taken = bench.ack(id);
    assert!(taken.changes.is_empty() && taken.unmatched.is_empty());
}

#[test]
fn r1_7_an_answer_before_the_acknowledgement_delivers_first() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(QUEUED);
    let taken = bench.answer(id, yes());
    assert_eq!(
        story(changed(&taken, id))[2..],
        [
            (Status::Delivered, Cause::AnswerImplies),
            (Status::Succeeded, Cause::Answered)
        ]
    );
}

#[test]
fn r1_7_the_verdict_decides_the_end() {
    let cases = [
        (Verdict::Success, false, Status::Succeeded, Cause::Answered),
        (
            Verdict::Success,
            true,
            Status::Succeeded,
            Cause::AnsweredOffProfile,
        ),
        (Verdict::Failure, false, Status::Failed, Cause::Answered),
        (
            Verdict::Failure,
            true,
            Status::Failed,
            Cause::AnsweredOffProfile,
        ),
        (
            Verdict::Undecodable,
            false,
            Status::Failed,
            Cause::Undecodable,
        ),
        (
            Verdict::Undecodable,
            true,
            Status::Failed,
            Cause::Undecodable,
        ),
    ];
    for kind in [QUEUED, Kind::Immediate, DIRECT] {
        for (verdict, off_profile, status, cause) in cases {
            let mut bench = Bench::reachable();
            let (id, _) = bench.submit(kind);
            bench.ack(id);
            let answer = Answer {
                verdict,
                detail: None,
                off_profile,
            };
            let taken = bench.answer(id, answer.clone());
            assert_eq!(last(&taken, id), (status, cause));
            assert_eq!(changed(&taken, id).answer, Some(answer));
            assert!(taken.lane.open.is_empty() && taken.lane.mids.unanswered.is_empty());
        }
    }
}

#[test]
fn r1_7_without_a_result_in_48_h_a_command_is_settled_and_stays_delivered() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(QUEUED);
    bench.ack(id);
    assert!(bench.pass_to(ms(48 * 3_600_000 - 1)).is_empty());
    let turns = bench.pass_to(secs(48 * 3600));
    let end = changed(&turns[0], id);
    assert_eq!(end.state, State::Ended(Ending::Settled));
    assert_eq!(last(&turns[0], id), (Status::Delivered, Cause::NoResult));
    assert!(turns[0].changes[0].ended());
}

#[test]
fn r1_7_where_no_result_is_expected_a_command_is_settled_after_60_s() {
    let mut bench = Bench::reachable();
    let expecting = |bench: &mut Bench| Submission {
        answer_expected: false,
        ..bench.submission(QUEUED)
    };
    let submission = expecting(&mut bench);
    let id = submission.id;
    let input = bench.submit_input(submission);
    bench.take(vec![input]);
    bench.ack(id);
    assert!(bench.pass_to(ms(59_999)).is_empty());
    let turns = bench.pass_to(secs(60));
    assert_eq!(
        last(&turns[0], id),
        (Status::Delivered, Cause::NoResultExpected)
    );
    // An answer in that time counts all the same.
    let submission = expecting(&mut bench);
    let id = submission.id;
    let input = bench.submit_input(submission);
    bench.take(vec![input]);
    bench.ack(id);
    assert_eq!(
        last(&bench.answer(id, yes()), id),
        (Status::Succeeded, Cause::Answered)
    );
}

#[test]
fn r1_7_what_never_left_cannot_be_acknowledged_or_answered() {
    let mut bench = Bench::away();
    let (pending, _) = bench.submit(QUEUED);
    let (skipped, _) = bench.submit(Kind::Immediate);
    for id in [pending, skipped] {
        let taken = bench.ack(id);
        assert!(taken.changes.is_empty());
        assert_eq!(taken.unmatched, [Unmatched::Ack(id)]);
        let mid = bench.open(id).mid;
        let taken = bench.answer(id, yes());
        assert!(taken.changes.is_empty());
        assert_eq!(taken.unmatched, [Unmatched::Answer(mid, yes())]);
    }
}

#[test]
fn r1_8_an_acknowledgement_after_the_answer_is_late_even_in_the_same_inbox() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(QUEUED);
    let mid = bench.open(id).mid;
    let answered = Input::Answered { mid, answer: yes() };
    let taken = bench.take(vec![answered, Input::Acked { command: id }]);
    assert_eq!(last(&taken, id), (Status::Succeeded, Cause::Answered));
    assert_eq!(taken.unmatched, [Unmatched::Ack(id)]);
    let ended = changed(&taken, id).clone();
    let after = late(&mut bench, &ended, Arrival::Ack);
    assert_eq!(
        *story(&after).last().expect("not empty"),
        (Status::Succeeded, Cause::LateAck)
    );
    assert_eq!((after.state, after.late), (ended.state, 1));
}

#[test]
fn r1_8_a_late_answer_is_kept_changes_no_status_and_frees_the_mid() {
    let mut bench = Bench::reachable();
    let ended = timed_out(&mut bench);
    assert_eq!(bench.lane.mids.unanswered, [ended.mid]);
    let taken = bench.take(vec![Input::Answered {
        mid: ended.mid,
        answer: yes(),
    }]);
    assert_eq!(taken.unmatched, [Unmatched::Answer(ended.mid, yes())]);
    let input = Input::Late {
        command: Box::new(ended.clone()),
        arrival: Arrival::Answer(yes()),
    };
    let taken = bench.take(vec![input]);
    let after = changed(&taken, ended.id);
    assert_eq!(after.status(), Status::TimedOut);
    assert_eq!(after.answer, Some(yes()));
    assert_eq!(
        last(&taken, ended.id),
        (Status::TimedOut, Cause::LateAnswer)
    );
    assert!(taken.keep_lane && taken.lane.mids.unanswered.is_empty());
    assert!(!taken.changes[0].ended() && !taken.changes[0].born);
    assert_eq!(after.first(Status::TimedOut), ended.first(Status::TimedOut));
    assert_eq!(
        after.first(Status::TimedOut),
        Some(ended.history[ended.history.len() - 1].at)
    );
    assert_eq!(after.first(Status::Delivered), None);
}

#[test]
fn r1_8_the_first_of_several_answers_is_kept() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(QUEUED);
    let taken = bench.answer(id, yes());
    let ended = changed(&taken, id).clone();
    let after = late(
        &mut bench,
        &ended,
        Arrival::Answer(verdict(Verdict::Failure)),
    );
    assert_eq!(
        (after.status(), after.answer.as_ref()),
        (Status::Succeeded, Some(&yes()))
    );
    let ended = timed_out(&mut bench);
    let after = late(
        &mut bench,
        &ended,
        Arrival::Answer(verdict(Verdict::Failure)),
    );
    let after = late(&mut bench, &after, Arrival::Answer(yes()));
    assert_eq!(after.answer, Some(verdict(Verdict::Failure)));
}

#[test]
fn r1_8_a_late_acknowledgement_leaves_the_mid_taken() {
    let mut bench = Bench::reachable();
    let ended = timed_out(&mut bench);
    late(&mut bench, &ended, Arrival::Ack);
    assert_eq!(bench.lane.mids.unanswered, [ended.mid]);
}

#[test]
fn r1_8_late_entries_are_bounded_and_further_ones_counted() {
    let mut bench = Bench::reachable();
    let mut command = timed_out(&mut bench);
    let before = command.history.len();
    for _ in 0..5 {
        command = late(&mut bench, &command, Arrival::Ack);
        command = late(&mut bench, &command, Arrival::Answer(yes()));
    }
    assert_eq!((command.history.len(), command.late), (before + 8, 10));
}

#[test]
fn r1_8_two_late_arrivals_in_one_inbox_are_both_kept() {
    let mut bench = Bench::reachable();
    let ended = timed_out(&mut bench);
    let late = |arrival| Input::Late {
        command: Box::new(ended.clone()),
        arrival,
    };
    let taken = bench.take(vec![late(Arrival::Ack), late(Arrival::Answer(yes()))]);
    assert_eq!(taken.changes.len(), 1);
    let after = changed(&taken, ended.id);
    assert_eq!(
        (after.late, after.history.len()),
        (2, ended.history.len() + 2)
    );
    assert_eq!(taken.changes[0].entries_before, ended.history.len());
}

#[test]
fn r1_8_of_what_was_never_sent_nothing_comes_late() {
    let mut bench = Bench::away();
    let (id, _) = bench.submit(QUEUED);
    let taken = bench.cancel(id);
    let ended = changed(&taken, id).clone();
    for arrival in [Arrival::Ack, Arrival::Answer(yes())] {
        let input = Input::Late {
            command: Box::new(ended.clone()),
            arrival,
        };
        assert!(!bench.take(vec![input]).is_durable());
    }
}

#[test]
fn r1_8_what_is_open_is_not_late() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(QUEUED);
    let open = bench.open(id).clone();
    let input = Input::Late {
        command: Box::new(open.clone()),
        arrival: Arrival::Ack,
    };
    assert!(!bench.take(vec![input]).is_durable());
    let mut ended = open.clone();
    ended.state = State::Ended(Ending::TimedOut);
    let input = Input::Late {
        command: Box::new(ended),
        arrival: Arrival::Ack,
    };
    assert!(!bench.take(vec![input]).is_durable());
    let stranger = Command {
        id: CommandId { seq: 500, tag: 0 },
        ..open
    };
    let input = Input::Late {
        command: Box::new(stranger),
        arrival: Arrival::Ack,
    };
    assert!(!bench.take(vec![input]).is_durable());
}

#[test]
fn r1_10_a_cancellation_wins_while_the_command_is_pending() {
    let mut bench = Bench::away();
    let (id, _) = bench.submit(QUEUED);
    let taken = bench.cancel(id);
    assert_eq!(
        last(&taken, id),
        (Status::Cancelled, Cause::CancelRequested)
    );
    assert_eq!(changed(&taken, id).history[1].who, OWNER);
    assert!(matches!(granted(&taken), Granted::Cancelled(c) if c.status() == Status::Cancelled));
    assert_eq!(sent(&bench.reach(1)), []);
    assert_eq!(refusal(&bench.cancel(id)), Refusal::NotPending);
}

#[test]
fn r1_10_a_cancellation_loses_to_whatever_else_the_command_is() {
    let mut bench = Bench::reachable();
    let (queued, _) = bench.submit(QUEUED);
    let (immediate, _) = bench.submit(Kind::Immediate);
    let unknown = CommandId { seq: 1, tag: 1 };
    for id in [queued, immediate, unknown] {
        let taken = bench.cancel(id);
        assert_eq!(refusal(&taken), Refusal::NotPending);
        assert!(!taken.is_durable());
    }
    bench.ack(queued);
    assert_eq!(refusal(&bench.cancel(queued)), Refusal::NotPending);
}

#[test]
fn r1_10_a_cancel_task_cancels_every_pending_command_and_shows_them_as_they_were() {
    let mut bench = Bench::reachable();
    let (sent, _) = bench.submit(QUEUED);
    let waiting: Vec<_> = (0..3).map(|_| bench.submit(QUEUED).0).collect();
    let ticket = bench.ticket();
    let taken = bench.take(vec![Input::CancelAll { ticket, who: OWNER }]);
    let Granted::CancelledAll(shown) = granted(&taken) else {
        panic!("a cancel task")
    };
    assert_eq!(shown.iter().map(|c| c.id).collect::<Vec<_>>(), waiting);
    assert!(shown.iter().all(|c| c.status() == Status::Queued));
    for id in waiting {
        assert_eq!(last(&taken, id), (Status::Cancelled, Cause::CancelTask));
    }
    assert_eq!(bench.status(sent), Status::Sent);
    let ticket = bench.ticket();
    let taken = bench.take(vec![Input::CancelAll { ticket, who: OWNER }]);
    assert_eq!(*granted(&taken), Granted::CancelledAll(Vec::new()));
    assert!(!taken.is_durable());
}

#[test]
fn r1_11_a_deletion_ends_everything_in_one_turn_and_closes_the_session() {
    let mut bench = Bench::reachable();
    let (delivered, _) = bench.submit(QUEUED);
    bench.ack(delivered);
    let (sent, _) = bench.submit(QUEUED);
    let (pending, _) = bench.submit(QUEUED);
    let taken = bench.delete();
    assert_eq!(*granted(&taken), Granted::Deleted);
    let deleted = Cause::DeviceDeleted;
    assert_eq!(last(&taken, pending), (Status::Cancelled, deleted));
    assert_eq!(last(&taken, sent), (Status::TimedOut, deleted));
    assert_eq!(last(&taken, delivered), (Status::Delivered, deleted));
    assert_eq!(
        changed(&taken, delivered).state,
        State::Ended(Ending::Settled)
    );
    assert!(taken.changes.iter().all(|c| {
        c.command
            .history
            .last()
            .is_some_and(|e| e.who == Who::Operator)
    }));
    assert_eq!(taken.close, Some(SessionId(1)));
    assert_eq!((taken.lane.link, taken.wake_at), (Link::Away, None));
    assert!(taken.keep_lane && taken.lane.deleted);
}

#[test]
fn r1_11_a_deletion_of_a_sleeping_device_closes_nothing() {
    let mut bench = Bench::away();
    let taken = bench.delete();
    assert_eq!(taken.close, None);
    assert!(taken.is_durable());
}

#[test]
fn r1_11_a_deleted_device_takes_nothing_and_is_deleted_once() {
    let mut bench = Bench::reachable();
    bench.delete();
    assert_eq!(bench.refused(QUEUED), Refusal::DeviceDeleted);
    assert_eq!(bench.refused(DIRECT), Refusal::DeviceDeleted);
    assert_eq!(refusal(&bench.delete()), Refusal::DeviceDeleted);
    let taken = bench.reach(2);
    assert_eq!(
        (taken.close, taken.lane.link),
        (Some(SessionId(2)), Link::Away)
    );
}

#[test]
fn r1_11_a_submission_before_the_deletion_in_its_inbox_is_accepted_and_cancelled() {
    let mut bench = Bench::reachable();
    let submission = bench.submission(QUEUED);
    let after = bench.submission(QUEUED);
    let id = submission.id;
    let before = bench.submit_input(submission);
    let ticket = bench.ticket();
    let delete = Input::Delete { ticket, who: OWNER };
    let after = bench.submit_input(after);
    let taken = bench.take(vec![before, delete, after]);
    assert_eq!(last(&taken, id), (Status::Cancelled, Cause::DeviceDeleted));
    assert_eq!(taken.replies[2].outcome, Err(Refusal::DeviceDeleted));
    assert_eq!(sent(&taken), []);
}

#[test]
fn r1_11_a_revoked_grant_cancels_what_that_application_has_pending() {
    let mut bench = Bench::away();
    let stranger = AppKey(8);
    let (ours, _) = bench.submit(QUEUED);
    let theirs = |bench: &mut Bench| {
        let submission = Submission {
            who: Who::Application(stranger),
            ..bench.submission(QUEUED)
        };
        let id = submission.id;
        let input = bench.submit_input(submission);
        bench.take(vec![input]);
        id
    };
    let (first, second) = (theirs(&mut bench), theirs(&mut bench));
    let ticket = bench.ticket();
    let taken = bench.take(vec![Input::Revoke {
        ticket,
        app: stranger,
        who: OWNER,
    }]);
    assert_eq!(*granted(&taken), Granted::Revoked(2));
    for id in [first, second] {
        assert_eq!(last(&taken, id), (Status::Cancelled, Cause::GrantRevoked));
    }
    assert_eq!(bench.status(ours), Status::Queued);
}

#[test]
fn r5_1_every_change_of_status_after_the_first_entry_is_owed_and_nothing_else() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(QUEUED);
    bench.pass_to(secs(15));
    bench.ack(id);
    let statuses = |c: &Command| c.owed().map(|(at, e)| (at, e.status)).collect::<Vec<_>>();
    assert_eq!(
        statuses(bench.open(id)),
        [(1, Status::Sent), (3, Status::Delivered)]
    );
    let turns = bench.pass_to(secs(49 * 3600));
    let settled = changed(&turns[0], id).clone();
    assert_eq!(
        statuses(&settled),
        [(1, Status::Sent), (3, Status::Delivered)]
    );
    let after = late(&mut bench, &settled, Arrival::Answer(yes()));
    assert_eq!(statuses(&after).len(), 2);
    // An immediate command is born SENT: that is no change.
    let (id, _) = bench.submit(Kind::Immediate);
    assert_eq!(statuses(bench.open(id)), []);
    let end = bench.answer(id, yes());
    assert_eq!(
        statuses(changed(&end, id)),
        [(2, Status::Delivered), (3, Status::Succeeded)]
    );
}

#[test]
fn r2_2_what_was_told_is_owed_no_more() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(QUEUED);
    bench.ack(id);
    let owed = |c: &Command| c.owed().map(|(at, _)| at).collect::<Vec<_>>();
    assert_eq!(owed(bench.open(id)), [1, 2]);
    bench.lane.told(id, 2);
    assert_eq!(owed(bench.open(id)), [2]);
    bench.lane.told(id, 1);
    assert_eq!(owed(bench.open(id)), [2], "what was told stays told");
    bench.lane.told(CommandId { seq: 77, tag: 0 }, 9);
    let taken = bench.answer(id, yes());
    let mut end = changed(&taken, id).clone();
    assert_eq!((end.told, owed(&end)), (2, vec![2, 3]));
    assert!(!end.is_closed());
    end.told = 4;
    assert_eq!(owed(&end), []);
    assert!(end.is_closed());
}

#[test]
fn r2_2_nothing_is_owed_to_nobody() {
    let mut bench = Bench::reachable();
    let submission = Submission {
        callback: false,
        ..bench.submission(QUEUED)
    };
    let id = submission.id;
    let input = bench.submit_input(submission);
    bench.take(vec![input]);
    assert_eq!(bench.open(id).owed().count(), 0);
    assert!(!bench.open(id).is_closed());
    let taken = bench.answer(id, yes());
    assert!(changed(&taken, id).is_closed());
}
