//! R1.12: the caps of a lane, and what makes room in it.

use crate::support::*;
use delivery::{Cause, Command, Input, Kind, Refusal, State, Status, Submission};

#[test]
fn r1_12_the_twenty_first_pending_command_is_refused() {
    let mut bench = Bench::away();
    for _ in 0..20 {
        bench.submit(QUEUED);
    }
    assert_eq!(bench.refused(QUEUED), Refusal::PendingMax);
    bench.submit(Kind::Immediate);
    // One that leaves makes room.
    bench.reach(1);
    bench.submit(QUEUED);
    assert_eq!(bench.refused(QUEUED), Refusal::PendingMax);
}

#[test]
fn r1_12_a_cap_of_zero_is_none() {
    let mut bench = Bench::away();
    bench.rules.pending_max = 0;
    bench.rules.open_max = 0;
    bench.rules.zombie_after = secs(0);
    bench.jump_to(secs(365 * 86_400));
    for _ in 0..40 {
        bench.submit(queued(86_400));
    }
    assert_eq!(bench.lane.open.len(), 40);
}

#[test]
fn r1_12_the_oldest_delivered_command_makes_room_in_a_full_lane() {
    let mut bench = Bench::reachable();
    bench.rules.open_max = 4;
    let (waiting, _) = bench.submit(Kind::Immediate);
    let (first, _) = bench.submit(QUEUED);
    bench.ack(first);
    let (second, _) = bench.submit(QUEUED);
    bench.ack(second);
    bench.submit(QUEUED);
    let (_, taken) = bench.submit(QUEUED);
    assert_eq!(last(&taken, first), (Status::Delivered, Cause::Displaced));
    assert!(matches!(changed(&taken, first).state, State::Ended(_)));
    assert_eq!(bench.status(waiting), Status::Sent);
    assert_eq!(bench.status(second), Status::Delivered);
    assert_eq!(bench.lane.open.len(), 4);
}

#[test]
fn r1_12_what_cannot_be_encoded_takes_nobodys_place() {
    let mut bench = Bench::reachable();
    bench.rules.open_max = 1;
    let (delivered, _) = bench.submit(QUEUED);
    bench.ack(delivered);
    let submission = Submission {
        encodable: false,
        ..bench.submission(QUEUED)
    };
    let input = bench.submit_input(submission);
    assert_eq!(accepted(&bench.take(vec![input])).status(), Status::Failed);
    assert_eq!(bench.status(delivered), Status::Delivered);
}

#[test]
fn r1_12_a_full_lane_without_a_delivered_command_refuses_every_kind() {
    let mut bench = Bench::reachable();
    bench.rules.open_max = 2;
    bench.submit(QUEUED);
    bench.submit(QUEUED);
    for kind in [QUEUED, Kind::Immediate, DIRECT] {
        assert_eq!(bench.refused(kind), Refusal::OpenMax);
    }
}

#[test]
fn r1_12_a_device_that_was_silent_for_seven_days_takes_no_queued_command() {
    let week = 7 * 86_400;
    let mut bench = Bench::away();
    bench.take(vec![Input::Heard]);
    bench.jump_to(ms(week * 1000 - 1));
    bench.submit(QUEUED);
    bench.jump_to(secs(week));
    assert_eq!(bench.refused(QUEUED), Refusal::Zombie);
    bench.submit(Kind::Immediate);
    bench.take(vec![Input::Heard]);
    bench.submit(QUEUED);
}

#[test]
fn r1_12_the_silence_counts_from_the_registration_if_that_was_later() {
    let mut bench = Bench::away();
    // It was registered an hour before the start and never heard since.
    bench.jump_to(ms((7 * 86_400 - 3600) * 1000 - 1));
    bench.submit(QUEUED);
    bench.jump_to(secs(7 * 86_400 - 3600));
    assert_eq!(bench.refused(QUEUED), Refusal::Zombie);
    bench.lane.registered = bench.now;
    bench.submit(QUEUED);
}

#[test]
fn r1_12_a_thousand_commands_miss_every_slot_and_end_in_one_turn() {
    let mut bench = Bench::reachable();
    bench.rules.pending_max = 0;
    let inputs: Vec<_> = (0..1000)
        .map(|_| {
            let submission = bench.submission(Kind::Immediate);
            bench.submit_input(submission)
        })
        .collect();
    bench.take(inputs);
    assert_eq!(bench.lane.open.len(), 1000);
    assert_eq!(bench.refused(QUEUED), Refusal::OpenMax);
    bench.jump_to(secs(200));
    let taken = bench.leave(1);
    assert_eq!(taken.changes.len(), 1000);
    let skipped = |c: &Command| {
        c.history
            .iter()
            .filter(|e| e.cause == Cause::Skipped)
            .count()
    };
    assert!(
        taken
            .changes
            .iter()
            .all(|c| c.ended() && skipped(&c.command) == 3)
    );
    assert!(taken.lane.open.is_empty());
    assert_eq!(taken.lane.mids.unanswered.len(), 256);
}
