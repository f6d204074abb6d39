//! The test clock: moved by the operator, never by itself (R9.1).

use super::problem::Checked;
use super::wire::{ClockMove, ClockTarget, ClockView};
use super::{Admin, Problem};
use api::Timestamp;
use axum::Json;
use axum::extract::State;
use delivery::Moment;
use std::sync::Arc;
use std::time::Duration;
use store::Write;

/// The record whose commit makes the store remember the moment.
const SETTING: &str = "test-clock";
/// No move ends later: the year 9999.
const LAST_MS: u64 = 253_402_300_799_000;

pub(super) async fn show(State(admin): State<Arc<Admin>>) -> Result<Json<ClockView>, Problem> {
    view(&admin, 0).await
}

/// Moves the clock, stops at every deadline on the way, and returns when all that was due is committed.
pub(super) async fn advance(
    State(admin): State<Arc<Admin>>,
    Checked(Json(asked)): Checked<Json<ClockMove>>,
) -> Result<Json<ClockView>, Problem> {
    let clock = &admin.dispatch.parts().clock;
    if !clock.is_test() {
        return Err(Problem::NoTestClock);
    }
    let _one = admin.moving.lock().await;
    let target = target(&asked, clock.now())?;
    let mut stops = 0;
    while let Some(deadline) = settle(&admin).await?.filter(|deadline| *deadline <= target) {
        clock.move_to(deadline);
        stops += 1;
    }
    clock.move_to(target);
    settle(&admin).await?;
    // Without a commit at this moment a restart would go on from an earlier one.
    let value = target.as_millis().to_le_bytes().to_vec();
    admin
        .dispatch
        .keep(vec![Write::Setting {
            name: SETTING.into(),
            value,
        }])
        .await?;
    view(&admin, stops).await
}

async fn view(admin: &Admin, stops: u64) -> Result<Json<ClockView>, Problem> {
    let clock = &admin.dispatch.parts().clock;
    let next_deadline = settle(admin).await?.map(Into::into);
    Ok(Json(ClockView {
        now: clock.now().into(),
        test: clock.is_test(),
        next_deadline,
        stops,
    }))
}

/// Waits until nothing is left to do at the present moment; the earliest deadline ahead.
async fn settle(admin: &Admin) -> Result<Option<Moment>, Problem> {
    // What the lanes decide gives the other parts something to do, and what these do may be an input of lanes.
    admin.dispatch.settle().await?;
    let parts = admin.timers.settle().await;
    let lanes = admin.dispatch.settle().await?;
    Ok([parts, lanes].into_iter().flatten().min())
}

fn target(asked: &ClockMove, now: Moment) -> Result<Moment, Problem> {
    let invalid = |text: &str| Err(Problem::Invalid(text.into()));
    let target = match (asked.advance_ms, &asked.to) {
        (Some(ms), None) => now + Duration::from_millis(ms),
        (None, Some(ClockTarget::Millis(ms))) => Moment::from_millis(*ms),
        (None, Some(ClockTarget::Text(text))) => match Timestamp::parse(text) {
            Some(time) => Moment::from_millis(time.unix_millis_u64()),
            None => {
                return invalid(
                    "`to` must be milliseconds since 1970 or a moment such as 20151212T121212Z",
                );
            }
        },
        (None, None) | (Some(_), Some(_)) => return invalid("give either `advance_ms` or `to`"),
    };
    if target < now {
        return invalid("the clock is never set back");
    }
    if target.as_millis() > LAST_MS {
        return invalid("the clock ends with the year 9999");
    }
    Ok(target)
}
