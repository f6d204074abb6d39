//! A platform for tests: it logs everybody in, writes down what it is asked, and answers what the test lays out.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use sdk::Client;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub(crate) const LOGIN: &str = "POST /iocm/app/sec/v1.1.0/login";
pub(crate) const REFRESH: &str = "POST /iocm/app/sec/v1.1.0/refreshToken";

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Method, path and query.
    pub(crate) line: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// An answer to give: status, a header, body.
pub(crate) type Answer = (u16, Option<(&'static str, &'static str)>, String);

pub(crate) fn answer(status: u16, body: &str) -> Answer {
    (status, None, body.to_owned())
}

#[derive(Default)]
struct Script {
    seen: Vec<Seen>,
    answers: VecDeque<Answer>,
    logins: u32,
    expires_in: u32,
    can_refresh: bool,
}

pub(crate) struct Platform {
    pub(crate) address: SocketAddr,
    pub(crate) scheme: &'static str,
    script: Arc<Mutex<Script>>,
    _tasks: JoinSet<()>,
}

impl Platform {
    pub(crate) async fn start() -> Self {
        Self::over(None).await
    }

    pub(crate) async fn over(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Mutex::new(Script {
            expires_in: 3600,
            can_refresh: true,
            ..Script::default()
        }));
        let scheme = if tls.is_some() { "https" } else { "http" };
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, tls, script.clone()));
        Self {
            address,
            scheme,
            script,
            _tasks: tasks,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    pub(crate) fn client(&self) -> Client {
        Client::builder(self.url(), "app 1", "s3cret&")
            .build()
            .unwrap()
    }

    /// Lays out the next answers to calls that are no login and no refresh.
    pub(crate) fn will_answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.script.lock().unwrap().answers.extend(answers);
    }

    pub(crate) fn tokens_last(&self, seconds: u32) {
        self.script.lock().unwrap().expires_in = seconds;
    }

    pub(crate) fn refuses_refresh(&self) {
        self.script.lock().unwrap().can_refresh = false;
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.script.lock().unwrap().seen.clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, script: Arc<Mutex<Script>>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (tls, script) = (tls.clone(), script.clone());
        connections.spawn(async move {
            match tls {
                None => serve(stream, script).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, script).await;
                    }
                }
            }
        });
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, script: Arc<Mutex<Script>>) {
    let service = service_fn(|request| respond(request, script.clone()));
    // A client that goes away, or answers that make no HTTP, are part of the tests.
    drop(
        hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await,
    );
}

async fn respond(
    request: Request<Incoming>,
    script: Arc<Mutex<Script>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let line = format!("{} {}", head.method, head.uri);
    let mut script = script.lock().unwrap();
    script.seen.push(Seen {
        line: line.clone(),
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let (status, header, body) = script.next(&line);
    let mut response = Response::builder()
        .status(status)
        .header("content-type", "application/json");
    if let Some((name, value)) = header {
        response = response.header(name, value);
    }
    Ok(response.body(Full::from(body)).unwrap())
}

impl Script {
    fn next(&mut self, line: &str) -> Answer {
        match line {
            REFRESH if !self.can_refresh => answer(404, "{}"),
            LOGIN | REFRESH => {
                self.logins += 1;
                let (n, expires_in) = (self.logins, self.expires_in);
                let tokens = format!(r#""accessToken":"token-{n}","refreshToken":"refresh-{n}""#);
                let head = r#""scope":"default","tokenType":"bearer""#;
                answer(
                    200,
                    &format!(r#"{{{head},"expiresIn":{expires_in},{tokens}}}"#),
                )
            }
            _ => self
                .answers
                .pop_front()
                .expect("the test lays out an answer for each call"),
        }
    }
}
