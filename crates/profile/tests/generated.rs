//! Generated input: nothing panics, and what was admitted once is admitted again unchanged.

#![expect(
    clippy::unwrap_used,
    reason = "the lint knows the tests, not what they share"
)]

use profile::codec::{CloudReq, DecodeError, DeviceMessage, decode};
use profile::{Map, Profile};
use proptest::prelude::*;
use serde_json::{Value, json};

const METER: &str = include_str!("../samples/water-meter.json");
const LAMP: &str = include_str!("../samples/street-lamp.json");

/// Any JSON, with values near those that rules speak of.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-3_i64..30).prop_map(Value::from),
        (-30_i64..30).prop_map(|tenths| json!(tenths.to_string() + "e-1")),
        (-3_i64..30).prop_map(|number| json!(number.to_string())),
        prop_oneof![
            "ON",
            "OFF",
            "20240229T000000Z",
            "int",
            "decimal",
            "deviceRsp",
            "deviceReq",
            ".{0,12}"
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(member(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Names of members that our readers look for, and others.
fn member() -> impl Strategy<Value = String> {
    prop_oneof![
        "msgType|mid|errcode|hasMore|body|data|serviceId|serviceData|eventTime",
        "devices|services|commands|paras|responses|properties|serviceType|commandName|paraName",
        "dataType|required|min|max|step|maxLength|unit|enumList|value|level|ramp|state|from|steps",
        ".{0,6}",
    ]
}

fn any_rule() -> impl Strategy<Value = Value> {
    let bound = || {
        prop_oneof![
            Just(Value::Null),
            (-5.0..30.0).prop_map(Value::from),
            (-5..30).prop_map(Value::from)
        ]
    };
    let entries = prop::collection::vec(any_json(), 0..4);
    (
        prop::sample::select(vec!["int", "decimal", "string", "DateTime", "jsonObject"]),
        any::<bool>(),
        (bound(), bound(), bound(), bound()),
        entries,
    )
        .prop_map(|(data_type, required, (min, max, step, length), enum_list)| {
            json!({"paraName": "value", "dataType": data_type, "required": required, "min": min, "max": max,
                "step": step, "maxLength": length, "enumList": enum_list})
        })
}

fn profile_with(rule: &Value) -> Option<Profile> {
    let document = json!({
        "devices": [{"manufacturerId": "m", "manufacturerName": "m", "model": "1", "protocolType": "MQTT",
            "deviceType": "T", "serviceTypeCapabilities": [{"serviceId": "S", "serviceType": "S"}]}],
        "services": [{"serviceType": "S", "commands": [{"commandName": "DO", "paras": [rule],
            "responses": [{"responseName": "DO_RSP", "paras": [rule]}]}]}],
    });
    Profile::from_json(document.to_string().as_bytes()).ok()
}

/// Replaces the value at a place that `seed` chooses.
fn replace(document: &mut Value, seed: usize, value: Value) {
    let count = match document {
        Value::Array(entries) => entries.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    };
    if count == 0 || seed % (count + 1) == count {
        *document = value;
        return;
    }
    let (place, seed) = (seed % (count + 1), seed / (count + 1));
    let inner = match document {
        Value::Array(entries) => entries.get_mut(place),
        Value::Object(members) => members.values_mut().nth(place),
        _ => None,
    };
    replace(inner.unwrap(), seed, value);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes).map_err(|error| error.to_string());
        let _ = Profile::from_json(&bytes).map_err(|error| error.to_string());
        let files = [("profile/devicetype-capability.json", bytes.as_slice())];
        prop_assert!(Profile::from_files(files).is_err());
    }

    #[test]
    fn any_json_is_a_message_or_is_refused(value in any_json()) {
        let _ = decode(value.to_string().as_bytes()).map_err(|error| error.to_string());
        let _ = Profile::from_json(value.to_string().as_bytes()).map_err(|error| error.to_string());
    }

    #[test]
    fn a_damaged_profile_is_read_or_refused(meter: bool, seed: usize, value in any_json()) {
        let mut document: Value = serde_json::from_str(if meter { METER } else { LAMP }).unwrap();
        replace(&mut document, seed, value);
        match Profile::from_json(document.to_string().as_bytes()) {
            Ok(profile) => prop_assert_eq!(Profile::from_json(&profile.to_json()).unwrap(), profile),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn admitted_paras_are_admitted_again_unchanged(rule in any_rule(), value in any_json()) {
        let Some(profile) = profile_with(&rule) else { return Ok(()) };
        let command = profile.service("S").unwrap().command("DO").unwrap();
        let paras: Map = [("value".to_owned(), value)].into_iter().collect();
        let faults = command.check_answer(&paras);
        match command.check(&paras) {
            Ok(admitted) => {
                prop_assert_eq!(faults, []);
                prop_assert_eq!(command.check(&admitted), Ok(admitted.clone()));
                let text = serde_json::to_string(&admitted).unwrap();
                prop_assert_eq!(serde_json::from_str::<Map>(&text).unwrap(), admitted);
            }
            Err(fault) => prop_assert_eq!(faults, [fault]),
        }
    }

    #[test]
    fn numbers_within_the_bounds_are_admitted_in_every_spelling(min in -50_i64..50, width in 0_i64..50, value in -60_i64..110) {
        let rule = json!({"paraName": "value", "dataType": "int", "required": true, "min": min, "max": min + width});
        let profile = profile_with(&rule).unwrap();
        let command = profile.service("S").unwrap().command("DO").unwrap();
        let within = (min..=min + width).contains(&value);
        for spelled in [json!(value), json!(value.to_string()), json!(format!("{value}.0"))] {
            let paras: Map = [("value".to_owned(), spelled)].into_iter().collect();
            let admitted = command.check(&paras).ok().map(|paras| paras["value"].clone());
            prop_assert_eq!(admitted, within.then(|| json!(value)));
        }
    }

    #[test]
    fn an_answer_survives_its_journey(mid in 1_u16.., errcode: i64, body in prop::option::of(any_json()), more: bool) {
        let body = body.filter(Value::is_object);
        let message = json!({"msgType": "deviceRsp", "mid": mid, "errcode": errcode, "hasMore": more, "body": body});
        let Some(body) = body else {
            let expected = DeviceMessage::Answer { mid, errcode, body: None, has_more: more };
            prop_assert_eq!(decode(message.to_string().as_bytes()), Ok(expected));
            return Ok(());
        };
        let expected = DeviceMessage::Answer { mid, errcode, body: body.as_object().cloned(), has_more: more };
        prop_assert_eq!(decode(message.to_string().as_bytes()), Ok(expected));
    }

    #[test]
    fn a_damaged_answer_never_names_another_command(at in 0_usize..70, byte: u8, cut: bool) {
        let mut message = br#"{"msgType":"deviceRsp","errcode":0,"body":{"a":[1,"x"]},"mid":4711 }"#.to_vec();
        let at = at % message.len();
        let digits = message.windows(4).position(|window| window == b"4711").unwrap();
        prop_assume!(!(digits..digits + 4).contains(&at) || cut);
        if cut { message.truncate(at) } else { message[at] = byte }
        if let Ok(DeviceMessage::Answer { mid, .. }) | Err(DecodeError::Answer { mid, .. }) = decode(&message) {
            // A digit or sign written beside the number makes it another number; that is no damage one could see.
            let beside = !cut && (at + 1 == digits || at == digits + 4);
            prop_assert!(mid == 4711 || beside, "{mid}");
        }
    }

    #[test]
    fn a_command_is_json_whatever_it_carries(service_id in ".{0,20}", cmd in ".{0,20}", paras in any_json(), mid: u16, has_more: bool) {
        let Value::Object(paras) = paras else { return Ok(()) };
        let message = CloudReq { service_id: &service_id, cmd: &cmd, paras: &paras, mid, has_more }.encode().unwrap();
        let expected = json!({"msgType": "cloudReq", "serviceId": service_id, "cmd": cmd, "paras": paras, "mid": mid,
            "hasMore": i32::from(has_more)});
        prop_assert_eq!(serde_json::from_slice::<Value>(&message).unwrap(), expected);
    }
}
