//! Opts a patient out of health information exchange, or in again.

use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_domain::mutants::{Bug, has};

use crate::Error;
use crate::change_patient::{PatientChange, Store, change_patient};
use crate::documents::{Withdrawal, withdraw_documents};
use crate::ports::Ports;
use crate::ports::prelude::*;

/// Opts a patient out, or in again, and deletes the documents of a patient who is out. Returns
/// whether the patient is opted out now. Safe to repeat.
///
/// `call` is an id as jobs have them, which gives the call its place among the jobs.
pub async fn set_opt_out<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
    opt_out: bool,
    call: JobId,
) -> Result<PatientChange<bool>, Error> {
    let change = change_patient(ports, customer, patient, |record| {
        record.set_opt_out(opt_out, call, ports.environment().now());
        // Stored also without a change, because rows of older jobs must not undo the call.
        let store = if has(Bug::OptOutNotStored) { Store::Never } else { Store::Always };
        (store, record.patient.hie_opt_out)
    });
    let changed = change.await?;
    if changed == PatientChange::Done(true) {
        withdraw_documents(ports, customer, patient, Withdrawal::OptedOut).await?;
    }
    Ok(changed)
}
