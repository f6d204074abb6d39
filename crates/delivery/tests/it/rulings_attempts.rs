//! R1.5: attempts, their moments, and how they end.

use crate::support::*;
use delivery::{
    Cause, CommandId, Input, Kind, Next, Retransmit, SessionId, State, Status, Submission, Window,
};
use std::time::Duration;

const fn sent_and(cause: Cause) -> (Status, Cause) {
    (Status::Sent, cause)
}

/// The moments of a command's attempts, as spans from the start.
fn attempts(bench: &Bench, id: CommandId) -> Vec<Duration> {
    let history = bench.open(id).history.iter();
    history
        .filter(|e| e.cause == Cause::Attempt)
        .map(|e| e.at.since(START))
        .collect()
}

fn within(span: Duration, min: u64, max: u64) -> bool {
    (secs(min)..=secs(max)).contains(&span)
}

#[test]
fn r1_5_attempts_are_repeated_after_growing_waits_and_then_time_out() {
    let mut bench = Bench::reachable();
    for kind in [QUEUED, Kind::Immediate] {
        let (id, _) = bench.submit(kind);
        let born = bench.now.since(START);
        bench.pass_to(born + secs(105));
        let at = attempts(&bench, id);
        assert_eq!(at.len(), 4);
        assert_eq!(at[0], born);
        assert!(within(at[1].saturating_sub(at[0]), 10, 15), "{at:?}");
        assert!(within(at[2].saturating_sub(at[1]), 20, 30), "{at:?}");
        assert!(within(at[3].saturating_sub(at[2]), 40, 60), "{at:?}");
        let State::Sent(state) = bench.open(id).state else {
            panic!("it is sent")
        };
        let Next::Timeout(deadline) = state.next else {
            panic!("no attempt is left")
        };
        assert!(within(deadline.since(START + at[3]), 80, 120));
        bench.now = deadline;
        assert_eq!(last(&bench.alarm(), id), (Status::TimedOut, Cause::NoAck));
    }
}

#[test]
fn r1_5_the_caller_chooses_how_often_an_attempt_is_repeated_up_to_three_times() {
    for (asked, attempts) in [(0, 1), (1, 2), (2, 3), (3, 4), (4, 4), (255, 4)] {
        let mut bench = Bench::reachable();
        let submission = Submission {
            retransmit_max: asked,
            ..bench.submission(QUEUED)
        };
        let id = submission.id;
        let input = bench.submit_input(submission);
        bench.take(vec![input]);
        let turns = bench.pass_to(secs(600));
        let end = changed(turns.last().expect("it ended"), id);
        assert_eq!(
            (end.status(), end.issued),
            (Status::TimedOut, attempts),
            "asked for {asked}"
        );
    }
}

#[test]
fn r1_5_a_replay_gives_the_same_moments_and_another_command_others() {
    let schedule = |tag| {
        let mut bench = Bench::reachable();
        let submission = bench.submission(QUEUED);
        let id = CommandId {
            tag,
            ..submission.id
        };
        let input = bench.submit_input(Submission { id, ..submission });
        bench.take(vec![input]);
        bench.pass_to(secs(105));
        attempts(&bench, id)
    };
    assert_eq!(schedule(1), schedule(1));
    assert_ne!(schedule(1), schedule(2));
}

#[test]
fn r1_5_the_jitter_reaches_both_ends_of_its_window() {
    let mut waits = Vec::new();
    for tag in 0..2000 {
        let mut bench = Bench::reachable();
        bench.rules.resend_after[0] = Window {
            min: ms(10),
            max: ms(12),
        };
        let submission = bench.submission(QUEUED);
        let id = CommandId {
            tag,
            ..submission.id
        };
        let input = bench.submit_input(Submission { id, ..submission });
        waits.push(
            bench
                .take(vec![input])
                .wake_at
                .expect("it is open")
                .since(START)
                .as_millis(),
        );
    }
    for wait in 10..=12 {
        let hits = waits.iter().filter(|w| **w == wait).count();
        assert!((500..850).contains(&hits), "{wait} ms: {hits} of 2000");
    }
    assert!(waits.iter().all(|w| (10..=12).contains(w)));
}

