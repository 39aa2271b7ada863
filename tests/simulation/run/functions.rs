//! The use cases, as the functions' `main`s and the API's routes wire them.

use std::pin::Pin;

use api::ApiError;
use api::operations::cancel_job::cancel_job;
use api::operations::create_job::{NewJob, create_job};
use api::operations::get_job::get_job;
use domain::csv::Limits;
use domain::ids::CustomerId;
use domain::upload_terms::UploadTerms;
use futures::future::Future;
use memory::{Cloud, QueueName, Received};
use pipeline::DirectoryCache;
use pipeline::abandon::Abandon;
use pipeline::dead_letters::DeadLetters;
use pipeline::deliver_webhook::DeliverWebhook;
use pipeline::fan_out::FanOut;
use pipeline::finalize::Finalize;
use pipeline::idempotency::Parameters;
use pipeline::import_rows::ImportRows;
use pipeline::messages::{QueryMessage, UploadMessage};
use pipeline::ports::JobRef;
use pipeline::query_documents::{Queried, QueryDocuments};
use pipeline::sweep::Sweep;

use super::task::{Cause, Verdict};
use super::{CLIENT_PAUSE, Player};
use crate::gateway::Gateway;

impl Player {
    /// The use case that a cause calls.
    pub(super) fn future(&self, cause: &Cause) -> Pin<Box<dyn Future<Output = Verdict>>> {
        let cloud = self.cloud.clone();
        let queries = self.story.gateway.is_some().then(|| cloud.clone());
        match cause {
            Cause::Event(upload, _) => {
                // Two releases of the function may cut chunks in different ways.
                let rows_per_chunk = self.story.rows_per_chunk + u32::from(self.chance.once_in(4));
                let upload = upload.clone();
                Box::pin(async move {
                    let fan_out = fan_out(&cloud, rows_per_chunk);
                    verdict(fan_out.run_event(&cloud, &upload).await)
                })
            }
            Cause::Message(QueueName::Uploads, message) => {
                let upload: UploadMessage = serde_json::from_str(&message.body).unwrap();
                let fan_out = fan_out(&cloud, self.story.rows_per_chunk);
                Box::pin(async move { verdict(fan_out.run(&upload).await) })
            }
            Cause::Message(QueueName::Chunks(_), Received { body, .. }) => {
                let message = serde_json::from_str(body).unwrap();
                Box::pin(async move { verdict(import_rows(&cloud, queries).run(&message).await) })
            }
            Cause::Message(QueueName::Queries, Received { body, receives, retries, .. }) => {
                self.query(body, receives + retries)
            }
            Cause::Message(QueueName::Finished, Received { body, .. }) => {
                let message = serde_json::from_str(body).unwrap();
                Box::pin(async move {
                    let finalize = Finalize {
                        jobs: cloud.clone(),
                        files: cloud.clone(),
                        webhooks: cloud.clone(),
                        clock: cloud,
                    };
                    verdict(finalize.run(&message).await)
                })
            }
            Cause::Message(QueueName::Webhooks, Received { body, .. }) => {
                let message = serde_json::from_str(body).unwrap();
                Box::pin(async move {
                    let deliver = DeliverWebhook {
                        jobs: cloud.clone(),
                        settings: cloud.clone(),
                        files: cloud.clone(),
                        http: cloud.clone(),
                        webhooks: cloud.clone(),
                        clock: cloud,
                    };
                    verdict(deliver.run(&message).await)
                })
            }
            Cause::DeadLetter(body, receives) => {
                let (letter, receives) = (serde_json::from_str(body).unwrap(), *receives);
                Box::pin(async move {
                    let letters = DeadLetters {
                        abandon: abandon(cloud.clone(), queries.clone()),
                        import: import_rows(&cloud, queries),
                        chunks: cloud,
                    };
                    verdict(letters.run(&letter, receives).await)
                })
            }
            Cause::Sweep => {
                let time_to_query = self.story.time_to_query;
                Box::pin(async move {
                    let abandon = abandon(cloud.clone(), queries);
                    let sweep = Sweep { abandon, uploads: cloud.clone(), chunks: cloud, time_to_query };
                    // A look that fails is repeated; one that fails for good is a bug, which `verdict` tells.
                    verdict(sweep.run(|_, swept| drop(verdict(swept))).await)
                })
            }
            &Cause::Create(plan) => {
                let (customer, new) = self.new_job(plan);
                Box::pin(async move {
                    match create_job(&cloud, customer, new, None).await {
                        Ok(NewJob { job, .. }) => Verdict::Created((&job).into(), job.upload_expires_at),
                        Err(error) => client_verdict(&error),
                    }
                })
            }
            &Cause::Cancel(import) => {
                let JobRef { customer, job } = self.imports[import].job;
                Box::pin(async move {
                    match cancel_job(&cloud, customer, job).await {
                        Ok(_) => Verdict::Canceled,
                        Err(error) => client_verdict(&error),
                    }
                })
            }
            &Cause::Read(import) => {
                let JobRef { customer, job } = self.imports[import].job;
                Box::pin(async move {
                    match get_job(&cloud, customer, job).await {
                        Ok(view) => Verdict::Read(view.job.status),
                        Err(error) => client_verdict(&error),
                    }
                })
            }
        }
    }

