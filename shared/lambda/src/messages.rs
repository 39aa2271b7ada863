//! Lambda events from SQS. Each message is handled by itself, and only a failed message is retried,
//! as `bulk_pipeline::retry` says.

use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use bulk_pipeline::Error;
use bulk_pipeline::retry::{Attempts, Retry};
use futures::future::join_all;
use lambda_runtime::{LambdaEvent, service_fn};
use serde::de::DeserializeOwned;
use tracing::{error, warn};

use crate::event::Event;
use crate::source::{MessageSource, retries_of};

/// The pause before a message of an unknown form is received again, on its way to the dead letters.
const UNKNOWN_FORM_PAUSE: Duration = Duration::from_mins(2);

/// What happens to a message after it was handled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Handled {
    /// The work is done, and the message is deleted.
    Done,
    /// The message is received again after this time.
    RetryAfter(Duration),
}

/// Runs a function that is invoked for the messages of `source`, until its environment ends.
///
/// # Errors
///
/// The Runtime API of Lambda failed. A message that fails is no error: it is retried.
pub async fn run_messages<M: DeserializeOwned>(
    source: &impl MessageSource,
    handle: impl AsyncFn(M, Attempts) -> Result<Handled, Error>,
) -> Result<(), lambda_runtime::Error> {
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Event<SqsEvent>>| {
        Ok::<_, lambda_runtime::Error>(handle_messages(source, event.payload.0, &handle).await)
    }))
    .await
}

/// Handles the messages of an event concurrently, so that a message that takes long does not delay
/// the others. A message that fails is received again after a growing pause, rather than after the
/// queue's visibility timeout, which has to be as long as the slowest run. After a transient error
/// the work of a message is sent as a new message, so that the queue does not count the failure.
///
/// Returns the messages that Lambda must not delete.
pub async fn handle_messages<M: DeserializeOwned>(
    source: &impl MessageSource,
    event: SqsEvent,
    handle: impl AsyncFn(M, Attempts) -> Result<Handled, Error>,
) -> SqsBatchResponse {
    let handle = &handle;
    let handled = event.records.into_iter().map(|message| async move {
        let pause = match handle_one(&message, handle).await? {
            Retry::SameMessage(pause) => pause,
            Retry::NewMessage(pause) => match source.send_retry(&message, pause).await {
                Ok(()) => return None,
                Err(error) => {
                    warn!(
                        message.id = message.message_id,
                        "Retry not sent, the queue counts this failure: {error}"
                    );
                    Retry::counted_pause(attempts_of(&message))
                }
            },
        };
        if let Err(error) = source.hide(&message, pause).await {
            warn!(
                message.id = message.message_id,
                "Message not hidden, it is received again after the visibility timeout: {error}"
            );
        }
        Some(failure(message))
    });
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = join_all(handled).await.into_iter().flatten().collect();
    response
}

/// Handles a message. Returns how it is retried, or `None` if it is done.
async fn handle_one<M: DeserializeOwned>(
    message: &SqsMessage,
    handle: &impl AsyncFn(M, Attempts) -> Result<Handled, Error>,
) -> Option<Retry> {
    let attempts = attempts_of(message);
    let handled = if let Some(parsed) = parse(message) {
        // The future is boxed, because whole use cases are nested in it, deeper than the compiler
        // looks when it lays out one future.
        Box::pin(handle(parsed, attempts)).await
    } else {
        error!(
            message.id = message.message_id,
            "Message of an unknown form left to the dead letters"
        );
        Ok(Handled::RetryAfter(UNKNOWN_FORM_PAUSE))
    };
    match handled {
        Ok(Handled::Done) => None,
        Ok(Handled::RetryAfter(pause)) => Some(Retry::SameMessage(pause)),
        Err(error) => {
            let retry = Retry::after(&error, attempts);
            let (Retry::SameMessage(pause) | Retry::NewMessage(pause)) = retry;
            warn!(
                message.id = message.message_id,
                message.receive_count = attempts.receive_count,
                message.retries = attempts.retries,
                error.transient = error.is_transient(),
                pause_s = pause.as_secs(),
                "Message failed, will be retried: {error}"
            );
            Some(retry)
        }
    }
}

fn failure(message: SqsMessage) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message.message_id.unwrap_or_default();
    failure
}

fn parse<M: DeserializeOwned>(message: &SqsMessage) -> Option<M> {
    serde_json::from_str(message.body.as_deref()?).ok()
}

