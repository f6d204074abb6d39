//! Connections to endpoints: the one place where a callback leaves the machine, and where its address is judged (R3.8).

use super::Failure;
use super::address::{Target, is_private, is_private_host};
use super::resolve::Resolve;
use super::trust::Trust;
use rustls::pki_types::ServerName;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Addresses of one name that are tried.
const ADDRESSES_TRIED_MAX: usize = 4;
/// How long one of several addresses may take to be connected to.
const ADDRESS_WITHIN: Duration = Duration::from_secs(4);

/// A connection, with TLS or without.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Makes connections.
pub(super) struct Connector {
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) trust: Trust,
    /// Whether private addresses are connected to.
    pub(super) private_allowed: bool,
}

impl Connector {
    /// Connects to a target; `ca` is trusted in addition to the machine's authorities. The caller bounds the time.
    pub(super) async fn connect(
        &self,
        target: &Target,
        ca: Option<&str>,
    ) -> Result<Box<dyn Stream>, Failure> {
        let addresses = self.addresses(target.host()).await?;
        let stream = reach(&addresses, target.port()).await?;
        stream.set_nodelay(true).ok();
        if !target.is_secure() {
            return Ok(Box::new(stream));
        }
        let config = self.trust.config(ca).await?;
        let name = ServerName::try_from(target.host().to_owned())
            .map_err(|_| Failure::Tls("the host is no name that a certificate can hold".into()))?;
        let shaken = TlsConnector::from(config).connect(name, stream).await;
        let stream = shaken.map_err(|error| Failure::Tls(error.to_string()))?;
        Ok(Box::new(stream))
    }

    /// The addresses that may be connected to. Each of them was looked at, and no other is connected to: a name that answers otherwise
    /// the next time gains nothing by it.
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Failure> {
        if let Ok(address) = host.parse() {
            return self.allowed(address).map(|()| vec![address]);
        }
        if !self.private_allowed && is_private_host(host) {
            return Err(Failure::Private(format!(
                "the host {host} is this machine's own"
            )));
        }
        let found = self.resolver.resolve(host).await;
        let found = found.map_err(|error| Failure::Name(error.to_string()))?;
        if found.is_empty() {
            return Err(Failure::Name("it has no address".into()));
        }
        for address in &found {
            self.allowed(*address)?;
        }
        Ok(found)
    }

    fn allowed(&self, address: IpAddr) -> Result<(), Failure> {
        if self.private_allowed || !is_private(address) {
            return Ok(());
        }
        Err(Failure::Private(format!("{address} is a private address")))
    }
}

async fn reach(addresses: &[IpAddr], port: u16) -> Result<TcpStream, Failure> {
    let mut failure = Failure::Connect("there is no address".into());
    for address in addresses.iter().take(ADDRESSES_TRIED_MAX) {
        let connecting = TcpStream::connect(SocketAddr::new(*address, port));
        match tokio::time::timeout(ADDRESS_WITHIN, connecting).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = Failure::Connect(error.to_string()),
            Err(_) => failure = Failure::Connect("no answer to the first packet".into()),
        }
    }
    Err(failure)
}
