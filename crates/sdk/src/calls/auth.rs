//! Login, refresh and logout [2]. None of them is needed: every other call sees to its token by itself.

use api::auth::AuthAnswer;
use api::{Operation, Secret};
use tracing::Instrument;

use crate::client::span;
use crate::{Client, Error};

impl Client {
    /// `getAuthToken`: logs in, which ends every earlier token of the application [2.1]. Calls in progress on this client and its clones
    /// go on with the new one.
    pub async fn get_auth_token(&self) -> Result<AuthAnswer, Error> {
        let shared = &self.shared;
        let work = shared.tokens.log_in_anew(&shared.transport);
        work.instrument(span(Operation::GetAuthToken)).await
    }

    /// `refreshAuthToken`: a new token for the refresh token in hand [2.2]; the old one works for 30 s more (R3.6). Logs in where there is
    /// none in hand, or it is refused.
    pub async fn refresh_auth_token(&self) -> Result<AuthAnswer, Error> {
        let shared = &self.shared;
        let work = shared.tokens.refresh(&shared.transport);
        work.instrument(span(Operation::RefreshAuthToken)).await
    }

    /// The access token that calls of this client carry now: fetched or renewed if need be. For requests that are made without the client;
    /// it ends when this client, or any other of the application, logs in again.
    pub async fn access_token(&self) -> Result<Secret, Error> {
        let shared = &self.shared;
        let token = shared.tokens.current(&shared.transport).await?;
        Ok(token.as_ref().clone())
    }

    /// `logoutAuthToken`: ends the token in hand, if there is one [2.3]. The next call logs in.
    pub async fn logout_auth_token(&self) -> Result<(), Error> {
        let shared = &self.shared;
        let work = shared.tokens.log_out(&shared.transport);
        work.instrument(span(Operation::LogoutAuthToken)).await
    }
}
