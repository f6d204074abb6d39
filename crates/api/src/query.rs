//! Query strings and forms: `name=value` pairs as field clients really send them, and the page and time filters built on them.
//!
//! Tolerated: a leading `&` or `?`, a trailing `&`, blanks around a key, keys nobody knows, addresses that were not encoded
//! (`callbackUrl=https://host/x?a=b`), percent signs that encode nothing, bytes that are not UTF-8. A pair with an
//! empty value is unset; of a repeated key the first
//! set one counts.

use std::fmt;
use std::ops::RangeInclusive;

use crate::asked::asked;
use crate::fields::{boolean_word, check_text, integer_reason, place};
use crate::limits::{COMMANDS_PAGE_MAX, INTEGER, TEXT};
use crate::{Invalid, Timestamp};

/// The pairs of one query string or form, decoded.
///
/// It has no limit of its own: the limits on the request's head and body bound it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Splits and decodes the text after the `?` of a request's address. Every text is a query; what is unknown is ignored.
    pub fn parse(raw: &str) -> Self {
        Self::parse_bytes(raw.as_bytes())
    }

    /// As [`Query::parse`], for the body of a form.
    pub fn parse_bytes(raw: &[u8]) -> Self {
        let start = raw
            .iter()
            .take_while(|byte| matches!(byte, b'?' | b'&'))
            .count();
        let pairs = raw[start..]
            .split(|&byte| byte == b'&')
            .filter(|pair| !pair.is_empty());
        Self {
            pairs: pairs
                .map(decode_pair)
                .filter(|(key, value)| !key.is_empty() && !value.is_empty())
                .collect(),
        }
    }

    /// The first set value of exactly this key.
    pub fn first(&self, key: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// The first set value of this key in any case: login fields and the callback address only.
    pub fn first_any_case(&self, key: &str) -> Option<&str> {
        self.first(key).or_else(|| {
            self.pairs
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(key))
                .map(|(_, value)| value.as_str())
        })
    }

    /// An optional text of `chars` characters.
    pub(crate) fn text(
        &self,
        key: &str,
        chars: RangeInclusive<usize>,
    ) -> Result<Option<String>, Invalid> {
        asked!(
            "",
            key,
            Text {
                chars: chars.clone()
            }
        );
        let Some(text) = self.first(key) else {
            return Ok(None);
        };
        check_text(text, &chars).map_err(|reason| Invalid::member(key, reason))?;
        Ok(Some(text.to_owned()))
    }

    /// A mandatory text of `chars` characters.
    pub(crate) fn required_text(
        &self,
        key: &str,
        chars: RangeInclusive<usize>,
    ) -> Result<String, Invalid> {
        asked!(
            "",
            key,
            RequiredText {
                chars: chars.clone()
            }
        );
        self.text(key, chars)?
            .ok_or_else(|| Invalid::member(key, "is required"))
    }

    /// An optional boolean, the words in any case.
    pub(crate) fn boolean(&self, key: &str) -> Result<Option<bool>, Invalid> {
        asked!("", key, Boolean);
        let Some(text) = self.first(key) else {
            return Ok(None);
        };
        boolean_word(text)
            .map(Some)
            .ok_or_else(|| Invalid::member(key, "must be true or false"))
    }

    /// An optional word of a list, in any case; its place in the list. `reason` says what it must be.
    pub(crate) fn word(
        &self,
        key: &str,
        words: &[&'static str],
        reason: &str,
    ) -> Result<Option<usize>, Invalid> {
        asked!(
            "",
            key,
            Word {
                words: words.to_vec()
            }
        );
        let Some(text) = self.first(key) else {
            return Ok(None);
        };
        place(words, text)
            .map(Some)
            .ok_or_else(|| Invalid::member(key, reason))
    }

    fn integer(&self, key: &str, range: RangeInclusive<u32>) -> Result<Option<u32>, Invalid> {
        asked!(
            "",
            key,
            Integer {
                least: range.start().to_string(),
                most: range.end().to_string(),
                unit: String::new()
            }
        );
        let Some(text) = self.first(key) else {
            return Ok(None);
        };
        let number = text
            .trim()
            .parse()
            .ok()
            .filter(|number| range.contains(number));
        number
            .map(Some)
            .ok_or_else(|| Invalid::member(key, integer_reason(&range, "")))
    }

    fn timestamp(&self, key: &str) -> Result<Option<Timestamp>, Invalid> {
        asked!("", key, Moment);
        let Some(text) = self.first(key) else {
            return Ok(None);
        };
        let moment = Timestamp::parse(text.trim());
        moment
            .map(Some)
            .ok_or_else(|| Invalid::member(key, "must be a UTC time such as 20151212T121212Z"))
    }

    /// The owner application a call acts for; unset means the caller itself [1].
    pub fn app_id(&self) -> Result<Option<String>, Invalid> {
        self.text("appId", TEXT)
    }

    /// The owner application of a call on device groups: `accessAppId`, and where that is not set `appId` [10].
    pub fn access_app_id(&self) -> Result<Option<String>, Invalid> {
        if let Some(access) = self.text("accessAppId", TEXT)? {
            return Ok(Some(access));
        }
        // The document names this key beside the other: a client needs to write one of them only.
        let Some(app) = self.first("appId") else {
            return Ok(None);
        };
        check_text(app, &TEXT).map_err(|reason| Invalid::member("appId", reason))?;
        Ok(Some(app.to_owned()))
    }
}

