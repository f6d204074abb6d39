//! What an operation answers: its success, and each status of errors with the codes that come with it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::articles::{Article, happens, never};
use super::components::{Components, reference};
use crate::{Code, ErrorBody, ErrorStatus, Failure, GatewayBody, Operation};

const REQUEST_ID: &str = "#/components/headers/x-request-id";
const RETRY_AFTER: &str = "#/components/headers/Retry-After";
const ALLOW: &str = "#/components/headers/Allow";

/// The codes of one status, in either setting of `error_status`.
#[derive(Default)]
struct Row {
    documented: Vec<Code>,
    http: Vec<Code>,
}

impl Row {
    /// All of them, in the order of [`Code::ALL`].
    fn all(&self) -> Vec<Code> {
        let all = Code::ALL.iter().copied();
        all.filter(|code| self.documented.contains(code) || self.http.contains(code))
            .collect()
    }
}

/// The responses of an operation by status; `answer` is the schema and an example of its success.
pub(super) fn of(operation: Operation, answer: Option<&(Value, Vec<Value>)>) -> Map<String, Value> {
    let mut rows: BTreeMap<u16, Row> = BTreeMap::new();
    for &code in Code::ALL {
        if !(operation.lists(code) || happens(operation, code)) {
            continue;
        }
        let status = |mode| Failure::new(code).status(Some(operation), mode).as_u16();
        let row = rows.entry(status(ErrorStatus::Documented)).or_default();
        row.documented.push(code);
        let row = rows.entry(status(ErrorStatus::Http)).or_default();
        row.http.push(code);
    }
    let success = operation.success();
    let mut responses = Map::new();
    let with_success = rows.remove(&success.as_u16());
    responses.insert(
        success.as_str().to_owned(),
        successful(operation, answer, with_success.as_ref()),
    );
    for (status, row) in &rows {
        responses.insert(status.to_string(), refused(operation, *status, row));
    }
    responses
}

/// References to the responses of an operation, which its old paths share.
pub(super) fn references(
    operation: Operation,
    id: &str,
    answer: Option<&(Value, Vec<Value>)>,
) -> Value {
    let refer = |status: &String| json!({"$ref": format!("#/components/responses/{id}.{status}")});
    let all = of(operation, answer);
    Value::Object(
        all.keys()
            .map(|status| (status.clone(), refer(status)))
            .collect(),
    )
}

/// The success; a status that may carry an error instead is one of two.
fn successful(
    operation: Operation,
    answer: Option<&(Value, Vec<Value>)>,
    row: Option<&Row>,
) -> Value {
    let description = match operation.success() {
        StatusCode::NO_CONTENT => "Done. No body, no `Content-Type`.",
        StatusCode::CREATED => "Created, and on disk.",
        StatusCode::ACCEPTED => "The call is taken on, and on disk.",
        _ if answer.is_none() => "Done. The body is empty.",
        _ => "The answer.",
    };
    if answer.is_none() && operation.success() == StatusCode::NO_CONTENT {
        return json!({ "description": description });
    }
    // A 200 always has a `Content-Type`; an empty body is a text without characters (R3.11).
    let nothing = (json!({"type": "string", "maxLength": 0}), vec!["".into()]);
    let (schema, samples) = answer.unwrap_or(&nothing);
    let mut schema = schema.clone();
    let mut examples = Map::new();
    for (number, sample) in samples.iter().enumerate() {
        examples.insert(format!("answer{}", number + 1), json!({ "value": sample }));
    }
    let mut response = json!({});
    let mut description = description.to_owned();
    if let Some(row) = row {
        schema = json!({"oneOf": [schema, error_schema(row)]});
        examples.extend(error_examples(operation, row));
        description.push_str(" **Or an error: look at `error_code` first.**\n\n");
        description.push_str(&list(operation, row));
        note_codes(&mut response, operation, row);
        response["headers"] = headers(row);
    }
    response["description"] = description.into();
    response["content"] = json!({"application/json": {"schema": schema, "examples": examples}});
    response
}

fn refused(operation: Operation, status: u16, row: &Row) -> Value {
    let reason = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default();
    let only = match (row.documented.is_empty(), row.http.is_empty()) {
        (true, _) => " Under `error_status = http` only.",
        (_, true) => " Under `error_status = documented` only.",
        (false, false) => "",
    };
    let mut response = json!({
        "description": format!("{reason}.{only}\n\n{}", list(operation, row)),
        "headers": headers(row),
        "content": {"application/json": {
            "schema": error_schema(row),
            "examples": error_examples(operation, row)
        }}
    });
    note_codes(&mut response, operation, row);
    response
}

/// `x-error-codes`: those of this status as documented; beside them those of the other setting, and those that are never sent.
fn note_codes(response: &mut Value, operation: Operation, row: &Row) {
    let silent: Vec<Code> = row
        .all()
        .into_iter()
        .filter(|code| !happens(operation, *code))
        .collect();
    response["x-error-codes"] = numbers(&row.documented);
    response["x-error-codes-http"] = numbers(&row.http);
    if !silent.is_empty() {
        response["x-never-sent"] = numbers(&silent);
    }
}

fn numbers(codes: &[Code]) -> Value {
    codes.iter().map(|code| code.number()).collect()
}

