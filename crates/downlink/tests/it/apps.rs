//! `downlink app`, against a server that runs: what the operator says, and what applications then meet.

use crate::process::{Server, complaint, json, printed, problem};
use sdk::{Client, Error};
use serde_json::{Value, json as value};
use server::clock;
use server::tls::{Clients, Settings, Source, Tls};
use std::path::Path;

/// A server with the applications `meters` and `billing`, and a device of the former.
fn ready(data: &Path) -> Server {
    let server = Server::start(data, &["--test-clock"]);
    for app in ["meters", "billing"] {
        std::fs::write(data.join(app), format!("secret-of-{app}\n")).expect("written");
        let file = data.join(app);
        let file = file.to_str().expect("text");
        printed(data, &["app", "create", "--id", app, "--secret-file", file]);
    }
    register(data, "m1");
    server
}

/// Registers a device of `meters`; its id.
fn register(data: &Path, node_id: &str) -> String {
    let args = ["device", "register", "--app", "meters", "--node-id"];
    let made = json(data, &[&args[..], &[node_id, "--json"]].concat());
    made["deviceId"].as_str().expect("an id").to_owned()
}

/// Has an application log in with this secret, and queue a command for a device of `meters`; the code of the refusal, if any.
fn tries(server: &Server, app: &str, secret: &str, device: &str) -> Option<String> {
    let client = Client::builder(server.ports.north_url(), app, secret)
        .build()
        .expect("a client");
    let request = format!(
        r#"{{"deviceId":"{device}","command":{{"serviceId":"S","method":"SET","paras":{{}}}}}}"#
    );
    let request = api::commands::PostCommandRequest::from_json(request.as_bytes()).expect("sound");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let tried = runtime.block_on(async {
        let owner = client.for_owner("meters");
        owner.post_device_command(&request).await
    });
    match tried {
        Ok(_) => None,
        Err(Error::Contract(refused)) => Some(refused.code),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_grant_is_given_limited_listed_and_revoked() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = ready(data);
    let device = register(data, "m2");
    let by_billing = || tries(&server, "billing", "secret-of-billing", &device);
    assert_eq!(by_billing().as_deref(), Some("100217"));
    let grant =
        |more: &[&'static str]| [&["app", "grant", "meters", "--to", "billing"], more].concat();
    let table = printed(data, &grant(&[]));
    assert!(
        table.contains("OWNER") && table.contains("active"),
        "{table}"
    );
    assert_eq!(by_billing(), None);
    let limited = json(
        data,
        &grant(&[
            "--device",
            "m1",
            "--operation",
            "postDeviceCommand",
            "--operation",
            "queryDeviceCommand",
            "--for",
            "8h",
            "--json",
        ]),
    );
    assert_eq!(
        limited["operations"],
        value!(["postDeviceCommand", "queryDeviceCommand"])
    );
    assert_eq!(limited["devices"].as_array().map(Vec::len), Some(1));
    // Unknown to whoever was not granted it, and what it had queued is gone.
    assert_eq!(by_billing().as_deref(), Some("100418"));
    let waits = || json(data, &["device", "show", "m2", "--json"])["pendingCommands"].clone();
    crate::process::wait("what is no longer covered is cancelled", || waits() == 0);
    for (wrong, why) in [
        (&["--operation", "getAuthToken"][..], "no operation"),
        (&["--device", "none"], "no device none"),
        (&["--until", "20150101T000000Z"], "ended already"),
        (&["--until", "tomorrow"], "UTC"),
    ] {
        let said = complaint(data, &grant(wrong));
        assert!(said.contains(why), "{said}");
    }
    let itself = complaint(data, &["app", "grant", "meters", "--to", "meters"]);
    assert!(itself.contains("needs no grant"), "{itself}");
    let unknown = problem(data, &["app", "grant", "meters", "--to", "nobody"], 4);
    assert_eq!(unknown["message"], "there is no application nobody");
    let all = json(data, &["app", "grants", "--json"]);
    assert_eq!(all, value!([limited]));
    let others = printed(data, &["app", "grants", "billing"]);
    assert!(others.contains("meters"), "{others}");
    let revoke = ["app", "revoke", "meters", "--from", "billing"];
    let revoked = json(data, &[&revoke[..], &["--json"]].concat());
    assert_eq!(
        revoked,
        value!({"owner": "meters", "grantee": "billing", "finished": true})
    );
    assert_eq!(by_billing().as_deref(), Some("100217"));
    let again = problem(data, &revoke, 4);
    assert_eq!(again["message"], "there is no grant of meters to billing");
    assert!(
        again["advice"]
            .as_str()
            .expect("text")
            .contains("app grants")
    );
    assert_eq!(json(data, &["app", "grants", "--json"]), value!([]));
}

#[test]
fn r1_11_a_grant_ends_in_time_on_the_clock_of_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = ready(data);
    let device = register(data, "m2");
    printed(
        data,
        &["app", "grant", "meters", "--to", "billing", "--for", "1h"],
    );
    assert_eq!(
        tries(&server, "billing", "secret-of-billing", &device),
        None
    );
    printed(data, &["clock", "advance", "1h"]);
    let shown = json(data, &["device", "show", "m2", "--json"]);
    assert_eq!(shown["pendingCommands"], 0);
    assert_eq!(json(data, &["app", "grants", "--json"]), value!([]));
}

#[test]
fn an_application_is_frozen_and_thawed_and_gets_another_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = ready(data);
    let device = register(data, "m2");
    let meters = |secret: &str| tries(&server, "meters", secret, &device);
    assert_eq!(meters("secret-of-meters"), None);
    let frozen = json(data, &["app", "freeze", "meters", "--json"]);
    assert_eq!(frozen["frozen"], true);
    assert_eq!(meters("secret-of-meters").as_deref(), Some("100247"));
    let text = printed(data, &["app", "show", "meters"]);
    assert!(text.contains("frozen"), "{text}");
    printed(data, &["app", "unfreeze", "meters"]);
    assert_eq!(meters("secret-of-meters"), None);
    let text = printed(data, &["app", "rotate-secret", "meters"]);
    assert!(text.contains("not shown again"), "{text}");
    assert_eq!(meters("secret-of-meters").as_deref(), Some("100208"));
    let rotate = ["app", "rotate-secret", "meters", "--log-out", "--json"];
    let made = json(data, &rotate);
    assert_eq!(meters(made["secret"].as_str().expect("once")), None);
    let shown = json(data, &["app", "show", "meters", "--json"]);
    assert_eq!(
        (&shown["secret"], &shown["devices"]),
        (&Value::Null, &value!(2))
    );
    let changed = json(data, &["app", "throttle", "meters", "off", "--json"]);
    assert_eq!(changed["throttled"], false);
    problem(data, &["app", "freeze", "nobody"], 4);
}

