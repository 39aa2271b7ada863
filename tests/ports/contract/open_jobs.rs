//! The entries of open jobs, from which the API counts the jobs that wait and a fan-out finds older
//! jobs.

use bulk_domain::ids::{CustomerId, JobId};
use bulk_domain::job::times::LONGEST_LIFE;
use bulk_pipeline::ports::{JobStore, OpenJob, Write};

use crate::given::{self, NOW, at};

async fn open(ports: &impl JobStore, customer: CustomerId) -> Vec<OpenJob> {
    ports.open_jobs(customer, JobId::ALL, at(NOW)).await.unwrap()
}

const fn entry(job: JobId, is_waiting: bool) -> OpenJob {
    OpenJob { job, is_waiting }
}

pub async fn a_job_is_open_from_its_entry_until_it_leaves(ports: &impl JobStore) {
    let (customer, job) = (given::customer(), given::job_id());
    assert_eq!(open(ports, customer).await, []);
    for _ in 0..2 {
        ports.add_open_job(customer, job, at(NOW)).await.unwrap();
        assert_eq!(open(ports, customer).await, [entry(job, true)]);
    }
    for _ in 0..2 {
        assert_eq!(ports.stop_waiting(customer, job).await.unwrap(), Write::Done);
        assert_eq!(open(ports, customer).await, [entry(job, false)]);
    }
    for _ in 0..2 {
        ports.remove_open_job(customer, job).await.unwrap();
        assert_eq!(open(ports, customer).await, []);
    }
}

pub async fn a_job_that_left_does_not_come_back_by_stopping_to_wait(ports: &impl JobStore) {
    let (customer, job) = (given::customer(), given::job_id());
    ports.add_open_job(customer, job, at(NOW)).await.unwrap();
    ports.remove_open_job(customer, job).await.unwrap();
    assert_eq!(ports.stop_waiting(customer, job).await.unwrap(), Write::Conflict);
    assert_eq!(open(ports, customer).await, []);
}

pub async fn a_write_is_read_at_once(ports: &impl JobStore) {
    let customer = given::customer();
    for n in 0..20 {
        let job = given::job_of(customer, NOW + n).id;
        ports.add_open_job(customer, job, at(NOW)).await.unwrap();
        assert_eq!(open(ports, customer).await.last(), Some(&entry(job, true)));
    }
}

pub async fn jobs_come_in_the_order_of_their_ids_and_as_far_as_asked_for(ports: &impl JobStore) {
    let customer = given::customer();
    let ids: Vec<JobId> = [3, 1, 2].map(|n| given::job_of(customer, NOW + n).id).into();
    for id in &ids {
        ports.add_open_job(customer, *id, at(NOW)).await.unwrap();
    }
    let read = async |range| {
        let open = ports.open_jobs(customer, range, at(NOW)).await.unwrap();
        open.into_iter().map(|open| open.job).collect::<Vec<_>>()
    };
    assert_eq!(read(JobId::ALL).await, [ids[1], ids[2], ids[0]]);
    assert_eq!(read(ids[0].older()).await, [ids[1], ids[2]]);
    assert_eq!(read(ids[1].older()).await, []);
    assert_eq!(read(ids[2]..=ids[2]).await, [ids[2]]);
}

pub async fn jobs_of_other_customers_are_not_among_them(ports: &impl JobStore) {
    let (customer, job) = (given::customer(), given::job_id());
    ports.add_open_job(customer, job, at(NOW)).await.unwrap();
    assert_eq!(open(ports, given::customer()).await, []);
    ports.remove_open_job(given::customer(), job).await.unwrap();
    assert_eq!(open(ports, customer).await, [entry(job, true)]);
}

pub async fn an_entry_that_nothing_takes_out_expires(ports: &impl JobStore) {
    let (customer, job) = (given::customer(), given::job_id());
    ports.add_open_job(customer, job, at(NOW)).await.unwrap();
    let end = at(NOW).plus(LONGEST_LIFE);
    assert_eq!(ports.open_jobs(customer, JobId::ALL, end).await.unwrap(), []);
    let before = at(end.as_millis() - 1_000);
    assert_eq!(ports.open_jobs(customer, JobId::ALL, before).await.unwrap().len(), 1);
}

/// More jobs than one answer of a DynamoDB Query holds, which is 1 MB.
pub async fn all_of_very_many_jobs_are_read(ports: &impl JobStore) {
    use futures::{StreamExt as _, TryStreamExt as _, stream};
    let customer = given::customer();
    let enter = |n| ports.add_open_job(customer, given::job_of(customer, NOW + n).id, at(NOW));
    let all = stream::iter(0..1_100).map(enter).buffer_unordered(32).try_collect::<Vec<()>>();
    assert_eq!(all.await.unwrap().len(), 1_100);
    assert_eq!(open(ports, customer).await.len(), 1_100);
}

contract!($ open_jobs:
    a_job_is_open_from_its_entry_until_it_leaves,
    a_job_that_left_does_not_come_back_by_stopping_to_wait,
    a_write_is_read_at_once,
    jobs_come_in_the_order_of_their_ids_and_as_far_as_asked_for,
    jobs_of_other_customers_are_not_among_them,
    an_entry_that_nothing_takes_out_expires,
    all_of_very_many_jobs_are_read,
);
