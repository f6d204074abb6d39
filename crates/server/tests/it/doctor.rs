//! The doctor names what is wrong: each test breaks a set-up in one way.

use crate::certs::Authority;
use server::admin::client::Method;
use server::admin::wire::ClockView;
use server::assembly::Server;
use server::config::{ClientCerts, Config};
use server::doctor::{Finding, Level, examine};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

/// Nothing wrong with it, but that it is for tests.
fn sound(folder: &TempDir) -> Config {
    mode(folder.path(), 0o700);
    let mut config = Config::local(folder.path());
    config.north.private_callbacks = false;
    // As few as any machine allows.
    (config.north.connections_max, config.mqtt.connections_max) = (16, 16);
    config
}

async fn look(config: &Config) -> Vec<Finding> {
    examine(config.clone(), Vec::new()).await
}

fn worst(findings: &[Finding]) -> Level {
    let levels = findings.iter().map(|one| one.level);
    levels.max().expect("something was looked at")
}

/// Whether exactly one finding is not fine, and which words it must have.
#[track_caller]
fn assert_found(findings: &[Finding], level: Level, words: &str) {
    let bad: Vec<_> = findings
        .iter()
        .filter(|one| one.level != Level::Ok)
        .collect();
    let [one] = bad[..] else {
        panic!("expected {words:?} alone, but found {bad:#?}");
    };
    assert_eq!(one.level, level, "{one:?}");
    assert!(one.what.contains(words), "{one:?} lacks {words:?}");
    assert!(one.advice.as_ref().is_some_and(|text| !text.is_empty()));
}

/// Starts a server and lets it end, so that everything is there.
async fn used(config: &Config) {
    let running = Server::new(config.clone()).start().await.expect("started");
    running.stop().await.expect("a good end");
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_set_up_is_fine_before_during_and_after_its_first_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = sound(&folder);
    config.data.folder = folder.path().join("new");
    (config.north.tls, config.mqtt.tls) = (true, true);
    let before = look(&config).await;
    assert_eq!(worst(&before), Level::Ok, "{before:#?}");
    assert!(!config.data.folder.exists(), "it changes nothing");

    let running = Server::new(config.clone()).start().await.expect("started");
    let during = look(&config).await;
    assert_eq!(worst(&during), Level::Ok, "{during:#?}");
    let has = |words: &str| during.iter().any(|one| one.what.contains(words));
    assert!(has("a server runs on it"), "{during:#?}");
    assert!(has("it takes requests (/readyz)"), "{during:#?}");
    assert!(has("applications are served at https://127.0.0.1:"));
    assert!(has("devices are served over MQTT over TLS at"));
    assert!(has("clients that trust") && has("that stands in the files"));
    running.stop().await.expect("a good end");

    let after = look(&config).await;
    assert_eq!(worst(&after), Level::Ok, "{after:#?}");
    used(&config).await;
}

