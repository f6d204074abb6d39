//! Words: what must not stand in a tracked file, and citations that must lead somewhere.

use std::collections::BTreeSet;

use crate::Offence;
use crate::lexer::{is_word, line_of, words};
use crate::source::Source;

/// Marks of unfinished work. In two halves, so that this file passes its own test.
const LEFTOVERS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
];

/// Paths that mean something on one machine only.
const FOREIGN: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("../sha", "red"),
    concat!("shared/", "reference"),
];

/// Unfinished work and foreign paths in a text.
pub(crate) fn check(path: &str, text: &str) -> Vec<Offence> {
    let leftovers = LEFTOVERS
        .iter()
        .flat_map(|word| words(text, word).map(move |at| (at, word)));
    let leftovers =
        leftovers.map(|(at, word)| (at, format!("{word}: finish it, or make it an issue")));
    let foreign = FOREIGN.iter().flat_map(|part| text.match_indices(part));
    let foreign =
        foreign.map(|(at, part)| (at, format!("`{part}` is a path outside the repository")));
    leftovers
        .chain(foreign)
        .map(|(at, what)| format!("{path}:{}: {what}", line_of(text, at)))
        .collect()
}

/// The numbers of `docs/rulings.md`: chapter and ruling.
pub(crate) struct Rulings(BTreeSet<(u32, u32)>);

impl Rulings {
    /// Chapters are headings `## 1. …`, rulings are items `1. …` at the start of a line.
    pub(crate) fn parse(page: &str) -> Self {
        let mut numbers = BTreeSet::new();
        let mut chapter = 0;
        for line in page.lines() {
            if let Some(heading) = line.strip_prefix("## ") {
                chapter = item_number(heading).unwrap_or(0);
            } else if let Some(ruling) = item_number(line) {
                numbers.insert((chapter, ruling));
            }
        }
        assert!(!numbers.is_empty(), "docs/rulings.md: no ruling found");
        Self(numbers)
    }

    /// Citations, in comments, text and names of functions, of rulings that do not exist.
    pub(crate) fn check(&self, source: &Source) -> Vec<Offence> {
        let text = &source.text;
        let marks = ["R", "ruling ", "rulings "]
            .iter()
            .flat_map(|mark| text.match_indices(mark).map(|(at, mark)| (at, mark.len())));
        let alone = marks.filter(|(at, _)| {
            at.checked_sub(1)
                .is_none_or(|before| !is_word(text.as_bytes()[before]))
        });
        let cited = alone
            .filter_map(|(at, mark)| Some((line_of(text, at), pair(&text[at + mark..], '.')?)));
        let functions = source.functions();
        let named = functions.iter().filter_map(|function| {
            Some((function.line, pair(function.name.strip_prefix('r')?, '_')?))
        });
        let unknown = cited
            .chain(named)
            .filter(|(_, number)| !self.0.contains(number));
        let offence = |(line, (chapter, ruling))| {
            format!(
                "{}:{line}: there is no ruling {chapter}.{ruling}",
                source.path
            )
        };
        unknown.map(offence).collect()
    }
}

/// The number of a list item: `12. …`.
fn item_number(line: &str) -> Option<u32> {
    line.split_once(". ")
        .and_then(|(number, _)| number.parse().ok())
}

/// Two numbers at the start of a text.
fn pair(text: &str, between: char) -> Option<(u32, u32)> {
    let (first, rest) = text.split_once(between)?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    Some((first.parse().ok()?, rest[..digits].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{FOREIGN, LEFTOVERS, Rulings, check};
    use crate::source::Source;

    #[test]
    fn leftovers_and_foreign_paths_are_found_with_their_line() {
        for word in LEFTOVERS {
            assert!(
                check("a.md", &format!("x\n# {word}: later"))[0].starts_with("a.md:2: "),
                "{word}"
            );
            assert_eq!(check("a.md", &format!("{word}S and a{word}")), [""; 0]);
        }
        for part in FOREIGN {
            assert_eq!(check("a.sh", &format!("cat {part}x")).len(), 1, "{part}");
        }
    }

    #[test]
    fn a_citation_must_lead_to_a_ruling() {
        let rulings = Rulings::parse(
            "# Rulings\n\n## 1. Life\n\n1. **A.** x\n2. y\n10-15 s later\n\n## 12. SDKs\n\n1. z\n",
        );
        let offences = |text: &str| rulings.check(&Source::new("a.rs", text.to_owned()));
        for good in [
            "// R1.1, (R1.2), R12.1",
            "// rulings 1.2",
            "fn r1_2_says_so() {}",
            "// HR9.9 and R and R7",
            "fn r() {} fn r2d2() {}",
        ] {
            assert_eq!(offences(good), [""; 0], "{good}");
        }
        for bad in [
            "// see R1.3",
            "\n// R2.1",
            "/// ruling 1.10",
            "fn r1_3_is_kept() {}",
            "// R1.1 and R12.2.",
            "\"R10.1\"",
        ] {
            assert_eq!(offences(bad).len(), 1, "{bad}");
        }
        assert_eq!(offences("\n// R2.1"), ["a.rs:2: there is no ruling 2.1"]);
    }
}
