//! Commands, answers and reports against the sample profiles.

#![expect(
    clippy::unwrap_used,
    reason = "the lint knows the tests, not what they share"
)]

use profile::{Fault, Map, Profile};
use serde_json::{Value, json};

fn meter() -> Profile {
    Profile::from_json(include_bytes!("../samples/water-meter.json")).unwrap()
}

fn lamp() -> Profile {
    Profile::from_json(include_bytes!("../samples/street-lamp.json")).unwrap()
}

fn map(value: Value) -> Map {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

fn check(profile: &Profile, service: &str, method: &str, paras: Value) -> Result<Value, String> {
    let command = profile.service(service).unwrap().command(method).unwrap();
    command
        .check(&map(paras))
        .map(Value::Object)
        .map_err(|fault| fault.to_string())
}

fn said(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(Fault::to_string).collect()
}

/// A profile whose command `DO` has this one parameter.
fn with_para(para: &Value) -> Profile {
    let document = json!({
        "devices": [{"manufacturerId": "m", "manufacturerName": "m", "model": "1", "protocolType": "MQTT",
            "deviceType": "T", "serviceTypeCapabilities": [{"serviceId": "S", "serviceType": "S"}]}],
        "services": [{"serviceType": "S", "commands": [{"commandName": "DO", "paras": [para]}]}],
    });
    Profile::from_json(document.to_string().as_bytes()).unwrap()
}

fn check_one(mut para: Value, value: &Value) -> Result<Value, String> {
    para["paraName"] = json!("v");
    check(&with_para(&para), "S", "DO", json!({ "v": value })).map(|mut paras| paras["v"].take())
}

#[test]
fn numeric_strings_and_whole_decimals_become_integers() {
    for value in [json!(12), json!("12"), json!(12.0), json!("12.0")] {
        let paras = check(
            &meter(),
            "WaterMeter",
            "SET_PERIOD",
            json!({ "value": value }),
        );
        assert_eq!(paras.unwrap().to_string(), r#"{"value":12}"#);
    }
}

#[test]
fn a_faulty_para_is_named_with_the_reason() {
    for (paras, expected) in [
        (json!({}), "`value` is missing"),
        (json!({"value": null}), "`value` is missing"),
        (json!({"value": 0}), "`value` must be from 1 to 24"),
        (json!({"value": "25"}), "`value` must be from 1 to 24"),
        (json!({"value": 1.5}), "`value` must be a whole number"),
        (json!({"value": true}), "`value` must be a whole number"),
        (json!({"value": "twelve"}), "`value` must be a whole number"),
        (
            json!({"value": 3, "valu": 3}),
            "`valu` is not defined by the profile",
        ),
    ] {
        assert_eq!(
            check(&meter(), "WaterMeter", "SET_PERIOD", paras).unwrap_err(),
            expected
        );
    }
    for edge in [1, 24] {
        assert!(
            check(
                &meter(),
                "WaterMeter",
                "SET_PERIOD",
                json!({ "value": edge })
            )
            .is_ok()
        );
    }
}

#[test]
fn a_command_without_paras_takes_none() {
    assert_eq!(
        check(&meter(), "WaterMeter", "CLOSE_VALVE", json!({})).unwrap(),
        json!({})
    );
    let extra = check(&meter(), "WaterMeter", "CLOSE_VALVE", json!({"now": null}));
    assert_eq!(extra.unwrap_err(), "`now` is not defined by the profile");
}

#[test]
fn optional_paras_may_be_absent_or_null() {
    let paras = check(
        &lamp(),
        "RightLamp",
        "DIM",
        json!({"level": "55", "ramp": null}),
    );
    assert_eq!(paras.unwrap(), json!({"level": 55}));
    let paras = check(
        &lamp(),
        "RightLamp",
        "DIM",
        json!({"level": 55, "ramp": "0.3"}),
    );
    assert_eq!(paras.unwrap(), json!({"level": 55, "ramp": 0.3}));
}

#[test]
fn steps_count_from_the_least_value() {
    let fault = check(&lamp(), "LeftLamp", "DIM", json!({"level": 52})).unwrap_err();
    assert_eq!(fault, "`level` must be in steps of 5 from 0");
    let fault = check(
        &lamp(),
        "LeftLamp",
        "DIM",
        json!({"level": 50, "ramp": 0.25}),
    )
    .unwrap_err();
    assert_eq!(fault, "`ramp` must be in steps of 0.1 from 0");
    let rule = json!({"dataType": "int", "min": 3, "step": 4});
    assert_eq!(check_one(rule.clone(), &json!(11)), Ok(json!(11)));
    assert_eq!(
        check_one(rule, &json!(12)).unwrap_err(),
        "`v` must be in steps of 4 from 3"
    );
    assert_eq!(
        check_one(json!({"dataType": "int", "step": 0}), &json!(7)),
        Ok(json!(7))
    );
}

#[test]
fn an_enum_list_decides_alone() {
    assert!(check(&lamp(), "LeftLamp", "SWITCH", json!({"state": "OFF"})).is_ok());
    let fault = check(&lamp(), "LeftLamp", "SWITCH", json!({"state": "off"})).unwrap_err();
    assert_eq!(fault, "`state` must be ON or OFF");

    let zeros =
        json!({"dataType": "int", "min": 0, "max": 0, "step": 0, "enumList": ["0", 6, 7.0]});
    for value in [json!(0), json!("6"), json!(7)] {
        assert!(check_one(zeros.clone(), &value).is_ok(), "{value}");
    }
    assert_eq!(
        check_one(zeros, &json!(5)).unwrap_err(),
        "`v` must be 0 or 6 or 7.0"
    );
    let long = json!({"dataType": "string", "maxLength": 1, "enumList": ["far", 5]});
    assert_eq!(check_one(long.clone(), &json!("far")), Ok(json!("far")));
    assert_eq!(check_one(long, &json!("5")), Ok(json!("5")));
    let many = json!({"dataType": "int", "enumList": [1, 2, 3, 4, 5, 6, 7, 8, 9]});
    let fault = check_one(many, &json!(0)).unwrap_err();
    assert_eq!(
        fault,
        "`v` must be 1 or 2 or 3 or 4 or 5 or 6 or 7 or 8 or another of its list"
    );
}

#[test]
fn zeros_bound_a_number_but_not_a_string() {
    let text = json!({"dataType": "string", "min": 0, "max": 0, "step": 0, "maxLength": 0});
    assert_eq!(
        check_one(text, &json!("any length")),
        Ok(json!("any length"))
    );
    let number = json!({"dataType": "decimal", "min": 0, "max": 0});
    assert_eq!(check_one(number.clone(), &json!(0)), Ok(json!(0)));
    assert_eq!(check_one(number, &json!(0.5)).unwrap_err(), "`v` must be 0");
}

#[test]
fn one_sided_ranges_say_so() {
    let least = json!({"dataType": "int", "min": 2});
    assert_eq!(
        check_one(least, &json!(1)).unwrap_err(),
        "`v` must be at least 2"
    );
    let most = json!({"dataType": "decimal", "max": 2.5});
    assert_eq!(check_one(most.clone(), &json!(2.5)), Ok(json!(2.5)));
    assert_eq!(
        check_one(most, &json!("2.51")).unwrap_err(),
        "`v` must be at most 2.5"
    );
}

#[test]
fn lengths_count_characters() {
    let text = json!({"dataType": "string", "maxLength": 3});
    assert_eq!(check_one(text.clone(), &json!("äöü")), Ok(json!("äöü")));
    assert_eq!(
        check_one(text.clone(), &json!("abcd")).unwrap_err(),
        "`v` must be at most 3 characters long"
    );
    assert_eq!(
        check_one(text, &json!(3)).unwrap_err(),
        "`v` must be a string"
    );
    let object = json!({"dataType": "jsonObject", "maxLength": 9});
    assert_eq!(
        check_one(object.clone(), &json!({"a": 123})),
        Ok(json!({"a": 123}))
    );
    assert_eq!(
        check_one(object, &json!({"a": 1234})).unwrap_err(),
        "`v` must be at most 9 characters long"
    );
}

#[test]
fn times_and_objects_are_checked_for_their_form() {
    let paras = json!({"from": "20240229T063000Z", "steps": {"06": 40, "22": [100]}});
    assert_eq!(check(&lamp(), "LeftLamp", "PLAN", paras.clone()), Ok(paras));
    let fault = check(
        &lamp(),
        "LeftLamp",
        "PLAN",
        json!({"from": "20230229T063000Z", "steps": {}}),
    );
    assert_eq!(
        fault.unwrap_err(),
        "`from` must be a time such as 20151212T121212Z"
    );
    let fault = check(
        &lamp(),
        "LeftLamp",
        "PLAN",
        json!({"from": "20240229T063000Z", "steps": []}),
    );
    assert_eq!(fault.unwrap_err(), "`steps` must be a JSON object");
}

#[test]
fn a_foreign_name_is_cut_in_the_message() {
    let name = format!("a\n{}", "b".repeat(10_000));
    let fault = check(&meter(), "WaterMeter", "CLOSE_VALVE", json!({ name: 1 })).unwrap_err();
    assert!(fault.starts_with("`a?bbb") && fault.len() < 200, "{fault}");
}

#[test]
fn r1_7_a_result_is_expected_when_the_command_has_responses() {
    let (meter, lamp) = (meter(), lamp());
    assert!(
        meter
            .service("WaterMeter")
            .unwrap()
            .command("SET_PERIOD")
            .unwrap()
            .expects_answer()
    );
    assert!(
        !meter
            .service("WaterMeter")
            .unwrap()
            .command("CLOSE_VALVE")
            .unwrap()
            .expects_answer()
    );
    assert!(
        !lamp
            .service("LeftLamp")
            .unwrap()
            .command("PLAN")
            .unwrap()
            .expects_answer()
    );
}

#[test]
fn an_answer_is_flagged_against_its_only_response() {
    let profile = meter();
    let command = profile
        .service("WaterMeter")
        .unwrap()
        .command("SET_PERIOD")
        .unwrap();
    for clean in [json!({"result": 0}), json!({"result": "1"})] {
        assert_eq!(command.check_answer(&map(clean)), []);
    }
    let faults = command.check_answer(&map(json!({"result": 2})));
    assert_eq!(said(&faults), ["`result` must be 0 or 1"]);
    let faults = command.check_answer(&map(json!({"outcome": 0})));
    assert_eq!(
        said(&faults),
        [
            "`result` is missing",
            "`outcome` is not defined by the profile"
        ]
    );
}

#[test]
fn of_several_responses_the_best_match_counts() {
    let profile = lamp();
    let command = profile.service("LeftLamp").unwrap().command("DIM").unwrap();
    assert_eq!(command.check_answer(&map(json!({"fault": "driver"}))), []);
    assert_eq!(
        command.check_answer(&map(json!({"level": 40, "watts": 12.5}))),
        []
    );
    let faults = command.check_answer(&map(json!({"level": 101})));
    assert_eq!(said(&faults), ["`level` must be from 0 to 100"]);
    let faults = command.check_answer(&map(json!({})));
    assert_eq!(
        said(&faults),
        ["`level` is missing"],
        "DIM_RSP is meant when both fit as badly"
    );
}

#[test]
fn an_answer_that_was_not_expected_is_not_judged() {
    let profile = meter();
    let command = profile
        .service("WaterMeter")
        .unwrap()
        .command("CLOSE_VALVE")
        .unwrap();
    assert_eq!(command.check_answer(&map(json!({"anything": 1}))), []);
}

#[test]
fn a_report_is_flagged_for_what_it_says() {
    let profile = meter();
    let meter = profile.service("WaterMeter").unwrap();
    let clean = json!({"volume": 12.345, "valve": "open", "flow": null});
    assert_eq!(meter.check_report(&map(clean)), []);
    let faults = meter.check_report(&map(json!({"volume": -1, "valve": "ajar", "wind": 3})));
    assert_eq!(
        said(&faults),
        [
            "`volume` must be from 0 to 99999999",
            "`valve` must be open or closed",
            "`wind` is not defined by the profile"
        ]
    );
    let battery = profile.service("MeterBattery").unwrap();
    assert_eq!(
        battery.check_report(&map(json!({"batteryStatus": 6, "batteryLevel": 88}))),
        []
    );
}

#[test]
fn the_faults_of_a_report_are_bounded() {
    let profile = meter();
    let report: Map = (0..1_000)
        .map(|index| (format!("p{index}"), json!(0)))
        .collect();
    let faults = profile.service("WaterMeter").unwrap().check_report(&report);
    assert_eq!(faults.len(), profile::limits::FAULTS_MAX);
}
