//! One webhook: build it, sign it, post it; note what came of it, and when to try again.
//!
//! The delivery's record decides whether an attempt is made (`domain::delivery`). The queue only wakes: it may give a
//! message out twice, early, late and in any order. Nothing waits in flight, because a queue with 120,000 messages in
//! flight gives out no more ("Amazon SQS standard queue quotas", "Amazon SQS FIFO queue quotas"): a message that has to
//! wait is sent anew with a delay, and the received one is deleted. Longer waits are several such delays.
//!
//! An attempt goes like this, and may die between any two steps:
//!
//! 1. **Begin.** A conditional write gives this message the delivery for [`LEASE`](domain::delivery::LEASE). Died after
//!    that: the message comes again, waits until the lease has run out, and makes the attempt.
//! 2. **Check the order.** Only now is the job's other message looked at: where both begin at the same time, at least one
//!    of them sees the other.
//! 3. **Post.** Died after that: as after 1; the receiver gets the message again, under the same id.
//! 4. **Send the next message**, if there is a next attempt. Died after that: two messages, of which one finds the lease
//!    run out, and the other one that it was too late.
//! 5. **Store the outcome**, when the next attempt is due, and that another message carries the delivery on. Died after
//!    that: the received message comes again and is dropped. Could the next message not be sent, the outcome is stored all
//!    the same, and the received message comes again to wait in its place.

use std::time::Duration;

use domain::delivery::{Attempt, AttemptOutcome, Carrier, Order, Turn, WebhookDelivery};
use domain::job::{Job, JobStatus};
use domain::mutants::{Bug, has};
use domain::time::Timestamp;
use domain::webhook::{JobMessage, message_id, signed_headers};

use crate::Error;
use crate::messages::WebhookMessage;
use crate::ports::{
    Clock, DeliveryLog, LONGEST_DELAY, LoadJob, LoadSettings, PortResult, PostOutcome, PostWebhook,
    ResultFile, SendWebhook, SignDownload, WebhookRequest, WebhookSettings, Write,
};

/// How long a download link is valid.
pub const LINK_VALID: Duration = Duration::from_mins(3);

/// Tries to write a delivery's record while other messages of the delivery write it, too.
const WRITE_ATTEMPTS: u32 = 5;

/// What came of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// The receiver took it.
    Delivered,
    /// There was nothing to send: it arrived earlier, was given up earlier, or is out of date.
    NothingToSend,
    /// The customer has no receiver.
    NoReceiver,
    /// It is not its time: the next attempt is not due, one is under way, or the job's other message comes first.
    Waiting {
        /// How long at least.
        after: Duration,
    },
    /// To be tried again after a while.
    Retry {
        /// How long to wait.
        after: Duration,
        /// What happened.
        cause: AttemptOutcome,
    },
    /// Not to be tried again, unless by hand.
    GivenUp {
        /// What happened at last.
        cause: AttemptOutcome,
    },
}

/// The use case with its ports.
#[derive(Debug)]
pub struct DeliverWebhook<J, S, F, H, W, C> {
    /// The jobs and the deliveries of their webhooks.
    pub jobs: J,
    /// Webhook settings.
    pub settings: S,
    /// Signs the link to the result.
    pub files: F,
    /// Posts to the receiver.
    pub http: H,
    /// Where messages go that have to wait.
    pub webhooks: W,
    /// The time.
    pub clock: C,
}

