//! The two codes that the connection alone causes: of a request that is no sound HTTP, and of one that does not arrive in time.

use super::super::Bed;
use sdk::api::{Code, Operation, paths};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

/// What this module causes, and the scenario does not.
pub(super) const CODES: [Code; 2] = [Code::BadRequest, Code::RequestTooSlow];

/// Sends the half of a request, and returns what is answered.
async fn half(bed: &Bed, operation: Operation, ends: bool) -> String {
    let token = bed.client().access_token().await.expect("logged in");
    let template = paths::template(operation);
    let path = paths::fill(template, &["d", "s"][..template.matches('{').count()]);
    let mut socket = TcpStream::connect(bed.server.ports.north).expect("connected");
    let request = format!(
        "{} {path} HTTP/1.1\r\nHost: x\r\napp_key: app\r\nAuthorization: Bearer {}\r\nContent-Length: 99\r\n\r\n{{\"half\"",
        operation.method(),
        token.expose()
    );
    socket.write_all(request.as_bytes()).expect("written");
    if ends {
        socket.shutdown(Shutdown::Write).expect("open until now");
    }
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("text");
    answer
}

#[tokio::test]
async fn half_a_request_is_100007_and_a_slow_one_190408() {
    let bed = Bed::with(&["--set", "north.client_s=1"]);
    for operation in [
        Operation::InvokeDeviceService,
        Operation::UpdateDeviceCommand,
    ] {
        for (ends, code) in [true, false].into_iter().zip(CODES) {
            let answer = half(&bed, operation, ends).await;
            let code = format!("\"error_code\":\"{}\"", code.number());
            assert!(answer.contains(&code), "{}: {answer}", operation.name());
        }
    }
}
