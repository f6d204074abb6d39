//! Reads the members of a JSON request, tolerant in form and strict in content.
//!
//! Tolerant: null means unset, integers and booleans may stand as strings, unknown members are ignored, of a repeated member the last
//! one counts, `callbackUrl` is found in any case. Strict: types, lengths and ranges; what is wrong is told by member and reason. Values
//! are never repeated in a reason: they may be secrets.

use std::fmt;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::Secret;
use crate::asked::asked;
use crate::limits::CALLBACK_CHARS_MAX;

/// What is wrong with a request: for the `detail` member of the error's body.
///
/// `Display` gives a whole statement: "`expireTime` must be an integer from 0 to 2147483647 seconds".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    member: Option<String>,
    reason: String,
    too_many: bool,
}

impl Invalid {
    pub(crate) fn member(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            member: Some(name.into()),
            reason: reason.into(),
            too_many: false,
        }
    }

    pub(crate) fn whole(reason: impl Into<String>) -> Self {
        Self {
            member: None,
            reason: reason.into(),
            too_many: false,
        }
    }

    /// A list has more items than it may have: some operations have a code of its own for that.
    pub(crate) fn too_many(self) -> Self {
        Self {
            too_many: true,
            ..self
        }
    }

    /// Whether it is nothing but too long a list.
    pub fn is_too_many(&self) -> bool {
        self.too_many
    }

    /// The faulty member with its path (`command.serviceId`), query key or path variable; `None` when the request as a whole is at fault.
    pub fn name(&self) -> Option<&str> {
        self.member.as_deref()
    }

    /// Why it is wrong: "is required", "must have 1 to 64 characters".
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.member {
            Some(member) => write!(f, "`{member}` {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl std::error::Error for Invalid {}

/// Reads a body that must be one JSON object.
pub(crate) fn json_object(body: &[u8]) -> Result<Map<String, Value>, Invalid> {
    if body.trim_ascii().is_empty() {
        return Err(Invalid::whole(
            "the body is empty; it must be a JSON object",
        ));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Invalid::whole("the body must be a JSON object")),
        Err(error) => Err(Invalid::whole(format!(
            "the body is not valid JSON at line {} column {}",
            error.line(),
            error.column()
        ))),
    }
}

/// The members of one JSON object of a request.
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: &'static str,
}

impl<'a> Fields<'a> {
    /// The members of the body itself.
    pub(crate) fn of(map: &'a Map<String, Value>) -> Self {
        Self::at("", map)
    }

    /// The members of an inner object; `path` ends in a dot and stands before names in reasons.
    pub(crate) fn at(path: &'static str, map: &'a Map<String, Value>) -> Self {
        Self { map, path }
    }

    /// An optional text of `chars` characters. Where the empty text is allowed it means unset.
    pub(crate) fn text(
        &self,
        name: &str,
        chars: RangeInclusive<usize>,
    ) -> Result<Option<String>, Invalid> {
        asked!(
            self.path,
            name,
            Text {
                chars: chars.clone()
            }
        );
        self.any_text(name, chars)
    }

