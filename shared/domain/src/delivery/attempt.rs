//! One attempt at the delivery of a webhook, and how it ended.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Why a receiver did not answer. A closed list, so that no text of a receiver gets into it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[error("{}", self.text())]
pub enum NoAnswer {
    /// The receiver did not answer within the time of an attempt.
    Timeout,
    /// The receiver's host name has no address.
    NameNotFound,
    /// The receiver's host name leads to addresses that are not public.
    AddressNotAllowed,
    /// The URL is not allowed any more.
    UrlNotAllowed,
    /// The receiver refuses connections or cannot be reached.
    NoConnection,
    /// The connection is not secure: the certificate is invalid, or the receiver does not speak
    /// TLS.
    NoTls,
    /// The connection broke, or the answer was not HTTP.
    ConnectionBroke,
    /// The receiver answered a ping without the value of the ping. No patient data is sent to it
    /// until it answers with the value.
    NoPong,
    /// The service could not handle the message. The receiver is not at fault.
    Internal,
}

impl NoAnswer {
    /// Returns what the customer is told.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Timeout => "no answer in time",
            Self::NameNotFound => "the name was not found",
            Self::AddressNotAllowed => "the address is not public",
            Self::UrlNotAllowed => "the URL is not allowed",
            Self::NoConnection => "no connection",
            Self::NoTls => "no secure connection",
            Self::ConnectionBroke => "the connection broke",
            Self::NoPong => "the answer was not {\"pong\": …} with the value of the ping",
            Self::Internal => "internal error",
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum AttemptOutcome {
    /// The receiver answered with this HTTP status.
    StatusCode(u16),
    /// The receiver did not answer.
    Error(NoAnswer),
}

impl AttemptOutcome {
    /// Returns whether the attempt succeeded: 2xx is success and nothing else is. Redirects are not
    /// followed.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::StatusCode(200..=299))
    }
}

impl fmt::Display for AttemptOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StatusCode(status) => write!(f, "answered {status}"),
            Self::Error(error) => error.fmt(f),
        }
    }
}

/// One attempt at a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Attempt {
    /// When the attempt was made.
    pub when: Timestamp,
    /// How the attempt ended.
    #[serde(flatten)]
    pub outcome: AttemptOutcome,
}
