//! Values that are not arguments, because shells store arguments and other users of a machine can
//! see them.

use std::io::{self, BufRead as _};

use crate::exit::Failure;

/// Returns the value of an argument, or the first line of standard input if the value is `-`.
///
/// # Errors
///
/// Standard input cannot be read, or its first line is blank.
pub fn given_or_read(value: String) -> Result<String, Failure> {
    if value != "-" {
        return Ok(value);
    }
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::new(format!("standard input cannot be read: {error}")))?;
    let id = line.trim();
    if id.is_empty() {
        return Err(Failure::new("standard input has no id").next("write the id on its first line"));
    }
    Ok(id.to_owned())
}
