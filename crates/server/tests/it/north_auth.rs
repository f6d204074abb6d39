//! Login, refresh, logout, tokens, throttle (contract §2, R3.5, R3.6).

use crate::north_support::{Bench, COMMANDS, HERE, LOGIN, LOGOUT, PATIENCE, REFRESH};
use delivery::Rules;
use server::north::Settings;
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

fn form(secret: &str) -> String {
    format!("appId=app&secret={secret}")
}

async fn works(bench: &Bench, token: &str) -> bool {
    let bearer = format!("Bearer {token}");
    let got = bench
        .raw(
            "GET",
            COMMANDS,
            &[("app_key", "app"), ("authorization", &bearer)],
            "",
        )
        .await;
    match got.status {
        200 => true,
        403 if got.error().1 == "1010005" => false,
        other => panic!("{other} {}", got.text),
    }
}

#[tokio::test]
async fn a_login_gives_tokens_of_32_lower_case_hex_digits() {
    let bench = Bench::start().await;
    let got = bench.raw("POST", LOGIN, &[], &form("secret-of-app")).await;
    assert_eq!(got.status, 200);
    let json = got.json();
    assert_eq!(
        (&json["scope"], &json["tokenType"], &json["expiresIn"]),
        (&"default".into(), &"bearer".into(), &3600.into())
    );
    for name in ["accessToken", "refreshToken"] {
        let token = json[name].as_str().expect("a token");
        assert!(
            token.len() == 32
                && token
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)),
            "{token}"
        );
    }
    assert!(works(&bench, json["accessToken"].as_str().expect("a token")).await);
}

