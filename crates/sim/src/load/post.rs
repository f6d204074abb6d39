//! POSTs of commands over a kept HTTP/1.1 connection, written and read by hand.

use std::io::{self, Write as _};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use api::paths;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::wire::Wire;
use super::{LoadError, Target};

const HEADERS_MAX: usize = 32;
const READ_BYTES: usize = 4096;
/// Bytes of an answer; the answer to a POST has a few hundred.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
const CREATED: u16 = 201;

/// What all requests of a load have in common, rendered once.
#[derive(Clone, Debug)]
pub(super) struct Head {
    head: Box<[u8]>,
    callbacks: Box<[String]>,
}

impl Head {
    pub(super) fn of(target: &Target) -> Self {
        let Target {
            http,
            app_id,
            token,
            ..
        } = target;
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {http}\r\napp_key: {app_id}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: ",
            paths::DEVICE_COMMANDS,
            token.expose()
        );
        Self {
            head: head.into_bytes().into(),
            callbacks: target.callbacks.clone().into(),
        }
    }

    /// Appends the request for command `n` of a device.
    pub(super) fn write(&self, out: &mut Vec<u8>, device_id: &str, n: u64) {
        const BEFORE: &str = r#"{"deviceId":""#;
        const BETWEEN: &str = r#"","command":{"serviceId":"Load","method":"RUN","paras":{"n":"#;
        const AFTER: &str = "}}";
        const CALLBACK: &str = r#","callbackUrl":""#;
        const END: &str = r#""}"#;
        let digits = usize_of(n.checked_ilog10().unwrap_or(0) + 1);
        let length = BEFORE.len() + device_id.len() + BETWEEN.len() + AFTER.len() + digits;
        out.extend_from_slice(&self.head);
        let url = self.callback(n);
        let written = match url {
            None => write!(
                out,
                "{}\r\n\r\n{BEFORE}{device_id}{BETWEEN}{n}{AFTER}}}",
                length + 1
            ),
            Some(url) => write!(
                out,
                "{}\r\n\r\n{BEFORE}{device_id}{BETWEEN}{n}{AFTER}{CALLBACK}{url}/{n}{END}",
                length + CALLBACK.len() + url.len() + 1 + digits + END.len()
            ),
        };
        written.expect("a Vec takes everything");
    }
}

impl Head {
    /// Where command `n` is told of.
    fn callback(&self, n: u64) -> Option<&str> {
        let count = u64::try_from(self.callbacks.len()).ok()?;
        let place = usize::try_from(n.checked_rem(count)?).ok()?;
        let url = self.callbacks.get(place)?;
        (!url.is_empty()).then_some(url)
    }
}

fn usize_of(digits: u32) -> usize {
    usize::try_from(digits).expect("a number has at most 20 digits")
}

/// An answer at the start of `bytes`: its status and length, or `None` if it is not whole yet.
pub(super) fn answer(bytes: &[u8]) -> Result<Option<(u16, usize)>, LoadError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response
        .parse(bytes)
        .map_err(|_| LoadError::Answer("it is no HTTP"))?;
    let httparse::Status::Complete(head) = parsed else {
        return Ok(None);
    };
    let header = |name: &str| {
        let found = response
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    let length = header("content-length").and_then(|text| text.parse::<usize>().ok());
    let length = length.ok_or(LoadError::Answer("it has no Content-Length"))?;
    if length > ANSWER_BYTES_MAX {
        return Err(LoadError::Answer("it is too long"));
    }
    let status = response.code.expect("a whole head has a status");
    Ok((bytes.len() >= head + length).then_some((status, head + length)))
}

/// Whether the platform has accepted the command.
pub(super) fn is_accepted(status: u16) -> bool {
    status == CREATED
}

/// A connection with at most one request under way.
#[derive(Debug)]
pub(super) struct PostLink {
    stream: Wire,
    inbound: Vec<u8>,
    outbound: Outbound,
}

