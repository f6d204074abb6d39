//! TLS as clients meet it (R3.7, tolerance 14): nobody is asked for a certificate, unless the operator says so; certificates are
//! reloaded under connections that stand.

use crate::certs::{Authority, BOTH, Caller, Issued, TLS12, TLS13, ask};
use crate::harness::{Login, Platform, spawn};
use mqtt::client::{Client, Event};
use rustls::NamedGroup;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use server::assembly::{Running, Server};
use server::clock;
use server::config::{ClientCerts, Config};
use server::south::admission::Admission;
use server::south::mqtt::{Counts, Settings, South};
use server::tls::{self, Clients, Source, Tls, Trust};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const NOT_FOUND: &str = "HTTP/1.1 404 Not Found";

/// A server whose certificate is the operator's own, on every listener.
struct Local {
    folder: TempDir,
    authority: Authority,
    running: Running,
}

impl Local {
    async fn start(change: impl FnOnce(&mut Config, &Path)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::new("servers");
        let (cert, key) = authority.issue(&["localhost"]).write(folder.path());
        let mut config = Config::local(folder.path().join("data"));
        (config.north.tls, config.mqtt.tls) = (true, true);
        (config.tls.cert_file, config.tls.key_file) = (Some(cert), Some(key));
        change(&mut config, folder.path());
        let running = Server::new(config).start().await.expect("started");
        Self {
            folder,
            authority,
            running,
        }
    }

    fn north(&self) -> SocketAddr {
        self.running.ports.north
    }

    fn mqtts(&self) -> SocketAddr {
        self.running.ports.mqtts.expect("on")
    }

    fn caller(&self, own: Option<&Issued>) -> Caller {
        Caller::new(&self.authority.pem(), own, &BOTH)
    }
}

/// Says something that no MQTT is: whether the listener took the connection far enough to close it in good order.
async fn knock(caller: &Caller, address: SocketAddr) -> std::io::Result<()> {
    let mut stream = caller.open(address).await?;
    stream.write_all(b"\x10\x00").await?;
    stream.read_to_end(&mut Vec::new()).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn tolerance_14_no_client_is_asked_for_a_certificate() {
    let local = Local::start(|_, _| {}).await;
    let old_vendor = Authority::new("vendor of long ago").issue_until(&["old"], 2021);
    for version in BOTH {
        for own in [None, Some(&old_vendor)] {
            let caller = Caller::new(&local.authority.pem(), own, &[version]);
            assert_eq!(caller.ask(local.north()).await.expect("served"), NOT_FOUND);
            knock(&caller, local.mqtts()).await.expect("served");
            assert_eq!(caller.shown.asked.load(Ordering::Relaxed), 0);
        }
    }
    local.running.stop().await.expect("a good end");
}

#[tokio::test(flavor = "multi_thread")]
async fn tolerance_14_a_device_with_ecdhe_rsa_and_p_256_alone_is_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = Config::local(folder.path());
    (config.north.tls, config.mqtt.tls) = (true, true);
    let running = Server::new(config).start().await.expect("started");
    let ca = std::fs::read_to_string(running.ca_file.clone().expect("made")).expect("ca.pem");
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca.as_bytes()).expect("PEM"))
        .expect("an authority");
    let mut provider = rustls::crypto::ring::default_provider();
    let suite = rustls::CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384;
    provider.cipher_suites.retain(|one| one.suite() == suite);
    provider
        .kx_groups
        .retain(|group| group.name() == NamedGroup::secp256r1);
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[TLS12])
        .expect("supported")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let caller = Caller {
        config: Arc::new(config),
        ..Caller::new(&ca, None, &BOTH)
    };
    for address in [running.ports.mqtts.expect("on"), running.ports.north] {
        let stream = caller.open(address).await.expect("a handshake");
        let used = stream.get_ref().1.negotiated_cipher_suite().expect("one");
        assert_eq!(used.suite(), suite);
    }
    running.stop().await.expect("a good end");
}

