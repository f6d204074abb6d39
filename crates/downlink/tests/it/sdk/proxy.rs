//! The client through a proxy: the real server behind a small one, which asks for a password.

use super::examples::{program, run};
use super::{Bed, meter};
use sdk::api::Secret;
use sdk::{Carried, Client, Error, Proxy};
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// `user:password` in Base64.
const ASKED: &str = "proxy-authorization: basic dxnlcjpwyxnzd29yza==";

/// The longest that a program is waited for.
const WITHIN: Duration = Duration::from_secs(30);

/// A proxy, and the first line of each connection that it was asked for.
struct Middle {
    address: String,
    lines: Arc<Mutex<Vec<String>>>,
    _task: JoinSet<()>,
}

impl Middle {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("bound");
        let address = listener.local_addr().expect("bound").to_string();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let mut task = JoinSet::new();
        let seen = lines.clone();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.expect("a client");
                connections.spawn(carry(client, seen.clone()));
            }
        });
        Self {
            address,
            lines,
            _task: task,
        }
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("unharmed").clone()
    }

    /// Waits until somebody asks for a connection.
    async fn is_asked(&self) {
        let asked = async {
            while self.lines().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        timeout(WITHIN, asked).await.expect("in time");
    }

    fn with_password(&self) -> Proxy {
        Proxy::Through(Secret::new(format!(
            "http://user:password@{}",
            self.address
        )))
    }
}

/// Carries a connection on: behind CONNECT all that follows, else the request as it is, which a server takes in that form too.
async fn carry(mut client: TcpStream, lines: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut bytes = [0; 4096];
        let read = client.read(&mut bytes).await.expect("a head");
        assert!(read > 0, "the head ends early");
        head.extend_from_slice(&bytes[..read]);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let line = text.lines().next().expect("a line").to_owned();
    lines.lock().expect("unharmed").push(line.clone());
    if !text.to_ascii_lowercase().contains(ASKED) {
        let refused = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
        client.write_all(refused).await.expect("written");
        return;
    }
    let target = line.split(' ').nth(1).expect("a target");
    let host = target.strip_prefix("http://").unwrap_or(target);
    let host = host.split('/').next().expect("a host");
    let mut server = TcpStream::connect(host).await.expect("the server");
    if line.starts_with("CONNECT ") {
        let open = b"HTTP/1.1 200 Connection established\r\n\r\n";
        client.write_all(open).await.expect("written");
    } else {
        server.write_all(&head).await.expect("written");
    }
    copy_bidirectional(&mut client, &mut server).await.ok();
}

#[tokio::test]
async fn a_named_proxy_carries_every_call_in_the_clear_and_over_tls() {
    let middle = Middle::start().await;
    let bed = Bed::start();
    let client = bed.builder().proxy(middle.with_password()).build();
    let client = client.expect("a proxy");
    let made = client.reg_direct_device_with_secret(&meter("m")).await;
    made.expect("registered through the proxy");
    let address = bed.server.ports.north_url();
    let login = format!("POST {address}/iocm/app/sec/v1.1.0/login HTTP/1.1");
    assert_eq!(middle.lines()[0], login);

    let bed = Bed::with(&["--set", "north.tls=true"]);
    let ca = fs::read(bed.data().join("tls/ca.pem")).expect("made at the first start");
    let client = bed.builder().ca_pem(ca).proxy(middle.with_password());
    let client = client.build().expect("a proxy");
    client.get_auth_token().await.expect("through a tunnel");
    let tunnel = format!("CONNECT {} HTTP/1.1", bed.server.ports.north);
    let lines = middle.lines();
    assert_eq!(lines.last().expect("asked"), &tunnel);
    assert!(!lines.join(" ").contains("https:"), "{lines:?}");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told_and_never_its_password() {
    let middle = Middle::start().await;
    let bed = Bed::with(&["--set", "north.tls=true"]);
    let wrong = format!("http://user:hunter2@{}", middle.address);
    let builder = bed.builder().proxy(Proxy::Through(Secret::new(wrong)));
    assert!(!format!("{builder:?}").contains("hunter2"), "{builder:?}");
    let client = builder.build().expect("a proxy");
    let error = client.get_auth_token().await.expect_err("407");
    let nothing = Carried::Nothing;
    assert!(
        matches!(&error, Error::Transport { what, .. } if *what == nothing),
        "{error:?}"
    );
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    let broken = Proxy::Through(Secret::new("http://user:hunter2@"));
    let error = Client::builder("http://127.0.0.1:1", "app", "secret")
        .proxy(broken)
        .build()
        .expect_err("no address");
    let told = "proxy cannot be used: it is no address of a proxy";
    assert_eq!(error.to_string(), told);
}

#[tokio::test]
async fn the_environments_proxy_is_used_where_it_is_asked_for_and_not_otherwise() {
    let middle = Middle::start().await;
    let bed = Bed::start();
    let made = bed
        .client()
        .reg_direct_device_with_secret(&meter("m"))
        .await;
    let device = made.expect("registered").device_id;
    let proxy = format!("http://user:password@{}", middle.address);
    let settings = [
        ("DOWNLINK_DEVICE", device.as_str()),
        ("HTTP_PROXY", &proxy),
        ("NO_PROXY", ""),
    ];
    run(&bed, "send_command", &settings).await;
    assert!(middle.lines().is_empty(), "it does not ask for one");
    let secret = bed.webhook_secret();
    let mut application = program(&bed, "application", &settings)
        .env("DOWNLINK_WEBHOOK_SECRET", secret)
        .spawn()
        .expect("it was built");
    middle.is_asked().await;
    application.kill().await.expect("it waits for its meter");
}
