//! Numbers as devices and applications write them: 12, 12.0, "12".

use std::cmp::Ordering;

use serde_json::{Number, Value};

use crate::limits::NUMBER_CHARS_MAX;

/// How far a quotient may lie from a whole number and still count as one, relative to its size: decimal fractions have no
/// exact binary form.
const STEP_TOLERANCE: f64 = 1e-9;

/// The integer that `value` means: a number without fraction, or such a number as a string.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => integer_text(text),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The integer that `text` spells: `12`, `-3`, `12.0`.
pub(crate) fn integer_text(text: &str) -> Option<i64> {
    numeric(text).then(|| text.parse().ok().or_else(|| whole(text.parse().ok()?)))?
}

/// The number that `value` means: a number, or one as a string. Integers stay integers.
pub(crate) fn decimal(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) if numeric(text) => text
            .parse::<i64>()
            .map(Number::from)
            .ok()
            .or_else(|| Number::from_f64(text.parse().ok()?)),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

/// How two numbers compare, exactly where both are integers.
pub(crate) fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    match (exact(a), exact(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        (_, _) => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

/// Whether `value` is `base` plus a whole number of `step`s, `step` > 0.
pub(crate) fn on_step(value: &Number, base: &Number, step: &Number) -> bool {
    if let (Some(value), Some(base), Some(step)) = (exact(value), exact(base), exact(step)) {
        return step != 0 && (value - base) % step == 0;
    }
    let (Some(value), Some(base), Some(step)) = (value.as_f64(), base.as_f64(), step.as_f64())
    else {
        return false;
    };
    let steps = (value - base) / step;
    (steps - steps.round()).abs() <= STEP_TOLERANCE * steps.abs().max(1.0)
}

/// The number when it is an integer of 64 bits, signed or not.
fn exact(number: &Number) -> Option<i128> {
    number
        .as_i64()
        .map(i128::from)
        .or_else(|| number.as_u64().map(i128::from))
}

/// The integer that a fraction without a fractional part is, as far as doubles tell neighbours apart (2^53).
fn whole(number: f64) -> Option<i64> {
    let exact =
        number.is_finite() && number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0;
    exact.then(|| format!("{number:.0}").parse().ok())?
}

/// Whether `text` is written with digits: what `parse` would take beyond that (`inf`, `nan`) is not a number of JSON.
fn numeric(text: &str) -> bool {
    text.len() <= NUMBER_CHARS_MAX
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn integers_come_in_three_spellings() {
        for value in [
            json!(12),
            json!(12.0),
            json!("12"),
            json!("12.0"),
            json!("+12"),
            json!("1.2e1"),
        ] {
            assert_eq!(integer(&value), Some(12), "{value}");
        }
        assert_eq!(integer(&json!(i64::MIN)), Some(i64::MIN));
        assert_eq!(integer(&json!("9223372036854775807")), Some(i64::MAX));
        assert_eq!(integer(&json!(-0.0)), Some(0));
    }

    #[test]
    fn what_is_no_integer_is_none() {
        for value in [
            json!(12.5),
            json!("12.5"),
            json!(""),
            json!(" 12"),
            json!("nan"),
            json!("inf"),
            json!("0x12"),
            json!(true),
            json!(null),
            json!([12]),
            json!(u64::MAX),
            json!(1e300),
            json!("1e300"),
            json!("1e999"),
            json!("-"),
            json!(format!("{}1", "0".repeat(40))),
        ] {
            assert_eq!(integer(&value), None, "{value}");
        }
    }

    #[test]
    fn decimals_keep_integers_exact() {
        assert_eq!(
            decimal(&json!("9007199254740993")),
            Some(Number::from(9_007_199_254_740_993_i64))
        );
        assert_eq!(decimal(&json!("3.5")), Number::from_f64(3.5));
        assert_eq!(decimal(&json!("1e999")), None);
        assert_eq!(decimal(&json!(true)), None);
    }

    #[test]
    fn comparison_is_exact_between_integers() {
        let number = |value: serde_json::Value| decimal(&value).unwrap();
        assert_eq!(
            compare(&number(json!(i64::MAX)), &number(json!(i64::MAX - 1))),
            Some(Ordering::Greater)
        );
        assert_eq!(
            compare(&number(json!(u64::MAX)), &number(json!(-1))),
            Some(Ordering::Greater)
        );
        assert_eq!(
            compare(&number(json!(1)), &number(json!(1.5))),
            Some(Ordering::Less)
        );
    }

    #[test]
    fn steps_are_counted_from_the_base() {
        let number = |value: serde_json::Value| decimal(&value).unwrap();
        let on = |value, base, step| on_step(&number(value), &number(base), &number(step));
        assert!(on(json!(11), json!(1), json!(5)) && !on(json!(10), json!(1), json!(5)));
        assert!(on(json!(0.3), json!(0), json!(0.1)) && !on(json!(0.35), json!(0), json!(0.1)));
        assert!(on(json!(-4), json!(0), json!(2)) && on(json!(i64::MIN), json!(0), json!(1)));
    }
}
