//! Whether an older job of the same customer is still under way.

use domain::job::{Job, JobEvent, JobStatus, LONGEST_LIFE};
use pipeline::ports::{ChangeState, CreateJob, FindOlderJobs};

use crate::given::{self, NOW};

const HOUR: i64 = 3_600_000;

pub async fn a_waiting_or_processing_older_job_is_under_way(
    ports: &(impl CreateJob + ChangeState + FindOlderJobs),
) {
    let (older, job) = (given::job_of(given::customer(), NOW - HOUR), given::job());
    let job = Job { customer: older.customer, ..job };
    ports.create_job(&job).await.unwrap();
    assert!(!ports.is_older_under_way(&job).await.unwrap(), "it is alone");
    ports.create_job(&older).await.unwrap();
    assert!(ports.is_older_under_way(&job).await.unwrap(), "one waits");
    let older = given::accepted(&older, 1);
    let _ = ports.change_state(JobStatus::Waiting, &older).await.unwrap();
    assert!(ports.is_older_under_way(&job).await.unwrap(), "one is processing");
    let older = given::ended(&older, JobEvent::Finalized, None);
    let _ = ports.change_state(JobStatus::Processing, &older).await.unwrap();
    assert!(!ports.is_older_under_way(&job).await.unwrap(), "it has ended");
}

pub async fn the_job_itself_and_newer_ones_are_not_older(ports: &(impl CreateJob + FindOlderJobs)) {
    let customer = given::customer();
    let (job, newer) = (given::job_of(customer, NOW), given::job_of(customer, NOW + 1));
    for job in [&job, &newer] {
        ports.create_job(job).await.unwrap();
    }
    assert!(!ports.is_older_under_way(&job).await.unwrap());
    assert!(ports.is_older_under_way(&newer).await.unwrap());
}

pub async fn of_two_jobs_of_one_millisecond_the_lesser_id_is_older(ports: &(impl CreateJob + FindOlderJobs)) {
    let customer = given::customer();
    let (first, second) = (given::job_of(customer, NOW), given::job_of(customer, NOW));
    for job in [&first, &second] {
        ports.create_job(job).await.unwrap();
    }
    assert!(first.id < second.id);
    assert!(!ports.is_older_under_way(&first).await.unwrap());
    assert!(ports.is_older_under_way(&second).await.unwrap());
}

pub async fn jobs_of_other_customers_do_not_count(ports: &(impl CreateJob + FindOlderJobs)) {
    let job = given::job();
    ports.create_job(&job).await.unwrap();
    ports.create_job(&given::job_of(given::customer(), NOW - HOUR)).await.unwrap();
    assert!(!ports.is_older_under_way(&job).await.unwrap());
}

pub async fn a_final_job_is_not_under_way_however_it_ended(ports: &(impl CreateJob + FindOlderJobs)) {
    let job = given::job();
    ports.create_job(&job).await.unwrap();
    for status in [JobStatus::Completed, JobStatus::Failed, JobStatus::Expired] {
        ports.create_job(&Job { status, ..given::job_of(job.customer, NOW - HOUR) }).await.unwrap();
    }
    assert!(!ports.is_older_under_way(&job).await.unwrap());
}

pub async fn a_job_of_longer_ago_than_any_can_take_is_not_looked_for(
    ports: &(impl CreateJob + FindOlderJobs),
) {
    let longest = i64::try_from(LONGEST_LIFE.as_millis()).unwrap();
    let job = given::job();
    ports.create_job(&job).await.unwrap();
    ports.create_job(&given::job_of(job.customer, NOW - longest - 1)).await.unwrap();
    assert!(!ports.is_older_under_way(&job).await.unwrap());
    ports.create_job(&given::job_of(job.customer, NOW - longest)).await.unwrap();
    assert!(ports.is_older_under_way(&job).await.unwrap());
}

contract!($ older_jobs:
    a_waiting_or_processing_older_job_is_under_way,
    the_job_itself_and_newer_ones_are_not_older,
    of_two_jobs_of_one_millisecond_the_lesser_id_is_older,
    jobs_of_other_customers_do_not_count,
    a_final_job_is_not_under_way_however_it_ended,
    a_job_of_longer_ago_than_any_can_take_is_not_looked_for,
);
