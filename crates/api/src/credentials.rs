//! New credentials for a device that has connected before [3.3]: a verification code, or, in secret mode, a secret.

use serde::{Deserialize, Serialize};

use crate::fields::{Fields, json_object};
use crate::limits::{INTEGER, SECRET_DIGITS, TEXT};
use crate::{Invalid, Secret};

/// A new verification code [3.3].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RefreshKeyRequest {
    /// The new code, up to 256 characters; generated when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify_code: Option<Secret>,
    /// The new mark of the device, 1 to 256 characters; absent = the old one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_id: Option<String>,
    /// Seconds for the next contact, 0 = without end, absent = 180.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schemars(extend("default" = crate::registration::BIND_TIMEOUT_DEFAULT_SECONDS))
    )]
    pub timeout: Option<u32>,
}

impl RefreshKeyRequest {
    /// Reads the JSON body.
    pub fn from_json(body: &[u8]) -> Result<Self, Invalid> {
        let map = json_object(body)?;
        let fields = Fields::of(&map);
        Ok(Self {
            verify_code: fields.secret("verifyCode", TEXT)?,
            node_id: fields.text("nodeId", TEXT)?,
            timeout: fields.integer("timeout", INTEGER, "seconds")?,
        })
    }
}

/// The answer to a new verification code [3.3].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RefreshKeyAnswer {
    /// The code of the request, or the one generated.
    pub verify_code: Secret,
    /// Seconds for the next contact.
    #[cfg_attr(feature = "openapi", schemars(extend("x-unit" = "seconds")))]
    pub timeout: u32,
}

/// A new secret [3.3, §16.8].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RefreshSecretRequest {
    /// 20 hexadecimal digits; generated when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// Seconds for the next contact; 0 and absent = without end, as in the registration of this mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u32>,
}

impl RefreshSecretRequest {
    /// Reads the JSON body. An empty one asks for nothing in particular.
    pub fn from_json(body: &[u8]) -> Result<Self, Invalid> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let map = json_object(body)?;
        let fields = Fields::of(&map);
        Ok(Self {
            secret: fields.hex_key("secret", SECRET_DIGITS)?,
            timeout: fields.integer("timeout", INTEGER, "seconds")?,
        })
    }
}

/// The answer to a new secret (§16.8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RefreshSecretAnswer {
    /// What the device's MQTT password is made from; the old one is worth nothing any more.
    pub secret: Secret,
    /// Seconds for the next contact; 0 = without end.
    #[cfg_attr(feature = "openapi", schemars(extend("x-unit" = "seconds")))]
    pub timeout: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unset_members_of_a_refresh_are_read_from_absence_and_null_alike() {
        for body in [
            "{}",
            r#"{"verifyCode":null,"nodeId":"","timeout":null,"more":1}"#,
        ] {
            let request = RefreshKeyRequest::from_json(body.as_bytes()).unwrap();
            assert_eq!(request, RefreshKeyRequest::default());
        }
        let body = r#"{"verifyCode":"v","nodeId":"n","timeout":"0"}"#;
        let request = RefreshKeyRequest::from_json(body.as_bytes()).unwrap();
        assert_eq!(request.verify_code.as_ref().unwrap().expose(), "v");
        assert_eq!(
            (request.node_id.as_deref(), request.timeout),
            (Some("n"), Some(0))
        );
        let written = serde_json::to_vec(&request).unwrap();
        assert_eq!(RefreshKeyRequest::from_json(&written).unwrap(), request);
    }

    #[test]
    fn every_bound_of_a_refresh_holds() {
        let key = |body: &str| {
            RefreshKeyRequest::from_json(body.as_bytes())
                .unwrap_err()
                .to_string()
        };
        assert_eq!(key("[]"), "the body must be a JSON object");
        assert_eq!(
            key(r#"{"timeout":-1}"#),
            "`timeout` must be an integer from 0 to 2147483647 seconds"
        );
        let long = format!(r#"{{"verifyCode":"{}"}}"#, "v".repeat(257));
        assert_eq!(key(&long), "`verifyCode` must have at most 256 characters");
        let secret = |body: &str| RefreshSecretRequest::from_json(body.as_bytes());
        assert_eq!(secret(" ").unwrap(), RefreshSecretRequest::default());
        let short = secret(r#"{"secret":"0123"}"#).unwrap_err().to_string();
        assert_eq!(short, "`secret` must be 20 hexadecimal digits");
    }
}
