//! An application's receiver of callbacks, as cheap as load allows: it stands in this process and outlives the server.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const HEADERS_MAX: usize = 32;
const READ_BYTES: usize = 4 * 1024;
/// Bytes of a request; callbacks have a few hundred.
const REQUEST_BYTES_MAX: usize = 256 * 1024;

/// How a callback is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// With this status, at once.
    Status(u16),
    /// With 200, after a while.
    Slow(Duration),
    /// Not at all.
    Never,
    /// The connection ends without an answer.
    Close,
}

type Script = Arc<dyn Fn(&str, &[u8]) -> Reply + Send + Sync>;

/// A receiver. Dropped, it is gone.
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    _listening: JoinSet<()>,
}

impl Receiver {
    /// One on a free port, that answers each path and body as `script` says.
    ///
    /// # Errors
    /// There is no port.
    pub async fn start(
        script: impl Fn(&str, &[u8]) -> Reply + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let mut listening = JoinSet::new();
        listening.spawn(listen(listener, Arc::new(script)));
        Ok(Self {
            address,
            _listening: listening,
        })
    }

    /// An address of it.
    pub fn url(&self) -> String {
        format!("http://{}/callback", self.address)
    }
}

async fn listen(listener: TcpListener, script: Script) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    // A connection that breaks is the server's end.
                    let served = serve(stream, script.clone());
                    connections.spawn(async move { drop(served.await) });
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(mut stream: TcpStream, script: Script) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut inbox = Vec::new();
    loop {
        let whole = request(&mut stream, &mut inbox).await?;
        let end = whole.end;
        let status = match script(&whole.path, &inbox[whole.start..end]) {
            Reply::Status(status) => status,
            Reply::Slow(span) => {
                tokio::time::sleep(span).await;
                200
            }
            Reply::Never => return std::future::pending().await,
            Reply::Close => return Ok(()),
        };
        inbox.drain(..end);
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await?;
    }
}

/// A request at the start of some bytes: where its body begins and ends.
#[derive(Debug, PartialEq, Eq)]
struct Whole {
    path: String,
    start: usize,
    end: usize,
}

/// Reads until the inbox begins with a whole request.
async fn request(stream: &mut TcpStream, inbox: &mut Vec<u8>) -> io::Result<Whole> {
    loop {
        if let Some(found) = whole(inbox)? {
            return Ok(found);
        }
        let mut chunk = [0; READ_BYTES];
        let count = stream.read(&mut chunk).await?;
        if count == 0 || inbox.len() > REQUEST_BYTES_MAX {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        inbox.extend_from_slice(&chunk[..count]);
    }
}

fn whole(bytes: &[u8]) -> io::Result<Option<Whole>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let parsed = request.parse(bytes).map_err(io::Error::other)?;
    let httparse::Status::Complete(head) = parsed else {
        return Ok(None);
    };
    let length = request
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok());
    let length: usize = length.ok_or_else(|| io::Error::other("it has no length"))?;
    let end = head.saturating_add(length);
    let path = request.path.unwrap_or_default().to_owned();
    Ok((bytes.len() >= end).then_some(Whole {
        path,
        start: head,
        end,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_when_it_is_whole() {
        let bytes = b"POST /x HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}POST";
        let head = bytes.len() - 6;
        for end in 0..head + 2 {
            assert_eq!(whole(&bytes[..end]).expect("HTTP"), None);
        }
        let found = Whole {
            path: "/x".into(),
            start: head,
            end: head + 2,
        };
        assert_eq!(whole(bytes).expect("HTTP"), Some(found));
        assert!(whole(b"GET / HTTP/1.1\r\n\r\n").is_err());
    }
}
