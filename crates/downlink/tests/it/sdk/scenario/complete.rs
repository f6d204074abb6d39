//! Whether the scenario holds all that it is to: every operation, every code of the two operations that the issue names, every callback.

use super::steps::{Expect, Kind, Step};
use super::{Scenario, bare};
use sdk::api::callbacks::{COMMAND_RSP, MESSAGE_CONFIRM};
use sdk::api::commands::CommandStatus;
use sdk::api::{Code, Operation};
use serde_json::Value;
use std::collections::BTreeSet;

pub(super) const DOCUMENT: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json"));

pub(super) fn steps() -> Vec<Step> {
    let scenario = Scenario::read();
    let steps = scenario.steps.iter().map(Step::read);
    steps.collect::<Result<_, _>>().expect("steps")
}

#[test]
fn every_operation_succeeds_at_least_once() {
    let document: Value = serde_json::from_str(DOCUMENT).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths
        .values()
        .flat_map(|path| path.as_object().expect("methods").values());
    let wanted: BTreeSet<&str> = operations
        .filter(|operation| operation.get("x-alias-of").is_none())
        .filter_map(|operation| operation["operationId"].as_str())
        .collect();
    let of_api: BTreeSet<&str> = Operation::ALL
        .iter()
        .map(|operation| operation.id())
        .collect();
    assert_eq!(wanted, of_api);
    let steps = steps();
    let there: BTreeSet<&str> = steps
        .iter()
        .filter_map(|step| match &step.kind {
            Kind::Call(call) if matches!(call.expect, Expect::Success { .. }) => {
                Some(call.operation.as_str())
            }
            _ => None,
        })
        .collect();
    assert_eq!(there, wanted);
}

#[test]
fn every_code_that_the_two_operations_send_is_caused() {
    let document: Value = serde_json::from_str(DOCUMENT).expect("JSON");
    let codes = document["components"]["x-codes"].as_array().expect("codes");
    let steps = steps();
    for operation in [
        Operation::InvokeDeviceService,
        Operation::UpdateDeviceCommand,
    ] {
        let is_sent = |code: &&Value| code["operations"][operation.id()]["sent"] == true;
        let wanted: BTreeSet<&str> = codes
            .iter()
            .filter(is_sent)
            .filter_map(|code| code["number"].as_str())
            .filter(|number| !bare::CODES.map(Code::number).contains(number))
            .collect();
        assert!(wanted.len() > 10, "{wanted:?}");
        // What its own table has is sent, or said to be never.
        let table = operation.table().iter().flat_map(|(_, codes)| *codes);
        for code in table.filter(|code| !bare::CODES.contains(code)) {
            let number = code.number();
            let entry = codes.iter().find(|entry| entry["number"] == number);
            let sent = &entry.expect("the document has it")["operations"][operation.id()]["sent"];
            assert_eq!(sent, wanted.contains(number), "{number}");
        }
        let there: BTreeSet<&str> = steps
            .iter()
            .filter_map(|step| match &step.kind {
                Kind::Call(call) if call.operation == operation.id() => Some(&call.expect),
                _ => None,
            })
            .filter_map(|expect| match expect {
                Expect::Refusal { code, .. } => Some(code.as_str()),
                Expect::Success { .. } => None,
            })
            .collect();
        assert_eq!(there, wanted, "{}", operation.name());
    }
}

#[test]
fn every_callback_is_expected() {
    let mut there = BTreeSet::new();
    for step in steps() {
        let Kind::Callbacks(_, expect) = step.kind else {
            continue;
        };
        for callback in expect {
            let kind = [
                callback.pointer("/result/resultCode"),
                callback.get("notifyType"),
            ];
            let kind = kind.into_iter().flatten().next().and_then(Value::as_str);
            there.insert(kind.expect("its kind").to_owned());
        }
    }
    let document: Value = serde_json::from_str(DOCUMENT).expect("JSON");
    let statuses = &document["components"]["schemas"]["CommandStatus"]["enum"];
    let statuses = statuses.as_array().expect("words").iter();
    let wanted = statuses
        .map(|status| status.as_str().expect("a word"))
        .filter(|status| *status != CommandStatus::Pending.as_str())
        .chain([MESSAGE_CONFIRM, COMMAND_RSP]);
    assert_eq!(there, wanted.map(str::to_owned).collect());
}
