//! The server that runs on the data folder: whether it answers, and whether its clients are served.

use super::{Notes, callbacks};
use crate::admin::client::{Client, Method, StatusCode};
use crate::assembly::{Ports, near, tls_settings};
use crate::clock;
use crate::config::{ClientCerts, Config};
use crate::random;
use crate::tls::Source;
use bytes::Bytes;
use mqtt::Version;
use mqtt::client::{Client as Device, Event, Login};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const TOPIC: &str = "server";
const TLS: &str = "server's TLS";
const WITHIN: Duration = Duration::from_secs(10);
const ANSWER_BYTES: usize = 4_096;

pub(super) async fn examine(config: &Config, pid: Option<u32>, notes: &mut Notes) {
    let folder = &config.data.folder;
    let ports = match Client::ports(folder) {
        Ok(ports) => ports,
        Err(error) => {
            notes.problem(
                TOPIC,
                format!("a server has the data folder and does not say where it listens: {error}"),
                "it may be starting; look at its log, and ask again",
            );
            return;
        }
    };
    program(pid.unwrap_or(ports.pid), notes);
    health(folder, notes).await;
    applications(&ports, config, notes).await;
    devices(&ports, config, notes).await;
}

/// Whether the process still runs the program that is installed.
fn program(pid: u32, notes: &mut Notes) {
    let program = std::fs::read_link(format!("/proc/{pid}/exe"));
    if program.is_ok_and(|program| program.to_string_lossy().ends_with(" (deleted)")) {
        notes.warning(
            TOPIC,
            format!("process {pid} runs a program that was replaced or removed since"),
            "restart the server to run the new one",
        );
    }
}

/// What the operator's door tells.
async fn health(folder: &Path, notes: &mut Notes) {
    let client = match Client::of_folder(folder) {
        Ok(client) => client,
        Err(error) => {
            notes.problem(
                TOPIC,
                error.to_string(),
                "run this as the owner of the folder",
            );
            return;
        }
    };
    let ask = async |path: &str| {
        let asked = client.exchange(Method::GET, path, Bytes::new());
        match timeout(WITHIN, asked).await {
            Ok(Ok((status, body))) => Ok((status, String::from_utf8_lossy(&body).into_owned())),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} s", WITHIN.as_secs())),
        }
    };
    match ask("/readyz").await {
        Ok((StatusCode::OK, _)) => notes.ok(TOPIC, "it takes requests (/readyz)"),
        Ok((_, body)) => notes.problem(
            TOPIC,
            format!("it takes no requests: {body}"),
            "look at its log; after a failed commit it ends by itself and is to be started again",
        ),
        Err(error) => {
            notes.problem(
                TOPIC,
                format!("the admin interface does not answer: {error}"),
                "look at its log; if it hangs, end it with SIGTERM: what was acknowledged is kept",
            );
            return;
        }
    }
    match ask("/downlink/v1/clock").await {
        Ok((StatusCode::OK, _)) => notes.ok(TOPIC, "it takes the admin token of this folder"),
        Ok((status, _)) => notes.problem(
            TOPIC,
            format!("it does not take the admin token of this folder ({status})"),
            "the file was changed since its start: restart the server",
        ),
        Err(error) => notes.problem(TOPIC, error, "look at its log"),
    }
    if let Ok((StatusCode::OK, page)) = ask("/metrics").await {
        counted(&page, notes);
    }
    callbacks::examine(&client, notes).await;
}

/// What the counters say.
fn counted(page: &str, notes: &mut Notes) {
    let sum = |name: &str| -> f64 {
        let of = page.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let labelled = rest.starts_with('{') || rest.starts_with(' ');
            labelled.then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
        });
        of.sum()
    };
    if sum("downlink_tls_reload_failed") > 0.0 {
        notes.problem(
            TLS,
            "the last reload of the certificates failed: the old ones stay in use",
            "the server's log says why; put it right and send SIGHUP",
        );
    }
    let refused = sum("downlink_http_overload_total");
    if refused > 0.0 {
        notes.warning(
            TOPIC,
            format!("it has refused {refused} requests because too much was under way (503/100501)"),
            "look at downlink_http_overload_total over time; a slow disk shows in downlink_http_seconds",
        );
    }
}

