//! The runtime that every client of a process shares.
//!
//! A fork takes no threads along, so that a child's copy of its parent's runtime would never run anything. The child leaves that copy and
//! all that hangs on it alone, to the end of its life, since a lock in there may have been held by a thread which is not there any more; it
//! makes a runtime of its own when it needs one.
//!
//! The locks of this crate are taken only while attached to the interpreter, and never held while detached. Python forks while attached, so
//! no other thread holds one of them then.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use pyo3::prelude::*;
use tokio::runtime::{Builder, Handle, Runtime};

/// Threads that drive connections; the calls themselves run on the threads of those who wait for them.
const WORKERS: usize = 2;

/// A message to the thread that speaks to the interpreter.
pub(crate) enum Delivery {
    /// Work for it.
    Tell(Box<dyn FnOnce(Python<'_>) + Send>),
    /// The interpreter is about to end.
    Stop,
}

/// Where tasks run, and where they leave what they want told.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) handle: Handle,
    pub(crate) deliveries: Sender<Delivery>,
}

struct Owned {
    process: u32,
    /// It ends with the process.
    _runtime: Runtime,
    /// None once it has ended.
    teller: Option<JoinHandle<()>>,
    shared: Shared,
}

static OWNED: Mutex<Option<Owned>> = Mutex::new(None);

/// The runtime of this process; made when it is first asked for. To be asked for while attached.
pub(crate) fn shared(_: Python<'_>) -> PyResult<Shared> {
    let mut owned = lock(&OWNED);
    if let Some(owned) = owned.as_ref().filter(|it| it.process == std::process::id()) {
        return Ok(owned.shared.clone());
    }
    // The parent's: see above.
    std::mem::forget(owned.take());
    let made = Owned::new()?;
    let shared = made.shared.clone();
    *owned = Some(made);
    Ok(shared)
}

/// Ends the thread that speaks to the interpreter: called when that is about to end, for nothing may attach to it afterwards. What is in
/// progress is not told any more; calls that block go on until the process ends.
#[pyfunction]
pub(crate) fn shut_down(py: Python<'_>) {
    let process = std::process::id();
    let (teller, deliveries) = match lock(&OWNED).as_mut() {
        Some(owned) if owned.process == process => {
            (owned.teller.take(), owned.shared.deliveries.clone())
        }
        _ => return,
    };
    let Some(teller) = teller else {
        return;
    };
    py.detach(|| {
        // It may have ended by itself; then there is nothing to wait for.
        let _ = deliveries.send(Delivery::Stop);
        let _ = teller.join();
    });
}

impl Owned {
    fn new() -> PyResult<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("downlink")
            .enable_all()
            .build()?;
        let (deliveries, received) = channel();
        let teller = thread::Builder::new()
            .name("downlink-tell".to_owned())
            .spawn(move || tell(&received))?;
        let shared = Shared {
            handle: runtime.handle().clone(),
            deliveries,
        };
        Ok(Self {
            process: std::process::id(),
            _runtime: runtime,
            teller: Some(teller),
            shared,
        })
    }
}

/// Tells the interpreter what has been done. It may be busy for long, which must not keep connections waiting: hence a thread.
fn tell(received: &Receiver<Delivery>) {
    while let Ok(Delivery::Tell(first)) = received.recv() {
        // None while the interpreter ends: nobody waits any more.
        let goes_on = Python::try_attach(|py| {
            first(py);
            loop {
                match received.try_recv() {
                    Ok(Delivery::Tell(next)) => next(py),
                    Ok(Delivery::Stop) => return false,
                    Err(_) => return true,
                }
            }
        });
        if goes_on != Some(true) {
            return;
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