#[tokio::test(flavor = "multi_thread")]
async fn mutual_tls_is_opt_in_for_each_listener() {
    let (applications, devices) = (Authority::new("applications"), Authority::new("devices"));
    let local = Local::start(|config, folder| {
        let write = |name: &str, authority: &Authority| {
            let path = folder.join(name);
            std::fs::write(&path, authority.pem()).expect("written");
            Some(path)
        };
        config.north.client_certs = ClientCerts::Required;
        config.north.client_ca_file = write("applications.pem", &applications);
        config.mqtt.client_certs = ClientCerts::Optional;
        config.mqtt.client_ca_file = write("devices.pem", &devices);
    })
    .await;
    let application = applications.issue(&["billing"]);
    let device = devices.issue(&["meter-1"]);
    let expired = applications.issue_until(&["billing"], 2021);
    for version in BOTH {
        let caller = |own| Caller::new(&local.authority.pem(), own, &[version]);
        let north = async |own| caller(own).ask(local.north()).await;
        assert_eq!(
            north(Some(&application)).await.expect("a good one"),
            NOT_FOUND
        );
        north(None).await.expect_err("none");
        north(Some(&device)).await.expect_err("another authority's");
        north(Some(&expired)).await.expect_err("expired");
        let mqtt = async |own| knock(&caller(own), local.mqtts()).await;
        mqtt(None).await.expect("none is well");
        mqtt(Some(&device)).await.expect("a good one");
        mqtt(Some(&application))
            .await
            .expect_err("a bad one is not");
    }
    local.running.stop().await.expect("a good end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_a_listener_that_asks_nobody_is_no_pass_for_one_that_asks() {
    let applications = Authority::new("applications");
    let local = Local::start(|config, folder| {
        let path = folder.join("applications.pem");
        std::fs::write(&path, applications.pem()).expect("written");
        config.north.client_certs = ClientCerts::Required;
        config.north.client_ca_file = Some(path);
    })
    .await;
    for version in BOTH {
        // A client keeps tickets by the name of the server, and both listeners have the same.
        let caller = Caller::new(&local.authority.pem(), None, &[version]);
        for _ in 0..3 {
            knock(&caller, local.mqtts()).await.expect("served");
        }
        caller.ask(local.north()).await.expect_err("not asked in");
    }
    local.running.stop().await.expect("a good end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_taken_over_and_connections_that_stand_go_on() {
    let local = Local::start(|_, _| {}).await;
    let renewed = Authority::new("renewed");
    let (before, after) = (
        local.caller(None),
        Caller::new(&renewed.pem(), None, &[TLS13]),
    );
    let mut standing = before.open(local.north()).await.expect("a handshake");
    assert_eq!(ask(&mut standing).await.expect("served"), NOT_FOUND);
    after.ask(local.north()).await.expect_err("not yet");
    assert!(!local.running.certificates.reload().await, "nothing is new");

    renewed.issue(&["localhost"]).write(local.folder.path());
    assert!(local.running.certificates.reload().await);
    for address in [local.north(), local.mqtts()] {
        after.open(address).await.expect("the new one");
        local.caller(None).open(address).await.expect_err("the old");
    }
    assert_eq!(ask(&mut standing).await.expect("goes on"), NOT_FOUND);

    // What is not good is not taken over: a key of another pair, no PEM, a file that is gone, a time that is over.
    let (cert, key) = renewed.issue(&["localhost"]).write(local.folder.path());
    let fitting = std::fs::read(&key).expect("a key");
    let still = async || {
        assert!(!local.running.certificates.reload().await);
        assert_eq!(after.ask(local.north()).await.expect("the same"), NOT_FOUND);
    };
    std::fs::write(&key, renewed.issue(&["localhost"]).key).expect("written");
    still().await;
    std::fs::write(&key, "no key").expect("written");
    still().await;
    std::fs::remove_file(&key).expect("removed");
    still().await;
    std::fs::write(&key, &fitting).expect("written");
    std::fs::write(&cert, "").expect("written");
    still().await;
    renewed
        .issue_until(&["localhost"], 2021)
        .write(local.folder.path());
    still().await;
    assert_eq!(ask(&mut standing).await.expect("goes on"), NOT_FOUND);
    local.running.stop().await.expect("a good end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_revoked_comes_in_no_more() {
    let applications = Authority::new("applications");
    let (lost, kept) = (applications.issue(&["lost"]), applications.issue(&["kept"]));
    let local = Local::start(|config, folder| {
        let (ca, crl) = (folder.join("ca.pem"), folder.join("crl.pem"));
        std::fs::write(&ca, applications.pem()).expect("written");
        std::fs::write(&crl, applications.revoke(&[])).expect("written");
        config.north.client_certs = ClientCerts::Required;
        (config.north.client_ca_file, config.north.client_crl_file) = (Some(ca), Some(crl));
    })
    .await;
    // The same client again and again: a session that is resumed would show no certificate.
    let callers = [local.caller(Some(&lost)), local.caller(Some(&kept))];
    for caller in &callers {
        assert_eq!(caller.ask(local.north()).await.expect("good"), NOT_FOUND);
    }
    let crl = local.folder.path().join("crl.pem");
    std::fs::write(&crl, "no list").expect("written");
    assert!(!local.running.certificates.reload().await);
    callers[0].ask(local.north()).await.expect("still good");
    std::fs::write(&crl, applications.revoke(&[&lost])).expect("written");
    assert!(local.running.certificates.reload().await);
    callers[0].ask(local.north()).await.expect_err("revoked");
    callers[1].ask(local.north()).await.expect("good");
    local.running.stop().await.expect("a good end");
}

/// Connects a device over TLS with this certificate: the code of its CONNACK.
async fn connack(address: SocketAddr, caller: &Caller, login: &Login) -> u8 {
    let mut stream = caller.open(address).await.expect("a handshake");
    let mut client = Client::new(login.version);
    client.connect(&mqtt::client::Login {
        client_id: &login.client_id,
        user_name: Some(&login.user_name),
        password: Some(login.password.as_bytes()),
        keep_alive_s: 60,
        clean: true,
        ..Default::default()
    });
    let mut out = Vec::new();
    client.poll_transmit(&mut out);
    stream.write_all(&out).await.expect("written");
    loop {
        if let Some(Event::Connack(connack)) = client.poll_event() {
            return connack.code;
        }
        let mut bytes = [0; 256];
        let count = stream.read(&mut bytes).await.expect("something comes");
        client.handle_bytes(&bytes[..count]).expect("MQTT");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_may_have_to_name_its_device() {
    let platform = Platform::start().await;
    let id = platform.device("meter-1").await;
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::new("everybody");
    let (cert, key) = authority.issue(&["localhost"]).write(folder.path());
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, authority.pem()).expect("written");
    let settings = tls::Settings {
        source: Source::Own { cert, key },
        north: Clients::Off,
        mqtt: Clients::Optional(Trust { ca, crl: None }),
    };
    let tls = Arc::new(Tls::open(settings, clock::wall().as_millis()).expect("TLS"));
    let listen = async |certificate_names_device| {
        let south = South {
            admission: Admission::new(
                platform.registry.clone(),
                platform.vault.clone(),
                platform.clock.clone(),
            ),
            dispatch: platform.dispatch.clone(),
            hub: platform.hub.clone(),
            registry: platform.registry.clone(),
            shutdown: platform.shutdown.clone(),
            settings: Settings {
                certificate_names_device,
                ..Settings::default()
            },
            counts: Counts::default(),
        };
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = server::south::mqtt::bind(any).await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        spawn(server::south::mqtt::serve(
            listener,
            Some(tls.mqtt()),
            Arc::new(south),
        ));
        address
    };
    let (strict, lax) = (listen(true).await, listen(false).await);
    let login = Login::of(&id.to_string(), 0);
    let node = authority.issue(&["somebody", "meter-1"]);
    let device = authority.issue(&[&id.to_string()]);
    let other = authority.issue(&["meter-2"]);
    let code = async |address, own: Option<&Issued>| {
        connack(address, &Caller::new(&authority.pem(), own, &BOTH), &login).await
    };
    assert_eq!(code(strict, Some(&node)).await, 0);
    assert_eq!(code(strict, Some(&device)).await, 0);
    assert_eq!(code(strict, Some(&other)).await, 5, "not authorised");
    assert_eq!(code(strict, None).await, 0, "optional");
    assert_eq!(code(lax, Some(&other)).await, 0, "any good one will do");
}