/// Writes a query string or form: keys and values percent-encoded, unset values left out.
#[derive(Debug, Default)]
pub(crate) struct QueryWriter {
    text: String,
}

impl QueryWriter {
    pub(crate) fn pair(mut self, key: &str, value: Option<impl fmt::Display>) -> Self {
        if let Some(value) = value {
            if !self.text.is_empty() {
                self.text.push('&');
            }
            self.text.push_str(key);
            self.text.push('=');
            self.text.push_str(&percent_encode(&value.to_string()));
        }
        self
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }
}

/// Which page of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Counts from 0.
    pub number: u32,
    /// Items per page.
    pub size: u32,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            number: 0,
            size: COMMANDS_PAGE_MAX,
        }
    }
}

impl Page {
    /// `pageNo` (from 0, default 0) and `pageSize` (1 to 1000, default 1000) of [5.3], §15.28.
    pub(crate) fn read(query: &Query) -> Result<Self, Invalid> {
        let page = Self::read_set(query, 1..=COMMANDS_PAGE_MAX, COMMANDS_PAGE_MAX)?;
        Ok(page.unwrap_or_default())
    }

    /// As [`Page::read`], with other sizes; `None` if neither is set.
    pub(crate) fn read_set(
        query: &Query,
        sizes: RangeInclusive<u32>,
        size_default: u32,
    ) -> Result<Option<Self>, Invalid> {
        let number = query.integer("pageNo", INTEGER)?;
        let size = query.integer("pageSize", sizes)?;
        Ok((number.is_some() || size.is_some()).then(|| Self {
            number: number.unwrap_or(0),
            size: size.unwrap_or(size_default),
        }))
    }

    /// Items before this page.
    pub fn offset(self) -> u64 {
        u64::from(self.number) * u64::from(self.size)
    }
}

/// A filter on moments; either end may be open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// Nothing before it.
    pub start: Option<Timestamp>,
    /// Nothing after it.
    pub end: Option<Timestamp>,
}

impl TimeRange {
    /// `startTime` and `endTime` of [5.3]; the end must lie after the start (§15.28).
    pub(crate) fn read(query: &Query) -> Result<Self, Invalid> {
        let range = Self {
            start: query.timestamp("startTime")?,
            end: query.timestamp("endTime")?,
        };
        match (range.start, range.end) {
            (Some(start), Some(end)) if end <= start => {
                Err(Invalid::member("endTime", "must be after `startTime`"))
            }
            _ => Ok(range),
        }
    }
}

/// Percent-encodes everything but letters, digits and `-._~`, for query values and path segments.
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    encoded
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Decodes `%41`; what is no such code stays as it is, and bytes that are not UTF-8 become U+FFFD. `plus_is_blank` is
/// the rule of forms and queries, not of paths.
pub(crate) fn percent_decode(raw: &[u8], plus_is_blank: bool) -> String {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'%', [high, low, after @ ..]) => match (hex_value(*high), hex_value(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high * 16 + low);
                    rest = after;
                }
                _ => bytes.push(b'%'),
            },
            (b'+', _) if plus_is_blank => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

