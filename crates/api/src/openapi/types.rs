//! Schemas of the types that no derive can read.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::Timestamp;
use crate::commands::{CancelCommandRequest, CommandStatus};
use crate::invoke::ToType;

/// `yyyyMMdd'T'HHmmss'Z'`. That the day exists is beyond a pattern.
pub(super) const MOMENT: &str =
    "^[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]Z$";

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A moment in UTC, in whole seconds: `yyyyMMdd'T'HHmmss'Z'` [1].",
            "pattern": MOMENT,
            "minLength": 16,
            "maxLength": 16,
            "x-format": "yyyyMMdd'T'HHmmss'Z'",
            "examples": ["20151212T121212Z"]
        })
    }
}

impl JsonSchema for ToType {
    fn schema_name() -> Cow<'static, str> {
        "ToType".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Who carries out the call. Any other word is refused with 100444, after the checks that go before it (R4.6).",
            "enum": [Self::Cloud.as_str(), Self::Gateway.as_str()],
            "x-enum-descriptions": {
                "CLOUD": "The answer waits for the device (R4.2).",
                "GATEWAY": "The answer comes as soon as the frame is handed over (R4.2)."
            }
        })
    }
}

impl JsonSchema for CancelCommandRequest {
    fn schema_name() -> Cow<'static, str> {
        "CancelCommandRequest".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "Cancellation of a command [5.4].",
            "properties": {
                "status": {
                    "type": "string",
                    "description": "The only status a client may ask for.",
                    "enum": [CommandStatus::Canceled.as_str()]
                }
            },
            "required": ["status"]
        })
    }
}
