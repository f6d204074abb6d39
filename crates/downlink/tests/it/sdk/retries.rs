//! What is tried again, and that a create whose answer was lost exists once.

use super::{Bed, meter, set_period};
use sdk::api::Code;
use sdk::api::commands::CommandsQuery;
use sdk::{Carried, Client, Error, Retry};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Quick, so that the tests are.
const QUICK: Retry = Retry::standard().waits(Duration::from_millis(1), Duration::from_millis(5));

/// A network between client and server that carries requests and swallows the answers to some.
struct Network {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl Network {
    /// One that swallows the answer to the first request whose path holds `marked`.
    async fn before(server: SocketAddr, marked: &'static str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("bound");
        let address = listener.local_addr().expect("bound");
        let requests = Arc::new(AtomicUsize::new(0));
        let mut task = JoinSet::new();
        let seen = requests.clone();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.expect("a client");
                connections.spawn(carry(client, server, marked, seen.clone()));
            }
        });
        Self {
            address,
            requests,
            _task: task,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn carry(mut client: TcpStream, server: SocketAddr, marked: &str, seen: Arc<AtomicUsize>) {
    let mut server = TcpStream::connect(server).await.expect("the server");
    let mut bytes = vec![0; 65_536];
    loop {
        let read = client.read(&mut bytes).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        server.write_all(&bytes[..read]).await.expect("carried");
        let request = String::from_utf8_lossy(&bytes[..read]).into_owned();
        let line = request.lines().next().unwrap_or_default();
        if line.starts_with("POST") && line.contains(marked) {
            let first = seen.fetch_add(1, Ordering::SeqCst) == 0;
            if first {
                // The server has answered: what it answers is not carried on.
                let answered = server.read(&mut bytes).await.expect("an answer");
                assert!(answered > 0);
                return;
            }
        }
        if line.starts_with("POST") || line.starts_with("GET") {
            let answered = server.read(&mut bytes).await.expect("an answer");
            if client.write_all(&bytes[..answered]).await.is_err() {
                return;
            }
        } else {
            // What is left of a body; from here on it is only carried.
            copy_bidirectional(&mut client, &mut server).await.ok();
            return;
        }
    }
}

async fn device(client: &Client) -> String {
    let made = client.reg_direct_device_with_secret(&meter("m")).await;
    made.expect("registered").device_id
}

async fn count(client: &Client) -> u64 {
    let page = client.query_device_command(&CommandsQuery::default()).await;
    page.expect("answered").pagination.total_size
}

#[tokio::test]
async fn r1_15_a_create_whose_answer_was_lost_is_repeated_and_exists_once() {
    let bed = Bed::start();
    let network = Network::before(bed.server.ports.north, "/deviceCommands").await;
    let client = Client::builder(network.url(), "app", &bed.secret)
        .retry(QUICK)
        .build()
        .expect("settings that work");
    let device_id = device(&client).await;
    let command = client.post_device_command(&set_period(&device_id, 3)).await;
    let command = command.expect("the second time, under the same key");
    assert_eq!(network.requests.load(Ordering::SeqCst), 2);
    assert_eq!(count(&client).await, 1);
    let listed = client.query_device_command(&CommandsQuery::default()).await;
    assert_eq!(
        listed.expect("answered").data[0].command_id,
        command.command_id
    );
}

#[tokio::test]
async fn without_a_key_a_lost_answer_is_the_callers_affair() {
    let bed = Bed::start();
    let network = Network::before(bed.server.ports.north, "/deviceCommands").await;
    let client = Client::builder(network.url(), "app", &bed.secret)
        .retry(QUICK)
        .build()
        .expect("settings that work");
    let device_id = device(&client).await;
    let lost = client
        .post_device_command(&set_period(&device_id, 3))
        .without_key()
        .await
        .expect_err("no answer");
    assert!(
        matches!(
            lost,
            Error::Transport {
                what: Carried::Perhaps,
                ..
            }
        ),
        "{lost:?}"
    );
    assert!(lost.is_retryable() && !lost.surely_harmless());
    assert_eq!(network.requests.load(Ordering::SeqCst), 1);
    assert_eq!(count(&bed.client()).await, 1, "it had arrived");
}

#[tokio::test]
async fn an_overload_is_waited_out_if_the_client_may_and_told_if_not() {
    let bed = Bed::start();
    let plain = bed.client();
    let device_id = device(&plain).await;
    bed.fault("overload");
    let refused = plain.query_device_status(&device_id).await;
    let error = refused.expect_err("overloaded");
    assert_eq!(error.code(), Some(Code::FlowControlled));
    assert!(error.is_retryable() && error.surely_harmless());
    assert!(error.retry_after().is_some());

    bed.fault("overload");
    let patient = bed.builder().retry(QUICK).build().expect("settings");
    let status = patient.query_device_status(&device_id).await;
    status.expect("answered at the second try");

    bed.fault("overload");
    let hasty = bed.builder().retry(QUICK.patience(Duration::ZERO));
    let hasty = hasty.build().expect("settings");
    let refused = hasty.query_device_status(&device_id).await;
    let error = refused.expect_err("the platform asks for more patience than there is");
    assert_eq!(error.code(), Some(Code::FlowControlled));
}

#[tokio::test]
async fn what_may_have_taken_effect_is_never_repeated_by_itself() {
    let bed = Bed::start();
    let client = bed.builder().retry(QUICK).build().expect("settings");
    let device_id = device(&client).await;
    let before = bed.answers("postDeviceCommand");
    bed.fault("handler");
    let refused = client.post_device_command(&set_period(&device_id, 3)).await;
    let error = refused.expect_err("the fault");
    assert_eq!(error.code(), Some(Code::Internal));
    assert!(error.is_retryable() && !error.surely_harmless());
    assert_eq!(bed.answers("postDeviceCommand") - before, 1);
}

#[tokio::test]
async fn r3_5_a_throttled_client_is_told_how_long_to_wait() {
    let bed = Bed::start();
    let throttle = ["app", "throttle", "app", "on"];
    crate::process::printed(bed.data(), &throttle);
    let client = bed.client();
    let device_id = device(&client).await;
    let mut refused = None;
    for _ in 0..=100 {
        refused = client.query_device_status(&device_id).await.err();
    }
    let error = refused.expect("more calls than a minute has");
    assert_eq!(error.code(), Some(Code::Throttled));
    assert_eq!(error.retry_after(), Some(Duration::from_mins(1)));
    crate::process::printed(bed.data(), &["clock", "advance", "60s"]);
    let status = client.query_device_status(&device_id).await;
    status.expect("the minute is over");
}

#[tokio::test]
async fn a_whole_call_takes_no_longer_than_it_may() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.expect("bound");
    let address = silent.local_addr().expect("bound");
    let client = Client::builder(format!("http://{address}"), "app", "secret")
        .retry(Retry::standard())
        .call_timeout(Duration::from_millis(50))
        .build()
        .expect("settings that work");
    let error = client.query_device_status("d").await.expect_err("silence");
    assert!(
        matches!(
            error,
            Error::Transport {
                what: Carried::Perhaps,
                ..
            }
        ),
        "{error:?}"
    );
}
