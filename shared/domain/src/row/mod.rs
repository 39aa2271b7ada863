//! One row of the file to a patient, or to everything that is wrong with it.

mod cells;
mod layout;

use std::collections::HashSet;
use std::hash::Hash;
use std::str::FromStr;

use jiff::civil::Date;

use crate::csv::{Cells, Columns, Field};
use crate::ids::{CohortId, FacilityId};
use crate::patient::{Address, AddressText, Contact, Country, Dob, DriversLicense, PatientRow, Value};
use crate::problem::{Problem, RowProblems};
use crate::stored_size::LARGEST_ROW;
use crate::text::tidy;

use cells::RowCells;
use layout::Layout;

/// A row of up to so many bytes never needs more than [`LARGEST_ROW`]: normalisation makes no text three times as long,
/// and no other row has to be measured.
const ALWAYS_FITS: usize = 60 * 1024;

/// What rows may refer to: the facilities and cohorts of the customer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Directory {
    /// The facilities.
    pub facilities: HashSet<FacilityId>,
    /// The cohorts.
    pub cohorts: HashSet<CohortId>,
}

/// A row is a patient, or it has problems.
pub type ParsedRow = Result<PatientRow, RowProblems>;

/// Reads the rows of one file.
#[derive(Clone, Debug)]
pub struct RowParser {
    layout: Layout,
    today: Date,
    directory: Directory,
}

impl RowParser {
    /// A parser for a file with these columns. `today` is the day it is in UTC.
    pub fn new(columns: &Columns, today: Date, directory: Directory) -> Self {
        Self { layout: Layout::new(columns), today, directory }
    }

    /// Returns whether a file with these columns can name facilities or cohorts. If it cannot, a parser needs no
    /// directory.
    pub fn reads_directory(columns: &Columns) -> bool {
        columns.iter().any(|(_, column)| matches!(column.field, Field::Cohort | Field::FacilityId))
    }

    /// Reads a row. Never stops at the first problem: all of them are reported, in the order of the
    /// file's columns. Only of a row with more or fewer cells than the header nothing else is
    /// reported, since its cells cannot be trusted to be in their columns.
    ///
    /// # Errors
    ///
    /// What is wrong with the row.
    pub fn parse(&self, cells: &Cells<'_>) -> ParsedRow {
        let layout = &self.layout;
        let mut row = RowCells::new(cells, layout)?;
        let external_id = row.value(&layout.external_id).good();
        let first_name = row.required(&layout.first_name);
        let last_name = row.required(&layout.last_name);
        let dob = self.dob(&mut row);
        let gender = row.required(&layout.gender);
        let addresses = self.addresses(&mut row);
        let contacts = self.contacts(&mut row);
        let ssn = row.value(&layout.ssn).good();
        let drivers_license = self.drivers_license(&mut row);
        let cohorts = self.cohorts(&mut row);
        let facility = row.cell(&layout.facility, |text| known(text, &self.directory.facilities)).good();
        let hie_opt_out = row.cell(&layout.hie_opt_out, boolean).good();
        let patient = match (first_name, last_name, dob, gender) {
            (Some(first_name), Some(last_name), Some(dob), Some(gender)) if row.is_good() => PatientRow {
                external_id,
                first_name,
                last_name,
                dob,
                gender,
                addresses,
                contacts,
                ssn,
                drivers_license,
                cohorts,
                facility,
                hie_opt_out,
            },
            _ => return Err(row.into_problems()),
        };
        if cells.concatenated().len() > ALWAYS_FITS && patient.stored_size() > LARGEST_ROW {
            return Err(RowProblems::of_row(Problem::TooLarge));
        }
        Ok(patient)
    }

    fn dob(&self, row: &mut RowCells<'_>) -> Option<Dob> {
        let column = &self.layout.dob;
        let dob =
            row.cell(column, |text| Dob::read(text)?.map(|dob| dob.check_not_after(self.today)).transpose());
        row.require(column, dob)
    }

    /// A slot is there if any of its cells is filled, even with something that is not valid; then it
    /// has to be complete.
    fn addresses(&self, row: &mut RowCells<'_>) -> Vec<Address> {
        let mut addresses = Vec::with_capacity(1);
        let mut any = false;
        for slot in &self.layout.addresses {
            let line1 = row.value::<AddressText>(&slot.line1);
            let line2 = row.value::<AddressText>(&slot.line2);
            let city = row.value::<AddressText>(&slot.city);
            let state = row.value(&slot.state);
            let zip = row.value(&slot.zip);
            if line1.is_blank() && line2.is_blank() && city.is_blank() && state.is_blank() && zip.is_blank() {
                continue;
            }
            any = true;
            let line1 = row.require(&slot.line1, line1);
            let city = row.require(&slot.city, city);
            let state = row.require(&slot.state, state);
            let zip = row.require(&slot.zip, zip);
            if let (Some(address_line1), Some(city), Some(state), Some(zip)) = (line1, city, state, zip) {
                let address_line2 = line2.good();
                let country = Country::Usa;
                addresses.push(Address { address_line1, address_line2, city, state, zip, country });
            }
        }
        if !any {
            for column in self.layout.first_address() {
                row.report(column, Problem::Missing);
            }
        }
        addresses
    }

    fn contacts(&self, row: &mut RowCells<'_>) -> Vec<Contact> {
        let mut contacts = Vec::new();
        for slot in &self.layout.contacts {
            let phone = row.value(&slot.phone).good();
            let email = row.value(&slot.email).good();
            if phone.is_some() || email.is_some() {
                contacts.push(Contact { phone, email });
            }
        }
        contacts
    }

    fn drivers_license(&self, row: &mut RowCells<'_>) -> Option<DriversLicense> {
        let (number_column, state_column) = (&self.layout.license_number, &self.layout.license_state);
        let number = row.value(number_column);
        let state = row.value(state_column);
        if number.is_blank() && state.is_blank() {
            return None;
        }
        let value = row.require(number_column, number);
        let state = row.require(state_column, state);
        Some(DriversLicense { value: value?, state: state? })
    }

    fn cohorts(&self, row: &mut RowCells<'_>) -> Vec<CohortId> {
        let mut cohorts = Vec::new();
        for column in &self.layout.cohorts {
            let cohort = row.cell(column, |text| known(text, &self.directory.cohorts)).good();
            cohorts.extend(cohort.filter(|cohort| !cohorts.contains(cohort)));
        }
        cohorts
    }
}

/// Reads the id of something that must exist.
fn known<Id: FromStr + Eq + Hash>(text: &str, existing: &HashSet<Id>) -> Result<Option<Id>, Problem> {
    let text = tidy(text)?;
    if text.is_empty() {
        return Ok(None);
    }
    let id = text.parse().map_err(|_| Problem::NotAUuid)?;
    if existing.contains(&id) { Ok(Some(id)) } else { Err(Problem::NotFound) }
}

fn boolean(text: &str) -> Result<Option<bool>, Problem> {
    let text = tidy(text)?;
    match &*text {
        "" => Ok(None),
        text if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        text if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        _ => Err(Problem::NotABool),
    }
}

#[cfg(test)]
mod tests;
