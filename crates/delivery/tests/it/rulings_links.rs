//! R6.3, R6.5, R6.7: links that do not confirm, sessions that follow one another, mids; and the moment of the last contact.

use crate::support::*;
use delivery::{
    Cause, DeviceId, Input, Kind, Lane, Link, Mid, MidSequence, SessionId, Status, Submission,
};

#[test]
fn r6_3_over_a_link_that_does_not_confirm_nothing_is_repeated() {
    let mut bench = Bench::away();
    bench.take(vec![reachable(1, false)]);
    for kind in [QUEUED, Kind::Immediate] {
        let (id, taken) = bench.submit(kind);
        assert!(!taken.downlinks[0].confirm);
        let end = bench.now.since(START) + secs(120);
        let turns = bench.pass_to(end);
        assert_eq!(turns.len(), 1);
        assert_eq!(
            (last(&turns[0], id).0, changed(&turns[0], id).issued),
            (Status::TimedOut, 1)
        );
    }
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
fn r6_3_a_confirmation_is_asked_for_where_link_and_caller_want_it() {
    for (confirms, kind, confirm) in [
        (true, QUEUED, true),
        (true, Kind::Immediate, true),
        (true, Kind::Direct { confirm: true }, true),
        (true, Kind::Direct { confirm: false }, false),
        (false, QUEUED, false),
        (false, Kind::Immediate, false),
        (false, Kind::Direct { confirm: true }, false),
        (false, Kind::Direct { confirm: false }, false),
    ] {
        let mut bench = Bench::away();
        bench.take(vec![reachable(1, confirms)]);
        let (_, taken) = bench.submit(kind);
        assert_eq!(taken.downlinks[0].confirm, confirm, "{confirms} {kind:?}");
    }
}

#[test]
fn r6_5_the_end_of_an_old_session_is_ignored() {
    let mut bench = Bench::reachable();
    bench.reach(2);
    bench.leave(1);
    assert!(bench.lane.is_reachable());
    let (_, taken) = bench.submit(QUEUED);
    assert_eq!(taken.downlinks[0].session, SessionId(2));
    bench.leave(2);
    assert_eq!(bench.lane.link, Link::Away);
}

#[test]
fn r6_5_an_old_session_does_not_take_the_place_of_a_newer_one() {
    let mut bench = Bench::away();
    bench.reach(2);
    bench.reach(1);
    assert_eq!(
        bench.lane.link,
        Link::Reachable {
            session: SessionId(2),
            confirms: true
        }
    );
    // The same session may subscribe anew.
    bench.take(vec![reachable(2, false)]);
    assert_eq!(
        bench.lane.link,
        Link::Reachable {
            session: SessionId(2),
            confirms: false
        }
    );
}

#[test]
fn r6_5_an_acknowledgement_counts_over_any_session() {
    let mut bench = Bench::reachable();
    let (id, _) = bench.submit(QUEUED);
    bench.leave(1);
    assert_eq!(last(&bench.ack(id), id), (Status::Delivered, Cause::Acked));
}

#[test]
fn r6_7_a_device_starts_anywhere_and_goes_round() {
    let mut starts = Vec::new();
    for seq in 0..64 {
        let mut lane = Lane::new(DeviceId::new(seq, 5), START);
        let first = lane.take_mid().expect("a mid is free").number();
        starts.push(first);
        let second = lane.take_mid().expect("a mid is free").number();
        assert_eq!(second, if first == 65_535 { 1 } else { first + 1 });
    }
    starts.sort_unstable();
    starts.dedup();
    assert!(starts.len() > 60, "devices start at different mids");
    assert!(starts.iter().any(|s| *s > 32_768) && starts.iter().any(|s| *s < 32_768));
    let other = MidSequence::new(DeviceId::new(0, 6));
    assert_ne!(other, MidSequence::new(DeviceId::new(0, 5)));
    assert!(other.next < 65_535);
    let known = MidSequence::new(DeviceId::new(0x0123_4567_89ab, 0xfedc_ba98_7654_3210));
    assert_eq!(known.next, 34_002, "the same in every version");
}

#[test]
fn r6_7_the_sequence_runs_from_1_to_65535() {
    let mut lane = Lane::new(DeviceId::new(1, 1), START);
    lane.mids.next = 65_534;
    let taken: Vec<_> = (0..3)
        .filter_map(|_| lane.take_mid())
        .map(Mid::number)
        .collect();
    assert_eq!(taken, [65_535, 1, 2]);
    lane.mids.next = u64::MAX;
    assert!(lane.take_mid().is_some(), "the count may overflow");
    assert!(lane.take_mid().is_some());
    assert_eq!(Mid::new(0), None);
}

#[test]
fn r6_7_the_mid_of_an_open_command_is_skipped() {
    let mut bench = Bench::away();
    let (id, _) = bench.submit(QUEUED);
    let mid = bench.open(id).mid;
    bench.lane.mids.next = u64::from(mid.number()) - 1;
    assert_eq!(
        bench.lane.take_mid().map(Mid::number),
        Some(mid.number() % 65_535 + 1)
    );
}

#[test]
fn r6_7_the_mids_of_the_last_256_that_ended_unanswered_are_skipped() {
    let mut bench = Bench::reachable();
    bench.rules.open_max = 0;
    let inputs: Vec<_> = (0..257)
        .map(|_| {
            let submission = Submission {
                retransmit_max: 0,
                ..bench.submission(Kind::Immediate)
            };
            bench.submit_input(submission)
        })
        .collect();
    let first = bench.take(inputs).downlinks[0].mid;
    bench.pass_to(secs(200));
    assert_eq!(bench.lane.mids.unanswered.len(), 256);
    assert!(bench.lane.open.is_empty());
    let forgotten: Vec<_> = (1..=65_535u16)
        .filter_map(Mid::new)
        .filter(|mid| {
            (0..257).any(|n| {
                (u32::from(first.number()) - 1 + n) % 65_535 + 1 == u32::from(mid.number())
            })
        })
        .filter(|mid| !bench.lane.mids.unanswered.contains(mid))
        .collect();
    assert_eq!(forgotten.len(), 1);
    bench.lane.mids.next = u64::from(first.number()) - 1;
    let again = bench.lane.take_mid().expect("a mid is free");
    let past =
        u16::try_from((u32::from(first.number()) - 1 + 257) % 65_535 + 1).expect("it is a mid");
    assert_eq!(
        again,
        if forgotten[0] == first {
            first
        } else {
            forgotten[0]
        }
    );
    assert_eq!(bench.lane.take_mid().map(Mid::number), Some(past));
}

#[test]
fn r6_7_a_long_run_of_taken_mids_is_skipped() {
    let mut lane = Lane::new(DeviceId::new(1, 1), START);
    lane.mids.next = 65_500;
    lane.mids.unanswered = (65_501..=65_535)
        .chain(1..=200)
        .filter_map(Mid::new)
        .collect();
    assert_eq!(lane.take_mid().map(Mid::number), Some(201));
    assert_eq!(lane.mids.next, 65_535 + 201);
}

#[test]
fn r6_7_what_ended_unsent_or_answered_frees_its_mid() {
    let mut bench = Bench::away();
    let (cancelled, _) = bench.submit(QUEUED);
    bench.cancel(cancelled);
    bench.submit(queued(1));
    bench.pass_to(secs(1));
    bench.reach(1);
    let (answered, _) = bench.submit(QUEUED);
    bench.answer(answered, yes());
    assert!(bench.lane.open.is_empty() && bench.lane.mids.unanswered.is_empty());
    // Settled without an answer, one may still come.
    let (settled, _) = bench.submit(QUEUED);
    bench.ack(settled);
    let end = bench.now.since(START) + secs(49 * 3600);
    bench.pass_to(end);
    assert_eq!(bench.lane.mids.unanswered.len(), 1);
}

#[test]
fn r6_7_the_sequence_of_mids_is_written_with_every_birth_and_every_unanswered_end() {
    let mut bench = Bench::reachable();
    assert!(!bench.alarm().keep_lane);
    let (id, taken) = bench.submit(QUEUED);
    assert!(taken.keep_lane);
    assert!(!bench.ack(id).keep_lane, "an acknowledgement moves no mid");
    assert!(!bench.answer(id, yes()).keep_lane);
    let (_, taken) = bench.submit(Kind::Immediate);
    assert!(taken.keep_lane);
    let turns = bench.pass_to(secs(200));
    assert!(
        turns
            .last()
            .is_some_and(|t| t.keep_lane && t.lane.mids.unanswered.len() == 1)
    );
}

#[test]
fn a_contact_is_written_at_most_once_a_minute() {
    let mut bench = Bench::away();
    assert!(
        bench.take(vec![Input::Heard]).keep_lane,
        "the first is written"
    );
    bench.jump_to(ms(59_999));
    let taken = bench.take(vec![Input::Heard]);
    assert!(!taken.is_durable());
    assert_eq!(
        taken.lane.contact,
        Some(bench.now),
        "and all of them are known"
    );
    bench.jump_to(secs(60));
    assert!(bench.take(vec![Input::Heard]).keep_lane);
    assert_eq!(bench.lane.contact_kept, Some(bench.now));
    bench.jump_to(secs(61));
    let (_, taken) = bench.submit(QUEUED);
    assert!(taken.keep_lane);
    assert_eq!(
        bench.lane.contact_kept,
        Some(START + secs(60)),
        "a birth writes the contact too"
    );
}

#[test]
fn whatever_a_device_sends_is_a_contact_and_what_a_link_says_of_it_is_not() {
    let heard = |input: Input| {
        let mut bench = Bench::reachable();
        let (id, _) = bench.submit(QUEUED);
        let submission = bench.submission(Kind::Immediate);
        let other = submission.mid;
        let submit = bench.submit_input(submission);
        bench.take(vec![submit]);
        bench.jump_to(secs(1));
        let input = match input {
            Input::Acked { .. } => Input::Acked { command: id },
            Input::Answered { answer, .. } => Input::Answered { mid: other, answer },
            input => input,
        };
        bench.take(vec![input]).lane.contact == Some(START + secs(1))
    };
    let id = delivery::CommandId { seq: 1, tag: 0 };
    let mid = Mid::new(1).expect("it is a mid");
    let session = SessionId(1);
    assert!(heard(Input::Heard));
    assert!(heard(reachable(2, true)));
    assert!(heard(Input::Acked { command: id }));
    assert!(heard(Input::Answered { mid, answer: yes() }));
    assert!(!heard(Input::Unreachable { session }));
    assert!(!heard(Input::Lost {
        command: id,
        attempt: 1,
        session
    }));
}
