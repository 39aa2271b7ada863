//! A customer's facilities, and the rule that says which of them a call means.

use domain::facility::Facility;
use domain::ids::{CustomerId, FacilityId};

use crate::api::ApiError;
use crate::api::page::{Page, PageRequest};
use crate::ports::Ports;
use crate::ports::prelude::*;

/// What is said of a facility that is not there, or another customer's.
pub const NOT_FOUND: ApiError = ApiError::NotFound("Could not find facility");

/// A facility of this customer.
pub async fn get_facility<P: Ports>(
    ports: &P,
    customer: CustomerId,
    id: FacilityId,
) -> Result<Facility, ApiError> {
    ports.directory().load_facility(customer, id).await?.ok_or(NOT_FOUND)
}

/// The customer's facilities from one on, by id.
pub async fn list_facilities<P: Ports>(
    ports: &P,
    customer: CustomerId,
    request: PageRequest<FacilityId>,
) -> Result<Page<Facility, FacilityId>, ApiError> {
    let mut facilities = ports.directory().list_facilities(customer).await?;
    facilities.sort_by_key(|facility| facility.id);
    facilities.retain(|facility| request.from.is_none_or(|first| facility.id >= first));
    Ok(Page::of(request.count, facilities, |facility| facility.id))
}

/// The facility that was asked for, or the customer's only one.
pub fn choose_facility(
    asked: Option<FacilityId>,
    mut known: impl Iterator<Item = FacilityId>,
) -> Result<FacilityId, ApiError> {
    match asked {
        Some(asked) => known.find(|id| *id == asked).ok_or(NOT_FOUND),
        None => match (known.next(), known.next()) {
            (None, _) => Err(NOT_FOUND),
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => {
                Err(ApiError::BadRequest("More than one facility found, please specify a facility ID"))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn choose(asked: Option<u128>, known: &[u128]) -> Result<u128, String> {
        let id = |number| FacilityId::new(Uuid::from_u128(number));
        choose_facility(asked.map(id), known.iter().copied().map(id))
            .map(|id| id.as_uuid().as_u128())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_named_facility_must_be_the_customers() {
        assert_eq!(choose(Some(2), &[1, 2]), Ok(2));
        assert_eq!(choose(Some(3), &[1, 2]), Err("Could not find facility".into()));
    }

    #[test]
    fn without_a_name_it_is_the_only_one() {
        assert_eq!(choose(None, &[1]), Ok(1));
        assert_eq!(choose(None, &[]), Err("Could not find facility".into()));
        assert_eq!(
            choose(None, &[1, 2]),
            Err("More than one facility found, please specify a facility ID".into())
        );
    }
}
