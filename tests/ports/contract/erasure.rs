//! What `aws` deletes of a customer, on tables that two customers share.

use std::time::Duration;

use bulk_aws::{KeyTerms, Place, System};
use bulk_domain::api_key::ApiKey;
use bulk_domain::cohort::{Cohort, CohortColor};
use bulk_domain::delivery::WebhookDelivery;
use bulk_domain::document::{BulkDownload, Metadata};
use bulk_domain::ids::{CustomerId, JobId};
use bulk_domain::job::JobStatus;
use bulk_domain::rate_limit::RateLimit;
use bulk_domain::roster::{Roster, RosterEntry};
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{WebhookSettings, Write};

use crate::emulator::SharedTables;
use crate::given;

const PLACES: [Place; 5] =
    [Place::Keys, Place::Jobs, Place::Patients, Place::ExternalIds, Place::Directory];

/// Stores something of a customer at every place. Returns the customer and its job.
async fn enter(shared: &SharedTables) -> (CustomerId, JobId) {
    let (customer, job) = (given::customer(), given::job());
    let job = bulk_domain::job::Job { customer, ..job };
    let tables = &shared.tables;
    let directory = &tables.directory;
    directory.create_customer(customer, "Clinic", &given::HASH_KEY).await.unwrap();
    let key = ApiKey::from_random(System::default().secret());
    directory.create_key(&key, given::at(given::NOW), KeyTerms::of(customer)).await.unwrap();
    directory.create_entry(customer, &given::facility_named("Main")).await.unwrap();
    let name = "Programme A".parse().unwrap();
    let cohort =
        Cohort { id: given::cohort(), name, description: None, color: CohortColor::default() };
    directory.create_entry(customer, &cohort).await.unwrap();
    let settings = WebhookSettings::default();
    assert_eq!(directory.store_settings(customer, &settings).await.unwrap(), Write::Done);

    tables.jobs.add_open_job(customer, job.id, given::at(given::NOW)).await.unwrap();
    tables.jobs.create_job(&job).await.unwrap();
    tables.jobs.open_query_parts(job.id, given::chunk(0), 2).await.unwrap();
    let delivery = WebhookDelivery::new(customer, job.id, JobStatus::Completed);
    assert_eq!(tables.jobs.store_delivery(&delivery, None).await.unwrap(), Write::Done);
    let key = (customer, given::patient());
    let metadata = Metadata::default();
    let download = BulkDownload::new(given::download(), key, metadata, given::at(given::NOW));
    assert_eq!(tables.jobs.store_download(&download, None).await.unwrap(), Write::Done);
    let (minute, now) = (Duration::from_mins(1), given::at(given::NOW));
    let limit = RateLimit::take(None, 1, minute, now).unwrap();
    let limit = tables.jobs.store_rate_limit(customer, limit, None);
    assert_eq!(limit.await.unwrap(), Write::Done);

    let person = given::person("1 Main St");
    let patient = person.patients().next().unwrap().patient.id;
    let stored = tables.patients.store_person(customer, given::bucket(), &person, None);
    assert_eq!(stored.await.unwrap(), Write::Done);
    let entry = RosterEntry { job: job.id, chunk: given::chunk(0) };
    for roster in [Roster::AllPatients, Roster::Cohort(cohort.id)] {
        tables.patients.add_to_roster(customer, roster, entry, &[patient]).await.unwrap();
    }
    // Documents without a patient, as a worker leaves them that died.
    for patient in [patient, given::patient()] {
        let query = given::query();
        let stored = tables.patients.store_query(customer, patient, &query, None);
        assert_eq!(stored.await.unwrap(), Write::Done);
    }
    let hash = given::HASH_KEY.external_id(&"A-1".parse().unwrap());
    for patient in [patient, given::patient()] {
        let ids = &tables.external_ids;
        ids.add_external_id(customer, hash, patient, job.id, 20).await.unwrap();
    }
    (customer, job.id)
}

/// Returns how many items of all tables name one of these ids, keys included.
async fn naming(shared: &SharedTables, customer: CustomerId, job: JobId) -> usize {
    let mut found = 0;
    for table in &shared.all {
        let scan = table.client.scan().table_name(&table.name).consistent_read(true).send();
        let items = scan.await.unwrap().items.unwrap_or_default();
        let names = |item: &String| {
            [customer.to_string(), job.to_string()].iter().any(|id| item.contains(id))
        };
        found += items.iter().map(|item| format!("{item:?}")).filter(names).count();
    }
    found
}

pub async fn everything_of_a_customer_is_deleted_and_nothing_of_another(shared: &SharedTables) {
    let ((customer, job), (other, other_job)) = (enter(shared).await, enter(shared).await);
    let (before, others) =
        (naming(shared, customer, job).await, naming(shared, other, other_job).await);
    assert_eq!(before, others);
    let now = given::at(given::NOW);
    assert_eq!(shared.tables.begin_deletion(customer, now).await.unwrap(), Some(now));
    let mut deleted = 0;
    for place in PLACES {
        let mut told = 0;
        let count = shared.tables.delete(customer, place, |count| told = count).await.unwrap();
        assert!(count > 0, "nothing at {place:?}");
        assert!(told <= count);
        deleted += count;
    }
    assert_eq!(usize::try_from(deleted).unwrap(), before - 1, "all but the customer");
    assert_eq!(naming(shared, customer, job).await, 1, "the customer");
    shared.tables.end_deletion(customer).await.unwrap();
    assert_eq!(naming(shared, customer, job).await, 0);
    assert_eq!(naming(shared, other, other_job).await, others);
}

pub async fn a_deletion_that_was_interrupted_is_resumed(shared: &SharedTables) {
    let (customer, job) = enter(shared).await;
    let (first, later) = (given::at(given::NOW), given::at(given::NOW + 60_000));
    shared.tables.begin_deletion(customer, first).await.unwrap();
    // The worker of a job dies half-way: the job is there, and one of its lists is not.
    shared.tables.jobs.remove_open_job(customer, job).await.unwrap();
    assert_eq!(shared.tables.begin_deletion(customer, later).await.unwrap(), Some(first));
    for place in PLACES {
        shared.tables.delete(customer, place, |_| ()).await.unwrap();
        assert_eq!(shared.tables.delete(customer, place, |_| ()).await.unwrap(), 0, "{place:?}");
    }
    shared.tables.end_deletion(customer).await.unwrap();
    assert_eq!(shared.tables.begin_deletion(customer, later).await.unwrap(), None);
    assert_eq!(naming(shared, customer, job).await, 0);
}

contract!($ erasure:
    everything_of_a_customer_is_deleted_and_nothing_of_another,
    a_deletion_that_was_interrupted_is_resumed,
);
