//! One webhook: build it, sign it, post it; note what came of it, and when to try again.
//!
//! The queue keeps a job's messages in order and holds a message back until it is delivered or given
//! up. Waiting is the queue's business too: no function sleeps. Attempts are counted in the delivery's
//! record, not by the queue, which also counts receptions that led to no attempt.

use std::time::Duration;

use domain::delivery::{Attempt, AttemptOutcome, DeliveryState, WebhookDelivery};
use domain::job::{Job, JobStatus};
use domain::webhook::{JobMessage, message_id, signed_headers};

use crate::Error;
use crate::messages::WebhookMessage;
use crate::ports::{
    Clock, DeliveryLog, LoadJob, LoadSettings, PostOutcome, PostWebhook, ResultFile, SignDownload,
    WebhookRequest, WebhookSettings, Write,
};

/// How long a download link is valid.
pub const LINK_VALID: Duration = Duration::from_mins(3);

/// Tries to write a delivery's record while others write it, too: a message that was delivered twice.
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
pub struct DeliverWebhook<J, S, F, H, C> {
    /// The jobs and the deliveries of their webhooks.
    pub jobs: J,
    /// Webhook settings.
    pub settings: S,
    /// Signs the link to the result.
    pub files: F,
    /// Posts to the receiver.
    pub http: H,
    /// The time.
    pub clock: C,
}

impl<J, S, F, H, C> DeliverWebhook<J, S, F, H, C>
where
    J: LoadJob + DeliveryLog,
    S: LoadSettings,
    F: SignDownload,
    H: PostWebhook,
    C: Clock,
{
    /// Handles one message: makes one attempt, if one is due.
    pub async fn run(&self, message: &WebhookMessage) -> Result<Delivery, Error> {
        let job = self.jobs.load_job(message.job).await?.ok_or(Error::NoSuchJob(message.job))?;
        let known = self.jobs.load_delivery(message.job_ref(), message.status).await?;
        if known.as_ref().is_some_and(|known| !known.value.wants(message.round)) {
            return Ok(Delivery::NothingToSend);
        }
        let settings = self.settings.load_settings(job.customer).await?;
        let (Some(url), Some(_)) = (settings.url.clone(), &settings.key) else {
            if known.is_some() {
                update_delivery(&self.jobs, message, WebhookDelivery::skip).await?;
            }
            return Ok(Delivery::NoReceiver);
        };
        if self.is_out_of_date(&job, message).await? {
            update_delivery(&self.jobs, message, WebhookDelivery::skip).await?;
            return Ok(Delivery::NothingToSend);
        }
        let request = self.request(&job, message.status, url, &settings).await?;
        let (outcome, asked) = match self.http.post(request).await {
            PostOutcome::Answered { status, retry_after } => {
                (AttemptOutcome::StatusCode(status), retry_after)
            }
            PostOutcome::Unreachable(error) => (AttemptOutcome::Error(error), None),
        };
        let attempt = Attempt { when: self.clock.now(), outcome };
        let noted = update_delivery(&self.jobs, message, |delivery| {
            // A write whose answer got lost has noted it already.
            if delivery.attempts.last() != Some(&attempt) {
                delivery.start_round(message.round);
                delivery.attempted(attempt, asked);
            }
        });
        Ok(match noted.await? {
            Some(WebhookDelivery { state: DeliveryState::Processing, next_attempt: Some(next), .. }) => {
                let after = next.as_millis().saturating_sub(attempt.when.as_millis());
                let after = Duration::from_millis(u64::try_from(after).unwrap_or(0));
                Delivery::Retry { after, cause: outcome }
            }
            Some(WebhookDelivery { state: DeliveryState::Failed, .. }) => {
                Delivery::GivenUp { cause: outcome }
            }
            Some(_) => Delivery::Delivered,
            // The message was handled twice at the same time, and the other one ended the delivery.
            None => Delivery::NothingToSend,
        })
    }

    /// Whether the customer knows of the job's end already: `processing` after that would be out of order.
    /// It comes so late when it is sent again by hand, or by a second event of the upload.
    async fn is_out_of_date(&self, job: &Job, message: &WebhookMessage) -> Result<bool, Error> {
        if message.status.is_final() || !job.status.is_final() {
            return Ok(false);
        }
        let end = self.jobs.load_delivery(message.job_ref(), job.status).await?;
        Ok(end.is_some_and(|end| end.value.state == DeliveryState::Delivered))
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

/// Changes the record of a message's delivery, or makes it. None: the message has nothing to say to the
/// delivery any more, nothing was changed.
pub(crate) async fn update_delivery(
    log: &impl DeliveryLog,
    message: &WebhookMessage,
    change: impl Fn(&mut WebhookDelivery),
) -> Result<Option<WebhookDelivery>, Error> {
    for _ in 0..WRITE_ATTEMPTS {
        let (mut delivery, version) = match log.load_delivery(message.job_ref(), message.status).await? {
            Some(known) => (known.value, Some(known.version)),
            None => (WebhookDelivery::new(message.customer, message.job, message.status), None),
        };
        if !delivery.wants(message.round) {
            return Ok(None);
        }
        change(&mut delivery);
        if log.store_delivery(&delivery, version).await? == Write::Done {
            return Ok(Some(delivery));
        }
    }
    Err(Error::Contended { attempts: WRITE_ATTEMPTS })
}