    fn any_text(
        &self,
        name: &str,
        chars: RangeInclusive<usize>,
    ) -> Result<Option<String>, Invalid> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() && *chars.start() == 0 => Ok(None),
            Some(Value::String(text)) => match check_text(text, &chars) {
                Ok(()) => Ok(Some(text.clone())),
                Err(reason) => Err(self.wrong(name, reason)),
            },
            Some(_) => Err(self.wrong(name, "must be a string")),
        }
    }

    /// A mandatory text of `chars` characters, at least one.
    pub(crate) fn required_text(
        &self,
        name: &str,
        chars: RangeInclusive<usize>,
    ) -> Result<String, Invalid> {
        let chars = (*chars.start()).max(1)..=*chars.end();
        asked!(
            self.path,
            name,
            RequiredText {
                chars: chars.clone()
            }
        );
        self.any_text(name, chars)?
            .ok_or_else(|| self.missing(name))
    }

    /// An optional text of `chars` ASCII letters and digits.
    pub(crate) fn letters(
        &self,
        name: &str,
        chars: RangeInclusive<usize>,
    ) -> Result<Option<String>, Invalid> {
        asked!(
            self.path,
            name,
            Letters {
                chars: chars.clone()
            }
        );
        self.any_letters(name, &chars)
    }

    /// A mandatory text of `chars` ASCII letters and digits.
    pub(crate) fn required_letters(
        &self,
        name: &str,
        chars: RangeInclusive<usize>,
    ) -> Result<String, Invalid> {
        asked!(
            self.path,
            name,
            RequiredLetters {
                chars: chars.clone()
            }
        );
        self.any_letters(name, &chars)?
            .ok_or_else(|| self.missing(name))
    }

    fn any_letters(
        &self,
        name: &str,
        chars: &RangeInclusive<usize>,
    ) -> Result<Option<String>, Invalid> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text))
                if chars.contains(&text.len())
                    && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
            {
                Ok(Some(text.clone()))
            }
            Some(Value::String(_)) => {
                let (least, most) = (chars.start(), chars.end());
                let reason = format!("must be {least} to {most} ASCII letters and digits");
                Err(self.wrong(name, reason))
            }
            Some(_) => Err(self.wrong(name, "must be a string")),
        }
    }

    /// An optional word of a list, in any case, blanks around it; its place in the list. `reason` says what it must be.
    pub(crate) fn word(
        &self,
        name: &str,
        words: &[&'static str],
        reason: &str,
    ) -> Result<Option<usize>, Invalid> {
        asked!(
            self.path,
            name,
            Word {
                words: words.to_vec()
            }
        );
        let Some(text) = self.any_text(name, 0..=usize::MAX)? else {
            return Ok(None);
        };
        place(words, &text)
            .map(Some)
            .ok_or_else(|| self.wrong(name, reason))
    }

    /// A mandatory word of a list.
    pub(crate) fn required_word(
        &self,
        name: &str,
        words: &[&'static str],
        reason: &str,
    ) -> Result<usize, Invalid> {
        asked!(
            self.path,
            name,
            RequiredWord {
                words: words.to_vec()
            }
        );
        self.word(name, words, reason)?
            .ok_or_else(|| self.missing(name))
    }

    /// An optional text that is kept out of logs.
    pub(crate) fn secret(
        &self,
        name: &str,
        chars: RangeInclusive<usize>,
    ) -> Result<Option<Secret>, Invalid> {
        Ok(self.text(name, chars)?.map(Secret::new))
    }

    /// A mandatory text that is kept out of logs.
    pub(crate) fn required_secret(
        &self,
        name: &str,
        chars: RangeInclusive<usize>,
    ) -> Result<Secret, Invalid> {
        self.required_text(name, chars).map(Secret::new)
    }

    /// An optional key in hexadecimal: an even number of digits within `digits`.
    pub(crate) fn hex_key(
        &self,
        name: &str,
        digits: RangeInclusive<usize>,
    ) -> Result<Option<Secret>, Invalid> {
        asked!(
            self.path,
            name,
            Hex {
                digits: digits.clone()
            }
        );
        let Some(text) = self.any_text(name, 0..=usize::MAX)? else {
            return Ok(None);
        };
        if digits.contains(&text.len())
            && text.len() % 2 == 0
            && text.bytes().all(|b| b.is_ascii_hexdigit())
        {
            return Ok(Some(Secret::new(text)));
        }
        let (least, most) = digits.into_inner();
        Err(self.wrong(
            name,
            if least == most {
                format!("must be {least} hexadecimal digits")
            } else {
                format!("must be an even number of hexadecimal digits, {least} to {most}")
            },
        ))
    }

    /// An optional integer within `range`, a JSON number or a string; `unit` ends the reason ("seconds"), or is empty.
    pub(crate) fn integer<T>(
        &self,
        name: &str,
        range: RangeInclusive<T>,
        unit: &str,
    ) -> Result<Option<T>, Invalid>
    where
        T: Copy + PartialOrd + TryFrom<i64> + fmt::Display,
    {
        asked!(
            self.path,
            name,
            Integer {
                least: range.start().to_string(),
                most: range.end().to_string(),
                unit: unit.to_owned()
            }
        );
        let number = match self.value(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_i64(),
            Some(Value::String(text)) => text.trim().parse::<i64>().ok(),
            Some(_) => None,
        };
        match number
            .and_then(|number| T::try_from(number).ok())
            .filter(|number| range.contains(number))
        {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(name, integer_reason(&range, unit))),
        }
    }

    /// An optional boolean, a JSON boolean or the words in any case.
    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, Invalid> {
        asked!(self.path, name, Boolean);
        match self.value(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(Value::String(text)) => boolean_word(text)
                .map(Some)
                .ok_or_else(|| self.wrong(name, "must be true or false")),
            Some(_) => Err(self.wrong(name, "must be true or false")),
        }
    }

    /// An optional object.
    pub(crate) fn object(&self, name: &str) -> Result<Option<&'a Map<String, Value>>, Invalid> {
        asked!(self.path, name, Object);
        match self.value(name) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(_) => Err(self.wrong(name, "must be an object")),
        }
    }

    /// A mandatory object.
    pub(crate) fn required_object(&self, name: &str) -> Result<&'a Map<String, Value>, Invalid> {
        asked!(self.path, name, RequiredObject);
        self.object(name)?.ok_or_else(|| self.missing(name))
    }

    /// An optional list of texts of `chars` characters each, at most `items_max`; null items are left out.
    pub(crate) fn texts(
        &self,
        name: &str,
        items_max: usize,
        chars: RangeInclusive<usize>,
    ) -> Result<Vec<String>, Invalid> {
        asked!(
            self.path,
            name,
            Texts {
                items: 0..=items_max,
                chars: chars.clone()
            }
        );
        let texts = self.any_texts(name, &(0..=items_max), &chars)?;
        Ok(texts.unwrap_or_default())
    }

    /// A mandatory list of as many texts as `items` says, of `chars` characters each; null items are left out.
    pub(crate) fn required_texts(
        &self,
        name: &str,
        items: RangeInclusive<usize>,
        chars: RangeInclusive<usize>,
    ) -> Result<Vec<String>, Invalid> {
        asked!(
            self.path,
            name,
            RequiredTexts {
                items: items.clone(),
                chars: chars.clone()
            }
        );
        self.any_texts(name, &items, &chars)?
            .ok_or_else(|| self.missing(name))
    }

    fn any_texts(
        &self,
        name: &str,
        items: &RangeInclusive<usize>,
        chars: &RangeInclusive<usize>,
    ) -> Result<Option<Vec<String>>, Invalid> {
        let list = match self.value(name) {
            None => return Ok(None),
            Some(Value::Array(list)) => list,
            Some(_) => return Err(self.wrong(name, "must be a list of strings")),
        };
        let set: Vec<&Value> = list.iter().filter(|item| !item.is_null()).collect();
        if !items.contains(&set.len()) {
            let reason = match items.start() {
                0 => format!("must have at most {} items", items.end()),
                least => format!("must have {least} to {} items", items.end()),
            };
            let wrong = self.wrong(name, reason);
            let more = set.len() > *items.end();
            return Err(if more { wrong.too_many() } else { wrong });
        }
        let texts = set.into_iter().map(|item| {
            let text = item
                .as_str()
                .ok_or_else(|| self.wrong(name, "must be a list of strings"))?;
            check_text(text, chars).map_err(|reason| {
                self.wrong(
                    name,
                    format!("must be a list of strings, each of which {reason}"),
                )
            })?;
            Ok(text.to_owned())
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    /// An optional list of objects, at most `items_max`; null items are left out.
    pub(crate) fn objects(
        &self,
        name: &str,
        items_max: usize,
    ) -> Result<Vec<&'a Map<String, Value>>, Invalid> {
        asked!(self.path, name, Objects { items_max });
        let items = match self.value(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) if items.len() <= items_max => items,
            Some(Value::Array(_)) => {
                return Err(self.wrong(name, format!("must have at most {items_max} items")));
            }
            Some(_) => return Err(self.wrong(name, "must be a list of objects")),
        };
        let objects = items.iter().filter(|item| !item.is_null());
        objects
            .map(|item| {
                item.as_object()
                    .ok_or_else(|| self.wrong(name, "must be a list of objects"))
            })
            .collect()
    }

    /// The callback address, its key in any case; `name` is the spelling of the documentation.
    pub(crate) fn callback_url(&self, name: &str) -> Result<Option<String>, Invalid> {
        asked!(self.path, name, CallbackUrl);
        let exact = self.value(name);
        let any_case = || {
            self.map
                .iter()
                .find(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null())
        };
        match exact.or_else(|| any_case().map(|(_, value)| value)) {
            None => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
            Some(Value::String(text)) => match check_callback_url(text.trim()) {
                Ok(()) => Ok(Some(text.trim().to_owned())),
                Err(reason) => Err(self.wrong(name, reason)),
            },
            Some(_) => Err(self.wrong(name, "must be a string")),
        }
    }

    /// An error about member `name`.
    pub(crate) fn wrong(&self, name: &str, reason: impl Into<String>) -> Invalid {
        Invalid::member(format!("{}{name}", self.path), reason)
    }

    fn missing(&self, name: &str) -> Invalid {
        self.wrong(name, "is required")
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }
}

