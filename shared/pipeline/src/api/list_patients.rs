//! `GET /medical/v1/patient` and `GET /medical/v1/cohort/{id}/patient`: a customer's patients, page by page.

use domain::ids::{CustomerId, FacilityId};
use domain::patient::Patient;
use domain::roster::{Roster, RosterEntry, RosterPlace};

use crate::api::ApiError;
use crate::api::page::{Page, PageBuilder, PageRequest};
use crate::ports::Ports;
use crate::ports::prelude::*;

/// Roster entries that are read at once. An entry has the patients of one chunk, up to a few hundred.
const ENTRIES_PER_READ: u32 = 8;

/// Patients that are read at once.
const PATIENTS_PER_READ: usize = 100;

/// Patients that are looked at for one page. Where few of them are at the wanted facility, the page is a short
/// one, and the next one goes on from there.
const LOOKED_AT: usize = 5_000;

/// The patients on a roster from a place on, in the order in which they came.
pub async fn list_patients<P: Ports>(
    ports: &P,
    customer: CustomerId,
    roster: Roster,
    facility: Option<FacilityId>,
    page: PageRequest<RosterPlace>,
) -> Result<Page<Patient, RosterPlace>, ApiError> {
    let patients = ports.patients();
    let mut from = page.from;
    let mut page = PageBuilder::new(page.count);
    let mut looked_at = 0;
    loop {
        let first = from.map(|place| place.entry);
        let entries = patients.read_roster(customer, roster, first, ENTRIES_PER_READ).await?;
        let is_end = entries.len() < ENTRIES_PER_READ as usize;
        for (entry, ids) in entries {
            let skipped = from.filter(|place| place.entry == entry).map_or(0, |place| place.index as usize);
            let mut place = place_in(entry, skipped);
            for ids in ids.get(skipped..).unwrap_or_default().chunks(PATIENTS_PER_READ) {
                if looked_at >= LOOKED_AT {
                    return Ok(page.before(Some(place)));
                }
                looked_at += ids.len();
                let mut known = patients.load_patients(customer, ids).await?;
                for id in ids {
                    let listed = known.remove(id).map(|record| record.value).filter(|record| {
                        let is_there =
                            facility.is_none_or(|facility| record.patient.facility_ids.contains(&facility));
                        record.listed_by(roster) == Some(entry.job) && is_there
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

fn place_in(entry: RosterEntry, index: usize) -> RosterPlace {
    RosterPlace { entry, index: u32::try_from(index).unwrap_or(u32::MAX) }
}