#[test]
fn r1_5_the_jitter_of_an_attempt_is_the_same_in_every_version() {
    let wide = Window {
        min: ms(0),
        max: ms(1 << 60),
    };
    let wait = |id: CommandId, repeats: u8, passed: u64| {
        let mut bench = Bench::reachable();
        bench.rules.resend_after = [wide; 3];
        bench.rules.timeout_after = wide;
        let expire_after = Duration::from_millis(u64::MAX);
        let submission = bench.submission(Kind::Queued { expire_after });
        let input = bench.submit_input(Submission {
            id,
            retransmit_max: repeats,
            ..submission
        });
        let mut wake = bench.take(vec![input]).wake_at;
        for _ in 0..passed {
            bench.now = wake.expect("an attempt is due");
            wake = bench.alarm().wake_at;
        }
        wake.expect("it is open").since(bench.now).as_millis()
    };
    let id = |seq, tag| CommandId { seq, tag };
    assert_eq!(wait(id(1, 0), 3, 0), 790_356_839_277_047_475);
    assert_eq!(wait(id(1 << 56, 0), 3, 0), 153_307_352_162_749_857);
    assert_eq!(
        wait(id(1, 0x0123_4567_89ab_cdef), 3, 0),
        329_340_298_242_630_302
    );
    assert_eq!(
        wait(id(0xfedc_ba98_7654_3210, 0x0123_4567_89ab_cdef), 3, 1),
        614_459_403_061_111_522
    );
    assert_eq!(
        wait(id(0xfedc_ba98_7654_3210, 0x0123_4567_89ab_cdef), 3, 2),
        17_935_496_903_341_428
    );
    assert_eq!(
        wait(id(0xfedc_ba98_7654_3210, 0x0123_4567_89ab_cdef), 0, 0),
        1_080_174_144_578_114_127
    );
}

#[test]
fn r1_5_an_attempt_that_is_due_while_the_device_sleeps_leaves_when_it_wakes() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(QUEUED);
    bench.leave(1);
    assert!(
        bench.pass_to(secs(7200)).is_empty(),
        "nothing is decided meanwhile"
    );
    assert_eq!(sent(&bench.reach(2)), [(id.seq, 2)]);
    assert_eq!(attempts(&bench, id), [secs(0), secs(7200)]);
}

#[test]
fn r1_5_an_attempt_that_is_not_yet_due_does_not_leave_early() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(QUEUED);
    bench.leave(1);
    bench.pass_to(secs(9));
    let taken = bench.reach(2);
    assert_eq!(sent(&taken), []);
    let due = taken.wake_at.expect("an attempt is due");
    assert!(within(due.since(START), 10, 15));
    bench.now = due;
    assert_eq!(sent(&bench.alarm()), [(id.seq, 2)]);
}

#[test]
fn r1_5_no_attempt_leaves_at_or_after_the_expiry_time() {
    for (offset, sends) in [(ms(3_599_999), 1), (secs(3600), 0), (secs(3601), 0)] {
        let mut bench = Bench::reachable();
        let (id, _) = bench.submit(queued(3600));
        bench.leave(1);
        // The platform sees nothing until then: the window and the end of the time are one turn.
        bench.jump_to(offset);
        let taken = bench.reach(2);
        assert_eq!(taken.downlinks.len(), sends, "at {offset:?}");
        if sends == 0 {
            assert_eq!(last(&taken, id), (Status::TimedOut, Cause::NoAck));
        }
    }
}

#[test]
fn r1_5_an_attempt_whose_moment_would_lie_beyond_the_expiry_time_is_not_planned() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(queued(5));
    let State::Sent(state) = bench.open(id).state else {
        panic!("it is sent")
    };
    let Next::Timeout(deadline) = state.next else {
        panic!("no attempt is left")
    };
    assert!(within(deadline.since(START), 80, 120));
}

