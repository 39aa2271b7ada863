//! Where the gateway's secret comes from: a bearer token, or the secret of an OAuth client.

use std::future::Future;

use secrecy::SecretString;

/// The secret could not be read. A later attempt may succeed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the secret could not be read")]
pub struct SecretUnavailable;

/// Reads the gateway's secret from where it is kept.
pub trait ReadSecret: Send + Sync {
    /// Returns the secret. White space around it, such as the newline at the end of a file, is
    /// ignored.
    ///
    /// The client calls this before its first request, and again when the gateway refuses the
    /// secret, because the secret may have been replaced. So an implementation must not answer from
    /// a cache.
    fn read_secret(&self) -> impl Future<Output = Result<SecretString, SecretUnavailable>> + Send;
}
