//! An application's receiver of callbacks: it keeps what it gets and answers as the test says.

use super::{PATIENCE, spawn};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio_rustls::TlsAcceptor;

/// What a receiver got.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The request line.
    pub(crate) line: String,
    /// Names in lower case, and values.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// How many calls the receiver had got before.
    pub(crate) number: usize,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }

    /// `resultCode`, or the `notifyType`.
    pub(crate) fn says(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).expect("JSON");
        let code = body["result"]["resultCode"].as_str();
        let code = code.or(body["notifyType"].as_str());
        code.expect("either of them").to_owned()
    }

    pub(crate) fn command_id(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).expect("JSON");
        body["commandId"].as_str().expect("a status").to_owned()
    }
}

/// How a call is answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// With this status and no body.
    Status(u16),
    /// With these bytes; the connection ends after them.
    Raw(Vec<u8>),
    /// A byte now and then.
    Drip,
    /// Not at all.
    Silence,
}

type Script = Arc<dyn Fn(&Call) -> Answer + Send + Sync>;

/// A receiver.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    calls: Mutex<mpsc::UnboundedReceiver<Call>>,
    /// Connections that were taken.
    pub(crate) connections: Arc<AtomicUsize>,
}

impl Receiver {
    /// One that answers 200.
    pub(crate) async fn start() -> Self {
        Self::answering(|_| Answer::Status(200)).await
    }

    /// One that answers as `script` says.
    pub(crate) async fn answering(
        script: impl Fn(&Call) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::over(None, Arc::new(script)).await
    }

    /// One with TLS, that answers 200.
    pub(crate) async fn secure(tls: TlsAcceptor) -> Self {
        Self::over(Some(tls), Arc::new(|_: &Call| Answer::Status(200))).await
    }

    async fn over(tls: Option<TlsAcceptor>, script: Script) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (out, calls) = mpsc::unbounded_channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let (taken, number) = (connections.clone(), Arc::new(AtomicUsize::new(0)));
        spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                taken.fetch_add(1, Ordering::SeqCst);
                let (script, out, number) = (script.clone(), out.clone(), number.clone());
                match tls.clone() {
                    None => spawn(serve(stream, script, out, number)),
                    Some(tls) => spawn(async move {
                        if let Ok(stream) = tls.accept(stream).await {
                            serve(stream, script, out, number).await;
                        }
                    }),
                }
            }
        });
        Self {
            address,
            calls: Mutex::new(calls),
            connections,
        }
    }

    /// An address of it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/cb", self.address)
    }

    /// The next call.
    pub(crate) async fn next(&self) -> Call {
        let mut calls = self.calls.lock().await;
        let next = tokio::time::timeout(PATIENCE, calls.recv()).await;
        let call = next.expect("a call comes").expect("the receiver runs");
        crate::document::check_callback(&call.body);
        call
    }

    /// The next calls, as many as asked for: what they say.
    pub(crate) async fn says(&self, count: usize) -> Vec<String> {
        let mut said = Vec::new();
        for _ in 0..count {
            said.push(self.next().await.says());
        }
        said
    }

    /// What has come and was not taken yet.
    pub(crate) async fn rest(&self) -> Vec<Call> {
        let mut calls = self.calls.lock().await;
        std::iter::from_fn(|| calls.try_recv().ok()).collect()
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    script: Script,
    out: mpsc::UnboundedSender<Call>,
    number: Arc<AtomicUsize>,
) {
    while let Some(mut call) = read(&mut stream).await {
        call.number = number.fetch_add(1, Ordering::SeqCst);
        let answer = script(&call);
        out.send(call).ok();
        match answer {
            Answer::Status(status) => {
                let text = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
                if stream.write_all(text.as_bytes()).await.is_err() {
                    return;
                }
            }
            Answer::Raw(bytes) => {
                stream.write_all(&bytes).await.ok();
                return;
            }
            Answer::Drip => {
                for byte in b"HTTP/1.1 200 OK\r\nX: "
                    .iter()
                    .chain(std::iter::repeat(&b'x'))
                {
                    if stream.write_all(&[*byte]).await.is_err() {
                        return;
                    }
                    // tidy: wait because the receiver is to be slow
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            Answer::Silence => std::future::pending().await,
        }
    }
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Call> {
    let mut bytes = Vec::new();
    let (head, mut body) = loop {
        let mut chunk = [0; 4096];
        let count = stream
            .read(&mut chunk)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        bytes.extend_from_slice(&chunk[..count]);
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let body = bytes.split_off(at + 4);
            break (String::from_utf8(bytes).expect("a head is text"), body);
        }
    };
    let mut lines = head.lines();
    let line = lines.next()?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().expect("a number"));
    while body.len() < length {
        let mut chunk = [0; 4096];
        let count = stream
            .read(&mut chunk)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        body.extend_from_slice(&chunk[..count]);
    }
    Some(Call {
        line,
        headers,
        body: String::from_utf8(body).expect("a body is text"),
        number: 0,
    })
}
