//! What one value may be: the rule that a parameter or a property carries, and its application.

use std::cmp::Ordering;

use serde::Serialize;
use serde_json::{Number, Value};

use crate::check::Why;
use crate::number;
use crate::text;

/// The kinds of value of a product model (the contract, §14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum DataType {
    /// A whole number of 64 bits.
    #[serde(rename = "int")]
    Int,
    /// A number. Older files call it `double`, `float` or `number`.
    #[serde(rename = "decimal")]
    Decimal,
    /// Text.
    #[serde(rename = "string")]
    String,
    /// A UTC moment `yyyyMMdd'T'HHmmss'Z'`.
    #[serde(rename = "DateTime")]
    DateTime,
    /// A JSON object of any shape.
    #[serde(rename = "jsonObject")]
    JsonObject,
}

impl DataType {
    /// The type's name in a profile file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Decimal => "decimal",
            Self::String => "string",
            Self::DateTime => "DateTime",
            Self::JsonObject => "jsonObject",
        }
    }

    /// The type of that name, in any case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "int" => Self::Int,
            "decimal" | "double" | "float" | "number" => Self::Decimal,
            "string" => Self::String,
            "datetime" => Self::DateTime,
            "jsonobject" => Self::JsonObject,
            _ => return None,
        })
    }

    /// Whether `min`, `max` and `step` apply.
    pub(crate) fn is_numeric(self) -> bool {
        match self {
            Self::Int | Self::Decimal => true,
            Self::String | Self::DateTime | Self::JsonObject => false,
        }
    }
}

/// What a value must be like. The members are kept as the file gives them, so that capabilities can be shown (§4.4);
/// how they work together is decided where they are applied:
///
/// - An `enumList` that is not empty decides alone: `min`, `max`, `step` and `maxLength` beside it are not looked at
///   (vendor samples fill them with zeros there).
/// - `min`, `max`, `step` apply to `int` and `decimal` only, `maxLength` to the others only. So zeros that a sample
///   leaves on a string mean nothing, whereas `min` 0 and `max` 0 on a number without `enumList` mean the number 0.
/// - `maxLength` 0 and `step` 0 are unset. Steps are counted from `min`, from 0 where there is none.
/// - `maxLength` counts Unicode characters; for a `jsonObject` those of its compact text.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// The kind of value.
    pub data_type: DataType,
    /// Whether a command must carry it. On a property it only describes: a report names what it has to say.
    pub required: bool,
    /// The least value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<Number>,
    /// The greatest value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Number>,
    /// The distance between admitted values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<Number>,
    /// The greatest length, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// The unit of the value, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The admitted values; empty when any is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub enum_list: Vec<Value>,
}

impl Rule {
    /// The value in the rule's type, numeric strings turned into numbers (the contract, §5.1); or why not.
    pub(crate) fn admit(&self, value: &Value) -> Result<Value, Why> {
        let admitted = self.typed(value).ok_or(Why::WrongType(self.data_type))?;
        if !self.enum_list.is_empty() {
            let listed = self
                .enum_list
                .iter()
                .any(|entry| is_entry(entry, &admitted));
            return if listed {
                Ok(admitted)
            } else {
                Err(Why::NotListed(self.enum_list.clone()))
            };
        }
        match &admitted {
            Value::Number(number) => self.admit_number(number)?,
            Value::String(text) => self.admit_length(text)?,
            Value::Object(_) if self.max_length.is_some() => {
                self.admit_length(&admitted.to_string())?;
            }
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {}
        }
        Ok(admitted)
    }

    /// Whether `entry`, as a file lists it, can be a value of this rule's type at all.
    pub(crate) fn can_list(&self, entry: &Value) -> bool {
        match self.data_type {
            DataType::Int => number::integer(entry).is_some(),
            DataType::Decimal => number::decimal(entry).is_some(),
            DataType::String => entry.is_string() || entry.is_number(),
            DataType::DateTime => entry.as_str().is_some_and(text::is_moment),
            DataType::JsonObject => entry.is_object(),
        }
    }

    /// The value in the rule's type; `None` when it cannot be one.
    fn typed(&self, value: &Value) -> Option<Value> {
        match self.data_type {
            DataType::Int => number::integer(value).map(Value::from),
            DataType::Decimal => number::decimal(value).map(Value::Number),
            DataType::String => value.is_string().then(|| value.clone()),
            DataType::DateTime => value
                .as_str()
                .is_some_and(text::is_moment)
                .then(|| value.clone()),
            DataType::JsonObject => value.is_object().then(|| value.clone()),
        }
    }

    fn admit_number(&self, number: &Number) -> Result<(), Why> {
        let beyond = |bound: &Option<Number>, side: Ordering| {
            bound.as_ref().is_some_and(|bound| {
                number::compare(number, bound).is_none_or(|found| found == side)
            })
        };
        if beyond(&self.min, Ordering::Less) || beyond(&self.max, Ordering::Greater) {
            return Err(Why::OutOfRange {
                min: self.min.clone(),
                max: self.max.clone(),
            });
        }
        let zero = Number::from(0);
        let Some(step) = self
            .step
            .as_ref()
            .filter(|step| number::compare(step, &zero) != Some(Ordering::Equal))
        else {
            return Ok(());
        };
        let base = self.min.as_ref().unwrap_or(&zero);
        if number::on_step(number, base, step) {
            return Ok(());
        }
        Err(Why::OffStep {
            step: step.clone(),
            base: base.clone(),
        })
    }

    fn admit_length(&self, text: &str) -> Result<(), Why> {
        let max = self.max_length.filter(|max| *max > 0);
        match max {
            Some(max) if text::longer_than(text, usize::try_from(max).unwrap_or(usize::MAX)) => {
                Err(Why::TooLong(max))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Whether a list's entry, be it written as a number or as a string, is this typed value.
fn is_entry(entry: &Value, typed: &Value) -> bool {
    match (typed, entry) {
        (Value::Number(typed), _) => {
            let entry = number::decimal(entry);
            entry.and_then(|entry| number::compare(&entry, typed)) == Some(Ordering::Equal)
        }
        (Value::String(typed), Value::Number(entry)) => *typed == entry.to_string(),
        (_, _) => typed == entry,
    }
}
