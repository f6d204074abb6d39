//! Why a profile is refused, and where the fault stands.

use std::fmt;

use crate::text::cut;

/// Why a profile is refused: the file, the place within it from the outside in, and what is wrong there.
///
/// Whoever uploads the profile reads it; nobody acts on its kind, so it has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    file: Option<String>,
    /// From the inside out, as the error travels.
    place: Vec<String>,
    what: String,
}

impl Error {
    /// The file of the package; `None` for a document of ours and for faults of the package as a whole.
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// What is wrong, without its place.
    pub fn what(&self) -> &str {
        &self.what
    }

    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            file: None,
            place: Vec::new(),
            what: what.into(),
        }
    }

    /// Adds the name of what surrounds the fault: `` command `SET` ``.
    pub(crate) fn within(mut self, noun: &str, name: &str) -> Self {
        self.place.push(format!("{noun} `{}`", cut(name)));
        self
    }

    /// Adds the position of what surrounds the fault and has no name of its own.
    pub(crate) fn at(mut self, list: &str, index: usize) -> Self {
        self.place.push(format!("{list}[{index}]"));
        self
    }

    pub(crate) fn has_place(&self) -> bool {
        !self.place.is_empty()
    }

    pub(crate) fn in_file(mut self, file: Option<&str>) -> Self {
        self.file = file.map(cut);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(out, "{file}: ")?;
        }
        for (index, place) in self.place.iter().rev().enumerate() {
            write!(out, "{}{place}", if index == 0 { "" } else { ", " })?;
        }
        if !self.place.is_empty() {
            out.write_str(": ")?;
        }
        out.write_str(&self.what)
    }
}

impl std::error::Error for Error {}
