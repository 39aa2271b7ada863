//! `GET /medical/v1/facility`: a customer's facilities, page by page.

use axum::extract::State;
use bulk_domain::audit::Objects;
use bulk_domain::facility::Facility;
use bulk_domain::ids::FacilityId;
use bulk_pipeline::ports::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;

use crate::audited::{Audited, NamesObjects};
use crate::backend::Backend;
use crate::caller::{AnyScope, Caller};
use crate::error::ApiError;
use crate::operations::get_facility::FacilityWithETag;
use crate::page::{Meta, Page, PageRequest};
use crate::request_url::RequestUrl;

/// A page of facilities.
#[derive(Debug, Serialize, ToSchema)]
pub struct Facilities {
    facilities: Vec<FacilityWithETag>,
    meta: Meta,
}

impl NamesObjects for Facilities {
    fn objects(&self) -> Objects {
        self.facilities.objects()
    }
}

/// List facilities
///
/// All facilities are on one page unless you ask for fewer, or the answer would be larger than 4
/// MB.
#[utoipa::path(
    get, path = "/medical/v1/facility", operation_id = "listFacilities", tag = "facility",
    params(PageRequest<FacilityId>),
    responses(
        (status = 200, description = "The facilities.", body = Facilities),
        (status = 400, description = "Invalid parameter. `detail` names it."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<AnyScope>,
    request: PageRequest<FacilityId>,
    url: RequestUrl,
) -> Result<Audited<Facilities>, ApiError> {
    let mut facilities = backend.ports().directory().list_entries::<Facility>(customer).await?;
    facilities.sort_by_key(|facility| facility.id);
    let facilities = facilities.into_iter().map(FacilityWithETag::from).collect();
    let page = Page::of(request, facilities, |listed: &FacilityWithETag| listed.facility.id);
    let meta = url.meta(&page, request.count, &[]);
    Ok(Audited(Facilities { facilities: page.items, meta }))
}
