//! API keys: read from files that others cannot read, never shown.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;

use terminal::Failure;
use terminal::Output;

/// Longer than any key; what is longer is another file.
const KEY_BYTES: u64 = 4096;

/// An API key. It leaves this program as the header of a request only.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a key.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The key, for the header.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// Reads the key that a file holds, and nothing but which.
pub fn read_file(path: &Path, output: Output) -> anyhow::Result<Secret> {
    let unreadable =
        |error| Failure::new(format!("the file of the API key, {}, cannot be read: {error}", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    check_permissions(path, &file.metadata().map_err(unreadable)?, output)?;
    let mut text = String::new();
    file.take(KEY_BYTES).read_to_string(&mut text).map_err(unreadable)?;
    let key = text.trim();
    if key.is_empty() || key.contains(char::is_whitespace) {
        return Err(Failure::new(format!("the file {} does not hold one API key", path.display()))
            .next("write the key into it, and nothing else")
            .into());
    }
    Ok(Secret::new(key))
}

/// Refuses a file that everybody on the machine can read; warns of one that a group can read.
#[cfg(unix)]
pub fn check_permissions(path: &Path, metadata: &Metadata, output: Output) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = metadata.permissions().mode();
    // A pipe, as of `--api-key-file <(pass show bulk)`, is nobody else's.
    if !metadata.is_file() {
        return Ok(());
    }
    let path = path.display();
    if mode & 0o006 != 0 {
        return Err(Failure::new(format!(
            "{path} holds an API key, and everybody on this machine can read it"
        ))
        .next(format!("chmod 600 {path}")));
    }
    if mode & 0o060 != 0 {
        output.warn(format_args!("{path} holds an API key, and its group can read it: chmod 600 {path}"));
    }
    Ok(())
}

/// Who can read a file is not told by its mode here.
#[cfg(not(unix))]
pub fn check_permissions(_: &Path, _: &Metadata, _: Output) -> Result<(), Failure> {
    Ok(())
}
