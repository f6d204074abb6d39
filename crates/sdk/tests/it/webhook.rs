//! The receiver over HTTP: what it answers to whom, and that each callback is done once.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use sdk::webhook::{Callback, Event, Receiver, Verifier, WebhookSecret};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;

const BODY: &str =
    r#"{"deviceId":"d","commandId":"c","result":{"resultCode":"SENT","resultDetail":null}}"#;
const AT: u64 = 1_700_000_000;

fn secret() -> WebhookSecret {
    WebhookSecret::of_bytes(&[7; 32]).unwrap()
}

/// What the handler does with a callback.
type Does = Arc<dyn Fn(u32) -> Option<Arc<Notify>> + Send + Sync>;

struct Running {
    address: std::net::SocketAddr,
    calls: Arc<AtomicU32>,
    events: Arc<Mutex<Vec<Event>>>,
    stop: oneshot::Sender<()>,
    task: JoinSet<()>,
}

impl Running {
    /// A receiver whose handler fails at the calls that `fails` names, and waits where `waits` says so.
    async fn start(fails: &'static [u32], waits: Does) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new(AtomicU32::new(0));
        let events = Arc::new(Mutex::new(Vec::new()));
        let (stop, stopped) = oneshot::channel();
        let (counted, seen) = (calls.clone(), events.clone());
        let handler = move |event: Event| {
            let call = counted.fetch_add(1, Ordering::SeqCst) + 1;
            seen.lock().unwrap().push(event);
            let wait = waits(call);
            async move {
                if let Some(wait) = wait {
                    wait.notified().await;
                }
                if fails.contains(&call) {
                    return Err(io::Error::other("the database is away"));
                }
                Ok(())
            }
        };
        let mut task = JoinSet::new();
        task.spawn(async move {
            let receiver = Receiver::new(Verifier::new(secret()).at_any_time()).window(2);
            let stops = async {
                stopped.await.ok();
            };
            receiver.serve(listener, handler, stops).await.unwrap();
        });
        Self {
            address,
            calls,
            events,
            stop,
            task,
        }
    }

    async fn post(&self, id: &str, body: &str) -> u16 {
        let signature = secret().sign(id, AT, body.as_bytes());
        let head = format!(
            "webhook-id: {id}\r\nwebhook-timestamp: {AT}\r\nwebhook-signature: {signature}\r\n"
        );
        self.send("POST", &head, body).await
    }

    async fn send(&self, method: &str, head: &str, body: &str) -> u16 {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} /any/path HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{head}\r\n{body}"
        );
        // One that is refused by its head may be closed before its body is written.
        stream.write_all(request.as_bytes()).await.ok();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok();
        let answer = String::from_utf8(answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

fn at_once() -> Does {
    Arc::new(|_| None)
}

#[tokio::test]
async fn a_signed_callback_is_handed_over_typed_and_its_repeat_is_not() {
    let receiver = Running::start(&[], at_once()).await;
    assert_eq!(receiver.post("c.1", BODY).await, 200);
    assert_eq!(receiver.post("c.1", BODY).await, 200);
    assert_eq!(receiver.post("c.2", BODY).await, 200);
    assert_eq!(receiver.calls.load(Ordering::SeqCst), 2);
    let event = receiver.events.lock().unwrap()[0].clone();
    assert_eq!(event.id.as_deref(), Some("c.1"));
    let Callback::Status(change) = event.callback else {
        panic!("a change of status");
    };
    assert_eq!(change.result.result_code.as_str(), "SENT");
}

#[tokio::test]
async fn the_bound_of_the_window_is_a_bound() {
    let receiver = Running::start(&[], at_once()).await;
    for id in ["c.1", "c.2", "c.3", "c.1"] {
        assert_eq!(receiver.post(id, BODY).await, 200);
    }
    assert_eq!(
        receiver.calls.load(Ordering::SeqCst),
        4,
        "c.1 was forgotten"
    );
}

#[tokio::test]
async fn whoever_cannot_be_believed_or_read_never_reaches_the_handler() {
    let receiver = Running::start(&[], at_once()).await;
    assert_eq!(receiver.send("POST", "", BODY).await, 401);
    let forged = "webhook-id: c.1\r\nwebhook-timestamp: 1\r\nwebhook-signature: v1,AAAA\r\n";
    assert_eq!(receiver.send("POST", forged, BODY).await, 401);
    assert_eq!(receiver.post("c.1", "{").await, 400);
    assert_eq!(receiver.post("c.1", r#"{"notifyType":"other"}"#).await, 400);
    assert_eq!(receiver.send("GET", "", "").await, 405);
    assert_eq!(receiver.send("POST", "", &"x".repeat(2_000_000)).await, 413);
    assert_eq!(receiver.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_the_handler_could_not_do_is_done_when_it_comes_again() {
    let receiver = Running::start(&[1], at_once()).await;
    assert_eq!(receiver.post("c.1", BODY).await, 500);
    assert_eq!(receiver.post("c.1", BODY).await, 200);
    assert_eq!(receiver.post("c.1", BODY).await, 200);
    assert_eq!(receiver.calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_answer_waits_for_the_handler_and_a_repeat_meanwhile_is_put_off() {
    let go = Arc::new(Notify::new());
    let waiting = go.clone();
    let waits: Does = Arc::new(move |call| (call == 1).then(|| waiting.clone()));
    let receiver = Running::start(&[], waits).await;
    let first = receiver.post("c.1", BODY);
    let second = async {
        while receiver.calls.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let second = receiver.post("c.1", BODY).await;
        go.notify_one();
        second
    };
    assert_eq!(tokio::join!(first, second), (200, 503));
    assert_eq!(receiver.post("c.1", BODY).await, 200);
    assert_eq!(receiver.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_has_begun_is_brought_to_its_end_when_the_receiver_stops() {
    let go = Arc::new(Notify::new());
    let waiting = go.clone();
    let waits: Does = Arc::new(move |_| Some(waiting.clone()));
    let receiver = Running::start(&[], waits).await;
    let mut stream = TcpStream::connect(receiver.address).await.unwrap();
    let signature = secret().sign("c.1", AT, BODY.as_bytes());
    let request = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nwebhook-id: c.1\r\nwebhook-timestamp: {AT}\r\nwebhook-signature: {signature}\r\n\r\n{BODY}",
        BODY.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    while receiver.calls.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let Running {
        stop,
        mut task,
        address,
        ..
    } = receiver;
    stop.send(()).unwrap();
    go.notify_one();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    task.join_next().await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
