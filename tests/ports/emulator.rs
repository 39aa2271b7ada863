//! `aws` on an emulator of AWS: tables, a bucket, queues and a log group for one test, created as
//! template.yaml defines them.

mod bucket;
mod queues;

use bulk_aws::{AuditLog, CustomerTables, Directory, ExternalIds, Jobs, Objects, Patients, System};
use bulk_domain::cohort::{Cohort, CohortColor};
use bulk_domain::facility::Facility;
use bulk_domain::hash_key::HashKey;
use bulk_domain::ids::{CohortId, CustomerId};
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{WebhookSettings, Write};
use uuid::Uuid;

use crate::backend::Operator;
use crate::given::RETENTION;
use crate::services::Endpoint;
use crate::template;

pub use queues::TestedQueues;

/// Makes the tests of contracts on one part of a backend. The backend is a module with a function
/// `backend` and a list `DIFFERENCES`.
macro_rules! contracts {
    ($backend:ident.$part:ident: $($contract:ident),+ $(,)?) => {
        $(
            mod $contract {
                crate::contract::$contract::tests!(
                    crate::$backend::backend().$part(),
                    crate::$backend::DIFFERENCES
                );
            }
        )+
    };
}

/// Makes the tests of all promises that `aws` keeps with DynamoDB.
macro_rules! dynamodb {
    ($backend:ident) => {
        crate::emulator::contracts!($backend.jobs:
            jobs, open_jobs, chunks, chunk_queries, gateway_limits, watchlist, undos, deliveries,
            listed_deliveries, downloads);
        crate::emulator::contracts!($backend.patients:
            people, rosters, patient_queries, documents, copy_records);
        crate::emulator::contracts!($backend.external_ids: external_ids);
        crate::emulator::contracts!($backend.directory: directory, directory_changes, settings, api_keys);
        crate::emulator::contracts!($backend.jobs_table: dynamodb);
        crate::emulator::contracts!($backend.shared_tables: erasure);
    };
}

/// Makes the tests of all promises that `aws` keeps with S3.
macro_rules! s3 {
    ($backend:ident) => {
        crate::emulator::contracts!($backend.files: uploads, objects, results, copies, links);
        crate::emulator::contracts!($backend.bucket: s3, erased_objects);
    };
}

/// Makes the tests of all promises that `aws` keeps with SQS.
macro_rules! sqs {
    ($backend:ident) => {
        crate::emulator::contracts!($backend.queues: queues, webhook_queue, sqs);
    };
}

/// Makes the tests of all promises that `aws` keeps with CloudWatch Logs.
macro_rules! logs {
    ($backend:ident) => {
        crate::emulator::contracts!($backend.audit_log: audit_trail);
    };
}

pub(crate) use {contracts, dynamodb, logs, s3, sqs};

/// A running emulator of one or more services.
pub struct Emulator {
    endpoint: Endpoint,
}

/// A table that a test calls with the SDK rather than through the ports.
pub struct Table {
    pub client: aws_sdk_dynamodb::Client,
    pub name: String,
}

/// All tables of a stack, as an operator reaches them, and each for a test that reads it whole.
pub struct SharedTables {
    pub tables: CustomerTables,
    pub all: [Table; 4],
}

/// A bucket that a test calls with the SDK rather than through the ports.
pub struct Bucket {
    pub client: aws_sdk_s3::Client,
    pub name: String,
}

impl Emulator {
    /// Returns the emulator at this address.
    pub fn at(url: String) -> Self {
        Self { endpoint: Endpoint::reliable(url) }
    }

    /// Returns the emulator at the address that this environment variable has. `target` of the
    /// Makefile sets the variable.
    pub fn of_variable(name: &str, target: &str) -> Self {
        let url = std::env::var(name);
        Self::at(url.unwrap_or_else(|_| {
            panic!("{name} is the address of a running emulator: use `{target}`")
        }))
    }

    pub async fn jobs(&self) -> Jobs {
        let Table { client, name } = self.jobs_table().await;
        Jobs::new(client, name, RETENTION)
    }

    pub async fn patients(&self) -> Patients {
        let Table { client, name } = self.table("Patients").await;
        Patients::new(client, name)
    }

    pub async fn external_ids(&self) -> ExternalIds {
        let Table { client, name } = self.table("ExternalIds").await;
        ExternalIds::new(client, name)
    }

    pub async fn directory(&self) -> Directory {
        let Table { client, name } = self.table("Directory").await;
        Directory::new(client, name)
    }

    pub async fn files(&self) -> Objects {
        let Bucket { client, name } = self.bucket().await;
        Objects::new(client, name)
    }

    pub async fn queues(&self) -> TestedQueues {
        TestedQueues::new(self.endpoint.sqs()).await
    }

    pub async fn audit_log(&self) -> AuditLog {
        let (client, name) = (self.endpoint.logs(), fresh("audit"));
        client.create_log_group().log_group_name(&name).send().await.unwrap();
        let stream = client.create_log_stream().log_group_name(&name).log_stream_name("events");
        stream.send().await.unwrap();
        AuditLog::new(client, name)
    }

    pub async fn shared_tables(&self) -> SharedTables {
        let mut all = Vec::new();
        for resource in ["Directory", "Jobs", "Patients", "ExternalIds"] {
            all.push(self.table(resource).await);
        }
        let (client, name) = (|| all[0].client.clone(), |index: usize| all[index].name.clone());
        let tables = CustomerTables {
            directory: Directory::new(client(), name(0)),
            jobs: Jobs::new(client(), name(1), RETENTION),
            patients: Patients::new(client(), name(2)),
            external_ids: ExternalIds::new(client(), name(3)),
        };
        let Ok(all) = all.try_into() else { unreachable!("four tables") };
        SharedTables { tables, all }
    }

    pub async fn jobs_table(&self) -> Table {
        self.table("Jobs").await
    }

    pub async fn bucket(&self) -> Bucket {
        let (client, name) = (self.endpoint.s3(), fresh("files"));
        template::create_bucket(&client, &name).await;
        Bucket { client, name }
    }

    async fn table(&self, resource: &str) -> Table {
        let (client, name) = (self.endpoint.dynamodb(), fresh(resource));
        template::create_table(&client, resource, &name).await;
        Table { client, name }
    }
}

/// Returns a name that no other table, bucket or queue has.
fn fresh(kind: &str) -> String {
    format!("ports-{}-{}", kind.to_lowercase(), Uuid::now_v7().simple())
}

impl Operator for Directory {
    async fn enter(
        &self,
        customer: CustomerId,
        facilities: &[Facility],
        cohorts: &[CohortId],
        settings: &WebhookSettings,
    ) {
        self.rename(customer, "Test clinic").await;
        for facility in facilities {
            self.create_entry(customer, facility).await.unwrap();
        }
        for cohort in cohorts {
            let cohort = Cohort {
                id: *cohort,
                name: "All patients".parse().unwrap(),
                description: None,
                color: CohortColor::default(),
            };
            self.create_entry(customer, &cohort).await.unwrap();
        }
        let settings = WebhookSettings { version: 0, ..settings.clone() };
        assert_eq!(self.store_settings(customer, &settings).await.unwrap(), Write::Done);
    }

    async fn rename(&self, customer: CustomerId, name: &str) {
        self.create_customer(customer, name, &HashKey::new(System::default().secret()))
            .await
            .unwrap();
    }
}