impl PostLink {
    pub(super) async fn open(target: &Target) -> Result<Self, LoadError> {
        let what = "no HTTP connection to the platform";
        let stream = Wire::open(target.http, target.trust.as_ref(), what).await?;
        Ok(Self {
            stream,
            inbound: Vec::with_capacity(READ_BYTES),
            outbound: Outbound::default(),
        })
    }

    /// Where the next request is to be written to.
    pub(super) fn outbound(&mut self) -> &mut Vec<u8> {
        &mut self.outbound.bytes
    }

    /// Writes what there is and reads an answer: its status. To be called while a request is under way only.
    pub(super) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<u16, LoadError>> {
        self.outbound
            .poll_write(&mut self.stream, cx)
            .map_err(LoadError::connection("an HTTP connection broke"))?;
        loop {
            let inbound = &mut self.inbound;
            let read = read(&mut self.stream, cx, |bytes| {
                inbound.extend_from_slice(bytes);
            });
            ready!(read).map_err(LoadError::connection("an HTTP connection broke"))?;
            if let Some((status, length)) = answer(&self.inbound)? {
                self.inbound.drain(..length);
                return Poll::Ready(Ok(status));
            }
        }
    }
}

/// Bytes on their way out.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    pub(super) bytes: Vec<u8>,
    written: usize,
    /// What was written may still lie in the TLS layer.
    unflushed: bool,
}

impl Outbound {
    /// Writes as much as the kernel takes; the task is woken when it takes more.
    pub(super) fn poll_write(&mut self, stream: &mut Wire, cx: &mut Context<'_>) -> io::Result<()> {
        while self.written < self.bytes.len() {
            match Pin::new(&mut *stream).poll_write(cx, &self.bytes[self.written..]) {
                Poll::Pending => return Ok(()),
                Poll::Ready(count) => self.written += count?,
            }
            self.unflushed = true;
        }
        if self.unflushed {
            match Pin::new(&mut *stream).poll_flush(cx) {
                Poll::Pending => return Ok(()),
                Poll::Ready(flushed) => flushed?,
            }
            self.unflushed = false;
        }
        self.bytes.clear();
        self.written = 0;
        Ok(())
    }
}

/// Reads what there is and hands it over; the end of the stream is an error.
pub(super) fn read(
    stream: &mut Wire,
    cx: &mut Context<'_>,
    take: impl FnOnce(&[u8]),
) -> Poll<io::Result<()>> {
    // Most connections have nothing to say when their task wakes: they must not cost a cleared buffer.
    let mut chunk = [MaybeUninit::uninit(); READ_BYTES];
    let mut buffer = ReadBuf::uninit(&mut chunk);
    ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
    if buffer.filled().is_empty() {
        return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
    }
    take(buffer.filled());
    Poll::Ready(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_its_length_whatever_the_number() {
        let target = Target {
            http: "127.0.0.1:1".parse().unwrap(),
            mqtt: "127.0.0.1:2".parse().unwrap(),
            app_id: "a".into(),
            token: api::Secret::new("t"),
            callbacks: vec!["http://h:1".into(), String::new()],
            trust: None,
        };
        for n in [0, 9, 10, u64::MAX] {
            let mut out = Vec::new();
            Head::of(&target).write(&mut out, "d-1", n);
            let text = String::from_utf8(out).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(
                head.ends_with(&format!("\r\nContent-Length: {}", body.len())),
                "{head}"
            );
            let request = api::commands::PostCommandRequest::from_json(body.as_bytes()).unwrap();
            assert_eq!(request.device_id, "d-1");
            assert_eq!(request.command.paras["n"], n);
            let url = n.is_multiple_of(2).then(|| format!("http://h:1/{n}"));
            assert_eq!(request.callback_url, url);
        }
    }

    #[test]
    fn an_answer_is_read_when_it_is_whole() {
        let whole = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1";
        for end in 0..whole.len() - 8 {
            assert_eq!(answer(&whole[..end]).unwrap(), None, "{end}");
        }
        assert_eq!(answer(whole).unwrap(), Some((201, whole.len() - 8)));
        for bad in [
            "SSH-2.0-x\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        ] {
            assert!(answer(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