fn attempts_of(message: &SqsMessage) -> Attempts {
    let receive_count = message.attributes.get("ApproximateReceiveCount");
    let receive_count = receive_count.and_then(|count| count.parse().ok()).unwrap_or(1);
    Attempts { receive_count, retries: retries_of(message) }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use bulk_pipeline::ports::{PortError, PortResult};
    use tokio::sync::Barrier;

    use super::*;

    /// A message source that notes its calls.
    #[derive(Default)]
    struct NotedSource {
        calls: Mutex<Vec<String>>,
        /// Whether no message can be sent.
        is_down: bool,
    }

    impl NotedSource {
        fn note(&self, message: &SqsMessage, what: &str) {
            let receipt = message.receipt_handle.as_deref().unwrap();
            self.calls.lock().unwrap().push(format!("{receipt} {what}"));
        }

        fn calls(self) -> Vec<String> {
            self.calls.into_inner().unwrap()
        }
    }

    impl MessageSource for NotedSource {
        async fn hide(&self, message: &SqsMessage, wait: Duration) -> PortResult<()> {
            self.note(message, &format!("hidden for {}", wait.as_secs()));
            Ok(())
        }

        async fn send_retry(&self, message: &SqsMessage, wait: Duration) -> PortResult<()> {
            if self.is_down {
                return Err(failure_of("sqs.SendMessage", true));
            }
            self.note(message, &format!("sent for {}", wait.as_secs()));
            Ok(())
        }
    }

    fn failure_of(operation: &'static str, transient: bool) -> PortError {
        PortError { operation, code: "a code".to_owned(), transient }
    }

    /// Returns an event with messages that have their name as their body, id and receipt.
    fn event(names: &[&str]) -> SqsEvent {
        let mut event = SqsEvent::default();
        event.records = names
            .iter()
            .map(|name| {
                let mut message = SqsMessage::default();
                message.message_id = Some((*name).to_owned());
                message.receipt_handle = Some((*name).to_owned());
                message.body = Some(format!("\"{name}\""));
                message
            })
            .collect();
        event
    }

    async fn fail(queue: &NotedSource, transient: bool) -> SqsBatchResponse {
        handle_messages(queue, event(&["a1"]), async |_: String, _| {
            Err(failure_of("dynamodb.GetItem", transient).into())
        })
        .await
    }

    #[tokio::test]
    async fn after_a_transient_failure_a_retry_is_sent_and_the_message_is_done() {
        let queue = NotedSource::default();
        assert!(fail(&queue, true).await.batch_item_failures.is_empty());
        assert_eq!(queue.calls(), ["a1 sent for 2"]);
    }

    #[tokio::test]
    async fn a_failure_that_is_permanent_or_whose_retry_is_not_sent_is_counted_by_the_queue() {
        for (is_down, transient) in [(true, true), (false, false)] {
            let queue = NotedSource { is_down, ..NotedSource::default() };
            assert_eq!(fail(&queue, transient).await.batch_item_failures.len(), 1);
            assert_eq!(queue.calls(), ["a1 hidden for 2"]);
        }
    }

    #[tokio::test]
    async fn a_message_to_be_retried_is_the_only_failure_of_its_batch() {
        let queue = NotedSource::default();
        let response = handle_messages(&queue, event(&["a", "b", "c"]), async |name: String, _| {
            Ok(if name == "b" {
                Handled::RetryAfter(Duration::from_secs(30))
            } else {
                Handled::Done
            })
        })
        .await;
        let failed: Vec<_> = response
            .batch_item_failures
            .into_iter()
            .map(|failure| failure.item_identifier)
            .collect();
        assert_eq!(failed, ["b"]);
        assert_eq!(queue.calls(), ["b hidden for 30"]);
    }

    #[tokio::test]
    async fn a_message_that_takes_long_delays_no_other_of_its_batch() {
        // Each of the messages waits until the other one is handled, too.
        let (queue, both) = (NotedSource::default(), Barrier::new(2));
        let handled = handle_messages(&queue, event(&["a", "b"]), async |_: String, _| {
            both.wait().await;
            Ok(Handled::Done)
        });
        let response = tokio::time::timeout(Duration::from_secs(5), handled).await.unwrap();
        assert!(response.batch_item_failures.is_empty());
    }

    #[tokio::test]
    async fn a_message_of_an_unknown_form_is_never_deleted() {
        let queue = NotedSource::default();
        let response =
            handle_messages(&queue, event(&["a1"]), async |_: u32, _| Ok(Handled::Done)).await;
        assert_eq!(response.batch_item_failures.len(), 1);
        assert_eq!(queue.calls(), ["a1 hidden for 120"]);
    }
}
