//! The record of a delivery: reading it, and storing it under the condition that no other message
//! of the delivery has stored it since.

use bulk_domain::delivery::{DeliveryState, WebhookDelivery};

use crate::Error;
use crate::conflicts::retry_conflicts;
use crate::messages::WebhookMessage;
use crate::ports::prelude::*;
use crate::ports::{PortResult, Ports, Write};

/// A delivery with the version that its record had when it was read.
#[derive(Clone)]
pub(super) struct Recorded {
    pub(super) delivery: WebhookDelivery,
    pub(super) version: Option<u64>,
}

/// Stores the delivery after an attempt. If the record has changed during the attempt, it stays as
/// it is, unless the webhook was delivered: a delivered webhook stays delivered.
pub(super) async fn record<P: Ports>(
    ports: &P,
    message: &WebhookMessage,
    attempted: &Recorded,
) -> Result<(), Error> {
    if store(ports, attempted).await? == Write::Done {
        return Ok(());
    }
    if attempted.delivery.state != DeliveryState::Delivered {
        return Ok(());
    }
    let Some(delivered) = attempted.delivery.attempts.last() else { return Ok(()) };
    retry_conflicts(async || {
        let mut recorded = load(ports, message).await?;
        // An earlier write has stored the attempt already, and its answer was lost.
        if recorded.delivery.attempts.last() == Some(delivered) {
            return Ok(Some(()));
        }
        recorded.delivery.attempted(*delivered, None);
        Ok((store(ports, &recorded).await? == Write::Done).then_some(()))
    })
    .await
}

/// Returns the recorded delivery of a message, or a new one.
pub(super) async fn load<P: Ports>(ports: &P, message: &WebhookMessage) -> PortResult<Recorded> {
    Ok(match ports.deliveries().load_delivery(message.customer, message.subject).await? {
        Some(known) => Recorded { delivery: known.value, version: Some(known.version) },
        None => Recorded {
            delivery: WebhookDelivery::about(message.customer, message.subject),
            version: None,
        },
    })
}

pub(super) async fn store<P: Ports>(ports: &P, recorded: &Recorded) -> PortResult<Write> {
    ports.deliveries().store_delivery(&recorded.delivery, recorded.version).await
}
