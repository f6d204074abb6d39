//! Every package we build with has a licence that lets us ship Downlink under Apache-2.0. `make audit` asks the same of
//! the packages of other platforms, from the same list in `deny.toml`.

use crate::Offence;
use crate::graph::Graph;

/// Permissive licences, and public domain where it is given up in words that hold everywhere.
const ACCEPTED: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    // The certificate authorities' data in webpki-roots.
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    // MIT without even the duty to name the author.
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Packages whose licence we cannot or need not accept.
pub(crate) fn check(graph: &Graph) -> Vec<Offence> {
    let offence = |(package, licence): (&String, &Option<String>)| match licence {
        None => Some(format!("{package}: names no licence")),
        Some(text) if accepts(text) => None,
        Some(text) => Some(format!("{package}: licence {text:?} is not on the list")),
    };
    graph.licences.iter().filter_map(offence).collect()
}

/// Whether an SPDX expression can be met by accepted licences alone. `/` is the old spelling of `OR`.
fn accepts(expression: &str) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { tokens: &tokens };
    parser.any() == Some(true) && parser.tokens.is_empty()
}

/// Recursive descent; `None` is text that is no expression.
struct Parser<'a> {
    tokens: &'a [&'a str],
}

impl Parser<'_> {
    fn any(&mut self) -> Option<bool> {
        let mut met = self.all()?;
        while self.take("OR") {
            met |= self.all()?;
        }
        Some(met)
    }

    fn all(&mut self) -> Option<bool> {
        let mut met = self.one()?;
        while self.take("AND") {
            met &= self.one()?;
        }
        Some(met)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let met = self.any()?;
            return self.take(")").then_some(met);
        }
        let name = self.word()?;
        if !self.take("WITH") {
            return Some(ACCEPTED.contains(&name.as_str()));
        }
        let exception = self.word()?;
        Some(ACCEPTED.contains(&format!("{name} WITH {exception}").as_str()))
    }

    fn word(&mut self) -> Option<String> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some((*first).to_owned())
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.tokens.first() == Some(&token);
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::{accepts, check};
    use crate::graph::Graph;

    #[test]
    fn an_expression_needs_one_accepted_way_through() {
        for good in [
            "MIT",
            "MIT OR GPL-3.0",
            "MIT/Apache-2.0",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
        ] {
            assert!(accepts(good), "{good}");
        }
        for good in [
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
            "GPL-3.0 OR (ISC AND MIT)",
        ] {
            assert!(accepts(good), "{good}");
        }
    }

    #[test]
    fn what_we_cannot_accept_is_refused() {
        for bad in [
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT OR ISC) AND AGPL-3.0",
            "MIT WITH LLVM-exception",
            "LGPL-2.1/GPL-2.0",
        ] {
            assert!(!accepts(bad), "{bad}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["", "MIT OR", "(MIT", "MIT ISC", "OR MIT", ")"] {
            assert!(!accepts(bad), "{bad}");
        }
    }

    #[test]
    fn a_package_without_a_licence_is_named() {
        let mut graph = Graph::default();
        graph.licences.insert("odd 1.0.0".into(), None);
        graph
            .licences
            .insert("free 1.0.0".into(), Some("MIT".into()));
        assert_eq!(check(&graph), ["odd 1.0.0: names no licence"]);
    }
}
