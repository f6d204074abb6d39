//! The session against a client, against recorded devices, and against nonsense, in virtual time.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of tests may fail as a test may"
)]

mod hostile;
mod life;
mod pair;
mod raw;
mod refusals;
mod vectors;
