//! Just enough of Rust's lexical grammar to look at code without being fooled by its comments and literals.

/// The text with every comment, string and character literal blanked out; offsets and lines stay as they are.
pub(crate) fn mask(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut masked = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = token_end(bytes, at);
        if is_blank(bytes, at) {
            masked[at..end]
                .iter_mut()
                .filter(|byte| **byte != b'\n')
                .for_each(|byte| *byte = b' ');
        }
        at = end;
    }
    String::from_utf8(masked).expect("whole literals and comments became spaces")
}

/// Whether a byte can be part of an identifier.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Offsets at which `word` stands alone, with no letter, digit or underscore around it.
pub(crate) fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = text.as_bytes();
    let alone = move |at: &usize| {
        let before = at
            .checked_sub(1)
            .is_none_or(|before| !is_word(bytes[before]));
        before
            && bytes
                .get(at + word.len())
                .is_none_or(|after| !is_word(*after))
    };
    text.match_indices(word).map(|(at, _)| at).filter(alone)
}

/// Line of an offset, from 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Offset just past the bracket that closes the one at `open`, or the end of the text.
pub(crate) fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// Whether a comment or a literal begins here.
fn is_blank(bytes: &[u8], at: usize) -> bool {
    let rest = &bytes[at..];
    rest.starts_with(b"//")
        || rest.starts_with(b"/*")
        || string_start(rest).is_some()
        || char_end(bytes, at).is_some()
}

/// End of the comment, literal, word or single byte that begins at `at`.
fn token_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        return at
            + rest
                .iter()
                .position(|byte| *byte == b'\n')
                .unwrap_or(rest.len());
    }
    if rest.starts_with(b"/*") {
        return at + comment_length(rest);
    }
    if let Some(start) = string_start(rest) {
        return at + start.length(rest);
    }
    if let Some(end) = char_end(bytes, at) {
        return end;
    }
    at + rest
        .iter()
        .take_while(|byte| is_word(**byte))
        .count()
        .max(1)
}

/// Block comments nest.
fn comment_length(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// How a string opened.
struct StringStart {
    /// Bytes up to and including the quote.
    opening: usize,
    /// Number of `#` around a raw string; `None` for one with escapes.
    hashes: Option<usize>,
}

impl StringStart {
    fn length(&self, rest: &[u8]) -> usize {
        let body = &rest[self.opening..];
        let end = if let Some(hashes) = self.hashes {
            let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
            let quote = body.windows(close.len()).position(|window| window == close);
            quote.map(|at| at + close.len())
        } else {
            let mut escaped = false;
            let quote = body.iter().position(|byte| {
                let ends = *byte == b'"' && !escaped;
                escaped = *byte == b'\\' && !escaped;
                ends
            });
            quote.map(|at| at + 1)
        };
        end.map_or(rest.len(), |end| self.opening + end)
    }
}

fn string_start(rest: &[u8]) -> Option<StringStart> {
    let prefix = rest
        .iter()
        .take_while(|byte| byte.is_ascii_alphabetic())
        .take(3)
        .count();
    let is_raw = match &rest[..prefix] {
        b"" | b"b" | b"c" => false,
        b"r" | b"br" | b"cr" => true,
        _ => return None,
    };
    let hashes = rest[prefix..]
        .iter()
        .take_while(|byte| **byte == b'#')
        .count();
    let quoted = rest.get(prefix + hashes) == Some(&b'"') && (is_raw || hashes == 0);
    quoted.then(|| StringStart {
        opening: prefix + hashes + 1,
        hashes: is_raw.then_some(hashes),
    })
}

/// End of a character literal; a lifetime is none.
fn char_end(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    let quote = usize::from(rest.starts_with(b"b'"));
    if rest.get(quote) != Some(&b'\'') {
        return None;
    }
    let body = &rest[quote + 1..];
    if body.first() == Some(&b'\\') {
        let end = body.iter().skip(2).position(|byte| *byte == b'\'')?;
        return Some(at + quote + 1 + 2 + end + 1);
    }
    let length = std::str::from_utf8(&body[..body.len().min(4)]).map_or_else(
        |error| {
            std::str::from_utf8(&body[..error.valid_up_to()])
                .unwrap_or_default()
                .chars()
                .next()
        },
        |text| text.chars().next(),
    )?;
    let length = length.len_utf8();
    (body.get(length) == Some(&b'\'')).then_some(at + quote + 1 + length + 1)
}

#[cfg(test)]
mod tests {
    use super::{closing, line_of, mask, words};

    fn assert_masked(text: &str, kept: &str) {
        let masked = mask(text);
        assert_eq!(masked.len(), text.len());
        assert_eq!(
            masked.split_whitespace().collect::<Vec<_>>().join(" "),
            kept,
            "{text}"
        );
    }

    #[test]
    fn comments_are_blanked_nested_ones_included() {
        assert_masked("a // b\nc /* d /* e */ f */ g", "a c g");
        assert_masked("a /* never closed", "a");
    }

    #[test]
    fn strings_of_every_kind_are_blanked() {
        assert_masked(r#"a("x\"}{", b"y", c"z") b"#, "a( , , ) b");
        assert_masked(r##"r#"raw " quote"# end br"x\" cr"y""##, "end");
        assert_masked("\"// no comment\" a", "a");
        assert_masked("\"\\\\\" a", "a");
    }

    #[test]
    fn characters_are_blanked_and_lifetimes_are_not() {
        assert_masked("'{' b'}' '\\'' '\\u{7b}' 'ü' '→' a", "a");
        assert_masked(
            "fn f<'a>(x: &'a str, y: &'static str)",
            "fn f<'a>(x: &'a str, y: &'static str)",
        );
        assert_masked("match c { 'a'..='z' => 1 }", "match c { ..= => 1 }");
    }

    #[test]
    fn raw_identifiers_and_words_that_end_in_a_prefix_are_code() {
        assert_masked("r#type bar\"x\" hubr", "r#type bar hubr");
    }

    #[test]
    fn lines_survive() {
        let masked = mask("/*\n\n*/ x \"\n\" y");
        assert_eq!(line_of(&masked, masked.find('x').unwrap()), 3);
        assert_eq!(line_of(&masked, masked.find('y').unwrap()), 4);
    }

    #[test]
    fn words_stand_alone() {
        assert_eq!(words("fn fnord unfn fn", "fn").collect::<Vec<_>>(), [0, 14]);
    }

    #[test]
    fn brackets_close_where_they_match() {
        assert_eq!(closing("{ a(b[0]) { } } c", 0), 15);
        assert_eq!(closing("{ a", 0), 3);
    }
}
