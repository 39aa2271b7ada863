//! A document query that a customer starts by hand: for which patient, and for which facility.

use bulk_api::ApiError;
use bulk_api::operations::start_document_query::start_document_query;
use bulk_domain::ids::{CustomerId, FacilityId, JobId, PatientId};
use bulk_domain::patient::PatientRow;
use bulk_domain::record::RowsOfJob;
use bulk_domain::row::Directory;
use bulk_memory::Cloud;
use bulk_pipeline::ports::WebhookSettings;
use bulk_pipeline::ports::prelude::*;
use futures::executor::block_on;
use serde_json::json;
use uuid::Uuid;

const CUSTOMER: CustomerId = CustomerId::new(Uuid::from_u128(1));
const OTHER_CUSTOMER: CustomerId = CustomerId::new(Uuid::from_u128(2));
const NORTH: FacilityId = FacilityId::new(Uuid::from_u128(11));
const SOUTH: FacilityId = FacilityId::new(Uuid::from_u128(12));
const FOREIGN: FacilityId = FacilityId::new(Uuid::from_u128(13));

/// Returns a cloud with a customer of two facilities, and another customer of a third one.
fn cloud() -> Cloud {
    let cloud = Cloud::calm();
    for (customer, facilities) in [(CUSTOMER, vec![NORTH, SOUTH]), (OTHER_CUSTOMER, vec![FOREIGN])]
    {
        let directory =
            Directory { facilities: facilities.into_iter().collect(), ..Directory::default() };
        cloud.set_customer(customer, directory, WebhookSettings::default());
    }
    cloud
}

/// Stores a patient with one row for each of these facilities.
fn patient_at(cloud: &Cloud, facilities: &[FacilityId]) -> PatientId {
    let row = |facility| {
        let row = json!({
            "firstName": "Ottoline", "lastName": "Vandersloot", "dob": "1961-12-01", "gender": "F",
            "addresses": [{"addressLine1": "1 Main St", "city": "Boston", "state": "MA", "zip": "02110"}],
            "facility": facility,
        });
        serde_json::from_slice::<PatientRow>(&serde_json::to_vec(&row).unwrap()).unwrap()
    };
    let rows: Vec<PatientRow> = facilities.iter().map(row).collect();
    let source = RowsOfJob {
        job: JobId::new(Uuid::from_u128(3)),
        facility: NORTH,
        may_overtake: false,
        now: cloud.now(),
    };
    block_on(cloud.add_patient(CUSTOMER, source, &rows)).unwrap()
}

fn start(
    cloud: &Cloud,
    customer: CustomerId,
    patient: PatientId,
    facility: Option<FacilityId>,
) -> Result<(), ApiError> {
    block_on(start_document_query(cloud, customer, patient, facility)).map(drop)
}

#[test]
fn without_a_facility_it_is_the_patients_only_one_however_many_the_customer_has() {
    let cloud = cloud();
    let patient = patient_at(&cloud, &[SOUTH]);
    start(&cloud, CUSTOMER, patient, None).unwrap();
}

#[test]
fn a_patient_with_several_facilities_needs_one_to_be_named() {
    let cloud = cloud();
    let patient = patient_at(&cloud, &[NORTH, SOUTH]);
    let refused = start(&cloud, CUSTOMER, patient, None).unwrap_err();
    assert!(matches!(refused, ApiError::BadRequest(_)), "{refused}");
    start(&cloud, CUSTOMER, patient, Some(SOUTH)).unwrap();
}

#[test]
fn a_facility_that_is_named_is_one_of_the_customers() {
    let cloud = cloud();
    let patient = patient_at(&cloud, &[NORTH]);
    start(&cloud, CUSTOMER, patient, Some(SOUTH)).unwrap();
    let refused = start(&cloud, CUSTOMER, patient, Some(FOREIGN)).unwrap_err();
    assert_eq!(refused.to_string(), "Could not find facility");
    assert!(matches!(refused, ApiError::NotFound(_)));
}

#[test]
fn another_customers_patient_is_not_found_whatever_facility_is_named() {
    let cloud = cloud();
    let patient = patient_at(&cloud, &[NORTH]);
    for facility in [None, Some(FOREIGN)] {
        let refused = start(&cloud, OTHER_CUSTOMER, patient, facility).unwrap_err();
        assert_eq!(refused.to_string(), "Could not find patient");
    }
}
