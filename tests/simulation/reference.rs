//! The outcome that an import must have: a plain program that takes one row after the other,
//! written from the promises to callers and from nothing else.

use std::collections::{BTreeMap, BTreeSet};

use bulk_domain::outcome::RowEffect;

use crate::people::{Name, person};
use crate::rows::{Ids, Row, ZIPS, address_line, city, email, external_id, ssn};

/// A patient, as far as callers can read it. Lists are in the order in which their entries became
/// known.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Patient {
    pub first_name: String,
    pub last_name: String,
    pub external_id: Option<String>,
    pub ssn: Option<String>,
    pub opt_out: bool,
    pub addresses: Vec<String>,
    pub phones: Vec<String>,
    pub emails: Vec<String>,
    pub facilities: Vec<String>,
    pub cohorts: Vec<String>,
}

impl Patient {
    /// Returns the patient with sorted lists, because concurrent jobs promise no order of their
    /// entries.
    pub fn unordered(mut self) -> Self {
        for list in [
            &mut self.addresses,
            &mut self.phones,
            &mut self.emails,
            &mut self.facilities,
            &mut self.cohorts,
        ] {
            list.sort();
        }
        self
    }
}

/// A patient, and what the reference needs to add more rows to it.
#[derive(Clone, Default, Debug)]
pub struct Kept {
    pub patient: Patient,
    /// The job that created the patient, and whether another job or a call has changed it.
    created_by: u32,
    is_changed_by_other: bool,
    zips: BTreeSet<usize>,
    /// The names of each row, in the order in which the rows became known, with the jobs of the
    /// rows.
    names: Vec<(u32, [Name; 2])>,
    /// The job that last wrote each single value, because an older job must not overwrite the value
    /// of a newer one.
    writers: BTreeMap<&'static str, u32>,
}

impl Kept {
    fn may_write(&mut self, value: &'static str, job: u32) -> bool {
        let writer = self.writers.entry(value).or_insert(job);
        if job < *writer {
            return false;
        }
        *writer = job;
        true
    }

    /// Returns the first or the last name that the rows give the patient, if an older job counts
    /// before a newer one.
    fn name(&self, index: usize) -> String {
        let mut names = self.names.clone();
        names.sort_by_key(|(job, _)| *job);
        let spelled = names.iter().fold(None, |stored: Option<String>, (_, names)| {
            Some(names[index].replacing(stored.as_deref()))
        });
        spelled.unwrap_or_default()
    }

    /// Adds a row that is about this patient. Returns what the row is warned of, apart from other
    /// patients.
    pub fn fold(&mut self, row: &Row, job: u32, ids: &Ids) -> Vec<&'static str> {
        let mut warnings = Vec::new();
        self.names.push((job, [row.first_name, row.last_name]));
        [self.patient.first_name, self.patient.last_name] = [0, 1].map(|name| self.name(name));
        self.zips.extend(row.homes.iter().map(|&(zip, _)| zip));
        if let Some(number) = row.external_id
            && self.may_write("externalId", job)
        {
            let before = self.patient.external_id.replace(external_id(number));
            if before.is_some() && before != self.patient.external_id {
                warnings.push("warning: externalId: replaced another number");
            }
        }
        if let Some(serial) = row.ssn
            && self.may_write("ssn", job)
        {
            let before = self.patient.ssn.replace(ssn(serial));
            if before.is_some() && before != self.patient.ssn {
                warnings.push("warning: ssn: replaced another number");
            }
        }
        if let Some(opt_out) = row.opt_out
            && self.may_write("hieOptOut", job)
        {
            self.patient.opt_out = opt_out;
        }
        let patient = &mut self.patient;
        for &(zip, house) in &row.homes {
            add(
                &mut patient.addresses,
                format!("{}|{}|IL|{}", address_line(house), city(zip), ZIPS[zip]),
            );
        }
        if let Some(phone) = row.phone() {
            add(&mut patient.phones, phone);
        }
        if let Some(number) = row.email {
            add(&mut patient.emails, email(number));
        }
        add(&mut patient.facilities, ids.facilities[row.facility.unwrap_or(0)].clone());
        if let Some(cohort) = row.cohort {
            add(&mut patient.cohorts, ids.cohorts[cohort].clone());
        }
        warnings
    }
}

/// The patients of one customer, by person. `None` stands for a patient that was deleted.
#[derive(Clone, Default, Debug)]
pub struct Reference {
    by_person: BTreeMap<usize, Vec<Option<Kept>>>,
}

/// A patient of the reference: the index of the person, and of the patient among those of the
/// person.
pub type Id = (usize, usize);

/// What becomes of a row.
#[derive(Debug)]
pub struct Outcome {
    pub patient: Id,
    pub effect: RowEffect,
    /// What the row is warned of, apart from other patients.
    pub warnings: Vec<&'static str>,
}

impl Reference {
    /// Adds one valid row of a job, and returns its outcome. Jobs are numbered by age.
    pub fn row(&mut self, row: &Row, job: u32, ids: &Ids) -> Outcome {
        let known = self.by_person.entry(row.person).or_default();
        let zips: BTreeSet<usize> = row.homes.iter().map(|&(zip, _)| zip).collect();
        let shares = |kept: &Kept| !kept.zips.is_disjoint(&zips);
        let found = known.iter().position(|kept| kept.as_ref().is_some_and(shares));
        let index = found.unwrap_or_else(|| {
            known.push(Some(Kept { created_by: job, ..Kept::default() }));
            known.len() - 1
        });
        let kept = known[index].get_or_insert_default();
        let before = kept.patient.clone();
        let warnings = kept.fold(row, job, ids);
        let effect = match found {
            None => RowEffect::Created,
            Some(_) if kept.patient == before => RowEffect::Unchanged,
            Some(_) => RowEffect::Updated,
        };
        Outcome { patient: (row.person, index), effect, warnings }
    }