#[test]
fn r1_5_an_attempt_due_at_the_expiry_time_is_not_planned_and_one_just_before_it_is() {
    for (expire, planned) in [(10_000, false), (10_001, true)] {
        let mut bench = Bench::reachable();
        bench.rules.resend_after[0] = Window::seconds(10, 10);
        let (id, _) = bench.submit(Kind::Queued {
            expire_after: ms(expire),
        });
        let State::Sent(state) = bench.open(id).state else {
            panic!("it is sent")
        };
        assert_eq!(matches!(state.next, Next::Attempt(_)), planned);
    }
}

#[test]
fn r1_5_when_the_time_is_up_after_the_last_attempt_the_wait_is_kept() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(queued(60));
    bench.leave(1);
    let turns = bench.pass_to(secs(60));
    // The time is up, an attempt was left, and the last one is not yet 80 s old.
    assert_eq!(turns.len(), 1);
    assert_eq!(bench.status(id), Status::Sent);
    let turns = bench.pass_to(secs(120));
    assert_eq!(last(&turns[0], id), (Status::TimedOut, Cause::NoAck));
    assert!(within(
        turns[0].changes[0].command.history[2].at.since(START),
        80,
        120
    ));
}

#[test]
fn r1_5_strict_skips_what_is_due_while_the_device_sleeps() {
    let mut bench = Bench::reachable();
    bench.rules.retransmit = Retransmit::Strict;
    let (id, _) = bench.submit(QUEUED);
    bench.leave(1);
    let turns = bench.pass_to(secs(225));
    let end = changed(turns.last().expect("it ended"), id);
    let skipped = sent_and(Cause::Skipped);
    assert_eq!(
        story(end)[1..],
        [
            sent_and(Cause::Attempt),
            skipped,
            skipped,
            skipped,
            (Status::TimedOut, Cause::NoAck)
        ]
    );
    assert_eq!(end.issued, 1);
    assert!(end.history[5].at.since(START) >= secs(150));
}

#[test]
fn r1_5_strict_sends_what_is_due_while_the_device_can_be_reached() {
    let mut bench = Bench::reachable();
    bench.rules.retransmit = Retransmit::Strict;
    let (id, _) = bench.submit(QUEUED);
    bench.leave(1);
    bench.pass_to(secs(15));
    bench.reach(2);
    bench.pass_to(secs(46));
    assert_eq!(bench.open(id).issued, 2);
    assert_eq!(
        story(bench.open(id))[2..],
        [sent_and(Cause::Skipped), sent_and(Cause::Attempt)]
    );
}

#[test]
fn r1_5_strict_sends_nothing_when_the_time_is_up_however_late_the_turn_comes() {
    let mut bench = Bench::reachable();
    bench.rules.retransmit = Retransmit::Strict;
    let (id, _) = bench.submit(queued(600));
    bench.jump_to(secs(600));
    let taken = bench.alarm();
    assert_eq!(last(&taken, id), (Status::TimedOut, Cause::NoAck));
}

#[test]
fn r1_5_an_immediate_command_skips_every_slot_while_the_device_is_away() {
    let mut bench = Bench::away();
    let (id, taken) = bench.submit(Kind::Immediate);
    assert_eq!(
        story(accepted(&taken)),
        [sent_and(Cause::Accepted), sent_and(Cause::Skipped)]
    );
    let turns = bench.pass_to(secs(200));
    let end = changed(turns.last().expect("it ended"), id);
    assert_eq!((end.status(), end.issued), (Status::TimedOut, 0));
    assert_eq!(
        end.history
            .iter()
            .filter(|e| e.cause == Cause::Skipped)
            .count(),
        4
    );
}

#[test]
fn r1_5_an_immediate_command_uses_the_slots_that_are_left_when_the_device_wakes() {
    let mut bench = Bench::away();
    let (id, _) = bench.submit(Kind::Immediate);
    bench.pass_to(secs(5));
    assert_eq!(
        sent(&bench.reach(1)),
        [],
        "the first slot has passed and is not made up for"
    );
    let turns = bench.pass_to(secs(15));
    assert_eq!(
        turns.iter().flat_map(sent).collect::<Vec<_>>(),
        [(id.seq, 1)]
    );
}

