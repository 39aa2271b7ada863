//! What no emulator does on demand: a server that answers as AWS documents it, whatever it is asked.

mod dynamodb;
mod network;
mod s3;
mod server;
mod sqs;

use pipeline::ports::PortError;

/// A text that AWS's messages quote here as they may quote a request, and that no error may hold.
const SECRET: &str = "Ada Lovelace";

/// Asserts that an error says what happened and nothing of the data that it happened to.
fn assert_error(error: &PortError, transient: bool, code: &str) {
    assert_eq!(error.transient, transient, "{error}");
    assert!(error.code.contains(code), "{error} has no {code}");
    assert!(!format!("{error} {error:?}").contains(SECRET), "{error}");
}
