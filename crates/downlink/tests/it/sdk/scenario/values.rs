//! Variables, and what is expected of a value.

use serde_json::{Map, Value, json};

/// Puts the variables into a value, and writes out `$times`.
///
/// # Errors
/// A name that nothing was saved under.
pub(super) fn filled(value: &Value, variables: &Map<String, Value>) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => filled_text(text, variables)?,
        Value::Array(list) => Value::Array(
            list.iter()
                .map(|item| filled(item, variables))
                .collect::<Result<_, _>>()?,
        ),
        Value::Object(map) => {
            if let (Some(times), Some(of), 2) = (map.get("$times"), map.get("of"), map.len()) {
                let times = times.as_u64().and_then(|times| usize::try_from(times).ok());
                let (times, of) = times
                    .zip(of.as_str())
                    .ok_or("`$times` is no number of texts")?;
                return Ok(Value::String(of.repeat(times)));
            }
            let pairs = map
                .iter()
                .map(|(name, item)| Ok::<_, String>((name.clone(), filled(item, variables)?)));
            Value::Object(pairs.collect::<Result<_, _>>()?)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

fn filled_text(text: &str, variables: &Map<String, Value>) -> Result<Value, String> {
    let of = |name: &str| {
        variables
            .get(name)
            .ok_or(format!("nothing is saved as `{name}`"))
    };
    let whole = text
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'));
    if let Some(name) = whole.filter(|name| !name.contains('}')) {
        return of(name).cloned();
    }
    let mut parts = text.split("${");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part
            .split_once('}')
            .ok_or(format!("a brace is missing in `{text}`"))?;
        match of(name)? {
            Value::String(value) => out.push_str(value),
            other => out.push_str(&other.to_string()),
        }
        out.push_str(rest);
    }
    Ok(Value::String(out))
}

/// What lies at a path such as `$.data.0.commandId`.
///
/// # Errors
/// Nothing does, or null.
pub(super) fn found<'a>(answer: &'a Value, path: &str) -> Result<&'a Value, String> {
    let names = path
        .strip_prefix("$.")
        .ok_or(format!("`{path}` is no path"))?;
    let mut at = answer;
    for name in names.split('.') {
        let inner = match at {
            Value::Array(list) => name.parse::<usize>().ok().and_then(|index| list.get(index)),
            other => other.get(name),
        };
        at = inner.ok_or(format!("nothing is at `{path}`"))?;
    }
    if at.is_null() {
        return Err(format!("null is at `{path}`"));
    }
    Ok(at)
}

/// Where and how a value is not as expected; `None` if it is.
pub(super) fn differs(expected: &Value, seen: &Value) -> Option<String> {
    differs_at("$", expected, Some(seen))
}

fn differs_at(path: &str, expected: &Value, seen: Option<&Value>) -> Option<String> {
    let seen = seen.unwrap_or(&Value::Null);
    let wrong = || Some(format!("{path} is {seen}, not {expected}"));
    match (expected, seen) {
        (Value::Object(matcher), _) if matcher.len() == 1 && matcher.contains_key("$any") => {
            if seen.is_null() { wrong() } else { None }
        }
        (Value::Object(matcher), _) if matcher.len() == 1 && matcher.contains_key("$matches") => {
            let pattern = matcher["$matches"].as_str().expect("a regular expression");
            if fits(pattern, seen) { None } else { wrong() }
        }
        (Value::Object(members), Value::Object(_)) => members.iter().find_map(|(name, member)| {
            assert!(!name.starts_with('$'), "{name} is no expectation");
            differs_at(&format!("{path}.{name}"), member, seen.get(name))
        }),
        (Value::Array(items), Value::Array(there)) if items.len() == there.len() => {
            let mut pairs = items.iter().zip(there).enumerate();
            pairs.find_map(|(index, (item, there))| {
                differs_at(&format!("{path}.{index}"), item, Some(there))
            })
        }
        (Value::Number(number), Value::Number(there)) if number.as_f64() == there.as_f64() => None,
        (expected, seen) if expected == seen => None,
        _ => wrong(),
    }
}

/// Whether a value is a text that a regular expression matches as a whole.
fn fits(pattern: &str, seen: &Value) -> bool {
    let schema = json!({"type": "string", "pattern": format!("^(?:{pattern})$")});
    let judge = jsonschema::validator_for(&schema).expect("a regular expression");
    judge.is_valid(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_found_wherever_it_is() {
        let seen = json!({"a": [1, {"b": "x1"}], "c": null, "more": true});
        for same in [
            json!({"a": [1.0, {"b": "x1"}]}),
            json!({"a": {"$any": true}, "c": null, "d": null}),
            json!({"a": [1, {"b": {"$matches": "x[0-9]"}}]}),
            json!({}),
        ] {
            assert_eq!(differs(&same, &seen), None, "{same}");
        }
        for other in [
            json!({"a": [1]}),
            json!({"a": [2, {"b": "x1"}]}),
            json!({"a": [1, {"b": {"$matches": "x"}}]}),
            json!({"a": [1, {"b": null}]}),
            json!({"c": {"$any": true}}),
            json!({"c": {"$matches": ".*"}}),
            json!({"d": 1}),
            json!([]),
        ] {
            assert!(differs(&other, &seen).is_some(), "{other}");
        }
        let told = differs(&json!({"a": [1, {"b": "x2"}]}), &seen);
        assert_eq!(told.expect("a difference"), r#"$.a.1.b is "x1", not "x2""#);
    }

    #[test]
    fn variables_are_found_and_an_unknown_one_is_an_error() {
        let variables = Map::from_iter([("n".to_owned(), json!(7)), ("t".to_owned(), json!("x"))]);
        let value = json!({"a": ["${n}", "<${t}${n}>"], "b": {"$times": 3, "of": "ab"}});
        let expected = json!({"a": [7, "<x7>"], "b": "ababab"});
        assert_eq!(filled(&value, &variables), Ok(expected.clone()));
        assert!(filled(&json!("${none}"), &variables).is_err());
        assert_eq!(found(&expected, "$.a.1"), Ok(&json!("<x7>")));
        assert!(found(&expected, "$.a.2").is_err());
        assert!(found(&json!({"a": null}), "$.a").is_err());
    }
}
