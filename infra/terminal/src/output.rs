//! What is printed where: results to standard output, notes and errors to standard error, colours
//! and progress bars to terminals only. No text that is printed can control a terminal.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;
use serde_json::json;

use crate::exit::Failure;
use crate::printable::lines;

/// Standard output and standard error of a command.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Output {
    /// Whether results and errors are JSON.
    pub json: bool,
    quiet: bool,
    /// Whether standard output takes colours.
    colours: bool,
    /// Whether standard error is a terminal that can redraw a line.
    bars: bool,
}

impl Output {
    /// Decides by the flags, the terminal and the environment (`NO_COLOR`, `TERM`).
    pub fn new(json: bool, quiet: bool) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            json,
            quiet,
            colours: !json && !set("NO_COLOR") && !dumb && io::stdout().is_terminal(),
            bars: !quiet && !dumb && io::stderr().is_terminal(),
        }
    }

    /// Returns whether progress is drawn as bars on standard error.
    pub fn has_bars(self) -> bool {
        self.bars
    }

    /// Returns whether the user asked for no progress and no notes.
    pub fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Prints a line of the result on standard output.
    ///
    /// # Errors
    ///
    /// Standard output is closed. The command ends with [`Exit::OutputClosed`](crate::Exit) then.
    #[allow(clippy::unused_self, reason = "what is printed belongs to the output")]
    pub fn line(self, text: impl Display) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{}", lines(text))
    }

    /// Prints a result as JSON on one line, so that a script can read many results line by line.
    pub fn value(self, value: &impl Serialize) -> anyhow::Result<()> {
        Ok(self.line(serde_json::to_string(value)?)?)
    }

    /// Prints a note for the user, unless notes are off.
    pub fn note(self, text: impl Display) {
        if !self.quiet {
            // A closed standard error must not fail the command.
            let _ = writeln!(io::stderr().lock(), "{}", lines(text));
        }
    }

    /// Prints a warning, also where notes are off.
    pub fn warn(self, text: impl Display) {
        let _ = if self.json {
            let value = json!({"warning": text.to_string()});
            writeln!(io::stderr().lock(), "{}", lines(value))
        } else {
            writeln!(io::stderr().lock(), "warning: {}", lines(text))
        };
    }

    /// Prints an error, and the next step if the error has one.
    pub fn error(self, error: &anyhow::Error) {
        let next = error.downcast_ref::<Failure>().and_then(Failure::next_step);
        let mut err = io::stderr().lock();
        if self.json {
            let value = json!({"error": format!("{error:#}"), "next": next});
            let _ = writeln!(err, "{}", lines(value));
            return;
        }
        let _ = writeln!(err, "error: {}", lines(format_args!("{error:#}")));
        if let Some(next) = next {
            let _ = writeln!(err, "  next: {}", lines(next));
        }
    }

    /// Colours text that reports success.
    pub fn good(self, text: impl Display) -> String {
        self.paint(text, "32")
    }

    /// Colours text that reports failure.
    pub fn bad(self, text: impl Display) -> String {
        self.paint(text, "31")
    }

    /// Makes text bold, for the most important line.
    pub fn strong(self, text: impl Display) -> String {
        self.paint(text, "1")
    }

    /// Makes text dim, for the least important parts.
    pub fn faint(self, text: impl Display) -> String {
        self.paint(text, "2")
    }

    fn paint(self, text: impl Display, code: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}