/// A line for each code.
fn list(operation: Operation, row: &Row) -> String {
    let mut lines = String::new();
    for code in row.all() {
        let note = match never(operation, code) {
            Some(why) => format!("Listed, never sent: {why}."),
            None => code.meaning().to_owned(),
        };
        let setting = match (row.documented.contains(&code), row.http.contains(&code)) {
            (true, false) => " (`documented` only)",
            (false, true) => " (`http` only)",
            (_, _) => "",
        };
        writeln!(lines, "- `{}`{setting} {note}", code.number()).expect("a string grows");
    }
    lines
}

/// An error whose code is one of these. The gateway's two may come without `error_code` (`gateway_exact`).
fn error_schema(row: &Row) -> Value {
    let codes = row.all();
    let gateway: Vec<Code> = codes
        .iter()
        .copied()
        .filter(|code| code.is_gateway())
        .collect();
    let mut properties = json!({"error_code": {"enum": numbers(&codes)}});
    if !gateway.is_empty() {
        properties["resultcode"] = json!({"enum": numbers(&gateway)});
    }
    json!({"allOf": [reference("ErrorBody"), {"properties": properties}]})
}

fn error_examples(operation: Operation, row: &Row) -> Map<String, Value> {
    let sent = row
        .all()
        .into_iter()
        .filter(|code| happens(operation, *code));
    sent.map(|code| {
        let body = Failure::new(code).body(Some(operation), GatewayBody::Both);
        let body = serde_json::to_value(body).expect("an error serialises");
        (code.number().to_owned(), json!({"value": body}))
    })
    .collect()
}

fn headers(row: &Row) -> Value {
    let mut headers = json!({"x-request-id": {"$ref": REQUEST_ID}});
    if row.all().iter().any(|code| has_retry_after(*code)) {
        headers["Retry-After"] = json!({"$ref": RETRY_AFTER});
    }
    headers
}

const fn has_retry_after(code: Code) -> bool {
    matches!(code, Code::Throttled | Code::FlowControlled)
}

/// Headers that errors may have.
pub(super) fn header_components() -> Value {
    json!({
        "x-request-id": {
            "description": "Names the request in the platform's log. On every error.",
            "required": true,
            "schema": {"type": "string", "pattern": "^[0-9a-f]{16}-[0-9]+$"}
        },
        "Retry-After": {
            "description": "When to come again. On 1010009 and 100501.",
            "schema": {"type": "integer", "minimum": 0, "x-unit": "seconds"}
        },
        "Allow": {
            "description": "The methods that the address takes. On 190405.",
            "required": true,
            "schema": {"type": "string"}
        }
    })
}

/// What answers a request that belongs to no operation (R3.4).
pub(super) fn response_components() -> Value {
    let response = |code: Code, headers: Value| {
        let mut row = Row::default();
        row.documented.push(code);
        let body = Failure::new(code).body(None, GatewayBody::Both);
        json!({
            "description": code.meaning(),
            "headers": headers,
            "content": {"application/json": {
                "schema": error_schema(&row),
                "examples": {code.number(): {"value": body}}
            }},
            "x-error-codes": [code.number()]
        })
    };
    let id = json!({"$ref": REQUEST_ID});
    json!({
        "NoSuchPath": response(Code::NoSuchPath, json!({"x-request-id": id})),
        "MethodNotAllowed": response(Code::MethodNotAllowed, json!({"x-request-id": id, "Allow": {"$ref": ALLOW}}))
    })
}

/// The body of an error: one shape or both (§15.2).
pub(super) fn refine_error(schema: &mut Value) {
    schema["anyOf"] = json!([
        {"required": ["error_code", "error_desc"]},
        {"required": ["resultcode", "resultmsg"]}
    ]);
    schema["description"] =
        "An error [1.1]. With `gateway_exact`, 1010005 and 1010009 carry `resultcode` and `resultmsg` only, else all four.".into();
    let example = Failure::with_detail(Code::InvalidInput, "`deviceId` is required");
    schema["examples"] = json!([example.body(None, GatewayBody::Both)]);
}

/// The component of errors; its sample has every member.
pub(super) fn add_error(components: &mut Components) {
    let full = Failure::with_detail(Code::InvalidToken, "the request has no access token");
    components.answer::<ErrorBody, _>(&[full.body(None, GatewayBody::Both)]);
}

/// Every code with its status in every operation.
pub(super) fn codes() -> Value {
    Code::ALL.iter().map(|&code| about(code)).collect()
}

fn about(code: Code) -> Value {
    let status = |operation, mode| Failure::new(code).status(operation, mode).as_u16();
    let mut operations = Map::new();
    for &operation in Operation::ALL {
        if !(operation.lists(code) || happens(operation, code)) {
            continue;
        }
        let mut row = json!({
            "documented": status(Some(operation), ErrorStatus::Documented),
            "http": status(Some(operation), ErrorStatus::Http),
            "sent": happens(operation, code)
        });
        let text = code.text(Some(operation));
        if text != code.text(None) {
            row["text"] = text.into();
        }
        operations.insert(super::about::about(operation).id.to_owned(), row);
    }
    json!({
        "number": code.number(),
        "name": format!("{code:?}"),
        "text": code.text(None),
        "meaning": code.meaning(),
        "remedy": Article::of(code).remedy,
        "retryable": code.retryable(),
        "surelyHarmless": code.surely_harmless(),
        "gateway": code.is_gateway(),
        "status": {
            "documented": status(None, ErrorStatus::Documented),
            "http": status(None, ErrorStatus::Http)
        },
        "operations": operations,
        "page": format!("docs/errors/{}.md", code.number())
    })
}
