//! Rows by their meaning, and the many ways to write them into a file.

use crate::chance::Chance;
use crate::people::{Name, PEOPLE, Person};
use crate::windows_1252;

/// Few places, so that many rows are about the same patient.
pub const ZIPS: [&str; 4] = ["60601", "10001", "94110", "02139"];

/// The meaning of one row, and how it is written.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// The person that the row is about, as an index into [`PEOPLE`].
    pub person: usize,
    pub first_name: Name,
    pub last_name: Name,
    /// One or two homes, each as an index into [`ZIPS`] and a house number.
    pub homes: Vec<(usize, u64)>,
    pub external_id: Option<u64>,
    pub phone: Option<u64>,
    pub email: Option<u64>,
    /// The serial number of the SSN, which [`ssn`] turns into the SSN.
    pub ssn: Option<u64>,
    pub opt_out: Option<bool>,
    /// The cohort, as an index into the customer's cohorts.
    pub cohort: Option<usize>,
    /// The facility, as an index into the customer's facilities. A row without a facility gets that
    /// of the job, which is the first one.
    pub facility: Option<usize>,
    /// What makes the row invalid; `None` for a valid row.
    pub flaw: Option<Flaw>,
    /// Whether the row is written in Windows-1252, if it has a letter that is not ASCII.
    pub in_windows_1252: bool,
    /// Whether the phone number begins as no phone number in the USA does.
    pub is_not_dialable: bool,
    /// Whether a row without an SSN has a number that is known to be an example.
    pub has_ssn_for_nothing: bool,
    /// How the row is written, which does not change its meaning.
    pub spelling: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    NoLastName,
    NoSuchDay,
    /// The date of birth has the day before the month, which the day shows.
    DayFirst,
    NotAGender,
    HalfAnAddress,
    UnknownCohort,
    TooFewCells,
    TooManyCells,
    MisplacedQuote,
    /// A quote that is never closed. It meets the first quote of the next row, or the end of the
    /// file.
    OpenQuote,
    RepeatsHeader,
    TwoAtOnce,
}

impl Flaw {
    /// The flaws that concern their row alone. [`DayFirst`](Self::DayFirst) may concern the file.
    const OF_ROWS: [Self; 11] = [
        Self::NoLastName,
        Self::NoSuchDay,
        Self::NotAGender,
        Self::HalfAnAddress,
        Self::UnknownCohort,
        Self::TooFewCells,
        Self::TooManyCells,
        Self::MisplacedQuote,
        Self::OpenQuote,
        Self::RepeatsHeader,
        Self::TwoAtOnce,
    ];

    /// Returns the `reason` that the contract defines for the flaw.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoLastName => "lastName: missing",
            Self::NoSuchDay | Self::DayFirst => "dob: no such day",
            Self::NotAGender => "gender: not M, F, O or U",
            Self::HalfAnAddress => "city: missing; zip: missing",
            Self::UnknownCohort => "cohort: not found",
            Self::TooFewCells => "row: fewer cells than the header",
            Self::TooManyCells => "row: more cells than the header",
            Self::MisplacedQuote | Self::OpenQuote => "row: misplaced double quote",
            Self::RepeatsHeader => "row: repeats the header",
            Self::TwoAtOnce => "lastName: missing; dob: no such day",
        }
    }
}

impl Row {
    pub fn random(chance: &Chance) -> Self {
        let flaw = chance.once_in(8).then(|| chance.pick(&Flaw::OF_ROWS));
        Self::about(chance.index(PEOPLE.len()), flaw, chance)
    }

    /// Returns what a call corrects a patient to: a person, in the shape of a row.
    pub fn correction(person: usize, chance: &Chance) -> Self {
        let row = Self::about(person, None, chance);
        let [first_name, last_name] = [row.first_name, row.last_name].map(Name::as_spelled);
        Self { first_name, last_name, cohort: None, facility: None, ..row }
    }

    /// Returns a row with the day of birth before the month.
    pub fn day_first(chance: &Chance) -> Self {
        let persons = (0..PEOPLE.len()).filter(|&index| PEOPLE[index].is_born_late_in_the_month());
        let persons: Vec<usize> = persons.collect();
        Self::about(chance.pick(&persons), Some(Flaw::DayFirst), chance)
    }

