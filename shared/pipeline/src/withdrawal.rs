//! Makes sure that the documents of a patient who is opted out or deleted are deleted, too.
//!
//! A worker or a call deletes them right after it has stored the opt-out or the deletion. It may
//! die in between. No other attempt has to follow: the job may be canceled meanwhile, and a caller
//! may never repeat the call. So a delayed message is sent before anything is stored. When it is
//! received, no attempt is alive that began before, and what is left is deleted.

use std::time::Duration;

use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::mutants::{Bug, has};
use bulk_domain::person::deletion::ATTEMPT_ENDS;
use bulk_domain::query::LEASE;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::Error;
use crate::documents::{CONCURRENT_WITHDRAWALS, Withdrawal, delete_copies, withdraw_documents};
use crate::messages::WithdrawalMessage;
use crate::ports::prelude::*;
use crate::ports::{LONGEST_DELAY, PortResult, Ports};

/// Time from the announcement to the look. The attempt that announces it ends within
/// [`ATTEMPT_ENDS`], and a worker that read the patient before that, to find or copy documents,
/// within [`LEASE`].
const LOOKS_AFTER: Duration = ATTEMPT_ENDS.saturating_add(LEASE);

const _: () = assert!(LOOKS_AFTER.as_secs() <= LONGEST_DELAY.as_secs());

/// Announces that patients are about to be opted out or deleted, if there are any.
pub async fn announce_withdrawal<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patients: Vec<PatientId>,
) -> PortResult<()> {
    if patients.is_empty() || has(Bug::WithdrawalNotAnnounced) {
        return Ok(());
    }
    let message = WithdrawalMessage { customer, withdrawn: patients };
    ports.queues().send_withdrawal_after(&message, LOOKS_AFTER).await
}

/// Deletes what is left of the documents of announced patients, except of patients who exist and
/// are not opted out. Returns how many patients have no documents then. Safe to repeat,
/// concurrently and late.
pub async fn delete_left_documents<P: Ports>(
    ports: &P,
    message: &WithdrawalMessage,
) -> Result<usize, Error> {
    let customer = message.customer;
    let records = ports.patients().load_patients(customer, &message.withdrawn).await?;
    let withdrawal = |patient: &PatientId| match records.get(patient) {
        None => Some((*patient, Withdrawal::Deleted)),
        Some(record) => record.patient.hie_opt_out.then_some((*patient, Withdrawal::OptedOut)),
    };
    let withdrawn: Vec<(PatientId, Withdrawal)> =
        message.withdrawn.iter().filter_map(withdrawal).collect();
    stream::iter(&withdrawn)
        .map(async |(patient, withdrawal)| {
            if *withdrawal == Withdrawal::Deleted {
                // A worker may have stored a content after the query was deleted, and then died.
                delete_copies(ports, customer, *patient).await?;
            }
            withdraw_documents(ports, customer, *patient, *withdrawal).await
        })
        .buffer_unordered(CONCURRENT_WITHDRAWALS)
        .try_collect::<()>()
        .await?;
    Ok(withdrawn.len())
}