#[test]
fn an_application_is_deleted_and_its_devices_only_if_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let server = ready(data);
    let device = register(data, "m2");
    printed(data, &["app", "grant", "meters", "--to", "billing"]);
    assert_eq!(
        tries(&server, "billing", "secret-of-billing", &device),
        None
    );
    let unasked = problem(data, &["app", "delete", "meters"], 1);
    assert_eq!(unasked["error"], "not_confirmed");
    let said = complaint(data, &["app", "delete", "meters", "--yes"]);
    assert!(said.contains("2 devices"), "{said}");
    assert_eq!(
        tries(&server, "billing", "secret-of-billing", &device),
        None
    );
    let delete = [
        "app",
        "delete",
        "meters",
        "--with-devices",
        "--yes",
        "--json",
    ];
    assert_eq!(
        json(data, &delete),
        value!({"appId": "meters", "deleted": true})
    );
    let tried = tries(&server, "billing", "secret-of-billing", &device);
    assert_eq!(tried.as_deref(), Some("100203"));
    let commands = json(data, &["command", "list", "--json"]);
    let commands = commands["commands"].as_array().expect("a list");
    assert!(commands.iter().all(|one| one["status"] == "CANCELED"));
    problem(data, &["app", "delete", "meters", "--yes"], 4);
    let listed = json(data, &["app", "list", "--json"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
}

#[test]
fn r5_4_an_application_has_a_secret_and_an_authority_for_its_callbacks() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let _server = ready(data);
    let plain = |more: &[&str]| {
        let args = [&["app", "callback", "meters"], more].concat();
        printed(data, &args)
    };
    let told = |more: &[&str]| -> Value {
        serde_json::from_str(&plain(&[more, &["--json"]].concat())).expect("JSON")
    };
    let source = Source::Generated {
        folder: data.join("made"),
        names: Vec::new(),
    };
    let settings = Settings {
        source,
        north: Clients::Off,
        mqtt: Clients::Off,
    };
    let tls = Tls::open(settings, clock::wall().as_millis()).expect("made");
    let ca = tls.ca_file().expect("made here");
    let ca = ca.to_str().expect("text");
    let text = plain(&["--rotate-webhook-secret", "--ca", ca]);
    let secret = text
        .split_whitespace()
        .find(|word| word.starts_with("whsec_"));
    let secret: api::webhook::WebhookSecret =
        secret.expect("shown once").parse().expect("a secret");
    let again = told(&["--rotate-webhook-secret"]);
    assert_ne!(again["webhookSecret"], secret.expose());
    let shown = told(&[]);
    assert_eq!(shown["webhookSecret"], Value::Null);
    assert_eq!(shown["signsCallbacks"], true);
    assert!(
        shown["callbackCa"]
            .as_str()
            .expect("PEM")
            .contains("BEGIN CERTIFICATE")
    );
    let off = told(&["--no-webhook-secret", "--no-ca"]);
    assert_eq!(
        (&off["signsCallbacks"], &off["callbackCa"]),
        (&value!(false), &Value::Null)
    );
    let key = data.join("meters");
    let key = key.to_str().expect("text");
    let said = complaint(data, &["app", "callback", "meters", "--ca", key]);
    assert!(said.contains("no certificate in PEM"), "{said}");
}
