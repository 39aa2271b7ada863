//! `POST /medical/v1/document/query?patientId=&facilityId=`: starts a document query for one
//! patient.

use axum::extract::State;
use bulk_domain::ids::{CustomerId, FacilityId, PatientId};
use bulk_domain::patient::Patient;
use bulk_domain::query::{PatientQuery, QueryRequestId};
use bulk_pipeline::conflicts::WriteAttempts;
use bulk_pipeline::documents::{Withdrawal, withdraw_documents};
use bulk_pipeline::messages::{QueryAsker, QueryMessage};
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{Ports, Write};
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use crate::audited::Audited;
use crate::backend::Backend;
use crate::caller::{Caller, ReadPatients};
use crate::error::{ApiError, FieldProblem, Named as _};
use crate::operations::get_document_query::{DocumentQuery, PatientIdQuery};
use crate::operations::get_patient::get_patient;
use crate::request::{Parameters, RawBody, facility_id, patient_id};

/// The error if the caller names no facility for a patient with several.
const SEVERAL_FACILITIES: ApiError =
    ApiError::BadRequest("The patient has more than one facility, please specify a facility ID");

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct FacilityQuery {
    /// The facility that asks for the documents. Optional if the patient has exactly one facility.
    #[param(pattern = "^(|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$")]
    facility_id: Option<String>,
}

/// Start a document query for a patient
///
/// A patient has one query at a time. While it has not ended, this call answers with it.
#[utoipa::path(
    post, path = "/medical/v1/document/query", operation_id = "startDocumentQuery", tag = "document",
    params(PatientIdQuery, FacilityQuery),
    responses(
        (status = 200, description = "The query.", body = DocumentQuery),
        (status = 400, description = "`patientId` is missing, or `facilityId` although the patient has several facilities, or the body excludes networks (`hie`)."),
        (status = 404, description = "Patient or facility not found."),
        (status = 409, description = "The patient is opted out, or this deployment has no gateway."),
        (status = 413, description = "The body is larger than 64 KiB."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ReadPatients>,
    Parameters(query): Parameters<PatientIdQuery>,
    Parameters(asker): Parameters<FacilityQuery>,
    RawBody(body): RawBody,
) -> Result<Audited<DocumentQuery>, ApiError> {
    refuse_choice_of_networks(&body)?;
    let patient = patient_id(query.patient_id.as_deref())?;
    let facility = facility_id(asker.facility_id.as_deref())?;
    let query = start_document_query(backend.ports(), customer, patient, facility).await?;
    tracing::info!(patient.id = %patient, request.id = %query.request.as_uuid(), "Document query requested");
    Ok(Audited(query.into()))
}

/// Refuses a body that excludes networks, which callers of the public API can do. There is one
/// gateway, so that the query would inform a network that must not learn of the patient.
fn refuse_choice_of_networks(body: &[u8]) -> Result<(), ApiError> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    if body["hie"].is_null() {
        return Ok(());
    }
    let problem = "there is one gateway, which cannot be told what to leave out".to_owned();
    Err(ApiError::Invalid(vec![FieldProblem { field: "hie".to_owned(), problem }]))
}

/// Starts a query, or returns the patient's query that has not ended yet.
pub async fn start_document_query<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient_id: PatientId,
    facility: Option<FacilityId>,
) -> Result<PatientQuery, ApiError> {
    let patient = get_patient(ports, customer, patient_id).await?;
    check_facility(ports, customer, &patient, facility).await?;
    if patient.hie_opt_out {
        return Err(ApiError::Conflict("The patient is opted out of health information exchange"));
    }
    if !ports.queues().has_gateway() {
        return Err(ApiError::Conflict("This deployment has no gateway to ask for documents"));
    }
    let query = request(ports, customer, patient_id).await?;
    if let Err(gone) = get_patient(ports, customer, patient_id).await {
        // The patient was deleted meanwhile, and the query is to be deleted with it.
        withdraw_documents(ports, customer, patient_id, Withdrawal::Deleted).await?;
        return Err(gone);
    }
    // Also for a query of an earlier call, which may have died before it sent the message.
    let asker = QueryAsker::Request(query.request);
    let message = QueryMessage { customer, asker, patients: vec![patient_id] };
    ports.queues().send_queries(&[message]).await?;
    Ok(query)
}

/// Checks the facility that asks: the named one has to be the customer's; without a name the
/// patient has to have exactly one.
async fn check_facility<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: &Patient,
    named: Option<FacilityId>,
) -> Result<(), ApiError> {
    let Some(named) = named else {
        return if patient.facility_ids.len() == 1 { Ok(()) } else { Err(SEVERAL_FACILITIES) };
    };
    let known = ports.directory().load_directory(customer).await?.ids.facilities;
    if known.contains(&named) { Ok(()) } else { Err(FacilityId::NOT_FOUND) }
}

async fn request<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
) -> Result<PatientQuery, ApiError> {
    let (documents, environment) = (ports.documents(), ports.environment());
    let request = QueryRequestId::new(environment.new_id());
    let mut attempts = WriteAttempts::default();
    loop {
        attempts.begin()?;
        let known = documents.load_queries(customer, &[patient]).await?.remove(&patient);
        let version = known.as_ref().map(|known| known.version);
        let known = known.map(|known| known.value);
        let Some(asked) = PatientQuery::asked(known.as_ref(), request, environment.now()) else {
            return known.ok_or(PatientId::NOT_FOUND);
        };
        if documents.store_query(customer, patient, &asked, version).await? == Write::Done {
            return Ok(asked);
        }
    }
}
