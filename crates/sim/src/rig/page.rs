//! The server's page of counters, as Prometheus reads it.

use std::collections::BTreeMap;

/// Names, with their labels as they stand on the page, and their values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counters(BTreeMap<String, f64>);

impl Counters {
    /// Reads the page; lines that are no measurements are passed over.
    pub fn parse(page: &str) -> Self {
        let lines = page.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| line.rsplit_once(' '));
        Self(
            pairs
                .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
                .collect(),
        )
    }

    /// The value under a name with its labels; `None` if the page does not have it.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// Everything under a name: labels, in the order of their text, and values.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.0.iter().filter_map(move |(full, value)| {
            let labels = full
                .strip_prefix(name)?
                .strip_prefix('{')?
                .strip_suffix('}')?;
            Some((labels, *value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_name_and_labels() {
        let page = Counters::parse(
            "# HELP a b\n# TYPE a gauge\na 3\nb{state=\"SENT\",phase=\"open\"} 2\nb{state=\"X\"} 1\nbb{c=\"d\"} 9\nodd\n",
        );
        assert_eq!(page.value("a"), Some(3.0));
        assert_eq!(page.value("b"), None);
        let all: Vec<_> = page.all("b").collect();
        assert_eq!(
            all,
            [("state=\"SENT\",phase=\"open\"", 2.0), ("state=\"X\"", 1.0)]
        );
    }
}
