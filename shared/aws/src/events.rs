//! Lambda events from SQS: each message is handled by itself, and only those that failed come again.
//! `pipeline::redelivery` says how.

use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::future::join_all;
use pipeline::Error;
use pipeline::redelivery::{Delivery, Redelivery};
use serde::de::DeserializeOwned;
use tracing::{error, warn};

use crate::queues::{MessagePutBack, MessageWait, retries_of};

/// The pause before a message of an unknown form comes again, on its way to the dead letters.
const UNKNOWN_FORM_PAUSE: Duration = Duration::from_mins(2);

/// What is to become of a message that was handled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Handled {
    /// It is done.
    Done,
    /// It is to come again after a while.
    Again(Duration),
}

/// Handles every message of an event, all of them beside each other: one that takes long does not hold up the others. A
/// message that fails comes again after a growing pause, rather than after the queue's visibility timeout, which has to be
/// as long as the slowest run. If the failure was transient it comes again as a new message, so that the queue does not
/// count it.
pub async fn handle_messages<M: DeserializeOwned>(
    queue: &(impl MessageWait + MessagePutBack),
    event: SqsEvent,
    handle: impl AsyncFn(M, Delivery) -> Result<Handled, Error>,
) -> SqsBatchResponse {
    let handle = &handle;
    let handled = event.records.into_iter().map(|message| async move {
        let pause = match handle_one(&message, handle).await? {
            Redelivery::Same(pause) => pause,
            Redelivery::PutBack(pause) => match queue.put_back(&message, pause).await {
                Ok(()) => return None,
                Err(error) => {
                    warn!(
                        message.id = message.message_id,
                        "Message could not be put back, the queue counts this failure: {error}"
                    );
                    Redelivery::counted_pause(delivery_of(&message))
                }
            },
        };
        hold_back(queue, &message, pause).await;
        Some(failure(message))
    });
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = join_all(handled).await.into_iter().flatten().collect();
    response
}

/// Handles a message. Returns how it is to come again, if it is.
async fn handle_one<M: DeserializeOwned>(
    message: &SqsMessage,
    handle: &impl AsyncFn(M, Delivery) -> Result<Handled, Error>,
) -> Option<Redelivery> {
    let delivery = delivery_of(message);
    let handled = if let Some(parsed) = parse(message) {
        // Boxed: whole use cases are nested in it, deeper than the compiler looks when it lays out one future.
        Box::pin(handle(parsed, delivery)).await
    } else {
        error!(message.id = message.message_id, "A message of another form is left to the dead letters");
        Ok(Handled::Again(UNKNOWN_FORM_PAUSE))
    };
    match handled {
        Ok(Handled::Done) => None,
        Ok(Handled::Again(pause)) => Some(Redelivery::Same(pause)),
        Err(error) => {
            let redelivery = Redelivery::after(&error, delivery);
            let (Redelivery::Same(pause) | Redelivery::PutBack(pause)) = redelivery;
            warn!(
                message.id = message.message_id,
                message.receives = delivery.receives,
                message.retries = delivery.retries,
                error.transient = error.is_transient(),
                pause_s = pause.as_secs(),
                "Message failed, will be retried: {error}"
            );
            Some(redelivery)
        }
    }
}

async fn hold_back(queue: &impl MessageWait, message: &SqsMessage, pause: Duration) {
    if let Err(error) = queue.wait(message, pause).await {
        warn!("A message comes again later than it should: {error}");
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

fn delivery_of(message: &SqsMessage) -> Delivery {
    let receives = message.attributes.get("ApproximateReceiveCount");
    let receives = receives.and_then(|count| count.parse().ok()).unwrap_or(1);
    Delivery { receives, retries: retries_of(message) }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use pipeline::ports::{PortError, PortResult};
    use tokio::sync::Barrier;

    use super::*;

    /// A queue that notes what is asked of it.
    #[derive(Default)]
    struct Noted {
        asked: Mutex<Vec<String>>,
        /// Whether it takes no message.
        is_down: bool,
    }

    impl Noted {
        fn note(&self, message: &SqsMessage, what: &str) {
            let receipt = message.receipt_handle.as_deref().unwrap();
            self.asked.lock().unwrap().push(format!("{receipt} {what}"));
        }

        fn asked(self) -> Vec<String> {
            self.asked.into_inner().unwrap()
        }
    }

    impl MessagePutBack for Noted {
        async fn put_back(&self, message: &SqsMessage, wait: Duration) -> PortResult<()> {
            if self.is_down {
                return Err(failure_of("sqs.SendMessage", true));
            }
            self.note(message, &format!("put back for {}", wait.as_secs()));
            Ok(())
        }
    }

    fn failure_of(operation: &'static str, transient: bool) -> PortError {
        PortError { operation, code: "a code".to_owned(), transient }
    }

    impl MessageWait for Noted {
        async fn wait(&self, message: &SqsMessage, wait: Duration) -> PortResult<()> {
            self.note(message, &format!("waits {}", wait.as_secs()));
            Ok(())
        }
    }

    /// Messages whose body, id and receipt are all their name.
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

    async fn fail(queue: &Noted, transient: bool) -> SqsBatchResponse {
        handle_messages(queue, event(&["a1"]), async |_: String, _| {
            Err(failure_of("dynamodb.GetItem", transient).into())
        })
        .await
    }

    #[tokio::test]
    async fn a_transient_failure_is_put_back_and_its_message_is_done() {
        let queue = Noted::default();
        assert!(fail(&queue, true).await.batch_item_failures.is_empty());
        assert_eq!(queue.asked(), ["a1 put back for 2"]);
    }

    #[tokio::test]
    async fn a_failure_that_cannot_be_put_back_or_is_permanent_is_counted_by_the_queue() {
        for (is_down, transient) in [(true, true), (false, false)] {
            let queue = Noted { is_down, ..Noted::default() };
            assert_eq!(fail(&queue, transient).await.batch_item_failures.len(), 1);
            assert_eq!(queue.asked(), ["a1 waits 2"]);
        }
    }

    #[tokio::test]
    async fn a_message_that_comes_again_is_the_only_one_of_its_batch() {
        let queue = Noted::default();
        let response = handle_messages(&queue, event(&["a", "b", "c"]), async |name: String, _| {
            Ok(if name == "b" { Handled::Again(Duration::from_secs(30)) } else { Handled::Done })
        })
        .await;
        let failed: Vec<_> =
            response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
        assert_eq!(failed, ["b"]);
        assert_eq!(queue.asked(), ["b waits 30"]);
    }

    #[tokio::test]
    async fn a_message_that_takes_long_holds_up_no_other_of_its_batch() {
        // Each of the messages waits for the other one to be handled, too.
        let (queue, both) = (Noted::default(), Barrier::new(2));
        let handled = handle_messages(&queue, event(&["a", "b"]), async |_: String, _| {
            both.wait().await;
            Ok(Handled::Done)
        });
        let response = tokio::time::timeout(Duration::from_secs(5), handled).await.unwrap();
        assert!(response.batch_item_failures.is_empty());
    }

    #[tokio::test]
    async fn a_message_of_another_form_comes_again_and_is_never_deleted() {
        let queue = Noted::default();
        let response = handle_messages(&queue, event(&["a1"]), async |_: u32, _| Ok(Handled::Done)).await;
        assert_eq!(response.batch_item_failures.len(), 1);
        assert_eq!(queue.asked(), ["a1 waits 120"]);
    }
}
