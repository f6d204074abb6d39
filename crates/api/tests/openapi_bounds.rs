//! The schemas of requests say what the readers do: for every member, values at its bounds and beyond them are judged by the schema and
//! read by the reader, and both must agree. Where the reader takes more, the schema says so (`x-also-accepts`), and that is tried too.

use api::paths::ROUTES;
use api::query::Query;
use api::{Operation, openapi};
use serde_json::{Value, json};

struct Document {
    whole: Value,
}

/// A value to try, and what schema and reader are to say of it.
struct Trial {
    value: Value,
    /// Whether the reader takes it though the schema does not: `x-also-accepts`, or null items.
    tolerated: bool,
}

impl Trial {
    fn of(value: impl Into<Value>) -> Self {
        Self {
            value: value.into(),
            tolerated: false,
        }
    }

    fn tolerated(value: impl Into<Value>) -> Self {
        Self {
            value: value.into(),
            tolerated: true,
        }
    }
}

impl Document {
    fn new() -> Self {
        Self {
            whole: serde_json::from_str(&openapi::document()).expect("the document has it"),
        }
    }

    fn operation(&self, operation: Operation) -> &Value {
        let (_, path) = ROUTES
            .iter()
            .find(|(served, _)| *served == operation)
            .expect("the document has it");
        &self.whole["paths"][path][operation.method().as_str().to_ascii_lowercase()]
    }

    fn body_schema(&self, operation: Operation) -> Option<&Value> {
        let content = self.operation(operation)["requestBody"].get("content")?;
        Some(&content.as_object()?.values().next()?["schema"])
    }

    /// The schema itself, behind references and beside null.
    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.resolve(
                self.whole
                    .pointer(&reference[1..])
                    .expect("the document has it"),
            );
        }
        match schema["anyOf"].as_array() {
            Some(either) => self.resolve(
                either
                    .iter()
                    .find(|one| one.get("$ref").is_some())
                    .expect("the document has it"),
            ),
            None => schema,
        }
    }

    fn validator(&self, schema: &Value) -> jsonschema::Validator {
        let mut schema = schema.clone();
        schema["components"] = self.whole["components"].clone();
        jsonschema::draft202012::new(&schema).expect("the document has it")
    }

    /// A value that satisfies the schema, with every member.
    fn full(&self, schema: &Value) -> Value {
        let schema = self.resolve(schema);
        if let Some(words) = schema["enum"].as_array() {
            return words[0].clone();
        }
        match kind(schema) {
            "string" => text(schema, schema["minLength"].as_u64().unwrap_or(0).max(1)).into(),
            "integer" => schema["minimum"].clone(),
            "boolean" => true.into(),
            "array" => json!([self.full(&schema["items"])]),
            "object" => match schema["properties"].as_object() {
                None => json!({"any": "thing"}),
                Some(members) => {
                    let full = members
                        .iter()
                        .map(|(name, inner)| (name.clone(), self.full(inner)));
                    Value::Object(full.collect())
                }
            },
            other => panic!("{other}"),
        }
    }

    /// Values at the bounds of a schema and beyond.
    fn trials(&self, schema: &Value) -> Vec<Trial> {
        let schema = self.resolve(schema);
        let mut trials = vec![
            Trial::of(json!({})),
            Trial::of(json!([])),
            Trial::of(Value::Null),
        ];
        match kind(schema) {
            "string" => trials.extend(texts(schema)),
            "integer" => trials.extend(integers(schema)),
            "boolean" => {
                trials.extend([true, false].map(Trial::of));
                trials.extend(["TRUE", "False", " true "].map(Trial::tolerated));
                trials.extend([json!(0), json!("yes"), json!(1.5)].map(Trial::of));
            }
            "array" => {
                let most =
                    usize::try_from(schema["maxItems"].as_u64().expect("the document has it"))
                        .expect("the document has it");
                let item = self.full(&schema["items"]);
                trials.extend([0, 1, most, most + 1].map(|n| Trial::of(vec![item.clone(); n])));
                trials.push(Trial::of(json!(["text"])));
                let nulls = json!([null]);
                trials.push(if schema["minItems"].is_u64() {
                    Trial::of(nulls)
                } else {
                    Trial::tolerated(nulls)
                });
                let items = self.resolve(&schema["items"]);
                if kind(items) == "string" {
                    trials.extend(texts(items).into_iter().map(|one| Trial {
                        value: json!([one.value]),
                        tolerated: one.tolerated,
                    }));
                }
                trials.push(Trial::of("text"));
            }
            "object" => trials.extend([json!("{}"), json!(1), json!(true)].map(Trial::of)),
            other => panic!("{other}"),
        }
        trials
    }
}

fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => kinds[0].as_str().expect("the document has it"),
        other => panic!("{other} in {schema}"),
    }
}

fn is_hex(schema: &Value) -> bool {
    schema["pattern"]
        .as_str()
        .is_some_and(|pattern| pattern.contains("0-9A-Fa-f"))
}

/// A text of so many characters, sound for its schema. One in three is more than a byte.
fn text(schema: &Value, chars: u64) -> String {
    let chars = usize::try_from(chars).expect("the document has it");
    if schema["format"] == "uri" {
        let address = "https://example.com/";
        return format!(
            "{address}{}",
            "p".repeat(chars.saturating_sub(address.len()))
        );
    }
    if is_hex(schema) {
        let least: usize = schema["pattern"]
            .as_str()
            .expect("the document has it")
            .split(['{', ','])
            .nth(2)
            .expect("the document has it")
            .parse()
            .expect("the document has it");
        return "aF09".chars().cycle().take(chars.max(2 * least)).collect();
    }
    if schema["x-format"].is_string() {
        return "20151212T121212Z".to_owned();
    }
    let letters = if schema["pattern"] == "^[0-9A-Za-z]*$" {
        "aZ9"
    } else {
        "aü灯"
    };
    letters.chars().cycle().take(chars).collect()
}

fn texts(schema: &Value) -> Vec<Trial> {
    let mut trials = vec![Trial::of(7), Trial::of(true), Trial::of(1.5)];
    if let Some(words) = schema["enum"].as_array() {
        trials.extend(words.iter().cloned().map(Trial::of));
        if schema["x-also-accepts"].is_string() {
            let word = words[0].as_str().expect("the document has it");
            trials.push(Trial::tolerated(format!(" {} ", word.to_lowercase())));
            trials.push(Trial::of("OTHER"));
        }
        return trials;
    }
    if schema["x-format"].is_string() {
        let odd = [
            "2019-01-01",
            "20191301T000000Z",
            "20190101T240000Z",
            "20190101T000060Z",
            "20190101T000000",
            "x",
        ];
        trials.extend(
            ["20190101T000000Z", "00000101T235959Z"]
                .into_iter()
                .chain(odd)
                .map(Trial::of),
        );
        return trials;
    }
    if schema["x-known-values"].is_array() {
        trials.extend(["imsi", "tag,imsi", "x"].map(Trial::of));
        return trials;
    }
    let least = schema["minLength"].as_u64().unwrap_or(0);
    let most = schema["maxLength"].as_u64().expect("the document has it");
    let is_address = schema["format"] == "uri";
    let shortest = if is_address { 20 } else { least };
    for chars in [
        shortest.saturating_sub(1),
        shortest,
        shortest + 1,
        most - 1,
        most,
        most + 1,
    ] {
        trials.push(Trial::of(text(schema, chars)));
    }
    if is_hex(schema) {
        trials.extend(
            [
                "",
                "a",
                "abc",
                "xy",
                "0123456",
                "0123456g",
                "01234567",
                "012345678",
            ]
            .map(Trial::of),
        );
        trials.push(Trial::of(
            "0".repeat(usize::try_from(most).expect("the document has it") + 2),
        ));
    } else if is_address {
        for address in [
            "nowhere",
            "ftp://h/",
            "https://",
            "HTTPS://h",
            "http://h:80/p?a=b",
            "https://h/ü",
            "https://h/a b",
        ] {
            trials.push(Trial::of(address));
        }
        trials.push(Trial::tolerated(""));
    } else {
        trials.extend(["a b", "a-b", "ü", "灯灯", "Mill12"].map(Trial::of));
        trials
            .extend(["a\tb\r\nc", "a\u{1}b", "a\u{7f}b", "a\u{85}b", "a\u{200b}b"].map(Trial::of));
    }
    trials
}

