//! What decides that two rows may speak of the same person: names, date of birth and gender.
//!
//! Names are compared without regard to case, spaces, commas and the ways in which Unicode can write
//! the same letter: `MARY ANN`, `Mary,Ann` and `Maryann` are the same first names. Whether a zip code
//! is shared as well is another question, asked where the patients of an identity are known.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::ids::CustomerId;
use crate::patient::{Dob, Gender, Names, PatientRow, Value};
use crate::text;

/// Parts the fields of an identity. No name holds a control character, so it cannot be confused with
/// one.
const SEPARATOR: u8 = 0;

/// The identity of a patient of one customer: a SHA-256 over everything that matching compares, zip
/// codes aside. It can be a part of a key without giving anything away about the patient.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity([u8; 32]);

impl Identity {
    /// The identity of a customer's patient with these names, date of birth and gender.
    pub fn of(customer: CustomerId, first: &Names, last: &Names, dob: Dob, gender: Gender) -> Self {
        let mut hash = Sha256::new_with_prefix(customer.as_uuid().as_bytes());
        feed(first, last, dob, gender, &mut |bytes| hash.update(bytes));
        Self(hash.finalize().into())
    }

    /// The identity that a row speaks of.
    pub fn of_row(customer: CustomerId, row: &PatientRow) -> Self {
        Self::of(customer, &row.first_name, &row.last_name, row.dob, row.gender)
    }

    /// The hash itself.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Identity {
    /// 64 lower-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({self})")
    }
}

/// A short hash of an identity, cheap enough to compute for every row of a file in one pass. Rows with
/// the same [`Identity`] have the same `RowIdentity`. The reverse is as good as certain among the rows
/// of a file, but must not be relied on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RowIdentity(u64);

impl RowIdentity {
    /// A hash that was computed earlier, from its number.
    pub const fn new(hash: u64) -> Self {
        Self(hash)
    }

    /// The hash for these names, date of birth and gender.
    pub fn of(first: &Names, last: &Names, dob: Dob, gender: Gender) -> Self {
        let mut hash = Fnv::new();
        feed(first, last, dob, gender, &mut |bytes| hash.update(bytes));
        Self(hash.0)
    }

    /// The hash for a parsed row.
    pub fn of_row(row: &PatientRow) -> Self {
        Self::of(&row.first_name, &row.last_name, row.dob, row.gender)
    }

    /// The hash for the cells of a row as they are in the file. `None` if one of them is not valid;
    /// for cells that are, the same as [`of`](Self::of) for what they are read to.
    pub fn of_cells(first: &[u8], last: &[u8], dob: &[u8], gender: &[u8]) -> Option<Self> {
        let dob: Dob = read(dob)?;
        let gender: Gender = read(gender)?;
        let mut hash = Fnv::new();
        feed_cell(first, &mut hash)?;
        feed_cell(last, &mut hash)?;
        feed_rest(dob, gender, &mut |bytes| hash.update(bytes));
        Some(Self(hash.0))
    }

    /// The hash as a number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Gives all that makes an identity to a hash.
fn feed(first: &Names, last: &Names, dob: Dob, gender: Gender, hash: &mut impl FnMut(&[u8])) {
    for names in [first, last] {
        hash(fold(names).as_bytes());
        hash(&[SEPARATOR]);
    }
    feed_rest(dob, gender, hash);
}

fn feed_rest(dob: Dob, gender: Gender, hash: &mut impl FnMut(&[u8])) {
    let date = dob.date();
    let [y1, y2] = date.year().to_be_bytes();
    hash(&[y1, y2, date.month().unsigned_abs(), date.day().unsigned_abs()]);
    hash(gender.as_str().as_bytes());
}

/// Names without what does not tell them apart. Going to lower case by way of upper case folds letters
/// that have two lower-case forms (`ς`, `σ`) or more than one letter in upper case (`ß`, `ss`).
fn fold(names: &Names) -> String {
    let mut folded = String::with_capacity(names.as_str().len());
    for name in names.iter() {
        if name.is_ascii() {
            folded.extend(name.chars().map(|c| c.to_ascii_lowercase()));
        } else {
            let lower = name.chars().flat_map(char::to_lowercase);
            folded.extend(lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase));
        }
    }
    if folded.is_ascii() { folded } else { text::nfc(folded) }
}

fn read<T: Value>(cell: &[u8]) -> Option<T> {
    T::read(text::decode(cell).ok()?).ok().flatten()
}

/// Gives the folded names in a cell to the hash. ASCII, which is nearly every cell, needs no memory.
fn feed_cell(cell: &[u8], hash: &mut Fnv) -> Option<()> {
    if cell.is_ascii() {
        let mut any = false;
        for name in cell.split(|b| b.is_ascii_whitespace() || matches!(b, b',' | 0x0b)) {
            // The rule that punctuation alone is no name.
            if name.iter().any(u8::is_ascii_alphanumeric) {
                any = true;
                for b in name {
                    hash.byte(b.to_ascii_lowercase());
                }
            }
        }
        if !any {
            return None;
        }
    } else {
        hash.update(fold(&read(cell)?).as_bytes());
    }
    hash.byte(SEPARATOR);
    Some(())
}

/// The 64-bit FNV-1a hash: for keys as short as these as fast as any, and the same on every machine.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }

    fn update(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.byte(byte);
        }
    }
}

#[cfg(test)]
mod tests;
