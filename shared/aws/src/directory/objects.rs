//! Facilities and cohorts: what a customer's rows refer to.

use domain::cohort::Cohort;
use domain::facility::Facility;
use domain::ids::{CohortId, CustomerId, FacilityId};
use domain::label::Label;
use pipeline::ports::{CreateCohort, CreateFacility, ListCohorts, ListFacilities, LoadCohort, LoadFacility};
use pipeline::ports::{PortError, PortResult};

use super::{COHORT, Directory, FACILITY, customer_pk, id_after};
use crate::error::malformed;
use crate::item::{Item, key, parsed, s, text};

impl CreateFacility for Directory {
    async fn create_facility(&self, customer: CustomerId, facility: &Facility) -> PortResult<()> {
        let mut item = key(customer_pk(customer), format_args!("{FACILITY}{}", facility.id));
        item.insert("name".to_owned(), s(&facility.name));
        item.insert("npi".to_owned(), s(facility.npi));
        item.insert("active".to_owned(), aws_sdk_dynamodb::types::AttributeValue::Bool(facility.active));
        item.extend(facility.tin.map(|tin| ("tin".to_owned(), s(tin))));
        let address = serde_json::to_string(&facility.address);
        let address = address.map_err(|_| malformed("dynamodb.PutItem", "address"))?;
        item.insert("address".to_owned(), s(address));
        self.put(item).await
    }
}

impl LoadFacility for Directory {
    async fn load_facility(
        &self,
        customer: CustomerId,
        facility: FacilityId,
    ) -> PortResult<Option<Facility>> {
        let item = self.get(key(customer_pk(customer), format!("{FACILITY}{facility}"))).await?;
        item.as_ref().map(read_facility).transpose()
    }
}

impl ListFacilities for Directory {
    async fn list_facilities(&self, customer: CustomerId) -> PortResult<Vec<Facility>> {
        self.list(customer, FACILITY).await?.iter().map(read_facility).collect()
    }
}

impl CreateCohort for Directory {
    async fn create_cohort(&self, customer: CustomerId, cohort: &Cohort) -> PortResult<()> {
        let mut item = key(customer_pk(customer), format_args!("{COHORT}{}", cohort.id));
        item.insert("name".to_owned(), s(&cohort.name));
        item.extend(cohort.description.as_ref().map(|text| ("description".to_owned(), s(text))));
        item.extend(cohort.color.as_ref().map(|text| ("color".to_owned(), s(text))));
        self.put(item).await
    }
}

impl LoadCohort for Directory {
    async fn load_cohort(&self, customer: CustomerId, cohort: CohortId) -> PortResult<Option<Cohort>> {
        let item = self.get(key(customer_pk(customer), format!("{COHORT}{cohort}"))).await?;
        item.as_ref().map(read_cohort).transpose()
    }
}

impl ListCohorts for Directory {
    async fn list_cohorts(&self, customer: CustomerId) -> PortResult<Vec<Cohort>> {
        self.list(customer, COHORT).await?.iter().map(read_cohort).collect()
    }
}

fn read_facility(item: &Item) -> PortResult<Facility> {
    let address = text(item, "address").and_then(|address| serde_json::from_str(address).ok());
    Ok(Facility {
        id: id_after(item, FACILITY)?,
        name: parsed(item, "name")?,
        npi: parsed(item, "npi")?,
        tin: text(item, "tin").map(|_| parsed(item, "tin")).transpose()?,
        // One that was made before this was asked for is in use.
        active: item.get("active").and_then(|value| value.as_bool().ok()).copied().unwrap_or(true),
        address: address.ok_or_else(|| malformed("dynamodb.read", "address"))?,
    })
}

fn read_cohort(item: &Item) -> PortResult<Cohort> {
    let label = |name: &'static str| -> Result<Option<Label>, PortError> {
        text(item, name).map(|_| parsed(item, name)).transpose()
    };
    Ok(Cohort {
        id: id_after(item, COHORT)?,
        name: parsed(item, "name")?,
        description: label("description")?,
        color: label("color")?,
    })
}
