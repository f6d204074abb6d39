//! Writes the document: keywords in the order in which people read them, members in the order of the contract.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

/// Keywords in reading order; what is not among them follows by name.
const KEYWORDS: &[&str] = &[
    "openapi",
    "info",
    "title",
    "version",
    "summary",
    "operationId",
    "x-contract-name",
    "x-alias-of",
    "deprecated",
    "tags",
    "name",
    "in",
    "$ref",
    "type",
    "format",
    "description",
    "servers",
    "security",
    "parameters",
    "requestBody",
    "responses",
    "required",
    "properties",
    "headers",
    "content",
    "schema",
    "enum",
    "const",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "default",
    "post",
    "get",
    "put",
    "delete",
    "paths",
    "webhooks",
    "components",
];

/// The order of names by the place they stand in: a component's members, the paths.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Members of components, by component.
    pub(super) members: BTreeMap<String, Vec<String>>,
    /// Paths.
    pub(super) paths: Vec<String>,
}

/// The document as text.
pub(super) fn text(document: &Value, order: &Order) -> String {
    let root = Ordered {
        value: document,
        order,
        place: Place::Other,
    };
    let mut text = serde_json::to_string_pretty(&root).expect("values serialise");
    text.push('\n');
    text
}

/// Where a value stands, as far as its order depends on it.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// The list of component schemas.
    Schemas,
    /// A component's schema.
    Component(&'a str),
    /// The members of a component.
    Members(&'a str),
    /// The list of paths.
    Paths,
    /// A list of things by name, in the order of their names.
    Names,
    /// Anywhere else.
    Other,
}

struct Ordered<'a> {
    value: &'a Value,
    order: &'a Order,
    place: Place<'a>,
}

impl<'a> Ordered<'a> {
    fn inner(&self, name: &'a str, value: &'a Value) -> Self {
        let place = match (self.place, name) {
            (Place::Schemas, _) => Place::Component(name),
            (Place::Component(component), "properties") => Place::Members(component),
            (Place::Names | Place::Members(_) | Place::Paths, _) => Place::Other,
            (_, "schemas") => Place::Schemas,
            (_, "paths") => Place::Paths,
            (_, "responses" | "examples" | "properties") => Place::Names,
            (Place::Component(_) | Place::Other, _) => Place::Other,
        };
        Self {
            value,
            order: self.order,
            place,
        }
    }

    fn rank(&self, name: &str) -> usize {
        let listed = |names: &[String]| names.iter().position(|known| known == name);
        let place = match self.place {
            Place::Members(component) => self.order.members.get(component).and_then(|n| listed(n)),
            Place::Paths => listed(&self.order.paths),
            Place::Schemas | Place::Names => None,
            Place::Component(_) | Place::Other => KEYWORDS.iter().position(|known| *known == name),
        };
        place.unwrap_or(usize::MAX)
    }
}

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Object(map) => {
                let mut members: Vec<(&String, &Value)> = map.iter().collect();
                members.sort_by_key(|(name, _)| (self.rank(name), *name));
                let mut object = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    object.serialize_entry(name, &self.inner(name, value))?;
                }
                object.end()
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(|value| Self {
                value,
                order: self.order,
                place: Place::Other,
            })),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.value.serialize(serializer)
            }
        }
    }
}

/// JSON whose members stand in the order of the text: how a type writes itself.
pub(super) enum Tree {
    /// Members in order.
    Object(Vec<(String, Tree)>),
    /// Items.
    List(Vec<Tree>),
    /// Anything else.
    Leaf,
}

impl Tree {
    /// What `written` looks like on the wire.
    pub(super) fn of(written: &str) -> Self {
        serde_json::from_str(written).expect("what serialises is JSON")
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Tree::Object(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_str<E>(self, _: &str) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }
}
