//! `GET /medical/v1/cohort` and `GET /medical/v1/cohort/{id}`: cohorts with their sizes.
//!
//! The size is the number of different patients on the cohort's roster. Their records are not read for it:
//! that would be a read for each of 100,000 patients. A roster is written before its patients are, so that
//! while a job runs the size may be ahead of what the list of patients shows.

use std::collections::HashSet;

use domain::cohort::Cohort;
use domain::ids::{CohortId, CustomerId, PatientId};
use domain::roster::Roster;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::api::ApiError;
use crate::api::page::{Page, PageRequest};
use crate::ports::prelude::*;
use crate::ports::{PortResult, Ports};

/// What is said of a cohort that is not there, or another customer's.
pub const NOT_FOUND: ApiError = ApiError::NotFound("Could not find cohort");

/// Roster entries that are read at once.
const ENTRIES_PER_READ: u32 = 100;

/// Cohorts that are counted at the same time.
const COUNTED_TOGETHER: usize = 8;

/// A cohort and how many patients are in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CohortView {
    /// The cohort.
    pub cohort: Cohort,
    /// The patients in it.
    pub size: usize,
}

/// A cohort of this customer.
pub async fn get_cohort<P: Ports>(
    ports: &P,
    customer: CustomerId,
    id: CohortId,
) -> Result<CohortView, ApiError> {
    let cohort = ports.directory().load_cohort(customer, id).await?.ok_or(NOT_FOUND)?;
    Ok(CohortView { size: size(ports, customer, id).await?, cohort })
}

/// The cohorts of this customer from one on, by id.
pub async fn list_cohorts<P: Ports>(
    ports: &P,
    customer: CustomerId,
    request: PageRequest<CohortId>,
) -> Result<Page<CohortView, CohortId>, ApiError> {
    let mut cohorts = ports.directory().list_cohorts(customer).await?;
    cohorts.sort_by_key(|cohort| cohort.id);
    cohorts.retain(|cohort| request.from.is_none_or(|first| cohort.id >= first));
    let page = Page::of(request.count, cohorts, |cohort| cohort.id);
    let views = stream::iter(page.items).map(async |cohort| {
        PortResult::Ok(CohortView { size: size(ports, customer, cohort.id).await?, cohort })
    });
    Ok(Page { items: views.buffered(COUNTED_TOGETHER).try_collect().await?, next: page.next })
}

async fn size<P: Ports>(ports: &P, customer: CustomerId, cohort: CohortId) -> PortResult<usize> {
    let mut members: HashSet<PatientId> = HashSet::new();
    let mut last = None;
    loop {
        let entries =
            ports.patients().read_roster(customer, Roster::Cohort(cohort), last, ENTRIES_PER_READ).await?;
        // A read begins with the entry that the one before it ended with.
        let newest = entries.last().map(|(entry, _)| *entry);
        members.extend(entries.into_iter().flat_map(|(_, ids)| ids));
        if newest.is_none() || newest == last {
            return Ok(members.len());
        }
        last = newest;
    }
}
