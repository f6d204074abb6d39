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
    for (at, line) in source.text.lines().enumerate() {
        let chars = line.chars().count();
        if chars > LINE_CHARS_MAX {
            offences.push(format!(
                "{}:{}: {chars} characters, at most {LINE_CHARS_MAX}",
                source.path,
                at + 1
            ));
        }
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
        assert_eq!(offences(&format!("//{}", "ü".repeat(149))).len(), 1);
        let test = Source::new("crates/x/tests/it/a.rs", format!("//{}", "x".repeat(149)));
        assert_eq!(check(&test).len(), 1);
    }
}
