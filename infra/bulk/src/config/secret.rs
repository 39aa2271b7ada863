//! API keys in files, which other users of the machine must not be able to read.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::path::Path;

use bulk_terminal::{Failure, Output};
use secrecy::SecretString;

/// Longest key file in bytes. Keys are shorter, so a longer file was named by mistake.
const KEY_BYTES: u64 = 4096;

/// Reads the API key from a file.
///
/// # Errors
///
/// The file cannot be read, other users can read it, or it does not hold exactly one word.
pub fn read_file(path: &Path, output: Output) -> anyhow::Result<SecretString> {
    let unreadable = |error| {
        Failure::new(format!(
            "the file of the API key, {}, cannot be read: {error}",
            path.display()
        ))
    };
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
    Ok(SecretString::from(key))
}

/// Refuses a file that all users of the machine can read, and warns of one that its group can read.
#[cfg(unix)]
pub fn check_permissions(path: &Path, metadata: &Metadata, output: Output) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = metadata.permissions().mode();
    // A pipe, as in `--api-key-file <(pass show bulk)`, belongs to this process.
    if !metadata.is_file() {
        return Ok(());
    }
    let path = path.display();
    if mode & 0o006 != 0 {
        return Err(Failure::new(format!(
            "{path} holds an API key, and all users of this machine can read it"
        ))
        .next(format!("chmod 600 {path}")));
    }
    if mode & 0o060 != 0 {
        output.warn(format_args!(
            "{path} holds an API key, and its group can read it: chmod 600 {path}"
        ));
    }
    Ok(())
}

/// Does nothing: this operating system has no file modes.
#[cfg(not(unix))]
pub fn check_permissions(_: &Path, _: &Metadata, _: Output) -> Result<(), Failure> {
    Ok(())
}
