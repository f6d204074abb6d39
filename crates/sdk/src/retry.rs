//! When a call is tried again, and how long it waits for that.
//!
//! ```text
//!   what went wrong                                   tried again
//!   no connection: no byte was carried                always
//!   no answer, or a broken one (5xx without a code)   what is the same when done twice: queries, logins, changes of a device,
//!                                                     and creates under a key (R1.15)
//!   1010009, 100501, 190408                           always: they prove that nothing was done, and pass by themselves
//!   every other code                                  never: what it says is the caller's affair
//! ```
//!
//! Codes that depend on the device (100428 offline, 100223 too many commands, 100612 silent for days) are retryable, but not within the
//! seconds that a client waits: they are handed to the caller at once.

use std::time::Duration;

use api::{Code, Operation};

use crate::error::Carried;
use crate::{Error, random};

/// How often and how patiently a client tries again.
///
/// Without one ([`Retry::none`], which a client has by default) every failure is handed to the caller, with one exception: a token that the
/// platform refuses is replaced, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    tries_max: u32,
    wait_first: Duration,
    wait_max: Duration,
    patience: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self::standard()
    }
}

impl Retry {
    /// Tries once.
    pub const fn none() -> Self {
        Self {
            tries_max: 1,
            ..Self::standard()
        }
    }

    /// Tries at most five times. It waits 0.2 s, then twice as long each time, but no more than 5 s, and between the half and the whole of
    /// that; or as long as the platform asks for by `Retry-After`. All waits together are no longer than 75 s: a throttled minute is
    /// waited out (R3.5).
    pub const fn standard() -> Self {
        Self {
            tries_max: 5,
            wait_first: Duration::from_millis(200),
            wait_max: Duration::from_secs(5),
            patience: Duration::from_secs(75),
        }
    }

    /// Tries at most so often, the first time included; 0 counts as 1.
    #[must_use]
    pub const fn tries_max(mut self, tries: u32) -> Self {
        self.tries_max = tries;
        self
    }

    /// The first wait, and the longest that doubling leads to.
    #[must_use]
    pub const fn waits(mut self, first: Duration, longest: Duration) -> Self {
        self.wait_first = first;
        self.wait_max = longest;
        self
    }

    /// All waits of one call together are no longer than this; a `Retry-After` beyond it ends the call.
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    pub(crate) const fn begin(self) -> Tries {
        Tries {
            retry: self,
            done: 0,
            waited: Duration::ZERO,
        }
    }
}

/// The tries of one call.
pub(crate) struct Tries {
    retry: Retry,
    done: u32,
    waited: Duration,
}

impl Tries {
    /// How long to wait before the call is tried again after `error`; `None` if it is not. `repeatable`: the call is the same when done
    /// twice.
    pub(crate) fn wait_after(&mut self, error: &Error, repeatable: bool) -> Option<Duration> {
        self.done += 1;
        if self.done >= self.retry.tries_max || !passes(error, repeatable) {
            return None;
        }
        let doubled = 2_u32.saturating_pow(self.done - 1);
        let own = self.retry.wait_first.saturating_mul(doubled);
        let own = random::jittered(own.min(self.retry.wait_max));
        let wait = error.retry_after().unwrap_or(own);
        let waited = self.waited.saturating_add(wait);
        if waited > self.retry.patience {
            return None;
        }
        self.waited = waited;
        Some(wait)
    }

    /// Tries that failed so far.
    pub(crate) const fn done(&self) -> u32 {
        self.done
    }
}

/// Whether a failure passes by itself, and trying again does no harm.
fn passes(error: &Error, repeatable: bool) -> bool {
    match error {
        Error::Contract(refusal) => matches!(
            refusal.known(),
            Some(Code::Throttled | Code::FlowControlled | Code::RequestTooSlow)
        ),
        Error::Transport { what, .. } => match what {
            Carried::Nothing => true,
            Carried::Perhaps => repeatable,
        },
        Error::Unexpected { status, .. } => repeatable && status.is_server_error(),
        Error::Setting { .. } => false,
    }
}

/// Whether doing it twice is the same as doing it once.
pub(crate) const fn is_repeatable(operation: Operation, keyed: bool) -> bool {
    match operation {
        Operation::GetAuthToken
        | Operation::QueryDeviceStatus
        | Operation::ModifyDeviceInfo
        | Operation::QuerySingleDeviceInfo
        | Operation::QueryBatchDevicesInfo
        | Operation::QueryDeviceCommand
        | Operation::QueryDeviceCommandOld
        | Operation::QueryDeviceCmdCancelTask
        | Operation::ModifyDeviceGroup
        | Operation::QueryDeviceGroups
        | Operation::QuerySingleDeviceGroup
        | Operation::QueryDeviceGroupMembers
        | Operation::AddDevicesToGroup
        | Operation::DeleteDevicesFromGroup => true,
        Operation::PostDeviceCommand
        | Operation::PostDeviceCommandOld
        | Operation::InvokeDeviceService => keyed,
        // The second answer would tell of the first call's success as of a failure, or of an empty task.
        Operation::RefreshAuthToken
        | Operation::LogoutAuthToken
        | Operation::RegDirectDevice
        | Operation::RegDirectDeviceWithSecret
        | Operation::RefreshDeviceKey
        | Operation::RefreshDeviceSecret
        | Operation::DeleteDirectDevice
        | Operation::UpdateDeviceCommand
        | Operation::CreateDeviceCmdCancelTask
        | Operation::CancelDeviceCommandOld
        | Operation::CreateDeviceGroup
        | Operation::DeleteDeviceGroup => false,
    }
}
