//! Calls the use cases as the functions' `main`s and the API's routes call them.

use std::pin::Pin;

use bulk_api::operations::cancel_job::cancel_job;
use bulk_api::operations::create_job::{NewJob, create_job};
use bulk_api::operations::delete_patient::delete_patient;
use bulk_api::operations::get_document_url::Download;
use bulk_api::operations::get_job::get_job;
use bulk_api::operations::get_patient_by_external_id::get_patient_by_external_id;
use bulk_api::operations::set_hie_opt_out::set_hie_opt_out;
use bulk_api::operations::start_bulk_download::start_bulk_download;
use bulk_api::operations::undo_job::undo_job;
use bulk_api::operations::update_patient::update_patient;
use bulk_api::operations::update_settings::set_webhook;
use bulk_api::{ApiError, IfMatch};
use bulk_domain::csv::{ColumnMappings, Limits};
use bulk_domain::document::{DocumentKey, DocumentName, Metadata};
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::webhook_url::UrlPolicy;
use bulk_memory::{Cloud, QueueName, Received};
use bulk_pipeline::DirectoryCache;
use bulk_pipeline::copy_document::copy_document;
use bulk_pipeline::dead_letters::handle_dead_letter;
use bulk_pipeline::deliver_webhook::{DeliveryOutcome, deliver_webhook};
use bulk_pipeline::download_documents::{DownloadOutcome, download_documents};
use bulk_pipeline::fan_out::{FanOutSettings, fan_out, fan_out_event};
use bulk_pipeline::finalize::finalize;
use bulk_pipeline::idempotency::Parameters;
use bulk_pipeline::import_rows::import_rows;
use bulk_pipeline::messages::{CopyMessage, DeletionMessage, DownloadMessage, QueryMessage};
use bulk_pipeline::ports::JobRef;
use bulk_pipeline::query_documents::{QueriesOutcome, query_documents};
use bulk_pipeline::sweep::sweep;
use bulk_pipeline::undo_chunk::undo_chunk;
use bulk_pipeline::withdrawal::delete_left_documents;
use futures::future::Future;
use serde::de::DeserializeOwned;

use super::patient_calls::Change;
use super::task::{Cause, Verdict};
use super::{CLIENT_PAUSE, Player};
use crate::gateway::Gateway;
use crate::rows::external_id;

/// More than the largest content of a story has.
const MOST_BYTES: u64 = 100_000;

impl Player {
    /// Returns the future of the use case that a cause calls.
    pub(super) fn future(&self, cause: &Cause) -> Pin<Box<dyn Future<Output = Verdict>>> {
        let cloud = self.cloud.called_by(cause.function());
        let cloud = if self.story.gateway.is_some() { cloud } else { cloud.without_gateway() };
        match cause {
            Cause::Event(upload, _) => {
                // Two releases of the function may cut different chunks.
                let rows_per_chunk = self.story.rows_per_chunk + u32::from(self.chance.once_in(4));
                let (upload, settings) = (upload.clone(), settings(rows_per_chunk));
                Box::pin(async move { verdict(fan_out_event(&cloud, settings, &upload).await) })
            }
            Cause::Message(QueueName::Uploads, message) => {
                let (upload, settings) = (read(message), settings(self.story.rows_per_chunk));
                Box::pin(async move { verdict(fan_out(&cloud, settings, &upload).await) })
            }
            Cause::Message(QueueName::Chunks(_), message) => {
                let (message, directories) = (read(message), DirectoryCache::default());
                Box::pin(async move { verdict(import_rows(&cloud, &directories, &message).await) })
            }
            Cause::Message(QueueName::Queries, message) => self.query(message),
            Cause::Message(QueueName::Copies, message) => self.copy(cloud, message),
            Cause::Message(QueueName::Downloads, message) => self.download_all(cloud, message),
            Cause::Message(QueueName::Finished, message) => {
                let message = read(message);
                Box::pin(async move { verdict(finalize(&cloud, &message).await) })
            }
            Cause::Message(QueueName::UndoneChunks, message) => {
                let message = read(message);
                Box::pin(async move {
                    match message {
                        DeletionMessage::Undo(message) => {
                            verdict(undo_chunk(&cloud, &message).await)
                        }
                        DeletionMessage::Withdrawal(message) => {
                            verdict(delete_left_documents(&cloud, &message).await)
                        }
                    }
                })
            }
            Cause::Message(QueueName::Webhooks, message) => {
                let message = read(message);
                Box::pin(async move {
                    match deliver_webhook(&cloud, &cloud, &message).await {
                        Ok(DeliveryOutcome::Busy { after }) => Verdict::RetryAfter(after),
                        other => verdict(other),
                    }
                })
            }
            Cause::DeadLetter(body, receives) => {
                let (letter, receives) = (serde_json::from_str(body).unwrap(), *receives);
                let directories = DirectoryCache::default();
                Box::pin(async move {
                    verdict(handle_dead_letter(&cloud, &directories, &letter, receives).await)
                })
            }
            Cause::Sweep => {
                let time_to_query = self.story.time_to_query;
                Box::pin(async move {
                    // A failed look is repeated later. A permanent failure is a bug, for which
                    // `verdict` panics.
                    verdict(sweep(&cloud, time_to_query, |_, outcome| drop(verdict(outcome))).await)
                })
            }
            &Cause::Create(plan) => self.create(cloud, plan),
            &Cause::Cancel(import) => {
                let JobRef { customer, job } = self.imports[import].job;
                Box::pin(async move {
                    match cancel_job(&cloud, customer, job).await {
                        Ok(_) => Verdict::Canceled,
                        Err(error) => client_verdict(&error),
                    }
                })
            }
            &Cause::Undo(import) => {
                let JobRef { customer, job } = self.imports[import].job;
                Box::pin(async move {
                    match undo_job(&cloud, customer, job).await {
                        Ok(_) => Verdict::Undone,
                        Err(error) => client_verdict(&error),
                    }
                })
            }
            &Cause::Delete(customer, patient) => Box::pin(async move {
                match delete_patient(&cloud, customer, patient, &IfMatch::any()).await {
                    Ok(()) | Err(ApiError::NotFound(_)) => Verdict::Done,
                    Err(error) => client_verdict(&error),
                }
            }),
            &Cause::Download(import, _) => {
                let customer = self.imports[import].job.customer;
                let Some(document) = self.any_document(customer) else {
                    return Box::pin(std::future::ready(Verdict::Done));
                };
                Box::pin(async move { download(&cloud, customer, document).await })
            }
            &Cause::BulkDownload(customer, patient) => {
                Box::pin(async move { start_download(&cloud, customer, patient).await })
            }
            Cause::SetUrl(customer, url) => {
                let (customer, url) = (*customer, url.clone());
                Box::pin(async move { set_url(&cloud, customer, &url).await })
            }
            &Cause::Change(customer, patient) => self.change(cloud, customer, patient),
            &Cause::Read(import) => self.look(cloud, import),
        }
    }

