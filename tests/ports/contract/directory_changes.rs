//! Facilities and cohorts that are changed and deleted, on the condition of their version.

use std::fmt::Debug;
use std::slice;

use bulk_domain::cohort::{Cohort, CohortColor};
use bulk_domain::facility::Facility;
use bulk_pipeline::ports::{DirectoryEntry, DirectoryStore, Write};

use crate::given;

pub async fn a_facility_changes_and_goes_only_in_the_version_that_was_read(
    ports: &impl DirectoryStore,
) {
    let facility = given::facility_named("Łódź “North”");
    let changed = Facility { tin: None, active: false, ..given::facility_named("South") };
    let changed = Facility { id: facility.id, ..changed };
    changes_and_goes(ports, facility, changed).await;
}

pub async fn a_cohort_changes_and_goes_only_in_the_version_that_was_read(
    ports: &impl DirectoryStore,
) {
    let cohort = Cohort {
        id: given::cohort(),
        name: "Programme “A”".parse().unwrap(),
        description: Some("Łódź".parse().unwrap()),
        color: CohortColor::Green,
    };
    let changed = Cohort { description: None, color: CohortColor::White, ..cohort.clone() };
    changes_and_goes(ports, cohort, changed).await;
}

async fn changes_and_goes<E: DirectoryEntry + Debug>(
    ports: &impl DirectoryStore,
    entry: E,
    changed: E,
) {
    let customer = given::customer();
    ports.create_entry(customer, &entry).await.unwrap();
    // A retry, because the answer to the first attempt was lost.
    ports.create_entry(customer, &entry).await.unwrap();
    let load = async || ports.load_entry::<E>(customer, entry.id()).await.unwrap();
    let stored = load().await.unwrap();
    assert_eq!(stored.value, entry);
    let replace = |version| ports.replace_entry(customer, &changed, version);
    assert_eq!(replace(stored.version + 1).await.unwrap(), Write::Conflict);
    assert_eq!(load().await.unwrap().value, entry);
    assert_eq!(replace(stored.version).await.unwrap(), Write::Done);
    assert_eq!(replace(stored.version).await.unwrap(), Write::Conflict);
    let after = load().await.unwrap();
    assert_eq!((&after.value, after.version), (&changed, stored.version + 1));
    let list = async || ports.list_entries::<E>(customer).await.unwrap();
    assert_eq!(list().await, slice::from_ref(&changed));
    let delete = |version| ports.delete_entry::<E>(customer, entry.id(), version);
    assert_eq!(delete(stored.version).await.unwrap(), Write::Conflict);
    assert_eq!(delete(after.version).await.unwrap(), Write::Done);
    assert_eq!(delete(after.version).await.unwrap(), Write::Conflict);
    assert!(load().await.is_none());
    assert_eq!(replace(after.version).await.unwrap(), Write::Conflict, "it does not come back");
    assert_eq!(list().await, []);
}

contract!($ directory_changes:
    a_facility_changes_and_goes_only_in_the_version_that_was_read,
    a_cohort_changes_and_goes_only_in_the_version_that_was_read,
);
