//! An upload that no job will read is deleted, and the one that a job is bound to stays.
#![allow(clippy::unwrap_used)]

use bulk_domain::csv::Limits;
use bulk_domain::ids::{CustomerId, FacilityId, JobId};
use bulk_domain::job::{Job, JobEvent, JobStatus, Upload};
use bulk_memory::Cloud;
use bulk_pipeline::end_job::end_job;
use bulk_pipeline::fan_out::{FanOutOutcome, FanOutSettings, fan_out};
use bulk_pipeline::messages::UploadMessage;
use bulk_pipeline::ports::JobRef;
use bulk_pipeline::ports::prelude::*;
use futures::executor::block_on;
use uuid::Uuid;

const FILE: &str = "firstName,lastName,dob,gender,addressLine1,city,state,zip\n\
                    Ada,Sample,1980-02-03,F,1 Main Street,Boston,MA,02139\n";

/// A job that waits for its file.
struct Fixture {
    cloud: Cloud,
    job: Job,
}

impl Fixture {
    fn new() -> Self {
        let cloud = Cloud::calm();
        let [job, customer, facility] = [1, 2, 3].map(Uuid::from_u128);
        let (job, customer) = (JobId::new(job), CustomerId::new(customer));
        let job = Job::new(job, customer, FacilityId::new(facility), false, cloud.now());
        block_on(cloud.create_job(&job)).unwrap();
        Self { cloud, job }
    }

    /// Uploads a file, and handles its event twice, as S3 may send it twice.
    fn upload(&self, file: &'static str) -> (Upload, [FanOutOutcome; 2]) {
        let upload = self.cloud.upload(JobRef::from(&self.job), file);
        let (customer, job) = (self.job.customer, self.job.id);
        let message = UploadMessage { customer, job, upload: upload.clone() };
        let settings = FanOutSettings { limits: Limits::default(), rows_per_chunk: 3 };
        let outcomes = [(); 2].map(|()| block_on(fan_out(&self.cloud, settings, &message)));
        (upload, outcomes.map(Result::unwrap))
    }

    /// Returns the first upload that is stored.
    fn stored(&self) -> Option<Upload> {
        block_on(self.cloud.find_upload(JobRef::from(&self.job))).unwrap()
    }
}

#[test]
fn the_upload_that_is_imported_stays_and_later_ones_are_deleted() {
    let fixture = Fixture::new();
    let (first, outcomes) = fixture.upload(FILE);
    assert_eq!(outcomes, [FanOutOutcome::Processing { rows: 1, chunks: 1 }; 2]);
    let (_, outcomes) = fixture.upload(FILE);
    assert_eq!(outcomes, [FanOutOutcome::Deleted("the job is bound to an earlier upload"); 2]);
    assert_eq!(fixture.stored().as_ref(), Some(&first));

    let job = block_on(fixture.cloud.load_job(fixture.job.id)).unwrap().unwrap();
    let ended = block_on(end_job(&fixture.cloud, &job, JobEvent::Canceled, None)).unwrap();
    assert_eq!(ended.unwrap().status, JobStatus::Failed);
    let (_, outcomes) = fixture.upload(FILE);
    assert_eq!(outcomes, [FanOutOutcome::Deleted("the job has ended"); 2]);
    assert_eq!(fixture.stored(), Some(first));
}

#[test]
fn an_upload_to_a_bucket_without_versions_is_left_because_it_may_be_another_one() {
    let fixture = Fixture::new();
    let (customer, job) = (fixture.job.customer, JobId::new(Uuid::from_u128(9)));
    let upload = Upload { version: "null".to_owned(), etag: "\"1\"".to_owned(), bytes: 10 };
    let message = UploadMessage { customer, job, upload };
    let settings = FanOutSettings { limits: Limits::default(), rows_per_chunk: 3 };
    let outcome = block_on(fan_out(&fixture.cloud, settings, &message)).unwrap();
    assert_eq!(outcome, FanOutOutcome::Ignored("no such job"));
}

#[test]
fn a_rejected_upload_is_deleted() {
    let fixture = Fixture::new();
    let (_, [first, again]) = fixture.upload("not,a,roster\n1,2,3\n");
    assert!(matches!(first, FanOutOutcome::Rejected(_)), "{first:?}");
    assert_eq!(again, FanOutOutcome::Deleted("the job has ended"));
    assert_eq!(fixture.stored(), None);
}
