//! The listener, over real sockets: framing, limits, slow clients, the end (R3.4, tolerances 5, 8, 15).

use crate::north_support::{Bench, COMMANDS, LOGIN, PATIENCE, command, spawn};
use delivery::Rules;
use server::north::Settings;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A connection whose bytes are the test's own.
struct Raw {
    stream: TcpStream,
}

impl Raw {
    async fn open(address: SocketAddr) -> Self {
        Self {
            stream: TcpStream::connect(address).await.expect("it listens"),
        }
    }

    async fn write(&mut self, text: &str) {
        self.stream
            .write_all(text.as_bytes())
            .await
            .expect("written");
    }

    /// What one read gives.
    async fn chunk(&mut self) -> String {
        let mut bytes = vec![0; 65_536];
        let count = timeout(PATIENCE, self.stream.read(&mut bytes))
            .await
            .expect("something comes")
            .expect("read");
        String::from_utf8(bytes[..count].to_vec()).expect("UTF-8")
    }

    /// Everything until the server closes.
    async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        timeout(PATIENCE, self.stream.read_to_end(&mut bytes))
            .await
            .expect("it closes")
            .expect("read");
        String::from_utf8(bytes).expect("UTF-8")
    }
}

fn request(bench: &Bench, line: &str, more: &str, body: &str) -> String {
    let token = bench.token();
    let length = body.len();
    format!(
        "{line} HTTP/1.1\r\nhost: h\r\napp_key: app\r\nauthorization: Bearer {token}\r\ncontent-length: {length}\r\n{more}\r\n{body}"
    )
}

fn list(bench: &Bench) -> String {
    request(bench, &format!("GET {COMMANDS}"), "", "")
}

async fn with(settings: Settings) -> Bench {
    Bench::with(
        Settings {
            throttle_calls_max: 0,
            ..settings
        },
        Rules::default(),
    )
    .await
}

#[tokio::test]
async fn tolerance_8_a_small_answer_leaves_in_one_write_and_the_connection_is_kept() {
    let bench = Bench::start().await;
    let device = bench.device("n").await;
    let mut raw = Raw::open(bench.listen().await).await;
    for _ in 0..3 {
        raw.write(&request(
            &bench,
            &format!("POST {COMMANDS}"),
            "",
            &command(device),
        ))
        .await;
        let answer = raw.chunk().await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("head and body in one");
        assert!(head.starts_with("HTTP/1.1 201 Created\r\n"), "{head}");
        assert!(body.starts_with('{') && body.ends_with('}'), "{body}");
        assert!(
            head.contains(&format!("content-length: {}", body.len())),
            "{head}"
        );
    }
    raw.write(&request(
        &bench,
        &format!("DELETE /iocm/app/dm/v1.4.0/devices/{device}"),
        "",
        "",
    ))
    .await;
    let gone = raw.chunk().await;
    assert!(
        gone.starts_with("HTTP/1.1 204 No Content\r\n") && !gone.contains("content-"),
        "{gone}"
    );
}

