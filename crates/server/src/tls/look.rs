//! What a certificate says, for metrics, for the operator, and for devices that are known by theirs.

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use std::net::IpAddr;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;

/// What a certificate says of itself. Nothing of it is verified here.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// Whose it is, as one line.
    pub subject: String,
    /// Common name, DNS names, addresses and URIs, in this order.
    pub names: Vec<String>,
    /// From when it holds, for people.
    pub from: String,
    /// Until when it holds, for people.
    pub until: String,
    /// From when it holds, in milliseconds since 1970.
    pub from_ms: u64,
    /// Until when it holds, in milliseconds since 1970.
    pub until_ms: u64,
    /// The kind of its key.
    pub key: KeyKind,
    der: CertificateDer<'static>,
}

/// The kind of a certificate's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA, with so many bits: every device checks it.
    Rsa(usize),
    /// An elliptic curve: old devices do not check it.
    Ec,
    /// Anything else.
    Other,
}

impl Certificate {
    /// Reads a certificate.
    ///
    /// # Errors
    /// It cannot be read; the text says why.
    pub fn read(der: &CertificateDer<'_>) -> Result<Self, String> {
        let (_, parsed) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
        let validity = parsed.validity();
        let key = match parsed.public_key().parsed() {
            Ok(PublicKey::RSA(key)) => KeyKind::Rsa(key.key_size()),
            Ok(PublicKey::EC(_)) => KeyKind::Ec,
            Ok(_) | Err(_) => KeyKind::Other,
        };
        Ok(Self {
            subject: parsed.subject().to_string(),
            names: names(&parsed),
            from: validity.not_before.to_string(),
            until: validity.not_after.to_string(),
            from_ms: millis(validity.not_before),
            until_ms: millis(validity.not_after),
            key,
            der: der.clone().into_owned(),
        })
    }

    /// Whether it holds at `now_ms`.
    pub fn is_valid(&self, now_ms: u64) -> bool {
        (self.from_ms..=self.until_ms).contains(&now_ms)
    }

    /// Whether a client that connects to this name or address takes it for the right one.
    pub fn covers(&self, name: &str) -> bool {
        let Ok(parsed) = ParsedCertificate::try_from(&self.der) else {
            return false;
        };
        ServerName::try_from(name)
            .is_ok_and(|name| rustls::client::verify_server_name(&parsed, &name).is_ok())
    }
}

fn names(parsed: &X509Certificate<'_>) -> Vec<String> {
    let common = parsed.subject().iter_common_name();
    let common = common.filter_map(|name| Some(name.as_str().ok()?.to_owned()));
    let others = parsed.subject_alternative_name().ok().flatten();
    let others = others
        .iter()
        .flat_map(|names| &names.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) | GeneralName::URI(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        });
    common.chain(others).collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let v6 = <[u8; 16]>::try_from(bytes).map(IpAddr::from);
    v4.or(v6).ok().map(|address| address.to_string())
}

/// Before 1970 counts as 1970.
fn millis(time: ASN1Time) -> u64 {
    u64::try_from(time.timestamp())
        .unwrap_or_default()
        .saturating_mul(1_000)
}
