//! What can go wrong between the client and a gateway, in words that hold no patient data.

use std::fmt;
use std::time::Duration;

/// A query that failed: in which of its two searches, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{exchange}: {fault}")]
pub struct QueryError {
    /// The exchange that failed.
    pub exchange: Exchange,
    /// The way in which it failed.
    pub fault: Fault,
}

impl QueryError {
    /// Returns whether the same query may succeed later.
    pub fn is_transient(&self) -> bool {
        self.fault.is_transient()
    }

    /// Returns how long the gateway asks the client to wait, by `Retry-After`.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.fault {
            Fault::Status { retry_after, .. } | Fault::Token { retry_after, .. } => retry_after,
            _ => None,
        }
    }
}

/// One of the two searches that a query consists of.
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

/// How an exchange failed. The first variants are transient: the same query may succeed later.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    // --- transient ---
    /// No connection could be made.
    #[error("no connection")]
    Connect,
    /// The answer took too long, or all answers of a search together did.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke during the exchange.
    #[error("the connection broke")]
    Interrupted,
    /// The gateway could not answer and reports that the cause is transient.
    #[error("the gateway reports a transient problem")]
    Transient,
    /// The token or the client secret could not be read from where it is kept.
    #[error("the gateway's secret could not be read")]
    SecretUnavailable,

    // --- transient or permanent, by the status ---
    /// The gateway answered, but not with success.
    #[error("answered {status}")]
    Status {
        /// The HTTP status of the answer.
        status: u16,
        /// How long it asks the client to wait.
        retry_after: Option<Duration>,
    },
    /// The token endpoint answered, but not with success.
    #[error("the token endpoint answered {status}")]
    Token {
        /// The HTTP status of the answer.
        status: u16,
        /// How long it asks the client to wait.
        retry_after: Option<Duration>,
    },

    // --- permanent ---
    /// The gateway reports that it cannot answer this search.
    #[error("the gateway reports an error")]
    Reported,
    /// The answer is not FHIR in JSON.
    #[error("answered in another format than FHIR JSON")]
    ContentType,
    /// The answer is not the JSON that was asked for.
    #[error("the answer could not be read")]
    Malformed,
    /// An answer has more bytes than the limit allows.
    #[error("an answer has too many bytes")]
    TooLarge,
    /// A search has more pages than the limit allows.
    #[error("the answer has too many pages")]
    TooManyPages,
    /// A patient has more documents than the limit allows.
    #[error("the patient has too many documents")]
    TooManyDocuments,
    /// A page links to itself or to an earlier page as its next one.
    #[error("the answer's pages go in circles")]
    PageLoop,
    /// The link to the next page leads to another server.
    #[error("the next page is on another server")]
    ForeignLink,
    /// The gateway answered documents of another patient.
    #[error("documents of another patient were answered")]
    OtherPatient,
    /// The token or the client secret has characters that a header cannot hold.
    #[error("the gateway's secret cannot be sent in a header")]
    SecretUnusable,
}

impl Fault {
    /// Returns whether the same exchange may succeed later.
    pub fn is_transient(self) -> bool {
        match self {
            Self::Connect
            | Self::Timeout
            | Self::Interrupted
            | Self::Transient
            | Self::SecretUnavailable => true,
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

/// Returns whether a status reports a transient state of the server. 501 (not implemented) and 505
/// (version not supported) are permanent.
fn is_transient_status(status: u16) -> bool {
    matches!(status, 408 | 425 | 429) || (status >= 500 && !matches!(status, 501 | 505))
}

/// The client could not be created.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// This machine has no usable TLS.
    #[error("no usable TLS")]
    Tls,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_an_overloaded_or_failing_server_is_transient() {
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
