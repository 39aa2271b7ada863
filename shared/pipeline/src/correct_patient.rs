//! Corrects a patient by a call.
//!
//! The entry of a new external id is stored first, as by an import. Then one write stores the
//! corrected record. If the identity has changed, it is a transaction of up to three items: the one
//! that the patient leaves, the one of its new identity, and the one of its id, which says where
//! the patient is ([`bulk_domain::person::correction`]).

use std::collections::BTreeMap;

use bulk_domain::hash_key::{Bucket, HashKey};
use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_domain::mutants::{Bug, has};
use bulk_domain::patient::Patient;
use bulk_domain::person::Person;
use bulk_domain::person::correction::Corrected;
use bulk_domain::record::Correction;

use crate::Error;
use crate::conflicts::WriteAttempts;
use crate::ports::prelude::*;
use crate::ports::{Ports, Write};

/// What became of a correction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PatientCorrection {
    /// The patient is corrected, and this is what it is now.
    Done(Box<Patient>),
    /// There is no such patient.
    NotFound,
    /// The patient is not as the caller expects it.
    Unexpected,
    /// The item of the person has no room for the patient.
    TooLarge,
}

/// Corrects a patient, if it is as the caller expects it.
pub async fn correct_patient<P: Ports>(
    ports: &P,
    customer: CustomerId,
    hash_key: &HashKey,
    patient: PatientId,
    correction: &Correction,
    is_expected: impl Fn(&Patient) -> bool,
) -> Result<PatientCorrection, Error> {
    let (call, patients) = (JobId::of_call(ports.environment().new_id()), ports.patients());
    let Some(home) = Bucket::of(patient) else { return Ok(PatientCorrection::NotFound) };
    let mut attempts = WriteAttempts::default();
    let mut is_entered = false;
    loop {
        attempts.begin()?;
        let found = patients.load_item_of(customer, patient).await?;
        let Some((at, known)) = found else { return Ok(PatientCorrection::NotFound) };
        let Some(record) = known.value.patient(patient) else {
            return Ok(PatientCorrection::NotFound);
        };
        // The write of an earlier attempt took place, and its answer was lost.
        if record.called_by == Some(call) {
            return Ok(PatientCorrection::Done(Box::new(record.patient.clone())));
        }
        if !is_expected(&record.patient) {
            return Ok(PatientCorrection::Unexpected);
        }
        let new_id = correction.external_id.as_ref();
        let gets_new_id = new_id.is_some() && record.patient.external_id.as_ref() != new_id;
        let now = ports.environment().now();
        let mut left = known.value;
        let corrected = left.correct(patient, correction, hash_key, call, now);
        let mut items = BTreeMap::from([(at, (left, Some(known.version)))]);
        match corrected {
            None => return Ok(PatientCorrection::NotFound),
            Some(Corrected::InPlace) => {}
            Some(Corrected::Moves(record, to)) => {
                let to = if has(Bug::CorrectionNotMoved) { at } else { to };
                let others: Vec<Bucket> =
                    [to, home].into_iter().filter(|bucket| *bucket != at).collect();
                for (bucket, person) in patients.load_people(customer, &others).await? {
                    items.insert(bucket, (person.value, Some(person.version)));
                }
                items.entry(to).or_default().0.receive(*record, hash_key);
                items.entry(home).or_default().0.note_move(patient, (to != home).then_some(to));
            }
        }
        let now_is = items.values().find_map(|(person, _)| person.patient(patient));
        let Some(now_is) = now_is.map(|record| record.patient.clone()) else {
            return Ok(PatientCorrection::NotFound);
        };
        if items.values().any(|(person, _)| !person.fits()) {
            return Ok(PatientCorrection::TooLarge);
        }
        if let Some(external_id) = new_id.filter(|_| gets_new_id && !is_entered) {
            let id = hash_key.external_id(external_id);
            ports.external_ids().add_external_id(customer, id, patient, call, 0).await?;
            is_entered = true;
        }
        let items: Vec<(Bucket, Person, Option<u64>)> = items
            .into_iter()
            .map(|(bucket, (person, version))| (bucket, person, version))
            .collect();
        if patients.store_people(customer, &items).await? == Write::Done {
            return Ok(PatientCorrection::Done(Box::new(now_is)));
        }
    }
}
