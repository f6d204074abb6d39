//! What is counted of requests: how many by operation and status, and how long they took. Names are listed in `docs/metrics.md`.

use api::Operation;
use http::StatusCode;
use metrics::{Counter, Histogram, counter, histogram};
use std::sync::OnceLock;

/// Every status that the northbound interface sends.
const STATUSES: [StatusCode; 16] = [
    StatusCode::OK,
    StatusCode::CREATED,
    StatusCode::ACCEPTED,
    StatusCode::NO_CONTENT,
    StatusCode::BAD_REQUEST,
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::CONFLICT,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::URI_TOO_LONG,
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::SERVICE_UNAVAILABLE,
];

/// Handles that are made once, because every request needs them.
pub(super) struct Measures {
    operations: Vec<(Option<Operation>, OfOperation)>,
}

struct OfOperation {
    name: &'static str,
    /// Made when the first answer with this status leaves, so that `/metrics` shows only what has happened.
    answers: [OnceLock<Counter>; STATUSES.len()],
    seconds: OnceLock<Histogram>,
}

impl Measures {
    pub(super) fn new() -> Self {
        let all = Operation::ALL.iter().copied().map(Some).chain([None]);
        Self {
            operations: all
                .map(|operation| (operation, OfOperation::new(operation)))
                .collect(),
        }
    }

    /// Counts an answer that took `us` microseconds.
    pub(super) fn note(&self, operation: Option<Operation>, status: StatusCode, us: u64) {
        let Some((_, measured)) = self.operations.iter().find(|(o, _)| *o == operation) else {
            return;
        };
        if let Some(at) = STATUSES.iter().position(|known| *known == status) {
            measured.answers[at]
                .get_or_init(|| measured.counter(status))
                .increment(1);
        }
        let us = u32::try_from(us).unwrap_or(u32::MAX);
        let seconds = measured.seconds.get_or_init(|| measured.histogram());
        seconds.record(f64::from(us) / 1e6);
    }
}

impl OfOperation {
    fn new(operation: Option<Operation>) -> Self {
        Self {
            name: operation.map_or("none", Operation::name),
            answers: std::array::from_fn(|_| OnceLock::new()),
            seconds: OnceLock::new(),
        }
    }

    fn counter(&self, status: StatusCode) -> Counter {
        let labels = [
            ("operation", self.name.to_owned()),
            ("status", status.as_str().to_owned()),
        ];
        counter!("downlink_http_answers_total", &labels)
    }

    fn histogram(&self) -> Histogram {
        histogram!("downlink_http_seconds", "operation" => self.name)
    }
}