    fn query(&self, body: &str, receives: u32) -> Pin<Box<dyn Future<Output = Verdict>>> {
        let message: QueryMessage = serde_json::from_str(body).unwrap();
        let temper = self.story.gateway.as_ref().expect("nobody asks where there is no gateway");
        let (cloud, exchange) = (self.cloud.clone(), self.exchange.clone());
        let gateway = exchange.invoked(&message, &cloud, &self.chance, temper, self.start);
        let (task, rate) = (gateway.task, temper.rate);
        Box::pin(async move {
            let query = QueryDocuments {
                jobs: cloud.clone(),
                patients: cloud.clone(),
                gateway,
                finished: cloud.clone(),
                world: cloud,
                rate,
            };
            let queried = query.run(&message, receives).await;
            if queried.is_ok() {
                Gateway::ended_well(&exchange, task);
            }
            match queried {
                Ok(Queried::Again { after, .. }) => Verdict::Again(after),
                other => verdict(other),
            }
        })
    }

    fn new_job(&self, plan: usize) -> (CustomerId, Parameters) {
        let plan = &self.story.plans[plan];
        let customer = &self.story.customers[plan.customer];
        let facility = Some(customer.facilities[0]);
        (customer.id, Parameters { facility, dry_run: plan.dry_run, terms: UploadTerms::default() })
    }
}

fn fan_out(cloud: &Cloud, rows_per_chunk: u32) -> FanOut<Cloud, Cloud, Cloud, Cloud, Cloud, Cloud> {
    FanOut {
        jobs: cloud.clone(),
        files: cloud.clone(),
        chunks: cloud.clone(),
        finished: cloud.clone(),
        webhooks: cloud.clone(),
        clock: cloud.clone(),
        limits: Limits::default(),
        rows_per_chunk,
    }
}

fn import_rows(
    cloud: &Cloud,
    queries: Option<Cloud>,
) -> ImportRows<Cloud, Cloud, Cloud, Cloud, Cloud, Option<Cloud>, Cloud> {
    ImportRows {
        jobs: cloud.clone(),
        files: cloud.clone(),
        directory: cloud.clone(),
        patients: cloud.clone(),
        finished: cloud.clone(),
        queries,
        world: cloud.clone(),
        directories: DirectoryCache::default(),
    }
}

fn abandon(
    cloud: Cloud,
    queries: Option<Cloud>,
) -> Abandon<Cloud, Cloud, Cloud, Cloud, Option<Cloud>, Cloud, Cloud> {
    Abandon {
        jobs: cloud.clone(),
        files: cloud.clone(),
        patients: cloud.clone(),
        finished: cloud.clone(),
        queries,
        webhooks: cloud.clone(),
        clock: cloud,
    }
}

/// What becomes of a message by its result: done, or to be retried.
fn verdict<T>(result: Result<T, pipeline::Error>) -> Verdict {
    match result {
        Ok(_) => Verdict::Done,
        Err(error) if error.is_transient() => Verdict::Failed(error),
        Err(error) => panic!("an error that no second try can mend: {error}"),
    }
}

/// A client tries again where the service says that it is the service's fault.
fn client_verdict(error: &ApiError) -> Verdict {
    match error {
        ApiError::Internal(_) => Verdict::Again(CLIENT_PAUSE),
        ApiError::Conflict(_) => Verdict::Done,
        other => panic!("a client's request was refused: {other}"),
    }
}
