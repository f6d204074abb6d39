//! Rules of single files: how a file opens, what tests may not do, what the heart may not be.

use crate::Offence;
use crate::lexer::words;
use crate::source::Source;

/// Marks a wait that no event could replace, with its reason, on the line or in the comment above it.
const WAIT_MARK: &str = "// tidy: wait because ";

/// A file that does not say what it is for.
pub(crate) fn opening(source: &Source) -> Vec<Offence> {
    let first = source.text.lines().next().unwrap_or_default();
    let purpose = first.strip_prefix("//!").map_or("", str::trim);
    let missing = purpose.split_whitespace().count() < 2;
    missing
        .then(|| source.offence(0, "the first line must say what the file is for: `//! …`"))
        .into_iter()
        .collect()
}

/// Tests that are switched off, or that wait for time to pass instead of for what they test.
pub(crate) fn tests(source: &Source) -> Vec<Offence> {
    let code = &source.code;
    let mut offences = Vec::new();
    let attributes = ["#[ignore", "#[cfg_attr("]
        .iter()
        .flat_map(|mark| code.match_indices(mark));
    for (at, _) in
        attributes.filter(|(at, _)| words(attribute(code, *at), "ignore").next().is_some())
    {
        offences.push(source.offence(at, "a test is ignored: mend it or take it out"));
    }
    let is_sleep =
        |at: &usize| is_waiting(code, *at) && source.is_test(*at) && !is_marked(source, *at);
    let sleeps = ["sleep", "sleep_until", "sleep_ms"]
        .iter()
        .flat_map(|word| words(code, word));
    for at in sleeps.filter(is_sleep) {
        offences.push(source.offence(
            at,
            "a test sleeps: wait for the event, or say `// tidy: wait because …`",
        ));
    }
    offences
}

/// A heart that leans on the standard library.
pub(crate) fn no_std(source: &Source) -> Vec<Offence> {
    let mut offences = Vec::new();
    if !source.code.contains("#![no_std]") {
        offences.push(format!(
            "{}: must be #![no_std], on every platform and in tests",
            source.path
        ));
    }
    let std = source
        .code
        .match_indices("extern crate std")
        .filter(|(at, _)| !source.is_test(*at));
    offences.extend(std.map(|(at, _)| source.offence(at, "the heart must not bring std back")));
    offences
}

/// The text of the attribute at an offset.
fn attribute(code: &str, at: usize) -> &str {
    &code[at..crate::lexer::closing(code, at + 1)]
}

/// Whether the word at an offset names a thread's or the runtime's sleep: by its module, in an import, or as a plain call.
/// A method of that name, or a function that is defined here, is something else.
fn is_waiting(code: &str, at: usize) -> bool {
    let before = code[..at].trim_end();
    let statement = before
        .rfind([';', '}'])
        .map_or(before, |end| &before[end + 1..]);
    let by_module = ["thread::", "time::"]
        .iter()
        .any(|module| before.ends_with(module));
    let imported = words(statement, "use").next().is_some()
        && (statement.contains("thread::") || statement.contains("time::"));
    by_module || imported
}

/// Whether the reason for a wait stands on its line or in the comment just above.
fn is_marked(source: &Source, at: usize) -> bool {
    let has_reason = |line: &str| {
        line.split_once(WAIT_MARK)
            .is_some_and(|(_, reason)| reason.split_whitespace().count() > 1)
    };
    let end = source.text[at..]
        .find('\n')
        .map_or(source.text.len(), |end| at + end);
    let mut lines = source.text[..end].lines().rev();
    let own = lines.next().unwrap_or_default();
    has_reason(own)
        || lines
            .take_while(|line| line.trim_start().starts_with("//"))
            .any(has_reason)
}

#[cfg(test)]
mod tests {
    use super::{no_std, opening, tests};
    use crate::source::Source;

    fn of_test(text: &str) -> Vec<String> {
        tests(&Source::new("crates/x/tests/it/a.rs", text.to_owned()))
    }

    #[test]
    fn a_file_opens_with_its_purpose() {
        let offences = |text: &str| opening(&Source::new("a.rs", text.to_owned())).len();
        assert_eq!(offences("//! What it is for.\nuse a;\n"), 0);
        for text in [
            "use a;\n//! Late words.\n",
            "//!\n",
            "// Only a comment.\n",
            "",
            "\n//! After a blank line.\n",
        ] {
            assert_eq!(offences(text), 1, "{text:?}");
        }
    }

    #[test]
    fn ignored_tests_are_found() {
        assert_eq!(of_test("#[test]\n#[ignore = \"slow\"]\nfn a() {}").len(), 1);
        assert_eq!(of_test("#[cfg_attr(miri, ignore)]\nfn a() {}").len(), 1);
        assert_eq!(
            of_test(
                "#[cfg_attr(miri, inline)]\nfn a() {}\n// #[ignore]\nconst X: &str = \"#[ignore]\";"
            )
            .len(),
            0
        );
    }

    #[test]
    fn a_sleeping_test_is_found_however_it_is_written() {
        for text in [
            "fn a() { std::thread::sleep(b); }",
            "async fn a() { tokio::time::sleep(b).await; }",
            "async fn a() { time::sleep_until(b).await; }",
            "use std::thread::sleep;",
            "use tokio::time::{Duration, sleep};",
            "use std::{\n    thread::{self, sleep},\n};",
        ] {
            assert_eq!(of_test(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn a_sleeping_device_is_no_sleeping_test() {
        for text in [
            "fn a() { device.sleep(); }",
            "fn sleep() {}",
            "// thread::sleep",
            "use sim::device::sleep;",
        ] {
            assert_eq!(of_test(text), [""; 0], "{text}");
        }
        let product = Source::new(
            "crates/x/src/a.rs",
            "fn a() { tokio::time::sleep(b); }".to_owned(),
        );
        assert_eq!(tests(&product), [""; 0], "clippy judges what is no test");
        let inner = "#[cfg(test)]\nmod tests {\n    fn a() { thread::sleep(b); }\n}\n".to_owned();
        assert_eq!(tests(&Source::new("crates/x/src/a.rs", inner)).len(), 1);
    }

    #[test]
    fn a_wait_with_a_reason_passes() {
        assert_eq!(
            of_test("fn a() {\n    thread::sleep(b); // tidy: wait because a process starts\n}"),
            [""; 0]
        );
        assert_eq!(
            of_test(
                "fn a() {\n    // tidy: wait because a process starts,\n    // slowly.\n    thread::sleep(b);\n}"
            ),
            [""; 0]
        );
        assert_eq!(
            of_test("fn a() {\n    // tidy: wait because \n    thread::sleep(b);\n}").len(),
            1
        );
        assert_eq!(
            of_test("// tidy: wait because a process starts\nfn a() {\n    thread::sleep(b);\n}")
                .len(),
            1
        );
    }

    #[test]
    fn the_heart_cannot_take_std_back() {
        let offences =
            |text: &str| no_std(&Source::new("crates/delivery/src/lib.rs", text.to_owned())).len();
        assert_eq!(
            offences("//! x\n#![no_std]\n#[cfg(test)]\nextern crate std;\n"),
            0
        );
        assert_eq!(offences("//! #![no_std]\n"), 1);
        assert_eq!(offences("#![cfg_attr(not(test), no_std)]\n"), 1);
        assert_eq!(offences("#![no_std]\nextern crate std;\n"), 1);
    }
}