/// The place of a word in a list, its case and blanks around it aside.
pub(crate) fn place(words: &[&str], text: &str) -> Option<usize> {
    words
        .iter()
        .position(|word| word.eq_ignore_ascii_case(text.trim()))
}

/// The words true and false in any case.
pub(crate) fn boolean_word(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// "must be an integer from 0 to 3": the one wording for bodies and queries.
pub(crate) fn integer_reason<T: fmt::Display>(range: &RangeInclusive<T>, unit: &str) -> String {
    let blank = if unit.is_empty() { "" } else { " " };
    format!(
        "must be an integer from {} to {}{blank}{unit}",
        range.start(),
        range.end()
    )
}

/// Checks length (characters) and content of a text; the error is a reason.
pub(crate) fn check_text(text: &str, chars: &RangeInclusive<usize>) -> Result<(), String> {
    if !chars.contains(&text.chars().count()) {
        return Err(match chars.start() {
            0 => format!("must have at most {} characters", chars.end()),
            least => format!("must have {least} to {} characters", chars.end()),
        });
    }
    let is_stray = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    if text.chars().any(is_stray) {
        return Err("must not contain control characters".to_owned());
    }
    Ok(())
}

/// Checks that a callback address is a whole http or https address with a host (R3.8); the error is a reason.
fn check_callback_url(text: &str) -> Result<(), String> {
    if text.chars().count() > CALLBACK_CHARS_MAX {
        return Err(format!("must have at most {CALLBACK_CHARS_MAX} characters"));
    }
    let malformed = || "must be an address such as https://host:port/path".to_owned();
    // `Uri` lets UTF-8 pass, which no request line may carry (RFC 3986).
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(malformed());
    }
    let uri: http::Uri = text.parse().map_err(|_| malformed())?;
    let is_http = matches!(uri.scheme_str(), Some(scheme) if ["http", "https"].iter().any(|s| s.eq_ignore_ascii_case(scheme)));
    let has_host = uri.host().is_some_and(|host| !host.is_empty());
    // `Uri` lets a port such as 99999 or an empty one pass and then reports none.
    let after_host = uri.authority().map_or("", |authority| {
        let host_and_port = authority.as_str().rsplit('@').next().unwrap_or_default();
        host_and_port
            .strip_prefix(authority.host())
            .unwrap_or_default()
    });
    let port_is_sound = after_host.is_empty() || uri.port_u16().is_some_and(|port| port > 0);
    if is_http && has_host && port_is_sound {
        Ok(())
    } else {
        Err(malformed())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::limits::{ID, TEXT};

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn reason<T: fmt::Debug>(result: Result<T, Invalid>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn null_and_absent_members_are_unset() {
        let map = map(&json!({"a": null}));
        let fields = Fields::of(&map);
        for name in ["a", "b"] {
            assert_eq!(fields.text(name, TEXT).unwrap(), None);
            assert_eq!(fields.integer(name, 0..=3_u8, "").unwrap(), None);
            assert_eq!(fields.boolean(name).unwrap(), None);
            assert_eq!(fields.object(name).unwrap(), None);
            assert!(fields.objects(name, 1).unwrap().is_empty());
            assert_eq!(fields.callback_url(name).unwrap(), None);
            assert_eq!(
                reason(fields.required_text(name, TEXT)),
                format!("`{name}` is required")
            );
            assert_eq!(
                reason(fields.required_object(name)),
                format!("`{name}` is required")
            );
        }
    }

    #[test]
    fn integers_and_booleans_may_stand_as_strings() {
        let map = map(&json!({"n": "0", "m": " 3 ", "t": "TRUE", "f": "false", "b": true}));
        let fields = Fields::of(&map);
        assert_eq!(fields.integer("n", 0..=3_u8, "").unwrap(), Some(0));
        assert_eq!(fields.integer("m", 0..=3_u8, "").unwrap(), Some(3));
        assert_eq!(fields.boolean("t").unwrap(), Some(true));
        assert_eq!(fields.boolean("f").unwrap(), Some(false));
        assert_eq!(fields.boolean("b").unwrap(), Some(true));
    }

    #[test]
    fn a_reason_names_the_member_the_bounds_and_the_unit() {
        let map =
            map(&json!({"n": -1, "big": 4_294_967_296_u64, "x": 1.5, "word": "soon", "list": []}));
        let fields = Fields::at("outer.", &map);
        for name in ["n", "big", "x", "word", "list"] {
            assert_eq!(
                reason(fields.integer(name, 0..=2_147_483_647_u32, "seconds")),
                format!("`outer.{name}` must be an integer from 0 to 2147483647 seconds")
            );
        }
        assert_eq!(
            reason(fields.integer("n", 0..=3_u8, "")),
            "`outer.n` must be an integer from 0 to 3"
        );
        assert_eq!(
            reason(fields.boolean("n")),
            "`outer.n` must be true or false"
        );
        assert_eq!(reason(fields.text("n", ID)), "`outer.n` must be a string");
        assert_eq!(
            reason(fields.object("list")),
            "`outer.list` must be an object"
        );
        assert_eq!(
            reason(fields.objects("n", 3)),
            "`outer.n` must be a list of objects"
        );
    }

    #[test]
    fn lengths_count_characters_and_hold_at_both_ends() {
        let map = map(
            &json!({"none": "", "most": "灯".repeat(64), "more": "灯".repeat(65), "nul": "a\u{0}b"}),
        );
        let fields = Fields::of(&map);
        assert_eq!(
            reason(fields.text("none", ID)),
            "`none` must have 1 to 64 characters"
        );
        assert_eq!(fields.text("most", ID).unwrap().unwrap().len(), 192);
        assert_eq!(
            reason(fields.text("more", ID)),
            "`more` must have 1 to 64 characters"
        );
        assert_eq!(
            reason(fields.text("more", 0..=64)),
            "`more` must have at most 64 characters"
        );
        assert_eq!(
            reason(fields.text("nul", ID)),
            "`nul` must not contain control characters"
        );
        assert_eq!(fields.text("none", 0..=64).unwrap(), None);
        assert_eq!(
            reason(fields.required_text("none", 0..=64)),
            "`none` must have 1 to 64 characters"
        );
    }

    #[test]
    fn r3_9_a_key_is_an_even_number_of_hexadecimal_digits() {
        let map = map(
            &json!({"short": "abcdef", "odd": "abcdef012", "low": "abcdef01", "high": "A".repeat(32),
            "long": "a".repeat(34), "word": "abcdefgh", "wide": "é".repeat(4)}),
        );
        let fields = Fields::of(&map);
        for name in ["short", "odd", "long", "word", "wide"] {
            let expected =
                format!("`{name}` must be an even number of hexadecimal digits, 8 to 32");
            assert_eq!(reason(fields.hex_key(name, 8..=32)), expected);
        }
        assert_eq!(
            fields.hex_key("low", 8..=32).unwrap().unwrap().expose(),
            "abcdef01"
        );
        assert_eq!(
            fields
                .hex_key("high", 8..=32)
                .unwrap()
                .unwrap()
                .expose()
                .len(),
            32
        );
        assert_eq!(
            reason(fields.hex_key("high", 20..=20)),
            "`high` must be 20 hexadecimal digits"
        );
    }

    #[test]
    fn the_callback_address_is_found_under_any_case_of_its_key() {
        for key in ["callbackUrl", "callbackURL", "callbackurl", "CallbackUrl"] {
            let map = map(&json!({key: "https://host:8099/x"}));
            assert_eq!(
                Fields::of(&map)
                    .callback_url("callbackUrl")
                    .unwrap()
                    .unwrap(),
                "https://host:8099/x"
            );
        }
        let map = map(
            &json!({"callbackURL": "http://b/", "callbackUrl": null, "callbackurl": "http://c/"}),
        );
        assert!(
            Fields::of(&map)
                .callback_url("callbackUrl")
                .unwrap()
                .is_some()
        );
        let map = self::map(&json!({"callbackURL": "http://b/", "callbackUrl": "http://a/"}));
        assert_eq!(
            Fields::of(&map)
                .callback_url("callbackUrl")
                .unwrap()
                .unwrap(),
            "http://a/"
        );
    }

    #[test]
    fn r3_8_malformed_callback_addresses_are_refused() {
        for address in [
            "host/path",
            "/path",
            "ftp://host/",
            "https://",
            "https:///path",
            "https://host:99999/",
            "https://host:/",
            "https://host:0/",
            "https://ho st/",
            "https://user@host:99999/",
            "javascript:alert(1)",
            "https://host/\u{e9}",
            "*",
        ] {
            let map = map(&json!({"callbackUrl": address}));
            let text = reason(Fields::of(&map).callback_url("callbackUrl"));
            assert_eq!(
                text, "`callbackUrl` must be an address such as https://host:port/path",
                "{address}"
            );
        }
        for address in [
            "http://1.2.3.4:80/",
            "https://host",
            "HTTPS://host/a?b=c",
            "https://[::1]:8/x",
            " http://h/ ",
        ] {
            let map = map(&json!({"callbackUrl": address}));
            assert_eq!(
                Fields::of(&map)
                    .callback_url("callbackUrl")
                    .unwrap()
                    .unwrap(),
                address.trim()
            );
        }
        let map = map(&json!({"callbackUrl": format!("https://h/{}", "a".repeat(1015))}));
        let text = reason(Fields::of(&map).callback_url("callbackUrl"));
        assert_eq!(text, "`callbackUrl` must have at most 1024 characters");
    }

    #[test]
    fn a_body_that_is_no_object_is_told_so() {
        assert_eq!(
            reason(json_object(b" \r\n")),
            "the body is empty; it must be a JSON object"
        );
        assert_eq!(
            reason(json_object(b"[1]")),
            "the body must be a JSON object"
        );
        assert_eq!(
            reason(json_object(b"{\"a\":}")),
            "the body is not valid JSON at line 1 column 6"
        );
        assert!(reason(json_object(b"{\"a\":\"\xff\"}")).starts_with("the body is not valid JSON"));
        let deep = "{\"a\":".repeat(100_000);
        assert!(reason(json_object(deep.as_bytes())).starts_with("the body is not valid JSON"));
    }

    #[test]
    fn of_a_repeated_member_the_last_one_counts() {
        let map = json_object(br#"{"status":"PENDING","status":"CANCELED"}"#).unwrap();
        assert_eq!(
            Fields::of(&map).text("status", ID).unwrap().unwrap(),
            "CANCELED"
        );
    }

    proptest! {
        #[test]
        fn no_address_makes_the_check_panic(address in ".{0,80}") {
            let _ = check_callback_url(&address);
            let _ = check_callback_url(&format!("https://{address}"));
        }
    }
}
