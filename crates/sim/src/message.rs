//! What native MQTT devices read and write (`southbound.md` §2).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A command as a device reads it: `cloudReq`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandMessage {
    /// Always `cloudReq`.
    pub msg_type: String,
    /// The service.
    pub service_id: String,
    /// The command's name.
    pub cmd: String,
    /// Its parameters.
    #[serde(default)]
    pub paras: Map<String, Value>,
    /// What the answer must repeat.
    pub mid: u16,
}

/// Why a device cannot read a message.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is no JSON, or lacks a member.
    #[error("no command")]
    Json(#[from] serde_json::Error),
    /// It is something else than a command.
    #[error("msgType is {0:?}, not cloudReq")]
    Type(String),
}

impl CommandMessage {
    /// Reads a payload of the command topic.
    pub fn parse(payload: &[u8]) -> Result<Self, Unreadable> {
        let message: Self = serde_json::from_slice(payload)?;
        if message.msg_type == "cloudReq" {
            Ok(message)
        } else {
            Err(Unreadable::Type(message.msg_type))
        }
    }
}

/// An answer: `deviceRsp`.
pub fn answer(mid: u16, errcode: i64, body: &Map<String, Value>) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer<'a> {
        msg_type: &'static str,
        mid: u16,
        errcode: i64,
        has_more: u8,
        body: &'a Map<String, Value>,
    }
    let answer = Answer {
        msg_type: "deviceRsp",
        mid,
        errcode,
        has_more: 0,
        body,
    };
    serde_json::to_vec(&answer).expect("JSON maps have text keys")
}

/// A report: `deviceReq`.
pub fn report(service_id: &str, data: &Map<String, Value>) -> Vec<u8> {
    let report = serde_json::json!({
        "msgType": "deviceReq",
        "hasMore": 0,
        "data": [{"serviceId": service_id, "serviceData": data}],
    });
    report.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_and_anything_else_is_not() {
        let text = br#"{"msgType":"cloudReq","serviceId":"S","cmd":"C","paras":{"value":1},"mid":65535,"hasMore":0}"#;
        let message = CommandMessage::parse(text).unwrap();
        assert_eq!((message.cmd.as_str(), message.mid), ("C", 65535));
        for bad in [
            "",
            "{}",
            r#"{"msgType":"cloudRsp","serviceId":"S","cmd":"C","mid":1}"#,
            r#"{"msgType":"cloudReq","serviceId":"S","cmd":"C","mid":65536}"#,
        ] {
            assert!(CommandMessage::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn answers_and_reports_look_as_documented() {
        let body = Map::from_iter([("result".to_owned(), Value::from(0))]);
        assert_eq!(
            String::from_utf8(answer(7, 0, &body)).unwrap(),
            r#"{"msgType":"deviceRsp","mid":7,"errcode":0,"hasMore":0,"body":{"result":0}}"#
        );
        let report: Value = serde_json::from_slice(&report("S", &body)).unwrap();
        assert_eq!(report["data"][0]["serviceData"]["result"], 0);
        assert_eq!(report["msgType"], "deviceReq");
    }
}
