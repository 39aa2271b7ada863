//! What holds with thousands of jobs as well. Takes long where a write takes long.

use domain::job::{Job, JobStatus};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use pipeline::ports::{CreateJob, FindOlderJobs};

use crate::given::{self, NOW};

const HOUR: i64 = 3_600_000;

/// DynamoDB looks at 1 MB of an index at a time, which is about 5,000 jobs.
pub async fn the_one_that_is_under_way_is_found_behind_thousands(ports: &(impl CreateJob + FindOlderJobs)) {
    let job = given::job();
    let older = (0..6500).map(|number| Job {
        status: JobStatus::Completed,
        ..given::job_of(job.customer, NOW - HOUR + number)
    });
    let all = stream::iter(older.chain([job.clone()])).map(|job| async move { ports.create_job(&job).await });
    all.buffer_unordered(16).try_collect::<()>().await.unwrap();
    assert!(!ports.is_older_under_way(&job).await.unwrap());
    ports.create_job(&given::job_of(job.customer, NOW - 1)).await.unwrap();
    assert!(ports.is_older_under_way(&job).await.unwrap());
}

contract!($ many_jobs: the_one_that_is_under_way_is_found_behind_thousands);
