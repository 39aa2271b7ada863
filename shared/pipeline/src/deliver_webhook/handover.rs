//! Messages that wait: each is sent as a new one with a delay, so that none waits in flight.

use bulk_domain::time::Timestamp;

use super::DeliveryOutcome;
use super::recorded::{Recorded, store};
use crate::Error;
use crate::messages::WebhookMessage;
use crate::ports::prelude::*;
use crate::ports::{LONGEST_DELAY, PortResult, Ports, Write};

/// Sends the message as a new one, which is delayed until `due` or for as long as SQS can delay it.
pub(super) async fn wait<P: Ports>(
    ports: &P,
    message: &WebhookMessage,
    now: Timestamp,
    due: Timestamp,
) -> Result<DeliveryOutcome, Error> {
    send_for(ports, message, now, due).await?;
    Ok(DeliveryOutcome::TooEarly { after: now.until(due) })
}

/// Hands a wait that may be followed by another one on to a new message, so that the record drops
/// the copies of this one. Otherwise every copy would send another one at the end of each delay,
/// and the copies of a wait of hours would multiply. Returns `None` if the write met a conflict.
pub(super) async fn hand_on<P: Ports>(
    ports: &P,
    message: &WebhookMessage,
    mut recorded: Recorded,
    now: Timestamp,
    due: Timestamp,
) -> Result<Option<DeliveryOutcome>, Error> {
    // The message may be ahead of the record, see `WebhookDelivery::begin`.
    let carrier = message.carrier.max(recorded.delivery.carrier()).next();
    send_for(ports, &WebhookMessage { carrier, ..*message }, now, due).await?;
    recorded.delivery.handed_on_to(carrier);
    let stored = store(ports, &recorded).await?;
    Ok((stored == Write::Done).then_some(DeliveryOutcome::TooEarly { after: now.until(due) }))
}

pub(super) async fn send_for<P: Ports>(
    ports: &P,
    message: &WebhookMessage,
    now: Timestamp,
    due: Timestamp,
) -> PortResult<()> {
    ports.queues().send_webhook_after(message, now.until(due).min(LONGEST_DELAY)).await
}