    fn about(person: usize, flaw: Option<Flaw>, chance: &Chance) -> Self {
        let maybe = |times: u64, end: u64| chance.once_in(times).then(|| chance.below(end));
        let home = || (chance.index(ZIPS.len()), 1 + chance.below(2));
        let mut homes = vec![home()];
        if chance.once_in(4) {
            homes.push(home());
        }
        Self {
            person,
            first_name: PEOPLE[person].first_name(chance),
            last_name: PEOPLE[person].last_name(chance),
            homes,
            external_id: maybe(3, 4),
            phone: maybe(3, 3),
            email: maybe(3, 3),
            ssn: maybe(4, 3),
            opt_out: chance.once_in(4).then(|| chance.once_in(2)),
            cohort: chance.once_in(4).then(|| chance.index(2)),
            facility: chance.once_in(4).then(|| chance.index(2)),
            flaw,
            in_windows_1252: chance.once_in(8),
            is_not_dialable: chance.once_in(6),
            has_ssn_for_nothing: chance.once_in(8),
            spelling: chance.below(1_000),
        }
    }

    /// Returns whether the row ends before its last cell, which is optional.
    fn ends_early(&self) -> bool {
        self.spelling.is_multiple_of(5)
    }

    fn is_read_as_windows_1252(&self) -> bool {
        let names = self.first_name_cell() + &self.last_name.written();
        // The last cell has a letter that is not ASCII.
        let has_another_letter = !names.is_ascii() || !self.ends_early();
        self.in_windows_1252 && has_another_letter && windows_1252::encode(&names).is_some()
    }

    /// Returns the numbers with which the date of birth begins, if it is written with the year at
    /// its end. `None` for a row that has no date in its place.
    pub fn first_numbers_of_dob(&self) -> Option<(u8, u8)> {
        use Flaw::{MisplacedQuote, OpenQuote, RepeatsHeader};
        if let Some(MisplacedQuote | OpenQuote | RepeatsHeader) = self.flaw {
            return None;
        }
        let dob = self.dob();
        let numbers: Vec<&str> = dob.split(['/', '-', '.', ' ']).collect();
        let [first, second, year, ..] = numbers[..] else { return None };
        let is_small = |number: &str| number.len() <= 2;
        (is_small(first) && is_small(second) && year.len() == 4)
            .then(|| (first.parse().unwrap(), second.parse().unwrap()))
    }

    fn first_name_cell(&self) -> String {
        let space = match self.spelling % 3 {
            0 => "",
            1 => " ",
            _ => "\u{a0} ",
        };
        space.to_owned() + &self.first_name.written()
    }

    /// Returns the cell of the date of birth.
    fn dob(&self) -> String {
        let dob = PEOPLE[self.person].dob;
        let (year, month, day) = (&dob[..4], &dob[5..7], &dob[8..]);
        match (self.flaw, self.spelling % 4) {
            (Some(Flaw::NoSuchDay | Flaw::TwoAtOnce), _) => "2001-02-30".to_owned(),
            (Some(Flaw::DayFirst), 0) => format!("{day}-{month}-{year}"),
            (Some(Flaw::DayFirst), 1) => format!("{day}.{month}.{year}"),
            (Some(Flaw::DayFirst), _) => format!("{day}/{month}/{year} 00:00"),
            (_, 0) => format!("{month}/{day}/{year}"),
            (_, 1) => format!("{year}{month}{day}"),
            (_, 2) => format!("{dob}T00:00:00Z"),
            _ => dob.to_owned(),
        }
    }

    /// Returns the phone number that the patient gets.
    pub fn phone(&self) -> Option<String> {
        self.phone.map(|number| {
            let phone = phone(number);
            if self.is_not_dialable { phone.replacen('3', "0", 1) } else { phone }
        })
    }

    /// Returns the `reason` of the row if it succeeds: what it is warned of.
    pub fn warnings(&self) -> String {
        let warnings = [
            (self.is_read_as_windows_1252(), "warning: row: read as Windows-1252"),
            (self.is_not_dialable && self.phone.is_some(), "warning: phone: cannot be dialled"),
            (self.has_ssn_for_nothing && self.ssn.is_none(), "warning: ssn: placeholder left out"),
        ];
        let given =
            warnings.into_iter().filter_map(|(is_given, warning)| is_given.then_some(warning));
        given.collect::<Vec<_>>().join("; ")
    }