fn decode_pair(pair: &[u8]) -> (String, String) {
    let split = pair.iter().position(|&byte| byte == b'=');
    let (key, value) = split.map_or((pair, &[][..]), |at| (&pair[..at], &pair[at + 1..]));
    (
        percent_decode(key, true).trim().to_owned(),
        percent_decode(value, true),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn odd_queries_of_field_clients_are_read() {
        let query = Query::parse(
            "?&pageNo=0&&app_Id=x&appid=y&appId =z&callbackUrl=https://h:1/p?a=b&flag&=v&empty=&",
        );
        assert_eq!(query.first("pageNo"), Some("0"));
        assert_eq!(query.app_id().unwrap().as_deref(), Some("z"));
        assert_eq!(query.first("callbackUrl"), Some("https://h:1/p?a=b"));
        assert_eq!(
            query.first_any_case("callbackURL"),
            Some("https://h:1/p?a=b")
        );
        assert_eq!(query.first("flag"), None);
        assert_eq!(query.first("empty"), None);
        assert_eq!(Query::parse("appId%20=q").first("appId"), Some("q"));
        assert_eq!(Query::parse("appid=y&app_Id=x").app_id().unwrap(), None);
    }

    #[test]
    fn an_empty_app_id_means_the_caller_itself() {
        assert_eq!(Query::parse("appId=").app_id().unwrap(), None);
        assert_eq!(
            Query::parse("appId=&appId=second")
                .app_id()
                .unwrap()
                .as_deref(),
            Some("second")
        );
        let long = format!("appId={}", "a".repeat(257));
        assert_eq!(
            Query::parse(&long).app_id().unwrap_err().to_string(),
            "`appId` must have at most 256 characters"
        );
    }

    #[test]
    fn percent_codes_decode_and_what_is_none_stays() {
        assert_eq!(
            Query::parse("a=%E7%81%AF+%2b%zz%4").first("a"),
            Some("灯 +%zz%4")
        );
        assert_eq!(Query::parse("a=%ff").first("a"), Some("\u{fffd}"));
        assert_eq!(percent_decode(b"a+b", false), "a+b");
        assert_eq!(percent_encode("a b/灯~"), "a%20b%2F%E7%81%AF~");
    }

    #[test]
    fn pages_default_to_the_first_thousand_and_hold_their_bounds() {
        let page = |raw: &str| Page::read(&Query::parse(raw));
        assert_eq!(
            page("").unwrap(),
            Page {
                number: 0,
                size: 1000
            }
        );
        assert_eq!(
            page("pageNo=&pageSize=").unwrap(),
            Page {
                number: 0,
                size: 1000
            }
        );
        assert_eq!(
            page("pageNo=7&pageSize=1").unwrap(),
            Page { number: 7, size: 1 }
        );
        assert_eq!(
            page("pageNo=2147483647").unwrap().offset(),
            2_147_483_647_000
        );
        for raw in ["pageNo=-1", "pageNo=x", "pageNo=2147483648", "pageNo=1.0"] {
            assert_eq!(
                page(raw).unwrap_err().to_string(),
                "`pageNo` must be an integer from 0 to 2147483647"
            );
        }
        for raw in ["pageSize=0", "pageSize=1001", "pageSize=-5"] {
            assert_eq!(
                page(raw).unwrap_err().to_string(),
                "`pageSize` must be an integer from 1 to 1000"
            );
        }
    }

    #[test]
    fn the_end_of_a_time_range_lies_after_its_start() {
        let range = |raw: &str| TimeRange::read(&Query::parse(raw));
        let whole = range("startTime=20190101T000000Z&endTime=20190101T000001Z").unwrap();
        assert!(whole.start < whole.end);
        assert_eq!(range("endTime=20190101T000000Z").unwrap().start, None);
        for raw in [
            "startTime=20190101T000000Z&endTime=20190101T000000Z",
            "startTime=20190102T000000Z&endTime=20190101T000000Z",
        ] {
            assert_eq!(
                range(raw).unwrap_err().to_string(),
                "`endTime` must be after `startTime`"
            );
        }
        let error = range("startTime=2019-01-01").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`startTime` must be a UTC time such as 20151212T121212Z"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(raw in prop::collection::vec(any::<u8>(), 0..200)) {
            let query = Query::parse_bytes(&raw);
            let _ = (Page::read(&query), TimeRange::read(&query), query.app_id());
        }

        #[test]
        fn what_is_written_reads_back(value in ".{1,40}") {
            let text = QueryWriter::default().pair("first", Some(1)).pair("key", Some(&value)).pair("none", None::<u8>).finish();
            let query = Query::parse(&text);
            prop_assert_eq!(query.first("key"), Some(value.as_str()));
            prop_assert_eq!(query.first("first"), Some("1"));
            prop_assert_eq!(query.first("none"), None);
        }
    }
}