fn integers(schema: &Value) -> Vec<Trial> {
    let (least, most) = (
        schema["minimum"].as_i64().expect("the document has it"),
        schema["maximum"].as_i64().expect("the document has it"),
    );
    let mut trials: Vec<Trial> = [least - 1, least, least + 1, most - 1, most, most + 1]
        .map(Trial::of)
        .into();
    trials.extend([least, most].map(|number| Trial::tolerated(number.to_string())));
    trials.extend(
        [
            json!(0.5),
            json!(true),
            json!(""),
            json!("x"),
            json!((most + 1).to_string()),
        ]
        .map(Trial::of),
    );
    trials
}

/// Every place of a body where a member stands: pointer to its object, name, schema, and whether it must be there.
fn places(document: &Document, schema: &Value, at: &str, found: &mut Vec<(String, String, Value)>) {
    let schema = document.resolve(schema);
    if kind(schema) == "array" {
        return places(document, &schema["items"], &format!("{at}/0"), found);
    }
    for (name, inner) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        found.push((at.to_owned(), name.clone(), inner.clone()));
        places(document, inner, &format!("{at}/{name}"), found);
    }
}

fn form(body: &Value) -> String {
    let pair = |(name, value): (&String, &Value)| {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        format!("{name}={}", api::query::percent_encode(&text))
    };
    body.as_object()
        .expect("the document has it")
        .iter()
        .map(pair)
        .collect::<Vec<_>>()
        .join("&")
}

fn read(operation: Operation, body: &Value) -> bool {
    let bytes = match operation {
        Operation::GetAuthToken => form(body),
        _ => body.to_string(),
    };
    openapi::read_body(operation, bytes.as_bytes())
        .expect("the document has it")
        .is_ok()
}

