//! From parsed JSON to the model, member by member, so that a refusal can say where and why.
//!
//! Unknown members are passed over; null is an absent member.

use std::collections::HashSet;

use serde_json::{Number, Value};

use crate::Map;
use crate::error::Error;
use crate::limits;
use crate::model::{
    Command, Device, Key, Para, Property, Response, ServiceCapability, ServiceType,
};
use crate::number;
use crate::rule::{DataType, Rule};
use crate::text::{cut, longer_than};

type Result<T> = std::result::Result<T, Error>;

/// The content of `devices`: exactly one device.
pub(crate) fn device(document: &Map) -> Result<Device> {
    let devices = array(document, "devices", usize::MAX)?;
    let [value] = devices else {
        return Err(Error::new(match devices.len() {
            0 => "`devices` is missing or empty; it must hold one device".to_owned(),
            many => format!("`devices` holds {many} devices; a profile describes one"),
        }));
    };
    let read = || -> Result<Device> {
        let map = object(value)?;
        let om_capability = map.get("omCapability").filter(|value| !value.is_null());
        if om_capability.is_some_and(|value| !value.is_object()) {
            return Err(Error::new("`omCapability` must be an object"));
        }
        let device = Device {
            key: Key {
                manufacturer_id: name(map, "manufacturerId")?,
                model: name(map, "model")?,
            },
            manufacturer_name: name(map, "manufacturerName")?,
            protocol_type: name(map, "protocolType")?,
            device_type: name(map, "deviceType")?,
            om_capability: om_capability.cloned(),
            capabilities: each(
                map,
                "serviceTypeCapabilities",
                limits::SERVICES_MAX,
                capability,
            )?,
        };
        if absent(map, "serviceTypeCapabilities") {
            return Err(Error::new("`serviceTypeCapabilities` is missing"));
        }
        distinct(
            "service",
            device
                .capabilities
                .iter()
                .map(|capability| capability.service_id.as_str()),
        )?;
        Ok(device)
    };
    read().map_err(|error| error.at("devices", 0))
}

/// The content of `services`: any number of service types.
pub(crate) fn service_types(document: &Map) -> Result<Vec<ServiceType>> {
    each(document, "services", limits::SERVICES_MAX, service_type)
}

/// Refuses a name that comes twice.
pub(crate) fn distinct<'a>(noun: &str, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Error::new("is described twice").within(noun, name));
        }
    }
    Ok(())
}

fn capability(map: &Map) -> Result<ServiceCapability> {
    Ok(ServiceCapability {
        service_id: text_required(map, "serviceId", limits::SERVICE_ID_CHARS_MAX)?,
        service_type: name(map, "serviceType")?,
        option: text(map, "option", limits::NAME_CHARS_MAX)?,
    })
}

fn service_type(map: &Map) -> Result<ServiceType> {
    let service_type = name(map, "serviceType")?;
    let read = || -> Result<ServiceType> {
        let commands = each(map, "commands", limits::COMMANDS_MAX, command)?;
        distinct(
            "command",
            commands.iter().map(|command| command.name.as_str()),
        )?;
        let properties = each(map, "properties", limits::PROPERTIES_MAX, property)?;
        distinct(
            "property",
            properties.iter().map(|property| property.name.as_str()),
        )?;
        let description =
            text(map, "description", limits::DESCRIPTION_CHARS_MAX)?.unwrap_or_default();
        Ok(ServiceType {
            service_type: service_type.clone(),
            description,
            commands,
            properties,
        })
    };
    read().map_err(|error| error.within("service", &service_type))
}

fn command(map: &Map) -> Result<Command> {
    let command = text_required(map, "commandName", limits::COMMAND_NAME_CHARS_MAX)?;
    let read = || -> Result<Command> {
        let paras = paras(map)?;
        let responses = each(map, "responses", limits::RESPONSES_MAX, response)?;
        distinct(
            "response",
            responses.iter().map(|response| response.name.as_str()),
        )?;
        Ok(Command {
            name: command.clone(),
            paras,
            responses,
        })
    };
    read().map_err(|error| error.within("command", &command))
}

fn response(map: &Map) -> Result<Response> {
    let response = name(map, "responseName")?;
    let paras = paras(map).map_err(|error| error.within("response", &response))?;
    Ok(Response {
        name: response,
        paras,
    })
}

fn paras(map: &Map) -> Result<Vec<Para>> {
    let paras = each(map, "paras", limits::PARAS_MAX, |map| {
        let para = name(map, "paraName")?;
        let rule = rule(map).map_err(|error| error.within("para", &para))?;
        Ok(Para { name: para, rule })
    })?;
    distinct("para", paras.iter().map(|para| para.name.as_str()))?;
    Ok(paras)
}

fn property(map: &Map) -> Result<Property> {
    let property = name(map, "propertyName")?;
    let read = || Ok((text(map, "method", limits::NAME_CHARS_MAX)?, rule(map)?));
    let (method, rule) = read().map_err(|error: Error| error.within("property", &property))?;
    Ok(Property {
        name: property,
        method,
        rule,
    })
}

