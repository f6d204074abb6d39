//! `downlink._native`: the Rust client, for Python.
//!
//! This module carries texts and errors over and nothing else. Requests and answers become objects in Python, out of what is generated
//! from `openapi.json`; so an operation that joins the contract needs no change here.
//!
//! | file | is |
//! |---|---|
//! | `client.rs` | `Client`: calls that block, with the interpreter free meanwhile, and calls that tell when they are done |
//! | `arguments.rs` | what Python gives, read |
//! | `error.rs` | `CallError`: what went wrong, with all that the core knows of it |
//! | `runtime.rs` | the one runtime of the process, and a new one after a fork |
//! | `webhook.rs` | `Verifier`: whether a callback may be believed |

mod arguments;
mod client;
mod error;
mod runtime;
mod webhook;

/// What Python imports as `downlink._native`.
#[pyo3::pymodule(name = "_native")]
mod native {
    #[pymodule_export]
    use crate::client::{Client, Pending};
    #[pymodule_export]
    use crate::error::CallError;
    #[pymodule_export]
    use crate::runtime::shut_down;
    #[pymodule_export]
    use crate::webhook::{RefusedCallback, Verifier};
}
