//! `downlink sim`: a fleet of simulated devices against a server that runs.

use crate::show::{self, Show};
use anyhow::{Result, bail};
use sim::fleet::Options;

/// Lets the fleet live, and prints what became of its commands.
pub(crate) async fn run(options: &Options, show: Show) -> Result<()> {
    let report = options.run().await?;
    show.either(&report, |report| show::line(format_args!("{report}")))?;
    if !report.is_sound() {
        bail!("what the application, the platform and the devices counted does not fit together");
    }
    Ok(())
}