#[tokio::test]
async fn settings_that_are_probably_not_meant_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let found = async |change: fn(&mut Config), words: &str| {
        let mut config = sound(&folder);
        change(&mut config);
        assert_found(&look(&config).await, Level::Warning, words);
    };
    found(
        |config| config.north.address = [0, 0, 0, 0].into(),
        "applications' secrets and tokens travel in the clear",
    )
    .await;
    found(
        |config| config.mqtt.address = [0, 0, 0, 0].into(),
        "what devices say and hear travels in the clear",
    )
    .await;
    found(|config| config.mqtt.plain = false, "no device can connect").await;
    found(|config| config.clock.test = true, "time stands still").await;
    found(
        |config| config.north.private_callbacks = true,
        "addresses of your own network",
    )
    .await;
    found(
        |config| config.north.calls_per_minute_max = 0,
        "no application is throttled",
    )
    .await;
    found(
        |config| config.mqtt.connections_max = 10_000_000,
        "from then on no connection is accepted",
    )
    .await;
    let variables = [
        "DOWNLINK_NROTH_PORT",
        "DOWNLINK_NORTH_PORT",
        "DOWNLINK_CONFIG",
        "HOME",
    ];
    let findings = examine(sound(&folder), variables.map(str::to_owned).to_vec()).await;
    assert_found(&findings, Level::Warning, "DOWNLINK_NROTH_PORT is not used");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_data_folder_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = sound(&folder);
    let at = |name: &str| folder.path().join(name);
    used(&config).await;
    assert_eq!(worst(&look(&config).await), Level::Ok);

    mode(folder.path(), 0o755);
    let findings = look(&config).await;
    assert_found(
        &findings,
        Level::Warning,
        "others than its owner may look into",
    );
    mode(folder.path(), 0o700);

    mode(&at("admin.token"), 0o644);
    assert_found(
        &look(&config).await,
        Level::Problem,
        "admin.token can be read by others",
    );
    mode(&at("admin.token"), 0o600);

    mode(&at("key"), 0o640);
    assert_found(
        &look(&config).await,
        Level::Problem,
        "can be read by others",
    );
    mode(&at("key"), 0o600);
    let key = std::fs::read(at("key")).expect("a key");
    std::fs::write(at("key"), [7; 32]).expect("written");
    assert_found(&look(&config).await, Level::Problem, "is not the one that");
    std::fs::write(at("key"), b"short").expect("written");
    assert_found(&look(&config).await, Level::Problem, "does not hold a key");
    std::fs::remove_file(at("key")).expect("removed");
    assert_found(
        &look(&config).await,
        Level::Problem,
        "holds secrets that only it opens",
    );
    assert!(!at("key").exists(), "it makes none");
    std::fs::write(at("key"), key).expect("written");
    mode(&at("key"), 0o600);

    // The version of the schema stands at byte 60 of the file.
    let sound_bytes = std::fs::read(at("downlink.db")).expect("a database");
    let mut newer = sound_bytes.clone();
    newer[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    std::fs::write(at("downlink.db"), newer).expect("written");
    assert_found(
        &look(&config).await,
        Level::Problem,
        "has schema version 9999",
    );
    std::fs::write(
        at("downlink.db"),
        b"no database at all, but long enough to be one",
    )
    .expect("written");
    let findings = look(&config).await;
    assert_found(&findings, Level::Problem, "downlink.db");
    std::fs::write(at("downlink.db"), sound_bytes).expect("written");
    assert_eq!(worst(&look(&config).await), Level::Ok);

    let mut full = config.clone();
    full.store.free_mib_min = 1 << 30;
    assert_found(
        &look(&full).await,
        Level::Problem,
        "no command and no device is accepted",
    );
    let mut wrong = config.clone();
    wrong.data.folder = at("key");
    assert_found(&look(&wrong).await, Level::Problem, "is no folder");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_behind_the_database_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = sound(&folder);
    config.clock.test = true;
    let running = Server::new(config.clone()).start().await.expect("started");
    let admin = running.admin().expect("its door");
    let a_day = serde_json::json!({"advance_ms": 86_400_000});
    let moved: ClockView = admin
        .send(Method::POST, "/downlink/v1/clock", &a_day)
        .await
        .expect("moved");
    drop(moved);
    running.stop().await.expect("a good end");
    config.clock.test = false;
    let findings = look(&config).await;
    assert_found(
        &findings,
        Level::Problem,
        "behind the last moment in the database",
    );
}