#[test]
fn r1_5_a_slot_that_passed_unseen_by_the_platform_is_not_made_up_for() {
    let mut bench = Bench::away();
    let (id, _) = bench.submit(Kind::Immediate);
    let due = bench.alarm().wake_at.expect("a slot is due");
    let late = due.since(START) + ms(1);
    // At its moment the slot is still used; a millisecond later it has passed.
    for (offset, sends) in [(due.since(START), 1), (late, 0)] {
        let lane = bench.lane.clone();
        let mut bench = Bench::away();
        bench.lane = lane;
        bench.jump_to(offset);
        let taken = bench.reach(1);
        assert_eq!(taken.downlinks.len(), sends, "at {offset:?}");
        let cause = if sends == 1 {
            Cause::Attempt
        } else {
            Cause::Skipped
        };
        assert_eq!(last(&taken, id), sent_and(cause));
    }
}

#[test]
fn r1_5_a_new_session_of_a_reachable_device_skips_nothing() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(Kind::Immediate);
    bench.jump_to(secs(16));
    assert_eq!(sent(&bench.reach(2)), [(id.seq, 2)]);
}

#[test]
fn r1_5_an_immediate_command_is_over_200_s_after_its_creation_at_the_latest() {
    let mut bench = Bench::reachable();
    bench.rules.resend_after = [
        Window::seconds(15, 15),
        Window::seconds(30, 30),
        Window::seconds(60, 60),
    ];
    bench.rules.timeout_after = Window::seconds(120, 120);
    let (id, _) = bench.submit(Kind::Immediate);
    bench.pass_to(ms(199_999));
    assert_eq!(bench.open(id).issued, 4);
    let turns = bench.pass_to(secs(200));
    assert_eq!(last(&turns[0], id), (Status::TimedOut, Cause::NoAck));
}

#[test]
fn r1_5_nothing_of_an_immediate_command_leaves_after_200_s_however_late_the_turn_comes() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(Kind::Immediate);
    bench.jump_to(secs(200));
    let taken = bench.alarm();
    assert_eq!(sent(&taken), []);
    assert_eq!(last(&taken, id), (Status::TimedOut, Cause::NoAck));
    // Just before, the attempt that is due still leaves, and the end stays where it is.
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(Kind::Immediate);
    bench.jump_to(ms(199_999));
    let taken = bench.alarm();
    assert_eq!(sent(&taken), [(id.seq, 2)]);
    assert_eq!(taken.wake_at, Some(START + secs(200)));
}

#[test]
fn r1_5_a_direct_call_is_attempted_once_and_times_out() {
    for confirm in [true, false] {
        let mut bench = Bench::reachable();
        let (id, taken) = bench.submit(Kind::Direct { confirm });
        assert_eq!(taken.downlinks[0].confirm, confirm);
        let turns = bench.pass_to(secs(120));
        let end = changed(&turns[0], id);
        assert_eq!(
            (turns.len(), end.status(), end.issued),
            (1, Status::TimedOut, 1)
        );
        assert!(within(end.history[2].at.since(START), 80, 120));
    }
}

#[test]
fn r1_5_no_timeout_is_decided_within_120_s_of_a_start() {
    for kind in [QUEUED, Kind::Immediate, DIRECT] {
        let mut bench = Bench::reachable();
        let submission = Submission {
            retransmit_max: 0,
            ..bench.submission(kind)
        };
        let id = submission.id;
        let input = bench.submit_input(submission);
        bench.take(vec![input]);
        bench.leave(1);
        bench.jump_to(secs(3600));
        bench.rules.started = bench.now;
        assert!(!bench.alarm().is_durable());
        assert!(bench.pass_to(secs(3600) + ms(119_999)).is_empty());
        assert_eq!(bench.status(id), Status::Sent);
        let turns = bench.pass_to(secs(3720));
        assert_eq!(last(&turns[0], id), (Status::TimedOut, Cause::NoAck));
    }
}

