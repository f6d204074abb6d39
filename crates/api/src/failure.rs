//! A failure on its way to the client: code and detail inside, status and body outside.

use std::fmt;

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::{Code, Invalid, Operation};

/// How errors map to HTTP statuses (§15.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorStatus {
    /// Exactly the table of the operation, with its many 200s.
    #[default]
    Documented,
    /// 404, 403 and 409 for clients that test the status only.
    Http,
}

/// The body of 1010005 and 1010009, which a gateway in front of the old platform sent (§15.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GatewayBody {
    /// `resultcode` and `resultmsg` beside `error_code` and `error_desc`: clients of either shape understand.
    #[default]
    Both,
    /// `gateway_exact`: `resultcode` and `resultmsg` only, as the old gateway.
    Exact,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The wire code.
    pub code: Code,
    /// What is wrong in this very request (R3.3); no secrets, no internals.
    pub detail: Option<String>,
}

impl Failure {
    /// A failure with nothing to add to its code.
    pub fn new(code: Code) -> Self {
        Self { code, detail: None }
    }

    /// A failure that says what is wrong in this request.
    pub fn with_detail(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: Some(detail.into()),
        }
    }

    /// The failure of a request whose shape is wrong, with the operation's own code for it.
    pub fn invalid(operation: Operation, invalid: &Invalid) -> Self {
        Self::with_detail(operation.invalid(invalid), invalid.to_string())
    }

    /// The HTTP status (R3.1, §15.1). `None` is a request that belongs to no operation, such as one to an unknown path.
    pub fn status(&self, operation: Option<Operation>, mode: ErrorStatus) -> StatusCode {
        let documented = || {
            operation.map_or(self.code.status_default(), |o| {
                o.documented_status(self.code)
            })
        };
        match mode {
            ErrorStatus::Documented => documented(),
            ErrorStatus::Http => self.code.status_http().unwrap_or_else(documented),
        }
    }

    /// The body, its text that of the operation's own table.
    pub fn body(&self, operation: Option<Operation>, gateway: GatewayBody) -> ErrorBody {
        let code = || Some(self.code.number().to_owned());
        let text = || Some(self.code.text(operation).to_owned());
        let plain = ErrorBody {
            resultcode: None,
            resultmsg: None,
            error_code: code(),
            error_desc: text(),
            detail: self.detail.clone(),
        };
        if !self.code.is_gateway() {
            return plain;
        }
        match gateway {
            GatewayBody::Both => ErrorBody {
                resultcode: code(),
                resultmsg: text(),
                ..plain
            },
            GatewayBody::Exact => ErrorBody {
                resultcode: code(),
                resultmsg: text(),
                ..ErrorBody::default()
            },
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code.number(), self.code.text(None))?;
        self.detail
            .as_ref()
            .map_or(Ok(()), |detail| write!(f, " ({detail})"))
    }
}

impl std::error::Error for Failure {}

/// The body of an error [1.1]: codes are strings, always; `error_code` stands at the top level of errors only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ErrorBody {
    /// The gateway's name for `error_code`: on 1010005 and 1010009.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resultcode: Option<String>,
    /// The gateway's name for `error_desc`: on 1010005 and 1010009.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resultmsg: Option<String>,
    /// The code, always a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// The code's text in the operation's own table, verbatim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_desc: Option<String>,
    /// What is wrong in this very request (R3.3); ours, and for people: do not parse it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl ErrorBody {
    /// Number and text of either shape; `None` when the body is no error.
    pub fn code_and_text(&self) -> Option<(&str, &str)> {
        let application = (self.error_code.as_deref(), self.error_desc.as_deref());
        let gateway = (self.resultcode.as_deref(), self.resultmsg.as_deref());
        let (code, text) = if application.0.is_some() {
            application
        } else {
            gateway
        };
        code.map(|code| (code, text.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(failure: &Failure, operation: Operation, gateway: GatewayBody) -> String {
        serde_json::to_string(&failure.body(Some(operation), gateway)).unwrap()
    }

    #[test]
    fn r3_3_the_text_is_verbatim_and_the_detail_apart() {
        let failure = Failure::with_detail(Code::InvalidInput, "`deviceId` is required");
        assert_eq!(
            json(&failure, Operation::PostDeviceCommand, GatewayBody::Both),
            r#"{"error_code":"100022","error_desc":"The input is invalid.","detail":"`deviceId` is required"}"#
        );
        let bare = Failure::new(Code::CommandUnknown);
        assert_eq!(
            json(&bare, Operation::UpdateDeviceCommand, GatewayBody::Exact),
            r#"{"error_code":"100434","error_desc":"The device command is not existed."}"#
        );
    }

    #[test]
    fn gateway_codes_carry_both_shapes_or_exactly_the_old_one() {
        let failure = Failure::with_detail(Code::InvalidToken, "the token has expired");
        assert_eq!(
            json(&failure, Operation::PostDeviceCommand, GatewayBody::Both),
            r#"{"resultcode":"1010005","resultmsg":"Invalid access token or appId.","error_code":"1010005","error_desc":"Invalid access token or appId.","detail":"the token has expired"}"#
        );
        assert_eq!(
            json(&failure, Operation::InvokeDeviceService, GatewayBody::Exact),
            r#"{"resultcode":"1010005","resultmsg":"App_key or access_token is invalid."}"#
        );
    }

    #[test]
    fn the_http_mode_changes_what_it_names_and_nothing_else() {
        for &operation in Operation::ALL {
            for &code in Code::ALL {
                let failure = Failure::new(code);
                let expected = match code.number() {
                    "100403" | "100418" | "100431" | "100434" | "100444" | "100603" => 404,
                    "100203" | "100217" | "100428" | "100432" => 403,
                    "100435" | "100602" => 409,
                    _ => failure
                        .status(Some(operation), ErrorStatus::Documented)
                        .as_u16(),
                };
                assert_eq!(
                    failure.status(Some(operation), ErrorStatus::Http).as_u16(),
                    expected
                );
            }
        }
    }

    #[test]
    fn r3_4_requests_of_no_operation_have_a_status_and_a_body() {
        for (code, status) in [
            (Code::NoSuchPath, 404),
            (Code::MethodNotAllowed, 405),
            (Code::BodyTooLarge, 413),
            (Code::RequestTooSlow, 408),
            (Code::IdempotencyKeyConflict, 409),
        ] {
            let failure = Failure::new(code);
            assert_eq!(
                failure.status(None, ErrorStatus::Documented).as_u16(),
                status
            );
            assert_eq!(
                failure.body(None, GatewayBody::Both).error_code.unwrap(),
                code.number()
            );
        }
    }

    #[test]
    fn a_client_reads_either_shape() {
        let read = |text: &str| serde_json::from_str::<ErrorBody>(text).unwrap();
        let gateway = read(r#"{"resultcode":"1010009","resultmsg":"app throttle exceed."}"#);
        assert_eq!(
            gateway.code_and_text(),
            Some(("1010009", "app throttle exceed."))
        );
        let application = read(r#"{"error_code":"100418","error_desc":null,"other":1}"#);
        assert_eq!(application.code_and_text(), Some(("100418", "")));
        assert_eq!(read("{}").code_and_text(), None);
    }

    #[test]
    fn settings_name_the_modes_in_lower_case() {
        assert_eq!(
            serde_json::from_str::<ErrorStatus>("\"http\"").unwrap(),
            ErrorStatus::Http
        );
        assert_eq!(
            serde_json::from_str::<ErrorStatus>("\"documented\"").unwrap(),
            ErrorStatus::Documented
        );
    }
}
