//! Certificates for tests: authorities, servers, clients, and clients of them that take notes.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::client::ResolvesClientCert;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

pub(crate) const TLS12: &SupportedProtocolVersion = &rustls::version::TLS12;
pub(crate) const TLS13: &SupportedProtocolVersion = &rustls::version::TLS13;
pub(crate) const BOTH: [&SupportedProtocolVersion; 2] = [TLS12, TLS13];

/// Serial numbers, so that a certificate can be revoked by its own.
static SERIAL: AtomicU64 = AtomicU64::new(1);

/// An authority.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub(crate) struct Issued {
    pub(crate) cert: String,
    pub(crate) key: String,
    serial: SerialNumber,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for these names; the first is its common name.
    pub(crate) fn issue(&self, names: &[&str]) -> Issued {
        self.issue_until(names, 2060)
    }

    /// One that holds from 2020 until the beginning of a year.
    pub(crate) fn issue_until(&self, names: &[&str], year: i32) -> Issued {
        let listed: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(listed).expect("names");
        let common = names.first().copied().unwrap_or_default();
        params.distinguished_name.push(DnType::CommonName, common);
        (params.not_before, params.not_after) =
            (date_time_ymd(2020, 1, 1), date_time_ymd(year, 1, 1));
        let serial =
            SerialNumber::from_slice(&SERIAL.fetch_add(1, Ordering::Relaxed).to_be_bytes()[4..]);
        params.serial_number = Some(serial.clone());
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.0).expect("a certificate");
        Issued {
            cert: cert.pem(),
            key: key.serialize_pem(),
            serial,
        }
    }

    /// A list of what this authority has revoked.
    pub(crate) fn revoke(&self, issued: &[&Issued]) -> String {
        let revoked = |one: &&Issued| RevokedCertParams {
            serial_number: one.serial.clone(),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2060, 1, 1),
            crl_number: SerialNumber::from_slice(&[1]),
            issuing_distribution_point: None,
            revoked_certs: issued.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params
            .signed_by(&self.0)
            .expect("a list")
            .pem()
            .expect("PEM")
    }
}

impl Issued {
    /// Writes both files into a folder; gives their paths.
    pub(crate) fn write(&self, folder: &Path) -> (PathBuf, PathBuf) {
        let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        std::fs::write(&cert, &self.cert).expect("written");
        std::fs::write(&key, &self.key).expect("written");
        (cert, key)
    }

    fn certified(&self) -> CertifiedKey {
        let cert = CertificateDer::from_pem_slice(self.cert.as_bytes()).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("a key");
        CertifiedKey::from_der(vec![cert], key, &default_provider()).expect("they fit")
    }
}

/// The certificate that a client would show, and how often it was asked for it.
#[derive(Debug)]
pub(crate) struct Shown {
    key: Option<Arc<CertifiedKey>>,
    pub(crate) asked: AtomicUsize,
}

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.key.clone()
    }

    fn has_certs(&self) -> bool {
        self.key.is_some()
    }
}

/// A client that trusts one authority.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) shown: Arc<Shown>,
}

impl Caller {
    /// `roots` is PEM.
    pub(crate) fn new(
        roots: &str,
        own: Option<&Issued>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let mut store = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(roots.as_bytes()).expect("a certificate");
        store.add(root).expect("an authority");
        let shown = Arc::new(Shown {
            key: own.map(|own| Arc::new(own.certified())),
            asked: AtomicUsize::new(0),
        });
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(versions)
            .expect("supported")
            .with_root_certificates(store)
            .with_client_cert_resolver(shown.clone());
        Self {
            config: Arc::new(config),
            shown,
        }
    }

    /// Makes a connection to `localhost` at this address.
    pub(crate) async fn open(&self, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await.expect("it listens");
        let name = "localhost".try_into().expect("a name");
        tokio_rustls::TlsConnector::from(self.config.clone())
            .connect(name, stream)
            .await
    }

    /// Makes a connection and asks for something that is not there: the status of the answer. With TLS 1.3 a client learns only
    /// then that its certificate was refused.
    pub(crate) async fn ask(&self, address: SocketAddr) -> std::io::Result<String> {
        ask(&mut self.open(address).await?).await
    }
}

/// Asks for something that is not there; the first line of the answer.
pub(crate) async fn ask(stream: &mut TlsStream<TcpStream>) -> std::io::Result<String> {
    stream
        .write_all(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n")
        .await?;
    let mut bytes = vec![0; 4_096];
    let count = stream.read(&mut bytes).await?;
    let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
    match text.lines().next() {
        Some(line) => Ok(line.to_owned()),
        None => Err(std::io::ErrorKind::UnexpectedEof.into()),
    }
}
