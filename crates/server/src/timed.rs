//! Deadlines beside the lanes': parts of the server that act by the clock on their own, and what drives them.
//!
//! Each part says when it acts next. On a server with a test clock the operator's door waits for all of them wherever a move
//! of the clock stops (R9.1).

use crate::clock::Clock;
use crate::shutdown::Shutdown;
use delivery::Moment;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::Notify;

/// What [`Timed::settle`] returns: the next deadline, once what was due is done.
pub type Settling<'a> = Pin<Box<dyn Future<Output = Option<Moment>> + Send + 'a>>;

/// A part of the server that has deadlines of its own.
pub trait Timed: Send + Sync {
    /// Its name, for the log and for whoever misses its task.
    fn name(&self) -> &'static str;

    /// Does what is due now and returns when all of it is committed, with the next deadline; `None` if there is none.
    ///
    /// It may be called by several at once; whoever comes second waits and finds nothing left to do.
    fn settle(&self) -> Settling<'_>;

    /// Tells [`drive`] that the next deadline may have become an earlier one.
    fn poked(&self) -> &Notify;
}

/// Every part that acts by the clock. Cheap to clone.
#[derive(Clone, Default)]
pub struct Timers {
    parts: Arc<[Arc<dyn Timed>]>,
}

impl Timers {
    /// These parts.
    pub fn new(parts: Vec<Arc<dyn Timed>>) -> Self {
        Self {
            parts: parts.into(),
        }
    }

    /// The parts.
    pub fn parts(&self) -> &[Arc<dyn Timed>] {
        &self.parts
    }

    /// Has every part do what is due now; the earliest deadline ahead.
    pub async fn settle(&self) -> Option<Moment> {
        let mut earliest: Option<Moment> = None;
        for part in &*self.parts {
            let next = part.settle().await;
            earliest = [earliest, next].into_iter().flatten().min();
        }
        earliest
    }
}

/// Has a part act whenever its deadline comes, until the platform stops. Returns the part's name.
pub async fn drive(part: Arc<dyn Timed>, clock: Clock, shutdown: Shutdown) -> &'static str {
    loop {
        let next = part.settle().await;
        let due = async {
            match next {
                Some(at) => clock.reaches(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            () = part.poked().notified() => {}
            _ = shutdown.begun() => return part.name(),
        }
    }
}
