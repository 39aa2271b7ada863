//! The environment variables of a function.

use std::str::FromStr;

/// An environment variable that is missing or cannot be parsed. It stops a function at its start.
#[derive(PartialEq, Eq, Debug, thiserror::Error)]
#[error("environment variable {0} is not set, or not to a usable value")]
pub struct ConfigError(pub &'static str);

/// Returns the value of a variable that has to be set.
///
/// # Errors
///
/// The variable is not set, is empty, or cannot be parsed.
pub fn variable<T: FromStr>(name: &'static str) -> Result<T, ConfigError> {
    optional(name)?.ok_or(ConfigError(name))
}

/// Returns the value of a variable, or `None` if it is not set or empty.
///
/// # Errors
///
/// The variable cannot be parsed.
pub fn optional<T: FromStr>(name: &'static str) -> Result<Option<T>, ConfigError> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(|_| ConfigError(name))).transpose()
}
