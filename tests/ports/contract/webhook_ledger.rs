//! The ledger of webhooks that arrived.

use domain::job::JobStatus;
use pipeline::ports::{CreateJob, LoadJob, WebhookLedger};

use crate::given::{self, NOW, at};

pub async fn a_webhook_is_delivered_once_it_is_marked_and_no_other_with_it(
    ports: &(impl CreateJob + LoadJob + WebhookLedger),
) {
    let (job, other) = (given::job(), given::job());
    ports.create_job(&job).await.unwrap();
    assert!(!ports.is_delivered(job.id, JobStatus::Processing).await.unwrap());
    for later in 0..2 {
        ports.mark_delivered(job.id, JobStatus::Processing, at(NOW + later)).await.unwrap();
        assert!(ports.is_delivered(job.id, JobStatus::Processing).await.unwrap());
    }
    assert!(!ports.is_delivered(job.id, JobStatus::Completed).await.unwrap());
    assert!(!ports.is_delivered(other.id, JobStatus::Processing).await.unwrap());
    assert_eq!(ports.load_job(job.id).await.unwrap(), Some(job));
}

contract!($ webhook_ledger: a_webhook_is_delivered_once_it_is_marked_and_no_other_with_it);
