//! Who a row's patient is: create or update, decided for all rows of one identity at once.
//!
//! An identity (names, date of birth, gender) can belong to several patients, told apart by where
//! they live: a row's patient is the oldest one of its identity that shares a zip code with it, and
//! a new one if there is none. Deciding also changes what the next row sees, since a patient's zip
//! codes grow with every row; so the rows of one identity are decided in file order, in one go, and
//! stored by one conditional write.
//!
//! A chunk can be delivered twice, with another job's rows decided in between. Asking again would
//! then give another answer for rows that already had one. The record therefore remembers what it
//! decided for a job, and the answer to a repeated question is the remembered one.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{JobId, PatientId, RowNumber};
use crate::job::LONGEST_LIFE;
use crate::mutants::{Bug, has};
use crate::patient::Zip;
use crate::stored_size::{LARGEST_IDENTITY, LARGEST_PEOPLE};
use crate::time::Timestamp;

/// How long a decision is remembered: for as long as a chunk of its job can be pending. A chunk
/// that has ended decides nothing when its message is received again. An id can be a day older than
/// its job, by an idempotency key.
pub const DECISIONS_KEPT: Duration = LONGEST_LIFE.saturating_add(Duration::from_hours(24));

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
    /// The id of the patient.
    pub id: PatientId,
    /// Every zip code of the patient's addresses.
    pub zips: Vec<Zip>,
}

/// What was decided for a job. Each entry holds from its row on, until the next entry's row: a
/// clinic's export with a hundred lines for one person is one entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Decision {
    job: JobId,
    /// First row, and the place of its patient.
    rows: Vec<(RowNumber, Place)>,
}

/// The place of a row's patient among the people.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(from = "Option<usize>", into = "Option<usize>")]
enum Place {
    At(usize),
    /// The record has no room for the row.
    NoRoom,
}

impl From<Option<usize>> for Place {
    fn from(index: Option<usize>) -> Self {
        index.map_or(Self::NoRoom, Self::At)
    }
}

impl From<Place> for Option<usize> {
    fn from(place: Place) -> Self {
        match place {
            Place::At(index) => Some(index),
            Place::NoRoom => None,
        }
    }
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
    /// The patient of each row, in the order of the rows; none for a row that found no room in the
    /// record.
    pub patients: Vec<Option<PatientId>>,
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

    /// Returns the size of the people in the store, in bytes, without the decisions.
    fn people_size(&self) -> usize {
        self.people.iter().map(|person| person_size(&person.zips)).sum()
    }

    /// Returns the size of the record in the store, in bytes.
    pub fn stored_size(&self) -> usize {
        let decisions =
            self.decisions.iter().map(|decision| DECISION_SIZE + decision.rows.len() * RUN_SIZE);
        RECORD_SIZE + self.people_size() + decisions.sum::<usize>()
    }

