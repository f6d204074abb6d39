//! Making certificates: an authority of the platform's own, and the server's certificate under it.

use super::TlsError;
use crate::files::{self, Readable};
use crate::random;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256,
};
use rsa::pkcs8::EncodePrivateKey;
use rsa::rand_core::{self, CryptoRng, RngCore};
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

pub(super) const CA_CERT: &str = "ca.pem";
pub(super) const CA_KEY: &str = "ca-key.pem";
pub(super) const SERVER_CERT: &str = "server.pem";
pub(super) const SERVER_KEY: &str = "server-key.pem";
/// What the server's certificate holds; written last, so that a half-made set is made again.
const CONTENT: &str = "server.json";

const KEY_BITS: usize = 2048;
const DAY_MS: u64 = 86_400_000;
/// Clocks of devices may be behind.
const VALID_BEFORE_DAYS: u64 = 2;
const CA_DAYS: u64 = 20 * 365;
/// Some clients take no certificate that lives longer.
const SERVER_DAYS: u64 = 820;
/// The server's certificate is renewed when no more than this is left of it.
const RENEWED_DAYS: u64 = 60;
const SMALL_FILE_BYTES_MAX: u64 = 65_536;
/// The machine itself is always among the names.
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What the server's certificate holds.
#[derive(Serialize, Deserialize)]
struct Content {
    names: BTreeSet<String>,
    expires_ms: u64,
}

/// Makes what is missing in `folder`, holds other names, or expires soon.
pub(super) fn keep(folder: &Path, names: &[String], now_ms: u64) -> Result<(), TlsError> {
    let names: BTreeSet<String> = OWN_NAMES
        .into_iter()
        .map(str::to_owned)
        .chain(names.iter().cloned())
        .collect();
    if is_good(folder, &names, now_ms) {
        return Ok(());
    }
    let io = |source| TlsError::Io {
        path: folder.to_owned(),
        source,
    };
    files::make_folder(folder).map_err(io)?;
    let listed = || names.iter().cloned().collect::<Vec<_>>().join(", ");
    let make = |message: String| TlsError::Make {
        names: listed(),
        message,
    };
    let old_ca = read_ca(folder)?;
    // Each key costs a good part of a second.
    let server_key = std::thread::spawn(new_key);
    let (ca_cert, ca_key) = match old_ca {
        Some(ca) => ca,
        None => new_ca(folder, now_ms)?,
    };
    let server_key = server_key
        .join()
        .map_err(|_| make("no key was found".into()))?
        .map_err(make)?;
    let expires_ms = now_ms + SERVER_DAYS * DAY_MS;
    let mut params = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>())
        .map_err(|e| make(e.to_string()))?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Downlink");
    limit(&mut params, now_ms, expires_ms);
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
    ];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let issuer = Issuer::from_ca_cert_pem(&ca_cert, &ca_key).map_err(|e| make(e.to_string()))?;
    let cert = params
        .signed_by(&server_key, &issuer)
        .map_err(|e| make(e.to_string()))?;
    let content = serde_json::to_vec(&Content {
        names: names.clone(),
        expires_ms,
    })
    .expect("names are JSON");
    // The old content goes first: if this is cut short, the next start finds none and makes a new set.
    std::fs::remove_file(folder.join(CONTENT))
        .or_else(none_is_fine)
        .map_err(io)?;
    write(
        folder,
        SERVER_KEY,
        server_key.serialize_pem().as_bytes(),
        Readable::ByOwner,
    )?;
    write(
        folder,
        SERVER_CERT,
        (cert.pem() + &ca_cert).as_bytes(),
        Readable::ByAll,
    )?;
    write(folder, CONTENT, &content, Readable::ByAll)
}

fn is_good(folder: &Path, names: &BTreeSet<String>, now_ms: u64) -> bool {
    let read = files::read(&folder.join(CONTENT), SMALL_FILE_BYTES_MAX)
        .ok()
        .flatten();
    let content = read.and_then(|bytes| serde_json::from_slice::<Content>(&bytes).ok());
    let there = [CA_CERT, SERVER_CERT, SERVER_KEY]
        .iter()
        .all(|file| folder.join(file).is_file());
    there
        && content
            .is_some_and(|c| c.names == *names && c.expires_ms > now_ms + RENEWED_DAYS * DAY_MS)
}

/// The authority that was made before. One that lacks a file is made anew; one that cannot be read is an error, because
/// clients trust it.
fn read_ca(folder: &Path) -> Result<Option<(String, KeyPair)>, TlsError> {
    let read = |name: &str| {
        let path = folder.join(name);
        let bytes = files::read(&path, SMALL_FILE_BYTES_MAX)
            .map_err(|source| TlsError::Io { path, source })?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    };
    let (Some(cert), Some(key)) = (read(CA_CERT)?, read(CA_KEY)?) else {
        return Ok(None);
    };
    let key = KeyPair::from_pkcs8_pem_and_sign_algo(&key, &PKCS_RSA_SHA256).map_err(|error| {
        TlsError::Pem {
            path: folder.join(CA_KEY),
            what: "private key",
            message: error.to_string(),
        }
    })?;
    Ok(Some((cert, key)))
}

fn new_ca(folder: &Path, now_ms: u64) -> Result<(String, KeyPair), TlsError> {
    let make = |message: String| TlsError::Make {
        names: "the authority".into(),
        message,
    };
    let key = new_key().map_err(make)?;
    let mut params = CertificateParams::default();
    // Two platforms must not be taken for each other by their names.
    params.distinguished_name.push(
        DnType::CommonName,
        format!("Downlink CA {}", random::hex::<4>()),
    );
    limit(&mut params, now_ms, now_ms + CA_DAYS * DAY_MS);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let cert = params
        .self_signed(&key)
        .map_err(|error| make(error.to_string()))?
        .pem();
    write(
        folder,
        CA_KEY,
        key.serialize_pem().as_bytes(),
        Readable::ByOwner,
    )?;
    write(folder, CA_CERT, cert.as_bytes(), Readable::ByAll)?;
    Ok((cert, key))
}

fn new_key() -> Result<KeyPair, String> {
    let key = rsa::RsaPrivateKey::new(&mut Machine, KEY_BITS).map_err(|error| error.to_string())?;
    let der = key.to_pkcs8_der().map_err(|error| error.to_string())?;
    let der = PrivatePkcs8KeyDer::from(der.as_bytes());
    KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_RSA_SHA256).map_err(|error| error.to_string())
}

fn write(folder: &Path, name: &str, bytes: &[u8], readable: Readable) -> Result<(), TlsError> {
    let path = folder.join(name);
    files::write(&path, bytes, readable).map_err(|source| TlsError::Io { path, source })
}

fn none_is_fine(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound {
        Ok(())
    } else {
        Err(error)
    }
}

/// Sets from when until when a certificate holds, in whole seconds.
fn limit(params: &mut CertificateParams, made_ms: u64, until_ms: u64) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before =
        epoch + Duration::from_millis(made_ms.saturating_sub(VALID_BEFORE_DAYS * DAY_MS));
    params.not_after = epoch + Duration::from_millis(until_ms);
}

/// The machine's randomness, as the key maker asks for it.
struct Machine;

impl RngCore for Machine {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(random::bytes())
    }

    fn next_u64(&mut self) -> u64 {
        random::number()
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        for chunk in dest.chunks_mut(8) {
            let bytes = random::bytes::<8>();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for Machine {}
