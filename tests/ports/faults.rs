//! Errors that no emulator returns on demand: a server gives the answers that AWS documents, in a
//! fixed order and to any request.

mod dynamodb;
mod network;
mod s3;
mod server;
mod sqs;

use bulk_pipeline::ports::PortError;

/// A text that the messages of AWS's errors have here, because they may quote a request. No error
/// of a port may contain it.
const SECRET: &str = "Ada Lovelace";

/// Asserts that an error has this cause, and contains no data of the request.
fn assert_error(error: &PortError, transient: bool, code: &str) {
    assert_eq!(error.transient, transient, "{error}");
    assert!(error.code.contains(code), "{error} has no {code}");
    assert!(!format!("{error} {error:?}").contains(SECRET), "{error}");
}
