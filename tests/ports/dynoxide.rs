//! The promises of `aws` on a DynamoDB inside this process, fresh for every test.

use aws::{Directory, Jobs, Patients};
use domain::cohort::Cohort;
use domain::facility::Facility;
use domain::ids::{CohortId, CustomerId};
use dynoxide::Database;
use pipeline::api::directory::{CreateCohort as _, CreateFacility as _, StoreSettings as _};
use pipeline::ports::{WebhookSettings, Write};
use tokio::net::TcpListener;

use crate::backend::Operator;
use crate::given::RETENTION;
use crate::services::Endpoint;
use crate::template;

/// Starts a server that lives as long as the test, with one table.
async fn table(resource: &str) -> (aws_sdk_dynamodb::Client, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(dynoxide::server::serve_on(listener, Database::memory().unwrap()));
    let client = Endpoint::reliable(url).dynamodb();
    template::create_table(&client, resource, resource).await;
    (client, resource.to_owned())
}

async fn jobs() -> Jobs {
    let (client, table) = table("Jobs").await;
    Jobs::new(client, table, RETENTION)
}

async fn patients() -> Patients {
    let (client, table) = table("Patients").await;
    Patients::new(client, table)
}

async fn directory() -> Directory {
    let (client, table) = table("Directory").await;
    Directory::new(client, table)
}

impl Operator for Directory {
    async fn enter(
        &self,
        customer: CustomerId,
        facilities: &[Facility],
        cohorts: &[CohortId],
        settings: &WebhookSettings,
    ) {
        self.create_customer(customer, "Test clinic").await.unwrap();
        for facility in facilities {
            self.create_facility(customer, facility).await.unwrap();
        }
        for cohort in cohorts {
            let cohort =
                Cohort { id: *cohort, name: "Everybody".parse().unwrap(), description: None, color: None };
            self.create_cohort(customer, &cohort).await.unwrap();
        }
        let settings = WebhookSettings { version: 0, ..settings.clone() };
        assert_eq!(self.store_settings(customer, &settings).await.unwrap(), Write::Done);
    }
}

mod jobs {
    crate::contract::jobs::tests!(super::jobs());
}

mod chunks {
    crate::contract::chunks::tests!(super::jobs());
}

mod chunk_queries {
    crate::contract::chunk_queries::tests!(super::jobs());
}

mod gateway_care {
    crate::contract::gateway_care::tests!(super::jobs());
}

mod open_jobs {
    crate::contract::open_jobs::tests!(super::jobs());
}

mod watchlist {
    crate::contract::watchlist::tests!(super::jobs());
}

mod deliveries {
    crate::contract::deliveries::tests!(super::jobs());
}

mod listed_deliveries {
    crate::contract::listed_deliveries::tests!(super::jobs());
}

mod people {
    crate::contract::people::tests!(super::patients());
}

mod rosters {
    crate::contract::rosters::tests!(super::patients());
}

mod external_ids {
    crate::contract::external_ids::tests!(super::patients());
}

mod patients {
    crate::contract::patients::tests!(super::patients());
}

mod patient_queries {
    crate::contract::patient_queries::tests!(super::patients());
}

mod documents {
    crate::contract::documents::tests!(super::patients());
}

mod directory {
    crate::contract::directory::tests!(super::directory());
}

mod settings {
    crate::contract::settings::tests!(super::directory());
}

mod api_keys {
    crate::contract::api_keys::tests!(super::directory());
}