/// Asks for what is not there, as an application would.
async fn applications(ports: &Ports, config: &Config, notes: &mut Notes) {
    let asked = async |stream: &mut dyn Stream| {
        let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await?;
        let mut answer = vec![0; ANSWER_BYTES];
        let count = stream.read(&mut answer).await?;
        Ok(answer[..count].starts_with(b"HTTP/1.1 404"))
    };
    let certs = config.north.client_certs;
    let served = reach(ports.north, ports.north_tls, certs, config, notes).await;
    let Some(mut stream) = served else {
        return;
    };
    match timeout(WITHIN, asked(&mut *stream)).await {
        Ok(Ok(true)) => notes.ok(
            TOPIC,
            format!("applications are served at {}", ports.north_url()),
        ),
        Ok(Ok(false)) => notes.problem(
            TOPIC,
            format!("something else than Downlink answers at {}", ports.north),
            "look at who listens there: ss -ltnp",
        ),
        Ok(Err(error)) => broken(ports.north, &error, notes),
        Err(_) => broken(ports.north, &std::io::ErrorKind::TimedOut.into(), notes),
    }
}

/// Connects as a device that there is not: it must be refused in good order.
async fn devices(ports: &Ports, config: &Config, notes: &mut Notes) {
    let doors = [(ports.mqtt, false), (ports.mqtts, true)];
    for (address, tls) in doors {
        let Some(address) = address else {
            continue;
        };
        let certs = config.mqtt.client_certs;
        let Some(mut stream) = reach(address, tls, certs, config, notes).await else {
            continue;
        };
        let with = if tls { " over TLS" } else { "" };
        match timeout(WITHIN, stranger(&mut *stream)).await {
            Ok(Ok(code)) if code != 0 => notes.ok(
                TOPIC,
                format!(
                    "devices are served over MQTT{with} at {address}, and strangers are refused"
                ),
            ),
            Ok(Ok(_)) => notes.problem(
                TOPIC,
                format!("a device that there is not was let in at {address}"),
                "something else than Downlink listens there: ss -ltnp",
            ),
            Ok(Err(error)) => broken(address, &error, notes),
            Err(_) => broken(address, &std::io::ErrorKind::TimedOut.into(), notes),
        }
    }
}

/// The code that a device gets which nobody registered.
async fn stranger(stream: &mut dyn Stream) -> std::io::Result<u8> {
    let mut device = Device::new(Version::V311);
    let name = format!("doctor-{}", random::hex::<8>());
    device.connect(&Login {
        client_id: &format!("{name}_0_0_2026010100"),
        user_name: Some(&name),
        password: Some(b"none"),
        keep_alive_s: 30,
        clean: true,
        ..Login::default()
    });
    let mut out = Vec::new();
    device.poll_transmit(&mut out);
    stream.write_all(&out).await?;
    stream.flush().await?;
    loop {
        let mut bytes = [0; 256];
        let count = stream.read(&mut bytes).await?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let heard = device.handle_bytes(&bytes[..count]);
        heard.map_err(|error| std::io::Error::other(error.to_string()))?;
        if let Some(Event::Connack(connack)) = device.poll_event() {
            return Ok(connack.code);
        }
    }
}

fn broken(address: SocketAddr, error: &std::io::Error, notes: &mut Notes) {
    notes.problem(
        TOPIC,
        format!("the server does not answer as it should at {address}: {error}"),
        "look at its log",
    );
}

