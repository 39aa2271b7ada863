//! Files of invented patients, of any size.

use std::fmt::Write as _;

const FIRST: [&str; 12] = [
    "Maria",
    "James",
    "Wei",
    "Fatima",
    "John",
    "Anna-Lena",
    "José",
    "Olga",
    "Kwame",
    "Priya",
    "Liam",
    "Noor",
];
const LAST: [&str; 12] = [
    "Smith", "Garcia", "Nguyen", "Okafor", "Müller", "O'Brien", "Patel", "Kim", "Rossi", "Haddad",
    "Lopez", "Chen",
];
const PLACES: [(&str, &str, &str); 6] = [
    ("Chicago", "IL", "60601"),
    ("New York", "NY", "10001"),
    ("San Francisco", "CA", "94110"),
    ("Cambridge", "MA", "02139"),
    ("Austin", "TX", "78701"),
    ("Seattle", "WA", "98101"),
];

/// Returns a file of 13 columns and this many rows, of which `duplicates_percent`, 33 at most, are
/// duplicates of an earlier row: the same identity and zip code, another phone number. No person
/// has more than two rows.
pub fn file(rows: u32, duplicates_percent: u32) -> String {
    let mut file = String::with_capacity(rows as usize * 130);
    file.push_str(
        "externalId,firstName,lastName,dob,gender,addressLine1,city,state,zip,phone,email,ssn,hieOptOut\n",
    );
    for row in 0..rows {
        // The duplicate rows are spread over the file: the last rows of each hundred repeat people
        // of a hundred half as far from the beginning, which two hundreds share.
        let (hundred, place, first_duplicate) = (row / 100, row % 100, 100 - duplicates_percent);
        let person = match place.checked_sub(first_duplicate) {
            Some(duplicate) => hundred / 2 * 100 + hundred % 2 * duplicates_percent + duplicate,
            None => row,
        };
        let (first, last) = (FIRST[person as usize % 12], LAST[person as usize / 12 % 12]);
        let (city, state, zip) = PLACES[person as usize % 6];
        // Dates distinguish the people: 28 days of 12 months of 100 years, and after that a letter
        // in the name.
        let day = person / 144;
        let (year, month, day, letter) = (
            1920 + day / 336 % 100,
            1 + day / 28 % 12,
            1 + day % 28,
            char::from(b'a' + (day / 33_600) as u8 % 26),
        );
        writeln!(
            file,
            "MRN-{person},{first},{last}{letter},{year}-{month:02}-{day:02},{},{} Main Street,{city},{state},{zip},\
             312555{:04},{}@example.org,{:03}{:02}{:04},",
            if person % 2 == 0 { "F" } else { "M" },
            1 + person % 900,
            row % 10_000,
            person,
            1 + person % 600,
            1 + person / 600 % 99,
            1 + person / 59_400 % 9_999,
        )
        .expect("a string takes text");
    }
    file
}
