//! The operations: one file each.

pub mod cancel_job;
pub mod create_cohort;
pub mod create_facility;
pub mod create_job;
pub mod get_cohort;
pub mod get_docs;
pub mod get_document_query;
pub mod get_facility;
pub mod get_health;
pub mod get_job;
pub mod get_openapi;
pub mod get_patient;
pub mod get_patient_by_external_id;
pub mod get_settings;
pub mod get_webhook_status;
pub mod list_cohort_patients;
pub mod list_cohorts;
pub mod list_documents;
pub mod list_facilities;
pub mod list_jobs;
pub mod list_patients;
pub mod match_patient;
pub mod retry_webhooks;
pub mod rotate_webhook_key;
pub mod start_document_query;
pub mod update_settings;
