//! The proof of the heart: what the rulings say (`rulings_*`), what holds for every turn (`promises`), every transition on
//! one page (`golden`), generated inboxes (`properties`) and a whole world in virtual time (`simulator`).

mod golden;
mod ids;
mod promises;
mod properties;
mod rulings_attempts;
mod rulings_ends;
mod rulings_lanes;
mod rulings_links;
mod rulings_order;
mod simulator;
mod support;
