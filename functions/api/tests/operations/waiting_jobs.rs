//! The open jobs of a customer: how many may wait for their files, and for how long each counts.

use std::time::Duration;

use bulk_api::ApiError;
use bulk_api::operations::cancel_job::cancel_job;
use bulk_api::operations::create_job::{NewJob, create_job};
use bulk_domain::ids::{CustomerId, FacilityId, JobId};
use bulk_domain::job::WAITING_JOBS;
use bulk_domain::job::times::UPLOAD_WINDOW;
use bulk_domain::row::Directory;
use bulk_domain::time::Timestamp;
use bulk_memory::Cloud;
use bulk_pipeline::idempotency::Parameters;
use bulk_pipeline::ports::WebhookSettings;
use bulk_pipeline::ports::prelude::*;
use futures::executor::block_on;
use uuid::Uuid;

const MINUTE: Duration = Duration::from_mins(1);

struct Service {
    cloud: Cloud,
    now: Timestamp,
}

impl Service {
    fn new() -> Self {
        let cloud = Cloud::calm();
        for number in 1..=2 {
            let facility = FacilityId::new(Uuid::from_u128(10 + number));
            let directory = Directory { facilities: [facility].into(), cohorts: [].into() };
            cloud.set_customer(customer(number), directory, WebhookSettings::default());
        }
        Self { now: cloud.now(), cloud }
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now.plus(time);
        self.cloud.set_time(self.now);
    }

    fn create(&self, number: u128) -> Result<NewJob, ApiError> {
        let parameters = Parameters::default();
        block_on(create_job(&self.cloud, customer(number), parameters, None))
    }

    fn open(&self) -> usize {
        block_on(self.cloud.open_jobs(customer(1), JobId::ALL, self.now)).unwrap().len()
    }
}

fn customer(number: u128) -> CustomerId {
    CustomerId::new(Uuid::from_u128(number))
}

#[test]
fn one_customer_can_have_a_thousand_jobs_waiting_and_the_next_one_is_refused() {
    let service = Service::new();
    let jobs: Vec<JobId> = (0..WAITING_JOBS).map(|_| service.create(1).unwrap().job.id).collect();
    for _ in 0..2 {
        assert!(matches!(service.create(1), Err(ApiError::TooManyWaiting)));
    }
    assert_eq!(service.open(), WAITING_JOBS, "a refused job leaves nothing behind");
    assert!(service.create(2).is_ok(), "another customer can create jobs");

    let on = &service.cloud;
    block_on(cancel_job(on, customer(1), jobs[7])).unwrap();
    assert!(service.create(1).is_ok(), "a canceled job does not wait");
    assert!(matches!(service.create(1), Err(ApiError::TooManyWaiting)));
    let _ = block_on(on.stop_waiting(customer(1), jobs[8])).unwrap();
    assert!(service.create(1).is_ok(), "a job whose file is accepted does not wait");
}

#[test]
fn a_job_waits_no_longer_than_its_link_is_valid() {
    let mut service = Service::new();
    for _ in 0..WAITING_JOBS {
        service.create(1).unwrap();
    }
    service.wait(UPLOAD_WINDOW);
    assert!(matches!(service.create(1), Err(ApiError::TooManyWaiting)));
    service.wait(2 * MINUTE);
    assert!(
        service.create(1).is_ok(),
        "the others do not count, even if the sweep has not expired them yet"
    );
}
