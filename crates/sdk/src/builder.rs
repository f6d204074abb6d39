//! The settings of a client.

use std::time::Duration;

use api::Secret;

use crate::tls::{self, Identity, Trust, unusable};
use crate::transport::Transport;
use crate::{Client, Error, Retry};

/// Longer than a CLOUD call waits for its device (R4.2: 20 s).
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
const REDIRECTS: &str = "the contract knows no redirect";

/// Settings of a [`Client`], from [`Client::builder`].
#[derive(Clone, Debug)]
pub struct ClientBuilder {
    base_url: String,
    app_id: String,
    secret: Secret,
    trust: Trust,
    identity: Option<Identity>,
    proxy: Proxy,
    timeout: Duration,
    connect_timeout: Duration,
    call_timeout: Option<Duration>,
    retry: Retry,
}

/// Through which proxy a client talks to the platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Proxy {
    /// None, whatever the environment says.
    #[default]
    Off,
    /// The one that `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` name.
    Environment,
    /// This one: `http://host:port`, with `user:password@` before the host if it asks for them.
    Through(Secret),
}

impl ClientBuilder {
    pub(crate) fn new(base_url: String, app_id: String, secret: Secret) -> Self {
        Self {
            base_url,
            app_id,
            secret,
            trust: Trust::Machine { extra: Vec::new() },
            identity: None,
            proxy: Proxy::Off,
            timeout: TIMEOUT_DEFAULT,
            connect_timeout: CONNECT_TIMEOUT_DEFAULT,
            call_timeout: None,
            retry: Retry::none(),
        }
    }

    /// Trusts the certificates of this PEM text, such as the platform's own CA, instead of those that the machine trusts.
    #[must_use]
    pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.trust = Trust::Own(pem.into());
        self
    }

    /// Trusts the certificates of this PEM text beside those that the machine trusts. May be repeated; takes back [`Self::ca_pem`].
    #[must_use]
    pub fn extra_root_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        match &mut self.trust {
            Trust::Machine { extra } => extra.push(pem.into()),
            Trust::Own(_) => {
                self.trust = Trust::Machine {
                    extra: vec![pem.into()],
                }
            }
        }
        self
    }

    /// Shows this certificate to a platform that asks for one (mutual TLS): the chain, the client's own first, and its private key, both
    /// in PEM.
    #[must_use]
    pub fn client_certificate(
        mut self,
        chain_pem: impl Into<Vec<u8>>,
        key_pem: impl Into<String>,
    ) -> Self {
        self.identity = Some(Identity {
            certificates: chain_pem.into(),
            key: Secret::new(key_pem),
        });
        self
    }

    /// Talks through a proxy; [`Proxy::Off`] if not set.
    #[must_use]
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = proxy;
        self
    }

    /// How long one request may take, to the last byte of its answer; 30 s if not set. A CLOUD call alone may take 20 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long a connection may take to come about; 10 s if not set.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long a whole call may take: logins, tries and waits between them included. Without a bound if not set: then the other
    /// time-outs and [`Retry`] bound it.
    #[must_use]
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = Some(timeout);
        self
    }

    /// Tries again what failed without harm and passes by itself; [`Retry::none`] if not set.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Builds the client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Setting`] if the address is no `http` or `https` one, or certificates, key or proxy cannot be used.
    pub fn build(self) -> Result<Client, Error> {
        let base = self.base_url.trim_end_matches('/').to_owned();
        let url = reqwest::Url::parse(&base).map_err(|error| unusable("base_url", &error))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(unusable(
                "base_url",
                &"it must start with http:// or https://",
            ));
        }
        let tls = tls::config(url.scheme() == "https", &self.trust, self.identity.as_ref())?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .timeout(self.timeout)
            .connect_timeout(self.connect_timeout)
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::custom(|attempt| {
                attempt.error(REDIRECTS)
            }));
        let http = match &self.proxy {
            Proxy::Off => http.no_proxy(),
            Proxy::Environment => http,
            Proxy::Through(address) => {
                let proxy = reqwest::Proxy::all(address.expose());
                // The library's reason would quote the address, and with it a password.
                http.proxy(proxy.map_err(|_| unusable("proxy", &"it is no address of a proxy"))?)
            }
        };
        let http = http.build().map_err(|error| unusable("client", &error))?;
        let transport = Transport {
            http,
            base,
            call_timeout: self.call_timeout,
            retry: self.retry,
        };
        Ok(Client::new(transport, self.app_id, self.secret))
    }
}
