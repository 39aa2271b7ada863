//! `GET /medical/v1/patient?facilityId=`: a customer's patients, page by page.

use axum::extract::State;
use bulk_domain::audit::Objects;
use bulk_domain::ids::{CustomerId, FacilityId};
use bulk_domain::patient::Patient;
use bulk_domain::roster::{REMOVED, Roster, RosterEntry, RosterPlace};
use bulk_pipeline::ports::Ports;
use bulk_pipeline::ports::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::audited::{Audited, NamesObjects};
use crate::backend::Backend;
use crate::caller::{Caller, ReadPatients};
use crate::error::ApiError;
use crate::operations::get_facility::get_facility;
use crate::page::{Meta, Page, PageBuilder, PageRequest};
use crate::request::{Parameters, facility_id};
use crate::request_url::RequestUrl;

/// Roster entries of one read. An entry has the patients of one chunk, up to a few hundred.
const ENTRIES_PER_READ: u32 = 8;

/// Patients of one read.
const PATIENTS_PER_READ: usize = 100;

/// Patients that are read for one page. Where few of them are at the facility of the filter, the
/// page ends early, and the next page goes on from there.
const PATIENTS_PER_PAGE: usize = 5_000;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct PatientFilter {
    /// Only patients of this facility. Default: all patients.
    #[param(pattern = "^(|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$")]
    facility_id: Option<String>,
}

/// A page of patients.
#[derive(Debug, Serialize, ToSchema)]
pub struct PatientPage {
    pub patients: Vec<Patient>,
    pub meta: Meta,
}

impl NamesObjects for PatientPage {
    fn objects(&self) -> Objects {
        self.patients.objects()
    }
}

/// List patients, oldest first
///
/// A page may be shorter than `count` although another page follows: with `facilityId`, and because
/// an answer is limited to 4 MB.
#[utoipa::path(
    get, path = "/medical/v1/patient", operation_id = "listPatients", tag = "patient",
    params(PageRequest<RosterPlace>, PatientFilter),
    responses(
        (status = 200, description = "A page of patients.", body = PatientPage),
        (status = 400, description = "Invalid parameter. `detail` names it."),
        (status = 404, description = "Facility not found."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ReadPatients>,
    request: PageRequest<RosterPlace>,
    Parameters(filter): Parameters<PatientFilter>,
    url: RequestUrl,
) -> Result<Audited<PatientPage>, ApiError> {
    let ports = backend.ports();
    let facility = facility_id(filter.facility_id.as_deref())?;
    if let Some(facility) = facility {
        get_facility(ports, customer, facility).await?;
    }
    let page = list_patients(ports, customer, Roster::AllPatients, facility, request).await?;
    let filters = [("facilityId", facility.map(|id| id.to_string()))];
    let meta = url.meta(page.items.len(), page.next, request.count, &filters);
    Ok(Audited(PatientPage { patients: page.items, meta }))
}

/// Returns the patients on a roster from a place on, in the order of their creation.
pub async fn list_patients<P: Ports>(
    ports: &P,
    customer: CustomerId,
    roster: Roster,
    facility: Option<FacilityId>,
    request: PageRequest<RosterPlace>,
) -> Result<Page<Patient, RosterPlace>, ApiError> {
    let patients = ports.patients();
    let mut from = request.from;
    let mut page = PageBuilder::new(request.count);
    let mut read = 0;
    loop {
        let first = from.map(|place| place.entry);
        let entries = patients.read_roster(customer, roster, first, ENTRIES_PER_READ).await?;
        let is_end = entries.len() < ENTRIES_PER_READ as usize;
        for (entry, ids) in entries {
            let mut place = from.filter(|place| place.entry == entry).unwrap_or(first_of(entry));
            for ids in ids.get(place.index as usize..).unwrap_or_default().chunks(PATIENTS_PER_READ)
            {
                if read >= PATIENTS_PER_PAGE {
                    return Ok(page.before(Some(place)));
                }
                read += ids.iter().filter(|id| **id != REMOVED).count();
                let mut known = patients.load_patients(customer, ids).await?;
                for id in ids {
                    let listed = known.remove(id).filter(|record| {
                        let is_at_facility = facility
                            .is_none_or(|facility| record.patient.facility_ids.contains(&facility));
                        record.listed_by(roster) == Some(entry.job) && is_at_facility
                    });
                    if let Some(record) = listed
                        && !page.add(record.patient)
                    {
                        return Ok(page.before(Some(place)));
                    }
                    place.index += 1;
                }
            }
            from = Some(place);
        }
        if is_end {
            return Ok(page.before(None));
        }
    }
}

fn first_of(entry: RosterEntry) -> RosterPlace {
    RosterPlace { entry, index: 0 }
}
