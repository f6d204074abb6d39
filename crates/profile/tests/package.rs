//! Profiles at the door: the vendor's package and the document of ours.

#![expect(
    clippy::unwrap_used,
    reason = "the lint knows the tests, not what they share"
)]

use profile::{Command, DataType, Key, Para, Profile, limits};
use serde_json::{Value, json};

const METER: &[u8] = include_bytes!("../samples/water-meter.json");
const LAMP: &[u8] = include_bytes!("../samples/street-lamp.json");
const DEVICE: &[u8] =
    include_bytes!("../samples/WaterMeter_Downlink_WM1/profile/devicetype-capability.json");
const DISPLAY: &[u8] =
    include_bytes!("../samples/WaterMeter_Downlink_WM1/profile/devicetype-display.json");
const METER_TYPE: &[u8] = include_bytes!(
    "../samples/WaterMeter_Downlink_WM1/service/WaterMeter/profile/servicetype-capability.json"
);
const BATTERY_TYPE: &[u8] = include_bytes!(
    "../samples/WaterMeter_Downlink_WM1/service/Battery/profile/servicetype-capability.json"
);

fn package() -> Vec<(String, Vec<u8>)> {
    [
        ("profile/devicetype-capability.json", DEVICE),
        ("profile/devicetype-display.json", DISPLAY),
        (
            "service/WaterMeter/profile/servicetype-capability.json",
            METER_TYPE,
        ),
        (
            "service/Battery/profile/servicetype-capability.json",
            BATTERY_TYPE,
        ),
    ]
    .map(|(path, bytes)| (path.to_owned(), bytes.to_vec()))
    .to_vec()
}

/// The meter's document, changed at one place.
fn changed(pointer: &str, value: Value) -> Vec<u8> {
    let mut document: Value = serde_json::from_slice(METER).unwrap();
    *document.pointer_mut(pointer).unwrap() = value;
    serde_json::to_vec(&document).unwrap()
}

fn refusal(document: &[u8]) -> String {
    Profile::from_json(document).unwrap_err().to_string()
}

fn period_para(document: &[u8]) -> Para {
    let profile = Profile::from_json(document).unwrap();
    profile
        .service("WaterMeter")
        .unwrap()
        .command("SET_PERIOD")
        .unwrap()
        .paras[0]
        .clone()
}

const PARA: &str = "/services/0/commands/0/paras/0";
const AT_PARA: &str = "service `WaterMeter`, command `SET_PERIOD`, para `value`: ";

#[test]
fn a_package_and_a_document_give_the_same_profile() {
    assert_eq!(
        Profile::from_files(package()).unwrap(),
        Profile::from_json(METER).unwrap()
    );
}

#[test]
fn a_package_may_lie_below_a_folder_with_backslashes_and_marks() {
    let mut files = package();
    for (path, bytes) in &mut files {
        *path = format!("WaterMeter_Downlink_WM1\\{}", path.replace('/', "\\"));
        if !bytes.is_empty() {
            bytes.splice(0..0, *b"\xef\xbb\xbf");
        }
    }
    files.push(("WaterMeter_Downlink_WM1/".to_owned(), Vec::new()));
    files.push((
        "__MACOSX/profile/._devicetype-capability.json".to_owned(),
        vec![0, 5],
    ));
    files.push((
        "deep/er/profile/devicetype-capability.json".to_owned(),
        b"no".to_vec(),
    ));
    files.reverse();
    let mut document: Value = serde_json::from_slice(METER).unwrap();
    document["services"].as_array_mut().unwrap().reverse();
    let document = serde_json::to_vec(&document).unwrap();
    assert_eq!(
        Profile::from_files(files).unwrap(),
        Profile::from_json(&document).unwrap()
    );
}

#[test]
fn the_canonical_document_round_trips() {
    for sample in [METER, LAMP] {
        let profile = Profile::from_json(sample).unwrap();
        let canonical = profile.to_json();
        let again = Profile::from_json(&canonical).unwrap();
        assert_eq!(again, profile);
        assert_eq!(again.to_json(), canonical);
    }
}

