//! Failed AWS calls as the pipeline sees them: an operation and a code, without a message. AWS
//! messages can quote the request, and a request can hold patient data.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use bulk_pipeline::ports::{PortError, PortResult, Write};

/// Error codes that say that a later call may succeed, besides every 5xx.
const TRANSIENT_CODES: [&str; 14] = [
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "Throttling",
    "RequestLimitExceeded",
    "RequestThrottled",
    "SlowDown",
    // S3, HTTP 409: another request writes the same object at the same time.
    "ConditionalRequestConflict",
    "OperationAborted",
    "TransactionInProgressException",
    "TransactionConflictException",
    "LimitExceededException",
    "RequestTimeout",
    "RequestTimeTooSkewed",
    "InternalServerError",
];

/// Error codes about rights, credentials, keys and resources. They say nothing about what was sent:
/// after an operator has mended the role, the key or the table, the same request succeeds. Rows
/// must not fail for good before that. (The codes are those of the services' common errors, and of
/// DynamoDB's, SQS's and S3's own references.)
const MENDED_BY_OPERATORS: [&str; 19] = [
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "KMS.DisabledException",
    "KMS.InvalidStateException",
    "KmsDisabled",
    "KmsInvalidState",
    "MissingAuthenticationTokenException",
    "NoSuchBucket",
    "QueueDoesNotExist",
    "AWS.SimpleQueueService.NonExistentQueue",
    "ResourceNotFoundException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Turns an error of the SDK into a port error of `operation`.
pub fn failed<E: ProvideErrorMetadata>(
    operation: &'static str,
) -> impl FnOnce(SdkError<E, HttpResponse>) -> PortError {
    move |error| {
        let (code, transient) = match &error {
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                let code = service.err().code().unwrap_or("unknown");
                let transient = status >= 500
                    || matches!(status, 401 | 403 | 429)
                    || TRANSIENT_CODES.contains(&code)
                    || MENDED_BY_OPERATORS.contains(&code);
                (format!("{code} (HTTP {status})"), transient)
            }
            SdkError::TimeoutError(_) => ("timeout".to_owned(), true),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                ("timeout".to_owned(), true)
            }
            SdkError::DispatchFailure(_) => ("no connection".to_owned(), true),
            SdkError::ResponseError(_) => ("unreadable response".to_owned(), true),
            _ => ("request could not be built".to_owned(), false),
        };
        PortError { operation, code, transient }
    }
}

/// Returns the error for stored data that do not have the form in which the project stores them.
pub fn malformed(operation: &'static str, what: &'static str) -> PortError {
    PortError { operation, code: format!("malformed {what}"), transient: false }
}

/// Returns the outcome of a conditional write: a failed condition is an answer, not an error, and
/// so is a transaction that writes the item at the same time. Reading again answers both.
pub fn conditional<T, E: ProvideErrorMetadata>(
    operation: &'static str,
    result: Result<T, SdkError<E, HttpResponse>>,
) -> PortResult<Write> {
    match result {
        Ok(_) => Ok(Write::Done),
        Err(error)
            if matches!(
                error.code(),
                Some("ConditionalCheckFailedException" | "TransactionConflictException")
            ) =>
        {
            Ok(Write::Conflict)
        }
        Err(error) => Err(failed(operation)(error)),
    }
}
