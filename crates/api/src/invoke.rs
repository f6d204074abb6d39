//! Direct calls of a device's service: `invokeDeviceService`, sendCommand on the wire [5.7].

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use crate::fields::{Fields, json_object};
use crate::limits::{CALL_TEXT, CALLED_NAME};
use crate::{Invalid, Timestamp};

/// Whether the caller wants to hear of the device's acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Mode {
    /// It does not.
    NoAck,
    /// It does (R4.4).
    Ack,
}

impl Mode {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoAck => "NOACK",
            Self::Ack => "ACK",
        }
    }
}

/// Who carries out the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToType {
    /// The answer waits for the device (R4.2).
    Cloud,
    /// The answer comes as soon as the frame is handed over (R4.2).
    Gateway,
    /// Anything else, up to 128 characters: refused with 100444 (R4.6), after the checks that go before it.
    Other(String),
}

impl ToType {
    /// The word on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Cloud => "CLOUD",
            Self::Gateway => "GATEWAY",
            Self::Other(word) => word,
        }
    }

    fn parse(word: String) -> Self {
        let trimmed = word.trim();
        if trimmed.eq_ignore_ascii_case("CLOUD") {
            Self::Cloud
        } else if trimmed.eq_ignore_ascii_case("GATEWAY") {
            Self::Gateway
        } else {
            Self::Other(word)
        }
    }
}

impl Serialize for ToType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The header of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct InvokeHeader {
    /// The caller's mark, up to 128 characters; allocated when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Acknowledged or not.
    pub mode: Mode,
    /// The caller's address, up to 128 characters; pushes name it as their `to`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Absent = GATEWAY.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("default" = "GATEWAY")))]
    pub to_type: Option<ToType>,
    /// Up to 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The command's name, 1 to 32 characters.
    pub method: String,
    /// Where the outcome is told (R4.4): an http or https address, up to 1024 characters.
    #[serde(rename = "callbackURL", skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
}

impl InvokeHeader {
    fn read(header: &Fields<'_>) -> Result<Self, Invalid> {
        Ok(Self {
            request_id: header.text("requestId", CALL_TEXT)?,
            mode: read_mode(header)?,
            from: header.text("from", CALL_TEXT)?,
            to_type: header.text("toType", CALL_TEXT)?.map(ToType::parse),
            to: header.text("to", CALL_TEXT)?,
            method: header.required_text("method", CALLED_NAME)?,
            callback_url: header.callback_url("callbackURL")?,
        })
    }
}

/// A call.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct InvokeRequest {
    /// Who calls what, and how.
    pub header: InvokeHeader,
    /// Parameter name to value; empty when the request has none.
    pub body: Map<String, Value>,
}

impl InvokeRequest {
    /// Reads the JSON body.
    pub fn from_json(body: &[u8]) -> Result<Self, Invalid> {
        let map = json_object(body)?;
        let fields = Fields::of(&map);
        let header = Fields::at("header.", fields.required_object("header")?);
        Ok(Self {
            header: InvokeHeader::read(&header)?,
            body: fields.object("body")?.cloned().unwrap_or_default(),
        })
    }
}

/// What became of a call so far; `delivered` and `failed` with toType CLOUD only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum InvokeStatus {
    /// The frame is handed over.
    Sent,
    /// The device acknowledged it.
    Delivered,
    /// No acknowledgement came in time.
    Failed,
}

/// The answer to a call.
///
/// Its moment goes out twice, as `timestamp` (the documentation's member) and as `timeStamp` (what the Java SDK reads, §15.22); either is
/// read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvokeAnswer {
    /// The request's, or the one allocated; null with toType CLOUD (R4.2).
    pub request_id: Option<String>,
    /// What became of it.
    pub status: InvokeStatus,
    /// When.
    pub timestamp: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "InvokeAnswer"))]
#[serde(rename_all = "camelCase")]
/// The answer to a call.
pub(crate) struct InvokeAnswerWire {
    /// The request's, or the one allocated; null with toType CLOUD (R4.2).
    #[serde(default)]
    request_id: Option<String>,
    /// What became of it.
    status: InvokeStatus,
    /// When.
    #[serde(rename = "timestamp", default)]
    documented: Option<Timestamp>,
    /// The same moment once more, under the name that the Java SDK reads (§15.22).
    #[serde(rename = "timeStamp", default)]
    java: Option<Timestamp>,
}

impl Serialize for InvokeAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wire = InvokeAnswerWire {
            request_id: self.request_id.clone(),
            status: self.status,
            documented: Some(self.timestamp),
            java: Some(self.timestamp),
        };
        wire.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for InvokeAnswer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = InvokeAnswerWire::deserialize(deserializer)?;
        let timestamp = wire
            .documented
            .or(wire.java)
            .ok_or_else(|| de::Error::missing_field("timestamp"))?;
        Ok(Self {
            request_id: wire.request_id,
            status: wire.status,
            timestamp,
        })
    }
}