#[test]
fn the_model_keeps_what_the_files_say() {
    let profile = Profile::from_json(LAMP).unwrap();
    let key = Key {
        manufacturer_id: "Downlink".to_owned(),
        model: "SL1".to_owned(),
    };
    assert_eq!(profile.key(), &key);
    assert_eq!(key.to_string(), "Downlink/SL1");
    let device = profile.device();
    assert_eq!(
        (device.device_type.as_str(), device.protocol_type.as_str()),
        ("StreetLamp", "MQTT")
    );
    let om = device.om_capability.as_ref().unwrap();
    assert_eq!(om["fwUpgradeCapability"]["upgradeProtocolType"], "LWM2M");
    let ids: Vec<_> = profile
        .services()
        .map(|service| (service.service_id(), service.option()))
        .collect();
    assert_eq!(
        ids,
        [
            ("LeftLamp", Some("Master")),
            ("RightLamp", Some("Optional"))
        ]
    );
    assert_eq!(profile.service("RightLamp").unwrap().service_type(), "Lamp");
    assert!(profile.service("Lamp").is_none(), "the type is not the id");

    let profile = Profile::from_json(METER).unwrap();
    let battery = profile.service("MeterBattery").unwrap();
    let status = battery
        .properties()
        .iter()
        .find(|p| p.name == "batteryStatus")
        .unwrap();
    assert_eq!(
        status.rule.enum_list,
        [0, 1, 2, 3, 4, 5, 6].map(Value::from)
    );
    assert_eq!(
        (status.rule.max.clone(), status.rule.max_length),
        (Some(0.into()), Some(0))
    );
    assert_eq!(status.method.as_deref(), Some("RE"));
    let meter = profile.service("WaterMeter").unwrap();
    let expected: Vec<_> = meter
        .commands()
        .iter()
        .map(Command::expects_answer)
        .collect();
    assert_eq!(expected, [true, true, false]);
    assert_eq!(
        meter.command("SET_PERIOD").unwrap().responses[0].name,
        "SET_PERIOD_RSP"
    );
    assert!(meter.command("set_period").is_none());
}

#[test]
fn data_types_are_known_in_any_case_and_under_older_names() {
    for (name, data_type) in [
        ("INT", DataType::Int),
        ("Decimal", DataType::Decimal),
        ("double", DataType::Decimal),
        ("float", DataType::Decimal),
        ("number", DataType::Decimal),
        ("String", DataType::String),
        ("datetime", DataType::DateTime),
        ("JsonObject", DataType::JsonObject),
    ] {
        let document = changed(&format!("{PARA}/dataType"), json!(name));
        assert_eq!(period_para(&document).rule.data_type, data_type, "{name}");
    }
    let wrong = refusal(&changed(&format!("{PARA}/dataType"), json!("boolean")));
    let why = "dataType `boolean` is none of int, decimal, string, DateTime, jsonObject";
    assert_eq!(wrong, format!("{AT_PARA}{why}"));
}

#[test]
fn bounds_come_as_numbers_strings_or_null() {
    let document = changed(
        PARA,
        json!({"paraName": "value", "dataType": "int", "required": "TRUE", "min": "1", "max": "24.5", "step": "",
            "maxLength": "10", "unit": null, "enumList": null, "colour": {}}),
    );
    let rule = period_para(&document).rule;
    assert!(rule.required);
    assert_eq!(rule.min, Some(1.into()));
    assert_eq!(rule.max, serde_json::Number::from_f64(24.5));
    assert_eq!((rule.step, rule.max_length), (None, Some(10)));
    let bare = period_para(&changed(
        PARA,
        json!({"paraName": "value", "dataType": "int"}),
    ))
    .rule;
    assert!(!bare.required && bare.min.is_none() && bare.enum_list.is_empty());
}

fn refused(cases: impl IntoIterator<Item = (&'static str, Value, &'static str)>) {
    for (pointer, value, expected) in cases {
        assert_eq!(refusal(&changed(pointer, value)), expected);
    }
}

