//! One row of the file to a patient, or to everything that is wrong with it; and to what its owner
//! is warned of.

mod cells;
mod layout;

use std::collections::HashSet;
use std::hash::Hash;
use std::str::FromStr;

use jiff::civil::Date;

use crate::column::Slot;
use crate::csv::{Columns, RawRow};
use crate::ids::{CohortId, FacilityId};
use crate::patient::{
    Address, AddressText, Contact, Country, Dob, DriversLicense, Email, Names, NamesInOneCase,
    PatientRow, Phone, Several, Ssn, Value,
};
use crate::problem::{Problem, RowProblems};
use crate::stored_size::LARGEST_ROW;
use crate::warning::{RowWarnings, Warning};

use cells::{Cell, RowCells};
use layout::{Column, Layout};

/// A row of up to so many bytes never needs more than [`LARGEST_ROW`]: normalisation makes no text
/// three times as long, and no other row has to be measured.
const ALWAYS_FITS: usize = 60 * 1024;

/// The most addresses, contacts and cohorts of a row.
const MOST_VALUES: usize = Slot::LAST.get() as usize;

/// What rows may refer to: the facilities and cohorts of the customer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Directory {
    /// The ids of the customer's facilities.
    pub facilities: HashSet<FacilityId>,
    /// The ids of the customer's cohorts.
    pub cohorts: HashSet<CohortId>,
}

/// What a row was read to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParsedRow {
    /// A patient, or what is wrong with the row.
    pub patient: Result<PatientRow, RowProblems>,
    /// What a row that is a patient is warned of. A row with problems has no warnings.
    pub warnings: RowWarnings,
}

/// Reads the rows of one file.
#[derive(Clone, Debug)]
pub struct RowParser {
    columns: Columns,
    layout: Layout,
    today: Date,
    directory: Directory,
}

impl RowParser {
    /// A parser for a file with these columns. `today` is the day it is in UTC.
    pub fn new(columns: &Columns, today: Date, directory: Directory) -> Self {
        Self { columns: columns.clone(), layout: Layout::new(columns), today, directory }
    }

    /// Reads a row. Never stops at the first problem: all of them are reported, in the order of the
    /// file's columns. Of a row that cannot be split, or that repeats the header, nothing else is
    /// reported.
    pub fn parse(&self, row: &RawRow<'_>) -> ParsedRow {
        let failed =
            |problems| ParsedRow { patient: Err(problems), warnings: RowWarnings::default() };
        let mut cells = match RowCells::new(row, &self.layout) {
            Ok(cells) => cells,
            // A header that is repeated may be longer than the rows.
            Err(_) if row.is_split && self.columns.is_header(&row.cells) => {
                return failed(Problem::RepeatsHeader.into());
            }
            Err(problem) => return failed(problem.into()),
        };
        let patient = self.patient(&mut cells);
        let (problems, warnings) = cells.finish();
        match patient {
            Some(patient) if problems.is_empty() => {
                if row.raw.len() > ALWAYS_FITS && patient.stored_size() > LARGEST_ROW {
                    return failed(Problem::TooLarge.into());
                }
                ParsedRow { patient: Ok(patient), warnings }
            }
            // A header has no date of birth, so that only rows with problems are compared with it.
            _ if self.columns.is_header(&row.cells) => failed(Problem::RepeatsHeader.into()),
            _ => failed(RowProblems::new(problems)),
        }
    }

    fn patient(&self, row: &mut RowCells<'_>) -> Option<PatientRow> {
        let layout = &self.layout;
        let external_id = row.value(&layout.external_id).good();
        let first_name = names(row, &layout.first_name);
        let last_name = names(row, &layout.last_name);
        let dob = self.dob(row);
        let gender = row.required(&layout.gender);
        let addresses = self.addresses(row);
        let contacts = self.contacts(row);
        let ssn = ssn(row, &layout.ssn);
        let drivers_license = self.drivers_license(row);
        let cohorts = self.cohorts(row);
        let facility = row
            .cell(&layout.facility, |text| {
                known(&text, &self.directory.facilities, Problem::NotAFacilityId)
            })
            .good();
        let hie_opt_out = row.cell(&layout.hie_opt_out, |text| boolean(&text)).good();
        if !row.is_good() {
            return None;
        }
        let ((first_name, first), (last_name, last)) = (first_name?, last_name?);
        Some(PatientRow {
            external_id,
            first_name,
            last_name,
            names_in_one_case: NamesInOneCase { first, last },
            dob: dob?,
            gender: gender?,
            addresses,
            contacts,
            ssn,
            drivers_license,
            cohorts,
            facility,
            hie_opt_out,
        })
    }

    fn dob(&self, row: &mut RowCells<'_>) -> Option<Dob> {
        let column = &self.layout.dob;
        let dob = row.cell(column, |text| Dob::from_tidy(&text)?.check_not_after(self.today));
        row.require(column, dob)
    }

