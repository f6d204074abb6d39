//! From what a reader asks to what a schema says.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::components::component;
use super::types::MOMENT;
use crate::asked::Rule;
use crate::limits::{CALLBACK_CHARS_MAX, INTEGER};

/// What `check_text` lets pass: no control characters but tab and line ends.
const NO_CONTROLS: &str = r"^[^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]*$";
/// ASCII letters and digits.
const LETTERS: &str = "^[0-9A-Za-z]*$";
/// A whole http or https address in visible ASCII; the parts of an address are beyond a pattern.
const ADDRESS: &str = "^[Hh][Tt][Tt][Pp][Ss]?://[!-~]+$";

/// The schema of a request's member: the type's own words with the bounds of its reader. Null stands for absent.
pub(super) fn member(rule: &Rule, written: &Value) -> Value {
    let mut schema = bounds(rule);
    if let (true, Some(name)) = (is_reference(rule), inner(written)) {
        schema = match rule {
            Rule::Objects { items_max } => {
                json!({"type": "array", "items": super::components::reference(name), "maxItems": items_max})
            }
            _ => super::components::reference(name),
        };
    }
    if !rule.is_required() {
        nullable(&mut schema);
    }
    for keyword in ["description", "default", "examples", "x-unit"] {
        if let Some(value) = written.get(keyword) {
            schema[keyword] = value.clone();
        }
    }
    if written["format"] == "password" {
        schema["format"] = "password".into();
    }
    schema
}

/// Whether a rule's schema may stand in a component of its own.
fn is_reference(rule: &Rule) -> bool {
    match rule {
        Rule::Word { .. }
        | Rule::RequiredWord { .. }
        | Rule::Text { .. }
        | Rule::Object
        | Rule::RequiredObject
        | Rule::Objects { .. } => true,
        Rule::RequiredText { .. }
        | Rule::Letters { .. }
        | Rule::RequiredLetters { .. }
        | Rule::Texts { .. }
        | Rule::RequiredTexts { .. }
        | Rule::Hex { .. }
        | Rule::Integer { .. }
        | Rule::Boolean
        | Rule::CallbackUrl
        | Rule::Moment
        | Rule::Select => false,
    }
}

/// What the reader alone says; also the schema of a query's key.
pub(super) fn bounds(rule: &Rule) -> Value {
    match rule {
        Rule::Text { chars } | Rule::RequiredText { chars } => text(chars),
        Rule::Word { words } | Rule::RequiredWord { words } => {
            json!({"type": "string", "enum": words, "x-also-accepts": "the words in any case, with blanks around them"})
        }
        Rule::Hex { digits } => {
            let (least, most) = (digits.start() / 2, digits.end() / 2);
            json!({
                "type": "string",
                "maxLength": digits.end(),
                "pattern": format!("^((?:[0-9A-Fa-f]{{2}}){{{least},{most}}})?$"),
                "x-empty-means-absent": true
            })
        }
        Rule::Integer { least, most, unit } => {
            let bound = |text: &str| text.parse::<i64>().expect("a bound is an integer");
            let mut schema = json!({
                "type": "integer",
                "format": "int32",
                "minimum": bound(least),
                "maximum": bound(most),
                "x-also-accepts": "the number as a string"
            });
            if !unit.is_empty() {
                schema["x-unit"] = unit.as_str().into();
            }
            schema
        }
        Rule::Boolean => {
            json!({"type": "boolean", "x-also-accepts": "the words true and false in any case, as strings"})
        }
        Rule::Object | Rule::RequiredObject => {
            json!({"type": "object", "additionalProperties": true})
        }
        Rule::Objects { items_max } => {
            json!({"type": "array", "items": {"type": "object"}, "maxItems": items_max})
        }
        Rule::Letters { chars } | Rule::RequiredLetters { chars } => json!({
            "type": "string",
            "minLength": chars.start(),
            "maxLength": chars.end(),
            "pattern": LETTERS
        }),
        Rule::Texts { items, chars } | Rule::RequiredTexts { items, chars } => texts(items, chars),
        Rule::CallbackUrl => json!({
            "type": "string",
            "format": "uri",
            "maxLength": CALLBACK_CHARS_MAX,
            "pattern": ADDRESS,
            "x-also-accepts": "the member's name in any case; an empty text for absent"
        }),
        Rule::Moment => {
            json!({
                "type": "string",
                "pattern": MOMENT,
                "minLength": 16,
                "maxLength": 16,
                "x-format": "yyyyMMdd'T'HHmmss'Z'",
                "examples": ["20151212T121212Z"]
            })
        }
        Rule::Select => {
            json!({"type": "string", "x-known-values": ["imsi"], "x-also-accepts": "a list parted by commas; what is unknown is ignored"})
        }
    }
}

