//! Whether a callback may be believed.

use std::time::Duration;

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use sdk::api::callbacks::ResultCodes;
use sdk::webhook::{Callback, Refused, WebhookSecret};

create_exception!(
    downlink._native,
    RefusedCallback,
    PyException,
    "A callback that is not taken. `status` is what to answer; `reason` is `unsigned`, `forged` or `unreadable`."
);

/// Verifies callbacks by the Standard Webhooks scheme, and reads them.
#[pyclass(frozen, module = "downlink._native")]
pub(crate) struct Verifier(sdk::webhook::Verifier);

#[pymethods]
impl Verifier {
    /// Believes what is signed with one of the secrets (everybody, if there is none) and lies no further from the machine's time than
    /// `tolerance` seconds (any time, if it is None).
    #[new]
    fn new(secrets: Vec<String>, tolerance: Option<f64>) -> PyResult<Self> {
        let mut verifier = None;
        for secret in secrets {
            // The reason never quotes the secret.
            let secret: WebhookSecret = secret.parse().map_err(|_| {
                PyValueError::new_err(
                    "it is no webhook secret: `whsec_` and Base64 of 24 to 64 bytes",
                )
            })?;
            verifier = Some(match verifier {
                None => sdk::webhook::Verifier::new(secret),
                Some(verifier) => sdk::webhook::Verifier::or(verifier, secret),
            });
        }
        let verifier = verifier.unwrap_or_else(sdk::webhook::Verifier::unsigned);
        let Some(seconds) = tolerance else {
            return Ok(Self(verifier.at_any_time()));
        };
        let tolerance = Duration::try_from_secs_f64(seconds)
            .map_err(|_| PyValueError::new_err("tolerance: seconds, not negative"))?;
        Ok(Self(verifier.tolerance(tolerance)))
    }

    /// Verifies a callback and returns its id, if it is signed, its kind (`status`, `messageConfirm` or `commandRsp`), and its JSON, in the
    /// words of today. `now`: seconds since 1970, the machine's time if None.
    #[pyo3(signature = (headers, body, now=None))]
    fn dispatch(
        &self,
        py: Python<'_>,
        headers: Vec<(String, String)>,
        body: &[u8],
        now: Option<u64>,
    ) -> PyResult<(Option<String>, &'static str, Vec<u8>)> {
        let headers = crate::arguments::headers(headers);
        let judged = match now {
            None => self.0.dispatch(&headers, body),
            Some(now) => self.0.dispatch_at(&headers, body, now),
        };
        let event = judged.map_err(|refused| refusal(py, &refused))?;
        let (kind, json) = match event.callback {
            Callback::Status(change) => ("status", change.to_json(ResultCodes::Statuses)),
            Callback::MessageConfirm(confirm) => ("messageConfirm", written(&confirm)),
            Callback::CommandRsp(answer) => ("commandRsp", written(&answer)),
        };
        Ok((event.id, kind, json))
    }
}

fn written(callback: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(callback).expect("text and JSON are always JSON")
}

fn refusal(py: Python<'_>, refused: &Refused) -> PyErr {
    let reason = match refused {
        Refused::Unsigned => "unsigned",
        Refused::Forged(_) => "forged",
        Refused::Unreadable(_) => "unreadable",
    };
    let exception = RefusedCallback::new_err(refused.to_string());
    let value = exception.value(py);
    let described = value
        .setattr("status", refused.status().as_u16())
        .and_then(|()| value.setattr("reason", reason));
    described.err().unwrap_or(exception)
}
