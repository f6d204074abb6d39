//! Endpoints that are down, slow, private or not what they say they are (R5.3, R5.4, R3.8).

use crate::certs::{Authority, Issued};
use crate::harness::{Answer, PATIENCE, Platform, Receiver, Telling, ask_telling, pause};
use api::webhook::{Signed, WebhookSecret};
use delivery::{Command, Kind, Status};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use server::callback::{Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::Store as _;
use tokio_rustls::TlsAcceptor;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A command with one callback to `url`.
async fn submit(platform: &Platform, node_id: &str, url: &str) -> Command {
    let id = platform.device(node_id).await;
    let soon = Kind::Queued {
        expire_after: Duration::from_secs(1),
    };
    let accepted = platform.dispatch.submit(id, ask_telling(soon, url)).await;
    accepted.expect("accepted").command
}

/// The reason of the last failure of the only endpoint.
async fn failure(platform: &Platform) -> String {
    let reason = async {
        loop {
            let endpoints = platform.callbacks.outbox().endpoints();
            let failure = endpoints.first().and_then(|e| e.last_failure.clone());
            if let Some((_, reason)) = failure {
                return reason;
            }
            pause().await;
        }
    };
    tokio::time::timeout(PATIENCE, reason)
        .await
        .expect("it fails")
}

/// Lets the command expire; its callback is due then.
async fn expire(platform: &Platform, command: &Command) {
    platform
        .clock
        .move_to(platform.clock.now() + Duration::from_secs(1));
    platform.until(command, Status::Expired).await;
}

#[tokio::test]
async fn r5_3_an_endpoint_that_is_down_is_probed_and_one_success_brings_all_back() {
    let platform = Platform::telling(Telling::default()).await;
    let well = Arc::new(AtomicBool::new(false));
    let is_well = well.clone();
    let receiver = Receiver::answering(move |_| {
        Answer::Status(if is_well.load(Ordering::SeqCst) {
            200
        } else {
            500
        })
    })
    .await;
    let mut commands = Vec::new();
    for number in 0..20 {
        commands.push(submit(&platform, &format!("m{number}"), &receiver.url()).await);
    }
    expire(&platform, &commands[0]).await;
    platform.settle().await;
    let endpoint = || platform.callbacks.outbox().endpoints()[0].clone();
    assert_eq!((receiver.rest().await.len(), endpoint().failures), (10, 10));
    assert!(endpoint().down.is_some());
    platform.pass(Duration::from_mins(10)).await;
    assert_eq!(
        receiver.rest().await.len(),
        3,
        "a probe every three minutes"
    );
    well.store(true, Ordering::SeqCst);
    platform.pass(Duration::from_mins(3)).await;
    assert_eq!(
        receiver.rest().await.len(),
        20,
        "the probe, and all the others with it"
    );
    for command in &commands {
        assert!(platform.command(command).is_closed());
    }
    assert_eq!(platform.callbacks.outbox().endpoints(), []);
}

#[tokio::test]
async fn r5_3_a_dead_and_a_slow_endpoint_delay_no_other() {
    let mut telling = Telling::default();
    telling.settings.answer_within = 3 * PATIENCE;
    let platform = Platform::telling(telling).await;
    let healthy = Receiver::start().await;
    // Both hold what they get until the test is over, far beyond what a shared pool could bear.
    let silent = Receiver::answering(|_| Answer::Silence).await;
    let slow = Receiver::answering(|_| Answer::Drip).await;
    let mut first = None;
    for number in 0..300 {
        let to = if number % 2 == 0 { &silent } else { &slow };
        let command = submit(&platform, &format!("s{number}"), &to.url()).await;
        first.get_or_insert(command);
    }
    let mut well = Vec::new();
    for number in 0..300 {
        well.push(submit(&platform, &format!("w{number}"), &healthy.url()).await);
    }
    expire(&platform, &first.expect("there is one")).await;
    for _ in 0..300 {
        healthy.next().await;
    }
    let counted = async {
        while platform.callbacks.outbox().counts().told < 300 {
            pause().await;
        }
    };
    tokio::time::timeout(PATIENCE, counted)
        .await
        .expect("all are told");
    let counts = platform.callbacks.outbox().counts();
    assert_eq!(
        (counts.told, counts.failed),
        (300, 0),
        "none of the others is over yet"
    );
    assert_eq!(silent.rest().await.len(), 1);
    assert_eq!(slow.rest().await.len(), 1);
}

#[tokio::test]
async fn r5_4_callbacks_are_signed_with_the_creators_secret() {
    let platform = Platform::telling(Telling::default()).await;
    let receiver = Receiver::start().await;
    platform.sign_with(&[9; 32]).await;
    let command = submit(&platform, "meter", &receiver.url()).await;
    expire(&platform, &command).await;
    let call = receiver.next().await;
    let header = |name: &str| call.header(name).expect("it is signed");
    assert_eq!(header("webhook-id"), format!("{}.1", command.id));
    let signed = Signed {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
    };
    let now = server::clock::wall().as_millis() / 1_000;
    let secret = WebhookSecret::of_bytes(&[9; 32]).expect("32 bytes");
    assert_eq!(secret.verify(signed, call.body.as_bytes(), now), Ok(()));
    let other = WebhookSecret::of_bytes(&[8; 32]).expect("32 bytes");
    assert!(other.verify(signed, call.body.as_bytes(), now).is_err());
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_lets_nothing_leave_unsigned() {
    let platform = Platform::telling(Telling::default()).await;
    let receiver = Receiver::start().await;
    platform
        .change_application(|app| app.webhook_secret = Some(vec![1, 2, 3]))
        .await;
    let command = submit(&platform, "meter", &receiver.url()).await;
    expire(&platform, &command).await;
    let why = failure(&platform).await;
    assert_eq!(why, "the application's webhook secret cannot be read");
    assert_eq!(receiver.connections.load(Ordering::SeqCst), 0);
}

/// A listener's TLS under this certificate.
fn acceptor(issued: &Issued) -> TlsAcceptor {
    let cert = CertificateDer::from_pem_slice(issued.cert.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("there are suites")
        .with_no_client_auth()
        .with_single_cert(vec![cert], key);
    TlsAcceptor::from(Arc::new(config.expect("a pair")))
}

#[tokio::test]
async fn r5_4_an_applications_own_authority_is_trusted_and_host_names_are_verified() {
    let authority = Authority::new("the application's own");
    let receiver = Receiver::secure(acceptor(&authority.issue(&["app.example"]))).await;
    let port = receiver.address.port();
    let platform = Platform::telling(Telling {
        resolver: Arc::new(|_: &str| vec![LOOPBACK]),
        ..Telling::default()
    })
    .await;
    let command = submit(
        &platform,
        "meter",
        &format!("https://app.example:{port}/cb"),
    )
    .await;
    expire(&platform, &command).await;
    let why = failure(&platform).await;
    assert!(why.starts_with("TLS failed: "), "{why}");
    platform
        .change_application(|app| app.callback_ca = Some(authority.pem()))
        .await;
    platform.pass(Duration::from_secs(10)).await;
    assert_eq!(receiver.next().await.says(), "EXPIRED");
    let other = submit(
        &platform,
        "other",
        &format!("https://other.example:{port}/cb"),
    )
    .await;
    expire(&platform, &other).await;
    let why = failure(&platform).await;
    assert!(why.starts_with("TLS failed: "), "{why}");
    platform
        .change_application(|app| app.callback_ca = Some("no certificate".into()))
        .await;
    platform.pass(Duration::from_secs(10)).await;
    let why = failure(&platform).await;
    assert_eq!(why, "TLS failed: the application's CA holds no certificate");
    assert_eq!(receiver.rest().await.len(), 0);
}

#[tokio::test]
async fn r3_8_private_addresses_are_refused_at_the_address_connected_to() {
    let receiver = Receiver::start().await;
    let port = receiver.address.port();
    for host in [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[2002:7f00:1::]",
        "[64:ff9b::7f00:1]",
        "2130706433",
        "0x7f.1",
        "localhost",
        "inside.example",
    ] {
        let mut telling = Telling::default();
        telling.settings.private_allowed = false;
        telling.resolver = Arc::new(|_: &str| vec![IpAddr::from([8, 8, 8, 8]), LOOPBACK]);
        let platform = Platform::telling(telling).await;
        let command = submit(&platform, "meter", &format!("http://{host}:{port}/cb")).await;
        expire(&platform, &command).await;
        let why = failure(&platform).await;
        assert!(why.starts_with("refused: "), "{host}: {why}");
        assert_eq!(receiver.connections.load(Ordering::SeqCst), 0, "{host}");
        platform.pass(Duration::from_hours(24)).await;
        let dead = platform.store.dead_callbacks(None, None, 10);
        let dead = dead.expect("memory can be read");
        assert!(
            dead[0].reason.starts_with("refused: "),
            "{}",
            dead[0].reason
        );
    }
}

/// A name that leads outside when it is looked at and inside when it is looked at again.
struct Fickle {
    asked: AtomicUsize,
    answers: Mutex<Vec<Vec<IpAddr>>>,
}

impl Resolve for Fickle {
    fn resolve<'a>(&'a self, _: &'a str) -> Resolving<'a> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().expect("no panic");
        let answer = answers.pop().unwrap_or_else(|| vec![LOOPBACK]);
        Box::pin(async move { Ok(answer) })
    }
}

#[tokio::test]
async fn r3_8_a_name_that_changes_its_answer_gains_nothing() {
    let receiver = Receiver::start().await;
    // Nobody is at the first address: it is for documentation (RFC 5737). Whatever comes of it, the next answer is not connected to.
    let fickle = Arc::new(Fickle {
        asked: AtomicUsize::new(0),
        answers: Mutex::new(vec![vec![IpAddr::from([192, 0, 2, 1])]]),
    });
    let mut telling = Telling::default();
    telling.settings.private_allowed = false;
    telling.settings.answer_within = Duration::from_millis(100);
    telling.resolver = fickle.clone();
    let platform = Platform::telling(telling).await;
    let url = format!("http://fickle.example:{}/cb", receiver.address.port());
    let command = submit(&platform, "meter", &url).await;
    expire(&platform, &command).await;
    let why = failure(&platform).await;
    assert!(!why.starts_with("refused: "), "{why}");
    assert_eq!(fickle.asked.load(Ordering::SeqCst), 1, "once per attempt");
    platform.pass(Duration::from_secs(10)).await;
    let why = failure(&platform).await;
    assert_eq!(why, "refused: 127.0.0.1 is a private address");
    assert_eq!(receiver.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_address_that_cannot_be_read_or_carries_credentials_is_dead_with_its_reason() {
    let platform = Platform::telling(Telling::default()).await;
    for (number, (url, why)) in [
        ("nowhere", "the stored callback address cannot be read"),
        (
            "http://me:secret@127.0.0.1:1/x?key=secret",
            "the callback address carries credentials, which are not sent",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let command = submit(&platform, &format!("m{number}"), url).await;
        expire(&platform, &command).await;
        platform.settle().await;
        let dead = platform.store.dead_callback(command.id);
        let dead = dead.expect("memory can be read").expect("it is dead");
        assert_eq!((dead.reason.as_str(), dead.attempts), (why, 0));
        assert!(!format!("{dead:?}").contains("secret"));
    }
}
