//! `PUT /medical/v1/patient/{id}/hie-opt-out?hieOptOut=`: opts a patient out of health information
//! exchange, or in again.

use axum::extract::State;
use bulk_domain::audit::Objects;
use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_pipeline::change_patient::PatientChange;
use bulk_pipeline::opt_out::set_opt_out;
use bulk_pipeline::ports::Ports;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::withdrawal::announce_withdrawal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::audited::{Audited, NamesObjects};
use crate::backend::Backend;
use crate::caller::{Caller, Import};
use crate::error::{ApiError, Named as _};
use crate::request::{Id, Parameters, opt_out};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct OptOutQuery {
    /// `true` opts the patient out, and `false` in again. Upper or lower case.
    #[param(required, value_type = bool)]
    hie_opt_out: Option<String>,
}

/// Whether a patient is opted out of health information exchange.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HieOptOut {
    /// Id of the patient.
    pub id: PatientId,
    /// Whether the patient is opted out.
    pub hie_opt_out: bool,
    /// The same in words for people.
    pub message: &'static str,
}

impl HieOptOut {
    /// Returns the answer about a patient.
    pub fn of(id: PatientId, hie_opt_out: bool) -> Self {
        let message = if hie_opt_out {
            "Patient is opted out of health information exchange"
        } else {
            "Patient takes part in health information exchange"
        };
        Self { id, hie_opt_out, message }
    }
}

impl NamesObjects for HieOptOut {
    fn objects(&self) -> Objects {
        Objects { patients: [self.id].into(), ..Objects::default() }
    }
}

/// Opt a patient out of health information exchange, or in again
///
/// An opted-out patient is not searched for at the gateway. What was found about the patient before
/// is deleted: the list of documents and the copies of their contents. Rows of an import that was
/// created before this call do not undo it; rows of a later import do, if they have a value in
/// `hieOptOut`.
#[utoipa::path(
    put, path = "/medical/v1/patient/{id}/hie-opt-out", operation_id = "setHieOptOut", tag = "patient",
    params(Id<PatientId>, OptOutQuery),
    responses(
        (status = 200, description = "The state after the call.", body = HieOptOut),
        (status = 400, description = "`hieOptOut` is missing, or neither `true` nor `false`."),
        (status = 404, description = "Not found."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<Import>,
    Id(patient): Id<PatientId>,
    Parameters(query): Parameters<OptOutQuery>,
) -> Result<Audited<HieOptOut>, ApiError> {
    let opt_out = opt_out(query.hie_opt_out.as_deref())?;
    let is_opted_out = set_hie_opt_out(backend.ports(), customer, patient, opt_out).await?;
    Ok(Audited(HieOptOut::of(patient, is_opted_out)))
}

/// Opts the customer's patient out, or in again. Returns whether the patient is opted out now.
pub async fn set_hie_opt_out<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
    opt_out: bool,
) -> Result<bool, ApiError> {
    if opt_out {
        announce_withdrawal(ports, customer, vec![patient]).await?;
    }
    // The call has its place among the jobs by its id.
    let call = JobId::of_call(ports.environment().new_id());
    match set_opt_out(ports, customer, patient, opt_out, call).await? {
        PatientChange::Done(is_opted_out) => Ok(is_opted_out),
        PatientChange::NotFound => Err(PatientId::NOT_FOUND),
        PatientChange::TooLarge => Err(ApiError::BadRequest("The patient is too large")),
    }
}
