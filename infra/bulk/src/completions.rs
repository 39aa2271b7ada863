//! `bulk completions`: the shell completes commands and options.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use terminal::Exit;

/// Arguments of `bulk completions`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  bulk completions bash > ~/.local/share/bash-completion/completions/bulk
  bulk completions zsh > ~/.zfunc/_bulk
  bulk completions fish > ~/.config/fish/completions/bulk.fish")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Prints the shell's script.
    pub fn run<C: CommandFactory>(self) -> anyhow::Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut C::command(), "bulk", &mut script);
        std::io::Write::write_all(&mut std::io::stdout().lock(), &script)?;
        Ok(Exit::Done)
    }
}
