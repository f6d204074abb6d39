//! Certificates: whether each can be used, for how long, and by whom it is taken.

use super::{Notes, folder};
use crate::assembly::tls_settings;
use crate::config::Config;
use crate::files;
use crate::tls::{self, Certificate, Clients, KeyKind, Source};
use std::net::IpAddr;
use std::path::Path;

const TOPIC: &str = "certificates";
const DAY_MS: u64 = 86_400_000;
const SOON_DAYS: u64 = 30;
/// Clients of today refuse a shorter RSA key.
const RSA_BITS_MIN: usize = 2_048;

pub(super) fn examine(config: &Config, now_ms: u64, notes: &mut Notes) {
    if !config.north.tls && !config.mqtt.tls {
        notes.ok(TOPIC, "none is needed: no listener speaks TLS");
        return;
    }
    let settings = tls_settings(config);
    let (cert, key) = (settings.source.cert_file(), settings.source.key_file());
    let generated = matches!(settings.source, Source::Generated { .. });
    if generated && !cert.exists() {
        let folder = folder::tls_folder(config);
        notes.ok(
            TOPIC,
            format!(
                "there is none yet; the first start makes one in {}",
                folder.display()
            ),
        );
    } else {
        pair(&cert, &key, config, now_ms, notes);
    }
    for (listener, clients) in [("north", &settings.north), ("mqtt", &settings.mqtt)] {
        authorities(listener, clients, notes);
    }
}

fn pair(cert: &Path, key: &Path, config: &Config, now_ms: u64, notes: &mut Notes) {
    let certificate = match tls::examine(cert, key) {
        Ok(certificate) => certificate,
        Err(error) => {
            notes.problem(
                TOPIC,
                error.to_string(),
                "give the chain in tls.cert_file, the server's certificate first, and its own key in tls.key_file, both PEM",
            );
            return;
        }
    };
    let before = notes.0.len();
    validity(&certificate, now_ms, notes);
    names(&certificate, config, notes);
    kind(&certificate, notes);
    if files::is_open(key).unwrap_or_default() {
        notes.warning(
            TOPIC,
            format!("others than its owner may read {}", key.display()),
            format!("chmod 600 {}", key.display()),
        );
    }
    if notes.is_well_since(before) {
        notes.ok(
            TOPIC,
            format!(
                "{} fits its key and holds until {}",
                cert.display(),
                certificate.until
            ),
        );
    }
}

fn validity(certificate: &Certificate, now_ms: u64, notes: &mut Notes) {
    let Certificate {
        subject,
        from,
        until,
        from_ms,
        until_ms,
        ..
    } = certificate;
    let renew = "put a new pair in place of the files and send SIGHUP to the server";
    if *until_ms < now_ms {
        notes.problem(
            TOPIC,
            format!("the certificate of {subject} expired on {until}: clients refuse it"),
            renew,
        );
    } else if *from_ms > now_ms {
        notes.problem(
            TOPIC,
            format!("the certificate of {subject} holds from {from} on: clients refuse it"),
            "look at the machine's clock; or wait, or use the certificate before",
        );
    } else if *until_ms < now_ms.saturating_add(SOON_DAYS * DAY_MS) {
        notes.warning(
            TOPIC,
            format!("the certificate of {subject} expires on {until}"),
            renew,
        );
    }
}

/// Clients on this machine come by `localhost`, others by the address that is listened on, if there is a certain one.
fn names(certificate: &Certificate, config: &Config, notes: &mut Notes) {
    let certain = |address: IpAddr| {
        let local = address.is_unspecified() || address.is_loopback();
        (!local).then(|| address.to_string())
    };
    let addresses = [
        config.north.tls.then_some(config.north.address),
        config.mqtt.tls.then_some(config.mqtt.tls_address),
    ];
    let mut wanted: Vec<String> = addresses
        .into_iter()
        .flatten()
        .filter_map(certain)
        .collect();
    wanted.extend(config.tls.names.iter().cloned());
    if config.tls.cert_file.is_none() {
        wanted.push("localhost".to_owned());
    }
    let missing: Vec<String> = wanted
        .into_iter()
        .filter(|name| !certificate.covers(name))
        .collect();
    if !missing.is_empty() {
        notes.warning(
            TOPIC,
            format!(
                "the certificate does not hold {}: clients that come by that refuse it; it holds {}",
                missing.join(", "),
                certificate.names.join(", ")
            ),
            "a generated one takes the names in tls.names at the next start; your own needs them as subject alternative names",
        );
    }
}

fn kind(certificate: &Certificate, notes: &mut Notes) {
    match certificate.key {
        KeyKind::Rsa(bits) if bits >= RSA_BITS_MIN => {}
        KeyKind::Rsa(bits) => notes.warning(
            TOPIC,
            format!("the certificate's RSA key has {bits} bits: clients of today refuse it"),
            "make one with 2048 bits or more",
        ),
        KeyKind::Ec | KeyKind::Other => notes.warning(
            TOPIC,
            "the certificate's key is not RSA: old devices offer ECDHE-RSA only and do not come in",
            "use an RSA certificate, unless you know your devices",
        ),
    }
}

fn authorities(listener: &str, clients: &Clients, notes: &mut Notes) {
    match (clients.trust(), clients.examine()) {
        (None, _) => {}
        (Some(trust), Ok(())) => notes.ok(
            TOPIC,
            format!(
                "{listener}: client certificates are checked by {}",
                trust.ca.display()
            ),
        ),
        (Some(_), Err(error)) => notes.problem(
            TOPIC,
            format!("{listener}: {error}"),
            format!("{listener}.client_ca_file takes certificates, {listener}.client_crl_file revocation lists, both PEM"),
        ),
    }
}
