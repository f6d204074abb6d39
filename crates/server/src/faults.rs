//! Faults that a test asks for, so that it can cause every error (R9.2). Only the admin listener of a server with a test
//! clock can set them; in every other server they stay at zero.

use std::sync::atomic::{AtomicU32, Ordering};

/// How often each fault is still to happen.
#[derive(Debug, Default)]
pub struct Faults {
    counts: [AtomicU32; Fault::ALL.len()],
}

/// Something that goes wrong on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A handler fails (100001).
    Handler,
    /// A stored row does not decode (100023).
    Row,
    /// The session of a device is not found in time (101016).
    SessionLookup,
    /// A stored callback address does not decode (101017).
    CallbackAddress,
    /// A link refuses a frame (50252, R4.6).
    RefuseFrame,
    /// A link takes a frame and never writes it.
    DropFrame,
    /// A link takes a frame and writes it when the next one is given to it.
    HoldFrame,
    /// The platform is overloaded (100501).
    Overload,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 8] = [
        Self::Handler,
        Self::Row,
        Self::SessionLookup,
        Self::CallbackAddress,
        Self::RefuseFrame,
        Self::DropFrame,
        Self::HoldFrame,
        Self::Overload,
    ];

    /// The name by which the admin listener knows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Handler => "handler",
            Self::Row => "row",
            Self::SessionLookup => "session-lookup",
            Self::CallbackAddress => "callback-address",
            Self::RefuseFrame => "refuse-frame",
            Self::DropFrame => "drop-frame",
            Self::HoldFrame => "hold-frame",
            Self::Overload => "overload",
        }
    }

    /// What it causes, for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Handler => {
                "a request fails inside: 100001, or 50252 where the operation has only that"
            }
            Self::Row => "what is stored of a device does not decode: 100023",
            Self::SessionLookup => "the session of a device is not found in time: 101016",
            Self::CallbackAddress => "a stored callback address does not decode: 101017",
            Self::RefuseFrame => "a link refuses a frame: 50252 for a direct call",
            Self::DropFrame => "a link takes a frame and never writes it",
            Self::HoldFrame => "a link takes a frame and writes it when it gets the next one",
            Self::Overload => "the platform is overloaded: 100501",
        }
    }

    const fn place(self) -> usize {
        self as usize
    }
}

impl Faults {
    /// Lets `fault` happen the next `times` times.
    pub fn set(&self, fault: Fault, times: u32) {
        self.counts[fault.place()].store(times, Ordering::SeqCst);
    }

    /// How often `fault` is still to happen.
    pub fn left(&self, fault: Fault) -> u32 {
        self.counts[fault.place()].load(Ordering::SeqCst)
    }

    /// Whether `fault` is to happen now; counts it down.
    pub fn strikes(&self, fault: Fault) -> bool {
        let count = &self.counts[fault.place()];
        // The common case reads and writes nothing shared.
        count.load(Ordering::Relaxed) != 0
            && count
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                    left.checked_sub(1)
                })
                .is_ok()
    }
}
