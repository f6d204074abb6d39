//! TLS (R3.7, tolerance 14): the server's certificate, own or made at the first start, and what each listener asks of its clients.
//!
//! ```text
//!   files ──load──► Tls ── current certificate ──► every listener
//!                    └──── one configuration per listener: off | optional | required client certificates
//!   SIGHUP, every hour: load everything again; all of it is good and taken over, or nothing changes
//! ```
//!
//! Old devices offer ECDHE-RSA only and check RSA signatures only, so what is made here is RSA throughout. No client is asked
//! for a certificate unless the operator says so: clients that carry an old vendor certificate break off when they are asked.
//! Each listener has tickets of its own, so that a session of one is no pass for another; where certificates are asked for,
//! no session is resumed, and each connection shows its certificate anew.

mod clients;
mod look;
mod make;

pub use clients::{Clients, Trust};
pub use look::{Certificate, KeyKind};

use crate::files;
use clients::Doorway;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio_rustls::TlsAcceptor;

/// The files of what is made here.
pub const GENERATED: [&str; 4] = [
    make::CA_CERT,
    make::CA_KEY,
    make::SERVER_CERT,
    make::SERVER_KEY,
];

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

/// What TLS is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where the server's certificate comes from.
    pub source: Source,
    /// What applications are asked for.
    pub north: Clients,
    /// What devices are asked for.
    pub mqtt: Clients,
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
    /// A new certificate is not valid at present.
    #[error("the certificate in {} is not valid now, but from {from} to {until}", cert.display())]
    Time {
        /// The certificate.
        cert: PathBuf,
        /// From when it is.
        from: String,
        /// Until when.
        until: String,
    },
    /// What client certificates are checked by cannot be used.
    #[error("client certificates cannot be checked by {}: {message}", path.display())]
    Clients {
        /// The file.
        path: PathBuf,
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

/// The certificate of every TLS listener. It can be renewed while the platform runs, and connections that stand go on.
pub struct Tls {
    source: Source,
    provider: Arc<CryptoProvider>,
    current: Arc<Current>,
    north: Doorway,
    mqtt: Doorway,
    /// One renewal at a time.
    renewing: Mutex<()>,
}

/// A certificate with its key, and what it says.
#[derive(Debug, Clone)]
struct Identity {
    key: Arc<CertifiedKey>,
    says: Certificate,
}

/// The certificate that new connections get.
#[derive(Debug)]
struct Current(RwLock<Identity>);

/// One listener's TLS. Cheap to clone.
#[derive(Clone)]
pub struct Door {
    tls: Arc<Tls>,
    listener: Listener,
}

#[derive(Clone, Copy)]
enum Listener {
    North,
    Mqtt,
}

impl Tls {
    /// Reads the certificate, or makes it. `now_ms` is the machine's time: those who check a certificate go by theirs.
    ///
    /// This blocks, for a second or two where keys are made.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn open(settings: Settings, now_ms: u64) -> Result<Self, TlsError> {
        let Settings {
            source,
            north,
            mqtt,
        } = settings;
        let provider = Arc::new(default_provider());
        let identity = load(&source, &provider, now_ms)?;
        let current = Arc::new(Current(RwLock::new(identity)));
        let doorway = |clients| Doorway::open(clients, &provider, &current);
        Ok(Self {
            north: doorway(north)?,
            mqtt: doorway(mqtt)?,
            renewing: Mutex::default(),
            source,
            provider,
            current,
        })
    }

    /// The door for applications.
    pub fn north(self: &Arc<Self>) -> Door {
        Door {
            tls: self.clone(),
            listener: Listener::North,
        }
    }

    /// The door for devices.
    pub fn mqtt(self: &Arc<Self>) -> Door {
        Door {
            tls: self.clone(),
            listener: Listener::Mqtt,
        }
    }

    /// The certificate of the authority that signed a generated one: what clients are to trust.
    pub fn ca_file(&self) -> Option<PathBuf> {
        match &self.source {
            Source::Own { .. } => None,
            Source::Generated { folder, .. } => Some(folder.join(make::CA_CERT)),
        }
    }

    /// What the certificate in use says.
    pub fn certificate(&self) -> Certificate {
        self.current.identity().says
    }

    /// Takes over files that have changed, and renews a generated certificate before it expires. Says whether anything is new.
    /// Everything that was read is good and taken over, or nothing changes. This blocks, like [`open`](Self::open).
    ///
    /// # Errors
    /// [`TlsError`]; what was in use stays in use.
    pub fn refresh(&self, now_ms: u64) -> Result<bool, TlsError> {
        let _alone = self.renewing.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = load(&self.source, &self.provider, now_ms)?;
        let old = self.current.identity();
        let changed = old.key.cert != fresh.key.cert;
        if changed && old.says.is_valid(now_ms) && !fresh.says.is_valid(now_ms) {
            return Err(TlsError::Time {
                cert: self.source.cert_file(),
                from: fresh.says.from,
                until: fresh.says.until,
            });
        }
        let north = self.north.fresh(&self.provider, &self.current)?;
        let mqtt = self.mqtt.fresh(&self.provider, &self.current)?;
        if changed {
            *self
                .current
                .0
                .write()
                .unwrap_or_else(PoisonError::into_inner) = fresh;
        }
        let doors = [(&self.north, north), (&self.mqtt, mqtt)];
        let renewed = doors
            .map(|(door, fresh)| fresh.map(|fresh| door.take_over(fresh)).is_some())
            .contains(&true);
        Ok(changed || renewed)
    }

    /// The configuration that new connections of the interface for applications get.
    pub fn north_config(&self) -> Arc<ServerConfig> {
        self.north.config()
    }

    /// The configuration that new connections of devices get.
    pub fn mqtt_config(&self) -> Arc<ServerConfig> {
        self.mqtt.config()
    }
}

