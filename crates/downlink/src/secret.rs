//! Secrets that a command is given: by a file rather than by a flag, which others on the machine can see.

use anyhow::{Context, Result};
use std::path::Path;

/// The secret that a file holds, `-` for standard input.
pub(crate) fn of_file(file: &Path) -> Result<String> {
    server::files::secret(file)
        .with_context(|| format!("the secret cannot be read from {}", file.display()))
}
