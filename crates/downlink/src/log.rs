//! What is logged: to stderr, for people, or as JSON.

use anyhow::{Context, Result};
use server::config::Log;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Begins to log.
///
/// # Errors
/// The level is none.
pub(crate) fn begin(settings: &Log) -> Result<()> {
    let filter = filter(settings)?;
    let colours = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours);
    let begun = if settings.json {
        builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .try_init()
    } else {
        builder.with_target(false).try_init()
    };
    begun.map_err(|error| anyhow::anyhow!("the log cannot be begun: {error}"))
}

/// What is logged of everything.
///
/// # Errors
/// The level is none.
pub(crate) fn filter(settings: &Log) -> Result<EnvFilter> {
    let filter = EnvFilter::try_new(&settings.level);
    filter.with_context(|| format!("log.level: `{}` is no level", settings.level))
}
