//! Whose certificates are believed: the machine's authorities, and an application's own for its callbacks (R5.4).

use super::Failure;
use crate::clock::passed_ms;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What was read is read again after so long: an operator may have changed the machine's authorities.
const KEPT_MS: u64 = 600_000;
/// Configurations that are kept; one per authority of an application's own.
const KEPT_MAX: usize = 256;

/// Configurations by the authority that they trust in addition, with the time at which they were made.
type Kept = HashMap<Option<String>, (u64, Arc<ClientConfig>)>;

/// TLS configurations, by the authority that is trusted in addition.
#[derive(Default)]
pub(super) struct Trust {
    kept: Mutex<Kept>,
}

impl Trust {
    /// The configuration that trusts the machine's authorities and `ca`, certificates in PEM. Certificates and host names are always
    /// verified.
    pub(super) async fn config(&self, ca: Option<&str>) -> Result<Arc<ClientConfig>, Failure> {
        let (key, now) = (ca.map(str::to_owned), passed_ms());
        if let Some((read_at, config)) = self.kept().get(&key)
            && now.saturating_sub(*read_at) < KEPT_MS
        {
            return Ok(config.clone());
        }
        let ca = key.clone();
        let made = tokio::task::spawn_blocking(move || make(ca.as_deref())).await;
        let config = made.map_err(|error| Failure::Tls(error.to_string()))??;
        let mut kept = self.kept();
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, (now, config.clone()));
        Ok(config)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the machine's authorities. This blocks.
fn make(ca: Option<&str>) -> Result<Arc<ClientConfig>, Failure> {
    let mut roots = RootCertStore::empty();
    let own = ca
        .into_iter()
        .flat_map(|pem| CertificateDer::pem_slice_iter(pem.as_bytes()));
    for certificate in own {
        let unreadable =
            |why: String| Failure::Tls(format!("the application's CA cannot be read: {why}"));
        let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| unreadable(error.to_string()))?;
    }
    if ca.is_some() && roots.is_empty() {
        return Err(Failure::Tls(
            "the application's CA holds no certificate".into(),
        ));
    }
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    let config = builder
        .expect("the provider has suites for TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