#[test]
fn a_refused_device_says_what_is_wrong() {
    refused([
        (
            "/devices",
            json!([]),
            "`devices` is missing or empty; it must hold one device",
        ),
        (
            "/devices",
            json!([{}, {}]),
            "`devices` holds 2 devices; a profile describes one",
        ),
        ("/devices/0", json!(7), "devices[0]: must be an object"),
        (
            "/devices/0/model",
            json!(7),
            "devices[0]: `model` must be a string",
        ),
        (
            "/devices/0/model",
            json!(" "),
            "devices[0]: `model` is empty",
        ),
        (
            "/devices/0/model",
            json!("a\u{0}"),
            "devices[0]: `model` contains a control character",
        ),
        (
            "/devices/0/manufacturerId",
            json!(null),
            "devices[0]: `manufacturerId` is missing",
        ),
        (
            "/devices/0/omCapability",
            json!("x"),
            "devices[0]: `omCapability` must be an object",
        ),
    ]);
}

#[test]
fn a_refused_service_list_says_which_service() {
    const LIST: &str = "/devices/0/serviceTypeCapabilities";
    const ID: &str = "/devices/0/serviceTypeCapabilities/1/serviceId";
    const TYPE: &str = "/devices/0/serviceTypeCapabilities/1/serviceType";
    const LONG: &str =
        "devices[0], serviceTypeCapabilities[1]: `serviceId` is longer than 64 characters";
    refused([
        (
            LIST,
            json!(null),
            "devices[0]: `serviceTypeCapabilities` is missing",
        ),
        (ID, json!("s".repeat(65)), LONG),
        (
            ID,
            json!("WaterMeter"),
            "devices[0], service `WaterMeter`: is described twice",
        ),
        (
            TYPE,
            json!("Solar"),
            "service `MeterBattery`: its serviceType `Solar` is not described",
        ),
        (
            "/services/1/serviceType",
            json!("WaterMeter"),
            "service `WaterMeter`: is described twice",
        ),
        (
            "/services/1/serviceType",
            json!(null),
            "services[1]: `serviceType` is missing",
        ),
    ]);
}

#[test]
fn a_refused_service_type_says_which_command_and_which_para() {
    const NAME: &str = "/services/0/commands/2/commandName";
    const PROPERTY: &str = "/services/0/properties/4/enumList";
    const RESULT: &str = "/services/0/commands/0/responses/0/paras/0/enumList";
    refused([
        (
            "/services/0/commands",
            json!({}),
            "service `WaterMeter`: `commands` must be an array",
        ),
        (
            NAME,
            json!(null),
            "service `WaterMeter`, commands[2]: `commandName` is missing",
        ),
        (
            NAME,
            json!("SET_PERIOD"),
            "service `WaterMeter`, command `SET_PERIOD`: is described twice",
        ),
        (
            PROPERTY,
            json!(["2015"]),
            "service `WaterMeter`, property `readAt`: enumList[0] is \"2015\", which is no DateTime",
        ),
        (
            RESULT,
            json!([0, "x"]),
            "service `WaterMeter`, command `SET_PERIOD`, response `SET_PERIOD_RSP`, para `result`: enumList[1] is \"x\", which is no int",
        ),
        (
            "/services/0/commands/0/paras/0/paraName",
            json!(null),
            "service `WaterMeter`, command `SET_PERIOD`, paras[0]: `paraName` is missing",
        ),
    ]);
}

#[test]
fn a_refused_rule_says_what_is_wrong_with_it() {
    for (member, value, expected) in [
        ("required", json!(1), "`required` must be true or false"),
        ("min", json!("one"), "`min` must be a number or null"),
        ("min", json!(25), "min 25 is greater than max 24"),
        ("step", json!(-1), "step -1 is negative"),
        (
            "maxLength",
            json!(-1),
            "`maxLength` must be a whole number from 0 to 4294967295",
        ),
        ("enumList", json!("1,2"), "`enumList` must be an array"),
        ("unit", json!({}), "`unit` must be a string"),
    ] {
        let refusal = refusal(&changed(&format!("{PARA}/{member}"), value));
        assert_eq!(refusal, format!("{AT_PARA}{expected}"));
    }
}

