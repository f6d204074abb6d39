//! Moments as the contract writes them: `yyyyMMdd'T'HHmmss'Z'`, UTC, whole seconds.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const MONTH_DAYS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const DAY_SECONDS: i64 = 86_400;
/// Days from 0000-01-01 to 1970-01-01.
const EPOCH_DAY: i64 = 719_528;
const FIRST: i64 = -EPOCH_DAY * DAY_SECONDS;
const LAST: i64 = 253_402_300_799;

/// A moment of the years 0000 to 9999 in whole seconds: `20151212T121212Z` [1].
///
/// Serialised as that text. There is no clock here: moments come from the caller as Unix milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    unix_seconds: i64,
}

impl Timestamp {
    /// The moment `millis` after 1970, rounded down to its second and held within the years 0000 to 9999.
    pub fn from_unix_millis(millis: i64) -> Self {
        Self {
            unix_seconds: millis.div_euclid(1000).clamp(FIRST, LAST),
        }
    }

    /// As [`Timestamp::from_unix_millis`], for a clock that counts unsigned.
    pub fn from_unix_millis_u64(millis: u64) -> Self {
        Self::from_unix_millis(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    /// Milliseconds since 1970; negative before.
    pub fn unix_millis(self) -> i64 {
        self.unix_seconds * 1000
    }

    /// Milliseconds since 1970; 0 for every earlier moment.
    pub fn unix_millis_u64(self) -> u64 {
        u64::try_from(self.unix_millis()).unwrap_or(0)
    }

    /// Reads `yyyyMMdd'T'HHmmss'Z'`; `None` for any other text and for moments that do not exist, 30 February or second 60 among them.
    pub fn parse(text: &str) -> Option<Self> {
        let &[
            y1,
            y2,
            y3,
            y4,
            mo1,
            mo2,
            d1,
            d2,
            b'T',
            h1,
            h2,
            mi1,
            mi2,
            s1,
            s2,
            b'Z',
        ] = text.as_bytes()
        else {
            return None;
        };
        let year = number(&[y1, y2, y3, y4])?;
        let month = number(&[mo1, mo2])?;
        let day = number(&[d1, d2])?;
        let (hour, minute, second) = (number(&[h1, h2])?, number(&[mi1, mi2])?, number(&[s1, s2])?);
        let exists = (1..=12).contains(&month)
            && (1..=month_days(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        let days = || {
            year_start(year) + (1..month).map(|m| month_days(year, m)).sum::<i64>() + day
                - 1
                - EPOCH_DAY
        };
        exists.then(|| Self {
            unix_seconds: days() * DAY_SECONDS + hour * 3600 + minute * 60 + second,
        })
    }

    fn text(self) -> [u8; 16] {
        let days = self.unix_seconds.div_euclid(DAY_SECONDS) + EPOCH_DAY;
        let second_of_day = self.unix_seconds.rem_euclid(DAY_SECONDS);
        let (year, month, day) = civil(days);
        let mut text = *b"yyyyMMddTHHmmssZ";
        write_digits(&mut text[0..4], year);
        write_digits(&mut text[4..6], month);
        write_digits(&mut text[6..8], day);
        write_digits(&mut text[9..11], second_of_day / 3600);
        write_digits(&mut text[11..13], second_of_day / 60 % 60);
        write_digits(&mut text[13..15], second_of_day % 60);
        text
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).expect("digits and letters are UTF-8"))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer
            .serialize_str(std::str::from_utf8(&self.text()).expect("digits and letters are UTF-8"))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| de::Error::custom("a time must look like 20151212T121212Z"))
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum, digit| {
        digit
            .is_ascii_digit()
            .then(|| sum * 10 + i64::from(digit - b'0'))
    })
}

fn write_digits(places: &mut [u8], mut value: i64) {
    for place in places.iter_mut().rev() {
        *place = b'0' + u8::try_from(value % 10).expect("a moment's parts are not negative");
        value /= 10;
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_days(year: i64, month: i64) -> i64 {
    let index = usize::try_from(month - 1).expect("months count from 1");
    MONTH_DAYS[index] + i64::from(month == 2 && is_leap(year))
}

/// Days from 0000-01-01 to the first day of `year` (not negative); the year 0000 itself is a leap year.
fn year_start(year: i64) -> i64 {
    let before = year - 1;
    let leap_years = if year == 0 {
        0
    } else {
        before / 4 - before / 100 + before / 400 + 1
    };
    365 * year + leap_years
}

/// Year, month and day of the day that lies `days` after 0000-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    // 400 years have 146,097 days; the estimate is off by at most one year.
    let estimate = days * 400 / 146_097;
    let year = (estimate..=estimate + 1)
        .rev()
        .find(|&year| year_start(year) <= days)
        .unwrap_or(estimate - 1);
    let mut rest = days - year_start(year);
    let mut month = 1;
    while rest >= month_days(year, month) {
        rest -= month_days(year, month);
        month += 1;
    }
    (year, month, rest + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_moments_read_and_print() {
        for (text, seconds) in [
            ("19700101T000000Z", 0),
            ("19691231T235959Z", -1),
            ("20151212T121212Z", 1_449_922_332),
            ("20000229T000000Z", 951_782_400),
            ("21000228T235959Z", 4_107_542_399),
            ("21000301T000000Z", 4_107_542_400),
            ("00000101T000000Z", FIRST),
            ("99991231T235959Z", LAST),
        ] {
            let parsed = Timestamp::parse(text).unwrap();
            assert_eq!(parsed.unix_millis(), seconds * 1000, "{text}");
            assert_eq!(parsed.to_string(), text);
        }
    }

    #[test]
    fn every_day_of_ten_thousand_years_follows_the_day_before() {
        let mut expected = (0, 1, 1);
        for day in 0..(LAST + 1 - FIRST) / DAY_SECONDS {
            assert_eq!(civil(day), expected);
            let (year, month, day_of_month) = expected;
            expected = if day_of_month < month_days(year, month) {
                (year, month, day_of_month + 1)
            } else if month < 12 {
                (year, month + 1, 1)
            } else {
                (year + 1, 1, 1)
            };
        }
        assert_eq!(expected, (10_000, 1, 1));
    }

    #[test]
    fn every_day_of_a_whole_cycle_of_leap_years_reads_as_it_prints() {
        for day in year_start(1800)..year_start(2200) {
            let moment = Timestamp {
                unix_seconds: FIRST + day * DAY_SECONDS,
            };
            assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment));
        }
    }

    #[test]
    fn moments_that_do_not_exist_are_refused() {
        for text in [
            "",
            "20190229T000000Z",
            "19000229T000000Z",
            "20190431T000000Z",
            "20190001T000000Z",
            "20191301T000000Z",
            "20190100T000000Z",
            "20190101T240000Z",
            "20190101T006000Z",
            "20190101T000060Z",
            "20190101 000000Z",
            "20190101T000000z",
            "20190101T000000",
            "2019-01-01T00:00:00Z",
            "+0190101T000000Z",
            "2019010éT00000Z",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn milliseconds_round_down_and_extremes_are_held_in_range() {
        assert_eq!(Timestamp::from_unix_millis(1_999).unix_millis(), 1_000);
        assert_eq!(
            Timestamp::from_unix_millis(-1).to_string(),
            "19691231T235959Z"
        );
        assert_eq!(
            Timestamp::from_unix_millis(i64::MIN).to_string(),
            "00000101T000000Z"
        );
        assert_eq!(
            Timestamp::from_unix_millis_u64(u64::MAX).to_string(),
            "99991231T235959Z"
        );
        assert_eq!(Timestamp::from_unix_millis(-1).unix_millis_u64(), 0);
        assert_eq!(
            Timestamp::from_unix_millis_u64(7_000).unix_millis_u64(),
            7_000
        );
    }

    #[test]
    fn the_wire_form_is_a_json_string() {
        let moment = Timestamp::from_unix_millis(0);
        assert_eq!(
            serde_json::to_string(&moment).unwrap(),
            "\"19700101T000000Z\""
        );
        assert_eq!(
            serde_json::from_str::<Timestamp>("\"19700101T000000Z\"").unwrap(),
            moment
        );
        assert!(serde_json::from_str::<Timestamp>("\"yesterday\"").is_err());
    }

    proptest! {
        #[test]
        fn every_moment_survives_the_round_trip(seconds in FIRST..=LAST) {
            let moment = Timestamp { unix_seconds: seconds };
            prop_assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment));
        }

        #[test]
        fn what_parses_prints_as_it_was(text in "[0-9]{4}[01][0-9][0-3][0-9]T[0-2][0-9][0-6][0-9][0-6][0-9]Z") {
            if let Some(moment) = Timestamp::parse(&text) {
                prop_assert_eq!(moment.to_string(), text);
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,20}") {
            let _ = Timestamp::parse(&text);
        }
    }
}