#[tokio::test]
async fn r3_6_a_login_kills_earlier_tokens() {
    let bench = Bench::start().await;
    let (first, other) = (bench.login("app").await, bench.login("other").await);
    assert!(works(&bench, &first).await);
    let refresh = bench
        .raw("POST", LOGIN, &[], &form("secret-of-app"))
        .await
        .json()["refreshToken"]
        .clone();
    let second = bench.login("app").await;
    assert!(!works(&bench, &first).await);
    let body = format!(r#"{{"appId":"app","secret":"secret-of-app","refreshToken":{refresh}}}"#);
    let killed = bench.raw("POST", REFRESH, &[], &body).await;
    assert_eq!(killed.error(), (401, "100208".into()), "refresh tokens too");
    assert!(works(&bench, &second).await);
    let bearer = format!("Bearer {other}");
    let got = bench
        .raw(
            "GET",
            COMMANDS,
            &[("app_key", "other"), ("authorization", &bearer)],
            "",
        )
        .await;
    assert_eq!(got.status, 200);
}

#[tokio::test]
async fn r3_6_a_token_is_accepted_two_minutes_longer_than_it_says() {
    let bench = Bench::start().await;
    let token = bench.token().to_owned();
    bench.pass(Duration::from_secs(3_719)).await;
    assert!(works(&bench, &token).await);
    bench.pass(Duration::from_secs(1)).await;
    assert!(!works(&bench, &token).await);
}

#[tokio::test]
async fn r3_6_a_refresh_leaves_the_old_access_token_for_30_seconds() {
    let bench = Bench::start().await;
    let tokens = bench
        .raw("POST", LOGIN, &[], &form("secret-of-app"))
        .await
        .json();
    let text =
        |json: &serde_json::Value, name: &str| json[name].as_str().expect("a token").to_owned();
    let refresh = text(&tokens, "refreshToken");
    let body = |token: &str| {
        format!(r#"{{"appId":"app","secret":"secret-of-app","refreshToken":"{token}"}}"#)
    };
    let fresh = bench.raw("POST", REFRESH, &[], &body(&refresh)).await;
    assert_eq!(fresh.status, 200, "{}", fresh.text);
    let (old, new) = (
        text(&tokens, "accessToken"),
        text(&fresh.json(), "accessToken"),
    );
    assert!(works(&bench, &old).await && works(&bench, &new).await);
    bench.pass(Duration::from_secs(29)).await;
    assert!(works(&bench, &old).await);
    bench.pass(Duration::from_secs(1)).await;
    assert!(!works(&bench, &old).await && works(&bench, &new).await);
    // A refresh token is good once, for its own application, with the right secret, for 30 days.
    assert_eq!(
        bench
            .raw("POST", REFRESH, &[], &body(&refresh))
            .await
            .error(),
        (401, "100208".into())
    );
    let newest = text(&fresh.json(), "refreshToken");
    let wrong = body(&newest).replace("secret-of-app", "wrong");
    assert_eq!(
        bench.raw("POST", REFRESH, &[], &wrong).await.error(),
        (401, "100208".into())
    );
    let others = body(&newest)
        .replace("\"app\"", "\"other\"")
        .replace("secret-of-app", "secret-of-other");
    assert_eq!(
        bench.raw("POST", REFRESH, &[], &others).await.error(),
        (401, "100208".into())
    );
    bench
        .pass(Duration::from_hours(30 * 24) - Duration::from_secs(31))
        .await;
    let last = bench.raw("POST", REFRESH, &[], &body(&newest)).await;
    assert_eq!(last.status, 200);
    bench.pass(Duration::from_hours(30 * 24)).await;
    let late = bench
        .raw(
            "POST",
            REFRESH,
            &[],
            &body(&text(&last.json(), "refreshToken")),
        )
        .await;
    assert_eq!(late.error(), (401, "100208".into()));
}

#[tokio::test]
async fn a_logout_ends_the_token_and_needs_no_headers() {
    let bench = Bench::start().await;
    let token = bench.token().to_owned();
    let got = bench
        .raw(
            "POST",
            LOGOUT,
            &[],
            &format!(r#"{{"accessToken":"{token}"}}"#),
        )
        .await;
    assert_eq!(got.status, 204);
    assert!(!works(&bench, &token).await);
    assert_eq!(
        bench
            .raw("POST", LOGOUT, &[], &format!("accessToken={token}"))
            .await
            .status,
        204
    );
    assert_eq!(
        bench.raw("POST", LOGOUT, &[], "{}").await.error(),
        (400, "102202".into())
    );
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_application_look_the_same() {
    let bench = Bench::start().await;
    for body in [
        form("wrong"),
        "appId=nobody&secret=secret-of-app".to_owned(),
    ] {
        let got = bench.raw("POST", LOGIN, &[], &body).await;
        assert_eq!(
            got.text,
            r#"{"error_code":"100208","error_desc":"AppId or secret is not right."}"#
        );
        assert_eq!(got.status, 401);
    }
}

#[tokio::test]
async fn a_login_without_a_field_names_it() {
    let bench = Bench::start().await;
    let got = bench.raw("POST", LOGIN, &[], "appId=app").await;
    assert_eq!(
        (got.error(), got.detail().as_str()),
        ((400, "102202".into()), "`secret` is required")
    );
    let got = bench
        .raw("POST", REFRESH, &[], r#"{"appId":"app","secret":"s"}"#)
        .await;
    assert_eq!(
        (got.error(), got.detail().as_str()),
        ((400, "102202".into()), "`refreshToken` is required")
    );
}

#[tokio::test]
async fn r3_5_call_101_of_a_minute_is_throttled() {
    let bench = Bench::with(Settings::default(), Rules::default()).await;
    // The login was the first call of the window.
    for _ in 0..99 {
        assert_eq!(bench.call("GET", COMMANDS, "").await.status, 200);
    }
    bench.pass(Duration::from_secs(20)).await;
    let got = bench.call("GET", COMMANDS, "").await;
    assert_eq!(got.error(), (403, "1010009".into()));
    assert_eq!(got.json()["resultcode"], "1010009");
    assert_eq!(got.json()["error_desc"], "app throttle exceed.");
    assert_eq!(got.headers["retry-after"], "40");
    // A login with the right secret counts too; wrong tokens do not, and other applications have windows of their own.
    assert_eq!(
        bench
            .raw("POST", LOGIN, &[], &form("secret-of-app"))
            .await
            .error(),
        (403, "1010009".into())
    );
    assert_eq!(
        bench.with_headers("GET", COMMANDS, &[], "").await.error().1,
        "1010009"
    );
    bench.login("other").await;
    bench.pass(Duration::from_secs(40)).await;
    assert_eq!(bench.call("GET", COMMANDS, "").await.status, 200);
}

#[tokio::test]
async fn r3_5_only_calls_with_a_right_token_count() {
    let bench = Bench::with(
        Settings {
            throttle_calls_max: 2,
            ..Settings::default()
        },
        Rules::default(),
    )
    .await;
    for _ in 0..5 {
        assert!(!works(&bench, "wrong").await);
        let got = bench.raw("POST", LOGIN, &[], &form("wrong")).await;
        assert_eq!(got.error().1, "100208");
    }
    assert_eq!(bench.call("GET", COMMANDS, "").await.status, 200);
    assert_eq!(bench.call("GET", COMMANDS, "").await.error().1, "1010009");
}

#[tokio::test]
async fn r3_5_the_operator_may_switch_the_throttle_off_for_an_application() {
    let bench = Bench::with(
        Settings {
            throttle_calls_max: 1,
            ..Settings::default()
        },
        Rules::default(),
    )
    .await;
    assert_eq!(bench.call("GET", COMMANDS, "").await.error().1, "1010009");
    bench.add_application(1, "app", false).await;
    for _ in 0..5 {
        assert_eq!(bench.call("GET", COMMANDS, "").await.status, 200);
    }
}

#[tokio::test]
async fn r3_5_failed_logins_are_limited_per_address() {
    let bench = Bench::with(
        Settings {
            login_failures_max: 3,
            ..Settings::default()
        },
        Rules::default(),
    )
    .await;
    for _ in 0..3 {
        assert_eq!(
            bench
                .raw("POST", LOGIN, &[], &form("wrong"))
                .await
                .error()
                .1,
            "100208"
        );
    }
    let got = bench.raw("POST", LOGIN, &[], &form("secret-of-app")).await;
    assert_eq!(got.error(), (403, "1010009".into()));
    assert_eq!(got.headers["retry-after"], "60");
    bench.pass(MINUTE).await;
    bench.login("app").await;
}

#[tokio::test]
async fn logins_beyond_the_pool_are_refused_not_queued_without_bound() {
    let settings = Settings {
        secret_checks_max: 1,
        secret_checks_waiting_max: 1,
        throttle_calls_max: 0,
        ..Settings::default()
    };
    let bench = Bench::with(settings, Rules::default()).await;
    let login = || async { bench.raw("POST", LOGIN, &[], &form("secret-of-app")).await };
    let all = async { tokio::join!(login(), login(), login(), login()) };
    let (a, b, c, d) = tokio::time::timeout(PATIENCE, Box::pin(all))
        .await
        .expect("they end");
    let mut statuses = [a.status, b.status, c.status, d.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 503, 503]);
    let refused = [a, b, c, d]
        .into_iter()
        .find(|got| got.status == 503)
        .expect("one was refused");
    assert_eq!(refused.error().1, "100501");
    assert_eq!(refused.headers["retry-after"], "1");
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_a_login_leaves_no_half_of_it() {
    let bench = Bench::start().await;
    let request = http::Request::post(LOGIN).body(http_body_util::Full::new(bytes::Bytes::from(
        form("secret-of-app"),
    )));
    let mut login = Box::pin(bench.north.answer(request.expect("a request"), HERE));
    // It is polled until the secret is being verified, and then dropped.
    assert!(futures_poll(login.as_mut()).await);
    drop(login);
    let there = async {
        while works(&bench, bench.token()).await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, there)
        .await
        .expect("the login went on to its end");
}

/// Polls once; whether it waits for something.
async fn futures_poll(mut work: std::pin::Pin<&mut impl Future>) -> bool {
    std::future::poll_fn(|cx| std::task::Poll::Ready(work.as_mut().poll(cx).is_pending())).await
}
