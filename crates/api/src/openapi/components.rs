//! Component schemas: names, types and descriptions come from the types, bounds from what their readers ask.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::rules;
use super::write::{Order, Tree};
use crate::asked::Asked;

/// Where references to components point.
const SCHEMAS: &str = "#/components/schemas/";

/// The schemas of the document, and the order of their members.
pub(super) struct Components {
    generator: SchemaGenerator,
    asked: Vec<(String, Vec<Asked>)>,
    /// Components that are as others, but for the members that their readers do not ask for.
    likenesses: Vec<(String, String)>,
    samples: Vec<(String, String)>,
}

impl Components {
    pub(super) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12()
            .for_serialize()
            .with(|settings| settings.definitions_path = "/components/schemas".into());
        Self {
            generator: settings.into_generator(),
            asked: Vec::new(),
            likenesses: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// Adds a request's type, with what its reader asks; gives a reference to it.
    pub(super) fn request<T: JsonSchema>(&mut self, asked: Vec<Asked>) -> Value {
        let reference = self.generator.subschema_for::<T>();
        self.asked.push((T::schema_name().into_owned(), asked));
        reference.to_value()
    }

    /// Adds an older form of a request, which lacks some of its members.
    pub(super) fn request_like<T: JsonSchema>(&mut self, name: &str, asked: Vec<Asked>) -> Value {
        self.generator.subschema_for::<T>();
        let likeness = (name.to_owned(), T::schema_name().into_owned());
        self.likenesses.push(likeness);
        self.asked.push((name.to_owned(), asked));
        reference(name)
    }

    /// Adds an answer's type; `samples` together show every member it can have. Gives a reference to it.
    pub(super) fn answer<T: JsonSchema, S: Serialize>(&mut self, samples: &[S]) -> Value {
        let reference = self.generator.subschema_for::<T>();
        for sample in samples {
            let text = serde_json::to_string(sample).expect("an answer serialises");
            self.samples.push((T::schema_name().into_owned(), text));
        }
        reference.to_value()
    }

    /// The schemas by name, and the order of their members.
    pub(super) fn finish(mut self, order: &mut Order) -> Map<String, Value> {
        let mut schemas = self.generator.take_definitions(true);
        for schema in schemas.values_mut() {
            refine(schema);
        }
        for (name, model) in &self.likenesses {
            let asked = self.asked.iter().find(|(known, _)| known == name);
            let names = asked.map_or(&[][..], |(_, asked)| asked);
            let mut schema = schemas[model].clone();
            let description = format!("As `{model}`, in the form of 2017 [5.8].");
            schema["description"] = description.into();
            if let Some(members) = schema.get_mut("properties").and_then(Value::as_object_mut) {
                members.retain(|member, _| names.iter().any(|one| one.name == *member));
            }
            schemas.insert(name.clone(), schema);
        }
        let mut bound = BTreeMap::new();
        for (name, asked) in &self.asked {
            bind(&mut schemas, &mut bound, (name, ""), asked);
        }
        for (name, schema) in &mut schemas {
            if !bound.contains_key(name) {
                rules::without_defaults(schema);
            }
        }
        order.members.extend(bound);
        for (name, text) in &self.samples {
            learn(&schemas, order, name, &Tree::of(text));
        }
        for (name, schema) in &schemas {
            let members = schema.get("properties").and_then(Value::as_object);
            for member in members.into_iter().flat_map(Map::keys) {
                let is_known = order.members.get(name).is_some_and(|n| n.contains(member));
                assert!(is_known, "no sample of `{name}` has its member `{member}`");
            }
        }
        schemas
    }
}

/// A reference's component.
pub(super) fn component(schema: &Value) -> Option<&str> {
    schema
        .get("$ref")
        .and_then(Value::as_str)?
        .strip_prefix(SCHEMAS)
}

/// A reference to a component.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{SCHEMAS}{name}") })
}

