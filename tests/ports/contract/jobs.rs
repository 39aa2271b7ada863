//! Jobs: created once, and changed on the condition that their state is the expected one.

use bulk_domain::csv::ColumnMappings;
use bulk_domain::ids::JobId;
use bulk_domain::job::{Job, JobEvent, JobStatus};
use bulk_domain::outcome::Tally;
use bulk_pipeline::ports::{JobStore, Write};
use uuid::Uuid;

use crate::given;

async fn load(ports: &impl JobStore, job: &Job) -> Job {
    ports.load_job(job.id).await.unwrap().unwrap()
}

pub async fn a_job_is_loaded_as_it_was_created(ports: &impl JobStore) {
    let job = given::job();
    let dry_run = Job { dry_run: true, ..given::job() };
    let mappings = ColumnMappings::parse(["dob:\"Né\" \\ on", "zip-2:Zip"]).unwrap();
    let mapped = Job { mappings, ..given::job() };
    for job in [&job, &dry_run, &mapped] {
        ports.create_job(job).await.unwrap();
        assert_eq!(&load(ports, job).await, job);
    }
}

pub async fn an_unknown_job_is_none(ports: &impl JobStore) {
    ports.create_job(&given::job()).await.unwrap();
    assert_eq!(ports.load_job(JobId::new(Uuid::from_u128(1))).await.unwrap(), None);
}

pub async fn a_job_that_is_there_is_not_created_again(ports: &impl JobStore) {
    let job = given::processing(ports, 3).await;
    let again = Job { dry_run: true, ..given::job_of(given::customer(), given::NOW) };
    ports.create_job(&Job { id: job.id, ..again }).await.unwrap();
    assert_eq!(load(ports, &job).await, job);
}

pub async fn acceptance_stores_the_file_and_makes_all_chunks_pending(ports: &impl JobStore) {
    let job = given::processing(ports, 120).await;
    let stored = load(ports, &job).await;
    assert_eq!(stored, job);
    assert_eq!(stored.pending_chunks, given::chunks(0..120));
    assert!(stored.may_overtake);
}

pub async fn a_state_changes_only_from_the_state_that_is_stored(ports: &impl JobStore) {
    let job = given::processing(ports, 2).await;
    let rejected = given::ended(
        &Job { status: JobStatus::Waiting, ..job.clone() },
        JobEvent::FileRejected,
        Some("no"),
    );
    for from in [JobStatus::Waiting, JobStatus::Completed, JobStatus::Failed, JobStatus::Expired] {
        assert_eq!(
            ports.change_state(from, &rejected).await.unwrap(),
            Write::Conflict,
            "from {from}"
        );
    }
    assert_eq!(load(ports, &job).await, job, "a conflict writes nothing");
}

pub async fn one_of_many_changes_at_the_same_time_takes_place(ports: &impl JobStore) {
    let job = given::job();
    ports.create_job(&job).await.unwrap();
    let ends: Vec<Job> = (0..8)
        .map(|number| given::ended(&job, JobEvent::FileRejected, Some(&format!("reason {number}"))))
        .collect();
    let writes = ends.iter().map(|end| ports.change_state(JobStatus::Waiting, end));
    let writes = futures::future::try_join_all(writes).await.unwrap();
    let done: Vec<usize> = (0..8).filter(|&number| writes[number] == Write::Done).collect();
    assert_eq!(done.len(), 1);
    assert_eq!(load(ports, &job).await.reason, ends[done[0]].reason);
}

pub async fn a_job_that_is_not_there_does_not_come_by_a_change(ports: &impl JobStore) {
    let job = given::job();
    let change = ports.change_state(JobStatus::Waiting, &given::accepted(&job, 1)).await.unwrap();
    assert_eq!(change, Write::Conflict);
    assert_eq!(ports.request_cancel(job.id).await.unwrap(), Write::Conflict);
    assert_eq!(ports.load_job(job.id).await.unwrap(), None);
}

pub async fn the_end_leaves_what_others_wrote_since(ports: &impl JobStore) {
    let job = given::processing(ports, 3).await;
    let tally = Tally { created: 120, updated: 50, unchanged: 30, failed: 50, warnings: 9 };
    ports.complete_chunk(job.id, given::chunk(1), tally, 0).await.unwrap();
    assert_eq!(ports.request_cancel(job.id).await.unwrap(), Write::Done);
    // The function that ends the job has read it before these writes, so that its copy of the job
    // has none of them.
    let end = given::ended(&job, JobEvent::Canceled, Some("canceled"));
    assert_eq!(ports.change_state(JobStatus::Processing, &end).await.unwrap(), Write::Done);
    let expected =
        Job { pending_chunks: given::chunks([0, 2]), tally, cancel_requested: true, ..end };
    assert_eq!(load(ports, &job).await, expected);
}

pub async fn a_job_does_not_complete_once_its_cancel_was_requested(ports: &impl JobStore) {
    let job = given::processing(ports, 1).await;
    let completed = given::ended(&job, JobEvent::Finalized, None);
    assert_eq!(ports.request_cancel(job.id).await.unwrap(), Write::Done);
    let change = ports.change_state(JobStatus::Processing, &completed).await.unwrap();
    assert_eq!(change, Write::Conflict);
    assert_eq!(load(ports, &job).await, Job { cancel_requested: true, ..job.clone() });
    let canceled = given::ended(&job, JobEvent::Canceled, Some("canceled"));
    assert_eq!(ports.change_state(JobStatus::Processing, &canceled).await.unwrap(), Write::Done);
}