#[test]
fn a_refused_package_names_the_file() {
    let mut files = package();
    files[3].1 = b"{\"services\":[{\"serviceType\":\"Battery\",\"properties\":[{}]}]}".to_vec();
    let error = Profile::from_files(files).unwrap_err();
    assert_eq!(
        error.file(),
        Some("service/Battery/profile/servicetype-capability.json")
    );
    assert_eq!(error.what(), "`propertyName` is missing");
    assert_eq!(
        error.to_string(),
        "service/Battery/profile/servicetype-capability.json: service `Battery`, properties[0]: `propertyName` is missing"
    );

    let mut files = package();
    files[0].1 = b"{\"devices\":".to_vec();
    let error = Profile::from_files(files).unwrap_err().to_string();
    assert!(
        error.starts_with("profile/devicetype-capability.json: is not JSON: "),
        "{error}"
    );

    let mut files = package();
    files.push((
        "Profile/DeviceType-Capability.json".to_owned(),
        DEVICE.to_vec(),
    ));
    let error = Profile::from_files(files).unwrap_err().to_string();
    assert_eq!(
        error,
        "Profile/DeviceType-Capability.json: is the second devicetype-capability.json of the package"
    );

    let error = Profile::from_files(package().split_off(1))
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "the package holds no profile/devicetype-capability.json"
    );
}

#[test]
fn a_profile_meets_its_limits() {
    let para = |index: usize| json!({"paraName": format!("p{index}"), "dataType": "int"});
    let paras = |count: usize| {
        changed(
            "/services/0/commands/0/paras",
            (0..count).map(para).collect(),
        )
    };
    assert!(Profile::from_json(&paras(limits::PARAS_MAX)).is_ok());
    assert_eq!(
        refusal(&paras(limits::PARAS_MAX + 1)),
        "service `WaterMeter`, command `SET_PERIOD`: `paras` has 65 entries, more than 64"
    );

    let entries = |count: usize| changed(&format!("{PARA}/enumList"), (0..count).collect());
    assert!(Profile::from_json(&entries(limits::ENUM_ENTRIES_MAX)).is_ok());
    assert_eq!(
        refusal(&entries(limits::ENUM_ENTRIES_MAX + 1)),
        format!("{AT_PARA}`enumList` has 513 entries, more than 512")
    );

    let nested = |depth: usize| {
        let value = (0..depth).fold(json!(0), |inner, _| json!([inner]));
        changed("/devices/0/omCapability", json!({ "deep": value }))
    };
    assert!(Profile::from_json(&nested(limits::NESTING_MAX - 4)).is_ok());
    assert_eq!(
        refusal(&nested(limits::NESTING_MAX - 3)),
        "nests deeper than 32 levels"
    );
    assert_eq!(
        refusal(&b"[".repeat(limits::PROFILE_BYTES_MAX)),
        "nests deeper than 32 levels"
    );

    let long = b" ".repeat(limits::PROFILE_BYTES_MAX + 1);
    assert_eq!(
        refusal(&long),
        "has 2097153 bytes, more than the 2097152 left for it"
    );
    let many = (0..=limits::FILES_MAX).map(|index| (format!("codec/{index}"), b""));
    let error = Profile::from_files(many).unwrap_err().to_string();
    assert_eq!(error, "the package holds more than 2048 files");
}

#[test]
fn the_bytes_of_all_files_together_are_bounded() {
    let mut files = package();
    let padding = b" ".repeat(limits::FILE_BYTES_MAX - 4096);
    for (_, bytes) in &mut files {
        bytes.extend_from_slice(&padding);
    }
    let error = Profile::from_files(files).unwrap_err();
    assert!(error.what().starts_with("has "), "{error}");
    assert_eq!(
        error.file(),
        Some("service/Battery/profile/servicetype-capability.json")
    );
}

#[test]
fn a_type_that_no_service_uses_is_kept() {
    let document = changed("/devices/0/serviceTypeCapabilities", json!([]));
    let profile = Profile::from_json(&document).unwrap();
    assert_eq!(profile.services().count(), 0);
    assert_eq!(Profile::from_json(&profile.to_json()).unwrap(), profile);
}
