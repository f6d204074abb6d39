//! Whether every parameter, and every member of every request and answer, stands in the scenario: so that no client library can have lost one.

use super::complete::{DOCUMENT, steps};
use super::steps::{Call, Expect, Kind};
use serde_json::Value;
use std::collections::BTreeSet;

/// Members of answers that the scenario cannot see, and why.
const UNSEEN: [(&str, &[&str], &str); 4] = [
    (
        "DeviceAnswer",
        &["creationTime"],
        "in answers at the old paths only",
    ),
    (
        "DeviceInfo",
        &[
            "batteryLevel",
            "bridgeId",
            "fwVersion",
            "hwVersion",
            "isHD",
            "mac",
            "serialNumber",
            "sigVersion",
            "signalStrength",
            "swVersion",
        ],
        "nothing tells them: they are null",
    ),
    (
        "DeviceService",
        &["data", "eventTime", "serviceType"],
        "`device play` reports nothing",
    ),
    (
        "RegisterWithSecretAnswer",
        &["psk", "verifyCode"],
        "of the old mode",
    ),
];

type Seen = BTreeSet<(String, String)>;

struct Document(Value);

impl Document {
    fn read() -> Self {
        Self(serde_json::from_str(DOCUMENT).expect("JSON"))
    }

    fn operation(&self, id: &str) -> &Value {
        let paths = self.0["paths"].as_object().expect("paths");
        let mut all = paths
            .values()
            .flat_map(|path| path.as_object().expect("methods").values());
        all.find(|operation| operation["operationId"] == id)
            .expect("an operation")
    }

    /// What a reference leads to.
    fn at(&self, reference: &str) -> &Value {
        let pointer = reference
            .strip_prefix('#')
            .expect("a reference within the document");
        self.0.pointer(pointer).expect("it leads somewhere")
    }

    fn request(&self, id: &str) -> Option<&Value> {
        schema_of(self.operation(id).get("requestBody")?)
    }

    fn answer(&self, id: &str) -> Option<&Value> {
        let operation = self.operation(id);
        let response = &operation["responses"][operation["x-success"].to_string()];
        let response = response["$ref"]
            .as_str()
            .map_or(response, |reference| self.at(reference));
        schema_of(response)
    }

    /// All members below a schema, each once, by the name of its object.
    fn declared(&self, schema: &Value, found: &mut Seen) {
        for part in parts(schema) {
            if let Some(items) = part.get("items") {
                self.declared(items, found);
            }
            let Some(reference) = part["$ref"].as_str() else {
                continue;
            };
            for (name, member) in members(self.at(reference)) {
                if found.insert((object(reference), name.clone())) {
                    self.declared(member, found);
                }
            }
        }
    }

    /// The members below a schema that a value has.
    fn there(&self, schema: &Value, value: &Value, found: &mut Seen) {
        for part in parts(schema) {
            if let (Some(schema), Value::Array(items)) = (part.get("items"), value) {
                for item in items {
                    self.there(schema, item, found);
                }
            }
            let Some(reference) = part["$ref"].as_str() else {
                continue;
            };
            for (name, member) in members(self.at(reference)) {
                if let Some(value) = value.get(name).filter(|value| !value.is_null()) {
                    found.insert((object(reference), name.clone()));
                    self.there(member, value, found);
                }
            }
        }
    }
}

fn schema_of(content: &Value) -> Option<&Value> {
    let mut kinds = content["content"].as_object()?.values();
    kinds.next()?.get("schema")
}

/// A schema, and those that it chooses from.
fn parts(schema: &Value) -> Vec<&Value> {
    let choices = ["anyOf", "oneOf", "allOf"]
        .iter()
        .filter_map(|name| schema[*name].as_array());
    std::iter::once(schema).chain(choices.flatten()).collect()
}

fn members(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

fn object(reference: &str) -> String {
    reference.rsplit('/').next().expect("a name").to_owned()
}

/// The calls that succeed, with what is given and what is expected.
fn calls() -> Vec<(Call, Option<Value>)> {
    let calls = steps().into_iter().filter_map(|step| match step.kind {
        Kind::Call(call) => Some(call),
        _ => None,
    });
    let calls = calls.filter_map(|call| match call.expect.clone() {
        Expect::Success { body, .. } => Some((call, body)),
        Expect::Refusal { .. } => None,
    });
    calls.collect()
}

#[test]
fn every_member_of_every_request_is_given() {
    let document = Document::read();
    let (mut declared, mut there) = (Seen::new(), Seen::new());
    for (call, _) in calls() {
        let Some(schema) = document.request(&call.operation) else {
            continue;
        };
        document.declared(schema, &mut declared);
        document.there(
            schema,
            call.args.get("body").unwrap_or(&Value::Null),
            &mut there,
        );
    }
    assert!(declared.len() > 50, "{declared:?}");
    assert_eq!(
        declared.difference(&there).collect::<Vec<_>>(),
        Vec::<&(String, String)>::new()
    );
}

#[test]
fn every_member_of_every_answer_is_expected() {
    let document = Document::read();
    let (mut declared, mut there) = (Seen::new(), Seen::new());
    for (call, body) in calls() {
        let Some(schema) = document.answer(&call.operation) else {
            continue;
        };
        document.declared(schema, &mut declared);
        document.there(schema, &body.unwrap_or_default(), &mut there);
    }
    declared.retain(|(object, _)| object != "ErrorBody");
    let unseen: Seen = UNSEEN
        .iter()
        .flat_map(|(object, members, _)| {
            members
                .iter()
                .map(|member| ((*object).to_owned(), (*member).to_owned()))
        })
        .collect();
    assert!(declared.len() > 50, "{declared:?}");
    let missing: Seen = declared.difference(&there).cloned().collect();
    assert_eq!(missing, unseen);
}

#[test]
fn every_parameter_is_given() {
    let document = Document::read();
    let mut given = BTreeSet::new();
    let mut wanted = BTreeSet::new();
    for (call, _) in calls() {
        let of_call = |name: &str| format!("{} {name}", call.operation);
        given.extend(
            call.args
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, _)| of_call(name)),
        );
        let parameters = document.operation(&call.operation)["parameters"].as_array();
        let names = parameters
            .into_iter()
            .flatten()
            .filter_map(|parameter| parameter["name"].as_str());
        wanted.extend(names.filter(|name| *name != "app_key").map(of_call));
    }
    assert!(wanted.len() > 50, "{wanted:?}");
    assert_eq!(
        wanted.difference(&given).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
}
