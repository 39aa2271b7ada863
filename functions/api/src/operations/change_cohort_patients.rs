//! `POST` and `DELETE /medical/v1/cohort/{id}/patient`: puts patients into a cohort, and takes them
//! out of it.

use std::collections::BTreeSet;

use axum::Extension;
use axum::extract::State;
use bulk_domain::audit::Objects;
use bulk_domain::ids::{CohortId, CustomerId, PatientId};
use bulk_domain::plan::ChunkNumber;
use bulk_domain::roster::Roster;
use bulk_pipeline::cohort_members::{CohortMembers, Membership};
use bulk_pipeline::ports::Ports;
use bulk_pipeline::ports::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::audit::Trail;
use crate::audited::{Audited, NamesObjects};
use crate::backend::Backend;
use crate::caller::{Caller, Import};
use crate::directory_entries::get_entry;
use crate::error::{ApiError, Named as _};
use crate::operations::get_cohort::{CohortWithSize, with_size};
use crate::request::{Body, Id};
use crate::roster_walk::RosterWalk;

/// The largest number of patients that a call names. All of them fit into a body of 64 KiB.
const MOST_PATIENTS: usize = 500;

const TOO_LARGE: ApiError = ApiError::BadRequest("A patient is too large for another cohort");

/// Patients to put into a cohort, or to take out of it: either some, or all.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct CohortPatients {
    /// Ids of up to 500 patients.
    #[schema(max_items = 500)]
    patient_ids: Option<Vec<PatientId>>,
    /// Whether all patients are meant, instead of `patientIds`.
    all_patients: Option<bool>,
}

/// Which patients a call names.
enum Named {
    Some(BTreeSet<PatientId>),
    All,
}

impl CohortPatients {
    fn named(self) -> Result<Named, ApiError> {
        const ONE_OF_BOTH: ApiError =
            ApiError::BadRequest("Either patientIds or allPatients must be given, and not both");
        let all = self.all_patients.unwrap_or(false);
        // A client may send an empty list beside `allPatients`.
        match (self.patient_ids.filter(|ids| !(all && ids.is_empty())), all) {
            (None, true) => Ok(Named::All),
            (Some(ids), false) if ids.len() > MOST_PATIENTS => {
                Err(ApiError::BadRequest("patientIds has more than 500 ids"))
            }
            (Some(ids), false) => Ok(Named::Some(ids.into_iter().collect())),
            (None, false) | (Some(_), true) => Err(ONE_OF_BOTH),
        }
    }
}

/// A cohort after its patients have changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangedCohort {
    /// What was done, for people.
    message: String,
    cohort: CohortWithSize,
}

impl NamesObjects for ChangedCohort {
    fn objects(&self) -> Objects {
        self.cohort.objects()
    }
}

/// Put patients into a cohort
///
/// Patients that are in the cohort stay in it. With `allPatients`, a call that is answered 503 has
/// put some of the patients into the cohort: repeat it until it succeeds.
#[utoipa::path(
    post, path = "/medical/v1/cohort/{id}/patient", operation_id = "addPatientsToCohort", tag = "cohort",
    params(Id<CohortId>),
    request_body = CohortPatients,
    responses(
        (status = 200, description = "The cohort.", body = ChangedCohort),
        (status = 400, description = "Invalid body, or a patient is too large for another cohort; then the other patients are in the cohort. `detail` names the problem."),
        (status = 404, description = "The cohort or a patient was not found. No patient was put into the cohort."),
        (status = 413, description = "The body is larger than 64 KiB."),
    ),
)]
pub async fn add<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<Import>,
    Id(id): Id<CohortId>,
    Extension(trail): Extension<Trail>,
    Body(body): Body<CohortPatients>,
) -> Result<Audited<ChangedCohort>, ApiError> {
    change(backend.ports(), customer, id, body, Direction::Join, &trail).await.map(Audited)
}

