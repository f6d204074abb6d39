//! Text that must not reach a log.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A password, key or token on its way over the wire: serialised in full, printed never.
///
/// Comparison is not in constant time: what decides about access compares digests.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(inline, extend("format" = "password"))
)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. The caller keeps it out of logs and error messages.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Unwraps the text.
    pub fn into_inner(self) -> String {
        self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_serialises_in_full_and_prints_nothing() {
        let secret = Secret::new("open sesame");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"open sesame\"");
        assert!(!format!("{secret:?}").contains("sesame"));
    }
}
