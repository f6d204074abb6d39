//! What went wrong, as an exception of Python.

use std::error::Error as StdError;
use std::fmt::Write as _;

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use sdk::{Carried, Error};

create_exception!(
    downlink._native,
    CallError,
    PyException,
    "A call that failed. Its attributes say all that is known: see `_native.pyi`."
);

/// The kind by which Python chooses its class.
const fn kind(error: &Error) -> &'static str {
    match error {
        Error::Contract(_) => "contract",
        Error::Transport {
            what: Carried::Nothing,
            ..
        } => "not_connected",
        Error::Transport {
            what: Carried::Perhaps,
            ..
        } => "no_answer",
        Error::Unexpected { .. } => "unexpected",
        Error::Setting { .. } => "setting",
    }
}

/// The exception for an error, with every attribute set.
pub(crate) fn raised(py: Python<'_>, error: &Error) -> PyErr {
    let exception = CallError::new_err(text(error));
    match describe(exception.value(py), error) {
        Ok(()) => exception,
        Err(failure) => failure,
    }
}

fn describe(value: &Bound<'_, pyo3::exceptions::PyBaseException>, error: &Error) -> PyResult<()> {
    let refusal = match error {
        Error::Contract(refusal) => Some(refusal),
        Error::Transport { .. } | Error::Unexpected { .. } | Error::Setting { .. } => None,
    };
    value.setattr("kind", kind(error))?;
    value.setattr("code", refusal.map(|it| it.code.as_str()))?;
    value.setattr("desc", refusal.map(|it| it.desc.as_str()))?;
    value.setattr("body", refusal.map(|it| it.body.as_str()))?;
    value.setattr("detail", error.detail())?;
    value.setattr("status", error.status().map(|it| it.as_u16()))?;
    value.setattr("request_id", error.request_id())?;
    let seconds = error.retry_after().map(|it| it.as_secs_f64());
    value.setattr("retry_after", seconds)?;
    value.setattr("retryable", error.is_retryable())?;
    value.setattr("surely_harmless", error.surely_harmless())
}

/// The error and its causes, from the outside in. For a refusal its own words are enough.
fn text(error: &Error) -> String {
    if let Error::Contract(refusal) = error {
        return refusal.to_string();
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        write!(text, ": {inner}").expect("a string takes every write");
        cause = inner.source();
    }
    text
}