/// Take patients out of a cohort
///
/// Ids of patients that are not in the cohort change nothing. With `allPatients`, a call that is
/// answered 503 has taken some of the patients out of the cohort: repeat it until it succeeds. Rows
/// of an import that was created before the call do not put a patient back.
#[utoipa::path(
    delete, path = "/medical/v1/cohort/{id}/patient", operation_id = "removePatientsFromCohort", tag = "cohort",
    params(Id<CohortId>),
    request_body = CohortPatients,
    responses(
        (status = 200, description = "The cohort.", body = ChangedCohort),
        (status = 400, description = "Invalid body. `detail` names the problem."),
        (status = 404, description = "The cohort was not found."),
        (status = 413, description = "The body is larger than 64 KiB."),
    ),
)]
pub async fn remove<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<Import>,
    Id(id): Id<CohortId>,
    Extension(trail): Extension<Trail>,
    Body(body): Body<CohortPatients>,
) -> Result<Audited<ChangedCohort>, ApiError> {
    change(backend.ports(), customer, id, body, Direction::Leave, &trail).await.map(Audited)
}

/// Whether patients are put into a cohort or taken out of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Join,
    Leave,
}

/// Changes the patients of a cohort, 500 at a time. The audit trail names each 500 before they are
/// changed, because a call with `allPatients` may run out of time.
async fn change<P: Ports>(
    ports: &P,
    customer: CustomerId,
    id: CohortId,
    body: CohortPatients,
    direction: Direction,
    trail: &Trail,
) -> Result<ChangedCohort, ApiError> {
    let named = body.named()?;
    let cohort = get_entry(ports, customer, id).await?;
    let roster = match direction {
        Direction::Join => Roster::AllPatients,
        Direction::Leave => Roster::Cohort(id),
    };
    let patients: Vec<PatientId> = match named {
        Named::All => all_of(ports, customer, roster).await?.into_iter().collect(),
        Named::Some(patients) => {
            let patients: Vec<PatientId> = patients.into_iter().collect();
            if direction == Direction::Join {
                check_existence(ports, customer, &patients).await?;
            }
            patients
        }
    };
    let (members, mut all) = (CohortMembers::new(ports, customer, id), Membership::default());
    for (chunk, ids) in (0..).zip(patients.chunks(MOST_PATIENTS)) {
        let ids: BTreeSet<PatientId> = ids.iter().copied().collect();
        let objects = Objects { patients: ids.clone(), ..Objects::default() };
        trail.announce(ports, objects).await?;
        let Membership { changed, too_large } = match direction {
            Direction::Join => members.add(ChunkNumber::new(chunk), &ids).await?,
            Direction::Leave => members.remove(&ids).await?,
        };
        all.changed.extend(changed);
        all.too_large.extend(too_large);
    }
    if !all.too_large.is_empty() {
        return Err(TOO_LARGE);
    }
    let done = match direction {
        Direction::Join => "put into the cohort",
        Direction::Leave => "taken out of the cohort",
    };
    let message = match all.changed.len() {
        1 => format!("1 patient was {done}"),
        count => format!("{count} patients were {done}"),
    };
    Ok(ChangedCohort { message, cohort: with_size(ports, customer, cohort).await? })
}

async fn check_existence<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patients: &[PatientId],
) -> Result<(), ApiError> {
    let known = ports.patients().load_patients(customer, patients).await?;
    if known.len() < patients.len() { Err(PatientId::NOT_FOUND) } else { Ok(()) }
}

/// Returns the patients that a roster names.
async fn all_of<P: Ports>(
    ports: &P,
    customer: CustomerId,
    roster: Roster,
) -> Result<BTreeSet<PatientId>, ApiError> {
    let (mut walk, mut all) = (RosterWalk::start(), BTreeSet::new());
    while let Some((_, ids)) = walk.next_patients(ports, customer, roster).await? {
        all.extend(ids.into_iter().map(|(_, id)| id));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn named(body: Value) -> Option<Named> {
        serde_json::from_value::<CohortPatients>(body).unwrap().named().ok()
    }

    #[test]
    fn a_call_names_some_patients_or_all_of_them() {
        let id = "01234567-89ab-8cde-8123-456789abcdef";
        let some = |ids: &[&str]| named(json!({"patientIds": ids}));
        assert!(matches!(some(&[id, id]), Some(Named::Some(ids)) if ids.len() == 1));
        assert!(matches!(some(&[]), Some(Named::Some(ids)) if ids.is_empty()));
        for body in [json!({"allPatients": true}), json!({"patientIds": [], "allPatients": true})] {
            assert!(matches!(named(body), Some(Named::All)));
        }
        for body in [
            json!({}),
            json!({"allPatients": false}),
            json!({"patientIds": [id], "allPatients": true}),
            json!({"patientIds": vec![id; MOST_PATIENTS + 1]}),
        ] {
            assert!(named(body).is_none());
        }
    }
}
