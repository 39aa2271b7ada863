//! Lambda events from SQS: each message is handled by itself, and only those that failed come again.
//! `pipeline::redelivery` says how.

use std::cell::RefCell;
use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use pipeline::Error;
use pipeline::in_groups::in_groups;
use pipeline::redelivery::{Delivery, Redelivery};
use serde::de::DeserializeOwned;
use tracing::{error, warn};

use crate::queues::{MessageDelete, MessagePutBack, MessageWait, retries_of};

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

/// Handles every message of an event. A message that fails comes again after a growing pause, rather than after the
/// queue's visibility timeout, which has to be as long as the slowest run. If the failure was transient it comes
/// again as a new message, so that the queue does not count it.
pub async fn handle_messages<M: DeserializeOwned>(
    queue: &(impl MessageWait + MessagePutBack),
    event: SqsEvent,
    handle: impl AsyncFn(M, Delivery) -> Result<Handled, Error>,
) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in event.records {
        let pause = match handle_one(&message, &handle).await {
            None => continue,
            Some(Redelivery::Same(pause)) => pause,
            Some(Redelivery::PutBack(pause)) => match queue.put_back(&message, pause).await {
                Ok(()) => continue,
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
        response.batch_item_failures.push(failure(message));
    }
    response
}

/// Handles every message of a FIFO queue's event: groups beside each other, a group's messages in their
/// order. A message that is to come again takes the later ones of its group along. What is done is
/// deleted at once: otherwise the next message of a fast group would wait until the slowest group of the
/// batch has ended.
pub async fn handle_groups<M: DeserializeOwned>(
    queue: &(impl MessageWait + MessageDelete),
    event: SqsEvent,
    handle: impl AsyncFn(M, Delivery) -> Result<Handled, Error>,
) -> SqsBatchResponse {
    let failures = RefCell::new(Vec::new());
    let group = |message: &SqsMessage| message.attributes.get("MessageGroupId").cloned();
    in_groups(event.records, group, async |message: SqsMessage, waiting: Option<&Duration>| {
        let pause = match waiting {
            Some(pause) => Some(*pause),
            // A message of a FIFO queue has no delay of its own, so its work cannot be put back as a new message.
            None => handle_one(&message, &handle).await.map(|redelivery| match redelivery {
                Redelivery::Same(pause) | Redelivery::PutBack(pause) => pause,
            }),
        };
        match pause {
            Some(pause) => {
                hold_back(queue, &message, pause).await;
                failures.borrow_mut().push(failure(message));
            }
            None => delete(queue, &message).await,
        }
        pause
    })
    .await;
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failures.into_inner();
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

async fn delete(queue: &impl MessageDelete, message: &SqsMessage) {
    if let Err(error) = queue.delete(message).await {
        warn!("A message is deleted with its batch, not before: {error}");
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

    impl MessageDelete for Noted {
        async fn delete(&self, message: &SqsMessage) -> PortResult<()> {
            self.note(message, "deleted");
            Ok(())
        }
    }

    /// Messages whose body, id and receipt are all their name, of the group that its first letter says.
    fn event(names: &[&str]) -> SqsEvent {
        let mut event = SqsEvent::default();
        event.records = names
            .iter()
            .map(|name| {
                let mut message = SqsMessage::default();
                message.message_id = Some((*name).to_owned());
                message.receipt_handle = Some((*name).to_owned());
                message.body = Some(format!("\"{name}\""));
                message.attributes.insert("MessageGroupId".to_owned(), name[..1].to_owned());
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
    async fn a_group_waits_behind_its_first_failure_and_other_groups_go_on() {
        let queue = Noted::default();
        let handled = Mutex::new(Vec::new());
        let names = ["a1", "b1", "a2", "b2", "a3", "c1"];
        let response = handle_groups(&queue, event(&names), async |name: String, _| {
            handled.lock().unwrap().push(name.clone());
            Ok(if name == "a2" { Handled::Again(Duration::from_secs(30)) } else { Handled::Done })
        })
        .await;
        let mut failed: Vec<_> =
            response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
        failed.sort();
        assert_eq!(failed, ["a2", "a3"]);
        let mut handled = handled.into_inner().unwrap();
        handled.sort();
        assert_eq!(handled, ["a1", "a2", "b1", "b2", "c1"]);
        let noted = queue.asked();
        let of_a: Vec<_> = noted.iter().filter(|note| note.starts_with('a')).collect();
        // The first one before the others: whichever is visible first comes first.
        assert_eq!(of_a, ["a1 deleted", "a2 waits 30", "a3 waits 30"]);
        assert_eq!(noted.iter().filter(|note| note.ends_with("deleted")).count(), 4);
    }

    #[tokio::test]
    async fn a_message_of_another_form_comes_again_and_is_never_deleted() {
        let queue = Noted::default();
        let response = handle_groups(&queue, event(&["a1"]), async |_: u32, _| Ok(Handled::Done)).await;
        assert_eq!(response.batch_item_failures.len(), 1);
        assert_eq!(queue.asked(), ["a1 waits 120"]);
    }
}
