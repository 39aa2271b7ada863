//! What can go wrong between us and a gateway, in words that hold nothing of a patient.

use std::fmt;
use std::time::Duration;

/// A query that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{exchange}: {fault}")]
pub struct QueryError {
    /// Which part of it.
    pub exchange: Exchange,
    /// How.
    pub fault: Fault,
}

impl QueryError {
    /// Whether the same query may succeed later.
    pub fn is_transient(&self) -> bool {
        self.fault.is_transient()
    }

    /// How long the gateway asks us to wait, by `Retry-After`.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.fault {
            Fault::Status { retry_after, .. } | Fault::Token { retry_after, .. } => retry_after,
            _ => None,
        }
    }
}

/// What was being exchanged.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Exchange {
    /// The search for the patient.
    Discovery,
    /// The search for the patient's documents.
    Documents,
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Discovery => "patient discovery (ITI-78)",
            Self::Documents => "document query (ITI-67)",
        })
    }
}

/// How an exchange failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    // --- may be over in a while ---
    /// There was no connection.
    #[error("no connection")]
    Connect,
    /// The answer took too long, or all answers together did.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke in the middle.
    #[error("the connection broke")]
    Interrupted,
    /// The gateway could not answer and says that this may pass.
    #[error("the gateway reports a passing problem")]
    Passing,
    /// The token or the client secret could not be read from where it is kept.
    #[error("the gateway's secret could not be read")]
    SecretUnavailable,

    // --- depends on the number ---
    /// The gateway answered, but not with success.
    #[error("answered {status}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
    },
    /// The token endpoint answered, but not with success.
    #[error("the token endpoint answered {status}")]
    Token {
        /// The HTTP status.
        status: u16,
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
    },

    // --- will be the same next time ---
    /// The gateway says that it cannot answer this.
    #[error("the gateway reports an error")]
    Reported,
    /// The answer is not FHIR in JSON.
    #[error("answered in another format than FHIR JSON")]
    ContentType,
    /// The answer is JSON, perhaps, but not what was asked for.
    #[error("the answer could not be read")]
    Malformed,
    /// An answer has more bytes than the limit.
    #[error("an answer has too many bytes")]
    TooLarge,
    /// There are more pages than the limit.
    #[error("the answer has too many pages")]
    TooManyPages,
    /// There are more documents than the limit.
    #[error("the patient has too many documents")]
    TooManyDocuments,
    /// A page is its own successor.
    #[error("the answer's pages go in circles")]
    PageLoop,
    /// The next page is on another server.
    #[error("the next page is on another server")]
    ForeignLink,
    /// The gateway ignored for whom it was asked.
    #[error("documents of somebody else were answered")]
    OtherPatient,
    /// The token or the client secret has characters that cannot be sent.
    #[error("the gateway's secret cannot be sent in a header")]
    SecretUnusable,
}

impl Fault {
    /// Whether the same exchange may succeed later.
    pub fn is_transient(self) -> bool {
        match self {
            Self::Connect | Self::Timeout | Self::Interrupted | Self::Passing | Self::SecretUnavailable => {
                true
            }
            Self::Status { status, .. } | Self::Token { status, .. } => is_transient_status(status),
            Self::Reported
            | Self::ContentType
            | Self::Malformed
            | Self::TooLarge
            | Self::TooManyPages
            | Self::TooManyDocuments
            | Self::PageLoop
            | Self::ForeignLink
            | Self::OtherPatient
            | Self::SecretUnusable => false,
        }
    }
}

/// Whether a status speaks of a moment and not of the request. 501 (not implemented) and 505 (version
/// not supported) do not pass.
fn is_transient_status(status: u16) -> bool {
    matches!(status, 408 | 425 | 429) || (status >= 500 && !matches!(status, 501 | 505))
}

/// The client could not be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// No usable TLS on this machine.
    #[error("no usable TLS")]
    Tls,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_that_speaks_of_a_moment_is_transient() {
        for status in [408, 425, 429, 500, 502, 503, 504, 507, 520] {
            assert!(Fault::Status { status, retry_after: None }.is_transient(), "{status}");
            assert!(Fault::Token { status, retry_after: None }.is_transient(), "{status}");
        }
        for status in [201, 202, 301, 302, 400, 401, 403, 404, 406, 410, 415, 422, 501, 505] {
            assert!(!Fault::Status { status, retry_after: None }.is_transient(), "{status}");
            assert!(!Fault::Token { status, retry_after: None }.is_transient(), "{status}");
        }
    }

    #[test]
    fn an_error_says_what_failed_and_how() {
        let wait = Duration::from_secs(7);
        let fault = Fault::Status { status: 503, retry_after: Some(wait) };
        let error = QueryError { exchange: Exchange::Documents, fault };
        assert_eq!(error.to_string(), "document query (ITI-67): answered 503");
        assert_eq!(error.retry_after(), Some(wait));
        let error = QueryError { exchange: Exchange::Discovery, fault: Fault::Timeout };
        assert_eq!(error.to_string(), "patient discovery (ITI-78): no answer in time");
        assert_eq!(error.retry_after(), None);
    }
}
