//! Whom the client trusts, and what it shows of itself.

use std::sync::Arc;

use api::Secret;
use rustls::client::WantsClientCert;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::Error;

/// Whose certificates are trusted.
#[derive(Clone, Debug)]
pub(crate) enum Trust {
    /// Those that the machine trusts, and these beside them.
    Machine {
        /// PEM texts.
        extra: Vec<Vec<u8>>,
    },
    /// These and no other, in PEM.
    Own(Vec<u8>),
}

/// A certificate with its key, both in PEM, for a platform that asks for one.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) certificates: Vec<u8>,
    pub(crate) key: Secret,
}

/// TLS 1.2 and 1.3 by ring. Where no TLS is wanted nothing is trusted and nothing is looked up.
pub(crate) fn config(
    wanted: bool,
    trust: &Trust,
    identity: Option<&Identity>,
) -> Result<ClientConfig, Error> {
    let provider = Arc::new(default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("ring offers TLS 1.2 and 1.3");
    let builder = match trust {
        Trust::Own(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates("ca_pem", pem)? {
                roots
                    .add(certificate)
                    .map_err(|error| unusable("ca_pem", &error))?;
            }
            builder.with_root_certificates(roots)
        }
        Trust::Machine { extra } => {
            let mut found = Vec::new();
            for pem in extra {
                found.extend(certificates("extra_root_pem", pem)?);
            }
            if wanted {
                let verifier = Verifier::new_with_extra_roots(found, provider)
                    .map_err(|error| unusable("the machine's certificates", &error))?;
                builder
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(verifier))
            } else {
                builder.with_root_certificates(RootCertStore::empty())
            }
        }
    };
    show(builder, identity)
}

fn show(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    identity: Option<&Identity>,
) -> Result<ClientConfig, Error> {
    const SETTING: &str = "client_certificate";
    let Some(identity) = identity else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates(SETTING, &identity.certificates)?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.expose().as_bytes())
        .map_err(|_| unusable(SETTING, &"its key is no private key in PEM"))?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|error| unusable(SETTING, &error))
}

fn certificates(setting: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| unusable(setting, &error))?;
    if found.is_empty() {
        return Err(unusable(setting, &"it holds no certificate"));
    }
    Ok(found)
}

/// A setting that cannot work.
pub(crate) fn unusable(setting: &'static str, reason: &dyn std::fmt::Display) -> Error {
    Error::Setting {
        setting,
        reason: reason.to_string(),
    }
}