#[tokio::test]
async fn tolerance_5_chunked_bodies_are_read() {
    let bench = Bench::start().await;
    let mut raw = Raw::open(bench.listen().await).await;
    raw.write(&format!(
        "POST {LOGIN} HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n6\r\nappId=\r\n"
    ))
    .await;
    raw.write("3\r\napp\r\n15\r\n&secret=secret-of-app\r\n0\r\n\r\n")
        .await;
    assert!(raw.chunk().await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn tolerance_15_absolute_form_request_lines_are_read() {
    let bench = Bench::start().await;
    let mut raw = Raw::open(bench.listen().await).await;
    raw.write(&request(
        &bench,
        &format!("GET https://host:8943{COMMANDS}?pageNo=0"),
        "",
        "",
    ))
    .await;
    assert!(raw.chunk().await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn a_body_that_comes_after_its_head_is_waited_for_even_when_the_request_is_refused() {
    let bench = Bench::start().await;
    let mut raw = Raw::open(bench.listen().await).await;
    for _ in 0..2 {
        raw.write(&format!(
            "POST {COMMANDS} HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\n{{"
        ))
        .await;
        raw.write("}  ").await;
        let answer = raw.chunk().await;
        assert!(
            answer.starts_with("HTTP/1.1 500 ") && answer.contains("\"100220\""),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn r3_4_a_head_that_is_too_slow_is_told_so_in_json() {
    let bench = with(Settings {
        client_time: Duration::from_millis(500),
        ..Settings::default()
    })
    .await;
    let mut raw = Raw::open(bench.listen().await).await;
    raw.write("GET /").await;
    let answer = raw.rest().await;
    assert!(
        answer.starts_with("HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\n"),
        "{answer}"
    );
    assert!(answer.contains("\"error_code\":\"190408\""), "{answer}");
}

#[tokio::test]
async fn r3_4_a_body_that_is_too_slow_is_told_so_in_json() {
    let bench = with(Settings {
        client_time: Duration::from_millis(500),
        ..Settings::default()
    })
    .await;
    let mut raw = Raw::open(bench.listen().await).await;
    raw.write(
        &list(&bench)
            .replace("GET", "POST")
            .replace("content-length: 0", "content-length: 9"),
    )
    .await;
    let answer = raw.rest().await;
    assert!(
        answer.starts_with("HTTP/1.1 408 Request Timeout\r\n") && answer.contains("\"190408\""),
        "{answer}"
    );
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed_without_a_word() {
    let bench = with(Settings {
        client_time: Duration::from_millis(50),
        ..Settings::default()
    })
    .await;
    assert_eq!(Raw::open(bench.listen().await).await.rest().await, "");
    let bench = with(Settings {
        idle_time: Duration::from_millis(50),
        ..Settings::default()
    })
    .await;
    let mut raw = Raw::open(bench.listen().await).await;
    raw.write(&list(&bench)).await;
    let answer = raw.rest().await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && !answer.contains("408"),
        "{answer}"
    );
}

#[tokio::test]
async fn r3_4_a_body_that_is_too_large_is_told_so_in_json() {
    let bench = with(Settings {
        body_bytes_max: 100,
        ..Settings::default()
    })
    .await;
    let address = bench.listen().await;
    let body = "x".repeat(200_000);
    let mut raw = Raw::open(address).await;
    raw.write(&request(&bench, &format!("POST {COMMANDS}"), "", &body))
        .await;
    let answer = raw.rest().await;
    assert!(
        answer.starts_with("HTTP/1.1 413 ") && answer.contains("\"190413\""),
        "{answer}"
    );
    // One that does not say beforehand how large it is.
    let mut raw = Raw::open(address).await;
    let head = request(
        &bench,
        &format!("POST {COMMANDS}"),
        "transfer-encoding: chunked\r\n",
        "",
    );
    raw.write(&head.replace("content-length: 0\r\n", "")).await;
    raw.write(&format!("80\r\n{}\r\n0\r\n\r\n", "x".repeat(128)))
        .await;
    let answer = raw.rest().await;
    assert!(
        answer.starts_with("HTTP/1.1 413 ") && answer.contains("\"190413\""),
        "{answer}"
    );
}

#[tokio::test]
async fn heads_beyond_their_bounds_and_heads_that_are_none_are_refused_in_json() {
    let bench = with(Settings {
        head_bytes_max: 8_192,
        ..Settings::default()
    })
    .await;
    let address = bench.listen().await;
    let many = "x: y\r\n".repeat(101);
    let long = format!("x: {}\r\n", "y".repeat(9_000));
    for (text, status) in [
        (
            request(&bench, &format!("GET {COMMANDS}"), &many, ""),
            "431",
        ),
        (
            request(&bench, &format!("GET {COMMANDS}"), &long, ""),
            "431",
        ),
        ("NONSENSE\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nbad header\r\n\r\n".to_owned(), "400"),
    ] {
        let mut raw = Raw::open(address).await;
        raw.write(&text).await;
        let answer = raw.rest().await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
        assert!(head.contains("content-type: application/json"), "{head}");
        assert!(body.contains("\"error_code\":\"100007\""), "{body}");
    }
}

#[tokio::test]
async fn connections_beyond_the_cap_wait_until_one_ends() {
    let bench = with(Settings {
        connections_max: 1,
        ..Settings::default()
    })
    .await;
    let address = bench.listen().await;
    let mut first = Raw::open(address).await;
    first.write(&list(&bench)).await;
    assert!(first.chunk().await.starts_with("HTTP/1.1 200 OK\r\n"));
    let mut second = Raw::open(address).await;
    second.write(&list(&bench)).await;
    let mut nothing = [0; 1];
    let early = timeout(Duration::from_millis(100), second.stream.read(&mut nothing)).await;
    assert!(early.is_err(), "the second was served beside the first");
    drop(first);
    assert!(second.chunk().await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn a_stop_lets_the_request_under_way_finish_and_closes_idle_connections() {
    let bench = with(Settings {
        cloud_wait: Duration::from_millis(200),
        ..Settings::default()
    })
    .await;
    let device = bench.device("n").await;
    let session = bench.subscribe(device).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("bound");
    let serving = spawn(server::north::serve(listener, None, bench.north.clone()));
    let (mut fresh, mut idle, mut busy) = (
        Raw::open(address).await,
        Raw::open(address).await,
        Raw::open(address).await,
    );
    idle.write(&list(&bench)).await;
    assert!(idle.chunk().await.starts_with("HTTP/1.1 200 OK\r\n"));
    let path = crate::north_support::invoke(device);
    let call = r#"{"header":{"mode":"ACK","method":"M","toType":"CLOUD"}}"#;
    busy.write(&request(&bench, &format!("POST {path}"), "", call))
        .await;
    timeout(PATIENCE, session.mailbox.arrival())
        .await
        .expect("the call is under way");
    bench.shutdown.drain();
    assert_eq!(idle.rest().await, "");
    assert_eq!(fresh.rest().await, "");
    let answer = busy.rest().await;
    assert!(
        answer.starts_with("HTTP/1.1 202 Accepted\r\n") && answer.contains("\"failed\""),
        "{answer}"
    );
    timeout(PATIENCE, serving)
        .await
        .expect("it ends")
        .expect("it does not fail");
    assert!(TcpStream::connect(address).await.is_err());
}
