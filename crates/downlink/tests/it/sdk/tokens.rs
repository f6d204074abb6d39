//! One login for many callers, and another one when somebody else has logged in.

use super::{Bed, meter};
use sdk::api::Code;
use sdk::{Client, Error};
use std::sync::Arc;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

const CALLERS: usize = 32;

/// Lets many callers ask the same at the same moment.
async fn together(client: &Client, device_id: &str) -> Vec<Result<(), Error>> {
    let gate = Arc::new(Barrier::new(CALLERS));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (client, gate, device_id) = (client.clone(), gate.clone(), device_id.to_owned());
        callers.spawn(async move {
            gate.wait().await;
            client.query_device_status(&device_id).await.map(drop)
        });
    }
    callers.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_callers_share_one_login_and_one_refresh() {
    let bed = Bed::start();
    let made = bed
        .client()
        .reg_direct_device_with_secret(&meter("m"))
        .await;
    let device_id = made.expect("registered").device_id;
    let before = bed.answers("getAuthToken");
    let client = bed.client();
    for answer in together(&client, &device_id).await {
        answer.expect("answered");
    }
    assert_eq!(bed.answers("getAuthToken") - before, 1);

    // A login elsewhere ends the token that all of them hold: they are refused together, and log in once together.
    let elsewhere = bed.client();
    elsewhere.get_auth_token().await.expect("logged in");
    let before = bed.answers("getAuthToken");
    for answer in together(&client, &device_id).await {
        answer.expect("answered");
    }
    assert_eq!(bed.answers("getAuthToken") - before, 1);
    assert_eq!(bed.answers("refreshAuthToken"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_callers_share_the_failure_of_a_login() {
    let bed = Bed::start();
    let wrong = Client::builder(bed.server.ports.north_url(), "app", "wrong");
    let client = wrong.build().expect("settings that work");
    let before = bed.answers("getAuthToken");
    for answer in together(&client, "d").await {
        let error = answer.expect_err("the secret is wrong");
        assert_eq!(error.code(), Some(Code::WrongSecret));
        assert!(!error.is_retryable());
    }
    let logins = bed.answers("getAuthToken") - before;
    assert!((1..CALLERS as u64).contains(&logins), "{logins}");
}

#[tokio::test]
async fn a_token_that_a_frozen_clock_kept_alive_is_renewed_when_time_has_passed() {
    let bed = Bed::start();
    let client = bed.client();
    let made = client.reg_direct_device_with_secret(&meter("m")).await;
    let device_id = made.expect("registered").device_id;
    crate::process::printed(bed.data(), &["clock", "advance", "2h"]);
    // The client's own clock has not moved: it learns from the refusal.
    let status = client.query_device_status(&device_id).await;
    status.expect("answered, after one more login");
    assert_eq!(bed.answers("getAuthToken"), 2);
}
