//! What is printed where: results to standard output, everything else to standard error, colours and
//! bars to terminals only.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::exit::Failure;

/// How to talk to whoever runs this.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Output {
    /// Print JSON to standard output, and nothing else there.
    pub json: bool,
    /// No progress and no notes.
    quiet: bool,
    /// Standard output takes colours.
    colours: bool,
    /// Standard error is a terminal that can redraw a line.
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

    /// Whether a line can be drawn again on standard error.
    pub fn has_bars(self) -> bool {
        self.bars
    }

    /// Whether progress and notes are unwanted.
    pub fn is_quiet(self) -> bool {
        self.quiet
    }

    /// A line of the result.
    #[allow(clippy::unused_self, reason = "what is printed belongs to the output")]
    pub fn line(self, text: impl Display) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{text}")
    }

    /// The result as JSON: one line, so that many of them can be read one by one.
    pub fn value(self, value: &impl Serialize) -> anyhow::Result<()> {
        Ok(self.line(serde_json::to_string(value)?)?)
    }

    /// A note for whoever watches.
    pub fn note(self, text: impl Display) {
        if !self.quiet {
            // Nobody may be there to read it, and that is fine.
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }

    /// A note that is shown to the quiet, too.
    pub fn warn(self, text: impl Display) {
        if self.json {
            eprint_json(&serde_json::json!({"warning": text.to_string()}));
        } else {
            let _ = writeln!(io::stderr().lock(), "warning: {text}");
        }
    }

    /// An error, and the next step where it is known.
    pub fn error(self, error: &anyhow::Error) {
        let next = error.downcast_ref::<Failure>().and_then(Failure::next_step);
        if self.json {
            eprint_json(&serde_json::json!({"error": format!("{error:#}"), "next": next}));
            return;
        }
        let mut err = io::stderr().lock();
        let _ = writeln!(err, "error: {error:#}");
        if let Some(next) = next {
            let _ = writeln!(err, "  next: {next}");
        }
    }

    /// Text that means success.
    pub fn good(self, text: impl Display) -> String {
        self.paint(text, "32")
    }

    /// Text that means failure.
    pub fn bad(self, text: impl Display) -> String {
        self.paint(text, "31")
    }

    /// Text that matters most.
    pub fn strong(self, text: impl Display) -> String {
        self.paint(text, "1")
    }

    /// Text that matters least.
    pub fn faint(self, text: impl Display) -> String {
        self.paint(text, "2")
    }

    fn paint(self, text: impl Display, code: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

fn eprint_json(value: &serde_json::Value) {
    let _ = writeln!(io::stderr().lock(), "{value}");
}