    /// Returns the row's cells in the order of the header. The last one is a remark that
    /// distinguishes the rows.
    pub fn cells(&self, ids: &Ids, number: usize) -> Vec<String> {
        let way = |ways: u64| self.spelling % ways;
        let Person { gender, .. } = PEOPLE[self.person];
        let has_no_name = matches!(self.flaw, Some(Flaw::NoLastName | Flaw::TwoAtOnce));
        let text = |value: Option<String>| value.unwrap_or_default();
        let mut cells = vec![
            text(self.external_id.map(external_id)),
            self.first_name_cell(),
            if has_no_name { " ".to_owned() } else { self.last_name.written() },
            self.dob(),
            match way(2) {
                _ if self.flaw == Some(Flaw::NotAGender) => "Q".to_owned(),
                0 => gender.to_lowercase(),
                _ => gender.to_owned(),
            },
        ];
        for slot in 0..2 {
            let half = slot == 0 && self.flaw == Some(Flaw::HalfAnAddress);
            match self.homes.get(slot) {
                Some(&(zip, house)) => cells.extend([
                    address_line(house),
                    if half { String::new() } else { city(zip) },
                    "Illinois".to_owned(),
                    match way(2) {
                        _ if half => String::new(),
                        0 => format!("{}-1234", ZIPS[zip]),
                        _ => ZIPS[zip].to_owned(),
                    },
                ]),
                None => cells.extend([const { String::new() }; 4]),
            }
        }
        cells.extend([
            text(self.phone().map(
                |phone| {
                    if way(2) == 0 { format!("+1 ({phone})") } else { phone }
                },
            )),
            text(self.email.map(|email| self::email(email).to_uppercase())),
            match self.ssn {
                None if self.has_ssn_for_nothing => "123-45-6789".to_owned(),
                serial => text(serial.map(ssn)),
            },
            text(self.opt_out.map(|opt_out| opt_out.to_string())),
            match (self.flaw, self.cohort) {
                (Some(Flaw::UnknownCohort), _) => ids.job_of_another.clone(),
                (_, cohort) => text(cohort.map(|cohort| ids.cohorts[cohort].clone())),
            },
            text(self.facility.map(|facility| ids.facilities[facility].clone())),
            format!("remark \"{number}\", gard\u{e9}"),
        ]);
        let word = match way(36) {
            // In optional columns, words for nothing are as good as nothing.
            0 => "NULL",
            6 => "(null)",
            12 => "\\N",
            18 => "n/a",
            24 => "#N/A",
            30 => "#REF!",
            _ => "",
        };
        for (index, cell) in cells.iter_mut().enumerate() {
            if cell.is_empty() && (index == 0 || (9..19).contains(&index)) {
                word.clone_into(cell);
            }
        }
        match self.flaw {
            // The row ends in the middle of its address.
            Some(Flaw::TooFewCells) => cells.truncate(6),
            Some(Flaw::TooManyCells) => cells.push("more".to_owned()),
            // The last cell is optional and may be missing, and blank cells may follow it.
            _ if self.ends_early() => {
                cells.pop();
            }
            _ if way(5) == 1 => cells.extend(["  ".to_owned(), String::new()]),
            _ => {}
        }
        cells
    }
}

/// The ids that a customer's rows refer to, as text.
#[derive(Clone, Debug)]
pub struct Ids {
    pub facilities: [String; 2],
    pub cohorts: [String; 2],
    /// An id that is no cohort of this customer.
    pub job_of_another: String,
}

pub fn external_id(number: u64) -> String {
    format!("MRN-{number}")
}

pub fn phone(number: u64) -> String {
    format!("312555010{number}")
}

pub fn email(number: u64) -> String {
    format!("someone{number}@example.org")
}

pub fn ssn(serial: u64) -> String {
    format!("12345678{serial}")
}

pub fn address_line(house: u64) -> String {
    format!("{house} Main Street")
}

pub fn city(zip: usize) -> String {
    ["Chicago", "Springfield", "Peoria", "Cairo"][zip].to_owned()
}