    /// Notes which patients of a person a job has changed that it did not create.
    pub fn note_changes(&mut self, person: usize, job: u32, before: &Self) {
        let before = before.by_person.get(&person);
        for (index, kept) in self.by_person.entry(person).or_default().iter_mut().enumerate() {
            let before = before.and_then(|known| known.get(index)?.as_ref());
            if let (Some(kept), Some(before)) = (kept, before) {
                let is_changed = kept.created_by != job && kept.patient != before.patient;
                kept.is_changed_by_other |= is_changed;
            }
        }
    }

    /// Undoes a job: deletes the patients of a person that the job created and no other changed.
    pub fn undo(&mut self, person: usize, job: u32) {
        for known in self.by_person.entry(person).or_default() {
            let is_undone = |kept: &Kept| kept.created_by == job && !kept.is_changed_by_other;
            if known.as_ref().is_some_and(is_undone) {
                *known = None;
            }
        }
    }

    /// Deletes a patient. Returns whether it was there.
    pub fn delete(&mut self, (person, index): Id) -> bool {
        let known = self.by_person.get_mut(&person).and_then(|known| known.get_mut(index));
        known.is_some_and(|known| known.take().is_some())
    }

    /// Corrects a patient by a call, which has its age among the jobs. The patient comes last among
    /// those of the corrected person, unless it was one of them before.
    pub fn correct(&mut self, (from, index): Id, to: &Row, call: u32, ids: &Ids) -> Option<Id> {
        let before = self.by_person.get_mut(&from)?.get_mut(index)?.take()?;
        let created_by = before.created_by;
        let mut kept = Kept { created_by, is_changed_by_other: true, ..Kept::default() };
        let _ = kept.fold(to, call, ids);
        kept.writers.insert("ssn", call);
        let old = before.patient;
        kept.patient.facilities = old.facilities;
        kept.patient.cohorts = old.cohorts;
        for (value, is_given) in
            [("externalId", to.external_id.is_some()), ("hieOptOut", to.opt_out.is_some())]
        {
            if !is_given && let Some(writer) = before.writers.get(value) {
                kept.writers.insert(value, *writer);
            }
        }
        if to.external_id.is_none() {
            kept.patient.external_id = old.external_id;
        }
        if to.opt_out.is_none() {
            kept.patient.opt_out = old.opt_out;
        }
        let known = self.by_person.entry(to.person).or_default();
        if from == to.person {
            known[index] = Some(kept);
            return Some((from, index));
        }
        known.push(Some(kept));
        Some((to.person, known.len() - 1))
    }

    /// Opts a patient out by a call, or in again. Returns the patient, if it is there.
    pub fn opt_out(&mut self, (person, index): Id, value: bool, call: u32) -> Option<Id> {
        let kept = self.by_person.get_mut(&person)?.get_mut(index)?.as_mut()?;
        if kept.may_write("hieOptOut", call) {
            kept.is_changed_by_other |= kept.patient.opt_out != value;
            kept.patient.opt_out = value;
        }
        Some((person, index))
    }

    /// Returns the patients of one person, oldest first.
    pub fn patients(&self, person: usize) -> Vec<(Id, Patient)> {
        let known = self.by_person.get(&person).map_or(&[][..], Vec::as_slice);
        let known = known.iter().enumerate();
        known
            .filter_map(|(index, kept)| Some(((person, index), kept.as_ref()?.patient.clone())))
            .collect()
    }
}

fn add(list: &mut Vec<String>, value: String) {
    if !list.contains(&value) {
        list.push(value);
    }
}

/// Returns the index of the person, and the patient as the reference sees it, from the JSON of the
/// API.
pub fn read(patient: &serde_json::Value) -> (usize, Patient) {
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let list = |field: &str| patient[field].as_array().cloned().unwrap_or_default();
    let [first_name, last_name, dob, gender] = ["firstName", "lastName", "dob", "genderAtBirth"]
        .map(|field| text(&patient[field]).unwrap());
    let person = person(&first_name, &last_name, &dob, &gender);
    let identifier = |kind: &str| {
        list("personalIdentifiers")
            .iter()
            .find(|one| one["type"] == kind)
            .and_then(|one| text(&one["value"]))
    };
    let address = |address: &serde_json::Value| {
        ["addressLine1", "city", "state", "zip"]
            .map(|field| text(&address[field]).unwrap())
            .join("|")
    };
    let contacts =
        |field: &str| list("contact").iter().filter_map(|contact| text(&contact[field])).collect();
    let seen = Patient {
        first_name,
        last_name,
        external_id: text(&patient["externalId"]),
        ssn: identifier("ssn"),
        opt_out: patient["hieOptOut"].as_bool().unwrap(),
        addresses: list("address").iter().map(address).collect(),
        phones: contacts("phone"),
        emails: contacts("email"),
        facilities: list("facilityIds").iter().filter_map(text).collect(),
        cohorts: list("cohortIds").iter().filter_map(text).collect(),
    };
    (person, seen)
}
