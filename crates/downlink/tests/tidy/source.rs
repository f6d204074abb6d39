//! A Rust file as the checks see it: its text, its code without comments and literals, and which of its lines are tests.

use std::ops::Range;

use crate::lexer::{closing, is_word, line_of, mask, words};

/// One Rust file.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text with comments and literals blanked out, at the same offsets.
    pub(crate) code: String,
    /// Byte ranges under `#[cfg(test)]`.
    test_ranges: Vec<Range<usize>>,
    /// The file as a whole belongs to tests.
    is_test_file: bool,
}

/// A function, its signature included.
#[derive(Debug, PartialEq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Line of `fn`, from 1.
    pub(crate) line: usize,
    pub(crate) lines: usize,
    /// Arguments without `self`.
    pub(crate) arguments: usize,
    pub(crate) in_test: bool,
}

impl Source {
    pub(crate) fn new(path: &str, text: String) -> Self {
        let code = mask(&text);
        let is_test_file = path.ends_with("/tests.rs")
            || path
                .split('/')
                .any(|part| part == "tests" || part == "benches");
        let test_ranges = test_ranges(&code);
        Self {
            path: path.to_owned(),
            text,
            code,
            test_ranges,
            is_test_file,
        }
    }

    pub(crate) fn is_test(&self, at: usize) -> bool {
        self.is_test_file || self.test_ranges.iter().any(|range| range.contains(&at))
    }

    /// Lines of the file that are not tests.
    pub(crate) fn lines_without_tests(&self) -> usize {
        if self.is_test_file {
            return 0;
        }
        let tests = self
            .test_ranges
            .iter()
            .map(|range| self.code[range.clone()].lines().count());
        self.text.lines().count() - tests.sum::<usize>()
    }

    /// An offence at an offset.
    pub(crate) fn offence(&self, at: usize, what: &str) -> String {
        format!("{}:{}: {what}", self.path, line_of(&self.code, at))
    }

    /// Every function with a body or without, nested ones too.
    pub(crate) fn functions(&self) -> Vec<Function> {
        words(&self.code, "fn")
            .filter_map(|at| self.function(at))
            .collect()
    }

    fn function(&self, at: usize) -> Option<Function> {
        let code = &self.code;
        let name_at = at + 2 + blanks(&code[at + 2..]);
        let name: String = code[name_at..]
            .bytes()
            .take_while(|byte| is_word(*byte))
            .map(char::from)
            .collect();
        if name.is_empty() {
            return None; // A function pointer type.
        }
        let open = name_at + generics_length(&code[name_at..])?;
        let close = closing(code, open);
        let end = body_end(code, close);
        Some(Function {
            name,
            line: line_of(code, at),
            lines: code[at..end].lines().count(),
            arguments: arguments(&code[open + 1..close.saturating_sub(1).max(open + 1)]),
            in_test: self.is_test(at),
        })
    }
}

/// Byte ranges from a `#[cfg(test)]` to the end of its item.
fn test_ranges(code: &str) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for marker in ["#[cfg(test)]", "#[cfg(all(test,"] {
        for (at, _) in code.match_indices(marker) {
            if !ranges.iter().any(|range| range.contains(&at)) {
                ranges.push(at..body_end(code, closing(code, at + 1)));
            }
        }
    }
    ranges
}

/// End of an item's body, or of an item without one, from somewhere before it.
fn body_end(code: &str, from: usize) -> usize {
    let bytes = code.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            b'{' => return closing(code, at),
            b';' => return at + 1,
            b'(' | b'[' => at = closing(code, at),
            _ => at += 1,
        }
    }
    code.len()
}

fn blanks(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_whitespace).count()
}

/// Length of a name with its generic parameters, up to the parenthesis of its arguments.
fn generics_length(text: &str) -> Option<usize> {
    let mut angles = 0_usize;
    let mut before = b' ';
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'<' => angles += 1,
            b'>' if before != b'-' => angles = angles.saturating_sub(1),
            b'(' if angles == 0 => return Some(at),
            b'{' | b';' if angles == 0 => return None,
            _ => {}
        }
        before = byte;
    }
    None
}

/// Number of arguments in the text between a signature's parentheses, `self` not counted.
fn arguments(text: &str) -> usize {
    let mut parts = vec![String::new()];
    let mut depth = 0_usize;
    let mut before = b' ';
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' | b'<' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'>' if before != b'-' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => parts.push(String::new()),
            _ => {}
        }
        before = byte;
        if !(byte == b',' && depth == 0) {
            parts
                .last_mut()
                .expect("there is always one part")
                .push(char::from(byte));
        }
    }
    let is_self = |part: &str| {
        part.split(':')
            .next()
            .is_some_and(|name| words(name, "self").next().is_some())
    };
    parts
        .iter()
        .filter(|part| !part.trim().is_empty() && !is_self(part))
        .count()
}

#[cfg(test)]
mod tests {
    use super::{Function, Source};

    fn functions(text: &str) -> Vec<Function> {
        Source::new("crates/x/src/a.rs", text.to_owned()).functions()
    }

    #[test]
    fn a_function_is_measured_from_its_name_to_its_brace() {
        let found = functions(
            "//! x\nfn a(x: u8) -> [u8; 2]\nwhere\n    X: Y,\n{\n    let s = \"}\";\n}\nfn b() {}\n",
        );
        let a = Function {
            name: "a".into(),
            line: 2,
            lines: 6,
            arguments: 1,
            in_test: false,
        };
        assert_eq!(found[0], a);
        assert_eq!((found[1].name.as_str(), found[1].lines), ("b", 1));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_trait_method_without_body_ends_at_its_semicolon() {
        let found = functions("trait T {\n    fn a(&self) -> u8;\n    fn b(&self) {\n    }\n}\n");
        assert_eq!(
            found
                .iter()
                .map(|function| function.lines)
                .collect::<Vec<_>>(),
            [1, 2]
        );
    }

    #[test]
    fn arguments_are_counted_without_self_and_inner_commas() {
        let cases = [
            ("fn a()", 0),
            ("fn a(&mut self)", 0),
            ("fn a(self: Arc<Self>, b: u8)", 1),
            (
                "fn a<F: Fn(u8, u8) -> u8>(b: HashMap<K, V>, (c, d): (u8, u8), f: impl Fn(A, B) -> C,)",
                3,
            ),
            ("fn a<'a, T>(b: &'a [T; 4], c: fn(u8, u8), myself: u8)", 3),
        ];
        for (signature, count) in cases {
            let found = functions(&format!("{signature} {{ }}"));
            assert_eq!(found[0].arguments, count, "{signature}");
        }
    }

    #[test]
    fn tests_are_told_from_the_rest() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n#[cfg(test)]\nfn c() {\n}\nfn d() {}\n";
        let found = functions(text);
        assert_eq!(
            found
                .iter()
                .map(|function| function.in_test)
                .collect::<Vec<_>>(),
            [false, true, true, false]
        );
        assert_eq!(
            Source::new("crates/x/src/a.rs", text.to_owned()).lines_without_tests(),
            2
        );
    }

    #[test]
    fn a_test_module_in_a_file_of_its_own_ends_at_its_semicolon() {
        let source = Source::new(
            "crates/x/src/a.rs",
            "#[cfg(test)]\nmod tests;\nfn a() {}\n".to_owned(),
        );
        assert_eq!(source.lines_without_tests(), 1);
        assert!(Source::new("crates/x/src/a/tests.rs", "fn a() {}".to_owned()).is_test(0));
        assert!(Source::new("crates/x/tests/it/main.rs", "fn a() {}".to_owned()).is_test(0));
    }
}
