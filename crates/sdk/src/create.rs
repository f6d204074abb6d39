//! A create that is about to be sent: under a key of its own, unless the caller says otherwise (R1.15).

use std::marker::PhantomData;
use std::pin::Pin;

use api::headers::IdempotencyKey;
use serde::de::DeserializeOwned;

use crate::transport::{Request, parse};
use crate::{Client, Error, random};

/// A command or a direct call that is about to be created. Await it to send it.
///
/// It goes under a random `Idempotency-Key`, so that it can be sent again after an answer was lost and still be created once. An
/// application that wants to repeat it after its own crash gives it a [`key`](Self::key) that it has written down before.
#[must_use = "nothing is sent before it is awaited"]
pub struct Create<'a, T> {
    client: &'a Client,
    request: Request,
    answer: PhantomData<fn() -> T>,
}

impl<'a, T: DeserializeOwned> Create<'a, T> {
    pub(crate) fn new(client: &'a Client, request: Request) -> Self {
        Self {
            client,
            request: Request {
                key: Some(random::key()),
                ..request
            },
            answer: PhantomData,
        }
    }

    /// Under this key instead. The same request under the same key is carried out once within 24 h; another request under it is
    /// refused with 190409.
    pub fn key(mut self, key: IdempotencyKey) -> Self {
        self.request.key = Some(key);
        self
    }

    /// Under no key: each time it is sent is another command.
    pub fn without_key(mut self) -> Self {
        self.request.key = None;
        self
    }

    /// Sends it.
    pub async fn send(self) -> Result<T, Error> {
        parse(
            self.request.operation,
            &self.client.call(&self.request).await?,
        )
    }
}

impl<'a, T: DeserializeOwned + 'a> IntoFuture for Create<'a, T> {
    type Output = Result<T, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
