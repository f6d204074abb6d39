//! What a client tells its user's log, and what it keeps to itself.

use super::{Bed, meter, set_period};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use tracing_subscriber::fmt::MakeWriter;

/// What was logged on one thread. The log is the whole process's: with one for a thread alone, the library that makes it decides by chance
/// which thread's wishes count where only one has any.
#[derive(Clone)]
struct Log {
    text: Arc<Mutex<Vec<u8>>>,
    of: ThreadId,
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if thread::current().id() == self.of {
            self.text.lock().expect("unharmed").extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn the_log_names_each_operation_and_no_secret() {
    let bed = Bed::start();
    let log = Log {
        text: Arc::default(),
        of: thread::current().id(),
    };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("no other test sets one");
    let client = bed.client();
    let first = client.get_auth_token().await.expect("logged in");
    let second = client.refresh_auth_token().await.expect("refreshed");
    let made = client.reg_direct_device_with_secret(&meter("m")).await;
    let made = made.expect("registered");
    bed.client().get_auth_token().await.expect("logged in");
    let command = set_period(&made.device_id, 3);
    client.post_device_command(&command).await.expect("created");
    bed.fault("overload");
    let refused = client.query_device_status(&made.device_id).await;
    let refused = refused.expect_err("the fault");

    let text = String::from_utf8(log.text.lock().expect("unharmed").clone()).expect("text");
    let request_id = refused.request_id().expect("an error has one");
    for told in [
        "downlink{operation=\"getAuthToken\"}: sdk::tokens: logs in",
        "downlink{operation=\"refreshAuthToken\"}: sdk::tokens: refreshes its token",
        "downlink{operation=\"postDeviceCommand\"}: sdk::transport: answered status=201",
        "downlink{operation=\"queryDeviceStatus\"}: sdk::transport: refused status=503",
        "the token is refused; logs in anew",
        "refreshes its token",
        request_id,
    ] {
        assert!(text.contains(told), "{told} is not in:\n{text}");
    }
    let refresh = first.refresh_token.expect("the platform gives one");
    for secret in [
        bed.secret.as_str(),
        first.access_token.expose(),
        second.access_token.expose(),
        refresh.expose(),
        made.secret.expose(),
    ] {
        assert!(!text.contains(secret), "a secret is in:\n{text}");
    }
}
