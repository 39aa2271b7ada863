//! Who a row's patient is: create or update, decided for all rows of one identity at once.
//!
//! An identity (names, date of birth, gender) can belong to several patients, told apart by where
//! they live: a row's patient is the oldest one of its identity that shares a zip code with it, and a
//! new one if there is none. Deciding also changes what the next row sees, since a patient's zip codes
//! grow with every row; so the rows of one identity are decided in file order, in one go, and stored by
//! one conditional write.
//!
//! A chunk can be delivered twice, with another job's rows decided in between. Asking again would then
//! give another answer for rows that already had one. The record therefore remembers what it decided
//! for a job, and the answer to a repeated question is the remembered one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{JobId, PatientId, RowNumber};
use crate::patient::Zip;
use crate::time::Timestamp;

/// How long a decision is remembered: longer than any message of a job can be redelivered.
pub const DECISIONS_KEPT: Duration = Duration::from_hours(15 * 24);

/// The patients of one identity, in the order in which they were created.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct People {
    people: Vec<Person>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    decisions: Vec<Decision>,
}

/// One patient of an identity.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// The patient.
    pub id: PatientId,
    /// Every zip code of the patient's addresses.
    pub zips: Vec<Zip>,
}

/// What was decided for a job. Each entry holds from its row on, until the next entry's row: a clinic's
/// export with a hundred lines for one person is one entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Decision {
    job: JobId,
    rows: Vec<(RowNumber, usize)>,
}

/// A row as far as matching is concerned.
#[derive(Clone, Copy, Debug)]
pub struct RowToMatch<'a> {
    /// Its number in the file.
    pub number: RowNumber,
    /// The zip codes of its addresses.
    pub zips: &'a [Zip],
}

/// The patients that a job's rows belong to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Matched {
    /// The record with the job's rows in it, to be stored if anything comes of the rows.
    pub people: People,
    /// The patient of each row, in the order of the rows.
    pub patients: Vec<PatientId>,
    /// Whether the record was already the one that holds this answer.
    pub was_decided: bool,
    /// Whether a patient or a zip code is new in the record.
    pub changed: bool,
}

impl People {
    /// The patients, oldest first.
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// The oldest patient that shares a zip code with `zips`.
    pub fn find(&self, zips: &[Zip]) -> Option<&Person> {
        self.position(zips).and_then(|index| self.people.get(index))
    }

    fn position(&self, zips: &[Zip]) -> Option<usize> {
        self.people.iter().position(|person| person.zips.iter().any(|zip| zips.contains(zip)))
    }

