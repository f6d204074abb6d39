//! `downlink callback`, against a server whose application does not listen, and then does.

use crate::process::{Server, complaint, json, printed, problem, wait};
use sdk::webhook::{Callback, Event, Receiver, Verifier};
use serde_json::json as value;
use std::convert::Infallible;
use std::future::{pending, ready};
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_that_were_given_up_are_listed_and_told_after_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = Server::start(
        data,
        &["--test-clock", "--set", "north.private_callbacks=true"],
    );
    // A port at which nobody listens.
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let address = closed.local_addr().expect("bound");
    drop(closed);
    let endpoint = format!("http://{address}");
    let url = format!("{endpoint}/told");
    let made = json(data, &["app", "create", "--id", "meters", "--json"]);
    assert_eq!(made["signsCallbacks"], false);
    let signing = [
        "app",
        "callback",
        "meters",
        "--rotate-webhook-secret",
        "--json",
    ];
    let secret = json(data, &signing)["webhookSecret"].clone();
    let secret = secret.as_str().expect("shown once");
    printed(data, &["device", "register", "--node-id", "m1"]);
    let send = "command send m1 Any THING --expire 60 --json --callback";
    let send: Vec<&str> = send.split(' ').chain([&*url]).collect();
    let command = json(data, &send);
    let id = command["commandId"].as_str().expect("an id");
    assert_eq!(
        printed(data, &["callback", "dead"]),
        "No callback was given up.\n"
    );

    history(data, id, (1, 0), "callbacks: all is told");
    printed(data, &["clock", "advance", "2min"]);
    history(data, id, (1, 1), "callbacks: 1 still to be told");
    let endpoints = json(data, &["callback", "endpoints", "--json"]);
    assert_eq!(
        (&endpoints[0]["endpoint"], &endpoints[0]["waiting"]),
        (&value!(endpoint), &value!(1))
    );
    assert!(printed(data, &["callback", "endpoints"]).contains("cannot connect"));
    printed(data, &["clock", "advance", "2d"]);
    let dead = json(data, &["callback", "dead", "--app", "meters", "--json"]);
    assert_eq!(
        (&dead[0]["commandId"], &dead[0]["appId"]),
        (&value!(id), &value!("meters"))
    );
    assert_eq!(
        (&dead[0]["endpoint"], dead.as_array().map(Vec::len)),
        (&value!(endpoint), Some(1))
    );
    assert!(printed(data, &["callback", "dead"]).contains("cannot connect"));
    assert_eq!(
        json(data, &["callback", "dead", "--after", id, "--json"]),
        value!([])
    );

    history(data, id, (1, 0), "told up to entry 1 of 2, then given up");
    refusals(data);

    let listener = TcpListener::bind(address).await.expect("bound again");
    let (tell, mut told) = mpsc::unbounded_channel();
    let hear = move |event: Event| {
        tell.send(event).expect("the test waits");
        ready(Ok::<(), Infallible>(()))
    };
    let verifier = Verifier::new(secret.parse().expect("a secret"));
    let mut receiver = JoinSet::new();
    receiver.spawn(async move {
        Receiver::new(verifier)
            .serve(listener, hear, pending())
            .await
    });
    let begun = json(data, &["callback", "replay", id, "--json"]);
    assert_eq!(
        (&begun["begun"], &begun["noRoom"]),
        (&value!(1), &value!(0))
    );
    let event = tokio::time::timeout(Duration::from_mins(1), told.recv()).await;
    let event = event.expect("in time").expect("told");
    assert_eq!(event.id, Some(format!("{id}.1")));
    let Callback::Status(status) = event.callback else {
        panic!("{event:?}")
    };
    assert_eq!(
        (
            status.command_id.as_str(),
            status.result.result_code.as_str()
        ),
        (id, "EXPIRED")
    );
    wait("it is no longer dead", || {
        json(data, &["callback", "dead", "--json"]) == value!([])
    });
    history(data, id, (2, 0), "callbacks: all is told");
    drop(server);
}

/// What `command show --history` says of the callbacks: told up to, owed, and its words for it.
fn history(data: &Path, id: &str, (up_to, owed): (u32, u32), words: &str) {
    let show = ["command", "show", id, "--history", "--json"];
    let told = json(data, &show)["callbacks"].clone();
    assert_eq!(
        (&told["upTo"], &told["owed"]),
        (&value!(up_to), &value!(owed))
    );
    let shown = printed(data, &show[..4]);
    assert!(shown.contains(words), "{shown}");
}

fn refusals(data: &Path) {
    let unknown = "0000000000000009e5676fee2522a3e4";
    assert_eq!(
        problem(data, &["callback", "replay", unknown], 4)["error"],
        "not_found"
    );
    assert_eq!(
        problem(data, &["callback", "dead", "--app", "none"], 4)["error"],
        "not_found"
    );
    assert_eq!(problem(data, &["callback", "replay"], 2)["error"], "usage");
    complaint(data, &["callback", "replay", "no-id"]);
}