impl<J, S, F, H, W, C> DeliverWebhook<J, S, F, H, W, C>
where
    J: LoadJob + DeliveryLog,
    S: LoadSettings,
    F: SignDownload,
    H: PostWebhook,
    W: SendWebhook,
    C: Clock,
{
    /// Handles one message: makes one attempt, if one is due. The message is done with when this returns `Ok`: what is
    /// still to come has a message of its own.
    pub async fn run(&self, message: &WebhookMessage) -> Result<Delivery, Error> {
        let job = self.load_job(message).await?;
        for _ in 0..WRITE_ATTEMPTS {
            // None: another message of the delivery was first, or our own write whose answer got lost. The record as it
            // is now tells what to do.
            if let Some(delivery) = self.step(&job, message).await? {
                return Ok(delivery);
            }
        }
        Err(Error::Contended { attempts: WRITE_ATTEMPTS })
    }

    async fn step(&self, job: &Job, message: &WebhookMessage) -> Result<Option<Delivery>, Error> {
        let (mut delivery, version) = load(&self.jobs, message).await?;
        let now = self.clock.now();
        match delivery.turn(message.carrier, now) {
            Turn::Over => return Ok(Some(Delivery::NothingToSend)),
            Turn::Wait(due) => return self.wait(message, now, due).await.map(Some),
            Turn::Attempt => {}
        }
        let settings = self.settings.load_settings(job.customer).await?;
        let (Some(url), Some(_)) = (settings.url.clone(), &settings.key) else {
            // Without a receiver nothing is recorded, but that a delivery under way goes no further.
            delivery.skip();
            let is_known = version.is_some();
            let is_done = !is_known || self.jobs.store_delivery(&delivery, version).await? == Write::Done;
            return Ok(is_done.then_some(Delivery::NoReceiver));
        };
        let request = self.request(job, message.status, url, &settings).await?;
        delivery.begin(message.carrier, now);
        if self.jobs.store_delivery(&delivery, version).await? == Write::Conflict {
            return Ok(None);
        }
        let version = Some(version.unwrap_or(0) + 1);
        match self.order(job, message, now).await? {
            Order::Free => self.attempt(message, delivery, version, request).await.map(Some),
            Order::Wait(until) => {
                delivery.put_off(until);
                match self.jobs.store_delivery(&delivery, version).await? {
                    Write::Done => self.wait(message, now, until).await.map(Some),
                    Write::Conflict => Ok(None),
                }
            }
            Order::TooLate => {
                delivery.skip();
                let skipped = self.jobs.store_delivery(&delivery, version).await?;
                Ok((skipped == Write::Done).then_some(Delivery::NothingToSend))
            }
        }
    }

    async fn load_job(&self, message: &WebhookMessage) -> Result<Job, Error> {
        self.jobs.load_job(message.job).await?.ok_or(Error::NoSuchJob(message.job))
    }

    /// What the job's other message means to this one.
    async fn order(&self, job: &Job, message: &WebhookMessage, now: Timestamp) -> Result<Order, Error> {
        let other = |status| self.jobs.load_delivery(message.job_ref(), status);
        if message.status.is_final() {
            if job.file.is_none() || has(Bug::WebhookOutOfOrder) {
                // It was never `processing`.
                return Ok(Order::Free);
            }
            let start = other(JobStatus::Processing).await?;
            if start.is_none() {
                // Its message was sent before this one and may be anywhere, or gone: there was no receiver then, or the
                // record has expired. One more of them settles it: the record knows repetitions.
                let status = JobStatus::Processing;
                self.webhooks
                    .send_webhook(&WebhookMessage { status, carrier: Carrier::default(), ..*message })
                    .await?;
            }
            return Ok(WebhookDelivery::order_after(start.as_ref().map(|start| &start.value), now));
        }
        // As it is now, not before the attempt began.
        let job = self.load_job(message).await?;
        if !job.status.is_final() {
            return Ok(Order::Free);
        }
        let end = other(job.status).await?;
        Ok(WebhookDelivery::order_before(end.as_ref().map(|end| &end.value), now))
    }

    /// Sends the message anew, to arrive when it is due or as late as a message can.
    async fn wait(
        &self,
        message: &WebhookMessage,
        now: Timestamp,
        due: Timestamp,
    ) -> Result<Delivery, Error> {
        self.send_for(message, now, due).await?;
        Ok(Delivery::Waiting { after: now.until(due) })
    }

    async fn send_for(&self, message: &WebhookMessage, now: Timestamp, due: Timestamp) -> PortResult<()> {
        self.webhooks.send_webhook_after(message, now.until(due).min(LONGEST_DELAY)).await
    }

    /// Makes the attempt that has begun.
    async fn attempt(
        &self,
        message: &WebhookMessage,
        mut delivery: WebhookDelivery,
        version: Option<u64>,
        request: WebhookRequest,
    ) -> Result<Delivery, Error> {
        let (outcome, asked) = match self.http.post(request).await {
            PostOutcome::Answered { status, retry_after } => {
                (AttemptOutcome::StatusCode(status), retry_after)
            }
            PostOutcome::Unreachable(error) => (AttemptOutcome::Error(error), None),
        };
        let attempt = Attempt { when: self.clock.now(), outcome };
        delivery.attempted(attempt, asked);
        let Some(next) = delivery.next_attempt else {
            self.note(message, &delivery, version).await?;
            return Ok(if outcome.is_success() {
                Delivery::Delivered
            } else {
                Delivery::GivenUp { cause: outcome }
            });
        };
        let carrier = delivery.carrier().next();
        let sent = self.send_for(&WebhookMessage { carrier, ..*message }, attempt.when, next).await;
        if sent.is_ok() || has(Bug::WebhookHandedToNone) {
            delivery.handed_on();
        }
        self.note(message, &delivery, version).await?;
        sent?;
        Ok(Delivery::Retry { after: attempt.when.until(next), cause: outcome })
    }

    /// Stores the delivery after an attempt. Where the record has changed during the attempt it stands as it is, unless the
    /// message has arrived: what arrived stays arrived.
    async fn note(
        &self,
        message: &WebhookMessage,
        attempted: &WebhookDelivery,
        version: Option<u64>,
    ) -> Result<(), Error> {
        if self.jobs.store_delivery(attempted, version).await? == Write::Done {
            return Ok(());
        }
        let arrived = attempted.attempts.last().filter(|attempt| attempt.outcome.is_success());
        let Some(arrived) = arrived else { return Ok(()) };
        for _ in 0..WRITE_ATTEMPTS {
            let (mut delivery, version) = load(&self.jobs, message).await?;
            // A write whose answer got lost has noted it already.
            if delivery.attempts.last() == Some(arrived) {
                return Ok(());
            }
            delivery.attempted(*arrived, None);
            if self.jobs.store_delivery(&delivery, version).await? == Write::Done {
                return Ok(());
            }
        }
        Err(Error::Contended { attempts: WRITE_ATTEMPTS })
    }

    async fn request(
        &self,
        job: &Job,
        status: JobStatus,
        url: String,
        settings: &WebhookSettings,
    ) -> Result<WebhookRequest, Error> {
        let now = self.clock.now();
        // Signed now, not when the job ended: every attempt's link has its full time.
        let result = match status {
            JobStatus::Completed => {
                Some(self.files.sign_download(job.into(), ResultFile::Result, LINK_VALID).await?)
            }
            _ => None,
        };
        let reason = if status == JobStatus::Failed { job.reason.as_deref() } else { None };
        let message = JobMessage::new(job.id, status, result.as_deref(), reason, now);
        // A struct of strings and ids always serializes.
        let body = serde_json::to_vec(&message).unwrap_or_default();
        let headers = signed_headers(&settings.signing_keys(now), message_id(job.id, status), now, &body);
        Ok(WebhookRequest { url, headers, body })
    }
}

/// The record of a message's delivery with its version, or a new one.
async fn load(
    log: &impl DeliveryLog,
    message: &WebhookMessage,
) -> PortResult<(WebhookDelivery, Option<u64>)> {
    Ok(match log.load_delivery(message.job_ref(), message.status).await? {
        Some(known) => (known.value, Some(known.version)),
        None => (WebhookDelivery::new(message.customer, message.job, message.status), None),
    })
}

/// Changes the record of a message's delivery, or makes it. None: the message has nothing to say to the
/// delivery any more, nothing was changed.
pub(crate) async fn update_delivery(
    log: &impl DeliveryLog,
    message: &WebhookMessage,
    change: impl Fn(&mut WebhookDelivery),
) -> Result<Option<WebhookDelivery>, Error> {
    for _ in 0..WRITE_ATTEMPTS {
        let (mut delivery, version) = load(log, message).await?;
        if !delivery.wants(message.carrier) {
            return Ok(None);
        }
        change(&mut delivery);
        if log.store_delivery(&delivery, version).await? == Write::Done {
            return Ok(Some(delivery));
        }
    }
    Err(Error::Contended { attempts: WRITE_ATTEMPTS })
}