#[test]
fn every_bound_of_a_body_is_the_readers_own() {
    let document = Document::new();
    let mut tried = 0;
    for &operation in Operation::ALL {
        let Some(schema) = document.body_schema(operation) else {
            assert!(
                openapi::read_body(operation, b"").is_none(),
                "{}",
                operation.name()
            );
            continue;
        };
        let validator = document.validator(schema);
        let full = document.full(schema);
        assert!(
            validator.is_valid(&full) && read(operation, &full),
            "{}: {full}",
            operation.name()
        );
        let mut members = Vec::new();
        places(&document, schema, "", &mut members);
        for (at, name, inner) in members {
            let place = format!("{} {at}/{name}", operation.name());
            let mut without = full.clone();
            without
                .pointer_mut(&at)
                .expect("the document has it")
                .as_object_mut()
                .expect("the document has it")
                .remove(&name);
            assert_eq!(
                validator.is_valid(&without),
                read(operation, &without),
                "{place} is missing"
            );
            for trial in document.trials(&inner) {
                // In a form everything is a text, and an empty one is none.
                if operation == Operation::GetAuthToken && !trial.value.is_string() {
                    continue;
                }
                let mut body = full.clone();
                body.pointer_mut(&at).expect("the document has it")[&name] = trial.value.clone();
                let (valid, taken) = (validator.is_valid(&body), read(operation, &body));
                let shown: String = trial.value.to_string().chars().take(80).collect();
                if trial.tolerated {
                    assert!(
                        taken && !valid,
                        "{place} = {shown}: valid {valid}, taken {taken}"
                    );
                } else if inner["$ref"]
                    .as_str()
                    .is_some_and(|r| r.ends_with("/ToType"))
                    || name == "toType"
                {
                    // Any other word is a refusal of its own, 100444, after the checks of the shape.
                    assert!(
                        taken || !valid,
                        "{place} = {shown}: valid {valid}, taken {taken}"
                    );
                } else {
                    assert_eq!(valid, taken, "{place} = {shown}");
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 1000, "{tried}");
}

#[test]
fn every_bound_of_a_query_is_the_readers_own() {
    let document = Document::new();
    let mut tried = 0;
    for &operation in Operation::ALL {
        let parameters = document.operation(operation)["parameters"].as_array();
        let keys = parameters
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "query");
        let keys: Vec<&Value> = keys.collect();
        let required = |but: &str| -> String {
            let others = keys
                .iter()
                .filter(|key| key["required"] == true && key["name"] != but);
            let pair = |key: &&&Value| {
                let name = key["name"].as_str().expect("the document has it");
                format!("&{name}={}", text(&key["schema"], 1))
            };
            others.map(|key| pair(&key)).collect()
        };
        for parameter in &keys {
            let name = parameter["name"].as_str().expect("the document has it");
            if parameter["required"] == true {
                let without = openapi::read_query(operation, &Query::parse(&required(name)));
                assert!(without.expect("the document has it").is_err(), "{name}");
            }
            let schema = &parameter["schema"];
            let validator = document.validator(schema);
            for trial in document.trials(schema) {
                // In a query everything is a text; an empty one is an absent one.
                let text = match &trial.value {
                    Value::String(text) => text.clone(),
                    Value::Number(number) => number.to_string(),
                    Value::Bool(word) => word.to_string(),
                    _ => continue,
                };
                if text.is_empty() {
                    continue;
                }
                let value = match kind(schema) {
                    "integer" => text.parse::<i64>().map_or(json!(text), Value::from),
                    "boolean" => text.parse::<bool>().map_or(json!(text), Value::from),
                    _ => json!(text),
                };
                let rest = required(name);
                let query = format!("{name}={}{rest}", api::query::percent_encode(&text));
                let taken = openapi::read_query(operation, &Query::parse(&query))
                    .expect("the document has it")
                    .is_ok();
                let valid = validator.is_valid(&value);
                assert!(
                    taken == valid || trial.tolerated && taken,
                    "{} {query}: valid {valid}, taken {taken}",
                    operation.name()
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn the_idempotency_key_and_path_variables_have_the_bounds_of_their_readers() {
    let document = Document::new();
    let (mut keys, mut variables) = (0, 0);
    for &operation in Operation::ALL {
        for parameter in document.operation(operation)["parameters"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let validator = document.validator(&parameter["schema"]);
            let name = parameter["name"].as_str().expect("the document has it");
            if name == "Idempotency-Key" {
                for value in [
                    "k".repeat(255),
                    "k".repeat(256),
                    String::new(),
                    "a b".into(),
                    "ü".into(),
                    "!~".into(),
                ] {
                    let taken = api::headers::IdempotencyKey::parse(value.as_bytes()).is_ok();
                    assert_eq!(validator.is_valid(&json!(value)), taken, "{value}");
                }
                keys += 1;
            } else if parameter["in"] == "path" {
                for chars in [0, 1, 50, 51, 64, 65] {
                    let value = "d".repeat(chars);
                    let taken = api::paths::check_id(name, &value).is_ok();
                    assert_eq!(validator.is_valid(&json!(value)), taken, "{name} {chars}");
                }
                variables += 1;
            }
        }
    }
    assert!(keys >= 2 && variables >= 5, "{keys} {variables}");
}
