//! Callback addresses of requests (R3.8). Their form is checked by `api`; here, that they carry no credentials and that a literal
//! address is not a private one. Names are checked at each delivery, at the address connected to.

use super::Settings;
use super::error::Error;
use crate::callback::{has_credentials, is_private_host};
use api::Code;
use http::Uri;

/// Refuses credentials, and a private address literal unless the operator allows them; `member` is the documented spelling.
pub(super) fn check(url: Option<&str>, member: &str, settings: &Settings) -> Result<(), Error> {
    let Some(url) = url else { return Ok(()) };
    let refused =
        |why: &str| Error::detailed(Code::InvalidInput, format!("`{member}` must not {why}"));
    let uri: Uri = url.parse().map_err(|_| refused("be malformed"))?;
    if has_credentials(&uri) {
        return Err(refused("carry credentials"));
    }
    let is_private = !settings.private_callbacks && uri.host().is_some_and(is_private_host);
    if is_private {
        return Err(refused("be a private address"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_may_allow_them() {
        let strict = Settings::default();
        let lax = Settings {
            private_callbacks: true,
            ..Settings::default()
        };
        let url = Some("http://127.0.0.1:9/x");
        assert!(check(url, "callbackUrl", &strict).is_err());
        assert!(check(url, "callbackUrl", &lax).is_ok());
        assert!(check(Some("https://example.com:9/x"), "callbackUrl", &strict).is_ok());
        assert!(check(None, "callbackUrl", &strict).is_ok());
        let named = Some("https://me:secret@example.com/x");
        assert!(check(named, "callbackUrl", &lax).is_err());
    }
}
