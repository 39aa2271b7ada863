//! What has to come of the rows: a plain program that takes them one after the other, written from the promises
//! that callers are given, and from nothing else.

use std::collections::{BTreeMap, BTreeSet};

use crate::rows::{Ids, PEOPLE, Row, ZIPS, address_line, city, email, external_id, phone, ssn};

/// A patient, by what can be read of one. Lists are in the order in which their entries became known.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Patient {
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
    /// The same with lists as sets: what two jobs at the same time promise.
    pub fn unordered(mut self) -> Self {
        for list in
            [&mut self.addresses, &mut self.phones, &mut self.emails, &mut self.facilities, &mut self.cohorts]
        {
            list.sort();
        }
        self
    }
}

/// A patient with what is needed to go on.
#[derive(Clone, Default, Debug)]
pub struct Kept {
    pub patient: Patient,
    zips: BTreeSet<usize>,
    /// The job that wrote each single value last: a newer one is not overwritten by an older one.
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

    /// Takes a row that is about this patient.
    pub fn fold(&mut self, row: &Row, job: u32, ids: &Ids) {
        self.zips.extend(row.homes.iter().map(|&(zip, _)| zip));
        if let Some(number) = row.external_id
            && self.may_write("externalId", job)
        {
            self.patient.external_id = Some(external_id(number));
        }
        if let Some(serial) = row.ssn
            && self.may_write("ssn", job)
        {
            self.patient.ssn = Some(ssn(serial));
        }
        if let Some(opt_out) = row.opt_out
            && self.may_write("hieOptOut", job)
        {
            self.patient.opt_out = opt_out;
        }
        let patient = &mut self.patient;
        for &(zip, house) in &row.homes {
            add(&mut patient.addresses, format!("{}|{}|IL|{}", address_line(house), city(zip), ZIPS[zip]));
        }
        if let Some(number) = row.phone {
            add(&mut patient.phones, phone(number));
        }
        if let Some(number) = row.email {
            add(&mut patient.emails, email(number));
        }
        add(&mut patient.facilities, ids.facilities[row.facility.unwrap_or(0)].clone());
        if let Some(cohort) = row.cohort {
            add(&mut patient.cohorts, ids.cohorts[cohort].clone());
        }
    }
}

/// The patients of one customer.
#[derive(Clone, Default, Debug)]
pub struct Reference {
    by_person: BTreeMap<usize, Vec<Kept>>,
}

/// A patient of the reference: whose, and which of that person's.
pub type Id = (usize, usize);

impl Reference {
    /// Takes one good row of a job; jobs are numbered by age.
    pub fn row(&mut self, row: &Row, job: u32, ids: &Ids) -> Id {
        let known = self.by_person.entry(row.person).or_default();
        let zips: BTreeSet<usize> = row.homes.iter().map(|&(zip, _)| zip).collect();
        let index = known.iter().position(|kept| !kept.zips.is_disjoint(&zips)).unwrap_or_else(|| {
            known.push(Kept::default());
            known.len() - 1
        });
        known[index].fold(row, job, ids);
        (row.person, index)
    }

    /// The patients of one person, oldest first.
    pub fn patients(&self, person: usize) -> Vec<Patient> {
        let known = self.by_person.get(&person).map_or(&[][..], Vec::as_slice);
        known.iter().map(|kept| kept.patient.clone()).collect()
    }
}

fn add(list: &mut Vec<String>, value: String) {
    if !list.contains(&value) {
        list.push(value);
    }
}

/// Whose patient this is, and the patient as the reference sees one, from the JSON of the API.
pub fn read(patient: &serde_json::Value) -> (usize, Patient) {
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let list = |field: &str| patient[field].as_array().cloned().unwrap_or_default();
    let who = ["firstName", "lastName", "dob", "genderAtBirth"].map(|field| text(&patient[field]).unwrap());
    let person = PEOPLE
        .iter()
        .position(|&(first, last, dob, gender)| who == [first, last, dob, gender])
        .unwrap_or_else(|| panic!("a patient who is nobody: {who:?}"));
    let identifier = |kind: &str| {
        list("personalIdentifiers").iter().find(|one| one["type"] == kind).and_then(|one| text(&one["value"]))
    };
    let address = |address: &serde_json::Value| {
        ["addressLine1", "city", "state", "zip"].map(|field| text(&address[field]).unwrap()).join("|")
    };
    let contacts = |field: &str| list("contact").iter().filter_map(|contact| text(&contact[field])).collect();
    let seen = Patient {
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
