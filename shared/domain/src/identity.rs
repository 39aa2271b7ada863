//! What decides that two rows may speak of the same person: names, date of birth and gender.
//!
//! Names are compared by their letters and digits alone, without regard to case and diacritics:
//! `MARY-ANN`, `Mary,Ann` and `Maryánn` are the same first names. Whether a zip code is shared as
//! well is another question, asked where the patients of an identity are known.

use crate::hidden_debug;
use crate::mutants::{Bug, has};
use crate::patient::{Dob, Gender, Names, Patient, PatientRow, Value};
use crate::text::{Encoding, clean, fold};

/// Parts the fields of an identity. No name holds a control character, so it cannot be confused
/// with one.
const SEPARATOR: u8 = 0;

/// An identity: everything that matching compares, zip codes aside, in one form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(Vec<u8>);

impl Identity {
    /// The identity of a patient with these names, date of birth and gender.
    pub fn of(first: &Names, last: &Names, dob: Dob, gender: Gender) -> Self {
        let names = first.as_str().len() + last.as_str().len();
        let mut identity = Vec::with_capacity(names + ROOM_FOR_THE_REST);
        feed(first, last, dob, gender, &mut |bytes| identity.extend_from_slice(bytes));
        Self(identity)
    }

    /// The identity that a row speaks of.
    pub fn of_row(row: &PatientRow) -> Self {
        Self::of(&row.first_name, &row.last_name, row.dob, row.gender)
    }

    /// The identity of a stored patient.
    pub fn of_patient(patient: &Patient) -> Self {
        let Patient { first_name, last_name, dob, gender_at_birth, .. } = patient;
        Self::of(first_name, last_name, *dob, *gender_at_birth)
    }

    /// Returns the bytes that are the same for all names and dates that match.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Returns whether a text is a name that matching takes for the same as these names.
pub fn is_same_name(text: &str, names: &Names) -> bool {
    let folded = |text: &str| {
        let mut folded = String::new();
        fold(text, &mut folded);
        folded
    };
    folded(text) == folded(names.as_str())
}

/// Two separators, a date and a gender.
const ROOM_FOR_THE_REST: usize = 8;

hidden_debug!(Identity);

/// A short hash of an identity, cheap enough to compute for every row of a file in one pass. Rows
/// with the same [`Identity`] have the same `RowIdentity`. The reverse is as good as certain among
/// the rows of a file, but must not be relied on.
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

    /// The hash for cells of a row as they are in the file; `dob` is clean text. `None` if one of
    /// them is not valid; for cells that are, the same as [`of`](Self::of) for what they are read
    /// to.
    pub(crate) fn of_cells(
        encoding: Encoding,
        first: &[u8],
        last: &[u8],
        dob: &str,
        gender: &[u8],
    ) -> Option<Self> {
        let dob = Dob::from_tidy(dob).ok()?;
        let gender = Gender::from_tidy(&clean(&encoding.decode(gender).ok()?).ok()?).ok()?;
        let mut hash = Fnv::new();
        feed_cell(encoding, first, &mut hash)?;
        feed_cell(encoding, last, &mut hash)?;
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
    let mut folded = String::with_capacity(first.as_str().len().max(last.as_str().len()));
    for names in [first, last] {
        folded.clear();
        fold(names.as_str(), &mut folded);
        hash(folded.as_bytes());
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

/// Gives the folded names in a cell to the hash. ASCII, which is nearly every cell, needs no
/// memory.
fn feed_cell(encoding: Encoding, cell: &[u8], hash: &mut Fnv) -> Option<()> {
    let mut any = false;
    // Character references have letters that are not the name's.
    if cell.is_ascii() && memchr::memchr(b'&', cell).is_none() {
        let is_kept =
            |byte: &&u8| byte.is_ascii_alphanumeric() || has(Bug::ScanComparesPunctuation);
        for byte in cell.iter().filter(is_kept) {
            any = true;
            hash.byte(byte.to_ascii_lowercase());
        }
    } else {
        let text = encoding.decode(cell).ok()?;
        let mut folded = String::with_capacity(text.len());
        fold(&clean(&text).ok()?, &mut folded);
        any = !folded.is_empty();
        hash.update(folded.as_bytes());
    }
    hash.byte(SEPARATOR);
    any.then_some(())
}

/// The 64-bit FNV-1a hash: for keys as short as these as fast as any, and the same on every
/// machine.
pub(crate) struct Fnv(u64);

impl Fnv {
    pub(crate) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.byte(byte);
        }
    }

    pub(crate) fn get(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests;