    /// Decides the patients of all rows of this identity in a job, in file order. `new_id` gives
    /// the id of each patient that has to be created. A row that needs a new patient or a new zip
    /// code finds no room once the people take [`LARGEST_PEOPLE`], or the record
    /// [`LARGEST_IDENTITY`].
    #[must_use]
    pub fn decide(
        &self,
        job: JobId,
        now: Timestamp,
        rows: &[RowToMatch<'_>],
        mut new_id: impl FnMut() -> PatientId,
    ) -> Matched {
        let remembered = self
            .decisions
            .iter()
            .find(|decision| decision.job == job && !has(Bug::DecisionForgotten));
        let mut people = self.clone();
        let oldest_kept = now.minus(DECISIONS_KEPT);
        if remembered.is_none() {
            people.decisions.retain(|decision| decision.job.created_at() >= oldest_kept);
        }
        let mut room = Room::of(&people);
        let mut decided: Vec<(RowNumber, Place)> = Vec::new();
        let mut changed = false;
        let mut patients = Vec::with_capacity(rows.len());
        for row in rows {
            let known = remembered.and_then(|decision| decision.place_of(row.number));
            let last = decided.last().map(|&(_, last)| last);
            let place =
                known.unwrap_or_else(|| people.place_for(row.zips, last, &mut room, &mut new_id));
            let person = Option::from(place).and_then(|index: usize| people.people.get_mut(index));
            patients.push(person.as_ref().map(|person| person.id));
            if let Some(person) = person {
                for zip in row.zips {
                    if !person.zips.contains(zip) {
                        person.zips.push(*zip);
                        changed = true;
                    }
                }
            }
            if last != Some(place) {
                decided.push((row.number, place));
                room.whole = room.whole.saturating_sub(RUN_SIZE);
            }
        }
        if remembered.is_none() {
            people.decisions.push(Decision { job, rows: decided });
        }
        Matched { people, patients, was_decided: remembered.is_some(), changed }
    }

    /// Returns the place of a row's patient, who is added if there is none and there is room.
    /// `last` is the place of the row before.
    fn place_for(
        &mut self,
        zips: &[Zip],
        last: Option<Place>,
        room: &mut Room,
        new_id: &mut impl FnMut() -> PatientId,
    ) -> Place {
        let known = self.position(zips);
        let person = known.and_then(|index| self.people.get(index));
        let added = match person {
            Some(person) => ZIP_SIZE * zips.iter().filter(|zip| !person.zips.contains(zip)).count(),
            None => person_size(zips),
        };
        let continues = known.is_some() && last == known.map(Place::At);
        let run = if continues { 0 } else { RUN_SIZE };
        if added > room.people || added + run > room.whole {
            return Place::NoRoom;
        }
        room.people -= added;
        room.whole -= added;
        Place::At(known.unwrap_or_else(|| {
            self.people.push(Person { id: new_id(), zips: Vec::new() });
            self.people.len() - 1
        }))
    }
}

/// Bytes that are left in a record.
struct Room {
    people: usize,
    whole: usize,
}

impl Room {
    /// The room in a record that is about to remember one more decision.
    fn of(people: &People) -> Self {
        Self {
            people: LARGEST_PEOPLE.saturating_sub(people.people_size()),
            whole: LARGEST_IDENTITY.saturating_sub(people.stored_size() + DECISION_SIZE),
        }
    }
}

/// The size of a record without anything in it: `{"people":[],"decisions":[]}` and some room.
const RECORD_SIZE: usize = 64;

/// The size of a zip code, with quotes and a comma.
const ZIP_SIZE: usize = 8;

/// The size of a decision without its rows: `{"job":"…","rows":[]},`.
const DECISION_SIZE: usize = 64;

/// The size of a run of rows: `[1000000,100000],` at most.
const RUN_SIZE: usize = 17;

/// The size of a patient with these zip codes: `{"id":"…","zips":[]},` and the zip codes.
fn person_size(zips: &[Zip]) -> usize {
    58 + ZIP_SIZE * zips.len()
}

impl Decision {
    /// Returns what was decided of a row; none if nothing was.
    fn place_of(&self, row: RowNumber) -> Option<Place> {
        let after = self.rows.partition_point(|&(first, _)| first <= row);
        after.checked_sub(1).map(|index| self.rows[index].1)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn job(number: u64) -> JobId {
        let made =
            uuid::Builder::from_unix_timestamp_millis((1_800_000_000 + number) * 1000, &[0; 10]);
        JobId::new(made.into_uuid())
    }

    fn patient(number: u128) -> PatientId {
        PatientId::new(Uuid::from_u128(number))
    }

    fn patients(numbers: &[u128]) -> Vec<Option<PatientId>> {
        numbers.iter().map(|number| Some(patient(*number))).collect()
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
        let matched = decide(
            &People::default(),
            job(1),
            &["10001", "94110", "10001 60601", "60601"],
            &mut next,
        );
        assert_eq!(matched.patients, patients(&[1, 2, 1, 1]));
        assert!(matched.changed);
    }

    #[test]
    fn several_matches_are_the_oldest() {
        let mut next = 0;
        let first = decide(&People::default(), job(1), &["10001", "94110"], &mut next);
        let second = decide(&first.people, job(2), &["94110 10001"], &mut next);
        assert_eq!(second.patients, patients(&[1]));
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
        assert_eq!(first.patients, patients(&[2, 1, 1]));
        let again = decide(&first.people, job(2), &["94110", "94110 10001", "94110"], &mut next);
        assert_eq!(again.patients, first.patients);
        assert!(again.was_decided && !again.changed);
        assert_eq!(again.people, first.people);
    }

    fn json_len(people: &People) -> usize {
        serde_json::to_string(people).unwrap().len()
    }

    #[test]
    fn ten_thousand_patients_of_one_identity_are_refused_where_their_record_is_full() {
        let zip = |number: u32| format!("{:05}", number + 1).parse::<Zip>().unwrap();
        let zips: Vec<[Zip; 1]> = (0..10_000).map(|number| [zip(number)]).collect();
        let rows: Vec<RowToMatch<'_>> = (1..)
            .zip(&zips)
            .map(|(number, zips)| RowToMatch { number: RowNumber::new(number), zips })
            .collect();
        let mut next = 0;
        let mut new_id = || {
            next += 1;
            patient(next)
        };
        let matched = People::default().decide(job(1), now(), &rows, &mut new_id);
        let accepted = matched.patients.iter().flatten().count();
        assert!((1_800..2_200).contains(&accepted), "{accepted}");
        assert!(matched.patients[..accepted].iter().all(Option::is_some));
        assert!(json_len(&matched.people) <= matched.people.stored_size());
        assert!(matched.people.stored_size() <= LARGEST_IDENTITY);
        // A redelivery gives the same answers, and another job finds room for its decision.
        let again = matched.people.decide(job(1), now(), &rows, &mut new_id);
        assert_eq!(again.patients, matched.patients);
        let other = matched.people.decide(job(2), now(), &rows[..accepted], &mut new_id);
        assert_eq!(other.patients, matched.patients[..accepted]);
        assert!(json_len(&other.people) <= LARGEST_IDENTITY);
    }

    #[test]
    fn a_decision_about_rows_that_alternate_is_bounded() {
        let homes = [zips("10001"), zips("94110")];
        let rows: Vec<RowToMatch<'_>> = (1..=60_000)
            .map(|number| RowToMatch {
                number: RowNumber::new(number),
                zips: &homes[number as usize % 2],
            })
            .collect();
        let mut next = 0;
        let matched = People::default().decide(job(1), now(), &rows, || {
            next += 1;
            patient(next)
        });
        assert_eq!(next, 2);
        assert!(matched.patients[..20_000].iter().all(Option::is_some));
        assert_eq!(matched.patients[59_999], None);
        assert!(json_len(&matched.people) <= LARGEST_IDENTITY + 2 * RUN_SIZE);
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
        assert_eq!(matched.patients, patients(&[1]));
    }
}
