//! The settings of a client.

use std::sync::Arc;
use std::time::Duration;

use api::Secret;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::transport::Transport;
use crate::{Client, Error};

/// Longer than a CLOUD call waits for its device (R4.2: 20 s).
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
const REDIRECTS: &str = "the contract knows no redirect";

/// Settings of a [`Client`], from [`Client::builder`].
#[derive(Clone, Debug)]
pub struct ClientBuilder {
    base_url: String,
    app_id: String,
    secret: Secret,
    ca_pem: Option<Vec<u8>>,
    timeout: Duration,
    connect_timeout: Duration,
}

impl ClientBuilder {
    pub(crate) fn new(base_url: String, app_id: String, secret: Secret) -> Self {
        Self {
            base_url,
            app_id,
            secret,
            ca_pem: None,
            timeout: TIMEOUT_DEFAULT,
            connect_timeout: CONNECT_TIMEOUT_DEFAULT,
        }
    }

    /// Trusts the certificates of this PEM text, such as the platform's own CA, instead of those that the machine trusts.
    #[must_use]
    pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca_pem = Some(pem.into());
        self
    }

    /// How long a whole call may take; 30 s if not set. A CLOUD call alone may take 20 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long a connection may take to come about; 10 s if not set.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Builds the client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Setting`] if the address is no `http` or `https` one, or the certificates cannot be read.
    pub fn build(self) -> Result<Client, Error> {
        let base = self.base_url.trim_end_matches('/').to_owned();
        let url = reqwest::Url::parse(&base).map_err(|error| unusable("base_url", &error))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(unusable(
                "base_url",
                &"it must start with http:// or https://",
            ));
        }
        let tls = tls(url.scheme() == "https", self.ca_pem.as_deref())?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .timeout(self.timeout)
            .connect_timeout(self.connect_timeout)
            .tcp_nodelay(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::custom(|attempt| {
                attempt.error(REDIRECTS)
            }))
            .build()
            .map_err(|error| unusable("client", &error))?;
        let transport = Transport { http, base };
        Ok(Client::new(transport, self.app_id, self.secret))
    }
}

/// TLS 1.2 and 1.3 by ring. Without TLS nothing is trusted and nothing is looked up.
fn tls(wanted: bool, ca_pem: Option<&[u8]>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring offers TLS 1.2 and 1.3");
    let config = match ca_pem {
        Some(pem) => config.with_root_certificates(roots(pem)?),
        None if wanted => config
            .with_platform_verifier()
            .map_err(|error| unusable("the machine's certificates", &error))?,
        None => config.with_root_certificates(RootCertStore::empty()),
    };
    Ok(config.with_no_client_auth())
}

fn roots(pem: &[u8]) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| unusable("ca_pem", &error))?;
        roots
            .add(certificate)
            .map_err(|error| unusable("ca_pem", &error))?;
    }
    if roots.is_empty() {
        return Err(unusable("ca_pem", &"it holds no certificate"));
    }
    Ok(roots)
}

fn unusable(setting: &'static str, reason: &dyn std::fmt::Display) -> Error {
    Error::Setting {
        setting,
        reason: reason.to_string(),
    }
}
