//! `openapi.json` is made of the types and their readers; this test compares, and with `UPDATE=1` in the environment it rewrites. And
//! the document is sound in itself: it keeps OpenAPI's rules, its references lead somewhere, its examples satisfy their schemas.

use std::collections::BTreeSet;
use std::{env, fs};

use api::paths::ROUTES;
use api::{Code, Operation};
use serde_json::Value;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json");
const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

#[test]
fn the_committed_document_is_what_the_code_says() {
    let expected = api::openapi::document();
    if env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::write(PAGE, expected).expect("the document can be written");
        return;
    }
    let found = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        found == expected,
        "openapi.json is not what the code says; run `UPDATE=1 cargo test -p api --test openapi_document` and commit it"
    );
}

fn document() -> Value {
    serde_json::from_str(&api::openapi::document()).expect("the document has it")
}

/// A response, which may be a reference.
fn response<'a>(document: &'a Value, response: &'a Value) -> &'a Value {
    match response["$ref"].as_str() {
        Some(reference) => document
            .pointer(&reference[1..])
            .expect("the document has it"),
        None => response,
    }
}

/// Every operation with its path and method, webhooks too.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let mut all = Vec::new();
    for part in ["paths", "webhooks"] {
        for (path, item) in document[part].as_object().expect("the document has it") {
            for (method, operation) in item.as_object().expect("the document has it") {
                assert!(METHODS.contains(&method.as_str()), "{path}: {method}");
                all.push((path.clone(), method.clone(), operation));
            }
        }
    }
    all
}

/// Every value of the document, with where it stands.
fn walk(value: &Value, at: &str, visit: &mut dyn FnMut(&str, &Value)) {
    visit(at, value);
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                let name = name.replace('~', "~0").replace('/', "~1");
                walk(inner, &format!("{at}/{name}"), visit);
            }
        }
        Value::Array(items) => {
            for (number, inner) in items.iter().enumerate() {
                walk(inner, &format!("{at}/{number}"), visit);
            }
        }
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    let document = document();
    let mut used = BTreeSet::new();
    walk(&document, "", &mut |at, value| {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
            return;
        };
        let pointer = reference
            .strip_prefix('#')
            .unwrap_or_else(|| panic!("{at}: {reference} leads out"));
        assert!(
            document.pointer(pointer).is_some(),
            "{at}: {reference} leads nowhere"
        );
        used.insert(reference.to_owned());
    });
    for part in ["schemas", "headers", "responses"] {
        for name in document["components"][part]
            .as_object()
            .expect("the document has it")
            .keys()
        {
            assert!(
                used.contains(&format!("#/components/{part}/{name}")),
                "{part}/{name} is not used"
            );
        }
    }
}

#[test]
fn operation_ids_are_unique_names_in_camel_case() {
    let document = document();
    let mut seen = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let id = operation["operationId"]
            .as_str()
            .expect("the document has it");
        let is_name = id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.bytes().all(|b| b.is_ascii_alphanumeric());
        assert!(is_name, "{method} {path}: {id}");
        assert!(seen.insert(id.to_owned()), "{id} stands twice");
    }
}

#[test]
fn every_route_is_described_once_with_its_success_and_old_paths_are_deprecated() {
    let document = document();
    let mut main: BTreeSet<Operation> = BTreeSet::new();
    for &(operation, path) in ROUTES {
        let method = operation.method().as_str().to_ascii_lowercase();
        let described = &document["paths"][path][&method];
        assert!(described.is_object(), "{method} {path}");
        assert!(
            described["responses"][operation.success().as_str()].is_object(),
            "{path}"
        );
        let name = described["x-contract-name"]
            .as_str()
            .expect("the document has it");
        assert_eq!(operation.name().split(' ').next(), Some(name));
        let is_alias = !main.insert(operation);
        let is_old = is_alias || operation.name().ends_with("v1.2.0");
        assert_eq!(described.get("deprecated").is_some(), is_old, "{path}");
        assert_eq!(described.get("x-alias-of").is_some(), is_alias, "{path}");
        let needs_key = described["parameters"].to_string().contains("\"app_key\"");
        assert_eq!(needs_key, operation.needs_token(), "{path}");
        assert_eq!(
            described["security"]
                .as_array()
                .expect("the document has it")
                .is_empty(),
            !operation.needs_token()
        );
    }
    let described = document["paths"]
        .as_object()
        .expect("the document has it")
        .values();
    let number: usize = described
        .map(|item| item.as_object().expect("the document has it").len())
        .sum();
    assert_eq!(number, ROUTES.len());
    assert_eq!(main.len(), Operation::ALL.len());
}