/// What can be read and written.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Connects to a listener; `None` where that fails, which is noted, or where it asks for a certificate, which we have not.
async fn reach(
    address: SocketAddr,
    tls: bool,
    certs: ClientCerts,
    config: &Config,
    notes: &mut Notes,
) -> Option<Box<dyn Stream>> {
    let address = near(address);
    let stream = match timeout(WITHIN, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            broken(address, &error, notes);
            return None;
        }
        Err(_) => {
            broken(address, &std::io::ErrorKind::TimedOut.into(), notes);
            return None;
        }
    };
    if !tls {
        return Some(Box::new(stream));
    }
    let stream = shake(stream, address, config, notes).await;
    if certs == ClientCerts::Required {
        notes.ok(
            TLS,
            format!("{address} asks for a client certificate, so no more is tried there"),
        );
        return None;
    }
    Some(Box::new(stream?))
}

/// Makes a handshake, and compares what is shown with what stands in the files.
async fn shake(
    stream: TcpStream,
    address: SocketAddr,
    config: &Config,
    notes: &mut Notes,
) -> Option<TlsStream<TcpStream>> {
    let looker = Arc::new(Looker::new());
    let provider = looker.provider.clone();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has suites for TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(looker.clone())
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let shaken = TlsConnector::from(Arc::new(client)).connect(name.clone(), stream);
    let shaken = timeout(WITHIN, shaken).await;
    let Some(shown) = looker.shown() else {
        let why = match shaken {
            Ok(Err(error)) => error.to_string(),
            Ok(Ok(_)) | Err(_) => "no certificate came in time".to_owned(),
        };
        notes.problem(
            TLS,
            format!("a TLS handshake with {address} fails: {why}"),
            "look at the server's log; something else may listen there: ss -ltnp",
        );
        return None;
    };
    let source = tls_settings(config).source;
    let file = CertificateDer::from_pem_file(source.cert_file());
    if file.as_ref().ok() == shown.first() {
        notes.ok(
            TLS,
            format!("{address} shows the certificate that stands in the files"),
        );
    } else {
        notes.warning(
            TLS,
            format!(
                "{address} shows another certificate than stands in {}",
                source.cert_file().display()
            ),
            "the file has changed since: send SIGHUP to the server, and look at its log",
        );
    }
    trusted(&source, &shown, &name, notes);
    shaken.ok()?.ok()
}

/// Whether a client that has `ca.pem` takes what is shown.
fn trusted(
    source: &Source,
    shown: &[CertificateDer<'static>],
    name: &ServerName<'_>,
    notes: &mut Notes,
) {
    let Source::Generated { folder, .. } = source else {
        return;
    };
    let ca = folder.join("ca.pem");
    let mut roots = RootCertStore::empty();
    let read = CertificateDer::from_pem_file(&ca).ok();
    let added = read.is_some_and(|read| roots.add(read).is_ok());
    let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(
        Arc::new(roots),
        Arc::new(default_provider()),
    );
    let (Some((first, rest)), Ok(verifier), true) = (shown.split_first(), verifier.build(), added)
    else {
        notes.problem(
            TLS,
            format!("{} holds no authority", ca.display()),
            "remove the folder's certificates and restart: all are made anew, and clients need the new ca.pem",
        );
        return;
    };
    let now = UnixTime::since_unix_epoch(Duration::from_millis(clock::wall().as_millis()));
    match verifier.verify_server_cert(first, rest, name, &[], now) {
        Ok(_) => notes.ok(TLS, format!("clients that trust {} take it", ca.display())),
        Err(error) => notes.problem(
            TLS,
            format!(
                "clients that trust {} do not take it: {error}",
                ca.display()
            ),
            "look at the clock and at tls.names; the files may come from different folders",
        ),
    }
}

/// Takes every certificate and remembers it: what is wrong with one is to be said, and not to end the look.
#[derive(Debug)]
struct Looker {
    provider: Arc<CryptoProvider>,
    shown: Mutex<Option<Vec<CertificateDer<'static>>>>,
}

impl Looker {
    fn new() -> Self {
        Self {
            provider: Arc::new(default_provider()),
            shown: Mutex::default(),
        }
    }

    fn shown(&self) -> Option<Vec<CertificateDer<'static>>> {
        self.shown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl ServerCertVerifier for Looker {
    fn verify_server_cert(
        &self,
        first: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(first).chain(rest);
        let chain = chain.map(|one| one.clone().into_owned()).collect();
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(chain);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
