//! TLS (R3.7): the server's certificate, own or made at the first start, and the one configuration of every TLS listener.
//!
//! Old devices offer ECDHE-RSA only and check RSA signatures only, so what is made here is RSA throughout.

mod make;

use crate::files;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// A file of certificates or of a key is not larger.
const PEM_BYTES_MAX: u64 = 1_048_576;

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The operator's own files, PEM.
    Own {
        /// The chain, the server's certificate first.
        cert: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// Made by the platform.
    Generated {
        /// The folder that it is kept in.
        folder: PathBuf,
        /// Names and addresses beside those of the machine itself.
        names: Vec<String>,
    },
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{} cannot be used: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file holds no certificates or no key.
    #[error("{} holds no {what} in PEM: {message}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is missing.
        what: &'static str,
        /// Why.
        message: String,
    },
    /// Certificate and key do not fit, or the key is of no use.
    #[error("the certificate in {} and its key cannot be used: {message}", cert.display())]
    Pair {
        /// The certificate.
        cert: PathBuf,
        /// Why.
        message: String,
    },
    /// A certificate cannot be made.
    #[error("a certificate for {names} cannot be made: {message}")]
    Make {
        /// The names that it was to hold.
        names: String,
        /// Why.
        message: String,
    },
}

/// The certificate of every TLS listener. It can be renewed while the platform runs.
pub struct Tls {
    source: Source,
    current: Arc<Current>,
    config: Arc<ServerConfig>,
}

/// The certificate that new connections get.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl Tls {
    /// Reads the certificate, or makes it. `now_ms` is the machine's time: those who check a certificate go by theirs.
    ///
    /// This blocks, for a second or two where keys are made.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn open(source: Source, now_ms: u64) -> Result<Self, TlsError> {
        let provider = Arc::new(default_provider());
        let key = load(&source, &provider, now_ms)?;
        let current = Arc::new(Current(RwLock::new(Arc::new(key))));
        let builder =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.expect("the provider has suites for TLS 1.2 and 1.3");
        let mut config = builder
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        config.ticketer = Ticketer::new().map_err(|error| TlsError::Make {
            names: "session tickets".into(),
            message: error.to_string(),
        })?;
        Ok(Self {
            source,
            current,
            config: Arc::new(config),
        })
    }

    /// The configuration of a listener.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }

    /// The certificate of the authority that signed a generated one: what clients are to trust.
    pub fn ca_file(&self) -> Option<PathBuf> {
        match &self.source {
            Source::Own { .. } => None,
            Source::Generated { folder, .. } => Some(folder.join(make::CA_CERT)),
        }
    }

    /// Takes over files that have changed, and renews a generated certificate before it expires. Says whether there is a new one.
    /// This blocks, like [`open`](Self::open).
    ///
    /// # Errors
    /// [`TlsError`]; the old certificate stays in use.
    pub fn refresh(&self, now_ms: u64) -> Result<bool, TlsError> {
        let fresh = load(&self.source, self.config.crypto_provider(), now_ms)?;
        let mut current = self
            .current
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let changed = current.cert != fresh.cert;
        if changed {
            *current = Arc::new(fresh);
        }
        Ok(changed)
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(
            self.0
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        )
    }
}

fn load(source: &Source, provider: &CryptoProvider, now_ms: u64) -> Result<CertifiedKey, TlsError> {
    match source {
        Source::Own { cert, key } => pair(cert, key, provider),
        Source::Generated { folder, names } => {
            make::keep(folder, names, now_ms)?;
            pair(
                &folder.join(make::SERVER_CERT),
                &folder.join(make::SERVER_KEY),
                provider,
            )
        }
    }
}