fn rule(map: &Map) -> Result<Rule> {
    let type_name = name(map, "dataType")?;
    let Some(data_type) = DataType::named(&type_name) else {
        let what = "is none of int, decimal, string, DateTime, jsonObject";
        return Err(Error::new(format!("dataType `{}` {what}", cut(&type_name))));
    };
    let rule = Rule {
        data_type,
        required: flag(map, "required")?,
        min: number(map, "min")?,
        max: number(map, "max")?,
        step: number(map, "step")?,
        max_length: length(map)?,
        unit: text(map, "unit", limits::NAME_CHARS_MAX)?,
        enum_list: array(map, "enumList", limits::ENUM_ENTRIES_MAX)?.to_vec(),
    };
    consistent(&rule)?;
    Ok(rule)
}

/// Refuses a rule that no value could pass, or that would not mean what it says.
fn consistent(rule: &Rule) -> Result<()> {
    if let Some(index) = rule
        .enum_list
        .iter()
        .position(|entry| !rule.can_list(entry))
    {
        let entry = cut(&rule.enum_list[index].to_string());
        let of_type = rule.data_type.name();
        return Err(Error::new(format!(
            "enumList[{index}] is {entry}, which is no {of_type}"
        )));
    }
    if !rule.data_type.is_numeric() || !rule.enum_list.is_empty() {
        return Ok(());
    }
    if let (Some(min), Some(max)) = (&rule.min, &rule.max)
        && number::compare(min, max).is_none_or(std::cmp::Ordering::is_gt)
    {
        return Err(Error::new(format!("min {min} is greater than max {max}")));
    }
    match &rule.step {
        Some(step)
            if number::compare(step, &Number::from(0)).is_none_or(std::cmp::Ordering::is_lt) =>
        {
            Err(Error::new(format!("step {step} is negative")))
        }
        Some(_) | None => Ok(()),
    }
}

/// The entries of a list of objects, each read; a fault in one says which.
fn each<T>(map: &Map, key: &str, max: usize, read: impl Fn(&Map) -> Result<T>) -> Result<Vec<T>> {
    let entries = array(map, key, max)?.iter().enumerate();
    entries
        .map(|(index, entry)| {
            object(entry)
                .and_then(&read)
                .map_err(|error| place(error, key, index))
        })
        .collect()
}

/// Names the position where the entry's own name has not been given.
fn place(error: Error, key: &str, index: usize) -> Error {
    if error.has_place() {
        error
    } else {
        error.at(key, index)
    }
}

fn object(value: &Value) -> Result<&Map> {
    value
        .as_object()
        .ok_or_else(|| Error::new("must be an object"))
}

fn array<'a>(map: &'a Map, key: &str, max: usize) -> Result<&'a [Value]> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(entries)) if entries.len() > max => Err(Error::new(format!(
            "`{key}` has {} entries, more than {max}",
            entries.len()
        ))),
        Some(Value::Array(entries)) => Ok(entries),
        Some(_) => Err(Error::new(format!("`{key}` must be an array"))),
    }
}

fn absent(map: &Map, key: &str) -> bool {
    map.get(key).is_none_or(Value::is_null)
}

fn name(map: &Map, key: &str) -> Result<String> {
    text_required(map, key, limits::NAME_CHARS_MAX)
}

/// A name: present, not blank, without control characters.
fn text_required(map: &Map, key: &str, max: usize) -> Result<String> {
    let text = text(map, key, max)?.ok_or_else(|| Error::new(format!("`{key}` is missing")))?;
    if text.trim().is_empty() {
        return Err(Error::new(format!("`{key}` is empty")));
    }
    if text.contains(char::is_control) {
        return Err(Error::new(format!("`{key}` contains a control character")));
    }
    Ok(text)
}

fn text(map: &Map, key: &str, max: usize) -> Result<Option<String>> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if longer_than(text, max) => Err(Error::new(format!(
            "`{key}` is longer than {max} characters"
        ))),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Error::new(format!("`{key}` must be a string"))),
    }
}

/// A truth value, also as a string; absent is false.
fn flag(map: &Map, key: &str) -> Result<bool> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(Error::new(format!("`{key}` must be true or false"))),
    }
}

/// A number, also as a string; an empty string is an absent one.
fn number(map: &Map, key: &str) -> Result<Option<Number>> {
    match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(value) => number::decimal(value)
            .map(Some)
            .ok_or_else(|| Error::new(format!("`{key}` must be a number or null"))),
    }
}

fn length(map: &Map) -> Result<Option<u32>> {
    let Some(number) = number(map, "maxLength")? else {
        return Ok(None);
    };
    let length =
        number::integer(&Value::Number(number)).and_then(|length| u32::try_from(length).ok());
    length
        .map(Some)
        .ok_or_else(|| Error::new("`maxLength` must be a whole number from 0 to 4294967295"))
}