#[test]
fn r1_5_a_lost_attempt_is_given_back_and_leaves_in_the_next_window() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(QUEUED);
    let taken = bench.lose(id, 1);
    assert_eq!(sent(&taken), [], "the session takes no more commands");
    assert!(!bench.lane.is_reachable());
    for session in 2..20 {
        assert_eq!(sent(&bench.reach(session)), [(id.seq, 1)]);
        bench.lose(id, session);
        bench.now = bench.now + secs(1);
    }
    bench.reach(20);
    bench.pass_to(secs(300));
    assert!(
        bench.lane.open.is_empty(),
        "and then it has its four attempts"
    );
}

#[test]
fn r1_5_an_attempt_lost_over_an_old_session_leaves_over_the_present_one_at_once() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(QUEUED);
    bench.reach(2);
    let taken = bench.lose(id, 1);
    assert_eq!(sent(&taken), [(id.seq, 1)]);
    assert_eq!(taken.downlinks[0].session, SessionId(2));
}

#[test]
fn r1_5_the_word_of_an_older_attempt_gives_nothing_back() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(QUEUED);
    bench.pass_to(secs(15));
    assert_eq!(bench.open(id).issued, 2);
    let lost = Input::Lost {
        command: id,
        attempt: 1,
        session: SessionId(1),
    };
    let taken = bench.take(vec![lost]);
    assert!(taken.changes.is_empty());
    assert_eq!(bench.open(id).issued, 2);
}

#[test]
fn r1_5_a_lost_attempt_of_a_delivered_command_changes_nothing() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(QUEUED);
    bench.ack(id);
    assert!(bench.lose(id, 1).changes.is_empty());
}

#[test]
fn r1_5_a_lost_last_attempt_of_a_queued_command_is_made_up_for() {
    let mut bench = Bench::reachable();
    let submission = Submission {
        retransmit_max: 0,
        ..bench.submission(QUEUED)
    };
    let id = submission.id;
    let input = bench.submit_input(submission);
    bench.take(vec![input]);
    bench.lose(id, 1);
    bench.pass_to(secs(3600));
    assert_eq!(sent(&bench.reach(2)), [(id.seq, 1)]);
}

#[test]
fn r1_5_a_lost_attempt_of_an_immediate_command_is_given_back_and_its_slot_is_not() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(Kind::Immediate);
    bench.lose(id, 1);
    assert_eq!(bench.open(id).issued, 0);
    assert_eq!(sent(&bench.reach(2)), []);
    let turns = bench.pass_to(secs(200));
    let end = changed(turns.last().expect("it ended"), id);
    assert_eq!((end.status(), end.issued), (Status::TimedOut, 3));
}

#[test]
fn r1_5_a_lost_direct_call_has_failed() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(DIRECT);
    let taken = bench.lose(id, 1);
    let end = changed(&taken, id);
    assert_eq!(
        story(end)[2..],
        [sent_and(Cause::Lost), (Status::Failed, Cause::LinkRefused)]
    );
    assert_eq!((end.issued, end.lost), (0, 1));
}

#[test]
fn r1_5_a_history_of_lost_attempts_is_bounded_and_its_last_entry_tells_the_present_one() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(QUEUED);
    for session in 1..=8 {
        bench.lose(id, session);
        bench.reach(session + 1);
    }
    let full = bench.open(id).history.len();
    assert_eq!(full, 2 + 8 * 2);
    for session in 9..30 {
        bench.jump_to(secs(session));
        bench.lose(id, session);
        assert_eq!(bench.open(id).history.len(), full);
        let taken = bench.reach(session + 1);
        assert_eq!(
            taken.changes[0].entries_before,
            full - 1,
            "its last entry is written anew"
        );
    }
    let command = bench.open(id);
    assert_eq!((command.history.len(), command.lost), (full, 29));
    assert_eq!(command.history[full - 1].at, START + secs(29));
    bench.ack(id);
    assert_eq!(
        bench.open(id).owed().map(|(at, _)| at).collect::<Vec<_>>(),
        [1, full]
    );
}