fn pair(cert: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let pem = |path: &Path, what, message: String| TlsError::Pem {
        path: path.to_owned(),
        what,
        message,
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(cert)?).collect();
    let chain = chain.map_err(|error| pem(cert, "certificates", error.to_string()))?;
    if chain.is_empty() {
        return Err(pem(
            cert,
            "certificates",
            "there is no block `CERTIFICATE`".into(),
        ));
    }
    let key_der = PrivateKeyDer::from_pem_slice(&read(key)?);
    let key_der = key_der.map_err(|error| pem(key, "private key", error.to_string()))?;
    CertifiedKey::from_der(chain, key_der, provider).map_err(|error| TlsError::Pair {
        cert: cert.to_owned(),
        message: error.to_string(),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
    let read = files::read(path, PEM_BYTES_MAX).and_then(|bytes| bytes.ok_or_else(missing));
    read.map_err(|source| TlsError::Io {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::ServerName;
    use rustls::{
        ClientConfig, ClientConnection, RootCertStore, ServerConnection, SupportedProtocolVersion,
    };

    const DAY_MS: u64 = 86_400_000;
    /// A moment that lies within every certificate that a client of today takes.
    fn now() -> u64 {
        crate::clock::Clock::real(delivery::Moment::default(), true)
            .expect("never refused")
            .now()
            .as_millis()
    }

    fn generated(folder: &Path, names: &[&str], now_ms: u64) -> Tls {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Tls::open(
            Source::Generated {
                folder: folder.to_owned(),
                names,
            },
            now_ms,
        )
        .expect("a certificate")
    }

    /// Has a client that trusts `ca` connect to `name`, and returns the version.
    fn shake(
        tls: &Tls,
        ca: &[u8],
        name: &str,
        version: &'static SupportedProtocolVersion,
    ) -> Result<(), rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(ca).expect("a certificate"))
            .expect("an authority");
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[version])
            .expect("supported")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let mut client = ClientConnection::new(Arc::new(config), name)?;
        let mut server = ServerConnection::new(tls.config())?;
        while client.is_handshaking() {
            let mut wire = Vec::new();
            client
                .write_tls(&mut wire)
                .expect("a vector takes every write");
            server.read_tls(&mut &wire[..]).expect("a slice is read");
            server.process_new_packets()?;
            let mut wire = Vec::new();
            server
                .write_tls(&mut wire)
                .expect("a vector takes every write");
            client.read_tls(&mut &wire[..]).expect("a slice is read");
            client.process_new_packets()?;
        }
        assert_eq!(client.protocol_version(), Some(version.version));
        Ok(())
    }

    #[test]
    fn r3_7_a_first_start_makes_certificates_that_clients_take() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tls");
        let tls = generated(&path, &["iot.example", "192.0.2.7"], now());
        let ca = std::fs::read(tls.ca_file().expect("generated")).expect("ca.pem");
        for name in ["localhost", "127.0.0.1", "::1", "iot.example", "192.0.2.7"] {
            for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
                shake(&tls, &ca, name, version).expect(name);
            }
        }
        assert!(shake(&tls, &ca, "other.example", &rustls::version::TLS13).is_err());
        for key in [make::CA_KEY, make::SERVER_KEY] {
            assert!(
                !files::is_open(&path.join(key)).expect("asked"),
                "{key} is for its owner alone"
            );
        }
        // The next start keeps them; new names and the end of their time renew the server's under the same authority.
        let server = || std::fs::read(path.join(make::SERVER_CERT)).expect("server.pem");
        let first = server();
        assert!(!tls.refresh(now() + DAY_MS).expect("still good"));
        drop(generated(&path, &["192.0.2.7", "iot.example"], now()));
        assert_eq!(server(), first);
        let other = generated(&path, &["other.example"], now());
        assert_ne!(server(), first);
        shake(&other, &ca, "other.example", &rustls::version::TLS13).expect("the same authority");
        assert!(other.refresh(now() + 800 * DAY_MS).expect("renewed"));
    }

    #[test]
    fn own_files_that_do_not_fit_are_refused_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        drop(generated(&one, &[], now()));
        drop(generated(&two, &[], now()));
        let open =
            |cert: PathBuf, key: PathBuf| Tls::open(Source::Own { cert, key }, now()).map(drop);
        open(one.join(make::SERVER_CERT), one.join(make::SERVER_KEY)).expect("a pair");
        let refused =
            open(one.join(make::SERVER_CERT), two.join(make::SERVER_KEY)).expect_err("no pair");
        assert!(matches!(refused, TlsError::Pair { .. }), "{refused}");
        let refused = open(one.join(make::SERVER_KEY), one.join(make::SERVER_KEY))
            .expect_err("no certificate");
        assert!(
            refused
                .to_string()
                .contains("server-key.pem holds no certificates"),
            "{refused}"
        );
        let refused = open(one.join(make::SERVER_CERT), one.join("none.pem")).expect_err("no file");
        assert!(refused.to_string().contains("none.pem"), "{refused}");
    }
}
