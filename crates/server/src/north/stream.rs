//! The stream of one connection. It notes when a head begins to arrive, and it gives the refusals that hyper writes by itself,
//! for heads that cannot be read, the body that every error has here (R3.4, tolerance 9).

use crate::clock;
use api::failure::GatewayBody;
use api::{Code, Failure};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// hyper's own refusals are not longer than this.
const REFUSAL_BYTES_MAX: usize = 256;

/// What a connection is doing, and since when, in milliseconds of the machine's time.
#[derive(Debug)]
pub(super) struct Pulse {
    phase: AtomicU8,
    since: AtomicU64,
}

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It was accepted and has said nothing.
    Fresh,
    /// A head is arriving.
    Head,
    /// A request is being answered, which has time limits of its own.
    Busy,
    /// It waits for the next request.
    Idle,
}

impl Pulse {
    /// Of a connection that was accepted just now.
    pub(super) fn new() -> Self {
        Self {
            phase: AtomicU8::new(Phase::Fresh.number()),
            since: AtomicU64::new(clock::passed_ms()),
        }
    }

    /// Enters a phase now.
    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase.number(), Ordering::Relaxed);
        self.since.store(clock::passed_ms(), Ordering::Relaxed);
    }

    /// The phase, and for how many milliseconds it has lasted.
    pub(super) fn phase(&self) -> (Phase, u64) {
        let number = self.phase.load(Ordering::Relaxed);
        let all = [Phase::Fresh, Phase::Head, Phase::Busy, Phase::Idle];
        let phase = all
            .into_iter()
            .find(|phase| phase.number() == number)
            .unwrap_or(Phase::Busy);
        (
            phase,
            clock::passed_ms().saturating_sub(self.since.load(Ordering::Relaxed)),
        )
    }
}

impl Phase {
    const fn number(self) -> u8 {
        match self {
            Self::Fresh => 0,
            Self::Head => 1,
            Self::Busy => 2,
            Self::Idle => 3,
        }
    }
}

/// A stream under a pulse.
pub(super) struct Wire<S> {
    stream: S,
    pulse: Arc<Pulse>,
    instead: Option<Instead>,
}

/// What is written in place of a refusal of hyper's.
struct Instead {
    text: Vec<u8>,
    written: usize,
    /// The bytes that it stands for.
    stands_for: usize,
}

impl<S> Wire<S> {
    pub(super) fn new(stream: S, pulse: Arc<Pulse>) -> Self {
        Self {
            stream,
            pulse,
            instead: None,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before && matches!(self.pulse.phase().0, Phase::Fresh | Phase::Idle)
        {
            self.pulse.enter(Phase::Head);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> Wire<S> {
    /// Writes what is to be written in place of `buf`, if something is; then says how much of `buf` that was.
    fn poll_instead(
        &mut self,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<Option<usize>>> {
        if self.instead.is_none() {
            let Some(text) = refusal(buf) else {
                return Poll::Ready(Ok(None));
            };
            self.instead = Some(Instead {
                text,
                written: 0,
                stands_for: buf.len(),
            });
        }
        while let Some(instead) = &mut self.instead {
            let rest = instead.text.get(instead.written..).unwrap_or_default();
            if rest.is_empty() {
                let stands_for = instead.stands_for;
                self.instead = None;
                return Poll::Ready(Ok(Some(stands_for)));
            }
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            instead.written += written;
        }
        Poll::Ready(Ok(None))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match ready!(self.poll_instead(cx, buf))? {
            Some(written) => Poll::Ready(Ok(written)),
            None => Pin::new(&mut self.stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = bufs
            .iter()
            .find(|buf| !buf.is_empty())
            .map_or(&[][..], |buf| buf);
        match ready!(self.poll_instead(cx, first))? {
            Some(written) => Poll::Ready(Ok(written)),
            None => Pin::new(&mut self.stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The JSON answer for a refusal that hyper wrote: an error of the client without a body. None of our own answers is one.
fn refusal(head: &[u8]) -> Option<Vec<u8>> {
    if head.len() > REFUSAL_BYTES_MAX || !head.starts_with(b"HTTP/1.") {
        return None;
    }
    let text = std::str::from_utf8(head).ok()?;
    let (first, rest) = text.split_once("\r\n")?;
    let status = first.get(9..12).filter(|status| status.starts_with('4'))?;
    let is_bare =
        rest.ends_with("\r\n\r\n") && rest.to_ascii_lowercase().contains("content-length: 0\r\n");
    let detail = match status {
        "414" => "the address is too long",
        "431" => "the headers are too many or too large",
        _ => "the request line or a header cannot be read",
    };
    is_bare.then(|| last_words(first, &Failure::with_detail(Code::BadRequest, detail)))
}

/// A whole answer after which the connection ends; `first` is its first line.
pub(super) fn last_words(first: &str, failure: &Failure) -> Vec<u8> {
    let body =
        serde_json::to_vec(&failure.body(None, GatewayBody::Both)).expect("strings are JSON");
    let length = body.len();
    let head = format!(
        "{first}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.into_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_refusal_gets_a_body_and_nothing_else_does() {
        let bare = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\ndate: x\r\n\r\n";
        let text = String::from_utf8(refusal(bare).expect("a body")).expect("text");
        assert!(text.starts_with(
            "HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\n"
        ));
        assert!(text.contains("\"error_code\":\"100007\""));
        let (head, body) = text.split_once("\r\n\r\n").expect("a body");
        assert!(head.ends_with(&format!("content-length: {}", body.len())));
        for other in [
            &b"HTTP/1.1 204 No Content\r\ndate: x\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            b"HTTP/1.1 404 Not Found\r\ncontent-length: 10\r\n\r\n",
            b"{\"a\":\"HTTP/1.1 404\"}",
            b"",
            b"HTTP/1.",
        ] {
            assert!(
                refusal(other).is_none(),
                "{}",
                String::from_utf8_lossy(other)
            );
        }
    }
}
