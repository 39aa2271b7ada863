//! One webhook: build it, sign it, post it; say when to try again if it did not arrive.
//!
//! The queue keeps a job's messages in order and holds a message back until it is delivered or given
//! up. Waiting is the queue's business too: no function sleeps.

use std::time::Duration;

use domain::ids::JobId;
use domain::job::{Job, JobStatus};
use domain::webhook::{JobMessage, WebhookKey, message_id};

use crate::Error;
use crate::messages::WebhookMessage;
use crate::ports::{
    Clock, LoadJob, LoadSettings, PortResult, PostOutcome, PostWebhook, ResultFile, SignDownload,
    WebhookLedger, WebhookRequest,
};

/// How long a download link is valid.
pub const LINK_VALID: Duration = Duration::from_mins(3);

/// Waiting times after the first, second, … attempt that failed. After the last one it is given up.
pub const RETRY_AFTER: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(2),
    Duration::from_mins(10),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(4),
    Duration::from_hours(8),
];

/// The longest wait that the queue can do for us: SQS allows a message 12 hours of invisibility.
const LONGEST_WAIT: Duration = Duration::from_hours(11);

/// What came of an attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// The receiver took it, now or earlier.
    Delivered,
    /// The customer has no receiver.
    NoReceiver,
    /// To be tried again after a while.
    Retry {
        /// How long to wait.
        after: Duration,
        /// What happened, in a word.
        cause: String,
    },
    /// Not to be tried again.
    GivenUp {
        /// What happened, in a word.
        cause: String,
    },
}

/// The use case with its ports.
#[derive(Debug)]
pub struct DeliverWebhook<J, S, F, H, C> {
    /// The jobs and which of their webhooks arrived.
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
    J: LoadJob + WebhookLedger,
    S: LoadSettings,
    F: SignDownload,
    H: PostWebhook,
    C: Clock,
{
    /// Makes one attempt; `attempt` counts from 1.
    pub async fn run(&self, message: &WebhookMessage, attempt: u32) -> Result<Delivery, Error> {
        let job = self.jobs.load_job(message.job).await?.ok_or(Error::NoSuchJob(message.job))?;
        let settings = self.settings.load_settings(job.customer).await?;
        let (Some(url), Some(key)) = (settings.url, settings.key) else { return Ok(Delivery::NoReceiver) };
        if self.is_delivered(&job, message.status).await? {
            return Ok(Delivery::Delivered);
        }
        let request = self.request(&job, message.status, url, &key).await?;
        match self.http.post(request).await {
            PostOutcome::Answered { status: 200..=299, .. } => {
                self.jobs.mark_delivered(job.id, message.status, self.clock.now()).await?;
                Ok(Delivery::Delivered)
            }
            PostOutcome::Answered { status: 410, .. } => {
                Ok(Delivery::GivenUp { cause: "the receiver is gone (410)".into() })
            }
            PostOutcome::Answered { status, retry_after } => {
                Ok(retry(attempt, message.job, retry_after, format!("answered {status}")))
            }
            PostOutcome::Unreachable(cause) => Ok(retry(attempt, message.job, None, cause.into())),
        }
    }

    /// Whether the message arrived, or a later one of the job: saying that a job is processing after saying
    /// that it ended would be out of order.
    async fn is_delivered(&self, job: &Job, status: JobStatus) -> PortResult<bool> {
        let is_outdated = status != job.status && job.status.is_final();
        Ok(self.jobs.is_delivered(job.id, status).await?
            || (is_outdated && self.jobs.is_delivered(job.id, job.status).await?))
    }

    async fn request(
        &self,
        job: &Job,
        status: JobStatus,
        url: String,
        key: &WebhookKey,
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
        let id = message_id(job.id, status);
        let seconds = now.as_seconds();
        let headers = vec![
            ("content-type", "application/json".into()),
            ("x-metriport-signature", key.sign_body(&body)),
            ("webhook-id", id.to_string()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", key.sign_standard(id, seconds, &body)),
        ];
        Ok(WebhookRequest { url, headers, body })
    }
}

fn retry(attempt: u32, job: JobId, asked: Option<Duration>, cause: String) -> Delivery {
    let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
    let Some(&wait) = RETRY_AFTER.get(index) else { return Delivery::GivenUp { cause } };
    // Up to a fifth longer, by the job, so that the jobs of an outage do not all come back at once.
    let jitter = u32::from(job.as_uuid().as_bytes()[15]);
    let wait = wait + wait * jitter / (5 * 255);
    Delivery::Retry { after: wait.max(asked.unwrap_or_default()).min(LONGEST_WAIT), cause }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn wait(attempt: u32, asked: Option<u64>) -> Option<u64> {
        let job = JobId::new(Uuid::nil());
        match retry(attempt, job, asked.map(Duration::from_secs), String::new()) {
            Delivery::Retry { after, .. } => Some(after.as_secs()),
            _ => None,
        }
    }

    #[test]
    fn waiting_times_grow_and_end() {
        let waits: Vec<_> = (1..=10).map(|attempt| wait(attempt, None)).collect();
        let seconds = [5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800].map(Some);
        assert_eq!(waits[..9], seconds);
        assert_eq!(waits[9], None);
    }

    #[test]
    fn a_receiver_that_asks_for_time_gets_it_within_what_the_queue_can_wait() {
        assert_eq!(wait(1, Some(60)), Some(60));
        assert_eq!(wait(9, Some(60)), Some(28800));
        assert_eq!(wait(1, Some(1_000_000)), Some(11 * 3600));
    }
}
