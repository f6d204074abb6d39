//! Faults that a test asks for (R9.2).

use super::problem::Checked;
use super::wire::{FaultOrder, FaultView};
use super::{Admin, Problem};
use crate::faults::Fault;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use std::sync::Arc;

/// The fault that the store itself causes: the next commit fails, and with it the platform (R2.5).
const COMMIT: &str = "commit";

const COMMIT_MEANING: &str =
    "the next commit fails: nothing is acknowledged any more, and the process exits with status 1";

/// Every fault, with how often it is still to happen.
pub(super) async fn list(State(admin): State<Arc<Admin>>) -> Result<Json<Vec<FaultView>>, Problem> {
    let parts = admin.dispatch.parts();
    if !parts.clock.is_test() {
        return Err(Problem::NoTestClock);
    }
    let view = |fault: Fault| FaultView {
        fault: fault.name().to_owned(),
        left: parts.faults.left(fault),
        meaning: fault.meaning().to_owned(),
    };
    let mut faults: Vec<FaultView> = Fault::ALL.into_iter().map(view).collect();
    faults.push(FaultView {
        fault: COMMIT.to_owned(),
        left: 0,
        meaning: COMMIT_MEANING.to_owned(),
    });
    Ok(Json(faults))
}

pub(super) async fn set(
    State(admin): State<Arc<Admin>>,
    Checked(Json(order)): Checked<Json<FaultOrder>>,
) -> Result<StatusCode, Problem> {
    let parts = admin.dispatch.parts();
    if !parts.clock.is_test() {
        return Err(Problem::NoTestClock);
    }
    if order.fault == COMMIT {
        if order.times != 1 {
            return Err(Problem::Invalid(
                "`commit` happens once, and cannot be taken back".into(),
            ));
        }
        admin.database.fail_next_commit();
        return Ok(StatusCode::NO_CONTENT);
    }
    let Some(fault) = Fault::ALL
        .into_iter()
        .find(|fault| fault.name() == order.fault)
    else {
        let names: Vec<_> = Fault::ALL
            .iter()
            .map(|fault| fault.name())
            .chain([COMMIT])
            .collect();
        return Err(Problem::Invalid(format!(
            "there is no fault `{}`; faults are {}",
            order.fault,
            names.join(", ")
        )));
    };
    parts.faults.set(fault, order.times);
    Ok(StatusCode::NO_CONTENT)
}