#[tokio::test]
async fn a_port_that_cannot_be_had_is_named_with_whoever_has_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("bound").port();
    let mut config = sound(&folder);
    config.north.port = port;
    let findings = look(&config).await;
    assert_found(
        &findings,
        Level::Problem,
        "the interface for applications cannot listen on 127.0.0.1:",
    );
    let who = format!("process {}", std::process::id());
    assert!(
        findings.iter().any(|one| one.what.contains(&who)),
        "{findings:#?}"
    );

    let mut config = sound(&folder);
    (config.north.port, config.admin.port) = (
        port.wrapping_add(1).max(1_024),
        port.wrapping_add(1).max(1_024),
    );
    let findings = look(&config).await;
    let clash = "the interface for applications and the admin interface are both to listen on port";
    assert!(
        findings.iter().any(|one| one.what.contains(clash)),
        "{findings:#?}"
    );

    let mut config = sound(&folder);
    config.mqtt.address = [192, 0, 2, 1].into();
    let findings = look(&config).await;
    let foreign = findings.iter().find(|one| one.level == Level::Problem);
    let foreign = foreign.expect("nobody has that address");
    assert!(
        foreign
            .what
            .contains("this machine does not have that address"),
        "{foreign:?}"
    );
}

#[tokio::test]
async fn what_is_wrong_with_certificates_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = tempfile::tempdir().expect("a folder");
    let authority = Authority::new("servers");
    let mut config = sound(&folder);
    config.north.tls = true;
    let put = |config: &mut Config, names: &[&str], year| {
        let (cert, key) = authority.issue_until(names, year).write(files.path());
        mode(&key, 0o600);
        (config.tls.cert_file, config.tls.key_file) = (Some(cert), Some(key));
    };
    let has = async |config: &Config, level, words: &str| {
        let findings = look(config).await;
        let found = findings
            .iter()
            .any(|one| one.level == level && one.what.contains(words));
        assert!(found, "no {words:?} in {findings:#?}");
    };
    put(&mut config, &["iot.example"], 2060);
    has(&config, Level::Warning, "old devices offer ECDHE-RSA only").await;
    put(&mut config, &["iot.example"], 2021);
    has(&config, Level::Problem, "expired on").await;
    put(&mut config, &["iot.example"], 2060);
    config.tls.names = vec!["other.example".into(), "iot.example".into()];
    has(&config, Level::Warning, "does not hold other.example: ").await;
    config.tls.names.clear();
    let key = config.tls.key_file.clone().expect("given");
    mode(&key, 0o644);
    has(&config, Level::Warning, "others than its owner may read").await;
    std::fs::write(&key, authority.issue(&["x"]).key).expect("written");
    has(&config, Level::Problem, "and its key cannot be used").await;
    std::fs::remove_file(&key).expect("removed");
    has(&config, Level::Problem, "key.pem cannot be used").await;

    put(&mut config, &["iot.example"], 2060);
    let ca = files.path().join("clients.pem");
    std::fs::write(&ca, "no authority").expect("written");
    config.north.client_certs = ClientCerts::Required;
    config.north.client_ca_file = Some(ca);
    has(&config, Level::Problem, "north: ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_shows_another_certificate_than_its_files_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = tempfile::tempdir().expect("a folder");
    let authority = Authority::new("servers");
    let mut config = sound(&folder);
    config.north.tls = true;
    let (cert, key) = authority.issue(&["localhost"]).write(files.path());
    mode(&key, 0o600);
    (config.tls.cert_file, config.tls.key_file) = (Some(cert), Some(key));
    let running = Server::new(config.clone()).start().await.expect("started");
    let shows_another = async || {
        let findings = look(&config).await;
        let found = |one: &Finding| one.what.contains("shows another certificate");
        findings.iter().any(found)
    };
    assert!(!shows_another().await);
    authority.issue(&["localhost"]).write(files.path());
    assert!(shows_another().await);
    assert!(running.certificates.reload().await);
    assert!(!shows_another().await);
    running.stop().await.expect("a good end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_was_cut_off_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = sound(&folder);
    used(&config).await;
    let marker = folder.path().join(server::backup::UNFINISHED_FILE);
    std::fs::write(marker, "replaced-1").expect("written");
    assert_found(&look(&config).await, Level::Problem, "was not finished");
}
