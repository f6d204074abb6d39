//! Callbacks of the server that runs: endpoints that are down, and what was given up.

use super::Notes;
use crate::admin::client::Client;
use crate::admin::wire::{DeadCallbackView, EndpointView};

const TOPIC: &str = "callbacks";
/// So many that were given up are looked at.
const DEAD_SHOWN: usize = 100;

pub(super) async fn examine(client: &Client, notes: &mut Notes) {
    let path = "/downlink/v1/callbacks/endpoints";
    let endpoints = client.read::<Vec<EndpointView>>(path).await;
    let path = format!("/downlink/v1/callbacks/dead?limit={DEAD_SHOWN}");
    let dead = client.read::<Vec<DeadCallbackView>>(&path).await;
    match (endpoints, dead) {
        (Ok(endpoints), Ok(dead)) => tell(&endpoints, &dead, notes),
        (Err(error), _) | (_, Err(error)) => notes.problem(
            TOPIC,
            format!("the server does not tell of its callbacks: {error}"),
            "use the program of the version that the server has: `downlink version`",
        ),
    }
}

fn tell(endpoints: &[EndpointView], dead: &[DeadCallbackView], notes: &mut Notes) {
    let before = notes.0.len();
    for endpoint in endpoints {
        let Some(since) = &endpoint.down_since else {
            continue;
        };
        let why = endpoint
            .last_failure
            .as_ref()
            .map_or("no reason is known", |failure| &failure.reason);
        notes.warning(
            TOPIC,
            format!(
                "{} is down since {}, and the callbacks of {} commands wait for it: {why}",
                endpoint.endpoint, since.utc, endpoint.waiting
            ),
            "the server tries again every few minutes; the reason says whether the address, its name, its certificate \
             (an authority of the application's own: `downlink app`) or north.private_callbacks is to be put right",
        );
    }
    if let Some(first) = dead.first() {
        let count = match dead.len() {
            DEAD_SHOWN => format!("{DEAD_SHOWN} or more"),
            count => count.to_string(),
        };
        notes.warning(
            TOPIC,
            format!(
                "the callbacks of {count} commands were given up, the first to {}: {}",
                first.endpoint, first.reason
            ),
            "`downlink callback dead` lists them; put the endpoint right, then `downlink callback replay`",
        );
    }
    if notes.is_well_since(before) {
        notes.ok(TOPIC, "no endpoint is down, and nothing was given up");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::wire::{LastFailure, MomentView};
    use crate::doctor::Level;
    use delivery::Moment;

    fn endpoint(name: &str, down: bool) -> EndpointView {
        let at = MomentView::from(Moment::from_millis(1_600_000_000_000));
        EndpointView {
            endpoint: name.to_owned(),
            state: if down { "down" } else { "up" }.to_owned(),
            waiting: 3,
            under_way: 0,
            failures: 10,
            down_since: down.then(|| at.clone()),
            next_probe: None,
            last_failure: Some(LastFailure {
                at,
                reason: "connection refused".to_owned(),
            }),
        }
    }

    #[test]
    fn endpoints_that_are_down_and_callbacks_that_were_given_up_are_named() {
        let mut notes = Notes::default();
        tell(
            &[endpoint("https://up.example:443", false)],
            &[],
            &mut notes,
        );
        assert_eq!(notes.0[0].level, Level::Ok);
        let dead = DeadCallbackView {
            command_id: "c".to_owned(),
            app_id: None,
            from: 1,
            endpoint: "https://gone.example:443".to_owned(),
            since: MomentView::from(Moment::default()),
            attempts: 9,
            reason: "status 500".to_owned(),
            replaying: false,
        };
        let mut notes = Notes::default();
        tell(
            &[endpoint("https://down.example:443", true)],
            &[dead],
            &mut notes,
        );
        let [down, given_up] = &notes.0[..] else {
            panic!("{notes:#?}");
        };
        let words = "https://down.example:443 is down since 20200913T122640Z, and the callbacks of 3 commands wait for it: connection refused";
        assert_eq!((down.level, down.what.as_str()), (Level::Warning, words));
        let words = "the callbacks of 1 commands were given up, the first to https://gone.example:443: status 500";
        assert_eq!(
            (given_up.level, given_up.what.as_str()),
            (Level::Warning, words)
        );
    }
}
