//! Every kind of failure, and what it says about trying again.

use std::error::Error as _;
use std::time::Duration;

use sdk::api::Code;
use sdk::{Carried, Client, Error};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::platform::{Platform, answer};

async fn failure(status: u16, body: &str) -> Error {
    let platform = Platform::start().await;
    platform.will_answer([answer(status, body)]);
    platform
        .client()
        .query_device_status("d")
        .await
        .unwrap_err()
}

#[tokio::test]
async fn an_error_code_is_a_refusal_whatever_the_status() {
    for status in [200, 404, 500] {
        let error = failure(
            status,
            r#"{"error_code":"100434","error_desc":"The device command is not existed.","detail":"no `x`"}"#,
        )
        .await;
        let Error::Contract(refusal) = &error else {
            panic!("{error:?}");
        };
        assert_eq!(refusal.status.as_u16(), status);
        assert_eq!(refusal.known(), Some(Code::CommandUnknown));
        assert_eq!(
            refusal.to_string(),
            "100434 The device command is not existed. (no `x`)"
        );
        assert!(!error.is_retryable());
        assert!(error.surely_harmless());
    }
}

#[tokio::test]
async fn the_gateways_own_shape_is_understood_with_its_retry_after() {
    let platform = Platform::start().await;
    let throttled = r#"{"resultcode":"1010009","resultmsg":"app throttle exceed."}"#;
    platform.will_answer([(403, Some(("retry-after", "17")), throttled.to_owned())]);
    let error = platform
        .client()
        .query_device_status("d")
        .await
        .unwrap_err();
    let Error::Contract(refusal) = &error else {
        panic!("{error:?}");
    };
    assert_eq!(refusal.code, "1010009");
    assert_eq!(refusal.retry_after, Some(Duration::from_secs(17)));
    assert!(error.is_retryable() && error.surely_harmless());
}

#[tokio::test]
async fn an_unknown_code_is_judged_by_its_status() {
    for (status, retryable) in [(400, false), (503, true)] {
        let error = failure(status, r#"{"error_code":"999999","error_desc":"?"}"#).await;
        assert_eq!(error.code(), None);
        assert_eq!(error.is_retryable(), retryable);
        assert!(!error.surely_harmless());
    }
}

#[tokio::test]
async fn an_answer_outside_the_contract_is_unexpected_and_not_shown() {
    for (status, body, retryable) in [
        (502, "<html>secret</html>", true),
        (202, r#"{"deviceId":"secret"}"#, false),
        (
            200,
            r#"{"deviceId":"d","activated":"perhaps","secret":1}"#,
            false,
        ),
        (200, "", false),
        (204, "", false),
        (404, r#"{"error_code":100418}"#, false),
    ] {
        let error = failure(status, body).await;
        assert!(matches!(error, Error::Unexpected { .. }), "{error:?}");
        assert_eq!(error.is_retryable(), retryable, "{status} {body}");
        assert!(!error.surely_harmless());
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn without_a_connection_nothing_was_carried() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = Client::builder(format!("http://{address}"), "a", "s")
        .build()
        .unwrap();
    let error = client.query_device_status("d").await.unwrap_err();
    let Error::Transport { what, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*what, Carried::Nothing);
    assert!(error.is_retryable() && error.surely_harmless());
    assert!(error.source().is_some());
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_leaves_doubt() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = Client::builder(format!("http://{address}"), "a", "s3cret")
        .build()
        .unwrap();
    let breaks = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).await.unwrap() > 0);
    };
    let (error, ()) = tokio::join!(client.get_auth_token(), breaks);
    let error = error.unwrap_err();
    let Error::Transport { what, source } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*what, Carried::Perhaps);
    assert!(error.is_retryable() && !error.surely_harmless());
    assert!(!format!("{error:?} {source:?} {client:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_platform_that_does_not_answer_is_given_up() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = Client::builder(format!("http://{address}"), "a", "s")
        .timeout(Duration::from_millis(20))
        .build()
        .unwrap();
    let error = client.get_auth_token().await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Transport {
                what: Carried::Perhaps,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn settings_that_cannot_work_are_refused_by_name() {
    let of = |url: &str| Client::builder(url, "a", "s");
    for url in ["127.0.0.1:80", "ftp://host", "", "http://"] {
        let error = of(url).build().unwrap_err();
        assert!(
            error.to_string().starts_with("base_url cannot be used"),
            "{error}"
        );
        assert!(!error.is_retryable());
    }
    for pem in [
        "",
        "no certificate",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let error = of("https://host").ca_pem(pem).build().unwrap_err();
        assert!(
            error.to_string().starts_with("ca_pem cannot be used"),
            "{error}"
        );
    }
    assert!(of("http://host:8743/").build().is_ok());
}
