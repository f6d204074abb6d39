//! `downlink completions`: what a shell needs to complete commands and flags.

use crate::Cli;
use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};
use std::io::{ErrorKind, Write};

/// Prints the completions of one shell.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downlink completions bash > ~/.local/share/bash-completion/completions/downlink
  downlink completions zsh > ~/.zfunc/_downlink
  downlink completions fish > ~/.config/fish/completions/downlink.fish")]
pub(crate) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self) -> Result<()> {
        let mut script = Vec::new();
        generate(self.shell, &mut Cli::command(), "downlink", &mut script);
        match std::io::stdout().lock().write_all(&script) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            outcome => Ok(outcome?),
        }
    }
}
