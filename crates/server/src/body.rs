//! The body of a command: what was asked, in the server's own writing. The heart and the store carry it unread.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;

/// What was asked. Written once, as compact JSON with short names, because every command carries it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Body {
    /// The service of the device.
    #[serde(rename = "s")]
    pub service_id: String,
    /// The command's name.
    #[serde(rename = "m")]
    pub method: String,
    /// The parameters, a JSON object, checked and coerced by the profile if there is one.
    #[serde(rename = "p")]
    pub paras: Box<RawValue>,
    /// The parameters as the application wrote them, if the profile's coercion changed them.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub paras_asked: Option<Box<RawValue>>,
    /// Where status changes are to be told.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// The product model version that it was checked against (R1.14).
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub model_version: Option<u64>,
    /// SHA-256 (hex) of operation, path, `appId` and parsed body, if there is an idempotency key (R1.15).
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// What a direct call says beyond that.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub direct: Option<Direct>,
}

/// The header of a direct call (contract §5.7).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Direct {
    /// The caller's request id, or the one allocated for it.
    #[serde(rename = "r")]
    pub request_id: String,
    /// Whether a confirmation is wanted (`ACK`).
    #[serde(rename = "k")]
    pub ack: bool,
    /// Whether the caller waits for the delivery (`CLOUD`).
    #[serde(rename = "w")]
    pub cloud: bool,
    /// Who calls, in its own words.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Whom it is for, in the caller's words.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

impl Body {
    /// Writes it for a command to carry.
    pub fn write(&self) -> Arc<[u8]> {
        serde_json::to_vec(self)
            .expect("strings and JSON are always JSON")
            .into()
    }

    /// Reads what [`write`](Self::write) wrote.
    ///
    /// # Errors
    /// A stored body that does not decode (100023).
    pub fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}
