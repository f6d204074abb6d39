//! A seeded world in virtual time around the heart: a platform with a disk, a network, devices and an application.
//!
//! Each seed is a world of its own. In its disturbed phase frames and answers are lost, repeated, overtaken and late, devices
//! sleep, drop and lie, and the platform crashes with turns half-way to the disk; every promise is checked at every step. Then
//! the world turns healthy, and everything has to come to its end.
//!
//! `SEEDS=n` runs that many seeds (100 otherwise), `SEED=n` runs one and prints what happened.

mod application;
mod checks;
mod device;
mod disk;
mod platform;
mod rng;
mod world;

use delivery::Cause;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use world::{Plan, World};

const SEEDS_DEFAULT: u64 = 100;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is to be a number, not {text:?}")),
    )
}

/// Runs a world; says which one and how to see it again if it breaks a promise.
fn try_run(plan: Plan) -> thread::Result<World> {
    let mut world = World::new(plan);
    let ran = catch_unwind(AssertUnwindSafe(|| world.run()));
    if ran.is_err() {
        let tail: Vec<_> = world.log.lines().rev().take(40).collect();
        let tail: Vec<_> = tail.into_iter().rev().collect();
        println!("{}", tail.join("\n"));
        let Plan { seed, crash_at, .. } = plan;
        let again = "cargo test -p delivery --test it simulator -- --nocapture";
        let crash = crash_at.map_or_else(String::new, |at| format!(" with a crash at {at:?}"));
        println!("seed {seed}{crash} failed; repeat it with: SEED={seed} {again}");
    }
    ran.map(|()| world)
}

/// Runs a world that is to keep every promise.
fn run(plan: Plan) -> World {
    try_run(plan).unwrap_or_else(|cause| resume_unwind(cause))
}

#[test]
fn no_seed_breaks_a_promise_and_every_world_comes_to_its_end() {
    if let Some(seed) = number("SEED") {
        println!("{}seed {seed} passed", run(Plan::of(seed)).log);
        return;
    }
    let seeds = number("SEEDS").unwrap_or(SEEDS_DEFAULT);
    let next = AtomicU64::new(0);
    let worker = || {
        let mut steps = 0;
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return steps;
            }
            match try_run(Plan::of(seed)) {
                Ok(world) => steps += world.steps,
                Err(cause) => {
                    next.store(seeds, Ordering::Relaxed);
                    resume_unwind(cause);
                }
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let steps: usize = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .map(|w| w.join().expect("a seed failed, see above"))
            .sum()
    });
    println!("{seeds} seeds passed, {steps} steps");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for seed in [1, 2, 3, u64::MAX] {
        let (first, second) = (run(Plan::of(seed)), run(Plan::of(seed)));
        assert!(first.log.len() > 1000);
        assert_eq!(first.log, second.log);
    }
    assert_ne!(run(Plan::of(4)).log, run(Plan::of(5)).log);
}

#[test]
fn a_crash_at_any_step_breaks_no_promise() {
    for seed in [11, 12] {
        let plan = Plan {
            seed,
            devices: 2,
            pace: 3_000,
            acts_for: 30_000,
            crashes: 0,
            crash_at: None,
        };
        let steps = run(plan).steps;
        for step in 1..=steps {
            for kept in [false, true] {
                run(Plan {
                    crash_at: Some((step, kept)),
                    ..plan
                });
            }
        }
    }
}

#[test]
fn the_worlds_are_disturbed_enough_to_prove_something() {
    let seen: BTreeSet<_> = (0..40)
        .flat_map(|seed| run(Plan::of(seed)).causes())
        .collect();
    let every: BTreeSet<_> = Cause::ALL.iter().map(|cause| cause.name()).collect();
    assert_eq!(seen, every, "every cause appears in some history");
}
