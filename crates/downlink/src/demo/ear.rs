//! The application's ear: it takes the platform's callbacks, believes those that are signed, and keeps them in order of arrival.
//!
//! It listens all the time, while the platform is killed too: what it hears afterwards is what the new process still owed.

use super::stage::WITHIN;
use anyhow::{Context, Result};
use sdk::webhook::{Callback, Event, Receiver, Verifier, WebhookSecret};
use std::convert::Infallible;
use std::future::{pending, ready};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A callback that was believed.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    /// The command, or for a direct call the caller's request id.
    pub(super) subject: Subject,
    /// What became of it.
    pub(super) what: String,
    /// Its `webhook-id`: the same in every attempt at the same callback.
    pub(super) webhook_id: String,
}

/// What a callback is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// A queued or immediate command.
    Command(String),
    /// A direct call.
    Call(String),
}

/// The receiver, listening.
pub(super) struct Ear {
    url: String,
    heard: watch::Receiver<Vec<Heard>>,
    /// Ends with it.
    _server: JoinSet<()>,
}

impl Ear {
    /// Begins to listen on a free port of loopback for callbacks that are signed with this secret.
    pub(super) async fn open(secret: &str) -> Result<Self> {
        let secret: WebhookSecret = secret.parse().context("the webhook secret")?;
        let verifier = Verifier::new(secret);
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.context("the application cannot listen for callbacks")?;
        let url = format!("http://{}/downlink", listener.local_addr()?);
        let (tell, heard) = watch::channel(Vec::new());
        let hear = move |event: Event| {
            tell.send_modify(|all| all.push(Heard::of(event)));
            ready(Ok::<(), Infallible>(()))
        };
        let mut server = JoinSet::new();
        server.spawn(async move {
            // It ends when the demo does; before that, a listener on loopback has no reason to.
            Receiver::new(verifier)
                .serve(listener, hear, pending())
                .await
                .ok();
        });
        Ok(Self {
            url,
            heard,
            _server: server,
        })
    }

    /// The address that commands name.
    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    /// What was heard after the first `from` callbacks.
    pub(super) fn since(&self, from: usize) -> Vec<Heard> {
        self.heard.borrow()[from..].to_vec()
    }

    /// What was heard of one subject, once that is at least `count` callbacks, or nothing more comes.
    pub(super) async fn of(&self, subject: &Subject, count: usize) -> Vec<String> {
        let its = |all: &[Heard]| -> Vec<String> {
            let its = all.iter().filter(|heard| heard.subject == *subject);
            its.map(|heard| heard.what.clone()).collect()
        };
        let mut heard = self.heard.clone();
        let enough = heard.wait_for(|all| its(all).len() >= count);
        // What is missing afterwards is found missing by whoever asked.
        drop(tokio::time::timeout(WITHIN, enough).await);
        its(&self.heard.borrow())
    }
}

impl Heard {
    fn of(event: Event) -> Self {
        let (subject, what) = match event.callback {
            Callback::Status(status) => (
                Subject::Command(status.command_id),
                status.result.result_code.as_str().to_owned(),
            ),
            Callback::MessageConfirm(confirm) => (
                Subject::Call(confirm.header.request_id.unwrap_or_default()),
                format!("{} {}", confirm.notify_type, confirm.header.status),
            ),
            Callback::CommandRsp(answer) => (
                Subject::Call(answer.header.request_id.unwrap_or_default()),
                answer.notify_type,
            ),
        };
        Self {
            subject,
            what,
            webhook_id: event.id.unwrap_or_default(),
        }
    }
}
