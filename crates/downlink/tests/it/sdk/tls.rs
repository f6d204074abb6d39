//! TLS to the real server: its own CA, a stranger's, and certificates of clients.

use super::Bed;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use sdk::{Carried, Client, Error};
use std::fs;

const TLS: [&str; 2] = ["--set", "north.tls=true"];

#[tokio::test]
async fn the_platforms_own_ca_is_trusted_when_named_and_not_otherwise() {
    let bed = Bed::with(&TLS);
    let ca = fs::read(bed.data().join("tls/ca.pem")).expect("made at the first start");
    let own = bed.builder().ca_pem(ca.clone()).build().expect("a CA");
    own.get_auth_token().await.expect("over TLS");
    let beside = bed.builder().extra_root_pem(ca).build().expect("a CA");
    beside.get_auth_token().await.expect("over TLS");
    let none = bed.client().get_auth_token().await;
    let error = none.expect_err("nobody vouches for it");
    assert!(
        matches!(
            error,
            Error::Transport {
                what: Carried::Nothing,
                ..
            }
        ),
        "{error:?}"
    );
}

/// An authority, and a certificate under it with its key; in PEM.
fn client_certificate() -> (String, String, String) {
    let ca_key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::new(Vec::new()).expect("no names");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).expect("signed").pem();
    let authority = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().expect("a key");
    let mut own = CertificateParams::new(Vec::new()).expect("no names");
    own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = own.signed_by(&key, &authority).expect("signed");
    (ca_pem, certificate.pem(), key.serialize_pem())
}

#[tokio::test]
async fn a_platform_that_asks_for_certificates_gets_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let (ca_pem, certificate, key) = client_certificate();
    fs::write(path("ca.pem"), ca_pem).expect("written");
    let ca_file = format!("north.client_ca_file={}", path("ca.pem").display());
    let bed = Bed::with(&[
        "--set",
        "north.tls=true",
        "--set",
        "north.client_certs=required",
        "--set",
        &ca_file,
    ]);
    let ca = fs::read(bed.data().join("tls/ca.pem")).expect("made at the first start");
    let shows = bed
        .builder()
        .ca_pem(ca.clone())
        .client_certificate(certificate, key)
        .build()
        .expect("a certificate with its key");
    shows.get_auth_token().await.expect("it is known");
    let hides = bed.builder().ca_pem(ca).build().expect("a CA");
    let error = hides.get_auth_token().await.expect_err("it hides itself");
    assert!(matches!(error, Error::Transport { .. }), "{error:?}");
}

#[test]
fn a_certificate_that_cannot_be_used_is_a_setting_that_is_named() {
    let of = |chain: &str, key: &str| {
        let builder = Client::builder("https://127.0.0.1:1", "app", "secret");
        builder.client_certificate(chain, key).build()
    };
    let error = of("no certificate", "no key").expect_err("neither");
    assert!(
        error
            .to_string()
            .starts_with("client_certificate cannot be used"),
        "{error}"
    );
}