    fn copy(&self, cloud: Cloud, received: &Received) -> Pin<Box<dyn Future<Output = Verdict>>> {
        let message: CopyMessage = read(received);
        let behaviour = self.story.gateway.as_ref().expect("there is a gateway");
        let of = (message.customer, message.document.patient);
        let contents = self.exchange.copying(of, &cloud, &self.chance, behaviour);
        Box::pin(
            async move { verdict(copy_document(&cloud, &contents, MOST_BYTES, &message).await) },
        )
    }

    fn download_all(
        &self,
        cloud: Cloud,
        received: &Received,
    ) -> Pin<Box<dyn Future<Output = Verdict>>> {
        let message: DownloadMessage = read(received);
        let behaviour = self.story.gateway.as_ref().expect("there is a gateway");
        let of = (message.customer, message.patient);
        let contents = self.exchange.copying(of, &cloud, &self.chance, behaviour);
        Box::pin(async move {
            match download_documents(&cloud, &contents, MOST_BYTES, &message).await {
                Ok(DownloadOutcome::Unfinished(after)) => Verdict::RetryAfter(after),
                other => verdict(other),
            }
        })
    }

    fn create(&self, cloud: Cloud, plan: usize) -> Pin<Box<dyn Future<Output = Verdict>>> {
        let (customer, new) = self.new_job(plan);
        Box::pin(async move {
            match create_job(&cloud, customer, new, None).await {
                Ok(NewJob { job, .. }) => Verdict::Created((&job).into(), job.upload_expires_at),
                Err(error) => client_verdict(&error),
            }
        })
    }

    fn change(
        &self,
        cloud: Cloud,
        customer: CustomerId,
        patient: PatientId,
    ) -> Pin<Box<dyn Future<Output = Verdict>>> {
        let change = self.call.as_ref().unwrap().change.clone();
        Box::pin(async move {
            let changed = match change {
                Change::Correction(row) => {
                    let (correction, any) = (row.as_correction(), IfMatch::any());
                    update_patient(&cloud, customer, patient, &correction, &any).await.map(drop)
                }
                Change::OptOut(value) => {
                    set_hie_opt_out(&cloud, customer, patient, value).await.map(drop)
                }
            };
            match changed {
                Ok(()) => Verdict::Changed { is_found: true },
                // The undo of an import has deleted the patient before.
                Err(ApiError::NotFound(_)) => Verdict::Changed { is_found: false },
                Err(error) => client_verdict(&error),
            }
        })
    }

