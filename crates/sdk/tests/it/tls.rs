//! TLS with the platform's own CA.

use std::sync::Arc;

use sdk::{Carried, Client, Error};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::platform::Platform;

/// A certificate for 127.0.0.1 that is its own CA, in PEM, and a server that shows it.
fn certificate() -> (String, TlsAcceptor) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (made.cert.pem(), TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn the_named_ca_is_trusted_and_no_other() {
    let (pem, tls) = certificate();
    let platform = Platform::over(Some(tls)).await;
    let of = |pem: String| {
        Client::builder(platform.url(), "a", "s")
            .ca_pem(pem)
            .build()
            .unwrap()
    };
    assert_eq!(of(pem).get_auth_token().await.unwrap().expires_in, 3600);
    let (other, _) = certificate();
    let error = of(other).get_auth_token().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Transport {
                what: Carried::Nothing,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(platform.lines().len(), 1, "nothing was sent to a stranger");
}
