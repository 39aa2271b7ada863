//! `GET /medical/v1/patient?facilityId=&filters=`: a customer's patients, page by page.
//!
//! There is no index of names, so that a filtered list reads the patients of the roster one after
//! the other. What one call may read is bounded: the page ends there, and the next page goes on.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use axum::extract::State;
use bulk_domain::audit::Objects;
use bulk_domain::facility::Facility;
use bulk_domain::ids::{CustomerId, FacilityId};
use bulk_domain::patient::Patient;
use bulk_domain::patient_filter::PatientFilter;
use bulk_domain::roster::{Roster, RosterPlace};
use bulk_pipeline::ports::Ports;
use bulk_pipeline::ports::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::audited::{Audited, NamesObjects};
use crate::backend::Backend;
use crate::caller::{Caller, ReadPatients};
use crate::directory_entries::get_entry;
use crate::error::ApiError;
use crate::first_entries::FirstEntries;
use crate::operations::get_patient::PatientWithETag;
use crate::page::{Edge, Meta, Page, PageBuilder, PageRequest};
use crate::request::{Parameters, facility_id};
use crate::request_url::RequestUrl;
use crate::roster_walk::{Direction, RosterWalk};

/// Patients that are read for one page. Where few of them are at the facility or pass the filter,
/// the page ends early, and the next page goes on from there.
const PATIENTS_PER_PAGE: usize = 5_000;

/// Time after which a page ends early. It leaves the rest of the 12 seconds of an answer for one
/// more read, and for the answer itself.
const LONGEST_READ: Duration = Duration::from_secs(5);

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct PatientQuery {
    /// Only patients of this facility. Default: all patients.
    #[param(pattern = "^(|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$")]
    facility_id: Option<String>,
    /// Only patients with these words in their names, in the names of their facilities, as date of
    /// birth (`YYYY-MM-DD`, `YYYY-MM` or `YYYY`), or as an id. All words are required; `or` between
    /// words makes them alternatives, `-` before a word excludes it, and `"…"` is a phrase.
    /// Default: all patients.
    #[param(
        max_length = 255,
        pattern = r"^[^\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f]*$"
    )]
    filters: Option<String>,
}

impl fmt::Debug for PatientQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PatientQuery(…)")
    }
}

/// Which patients of a roster are listed. The default is all.
#[derive(Debug, Default)]
pub struct Selection {
    facility: Option<FacilityId>,
    /// The filter, with the names of the customer's facilities.
    filter: Option<(PatientFilter, HashMap<FacilityId, String>)>,
}

impl Selection {
    fn includes(&self, patient: &Patient) -> bool {
        let is_at_facility =
            self.facility.is_none_or(|facility| patient.facility_ids.contains(&facility));
        is_at_facility
            && self.filter.as_ref().is_none_or(|(filter, names)| {
                let names = patient.facility_ids.iter().filter_map(|id| names.get(id));
                filter.passes(patient, names.map(String::as_str))
            })
    }
}

/// A page of patients.
#[derive(Debug, Serialize, ToSchema)]
pub struct PatientPage {
    pub patients: Vec<PatientWithETag>,
    pub meta: Meta,
}

impl NamesObjects for PatientPage {
    fn objects(&self) -> Objects {
        self.patients.objects()
    }
}

/// List patients, oldest first
///
/// A page may be shorter than `count`, or empty, although another page follows: with `facilityId`
/// or `filters` because a call reads up to 5,000 patients in up to 5 seconds, and because an answer
/// is limited to 4 MB.
#[utoipa::path(
    get, path = "/medical/v1/patient", operation_id = "listPatients", tag = "patient",
    params(PageRequest<RosterPlace>, PatientQuery),
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
    Parameters(query): Parameters<PatientQuery>,
    url: RequestUrl,
) -> Result<Audited<PatientPage>, ApiError> {
    let ports = backend.ports();
    let facility = facility_id(query.facility_id.as_deref())?;
    let filter = PatientFilter::parse(query.filters.as_deref().unwrap_or_default())
        .map_err(|problem| ApiError::BadParameter(problem.to_string()))?;
    if let Some(facility) = facility {
        get_entry::<Facility>(ports, customer, facility).await?;
    }
    let links = [
        ("facilityId", facility.map(|id| id.to_string())),
        ("filters", filter.is_some().then_some(query.filters).flatten()),
    ];
    let filter = match filter {
        None => None,
        Some(filter) => {
            let facilities = ports.directory().list_entries::<Facility>(customer).await?;
            let names = facilities.into_iter().map(|it| (it.id, it.name.as_str().to_owned()));
            Some((filter, names.collect()))
        }
    };
    let selection = Selection { facility, filter };
    let page = list_patients(ports, customer, Roster::AllPatients, &selection, request).await?;
    // The tags take less than the 2 MB that a page leaves of an answer.
    let meta = url.meta(&page, request.count, &links);
    let patients = page.items.into_iter().map(PatientWithETag::from).collect();
    Ok(Audited(PatientPage { patients, meta }))
}

/// Returns a page of the patients on a roster, in the order of their creation.
pub async fn list_patients<P: Ports>(
    ports: &P,
    customer: CustomerId,
    roster: Roster,
    selection: &Selection,
    request: PageRequest<RosterPlace>,
) -> Result<Page<Patient, RosterPlace>, ApiError> {
    let edge = request.edge;
    let mut page = PageBuilder::new(request.count);
    let (direction, opposite) = match edge {
        Edge::First => (Direction::Forth, None),
        Edge::From(from) => (Direction::Forth, Some(RosterWalk::behind(from, Direction::Back))),
        Edge::To(to) => (Direction::Back, Some(RosterWalk::behind(to, Direction::Forth))),
    };
    let opposite = match opposite {
        None => None,
        Some(mut walk) => walk.next_place(ports, customer, roster).await?,
    };
    let mut walk = match edge.place() {
        None => RosterWalk::start(),
        Some(place) => RosterWalk::at(place, direction),
    };
    let now = || ports.environment().now();
    let (until, mut read) = (now().plus(LONGEST_READ), 0);
    let mut first_entries = FirstEntries::default();
    while let Some((entry, ids)) = walk.next_patients(ports, customer, roster).await? {
        if let Some((index, _)) = ids.first()
            && (read >= PATIENTS_PER_PAGE || (read > 0 && now() > until))
        {
            let more = RosterPlace { entry, index: *index };
            return Ok(page.finish(&edge, Some(more), opposite));
        }
        read += ids.len();
        let wanted: Vec<_> = ids.iter().map(|(_, id)| *id).collect();
        let mut known = ports.patients().load_patients(customer, &wanted).await?;
        for (index, id) in ids {
            let record = known.remove(&id).filter(|record| selection.includes(&record.patient));
            if let Some(record) = record
                && first_entries.lists(ports, customer, roster, (entry, &record)).await?
                && !page.add(record.patient)
            {
                let more = RosterPlace { entry, index };
                return Ok(page.finish(&edge, Some(more), opposite));
            }
        }
    }
    Ok(page.finish(&edge, None, opposite))
}