    /// Decides the patients of all rows of this identity in a job, in file order. `new_id` gives the id
    /// of each patient that has to be created.
    #[must_use]
    pub fn decide(
        &self,
        job: JobId,
        now: Timestamp,
        rows: &[RowToMatch<'_>],
        mut new_id: impl FnMut() -> PatientId,
    ) -> Matched {
        let remembered = self.decisions.iter().find(|decision| decision.job == job);
        let mut people = self.clone();
        let mut decided: Vec<(RowNumber, usize)> = Vec::new();
        let mut changed = false;
        let mut patients = Vec::with_capacity(rows.len());
        for row in rows {
            let known = remembered.and_then(|decision| decision.person_of(row.number));
            let index = known.or_else(|| people.position(row.zips)).unwrap_or_else(|| {
                people.people.push(Person { id: new_id(), zips: Vec::new() });
                people.people.len() - 1
            });
            let person = &mut people.people[index];
            for zip in row.zips {
                if !person.zips.contains(zip) {
                    person.zips.push(*zip);
                    changed = true;
                }
            }
            patients.push(person.id);
            if decided.last().is_none_or(|&(_, last)| last != index) {
                decided.push((row.number, index));
            }
        }
        if remembered.is_none() {
            let oldest_kept = now.as_millis() - i64::try_from(DECISIONS_KEPT.as_millis()).unwrap_or(i64::MAX);
            people.decisions.retain(|decision| decision.job.created_millis() >= oldest_kept);
            people.decisions.push(Decision { job, rows: decided });
        }
        Matched { people, patients, was_decided: remembered.is_some(), changed }
    }
}

impl Decision {
    fn person_of(&self, row: RowNumber) -> Option<usize> {
        let after = self.rows.partition_point(|&(first, _)| first <= row);
        after.checked_sub(1).map(|index| self.rows[index].1)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn job(number: u64) -> JobId {
        let made = uuid::Builder::from_unix_timestamp_millis((1_800_000_000 + number) * 1000, &[0; 10]);
        JobId::new(made.into_uuid())
    }

    fn patient(number: u128) -> PatientId {
        PatientId::new(Uuid::from_u128(number))
    }

    fn now() -> Timestamp {
        Timestamp::from_millis(1_800_000_100_000)
    }

    fn zips(text: &str) -> Vec<Zip> {
        text.split_whitespace().map(|zip| zip.parse().unwrap()).collect()
    }

    /// Decides rows given as lists of zip codes; new patients are numbered on from `next`.
    fn decide(people: &People, job: JobId, rows: &[&str], next: &mut u128) -> Matched {
        let rows: Vec<Vec<Zip>> = rows.iter().map(|row| zips(row)).collect();
        let rows: Vec<RowToMatch<'_>> = (1..)
            .zip(&rows)
            .map(|(number, zips)| RowToMatch { number: RowNumber::new(number), zips })
            .collect();
        people.decide(job, now(), &rows, || {
            *next += 1;
            patient(*next)
        })
    }

    #[test]
    fn a_row_without_a_common_zip_is_a_new_patient() {
        let mut next = 0;
        let matched =
            decide(&People::default(), job(1), &["10001", "94110", "10001 60601", "60601"], &mut next);
        assert_eq!(matched.patients, [patient(1), patient(2), patient(1), patient(1)]);
        assert!(matched.changed);
    }

    #[test]
    fn several_matches_are_the_oldest() {
        let mut next = 0;
        let first = decide(&People::default(), job(1), &["10001", "94110"], &mut next);
        let second = decide(&first.people, job(2), &["94110 10001"], &mut next);
        assert_eq!(second.patients, [patient(1)]);
    }

    #[test]
    fn the_same_rows_again_change_nothing() {
        let mut next = 0;
        let first = decide(&People::default(), job(1), &["10001", "94110"], &mut next);
        let again = decide(&first.people, job(2), &["10001", "94110"], &mut next);
        assert_eq!(again.patients, first.patients);
        assert!(!again.changed && !again.was_decided);
        assert_eq!(next, 2);
    }

    #[test]
    fn a_redelivered_row_gets_the_same_patient_whatever_happened_since() {
        let mut next = 0;
        let before = decide(&People::default(), job(1), &["10001", "94110"], &mut next);
        let first = decide(&before.people, job(2), &["94110", "94110 10001", "94110"], &mut next);
        assert_eq!(first.patients, [patient(2), patient(1), patient(1)]);
        let again = decide(&first.people, job(2), &["94110", "94110 10001", "94110"], &mut next);
        assert_eq!(again.patients, first.patients);
        assert!(again.was_decided && !again.changed);
        assert_eq!(again.people, first.people);
    }

    #[test]
    fn decisions_of_jobs_long_gone_are_forgotten() {
        let mut next = 0;
        let old = decide(&People::default(), job(1), &["10001"], &mut next).people;
        let much_later = now().plus(DECISIONS_KEPT).plus(Duration::from_hours(24));
        let rows = zips("10001");
        let rows = [RowToMatch { number: RowNumber::FIRST, zips: &rows }];
        let matched = old.decide(job(2_000_000), much_later, &rows, || patient(9));
        assert_eq!(matched.people.decisions.len(), 1);
        assert_eq!(matched.patients, [patient(1)]);
    }
}
