//! HTTP/1.1 over one kept-alive connection, one request at a time: as little of a client as load allows.
//!
//! It reads answers with a `Content-Length`, or none; the server's answers are such. Anything else ends the connection with an error.

use std::io::{self, ErrorKind, Write as _};
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Headers of an answer.
const HEADERS_MAX: usize = 32;
/// Bytes of an answer, its head included.
const ANSWER_BYTES_MAX: usize = 64 * 1_048_576;
const READ_BYTES: usize = 16 * 1024;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Whole header lines, each with its `\r\n`.
    pub headers: &'a str,
    /// The body; empty for none.
    pub body: &'a [u8],
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// A connection. After an error it is of no use.
#[derive(Debug)]
pub struct Http {
    stream: TcpStream,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
}

impl Http {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            inbox: Vec::new(),
            outbox: Vec::new(),
        })
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// The connection ended, or the answer is not understood. Whether the request was carried out is not known then.
    pub async fn call(&mut self, request: Request<'_>) -> io::Result<Answer> {
        self.outbox.clear();
        put(&mut self.outbox, request);
        self.stream.write_all(&self.outbox).await?;
        self.answer().await
    }

    /// Sends bytes that [`put`](Request::put) made, and waits for the answer.
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> io::Result<Answer> {
        loop {
            if let Some((answer, used)) = read(&self.inbox)? {
                self.inbox.drain(..used);
                return Ok(answer);
            }
            if self.inbox.len() > ANSWER_BYTES_MAX {
                return Err(odd("the answer is too long"));
            }
            self.inbox.reserve(READ_BYTES);
            if self.stream.read_buf(&mut self.inbox).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

impl Request<'_> {
    /// Appends the request as it stands on the wire.
    pub fn put(self, out: &mut Vec<u8>) {
        put(out, self);
    }
}

fn put(out: &mut Vec<u8>, request: Request<'_>) {
    let Request {
        method,
        path,
        headers,
        body,
    } = request;
    write!(
        out,
        "{method} {path} HTTP/1.1\r\nHost: downlink\r\n{headers}"
    )
    .expect("a vector takes every write");
    if !body.is_empty() {
        write!(
            out,
            "Content-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        )
        .expect("a vector takes every write");
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
}

/// Reads an answer from the start of `bytes`, with its length; `None` if it is not whole yet.
fn read(bytes: &[u8]) -> io::Result<Option<(Answer, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let parsed = head
        .parse(bytes)
        .map_err(|_| odd("the answer is no HTTP/1.1"))?;
    let httparse::Status::Complete(head_bytes) = parsed else {
        return Ok(None);
    };
    let status = head.code.unwrap_or_default();
    let value = |name: &str| {
        head.headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
    };
    if value("transfer-encoding").is_some() {
        return Err(odd("the answer comes in chunks"));
    }
    let length = value("content-length").map(|header| {
        std::str::from_utf8(header.value)
            .ok()
            .and_then(|text| text.parse().ok())
    });
    let length: usize = match length {
        None => 0,
        Some(Some(length)) if length <= ANSWER_BYTES_MAX => length,
        Some(_) => return Err(odd("the answer's length is no length")),
    };
    let end = head_bytes + length;
    let body = bytes.get(head_bytes..end);
    Ok(body.map(|body| {
        let body = body.to_vec();
        (Answer { status, body }, end)
    }))
}

fn odd(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_when_it_is_whole_and_not_before() {
        let bytes = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200";
        let whole = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}".len();
        for cut in 0..whole {
            assert_eq!(read(&bytes[..cut]).unwrap(), None, "cut at {cut}");
        }
        let (answer, used) = read(bytes).unwrap().unwrap();
        assert_eq!(
            (answer.status, answer.body.as_slice(), used),
            (201, &b"{}"[..], whole)
        );
    }

    #[test]
    fn an_answer_without_a_length_has_no_body() {
        let (answer, _) = read(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().unwrap();
        assert_eq!((answer.status, answer.body.len()), (204, 0));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for bytes in [
            "SSH-2.0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n",
        ] {
            assert!(read(bytes.as_bytes()).is_err(), "{bytes}");
        }
    }

    #[test]
    fn a_request_stands_on_the_wire_as_it_should() {
        let mut out = Vec::new();
        let request = Request {
            method: "POST",
            path: "/p",
            headers: "app_key: a\r\n",
            body: b"{}",
        };
        request.put(&mut out);
        let text = "POST /p HTTP/1.1\r\nHost: downlink\r\napp_key: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(String::from_utf8(out).unwrap(), text);
    }
}
