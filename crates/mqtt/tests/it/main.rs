//! The session against a client, against recorded devices, and against nonsense, in virtual time.

mod hostile;
mod life;
mod pair;
mod raw;
mod refusals;
mod vectors;
