//! A measure, its goal, and how both are told.

use std::io::{self, Write};

use serde::Serialize;

/// What a measure should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// This, or more.
    AtLeast(f64),
    /// This, or less.
    AtMost(f64),
    /// Less than this.
    Below(f64),
}

/// Something that was measured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measure {
    /// What.
    pub(crate) name: String,
    /// How much.
    pub(crate) value: f64,
    /// Of what.
    pub(crate) unit: &'static str,
    /// What it should be, if there is a goal.
    pub(crate) goal: Option<Goal>,
}

/// Where measures are told, as soon as there are any.
pub(crate) struct Teller<'a> {
    out: &'a mut dyn Write,
    json: bool,
}

/// A measure on its line.
#[derive(Serialize)]
struct Line<'a> {
    measure: &'a str,
    value: f64,
    unit: &'a str,
    goal: Option<String>,
    met: Option<bool>,
}

impl Goal {
    /// Whether a value meets it.
    pub(crate) fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(goal) => value >= goal,
            Self::AtMost(goal) => value <= goal,
            Self::Below(goal) => value < goal,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(goal) => format!(">= {}", rounded(goal)),
            Self::AtMost(goal) => format!("<= {}", rounded(goal)),
            Self::Below(goal) => format!("< {}", rounded(goal)),
        }
    }
}

impl Measure {
    /// A measure without a goal.
    pub(crate) fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
            goal: None,
        }
    }

    /// The same with a goal.
    pub(crate) fn with(self, goal: Goal) -> Self {
        Self {
            goal: Some(goal),
            ..self
        }
    }
}

impl<'a> Teller<'a> {
    /// Tells on `out`, as a table or, with `json`, an object a line.
    pub(crate) fn new(out: &'a mut dyn Write, json: bool) -> io::Result<Self> {
        if !json {
            row(out, ["measure", "value", "unit", "goal", "met"])?;
        }
        Ok(Self { out, json })
    }

    /// Tells a measure.
    pub(crate) fn tell(&mut self, measure: &Measure) -> io::Result<()> {
        let Measure {
            name,
            value,
            unit,
            goal,
        } = measure;
        let met = goal.map(|goal| goal.is_met(*value));
        if self.json {
            let line = Line {
                measure: name,
                value: rounded(*value),
                unit,
                goal: goal.map(Goal::text),
                met,
            };
            writeln!(self.out, "{}", serde_json::to_string(&line)?)?;
        } else {
            let met = match met {
                Some(true) => "yes",
                Some(false) => "NO",
                None => "",
            };
            let goal = goal.map(Goal::text).unwrap_or_default();
            row(
                self.out,
                [name, &rounded(*value).to_string(), unit, &goal, met],
            )?;
        }
        self.out.flush()
    }
}

fn row(out: &mut dyn Write, cells: [&str; 5]) -> io::Result<()> {
    let [measure, value, unit, goal, met] = cells;
    writeln!(out, "{measure:<58}{value:>12}  {unit:<12}{goal:>12}  {met}")
}

/// Three digits after the point, or none where there are many before it.
fn rounded(value: f64) -> f64 {
    let factor = if value.abs() >= 1_000.0 { 1.0 } else { 1_000.0 };
    (value * factor).round() / factor
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(json: bool) -> String {
        let mut out = Vec::new();
        let mut teller = Teller::new(&mut out, json).unwrap();
        let measures = [
            Measure::new("full lives", 10_000.4, "lives/s").with(Goal::AtLeast(10_000.0)),
            Measure::new("start", 1.0, "s").with(Goal::Below(1.0)),
            Measure::new("fsync", 0.123_46, "ms"),
        ];
        for measure in &measures {
            teller.tell(measure).unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_is_an_object_a_line() {
        let lines = [
            r#"{"measure":"full lives","value":10000.0,"unit":"lives/s","goal":">= 10000","met":true}"#,
            r#"{"measure":"start","value":1.0,"unit":"s","goal":"< 1","met":false}"#,
            r#"{"measure":"fsync","value":0.123,"unit":"ms","goal":null,"met":null}"#,
        ];
        assert_eq!(told(true).lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn the_table_says_what_was_missed() {
        let table = told(false);
        let ends: Vec<_> = table
            .lines()
            .map(|line| line.split_whitespace().last().unwrap())
            .collect();
        assert_eq!(ends, ["met", "yes", "NO", "ms"]);
    }

    #[test]
    fn a_goal_is_met_at_its_bound_or_not() {
        assert!(Goal::AtLeast(2.0).is_met(2.0) && !Goal::AtLeast(2.0).is_met(1.9));
        assert!(Goal::AtMost(2.0).is_met(2.0) && !Goal::AtMost(2.0).is_met(2.1));
        assert!(Goal::Below(2.0).is_met(1.9) && !Goal::Below(2.0).is_met(2.0));
    }
}
