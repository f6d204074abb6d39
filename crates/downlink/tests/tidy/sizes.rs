//! What fits a screen and a head. Tests may be as long as their story; their lines may not.

use crate::Offence;
use crate::source::Source;

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;
const ARGUMENTS_MAX: usize = 5;
const LINE_CHARS_MAX: usize = 150;

/// Files, functions, signatures and lines beyond their bounds.
pub(crate) fn check(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    let lines = source.lines_without_tests();
    if lines > FILE_LINES_MAX {
        offences.push(format!(
            "{}: {lines} lines without tests, at most {FILE_LINES_MAX}: split it by noun",
            source.path
        ));
    }
    for function in source
        .functions()
        .iter()
        .filter(|function| !function.in_test)
    {
        let place = format!("{}:{}: fn {}", source.path, function.line, function.name);
        if function.lines > FUNCTION_LINES_MAX {
            offences.push(format!(
                "{place} has {} lines, at most {FUNCTION_LINES_MAX}",
                function.lines
            ));
        }
        if function.arguments > ARGUMENTS_MAX {
            offences.push(format!(
                "{place} has {} arguments, at most {ARGUMENTS_MAX}",
                function.arguments
            ));
        }
    }
    offences.extend(long_lines(source));
    offences
}

/// Lines that run off the screen. What cannot be broken is let through: a row of a table in a comment, and in tests a
/// line that is long by its literals, such as a message quoted as it was on the wire.
fn long_lines(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    let mut at = 0;
    for (text, code) in source
        .text
        .split_inclusive('\n')
        .zip(source.code.split_inclusive('\n'))
    {
        let is_comment = text.trim_start().starts_with("//");
        let is_row = is_comment && text.trim_start_matches(['/', '!', ' ']).starts_with('|');
        let is_quoting = !is_comment
            && source.is_test(at)
            && code.split_whitespace().map(str::len).sum::<usize>() <= LINE_CHARS_MAX;
        let chars = text.trim_end().chars().count();
        if chars > LINE_CHARS_MAX && !is_row && !is_quoting {
            offences
                .push(source.offence(at, &format!("{chars} characters, at most {LINE_CHARS_MAX}")));
        }
        at += text.len();
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::source::Source;

    fn offences(text: &str) -> Vec<String> {
        check(&Source::new("crates/x/src/a.rs", text.to_owned()))
    }

    fn function(lines: usize) -> String {
        format!("fn a() {{\n{}}}\n", "    b();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_may_fill_a_screen_and_no_more() {
        assert_eq!(offences(&function(70)), [""; 0]);
        assert_eq!(
            offences(&function(71)),
            ["crates/x/src/a.rs:1: fn a has 71 lines, at most 70"]
        );
        assert_eq!(
            offences(&format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function(71))),
            [""; 0]
        );
    }

    #[test]
    fn a_sixth_argument_is_refused() {
        assert_eq!(
            offences("fn a(&self, b: u8, c: u8, d: u8, e: u8, f: u8) {}"),
            [""; 0]
        );
        assert_eq!(
            offences("fn a(b: u8, c: u8, d: u8, e: u8, f: u8, g: u8) {}").len(),
            1
        );
    }

    #[test]
    fn a_file_is_measured_without_its_tests() {
        let code = "const A: u8 = 1;\n";
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", code.repeat(50));
        assert_eq!(offences(&format!("{}{tests}", code.repeat(600))), [""; 0]);
        assert_eq!(offences(&format!("{}{tests}", code.repeat(601))).len(), 1);
    }

    #[test]
    fn a_long_line_is_refused_in_tests_too() {
        assert_eq!(offences(&format!("//{}", "ü".repeat(148))), [""; 0]);
        assert_eq!(
            offences(&format!("\n//{}", "ü".repeat(149))),
            ["crates/x/src/a.rs:2: 151 characters, at most 150"]
        );
        assert_eq!(
            offences(&format!("const A: &str = \"{}\";", "x".repeat(149))).len(),
            1
        );
        for line in [format!("// {}", "x ".repeat(75)), "a();".repeat(38)] {
            assert_eq!(
                check(&Source::new("crates/x/tests/it/a.rs", line.clone())).len(),
                1,
                "{line}"
            );
        }
    }

    #[test]
    fn what_cannot_be_broken_may_be_long() {
        assert_eq!(offences(&format!("//! | {} |", "x".repeat(150))), [""; 0]);
        let quote = Source::new(
            "crates/x/tests/it/a.rs",
            format!("    b(r#\"{}\"#);", "x".repeat(400)),
        );
        assert_eq!(check(&quote), [""; 0]);
    }
}
