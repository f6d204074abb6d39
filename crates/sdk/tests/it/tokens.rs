//! When the client logs in, when it renews, and when it does not.

use sdk::api::Code;

use crate::platform::{Answer, LOGIN, Platform, REFRESH, answer};

const STATUS: &str = r#"{"deviceId":"d","activated":true,"name":null}"#;
const QUERY: &str = "GET /iocm/app/reg/v1.1.0/deviceCredentials/d";

fn stale() -> Answer {
    answer(
        403,
        r#"{"resultcode":"1010005","resultmsg":"Invalid access token or appId."}"#,
    )
}

#[tokio::test]
async fn one_login_serves_many_calls() {
    let platform = Platform::start().await;
    let client = platform.client();
    platform.will_answer((0..3).map(|_| answer(200, STATUS)));
    let clone = client.clone();
    let (first, second) = tokio::join!(
        client.query_device_status("d"),
        clone.query_device_status("d")
    );
    first.unwrap();
    second.unwrap();
    client.query_device_status("d").await.unwrap();
    assert_eq!(platform.lines(), [LOGIN, QUERY, QUERY, QUERY]);
}

#[tokio::test]
async fn a_token_that_nears_its_end_is_refreshed() {
    let platform = Platform::start().await;
    platform.tokens_last(0);
    let client = platform.client();
    platform.will_answer((0..2).map(|_| answer(200, STATUS)));
    client.query_device_status("d").await.unwrap();
    client.query_device_status("d").await.unwrap();
    assert_eq!(platform.lines(), [LOGIN, QUERY, REFRESH, QUERY]);
    let seen = platform.seen();
    assert_eq!(
        seen[2].body,
        r#"{"appId":"app 1","secret":"s3cret&","refreshToken":"refresh-1"}"#
    );
    assert_eq!(seen[2].header("authorization"), "");
    assert_eq!(seen[3].header("authorization"), "Bearer token-2");
}

#[tokio::test]
async fn where_refreshing_is_refused_it_logs_in() {
    let platform = Platform::start().await;
    platform.tokens_last(0);
    platform.refuses_refresh();
    let client = platform.client();
    platform.will_answer((0..2).map(|_| answer(200, STATUS)));
    client.query_device_status("d").await.unwrap();
    client.query_device_status("d").await.unwrap();
    assert_eq!(platform.lines(), [LOGIN, QUERY, REFRESH, LOGIN, QUERY]);
}

#[tokio::test]
async fn a_token_ended_by_another_login_is_replaced_once() {
    let platform = Platform::start().await;
    let client = platform.client();
    platform.will_answer([stale(), answer(200, STATUS)]);
    client.query_device_status("d").await.unwrap();
    assert_eq!(platform.lines(), [LOGIN, QUERY, LOGIN, QUERY]);
    platform.will_answer([stale(), stale()]);
    let error = client.query_device_status("d").await.unwrap_err();
    assert_eq!(error.code(), Some(Code::InvalidToken));
    assert_eq!(platform.lines()[4..], [QUERY, LOGIN, QUERY]);
}

#[tokio::test]
async fn an_asked_for_login_replaces_the_token() {
    let platform = Platform::start().await;
    let client = platform.client();
    platform.will_answer([answer(200, STATUS)]);
    client.get_auth_token().await.unwrap();
    let second = client.get_auth_token().await.unwrap();
    assert_eq!(second.access_token.expose(), "token-2");
    client.query_device_status("d").await.unwrap();
    assert_eq!(platform.seen()[2].header("authorization"), "Bearer token-2");
}
