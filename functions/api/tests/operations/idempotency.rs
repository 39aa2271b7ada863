//! `Idempotency-Key`: a retry of a call with the same key creates no second job, wherever the first
//! attempt died.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bulk_api::ApiError;
use bulk_api::operations::create_job::{NewJob, create_job};
use bulk_domain::csv::ColumnMappings;
use bulk_domain::ids::{CustomerId, FacilityId};
use bulk_domain::row::Directory;
use bulk_domain::time::Timestamp;
use bulk_memory::{Cloud, Fault, Faults, Operation};
use bulk_pipeline::idempotency::{IdempotencyKey, Parameters};
use bulk_pipeline::ports::WebhookSettings;
use futures::executor::block_on;
use uuid::Uuid;

/// A fault plan without faults, except for the calls that a test names by their number.
#[derive(Debug, Default)]
struct Script(Mutex<VecDeque<Option<Fault>>>);

impl Faults for Script {
    fn fault(&self, _: Operation) -> Option<Fault> {
        self.0.lock().unwrap().pop_front().flatten()
    }

    fn delay(&self) -> u32 {
        0
    }

    fn piece(&self) -> usize {
        1
    }
}

fn start() -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000)
}

struct Caller {
    cloud: Cloud,
    faults: Arc<Script>,
    customer: CustomerId,
}

impl Caller {
    fn new() -> Self {
        let faults = Arc::new(Script::default());
        let cloud = Cloud::new(faults.clone(), start(), 1);
        let (customer, facility) =
            (CustomerId::new(Uuid::from_u128(1)), FacilityId::new(Uuid::from_u128(2)));
        let directory = Directory { facilities: [facility].into(), cohorts: [].into() };
        cloud.set_customer(customer, directory, WebhookSettings::default());
        Self { cloud, faults, customer }
    }

    fn create(&self, dry_run: bool, key: &str) -> Result<NewJob, ApiError> {
        self.call(Parameters { dry_run, ..Parameters::default() }, key)
    }

    fn create_with(&self, columns: &[&str], key: &str) -> Result<NewJob, ApiError> {
        let columns = ColumnMappings::parse(columns.iter().copied()).unwrap();
        self.call(Parameters { columns, ..Parameters::default() }, key)
    }

    fn call(&self, parameters: Parameters, key: &str) -> Result<NewJob, ApiError> {
        let key: IdempotencyKey = key.parse().unwrap();
        block_on(create_job(&self.cloud, self.customer, parameters, Some(&key)))
    }

    fn wait(&self, time: Duration) {
        self.cloud.set_time(start().plus(time));
    }
}

#[test]
fn wherever_a_call_dies_its_retry_creates_the_one_job() {
    for fault in [Fault::Refused, Fault::AnswerLost] {
        for dies_at in 0..9 {
            let caller = Caller::new();
            let script = std::iter::repeat_n(None, dies_at).chain([Some(fault)]).collect();
            *caller.faults.0.lock().unwrap() = script;
            let first = caller.create(false, "key");
            let again = caller.create(false, "key").unwrap();
            if let Ok(first) = first {
                assert_eq!(first.job, again.job, "{fault:?} of call {dies_at}");
            }
            assert_eq!(caller.cloud.jobs(), [again.job], "{fault:?} of call {dies_at}");
            assert!(again.upload.is_some());
        }
    }
}

#[test]
fn other_parameters_are_a_conflict_even_where_the_job_was_never_made() {
    let caller = Caller::new();
    // The first seven calls succeed: a recall, the directory, two calls about the open jobs, the
    // promise, the job and its entry. The write of the job is refused.
    let script = std::iter::repeat_n(None, 7).chain([Some(Fault::Refused)]).collect();
    *caller.faults.0.lock().unwrap() = script;
    assert!(caller.create(false, "key").is_err());
    assert!(caller.cloud.jobs().is_empty());
    assert!(matches!(caller.create(true, "key"), Err(ApiError::Conflict(_))));
    assert!(caller.create(false, "key").is_ok());
}

#[test]
fn other_columns_are_other_parameters_and_another_order_of_them_is_not() {
    let caller = Caller::new();
    let first = caller.create_with(&["dob:Born", "city:Town"], "key").unwrap();
    assert_eq!(caller.create_with(&["city:Town", "dob:Born"], "key").unwrap().job, first.job);
    for columns in [&[][..], &["dob:Born"], &["dob:Born", "city:Place"]] {
        let refused = caller.create_with(columns, "key");
        assert!(matches!(refused, Err(ApiError::Conflict(_))), "{columns:?}");
    }
    assert_eq!(caller.cloud.jobs(), [first.job]);
}

#[test]
fn a_fresh_link_does_not_outlive_its_job() {
    let caller = Caller::new();
    assert!(caller.create(false, "key").unwrap().upload.unwrap().url.ends_with("seconds=600"));
    caller.wait(Duration::from_millis(540_500));
    assert!(caller.create(false, "key").unwrap().upload.unwrap().url.ends_with("seconds=59"));
    caller.wait(Duration::from_millis(599_500));
    assert_eq!(caller.create(false, "key").unwrap().upload, None);
}

#[test]
fn a_key_is_forgotten_after_a_day() {
    let caller = Caller::new();
    let first = caller.create(false, "key").unwrap().job.id;
    caller.wait(Duration::from_hours(24) - Duration::from_secs(1));
    assert_eq!(caller.create(false, "key").unwrap().job.id, first);
    caller.wait(Duration::from_hours(24));
    assert_ne!(caller.create(true, "key").unwrap().job.id, first);
}