fn text(chars: &RangeInclusive<usize>) -> Value {
    let mut schema = json!({"type": "string"});
    if *chars.start() > 0 {
        schema["minLength"] = (*chars.start()).into();
    }
    if *chars.end() < usize::MAX {
        schema["maxLength"] = (*chars.end()).into();
    }
    schema["pattern"] = NO_CONTROLS.into();
    schema
}

fn texts(items: &RangeInclusive<usize>, chars: &RangeInclusive<usize>) -> Value {
    let mut schema = json!({"type": "array", "items": text(chars), "maxItems": items.end()});
    if *items.start() > 0 {
        schema["minItems"] = (*items.start()).into();
    }
    schema
}

/// The component a member leads to, directly, as the items of a list, or beside null.
pub(super) fn inner(schema: &Value) -> Option<&str> {
    let alternatives = schema.get("anyOf").and_then(Value::as_array);
    component(schema)
        .or_else(|| schema.get("items").and_then(component))
        .or_else(|| alternatives?.iter().find_map(component))
}

/// Lets null stand for absent.
fn nullable(schema: &mut Value) {
    if component(schema).is_some() {
        *schema = json!({"anyOf": [schema.clone(), {"type": "null"}]});
    } else if let Some(kind) = schema.get("type").cloned() {
        schema["type"] = json!([kind, "null"]);
    }
    if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        words.push(Value::Null);
    }
}

/// Takes null away: the member is left out instead.
pub(super) fn never_null(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else {
        return;
    };
    if let Some(kinds) = map.get("type").and_then(Value::as_array) {
        let kinds: Vec<Value> = kinds
            .iter()
            .filter(|kind| *kind != "null")
            .cloned()
            .collect();
        if let [kind] = kinds.as_slice() {
            map.insert("type".to_owned(), kind.clone());
        }
    }
    let reference = map
        .get("anyOf")
        .and_then(Value::as_array)
        .and_then(|alternatives| alternatives.iter().find(|one| component(one).is_some()))
        .and_then(Value::as_object)
        .cloned();
    if let Some(reference) = reference {
        map.remove("anyOf");
        map.extend(reference);
    }
    if map.get("default").is_some_and(Value::is_null) {
        map.remove("default");
    }
}

/// Rust's integer types as those of the registry of formats; 32 bits are the contract's `Integer`, 0 to 2147483647.
pub(super) fn integer_format(schema: &mut Value) {
    let format = schema.get("format").and_then(Value::as_str);
    let is_whole = format == Some("uint32") && schema.get("maximum").is_none();
    match format {
        Some("uint8" | "uint16" | "uint32") => schema["format"] = "int32".into(),
        Some("uint64") => schema["format"] = "int64".into(),
        Some(_) | None => {}
    }
    if is_whole {
        schema["maximum"] = (*INTEGER.end()).into();
    }
}

/// Takes Rust's links out of descriptions, and line ends.
pub(super) fn plain_descriptions(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map.iter_mut() {
                match (name.as_str(), inner) {
                    ("description", Value::String(text)) => *text = plain(text),
                    (_, inner) => plain_descriptions(inner),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(plain_descriptions),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// One line, `[`Name`]` as `Name`.
pub(super) fn plain(text: &str) -> String {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    joined.replace("[`", "`").replace("`]", "`")
}

/// Takes defaults away: an answer has every member that its schema requires.
pub(super) fn without_defaults(schema: &mut Value) {
    let members = schema.get_mut("properties").and_then(Value::as_object_mut);
    for member in members.into_iter().flat_map(|members| members.values_mut()) {
        member
            .as_object_mut()
            .map(|member| member.remove("default"));
    }
}
