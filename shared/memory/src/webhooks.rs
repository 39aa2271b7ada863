//! Webhooks: how their deliveries go, and the customers' servers that they are posted to.

use std::collections::BTreeMap;

use domain::delivery::{NoAnswer, WebhookDelivery};
use domain::ids::JobId;
use domain::job::JobStatus;
use domain::time::Timestamp;
use pipeline::ports::{
    DeliveryLog, JobRef, PortResult, PostOutcome, PostWebhook, Versioned, WebhookRequest, Write,
};

use crate::cloud::Billed;
use crate::{Cloud, Operation};

#[derive(Default, Debug)]
pub(crate) struct WebhooksState {
    deliveries: BTreeMap<(JobId, &'static str), Versioned<WebhookDelivery>>,
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

impl DeliveryLog for Cloud {
    async fn load_delivery(
        &self,
        job: JobRef,
        status: JobStatus,
    ) -> PortResult<Option<Versioned<WebhookDelivery>>> {
        self.call(Operation::GetItem, |state| {
            Billed::request(state.webhooks.deliveries.get(&(job.job, status.as_str())).cloned())
        })
        .await
    }

    async fn store_delivery(&self, delivery: &WebhookDelivery, version: Option<u64>) -> PortResult<Write> {
        self.call(Operation::PutItem, |state| {
            let key = (delivery.job, delivery.status.as_str());
            let deliveries = &mut state.webhooks.deliveries;
            if deliveries.get(&key).map(|known| known.version) != version {
                return Billed::request(Write::Conflict);
            }
            let version = version.unwrap_or(0) + 1;
            deliveries.insert(key, Versioned { value: delivery.clone(), version });
            Billed::request(Write::Done)
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
            Err(_) => PostOutcome::Unreachable(NoAnswer::Timeout),
        }
    }
}
