//! A question before something is deleted.

use std::io::{self, IsTerminal as _, Write as _};

use crate::exit::Failure;

/// Asks for consent on a terminal, unless `yes` gives it.
///
/// # Errors
///
/// There is no terminal to ask on, or the answer is not `y` or `yes`.
pub fn ask(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let no_answer = || {
        Failure::new("this needs an answer, and standard input is no terminal")
            .next("add --yes if it is what you want")
    };
    if !io::stdin().is_terminal() {
        return Err(no_answer());
    }
    let mut err = io::stderr().lock();
    let mut answer = String::new();
    write!(err, "{question} [y/N] ").and_then(|()| err.flush()).map_err(|_| no_answer())?;
    io::stdin().read_line(&mut answer).map_err(|_| no_answer())?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::new("nothing was changed, because the answer was not yes")),
    }
}
