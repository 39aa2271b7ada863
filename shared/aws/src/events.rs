//! Lambda events from SQS: each message is handled by itself, and only those that failed come again.

use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::future::join_all;
use pipeline::Error;
use serde::de::DeserializeOwned;
use tracing::{error, warn};

use crate::queues::MessageWait;

/// The first pause before a failed message comes again; it doubles with every delivery.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(2);

/// What is to become of a message that was handled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Handled {
    /// It is done.
    Done,
    /// It is to come again after a while.
    Again(Duration),
}

/// Handles every message of an event, all of them beside each other: one that takes long does not hold up the others.
/// `handle` gets the message and how often it has been delivered, this time included. A message that fails comes again
/// after a growing pause, rather than after the queue's visibility timeout, which has to be as long as the slowest run.
pub async fn handle_messages<M: DeserializeOwned>(
    queue: &impl MessageWait,
    event: SqsEvent,
    handle: impl AsyncFn(M, u32) -> Result<Handled, Error>,
) -> SqsBatchResponse {
    let handle = &handle;
    let handled = event.records.into_iter().map(|message| async move {
        let pause = handle_one(&message, handle).await?;
        hold_back(queue, &message, pause).await;
        Some(failure(message))
    });
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = join_all(handled).await.into_iter().flatten().collect();
    response
}

/// Handles a message; gives the time after which it is to come again, if it is.
async fn handle_one<M: DeserializeOwned>(
    message: &SqsMessage,
    handle: &impl AsyncFn(M, u32) -> Result<Handled, Error>,
) -> Option<Duration> {
    let delivery = deliveries(message);
    let handled = if let Some(parsed) = parse(message) {
        // Boxed: whole use cases are nested in it, deeper than the compiler looks when it lays out one future.
        Box::pin(handle(parsed, delivery)).await
    } else {
        error!(message.id = message.message_id, "A message of another form is left to the dead letters");
        Ok(Handled::Again(LONGEST_PAUSE))
    };
    match handled {
        Ok(Handled::Done) => None,
        Ok(Handled::Again(pause)) => Some(pause),
        Err(error) => {
            let pause = pause_after(delivery);
            warn!(
                message.id = message.message_id,
                message.delivery = delivery,
                error.transient = error.is_transient(),
                pause_s = pause.as_secs(),
                "A message failed and comes again: {error}"
            );
            Some(pause)
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

fn deliveries(message: &SqsMessage) -> u32 {
    let count = message.attributes.get("ApproximateReceiveCount");
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}

fn pause_after(delivery: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << delivery.saturating_sub(1).min(10)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use pipeline::ports::PortResult;
    use tokio::sync::Barrier;

    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses: Vec<u64> = (1..=8).map(|delivery| pause_after(delivery).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 120, 120]);
    }

    /// A queue that notes what is asked of it.
    #[derive(Default)]
    struct Noted(Mutex<Vec<String>>);

    impl Noted {
        fn note(&self, message: &SqsMessage, what: &str) {
            let receipt = message.receipt_handle.as_deref().unwrap();
            self.0.lock().unwrap().push(format!("{receipt} {what}"));
        }
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
        assert_eq!(queue.0.into_inner().unwrap(), ["b waits 30"]);
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
        assert_eq!(queue.0.into_inner().unwrap(), ["a1 waits 120"]);
    }
}
