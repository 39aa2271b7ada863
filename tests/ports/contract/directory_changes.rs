//! Facilities and cohorts that are changed and deleted, on the condition of their version.

use bulk_domain::cohort::{Cohort, CohortColor};
use bulk_domain::facility::Facility;
use bulk_pipeline::ports::{DirectoryStore, Write};

use crate::given;

pub async fn a_facility_changes_and_goes_only_in_the_version_that_was_read(
    ports: &impl DirectoryStore,
) {
    let (customer, facility) = (given::customer(), given::facility_named("Łódź “North”"));
    ports.create_facility(customer, &facility).await.unwrap();
    // A retry, because the answer to the first attempt was lost.
    ports.create_facility(customer, &facility).await.unwrap();
    let load = async || ports.load_facility(customer, facility.id).await.unwrap();
    let stored = load().await.unwrap();
    assert_eq!(stored.value, facility);
    let changed = Facility { tin: None, active: false, ..given::facility_named("South") };
    let changed = Facility { id: facility.id, ..changed };
    let replace = |version| ports.replace_facility(customer, &changed, version);
    assert_eq!(replace(stored.version + 1).await.unwrap(), Write::Conflict);
    assert_eq!(load().await.unwrap().value, facility);
    assert_eq!(replace(stored.version).await.unwrap(), Write::Done);
    assert_eq!(replace(stored.version).await.unwrap(), Write::Conflict);
    let after = load().await.unwrap();
    assert_eq!((after.value, after.version), (changed.clone(), stored.version + 1));
    assert_eq!(ports.list_facilities(customer).await.unwrap(), std::slice::from_ref(&changed));
    let delete = |version| ports.delete_facility(customer, facility.id, version);
    assert_eq!(delete(stored.version).await.unwrap(), Write::Conflict);
    assert_eq!(delete(after.version).await.unwrap(), Write::Done);
    assert_eq!(delete(after.version).await.unwrap(), Write::Conflict);
    assert!(load().await.is_none());
    assert_eq!(replace(after.version).await.unwrap(), Write::Conflict, "it does not come back");
    assert_eq!(ports.list_facilities(customer).await.unwrap(), []);
}

pub async fn a_cohort_changes_and_goes_only_in_the_version_that_was_read(
    ports: &impl DirectoryStore,
) {
    let customer = given::customer();
    let cohort = Cohort {
        id: given::cohort(),
        name: "Programme “A”".parse().unwrap(),
        description: Some("Łódź".parse().unwrap()),
        color: CohortColor::Green,
    };
    ports.create_cohort(customer, &cohort).await.unwrap();
    let load = async || ports.load_cohort(customer, cohort.id).await.unwrap();
    let stored = load().await.unwrap();
    assert_eq!(stored.value, cohort);
    let changed = Cohort { description: None, color: CohortColor::White, ..cohort.clone() };
    let replace = |version| ports.replace_cohort(customer, &changed, version);
    assert_eq!(replace(stored.version + 1).await.unwrap(), Write::Conflict);
    assert_eq!(replace(stored.version).await.unwrap(), Write::Done);
    let after = load().await.unwrap();
    assert_eq!((after.value, after.version), (changed.clone(), stored.version + 1));
    assert_eq!(ports.list_cohorts(customer).await.unwrap(), std::slice::from_ref(&changed));
    let delete = |version| ports.delete_cohort(customer, cohort.id, version);
    assert_eq!(delete(stored.version).await.unwrap(), Write::Conflict);
    assert_eq!(delete(after.version).await.unwrap(), Write::Done);
    assert!(load().await.is_none());
    assert_eq!(ports.list_cohorts(customer).await.unwrap(), []);
}

contract!($ directory_changes:
    a_facility_changes_and_goes_only_in_the_version_that_was_read,
    a_cohort_changes_and_goes_only_in_the_version_that_was_read,
);