    /// A slot is there if any of its cells is filled, even with something that is not valid; then
    /// it has to be complete.
    fn addresses(&self, row: &mut RowCells<'_>) -> Vec<Address> {
        let mut addresses = Vec::with_capacity(1);
        let mut any = false;
        for slot in &self.layout.addresses {
            let line1 = row.value::<AddressText>(&slot.line1);
            let line2 = row.value::<AddressText>(&slot.line2);
            let city = row.value::<AddressText>(&slot.city);
            let state = row.value(&slot.state);
            let zip = row.value(&slot.zip);
            if line1.is_blank()
                && line2.is_blank()
                && city.is_blank()
                && state.is_blank()
                && zip.is_blank()
            {
                continue;
            }
            any = true;
            let line1 = row.require(&slot.line1, line1);
            let city = row.require(&slot.city, city);
            let state = row.require(&slot.state, state);
            let zip = row.require(&slot.zip, zip);
            if let (Some(address_line1), Some(city), Some(state), Some(zip)) =
                (line1, city, state, zip)
            {
                let address_line2 = line2.good();
                let country = Country::Usa;
                addresses.push(Address { address_line1, address_line2, city, state, zip, country });
            }
        }
        if addresses.len() > MOST_VALUES
            && let Some(last) = self.layout.addresses.last()
        {
            row.report(&last.line1, Problem::TooManyValues);
        }
        if !any {
            for column in self.layout.first_address() {
                row.report(column, Problem::Missing);
            }
        }
        addresses
    }

    /// The phone and the email of one slot are one contact. What a cell holds beyond its first
    /// value fills further slots.
    fn contacts(&self, row: &mut RowCells<'_>) -> Vec<Contact> {
        let mut contacts = Vec::new();
        let (mut more_phones, mut more_emails) = (Vec::new(), Vec::new());
        for slot in &self.layout.contacts {
            let phones = phones(row, &slot.phone);
            let emails = row
                .cell(&slot.email, |text| Email::all(&text))
                .good()
                .unwrap_or_else(Several::none);
            let (phone, email) = (phones.first, emails.first);
            if phone.is_some() || email.is_some() {
                contacts.push(Contact { phone, email });
            }
            more_phones.extend(phones.more);
            more_emails.extend(emails.more);
        }
        let (mut phones, mut emails) = (more_phones.into_iter(), more_emails.into_iter());
        for _ in 0..phones.len().max(emails.len()) {
            contacts.push(Contact { phone: phones.next(), email: emails.next() });
        }
        if contacts.len() > MOST_VALUES
            && let Some(last) = self.layout.contacts.last()
        {
            let phones = contacts.iter().filter(|contact| contact.phone.is_some()).count();
            let column = if phones > MOST_VALUES { &last.phone } else { &last.email };
            row.report(column, Problem::TooManyValues);
        }
        contacts
    }

    fn drivers_license(&self, row: &mut RowCells<'_>) -> Option<DriversLicense> {
        let (number_column, state_column) =
            (&self.layout.license_number, &self.layout.license_state);
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
            let cohort = row
                .cell(column, |text| known(&text, &self.directory.cohorts, Problem::NotAUuid))
                .good();
            cohorts.extend(cohort.filter(|cohort| !cohorts.contains(cohort)));
        }
        if cohorts.len() > MOST_VALUES
            && let Some(last) = self.layout.cohorts.last()
        {
            row.report(last, Problem::TooManyValues);
        }
        cohorts
    }
}

/// Reads names, and tells whether they came in one case only.
fn names(row: &mut RowCells<'_>, column: &Column) -> Option<(Names, bool)> {
    let cell = row.cell(column, Names::with_case);
    row.require(column, cell)
}

/// Reads the phone numbers of a cell. Numbers that stand for nothing are left out.
fn phones(row: &mut RowCells<'_>, column: &Column) -> Several<Phone> {
    let Cell::Good((phones, left_out)) = row.cell(column, |text| Phone::all(&text)) else {
        return Several::none();
    };
    if left_out {
        row.warn(column, Warning::PlaceholderLeftOut);
    }
    if !phones.first.iter().chain(&phones.more).all(Phone::is_dialable) {
        row.warn(column, Warning::NotDialable);
    }
    phones
}

/// Reads a social security number. One that stands for nothing is left out.
fn ssn(row: &mut RowCells<'_>, column: &Column) -> Option<Ssn> {
    let mut left_out = false;
    let ssn = row.cell(column, |text| match Ssn::is_placeholder(&text) {
        None => Ssn::from_tidy(&text),
        Some(has_digits) => {
            left_out = has_digits;
            Err(Problem::Missing)
        }
    });
    if left_out {
        row.warn(column, Warning::PlaceholderLeftOut);
    }
    ssn.good()
}

/// Reads the id of something that must exist.
fn known<Id: FromStr + Eq + Hash>(
    text: &str,
    existing: &HashSet<Id>,
    not_an_id: Problem,
) -> Result<Id, Problem> {
    let id = text.parse().map_err(|_| not_an_id)?;
    if existing.contains(&id) { Ok(id) } else { Err(Problem::NotFound) }
}

fn boolean(text: &str) -> Result<bool, Problem> {
    let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is(&["true", "yes", "y", "1"]) {
        Ok(true)
    } else if is(&["false", "no", "n", "0"]) {
        Ok(false)
    } else {
        Err(Problem::NotABool)
    }
}

#[cfg(test)]
mod tests;
