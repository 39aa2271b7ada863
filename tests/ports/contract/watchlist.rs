//! The watchlist: the jobs that the sweep has to look at, and when it does.

use bulk_domain::job::{Job, JobEvent, JobStatus};
use bulk_domain::time::Timestamp;
use bulk_pipeline::ports::{JobStore, Watched, Write};

use crate::given::{self, NOW, at};

const LATE: i64 = NOW + 1_000_000_000;

async fn due(ports: &impl JobStore, now: i64) -> Vec<Watched> {
    ports.due_jobs(at(now), None, 100).await.unwrap()
}

fn watched(job: &Job, due: Timestamp, pending: Option<u32>) -> Watched {
    Watched { job: job.id, due, pending }
}

pub async fn a_new_job_is_due_when_its_upload_window_ends(ports: &impl JobStore) {
    let job = given::job();
    ports.create_job(&job).await.unwrap();
    let end = job.upload_expires_at.as_millis();
    assert_eq!(due(ports, end - 1).await, []);
    assert_eq!(due(ports, end).await, [watched(&job, at(end), None)]);
    assert_eq!(due(ports, LATE).await, [watched(&job, at(end), None)]);
}

pub async fn the_longest_due_come_first_and_no_more_than_asked_for(ports: &impl JobStore) {
    let jobs: Vec<Job> =
        [5, 1, 4, 2, 3].map(|n| given::job_of(given::customer(), NOW + n * 1000)).into();
    for job in &jobs {
        ports.create_job(job).await.unwrap();
    }
    let first = ports.due_jobs(at(LATE), None, 3).await.unwrap();
    let ids = |due: &[Watched]| due.iter().map(|watched| watched.job).collect::<Vec<_>>();
    assert_eq!(ids(&first), [jobs[1].id, jobs[3].id, jobs[4].id]);
    let others = ports.due_jobs(at(LATE), first.last().copied(), 3).await.unwrap();
    assert_eq!(ids(&others), [jobs[2].id, jobs[0].id]);
    assert_eq!(ports.due_jobs(at(LATE), others.last().copied(), 3).await.unwrap(), []);
    assert_eq!(due(ports, LATE).await.len(), 5);
    assert_eq!(due(ports, jobs[4].upload_expires_at.as_millis()).await.len(), 3);
}

pub async fn a_read_goes_on_behind_a_job_that_left_the_list_and_among_jobs_of_one_time(
    ports: &impl JobStore,
) {
    let jobs: Vec<Job> = (0..7).map(|_| given::job_of(given::customer(), NOW)).collect();
    for job in &jobs {
        ports.create_job(job).await.unwrap();
    }
    let mut found = Vec::new();
    let mut last = None;
    while let Some(watched) = ports.due_jobs(at(LATE), last, 2).await.unwrap().last().copied() {
        let page = ports.due_jobs(at(LATE), last, 2).await.unwrap();
        ports.unwatch(watched.job).await.unwrap();
        found.extend(page.iter().map(|watched| watched.job));
        last = Some(watched);
    }
    found.sort_unstable();
    let mut expected: Vec<_> = jobs.iter().map(|job| job.id).collect();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

pub async fn a_job_is_due_again_when_the_last_look_said_and_knows_what_was_pending(
    ports: &impl JobStore,
) {
    let job = given::job();
    ports.create_job(&job).await.unwrap();
    let first = due(ports, LATE).await[0];
    assert_eq!(ports.set_due(first, at(LATE + 5), 17).await.unwrap(), Write::Done);
    assert_eq!(due(ports, LATE + 4).await, []);
    let second = due(ports, LATE + 5).await[0];
    assert_eq!(second, watched(&job, at(LATE + 5), Some(17)));
    assert_eq!(ports.set_due(second, at(LATE + 9), 0).await.unwrap(), Write::Done);
    assert_eq!(due(ports, LATE + 9).await, [watched(&job, at(LATE + 9), Some(0))]);
}

pub async fn of_two_who_look_at_the_same_time_one_sets_when_to_look_again(ports: &impl JobStore) {
    let job = given::job();
    ports.create_job(&job).await.unwrap();
    let seen = due(ports, LATE).await[0];
    let looks = [(LATE + 5, 1), (LATE + 6, 2)]
        .map(|(next, pending)| ports.set_due(seen, at(next), pending));
    let looks = futures::future::try_join_all(looks).await.unwrap();
    let done = looks.iter().position(|look| *look == Write::Done).unwrap();
    assert_eq!(looks.iter().filter(|look| **look == Write::Done).count(), 1);
    let expected = [watched(&job, at(LATE + 5), Some(1)), watched(&job, at(LATE + 6), Some(2))];
    assert_eq!(due(ports, LATE + 10).await, [expected[done]]);
}

pub async fn a_forgotten_job_is_not_looked_at_any_more(ports: &impl JobStore) {
    let (job, other) = (given::job(), given::job());
    for job in [&job, &other] {
        ports.create_job(job).await.unwrap();
    }
    let seen = due(ports, LATE).await.into_iter().find(|watched| watched.job == job.id).unwrap();
    for _ in 0..2 {
        ports.unwatch(job.id).await.unwrap();
        assert_eq!(due(ports, LATE).await, [watched(&other, other.upload_expires_at, None)]);
    }
    assert_eq!(ports.set_due(seen, at(LATE + 5), 1).await.unwrap(), Write::Conflict);
    assert_eq!(due(ports, LATE + 5).await.len(), 1);
    assert_eq!(ports.load_job(job.id).await.unwrap(), Some(job), "the job itself stays");
}

pub async fn a_job_stays_on_the_list_whatever_its_state(ports: &impl JobStore) {
    let job = given::processing(ports, 2).await;
    let end = given::ended(&job, JobEvent::Finalized, None);
    assert_eq!(ports.change_state(JobStatus::Processing, &end).await.unwrap(), Write::Done);
    assert_eq!(due(ports, LATE).await, [watched(&job, job.upload_expires_at, None)]);
}

pub async fn a_job_that_is_not_there_does_not_come_by_being_watched_or_forgotten(
    ports: &impl JobStore,
) {
    let job = given::job();
    let look = ports.set_due(watched(&job, at(NOW), None), at(LATE), 1).await.unwrap();
    assert_eq!(look, Write::Conflict);
    ports.unwatch(job.id).await.unwrap();
    assert_eq!(ports.load_job(job.id).await.unwrap(), None);
    assert_eq!(due(ports, LATE).await, []);
}

contract!($ watchlist:
    a_new_job_is_due_when_its_upload_window_ends,
    the_longest_due_come_first_and_no_more_than_asked_for,
    a_read_goes_on_behind_a_job_that_left_the_list_and_among_jobs_of_one_time,
    a_job_is_due_again_when_the_last_look_said_and_knows_what_was_pending,
    of_two_who_look_at_the_same_time_one_sets_when_to_look_again,
    a_forgotten_job_is_not_looked_at_any_more,
    a_job_stays_on_the_list_whatever_its_state,
    a_job_that_is_not_there_does_not_come_by_being_watched_or_forgotten,
);
