//! Changes a patient by a call.

use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::record::PatientRecord;

use crate::Error;
use crate::conflicts::WriteAttempts;
use crate::ports::prelude::*;
use crate::ports::{Ports, Write};

/// What became of a change of a patient.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PatientChange<T> {
    /// The record is as the change has made it, and the change returned this.
    Done(T),
    /// There is no such patient.
    NotFound,
    /// The item of the person has no room for it.
    TooLarge,
}

/// When a changed record is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Store {
    /// The change has left the record as it was, so that a write would be wasted.
    Never,
    /// If the item of the person has room for the record.
    IfItFits,
    /// In any case: the change needs less room than is kept free in each item.
    Always,
}

/// Changes a patient's record: `change` returns when the record is stored, and a value.
/// It is applied again after a conflict, also after one that this call caused itself, because the
/// answer to its write was lost.
pub async fn change_patient<P: Ports, T>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
    change: impl Fn(&mut PatientRecord) -> (Store, T),
) -> Result<PatientChange<T>, Error> {
    let mut attempts = WriteAttempts::default();
    loop {
        attempts.begin()?;
        let known = ports.patients().load_item_of(customer, patient).await?;
        let Some((bucket, mut known)) = known else { return Ok(PatientChange::NotFound) };
        let Some(record) = known.value.patient_mut(patient) else {
            return Ok(PatientChange::NotFound);
        };
        let (store, value) = change(record);
        match store {
            Store::Never => return Ok(PatientChange::Done(value)),
            Store::IfItFits if !known.value.fits() => return Ok(PatientChange::TooLarge),
            Store::IfItFits | Store::Always => {}
        }
        let (person, version) = (&known.value, Some(known.version));
        let write = ports.patients().store_person(customer, bucket, person, version).await?;
        if write == Write::Done {
            return Ok(PatientChange::Done(value));
        }
    }
}