impl Door {
    /// What takes the next connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(match self.listener {
            Listener::North => self.tls.north_config(),
            Listener::Mqtt => self.tls.mqtt_config(),
        })
    }
}

impl Source {
    /// The file of the server's certificate.
    pub fn cert_file(&self) -> PathBuf {
        match self {
            Self::Own { cert, .. } => cert.clone(),
            Self::Generated { folder, .. } => folder.join(make::SERVER_CERT),
        }
    }

    /// The file of its key.
    pub fn key_file(&self) -> PathBuf {
        match self {
            Self::Own { key, .. } => key.clone(),
            Self::Generated { folder, .. } => folder.join(make::SERVER_KEY),
        }
    }
}

impl Current {
    fn identity(&self) -> Identity {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let identity = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(identity.key.clone())
    }
}

/// Reads a pair as a listener would, and says what the certificate says; changes nothing. For whoever looks for what is wrong.
///
/// # Errors
/// [`TlsError`].
pub fn examine(cert: &Path, key: &Path) -> Result<Certificate, TlsError> {
    Ok(pair(cert, key, &default_provider())?.says)
}

fn load(source: &Source, provider: &CryptoProvider, now_ms: u64) -> Result<Identity, TlsError> {
    if let Source::Generated { folder, names } = source {
        make::keep(folder, names, now_ms)?;
    }
    pair(&source.cert_file(), &source.key_file(), provider)
}

fn pair(cert: &Path, key: &Path, provider: &CryptoProvider) -> Result<Identity, TlsError> {
    let unusable = |message: String| TlsError::Pair {
        cert: cert.to_owned(),
        message,
    };
    let chain = chain(cert)?;
    let key_der = PrivateKeyDer::from_pem_slice(&read(key)?);
    let key_der = key_der.map_err(|error| pem(key, "private key", error.to_string()))?;
    let first = chain.first().expect("a chain is not empty");
    let says = Certificate::read(first).map_err(unusable)?;
    let made = CertifiedKey::from_der(chain, key_der, provider);
    let key = Arc::new(made.map_err(|error| unusable(error.to_string()))?);
    Ok(Identity { key, says })
}

/// The certificates in a file; at least one.
fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    let chain = chain.map_err(|error| pem(path, "certificates", error.to_string()))?;
    if chain.is_empty() {
        return Err(pem(
            path,
            "certificates",
            "there is no block `CERTIFICATE`".into(),
        ));
    }
    Ok(chain)
}

fn pem(path: &Path, what: &'static str, message: String) -> TlsError {
    TlsError::Pem {
        path: path.to_owned(),
        what,
        message,
    }
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

    /// Nobody is asked for a certificate.
    fn unasked(source: Source) -> Settings {
        Settings {
            source,
            north: Clients::Off,
            mqtt: Clients::Off,
        }
    }

    fn generated(folder: &Path, names: &[&str], now_ms: u64) -> Tls {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let source = Source::Generated {
            folder: folder.to_owned(),
            names,
        };
        Tls::open(unasked(source), now_ms).expect("a certificate")
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
        let mut server = ServerConnection::new(tls.north_config())?;
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
        let open = |cert: PathBuf, key: PathBuf| {
            Tls::open(unasked(Source::Own { cert, key }), now()).map(drop)
        };
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
