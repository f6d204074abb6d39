//! Commands, answers and reports against the profile.
//!
//! A command that does not fit is refused with the first fault. An answer or a report is the device's word and counts
//! whatever it looks like: its faults are listed, to be flagged.

use std::fmt;

use serde_json::{Number, Value};

use crate::Map;
use crate::limits::FAULTS_MAX;
use crate::model::{Command, Para, Response, Service};
use crate::rule::{DataType, Rule};
use crate::text::cut;

/// Entries of an `enumList` that a fault repeats.
const ENTRIES_SHOWN_MAX: usize = 8;

/// What is wrong with one named value. `Display` says it for the caller: `` `value` must be from 1 to 24 ``.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The parameter or property, as the message or the profile spells it.
    pub name: String,
    /// What is wrong with it.
    pub why: Why,
}

/// Why a value does not fit its rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// It is required, and absent or null.
    Missing,
    /// The profile does not define it.
    Unknown,
    /// It is not of this type, nor a string that spells a number of it.
    WrongType(DataType),
    /// It lies outside `min` or `max`.
    OutOfRange {
        /// The least value, if any.
        min: Option<Number>,
        /// The greatest value, if any.
        max: Option<Number>,
    },
    /// It is not a whole number of steps away from the base.
    OffStep {
        /// The distance between admitted values.
        step: Number,
        /// Where counting starts: `min`, or 0.
        base: Number,
    },
    /// It has more characters than this.
    TooLong(u32),
    /// It is none of these.
    NotListed(Vec<Value>),
}

impl Command {
    /// The parameters with every value in its type ("12" → 12, 12.0 → 12, the contract §5.1), or the first fault.
    /// A null is an absent parameter. What it returns passes again, unchanged.
    pub fn check(&self, paras: &Map) -> Result<Map, Fault> {
        let unknown = paras
            .keys()
            .find(|name| !self.paras.iter().any(|para| para.name == **name));
        if let Some(name) = unknown {
            return Err(Fault {
                name: name.clone(),
                why: Why::Unknown,
            });
        }
        let mut admitted = Map::new();
        for para in &self.paras {
            if let Some(value) = para.admit(paras.get(&para.name))? {
                admitted.insert(para.name.clone(), value);
            }
        }
        Ok(admitted)
    }

    /// Whether a result is expected after the acknowledgement: the profile gives the command responses (ruling 1.7).
    pub fn expects_answer(&self) -> bool {
        !self.responses.is_empty()
    }

    /// What is to be flagged on the body of an answer; numeric strings pass. At most [`FAULTS_MAX`] are listed.
    ///
    /// An answer does not name its response. The only one is taken; of several the one with the fewest faults, then the
    /// one called `{command}_RSP`, then the first. A command without responses leaves its answers unjudged.
    pub fn check_answer(&self, body: &Map) -> Vec<Fault> {
        let usual =
            |response: &Response| response.name.strip_prefix(self.name.as_str()) == Some("_RSP");
        self.responses
            .iter()
            .map(|response| (response.check(body), !usual(response)))
            .min_by_key(|(faults, unusual)| (faults.len(), *unusual))
            .map(|(faults, _)| faults)
            .unwrap_or_default()
    }
}

impl Response {
    fn check(&self, body: &Map) -> Vec<Fault> {
        let known = |name: &str| self.paras.iter().any(|para| para.name == name);
        let missing_or_wrong = self
            .paras
            .iter()
            .filter_map(|para| para.admit(body.get(&para.name)).err());
        missing_or_wrong
            .chain(unknown(body, known))
            .take(FAULTS_MAX)
            .collect()
    }
}

impl Service<'_> {
    /// What is to be flagged on the data of a report: properties that the profile does not define, and values that do not
    /// fit. Numeric strings and nulls pass, and nothing is missing: a report names what it has to say.
    /// At most [`FAULTS_MAX`] are listed.
    pub fn check_report(&self, data: &Map) -> Vec<Fault> {
        let rule = |name: &str| {
            self.properties()
                .iter()
                .find(|property| property.name == name)
        };
        let wrong = self.properties().iter().filter_map(|property| {
            admit(
                &property.name,
                &property.rule,
                data.get(&property.name).filter(|value| !value.is_null())?,
            )
            .err()
        });
        wrong
            .chain(unknown(data, |name| rule(name).is_some()))
            .take(FAULTS_MAX)
            .collect()
    }
}

impl Para {
    /// The value in its type, `None` when it is rightly absent.
    fn admit(&self, value: Option<&Value>) -> Result<Option<Value>, Fault> {
        match value.filter(|value| !value.is_null()) {
            Some(value) => admit(&self.name, &self.rule, value).map(Some),
            None if self.rule.required => Err(Fault {
                name: self.name.clone(),
                why: Why::Missing,
            }),
            None => Ok(None),
        }
    }
}

fn admit(name: &str, rule: &Rule, value: &Value) -> Result<Value, Fault> {
    rule.admit(value).map_err(|why| Fault {
        name: name.to_owned(),
        why,
    })
}

fn unknown(found: &Map, known: impl Fn(&str) -> bool) -> impl Iterator<Item = Fault> {
    let names = found.keys().filter(move |name| !known(name));
    names.map(|name| Fault {
        name: name.clone(),
        why: Why::Unknown,
    })
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{}` {}", cut(&self.name), self.why)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => out.write_str("is missing"),
            Self::Unknown => out.write_str("is not defined by the profile"),
            Self::WrongType(data_type) => out.write_str(match data_type {
                DataType::Int => "must be a whole number",
                DataType::Decimal => "must be a number",
                DataType::String => "must be a string",
                DataType::DateTime => "must be a time such as 20151212T121212Z",
                DataType::JsonObject => "must be a JSON object",
            }),
            Self::OutOfRange {
                min: Some(min),
                max: Some(max),
            } if min == max => write!(out, "must be {min}"),
            Self::OutOfRange {
                min: Some(min),
                max: Some(max),
            } => write!(out, "must be from {min} to {max}"),
            Self::OutOfRange {
                min: Some(min),
                max: None,
            } => write!(out, "must be at least {min}"),
            Self::OutOfRange {
                min: None,
                max: Some(max),
            } => write!(out, "must be at most {max}"),
            Self::OutOfRange {
                min: None,
                max: None,
            } => out.write_str("is out of range"),
            Self::OffStep { step, base } => write!(out, "must be in steps of {step} from {base}"),
            Self::TooLong(1) => out.write_str("must be at most 1 character long"),
            Self::TooLong(max) => write!(out, "must be at most {max} characters long"),
            Self::NotListed(entries) => {
                out.write_str("must be ")?;
                for (index, entry) in entries.iter().take(ENTRIES_SHOWN_MAX).enumerate() {
                    let shown = entry.as_str().map_or_else(|| cut(&entry.to_string()), cut);
                    write!(out, "{}{shown}", if index == 0 { "" } else { " or " })?;
                }
                if entries.len() > ENTRIES_SHOWN_MAX {
                    out.write_str(" or another of its list")
                } else {
                    Ok(())
                }
            }
        }
    }
}

impl std::error::Error for Fault {}
