//! The servers of customers that receive webhooks.

use std::future::Future;
use std::time::Duration;

use bulk_domain::delivery::NoAnswer;

/// The servers of customers. A request that a server does not answer is an outcome, never an error.
pub trait WebhookServer: Send + Sync {
    /// Posts a webhook once, and follows no redirect.
    fn post(&self, request: WebhookRequest) -> impl Future<Output = PostOutcome> + Send;
    /// Posts a ping once, follows no redirect, and reads the start of the answer.
    fn ping(&self, request: WebhookRequest) -> impl Future<Output = PingOutcome> + Send;
}

/// A complete webhook request.
#[derive(Clone, Debug)]
pub struct WebhookRequest {
    /// The URL of the customer's server.
    pub url: String,
    /// Names and values of the headers, signatures included.
    pub headers: Vec<(&'static str, String)>,
    /// The exact bytes that were signed.
    pub body: Vec<u8>,
    /// How long the server may take to answer, with look-up, connection and TLS.
    pub within: Duration,
}

/// The outcome of a posted webhook.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PostOutcome {
    /// The server answered, with any status code.
    Answered {
        /// The HTTP status code.
        status: u16,
        /// The pause that the server asks for in `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// The server did not answer.
    Unreachable(NoAnswer),
}

/// The outcome of a ping.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PingOutcome {
    /// The server answered, with any status code.
    Answered {
        /// The HTTP status code.
        status: u16,
        /// The start of the body: as many bytes as a right answer can have.
        body: Vec<u8>,
    },
    /// The server did not answer.
    Unreachable(NoAnswer),
}
