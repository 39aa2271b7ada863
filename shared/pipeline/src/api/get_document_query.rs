//! `GET /medical/v1/document/query`: how one patient's newest document query stands.

use domain::ids::{CustomerId, PatientId};
use domain::query::PatientQuery;

use crate::api::ApiError;
use crate::api::find_patient::get_patient;
use crate::ports::Ports;
use crate::ports::prelude::*;

/// The newest query of the customer's patient; none if there never was one.
pub async fn get_document_query<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
) -> Result<Option<PatientQuery>, ApiError> {
    let query = ports.documents().load_queries(customer, &[patient]).await?.remove(&patient);
    if query.is_none() {
        get_patient(ports, customer, patient).await?;
    }
    Ok(query.map(|query| query.value))
}
