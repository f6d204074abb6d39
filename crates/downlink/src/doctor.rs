//! `downlink doctor`: what is wrong with a set-up, in words. The looking is done in `server::doctor`.

use crate::show;
use crate::{Place, fail};
use anyhow::Result;
use clap::Args;
use serde::Serialize;
use server::config::{Config, Layers};
use server::doctor::{self, Finding, Level};

/// Looks at settings, data folder, database, keys, ports, certificates, clock and limits, and at the server that runs on the
/// folder, if one does. It changes nothing. The exit status is 0 if nothing is wrong, and 1 if there is a problem.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downlink doctor                                    # before the first start, or while the server runs
  downlink doctor --config /etc/downlink.toml --data /var/lib/downlink
  downlink doctor --strict --json | jq '.findings[] | select(.level != \"ok\")'")]
pub(crate) struct Doctor {
    /// Let warnings count as problems.
    #[arg(long)]
    strict: bool,
    /// Show what is as it should be, too.
    #[arg(long, short)]
    verbose: bool,
    /// Any setting that the server is started with, as with `serve`. May be repeated.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    settings: Vec<String>,
}

/// What was found, for programs.
#[derive(Serialize)]
struct Report {
    problems: usize,
    warnings: usize,
    findings: Vec<Finding>,
}

impl Doctor {
    /// Looks, tells, and fails if something is wrong.
    pub(crate) async fn run(&self, place: &Place) -> Result<()> {
        let findings = match self.config(place) {
            Ok(config) => {
                let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
                doctor::examine(config, names.collect()).await
            }
            Err(error) => vec![Finding::of_settings(&format!("{error:#}"))],
        };
        let count = |level| findings.iter().filter(|one| one.level == level).count();
        let report = Report {
            problems: count(Level::Problem),
            warnings: count(Level::Warning),
            findings,
        };
        let (problems, warnings) = (report.problems, report.warnings);
        place.show().either(report, |report| self.tell(&report))?;
        if problems > 0 || (self.strict && warnings > 0) {
            return Err(fail::Fault::found(problems, warnings).into());
        }
        Ok(())
    }

    fn config(&self, place: &Place) -> Result<Config> {
        let mut layers: Layers = place.layers()?;
        crate::serve::set_all(&mut layers, &self.settings)?;
        Ok(layers.join()?)
    }

    fn tell(&self, report: &Report) -> Result<()> {
        let worst_first = [Level::Problem, Level::Warning, Level::Ok];
        for level in worst_first {
            let (mark, shown) = match level {
                Level::Problem => ("PROBLEM", true),
                Level::Warning => ("warning", true),
                Level::Ok => ("ok     ", self.verbose),
            };
            let these = report.findings.iter().filter(|one| one.level == level);
            for Finding {
                topic,
                what,
                advice,
                ..
            } in these.filter(|_| shown)
            {
                show::line(format_args!("{mark}  {topic}: {what}"))?;
                if let Some(advice) = advice {
                    show::line(format_args!("         → {advice}"))?;
                }
            }
        }
        let fine = report.findings.len() - report.problems - report.warnings;
        let more = if self.verbose {
            ""
        } else {
            " (--verbose shows them)"
        };
        show::line(format_args!(
            "{} problems, {} warnings, {fine} things as they should be{more}",
            report.problems, report.warnings
        ))
    }
}