/// What OpenAPI 3.1 asks of an operation beyond its shape.
#[test]
fn parameters_and_responses_keep_the_rules_of_openapi() {
    let document = document();
    let tags: Vec<&Value> = document["tags"]
        .as_array()
        .expect("the document has it")
        .iter()
        .map(|tag| &tag["name"])
        .collect();
    for (path, method, operation) in operations(&document) {
        let place = format!("{method} {path}");
        let no_parameters = Vec::new();
        let parameters = operation
            .get("parameters")
            .and_then(Value::as_array)
            .unwrap_or(&no_parameters);
        let mut seen = BTreeSet::new();
        for parameter in parameters {
            let (name, lies_in) = (
                parameter["name"].as_str().expect("the document has it"),
                parameter["in"].as_str().expect("the document has it"),
            );
            assert!(seen.insert((name, lies_in)), "{place}: {name} twice");
            assert!(
                parameter["schema"].is_object() && parameter["description"].is_string(),
                "{place}: {name}"
            );
            assert_eq!(
                lies_in == "path",
                path.contains(&format!("{{{name}}}")),
                "{place}: {name}"
            );
            assert!(lies_in != "path" || parameter["required"] == true);
        }
        assert_eq!(
            path.matches('{').count(),
            seen.iter()
                .filter(|(_, lies_in)| *lies_in == "path")
                .count()
        );
        assert!(tags.contains(&&operation["tags"][0]), "{place}");
        for (status, shown) in operation["responses"]
            .as_object()
            .expect("the document has it")
        {
            let response = response(&document, shown);
            assert!(
                status == "2XX" || status.parse::<u16>().is_ok_and(|s| (200..600).contains(&s)),
                "{place}: {status}"
            );
            assert!(response["description"].is_string(), "{place}: {status}");
            assert_eq!(
                response.get("content").is_none(),
                ["204", "2XX"].contains(&status.as_str()),
                "{place}: {status}"
            );
        }
        let has_body = ["post", "put"].contains(&method.as_str());
        assert_eq!(operation.get("requestBody").is_some(), has_body, "{place}");
    }
}

#[test]
fn every_code_of_a_table_stands_at_its_status_and_in_the_schema_there() {
    let document = document();
    for &operation in Operation::ALL {
        let (_, path) = ROUTES
            .iter()
            .find(|(served, _)| *served == operation)
            .expect("the document has it");
        let method = operation.method().as_str().to_ascii_lowercase();
        let responses = &document["paths"][path][&method]["responses"];
        for (_, codes) in operation.table() {
            for code in *codes {
                let status = operation.documented_status(*code);
                let response = response(&document, &responses[status.as_str()]);
                let has = |list: &Value| {
                    list.as_array()
                        .expect("the document has it")
                        .contains(&code.number().into())
                };
                assert!(
                    has(&response["x-error-codes"]),
                    "{} {code}",
                    operation.name()
                );
                let schema = &response["content"]["application/json"]["schema"];
                let error = schema.get("oneOf").map_or(schema, |either| &either[1]);
                assert!(
                    has(&error["allOf"][1]["properties"]["error_code"]["enum"]),
                    "{} {code}",
                    operation.name()
                );
                assert_eq!(
                    schema.get("oneOf").is_some(),
                    status == operation.success(),
                    "{} {code}",
                    operation.name()
                );
            }
        }
    }
    let codes = document["components"]["x-codes"]
        .as_array()
        .expect("the document has it");
    assert_eq!(codes.len(), Code::ALL.len());
}

#[test]
fn schemas_are_json_schema_and_examples_satisfy_theirs() {
    let document = document();
    let mut compiled = 0;
    let mut judge = |at: &str, schema: &Value| -> jsonschema::Validator {
        assert!(
            jsonschema::draft202012::meta::is_valid(schema),
            "{at}: no JSON Schema"
        );
        let mut whole = schema.clone();
        whole["components"] = document["components"].clone();
        compiled += 1;
        jsonschema::draft202012::new(&whole).unwrap_or_else(|error| panic!("{at}: {error}"))
    };
    walk(&document, "", &mut |at, value| {
        let Some(schema) = value.get("schema") else {
            return;
        };
        let validator = judge(at, schema);
        if let Some(example) = value.get("example") {
            assert!(validator.is_valid(example), "{at}: {example}");
        }
        let Some(examples) = value.get("examples").and_then(Value::as_object) else {
            return;
        };
        for (name, example) in examples {
            let errors: Vec<String> = validator
                .iter_errors(&example["value"])
                .map(|e| e.to_string())
                .collect();
            assert!(errors.is_empty(), "{at} {name}: {errors:?}");
        }
    });
    for (name, schema) in document["components"]["schemas"]
        .as_object()
        .expect("the document has it")
    {
        let validator = judge(name, schema);
        for example in schema
            .get("examples")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            assert!(validator.is_valid(example), "{name}: {example}");
        }
    }
    assert!(compiled > 100, "{compiled}");
}

#[test]
fn every_member_is_described() {
    let document = document();
    for (name, schema) in document["components"]["schemas"]
        .as_object()
        .expect("the document has it")
    {
        assert!(schema["description"].is_string(), "{name}");
        for (member, schema) in schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            assert!(schema["description"].is_string(), "{name}.{member}");
        }
        let no_description = schema["enum"].as_array().into_iter().flatten().any(|word| {
            schema["x-enum-descriptions"][word.as_str().expect("the document has it")].is_null()
        });
        assert!(!no_description, "{name}");
    }
}