    fn look(&self, cloud: Cloud, import: usize) -> Pin<Box<dyn Future<Output = Verdict>>> {
        let JobRef { customer, job } = self.imports[import].job;
        let id = external_id(self.chance.below(4)).parse().unwrap();
        Box::pin(async move {
            // Deletes stale entries while jobs store new ones.
            let found = get_patient_by_external_id(&cloud, customer, &id).await;
            if let Err(error @ ApiError::Internal(_)) = found {
                return client_verdict(&error);
            }
            match get_job(&cloud, customer, job).await {
                Ok(view) => Verdict::Read(view.job.status),
                Err(error) => client_verdict(&error),
            }
        })
    }

    fn query(&self, received: &Received) -> Pin<Box<dyn Future<Output = Verdict>>> {
        let message: QueryMessage = read(received);
        let attempt = received.receives + received.retries;
        let behaviour = self.story.gateway.as_ref().expect("there is no query without a gateway");
        let (cloud, exchange) = (self.cloud.called_by("QueryDocuments"), self.exchange.clone());
        let gateway = exchange.invoked(&message, &cloud, &self.chance, behaviour, self.start);
        let (task, interval) = (gateway.task, behaviour.query_interval());
        Box::pin(async move {
            let outcome = query_documents(&cloud, &gateway, interval, &message, attempt).await;
            if outcome.is_ok() {
                Gateway::ended_well(&exchange, task);
            }
            match outcome {
                Ok(QueriesOutcome::Retry { after, .. }) => Verdict::RetryAfter(after),
                other => verdict(other),
            }
        })
    }

    /// Returns one of the first documents of a customer's patients, so that several callers choose
    /// the same.
    pub(super) fn any_document(&self, customer: CustomerId) -> Option<DocumentName> {
        let queries = self.cloud.patient_queries(customer).unwrap().into_iter();
        let mut names = queries.flat_map(|(patient, query)| {
            let first = query.documents.map(|stored| stored.first).unwrap_or_default();
            first.into_iter().map(move |record| DocumentName {
                patient,
                document: DocumentKey::of(&record.document.id),
            })
        });
        names.nth(self.chance.index(2))
    }

    fn new_job(&self, plan: usize) -> (CustomerId, Parameters) {
        let plan = &self.story.plans[plan];
        let customer = &self.story.customers[plan.customer];
        let facility = Some(customer.facilities[0]);
        let mappings = plan.told.mappings().iter().map(|(column, text)| format!("{column}:{text}"));
        let mappings: Vec<String> = mappings.collect();
        let columns = ColumnMappings::parse(mappings.iter().map(String::as_str)).unwrap();
        (
            customer.id,
            Parameters { facility, dry_run: plan.dry_run, columns, ..Parameters::default() },
        )
    }
}

/// Calls for a document once, as the API does when a request begins.
async fn download(cloud: &Cloud, customer: CustomerId, document: DocumentName) -> Verdict {
    let looked = match Download::of(cloud, customer, document).await {
        Ok(mut download) => download.look().await,
        Err(error) => Err(error),
    };
    match looked {
        Ok(Some(_)) => Verdict::Downloaded { has_link: true },
        Ok(None) | Err(ApiError::NotYet(..)) => Verdict::RetryAfter(CLIENT_PAUSE),
        Err(ApiError::NotFound(_)) => Verdict::Downloaded { has_link: false },
        Err(error) => client_verdict(&error),
    }
}

async fn start_download(cloud: &Cloud, customer: CustomerId, patient: PatientId) -> Verdict {
    match start_bulk_download(cloud, customer, patient, Metadata::default()).await {
        Ok(_) | Err(ApiError::NotFound(_)) => Verdict::Done,
        Err(error) => client_verdict(&error),
    }
}

async fn set_url(cloud: &Cloud, customer: CustomerId, url: &str) -> Verdict {
    match set_webhook(cloud, cloud, UrlPolicy::PublicOnly, customer, Some(url), None).await {
        Ok(_) => Verdict::Done,
        Err(error) => client_verdict(&error),
    }
}

fn settings(rows_per_chunk: u32) -> FanOutSettings {
    FanOutSettings { limits: Limits::default(), rows_per_chunk }
}

fn read<M: DeserializeOwned>(received: &Received) -> M {
    serde_json::from_str(&received.body).unwrap()
}

/// Returns what becomes of a message: it is done, or it is retried. Panics at an error that no
/// retry can mend.
fn verdict<T>(result: Result<T, bulk_pipeline::Error>) -> Verdict {
    match result {
        Ok(_) => Verdict::Done,
        Err(error) if error.is_transient() => Verdict::Failed(error),
        Err(error) => panic!("an error that no retry can mend: {error}"),
    }
}

/// Returns what a client does after an error: it retries if the service says that the fault is the
/// service's.
fn client_verdict(error: &ApiError) -> Verdict {
    match error {
        ApiError::Internal(_) | ApiError::Contended(_) => Verdict::RetryAfter(CLIENT_PAUSE),
        ApiError::Conflict(_) => Verdict::Done,
        other => panic!("a client's request was refused: {other}"),
    }
}