fn read_mode(header: &Fields<'_>) -> Result<Mode, Invalid> {
    let modes = [Mode::Ack, Mode::NoAck];
    let words = modes.map(Mode::as_str);
    let place = header.required_word("mode", &words, "must be ACK or NOACK")?;
    Ok(modes[place])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reason(body: &Value) -> String {
        InvokeRequest::from_json(body.to_string().as_bytes())
            .unwrap_err()
            .to_string()
    }

    fn with(member: &str, value: Value) -> Value {
        let mut body = json!({"header": {"mode": "ACK", "method": "M"}});
        body["header"][member] = value;
        body
    }

    #[test]
    fn a_whole_call_reads_back_as_written() {
        let text = r#"{"header":{"requestId":"r_0001","mode":"ACK","from":"/users/u","toType":"CLOUD","to":"t","method":"PUT","callbackURL":"https://h:1/p"},"body":{"brightness":86}}"#;
        let request = InvokeRequest::from_json(text.as_bytes()).unwrap();
        assert_eq!(request.header.mode, Mode::Ack);
        assert_eq!(request.header.to_type, Some(ToType::Cloud));
        assert_eq!(serde_json::to_string(&request).unwrap(), text);
    }

    #[test]
    fn a_call_of_a_field_client_with_nulls_and_odd_keys_is_read() {
        let body = r#"{"deviceId":"d","serviceId":"s","header":{"requestId":"","mode":"noack","from":null,"toType":"gateway","method":"DISCOVERY",
            "callbackUrl":"http://h/"},"body":null}"#;
        let request = InvokeRequest::from_json(body.as_bytes()).unwrap();
        let expected = InvokeHeader {
            request_id: None,
            mode: Mode::NoAck,
            from: None,
            to_type: Some(ToType::Gateway),
            to: None,
            method: "DISCOVERY".to_owned(),
            callback_url: Some("http://h/".to_owned()),
        };
        assert_eq!(
            request,
            InvokeRequest {
                header: expected,
                body: Map::new()
            }
        );
    }

    #[test]
    fn every_bound_of_a_call_holds_and_is_told() {
        for (body, text) in [
            (json!({}), "`header` is required"),
            (json!({"header": []}), "`header` must be an object"),
            (with("mode", Value::Null), "`header.mode` is required"),
            (
                with("mode", json!("MAYBE")),
                "`header.mode` must be ACK or NOACK",
            ),
            (with("mode", json!(1)), "`header.mode` must be a string"),
            (with("method", Value::Null), "`header.method` is required"),
            (
                with("method", json!("")),
                "`header.method` must have 1 to 32 characters",
            ),
            (
                with("method", json!("M".repeat(33))),
                "`header.method` must have 1 to 32 characters",
            ),
            (
                with("requestId", json!("r".repeat(129))),
                "`header.requestId` must have at most 128 characters",
            ),
            (
                with("from", json!("f".repeat(129))),
                "`header.from` must have at most 128 characters",
            ),
            (
                with("to", json!("t".repeat(129))),
                "`header.to` must have at most 128 characters",
            ),
            (with("toType", json!(1)), "`header.toType` must be a string"),
            (
                with("callbackURL", json!("nowhere")),
                "`header.callbackURL` must be an address such as https://host:port/path",
            ),
            (
                json!({"header": {"mode": "ACK", "method": "M"}, "body": "x"}),
                "`body` must be an object",
            ),
        ] {
            assert_eq!(reason(&body), text);
        }
        let longest = with("method", json!("M".repeat(32)));
        assert!(InvokeRequest::from_json(longest.to_string().as_bytes()).is_ok());
    }

    #[test]
    fn r4_6_a_strange_to_type_is_no_matter_of_shape() {
        let request =
            InvokeRequest::from_json(with("toType", json!("MOON")).to_string().as_bytes()).unwrap();
        assert_eq!(
            request.header.to_type,
            Some(ToType::Other("MOON".to_owned()))
        );
    }

    #[test]
    fn the_answer_carries_its_moment_under_both_names() {
        let answer = InvokeAnswer {
            request_id: None,
            status: InvokeStatus::Delivered,
            timestamp: Timestamp::from_unix_millis(0),
        };
        let text = r#"{"requestId":null,"status":"delivered","timestamp":"19700101T000000Z","timeStamp":"19700101T000000Z"}"#;
        assert_eq!(serde_json::to_string(&answer).unwrap(), text);
        let documented = r#"{"status":"delivered","timestamp":"19700101T000000Z"}"#;
        let java =
            r#"{"status":"delivered","timestamp":null,"timeStamp":"19700101T000000Z","x":1}"#;
        for text in [text, documented, java] {
            assert_eq!(serde_json::from_str::<InvokeAnswer>(text).unwrap(), answer);
        }
        assert!(serde_json::from_str::<InvokeAnswer>(r#"{"status":"sent"}"#).is_err());
    }
}
