//! Rows by their meaning, and the many ways to write them into a file.

use crate::chance::Chance;

/// Few people and few places, so that many rows are about the same patient. No two people share a
/// name.
pub const PEOPLE: [(&str, &str, &str, &str); 6] = [
    ("Zebedee", "Quillon", "1950-01-31", "M"),
    ("Ottoline", "Vandersloot", "1961-12-01", "F"),
    ("Peregrine", "Huckaby", "1972-02-29", "O"),
    ("Saoirse", "Mbeki", "1983-07-04", "U"),
    ("Ignatius", "Throckmorton", "1994-10-10", "M"),
    ("Wilhelmina", "Oyelaran", "2005-05-05", "F"),
];

pub const ZIPS: [&str; 4] = ["60601", "10001", "94110", "02139"];

/// The meaning of one row, and how it is written.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// The person whom the row is about, as an index into [`PEOPLE`].
    pub person: usize,
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
    pub const ALL: [Self; 11] = [
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
            Self::NoSuchDay => "dob: no such day",
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
        let maybe = |times: u64, end: u64| chance.once_in(times).then(|| chance.below(end));
        let home = || (chance.index(ZIPS.len()), 1 + chance.below(2));
        let mut homes = vec![home()];
        if chance.once_in(4) {
            homes.push(home());
        }
        Self {
            person: chance.index(PEOPLE.len()),
            homes,
            external_id: maybe(3, 4),
            phone: maybe(3, 3),
            email: maybe(3, 3),
            ssn: maybe(4, 3),
            opt_out: chance.once_in(4).then(|| chance.once_in(2)),
            cohort: chance.once_in(4).then(|| chance.index(2)),
            facility: chance.once_in(4).then(|| chance.index(2)),
            flaw: chance.once_in(8).then(|| chance.pick(&Flaw::ALL)),
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
            // The only letter that is not ASCII is in the last cell.
            (self.in_windows_1252 && !self.ends_early(), "warning: row: read as Windows-1252"),
            (self.is_not_dialable && self.phone.is_some(), "warning: phone: cannot be dialled"),
            (self.has_ssn_for_nothing && self.ssn.is_none(), "warning: ssn: placeholder left out"),
        ];
        let given =
            warnings.into_iter().filter_map(|(is_given, warning)| is_given.then_some(warning));
        given.collect::<Vec<_>>().join("; ")
    }

    /// Returns the row's cells in the order of [`HEADER`]. The last one is a remark that
    /// distinguishes the rows.
    pub fn cells(&self, ids: &Ids, number: usize) -> Vec<String> {
        let way = |ways: u64| self.spelling % ways;
        let (first, last, dob, gender) = PEOPLE[self.person];
        let (year, month, day) = (&dob[..4], &dob[5..7], &dob[8..]);
        let (no_name, no_day) = match self.flaw {
            Some(Flaw::TwoAtOnce) => (true, true),
            flaw => (flaw == Some(Flaw::NoLastName), flaw == Some(Flaw::NoSuchDay)),
        };
        let text = |value: Option<String>| value.unwrap_or_default();
        let mut cells = vec![
            text(self.external_id.map(external_id)),
            match way(3) {
                0 => first.to_uppercase(),
                1 => format!("  {}", first.to_lowercase()),
                _ => first.to_owned(),
            },
            if no_name { " ".to_owned() } else { last.to_owned() },
            match way(4) {
                _ if no_day => "2001-02-30".to_owned(),
                0 => format!("{month}/{day}/{year}"),
                1 => format!("{year}{month}{day}"),
                2 => format!("{dob}T00:00:00Z"),
                _ => dob.to_owned(),
            },
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

pub const HEADER: &str = "externalId,firstName,lastName,dob,gender,addressLine1,city,state,zip,\
addressLine1-2,city-2,state-2,zip-2,phone,email,ssn,hieOptOut,cohort,facilityId,Remark";