pub async fn an_expired_job_that_takes_a_file_has_not_ended(ports: &impl JobStore) {
    let job = given::job();
    ports.create_job(&job).await.unwrap();
    let expired = given::ended(&job, JobEvent::UploadExpired, None);
    assert_eq!(ports.change_state(JobStatus::Waiting, &expired).await.unwrap(), Write::Done);
    assert_eq!(load(ports, &job).await, expired);
    let accepted = given::accepted(&expired, 2);
    assert_eq!(ports.change_state(JobStatus::Expired, &accepted).await.unwrap(), Write::Done);
    assert_eq!(load(ports, &job).await, accepted);
    assert_eq!(accepted.finished_at, None);
}

pub async fn many_jobs_are_loaded_at_once_and_those_that_are_not_there_left_out(
    ports: &impl JobStore,
) {
    let jobs: Vec<Job> = (0..120).map(|_| given::job()).collect();
    for job in &jobs {
        ports.create_job(job).await.unwrap();
    }
    let asked: Vec<_> = jobs.iter().map(|job| job.id).chain([given::job_id()]).collect();
    let loaded = ports.load_jobs(&asked).await.unwrap();
    assert_eq!(loaded.len(), jobs.len());
    assert!(jobs.iter().all(|job| loaded[&job.id] == *job));
    assert_eq!(ports.load_jobs(&[]).await.unwrap().len(), 0);
}

pub async fn a_reason_keeps_every_letter(ports: &impl JobStore) {
    let job = given::job();
    ports.create_job(&job).await.unwrap();
    let end =
        given::ended(&job, JobEvent::FileRejected, Some("column \"Straße\\\" 李 🏙\u{1} is twice"));
    assert_eq!(ports.change_state(JobStatus::Waiting, &end).await.unwrap(), Write::Done);
    assert_eq!(load(ports, &job).await, end);
}

pub async fn a_job_is_canceled_while_it_is_processing_and_only_then(ports: &impl JobStore) {
    let job = given::job();
    ports.create_job(&job).await.unwrap();
    assert_eq!(ports.request_cancel(job.id).await.unwrap(), Write::Conflict);
    assert!(!load(ports, &job).await.cancel_requested);

    let job = given::processing(ports, 2).await;
    for _ in 0..2 {
        assert_eq!(ports.request_cancel(job.id).await.unwrap(), Write::Done);
        assert_eq!(load(ports, &job).await, Job { cancel_requested: true, ..job.clone() });
    }

    let job = given::processing(ports, 2).await;
    let end = given::ended(&job, JobEvent::Finalized, None);
    assert_eq!(ports.change_state(JobStatus::Processing, &end).await.unwrap(), Write::Done);
    assert_eq!(ports.request_cancel(job.id).await.unwrap(), Write::Conflict);
    assert_eq!(load(ports, &job).await, end);
}

pub async fn jobs_of_a_customer_are_listed_from_any_of_them_in_both_directions(
    ports: &impl JobStore,
) {
    let customer = given::customer();
    let jobs: Vec<JobId> =
        (0..5).map(|_| given::job_of(customer, given::NOW)).map(|job| job.id).collect();
    for id in &jobs {
        ports.create_job(&Job { id: *id, ..given::job_of(customer, given::NOW) }).await.unwrap();
        ports.create_job(&given::job()).await.unwrap();
    }
    let ids = |jobs: Vec<Job>| jobs.iter().map(|job| job.id).collect::<Vec<_>>();
    let listed = async |from, limit| ids(ports.list_jobs(customer, from, limit).await.unwrap());
    let newest_first: Vec<JobId> = jobs.iter().rev().copied().collect();
    assert_eq!(listed(None, 9).await, newest_first);
    assert_eq!(listed(None, 2).await, newest_first[..2]);
    assert_eq!(listed(Some(jobs[2]), 9).await, newest_first[2..]);
    let back = async |from, limit| ids(ports.list_jobs_back(customer, from, limit).await.unwrap());
    assert_eq!(back(jobs[0], 9).await, jobs);
    assert_eq!(back(jobs[2], 2).await, jobs[2..4]);
    assert_eq!(back(jobs[4], 2).await, jobs[4..]);
}

contract!($ jobs:
    a_job_is_loaded_as_it_was_created,
    an_unknown_job_is_none,
    a_job_that_is_there_is_not_created_again,
    acceptance_stores_the_file_and_makes_all_chunks_pending,
    a_state_changes_only_from_the_state_that_is_stored,
    one_of_many_changes_at_the_same_time_takes_place,
    a_job_that_is_not_there_does_not_come_by_a_change,
    the_end_leaves_what_others_wrote_since,
    a_job_does_not_complete_once_its_cancel_was_requested,
    an_expired_job_that_takes_a_file_has_not_ended,
    many_jobs_are_loaded_at_once_and_those_that_are_not_there_left_out,
    a_reason_keeps_every_letter,
    a_job_is_canceled_while_it_is_processing_and_only_then,
    jobs_of_a_customer_are_listed_from_any_of_them_in_both_directions,
);
