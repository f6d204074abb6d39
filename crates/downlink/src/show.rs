//! What stands on the terminal: lines, tables, JSON. A reader that goes away early (`| head`) is no error.

use anyhow::Result;
use serde::Serialize;
use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

/// How an outcome is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Show {
    /// As JSON, for programs.
    pub(crate) json: bool,
}

impl Show {
    /// Prints `value` as JSON, or what `people` makes of it.
    pub(crate) fn either<T: Serialize>(
        self,
        value: T,
        people: impl FnOnce(T) -> Result<()>,
    ) -> Result<()> {
        if self.json {
            json(&value)
        } else {
            people(value)
        }
    }
}

/// Prints a line.
pub(crate) fn line(text: Arguments<'_>) -> Result<()> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}

/// Prints a value as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    line(format_args!("{}", serde_json::to_string_pretty(value)?))
}

/// Prints rows under a head, in columns.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> Result<()> {
    let head = head.map(str::to_owned);
    let all = || std::iter::once(&head).chain(rows);
    let widths: [usize; N] = std::array::from_fn(|column| {
        all()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    });
    for row in all() {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        line(format_args!("{}", cells.join("  ").trim_end()))?;
    }
    Ok(())
}

/// Prints names and values, one pair a line; what has no value is left out.
pub(crate) fn pairs(pairs: &[(&str, Option<String>)]) -> Result<()> {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in pairs {
        if let Some(value) = value {
            line(format_args!("{name:width$}  {value}"))?;
        }
    }
    Ok(())
}

/// Yes or no.
pub(crate) fn yes(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

/// A text as one segment of a path.
pub(crate) fn escape(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a string takes every write");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_stays_one_segment() {
        assert_eq!(escape("a-Z.0_~"), "a-Z.0_~");
        assert_eq!(escape("../a b?ü"), "..%2Fa%20b%3F%C3%BC");
    }
}
