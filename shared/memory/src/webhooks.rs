//! Webhooks: which arrived, and the customers' servers that they are posted to.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::JobId;
use domain::job::JobStatus;
use domain::time::Timestamp;
use pipeline::ports::{PortResult, PostOutcome, PostWebhook, WebhookLedger, WebhookRequest};

use crate::cloud::Billed;
use crate::{Cloud, Operation};

#[derive(Default, Debug)]
pub(crate) struct WebhooksState {
    delivered: BTreeSet<(JobId, &'static str)>,
    received: Vec<(Timestamp, WebhookRequest)>,
    /// What each server answers next, last first; 200 where nothing is said.
    answers: BTreeMap<String, Vec<u16>>,
}

impl Cloud {
    /// Every request that a server got, whether or not its answer arrived.
    pub fn received(&self) -> Vec<(Timestamp, WebhookRequest)> {
        self.state().webhooks.received.clone()
    }

    /// Sets the status codes that the server at `url` answers next, one after the other, before it answers 200.
    pub fn set_answers(&self, url: &str, mut statuses: Vec<u16>) {
        statuses.reverse();
        self.state().webhooks.answers.insert(url.to_owned(), statuses);
    }
}

impl WebhookLedger for Cloud {
    async fn is_delivered(&self, job: JobId, status: JobStatus) -> PortResult<bool> {
        self.call(Operation::GetItem, |state| {
            Billed::request(state.webhooks.delivered.contains(&(job, status.as_str())))
        })
        .await
    }

    async fn mark_delivered(&self, job: JobId, status: JobStatus, _at: Timestamp) -> PortResult<()> {
        self.call(Operation::UpdateItem, |state| {
            state.webhooks.delivered.insert((job, status.as_str()));
            Billed::request(())
        })
        .await
    }
}

impl PostWebhook for Cloud {
    async fn post(&self, request: WebhookRequest) -> PostOutcome {
        let answer = self
            .call(Operation::Post, |state| {
                let status = state.webhooks.answers.get_mut(&request.url).and_then(Vec::pop).unwrap_or(200);
                let now = state.now;
                state.webhooks.received.push((now, request));
                Billed::request(status)
            })
            .await;
        match answer {
            Ok(status) => PostOutcome::Answered { status, retry_after: None },
            Err(_) => PostOutcome::Unreachable("timeout"),
        }
    }
}
