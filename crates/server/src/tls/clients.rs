//! What a listener asks of its clients: no certificate, one if they have it, or one by all means.

use super::{Current, TlsError, chain, read};
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::Ticketer;
use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// Whether a listener asks for client certificates (tolerance 14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clients {
    /// Never.
    Off,
    /// Whoever shows one must show a good one.
    Optional(Trust),
    /// No connection without a good one.
    Required(Trust),
}

/// Which client certificates are good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// The authorities, PEM.
    pub ca: PathBuf,
    /// What they have revoked: certificate revocation lists, PEM.
    pub crl: Option<PathBuf>,
}

/// One listener's configuration, which can be replaced.
pub(super) struct Doorway {
    clients: Clients,
    state: RwLock<State>,
}

/// A configuration and the files that it was made of.
pub(super) struct State {
    files: Vec<Vec<u8>>,
    config: Arc<ServerConfig>,
}

impl Clients {
    /// By what they are checked.
    pub fn trust(&self) -> Option<&Trust> {
        match self {
            Self::Off => None,
            Self::Optional(trust) | Self::Required(trust) => Some(trust),
        }
    }

    /// Reads the files as a listener would; changes nothing.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn examine(&self) -> Result<(), TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        self.verifier(&provider).map(drop)
    }

    /// What the files say at present.
    fn files(&self) -> Result<Vec<Vec<u8>>, TlsError> {
        let trust = self.trust().into_iter();
        let paths = trust.flat_map(|trust| std::iter::once(&trust.ca).chain(&trust.crl));
        paths.map(|path| read(path)).collect()
    }

    fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let Some(trust) = self.trust() else {
            return Ok(WebPkiClientVerifier::no_client_auth());
        };
        let of = |path: &Path, message: String| TlsError::Clients {
            path: path.to_owned(),
            message,
        };
        let mut roots = RootCertStore::empty();
        for certificate in chain(&trust.ca)? {
            roots
                .add(certificate)
                .map_err(|error| of(&trust.ca, error.to_string()))?;
        }
        let builder =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        let builder = match &trust.crl {
            None => builder,
            // A device's own certificate is what gets lost; one whose authority has no list in the file is refused.
            Some(path) => builder
                .with_crls(revoked(path)?)
                .only_check_end_entity_revocation(),
        };
        let builder = match self {
            Self::Off | Self::Required(_) => builder,
            Self::Optional(_) => builder.allow_unauthenticated(),
        };
        builder
            .build()
            .map_err(|error| of(trust.crl.as_ref().unwrap_or(&trust.ca), error.to_string()))
    }

    fn config(
        &self,
        provider: &Arc<CryptoProvider>,
        current: &Arc<Current>,
    ) -> Result<Arc<ServerConfig>, TlsError> {
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for TLS 1.2 and 1.3");
        let mut config = builder
            .with_client_cert_verifier(self.verifier(provider)?)
            .with_cert_resolver(current.clone());
        match self {
            Self::Off => {
                config.ticketer = Ticketer::new().map_err(|error| TlsError::Make {
                    names: "session tickets".into(),
                    message: error.to_string(),
                })?;
            }
            Self::Optional(_) | Self::Required(_) => {
                // A session that is resumed shows no certificate: one that was revoked or has expired would come in.
                config.session_storage = Arc::new(NoServerSessionStorage {});
                config.send_tls13_tickets = 0;
            }
        }
        Ok(Arc::new(config))
    }
}

impl Doorway {
    pub(super) fn open(
        clients: Clients,
        provider: &Arc<CryptoProvider>,
        current: &Arc<Current>,
    ) -> Result<Self, TlsError> {
        let files = clients.files()?;
        let config = clients.config(provider, current)?;
        Ok(Self {
            state: RwLock::new(State { files, config }),
            clients,
        })
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.config.clone()
    }

    /// A new configuration, if its files have changed.
    pub(super) fn fresh(
        &self,
        provider: &Arc<CryptoProvider>,
        current: &Arc<Current>,
    ) -> Result<Option<State>, TlsError> {
        let files = self.clients.files()?;
        let known = |state: &State| state.files == files;
        if known(&self.state.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(None);
        }
        let config = self.clients.config(provider, current)?;
        Ok(Some(State { files, config }))
    }

    pub(super) fn take_over(&self, fresh: State) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }
}

fn revoked(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let lists: Result<Vec<_>, _> =
        CertificateRevocationListDer::pem_slice_iter(&read(path)?).collect();
    let unreadable = |message: String| super::pem(path, "revocation lists", message);
    let lists = lists.map_err(|error| unreadable(error.to_string()))?;
    if lists.is_empty() {
        return Err(unreadable("there is no block `X509 CRL`".into()));
    }
    Ok(lists)
}
