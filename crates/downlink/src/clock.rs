//! `downlink clock`: the time of a server that was started with `--test-clock`.

use crate::fail::Fault;
use crate::{Desk, show};
use anyhow::Result;
use clap::Subcommand;
use server::admin::client::Method;
use server::admin::wire::{ClockMove, ClockTarget, ClockView};

const PATH: &str = "/downlink/v1/clock";

#[derive(Subcommand)]
pub(crate) enum Clock {
    /// Show the time, and when something is due next.
    #[command(after_help = "Examples:\n  downlink clock show\n  downlink clock show --json")]
    Show,
    /// Let time pass; returns when all that was due on the way is done and on disk.
    #[command(after_help = "\
Examples:
  downlink clock advance 90s
  downlink clock advance 2h30min
  downlink clock advance 7d")]
    Advance {
        /// How much: numbers with ms, s, min, h or d.
        #[arg(value_parser = span)]
        by: u64,
    },
    /// Let time pass up to a moment.
    #[command(after_help = "Examples:\n  downlink clock to 20991231T235959Z")]
    To {
        /// In UTC, such as 20151212T121212Z.
        moment: String,
    },
}

impl Clock {
    pub(crate) async fn run(self, desk: &Desk) -> Result<()> {
        let Desk { client, show, .. } = desk;
        let order = match self {
            Self::Show => return show.either(client.read(PATH).await?, shown),
            Self::Advance { by } => ClockMove {
                advance_ms: Some(by),
                to: None,
            },
            Self::To { moment } => ClockMove {
                advance_ms: None,
                to: Some(ClockTarget::Text(moment)),
            },
        };
        show.either(client.send(Method::POST, PATH, &order).await?, shown)
    }
}

fn shown(clock: ClockView) -> Result<()> {
    show::pairs(&[
        ("now", Some(clock.now.utc)),
        ("stands still", Some(show::yes(clock.test))),
        ("next due", clock.next_deadline.map(|moment| moment.utc)),
        (
            "stopped at",
            (clock.stops > 0).then(|| format!("{} deadlines on the way", clock.stops)),
        ),
    ])
}

/// Reads a span of time: `90s`, `2h30min`. In milliseconds.
pub(crate) fn span(text: &str) -> Result<u64, Fault> {
    const UNITS: [(&str, u64); 6] = [
        ("ms", 1),
        ("min", 60_000),
        ("s", 1_000),
        ("m", 60_000),
        ("h", 3_600_000),
        ("d", 86_400_000),
    ];
    let wrong = || {
        Fault::usage(
            format!("`{text}` is no span of time"),
            "write it as 500ms, 90s, 10min, 48h, 7d, or several together: 2h30min",
        )
    };
    let mut rest = text.trim();
    let mut total = 0_u64;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let unit = UNITS.iter().find(|(unit, _)| after.starts_with(unit));
        let (unit, millis) = unit.ok_or_else(wrong)?;
        let part = number.checked_mul(*millis).ok_or_else(wrong)?;
        total = total.checked_add(part).ok_or_else(wrong)?;
        rest = &after[unit.len()..];
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn a_span_is_numbers_with_units() {
        for (text, millis) in [
            ("500ms", 500),
            ("90s", 90_000),
            ("10min", 600_000),
            ("10m", 600_000),
            ("2h30min", 9_000_000),
            ("7d", 604_800_000),
            ("0s", 0),
        ] {
            assert_eq!(span(text).unwrap(), millis, "{text}");
        }
        for text in [
            "",
            "5",
            "s",
            "1.5h",
            "-1s",
            "1 s",
            "1x",
            "99999999999999999999d",
            "1h2",
        ] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
