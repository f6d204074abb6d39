//! What is counted of requests: how many by operation and status, and how long they took. Names are listed in `docs/metrics.md`.

use api::Operation;
use http::StatusCode;
use metrics::{Counter, Histogram, counter, histogram};

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
    answers: Vec<(StatusCode, Counter)>,
    seconds: Histogram,
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
        if let Some((_, counter)) = measured.answers.iter().find(|(s, _)| *s == status) {
            counter.increment(1);
        }
        let us = u32::try_from(us).unwrap_or(u32::MAX);
        measured.seconds.record(f64::from(us) / 1e6);
    }
}

impl OfOperation {
    fn new(operation: Option<Operation>) -> Self {
        let name = operation.map_or("none", Operation::name);
        let of_status = |status: &StatusCode| {
            let labels = [
                ("operation", name.to_owned()),
                ("status", status.as_str().to_owned()),
            ];
            (*status, counter!("downlink_http_answers_total", &labels))
        };
        Self {
            answers: STATUSES.iter().map(of_status).collect(),
            seconds: histogram!("downlink_http_seconds", "operation" => name),
        }
    }
}
