//! `bulk completions`: prints the script with which a shell completes commands and options.

use bulk_terminal::Exit;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  bulk completions bash > ~/.local/share/bash-completion/completions/bulk
  bulk completions zsh > ~/.zfunc/_bulk
  bulk completions fish > ~/.config/fish/completions/bulk.fish")]
pub struct Completions {
    /// Shell to print the script for
    shell: Shell,
}

impl Completions {
    /// Prints the script of the shell.
    pub fn run<C: CommandFactory>(self) -> anyhow::Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut C::command(), "bulk", &mut script);
        std::io::Write::write_all(&mut std::io::stdout().lock(), &script)?;
        Ok(Exit::Done)
    }
}
