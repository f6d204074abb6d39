//! The messages of devices: what a real one sent, and what broken ones might.

#![expect(
    clippy::unwrap_used,
    reason = "the lint knows the tests, not what they share"
)]

use profile::codec::{
    CloudReq, DecodeError, DeviceMessage, EncodeError, Problem, ReportItem, decode,
};
use profile::{Map, limits};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// What a field device and its platform exchanged.
const VECTORS: &str = include_str!("../../../vectors/southbound-mqtt.jsonl");

fn map(value: Value) -> Map {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

fn payloads(direction: &str) -> Vec<String> {
    let lines = VECTORS
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let published = lines.filter(|line| line["type"] == "PUBLISH" && line["dir"] == direction);
    published
        .map(|line| line["payload"].as_str().unwrap().to_owned())
        .collect()
}

fn answer(mid: u16, errcode: i64, body: Option<Value>, has_more: bool) -> DeviceMessage {
    DeviceMessage::Answer {
        mid,
        errcode,
        body: body.map(map),
        has_more,
    }
}

/// An answer to command 12 that is faulty in this way.
fn broken(problem: Problem) -> DecodeError {
    DecodeError::Answer { mid: 12, problem }
}

fn said(message: &str) -> String {
    decode(message.as_bytes()).unwrap_err().to_string()
}

#[test]
fn what_a_field_device_sent_is_understood() {
    let mut radio_values = Vec::new();
    let mut answered = Vec::new();
    for payload in payloads("client->server") {
        match decode(payload.as_bytes()).unwrap() {
            DeviceMessage::Report { items, has_more } => {
                assert_eq!((items.len(), has_more), (1, false));
                let ReportItem {
                    service_id,
                    service_data,
                    event_time,
                } = &items[0];
                assert_eq!((service_id.as_str(), event_time), ("DeviceStatus", &None));
                radio_values.push(service_data["radioValue"].as_i64().unwrap());
            }
            DeviceMessage::Answer {
                mid,
                errcode,
                body,
                has_more,
            } => {
                assert_eq!((errcode, has_more), (0, false));
                assert_eq!(body, Some(map(json!({"body_para": "body_para"}))));
                answered.push(mid);
            }
        }
    }
    assert_eq!(
        radio_values,
        [8, 15, 22, 29, 36, 43, 50, 57, 64, 71, 78, 85]
    );
    assert_eq!(answered, [2016, 2017]);
}

#[test]
fn a_command_has_the_members_that_a_field_device_understood() {
    for (payload, mid, value) in payloads("server->client")
        .into_iter()
        .zip([2016, 2017])
        .zip([4, 5])
        .map(|((payload, mid), value)| (payload, mid, value))
    {
        let paras = map(json!({ "value": value }));
        let command = CloudReq {
            service_id: "DeviceStatus",
            cmd: "SET",
            paras: &paras,
            mid,
            has_more: false,
        };
        let mut expected: Value = serde_json::from_str(&payload).unwrap();
        expected["hasMore"] = json!(0);
        assert_eq!(
            serde_json::from_slice::<Value>(&command.encode().unwrap()).unwrap(),
            expected
        );
    }
}

#[test]
fn a_command_is_compact_and_in_order() {
    let paras = map(json!({"value": 4}));
    let command = CloudReq {
        service_id: "A\"B",
        cmd: "SET",
        paras: &paras,
        mid: 65_535,
        has_more: true,
    };
    let expected = r#"{"msgType":"cloudReq","serviceId":"A\"B","cmd":"SET","paras":{"value":4},"mid":65535,"hasMore":1}"#;
    assert_eq!(
        String::from_utf8(command.encode().unwrap()).unwrap(),
        expected
    );
}

#[test]
fn stored_paras_travel_as_they_stand() {
    let stored: Box<RawValue> = serde_json::from_str(r#"{"z":1.10,"a":null}"#).unwrap();
    let command = CloudReq {
        service_id: "S",
        cmd: "C",
        paras: &*stored,
        mid: 1,
        has_more: false,
    };
    let expected = r#"{"msgType":"cloudReq","serviceId":"S","cmd":"C","paras":{"z":1.10,"a":null},"mid":1,"hasMore":0}"#;
    assert_eq!(
        String::from_utf8(command.encode().unwrap()).unwrap(),
        expected
    );
}

#[test]
fn r1_14_a_command_that_is_too_long_fails_to_encode() {
    let empty = map(json!({"v": ""}));
    let frame = CloudReq {
        service_id: "S",
        cmd: "C",
        paras: &empty,
        mid: 1,
        has_more: false,
    };
    let room = limits::MESSAGE_BYTES_MAX - frame.encode().unwrap().len();
    let full = map(json!({"v": "x".repeat(room)}));
    assert_eq!(
        CloudReq {
            paras: &full,
            ..frame
        }
        .encode()
        .unwrap()
        .len(),
        limits::MESSAGE_BYTES_MAX
    );
    let over = map(json!({"v": "x".repeat(room + 1)}));
    let error = CloudReq {
        paras: &over,
        ..frame
    }
    .encode()
    .unwrap_err();
    assert_eq!(error, EncodeError::TooLong(limits::MESSAGE_BYTES_MAX + 1));
    assert_eq!(
        error.to_string(),
        "the message has 65537 bytes, more than 65536"
    );
}

#[test]
fn numbers_may_be_spelled_as_strings() {
    for mid in ["12", "\"12\"", "12.0", "\"\\u0031\\u0032\""] {
        for errcode in ["0", "\"0\"", "0.0"] {
            let message = format!(r#" {{"msgType":"deviceRsp","mid":{mid},"errcode":{errcode}}} "#);
            assert_eq!(
                decode(message.as_bytes()),
                Ok(answer(12, 0, None, false)),
                "{message}"
            );
        }
    }
    let message = br#"{"msgType":"deviceRsp","mid":12,"errcode":-7,"body":{},"identifier":"x"}"#;
    assert_eq!(decode(message), Ok(answer(12, -7, Some(json!({})), false)));
}

#[test]
fn has_more_is_a_number_a_truth_value_or_missing() {
    for (spelled, expected) in [
        ("0", false),
        ("1", true),
        ("2", true),
        ("true", true),
        ("false", false),
        ("null", false),
        ("\"1\"", true),
        ("\"0\"", false),
        ("\"true\"", true),
        ("\"\"", false),
    ] {
        let message =
            format!(r#"{{"msgType":"deviceRsp","mid":12,"errcode":0,"hasMore":{spelled}}}"#);
        assert_eq!(
            decode(message.as_bytes()),
            Ok(answer(12, 0, None, expected)),
            "{spelled}"
        );
        let message = format!(r#"{{"msgType":"deviceReq","data":[],"hasMore":{spelled}}}"#);
        let report = DeviceMessage::Report {
            items: Vec::new(),
            has_more: expected,
        };
        assert_eq!(decode(message.as_bytes()), Ok(report), "{spelled}");
    }
    let wrong = said(r#"{"msgType":"deviceReq","data":[],"hasMore":[]}"#);
    assert_eq!(wrong, "`hasMore` must be 0 or 1");
}

#[test]
fn a_report_lists_its_services_in_order() {
    let message = r#"{"data":[{"eventTime":"20240101T000000Z","serviceData":{"b":[1,{"c":null}]},"serviceId":"A\u0042"},
        {"serviceId":"B","serviceData":{},"eventTime":null,"extra":1}],"msgType":"deviceReq","hasMore":1}"#;
    let items = vec![
        ReportItem {
            service_id: "AB".to_owned(),
            service_data: map(json!({"b": [1, {"c": null}]})),
            event_time: Some("20240101T000000Z".to_owned()),
        },
        ReportItem {
            service_id: "B".to_owned(),
            service_data: Map::new(),
            event_time: None,
        },
    ];
    assert_eq!(
        decode(message.as_bytes()),
        Ok(DeviceMessage::Report {
            items,
            has_more: true
        })
    );
}

#[test]
fn r1_7_an_answer_that_cannot_be_decoded_still_names_its_command() {
    let wrong = |member, must_be| broken(Problem::Wrong { member, must_be });
    for (rest, expected) in [
        ("", broken(Problem::Missing("errcode"))),
        (r#","errcode":null"#, broken(Problem::Missing("errcode"))),
        (r#","errcode":true"#, wrong("errcode", "a whole number")),
        (r#","errcode":"OK""#, wrong("errcode", "a whole number")),
        (r#","errcode":1e30"#, wrong("errcode", "a whole number")),
        (r#","errcode":0,"body":"done""#, wrong("body", "an object")),
        (
            r#","errcode":0,"body":{"a":1e999}"#,
            wrong("body", "an object"),
        ),
        (r#","errcode":0,"hasMore":{}"#, wrong("hasMore", "0 or 1")),
    ] {
        let message = format!(r#"{{"msgType":"deviceRsp","mid":12{rest}}}"#);
        assert_eq!(decode(message.as_bytes()), Err(expected), "{message}");
    }
    let said = said(r#"{"msgType":"deviceRsp","mid":12,"errcode":"OK"}"#);
    assert_eq!(said, "answer to mid 12: `errcode` must be a whole number");
}

#[test]
fn r1_7_an_answer_with_broken_json_still_names_its_command() {
    for rest in [
        r#""errcode":0,"body":{"a":"#,
        r#""errcode":0} trailing"#,
        r#""errcode":0,"errcode":1}"#,
        r#""body":{"a":1},"body":{},"errcode":0}"#,
    ] {
        let message = format!(r#"{{"msgType":"deviceRsp","mid":12,{rest}"#);
        let decoded = decode(message.as_bytes());
        assert!(
            matches!(
                decoded,
                Err(DecodeError::Answer {
                    mid: 12,
                    problem: Problem::NotJson(_)
                })
            ),
            "{decoded:?}"
        );
    }
    let mut message = br#"{"msgType":"deviceRsp","mid":12,"errcode":0,"body":{"a":""#.to_vec();
    message.extend_from_slice(b"\xff\xfe\"}}");
    let decoded = decode(&message);
    assert!(
        matches!(decoded, Err(DecodeError::Answer { mid: 12, .. })),
        "{decoded:?}"
    );
}

#[test]
fn a_cut_message_never_answers_another_command() {
    let whole = r#"{"msgType":"deviceRsp","mid":12345,"errcode":0,"body":{"a":1}}"#;
    for end in 0..whole.len() {
        match decode(&whole.as_bytes()[..end]) {
            Err(DecodeError::Answer { mid, .. }) => assert_eq!(mid, 12_345, "cut at {end}"),
            Err(DecodeError::Message(_)) => {}
            Ok(message) => panic!("cut at {end}: {message:?}"),
        }
    }
    let twice = decode(br#"{"msgType":"deviceRsp","mid":12,"mid":13,"errcode":0}"#);
    assert!(
        matches!(twice, Err(DecodeError::Message(Problem::NotJson(_)))),
        "{twice:?}"
    );
}

#[test]
fn an_answer_without_a_usable_mid_concerns_no_command() {
    for mid in ["0", "65536", "-1", "1.5", "\"\"", "\"x\"", "[12]", "true"] {
        let message = format!(r#"{{"msgType":"deviceRsp","mid":{mid},"errcode":0}}"#);
        assert_eq!(
            said(&message),
            "`mid` must be a whole number from 1 to 65535",
            "{mid}"
        );
    }
    assert_eq!(
        said(r#"{"msgType":"deviceRsp","errcode":0}"#),
        "`mid` is missing"
    );
    assert_eq!(
        decode(br#"{"msgType":"deviceRsp","mid":65535,"errcode":0}"#),
        Ok(answer(65_535, 0, None, false))
    );
}

#[test]
fn a_faulty_report_is_refused_whole_and_precisely() {
    let good = r#"{"serviceId":"A","serviceData":{}}"#;
    for (item, expected) in [
        ("7", "data[1]: not a JSON object: no object"),
        (r#"{"serviceData":{}}"#, "data[1]: `serviceId` is missing"),
        (
            r#"{"serviceId":"","serviceData":{}}"#,
            "data[1]: `serviceId` must be a string of 1 to 64 characters",
        ),
        (
            r#"{"serviceId":5,"serviceData":{}}"#,
            "data[1]: `serviceId` must be a string of 1 to 64 characters",
        ),
        (r#"{"serviceId":"A"}"#, "data[1]: `serviceData` is missing"),
        (
            r#"{"serviceId":"A","serviceData":[]}"#,
            "data[1]: `serviceData` must be an object",
        ),
        (
            r#"{"serviceId":"A","serviceData":{},"eventTime":20240101}"#,
            "data[1]: `eventTime` must be a string of at most 64 characters",
        ),
    ] {
        assert_eq!(
            said(&format!(
                r#"{{"msgType":"deviceReq","data":[{good},{item}]}}"#
            )),
            expected
        );
    }
    assert_eq!(said(r#"{"msgType":"deviceReq"}"#), "`data` is missing");
    assert_eq!(
        said(&format!(r#"{{"msgType":"deviceReq","data":{good}}}"#)),
        "`data` must be an array"
    );
    let twice = r#"{"serviceId":"A","serviceId":"B","serviceData":{}}"#;
    let twice = said(&format!(r#"{{"msgType":"deviceReq","data":[{twice}]}}"#));
    assert!(
        twice.starts_with("data[0]: not a JSON object: duplicate field"),
        "{twice}"
    );
}

#[test]
fn what_is_no_message_is_said_to_be_none() {
    for message in ["", " ", "7", "[]", "\"deviceRsp\"", "null", "\u{feff}{}"] {
        assert_eq!(said(message), "not a JSON object: no object");
    }
    assert_eq!(said("{}"), "`msgType` is missing");
    assert_eq!(said(r#"{"msgType":1}"#), "`msgType` must be a string");
    let other = r#"{"msgType":"cloudReq","mid":12}"#;
    assert_eq!(
        said(other),
        "msgType `cloudReq` is neither deviceReq nor deviceRsp"
    );
}

#[test]
fn messages_meet_their_limits() {
    let of_bytes = |bytes: usize| {
        let mut message = r#"{"msgType":"deviceRsp","mid":12,"errcode":0,"body":{"v":""#.to_owned();
        message.push_str(&"x".repeat(bytes - message.len() - 3));
        message + "\"}}"
    };
    let full = of_bytes(limits::MESSAGE_BYTES_MAX);
    assert!(decode(full.as_bytes()).is_ok());
    let over = of_bytes(limits::MESSAGE_BYTES_MAX + 1);
    let too_long = Problem::TooLong(limits::MESSAGE_BYTES_MAX + 1);
    assert_eq!(decode(over.as_bytes()), Err(broken(too_long)));

    let nested = |depth: usize| {
        let value = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"msgType":"deviceRsp","mid":12,"errcode":0,"body":{{"v":{value}}}}}"#)
    };
    assert!(decode(nested(limits::NESTING_MAX - 2).as_bytes()).is_ok());
    assert_eq!(
        decode(nested(limits::NESTING_MAX - 1).as_bytes()),
        Err(broken(Problem::TooDeep))
    );
    let endless = format!(
        r#"{{"msgType":"deviceRsp","mid":12,"body":{}"#,
        "[".repeat(60_000)
    );
    assert!(matches!(
        decode(endless.as_bytes()),
        Err(DecodeError::Answer { mid: 12, .. })
    ));

    let items = |count: usize| {
        let items = vec![r#"{"serviceId":"A","serviceData":{}}"#; count].join(",");
        decode(format!(r#"{{"msgType":"deviceReq","data":[{items}]}}"#).as_bytes())
    };
    assert!(items(limits::REPORT_ITEMS_MAX).is_ok());
    let many = Problem::TooManyItems(limits::REPORT_ITEMS_MAX + 1);
    assert_eq!(
        items(limits::REPORT_ITEMS_MAX + 1),
        Err(DecodeError::Message(many))
    );
}
