//! Small facts about text: names cut for messages, depth of JSON, points in time.

/// Characters of a foreign name that a message repeats.
const SHOWN_CHARS_MAX: usize = 80;

/// The name as a message shows it: bounded, without control characters.
pub(crate) fn cut(name: &str) -> String {
    let mut shown: String = name
        .chars()
        .take(SHOWN_CHARS_MAX)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    if name.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// Whether `text` has more than `max` characters; counts no further than needed.
pub(crate) fn longer_than(text: &str, max: usize) -> bool {
    text.len() > max && text.chars().nth(max).is_some()
}

/// Whether arrays and objects nest deeper than `max`. Exact for JSON, harmless for anything else.
pub(crate) fn deeper_than(json: &[u8], max: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            (true | false, _) => {}
        }
        if depth > max {
            return true;
        }
    }
    false
}

/// Whether `text` is a UTC moment `yyyyMMdd'T'HHmmss'Z'` of the calendar (the contract, §1).
pub(crate) fn is_moment(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' {
        return false;
    }
    let number = |from: usize, to: usize| -> Option<u32> {
        bytes[from..to].iter().try_fold(0, |sum, byte| {
            byte.is_ascii_digit()
                .then(|| sum * 10 + u32::from(byte - b'0'))
        })
    };
    let (Some(year), Some(month), Some(day)) = (number(0, 4), number(4, 6), number(6, 8)) else {
        return false;
    };
    let (Some(hour), Some(minute), Some(second)) = (number(9, 11), number(11, 13), number(13, 15))
    else {
        return false;
    };
    (1..=days(year, month)).contains(&day) && hour < 24 && minute < 60 && second < 60
}

/// Days of a month; 0 when there is no such month.
fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_within_strings_do_not_nest() {
        assert!(!deeper_than(br#"{"a":"[[[[{{\"[["}"#, 1));
        assert!(deeper_than(br#"{"a":[[]]}"#, 2));
        assert!(!deeper_than(br#"{"a":[[]],"b":[[]]}"#, 3));
        assert!(!deeper_than(br"]]]]{}", 1));
    }

    #[test]
    fn a_moment_is_one_of_the_calendar() {
        for right in ["20151212T121212Z", "20240229T000000Z", "20000229T235959Z"] {
            assert!(is_moment(right), "{right}");
        }
        for wrong in [
            "",
            "20151312T121212Z",
            "20230229T000000Z",
            "19000229T000000Z",
            "20150100T000000Z",
            "20151212T241212Z",
            "20151212T126012Z",
            "20151212T121260Z",
            "20151212 121212Z",
            "2015-12-12T12:12Z",
            "+0151212T121212Z",
            "2015121éT12121Z",
        ] {
            assert!(!is_moment(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_long_name_is_cut_at_a_character() {
        assert_eq!(cut("a\nb"), "a?b");
        assert_eq!(cut(&"é".repeat(80)).chars().count(), 80);
        assert_eq!(cut(&"é".repeat(81)).chars().count(), 81);
        assert!(cut(&"é".repeat(81)).ends_with('…'));
        assert!(longer_than("éé", 1) && !longer_than("éé", 2));
    }
}
