//! Lambda events from SQS: each message is handled by itself, and only those that failed come again.

use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
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

/// Handles every message of an event. `handle` gets the message and how often it has been delivered,
/// this time included. A message that fails comes again after a growing pause, rather than after the
/// queue's visibility timeout, which has to be as long as the slowest run.
pub async fn handle_messages<M: DeserializeOwned>(
    queue: &impl MessageWait,
    event: SqsEvent,
    handle: impl AsyncFn(M, u32) -> Result<Handled, Error>,
) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in event.records {
        let delivery = deliveries(&message);
        let handled = if let Some(parsed) = parse(&message) {
            handle(parsed, delivery).await
        } else {
            error!(message.id = message.message_id, "A message of another form is left to the dead letters");
            Ok(Handled::Again(LONGEST_PAUSE))
        };
        let pause = match handled {
            Ok(Handled::Done) => continue,
            Ok(Handled::Again(pause)) => pause,
            Err(error) => {
                let pause = pause_after(delivery);
                warn!(
                    message.id = message.message_id,
                    message.delivery = delivery,
                    error.transient = error.is_transient(),
                    pause_s = pause.as_secs(),
                    "A message failed and comes again: {error}"
                );
                pause
            }
        };
        if let Some(receipt) = &message.receipt_handle
            && let Err(error) = queue.wait(receipt, pause).await
        {
            warn!("A message comes again later than it should: {error}");
        }
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = message.message_id.unwrap_or_default();
        response.batch_item_failures.push(failure);
    }
    response
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
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses: Vec<u64> = (1..=8).map(|delivery| pause_after(delivery).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 120, 120]);
    }
}
