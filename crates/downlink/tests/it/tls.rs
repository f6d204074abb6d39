//! Certificates of the real process: reloaded on SIGHUP, and what is not good is not taken over.

use crate::process::{Server, wait};
use sdk::{Client, Error};
use server::clock;
use server::tls::{Clients, Settings, Source, Tls};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

/// Makes an authority and a pair under it; gives the paths of `ca.pem`, the certificate and the key.
fn made(folder: &Path) -> [PathBuf; 3] {
    let source = Source::Generated {
        folder: folder.to_owned(),
        names: Vec::new(),
    };
    let (cert, key) = (source.cert_file(), source.key_file());
    let settings = Settings {
        source,
        north: Clients::Off,
        mqtt: Clients::Off,
    };
    let tls = Tls::open(settings, clock::wall().as_millis()).expect("made");
    [tls.ca_file().expect("made here"), cert, key]
}

/// Whether a client that trusts this authority is served.
fn is_trusted(server: &Server, ca: &Path) -> bool {
    let pem = std::fs::read_to_string(ca).expect("a file");
    let client = Client::builder(server.ports.north_url(), "nobody", "wrong")
        .ca_pem(pem)
        .build()
        .expect("a client");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    match runtime.block_on(client.get_auth_token()) {
        Err(Error::Contract(_)) => true,
        Err(Error::Transport { .. }) => false,
        other => panic!("{other:?}"),
    }
}

fn metric(server: &Server, name: &str) -> String {
    let mut door = TcpStream::connect(server.ports.admin).expect("connected");
    door.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .expect("written");
    let mut page = String::new();
    door.read_to_string(&mut page).expect("read");
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_default().trim().to_owned()
}

#[test]
fn sighup_reloads_certificates_and_keeps_the_old_ones_when_the_new_are_bad() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let [[old_ca, old_cert, old_key], [new_ca, new_cert, new_key]] =
        [made(&at("old")), made(&at("new"))];
    let put = |from: &Path, to: &str| {
        std::fs::copy(from, at(to)).expect("copied");
    };
    put(&old_cert, "cert.pem");
    put(&old_key, "key.pem");
    let (cert, key) = (
        format!("tls.cert_file={}", at("cert.pem").display()),
        format!("tls.key_file={}", at("key.pem").display()),
    );
    let settings = ["--set", "north.tls=true", "--set", &cert, "--set", &key];
    let server = Server::start(folder.path(), &settings);
    assert!(is_trusted(&server, &old_ca) && !is_trusted(&server, &new_ca));
    let log = || std::fs::read_to_string(at("log")).expect("a log");

    // Half of a new pair.
    put(&new_cert, "cert.pem");
    server.signal("HUP");
    wait("the log says why", || {
        log().contains("certificates cannot be reloaded: the old ones stay in use")
    });
    wait("the metric says so", || {
        metric(&server, "downlink_tls_reload_failed") == "1"
    });
    assert!(is_trusted(&server, &old_ca) && !is_trusted(&server, &new_ca));

    // All of it.
    put(&new_key, "key.pem");
    server.signal("HUP");
    wait("new connections get the new certificate", || {
        is_trusted(&server, &new_ca)
    });
    assert!(!is_trusted(&server, &old_ca));
    wait("the metric says so", || {
        metric(&server, "downlink_tls_reload_failed") == "0"
    });
    let expires: f64 = metric(&server, "downlink_tls_certificate_expires_seconds")
        .parse()
        .expect("a number");
    assert!(expires > 1.7e9, "{expires}");
    server.signal("TERM");
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn sighup_ends_nothing_where_there_is_no_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    server.signal("HUP");
    let log = || std::fs::read_to_string(folder.path().join("log")).expect("a log");
    wait("it says so", || {
        log().contains("there is no certificate to reload")
    });
    server.signal("TERM");
    assert_eq!(server.end().0, Some(0));
}
