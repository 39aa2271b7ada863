//! Errors of calls to the service, and the next step for the user.

use std::time::Duration;

use bulk_terminal::{Exit, Failure, one_line};
use serde::Deserialize;

/// Why a call failed.
#[derive(Debug)]
pub enum ApiError {
    /// The service answered an error. A retry does not help.
    Refused(Refusal),
    /// The service did not answer, or answered that it cannot answer now. The same call may succeed
    /// later.
    Unreachable {
        /// What happened, without the address.
        cause: String,
        /// The wait that the service asks for by `Retry-After`, if it does.
        retry_after: Option<Duration>,
    },
    /// The answer is not in the format of this service.
    Unintelligible,
}

/// An error answer of the service.
#[derive(Debug)]
pub struct Refusal {
    pub status: u16,
    /// The service's message for its caller.
    pub detail: String,
}

/// The body of an error answer. Errors of API Gateway itself have a `message` only.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ErrorBody {
    detail: Option<String>,
    message: Option<String>,
}

impl ErrorBody {
    /// Returns the message for the caller.
    pub fn text(self) -> Option<String> {
        self.detail.or(self.message)
    }
}

impl ApiError {
    /// Returns whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// Returns the wait that the service asks for.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unreachable { retry_after, .. } => *retry_after,
            Self::Refused(_) | Self::Unintelligible => None,
        }
    }

    /// Returns the HTTP status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.status),
            Self::Unreachable { .. } | Self::Unintelligible => None,
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Refused(Refusal { status, detail }) => {
                let failure =
                    Self::new(format!("the service answered {status}: {}", one_line(&detail)));
                match next_step(status, &detail) {
                    Some(step) => failure.next(step),
                    None => failure,
                }
            }
            ApiError::Unreachable { cause, .. } => {
                Self::new(format!("the service cannot be reached: {cause}"))
                    .next("check the address (BULK_URL or --url) and the network, then try again")
                    .exit(Exit::Unreachable)
            }
            ApiError::Unintelligible => Self::new("what answered is not the bulk import service")
                .next("check the address (BULK_URL or --url): it ends before /medical/v1"),
        }
    }
}

impl From<ApiError> for anyhow::Error {
    fn from(error: ApiError) -> Self {
        Failure::from(error).into()
    }
}

fn next_step(status: u16, detail: &str) -> Option<&'static str> {
    match status {
        403 => Some(
            "check the API key (BULK_API_KEY, --api-key-file or the profile); your operator makes keys with `bulk-admin key create`",
        ),
        400 if detail.contains("facility") => {
            Some("`bulk facility list` shows yours; give one with --facility")
        }
        404 if detail.contains("facility") => Some("`bulk facility list` shows yours"),
        404 if detail.contains("bulk") => Some("`bulk list` shows your imports"),
        404 if detail.contains("path") => Some(
            "check the address (BULK_URL or --url); an older service may not know this command",
        ),
        409 => Some("`bulk status ID` shows where it stands"),
        413 => Some("the request is larger than the service takes"),
        _ => None,
    }
}
