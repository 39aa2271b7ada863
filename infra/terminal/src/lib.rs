//! What the command lines `bulk` and `bulk-admin` share: where they print, how they report errors,
//! and their exit statuses.

mod exit;
mod input;
mod output;
mod printable;
mod question;

pub use exit::{Exit, Failure};
pub use input::given_or_read;
pub use output::Output;
pub use printable::one_line;
pub use question::ask;

use std::process::ExitCode;

/// Parses the arguments of the process.
///
/// # Errors
///
/// Prints what clap has to say, and returns the exit code: 1 for wrong usage, 0 for `--help` and
/// `--version`, which clap reports as errors, too.
pub fn parse<C: clap::Parser>() -> Result<C, ExitCode> {
    C::try_parse().map_err(|error| {
        let _ = error.print();
        if error.use_stderr() { Exit::Error.into() } else { Exit::Done.into() }
    })
}

/// Returns the exit code for what a command came to, and prints its error. A closed output is not
/// reported: `head` in `bulk list | head` closes it because it has seen enough.
pub fn end(result: anyhow::Result<Exit>, output: Output) -> ExitCode {
    let exit = result.unwrap_or_else(|error| {
        let exit = exit::status_of(&error);
        if exit != Exit::OutputClosed {
            output.error(&error);
        }
        exit
    });
    exit.into()
}
