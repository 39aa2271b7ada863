//! Exit statuses, which scripts read, and errors that say what to do next, which people read.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// How a command ended. The README of `bulk` promises the numbers to scripts: do not change them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// The command succeeded. For an import or a check: every row is good.
    Done,
    /// Wrong usage or settings, a file that cannot be read or written, or a refusal by the service.
    Error,
    /// The import or the check reached its end, and some rows failed.
    RowsFailed,
    /// The file as a whole was not imported: it cannot be, or the job was canceled or expired.
    JobFailed,
    /// The service was not reached, or the exchange with it broke off. The same command may succeed
    /// later.
    Unreachable,
    /// The user pressed Ctrl-C.
    Interrupted,
    /// The reader of standard output closed it, as `head` does.
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
            // Shells report a program that a signal ended as 128 + the signal: SIGINT is 2, SIGPIPE
            // is 13.
            Exit::Interrupted => 130,
            Exit::OutputClosed => 141,
        })
    }
}

/// An error for the user: what went wrong, and what to do next. It never holds a key, a link or a
/// cell.
#[derive(Debug)]
pub struct Failure {
    message: String,
    next: Option<String>,
    exit: Exit,
}

impl Failure {
    /// Returns an error that another attempt will not cure: its exit status is 1.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), next: None, exit: Exit::Error }
    }

    /// Adds the next step for the user.
    #[must_use]
    pub fn next(self, step: impl Into<String>) -> Self {
        Self { next: Some(step.into()), ..self }
    }

    /// Sets another exit status.
    #[must_use]
    pub fn exit(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    /// Returns the next step, if there is one.
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

/// Returns the exit status for an error.
pub(crate) fn status_of(error: &anyhow::Error) -> Exit {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.exit;
    }
    let is_closed_pipe = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(is_closed_pipe) { Exit::OutputClosed } else { Exit::Error }
}
