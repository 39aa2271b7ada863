//! `POST /medical/v1/document/query`: look for one patient's documents now.

use domain::ids::{CustomerId, FacilityId, PatientId};
use domain::patient::Patient;
use domain::query::{PatientQuery, QueryRequestId};

use crate::api::ApiError;
use crate::api::facilities;
use crate::api::find_patient::get_patient;
use crate::messages::{QueryAsker, QueryMessage};
use crate::ports::prelude::*;
use crate::ports::{Ports, Write};

/// What a caller is told who names no facility for a patient with several.
const SEVERAL_FACILITIES: ApiError =
    ApiError::BadRequest("The patient has more than one facility, please specify a facility ID");

/// Starts a query, or gives the one that has not ended yet: a patient has one at a time.
pub async fn start_document_query<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
    facility: Option<FacilityId>,
) -> Result<PatientQuery, ApiError> {
    let patient_is = get_patient(ports, customer, patient).await?;
    check_facility(ports, customer, &patient_is, facility).await?;
    if patient_is.hie_opt_out {
        return Err(ApiError::Conflict("The patient is opted out of health information exchange"));
    }
    if !ports.queues().has_gateway() {
        return Err(ApiError::Conflict("This deployment has no gateway to ask for documents"));
    }
    let query = ask(ports, customer, patient).await?;
    // Also for one that was asked for before: whoever did may have died before sending it.
    let asker = QueryAsker::Request(query.request);
    let message = QueryMessage { customer, asker, patients: vec![patient] };
    ports.queues().send_queries(&[message]).await?;
    Ok(query)
}

/// Checks who asks: the facility that is named, which has to be the customer's, or the patient's only one.
async fn check_facility<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: &Patient,
    named: Option<FacilityId>,
) -> Result<(), ApiError> {
    match named {
        Some(named) if !ports.directory().load_directory(customer).await?.facilities.contains(&named) => {
            Err(facilities::NOT_FOUND)
        }
        None if patient.facility_ids.len() != 1 => Err(SEVERAL_FACILITIES),
        Some(_) | None => Ok(()),
    }
}

async fn ask<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
) -> Result<PatientQuery, ApiError> {
    let request = QueryRequestId::new(ports.environment().new_id());
    loop {
        let known = ports.documents().load_queries(customer, &[patient]).await?.remove(&patient);
        let version = known.as_ref().map(|known| known.version);
        let known = known.map(|known| known.value);
        let Some(asked) = PatientQuery::asked(known.as_ref(), request, ports.environment().now()) else {
            return known.ok_or(super::find_patient::NOT_FOUND);
        };
        if ports.documents().store_query(customer, patient, &asked, version).await? == Write::Done {
            return Ok(asked);
        }
    }
}
