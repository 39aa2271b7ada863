//! How `bulk` ends: the exit status that scripts see, and errors that say what to do next.

use std::fmt;
use std::process::ExitCode;

/// The exit statuses. The README promises them: do not change their numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// It is done; of an import or a check: every row is good.
    Done,
    /// Not done: wrong usage or settings, a file that cannot be read or written, or a refusal.
    Error,
    /// The import or check came to its end, and some rows failed.
    RowsFailed,
    /// The file as a whole was not imported: it cannot be, or the job was canceled or expired.
    JobFailed,
    /// The service could not be reached, or not all the way. The same command may work later.
    Unreachable,
    /// Ctrl-C.
    Interrupted,
    /// Whoever read the output has seen enough, as in `bulk check FILE | head`.
    OutputClosed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Error => 1,
            Exit::RowsFailed => 2,
            Exit::JobFailed => 3,
            Exit::Unreachable => 4,
            // As shells say it of programs that a signal ended: 128 + SIGINT, 128 + SIGPIPE.
            Exit::Interrupted => 130,
            Exit::OutputClosed => 141,
        })
    }
}

/// An error for people: what went wrong, and what to do next. Never holds a key, a link or a cell.
#[derive(Debug)]
pub struct Failure {
    message: String,
    next: Option<String>,
    exit: Exit,
}

impl Failure {
    /// Something that is not done, and will not be by trying again.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), next: None, exit: Exit::Error }
    }

    /// The same with the next step for whoever reads it.
    #[must_use]
    pub fn next(self, step: impl Into<String>) -> Self {
        Self { next: Some(step.into()), ..self }
    }

    /// The same with another exit status.
    #[must_use]
    pub fn exit(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    /// What to do next, if that is known.
    pub fn next_step(&self) -> Option<&str> {
        self.next.as_deref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The exit status for an error.
pub fn status_of(error: &anyhow::Error) -> Exit {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.exit;
    }
    let closed = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(closed) { Exit::OutputClosed } else { Exit::Error }
}