/// Puts what was asked in the object at `path` into component `name`, and so on into the components of its members.
fn bind(
    schemas: &mut Map<String, Value>,
    bound: &mut BTreeMap<String, Vec<String>>,
    (name, path): (&str, &str),
    asked: &[Asked],
) {
    let here: Vec<&Asked> = asked.iter().filter(|member| member.path == path).collect();
    let derived = members(schemas, name);
    for member in derived.keys() {
        let is_read = here.iter().any(|asked| asked.name == *member);
        assert!(
            is_read,
            "`{name}` writes `{member}`, but its reader never asks for it"
        );
    }
    let mut properties = Map::new();
    let mut required = Vec::new();
    for Asked {
        name: member, rule, ..
    } in &here
    {
        let written = derived.get(member).unwrap_or_else(|| {
            panic!("the reader of `{name}` asks for `{member}`, which it never writes")
        });
        properties.insert(member.clone(), rules::member(rule, written));
        if rule.is_required() {
            required.push(member.clone());
        }
        if let Some(inner) = rules::inner(written) {
            let inner = inner.to_owned();
            let deeper = format!("{path}{member}.");
            if asked.iter().any(|other| other.path == deeper) {
                bind(schemas, bound, (&inner, &deeper), asked);
            }
        }
    }
    let names: Vec<String> = here.iter().map(|asked| asked.name.clone()).collect();
    let before = bound.insert(name.to_owned(), names.clone());
    assert!(
        before.is_none_or(|before| before == names),
        "two readers of `{name}` ask for different members"
    );
    schemas[name]["properties"] = Value::Object(properties);
    schemas[name]["required"] = json!(required);
    if required.is_empty() {
        schemas[name]
            .as_object_mut()
            .map(|schema| schema.remove("required"));
    }
}

fn members(schemas: &Map<String, Value>, name: &str) -> Map<String, Value> {
    let members = schemas[name].get("properties").and_then(Value::as_object);
    members.cloned().unwrap_or_default()
}

/// Learns the order of a component's members from how it writes itself.
fn learn(schemas: &Map<String, Value>, order: &mut Order, name: &str, tree: &Tree) {
    match tree {
        Tree::List(items) => {
            for item in items {
                learn(schemas, order, name, item);
            }
        }
        Tree::Object(written) => {
            let properties = members(schemas, name);
            let mut inner = Vec::new();
            let known = order.members.entry(name.to_owned()).or_default();
            for (member, value) in written {
                let Some(schema) = properties.get(member) else {
                    continue;
                };
                if !known.contains(member) {
                    known.push(member.clone());
                }
                inner.extend(rules::inner(schema).map(|name| (name.to_owned(), value)));
            }
            for (name, value) in inner {
                learn(schemas, order, &name, value);
            }
        }
        Tree::Leaf => {}
    }
}

/// Brings a derived schema into the document's form: plain descriptions, enums as `enum`, null only where it is really sent.
fn refine(schema: &mut Value) {
    rules::plain_descriptions(schema);
    fold_enum(schema);
    let required: Vec<Value> = schema
        .get("required")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for (name, member) in properties {
        if !required.contains(&json!(name)) {
            rules::never_null(member);
        }
        rules::integer_format(member);
    }
}

/// `oneOf` constants becomes `enum`, with the descriptions beside it.
fn fold_enum(schema: &mut Value) {
    let Some(variants) = schema.get("oneOf").and_then(Value::as_array).cloned() else {
        return;
    };
    let words: Option<Vec<Value>> = variants
        .iter()
        .map(|one| one.get("const").cloned())
        .collect();
    let Some(words) = words else { return };
    let descriptions: Map<String, Value> = variants
        .iter()
        .filter_map(|one| {
            Some((
                one["const"].as_str()?.to_owned(),
                one.get("description")?.clone(),
            ))
        })
        .collect();
    let Some(schema) = schema.as_object_mut() else {
        return;
    };
    schema.remove("oneOf");
    schema.insert("type".to_owned(), "string".into());
    schema.insert("enum".to_owned(), words.into());
    schema.insert(
        "x-enum-descriptions".to_owned(),
        Value::Object(descriptions),
    );
}
